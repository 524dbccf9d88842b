package esim

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestParseCurrency(t *testing.T) {
	for in, want := range map[string]Currency{"usd": "USD", "eur\n": "EUR", "Jpy": "JPY"} {
		if got, err := ParseCurrency(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "US", "USDT", "XXX", "BTC", "U D", "US ", "EUR USD"} {
		if got, err := ParseCurrency(in); !errors.Is(err, ErrCurrency) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestMoney(t *testing.T) {
	for _, tc := range []struct {
		amount   string
		currency Currency
		minor    int64
		text     string
	}{
		{"4.55", "USD", 455, "4.55 USD"}, {"0", "EUR", 0, "0.00 EUR"}, {"-1.5", "GBP", -150, "-1.50 GBP"}, {"455", "JPY", 455, "455 JPY"},
		{"1.250", "KWD", 1250, "1.250 KWD"}, {"300", "ISK", 30000, "300.00 ISK"}, {"8.12000000", "USD", 812, "8.12 USD"},
	} {
		m, err := NewMoney(decimal.RequireFromString(tc.amount), tc.currency)
		if err != nil || m.Minor != tc.minor || m.String() != tc.text {
			t.Errorf("%s %s: %+v, %q, %v", tc.amount, tc.currency, m, m.String(), err)
		}
	}
	for _, tc := range []struct {
		amount   string
		currency Currency
	}{{"0.001", "USD"}, {"1.5", "JPY"}, {"92233720368547758.08", "USD"}, {"0.0001", "KWD"}} {
		if m, err := NewMoney(decimal.RequireFromString(tc.amount), tc.currency); err == nil {
			t.Errorf("%s %s: %+v", tc.amount, tc.currency, m)
		}
	}
}

func TestMoneyOfDifferentCurrenciesDoesNotMeet(t *testing.T) {
	usd, eur := Money{1, "USD"}, Money{1, "EUR"}
	if _, err := usd.Add(eur); !errors.Is(err, ErrCurrency) {
		t.Error(err)
	}
	if _, err := usd.Sub(eur); !errors.Is(err, ErrCurrency) {
		t.Error(err)
	}
}

func TestMinorStepDividesAUnit(t *testing.T) {
	for _, c := range []Currency{"USD", "JPY", "KWD", "ISK", "UGX", "BHD"} {
		unit := decimal.New(1, c.Exponent()).IntPart()
		if step := c.MinorStep(); step < 1 || unit%step != 0 {
			t.Errorf("%s: step %d of %d", c, step, unit)
		}
	}
}

func TestMoneyKeepsItsWorth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]Currency{"USD", "JPY", "KWD", "EUR", "ISK"}).Draw(t, "currency")
		minor := rapid.Int64Range(-1<<50, 1<<50)
		a, b := Money{minor.Draw(t, "a"), c}, Money{minor.Draw(t, "b"), c}
		back, err := NewMoney(a.Decimal(), c)
		if err != nil || back != a {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
		sum, err := a.Add(b)
		if err != nil || !sum.Decimal().Equal(a.Decimal().Add(b.Decimal())) {
			t.Fatalf("%v + %v = %v, %v", a, b, sum, err)
		}
		if rest, err := sum.Sub(b); err != nil || rest != a {
			t.Fatalf("%v - %v = %v, %v", sum, b, rest, err)
		}
		if a.IsZero() != a.Decimal().IsZero() {
			t.Fatalf("%v is zero: %v", a, a.IsZero())
		}
		var stored Money
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &stored); err != nil || stored != a {
			t.Fatalf("%s stored as %v, %v", text, stored, err)
		}
	})
}

func FuzzParseCurrency(f *testing.F) {
	f.Add("usd")
	f.Add("AED AFN")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCurrency(s)
		if err == nil && (len(c) != 3 || c.Exponent() < 0 || c.Exponent() > 3) {
			t.Fatalf("%q became %q", s, c)
		}
	})
}
