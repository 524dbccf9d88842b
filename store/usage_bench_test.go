package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
	"esimbot/usage/simulation"
)

// These tests print the figures of docs/performance.md with the fleets that `make bench-usage` has
// them watch. Without BENCH_ESIMS and BENCH_LIVES the fleets are small: enough to see that nothing is
// rotten.
const (
	fewESIMs = 3_000
	fewLives = 300
)

// sizeOf reads the size of a fleet from the environment.
func sizeOf(t *testing.T, name string, few int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 100 || n > 10_000_000 {
		t.Fatalf("%s is %q, not a number of eSIMs from 100 to 10,000,000", name, text)
	}
	return n
}

// A shop is a fleet watched from one Redis, and its replicas, each with connections of its own.
type shop struct {
	t        *testing.T
	fleet    *simulation.Fleet
	url      string
	replicas []*watching
}

// watching is one replica's watch.
type watching struct {
	*usage.Watcher
	store *store.Store
	looks atomic.Int64 // eSIMs that were asked for
	// stop is called once looks reaches most, unless that is 0.
	most int64
	stop func()
}

// openShop starts a Redis with a fleet in it. What a machine's disk can do isn't measured: the file
// that Redis appends to is off.
func openShop(t *testing.T, c simulation.Config) *shop {
	t.Helper()
	s := &shop{t: t, fleet: simulation.New(c), url: storetest.Start(t, "--appendonly", "no").URL()}
	return s
}

// replica adds a replica.
func (s *shop) replica(rules usage.Rules) *watching {
	s.t.Helper()
	w := &watching{store: s.open()}
	var err error
	w.Watcher, err = usage.New(usage.Config{
		Store: w.store.Usage(), Teller: s.fleet, Meters: s.fleet.Meters(), Now: s.fleet.Now, Log: slog.New(slog.DiscardHandler),
		PollMin: 2 * time.Hour, PollMax: 24 * time.Hour, Rules: rules,
		Hooks: usage.Hooks{
			Looked: func(esim.Provider, bool) {
				if w.looks.Add(1) == w.most {
					w.stop()
				}
			},
			Failed: func(doing string, err error) { s.t.Errorf("%s: %v", doing, err) },
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.replicas = append(s.replicas, w)
	return w
}

func (s *shop) open() *store.Store {
	s.t.Helper()
	opened, err := store.Open(s.t.Context(), s.url, store.Options{Keys: [][]byte{key('a')}, Now: s.fleet.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// sell puts the eSIMs from … to there.
func (s *shop) sell(from, to int) {
	s.t.Helper()
	const page, hands = 500, 2
	opened := s.open()
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range hands {
		wg.Go(func() {
			for {
				end := int(next.Add(page))
				begin := end - page
				if begin >= to {
					return
				}
				list := make([]*usage.ESIM, 0, page)
				for i := begin; i < min(end, to); i++ {
					list = append(list, s.fleet.Document(i))
				}
				if err := store.PutAll(s.t.Context(), opened, list); err != nil {
					s.t.Errorf("eSIMs from %d on: %v", begin, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// round has every replica look at what is due, all at once.
func (s *shop) round() {
	s.t.Helper()
	var wg sync.WaitGroup
	for _, w := range s.replicas {
		wg.Go(func() {
			if _, err := w.Round(s.t.Context()); err != nil {
				s.t.Error(err)
			}
		})
	}
	wg.Wait()
}

func (s *shop) looks() (n int64) {
	for _, w := range s.replicas {
		n += w.looks.Load()
	}
	return n
}

// row prints one line of figures.
func row(t *testing.T, name, format string, figures ...any) {
	t.Helper()
	_, _ = fmt.Fprintf(t.Output(), "%-72s "+format+"\n", append([]any{name}, figures...)...) // the test's own log
}

// once fails the test where a provider was asked or a customer told twice.
func (s *shop) once(c simulation.Counts) {
	s.t.Helper()
	if c.AskedTwice > 0 || c.ToldTwice > 0 {
		s.t.Errorf("asked twice %d times, told twice %d times", c.AskedTwice, c.ToldTwice)
	}
}

func rulesOf(night bool) usage.Rules {
	r := usage.Rules{Thresholds: []int{20, 5}, ExpiryNotice: 24 * time.Hour}
	if night {
		r.Night, r.Zones = usage.Night{From: 22, To: 8}, usage.NewZones()
	}
	return r
}

// TestUsageAtScale loads a shop that has sold BENCH_ESIMS eSIMs within half a day and looked at none,
// and has its replicas catch up: one alone at first, for the looks a second that it can do, then two at
// once. Then comes the night in which the customers who aren't online yet are written to.
func TestUsageAtScale(t *testing.T) {
	size := sizeOf(t, "BENCH_ESIMS", fewESIMs)
	const sold = 12 * time.Hour
	s := openShop(t, simulation.Config{
		Seed: 1, ESIMs: size, Start: epoch, Spread: sold, Thresholds: []int{20, 5}, IdleShare: 40, HeavyShare: 10, PollMin: 2 * time.Hour,
	})
	raw := client(t, s.url)
	const early = 50
	s.sell(0, early) // connections, scripts and buffers are there before anything is measured
	empty, began := usedMemory(t, raw), time.Now()
	s.sell(early, size)
	row(s.t, "eSIMs, half of each provider, on real Redis", "%d in %d keys, put there in %s", size, raw.DBSize(t.Context()).Val(), time.Since(began).Round(time.Second))
	memory := func(when string) {
		each := float64(usedMemory(t, raw)-empty) / float64(size-early)
		row(s.t, "memory of Redis an eSIM, every key counted, "+when, "%.0f bytes (at most %d)", each, perESIM)
		if each > perESIM && size > fewESIMs { // with few, what the server needs for itself weighs too much
			t.Errorf("%.0f bytes an eSIM", each)
		}
	}
	memory("as sold")

	s.fleet.Advance(sold + 10*time.Hour) // every first look is due
	s.alone(min(int64(size/2), 150_000))
	s.replica(rulesOf(true))
	before, began := s.looks(), time.Now()
	s.round()
	c := s.fleet.Counts()
	row(s.t, "two replicas at once, on the same processors", "%.0f looks a second together", float64(s.looks()-before)/time.Since(began).Seconds())
	s.report(c)
	if c.Asked != size || s.looks() != int64(size) {
		t.Errorf("%d looks at %d of %d eSIMs", s.looks(), c.Asked, size)
	}

	s.fleet.Advance(2 * time.Hour) // a day after the first ones were sold
	const hours, step = 2, time.Minute
	for range hours * time.Hour / step {
		s.round()
		s.fleet.Advance(step)
	}
	c = s.fleet.Counts()
	row(s.t, "a day after the first were sold, for so long", "%d hours", hours)
	s.report(c)
	if c.Messages < size/20 {
		t.Errorf("%d messages prove little", c.Messages)
	}
	memory("watched for a day")
}

// alone has one replica do so many looks.
func (s *shop) alone(looks int64) {
	s.t.Helper()
	w := s.replica(rulesOf(true))
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var took time.Duration
	var trips int64
	count, began := w.store.CountRoundTrips(), time.Now()
	w.most, w.stop = looks, func() {
		took, trips = time.Since(began), count()
		cancel()
	}
	if _, err := w.Round(ctx); err != nil {
		s.t.Fatal(err)
	}
	row(s.t, fmt.Sprintf("one replica, with Redis on the same %d processors", runtime.NumCPU()), "%.0f looks a second, %d of them, each in %.3f round trips to Redis",
		float64(looks)/took.Seconds(), looks, float64(trips)/float64(looks))
}

func (s *shop) report(c simulation.Counts) {
	s.t.Helper()
	row(s.t, "  eSIMs asked for; calls to CloudeSIM, to Mobilexy", "%d; %d, %d", c.Asked, c.Calls[esim.CloudESIM], c.Calls[esim.Mobilexy])
	row(s.t, "  messages sent", "%d", c.Messages)
	row(s.t, "  asked twice, counted at the provider; told twice, counted at Telegram", "%d; %d", c.AskedTwice, c.ToldTwice)
	s.once(c)
}

// TestUsageForLife watches BENCH_LIVES eSIMs through their whole lives with two replicas on real Redis.
func TestUsageForLife(t *testing.T) {
	size := sizeOf(t, "BENCH_LIVES", fewLives)
	const days = 38
	s := openShop(t, simulation.Config{
		Seed: 1, ESIMs: size, Start: epoch, Spread: 24 * time.Hour, Thresholds: []int{20, 5}, IdleShare: 40, HeavyShare: 10, PollMin: 2 * time.Hour,
	})
	s.sell(0, size)
	for range 2 {
		s.replica(rulesOf(false)) // at night offers wait for the morning, which isn't what is measured
	}
	step := time.Minute
	if size == fewLives {
		step = 10 * time.Minute
	}
	began := time.Now()
	for end := epoch.AddDate(0, 0, days); s.fleet.Now().Before(end); s.fleet.Advance(step) {
		s.round()
	}
	r := s.fleet.Report()
	row(s.t, "eSIMs watched for their whole lives by two replicas", "%d for %d days: %d looks, in %s", size, days, s.looks(), time.Since(began).Round(time.Second))
	_, _ = fmt.Fprint(t.Output(), r) // the test's own log
	s.report(r.Counts)
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		if r.InUse[p].Late+r.Unseen[p].Late > 0 || r.InUse[p].Crossings < size/4 {
			t.Errorf("%s: %+v %+v", p, r.InUse[p], r.Unseen[p])
		}
	}
}
