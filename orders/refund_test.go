package orders_test

import (
	"slices"
	"testing"
	"time"

	"esimbot/orders"
)

func TestRefunds(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		state   orders.State
		reason  string
		refunds int
		number  int // of the last refund tried
	}{
		"at once":                 {nil, orders.Refunded, orders.ReasonRejected, 1, 1},
		"pending first":           {[]string{"pending", "pending", "succeeded"}, orders.Refunded, orders.ReasonRejected, 1, 1},
		"no answer":               {[]string{"doubt", "doubt", "succeeded"}, orders.Refunded, orders.ReasonRejected, 1, 1},
		"refused under one key":   {[]string{"refused", "succeeded"}, orders.Refunded, orders.ReasonRejected, 1, 2},
		"refused again and again": {slices.Repeat([]string{"refused"}, 20), orders.Review, orders.ReasonRefundFailed, 0, 6},
		"failed":                  {[]string{"pending", "failed"}, orders.Review, orders.ReasonRefundFailed, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.answers = []string{"rejected"}
			w.stripe.refundAnswers = c.answers
			w.paid()
			w.run(10 * 24 * time.Hour)
			o := w.want(c.state, c.reason)
			if len(w.stripe.refunds) != c.refunds || o.Refund.N != c.number || w.stripe.refunded() > 455 {
				t.Errorf("refunds %v, the last numbered %d", w.stripe.refunds, o.Refund.N)
			}
		})
	}
}

func TestMoneyThatWentBackOutsideStopsThePurchase(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*stripe)
		state  orders.State
		reason string
	}{
		"refunded whole":   {func(s *stripe) { s.outside = 455 }, orders.Refunded, orders.ReasonRefunded},
		"refunded in part": {func(s *stripe) { s.outside = 100 }, orders.Review, orders.ReasonRefunded},
		"disputed":         {func(s *stripe) { s.disputed = true }, orders.Review, orders.ReasonDisputed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			c.set(w.stripe)
			w.run(time.Hour)
			w.want(c.state, c.reason)
			if w.cloud.sold != 0 {
				t.Error("bought all the same")
			}
		})
	}
}

func TestPartlyRefundedOutsideWhileRefunding(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"rejected"}
	w.after = func(_ int, call string) error {
		if call == "transition refunding" && w.stripe.outside == 0 {
			w.stripe.outside = 100
		}
		return nil
	}
	w.paid()
	w.run(time.Hour)
	w.want(orders.Refunded, orders.ReasonRejected)
	if w.stripe.refunded() != 355 {
		t.Errorf("refunded %d beside 100", w.stripe.refunded())
	}
}

func TestARefundEventHastensTheLook(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers, w.stripe.refundAnswers = []string{"rejected"}, []string{"pending", "succeeded"}
	w.paid()
	w.run(time.Second)
	w.want(orders.Refunding, orders.ReasonRejected)
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: "charge.refund.updated", Intent: "pi_1"}); err != nil {
		t.Fatal(err)
	}
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: "charge.refunded", Intent: "pi_other"}); err == nil {
		t.Error("an unknown payment's event was taken")
	}
}
