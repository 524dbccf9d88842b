package esim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// A Currency is an ISO 4217 code in capital letters, such as "USD".
type Currency string

// USD is what both providers charge in.
const USD Currency = "USD"

// ErrCurrency is returned for text that is no currency Stripe charges in, or when two amounts of
// different currencies meet.
var ErrCurrency = errors.New("currency")

// currencies lists what Stripe charges in: docs.stripe.com/currencies.
const currencies = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY COP CRC " +
	"CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD JPY KES " +
	"KGS KHR KMF KRW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR " +
	"NZD PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD " +
	"TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW BHD JOD KWD OMR TND"

// ParseCurrency reads an ISO 4217 code in any case and checks that Stripe charges in it.
func ParseCurrency(s string) (Currency, error) {
	c := strings.ToUpper(strings.TrimSpace(s))
	if len(c) != 3 || !slices.Contains(strings.Fields(currencies), c) {
		return "", fmt.Errorf("%w %q is not one that Stripe charges in", ErrCurrency, s)
	}
	return Currency(c), nil
}

// Exponent returns how many decimals an amount sent to Stripe has. It follows Stripe's list, not
// ISO 4217: ISK and UGX are sent with two decimals there (docs.stripe.com/currencies).
func (c Currency) Exponent() int32 {
	switch c {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "JOD", "KWD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}

// MinorStep returns the smallest step of minor units that Stripe accepts: currencies of three
// decimals end in 0, ISK and UGX in 00 (docs.stripe.com/currencies).
func (c Currency) MinorStep() int64 {
	switch c {
	case "ISK", "UGX":
		return 100
	case "BHD", "JOD", "KWD", "OMR", "TND":
		return 10
	default:
		return 1
	}
}

// Money is an amount in minor units (cents) of a currency.
type Money struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// NewMoney returns d units of c, which must be a whole number of minor units.
func NewMoney(d decimal.Decimal, c Currency) (Money, error) {
	m := d.Shift(c.Exponent())
	if !m.IsInteger() || !m.BigInt().IsInt64() {
		return Money{}, fmt.Errorf("%s %s is not a whole number of minor units", d, c)
	}
	return Money{Minor: m.IntPart(), Currency: c}, nil
}

// Decimal returns the amount in units of its currency: 4.55 for 455 cents.
func (m Money) Decimal() decimal.Decimal {
	return decimal.New(m.Minor, -m.Currency.Exponent())
}

// IsZero says whether the amount is nothing.
func (m Money) IsZero() bool { return m.Minor == 0 }

// Add returns m + n. Different currencies give ErrCurrency.
func (m Money) Add(n Money) (Money, error) {
	if m.Currency != n.Currency {
		return Money{}, fmt.Errorf("%w: %s and %s don't add", ErrCurrency, m.Currency, n.Currency)
	}
	return Money{Minor: m.Minor + n.Minor, Currency: m.Currency}, nil
}

// Sub returns m − n. Different currencies give ErrCurrency.
func (m Money) Sub(n Money) (Money, error) {
	return m.Add(Money{Minor: -n.Minor, Currency: n.Currency})
}

// String writes the amount for logs, as "4.55 USD". People see locales.Localizer.Money.
func (m Money) String() string {
	return m.Decimal().StringFixed(m.Currency.Exponent()) + " " + string(m.Currency)
}
