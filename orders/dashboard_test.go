package orders_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// in brings an order to a state, with nothing in flight.
func in(t *testing.T, state orders.State) *world {
	t.Helper()
	w := newWorld(t)
	w.paid()
	switch state {
	case orders.Paid:
		return w
	case orders.Provisioning:
		w.cloud.answers = []string{"not ready"}
		w.run(time.Second)
	case orders.Issued:
		w.telegram.errs = map[string][]error{"deliver": slices.Repeat([]error{errors.New("HTTP 502")}, 3)}
		w.run(time.Second)
	case orders.Unknown:
		w.cloud.answers = []string{"unheard"}
		w.run(time.Second)
	case orders.Review:
		w.cloud.answers = []string{"no number"}
		w.run(time.Hour)
	case orders.Refunded:
		w.cloud.answers = []string{"rejected"}
		w.run(time.Hour)
	default:
		w.run(time.Hour)
	}
	if s := w.store.docs[theOrder].State; s != state {
		t.Fatalf("order is %s, want %s", s, state)
	}
	return w
}

// What is done in Stripe's Dashboard stops a purchase not yet made and a delivery not yet sent; what
// was delivered stays so, or is refunded.
func TestRefundsAndDisputesBegunInTheDashboard(t *testing.T) {
	whole := func(s *stripe) { s.outside = 455 }
	partly := func(s *stripe) { s.outside = 155 }
	dispute := func(s *stripe) { s.disputed = true }
	for _, c := range []struct {
		from   orders.State
		name   string
		set    func(*stripe)
		state  orders.State
		reason string
	}{
		{orders.Paid, "whole", whole, orders.Refunded, orders.ReasonRefunded},
		{orders.Paid, "partial", partly, orders.Review, orders.ReasonRefunded},
		{orders.Paid, "dispute", dispute, orders.Review, orders.ReasonDisputed},
		{orders.Provisioning, "whole", whole, orders.Review, orders.ReasonRefunded},
		{orders.Provisioning, "partial", partly, orders.Review, orders.ReasonRefunded},
		{orders.Provisioning, "dispute", dispute, orders.Review, orders.ReasonDisputed},
		{orders.Issued, "whole", whole, orders.Review, orders.ReasonRefunded},
		{orders.Issued, "partial", partly, orders.Review, orders.ReasonRefunded},
		{orders.Issued, "dispute", dispute, orders.Review, orders.ReasonDisputed},
		{orders.Unknown, "whole", whole, orders.Review, orders.ReasonRefunded},
		{orders.Unknown, "partial", partly, orders.Review, orders.ReasonRefunded},
		{orders.Unknown, "dispute", dispute, orders.Review, orders.ReasonDisputed},
		{orders.Review, "whole", whole, orders.Review, orders.ReasonNoCode},
		{orders.Review, "partial", partly, orders.Review, orders.ReasonNoCode},
		{orders.Review, "dispute", dispute, orders.Review, orders.ReasonNoCode},
		{orders.Delivered, "whole", whole, orders.Refunded, orders.ReasonRefunded},
		{orders.Delivered, "partial", partly, orders.Delivered, ""},
		{orders.Delivered, "dispute", dispute, orders.Delivered, ""},
		{orders.Refunded, "dispute", dispute, orders.Refunded, orders.ReasonRejected},
	} {
		t.Run(string(c.from)+" "+c.name, func(t *testing.T) {
			w := in(t, c.from)
			sold, shown := w.cloud.sold, len(w.telegram.shown)
			c.set(w.stripe)
			e := orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}
			if w.stripe.disputed {
				e.Type = orders.EventDispute
			}
			for range 3 { // Stripe may bring it again
				if err := w.service.HandlePayment(t.Context(), e); err != nil {
					t.Fatal(err)
				}
				w.run(6 * time.Hour)
			}
			o := w.want(c.state, c.reason)
			if c.from == orders.Refunded {
				if o.Refund.Total.Minor != 455 || !o.Disputed {
					t.Errorf("noted %+v, disputed %v", o.Refund, o.Disputed)
				}
				return
			}
			if o.Refund.Total.Minor != w.stripe.outside || o.Disputed != w.stripe.disputed || len(w.stripe.refunds) != 0 {
				t.Errorf("noted %+v, disputed %v", o.Refund, o.Disputed)
			}
			if w.cloud.sold != sold || (len(w.telegram.photos) == 1) != (c.from == orders.Delivered) {
				t.Errorf("sold %d before, %d now; photos %d", sold, w.cloud.sold, len(w.telegram.photos))
			}
			if w.stripe.disputed && !slices.Contains(w.telegram.alerts, "dispute") {
				t.Errorf("alerts %v", w.telegram.alerts)
			}
			if told := w.telegram.shown[shown:]; c.from == orders.Delivered && !w.stripe.disputed && !slices.Equal(told, []string{string(c.state)}) {
				t.Errorf("the customer was told %v", told)
			}
			if c.state == orders.Refunded && o.Bought != nil && o.Refund.Return != orders.ReturnLost {
				t.Errorf("the eSIM: %q", o.Refund.Return)
			}
		})
	}
}

// Told between any two calls of a purchase: what was bought by then is stored and not delivered, and
// nothing is bought after Stripe could be seen to say no.
func TestDashboardWhilePurchasing(t *testing.T) {
	for name, set := range map[string]func(*stripe){
		"whole":   func(s *stripe) { s.outside = 455 },
		"partial": func(s *stripe) { s.outside = 155 },
		"dispute": func(s *stripe) { s.disputed = true },
	} {
		for _, answer := range []string{"ok", "not sent", "rejected", "unheard", "bought unheard"} {
			for _, call := range []string{"transition purchasing", "balance", "fence", "raise", "buy"} {
				for _, topped := range []esim.Provider{"", esim.CloudESIM} {
					t.Run(name+", "+answer+", after "+call+" "+string(topped), func(t *testing.T) {
						dashboardWhilePurchasing(t, set, answer, call, topped)
					})
				}
			}
		}
	}
}

func dashboardWhilePurchasing(t *testing.T, set func(*stripe), answer, call string, topped esim.Provider) {
	w := newWorld(t)
	if topped != "" {
		w.toppingUp(topped)
		if call == "buy" {
			call = "top-up"
		}
	}
	w.cloud.answers = []string{answer}
	w.paid()
	e := orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}
	w.after = func(_ int, name string) error {
		if name == call {
			w.after = nil
			set(w.stripe)
			if w.stripe.disputed {
				e.Type = orders.EventDispute
			}
			if err := w.service.HandlePayment(t.Context(), e); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	w.run(24 * time.Hour)
	o := w.store.docs[theOrder]
	if len(w.telegram.photos) != 0 || len(w.stripe.refunds) != 0 {
		t.Errorf("photos %d, refunds %v", len(w.telegram.photos), w.stripe.refunds)
	}
	switch {
	case o.State == orders.Review && slices.Contains(w.telegram.alerts, "review"):
	case o.State == orders.Refunded && w.stripe.outside == 455 && w.cloud.sold == 0:
	default:
		t.Errorf("ended %s (%s), sold %d; log %+v", o.State, o.Reason, w.cloud.sold, w.store.log)
	}
	if kept := o.Bought != nil; kept != (w.cloud.sold == 1 && answer == "ok") {
		t.Errorf("sold %d, stored %v", w.cloud.sold, o.Bought)
	}
	if w.cloud.sold == 1 && answer == "ok" {
		w.want(orders.Review, orders.ReasonMeanwhile)
	}
}

// A refund event that nobody brings is seen before the purchase all the same.
func TestDashboardSeenWithoutAnEvent(t *testing.T) {
	w := newWorld(t).toppingUp(esim.CloudESIM)
	w.paid()
	w.stripe.outside = 455
	w.run(time.Hour)
	w.want(orders.Refunded, orders.ReasonRefunded)
	if l := w.store.lines[theESIM]; w.cloud.sold != 0 || l.claim != "" {
		t.Errorf("sold %d, claimed by %q", w.cloud.sold, l.claim)
	}
}

// An early warning of fraud is for the admins; the order goes on.
func TestFraudWarningIsAnAlertAndNoMore(t *testing.T) {
	w := in(t, orders.Paid)
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventFraudWarning, Intent: "pi_1"}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}

// The order changes while an event is handled: it is handled anew.
func TestAnEventThatLosesTheRaceIsHandledAnew(t *testing.T) {
	w := in(t, orders.Delivered)
	w.stripe.outside = 155
	once := true
	w.before = func(_ int, call string) error {
		if call == "transition delivered" && once {
			once = false
			w.store.docs[theOrder].Version++
		}
		return nil
	}
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}); err != nil {
		t.Fatal(err)
	}
	if o := w.want(orders.Delivered, ""); o.Refund.Total.Minor != 155 {
		t.Errorf("%+v", o.Refund)
	}
}

// An order under review that surely bought nothing has nothing left to decide once its money is gone.
func TestReviewEndsWhenTheMoneyIsGoneAndNothingWasBought(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.stripe.pay()
	w.stripe.sessions["cs_1"].LiveMode = true
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.want(orders.Review, orders.ReasonLiveMode)
	w.stripe.outside = 455
	if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}); err != nil {
		t.Fatal(err)
	}
	if o := w.want(orders.Refunded, orders.ReasonRefunded); o.Refund.Return != orders.ReturnNothing || !slices.Contains(w.telegram.shown, string(orders.Refunded)) {
		t.Errorf("%+v, shown %v", o.Refund, w.telegram.shown)
	}
}

// What the admins knew of when they had it bought all the same is no news to the next attempt; more is.
func TestBoughtAfterAPartWentBack(t *testing.T) {
	for _, more := range []int64{0, 100} {
		w := newWorld(t)
		w.paid()
		w.stripe.outside = 155
		w.run(time.Hour)
		o := w.want(orders.Review, orders.ReasonRefunded)
		if _, err := w.service.BuyAgain(t.Context(), orders.Decision{Order: theOrder, Admin: 1, Attempt: o.Attempt.N}); err != nil {
			t.Fatal(err)
		}
		w.stripe.outside += more
		w.run(time.Hour)
		if o := w.store.docs[theOrder]; (o.State == orders.Delivered) != (more == 0) || o.Refund.Total.Minor != 155+more || w.cloud.sold != int(1-more/100) {
			t.Errorf("%s (%s), sold %d, %+v", o.State, o.Reason, w.cloud.sold, o.Refund)
		}
	}
}
