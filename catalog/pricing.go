package catalog

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// What Stripe would refuse.
var (
	// ErrTooCheap: below the least that Stripe charges.
	ErrTooCheap = errors.New("below the least amount that Stripe charges")
	// ErrTooDear: above the most that Stripe charges.
	ErrTooDear = errors.New("above the greatest amount that Stripe charges")
)

// Pricing makes retail prices of wholesale ones:
// round_up(wholesale × Rate × (1 + MarkupPercent/100) + FixedFee) to a multiple of RoundUpTo.
type Pricing struct {
	Currency esim.Currency // what customers pay in
	// Rate is units of Currency for one USD. In USD it is one more factor of the price.
	Rate          decimal.Decimal
	MarkupPercent decimal.Decimal
	FixedFee      decimal.Decimal // in Currency
	// RoundUpTo is in Currency. Where it is finer than the smallest amount that Stripe takes,
	// that amount is used: 0.01 means 1 in JPY.
	RoundUpTo decimal.Decimal
}

// Validate says what is wrong with the rule, all of it at once, or nil.
func (p Pricing) Validate() error {
	var errs []error
	currency, err := esim.ParseCurrency(string(p.Currency))
	if err != nil || currency != p.Currency {
		return fmt.Errorf("price currency: %w %q", esim.ErrCurrency, p.Currency)
	}
	if !p.Rate.IsPositive() {
		errs = append(errs, fmt.Errorf("price rate %s: must be above 0", p.Rate))
	}
	if p.MarkupPercent.IsNegative() {
		errs = append(errs, fmt.Errorf("price markup %s: below 0 sells at a loss", p.MarkupPercent))
	}
	if p.FixedFee.IsNegative() {
		errs = append(errs, fmt.Errorf("price fee %s: below 0 sells at a loss", p.FixedFee))
	}
	if _, err := p.step(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// step returns what prices are multiples of: RoundUpTo, or the smallest step that Stripe takes
// where that is a multiple of RoundUpTo.
func (p Pricing) step() (decimal.Decimal, error) {
	smallest := esim.Money{Minor: p.Currency.MinorStep(), Currency: p.Currency}.Decimal()
	switch {
	case !p.RoundUpTo.IsPositive():
		return smallest, fmt.Errorf("price rounding %s: must be above 0", p.RoundUpTo)
	case multiple(p.RoundUpTo, smallest):
		return p.RoundUpTo, nil
	case multiple(smallest, p.RoundUpTo):
		return smallest, nil
	default:
		return smallest, fmt.Errorf("price rounding %s: not a multiple of %s %s, the smallest step", p.RoundUpTo, smallest, p.Currency)
	}
}

func multiple(d, of decimal.Decimal) bool {
	_, rest := d.QuoRem(of, 0)
	return rest.IsZero()
}

// Retail returns the price of what costs us wholesaleUSD; ErrTooCheap, ErrTooDear.
func (p Pricing) Retail(wholesaleUSD decimal.Decimal) (esim.Money, error) {
	if !wholesaleUSD.IsPositive() {
		return esim.Money{}, fmt.Errorf("wholesale price %s: must be above 0", wholesaleUSD)
	}
	step, err := p.step()
	if err != nil {
		return esim.Money{}, err
	}
	markup := p.MarkupPercent.Add(decimal.NewFromInt(100)).Shift(-2)
	exact := wholesaleUSD.Mul(p.Rate).Mul(markup).Add(p.FixedFee)
	steps, rest := exact.QuoRem(step, 0)
	if rest.IsPositive() {
		steps = steps.Add(decimal.NewFromInt(1))
	}
	price := steps.Mul(step)
	switch {
	case price.LessThan(p.least()):
		return esim.Money{}, fmt.Errorf("%s %s: %w", price, p.Currency, ErrTooCheap)
	case price.Shift(p.Currency.Exponent()).GreaterThan(decimal.NewFromInt(greatest)):
		return esim.Money{}, fmt.Errorf("%s %s: %w", price, p.Currency, ErrTooDear)
	}
	return esim.NewMoney(price, p.Currency)
}

// greatest is the most that Stripe charges, in minor units of any currency; a few may go higher
// (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
const greatest = 99_999_999

// least returns the least amount that can be sold: the least charge of the currency from the same
// page, and half a dollar, which an account that settles in dollars needs whatever the currency.
func (p Pricing) least() decimal.Decimal {
	if p.Currency == esim.USD { // its Rate is no exchange rate
		return leastCharge(p.Currency)
	}
	return decimal.Max(leastCharge(p.Currency), p.Rate.Mul(decimal.New(5, -1)))
}

func leastCharge(c esim.Currency) decimal.Decimal {
	switch c {
	case "GBP":
		return decimal.New(3, -1)
	case "AUD", "BRL", "CAD", "CHF", "EUR", "INR", "NZD", "SGD", "USD":
		return decimal.New(5, -1)
	case "BGN":
		return decimal.New(1, 0)
	case "AED", "MYR", "PLN", "RON":
		return decimal.New(2, 0)
	case "DKK":
		return decimal.New(25, -1)
	case "NOK", "SEK":
		return decimal.New(3, 0)
	case "HKD":
		return decimal.New(4, 0)
	case "MXN", "THB":
		return decimal.New(10, 0)
	case "CZK":
		return decimal.New(15, 0)
	case "JPY":
		return decimal.New(50, 0)
	case "HUF":
		return decimal.New(175, 0)
	default:
		return decimal.Zero
	}
}
