package orders_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// sound is an ICCID whose check digit is right.
const sound = esim.ICCID("8944501234567890124")

// lookups is a Stripe that knows whose its ids are.
type lookups struct {
	*stripe
	ids map[string]orders.ID
	err error
}

func (l *lookups) OrderOf(_ context.Context, id string) (orders.ID, error) {
	if found := l.ids[id]; found != "" {
		return found, nil
	}
	return "", errors.Join(l.err, orders.ErrNotFound)
}

// stored puts a delivered order into the store, changed by edit.
func (w *world) stored(id orders.ID, edit func(*orders.Order)) *orders.Order {
	o := &orders.Order{
		Schema: orders.Schema, Version: 7, ID: id, State: orders.Delivered, Kind: orders.KindESIM, Customer: customer, Plan: plan, CreatedAt: w.clock(), UpdatedAt: w.clock(),
		Payment: orders.Payment{Intent: "pi_1", Received: plan.Retail, PaidAt: w.clock()}, DeliveredAt: w.clock(),
		Attempt: orders.Attempt{N: 1, Nonce: "aa", Provider: plan.Provider, Plan: &plan},
		Bought:  &orders.Bought{Profile: esim.Profile{Provider: plan.Provider, OrderNo: "CE-1", Code: code(w)}, Plan: plan, At: w.clock()},
	}
	if edit != nil {
		edit(o)
	}
	w.store.docs[id] = o
	if !o.State.Finished() {
		if o.DueAt.IsZero() {
			o.DueAt = w.clock().Add(24 * time.Hour)
		}
		w.store.due[id] = o.DueAt
	}
	return o
}

func code(t failer) esim.ActivationCode {
	c, err := esim.ParseActivationCode("LPA:1$smdp.example.com$ADMIN-1")
	if err != nil {
		t.Fatalf("code: %v", err)
	}
	return c
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	ids := &lookups{stripe: w.stripe, ids: map[string]orders.ID{}}
	for _, id := range []string{"cs_test_a1B2", "pi_3N", "ch_3N", "py_3N", "re_3N", "pyr_1", "dp_1", "du_1"} {
		ids.ids[id] = theOrder
	}
	ids.ids["pi_lost"] = "0000000000" // Stripe knows it, Redis doesn't
	w.config.Payments = ids
	w.restart()
	w.stored(theOrder, func(o *orders.Order) { o.Bought.Profile.ICCID = sound })
	w.stored("1234567890", func(o *orders.Order) { o.Customer = 99 }) // looks like a customer's id
	for _, query := range []string{
		"7KQ2M9X4TB", " 7kq2m-9x4tb ", "7KQ2M 9X4TB", string(sound), "8944 5012 3456 7890 124",
		"cs_test_a1B2", "pi_3N", "ch_3N", "py_3N", "re_3N", "pyr_1", "dp_1", "du_1",
	} {
		list, err := w.service.Find(t.Context(), query)
		if err != nil || len(list) != 1 || list[0].ID != theOrder {
			t.Errorf("%q: %v, %v", query, list, err)
		}
	}
	if list, err := w.service.Find(t.Context(), fmt.Sprint(customer)); err != nil || len(list) == 0 {
		t.Errorf("by customer: %v, %v", list, err)
	}
	if list, err := w.service.Find(t.Context(), "1234567890"); err != nil || len(list) != 1 || list[0].ID != "1234567890" {
		t.Errorf("an order whose id is a number: %v, %v", list, err)
	}
	for _, query := range []string{
		"", "hello", "0000000000", "pi_lost", "pi_other", "xx_1", "pi_", "pi_a b", "cs_" + strings.Repeat("a", 300), strings.Repeat("9", 400), strings.Repeat("€", 5000),
		"8944501234567890123", // a wrong check digit
		"894453852345678900",  // nobody's
		"-4711", "0", "99999999999999999", "4711; DROP", "7KQ2M9X4T", "\x00",
	} {
		w.store.docs = map[orders.ID]*orders.Order{}
		if list, err := w.service.Find(t.Context(), query); !errors.Is(err, orders.ErrNotFound) || list != nil {
			t.Errorf("%q: %v, %v", query, list, err)
		}
	}
}

func TestFindSaysWhatFailed(t *testing.T) {
	w := newWorld(t)
	w.store.failing = map[string]error{"by iccid": errors.New("redis: timeout")}
	if _, err := w.service.Find(t.Context(), string(sound)); err == nil || errors.Is(err, orders.ErrNotFound) || strings.Contains(err.Error(), string(sound)) {
		t.Errorf("a failed look-up says %v", err)
	}
}

func TestRecord(t *testing.T) {
	w := newWorld(t)
	w.paid()
	o, log, err := w.service.Record(t.Context(), theOrder)
	if err != nil || o.ID != theOrder || states(log) != "awaiting_payment paid" {
		t.Errorf("%v, %v, %v", o, log, err)
	}
	if _, _, err := w.service.Record(t.Context(), "0000000000"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("an unknown order: %v", err)
	}
}

func TestBrowse(t *testing.T) {
	w := newWorld(t)
	for i := range 60 {
		w.advance(time.Minute)
		w.stored(orders.ID(fmt.Sprintf("00000000%02d", i)), nil)
	}
	list, total, err := w.service.Browse(t.Context(), orders.Delivered, 2, 3)
	if err != nil || total != 60 || len(list) != 3 || list[0].ID != "0000000057" {
		t.Errorf("%d of %d: %v", len(list), total, err)
	}
	if list, total, err := w.service.Browse(t.Context(), "", -5, 1000); err != nil || total != 60 || len(list) != 50 {
		t.Errorf("%d of %d: %v", len(list), total, err)
	}
	if list, total, err := w.service.Browse(t.Context(), orders.Review, 0, 10); err != nil || total != 0 || len(list) != 0 {
		t.Errorf("%d of %d: %v", len(list), total, err)
	}
	if _, _, err := w.service.Browse(t.Context(), "gifted", 0, 10); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a state there isn't: %v", err)
	}
}

func TestRefundable(t *testing.T) {
	w := newWorld(t)
	n := 0
	put := func(edit func(*orders.Order)) orders.ID {
		n++
		w.advance(time.Minute)
		return w.stored(orders.ID(fmt.Sprintf("00000000%02d", n)), edit).ID
	}
	var want []orders.ID
	for range 3 {
		for _, state := range []orders.State{orders.Delivered, orders.Issued, orders.Provisioning, orders.Paid, orders.Review} {
			want = append([]orders.ID{put(func(o *orders.Order) { o.State = state })}, want...)
		}
		put(func(o *orders.Order) { o.State, o.Payment = orders.Expired, orders.Payment{} })
		put(func(o *orders.Order) { o.State = orders.Purchasing })
		put(func(o *orders.Order) { o.State = orders.Unknown })
		put(func(o *orders.Order) { o.State = orders.Refunding })
		put(func(o *orders.Order) { o.State = orders.Refunded })
		put(func(o *orders.Order) { o.Refund.Total = plan.Retail })
		put(func(o *orders.Order) { o.Disputed = true })
		put(func(o *orders.Order) { o.State, o.Payment = orders.Review, orders.Payment{} })
	}
	list, err := w.service.Refundable(t.Context())
	if err != nil || len(list) != 10 {
		t.Fatalf("%d orders: %v", len(list), err)
	}
	for i, o := range list {
		if o.ID != want[i] {
			t.Errorf("order %d is %s (%s), want %s", i, o.ID, o.State, want[i])
		}
	}
	w.store.failing = map[string]error{"browse": errors.New("redis: timeout")}
	if _, err := w.service.Refundable(t.Context()); err == nil {
		t.Error("a failure was taken for nothing")
	}
}
