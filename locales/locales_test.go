package locales

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"golang.org/x/text/feature/plural"

	"esimbot/esim"
)

func load(t testing.TB) *Bundle {
	t.Helper()
	b, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// update is a test flag: go test ./locales -update writes the golden files anew.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	os.Exit(m.Run())
}

func TestNothingIsMissing(t *testing.T) {
	for _, missing := range load(t).Missing() {
		t.Error(missing)
	}
}

// TestForms holds the forms that a language must have against those that numbers ask for, far
// beyond the numbers that forms looks at.
func TestForms(t *testing.T) {
	b := load(t)
	for _, lang := range b.Languages() {
		l := b.For(lang)
		asked := map[plural.Form]bool{plural.Other: true}
		for n := range 20_000 {
			for _, m := range []int{n, -n, n * 1000, n * million, n*million + 1} {
				asked[l.form(m)] = true
			}
		}
		if got, want := l.forms(), slices.Sorted(maps.Keys(asked)); !slices.Equal(got, want) {
			t.Errorf("%s: demands the forms %v, numbers ask for %v", lang, got, want)
		}
	}
}

func TestMissingFindsEveryKind(t *testing.T) {
	b := load(t)
	parsed := func(lang, text string) {
		messages, err := parse(lang, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		b.For(lang).messages = messages
	}
	for _, lang := range b.Languages() {
		parsed(lang, `a = "A"`)
	}
	parsed("en", `
a = "<b>{{.Name}}</b> has {{.Data}}"
b.one = "{{.Count}} day of {{.Trip}}"
b.other = "{{.Count}} days of {{.Trip}}"
c = "C"
format_x = "{{.Symbol}}"
country_TR = "Türkiye"`)
	parsed("ru", `
a = "{{.Name}} {{.Daten}}"
b.one = "{{.Count}} день {{.Trip}}"
b.few = "{{.Count}} дня"
b.other = "{{.Count}} дня {{.Trip}}"
d = "D"
format_x = "{{.Amount}}"`)
	b.For("ru").T("nowhere")
	var got []string
	for _, m := range b.Missing() {
		if strings.HasPrefix(m, "ru:") || strings.HasPrefix(m, "en:") {
			got = append(got, m)
		}
	}
	want := []string{
		"en: nowhere",
		"ru: a (other): {{.Data}}",
		"ru: a (other): {{.Daten}} is not in en",
		"ru: a (other): other tags than en",
		"ru: b (many)",
		"ru: b (few): {{.Trip}}",
		"ru: c",
		"ru: d is not in en",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"logic":       `a = "{{if .X}}yes{{end}}"`,
		"a pipe":      `a = "{{.X | html}}"`,
		"small":       `a = "{{.x}}"`,
		"open":        `a = "{{.X"`,
		"closed":      `a = ".X}}"`,
		"nothing":     `a = ""`,
		"no TOML":     `a = `,
		"a form only": `a.one = "one"`,
	} {
		if _, err := parse("en", []byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMessages(t *testing.T) {
	b := load(t)
	messages, err := parse("en", []byte(`
plain = "Hello, {{.Name}}"
tags = "<b>{{ .Name }}</b> pays {{.Price}} for {{.N}}"
n.one = "{{.Count}} eSIM of {{.Name}}"
n.other = "{{.Count}} eSIMs of {{.Name}}"
only = "only in English"`))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(b.For("en").messages, messages)
	en, ar := b.For("en"), b.For("ar")
	for _, c := range []struct{ got, want string }{
		{en.T("plain", Args{"Name": "<Ann & Bob>"}), "Hello, <Ann & Bob>"},
		{en.H("plain", Args{"Name": `<Ann & "Bob">`}), "Hello, &lt;Ann &amp; &quot;Bob&quot;&gt;"},
		{en.H("plain", Args{"Name": HTML("<i>Ann</i>")}), "Hello, <i>Ann</i>"},
		{en.T("plain"), "Hello, …"},
		{en.T("plain", Args{"Name": "Ann"}, Args{"Name": "Bob"}), "Hello, Bob"},
		{en.H("plain", Args{"Name": fmt.Errorf("<x>")}), "Hello, &lt;x&gt;"},
		{en.H("tags", Args{"Name": "A", "Price": esim.Money{Minor: 455, Currency: "USD"}, "N": 12345}), "<b>A</b> pays $4.55 for 12,345"},
		{en.N("n", 1, Args{"Name": "A"}), "1 eSIM of A"},
		{en.N("n", 0, Args{"Name": "A"}), "0 eSIMs of A"},
		{en.HN("n", 1200, Args{"Name": "<A>"}), "1,200 eSIMs of &lt;A&gt;"},
		{en.N("only", 3), "only in English"},
		{ar.T("only"), "only in English"},
		{ar.N("n", 1, Args{"Name": "A"}), "1 eSIM of A"},
		{ar.T("nowhere"), "nowhere"},
		{ar.N("nowhere", 2), "nowhere"},
		{b.For("tlh").Lang(), "en"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestMatch(t *testing.T) {
	b := load(t)
	for client, want := range map[string]string{
		"en": "en", "ru": "ru", "ar-EG": "ar", "de_CH": "de", "ES-419": "es", "fr\n": "fr",
		"pt-br": "en", "fa": "en", "": "en", "-": "en", "enormous": "en", "zh-hans": "en",
	} {
		if got := b.Match(client); got != want {
			t.Errorf("Match(%q) = %s, want %s", client, got, want)
		}
	}
	if want := []string{"en", "es", "fr", "de", "ru", "ar"}; !slices.Equal(b.Languages(), want) {
		t.Errorf("languages %v", b.Languages())
	}
	if got := b.Name("de"); got != "Deutsch" {
		t.Errorf("German is %q", got)
	}
}

// golden holds text against testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if updating() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// visible shows the characters of a text that can't be seen.
func visible(s string) string {
	return strings.NewReplacer("\u00A0", "⍽", "\u202F", "⎵", "\u2068", "⟦", "\u2069", "⟧", "\u200F", "⇐").Replace(s)
}

func TestFormats(t *testing.T) {
	b := load(t)
	at := time.Date(2026, 3, 5, 7, 4, 0, 0, time.FixedZone("", -5*3600))
	money := func(minor int64, c esim.Currency) esim.Money { return esim.Money{Minor: minor, Currency: c} }
	for _, lang := range b.Languages() {
		l := b.For(lang)
		var out strings.Builder
		line := func(what string, values ...string) {
			fmt.Fprintf(&out, "%s: %s\n", what, visible(strings.Join(values, " | ")))
		}
		line("money", l.Money(money(455, "USD")), l.Money(money(5, "EUR")), l.Money(money(-1234567, "GBP")), l.Money(money(12345, "JPY")),
			l.Money(money(62900, "ISK")), l.Money(money(1400, "KWD")), l.Money(money(10000, "CHF")))
		line("numbers", l.Number(0), l.Number(999), l.Number(1234), l.Number(-12345), l.Number(1234567), l.Decimal(decimal.RequireFromString("1234.5")))
		line("data", l.Data(esim.GB), l.Data(esim.GB*3/2), l.Data(500*esim.MB), l.Data(esim.GB/2), l.Data(esim.GB*187/100), l.Data(esim.GB*5/4),
			l.Data(2000*esim.GB), l.Data(esim.GB-1), l.Data(esim.MB), l.Data(esim.MB-1), l.Data(700), l.Data(0), l.Data(-1))
		var days, hours, minutes []string
		for _, n := range []int{0, 1, 2, 3, 5, 7, 11, 21, 22, 30, 100, 101, 365} {
			days, hours, minutes = append(days, l.Days(n)), append(hours, l.Hours(n)), append(minutes, l.Minutes(n))
		}
		line("days", days...)
		line("hours", hours...)
		line("minutes", minutes...)
		var months []string
		for month := range 12 {
			months = append(months, l.Date(at.AddDate(0, month, 0)))
		}
		line("dates", months...)
		line("clock", l.Time(at), l.DateTime(at))
		line("speed", l.Kbps(128), l.Kbps(512), l.Kbps(1000), l.Kbps(1024), l.Kbps(1500), l.Kbps(384))
		fixed := esim.Plan{Kind: esim.Fixed, Bytes: esim.GB, Days: 7, Retail: money(455, "USD")}
		daily := esim.Plan{Kind: esim.Daily, DailyBytes: 500 * esim.MB, Days: 1, Retail: money(1056, "EUR")}
		endless := esim.Plan{Kind: esim.Unlimited, Days: 30, Retail: money(189000, "JPY")}
		fair := endless
		fair.FairUse = "fair"
		line("plans", l.PlanTitle(fixed), l.PlanTitle(daily), l.PlanTitle(endless), l.PlanTitle(fair))
		region := func(code, name string) string {
			return l.Flagged(esim.Destination{Kind: esim.Region, Code: code, Name: name})
		}
		line("places", l.Flagged(esim.Destination{Kind: esim.Country, Code: "JP"}), region("europe-30", "Europe"), region("europe", ""),
			region("ca-us", "USA & Canada"), region("set-abcd2345", "Latin America"), region("set-abcd2345", "Alps 5"), region("xy-9", ""),
			l.Flagged(esim.Destination{Kind: esim.Global, Code: "global"}))
		golden(t, lang+".formats.txt", out.String())
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return unicode.IsDigit(r) && r > '9' }); i >= 0 {
			t.Errorf("%s: digits other than 0-9", lang)
		}
	}
}

func TestPlaces(t *testing.T) {
	b := load(t)
	if got := len(Countries()); got != 250 || !slices.IsSorted(Countries()) {
		t.Errorf("%d countries", got)
	}
	for _, lang := range b.Languages() {
		l := b.For(lang)
		var out strings.Builder
		names := map[string]string{}
		for _, code := range l.Collate(Countries()) {
			name := l.Country(code)
			if name == "" || name == code || names[name] != "" {
				t.Errorf("%s: %s is called %q, as %q is", lang, code, name, names[name])
			}
			names[name] = code
			fmt.Fprintf(&out, "%s %s %s\n", l.Letter(code), code, name)
		}
		golden(t, lang+".countries.txt", out.String())
		// Filed under one letter means standing together.
		var runs []string
		for _, code := range l.Collate(Countries()) {
			if letter := l.Letter(code); len(runs) == 0 || runs[len(runs)-1] != letter {
				runs = append(runs, letter)
			}
		}
		if got := l.Letters(Countries()); !slices.Equal(got, runs) {
			t.Errorf("%s: letters %v, in the list %v", lang, got, runs)
		}
	}
	en := b.For("en")
	if got := en.Country("QQ"); got != "QQ" {
		t.Errorf("QQ is %q", got)
	}
	if got := en.Letters([]string{"JP", "AX", "QQ", "AT"}); !slices.Equal(got, []string{"A", "J"}) {
		t.Errorf("letters %v", got)
	}
}

func TestIsolate(t *testing.T) {
	b := load(t)
	if got := b.For("ar").Isolate("x"); got != "\u2068x\u2069" || !b.For("ar").RTL() {
		t.Errorf("Arabic: %q", got)
	}
	if got := b.For("de").Isolate("x"); got != "x" || b.For("de").RTL() {
		t.Errorf("German: %q", got)
	}
	if ar, de := b.For("ar").Begin("x"), b.For("de").Begin("x"); ar != "\u200Fx" || de != "x" {
		t.Errorf("a line begins %q and %q", ar, de)
	}
}

func BenchmarkMessage(b *testing.B) {
	l := load(b).For("ru")
	args := Args{"Name": "Ann"}
	b.ReportAllocs()
	for b.Loop() {
		l.HN("days", 5, args)
	}
}

func BenchmarkPlanTitle(b *testing.B) {
	l := load(b).For("ar")
	p := esim.Plan{Kind: esim.Fixed, Bytes: esim.GB, Days: 7, Retail: esim.Money{Minor: 455, Currency: "USD"}}
	b.ReportAllocs()
	for b.Loop() {
		l.PlanTitle(p)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b)
	}
}
