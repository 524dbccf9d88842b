package orders_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"esimbot/orders"
)

// An event of our shop about an order that Redis has lost: money must come again, the rest is let go.
func TestEventOfAnUnknownOrder(t *testing.T) {
	for typ, money := range map[string]bool{
		orders.EventCompleted: true, orders.EventAsyncSucceeded: true,
		orders.EventAsyncFailed: false, "checkout.session.expired": false, "charge.refunded": false, orders.EventDispute: false, orders.EventFraudWarning: false,
	} {
		for _, e := range []orders.PaymentEvent{{Type: typ, SessionID: "cs_9", Order: theOrder}, {Type: typ, Intent: "pi_9"}, {Type: typ}} {
			w := newWorld(t)
			err := w.service.HandlePayment(t.Context(), e)
			if money != errors.Is(err, orders.ErrNotFound) || (!money && err != nil) {
				t.Errorf("%+v: %v", e, err)
			}
			if slices.Contains(w.telegram.alerts, "order_lost") != money {
				t.Errorf("%+v: alerts %v", e, w.telegram.alerts)
			}
		}
	}
}

func TestASecondPaymentIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.paid()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	second := *w.stripe.sessions["cs_1"]
	second.ID, second.Intent = "cs_2", "pi_2"
	w.stripe.sessions["cs_2"] = &second
	e := orders.PaymentEvent{Type: orders.EventCompleted, SessionID: "cs_2", Order: theOrder}
	w.telegram.errs = map[string][]error{"alert": {errors.New("HTTP 502")}}
	if err := w.service.HandlePayment(t.Context(), e); err == nil {
		t.Error("nobody was told, and the event counts as handled")
	}
	if err := w.service.HandlePayment(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Delivered, "")
	if !slices.Equal(w.telegram.alerts, []string{"paid_twice"}) || w.cloud.sold != 1 {
		t.Errorf("alerts %v, sold %d", w.telegram.alerts, w.cloud.sold)
	}
	if err := w.event(); err != nil || len(w.telegram.alerts) != 1 {
		t.Errorf("the first payment's event again: %v, alerts %v", err, w.telegram.alerts)
	}
}

func TestDisputesAndWarningsAreToldOf(t *testing.T) {
	for typ, kind := range map[string]string{orders.EventDispute: "dispute", orders.EventFraudWarning: "fraud_warning"} {
		w := newWorld(t)
		w.paid()
		w.telegram.errs = map[string][]error{"alert": {errors.New("HTTP 502")}}
		e := orders.PaymentEvent{Type: typ, Intent: "pi_1"}
		if err := w.service.HandlePayment(t.Context(), e); err == nil {
			t.Error("nobody was told, and the event counts as handled")
		}
		if err := w.service.HandlePayment(t.Context(), e); err != nil || !slices.Contains(w.telegram.alerts, kind) {
			t.Errorf("%v, alerts %v", err, w.telegram.alerts)
		}
	}
}

// A page completed by a slow payment method whose end Stripe never told.
func TestSlowPaymentIsNotWaitedForWithoutEnd(t *testing.T) {
	slow := func(t *testing.T) *world {
		w := newWorld(t)
		w.open()
		w.stripe.sessions["cs_1"].Status = "complete"
		w.run(13 * 24 * time.Hour)
		w.want(orders.AwaitingPayment, "")
		w.run(2 * 24 * time.Hour)
		w.want(orders.Review, orders.ReasonNeverSettled)
		if !slices.Contains(w.telegram.alerts, "review") {
			t.Errorf("alerts %v", w.telegram.alerts)
		}
		return w
	}
	t.Run("paid after all", func(t *testing.T) {
		w := slow(t)
		w.stripe.pay()
		if err := w.event(); err != nil {
			t.Fatal(err)
		}
		w.run(time.Hour)
		w.want(orders.Delivered, "")
	})
	t.Run("paid, the event lost", func(t *testing.T) {
		w := slow(t)
		w.stripe.pay()
		w.advance(24 * time.Hour)
		w.run(time.Hour)
		w.want(orders.Delivered, "")
	})
	t.Run("failed after all", func(t *testing.T) {
		w := slow(t)
		if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventAsyncFailed, SessionID: "cs_1", Order: theOrder}); err != nil {
			t.Fatal(err)
		}
		w.want(orders.Expired, orders.ReasonFailed)
	})
}

func TestPaidWithoutAPaymentIsReviewed(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.stripe.pay()
	w.stripe.sessions["cs_1"].Intent = ""
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.want(orders.Review, orders.ReasonNoIntent)
}

// A customer who deleted everything about them has nobody an eSIM could be sent to.
func TestPaidByNobodyIsReviewed(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.stripe.sessions["cs_1"].Status = "expired"
	w.run(time.Hour)
	w.want(orders.Expired, "")
	w.store.docs[theOrder].Customer = 0
	w.stripe.pay()
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.want(orders.Review, orders.ReasonErased)
	if w.cloud.sold != 0 {
		t.Error("bought for nobody")
	}
}

// Who was not delivered to before is asked for 3-D Secure, in each try to open the page.
func TestStrictIsFrozen(t *testing.T) {
	for _, first := range []bool{true, false} {
		w := newWorld(t)
		w.store.first = first
		w.stripe.down = map[string]int{"open": 1}
		if _, err := w.service.Open(t.Context(), orders.Draft{ID: theOrder, Kind: orders.KindESIM, Customer: customer, Plan: plan}); err == nil {
			t.Fatal("opened")
		}
		w.store.first = !first
		o := w.open()
		if o.Checkout.SessionID == "" || o.Checkout.Strict != first || w.stripe.strict != first {
			t.Errorf("strict %v at Stripe, %v in the order, want %v", w.stripe.strict, o.Checkout.Strict, first)
		}
	}
}

// A failure that is told while a runner looks at the order is not lost.
func TestFailureToldDuringALook(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.stripe.sessions["cs_1"].Status = "complete"
	once := true
	w.before = func(_ int, call string) error {
		if call == "transition expired" && once {
			once = false
			w.store.docs[theOrder].Version++
		}
		return nil
	}
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventAsyncFailed, SessionID: "cs_1", Order: theOrder}); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Expired, orders.ReasonFailed)
}
