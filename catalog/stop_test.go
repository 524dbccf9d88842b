package catalog

import (
	"context"
	"testing"
	"time"
)

// Release gives a claim up.
func (m *memory) Release(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil && ctx.Err() == nil {
		delete(m.claims, name)
	}
	return ctx.Err()
}

// A replica that is told to end while it fetches leaves the catalogue to another one, which needn't
// wait for the end of the claim.
func TestAReplicaThatEndsHandsItsFetchOver(t *testing.T) {
	s := newShop(t)
	s.cloud.set(func(w *wholesaler) { w.hang = true })
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.replica().Run(ctx) }()
	claimed := func() bool {
		s.cache.mu.Lock()
		defer s.cache.mu.Unlock()
		return !s.cache.claims["catalog:"+string(cloud)].IsZero() && s.cache.data[mobile] != nil
	}
	for tick := time.NewTicker(time.Millisecond); !claimed(); <-tick.C {
		if t.Context().Err() != nil {
			t.Fatal("nothing is claimed")
		}
	}
	end()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s.cloud.set(func(w *wholesaler) { w.hang = false })
	next := s.replica()
	if err := next.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := next.stock(cloud); !ok {
		t.Error("the next replica waits for the end of the claim")
	}
	if s.fetches() != 3 { // the one that was cut short, the other provider's, and the next replica's
		t.Errorf("%d catalogues were fetched", s.fetches())
	}
}

// A replica that starts while another one fetches sells what that one has found within moments.
func TestAReplicaFollowsTheFirstFetch(t *testing.T) {
	s := newShop(t)
	first, second := s.replica(), s.replica()
	if err := first.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := second.every(); got != lookEmpty {
		t.Errorf("with nothing to sell it looks every %s", got)
	}
	if err := second.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := second.every(); got != look || s.fetches() != 2 {
		t.Errorf("it looks every %s, after %d fetches", got, s.fetches())
	}
}
