package orders_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

const (
	second   = "pi_second"
	ownICCID = esim.ICCID("8944538523456789012")
)

// paidAgain is a world whose delivered order was paid a second time.
func paidAgain(t failer) *world {
	w := wasDelivered(t)
	w.stripe.strays[second] = &orders.Stray{Order: theOrder, Fence: orders.Fence{Received: usd(455), Refunded: usd(0)}}
	return w
}

func (w *world) returned(offer *orders.ReturnOffer) (orders.Refund, error) {
	return w.service.ReturnPayment(context.Background(), orders.ReturnRequest{Intent: offer.Intent, Admin: admin, N: offer.N, Amount: offer.Amount})
}

func TestReturnsASecondPayment(t *testing.T) {
	for name, answers := range map[string][]string{"at once": nil, "on its way": {"pending"}, "under the third number": {"spent", "spent", "succeeded"}} {
		t.Run(name, func(t *testing.T) {
			w := paidAgain(t)
			w.stripe.refundAnswers = answers
			before := *w.store.docs[theOrder]
			offer, err := w.service.OfferReturn(t.Context(), second)
			if err != nil || offer.Order == nil || offer.Order.ID != theOrder || offer.N != 1 || offer.Amount != usd(455) || offer.Used {
				t.Fatalf("offer %+v: %v", offer, err)
			}
			r, err := w.returned(offer)
			if err != nil || r.Amount != usd(455) {
				t.Fatalf("returned %+v: %v", r, err)
			}
			o := w.want(orders.Delivered, "")
			if o.Refund != before.Refund || w.stripe.refunded() != 0 || w.cloud.asked != 0 {
				t.Errorf("the order itself: %+v", o.Refund)
			}
			if e := w.lastByAdmin(); e.Reason != "return_payment of pi_second" || e.Actor != "admin:1" || e.To != orders.Delivered || e.Version != o.Version {
				t.Errorf("log %+v", e)
			}
			_, err = w.returned(offer) // pressed twice
			refused(t, err, orders.WhyNothing)
			if len(w.stripe.returns) != 1 {
				t.Errorf("returns %v", w.stripe.returns)
			}
		})
	}
}

// An order that waits for something else isn't disturbed by a return beside it.
func TestAReturnLeavesTheOrderWhereItIs(t *testing.T) {
	w := inDoubt(t, "unheard")
	w.stripe.strays[second] = &orders.Stray{Order: theOrder, Fence: orders.Fence{Received: usd(455), Refunded: usd(100)}}
	before := *w.store.docs[theOrder]
	offer, err := w.service.OfferReturn(t.Context(), second)
	if err != nil || offer.Amount != usd(355) {
		t.Fatalf("offer %+v: %v", offer, err)
	}
	if _, err := w.returned(offer); err != nil {
		t.Fatal(err)
	}
	o := w.want(orders.Review, orders.ReasonInDoubt)
	if o.Version != before.Version+1 || !o.DueAt.Equal(before.DueAt) || o.Attempt != before.Attempt {
		t.Errorf("was %+v, is %+v", before, o)
	}
}

func TestReturnsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		set func(*world, *orders.Stray)
		why orders.Why
	}{
		"the order's own":       {func(w *world, _ *orders.Stray) { w.store.docs[theOrder].Payment.Intent = second }, orders.WhyOwn},
		"looked up by payment":  {func(w *world, p *orders.Stray) { p.Order = ""; w.own() }, orders.WhyOwn},
		"of an order not paid":  {func(w *world, _ *orders.Stray) { w.unpay(orders.Expired) }, orders.WhyOwn},
		"of one never settled":  {func(w *world, _ *orders.Stray) { w.unpay(orders.Review) }, orders.WhyOwn},
		"nothing came in":       {func(_ *world, p *orders.Stray) { p.Received = usd(0) }, orders.WhyUnpaid},
		"it went back":          {func(_ *world, p *orders.Stray) { p.Refunded = usd(455) }, orders.WhyNothing},
		"disputed":              {func(_ *world, p *orders.Stray) { p.Disputed = true }, orders.WhyDisputed},
		"a part since":          {func(_ *world, p *orders.Stray) { p.Refunded = usd(1) }, orders.WhyChanged},
		"another return since":  {func(_ *world, p *orders.Stray) { p.Returns = 1 }, orders.WhyChanged},
		"somebody buys with it": {func(w *world, p *orders.Stray) { p.Order, w.stripe.keys["buy:0000000009:1"] = "0000000009", "1:nonce" }, orders.WhyChanged},
	} {
		t.Run(name, func(t *testing.T) {
			w := paidAgain(t)
			offer, err := w.service.OfferReturn(t.Context(), second)
			if err != nil {
				t.Fatal(err)
			}
			c.set(w, w.stripe.strays[second])
			_, err = w.returned(offer)
			r := refused(t, err, c.why)
			if (c.why == orders.WhyOwn) != (r.Order != "" && r.Why == orders.WhyOwn) || len(w.stripe.returns) != 0 {
				t.Errorf("refusal %+v, returns %v", r, w.stripe.returns)
			}
			if c.why != orders.WhyChanged {
				_, err = w.service.OfferReturn(t.Context(), second)
				refused(t, err, c.why)
			}
		})
	}
	w := paidAgain(t)
	if _, err := w.service.OfferReturn(t.Context(), "pi_of_another_shop"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("another shop's: %v", err)
	}
	offer, err := w.service.OfferReturn(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"doubt", "failed"} {
		w.stripe.refundAnswers = []string{answer}
		var r *orders.Refusal
		if _, err := w.returned(offer); err == nil || errors.As(err, &r) {
			t.Errorf("%s: %v", answer, err)
		}
	}
	if offer, err = w.service.OfferReturn(t.Context(), second); err != nil || offer.N != 2 {
		t.Errorf("after one that failed: %+v, %v", offer, err)
	}
	if _, err := w.returned(offer); err != nil {
		t.Error(err)
	}
}

func (w *world) own() {
	w.store.docs[theOrder].Payment.Intent = second
	w.store.intents[second] = theOrder
}

func (w *world) unpay(state orders.State) {
	o := w.store.docs[theOrder]
	o.State, o.Payment = state, orders.Payment{}
}

// A payment whose order nobody knows goes back, and nothing can be bought with it any more: the order
// might be made again from it at this moment.
func TestReturnsThePaymentOfALostOrder(t *testing.T) {
	for _, id := range []orders.ID{"", "0000000009"} {
		w := newWorld(t)
		w.stripe.strays[second] = &orders.Stray{Order: id, Fence: orders.Fence{Value: "2:nonce", Got: "2:CE-5", Received: usd(455), Refunded: usd(0)}}
		offer, err := w.service.OfferReturn(t.Context(), second)
		if err != nil || offer.Order != nil || !offer.Used {
			t.Fatalf("offer %+v: %v", offer, err)
		}
		if _, err := w.returned(offer); err != nil || len(w.stripe.returns) != 1 {
			t.Errorf("%v, returns %v", err, w.stripe.returns)
		}
		key := "buy:0000000009:3"
		if closed := w.stripe.keys[key]; (closed == "3:closed") != (id != "") {
			t.Errorf("%q: closed by %q", id, closed)
		}
	}
}

// The alert of a second payment names it, and comes no more once it went back.
func TestASecondPaymentIsToldOfUntilItWentBack(t *testing.T) {
	w := wasDelivered(t)
	var told []orders.Alert
	w.hear(func(a orders.Alert) { told = append(told, a) })
	cs := &orders.CheckoutSession{ID: "cs_2", Status: "complete", Paid: true, Order: string(theOrder), Shop: shop, Intent: second, Amount: usd(455)}
	cs.Fence = orders.Fence{Received: usd(455), Refunded: usd(0)}
	w.stripe.sessions["cs_2"] = cs
	for _, back := range []int64{0, 100, 455} {
		told, cs.Fence.Refunded = nil, usd(back)
		if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: orders.EventCompleted, SessionID: "cs_2", Order: theOrder}); err != nil {
			t.Fatal(err)
		}
		if want := back < 455; len(told) == 1 != want || want && (told[0].Intent != second || told[0].Kind != "paid_twice") {
			t.Errorf("with %d back: %+v", back, told)
		}
	}
}

// An overhearer is a Telegram that passes alerts on.
type overhearer struct {
	*telegram
	heard func(orders.Alert)
}

func (l overhearer) Alert(ctx context.Context, a orders.Alert) error {
	l.heard(a)
	return l.telegram.Alert(ctx, a)
}

func (w *world) hear(fn func(orders.Alert)) {
	w.config.Notifier = overhearer{w.telegram, fn}
	w.restart()
}

// boughtAgain is a world whose delivered order was bought a second time, under the number CE-2.
func boughtAgain(t failer) (*world, *ledger) {
	w := newWorld(t)
	w.stored(theOrder, func(o *orders.Order) { o.Bought.Profile.ICCID = ownICCID })
	l := w.keepLedger()
	l.byNo["CE-2"] = esim.Usage{OrderNo: "CE-2", ICCID: sound, Status: esim.StatusReady}
	return w, l
}

func theSecond(number string) orders.GiveBackRequest {
	return orders.GiveBackRequest{Order: theOrder, Admin: admin, Provider: esim.CloudESIM, OrderNo: number}
}

func TestGivesASecondESIMBack(t *testing.T) {
	for name, cancels := range map[string][]string{"at once": nil, "done unheard": {"done unheard"}} {
		t.Run(name, func(t *testing.T) {
			w, l := boughtAgain(t)
			w.cloud.cancels = cancels
			offer, err := w.service.OfferGiveBack(t.Context(), theSecond("CE-2"))
			if err != nil || offer.OrderNo != "CE-2" || offer.Installed {
				t.Fatalf("offer %+v: %v", offer, err)
			}
			w.after = func(_ int, call string) error {
				if call == "cancel" {
					l.byNo["CE-2"] = esim.Usage{OrderNo: "CE-2", Status: esim.StatusCancelled}
				}
				return nil
			}
			if _, err := w.service.GiveBackSecond(t.Context(), theSecond("CE-2")); err != nil {
				t.Fatal(err)
			}
			o := w.want(orders.Delivered, "")
			if w.cloud.asked != 1 || o.Bought.Profile.OrderNo != "CE-1" || o.Refund.Return != orders.ReturnNothing || w.stripe.refunded() != 0 {
				t.Errorf("asked %d times, order %+v", w.cloud.asked, o)
			}
			if e := w.lastByAdmin(); e.Reason != "give_back_second of CE-2" {
				t.Errorf("log %+v", e)
			}
			_, err = w.service.GiveBackSecond(t.Context(), theSecond("CE-2"))
			refused(t, err, orders.WhyGone)
		})
	}
}

func TestGivesBackNothingElse(t *testing.T) {
	gone := &providers.Error{Provider: esim.CloudESIM, Op: "query", Class: providers.Rejected, Err: providers.ErrNotFound}
	for name, c := range map[string]struct {
		number string
		set    func(*world, *ledger)
		why    orders.Why
	}{
		"the order's own":      {"CE-1", nil, orders.WhyOwn},
		"its own by its ICCID": {"CE-2", func(_ *world, l *ledger) { l.byNo["CE-2"] = esim.Usage{ICCID: ownICCID} }, orders.WhyOwn},
		"another order's": {"CE-2", func(w *world, _ *ledger) {
			w.stored("0000000001", func(o *orders.Order) { o.Bought.Profile.ICCID = sound })
		}, orders.WhyTaken},
		"another's, being made": {"CE-1", func(w *world, l *ledger) {
			w.store.docs[theOrder].Bought.Profile.OrderNo, l.byNo["CE-1"] = "CE-3", esim.Usage{}
			w.making()
		}, orders.WhyTaken},
		"answer about another": {"CE-2", func(_ *world, l *ledger) { l.byNo["CE-2"] = esim.Usage{OrderNo: "CE-9"} }, orders.WhyUnknownNo},
		"unknown":              {"CE-8", nil, orders.WhyUnknownNo},
		"refused":              {"CE-2", func(_ *world, l *ledger) { l.err = gone }, orders.WhyUnknownNo},
		"no number":            {"<b>", nil, orders.WhyUnknownNo},
		"too long":             {strings.Repeat("9", 65), nil, orders.WhyUnknownNo},
		"taken back before":    {"CE-2", func(_ *world, l *ledger) { l.byNo["CE-2"] = esim.Usage{Status: esim.StatusCancelled} }, orders.WhyGone},
		"a top-up":             {"CE-2", func(w *world, _ *ledger) { w.store.docs[theOrder].Kind = orders.KindTopUp }, orders.WhyKept},
		"of an order without":  {"CE-2", func(w *world, _ *ledger) { w.store.docs[theOrder].Bought = nil }, orders.WhyState},
		"the provider's no":    {"CE-2", func(w *world, _ *ledger) { w.cloud.cancels = []string{"refused"} }, orders.WhyNotReturned},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := boughtAgain(t)
			if c.set != nil {
				c.set(w, l)
			}
			_, err := w.service.GiveBackSecond(t.Context(), theSecond(c.number))
			r := refused(t, err, c.why)
			if asked := w.cloud.asked == 1; asked != (c.why == orders.WhyNotReturned) || asked == (r.Words == "") || w.cloud.cancelled {
				t.Errorf("asked %d times, refusal %+v", w.cloud.asked, r)
			}
		})
	}
	w, l := boughtAgain(t)
	w.config.Providers[esim.Mobilexy] = w.mobilexy
	mobile := theSecond("1")
	mobile.Provider = esim.Mobilexy
	_, err := w.service.OfferGiveBack(t.Context(), mobile)
	refused(t, err, orders.WhyKept)
	var r *orders.Refusal
	for _, cancels := range []string{"unheard", "not sent"} {
		w.cloud.cancels = []string{cancels}
		if _, err := w.service.GiveBackSecond(t.Context(), theSecond("CE-2")); err == nil || errors.As(err, &r) {
			t.Errorf("%s: %v", cancels, err)
		}
	}
	l.err = errors.New("HTTP 500")
	if _, err := w.service.OfferGiveBack(t.Context(), theSecond("CE-2")); err == nil || errors.As(err, &r) {
		t.Errorf("no answer: %v", err)
	}
}

func (w *world) making() {
	w.stored("0000000001", func(o *orders.Order) { o.State = orders.Provisioning })
}

// What is bought twice is told with all that is needed to answer it.
func TestASecondPurchaseIsToldWithItsNumber(t *testing.T) {
	w := inDoubt(t, "bought unheard")
	w.store.docs[theOrder].Bought = &orders.Bought{Profile: esim.Profile{Provider: esim.CloudESIM, OrderNo: "CE-1"}, Plan: plan, At: w.clock()}
	l := w.keepLedger()
	l.byNo["CE-2"] = esim.Usage{OrderNo: "CE-2", ICCID: sound, Status: esim.StatusReady, Profile: &esim.Profile{ICCID: sound, Code: code(t)}}
	var told []orders.Alert
	w.hear(func(a orders.Alert) { told = append(told, a) })
	if _, err := w.service.AttachOrderNo(t.Context(), w.decision(), "CE-2"); err != nil {
		t.Fatal(err)
	}
	n := slices.IndexFunc(told, func(a orders.Alert) bool { return a.Kind == "bought_twice" })
	if n < 0 || told[n].Twice == nil || *told[n].Twice != (orders.Twice{Provider: esim.CloudESIM, OrderNo: "CE-1", Cost: plan.Wholesale, Back: true}) {
		t.Errorf("alerts %+v", told)
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}
