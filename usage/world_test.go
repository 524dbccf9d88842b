package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
	"esimbot/usage/simulation"
)

// world is a store, two providers, the customers' chats and a clock, which outlive any watcher.
type world struct {
	t     *testing.T
	store *simulation.Memory

	mu      sync.Mutex
	now     time.Time
	used    map[string]func(now time.Time) esim.Usage // by order number, what its provider would tell
	asked   map[string][]time.Time                    // by order number
	batches map[esim.Provider][]int                   // sizes of calls
	fails   map[esim.Provider]error                   // of every call
	told    map[string]int                            // messages by eSIM and key
	notices []usage.Notice
	refuses func(e *usage.ESIM) error // of Tell
	refused map[usage.Refusal]int
	looks   int
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, store: simulation.NewMemory(), now: noon(), used: map[string]func(time.Time) esim.Usage{}, asked: map[string][]time.Time{},
		batches: map[esim.Provider][]int{}, fails: map[esim.Provider]error{}, told: map[string]int{}, refused: map[usage.Refusal]int{},
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// sell puts the n-th eSIM there, bought now, whose 10 GB last for so long from now on; 0: never used.
func (w *world) sell(n int, p esim.Provider, lasts time.Duration) *usage.ESIM {
	start := w.clock()
	e := &usage.ESIM{
		Schema: usage.Schema, Version: 1, ID: fmt.Sprintf("%010d", n), Customer: int64(n + 1), OrderNo: fmt.Sprint("N", n),
		Plan:   esim.Plan{Provider: p, Kind: esim.Fixed, Bytes: 10 * esim.GB, Days: 30, Destination: esim.Destination{Kind: esim.Country, Code: "JP"}},
		Status: esim.StatusReady, TotalBytes: 10 * esim.GB, UsedBytes: -1, BoughtAt: start, NextAt: start,
	}
	if p == esim.Mobilexy {
		e.TranNo = fmt.Sprint("T", n)
	}
	w.store.Put(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used[e.OrderNo] = func(now time.Time) esim.Usage {
		used := int64(0)
		if lasts > 0 {
			used = min(10*esim.GB, int64(float64(10*esim.GB)*float64(now.Sub(start))/float64(lasts)))
		}
		u := esim.Usage{OrderNo: e.OrderNo, TranNo: e.TranNo, Status: esim.StatusInUse, At: now, UsedBytes: used, TotalBytes: 10 * esim.GB, RemainingBytes: 10*esim.GB - used}
		if used == 0 {
			u.Status = esim.StatusReady
		}
		return u
	}
	return e
}

func (w *world) load(id string) *usage.ESIM {
	w.t.Helper()
	e, err := w.store.Load(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// meter is a provider of the world.
type meter struct {
	w *world
	p esim.Provider
}

func (m meter) ID() esim.Provider { return m.p }

func (m meter) Abilities() providers.Abilities {
	if m.p == esim.Mobilexy {
		return providers.Abilities{BatchSize: 10, UsageDelay: 4 * time.Hour, UsageEvery: 3 * time.Hour}
	}
	return providers.Abilities{BatchSize: 1, QueryByNo: true}
}

func (m meter) Usage(_ context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.w.batches[m.p] = append(m.w.batches[m.p], len(refs))
	if err := m.w.fails[m.p]; err != nil {
		return nil, err
	}
	var all []esim.Usage
	for _, ref := range refs {
		m.w.asked[ref.OrderNo] = append(m.w.asked[ref.OrderNo], m.w.now)
		if tell := m.w.used[ref.OrderNo]; tell != nil {
			all = append(all, tell(m.w.now))
		}
	}
	slices.Reverse(all) // nobody promised an order
	return all, nil
}

// Tell is the customer's chat.
func (w *world) Tell(_ context.Context, e *usage.ESIM, n usage.Notice) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuses != nil {
		if err := w.refuses(e); err != nil {
			return err
		}
	}
	w.told[e.ID+" "+n.Key]++
	w.notices = append(w.notices, n)
	return nil
}

func (w *world) config() usage.Config {
	return usage.Config{
		Store: w.store, Teller: w, Meters: []usage.Meter{meter{w, esim.CloudESIM}, meter{w, esim.Mobilexy}},
		Rules:   usage.Rules{Thresholds: []int{20, 5}, ExpiryNotice: 24 * time.Hour},
		PollMin: 2 * time.Hour, PollMax: 24 * time.Hour, Now: w.clock, Log: slog.New(slog.DiscardHandler), Batch: 7, Parallel: 1,
		Hooks: usage.Hooks{
			Refused: func(_ esim.Provider, why usage.Refusal) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.refused[why]++
			},
			Looked: func(esim.Provider, bool) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.looks++
			},
		},
	}
}

func (w *world) watcher() *usage.Watcher {
	w.t.Helper()
	return watcher(w.t, w.config())
}

func watcher(t *testing.T, c usage.Config) *usage.Watcher {
	t.Helper()
	v, err := usage.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// run has a watcher look every minute for so long.
func (w *world) run(v *usage.Watcher, d time.Duration) {
	w.t.Helper()
	for end := w.clock().Add(d); w.clock().Before(end); w.advance(time.Minute) {
		if _, err := v.Round(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// expect says which messages must have arrived, each once.
func (w *world) expect(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range want {
		if w.told[m] != 1 {
			w.t.Errorf("%q came %d times", m, w.told[m])
		}
	}
	if len(w.told) != len(want) {
		w.t.Errorf("messages: %v, want %q", w.told, want)
	}
}

var errDown = &providers.Error{Class: providers.NotSent, Err: errors.New("connection refused")}
