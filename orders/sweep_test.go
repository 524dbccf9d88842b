package orders_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"esimbot/orders"
)

// claims is the world's store with claims that are kept.
type claims struct {
	orders.Store
	mu    sync.Mutex
	taken map[string]bool
	asked chan string
}

func (c *claims) Claim(_ context.Context, name string, _ time.Duration) (bool, error) {
	c.mu.Lock()
	free := !c.taken[name]
	c.taken[name] = true
	c.mu.Unlock() // whoever reads what is asked may want to change it first
	c.asked <- name
	return free, nil
}

func (c *claims) Release(_ context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.taken, name)
	return nil
}

// turns is a service that looks every millisecond whether to sweep.
func turns(t *testing.T) (*world, *archive, *claims) {
	t.Helper()
	w := newWorld(t)
	l := w.remember()
	c := &claims{Store: w.store, taken: map[string]bool{}, asked: make(chan string)}
	w.config.Store, w.config.ReconcileInterval = c, time.Millisecond
	w.restart()
	return w, l, c
}

// sweeps runs the sweeping while do reads what it asks for.
func (w *world) sweeps(t *testing.T, do func()) {
	t.Helper()
	stop, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.service.Sweeping(stop) }()
	do()
	cancel()
	for {
		select {
		case <-w.config.Store.(*claims).asked:
			continue
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("the sweeping does not end")
		}
		return
	}
}

// next is the next claim that is asked for.
func (c *claims) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-c.asked:
		if got != want {
			t.Fatalf("claimed %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s is never claimed", want)
	}
}

// One replica sweeps at its start even if it isn't time, then only when the claim is free: when the
// interval has passed, or Redis was emptied.
func TestSweepTurns(t *testing.T) {
	w, l, c := turns(t)
	c.taken["sweep"] = true
	w.sweeps(t, func() {
		c.next(t, "sweep:start")
		for range 3 {
			c.next(t, "sweep")
		}
		if l.listed != 1 {
			t.Errorf("swept %d times at the start", l.listed)
		}
		c.mu.Lock()
		c.taken = map[string]bool{}
		c.mu.Unlock()
		c.next(t, "sweep")
		c.next(t, "sweep")
		c.next(t, "sweep")
	})
	if l.listed != 2 {
		t.Errorf("swept %d times, want once more", l.listed)
	}
}

// While another replica has its first turn this one waits.
func TestSweepStartIsAnothers(t *testing.T) {
	w, l, c := turns(t)
	c.taken["sweep"], c.taken["sweep:start"] = true, true
	w.sweeps(t, func() {
		c.next(t, "sweep:start")
		c.next(t, "sweep")
		c.next(t, "sweep")
	})
	if l.listed != 0 {
		t.Errorf("swept %d times", l.listed)
	}
}

// A sweep that failed is made again soon; after three in a row the admins hear of it, and it waits
// for its time.
func TestSweepFails(t *testing.T) {
	w, l, c := turns(t)
	l.list = func(context.Context) error { return errOdd }
	w.sweeps(t, func() {
		c.next(t, "sweep:start")
		for range 8 {
			c.next(t, "sweep")
		}
	})
	if l.listed != 4 || w.alerted("sweep") != 1 {
		t.Errorf("tried %d times, alerts %v", l.listed, w.telegram.alerts)
	}
}

// Without Redis nobody sweeps, and the loop goes on.
func TestSweepWithoutRedis(t *testing.T) {
	w, l, c := turns(t)
	w.config.Store = &failing{c}
	w.restart()
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	w.service.Sweeping(stop)
	if l.listed != 0 {
		t.Error("swept without a claim")
	}
}

type failing struct{ *claims }

func (failing) Claim(context.Context, string, time.Duration) (bool, error) {
	return false, errors.New("connection refused")
}
