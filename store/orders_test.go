package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
)

func testOrderRoundTrip(t *testing.T, s *store.Store) {
	o := order(t, 1)
	create(t, s, o)
	o.Payment = orders.Payment{Intent: "pi_1", Received: o.Plan.Retail, PaidAt: epoch}
	o.Bought = bought(t)
	o.Refused = []esim.Provider{esim.Mobilexy}
	advance(t, s, o, orders.Paid)
	got, err := s.Orders().Load(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(o, got, cmp.AllowUnexported(esim.ActivationCode{})); d != "" {
		t.Error(d)
	}
	log, err := s.Orders().Log(t.Context(), o.ID)
	if err != nil || len(log) != 2 || log[0].To != orders.AwaitingPayment || log[1].From != orders.AwaitingPayment || log[1].To != orders.Paid {
		t.Errorf("log %+v, %v", log, err)
	}
	if _, err := s.Orders().Load(t.Context(), "0000000000"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("missing order: %v", err)
	}
}

func testCreateOnce(t *testing.T, s *store.Store) {
	o := order(t, 1)
	create(t, s, o)
	if err := s.Orders().Create(t.Context(), o, orders.LogEntry{To: o.State}); !errors.Is(err, orders.ErrExists) {
		t.Errorf("second create: %v", err)
	}
	missing := order(t, 1)
	missing.Version = 2
	if err := s.Orders().Transition(t.Context(), orders.AwaitingPayment, missing, orders.LogEntry{}); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("transition of a missing order: %v", err)
	}
}

func testOneWinner(t *testing.T, s *store.Store) {
	o := order(t, 1)
	create(t, s, o)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			next := *o
			next.State, next.Version = orders.Paid, 2
			switch err := s.Orders().Transition(t.Context(), orders.AwaitingPayment, &next, orders.LogEntry{To: orders.Paid, Version: 2}); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, orders.ErrConflict):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 99 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	if log, err := s.Orders().Log(t.Context(), o.ID); err != nil || len(log) != 2 {
		t.Errorf("log %v, %v", log, err)
	}
}

func testDue(t *testing.T, s *store.Store) {
	// A year of its own keeps other tests' orders out of the way.
	start := epoch.AddDate(-1, 0, 0)
	var want []orders.ID
	for i := range 40 {
		o := order(t, 1)
		o.DueAt = start.Add(time.Duration(i) * time.Second)
		create(t, s, o)
		want = append(want, o.ID)
	}
	due := func(after time.Duration, limit int) []orders.ID {
		t.Helper()
		ids, err := s.Orders().Due(t.Context(), start.Add(after), limit)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if d := cmp.Diff(want[:10], due(9*time.Second, 100)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[:7], due(time.Hour, 7)); d != "" {
		t.Error(d)
	}
	o, err := s.Orders().Load(t.Context(), want[0])
	if err != nil {
		t.Fatal(err)
	}
	advance(t, s, o, orders.Expired)
	if err := s.Orders().Postpone(t.Context(), want[1], epoch.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Orders().Postpone(t.Context(), want[0], start); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want[2:10], due(9*time.Second, 100)); d != "" {
		t.Error("finished and postponed orders:", d)
	}
	if err := s.Orders().Postpone(t.Context(), want[39], start); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want[2:10], due(9*time.Second, 100)); d != "" {
		t.Error("an order brought forward:", d)
	}
}

func testProject(t *testing.T, s *store.Store) {
	const customer = 71
	var want []orders.ID
	for range 3 {
		o := order(t, customer)
		create(t, s, o)
		o.Payment = orders.Payment{Intent: "pi_" + string(o.ID), PaidAt: epoch}
		for range 2 {
			if err := s.Orders().Project(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		want = append([]orders.ID{o.ID}, want...)
	}
	list, err := s.Orders().ByCustomer(t.Context(), customer, 2)
	if err != nil || len(list) != 2 || list[0].ID != want[0] || list[1].ID != want[1] {
		t.Errorf("list %v, %v", list, err)
	}
	if id, err := s.Orders().ByIntent(t.Context(), "pi_"+string(want[2])); err != nil || id != want[2] {
		t.Errorf("by intent: %v, %v", id, err)
	}
	if _, err := s.Orders().ByIntent(t.Context(), "pi_none"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("unknown intent: %v", err)
	}
}

func testCheckoutLimits(t *testing.T, s *store.Store) {
	now := epoch
	allow := func(customer int64, id string) error {
		_, err := s.Orders().AllowCheckout(t.Context(), customer, orders.ID(id), now)
		return err
	}
	for i := range 5 {
		for range 3 { // an order counts once
			if err := allow(80, fmt.Sprint("open", i)); err != nil {
				t.Fatal(i, err)
			}
		}
	}
	if err := allow(80, "open5"); !errors.Is(err, orders.ErrTooMany) {
		t.Errorf("sixth open page: %v", err)
	}
	if err := allow(81, "open5"); err != nil {
		t.Errorf("another customer: %v", err)
	}
	closed := order(t, 80)
	closed.State, closed.ID = orders.Expired, "open0"
	if err := s.Orders().Project(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	if err := allow(80, "open6"); err != nil {
		t.Errorf("after one closed: %v", err)
	}
	testHourAndDay(t, s)
}

func testHourAndDay(t *testing.T, s *store.Store) {
	end := func(o *orders.Order) {
		o.State = orders.Expired
		if err := s.Orders().Project(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		o := order(t, 82)
		if _, err := s.Orders().AllowCheckout(t.Context(), 82, o.ID, epoch); err != nil {
			t.Fatal(i, err)
		}
		end(o)
	}
	if _, err := s.Orders().AllowCheckout(t.Context(), 82, "x", epoch.Add(59*time.Minute)); !errors.Is(err, orders.ErrTooMany) {
		t.Errorf("21st page in an hour: %v", err)
	}
	if _, err := s.Orders().AllowCheckout(t.Context(), 82, "x", epoch.Add(61*time.Minute)); err != nil {
		t.Errorf("after the hour: %v", err)
	}
	for range 3 {
		o := order(t, 83)
		o.Payment.PaidAt = epoch
		end(o)
	}
	if _, err := s.Orders().AllowCheckout(t.Context(), 83, "y", epoch); !errors.Is(err, orders.ErrTooMany) {
		t.Errorf("fourth paid order before the first eSIM: %v", err)
	}
	o := order(t, 83)
	o.Bought = bought(t)
	if err := s.ESIMs().Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first time and a repeat
		if first, err := s.Orders().AllowCheckout(t.Context(), 83, "y", epoch); err != nil || first {
			t.Errorf("after the first eSIM: first %v, %v", first, err)
		}
		if first, err := s.Orders().AllowCheckout(t.Context(), 84, "z", epoch); err != nil || !first {
			t.Errorf("before the first eSIM: first %v, %v", first, err)
		}
	}
}
