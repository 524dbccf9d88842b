package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// A wholesaler is a provider that answers what it is told to. Calls other than those of the
// catalogue panic.
type wholesaler struct {
	providers.Provider
	id esim.Provider

	mu        sync.Mutex
	listings  []providers.Listing
	err       error // of every call
	balance   decimal.Decimal
	hang      bool // until the context ends
	catalogue int  // calls
}

func (w *wholesaler) ID() esim.Provider { return w.id }

func (w *wholesaler) set(change func(*wholesaler)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *wholesaler) answer(ctx context.Context) error {
	w.mu.Lock()
	hang, err := w.hang, w.err
	w.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (w *wholesaler) Catalogue(ctx context.Context) (providers.Catalogue, error) {
	err := w.answer(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catalogue++
	return providers.Catalogue{Listings: slices.Clone(w.listings)}, err
}

func (w *wholesaler) Balance(ctx context.Context) (decimal.Decimal, error) {
	err := w.answer(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.balance, err
}

func (w *wholesaler) Fresh(ctx context.Context, plan esim.Plan) (providers.Listing, error) {
	if err := w.answer(ctx); err != nil {
		return providers.Listing{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.listings {
		if l.Plan.ID == plan.ID {
			return l, nil
		}
	}
	return providers.Listing{}, fmt.Errorf("fresh: %w", providers.ErrPlanGone)
}

// A memory is a Cache shared by several replicas, with the clock's idea of time.
type memory struct {
	mu     sync.Mutex
	now    func() time.Time
	data   map[esim.Provider][]byte
	stamps map[esim.Provider]time.Time
	claims map[string]time.Time
	err    error
}

func (m *memory) SaveCatalogue(_ context.Context, p esim.Provider, stamp time.Time, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.data[p], m.stamps[p] = data, stamp
	}
	return m.err
}

func (m *memory) LoadCatalogue(_ context.Context, p esim.Provider) ([]byte, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.data[p]; ok || m.err != nil {
		return data, m.stamps[p], m.err
	}
	return nil, time.Time{}, ErrNoCatalogue
}

func (m *memory) CatalogueStamp(ctx context.Context, p esim.Provider) (time.Time, error) {
	_, stamp, err := m.LoadCatalogue(ctx, p)
	return stamp, err
}

func (m *memory) Claim(_ context.Context, name string, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.err != nil || m.claims[name].After(now) {
		return false, m.err
	}
	m.claims[name] = now.Add(ttl)
	return true, nil
}

// A shop is a Catalog with its surroundings.
type shop struct {
	t             *testing.T
	cloud, mobile *wholesaler
	cache         *memory
	now           time.Time
	alerts        []string
	mu            sync.Mutex
}

func newShop(t *testing.T) *shop {
	s := &shop{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	s.cache = &memory{now: s.clock, data: map[esim.Provider][]byte{}, stamps: map[esim.Provider]time.Time{}, claims: map[string]time.Time{}}
	japan := providers.Place{Code: "JP"}
	s.cloud = &wholesaler{id: cloud, balance: dec("100")}
	s.mobile = &wholesaler{id: mobile, balance: dec("100")}
	for i := range 20 {
		s.cloud.listings = append(s.cloud.listings, in(listing(cloud, fmt.Sprintf("JP%d", i), i+1, 30, fmt.Sprint(2+i)), japan))
		s.mobile.listings = append(s.mobile.listings, in(listing(mobile, fmt.Sprint(800+i), i+1, 30, fmt.Sprintf("%d.5", 2+i)), japan))
	}
	return s
}

func (s *shop) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shop) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// replica starts one more Catalog on the same Cache.
func (s *shop) replica() *Catalog {
	s.t.Helper()
	c, err := New(Config{
		Providers: []providers.Provider{s.cloud, s.mobile},
		Pricing:   usd(), Cache: s.cache, Bundle: bundle(s.t), Refresh: 6 * time.Hour, Now: s.clock,
		Log: slog.New(slog.DiscardHandler),
		Alert: func(_ context.Context, key, _ string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.alerts = append(s.alerts, key)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *shop) alerted() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.alerts)
	alerts := strings.Join(s.alerts, " ")
	s.alerts = nil
	return alerts
}

func (s *shop) fetches() int {
	n := 0
	for _, w := range []*wholesaler{s.cloud, s.mobile} {
		w.set(func(w *wholesaler) { n += w.catalogue })
	}
	return n
}

func TestRestartSellsAtOnce(t *testing.T) {
	s := newShop(t)
	if err := s.replica().Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.cloud.err, s.mobile.err = errors.New("down"), errors.New("down")
	restarted := s.replica()
	if restarted.Snapshot().Loaded() {
		t.Fatal("sells before anything was loaded")
	}
	if err := restarted.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(restarted.Snapshot().Plans("c_jp")); got != 20 {
		t.Errorf("%d plans after a restart", got)
	}
	if got := restarted.Fetched(); !got[cloud].Equal(s.now) || !got[mobile].Equal(s.now) {
		t.Errorf("fetched %v", got)
	}
}

func TestRestoreOfRubbish(t *testing.T) {
	s := newShop(t)
	good, err := encode(s.cloud.listings)
	if err != nil {
		t.Fatal(err)
	}
	var newer bytes.Buffer
	packed := gzip.NewWriter(&newer)
	if _, err := fmt.Fprintf(packed, `{"schema":%d,"listings":[]}`, schema+1); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"newer": newer.Bytes(), "empty": nil, "no gzip": []byte("{}"), "cut short": good[:len(good)/2], "another provider's": good,
	} {
		s.cache.data[mobile] = data
		s.cache.stamps[mobile] = s.now
		c := s.replica()
		if err := c.Restore(t.Context()); err != nil || c.Snapshot().Loaded() {
			t.Errorf("%s: %v, sells %v", name, err, c.Snapshot().Loaded())
		}
	}
}

func TestOneReplicaFetchesForAll(t *testing.T) {
	s := newShop(t)
	a, b := s.replica(), s.replica()
	for _, c := range []*Catalog{a, b, a, b} {
		if err := c.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.fetches(); got != 2 {
		t.Errorf("%d catalogues fetched, want one from each provider", got)
	}
	if !a.Snapshot().Loaded() || !b.Snapshot().Loaded() {
		t.Error("one replica sells nothing")
	}
	s.advance(6 * time.Hour)
	s.cloud.set(func(w *wholesaler) { w.listings = w.listings[1:] })
	for _, c := range []*Catalog{b, a} {
		if err := c.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.fetches(); got != 4 {
		t.Errorf("%d catalogues fetched in all, want two from each provider", got)
	}
	for _, c := range []*Catalog{a, b} {
		if _, ok := c.Snapshot().Plan(esim.Plan{Provider: cloud, ID: "JP0"}.Ref()); ok || !c.Fetched()[cloud].Equal(s.clock()) {
			t.Error("a replica sells the old catalogue")
		}
	}
}

func TestFailedProviderIsAskedSeldomAndHindersNobody(t *testing.T) {
	s := newShop(t)
	c := s.replica()
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.advance(6 * time.Hour)
	s.mobile.set(func(w *wholesaler) { w.err = errors.New("down") })
	for range 10 {
		_ = c.tend(t.Context())
		s.advance(time.Minute)
	}
	if got := s.alerted(); got != "provider:mobilexy" {
		t.Errorf("alerts %q", got)
	}
	if got := len(c.Snapshot().plans); got != 40 {
		t.Errorf("%d plans, want all 40", got)
	}
	if got := c.Fetched(); got[cloud].Equal(got[mobile]) {
		t.Error("the other provider was not renewed")
	}
	s.mobile.set(func(w *wholesaler) { w.err = nil })
	s.advance(rest)
	if err := c.tend(t.Context()); err != nil || !c.Fetched()[mobile].Equal(s.clock()) {
		t.Errorf("not renewed when it answers again: %v", err)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	price := func(change func(decimal.Decimal) decimal.Decimal, n int) func(*wholesaler) {
		return func(w *wholesaler) {
			w.listings = slices.Clone(w.listings)
			for i := range n {
				w.listings[i].Plan.Wholesale = change(w.listings[i].Plan.Wholesale)
			}
		}
	}
	times := func(f string) func(decimal.Decimal) decimal.Decimal {
		return func(d decimal.Decimal) decimal.Decimal { return d.Mul(dec(f)) }
	}
	for name, c := range map[string]struct {
		change  func(*wholesaler)
		refused bool
	}{
		"empty":             {func(w *wholesaler) { w.listings = nil }, true},
		"less than half":    {func(w *wholesaler) { w.listings = w.listings[:9] }, true},
		"half":              {func(w *wholesaler) { w.listings = w.listings[:10] }, false},
		"free":              {price(times("0"), 20), true},
		"negative":          {price(times("-1"), 20), true},
		"a thousand times":  {price(times("1000"), 20), true},
		"twenty times":      {price(times("20"), 20), true},
		"a twentieth":       {price(times("0.05"), 20), true},
		"three of twenty":   {price(times("1000"), 3), true},
		"two of twenty":     {price(times("1000"), 2), false},
		"dearer":            {price(times("1.9"), 20), false},
		"half price":        {price(times("0.5"), 20), false},
		"same plan, thrice": {func(w *wholesaler) { w.listings = append(w.listings, w.listings[0], w.listings[0]) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			shop := s.replica()
			if err := shop.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := shop.Fetched()[cloud]
			s.advance(6 * time.Hour)
			s.cloud.set(c.change)
			err := shop.Refresh(t.Context())
			if refused := err != nil; refused != c.refused {
				t.Fatalf("refused %v: %v", refused, err)
			}
			stayed := shop.Fetched()[cloud].Equal(before)
			if want := map[bool]string{true: "catalogue:cloudesim"}[c.refused]; s.alerted() != want || stayed != c.refused {
				t.Errorf("want alert %q; the old one stayed: %v", want, stayed)
			}
			for _, p := range shop.Snapshot().plans {
				if p.Wholesale.GreaterThan(dec("50")) || !p.Wholesale.IsPositive() {
					t.Errorf("sells %s at cost %s", p.Key(), p.Wholesale)
				}
			}
			if got := shop.Fetched()[mobile]; !got.Equal(s.clock()) {
				t.Error("the other provider was not renewed")
			}
		})
	}
}

// A provider that really sells less is believed in the end; one that sells nothing never.
func TestLessIsBelievedInTheEnd(t *testing.T) {
	s := newShop(t)
	c := s.replica()
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.cloud.set(func(w *wholesaler) { w.listings = w.listings[:5] })
	s.advance(c.patience() - time.Second)
	if err := c.Refresh(t.Context()); !errors.Is(err, errShrunk) {
		t.Errorf("believed too soon: %v", err)
	}
	s.advance(time.Second)
	if err := c.Refresh(t.Context()); err != nil {
		t.Errorf("not believed: %v", err)
	}
	s.cloud.set(func(w *wholesaler) { w.listings = nil })
	s.advance(30 * 24 * time.Hour)
	if err := c.Refresh(t.Context()); !errors.Is(err, errEmpty) {
		t.Errorf("nothing was believed: %v", err)
	}
}

// A copy stamped by a clock that ran ahead is sold, but renewed at once.
func TestStampFromTheFuture(t *testing.T) {
	s := newShop(t)
	if err := s.replica().Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.advance(-48 * time.Hour)
	c := s.replica()
	if err := c.Restore(t.Context()); err != nil || !c.Snapshot().Loaded() {
		t.Fatalf("not restored: %v", err)
	}
	if err := c.tend(t.Context()); err != nil || !c.Fetched()[cloud].Equal(s.clock()) {
		t.Errorf("not renewed: %v, fetched %v", err, c.Fetched())
	}
}

func TestRunSellsDespiteABrokenCacheAndStops(t *testing.T) {
	s := newShop(t)
	s.cache.err = errors.New("redis is down")
	c := s.replica()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	// Nothing can be claimed without the Cache; a refresh by hand still sells.
	if err := c.Refresh(ctx); err == nil || !c.Snapshot().Loaded() {
		t.Errorf("refresh: %v, sells %v", err, c.Snapshot().Loaded())
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run does not end")
	}
}

func TestNewRefusesHalfAConfiguration(t *testing.T) {
	s := newShop(t)
	whole := s.replica().cfg
	for name, change := range map[string]func(*Config){
		"providers": func(c *Config) { c.Providers = nil },
		"refresh":   func(c *Config) { c.Refresh = 0 },
		"cache":     func(c *Config) { c.Cache = nil },
		"pricing":   func(c *Config) { c.Pricing.Rate = dec("0") },
		"alert":     func(c *Config) { c.Alert = nil },
	} {
		cfg := whole
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
