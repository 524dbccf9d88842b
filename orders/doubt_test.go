package orders_test

import (
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

// A top-up in doubt is settled by the eSIM's numbers, as soon as its provider shows them.
func TestUnknownTopUpIsProvedByNumbersThatRose(t *testing.T) {
	for name, c := range map[string]struct {
		provider esim.Provider
		lag      time.Duration
		within   time.Duration
	}{
		"at once":     {esim.CloudESIM, 0, time.Minute},
		"after hours": {esim.Mobilexy, 4 * time.Hour, 4*time.Hour + 20*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice().toppingUp(c.provider)
			w.cloud.answers, w.mobilexy.answers, w.mobilexy.lag = []string{"bought unheard"}, []string{"bought unheard"}, c.lag
			w.paid()
			o := w.run(24 * time.Hour)
			w.want(orders.Delivered, "")
			if took := w.clock().Sub(start); took > c.within {
				t.Errorf("it took %s", took)
			}
			if w.cloud.sold+w.mobilexy.sold != 1 || o.Bought.After == nil || o.Bought.After.TotalBytes != 2*esim.GB {
				t.Errorf("sold %d and %d, %+v", w.cloud.sold, w.mobilexy.sold, o.Bought)
			}
			if c.lag > 0 && !slices.Contains(w.telegram.shown, string(orders.Unknown)) {
				t.Errorf("hours without a word: %v", w.telegram.shown)
			}
		})
	}
}

// No change proves nothing, and is waited for no longer than the provider's numbers lag.
func TestUnknownWithoutProofIsReviewed(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*world)
		wait time.Duration
	}{
		"an eSIM":                      {func(w *world) { w.topped = "" }, 2 * time.Minute},
		"top-up, numbers as they were": {func(*world) {}, 2 * time.Minute},
		"top-up, numbers that lag":     {func(w *world) { w.cloud.lag = 4 * time.Hour }, 5 * time.Hour},
		"top-up, numbers not told":     {func(w *world) { w.cloud.mute, w.cloud.lag = true, 4*time.Hour }, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).toppingUp(esim.CloudESIM)
			c.set(w)
			w.cloud.answers = []string{"unheard"}
			w.paid()
			o := w.run(30 * time.Hour)
			w.want(orders.Review, orders.ReasonInDoubt)
			if waited := w.clock().Sub(start); waited < c.wait || waited > c.wait+time.Minute {
				t.Errorf("waited %s, want %s", waited, c.wait)
			}
			if !slices.Contains(w.telegram.shown, string(orders.Review)) || !slices.Contains(w.telegram.alerts, "review") {
				t.Errorf("shown %v, alerts %v", w.telegram.shown, w.telegram.alerts)
			}
			hundred := decimal.New(100, 0)
			if a := o.Attempt; a.BalanceBefore == nil || a.BalanceAfter == nil || !a.BalanceBefore.Equal(hundred) || !a.BalanceAfter.Equal(hundred) || a.DoubtAt.IsZero() {
				t.Errorf("hints %+v", a)
			}
		})
	}
}

// Data that is given anew each day comes back by itself: there only a later end proves a top-up.
func TestUnknownTopUpWithoutFixedVolume(t *testing.T) {
	w := newWorld(t).toppingUp(esim.CloudESIM)
	l := w.store.lines[theESIM]
	l.Plan.Kind = esim.Daily
	w.store.lines[theESIM] = l
	w.cloud.answers = []string{"bought unheard"}
	w.paid()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}

// The end of an eSIM that comes into use moves by itself.
func TestUnknownTopUpOfAnESIMThatComesIntoUse(t *testing.T) {
	w := newWorld(t).toppingUp(esim.CloudESIM)
	l := w.store.lines[theESIM]
	l.Plan.Kind = esim.Daily
	w.store.lines[theESIM] = l
	w.cloud.answers, w.cloud.status = []string{"bought unheard"}, esim.StatusReady
	w.after = func(_ int, call string) error {
		if call == "top-up" {
			w.cloud.status = esim.StatusInUse
		}
		return nil
	}
	w.paid()
	w.run(time.Hour)
	w.want(orders.Review, orders.ReasonInDoubt)
}

// Numbers that lag may still show a top-up before this one: they prove nothing of it.
func TestUnknownTopUpShortlyAfterAnother(t *testing.T) {
	w := newWorld(t).sellTwice().toppingUp(esim.Mobilexy)
	w.mobilexy.lag = 4 * time.Hour
	w.mobilexy.applied = []time.Time{start.Add(-time.Hour)}
	w.store.docs["0000000001"] = &orders.Order{
		ID: "0000000001", Schema: orders.Schema, State: orders.Delivered, Kind: orders.KindTopUp, Customer: customer, ESIM: theESIM,
		Bought: &orders.Bought{At: start.Add(-time.Hour)},
	}
	w.mobilexy.answers = []string{"unheard"}
	w.paid()
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonInDoubt)
}

// Another top-up of the eSIM that stands at Stripe, and of whose purchase Redis doesn't know the time, may
// be what made the numbers rise: then they prove nothing.
func TestUnknownTopUpBesideOneThatRedisForgot(t *testing.T) {
	const other = orders.ID("0000000001")
	long := start.Add(-48 * time.Hour)
	remembered := orders.Order{
		ID: other, Schema: orders.Schema, State: orders.Delivered, Kind: orders.KindTopUp, Customer: customer, ESIM: theESIM,
		Attempt: orders.Attempt{N: 1, Nonce: "x"}, Bought: &orders.Bought{At: long},
	}
	for name, c := range map[string]struct {
		fence  orders.Fence
		known  func(o *orders.Order) // nil: it isn't
		proved bool
	}{
		"unknown":                    {orders.Fence{Value: "1:x"}, nil, false},
		"unknown, surely not bought": {orders.Fence{Value: "1:closed"}, nil, true},
		"known, long ago":            {orders.Fence{Value: "1:x", Got: "1:M1"}, func(*orders.Order) {}, true},
		"made again meanwhile":       {orders.Fence{Value: "1:x"}, func(o *orders.Order) { o.RebuiltAt = start.Add(time.Hour) }, false},
		"known as it was before its last attempt": {orders.Fence{Value: "2:y"}, func(o *orders.Order) {
			o.State, o.Bought, o.Attempt.DoubtAt = orders.Review, nil, long
		}, false},
		"known as it was while it was bought": {orders.Fence{Value: "1:x"}, func(o *orders.Order) { o.State, o.Bought = orders.Purchasing, nil }, false},
		"known as not paid":                   {orders.Fence{Value: "1:x"}, func(o *orders.Order) { o.State, o.Bought, o.Attempt = orders.Expired, nil, orders.Attempt{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice().toppingUp(esim.Mobilexy)
			l := w.remember()
			l.more = []*orders.CheckoutSession{{ID: "cs_2", Paid: true, Order: string(other), Fence: c.fence, Draft: &orders.Draft{ID: other, ESIM: theESIM}}}
			if c.known != nil {
				o := remembered
				c.known(&o)
				w.store.docs[other] = &o
			}
			w.mobilexy.lag = 4 * time.Hour
			w.mobilexy.answers = []string{"bought unheard"}
			w.paid()
			w.run(24 * time.Hour)
			if c.proved {
				w.want(orders.Delivered, "")
			} else {
				w.want(orders.Review, orders.ReasonInDoubt)
			}
		})
	}
}

// The number that a runner left at Stripe before it died proves the purchase, once it answers.
func TestUnknownIsProvedByTheOrderNumber(t *testing.T) {
	for name, c := range map[string]struct {
		queries []string
		state   orders.State
		reason  string
	}{
		"answers":         {[]string{"ready"}, orders.Delivered, ""},
		"answers late":    {[]string{"error", "error", "ready"}, orders.Delivered, ""},
		"still made":      {[]string{"", "", "", "ready"}, orders.Delivered, ""},
		"taken back":      {slices.Repeat([]string{"cancelled"}, 20), orders.Review, orders.ReasonInDoubt},
		"does not answer": {slices.Repeat([]string{"error"}, 40), orders.Review, orders.ReasonInDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.queries = c.queries
			w.paid()
			w.before = func(_ int, call string) error { // what was bought is never stored
				if call == "transition issued" && w.stripe.meta["got"] == "" {
					w.stripe.meta["got"] = "1:cloudesim-1"
					return errCrash
				}
				return nil
			}
			w.run(24 * time.Hour)
			o := w.want(c.state, c.reason)
			if w.cloud.sold != 1 || (c.state == orders.Delivered && o.Bought.Profile.OrderNo != "cloudesim-1") {
				t.Errorf("sold %d, %+v", w.cloud.sold, o.Bought)
			}
		})
	}
	for name, got := range map[string]string{"of an attempt before": "0:cloudesim-1", "no number": "1:", "rubbish": "rubbish"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.answers, w.cloud.queries = []string{"unheard"}, []string{"ready"}
			w.after = func(_ int, call string) error {
				if call == "raise" {
					w.stripe.meta["got"] = got
				}
				return nil
			}
			w.paid()
			w.run(24 * time.Hour)
			w.want(orders.Review, orders.ReasonInDoubt)
		})
	}
}

// Money that goes another way while a purchase is in doubt ends the search for proof.
func TestUnknownStopsWhenTheMoneyGoes(t *testing.T) {
	for _, event := range []bool{true, false} {
		w := newWorld(t).toppingUp(esim.CloudESIM)
		w.cloud.answers, w.cloud.lag = []string{"bought unheard"}, 4*time.Hour
		w.paid()
		w.run(time.Hour)
		w.want(orders.Unknown, orders.ReasonInDoubt)
		w.stripe.outside = 455
		if event {
			if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}); err != nil {
				t.Fatal(err)
			}
		}
		w.run(12 * time.Hour)
		if o := w.want(orders.Review, orders.ReasonRefunded); o.Refund.Total.Minor != 455 || len(w.telegram.photos) != 0 {
			t.Errorf("refunds %+v, receipts %d", o.Refund, len(w.telegram.photos))
		}
	}
}
