package usage_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

// fragile is a store that panics once.
type fragile struct {
	usage.Store
	once  sync.Once
	again chan struct{} // closed when it is asked once more
	asked int
}

func (f *fragile) Lease(ctx context.Context, now, until time.Time, limit int) ([]*usage.ESIM, error) {
	f.once.Do(func() { panic("a bug of the store's") })
	if f.asked++; f.asked == 1 {
		close(f.again)
	}
	return f.Store.Lease(ctx, now, until, limit)
}

// TestPanicsAreCounted: a panic of the client, of a message, or of the watch itself is logged with its stack
// and counted, and the watch goes on.
func TestPanicsAreCounted(t *testing.T) {
	w := newWorld(t)
	w.sell(0, esim.CloudESIM, 24*time.Hour)
	w.used["N0"] = func(time.Time) esim.Usage { panic("a bug of the client's") }
	var mu sync.Mutex
	var log strings.Builder
	counted := map[string]int{}
	c := w.config()
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	c.Tick = time.Millisecond
	c.Hooks.Panicked = func(where string) {
		mu.Lock()
		defer mu.Unlock()
		counted[where]++
	}
	store := &fragile{Store: c.Store, again: make(chan struct{})}
	c.Store = store
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	v := watcher(t, c)
	go func() { ended <- v.Run(ctx) }()
	select {
	case <-store.again:
	case <-time.After(20 * time.Second):
		t.Error("the watch doesn't go on")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.run(watcher(t, c), 22*time.Hour)
	mu.Lock()
	defer mu.Unlock()
	if counted["usage"] < 2 {
		t.Errorf("counted %v", counted)
	}
	for _, want := range []string{"a bug of the store's", "a bug of the client's", "panic_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log", want)
		}
	}
}
