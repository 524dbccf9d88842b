package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

// Orders are counted by state, and the first of each state is known by how long it has been there:
// neither a look at it nor a lease makes it younger, nor another attempt to buy.
func TestBacklog(t *testing.T) {
	s := open(t, storetest.Redis(t))
	backlog := func(now time.Time) store.Backlog {
		t.Helper()
		b, err := s.Orders().Backlog(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b := backlog(epoch); b.Count[orders.Paid] != 0 || b.Oldest[orders.Paid] != 0 || len(b.Count) != len(orders.States()) {
		t.Errorf("an empty shop: %+v", b)
	}
	at := func(o *orders.Order, minutes int) { o.UpdatedAt = epoch.Add(time.Duration(minutes) * time.Minute) }
	first, second := order(t, 1), order(t, 2)
	create(t, s, first)
	create(t, s, second)
	at(first, 10)
	advance(t, s, first, orders.Paid)
	at(first, 20)
	advance(t, s, first, orders.Paid) // a lease
	at(first, 30)
	advance(t, s, first, orders.Purchasing)
	at(first, 40)
	advance(t, s, first, orders.Paid) // the attempt came to nothing
	at(second, 50)
	advance(t, s, second, orders.Paid)
	count := s.CountRoundTrips()
	b := backlog(epoch.Add(time.Hour))
	if b.Count[orders.Paid] != 2 || b.Count[orders.Purchasing] != 0 || b.Count[orders.AwaitingPayment] != 0 {
		t.Errorf("counted %v", b.Count)
	}
	if got := b.Oldest[orders.Paid]; got != 50*time.Minute {
		t.Errorf("paid for %s, want 50m", got)
	}
	if count() != 1 {
		t.Errorf("%d round trips", count())
	}
	at(first, 70)
	advance(t, s, first, orders.Review)
	b = backlog(epoch.Add(2 * time.Hour))
	if b.Oldest[orders.Review] != 50*time.Minute || b.Oldest[orders.Paid] != 70*time.Minute {
		t.Errorf("since: %v", b.Oldest)
	}
	if _, told := b.Oldest[orders.Delivered]; told {
		t.Error("what is finished has no age")
	}
}

// What goes to Redis is told, by round trip; that something isn't there is no failure, a server that
// doesn't answer is one.
func TestHooks(t *testing.T) {
	server := storetest.Start(t)
	var mu sync.Mutex
	told, failed := map[string]int{}, 0
	var late time.Duration
	s, err := store.Open(t.Context(), server.URL(), store.Options{Now: func() time.Time { return epoch }, Hooks: store.Hooks{
		OrdersLate: func(d time.Duration) { late = d },
		Called: func(_ context.Context, command string, commands int, took time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			told[command] += commands
			if err != nil {
				failed++
			}
			if took <= 0 {
				t.Errorf("%s took %s", command, took)
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Orders().ByIntent(t.Context(), "pi_none"); err == nil {
		t.Fatal("found")
	}
	o := order(t, 1)
	create(t, s, o)
	if _, err := s.Orders().Due(t.Context(), o.DueAt.Add(90*time.Second), 10); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	if told["get"] == 0 || told["pipeline"] == 0 || told["evalsha"] == 0 || failed != 0 {
		t.Errorf("told %v, %d failed", told, failed)
	}
	mu.Unlock()
	if late != 90*time.Second {
		t.Errorf("late by %s, want 90s", late)
	}
	server.Kill()
	if err := s.Ping(t.Context()); err == nil {
		t.Fatal("a dead server answers")
	}
	mu.Lock()
	defer mu.Unlock()
	if failed == 0 {
		t.Error("a dead server is no failure")
	}
}
