package orders_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/orders"
)

// written keeps a log.
type written struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// TestPanicsOfTheMachine: whatever a runner does, a panic is logged with its stack and counted, and the
// order ends as it should all the same. Of one in a drive the admins hear at once.
func TestPanicsOfTheMachine(t *testing.T) {
	for _, c := range []struct{ call, where string }{
		{"due", "due"}, {"load", "drive"}, {"buy", "drive"}, {"claim sweep", "sweep"}, {"claim watch", "watch"}, {"balance", "balance"},
	} {
		t.Run(c.call, func(t *testing.T) {
			w := newWorld(t)
			w.parallel = true
			log, caught := &written{}, make(chan string, 8)
			w.config.Tick = time.Millisecond
			w.config.Log = slog.New(slog.NewTextHandler(log, nil))
			w.config.Panicked = func(where string) { caught <- where }
			w.paid()
			w.restart()
			var once sync.Once
			w.before = func(_ int, call string) error {
				if strings.HasPrefix(call, c.call) {
					once.Do(func() { panic("a bug") })
				}
				return nil
			}
			running(t, w)
			select {
			case where := <-caught:
				if where != "orders" {
					t.Errorf("counted as %q", where)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("nothing panicked at %q; log %s", c.call, log)
			}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for late := time.After(20 * time.Second); !w.atRest(); w.advance(10 * time.Second) {
				select {
				case <-tick.C:
				case <-late:
					t.Fatalf("the order doesn't move on; log %s", log)
				}
			}
			if told := w.alerted("stuck") > 0; told != (c.where == "drive") {
				t.Errorf("the admins were told: %v", told)
			}
			if got := log.String(); !strings.Contains(got, "a bug") || !strings.Contains(got, "panic_test.go") || !strings.Contains(got, "where="+c.where) {
				t.Errorf("no stack in the log: %s", got)
			}
		})
	}
}

// atRest says whether the order is delivered, or before an admin: a purchase that panicked is in doubt.
func (w *world) atRest() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.store.docs[theOrder]
	return o != nil && (o.State == orders.Delivered || o.State == orders.Review)
}
