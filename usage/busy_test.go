package usage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
)

// Where too many wait for their turn at a provider, its eSIMs are looked at a little later: that is no
// sign of a provider that is ill, which would be left alone for longer and longer.
func TestBusyIsNotDown(t *testing.T) {
	w := newWorld(t)
	const esims = 20
	for n := range esims {
		w.sell(n, esim.CloudESIM, 8*time.Hour)
	}
	w.advance(12 * time.Hour)
	w.fails[esim.CloudESIM] = &providers.Error{Provider: esim.CloudESIM, Class: providers.NotSent, Err: fmt.Errorf("wait: %w", usage.ErrBusy)}
	v := w.watcher()
	w.run(v, 10*time.Minute)
	if n := len(w.batches[esim.CloudESIM]); n != 10*esims {
		t.Errorf("%d tries in ten minutes", n)
	}
	w.fails[esim.CloudESIM] = nil
	if _, err := v.Round(context.Background()); err != nil {
		t.Fatal(err)
	}
	for n := range esims {
		if e := w.load(w.id(n)); e.Misses > 0 || w.told[e.ID+" used_up:0"] != 1 {
			t.Errorf("eSIM %d: %+v", n, e)
		}
	}
}
