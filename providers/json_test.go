package providers

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestNumber(t *testing.T) {
	for in, want := range map[string]string{
		`3.50`: "3.5", `"8.12000000"`: "8.12", `-1`: "-1", `24.5`: "24.5", `0.1000000000000000055`: "0.1000000000000000055",
		`null`: "", `""`: "", `"NaN"`: "", `true`: "", `[1]`: "", `{}`: "", `"8,12"`: "", `1e3`: "", `1e999999999`: "",
		`"Infinity"`: "", `99999999999999999999`: "", `" 5"`: "",
	} {
		var n Number
		if err := json.Unmarshal([]byte(in), &n); err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		d, told := n.Decimal()
		if told != (want != "") || told && d.String() != want {
			t.Errorf("%s: %s, %v; want %q", in, d, told, want)
		}
	}
}

func TestNumberInt(t *testing.T) {
	for in, want := range map[string]int64{`2147483648`: 2147483648, `"0.00"`: 0, `30.00`: 30, `9223372036854775807`: 9223372036854775807} {
		var n Number
		_ = n.UnmarshalJSON([]byte(in))
		if got, ok := n.Int(); !ok || got != want {
			t.Errorf("%s: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{`1.5`, `9223372036854775808`, `null`} {
		var n Number
		_ = n.UnmarshalJSON([]byte(in))
		if got, ok := n.Int(); ok {
			t.Errorf("%s: taken as %d", in, got)
		}
	}
}

func TestTextFlagMessages(t *testing.T) {
	for in, want := range map[string]Text{`"a"`: "a", `12`: "12", `null`: "", `true`: "", `{}`: "", `["a"]`: "", `-3.5`: "-3.5"} {
		var got Text
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("Text %s: %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]Flag{
		`true`: {Yes: true}, `"true"`: {Yes: true}, `1`: {Yes: true}, `false`: {No: true}, `"False"`: {No: true}, `0`: {No: true},
		`null`: {}, `"maybe"`: {}, `[]`: {},
	} {
		var got Flag
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("Flag %s: %+v, %v", in, got, err)
		}
	}
	for in, want := range map[string]Messages{
		`["Countries List"]`: "Countries List", `["a","b"]`: "a; b", `{"error":["x"],"success":["y"]}`: "x; y",
		`{"error":"x"}`: "x", `"plain"`: "plain", `null`: "", `[1,null]`: "1", `{"a":{"b":[]}}`: "", `[]`: "",
	} {
		var got Messages
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("Messages %s: %q, %v", in, got, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for in, want := range map[Text]time.Time{
		"2024-12-31":               at("2024-12-31T23:59:59Z"),
		"2026-03-30T07:37:12+0000": at("2026-03-30T07:37:12Z"),
		"2026-03-30T07:37:12Z":     at("2026-03-30T07:37:12Z"),
		"2026-03-30T09:37:12+0200": at("2026-03-30T07:37:12Z"),
		"2026-03-30 07:37:12":      at("2026-03-30T07:37:12Z"),
		"":                         {},
		"soon":                     {},
		"0001-01-01":               {},
		"9999-12-31":               {},
	} {
		if got := ParseTime(in); !got.Equal(want) {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestCleanAndNames(t *testing.T) {
	if got := Clean("  a\tb\u202e\x00 c\n", 10); got != "a b c" {
		t.Errorf("Clean: %q", got)
	}
	if got := Clean(strings.Repeat("é", 1000), 300); utf8.RuneCountInString(got) != 300 {
		t.Errorf("Clean cut at %d runes", utf8.RuneCountInString(got))
	}
	if diff := cmp.Diff([]string{"KDDI/au", "LG U+"}, Names("KDDI/au, LG U+,, KDDI/au ", ",")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"3G", "4G"}, Names("3G/4G", "/,")); diff != "" {
		t.Error(diff)
	}
	if n := len(Names(Text(strings.Repeat("abc,", 9)+"d"), ",")); n != 2 {
		t.Errorf("%d names, want 2", n)
	}
}

func TestUnmarshalQuotesNothing(t *testing.T) {
	var into struct{ List []int }
	for _, body := range []string{`{"List":"89852001234567890123"}`, `{"List":[1],}`, `{}}`, `LPA:1$a.b$C`, ``} {
		err := Unmarshal([]byte(body), &into)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
		if strings.Contains(err.Error(), "8985") || strings.Contains(err.Error(), "LPA") {
			t.Errorf("%s: quoted by %v", body, err)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{`1`, `"8.10"`, `null`, `["a"]`, `{"error":["x"]}`, `"2024-12-31"`, `1e9`, `"89852001234567890123"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v struct {
			N Number
			T Text
			F Flag
			M Messages
		}
		for _, name := range []string{"N", "T", "F", "M"} {
			body := append(append([]byte(`{"`+name+`":`), b...), '}')
			if json.Valid(body) {
				if err := Unmarshal(body, &v); err != nil && !errors.Is(err, ErrMalformed) {
					t.Fatalf("%s: %v", body, err)
				}
			}
		}
		if d, ok := Price(v.N); ok && (!d.IsPositive() || len(d.String()) > 40) {
			t.Fatalf("price %s", d)
		}
		if len([]rune(v.T.Clean(20))) > 20 {
			t.Fatal("not cut")
		}
		if id := ICCID(v.T); id != "" && (len(id) < 18 || len(id) > 20) {
			t.Fatal("not an ICCID")
		}
		_ = ParseTime(v.T)
		_ = Names(v.T, ",/")
		if v.F.Yes && v.F.No {
			t.Fatal("yes and no")
		}
	})
}
