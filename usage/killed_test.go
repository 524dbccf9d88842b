package usage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
)

var errKilled = errors.New("killed")

// process stands between a watcher and everything it calls, and is killed at one of these calls:
// before it did anything, or after it did and before the answer was there. A dead process does nothing.
type process struct {
	w     *world
	at    int  // the call to be killed at; 0 for none
	after bool // it was done

	mu    sync.Mutex
	calls int
	dead  bool
	// between is whether the kill fell between Telegram's answer and the record of it; sent is whether
	// the call before was a message.
	between, sent bool
}

func (p *process) call(message bool, do func()) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return errKilled
	}
	p.calls++
	dies := p.calls == p.at
	p.dead = dies
	if dies {
		p.between = message && p.after || p.sent && !p.after
	}
	p.sent = message
	p.mu.Unlock()
	if !dies || p.after {
		do()
	}
	if dies {
		return errKilled
	}
	return nil
}

func (p *process) Lease(ctx context.Context, now, until time.Time, limit int) (list []*usage.ESIM, err error) {
	return list, errors.Join(p.call(false, func() { list, err = p.w.store.Lease(ctx, now, until, limit) }), err)
}

func (p *process) Load(ctx context.Context, id string) (e *usage.ESIM, err error) {
	if killed := p.call(false, func() { e, err = p.w.store.Load(ctx, id) }); killed != nil {
		return nil, killed
	}
	return e, err
}

func (p *process) Save(ctx context.Context, list []*usage.ESIM) []error {
	errs := make([]error, len(list))
	if err := p.call(false, func() { errs = p.w.store.Save(ctx, list) }); err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

func (p *process) Tell(ctx context.Context, e *usage.ESIM, n usage.Notice) (err error) {
	if killed := p.call(true, func() { err = p.w.Tell(ctx, e, n) }); killed != nil {
		return killed
	}
	return err
}

type processMeter struct {
	meter
	p *process
}

func (m processMeter) Usage(ctx context.Context, refs []providers.Ref) (list []esim.Usage, err error) {
	if killed := m.p.call(false, func() { list, err = m.meter.Usage(ctx, refs) }); killed != nil {
		return nil, killed
	}
	return list, err
}

func (p *process) watcher() *usage.Watcher {
	c := p.w.config()
	c.Store, c.Teller = p, p
	c.Meters = []usage.Meter{processMeter{meter{p.w, esim.CloudESIM}, p}, processMeter{meter{p.w, esim.Mobilexy}, p}}
	return watcher(p.w.t, c)
}

// life sells three eSIMs and watches them through their lives, in a process that is killed at a call,
// and then, two minutes later, in another.
func life(t *testing.T, at int, after bool) (*world, *process) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 9*time.Hour)
	w.sell(2, esim.Mobilexy, 12*time.Hour)
	w.sell(3, esim.CloudESIM, 0)
	p := &process{w: w, at: at, after: after}
	v := p.watcher()
	for end := w.clock().Add(30 * time.Hour); w.clock().Before(end); w.advance(time.Minute) {
		_, err := v.Round(context.Background())
		if p.dead {
			p.dead = false
			v = p.watcher()
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return w, p
}

// Killed at any call, before or after it, the watch loses no notice, and sends one twice only where
// the kill fell between Telegram's answer and its record.
func TestKilledAtEveryCall(t *testing.T) {
	_, p := life(t, 0, false)
	if p.calls < 20 {
		t.Fatalf("a life of %d calls", p.calls)
	}
	busy := 0
	for at := 1; at <= p.calls; at++ {
		for _, after := range []bool{false, true} {
			w, p := life(t, at, after)
			last := []string{"0000000001 used_up:0", "0000000002 used_up:0", "0000000003 offline"}
			for _, m := range last {
				if w.told[m] == 0 {
					t.Errorf("killed at call %d, after it %v: %s was lost", at, after, m)
				}
			}
			for m, n := range w.told {
				if n > 2 || n == 2 && !p.between {
					t.Errorf("killed at call %d, after it %v: %s came %d times", at, after, m, n)
				}
				if n == 2 {
					busy++
				}
			}
		}
	}
	if busy == 0 {
		t.Error("no kill fell between a message and its record: the test looks away")
	}
}

// Two replicas that are killed again and again tell everybody, and twice no more often than there
// were kills between a message and its record.
func TestKilledAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	for n := range 60 {
		w.sell(n, []esim.Provider{esim.CloudESIM, esim.Mobilexy}[n%2], time.Duration(8+n)*time.Hour)
	}
	var replicas [2]*process
	var watchers [2]*usage.Watcher
	kills, between, seed := 0, 0, uint32(7)
	start := func(i int) {
		seed = seed*1664525 + 1013904223
		replicas[i] = &process{w: w, at: int(seed>>16)%60 + 1, after: seed&(1<<12) != 0}
		watchers[i] = replicas[i].watcher()
	}
	start(0)
	start(1)
	for end := w.clock().AddDate(0, 0, 4); w.clock().Before(end); w.advance(time.Minute) {
		for i := range replicas {
			_, _ = watchers[i].Round(context.Background()) // of a process that is killed
			if replicas[i].dead {
				kills++
				if replicas[i].between {
					between++
				}
				start(i)
			}
		}
	}
	twice := 0
	for n := range 60 {
		if w.told[fmt.Sprintf("%010d used_up:0", n)] == 0 {
			t.Errorf("eSIM %d: never told that it is used up: %v", n, w.load(w.id(n)))
		}
	}
	for _, n := range w.told {
		twice += n - 1
	}
	t.Logf("%d kills, %d of them between a message and its record, %d messages, %d twice", kills, between, len(w.told), twice)
	if kills < 20 || twice > between {
		t.Errorf("%d kills, %d messages twice, of %d that may", kills, twice, between)
	}
}

// A process that ends gives back what it leased and hasn't looked at, and nothing is cut off.
func TestRunEnds(t *testing.T) {
	w := newWorld(t)
	for n := range 30 {
		w.sell(n, esim.CloudESIM, 10*time.Hour)
	}
	w.advance(9 * time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	c := w.config()
	tells := 0
	w.refuses = func(*usage.ESIM) error {
		if tells++; tells == 3 {
			cancel()
		}
		return nil
	}
	c.Tick = time.Hour
	done := make(chan error, 1)
	go func() { done <- watcher(t, c).Run(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it doesn't end")
	}
	told := len(w.told)
	if told < 3 || told == 30 {
		t.Fatalf("%d messages", told)
	}
	for n := range 30 {
		if e := w.load(w.id(n)); e.AskedAt.IsZero() && w.store.Due(e.ID).After(w.clock()) {
			t.Errorf("eSIM %d waits until %s for the end of a lease", n, w.store.Due(e.ID))
		}
	}
	w.refuses = nil
	w.run(w.watcher(), 10*time.Minute)
	for n := range 30 {
		if w.told[w.id(n)+" low:0:20"] != 1 {
			t.Errorf("eSIM %d: %v", n, w.load(w.id(n)).Marks)
		}
	}
}

// A panic in a provider's client or in the message costs one eSIM its turn, and nobody else.
func TestPanics(t *testing.T) {
	w := newWorld(t)
	for n := range 4 {
		w.sell(n, esim.CloudESIM, 24*time.Hour)
	}
	once := map[string]bool{}
	w.used["N2"] = func(time.Time) esim.Usage { panic("client") }
	w.refuses = func(e *usage.ESIM) error {
		if e.ID == w.id(1) && !once["tell"] {
			once["tell"] = true
			panic("message")
		}
		return nil
	}
	w.run(w.watcher(), 22*time.Hour)
	for _, n := range []int{0, 1, 3} {
		if w.told[w.id(n)+" low:0:20"] != 1 {
			t.Errorf("eSIM %d: %v", n, w.told)
		}
	}
}
