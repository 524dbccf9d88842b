package esim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

func TestParseActivationCode(t *testing.T) {
	for in, want := range map[string]string{
		"LPA:1$smdp.example$K2-1A2B3C":                                       "LPA:1$smdp.example$K2-1A2B3C",
		"lpa:1$smdp.example$K2":                                              "LPA:1$smdp.example$K2",
		"LPA:1$ais.prod.ondemandconnectivity.com$SEW7JEBMFGPRVSPD":           "LPA:1$ais.prod.ondemandconnectivity.com$SEW7JEBMFGPRVSPD",
		"LPA:1$smdp.example$K2$1.3.6.1.4.1.31746$1":                          "LPA:1$smdp.example$K2$1.3.6.1.4.1.31746$1",
		"LPA:1$smdp.example$K2$$1":                                           "LPA:1$smdp.example$K2$$1",
		"LPA:1$smdp.example$K2$$$665A1433D67C1A2C5DB8B52C967F10A057BA5CB2$1": "LPA:1$smdp.example$K2$$$665A1433D67C1A2C5DB8B52C967F10A057BA5CB2$1",
	} {
		if c, err := ParseActivationCode(in); err != nil || c.Reveal() != want || c.IsZero() {
			t.Errorf("%q: %q, %v", in, c.Reveal(), err)
		}
	}
	for _, in := range []string{
		"", "ABCD1234", "LPA:", "LPA:1$smdp.example", "LPA:2$smdp.example$K2", "LPA:1$localhost$K2", "LPA:1$$K2", "LPA:1$smdp.example$",
		"LPA:1$smdp.example$K2$a$b$c$d$e$f", "LPA:1$smdp.example$K2$a b", "LPA:1$smdp.example$K 2", "LPA:1$smdp.example$K2-1A&2B", "LPA:1$smdp..example$K2", "LPA:1$-a.example$K2", "LPA:1$smdp.example/x$K2",
		"LPA:1$smdp.example$<b>", "LPA:1$smdp.example$K2$\x00", "https://x?LPA:1$smdp.example$K2", "LPA:1$smdp.example:443$K2",
		"LPA:1$smdp.example$" + strings.Repeat("A", 129), "LPA:1$" + strings.Repeat("a.", 300) + "b$K2", "1$smdp.example$K2",
	} {
		c, err := ParseActivationCode(in)
		if !errors.Is(err, ErrActivationCode) || !c.IsZero() {
			t.Errorf("%q: %v", in, err)
		}
		if len(in) > 8 && strings.Contains(err.Error(), in) {
			t.Errorf("%q stands in its error", in)
		}
	}
}

func TestActivationCodeParts(t *testing.T) {
	c, err := ParseActivationCode(" LPA:1$smdp.example$K2-1A2B \n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Address() != "smdp.example" || c.MatchingID() != "K2-1A2B" {
		t.Errorf("%q %q", c.Address(), c.MatchingID())
	}
	if zero := (ActivationCode{}); zero.Address() != "" || zero.MatchingID() != "" {
		t.Error("a zero code has parts")
	}
	for _, link := range []string{c.AppleInstallURL(), c.AndroidInstallURL()} {
		u, err := url.Parse(link)
		if err != nil || u.Scheme != "https" || u.Query().Get("carddata") != c.Reveal() {
			t.Errorf("%s: %v", link, err)
		}
	}
}

func TestActivationCodeHidesItself(t *testing.T) {
	c, err := ParseActivationCode("LPA:1$smdp.example$K2-SECRET")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("bought", "code", c)
	p := Profile{Code: c}
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c), fmt.Sprintf("%v %+v %#v", p, p, p)} {
		if strings.Contains(text, "SECRET") {
			t.Errorf("%s", text)
		}
	}
	if b, err := json.Marshal(p); err == nil {
		t.Errorf("stored in the clear: %s", b)
	}
}

func FuzzParseActivationCode(f *testing.F) {
	f.Add("LPA:1$smdp.example$K2-1A2B3C")
	f.Add("lpa:1$a.b$c$d$e")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseActivationCode(s)
		if err != nil {
			return
		}
		if again, err := ParseActivationCode(c.Reveal()); err != nil || again != c || !strings.HasPrefix(c.Reveal(), "LPA:1$") {
			t.Fatalf("%q became %q, then %v", s, c.Reveal(), err)
		}
		if strings.ContainsAny(c.Reveal(), " <>&\"'\n\x00") {
			t.Fatalf("%q has what no code has", c.Reveal())
		}
	})
}
