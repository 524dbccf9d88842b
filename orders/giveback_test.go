package orders_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

var part = esim.Money{Minor: 155, Currency: esim.USD}

// delivered brings an order to its customer.
func delivered(t *testing.T, w *world) *world {
	t.Helper()
	w.paid()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	return w
}

func (w *world) sendBack(amount esim.Money, anyway bool) {
	w.Helper()
	if err := w.service.SendBack(w.ctx(), theOrder, amount, anyway); err != nil {
		w.Fatalf("send back: %v", err)
	}
}

func TestRefundingTakesABaseOrdersESIMBack(t *testing.T) {
	for name, c := range map[string]struct {
		cancels, queries []string
		state            orders.State
		reason           string
		ret              orders.Return
		asked            int
	}{
		"at once":                     {nil, nil, orders.Refunded, "refund", orders.ReturnDone, 1},
		"not sent first":              {[]string{"not sent", "not sent"}, nil, orders.Refunded, "refund", orders.ReturnDone, 3},
		"unclear, and done":           {[]string{"done unheard"}, nil, orders.Refunded, "refund", orders.ReturnDone, 1},
		"unclear, not done yet":       {[]string{"unheard"}, nil, orders.Refunded, "refund", orders.ReturnDone, 2},
		"unclear, done, no word":      {[]string{"done unheard"}, []string{"error"}, orders.Refunded, "refund", orders.ReturnDone, 2},
		"refused":                     {[]string{"refused"}, nil, orders.Review, orders.ReasonCancelRefused, orders.ReturnRefused, 1},
		"refused, no word, refused":   {slices.Repeat([]string{"refused"}, 2), []string{"error"}, orders.Review, orders.ReasonCancelRefused, orders.ReturnRefused, 2},
		"refused, cancelled all same": {[]string{"refused"}, []string{"cancelled"}, orders.Refunded, "refund", orders.ReturnDone, 1},
		"unclear for ever":            {slices.Repeat([]string{"unheard"}, 500), nil, orders.Review, orders.ReasonCancelUnclear, orders.ReturnRefused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := delivered(t, newWorld(t))
			w.cloud.cancels, w.cloud.queries = c.cancels, c.queries
			began := w.clock()
			w.sendBack(esim.Money{}, false)
			w.run(24 * time.Hour)
			o := w.want(c.state, c.reason)
			if o.Refund.Return != c.ret || (c.asked > 0 && w.cloud.asked != c.asked) {
				t.Errorf("return %s after %d cancels", o.Refund.Return, w.cloud.asked)
			}
			if c.state == orders.Refunded {
				if w.stripe.refunded() != 455 || o.Refund.Total.Minor != 455 || o.Refund.Actor != "admin:1" {
					t.Errorf("refunded %d, %+v", w.stripe.refunded(), o.Refund)
				}
				return
			}
			if w.stripe.refunded() != 0 || o.Refund.Refusal == "" || !slices.Contains(w.telegram.alerts, "review") || slices.Contains(w.telegram.shown, "refunding") {
				t.Errorf("refunded %d, %+v, alerts %v, shown %v", w.stripe.refunded(), o.Refund, w.telegram.alerts, w.telegram.shown)
			}
			if waited := w.clock().Sub(began); c.reason == orders.ReasonCancelUnclear && (waited < 2*time.Hour || waited > 2*time.Hour+10*time.Minute) {
				t.Errorf("given up after %s", waited)
			}
			// "Refund anyway"
			w.sendBack(esim.Money{}, true)
			w.run(time.Hour)
			if o := w.want(orders.Refunded, "refund"); o.Refund.Return != orders.ReturnAnyway || w.stripe.refunded() != 455 {
				t.Errorf("%+v", o.Refund)
			}
		})
	}
}

// What can't be given back, or stays with the customer, is not asked for.
func TestRefundingAsksForNothingElse(t *testing.T) {
	topped := func(w *world) {
		w.store.lines[theOrder] = line{Line: orders.Line{ID: theOrder, Customer: customer, Plan: plan, TopUps: 1}}
	}
	for name, c := range map[string]struct {
		world  func(*testing.T) *world
		amount esim.Money
		ret    orders.Return
		state  orders.State
	}{
		"a top-up":            {func(t *testing.T) *world { return newWorld(t).toppingUp(esim.CloudESIM) }, esim.Money{}, orders.ReturnKept, orders.Refunded},
		"part of the money":   {newTestWorld, part, orders.ReturnKept, orders.Delivered},
		"a topped-up eSIM":    {func(t *testing.T) *world { w := newWorld(t); topped(w); return w }, esim.Money{}, orders.ReturnLost, orders.Refunded},
		"Mobilexy's":          {func(t *testing.T) *world { w := newWorld(t).sellTwice(); w.cloud.gone = true; return w }, esim.Money{}, orders.ReturnLost, orders.Refunded},
		"topped up meanwhile": {func(t *testing.T) *world { w := newWorld(t); toppedLater(w, topped); return w }, esim.Money{}, orders.ReturnLost, orders.Refunded},
	} {
		t.Run(name, func(t *testing.T) {
			w := delivered(t, c.world(t))
			w.sendBack(c.amount, false)
			w.run(time.Hour)
			o := w.store.docs[theOrder]
			if o.State != c.state || o.Refund.Return != c.ret || w.cloud.asked+w.mobilexy.asked != 0 {
				t.Errorf("%s, %+v, cancels %d", o.State, o.Refund, w.cloud.asked+w.mobilexy.asked)
			}
			if want := max(c.amount.Minor, 455*boolean(c.amount.Minor == 0)); w.stripe.refunded() != want || o.Refund.Total.Minor != want {
				t.Errorf("refunded %d, noted %d", w.stripe.refunded(), o.Refund.Total.Minor)
			}
			if l := w.store.lines[theESIM]; l.claim != "" {
				t.Errorf("still claimed by %s", l.claim)
			}
		})
	}
}

func newTestWorld(t *testing.T) *world { return newWorld(t) }

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// toppedLater has a top-up applied between the wish to refund and the call to the provider.
func toppedLater(w *world, topped func(*world)) {
	w.after = func(_ int, call string) error {
		if call == "transition refunding" {
			topped(w)
		}
		return nil
	}
}

// Part of the money keeps the state, and what it was there for; the rest goes back later.
func TestPartialRefundsKeepTheState(t *testing.T) {
	t.Run("delivered", func(t *testing.T) {
		w := delivered(t, newWorld(t))
		for n := int64(1); n <= 2; n++ {
			w.sendBack(part, false)
			w.run(time.Hour)
			if o := w.want(orders.Delivered, ""); o.Refund.Total.Minor != n*155 || o.Refund.N != int(n) || o.DeliveredAt.IsZero() {
				t.Errorf("%+v", o.Refund)
			}
		}
		if err := w.service.SendBack(t.Context(), theOrder, part, false); !errors.Is(err, orders.ErrNotForNow) {
			t.Errorf("more than is left: %v", err)
		}
		w.sendBack(esim.Money{Minor: 145, Currency: esim.USD}, false)
		w.run(time.Hour)
		if o := w.want(orders.Refunded, "refund"); o.Refund.Total.Minor != 455 || w.stripe.refunded() != 455 || o.Refund.Return != orders.ReturnDone {
			t.Errorf("%+v", o.Refund)
		}
		if len(w.telegram.photos) != 1 {
			t.Errorf("delivered %d times", len(w.telegram.photos))
		}
	})
	t.Run("review", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers = []string{"no number"}
		w.paid()
		w.run(time.Hour)
		w.sendBack(part, false)
		w.run(time.Hour)
		if o := w.want(orders.Review, orders.ReasonNoCode); o.Refund.Total.Minor != 155 || o.Refund.Back != "" {
			t.Errorf("%+v", o.Refund)
		}
	})
	t.Run("no answer, and found made", func(t *testing.T) {
		w := delivered(t, newWorld(t))
		w.after = func(_ int, call string) error {
			if call == "refund" {
				w.after = nil
				return errCrash
			}
			return nil
		}
		w.sendBack(part, false)
		w.run(time.Hour)
		if o := w.want(orders.Delivered, ""); o.Refund.Total.Minor != 155 || len(w.stripe.refunds) != 1 {
			t.Errorf("%+v, %v", o.Refund, w.stripe.refunds)
		}
	})
	t.Run("failed in the end", func(t *testing.T) {
		w := delivered(t, newWorld(t))
		w.sendBack(part, false)
		w.run(time.Hour)
		for key, r := range w.stripe.refunds {
			r.Status = "failed"
			w.stripe.refunds[key] = r
		}
		if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventRefundUpdated, Intent: "pi_1"}); err != nil {
			t.Fatal(err)
		}
		if o := w.want(orders.Review, orders.ReasonRefundFailed); o.Refund.Total.Minor != 0 {
			t.Errorf("%+v", o.Refund)
		}
	})
	t.Run("the rest went back in the Dashboard", func(t *testing.T) {
		w := delivered(t, newWorld(t))
		w.sendBack(part, false)
		w.stripe.outside = 300
		w.run(time.Hour)
		if o := w.want(orders.Refunded, "refund"); o.Refund.Total.Minor != 455 {
			t.Errorf("%+v", o.Refund)
		}
	})
}

// An eSIM that was taken back is not given back again when the money needs a second try.
func TestRefundingAgainAfterTheESIMWasTakenBack(t *testing.T) {
	w := delivered(t, newWorld(t))
	w.stripe.refundAnswers = []string{"failed"}
	w.sendBack(esim.Money{}, false)
	w.run(time.Hour)
	w.want(orders.Review, orders.ReasonRefundFailed)
	w.sendBack(esim.Money{}, true)
	w.run(time.Hour)
	if o := w.want(orders.Refunded, "refund"); o.Refund.Return != orders.ReturnDone || w.cloud.asked != 1 || o.Refund.N != 2 {
		t.Errorf("%+v after %d cancels", o.Refund, w.cloud.asked)
	}
}

// With nothing left to go back the provider's part is done all the same, and Stripe is left alone.
func TestRefundingNothingDoesTheProvidersPart(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"not ready"}
	w.paid()
	w.run(time.Second)
	w.want(orders.Provisioning, "")
	w.stripe.outside = 455
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Review, orders.ReasonRefunded)
	w.sendBack(esim.Money{}, false)
	w.run(time.Hour)
	if o := w.want(orders.Refunded, "refund"); o.Refund.Total.Minor != 455 || o.Refund.Return != orders.ReturnDone || len(w.stripe.refunds) != 0 {
		t.Errorf("%+v, refunds %v", o.Refund, w.stripe.refunds)
	}
}

// Redis forgets the order in the moment its eSIM was taken back: it does not count as delivered again,
// for the money has not gone back yet.
func TestRefundingForgottenAfterTheESIMWasTakenBack(t *testing.T) {
	w := newWorld(t)
	w.open()
	forgotten := w.store.snapshot()
	w.stripe.pay()
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	w.after = func(_ int, call string) error {
		if call == "cancel" {
			w.after = nil
			*w.store = forgotten
			return errCrash
		}
		return nil
	}
	w.sendBack(esim.Money{}, false)
	w.run(time.Hour)
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	if o := w.store.docs[theOrder]; o.State != orders.Review || !w.cloud.cancelled {
		t.Errorf("%s (%s), taken back %v", o.State, o.Reason, w.cloud.cancelled)
	}
}

// The number of a refund that Redis has forgotten stands at Stripe for another amount: where the whole
// is to go back, the rest of it follows.
func TestRefundingUnderAForgottenNumber(t *testing.T) {
	w := delivered(t, newWorld(t))
	forgotten := w.store.snapshot()
	w.sendBack(part, false)
	w.run(time.Hour)
	*w.store = forgotten
	w.sendBack(esim.Money{}, false)
	w.run(time.Hour)
	if o := w.want(orders.Refunded, "refund"); o.Refund.Total.Minor != 455 || w.stripe.refunded() != 455 || o.Refund.N != 2 {
		t.Errorf("%+v, %v", o.Refund, w.stripe.refunds)
	}
}
