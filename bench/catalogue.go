package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/locales"
	"esimbot/providers"
	"esimbot/providers/cloudesim"
	"esimbot/providers/mobilexy"
	"esimbot/sandbox"
	"esimbot/store"
)

// fast is a rate that holds nobody back.
const fast = 10_000

// An outside is what the shop needs beside Telegram and Redis: providers with their catalogues, and
// Stripe, as the sandbox plays them.
type outside struct {
	world  *sandbox.World
	server *http.Server
	served chan struct{}
}

func openOutside(ctx context.Context) (*outside, error) {
	o := &outside{served: make(chan struct{})}
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	o.world = sandbox.New(sandbox.Options{BaseURL: "http://" + addr, Seed: 1, Log: slog.New(slog.DiscardHandler)})
	o.server = &http.Server{Addr: addr, Handler: o.world.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(o.served)
		_ = o.server.ListenAndServe() // ends with close
	}()
	return o, nil
}

func (o *outside) close() {
	o.world.Close()
	_ = o.server.Close() // nobody waits for an answer any more
	<-o.served
}

// stock fetches both catalogues into the Redis at url, where a shop that starts finds them, and
// returns what is on sale, and how long it takes to renew.
func (o *outside) stock(ctx context.Context, url string) (*catalog.Snapshot, time.Duration, error) {
	env := o.world.Env()
	quiet := slog.New(slog.DiscardHandler)
	keeper, err := store.Open(ctx, url, store.Options{Log: quiet})
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = keeper.Close() }() // what was written is written
	c, err := cloudesim.New(cloudesim.Config{
		Token: env["CLOUDESIM_API_TOKEN"], BaseURL: env["CLOUDESIM_API_URL"], Timeout: patience, Rate: fast, Now: time.Now, AllowPrivateImages: true,
	})
	if err != nil {
		return nil, 0, err
	}
	m, err := mobilexy.New(mobilexy.Config{APIKey: env["MOBILEXY_API_KEY"], BaseURL: env["MOBILEXY_API_URL"], Timeout: patience, Rate: fast})
	if err != nil {
		return nil, 0, err
	}
	bundle, err := locales.Load()
	if err != nil {
		return nil, 0, err
	}
	whole, err := catalog.New(catalog.Config{
		Providers: []providers.Provider{c, m}, Cache: keeper, Bundle: bundle, Refresh: time.Hour, Now: time.Now, Log: quiet,
		Pricing: catalog.Pricing{Currency: "USD", Rate: decimal.New(1, 0), MarkupPercent: decimal.New(30, 0), RoundUpTo: decimal.New(1, -2)},
		Alert:   func(context.Context, string, string) {},
	})
	if err != nil {
		return nil, 0, err
	}
	var began time.Time
	for range 2 { // the first finds nothing open and nothing warm
		began = time.Now()
		if err := whole.Refresh(ctx); err != nil {
			return nil, 0, fmt.Errorf("fetch the catalogues: %w", err)
		}
	}
	return whole.Snapshot(), time.Since(began), nil
}

// tripLength is how many taps a journey has before it begins again.
const tripLength = 8

// A journey is a customer's way through the shop: eight pages.
type journey [tripLength]string

// journeys lead through the letters, countries, regions and plans of the whole catalogue.
func journeys(s *catalog.Snapshot, l *locales.Localizer) ([]journey, error) {
	countries, regions := s.Countries(), s.Regions()
	if len(countries) < 2 || len(regions) == 0 {
		return nil, errors.New("too little is on sale")
	}
	plan := func(p catalog.Place, n int) string {
		plans := s.Plans(p.Destination.ID())
		return "plan/" + plans[n%len(plans)].Ref()
	}
	var trips []journey
	for i, c := range countries[:min(len(countries), guests)] {
		r := regions[i%len(regions)]
		trips = append(trips, journey{
			"dest", "az", "az/" + l.Letter(c.Destination.Code), "plans/" + c.Destination.ID(), plan(c, i),
			"regions", "plans/" + r.Destination.ID(), plan(r, i),
		})
	}
	return trips, nil
}
