package orders_test

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"slices"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

var _ flows.Desk = (*orders.Service)(nil)

// onRedis puts the world's order machine on a real store.
func onRedis(t *testing.T, url string) (*world, *store.Store) {
	t.Helper()
	w := newWorld(t)
	key := []byte("0123456789abcdef0123456789abcdef")
	s, err := store.Open(t.Context(), url, store.Options{Keys: [][]byte{key}, Now: w.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.config.Store, w.config.Shelf = s.Orders(), s.ESIMs()
	return w.restart(), s
}

func TestPurchaseOnRealRedis(t *testing.T) {
	t.Run("single", func(t *testing.T) { purchase(t, storetest.Redis(t)) })
	t.Run("cluster", func(t *testing.T) {
		if testing.Short() {
			t.Skip("a cluster takes a few seconds to start")
		}
		purchase(t, storetest.Cluster(t))
	})
}

func purchase(t *testing.T, url string) {
	w, s := onRedis(t, url)
	w.paid()
	ids, err := s.Orders().Due(t.Context(), w.clock(), 10)
	if err != nil || !slices.Equal(ids, []orders.ID{theOrder}) {
		t.Fatalf("due %v, %v", ids, err)
	}
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	o, err := s.Orders().Load(t.Context(), theOrder)
	if err != nil || o.State != orders.Delivered || o.Bought.Profile.Code.Reveal() != w.telegram.photos[0] {
		t.Errorf("%+v, %v", o, err)
	}
	if ids, err := s.Orders().Due(t.Context(), w.clock().Add(time.Hour), 10); err != nil || len(ids) != 0 {
		t.Errorf("still due: %v, %v", ids, err)
	}
	log, err := s.Orders().Log(t.Context(), theOrder)
	if got := states(log); err != nil || got != "awaiting_payment paid purchasing issued delivered" {
		t.Errorf("log %s, %v", got, err)
	}
	list, err := s.ESIMs().ByCustomer(t.Context(), customer)
	if err != nil || len(list) != 1 || list[0].ID != string(theOrder) || list[0].PhotoFileID != "photo" {
		t.Errorf("shelf %+v, %v", list, err)
	}
	if id, err := s.Orders().ByIntent(t.Context(), "pi_1"); err != nil || id != theOrder {
		t.Errorf("by intent %s, %v", id, err)
	}
	if mine, err := w.service.List(t.Context(), customer); err != nil || len(mine) != 1 {
		t.Errorf("list %v, %v", mine, err)
	}
}

// TestRedisKilledAndBack kills Redis while an order waits: nothing is bought without it, and the
// order goes on once it is back.
func TestRedisKilledAndBack(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH")
	}
	server := storetest.StartDurable(t)
	w, s := onRedis(t, server.URL()+"?max_retries=-1&dial_timeout=500ms")
	w.paid()
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.event(); err == nil {
		t.Error("an event was acknowledged without Redis")
	}
	if err := w.service.Step(ctx, theOrder); err == nil || w.cloud.sold != 0 {
		t.Errorf("step without Redis: %v, sold %d", err, w.cloud.sold)
	}
	server.Up()
	for s.Ping(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatal("the store does not recover")
		}
	}
	if err := w.service.Step(ctx, theOrder); err != nil {
		t.Fatal(err)
	}
	if o, err := s.Orders().Load(ctx, theOrder); err != nil || o.State != orders.Delivered || w.cloud.sold != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestRedisKilledWhileBuying kills Redis between the provider's answer and its saving: what was
// bought is kept until Redis is back, and stored then.
func TestRedisKilledWhileBuying(t *testing.T) {
	server := storetest.StartDurable(t)
	w, s := onRedis(t, server.URL()+"?max_retries=-1&dial_timeout=500ms")
	w.paid()
	down := true
	w.after = func(_ int, call string) error {
		switch {
		case call == "buy":
			server.Kill()
		case call == "mark got" && down: // the first thing done when Redis refuses
			down = false
			server.Up()
		}
		return nil
	}
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	o, err := s.Orders().Load(t.Context(), theOrder)
	if err != nil || o.State != orders.Delivered || w.cloud.sold != 1 || w.stripe.meta["got"] == "" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestManyRunnersOneOrder(t *testing.T) {
	w, s := onRedis(t, storetest.Redis(t))
	w.parallel = true
	w.paid()
	errs := make(chan error)
	const runners = 8
	for range runners {
		r := w.runner(w.clock)
		go func() { errs <- r.Step(context.Background(), theOrder) }()
	}
	for range runners {
		if err := <-errs; err != nil && !errors.Is(err, orders.ErrConflict) {
			t.Error(err)
		}
	}
	if o, err := s.Orders().Load(t.Context(), theOrder); err != nil || o.State != orders.Delivered || w.cloud.sold != 1 || len(w.telegram.photos) != 1 {
		t.Errorf("%+v, %v; sold %d, photos %d", o, err, w.cloud.sold, len(w.telegram.photos))
	}
}
