package catalog

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// broken is a wholesaler whose client panics.
type broken struct{ *wholesaler }

func (broken) Catalogue(context.Context) (providers.Catalogue, error)   { panic("a bug") }
func (broken) Balance(context.Context) (decimal.Decimal, error)         { panic("a bug") }
func (broken) Query(context.Context, providers.Ref) (esim.Usage, error) { return esim.Usage{}, nil }
func (broken) TopUps(context.Context, providers.Ref, esim.Plan) ([]providers.Listing, error) {
	return nil, nil
}

// TestPanicsOfAProvider: one provider's client that panics is logged with its stack and counted, and the
// other's catalogue is renewed all the same. While a customer waits, the panic comes out where it is
// caught: in the goroutine that handles their update.
func TestPanicsOfAProvider(t *testing.T) {
	s := newShop(t)
	healthy := s.replica()
	if err := healthy.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan, ok := healthy.Snapshot().Plan(esim.Plan{Provider: cloud, ID: "JP0"}.Ref())
	if !ok {
		t.Fatal("no plan")
	}
	shop := s.replica()
	var log strings.Builder
	var counted []string
	shop.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	shop.cfg.Panicked = func(where string) { counted = append(counted, where) }
	shop.cfg.Providers = []providers.Provider{broken{s.cloud}, s.mobile}
	if err := shop.Refresh(t.Context()); err == nil {
		t.Error("nothing is wrong")
	}
	if got := shop.Snapshot().Countries(); len(got) != 1 || len(counted) != 1 || counted[0] != "catalogue" {
		t.Errorf("%d countries, counted %v", len(got), counted)
	}
	if !strings.Contains(log.String(), "a bug") || !strings.Contains(log.String(), "panic_test.go") {
		t.Errorf("no stack in the log: %s", &log)
	}
	for name, ask := range map[string]func() error{
		"quote":  func() error { _, err := shop.Quote(t.Context(), plan); return err },
		"top-up": func() error { _, err := shop.QuoteTopUp(t.Context(), providers.Ref{}, plan, "x"); return err },
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(p.(string), "panic_test.go") {
					t.Errorf("%s: recovered %v, want the panic with its stack", name, p)
				}
			}()
			t.Errorf("%s: %v", name, ask())
		}()
	}
}
