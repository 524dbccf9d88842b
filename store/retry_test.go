package store

import (
	"log/slog"
	"testing"
	"time"

	"esimbot/orders"
	"esimbot/store/storetest"
)

// TestALostAnswerIsNoConflict sends a transition's script twice, as go-redis does when the answer
// to the first got lost: the second finds its own work done, and does none of it again.
func TestALostAnswerIsNoConflict(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s, err := Open(t.Context(), storetest.Redis(t), Options{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &orders.Order{Schema: orders.Schema, Version: 1, ID: "7KQ2M9X4TB", State: orders.AwaitingPayment, DueAt: now, UpdatedAt: now}
	if err := s.Orders().Create(t.Context(), o, orders.LogEntry{To: o.State}); err != nil {
		t.Fatal(err)
	}
	o.Version, o.State = 2, orders.Paid
	send := func(document []byte) int {
		t.Helper()
		keys := []string{orderKey(o.ID), orderLogKey(o.ID), orderDueKey(partition(string(o.ID), orderPartitions)), orderStateKey(o.ID, orders.AwaitingPayment), orderStateKey(o.ID, orders.Paid), orderAllKey(partition(string(o.ID), orderPartitions))}
		n, err := s.scripts.transition.Run(t.Context(), s.rdb, keys, string(o.ID), string(orders.AwaitingPayment), 1, orders.Schema, document, "{}", "1", 1, logLength, "", "", 1).Int()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mine, err := s.encodeOrder(o)
	if err != nil {
		t.Fatal(err)
	}
	rival, err := s.encodeOrder(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		document []byte
		want     int
	}{{"first", mine, resultDone}, {"again", mine, resultDone}, {"a rival's of the same content", rival, resultConflict}} {
		if got := send(c.document); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if n := s.rdb.LLen(t.Context(), orderLogKey(o.ID)).Val(); n != 2 {
		t.Errorf("%d log entries", n)
	}
	for state, want := range map[orders.State]int64{orders.AwaitingPayment: 0, orders.Paid: 1} {
		if n := s.rdb.ZCard(t.Context(), orderStateKey(o.ID, state)).Val(); n != want {
			t.Errorf("%d orders listed as %s", n, state)
		}
	}
}

// An order that nobody paid goes in the end, unless it is paid after all.
func TestUnpaidOrdersGo(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	s, err := Open(t.Context(), storetest.Redis(t), Options{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &orders.Order{Schema: orders.Schema, Version: 1, ID: "7KQ2M9X4TB", State: orders.AwaitingPayment, DueAt: now, UpdatedAt: now}
	if err := s.Orders().Create(t.Context(), o, orders.LogEntry{To: o.State}); err != nil {
		t.Fatal(err)
	}
	keys := []string{orderKey(o.ID), orderLogKey(o.ID)}
	for _, step := range []struct {
		to   orders.State
		goes bool
	}{{orders.AwaitingPayment, false}, {orders.Expired, true}, {orders.Paid, false}} {
		from := o.State
		o.State, o.Version = step.to, o.Version+1
		if err := s.Orders().Transition(t.Context(), from, o, orders.LogEntry{To: o.State}); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if left := s.rdb.PTTL(t.Context(), key).Val(); left > 0 != step.goes || left > expiredTTL {
				t.Errorf("%s: %s is kept for %s", step.to, key, left)
			}
		}
	}
}
