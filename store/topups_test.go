package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/usage"
)

func put(t *testing.T, s *store.Store, o *orders.Order) {
	t.Helper()
	for range 2 { // a repeat changes nothing
		if err := s.ESIMs().Put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, s *store.Store, o *orders.Order) *usage.ESIM {
	t.Helper()
	e, err := s.ESIMs().ESIM(t.Context(), string(o.ID), o.Customer)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func base(t *testing.T, s *store.Store, customer int64) *orders.Order {
	t.Helper()
	o := order(t, customer)
	o.Bought = bought(t)
	put(t, s, o)
	return o
}

func topUpOf(t *testing.T, o *orders.Order) *orders.Order {
	t.Helper()
	up := order(t, o.Customer)
	up.Kind, up.ESIM = orders.KindTopUp, o.ID
	up.Bought = &orders.Bought{At: epoch.Add(time.Hour), Plan: esim.Plan{Provider: esim.CloudESIM, ID: "UP_2", Kind: esim.Fixed, Bytes: 2 * esim.GB, Days: 7}}
	return up
}

func testTopUps(t *testing.T, s *store.Store) {
	o := base(t, s, 65)
	up := topUpOf(t, o)
	put(t, s, up)
	applied := usage.TopUp{Order: string(up.ID), Plan: "cloudesim:UP_2", Kind: esim.Fixed, Bytes: 2 * esim.GB, Days: 7, At: up.Bought.At}
	e := read(t, s, o)
	if d := cmp.Diff([]usage.TopUp{applied}, e.TopUps); d != "" || e.TotalBytes != 3*esim.GB || e.UsedBytes != -1 || e.Version != 2 {
		t.Errorf("after one top-up: %+v %s", e, d)
	}
	// What the provider says of it later counts for more; what lags behind it doesn't.
	asked := epoch.Add(2 * time.Hour)
	up.Attempt.Before = &orders.Numbers{TotalBytes: esim.GB}
	up.Bought.After = &orders.Numbers{TotalBytes: esim.GB, UsedBytes: esim.GB / 2, RemainingBytes: -1, ExpiresAt: asked.AddDate(0, 0, 7), At: asked}
	put(t, s, up)
	e = read(t, s, o)
	if e.TotalBytes != 3*esim.GB || e.UsedBytes != esim.GB/2 || !e.MeasuredAt.Equal(asked) || !e.ExpiresAt.Equal(asked.AddDate(0, 0, 7)) || e.About || len(e.TopUps) != 1 {
		t.Errorf("after its numbers: %+v", e)
	}
	// Told to the nanosecond, the same numbers are the same still.
	finer := *up.Bought.After
	finer.At = asked.Add(time.Minute + 123456*time.Nanosecond)
	up.Bought.After = &finer
	put(t, s, up)
	if again := read(t, s, o); again.Version != e.Version+1 {
		t.Errorf("told twice, written %d times", again.Version-e.Version)
	}
	second := topUpOf(t, o)
	second.Attempt.Before = &orders.Numbers{TotalBytes: 3 * esim.GB}
	second.Bought.After = &orders.Numbers{TotalBytes: 5*esim.GB + 1, UsedBytes: -1, At: asked.Add(time.Hour)}
	put(t, s, second)
	late := *up.Bought.After
	late.At, late.TotalBytes = late.At.Add(time.Minute), 3*esim.GB
	up.Bought.After = &late
	put(t, s, up) // told again, after what came later
	put(t, s, o)
	e = read(t, s, o)
	if e.TotalBytes != 5*esim.GB+1 || e.UsedBytes != esim.GB/2 || len(e.TopUps) != 2 {
		t.Errorf("after two: %+v", e)
	}
	lost := topUpOf(t, &orders.Order{ID: "0000000000", Customer: 65})
	put(t, s, lost)
	if list, err := s.ESIMs().ByCustomer(t.Context(), 65); err != nil || len(list) != 1 {
		t.Errorf("a top-up of an unknown eSIM made one: %v, %v", list, err)
	}
	want := &orders.Line{ID: o.ID, Customer: 65, Plan: o.Bought.Plan, TopUps: 2}
	want.Ref.ICCID, want.Ref.OrderNo = o.Bought.Profile.ICCID, o.Bought.Profile.OrderNo
	count := s.CountRoundTrips()
	if got, err := s.ESIMs().Line(t.Context(), o.ID); err != nil || !cmp.Equal(want, got) || count() != 1 {
		t.Errorf("line %+v in %d round trips, %v", got, count(), err)
	}
	if _, err := s.ESIMs().Line(t.Context(), "0000000000"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("line of an unknown eSIM: %v", err)
	}
}

func testTopUpClaims(t *testing.T, s *store.Store) {
	o := base(t, s, 66)
	v := s.ESIMs()
	claim := func(order, over, want orders.ID) {
		t.Helper()
		if got, err := v.ClaimTopUp(t.Context(), o.ID, order, over); err != nil || got != want {
			t.Errorf("%s over %q: held by %s, want %s, %v", order, over, got, want, err)
		}
	}
	release := func(order orders.ID) {
		t.Helper()
		if err := v.ReleaseTopUp(t.Context(), o.ID, order); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	holders := map[orders.ID]int{}
	for i := range 20 {
		wg.Go(func() {
			got, err := v.ClaimTopUp(t.Context(), o.ID, orders.ID(fmt.Sprint("T", i)), "")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			holders[got]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(holders) != 1 {
		t.Fatalf("held by %v", holders)
	}
	for first := range holders {
		claim(first, "", first)
		release("other")
		claim("other", "third", first)
		claim("other", first, "other")
		release(first)
	}
	put(t, s, o)
	claim("third", "", "other")
	later := read(t, s, o).NextAt
	release("third")
	if e := read(t, s, o); !e.NextAt.Equal(later) {
		t.Errorf("due %s after a release of what isn't held", e.NextAt)
	}
	release("other")
	if e := read(t, s, o); !e.NextAt.Before(later) { // what ran low meanwhile is offered now
		t.Errorf("due %s, as before: %s", e.NextAt, later)
	}
	release("other")
	claim("third", "other", "third")
	if _, err := v.ClaimTopUp(t.Context(), "0000000000", "third", ""); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("claim of an unknown eSIM: %v", err)
	}
	if err := v.ReleaseTopUp(t.Context(), "0000000000", "third"); err != nil {
		t.Errorf("release of an unknown eSIM: %v", err)
	}
	if _, err := v.Line(t.Context(), "0000000000"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("they made it: %v", err)
	}
}

func testReturn(t *testing.T, s *store.Store) {
	gone, here, other := base(t, s, 68), base(t, s, 68), base(t, s, 69)
	for _, o := range []*orders.Order{gone, other} {
		_, err := s.ESIMs().Change(t.Context(), string(o.ID), o.Customer, func(e *usage.ESIM) error {
			e.Unreachable, e.NextAt = true, time.Time{}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	version := read(t, s, here).Version
	for range 2 {
		if err := s.ESIMs().Return(t.Context(), 68); err != nil {
			t.Fatal(err)
		}
	}
	if e := read(t, s, gone); e.Unreachable || e.NextAt.IsZero() || e.Version != 3 {
		t.Errorf("after the return: %+v", e)
	}
	if e := read(t, s, here); e.Version != version {
		t.Errorf("another one was written too: %+v", e)
	}
	if e := read(t, s, other); !e.Unreachable {
		t.Errorf("another customer's is watched again: %+v", e)
	}
	if err := s.ESIMs().Return(t.Context(), 70); err != nil {
		t.Errorf("a customer without eSIMs: %v", err)
	}
}

func testTakenBack(t *testing.T, s *store.Store) {
	o := base(t, s, 67)
	o.State, o.Refund.Return = orders.Refunding, orders.ReturnRefused
	put(t, s, o)
	if e := read(t, s, o); e.Status != esim.StatusReady {
		t.Errorf("refused: %s", e.Status)
	}
	o.State, o.Refund.Return = orders.Refunded, orders.ReturnDone
	put(t, s, o)
	if e := read(t, s, o); e.Status != esim.StatusCancelled || !e.Past(epoch) {
		t.Errorf("taken back: %s", e.Status)
	}
	o.Customer = 0 // erased
	put(t, s, o)
	o.Bought = nil
	if err := s.ESIMs().Put(t.Context(), o); err == nil {
		t.Error("an order that bought nothing was shelved")
	}
}

// testEraseWhileToppingUp erases a customer while a top-up of theirs is under way: its eSIM, which
// holds the claim, stays until that is over.
func testEraseWhileToppingUp(t *testing.T, s *store.Store) {
	const customer = 68
	done := delivered(t, s, customer, "en", "JP")
	up := topUpOf(t, done)
	up.State = orders.Purchasing
	create(t, s, up)
	if err := s.Orders().Project(t.Context(), up); err != nil {
		t.Fatal(err)
	}
	// The look-up of its number leads to another eSIM, which shelved it first.
	const iccid = esim.ICCID("8910300000056693430")
	other := order(t, customer+1)
	other.Bought = bought(t)
	other.Bought.Profile.ICCID = iccid
	put(t, s, other)
	twin := order(t, customer)
	twin.Bought = bought(t)
	twin.Bought.Profile.ICCID = iccid
	put(t, s, twin)

	if err := s.Erase(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ESIMs().ClaimTopUp(t.Context(), done.ID, up.ID, ""); err != nil {
		t.Errorf("the eSIM being topped up: %v", err)
	}
	if _, err := s.ESIMs().Line(t.Context(), twin.ID); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("another eSIM is left: %v", err)
	}
	if id, err := s.Orders().ByICCID(t.Context(), iccid); err != nil || id != other.ID {
		t.Errorf("the number leads to %s, %v", id, err)
	}
	advance(t, s, up, orders.Delivered)
	if err := s.Erase(t.Context(), customer); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ESIMs().Line(t.Context(), done.ID); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("the eSIM is left: %v", err)
	}
}
