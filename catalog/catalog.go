// Package catalog is what the shop sells: both providers' plans under one list of destinations,
// priced, searchable, refreshed in the background.
//
// A Catalog keeps each provider's last good catalogue as the provider listed it, in memory and in
// the Cache. From both together it makes a Snapshot, an immutable value that answers every question
// of the conversations without any I/O, and swaps it in whole. A catalogue that makes no sense
// (sane.go) never takes the place of a good one.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/providers"
)

// A Cache keeps the last good catalogue of each provider, for restarts and the other replicas.
type Cache interface {
	// SaveCatalogue keeps data, fetched at stamp, in the place of what was kept.
	SaveCatalogue(ctx context.Context, p esim.Provider, stamp time.Time, data []byte) error
	// LoadCatalogue returns what is kept; ErrNoCatalogue.
	LoadCatalogue(ctx context.Context, p esim.Provider) (data []byte, stamp time.Time, err error)
	// CatalogueStamp returns when what is kept was fetched; ErrNoCatalogue.
	CatalogueStamp(ctx context.Context, p esim.Provider) (time.Time, error)
	// Claim takes name for ttl and says whether it was free.
	Claim(ctx context.Context, name string, ttl time.Duration) (bool, error)
	// Release gives a claim up before its time.
	Release(ctx context.Context, name string) error
}

// ErrNoCatalogue is returned by a Cache that holds no catalogue of the provider.
var ErrNoCatalogue = errors.New("no catalogue kept")

// A Config is what a Catalog is made of.
type Config struct {
	Providers []providers.Provider
	Pricing   Pricing
	Cache     Cache
	Bundle    *locales.Bundle
	// Refresh is how long a catalogue is good for.
	Refresh time.Duration
	Now     func() time.Time
	Log     *slog.Logger
	// Panicked counts the panics that were caught, by where; nil: nobody counts.
	Panicked func(where string)
	// Renewed is called some time after another Snapshot is there; nil: nobody. Making one needs several
	// times its memory.
	Renewed func()
	// Alert tells the admins; one alert goes out per key. Keys are "catalogue:<provider>" for a
	// catalogue that was refused, "provider:<provider>" for one that could not be fetched, and
	// "balance:<provider>" for a balance that did not cover a plan asked for.
	Alert func(ctx context.Context, key, detail string)
}

// A Catalog keeps the present Snapshot. It is safe for concurrent use.
type Catalog struct {
	cfg      Config
	snapshot atomic.Pointer[Snapshot]

	mu     sync.Mutex
	kept   map[esim.Provider]stock
	warned map[string]bool // names of places that no country has, logged once
}

// A stock is one provider's last good catalogue.
type stock struct {
	listings []providers.Listing
	stamp    time.Time // when it was fetched, UTC
}

// New checks cfg and returns a Catalog whose Snapshot is empty.
func New(cfg Config) (*Catalog, error) {
	switch {
	case len(cfg.Providers) == 0:
		return nil, errors.New("catalogue: no provider")
	case cfg.Refresh <= 0:
		return nil, fmt.Errorf("catalogue: refresh every %s", cfg.Refresh)
	case cfg.Cache == nil || cfg.Bundle == nil || cfg.Now == nil || cfg.Log == nil || cfg.Alert == nil:
		return nil, errors.New("catalogue: incomplete configuration")
	}
	if err := cfg.Pricing.Validate(); err != nil {
		return nil, err
	}
	c := &Catalog{cfg: cfg, kept: map[esim.Provider]stock{}, warned: map[string]bool{}}
	c.snapshot.Store(&Snapshot{})
	return c, nil
}

// Snapshot returns the present plans. It is never nil, and empty before the first load.
func (c *Catalog) Snapshot() *Snapshot { return c.snapshot.Load() }

// Fetched returns when each provider's plans on sale were fetched, UTC.
func (c *Catalog) Fetched() map[esim.Provider]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	fetched := make(map[esim.Provider]time.Time, len(c.kept))
	for p, s := range c.kept {
		fetched[p] = s.stamp
	}
	return fetched
}

// stock returns a provider's last good catalogue.
func (c *Catalog) stock(p esim.Provider) (stock, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.kept[p]
	return s, ok
}

// put takes catalogues for good, but for those of which a newer one came meanwhile, and makes a new
// Snapshot of all that is kept.
func (c *Catalog) put(came map[esim.Provider]stock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, s := range came {
		if have, ok := c.kept[p]; !ok || !have.stamp.After(s.stamp) {
			c.kept[p] = s
		}
	}
	sold := make(map[esim.Provider][]providers.Listing, len(c.kept))
	for p, s := range c.kept {
		sold[p] = s.listings
	}
	snapshot := NewSnapshot(c.cfg.Bundle, c.cfg.Pricing, sold)
	if c.Snapshot().Loaded() { // the first one is waited for; Run warms it
		snapshot.Warm()
	}
	c.snapshot.Store(snapshot)
	c.report(snapshot)
}

// maxWarned bounds what is remembered of unknown names.
const maxWarned = 1000

// report logs what is on sale now, and each name that no country has once.
func (c *Catalog) report(s *Snapshot) {
	for _, name := range slices.Sorted(maps.Keys(s.unknown)) {
		if !c.warned[name] && len(c.warned) < maxWarned {
			c.warned[name] = true
			c.cfg.Log.Warn("unknown place in a catalogue", "place", name, "times", s.unknown[name])
		}
	}
	c.cfg.Log.Info("catalogue renewed", "plans", len(s.plans), "countries", len(s.countries),
		"regions", len(s.regions), "left_out", s.skipped)
}
