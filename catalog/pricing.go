package catalog

import (
	"errors"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// ErrTooCheap is returned for a price below the least that Stripe charges.
var ErrTooCheap = errors.New("below the least amount that Stripe charges")

// Pricing makes retail prices of wholesale ones:
// round_up(wholesale × Rate × (1 + MarkupPercent/100) + FixedFee) to a multiple of RoundUpTo.
type Pricing struct {
	Currency esim.Currency // what customers pay in
	// Rate is units of Currency for one USD.
	Rate          decimal.Decimal
	MarkupPercent decimal.Decimal
	FixedFee      decimal.Decimal // in Currency
	RoundUpTo     decimal.Decimal // in Currency
}

// Validate says what is wrong with the rule, or nil.
func (p Pricing) Validate() error { return nil }

// Retail returns the price of what costs us wholesaleUSD; ErrTooCheap.
func (p Pricing) Retail(wholesaleUSD decimal.Decimal) (esim.Money, error) {
	return esim.NewMoney(wholesaleUSD, p.Currency)
}
