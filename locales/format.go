package locales

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"golang.org/x/text/feature/plural"

	"esimbot/esim"
)

// numbers is how a language writes numbers.
type numbers struct {
	decimal, group string
	groupFrom      int // digits a number has before its thousands are grouped
}

func (l *Localizer) loadNumbers() error {
	from, err := strconv.Atoi(l.T("format_group_from"))
	if err != nil {
		return fmt.Errorf("%s.toml: format_group_from: %w", l.lang, err)
	}
	l.numbers = numbers{decimal: l.T("format_decimal"), group: l.T("format_group"), groupFrom: from}
	return nil
}

// write turns plain digits with at most one point, such as "-1234.50", into the local manner.
func (n numbers) write(plain string) string {
	digits, sign := strings.CutPrefix(plain, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	var b strings.Builder
	b.Grow(len(plain) + 8)
	if sign {
		b.WriteByte('-')
	}
	for i := range len(whole) {
		if i > 0 && len(whole) >= n.groupFrom && (len(whole)-i)%3 == 0 {
			b.WriteString(n.group)
		}
		b.WriteByte(whole[i])
	}
	if fraction != "" {
		b.WriteString(n.decimal)
		b.WriteString(fraction)
	}
	return b.String()
}

// Number writes a whole number with the thousands grouped.
func (l *Localizer) Number(n int64) string { return l.numbers.write(strconv.FormatInt(n, 10)) }

// Decimal writes a number with the decimals that it has.
func (l *Localizer) Decimal(d decimal.Decimal) string { return l.numbers.write(d.String()) }

// Money writes an amount: "$4.55", "4,55 €". Currencies that Stripe wants in whole units although
// it counts hundredths (ISK, UGX) are shown in whole units.
func (l *Localizer) Money(m esim.Money) string {
	places := int(m.Currency.Exponent())
	minor := m.Minor
	if m.Currency.MinorStep() == 100 && minor%100 == 0 {
		minor, places = minor/100, 0
	}
	digits := strconv.FormatInt(minor, 10)
	digits, negative := strings.CutPrefix(digits, "-")
	if missing := places + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	if places > 0 {
		digits = digits[:len(digits)-places] + "." + digits[len(digits)-places:]
	}
	symbol := l.symbol(m.Currency)
	pattern := "format_money"
	if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) {
		pattern = "format_money_letters"
	}
	s := l.pattern(pattern, "Symbol", symbol, "Amount", l.numbers.write(digits))
	if negative {
		return "-" + s
	}
	return s
}

func (l *Localizer) symbol(c esim.Currency) string {
	for _, from := range []*Localizer{l, l.bundle.For(English)} {
		if m, ok := from.messages["currency_"+string(c)]; ok {
			return m.forms[plural.Other].text
		}
	}
	return string(c)
}

// pattern fills a message that this language, or English, surely has.
func (l *Localizer) pattern(key string, pairs ...string) string {
	m, _ := l.find(key)
	if m == nil {
		return key
	}
	return m.forms[plural.Other].fill(pairs...)
}

// Data writes an amount of data given in bytes, binary as esim.GB: "1 GB", "1.5 GB", "500 MB".
// Hundredths of a GB show where they are exact, else tenths. Less than nothing is nothing.
func (l *Localizer) Data(bytes int64) string {
	bytes = max(bytes, 0)
	switch {
	case bytes >= esim.GB-esim.MB/2:
		whole, rest := bytes/esim.GB, bytes%esim.GB
		hundredths := rest * 100 / esim.GB
		if rest*100%esim.GB != 0 {
			hundredths = (rest*10 + esim.GB/2) / esim.GB * 10
		}
		d := decimal.New(whole*100+hundredths, -2)
		return l.pattern("format_gb", "Number", l.Decimal(d))
	case bytes > esim.MB-esim.KB, bytes == 0:
		return l.pattern("format_mb", "Number", l.Number((bytes+esim.MB/2)/esim.MB))
	default:
		return l.pattern("format_kb", "Number", l.Number((bytes+esim.KB-1)/esim.KB))
	}
}

// Kbps writes a speed given in kilobits a second: "512 kbps", "1 Mbps", "1.5 Mbps".
func (l *Localizer) Kbps(n int) string {
	switch {
	case n < 1000:
		return l.pattern("format_kbps", "Number", l.Number(int64(n)))
	case n%1024 == 0:
		return l.pattern("format_mbps", "Number", l.Number(int64(n/1024)))
	default:
		return l.pattern("format_mbps", "Number", l.Decimal(decimal.New(int64(n), -3).Round(1)))
	}
}

// Days writes a number of days: "7 days".
func (l *Localizer) Days(n int) string { return l.N("days", n) }

// Hours writes a number of hours.
func (l *Localizer) Hours(n int) string { return l.N("hours", n) }

// Minutes writes a number of minutes.
func (l *Localizer) Minutes(n int) string { return l.N("minutes", n) }

// Date writes the day of t in UTC.
func (l *Localizer) Date(t time.Time) string {
	t = t.UTC()
	return l.pattern("format_date", "Day", strconv.Itoa(t.Day()), "DD", t.Format("02"), "MM", t.Format("01"),
		"MonthName", l.T("month_"+strconv.Itoa(int(t.Month()))), "Year", strconv.Itoa(t.Year()))
}

// Time writes the clock time of t in UTC, and says so.
func (l *Localizer) Time(t time.Time) string {
	return l.pattern("format_time", "Clock", t.UTC().Format("15:04"))
}

// DateTime writes the day and clock time of t in UTC, and says so.
func (l *Localizer) DateTime(t time.Time) string {
	return l.pattern("format_datetime", "Date", l.Date(t), "Clock", t.UTC().Format("15:04"))
}

// Allowance writes what data a plan gives: "1 GB", "500 MB/day", "Unlimited"; with an asterisk
// where an unlimited plan has a fair-use rule.
func (l *Localizer) Allowance(p esim.Plan) string {
	switch p.Kind {
	case esim.Daily:
		return l.T("per_day", Args{"Data": l.Data(p.DailyBytes)})
	case esim.Unlimited:
		if p.FairUse != "" || p.ThrottleKbps > 0 {
			return l.T("unlimited") + "*"
		}
		return l.T("unlimited")
	default:
		return l.Data(p.Bytes)
	}
}

// PlanTitle writes data, validity and price in that order: "1 GB · 7 days · $4.55".
func (l *Localizer) PlanTitle(p esim.Plan) string {
	return l.Begin(l.Isolate(l.Allowance(p))) + " · " + l.Isolate(l.Days(p.Days)) + " · " + l.Isolate(l.Money(p.Retail))
}
