package main

import (
	"context"
	"time"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/handlers"
	"esimbot/providers"
	"esimbot/usage"
)

// watchPatience is how long a look at an eSIM waits for its turn at a provider: less than a purchase
// does, so that looks never hold one up.
const watchPatience = time.Second

// watch lets the conversations hold the watch before it exists: it tells people by the notifier,
// which draws the conversations' screens.
type watch struct {
	*usage.Watcher
	*usage.Linker
}

var (
	_ flows.Watch  = (*watch)(nil)
	_ flows.Linker = (*watch)(nil)
)

// topUps tells what can be added to an eSIM, by what the shop knows of it.
type topUps struct{ catalog *catalog.Catalog }

var _ flows.TopUps = topUps{}

// TopUps implements flows.TopUps.
func (t topUps) TopUps(ctx context.Context, e *usage.ESIM) ([]esim.Plan, error) {
	return t.catalog.TopUps(ctx, e.Ref(), t.base(e))
}

// QuoteTopUp implements flows.TopUps.
func (t topUps) QuoteTopUp(ctx context.Context, e *usage.ESIM, ref string) (esim.Plan, error) {
	return t.catalog.QuoteTopUp(ctx, e.Ref(), t.base(e), ref)
}

// base is the plan that an eSIM was bought with, with all that the catalogue knows of it: the eSIM's
// own document keeps what is shown of it and no more.
func (t topUps) base(e *usage.ESIM) esim.Plan {
	if p, ok := t.catalog.Snapshot().Plan(e.Plan.Ref()); ok {
		return p
	}
	return e.Plan
}

// newWatch builds what looks at eSIMs in use, over clients of its own. While a customer waits for the
// answer, it asks the shop's own clients, sellers, which wait longer for their turn.
func (a *app) newWatch(o options, sellers []providers.Provider, teller *handlers.Notifier) (watch, error) {
	meters, err := newProviders(a.cfg, o, a.now, a.store, watchPatience, a.seen.provider)
	if err != nil {
		return watch{}, err
	}
	w, err := usage.New(usage.Config{
		Store: a.store.Usage(), Teller: teller, Meters: asMeters(meters), Prompt: asMeters(sellers),
		Rules: usage.Rules{
			Thresholds: a.cfg.LowDataPercent, ExpiryNotice: a.cfg.ExpiryNotice,
			Night: usage.Night{From: a.cfg.QuietFrom, To: a.cfg.QuietTo}, Zones: usage.NewZones(), Countries: a.countries,
		},
		PollMin: a.cfg.UsagePollMin, PollMax: a.cfg.UsagePollMax, Now: a.now, Log: a.log, Hooks: a.seen.watch(),
	})
	if err != nil {
		return watch{}, err
	}
	return watch{Watcher: w, Linker: usage.NewLinker(w, a.store.Usage())}, nil
}

// countries are where a plan works, as the catalogue has it.
func (a *app) countries(p esim.Plan) []string {
	known, _ := a.catalog.Snapshot().Plan(p.Ref())
	return known.Countries
}

func asMeters(sellers []providers.Provider) []usage.Meter {
	meters := make([]usage.Meter, len(sellers))
	for i, s := range sellers {
		meters[i] = s
	}
	return meters
}
