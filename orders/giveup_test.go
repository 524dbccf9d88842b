package orders_test

import (
	"errors"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// TestGivesUpNothingThatWasBought holds an order until its deadline whose purchase Redis has forgotten:
// the money must not go back by itself.
func TestGivesUpNothingThatWasBought(t *testing.T) {
	for note, end := range map[string]struct {
		state   orders.State
		refunds int
	}{
		"":     {orders.Refunded, 1},
		"buy":  {orders.Review, 0},
		"done": {orders.Delivered, 0},
	} {
		t.Run("noted "+note, func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			w.cloud.downFor = 10000
			if note != "" {
				w.stripe.meta["buy"] = "1:forgotten"
			}
			if note == "done" {
				w.stripe.meta["got"], w.stripe.meta["done"] = "1:C1", "1"
			}
			w.run(3 * time.Hour)
			o := w.store.docs[theOrder]
			if o.State != end.state || len(w.stripe.refunds) != end.refunds {
				t.Errorf("ended %s (%s) with refunds %v", o.State, o.Reason, w.stripe.refunds)
			}
		})
	}
}

// An admin's refund of such an order gives back what was bought with the money, or waits until an
// admin has seen that something may have been.
func TestAnAdminRefundsNothingThatRedisForgot(t *testing.T) {
	for note, state := range map[string]orders.State{"": orders.Paid, "buy": orders.Review, "done": orders.Delivered} {
		t.Run("noted "+note, func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			before := *w.store.docs[theOrder]
			if note != "" {
				w.stripe.meta["buy"] = "1:forgotten"
			}
			if note == "done" {
				w.stripe.meta["got"], w.stripe.meta["done"] = "1:C1", "1"
			}
			request := orders.RefundRequest{Order: theOrder, Admin: admin, N: 1, Amount: plan.Retail}
			if note != "" { // without an offer that looked
				_, err := w.service.Refund(t.Context(), request)
				refused(t, err, orders.WhyChanged)
				if o := w.store.docs[theOrder]; o.State != state || len(w.stripe.refunds) != 0 {
					t.Errorf("order is %s (%s), refunds %v", o.State, o.Reason, w.stripe.refunds)
				}
				w.store.docs[theOrder] = &before
			}
			offer := w.offer(esim.Money{}, false)
			want := orders.ReturnNothing
			if note == "done" {
				want = orders.ReturnAsk
			}
			if o := w.store.docs[theOrder]; o.State != state || offer.Order.State != state || offer.Return != want || offer.N != 1 {
				t.Errorf("order is %s (%s), offer %+v", o.State, o.Reason, offer)
			}
			w.refundAs(admin, offer)
			w.want(orders.Refunded, string(orders.AnswerRefund))
			if w.cloud.cancelled != (note == "done") || w.stripe.refunded() != 455 {
				t.Errorf("given back: %v, refunded %d", w.cloud.cancelled, w.stripe.refunded())
			}
		})
	}
	w := newWorld(t)
	w.paid()
	w.stripe.down = map[string]int{"fence": 1}
	var r *orders.Refusal
	if _, err := w.service.OfferRefund(t.Context(), theOrder, esim.Money{}, false); err == nil || errors.As(err, &r) {
		t.Errorf("an offer without Stripe's word: %v", err)
	}
}

// What came in counts against a loss, where an admin has an order bought that was paid too little for.
func TestBuysNothingAtALossOfWhatCameIn(t *testing.T) {
	for _, came := range []int64{349, 350, 455, 1000} {
		w := newWorld(t)
		w.open()
		w.stripe.pay()
		w.stripe.sessions["cs_1"].Amount.Minor = came
		if err := w.event(); err != nil {
			t.Fatal(err)
		}
		w.run(time.Hour)
		if came != 455 {
			w.want(orders.Review, orders.ReasonAmount)
			if _, err := w.service.BuyAgain(t.Context(), w.decision()); err != nil {
				t.Fatal(err)
			}
			w.run(24 * time.Hour)
		}
		bought := w.cloud.sold == 1 && w.store.docs[theOrder].State == orders.Delivered
		if back := w.stripe.refunded() == came; bought != (came >= 350) || back == bought {
			t.Errorf("of %d: bought %v, refunded %d; order is %s", came, bought, w.stripe.refunded(), w.store.docs[theOrder].State)
		}
	}
}
