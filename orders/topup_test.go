package orders_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

// TestReceiptTellsBothNumbers sells a top-up whose provider says yes and no more: its numbers are asked
// for, so that the receipt can tell them. Without an answer it goes out all the same.
func TestReceiptTellsBothNumbers(t *testing.T) {
	for name, answer := range map[string]string{"told": "", "not told": "error"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).toppingUp(esim.CloudESIM)
			w.cloud.queries = []string{"", answer} // before the purchase, and for the receipt
			w.paid()
			w.run(time.Hour)
			o := w.want(orders.Delivered, "")
			if told := o.Bought.After.Left() > o.Attempt.Before.Left(); told != (answer == "") {
				t.Errorf("before %+v, after %+v", o.Attempt.Before, o.Bought.After)
			}
		})
	}
}

func TestTopUpRunsThroughTheSameStates(t *testing.T) {
	w := newWorld(t).toppingUp(esim.CloudESIM)
	w.paid()
	o := w.run(time.Hour)
	w.want(orders.Delivered, "")
	if got := states(w.store.log); got != "awaiting_payment paid purchasing issued delivered" {
		t.Errorf("log: %s", got)
	}
	l := w.store.lines[theESIM]
	if l.TopUps != 1 || l.claim != "" || len(w.cloud.applied) != 1 || len(w.telegram.photos) != 1 {
		t.Errorf("eSIM %+v, applied %v, receipts %d", l, w.cloud.applied, len(w.telegram.photos))
	}
	b := o.Bought
	if o.ESIM != theESIM || b.Profile.OrderNo != "cloudesim-1" || b.Profile.Provider != esim.CloudESIM || b.Profile.ICCID != theICCID || b.Plan.ID != more().ID {
		t.Errorf("bought %+v for %s", b, o.ESIM)
	}
	if w.stripe.meta["got"] != "1:cloudesim-1" || w.stripe.meta["done"] != "1" {
		t.Errorf("Stripe's notes %v", w.stripe.meta)
	}
	if n := o.Attempt.Before; n == nil || n.TotalBytes != esim.GB || n.UsedBytes != 900*esim.MB || n.At.IsZero() {
		t.Errorf("numbers before %+v", n)
	}
}

func TestTopUpOfAnESIMThatIsNotTheirs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*orders.Draft)
		want   error
	}{
		"unknown eSIM":     {func(d *orders.Draft) { d.ESIM = "0000000000" }, orders.ErrNotFound},
		"another's":        {func(d *orders.Draft) { d.Customer++ }, orders.ErrNotFound},
		"another provider": {func(d *orders.Draft) { d.Plan = twin }, orders.ErrNotForNow},
		"no eSIM":          {func(d *orders.Draft) { d.ESIM = "" }, orders.ErrNotForNow},
		"not a top-up":     {func(d *orders.Draft) { d.Kind = orders.KindESIM }, orders.ErrNotForNow},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice().toppingUp(esim.CloudESIM)
			d := w.draft()
			c.change(&d)
			if _, err := w.service.Open(t.Context(), d); !errors.Is(err, c.want) {
				t.Errorf("Open says %v", err)
			}
			if len(w.store.docs) != 0 || len(w.stripe.sessions) != 0 {
				t.Error("something was opened")
			}
		})
	}
}

// Another top-up of the same eSIM has the place: this one waits in paid, and goes on when it is free.
func TestTopUpWaitsForTheOneBefore(t *testing.T) {
	const other = orders.ID("0000000001")
	waiting := func(t *testing.T, holder *orders.Order) *world {
		w := newWorld(t).toppingUp(esim.CloudESIM)
		if holder != nil {
			w.store.docs[other] = holder
		}
		l := w.store.lines[theESIM]
		l.claim = other
		w.store.lines[theESIM] = l
		w.paid()
		return w
	}
	in := func(s orders.State) *orders.Order {
		return &orders.Order{ID: other, Schema: orders.Schema, State: s, Kind: orders.KindTopUp, ESIM: theESIM}
	}
	for _, s := range []orders.State{orders.Paid, orders.Purchasing, orders.Unknown, orders.Review, orders.Refunding} {
		t.Run(string(s), func(t *testing.T) {
			w := waiting(t, in(s))
			w.run(10 * time.Minute)
			w.want(orders.Paid, orders.ReasonTopUpWaits)
			if w.cloud.sold != 0 || !slices.Contains(w.telegram.shown, orders.NoticeWorking) {
				t.Errorf("sold %d, shown %v", w.cloud.sold, w.telegram.shown)
			}
			w.store.docs[other].State = orders.Delivered // it gave the place up, or forgot to
			w.run(2 * time.Minute)
			w.want(orders.Delivered, "")
		})
	}
	for name, holder := range map[string]*orders.Order{"finished": in(orders.Refunded), "missing": nil} {
		t.Run(name+" holder", func(t *testing.T) {
			w := waiting(t, holder)
			before := w.clock()
			w.run(time.Hour)
			w.want(orders.Delivered, "")
			if l := w.store.lines[theESIM]; l.claim != "" || !w.clock().Equal(before) {
				t.Errorf("%+v after %s", l, w.clock().Sub(before))
			}
		})
	}
	t.Run("not for ever", func(t *testing.T) {
		w := waiting(t, in(orders.Review))
		w.run(3 * time.Hour)
		w.want(orders.Refunded, orders.ReasonHoldDeadline)
		if l := w.store.lines[theESIM]; l.claim != other || w.stripe.refunded() != 455 {
			t.Errorf("eSIM %+v, refunded %d", l, w.stripe.refunded())
		}
	})
}

// The place is kept in doubt and under review, and given up by every end.
func TestTopUpKeepsItsPlaceUntilItIsFinished(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		state  orders.State
		reason string
		claim  orders.ID
	}{
		"under review": {"unheard", orders.Review, orders.ReasonInDoubt, theOrder},
		"refunded":     {"rejected", orders.Refunded, orders.ReasonRejected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice().toppingUp(esim.CloudESIM)
			w.cloud.answers = []string{c.answer}
			w.paid()
			w.run(time.Hour)
			w.want(c.state, c.reason)
			if l := w.store.lines[theESIM]; l.claim != c.claim || w.mobilexy.sold != 0 {
				t.Errorf("eSIM %+v, sold elsewhere %d", l, w.mobilexy.sold)
			}
		})
	}
}

func TestTopUpIsHeldAndRefundedAsOthersAre(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*world)
		state  orders.State
		reason string
	}{
		"balance comes":  {func(w *world) { w.cloud.answers = []string{"insufficient"} }, orders.Delivered, ""},
		"balance stays":  {func(w *world) { w.cloud.balance = decimal.New(1, 0) }, orders.Refunded, orders.ReasonHoldDeadline},
		"not on sale":    {func(w *world) { w.cloud.gone = true }, orders.Refunded, orders.ReasonGone},
		"dearer now":     {func(w *world) { w.cloud.price = decimal.New(5, 0) }, orders.Refunded, orders.ReasonPrice},
		"gives less now": {func(w *world) { w.cloud.change = func(p *esim.Plan) { p.Bytes /= 2 } }, orders.Refunded, orders.ReasonGone},
		"not sent":       {func(w *world) { w.cloud.answers = []string{"not sent"}; w.cloud.downFor = 2 }, orders.Delivered, ""},
		"numbers unread": {func(w *world) { w.cloud.queries = slices.Repeat([]string{"error"}, 3) }, orders.Delivered, ""},
		"eSIM forgotten": {func(w *world) { delete(w.store.lines, theESIM) }, orders.Refunded, orders.ReasonHoldDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice().toppingUp(esim.CloudESIM)
			w.paid()
			c.set(w)
			w.run(3 * time.Hour)
			w.want(c.state, c.reason)
			if sold := w.cloud.sold; (sold == 1) != (c.state == orders.Delivered) || w.mobilexy.sold != 0 {
				t.Errorf("sold %d and %d", sold, w.mobilexy.sold)
			}
			if l := w.store.lines[theESIM]; l.claim != "" || slices.Contains(w.telegram.alerts, "provider_down") {
				t.Errorf("still claimed by %q, alerts %v", l.claim, w.telegram.alerts)
			}
		})
	}
}

// Paid for after the eSIM's end, whichever way its provider tells that: nothing is bought, and the money
// goes back.
func TestTopUpPaidTooLate(t *testing.T) {
	for name, change := range map[string]func(*world){
		"expired":    func(w *world) { w.cloud.status = esim.StatusExpired },
		"taken back": func(w *world) { w.cloud.status = esim.StatusCancelled },
		"by time":    func(w *world) { w.now = w.now.Add(7*24*time.Hour + time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).toppingUp(esim.CloudESIM)
			change(w)
			w.paid()
			w.run(time.Hour)
			o := w.want(orders.Refunded, orders.ReasonESIMOver)
			if len(w.cloud.applied) != 0 || o.Refund.Total != o.Payment.Received || w.store.lines[theESIM].claim != "" {
				t.Errorf("applied %v, went back %v, held by %q", w.cloud.applied, o.Refund.Total, w.store.lines[theESIM].claim)
			}
		})
	}
}
