package orders_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"esimbot/orders"
)

func TestMismatchGoesToReview(t *testing.T) {
	for reason, tamper := range map[string]func(*orders.CheckoutSession){
		orders.ReasonAmount:   func(cs *orders.CheckoutSession) { cs.Amount.Minor-- },
		orders.ReasonLiveMode: func(cs *orders.CheckoutSession) { cs.LiveMode = true },
		orders.ReasonForeign:  func(cs *orders.CheckoutSession) { cs.Shop = "99" },
	} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t)
			w.open()
			w.stripe.pay()
			tamper(w.stripe.sessions["cs_1"])
			if err := w.event(); err != nil {
				t.Fatal(err)
			}
			w.run(24 * time.Hour)
			w.want(orders.Review, reason)
			if w.cloud.sold != 0 || !slices.Contains(w.telegram.alerts, "review") || !slices.Contains(w.telegram.shown, string(orders.Review)) {
				t.Errorf("sold %d, alerts %v, shown %v", w.cloud.sold, w.telegram.alerts, w.telegram.shown)
			}
		})
	}
	t.Run("currency", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		w.stripe.pay()
		w.stripe.sessions["cs_1"].Amount.Currency = "VND"
		if err := w.event(); err != nil {
			t.Fatal(err)
		}
		w.run(time.Hour)
		w.want(orders.Review, orders.ReasonAmount)
	})
	t.Run("another order's session", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		w.stripe.sessions["cs_2"] = &orders.CheckoutSession{ID: "cs_2", Status: "complete", Paid: true, Order: "0000000000", Shop: shop, Amount: plan.Retail, Intent: "pi_2"}
		err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{SessionID: "cs_2", Order: theOrder})
		if !errors.Is(err, orders.ErrNotFound) {
			t.Error(err)
		}
		w.want(orders.AwaitingPayment, "")
	})
}

func TestUnpaidEnds(t *testing.T) {
	t.Run("expired by Stripe, found by the runner", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		w.run(10 * time.Minute)
		w.want(orders.AwaitingPayment, "")
		w.stripe.sessions["cs_1"].Status = "expired"
		w.run(time.Hour)
		w.want(orders.Expired, "")
		if !slices.Contains(w.telegram.shown, string(orders.Expired)) {
			t.Error("the customer was not told")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		o, err := w.service.Cancel(t.Context(), theOrder, customer)
		if err != nil || o.State != orders.Expired || w.stripe.sessions["cs_1"].Status != "expired" {
			t.Errorf("%+v, %v", o, err)
		}
	})
	t.Run("cancelled while paid", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		w.stripe.pay()
		if o, err := w.service.Cancel(t.Context(), theOrder, customer); err != nil || o.State != orders.Paid {
			t.Errorf("%+v, %v", o, err)
		}
		w.run(time.Hour)
		w.want(orders.Delivered, "")
	})
	t.Run("page never opened", func(t *testing.T) {
		w := newWorld(t)
		w.stripe.down = map[string]int{"open": 2}
		if _, err := w.service.Open(t.Context(), orders.Draft{ID: theOrder, Kind: orders.KindESIM, Customer: customer, Plan: plan}); err == nil {
			t.Fatal("opened")
		}
		w.run(time.Hour)
		w.want(orders.Expired, orders.ReasonNeverOpened)
	})
	t.Run("slow payment fails", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		w.stripe.sessions["cs_1"].Status = "complete"
		if err := w.event(); err != nil {
			t.Fatal(err)
		}
		w.run(3 * time.Hour)
		w.want(orders.AwaitingPayment, "")
		if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventAsyncFailed, SessionID: "cs_1", Order: theOrder}); err != nil {
			t.Fatal(err)
		}
		w.want(orders.Expired, orders.ReasonFailed)
	})
	t.Run("paid after expiry", func(t *testing.T) {
		w := newWorld(t)
		w.open()
		w.stripe.sessions["cs_1"].Status = "expired"
		w.run(2 * time.Hour)
		w.want(orders.Expired, "")
		w.stripe.pay()
		if err := w.event(); err != nil {
			t.Fatal(err)
		}
		w.want(orders.Paid, orders.ReasonLate)
		w.run(time.Hour)
		w.want(orders.Delivered, "")
	})
}

func TestPolling(t *testing.T) {
	w := newWorld(t)
	polled := true
	w.config.PollPayments = func() bool { return polled }
	w.restart()
	w.open()
	calls := w.calls
	w.run(time.Minute)
	if n := w.calls - calls; n < 30 || n > 60 {
		t.Errorf("a fresh page cost %d calls a minute", n) // load, lease, session, rest every 5 s
	}
	polled = false // the webhook's secret came
	w.run(10 * time.Second)
	calls = w.calls
	w.run(5 * time.Minute)
	if n := w.calls - calls; n > 25 {
		t.Errorf("with a webhook a page cost %d calls in 5 minutes", n)
	}
	polled = true // and is lost again
	w.run(time.Minute)
	w.stripe.pay()
	w.run(10 * time.Second)
	w.want(orders.Delivered, "")
}

func TestCheckSeesThePaymentAtOnce(t *testing.T) {
	w := newWorld(t)
	w.open()
	if o, err := w.service.Check(t.Context(), theOrder, customer); err != nil || o.State != orders.AwaitingPayment {
		t.Errorf("%+v, %v", o, err)
	}
	w.stripe.pay()
	if o, err := w.service.Check(t.Context(), theOrder, customer); err != nil || o.State != orders.Paid {
		t.Errorf("%+v, %v", o, err)
	}
}

// A customer who paid by a slow method is told once that the money is on its way, whoever sees it first,
// and can't close the page any more.
func TestASlowPaymentIsToldOf(t *testing.T) {
	for name, see := range map[string]func(w *world) error{
		"by the event": (*world).event,
		"by a look":    func(w *world) error { w.run(2 * time.Minute); return nil },
		"by the customer": func(w *world) error {
			_, err := w.service.Check(w.ctx(), theOrder, customer)
			return err
		},
		"by cancelling": func(w *world) error {
			_, err := w.service.Cancel(w.ctx(), theOrder, customer)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.open()
			w.stripe.sessions["cs_1"].Status = "complete"
			w.telegram.errs = map[string][]error{"show": {errOdd}}
			for range 3 {
				if err := see(w); err != nil {
					t.Fatal(err)
				}
			}
			o, err := w.service.Cancel(t.Context(), theOrder, customer)
			if err != nil || o.State != orders.AwaitingPayment || !o.Checkout.Completed {
				t.Errorf("cancelled: %+v, %v", o, err)
			}
			w.run(time.Hour)
			o = w.want(orders.AwaitingPayment, "")
			if !o.Checkout.Completed || o.Told != orders.NoticeProcessing || !slices.Equal(w.telegram.shown, []string{orders.NoticeProcessing}) {
				t.Errorf("%+v, shown %v", o.Checkout, w.telegram.shown)
			}
			w.stripe.pay()
			if err := w.event(); err != nil {
				t.Fatal(err)
			}
			w.run(time.Hour)
			w.want(orders.Delivered, "")
		})
	}
}
