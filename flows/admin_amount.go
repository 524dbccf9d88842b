package flows

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// An amountFault says why typed text is no amount to refund: it ends the key of what is said.
type amountFault string

const (
	amountUnreadable amountFault = "unreadable"
	amountNothing    amountFault = "nothing"  // zero or negative
	amountDecimals   amountFault = "decimals" // written finer than the currency is
	amountCurrency   amountFault = "currency" // another currency
)

// maxAmountDigits keeps every amount far inside int64.
const maxAmountDigits = 12

// readAmount reads an amount of a currency exactly: "5", "5.00", "5,00", with the currency's code or
// one of its symbols on either side. Thousands can't be grouped, because "1,005" is a thousand to one
// reader and one to another: so "1,000" is no dollar either. Where there is a fault, nearest is what may have been meant, zero for
// nothing.
func readAmount(typed string, c esim.Currency, symbols []string) (amount, nearest esim.Money, fault amountFault) {
	sign, number, unit, ok := splitAmount(typed)
	if !ok {
		return esim.Money{}, esim.Money{}, amountUnreadable
	}
	latin := strings.Map(latinDigit, number)
	point := strings.Replace(latin, ",", ".", 1)
	_, fraction, _ := strings.Cut(point, ".")
	d, err := decimal.NewFromString(point)
	if err != nil {
		return esim.Money{}, esim.Money{}, amountUnreadable
	}
	step := decimal.New(c.MinorStep(), -c.Exponent())
	whole := d.Div(step).Floor().Mul(step)
	m, err := esim.NewMoney(whole, c)
	if err != nil {
		return esim.Money{}, esim.Money{}, amountUnreadable
	}
	switch {
	case unit != "" && !slices.ContainsFunc(symbols, func(s string) bool { return strings.EqualFold(s, unit) }):
		return esim.Money{}, m, amountCurrency
	case latin != number:
		return esim.Money{}, m, amountUnreadable // digits are 0-9 everywhere
	case sign || d.IsZero():
		return esim.Money{}, m, amountNothing
	case !whole.Equal(d), len(fraction) > int(c.Exponent()):
		return esim.Money{}, m, amountDecimals
	}
	return m, m, ""
}

// splitAmount cuts typed text into a minus, one number and at most one unit before or after it.
func splitAmount(typed string) (negative bool, number, unit string, ok bool) {
	s := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1 // marks of direction, copied along
		}
		return r
	}, typed))
	if len(s) > 64 {
		return false, "", "", false
	}
	from := strings.IndexFunc(s, unicode.IsDigit)
	to := strings.LastIndexFunc(s, unicode.IsDigit)
	if from < 0 {
		return false, "", "", false
	}
	_, size := utf8.DecodeRuneInString(s[to:])
	before, number, after := s[:from], s[from:to+size], s[to+size:]
	for _, minus := range []string{"-", "−"} {
		if rest, cut := strings.CutPrefix(strings.TrimSpace(before), minus); cut {
			negative, before = true, rest
		} else if rest, cut := strings.CutSuffix(strings.TrimSpace(before), minus); cut {
			negative, before = true, rest
		}
	}
	before, after = strings.TrimSpace(before), strings.TrimSpace(after)
	whole, fraction, _ := strings.Cut(strings.Replace(number, ",", ".", 1), ".")
	digits := len([]rune(whole)) + len([]rune(fraction))
	bad := strings.ContainsFunc(whole+fraction, func(r rune) bool { return !unicode.IsDigit(r) })
	if bad || digits > maxAmountDigits || whole == "" || before != "" && after != "" {
		return false, "", "", false
	}
	return negative, number, before + after, true
}

// latinDigit turns a digit of any script into 0-9. Unicode lays the digits of a script out in runs
// of ten from zero up.
func latinDigit(r rune) rune {
	if !unicode.IsDigit(r) || r >= '0' && r <= '9' {
		return r
	}
	n := rune(0)
	for unicode.IsDigit(r-1) && n < 9 {
		r--
		n++
	}
	return '0' + n
}
