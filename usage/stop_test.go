package usage_test

import (
	"context"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

// interrupted is a store whose answer to a lease finds the process told to end, and which does nothing for
// a context that has ended, as the real one.
type interrupted struct {
	usage.Store
	end context.CancelFunc
}

func (s interrupted) Lease(ctx context.Context, now, until time.Time, limit int) ([]*usage.ESIM, error) {
	list, err := s.Store.Lease(ctx, now, until, limit)
	s.end()
	if ctx.Err() != nil {
		return nil, ctx.Err() // taken, and nobody knows
	}
	return list, err
}

// A replica that is told to end while it leases gives everything back: another one needn't wait for the
// leases to end.
func TestLeaseUnderWayIsGivenBack(t *testing.T) {
	w := newWorld(t)
	const eSIMs = 30
	for n := range eSIMs {
		w.sell(n, esim.CloudESIM, 10*time.Hour)
	}
	w.advance(9 * time.Hour)
	ctx, end := context.WithCancel(context.Background())
	c := w.config()
	c.Store = interrupted{c.Store, end}
	if err := watcher(t, c).Run(ctx); err != nil {
		t.Fatal(err)
	}
	for n := range eSIMs {
		if due := w.store.Due(w.id(n)); due.After(w.clock()) {
			t.Fatalf("eSIM %d waits until %s for the end of a lease", n, due)
		}
	}
}
