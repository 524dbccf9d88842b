package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// refiller is a wholesaler that tops eSIMs up.
type refiller struct {
	*wholesaler
	topUps   []providers.Listing
	topUpErr error
	state    esim.Usage
	stateErr error
}

func (r *refiller) TopUps(ctx context.Context, _ providers.Ref, _ esim.Plan) ([]providers.Listing, error) {
	if err := r.answer(ctx); err != nil {
		return nil, err
	}
	return r.topUps, r.topUpErr
}

func (r *refiller) Query(ctx context.Context, _ providers.Ref) (esim.Usage, error) {
	if err := r.answer(ctx); err != nil {
		return esim.Usage{}, err
	}
	return r.state, r.stateErr
}

func TestQuoteTopUp(t *testing.T) {
	base := esim.Plan{Provider: cloud, ID: "JP0", Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Countries: []string{"JP"}}
	wanted := esim.Plan{Provider: cloud, ID: "TOP-3"}.Ref()
	for name, c := range map[string]struct {
		change func(*refiller)
		retail int64
		err    error
		alert  string
	}{
		"on sale":                 {func(*refiller) {}, 520, nil, ""},
		"dearer meanwhile":        {func(r *refiller) { r.topUps[0].Plan.Wholesale = dec("5") }, 650, nil, ""},
		"no longer sold":          {func(r *refiller) { r.topUps = r.topUps[1:] }, 0, ErrGone, ""},
		"a provider without any":  {func(r *refiller) { r.topUpErr = fmt.Errorf("x: %w", providers.ErrUnsupported) }, 0, ErrGone, ""},
		"expired":                 {func(r *refiller) { r.state.Status = esim.StatusExpired }, 0, ErrOver, ""},
		"taken back":              {func(r *refiller) { r.state.Status = esim.StatusCancelled }, 0, ErrOver, ""},
		"expired by its time":     {func(r *refiller) { r.state.ExpiresAt = time.Now() }, 0, ErrOver, ""},
		"used up":                 {func(r *refiller) { r.state.Status = esim.StatusUsedUp }, 520, nil, ""},
		"not known any more":      {func(r *refiller) { r.stateErr = fmt.Errorf("x: %w", providers.ErrNotFound) }, 0, ErrOver, ""},
		"a provider that is dumb": {func(r *refiller) { r.stateErr = fmt.Errorf("x: %w", providers.ErrUnsupported) }, 520, nil, ""},
		"state unclear":           {func(r *refiller) { r.stateErr = errors.New("reset") }, 0, ErrUnavailable, ""},
		"down":                    {func(r *refiller) { r.err = errors.New("down") }, 0, ErrUnavailable, ""},
		"hangs":                   {func(r *refiller) { r.hang = true }, 0, ErrUnavailable, ""},
		"balance too low":         {func(r *refiller) { r.balance = dec("3.99") }, 0, ErrUnavailable, "balance:cloudesim"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				shop := s.replica()
				r := &refiller{wholesaler: s.cloud, state: esim.Usage{Status: esim.StatusInUse}, topUps: []providers.Listing{
					listing(cloud, "TOP-3", 3, 15, "4"), listing(cloud, "TOP-1", 1, 7, "2"), listing(cloud, "TOP-0", 1, 7, "0.1"),
				}}
				r.balance = dec("100")
				shop.cfg.Providers = []providers.Provider{r}
				c.change(r)
				began := time.Now()
				got, err := shop.QuoteTopUp(t.Context(), providers.Ref{ICCID: "8910300000000000017"}, base, wanted)
				if took := time.Since(began); took > quoteTimeout {
					t.Errorf("took %s", took)
				}
				if !errors.Is(err, c.err) || err == nil && (got.ID != "TOP-3" || got.Retail.Minor != c.retail || got.Destination != base.Destination) {
					t.Errorf("%+v, %v, want %d, %v", got, err, c.retail, c.err)
				}
				if alert := s.alerted(); alert != c.alert {
					t.Errorf("alert %q, want %q", alert, c.alert)
				}
			})
		})
	}
}

func TestTopUpsAreSortedAndPriced(t *testing.T) {
	s := newShop(t)
	shop := s.replica()
	base := esim.Plan{Provider: cloud, Destination: esim.Destination{Kind: esim.Country, Code: "JP"}}
	r := &refiller{wholesaler: s.cloud, topUps: []providers.Listing{
		listing(cloud, "TOP-3", 3, 15, "4"), listing(cloud, "TOP-0", 1, 7, "0.1"), listing(cloud, "TOP-1", 1, 7, "2"),
	}}
	shop.cfg.Providers = []providers.Provider{r}
	list, err := shop.TopUps(t.Context(), providers.Ref{}, base)
	if err != nil || len(list) != 2 || list[0].ID != "TOP-1" || list[0].Retail.Minor != 260 || list[1].ID != "TOP-3" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := shop.TopUps(t.Context(), providers.Ref{}, esim.Plan{Provider: mobile}); err != nil || len(list) != 0 {
		t.Errorf("of a provider that is turned off: %+v, %v", list, err)
	}
	r.topUpErr = errors.New("down")
	if _, err := shop.TopUps(t.Context(), providers.Ref{}, base); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
