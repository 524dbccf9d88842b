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
		"spent":                   {[]string{"spent", "spent", "succeeded"}, orders.Refunded, orders.ReasonRejected, 1, 3},
		"spent again and again":   {slices.Repeat([]string{"spent"}, 20), orders.Review, orders.ReasonRefundFailed, 0, 6},
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

// While Stripe fails, refunds are tried for half an hour before admins hear that they can't be made.
func TestRefundsOutlastStripesTrouble(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"rejected"}
	w.stripe.refundAnswers = slices.Repeat([]string{"spent"}, 20)
	w.paid()
	began := w.clock()
	w.run(20 * time.Minute)
	w.want(orders.Refunding, orders.ReasonRejected)
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonRefundFailed)
	if waited := w.clock().Sub(began); waited < 30*time.Minute || waited > time.Hour {
		t.Errorf("given up after %s", waited)
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
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventRefundUpdated, Intent: "pi_1"}); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Refunded, orders.ReasonRejected) // at once, though the next look was seconds away
}

func TestARefundThatFailsInTheEndIsReviewed(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"rejected"}
	w.paid()
	w.run(time.Hour)
	w.want(orders.Refunded, orders.ReasonRejected)
	event := orders.PaymentEvent{Type: orders.EventRefundUpdated, Intent: "pi_1"}
	if err := w.service.HandlePayment(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Refunded, orders.ReasonRejected)
	for key, r := range w.stripe.refunds {
		r.Status = "failed"
		w.stripe.refunds[key] = r
	}
	if err := w.service.HandlePayment(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	if o := w.want(orders.Review, orders.ReasonRefundFailed); o.Refund.Total.Minor != 0 || !slices.Contains(w.telegram.alerts, "refund_failed") {
		t.Errorf("refunds %+v, alerts %v", o.Refund, w.telegram.alerts)
	}
}

func TestARefundWithoutAnAnswerIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"rejected"}
	w.stripe.refundAnswers = slices.Repeat([]string{"doubt"}, 8)
	w.paid()
	w.run(time.Hour)
	w.want(orders.Refunded, orders.ReasonRejected)
	if !slices.Contains(w.telegram.alerts, "refund_delayed") || w.stripe.refunded() != 455 {
		t.Errorf("alerts %v, refunded %d", w.telegram.alerts, w.stripe.refunded())
	}
}
