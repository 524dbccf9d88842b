package payments

import (
	"errors"
	"slices"
	"testing"
	"time"

	"esimbot/orders"
	"esimbot/sandbox/fault"
)

func TestReturnIsMadeOnce(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	if _, err := d.server.Refund(intent, 55); err != nil { // by another hand
		t.Fatal(err)
	}
	p, err := d.Stray(t.Context(), intent)
	if err != nil || p.Order != "7KQ2M9X4TB" || p.Received != usd(455) || p.Refunded != usd(55) || p.Returns != 0 {
		t.Fatalf("before: %+v, %v", p, err)
	}
	first, err := d.Return(t.Context(), intent, 1)
	if err != nil || first.Amount != usd(400) || first.Status != "succeeded" {
		t.Fatalf("return %+v: %v", first, err)
	}
	d.clock.Advance(25 * time.Hour) // the idempotency key is forgotten; the refund's metadata is not
	if again, err := d.Return(t.Context(), intent, 1); err != nil || again != first {
		t.Errorf("again %+v: %v", again, err)
	}
	if _, err := d.Return(t.Context(), intent, 2); !errors.Is(err, errNothingLeft) {
		t.Errorf("more than is left: %v", err)
	}
	if p, err := d.Stray(t.Context(), intent); err != nil || p.Refunded != usd(455) || p.Returns != 1 {
		t.Errorf("after: %+v, %v", p, err)
	}
	made := d.server.Refunds()[0]
	if made.Metadata["refund"] != "return:"+intent+":1" || made.Metadata["shop"] != testShop || made.Metadata["order_id"] != "7KQ2M9X4TB" {
		t.Errorf("metadata %v", made.Metadata)
	}
	var keys []string
	for _, r := range d.server.Requests() {
		if r.Form.Has("metadata[refund]") {
			keys = append(keys, r.IdempotencyKey)
		}
	}
	if want := []string{"refund:return:" + intent + ":1"}; !slices.Equal(keys, want) {
		t.Errorf("idempotency keys %v", keys)
	}
}

// A stored error is read back, and the second key makes the return.
func TestReturnAfterAStoredError(t *testing.T) {
	for _, done := range []bool{true, false} {
		d := newDesk(t)
		_, intent := d.pay(t)
		d.server.FailStored("POST /v1/refunds", 1, done)
		if r, err := d.Return(t.Context(), intent, 1); err != nil || r.Amount != usd(455) || len(d.server.Refunds()) != 1 {
			t.Errorf("done %v: %+v, %v, refunds %d", done, r, err, len(d.server.Refunds()))
		}
	}
}

func TestReturnsNoOthersMoney(t *testing.T) {
	d := newDesk(t)
	session, intent := d.pay(t)
	foreign := newStripeLike(t, d, func(c *Config) { c.ShopID = "999" })
	calls := func(s *Stripe, id string) []error {
		_, err := s.Stray(t.Context(), id)
		_, returned := s.Return(t.Context(), id, 1)
		return []error{err, returned}
	}
	errs := calls(foreign, intent)
	for _, id := range []string{"", "pi_none", session, "ch_1", "pi_../balance", "pi_1?expand"} {
		errs = append(errs, calls(d.Stripe, id)...)
	}
	for n, err := range errs {
		if !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("call %d: %v", n, err)
		}
	}
	d.mood(t, fault.Rule{Mood: fault.Error})
	for _, err := range calls(d.Stripe, intent) {
		if !errors.Is(err, orders.ErrPaymentDoubt) || errors.Is(err, orders.ErrNotFound) {
			t.Errorf("while Stripe is down: %v", err)
		}
	}
	if len(d.server.Refunds()) != 0 {
		t.Error("money went back")
	}
}
