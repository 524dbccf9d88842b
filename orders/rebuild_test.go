package orders_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// TestRebuild empties Redis and says of each trace that a payment can carry how its order stands then.
func TestRebuild(t *testing.T) {
	mobile := plan
	mobile.Provider, mobile.ID = esim.Mobilexy, "855"
	for name, tc := range map[string]struct {
		marks    map[string]string
		outside  int64 // went back
		disputed bool
		queries  []string
		change   func(*orders.CheckoutSession)
		state    orders.State
		reason   string
		sold     int // from then on
		photos   int
		check    func(t *testing.T, o *orders.Order)
	}{
		"fence down": {state: orders.Delivered, sold: 1, photos: 1},
		"attempt closed": {marks: map[string]string{"buy": "3:closed"}, state: orders.Delivered, sold: 1, photos: 1, check: func(t *testing.T, o *orders.Order) {
			if o.Attempt.N != 4 {
				t.Errorf("attempt %d after 3", o.Attempt.N)
			}
		}},
		"surely not bought": {marks: map[string]string{"buy": "3:nonce", "not": "3"}, state: orders.Delivered, sold: 1, photos: 1, check: func(t *testing.T, o *orders.Order) {
			if o.Attempt.N != 4 {
				t.Errorf("attempt %d after 3", o.Attempt.N)
			}
		}},
		"surely not bought before":      {marks: map[string]string{"buy": "3:nonce", "not": "2"}, state: orders.Review, reason: orders.ReasonInDoubt},
		"surely not bought, and bought": {marks: map[string]string{"buy": "3:nonce", "not": "3", "got": "2:CE7"}, state: orders.Review, reason: orders.ReasonInDoubt},
		"fence up": {marks: map[string]string{"buy": "1:nonce"}, state: orders.Review, reason: orders.ReasonInDoubt, check: func(t *testing.T, o *orders.Order) {
			if o.Attempt.N != 1 || o.Attempt.Fence != "1:nonce" || o.Attempt.Provider != plan.Provider || o.Attempt.DoubtAt.IsZero() {
				t.Errorf("attempt %+v", o.Attempt)
			}
		}},
		"fence that makes no sense": {marks: map[string]string{"buy": "x"}, state: orders.Review, reason: orders.ReasonInDoubt},
		"bought":                    {marks: map[string]string{"buy": "1:nonce", "got": "1:CE7"}, queries: []string{"ready"}, state: orders.Delivered, photos: 1},
		"bought, still being made":  {marks: map[string]string{"buy": "1:nonce", "got": "1:CE7"}, queries: []string{"", "", "ready"}, state: orders.Delivered, photos: 1},
		"bought and taken back": {marks: map[string]string{"buy": "1:nonce", "got": "1:CE7"}, queries: []string{"cancelled", "cancelled", "cancelled", "cancelled",
			"cancelled", "cancelled", "cancelled", "cancelled", "cancelled"}, state: orders.Review, reason: orders.ReasonInDoubt},
		"bought by an earlier attempt": {marks: map[string]string{"buy": "2:nonce", "got": "1:CE7"}, queries: []string{"ready"}, state: orders.Review, reason: orders.ReasonInDoubt},
		"bought where nobody can be asked": {marks: map[string]string{"buy": "1:nonce", "got": "1:MX7"}, state: orders.Review, reason: orders.ReasonNoCode,
			change: func(cs *orders.CheckoutSession) { cs.Draft.Plan = mobile },
			check: func(t *testing.T, o *orders.Order) {
				if o.Bought == nil || o.Bought.Profile.OrderNo != "MX7" || o.Bought.Profile.Provider != esim.Mobilexy {
					t.Errorf("bought %+v", o.Bought)
				}
			}},
		"delivered": {marks: map[string]string{"buy": "1:nonce", "got": "1:CE7", "done": "1"}, queries: []string{"ready"}, state: orders.Delivered,
			check: func(t *testing.T, o *orders.Order) {
				if o.Bought == nil || !o.Bought.Profile.Ready() || o.Bought.Profile.OrderNo != "CE7" || o.Bought.Profile.ICCID == "" {
					t.Errorf("bought %+v", o.Bought)
				}
			}},
		"delivered and taken back": {marks: map[string]string{"buy": "1:nonce", "got": "1:CE7", "done": "1"}, queries: []string{"cancelled"}, state: orders.Review,
			reason: orders.ReasonTakenBack},
		"delivered, and a refund failed": {marks: map[string]string{"buy": "1:nonce", "got": "1:CE7", "done": "1"}, queries: []string{"ready"}, state: orders.Review,
			reason: orders.ReasonRefundFailed, change: func(cs *orders.CheckoutSession) { cs.Refunds = 2 }, check: func(t *testing.T, o *orders.Order) {
				if o.Refund.N != 2 || o.DeliveredAt.IsZero() || o.Bought == nil {
					t.Errorf("%+v, bought %+v", o.Refund, o.Bought)
				}
			}},
		"delivered, number unknown": {marks: map[string]string{"buy": "1:nonce", "done": "1"}, state: orders.Delivered},
		"delivered, disputed": {marks: map[string]string{"buy": "1:nonce", "done": "1"}, disputed: true, state: orders.Delivered, check: func(t *testing.T, o *orders.Order) {
			if !o.Disputed {
				t.Error("the dispute is forgotten")
			}
		}},
		"delivered, part went back": {marks: map[string]string{"buy": "1:nonce", "done": "1"}, outside: 100, state: orders.Delivered, check: func(t *testing.T, o *orders.Order) {
			if o.Refund.Total.Minor != 100 {
				t.Errorf("refunds %+v", o.Refund)
			}
		}},
		"refunded":                 {outside: plan.Retail.Minor, state: orders.Refunded},
		"refunded after delivery":  {marks: map[string]string{"buy": "1:nonce", "done": "1"}, outside: plan.Retail.Minor, state: orders.Refunded},
		"part went back":           {outside: 100, state: orders.Review, reason: orders.ReasonRefunded},
		"disputed":                 {disputed: true, state: orders.Review, reason: orders.ReasonDisputed},
		"disputed after the fence": {marks: map[string]string{"buy": "1:nonce"}, disputed: true, state: orders.Review, reason: orders.ReasonDisputed},
		"amount":                   {change: func(cs *orders.CheckoutSession) { cs.Amount.Minor--; cs.Fence.Received.Minor-- }, state: orders.Review, reason: orders.ReasonAmount},
		"live mode":                {change: func(cs *orders.CheckoutSession) { cs.LiveMode = true }, state: orders.Review, reason: orders.ReasonLiveMode},
		"no payment behind it":     {change: func(cs *orders.CheckoutSession) { cs.Intent, cs.Fence = "", orders.Fence{} }, state: orders.Review, reason: orders.ReasonNoIntent},
		"terms that nobody knows":  {change: func(cs *orders.CheckoutSession) { cs.Draft.Plan.Kind = "" }, state: orders.Review, reason: orders.ReasonGone},
		"several refunds were made": {marks: map[string]string{"done": "1"}, outside: 100, change: func(cs *orders.CheckoutSession) { cs.Refunds = 3 }, state: orders.Delivered,
			check: func(t *testing.T, o *orders.Order) {
				if o.Refund.N != 3 {
					t.Errorf("the next refund would take the number %d", o.Refund.N+1)
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice()
			l := w.remember()
			w.paid()
			w.flush()
			for key, value := range tc.marks {
				w.stripe.meta[key] = value
			}
			w.stripe.outside, w.stripe.disputed, w.cloud.queries = tc.outside, tc.disputed, tc.queries
			if tc.change != nil {
				l.change = tc.change
			}
			w.restart()
			w.sweep()
			w.sweep() // again it changes nothing
			o := w.run(30 * time.Minute)
			w.want(tc.state, tc.reason)
			if sold := w.cloud.sold + w.mobilexy.sold; sold != tc.sold || len(w.telegram.photos) != tc.photos {
				t.Errorf("sold %d, photos %v; want %d and %d", sold, w.telegram.photos, tc.sold, tc.photos)
			}
			if o.RebuiltAt.IsZero() || w.store.log[0].Reason != orders.ReasonRebuilt || o.Customer != customer || o.Language != "en" {
				t.Errorf("%+v\nlog %+v", o, w.store.log)
			}
			if o.State.Finished() && tc.photos == 0 && len(w.telegram.shown) != 0 {
				t.Errorf("told again: %v", w.telegram.shown)
			}
			if tc.check != nil {
				tc.check(t, o)
			}
		})
	}
}

// An eSIM that was never sent, since its customer can't be reached, is not noted as delivered: where Redis
// is lost with the shelf that it stood on, nobody has it.
func TestRebuildOfWhatNobodyWasSent(t *testing.T) {
	for name, c := range map[string]struct {
		provider esim.Provider
		queries  []string
		state    orders.State
		reason   string
	}{
		"its code can be had again": {esim.CloudESIM, []string{"ready"}, orders.Delivered, orders.ReasonUnreachable},
		"its code is gone":          {esim.Mobilexy, nil, orders.Review, orders.ReasonNoCode},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice()
			l := w.remember()
			if c.provider == esim.Mobilexy {
				w.cloud.gone = true
				l.change = func(cs *orders.CheckoutSession) { cs.Draft.Plan, cs.Draft.Plan.Retail = twin, plan.Retail }
			}
			w.telegram.errs = map[string][]error{"deliver": {orders.ErrUnreachable, orders.ErrUnreachable}, "show": slices.Repeat([]error{orders.ErrUnreachable}, 9)}
			w.paid()
			w.run(time.Hour)
			w.want(orders.Delivered, orders.ReasonUnreachable)
			w.sweep() // Redis is well
			w.want(orders.Delivered, orders.ReasonUnreachable)
			w.flush()
			w.restart()
			w.cloud.queries = c.queries
			w.sweep()
			w.run(time.Hour)
			if w.want(c.state, c.reason); w.stripe.meta["done"] != "" || w.cloud.sold+w.mobilexy.sold != 1 {
				t.Errorf("at Stripe %v, sold %d", w.stripe.meta, w.cloud.sold+w.mobilexy.sold)
			}
			w.sweep()
			w.want(c.state, c.reason)
		})
	}
}

// Redis forgets a refund whose provider had taken the eSIM back: delivered, as it remembers the order, is
// not what it is.
func TestSweepFindsWhatWasTakenBack(t *testing.T) {
	w := newWorld(t)
	w.remember()
	delivered(t, w)
	w.sweep()
	w.want(orders.Delivered, "")
	remembered := w.store.snapshot()
	w.after = func(_ int, call string) error {
		if call == "cancel" {
			w.after = nil
			*w.store = remembered
			return errCrash
		}
		return nil
	}
	w.sendBack(esim.Money{}, false)
	w.run(time.Hour)
	w.restart()
	w.want(orders.Delivered, "")
	w.cloud.queries = []string{"error"}
	w.sweep()
	w.want(orders.Delivered, "")
	w.sweep()
	w.run(time.Minute)
	if w.want(orders.Review, orders.ReasonTakenBack); w.alerted("review") != 1 {
		t.Errorf("alerts %v", w.telegram.alerts)
	}
	w.sendBack(esim.Money{}, false)
	w.run(time.Hour)
	if o := w.want(orders.Refunded, "refund"); o.Refund.Return != orders.ReturnDone || w.stripe.refunded() != 455 {
		t.Errorf("%+v", o.Refund)
	}
}

// Pages that nobody has paid wait again while somebody may, and are left when nobody will.
func TestRebuildUnpaid(t *testing.T) {
	for status, want := range map[string]orders.State{"open": orders.AwaitingPayment, "complete": orders.AwaitingPayment, "expired": ""} {
		w := newWorld(t)
		w.remember()
		w.open()
		w.stripe.sessions["cs_1"].Status = status
		w.flush()
		w.sweep()
		o := w.store.docs[theOrder]
		if want == "" {
			if o != nil {
				t.Errorf("%s: %+v", status, o)
			}
			continue
		}
		if o == nil || o.State != want || o.Screen != (orders.Message{}) || o.Checkout.SessionID != "cs_1" || o.Checkout.ShownAt.IsZero() {
			t.Fatalf("%s: %+v", status, o)
		}
		w.stripe.pay()
		w.run(10 * time.Minute)
		w.want(orders.Delivered, "")
	}
}

// The terms that Stripe wasn't told are the catalogue's; the price stays what was charged.
func TestRebuildAsksTheCatalogue(t *testing.T) {
	w := newWorld(t)
	w.config.Plans = func(p esim.Provider, id, ref string) (esim.Plan, bool) {
		now := plan
		now.Retail.Minor = 999
		return now, p == plan.Provider && id == plan.ID && ref == plan.Ref()
	}
	w.remember().change = func(cs *orders.CheckoutSession) {
		d := *cs.Draft
		d.Plan = esim.Plan{Provider: plan.Provider, ID: plan.ID, Wholesale: plan.Wholesale, Retail: plan.Retail}
		cs.Draft = &d
	}
	w.paid()
	w.flush()
	w.sweep()
	if o := w.run(time.Minute); o.Plan.Retail != plan.Retail || o.Plan.Bytes != plan.Bytes {
		t.Errorf("plan %+v", o.Plan)
	}
	w.want(orders.Delivered, "")
}

// A payment that can't be read is not forgotten: the admins hear of it, once.
func TestRebuildOfWhatMakesNoSense(t *testing.T) {
	w := newWorld(t)
	w.remember().change = func(cs *orders.CheckoutSession) { cs.Draft = nil }
	w.paid()
	w.flush()
	w.sweep()
	if w.store.docs[theOrder] != nil || w.alerted("order_lost") != 1 {
		t.Errorf("order %+v, alerts %v", w.store.docs[theOrder], w.telegram.alerts)
	}
}

// Two replicas at once end with one order.
func TestRebuildTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.remember()
	w.paid()
	w.flush()
	rival := w.runner(w.clock)
	w.before = func(_ int, call string) error {
		if call == "create" {
			w.before = nil
			if err := rival.Sweep(context.Background()); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	w.sweep()
	w.run(time.Minute)
	w.want(orders.Delivered, "")
	if w.cloud.sold != 1 {
		t.Errorf("sold %d", w.cloud.sold)
	}
}

// A delivered eSIM whose provider could not be asked is asked for again by the next sweep.
func TestRebuildCompletesLater(t *testing.T) {
	w := newWorld(t)
	w.remember()
	w.paid()
	w.run(time.Minute)
	w.flush()
	w.cloud.queries = []string{"error", "ready"}
	w.sweep()
	if o := w.want(orders.Delivered, ""); o.Bought == nil || o.Bought.Profile.Ready() {
		t.Fatalf("bought %+v", o.Bought)
	}
	w.sweep()
	if o := w.want(orders.Delivered, ""); !o.Bought.Profile.Ready() || len(w.telegram.photos) != 1 {
		t.Errorf("bought %+v, photos %v", o.Bought, w.telegram.photos)
	}
}

// Redis goes back to where the order was not paid, or being bought, after all was done: what was
// delivered stays delivered, what was refunded refunded, and nothing is bought again.
func TestRollback(t *testing.T) {
	for _, provider := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, back := range []string{"open", "transition paid", "transition purchasing", "raise", "transition issued"} {
			for _, refunded := range []bool{false, true} {
				name := string(provider) + " to " + back
				if refunded {
					name += " after a refund"
				}
				t.Run(name, func(t *testing.T) { rollback(t, provider, back, refunded) })
			}
		}
	}
}

func rollback(t *testing.T, provider esim.Provider, back string, refunded bool) {
	w := newWorld(t).sellTwice()
	w.remember()
	seller := w.cloud
	if provider == esim.Mobilexy {
		w.cloud.answers = []string{"rejected"}
		seller = w.mobilexy
	}
	w.open()
	remembered := w.store.snapshot()
	taken := false
	w.after = func(_ int, call string) error {
		if call == back && !taken && w.store.docs[theOrder].Attempt.Provider != esim.Provider("x") {
			if call == "transition paid" || w.store.docs[theOrder].Attempt.Provider == provider {
				remembered, taken = w.store.snapshot(), true
			}
		}
		return nil
	}
	w.stripe.pay()
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	w.run(time.Minute)
	w.after = nil
	w.want(orders.Delivered, "")
	if refunded {
		w.stripe.outside = plan.Retail.Minor
	}
	photos := len(w.telegram.photos)
	*w.store = remembered
	w.cloud.queries = []string{"ready", "ready", "ready"}
	w.restart()
	w.sweep()
	w.run(time.Hour)
	w.sweep()
	w.run(time.Hour)
	want := orders.Delivered
	if refunded {
		want = orders.Refunded
	}
	if o := w.store.docs[theOrder]; o.State != want {
		t.Fatalf("order is %s (%s), want %s; log %+v", o.State, o.Reason, want, w.store.log)
	}
	if seller.sold != 1 || w.cloud.sold+w.mobilexy.sold != 1 {
		t.Errorf("sold %d and %d", w.cloud.sold, w.mobilexy.sold)
	}
	if len(w.telegram.photos) > photos+1 {
		t.Errorf("photos %v", w.telegram.photos)
	}
}

// A refund or a dispute whose event got lost is seen by the sweep.
func TestSweepSeesLostNewsOfMoney(t *testing.T) {
	w := newWorld(t)
	w.remember()
	w.paid()
	w.run(time.Minute)
	w.stripe.disputed = true
	w.sweep()
	if o := w.want(orders.Delivered, ""); !o.Disputed || w.alerted("dispute") != 1 {
		t.Errorf("disputed %v, alerts %v", o.Disputed, w.telegram.alerts)
	}
	w.stripe.outside = plan.Retail.Minor
	w.sweep()
	if o := w.want(orders.Refunded, orders.ReasonRefunded); o.Refund.Total != plan.Retail {
		t.Errorf("refund %+v", o.Refund)
	}
}

// A payment whose event got lost is settled by the page that the sweep lists.
func TestSweepSeesALostPayment(t *testing.T) {
	w := newWorld(t)
	w.remember()
	w.open()
	w.stripe.pay()
	w.sweep()
	w.want(orders.Paid, "")
	w.run(time.Minute)
	w.want(orders.Delivered, "")
}

// What is derived from a finished order is written again.
func TestSweepWritesProjectionsAgain(t *testing.T) {
	w := newWorld(t)
	w.remember()
	w.paid()
	w.run(time.Minute)
	w.store.intents = map[string]orders.ID{}
	shelved := len(w.telegram.shelved)
	w.sweep()
	if w.store.intents["pi_1"] != theOrder || len(w.telegram.shelved) != shelved+1 {
		t.Errorf("look-ups %v, shelved %d times more", w.store.intents, len(w.telegram.shelved)-shelved)
	}
}

// One odd page never keeps the rest from being looked at; many in a row end the sweep.
func TestSweepGoesOnAfterAnOddPage(t *testing.T) {
	w := newWorld(t)
	l := w.remember()
	w.paid()
	w.flush()
	l.more = []*orders.CheckoutSession{{ID: "cs_odd", Paid: true, Order: "0000000009", Shop: shop, Draft: &orders.Draft{ID: "0000000009"}}}
	failures := 0
	w.before = func(_ int, call string) error {
		if call == "create" && failures == 0 {
			failures++
			panic(errOdd)
		}
		return nil
	}
	if err := w.service.Sweep(context.Background()); err == nil || failures != 1 {
		t.Errorf("swept with %v after %d failures", err, failures)
	}
	if w.store.docs[theOrder] == nil {
		t.Error("the page after the odd one was not looked at")
	}
	for len(l.more) < 50 {
		l.more = append(l.more, l.more[0])
	}
	w.before = nil
	w.store.docs = map[orders.ID]*orders.Order{}
	w.telegram.errs = map[string][]error{"alert": nil}
	for _, cs := range l.more {
		cs.Draft = nil
		w.telegram.errs["alert"] = append(w.telegram.errs["alert"], errOdd)
	}
	if err := w.service.Sweep(context.Background()); !errors.Is(err, errOdd) || len(w.telegram.errs["alert"]) != len(l.more)-10 {
		t.Errorf("swept with %v, %d left", err, len(w.telegram.errs["alert"]))
	}
}

// Told to stop, the sweep ends at the next page.
func TestSweepStops(t *testing.T) {
	w := newWorld(t)
	w.remember()
	w.paid()
	w.flush()
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.service.SweepUntil(stop, context.Background()); !errors.Is(err, context.Canceled) || w.store.docs[theOrder] != nil {
		t.Errorf("%v, %+v", err, w.store.docs[theOrder])
	}
}
