// Package locales is how the shop speaks: one TOML file a language, embedded; the Localizer that
// writes messages, the names of places, and money, data, lengths of time and dates the local way.
//
// Messages are go-i18n's, with plural forms as tables. In a message {{.Name}} stands for an
// argument, and nothing else may stand in braces: what depends on a condition is a message of its
// own. Digits are 0-9 in every language.
package locales

import (
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// Args are the arguments of a message by their names in it. Strings stand as they are (escaped in
// HTML), whole numbers are grouped, esim.Money is written the local way.
type Args map[string]any

// HTML is text that is Telegram HTML already.
type HTML string

// A Bundle holds every language. It is immutable and safe for concurrent use.
type Bundle struct{}

// A Localizer writes in one language. It is immutable and safe for concurrent use.
type Localizer struct{ lang string }

// Load parses every language and checks each message.
func Load() (*Bundle, error) { return &Bundle{}, nil }

// For returns the Localizer of lang; of English where lang is not one of ours.
func (b *Bundle) For(lang string) *Localizer { return &Localizer{lang: lang} }

// Languages returns the codes of the languages, English first.
func (b *Bundle) Languages() []string { return []string{"en", "es", "fr", "de", "ru", "ar"} }

// Match returns the language for the language code of a Telegram client ("pt-br", "ar-EG"); "en"
// where there is none.
func (b *Bundle) Match(client string) string { return "en" }

// Name returns a language's own name: "Deutsch".
func (b *Bundle) Name(lang string) string { return lang }

// Missing lists what languages lack: keys, plural forms, arguments; "ru: plan_days (few)".
func (b *Bundle) Missing() []string { return nil }

// Countries returns the ISO 3166-1 alpha-2 codes of all countries known, sorted, with XK (Kosovo).
func Countries() []string { return nil }

// Escape makes s safe in Telegram's HTML.
func Escape(s string) string { return s }

// T returns a message as plain text, for buttons and toasts.
func (l *Localizer) T(key string, args ...Args) string { return key }

// H returns a message as Telegram HTML: string arguments are escaped, HTML ones stand as they are.
func (l *Localizer) H(key string, args ...Args) string { return key }

// N returns the plural form of a message for n as plain text; {{.Count}} is n.
func (l *Localizer) N(key string, n int, args ...Args) string { return key }

// HN is N as Telegram HTML.
func (l *Localizer) HN(key string, n int, args ...Args) string { return key }

// Lang returns the language's code.
func (l *Localizer) Lang() string { return l.lang }

// RTL says whether the language reads right to left.
func (l *Localizer) RTL() bool { return l.lang == "ar" }

// Isolate wraps s in U+2068…U+2069 in languages that read right to left: for prices, sizes and
// codes inside text; never for what is copied or sent back to us.
func (l *Localizer) Isolate(s string) string { return s }

// Country returns the name of a country by its ISO code.
func (l *Localizer) Country(iso string) string { return iso }

// Destination returns the name of a destination.
func (l *Localizer) Destination(d esim.Destination) string { return d.Code }

// Flagged returns flag and name: "🇯🇵 Japan".
func (l *Localizer) Flagged(d esim.Destination) string { return d.Flag() + " " + l.Destination(d) }

// Money writes an amount: "$4.55", "4,55 €".
func (l *Localizer) Money(m esim.Money) string { return m.String() }

// Number writes a whole number with the thousands grouped.
func (l *Localizer) Number(n int64) string { return decimal.NewFromInt(n).String() }

// Decimal writes a number with the decimals that it has.
func (l *Localizer) Decimal(d decimal.Decimal) string { return d.String() }

// Data writes an amount of data given in bytes: "1 GB", "1.5 GB", "500 MB".
func (l *Localizer) Data(bytes int64) string { return decimal.NewFromInt(bytes).String() }

// Days writes a number of days: "7 days".
func (l *Localizer) Days(n int) string { return l.N("days", n) }

// Hours writes a number of hours.
func (l *Localizer) Hours(n int) string { return l.N("hours", n) }

// Minutes writes a number of minutes.
func (l *Localizer) Minutes(n int) string { return l.N("minutes", n) }

// Date writes a day in UTC.
func (l *Localizer) Date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Time writes a clock time in UTC, and says so.
func (l *Localizer) Time(t time.Time) string { return t.UTC().Format("15:04 UTC") }

// DateTime writes a day and a clock time in UTC.
func (l *Localizer) DateTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Kbps writes a speed given in kilobits a second: "512 kbps", "1 Mbps".
func (l *Localizer) Kbps(n int) string { return decimal.NewFromInt(int64(n)).String() }

// Allowance writes what data a plan gives: "1 GB", "500 MB/day", "Unlimited*".
func (l *Localizer) Allowance(p esim.Plan) string { return l.Data(p.Bytes) }

// PlanTitle writes data, validity and price: "1 GB · 7 days · $4.55".
func (l *Localizer) PlanTitle(p esim.Plan) string {
	return l.Allowance(p) + " · " + l.Days(p.Days) + " · " + l.Money(p.Retail)
}

// Letters returns the first letters of the names of the countries, each once, in the order of the
// language's alphabet.
func (l *Localizer) Letters(codes []string) []string { return nil }

// Letter returns the letter under which a country stands.
func (l *Localizer) Letter(code string) string { return "" }

// Collate returns the codes of countries sorted by their names.
func (l *Localizer) Collate(codes []string) []string { return codes }
