package catalog_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/locales"
	"esimbot/providers"
	"esimbot/providers/cloudesim"
	"esimbot/providers/mobilexy"
	"esimbot/sandbox/atlas"
	"esimbot/sandbox/clock"
	cloudesimserver "esimbot/sandbox/cloudesim"
	"esimbot/sandbox/fault"
	mobilexyserver "esimbot/sandbox/mobilexy"
)

// nothing is a Cache that keeps nothing.
type nothing struct{}

func (nothing) SaveCatalogue(context.Context, esim.Provider, time.Time, []byte) error { return nil }
func (nothing) LoadCatalogue(context.Context, esim.Provider) ([]byte, time.Time, error) {
	return nil, time.Time{}, catalog.ErrNoCatalogue
}
func (nothing) CatalogueStamp(context.Context, esim.Provider) (time.Time, error) {
	return time.Time{}, catalog.ErrNoCatalogue
}
func (nothing) Claim(context.Context, string, time.Duration) (bool, error) { return true, nil }
func (nothing) Release(context.Context, string) error                      { return nil }

// warnings fails the test on every line logged at warning level and above.
type warnings struct {
	slog.Handler
	t *testing.T
}

func (w warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (w warnings) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { w.t.Errorf("%s: %s", r.Message, a); return true })
	return nil
}

// Both clients against both local providers over HTTP: everything they list finds its place, and a
// plan shown can be quoted.
func TestBothProvidersUnderOneList(t *testing.T) {
	var c clock.Clock
	cloud := cloudesimserver.New(cloudesimserver.Options{Token: "token", Now: c.Now, Seed: 1})
	mobile := mobilexyserver.New(mobilexyserver.Options{APIKey: "key", Now: c.Now, Seed: 1})
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	cloudClient, err := cloudesim.New(cloudesim.Config{Token: "token", BaseURL: serve(cloud) + "/api/v1", Rate: 10_000, Backoff: time.Millisecond, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	mobileClient, err := mobilexy.New(mobilexy.Config{APIKey: "key", BaseURL: serve(mobile) + "/api", Rate: 10_000, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	shop, err := catalog.New(catalog.Config{
		Providers: []providers.Provider{cloudClient, mobileClient},
		Pricing: catalog.Pricing{
			Currency: esim.USD, Rate: decimal.NewFromInt(1), MarkupPercent: decimal.NewFromInt(30), RoundUpTo: decimal.New(1, -2),
		},
		Cache: nothing{}, Bundle: bundle, Refresh: time.Hour, Now: c.Now,
		Log:   slog.New(warnings{t: t}),
		Alert: func(_ context.Context, key, detail string) { t.Logf("alert %s: %s", key, detail) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := shop.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := shop.Snapshot()
	for _, country := range atlas.Load().Countries {
		id := esim.Destination{Kind: esim.Country, Code: country.Code}.ID()
		if len(s.Plans(id)) == 0 {
			t.Errorf("nothing for %s", country.Name)
		}
	}
	for _, p := range slices.Concat(s.Countries(), s.Regions()) {
		if p.Destination.Kind == esim.Region && len(p.Countries) < 2 {
			t.Errorf("%s covers %v", p.Destination.ID(), p.Countries)
		}
		plans := s.Plans(p.Destination.ID())
		for i, plan := range plans {
			if slices.ContainsFunc(plans[:i], plan.Same) {
				t.Errorf("%s sells %s twice", p.Destination.ID(), plan.Name)
			}
			if plan.Retail.Minor < 50 || plan.Retail.Decimal().LessThan(plan.Wholesale) {
				t.Errorf("%s costs %s, sells for %s", plan.Key(), plan.Wholesale, plan.Retail)
			}
		}
	}
	if _, ok := s.Global(); !ok {
		t.Error("nothing for the world")
	}

	switches := map[esim.Provider]*fault.Switch{esim.CloudESIM: cloud.Fault, esim.Mobilexy: mobile.Fault}
	set := func(p esim.Provider, mood fault.Mood) {
		if err := switches[p].Set(fault.Rule{Mood: mood}); err != nil {
			t.Fatal(err)
		}
	}

	// Lists that hold nothing empty nothing.
	for p := range switches {
		set(p, fault.Empty)
	}
	if err := shop.Refresh(t.Context()); err == nil || shop.Snapshot() != s {
		t.Errorf("empty lists: %v, another snapshot: %v", err, shop.Snapshot() != s)
	}
	for p := range switches {
		set(p, fault.OK)
	}

	// With one provider dead the other's same plan is offered; with both, the customer is told.
	var shown esim.Plan
	for _, plan := range s.Plans("c_jp") {
		if len(s.Twins(plan)) > 0 {
			shown = plan
		}
	}
	if quoted, err := shop.Quote(t.Context(), shown); err != nil || quoted.Key() != shown.Key() || !quoted.Retail.Decimal().Equal(shown.Retail.Decimal()) {
		t.Errorf("Quote(%s) = %s, %v", shown.Key(), quoted.Key(), err)
	}
	set(shown.Provider, fault.Dead)
	twin := s.Twins(shown)[0]
	if quoted, err := shop.Quote(t.Context(), shown); err != nil || quoted.Key() != twin.Key() {
		t.Errorf("Quote of a dead provider's plan = %s, %v; want %s", quoted.Key(), err, twin.Key())
	}
	set(twin.Provider, fault.Error)
	if _, err := shop.Quote(t.Context(), shown); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Quote with both dead: %v", err)
	}
}
