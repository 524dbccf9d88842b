package esim

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseICCID(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want ICCID
		err  error
	}{
		{"8944500000000000000", "", ErrICCIDLuhn},
		{"8948010010002120847", "", nil},
		{"8910300000056693431", "", ErrICCIDLuhn},
		{"89 4801 0010 0021 2084 7", "8948010010002120847", nil},
		{"8948-0100-1000-2120-847", "8948010010002120847", nil},
		{"\u202a8948010010002120847\u202c", "8948010010002120847", nil},
		{"٨٩٤٨٠١٠٠١٠٠٠٢١٢٠٨٤٧", "8948010010002120847", nil},
		{"８９４８０１００１０００２１２０８４７", "8948010010002120847", nil},
		{"894801001000212084", "", ErrICCIDLuhn},
		{"89480100100021208", "", ErrICCIDLength},
		{"894801001000212084712", "", ErrICCIDLength},
		{"", "", ErrICCIDLength},
		{"7948010010002120847", "", ErrICCIDPrefix},
		{"8948010010002120848", "", ErrICCIDLuhn},
		{"894801001000212084F", "", ErrICCIDDigits},
		{"8948010010002120847F", "8948010010002120847", nil},
		{"ICCID: 8948 0100 1000 2120 847f\n", "8948010010002120847", nil},
		{" iccid 8948-0100-1000-2120-847", "8948010010002120847", nil},
		{"8948010010002120847FF", "", ErrICCIDDigits},
		{"F8948010010002120847", "", ErrICCIDDigits},
		{"89480100100021208470F", "", ErrICCIDDigits},
		{"ICCID", "", ErrICCIDLength},
		{"8948010010002120847'; --", "", ErrICCIDDigits},
	} {
		got, err := ParseICCID(tc.in)
		if tc.err != nil {
			if !errors.Is(err, tc.err) || got != "" {
				t.Errorf("%q: %v, want %v", tc.in, err, tc.err)
			}
			continue
		}
		want := tc.want
		if want == "" {
			want = ICCID(tc.in)
		}
		if err != nil || got != want {
			t.Errorf("%q: %q, %v", tc.in, got.Digits(), err)
		}
	}
}

func TestLooksLikeICCID(t *testing.T) {
	for in, want := range map[string]bool{
		"8948010010002120847": true, "8948010010002120848": true, "1234567890 1234567890": true,
		"12345678901234567": false, "Japan": false, "": false, "894801001000212084F": false,
	} {
		if got := LooksLikeICCID(in); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestICCIDHidesItself(t *testing.T) {
	const digits = "8948010010002120847"
	id, err := ParseICCID(digits)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("look", "iccid", id)
	for _, text := range []string{id.String(), fmt.Sprintf("%v %s %q", id, id, id), fmt.Sprintf("%#v", Profile{ICCID: id}), log.String()} {
		if strings.Contains(text, digits) || !strings.Contains(text, "0847") {
			t.Errorf("%s", text)
		}
	}
	if got := ICCID("12").String(); got != "**" {
		t.Errorf("%q", got)
	}
}

// A check digit finds every single wrong digit.
func TestLuhnFindsATypo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := "89" + rapid.StringMatching(`[0-9]{15,17}`).Draw(t, "body")
		var id string
		for d := byte('0'); d <= '9'; d++ {
			if _, err := ParseICCID(body + string(d)); err == nil {
				id = body + string(d)
			}
		}
		if id == "" {
			t.Fatalf("no check digit fits %s", body)
		}
		at := rapid.IntRange(2, len(id)-1).Draw(t, "at")
		typo := rapid.SampledFrom([]byte("0123456789")).Filter(func(b byte) bool { return b != id[at] }).Draw(t, "typo")
		wrong := id[:at] + string(typo) + id[at+1:]
		if _, err := ParseICCID(wrong); !errors.Is(err, ErrICCIDLuhn) {
			t.Fatalf("%s for %s: %v", wrong, id, err)
		}
	})
}

func FuzzParseICCID(f *testing.F) {
	f.Add("8948010010002120847")
	f.Add("89 4801-0010")
	f.Add("٨٩")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseICCID(s)
		if err != nil {
			return
		}
		if again, err := ParseICCID(id.Digits()); err != nil || again != id || !LooksLikeICCID(s) {
			t.Fatalf("%q became %q, then %q, %v", s, id.Digits(), again.Digits(), err)
		}
	})
}
