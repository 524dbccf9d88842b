package catalog

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

func TestQuote(t *testing.T) {
	gone := func(w *wholesaler) { w.listings = w.listings[1:] }
	down := func(w *wholesaler) { w.err = errors.New("down") }
	poor := func(w *wholesaler) { w.balance = dec("1.99") }
	dearer := func(w *wholesaler) { w.listings[0].Plan.Wholesale = dec("2.2") }
	other := func(w *wholesaler) { w.listings[0].Plan.Days = 15 }
	hang := func(w *wholesaler) { w.hang = true }
	nothing := func(*wholesaler) {}
	for name, c := range map[string]struct {
		cloud, mobile func(*wholesaler)
		want          string
		retail        int64
		err           error
		alert         string
	}{
		"as shown":                 {nothing, nothing, "cloudesim:JP0", 260, nil, ""},
		"dearer meanwhile":         {dearer, nothing, "cloudesim:JP0", 286, nil, ""},
		"gone":                     {gone, nothing, "mobilexy:800", 325, nil, ""},
		"other terms":              {other, nothing, "mobilexy:800", 325, nil, ""},
		"down":                     {down, nothing, "mobilexy:800", 325, nil, ""},
		"hangs":                    {hang, nothing, "mobilexy:800", 325, nil, ""},
		"balance too low":          {poor, nothing, "mobilexy:800", 325, nil, "balance:cloudesim"},
		"gone at both":             {gone, gone, "", 0, ErrGone, ""},
		"gone here, down there":    {gone, down, "", 0, ErrUnavailable, ""},
		"both down":                {down, down, "", 0, ErrUnavailable, ""},
		"both hang":                {hang, hang, "", 0, ErrUnavailable, ""},
		"too low here, gone there": {poor, gone, "", 0, ErrUnavailable, "balance:cloudesim"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				shop := s.replica()
				if err := shop.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				plan, ok := shop.Snapshot().Plan(esim.Plan{Provider: cloud, ID: "JP0"}.Ref())
				if !ok {
					t.Fatal("no plan")
				}
				s.cloud.set(c.cloud)
				s.mobile.set(c.mobile)
				began := time.Now()
				got, err := shop.Quote(t.Context(), plan)
				if took := time.Since(began); took > quoteTimeout {
					t.Errorf("took %s", took)
				}
				if !errors.Is(err, c.err) || (err == nil && (got.Key() != c.want || got.Retail.Minor != c.retail)) {
					t.Errorf("Quote = %s %v, %v; want %s %d, %v", got.Key(), got.Retail, err, c.want, c.retail, c.err)
				}
				if errors.Is(c.err, ErrUnavailable) && errors.Is(err, ErrGone) {
					t.Errorf("%v is gone for good, too", err)
				}
				if err == nil && got.Destination != plan.Destination {
					t.Errorf("quoted for %v", got.Destination)
				}
				if alert := s.alerted(); alert != c.alert {
					t.Errorf("alert %q, want %q", alert, c.alert)
				}
			})
		})
	}
}

func TestPricedTopUp(t *testing.T) {
	c := newShop(t).replica()
	base := esim.Plan{Provider: cloud, Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Countries: []string{"JP"}}
	got, err := c.PricedTopUp(providers.Listing{Plan: listing(cloud, "TOP1", 1, 7, "1.5").Plan}, base)
	if err != nil || got.Retail.Minor != 195 || got.Destination != base.Destination {
		t.Errorf("PricedTopUp = %+v, %v", got, err)
	}
	if _, err := c.PricedTopUp(providers.Listing{Plan: listing(cloud, "TOP2", 1, 7, "0.1").Plan}, base); !errors.Is(err, ErrGone) {
		t.Errorf("too cheap a top-up: %v", err)
	}
}
