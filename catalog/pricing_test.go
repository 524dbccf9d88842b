package catalog

import (
	"errors"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"esimbot/esim"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func pricing(currency esim.Currency, rate, markup, fee, round string) Pricing {
	return Pricing{Currency: currency, Rate: dec(rate), MarkupPercent: dec(markup), FixedFee: dec(fee), RoundUpTo: dec(round)}
}

func TestRetail(t *testing.T) {
	for _, c := range []struct {
		name      string
		rule      Pricing
		wholesale string
		want      int64
		err       error
	}{
		{name: "as shipped", rule: pricing("USD", "1", "30", "0", "0.01"), wholesale: "3.50", want: 455},
		{name: "rounds up, not to nearest", rule: pricing("USD", "1", "30", "0", "0.01"), wholesale: "8.12000000", want: 1056},
		{name: "exact stays", rule: pricing("USD", "1", "0", "0", "0.10"), wholesale: "8.10", want: 810},
		{name: "a hair above goes up", rule: pricing("USD", "1", "0", "0", "0.10"), wholesale: "8.10000001", want: 820},
		{name: "fee after markup", rule: pricing("EUR", "0.92", "25", "0.30", "0.05"), wholesale: "4", want: 490},
		{name: "to 0.99 is not asked for", rule: pricing("USD", "1", "30", "0", "1"), wholesale: "3.5", want: 500},
		{name: "yen have no cents", rule: pricing("JPY", "151.37", "30", "0", "0.01"), wholesale: "3.5", want: 689},
		{name: "whole krónur in hundredths", rule: pricing("ISK", "138.2", "30", "0", "0.01"), wholesale: "3.5", want: 62900},
		{name: "dinars end in 0", rule: pricing("KWD", "0.307", "30", "0", "0.001"), wholesale: "3.5", want: 1400},
		{name: "forty-nine cents", rule: pricing("USD", "1", "0", "0", "0.01"), wholesale: "0.49", err: ErrTooCheap},
		{name: "fifty cents", rule: pricing("USD", "1", "0", "0", "0.01"), wholesale: "0.50", want: 50},
		{name: "half a dollar in rupees", rule: pricing("INR", "84", "0", "0", "0.01"), wholesale: "0.40", err: ErrTooCheap},
		{name: "kronor by their own table", rule: pricing("SEK", "5", "0", "0", "0.01"), wholesale: "0.55", err: ErrTooCheap},
		{name: "a rate in dollars", rule: pricing("USD", "1.05", "30", "0", "0.01"), wholesale: "4", want: 546},
		{name: "fifty cents at such a rate", rule: pricing("USD", "1.05", "0", "0", "0.01"), wholesale: "0.47", want: 50},
		{name: "the most", rule: pricing("USD", "1", "0", "0", "0.01"), wholesale: "999999.99", want: 99_999_999},
		{name: "more than the most", rule: pricing("USD", "1", "0", "0", "0.01"), wholesale: "1000000", err: ErrTooDear},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.rule.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := c.rule.Retail(dec(c.wholesale))
			if !errors.Is(err, c.err) || got.Minor != c.want {
				t.Errorf("Retail(%s) = %v, %v; want %d, %v", c.wholesale, got, err, c.want, c.err)
			}
		})
	}
	for _, wholesale := range []string{"0", "-3.5"} {
		if got, err := pricing("USD", "1", "30", "5", "0.01").Retail(dec(wholesale)); err == nil {
			t.Errorf("Retail(%s) = %v, want an error", wholesale, got)
		}
	}
}

func TestPricingValidate(t *testing.T) {
	for name, rule := range map[string]Pricing{
		"no currency":      pricing("", "1", "30", "0", "0.01"),
		"lower case":       pricing("usd", "1", "30", "0", "0.01"),
		"unknown currency": pricing("RUR", "1", "30", "0", "0.01"),
		"no rate":          pricing("EUR", "0", "30", "0", "0.01"),
		"at a loss":        pricing("USD", "1", "-1", "0", "0.01"),
		"negative fee":     pricing("USD", "1", "30", "-0.01", "0.01"),
		"no rounding":      pricing("USD", "1", "30", "0", "0"),
		"between steps":    pricing("USD", "1", "30", "0", "0.015"),
		"incommensurable":  pricing("JPY", "150", "30", "0", "0.3"),
	} {
		if rule.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRetailLaws(t *testing.T) {
	currencies := []esim.Currency{"USD", "EUR", "JPY", "KWD", "ISK", "GBP", "KRW", "INR"}
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom(currencies).Draw(t, "currency")
		rate := decimal.New(rapid.Int64Range(1, 2_000_000).Draw(t, "rate"), -4)
		if currency == esim.USD {
			rate = decimal.NewFromInt(1)
		}
		step := esim.Money{Minor: currency.MinorStep(), Currency: currency}.Decimal()
		rule := Pricing{
			Currency:      currency,
			Rate:          rate,
			MarkupPercent: decimal.New(rapid.Int64Range(0, 100_000).Draw(t, "markup"), -3),
			FixedFee:      decimal.New(rapid.Int64Range(0, 1_000).Draw(t, "fee"), -2),
			RoundUpTo:     step.Mul(decimal.NewFromInt(rapid.Int64Range(1, 500).Draw(t, "steps"))),
		}
		if err := rule.Validate(); err != nil {
			t.Fatal(err)
		}
		low := decimal.New(rapid.Int64Range(1, 50_000_000_000).Draw(t, "wholesale"), -8)
		high := low.Add(decimal.New(rapid.Int64Range(0, 1_000_000_000).Draw(t, "more"), -8))
		price, err := rule.Retail(low)
		if err != nil {
			if !errors.Is(err, ErrTooCheap) && !errors.Is(err, ErrTooDear) {
				t.Fatal(err)
			}
			return
		}
		// Never below cost and margin, never a whole step above, always a multiple.
		exact := low.Mul(rule.Rate).Mul(decimal.NewFromInt(100).Add(rule.MarkupPercent)).Shift(-2).Add(rule.FixedFee)
		over := price.Decimal().Sub(exact)
		if over.IsNegative() || over.GreaterThanOrEqual(rule.RoundUpTo) {
			t.Fatalf("%v for %s: %s over", price, exact, over)
		}
		if !multiple(price.Decimal(), rule.RoundUpTo) || price.Minor%currency.MinorStep() != 0 {
			t.Fatalf("%v is no multiple of %s", price, rule.RoundUpTo)
		}
		dearer, err := rule.Retail(high)
		if err == nil && dearer.Minor < price.Minor {
			t.Fatalf("%s costs %v, %s costs %v", low, price, high, dearer)
		}
	})
}
