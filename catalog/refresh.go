package catalog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

const (
	// fetchTimeout is how long fetching a whole catalogue may take.
	fetchTimeout = 4 * time.Minute
	// look is how often the Cache is asked whether another replica has fetched; lookEmpty while there is
	// a provider with nothing to sell, which that replica's customers see already.
	look = time.Minute
	// firstRest is how long a shop that sells already waits before it looks.
	firstRest = time.Second
	lookEmpty = 2 * time.Second
	// rest is how long a provider is left alone after it was asked, whatever came of it; restEmpty
	// while there is nothing to sell.
	rest      = 30 * time.Minute
	restEmpty = time.Minute
	// handOverTimeout bounds giving a claim up when the process ends.
	handOverTimeout = 5 * time.Second
)

// Restore loads the last good copies from the Cache. Copies that are missing or can't be read are
// no error: they are fetched anew.
func (c *Catalog) Restore(ctx context.Context) error {
	type loaded struct {
		stock
		ok  bool
		err error
	}
	list := make([]loaded, len(c.cfg.Providers))
	var loading sync.WaitGroup
	for i, p := range c.cfg.Providers {
		loading.Go(func() { list[i].stock, list[i].ok, list[i].err = c.load(ctx, p.ID()) })
	}
	loading.Wait()
	came := map[esim.Provider]stock{}
	var errs []error
	for i, p := range c.cfg.Providers {
		errs = append(errs, list[i].err)
		if list[i].ok {
			came[p.ID()] = list[i].stock
		}
	}
	if len(came) > 0 {
		c.put(came)
	}
	return errors.Join(errs...)
}

// load reads a provider's catalogue from the Cache; false if there is none that can be read.
func (c *Catalog) load(ctx context.Context, p esim.Provider) (stock, bool, error) {
	data, stamp, err := c.cfg.Cache.LoadCatalogue(ctx, p)
	if errors.Is(err, ErrNoCatalogue) {
		return stock{}, false, nil
	}
	if err != nil {
		return stock{}, false, fmt.Errorf("load the kept catalogue of %s: %w", p, err)
	}
	listings, err := decode(data, p)
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "kept catalogue can't be read", "provider", p, "error", err)
		return stock{}, false, nil
	}
	return stock{listings: listings, stamp: c.believed(stamp)}, true, nil
}

// believed returns a stamp from the Cache as it is, or no time at all if it lies ahead: a clock that
// was once wrong must not keep the catalogue from being renewed.
func (c *Catalog) believed(stamp time.Time) time.Time {
	if stamp.After(c.cfg.Now().Add(look)) {
		return time.Time{}
	}
	return stamp
}

// Run restores the last good copies, and until ctx ends keeps the catalogue fresh: what is older
// than Refresh is fetched by whichever replica claims it, and the others take the new copy from
// the Cache. It returns nil when ctx ends.
func (c *Catalog) Run(ctx context.Context) error {
	if c.Snapshot().Loaded() {
		wait(ctx, firstRest) // it sells already: whoever waited for the shop to start goes first
	} else if err := c.Restore(ctx); err != nil {
		c.cfg.Log.WarnContext(ctx, "catalogue not restored", "error", err)
	}
	var known *Snapshot
	for ctx.Err() == nil {
		known = c.warm(known)
		if err := c.tend(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.ErrorContext(ctx, "catalogue not renewed", "error", err)
		}
		known = c.warm(known)
		// Replicas that started together drift apart.
		every := c.every()
		wait(ctx, every*3/4+rand.N(every/2)) //nolint:gosec // G404: jitter guards nothing
	}
	return nil
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// every is how long to wait for the next look.
func (c *Catalog) every() time.Duration {
	for _, p := range c.cfg.Providers {
		if _, ok := c.stock(p.ID()); !ok {
			return lookEmpty
		}
	}
	return look
}

// warm makes the present Snapshot ready to be searched, if it is another than the one known, and says
// that there is one. It returns the present one.
func (c *Catalog) warm(known *Snapshot) *Snapshot {
	s := c.Snapshot()
	if s == known {
		return s
	}
	s.Warm()
	if c.cfg.Renewed != nil && s.Loaded() {
		c.cfg.Renewed()
	}
	return s
}

// tend does what is to be done at this moment: takes newer copies from the Cache, fetches what is
// stale and can be claimed.
func (c *Catalog) tend(ctx context.Context) error {
	return c.each(func(p providers.Provider) error {
		if err := c.follow(ctx, p.ID()); err != nil {
			return err
		}
		have, ok := c.stock(p.ID())
		if ok && c.cfg.Now().Sub(have.stamp) < c.cfg.Refresh {
			return nil
		}
		ttl := restEmpty
		if ok {
			ttl = min(rest, c.cfg.Refresh)
		}
		claim := "catalog:" + string(p.ID())
		won, err := c.cfg.Cache.Claim(ctx, claim, ttl)
		if err != nil {
			return fmt.Errorf("claim the catalogue of %s: %w", p.ID(), err)
		}
		if !won {
			return nil
		}
		err = c.fetch(ctx, p)
		if err != nil && ctx.Err() != nil {
			return errors.Join(err, c.handOver(ctx, claim))
		}
		return err
	})
}

// handOver gives a claim up when the process ends, so that another replica fetches with its next look.
func (c *Catalog) handOver(ctx context.Context, claim string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverTimeout)
	defer cancel()
	if err := c.cfg.Cache.Release(ctx, claim); err != nil {
		return fmt.Errorf("give up %s: %w", claim, err)
	}
	return nil
}

// follow takes the copy in the Cache if it is newer than ours.
func (c *Catalog) follow(ctx context.Context, p esim.Provider) error {
	stamp, err := c.cfg.Cache.CatalogueStamp(ctx, p)
	if errors.Is(err, ErrNoCatalogue) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask for the stamp of the catalogue of %s: %w", p, err)
	}
	if have, ok := c.stock(p); ok && !c.believed(stamp).After(have.stamp) {
		return nil
	}
	s, ok, err := c.load(ctx, p)
	if ok {
		c.put(map[esim.Provider]stock{p: s})
	}
	return err
}

// Refresh fetches every provider's catalogue now. One that fails, or answers nonsense, keeps its
// last good one; the others are renewed all the same.
func (c *Catalog) Refresh(ctx context.Context) error {
	return c.each(func(p providers.Provider) error { return c.fetch(ctx, p) })
}

// each does work for every provider at once and waits for all. A panic of one is logged and counted
// here, and an error to the caller: the others are worked for all the same.
func (c *Catalog) each(work func(providers.Provider) error) error {
	errs := make([]error, len(c.cfg.Providers))
	var group sync.WaitGroup
	for i, p := range c.cfg.Providers {
		group.Go(func() { errs[i] = c.caught(p.ID(), providers.Guard(func() error { return work(p) })()) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// caught logs and counts err if it is a panic, and returns it.
func (c *Catalog) caught(p esim.Provider, err error) error {
	var panicked *providers.Panic
	if errors.As(err, &panicked) {
		c.cfg.Log.Error("panic", "where", "catalogue", "provider", p, "panic", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
		if c.cfg.Panicked != nil {
			c.cfg.Panicked("catalogue")
		}
	}
	return err
}

// fetch renews one provider's catalogue.
func (c *Catalog) fetch(ctx context.Context, p providers.Provider) error {
	limited, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	now := c.cfg.Now().UTC()
	fetched, err := p.Catalogue(limited)
	if err != nil {
		err = fmt.Errorf("fetch the catalogue of %s: %w", p.ID(), err)
		if ctx.Err() == nil {
			c.cfg.Alert(ctx, "provider:"+string(p.ID()), err.Error())
		}
		return err
	}
	good, _ := c.stock(p.ID())
	listings, err := sane(fetched.Listings, good, now, c.patience())
	if err != nil {
		err = fmt.Errorf("catalogue of %s refused, the one of %s stays: %w", p.ID(), good.stamp.Format(time.RFC3339), err)
		c.cfg.Alert(ctx, "catalogue:"+string(p.ID()), err.Error())
		return err
	}
	if left := fetched.Skipped + len(fetched.Listings) - len(listings); left > 0 {
		c.cfg.Log.WarnContext(ctx, "plans left out of a catalogue", "provider", p.ID(), "plans", left)
	}
	c.put(map[esim.Provider]stock{p.ID(): {listings: listings, stamp: now}})
	data, err := encode(listings)
	if err != nil {
		return err
	}
	if err := c.cfg.Cache.SaveCatalogue(ctx, p.ID(), now, data); err != nil {
		return fmt.Errorf("keep the catalogue of %s: %w", p.ID(), err)
	}
	return nil
}

// patience is how old the last good catalogue must be before a much smaller one is believed.
func (c *Catalog) patience() time.Duration { return max(24*time.Hour, 4*c.cfg.Refresh) }
