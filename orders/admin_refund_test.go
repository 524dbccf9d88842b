package orders_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

const (
	admin = int64(1)
	rival = int64(2)
)

func usd(minor int64) esim.Money { return esim.Money{Minor: minor, Currency: esim.USD} }

// refused fails the test if err isn't a refusal for that reason, and returns it.
func refused(t failer, err error, why orders.Why) orders.Refusal {
	t.Helper()
	var r *orders.Refusal
	if !errors.As(err, &r) || r.Why != why {
		t.Errorf("want a refusal %q, have %v", why, err)
		return orders.Refusal{}
	}
	return *r
}

// wasDelivered is a world whose order was delivered.
func wasDelivered(t failer) *world {
	w := newWorld(t)
	w.paid()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	return w
}

func (w *world) offer(amount esim.Money, anyway bool) *orders.RefundOffer {
	w.Helper()
	offer, err := w.service.OfferRefund(context.Background(), theOrder, amount, anyway)
	if err != nil {
		w.Fatalf("offer: %v", err)
	}
	return offer
}

// refundAs confirms an offer and lets the runner end it.
func (w *world) refundAs(by int64, offer *orders.RefundOffer) *orders.Order {
	w.Helper()
	o, err := w.service.Refund(context.Background(), orders.RefundRequest{Order: theOrder, Admin: by, N: offer.N, Amount: offer.Amount, Anyway: offer.Return == orders.ReturnAnyway})
	if err != nil {
		w.Fatalf("refund: %v", err)
	}
	if o.State != orders.Refunding || !o.DueAt.Equal(w.clock()) || o.Lease.Owner != "" || o.Refund.N != offer.N {
		w.Errorf("begun as %s, due %s, leased by %q, number %d", o.State, o.DueAt, o.Lease.Owner, o.Refund.N)
	}
	return w.run(48 * time.Hour)
}

func TestAdminRefundsWhole(t *testing.T) {
	w := wasDelivered(t)
	offer := w.offer(esim.Money{}, false)
	if offer.N != 1 || offer.Amount != usd(455) || offer.Left != usd(455) || !offer.Whole || offer.Return != orders.ReturnAsk || offer.Installed || !offer.Cost.Equal(plan.Wholesale) {
		t.Errorf("offer %+v", offer)
	}
	o := w.refundAs(admin, offer)
	w.want(orders.Refunded, string(orders.AnswerRefund))
	if o.Refund.Actor != "admin:1" || o.Refund.Return != orders.ReturnDone || w.stripe.refunded() != 455 || !w.cloud.cancelled {
		t.Errorf("refund %+v, at Stripe %d", o.Refund, w.stripe.refunded())
	}
	entry := w.store.log[slices.IndexFunc(w.store.log, func(e orders.LogEntry) bool { return e.To == orders.Refunding })]
	if entry.Actor != "admin:1" || entry.Reason != "refund" || entry.From != orders.Delivered {
		t.Errorf("log entry %+v", entry)
	}
}

func TestAdminRefundsInPart(t *testing.T) {
	w := wasDelivered(t)
	offer := w.offer(usd(100), false)
	if offer.Whole || offer.Return != orders.ReturnKept || offer.Left != usd(455) || offer.Amount != usd(100) {
		t.Errorf("offer %+v", offer)
	}
	w.refundAs(admin, offer)
	o := w.want(orders.Delivered, "")
	if o.Refund.Total != usd(100) || w.stripe.refunded() != 100 || w.cloud.asked != 0 {
		t.Errorf("refund %+v, cancels %d", o.Refund, w.cloud.asked)
	}
	second := w.offer(esim.Money{}, false)
	if second.N != 2 || second.Amount != usd(355) || !second.Whole || second.Return != orders.ReturnAsk {
		t.Errorf("second offer %+v", second)
	}
	// The first button is for the first refund only.
	_, err := w.service.Refund(t.Context(), orders.RefundRequest{Order: theOrder, Admin: rival, N: offer.N, Amount: offer.Amount})
	if r := refused(t, err, orders.WhyChanged); r.Actor != "admin:1" || r.Left != usd(355) {
		t.Errorf("refusal %+v", r)
	}
	w.refundAs(rival, second)
	if w.want(orders.Refunded, "refund"); w.stripe.refunded() != 455 {
		t.Errorf("refunded %d", w.stripe.refunded())
	}
}

func TestRefundAnyway(t *testing.T) {
	w := wasDelivered(t)
	w.cloud.cancels = []string{"refused"}
	w.refundAs(admin, w.offer(esim.Money{}, false))
	o := w.want(orders.Review, orders.ReasonCancelRefused)
	if w.stripe.refunded() != 0 || !slices.Contains(w.service.Answers(o), orders.AnswerAnyway) {
		t.Errorf("refunded %d, answers %v", w.stripe.refunded(), w.service.Answers(o))
	}
	offer := w.offer(esim.Money{}, true)
	if offer.Return != orders.ReturnAnyway || offer.N != 2 || !offer.Cost.Equal(plan.Wholesale) {
		t.Errorf("offer %+v", offer)
	}
	w.refundAs(admin, offer)
	o = w.want(orders.Refunded, string(orders.AnswerAnyway))
	if o.Refund.Return != orders.ReturnAnyway || w.stripe.refunded() != 455 || w.cloud.asked != 1 {
		t.Errorf("refund %+v, asked %d times", o.Refund, w.cloud.asked)
	}
}

func TestWhatBecomesOfTheESIM(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*orders.Order, *world)
		anyway bool
		want   orders.Return
		cost   string
	}{
		"taken back":            {func(*orders.Order, *world) {}, false, orders.ReturnAsk, "3.5"},
		"without asking":        {func(*orders.Order, *world) {}, true, orders.ReturnAnyway, "3.5"},
		"nothing bought":        {func(o *orders.Order, _ *world) { o.State, o.Bought = orders.Paid, nil }, true, orders.ReturnNothing, "0"},
		"Mobilexy's":            {func(o *orders.Order, _ *world) { o.Bought.Profile.Provider, o.Bought.Plan = esim.Mobilexy, twin }, false, orders.ReturnLost, "3.8"},
		"Mobilexy's, anyway":    {func(o *orders.Order, _ *world) { o.Bought.Profile.Provider, o.Bought.Plan = esim.Mobilexy, twin }, true, orders.ReturnLost, "3.8"},
		"a provider given up":   {func(o *orders.Order, _ *world) { o.Bought.Profile.Provider = "closed" }, false, orders.ReturnLost, "3.5"},
		"a top-up":              {func(o *orders.Order, _ *world) { o.Kind, o.ESIM = orders.KindTopUp, theESIM }, false, orders.ReturnKept, "3.5"},
		"a code without number": {func(o *orders.Order, _ *world) { o.Bought.Profile.OrderNo = "" }, false, orders.ReturnLost, "3.5"},
		"topped up since": {func(o *orders.Order, w *world) {
			w.store.lines[o.ID] = line{Line: orders.Line{ID: o.ID, Customer: customer, TopUps: 1}}
		}, false, orders.ReturnLost, "3.5"},
		"taken back before": {func(o *orders.Order, _ *world) { o.State, o.Refund.Return = orders.Review, orders.ReturnDone }, false, orders.ReturnDone, "3.5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice()
			w.stored(theOrder, func(o *orders.Order) { c.set(o, w) })
			offer := w.offer(esim.Money{}, c.anyway)
			if offer.Return != c.want || !offer.Cost.Equal(decimal.RequireFromString(c.cost)) || !offer.Whole {
				t.Errorf("offer %+v", offer)
			}
		})
	}
}

func TestAnOfferSaysWhetherTheESIMIsInUse(t *testing.T) {
	w := newWorld(t)
	w.stored(theOrder, func(o *orders.Order) { o.Bought.Profile.ICCID = theICCID })
	if offer := w.offer(esim.Money{}, false); !offer.Installed {
		t.Errorf("in use, and the offer says %+v", offer)
	}
	w.cloud.queries = []string{"error"}
	if offer := w.offer(esim.Money{}, false); offer.Installed || offer.Return != orders.ReturnAsk {
		t.Errorf("without an answer the offer says %+v", offer)
	}
}

func TestRefundsThatAreRefused(t *testing.T) {
	all := esim.Money{}
	in := func(state orders.State) func(*orders.Order) {
		return func(o *orders.Order) { o.State = state }
	}
	for name, c := range map[string]struct {
		set    func(*orders.Order)
		amount esim.Money
		why    orders.Why
	}{
		"being bought":                  {in(orders.Purchasing), all, orders.WhyPurchasing},
		"in doubt":                      {in(orders.Unknown), all, orders.WhyInDoubt},
		"not paid":                      {in(orders.AwaitingPayment), all, orders.WhyUnpaid},
		"expired":                       {in(orders.Expired), all, orders.WhyUnpaid},
		"review, never settled":         {func(o *orders.Order) { o.State, o.Payment = orders.Review, orders.Payment{} }, all, orders.WhyUnpaid},
		"test money":                    {func(o *orders.Order) { o.Payment.LiveMode = true }, all, orders.WhyUnpaid},
		"no payment at Stripe":          {func(o *orders.Order) { o.Payment.Intent = "" }, all, orders.WhyUnpaid},
		"under way":                     {in(orders.Refunding), all, orders.WhyUnderWay},
		"refunded":                      {in(orders.Refunded), all, orders.WhyNothing},
		"all went back":                 {func(o *orders.Order) { o.Refund.Total = plan.Retail }, all, orders.WhyNothing},
		"more went back than came":      {func(o *orders.Order) { o.Refund.Total = usd(9999) }, all, orders.WhyNothing},
		"disputed":                      {func(o *orders.Order) { o.Disputed = true }, all, orders.WhyDisputed},
		"a state nobody knows":          {in("gifted"), all, orders.WhyState},
		"more than was paid":            {nil, usd(456), orders.WhyTooMuch},
		"more than is left":             {func(o *orders.Order) { o.Refund.Total = usd(100) }, usd(356), orders.WhyTooMuch},
		"beyond all bounds":             {nil, usd(1<<63 - 1), orders.WhyTooMuch},
		"nothing":                       {nil, usd(0), orders.WhyAmount},
		"less than nothing":             {nil, usd(-1 << 63), orders.WhyAmount},
		"no currency":                   {nil, esim.Money{Minor: 100}, orders.WhyCurrency},
		"another currency":              {nil, esim.Money{Minor: 100, Currency: "EUR"}, orders.WhyCurrency},
		"part, not bought yet":          {in(orders.Paid), usd(100), orders.WhyWholeOnly},
		"part, being made":              {in(orders.Provisioning), usd(100), orders.WhyWholeOnly},
		"part, on its way":              {in(orders.Issued), usd(100), orders.WhyWholeOnly},
		"a step that Stripe won't take": {func(o *orders.Order) { o.Payment.Received = esim.Money{Minor: 500000, Currency: "ISK"} }, esim.Money{Minor: 150, Currency: "ISK"}, orders.WhyAmount},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			o := w.stored(theOrder, c.set)
			o.Refund.Actor = "admin:9"
			_, err := w.service.OfferRefund(t.Context(), theOrder, c.amount, false)
			r := refused(t, err, c.why)
			if r.State != o.State || r.Left.Minor < 0 || r.Left.Minor > o.Payment.Received.Minor {
				t.Errorf("refusal %+v", r)
			}
			if (c.why == orders.WhyUnderWay || c.why == orders.WhyNothing) && r.Actor != "admin:9" {
				t.Errorf("refusal names %q", r.Actor)
			}
			amount := c.amount
			if amount == all {
				amount = plan.Retail
			}
			_, err = w.service.Refund(t.Context(), orders.RefundRequest{Order: theOrder, Admin: admin, N: 1, Amount: amount})
			why := c.why
			if why == orders.WhyTooMuch {
				why = orders.WhyChanged // an offer never says so much
			}
			refused(t, err, why)
			if o.Version != w.store.docs[theOrder].Version || len(w.stripe.refunds) != 0 {
				t.Error("something was done")
			}
		})
	}
	w := newWorld(t)
	if _, err := w.service.OfferRefund(t.Context(), theOrder, all, false); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("an unknown order: %v", err)
	}
}

// What an offer promised is refunded, or nothing is.
func TestARequestIsForItsOfferOnly(t *testing.T) {
	w := wasDelivered(t)
	for _, n := range []int{-1, 0, 2, 1 << 40} {
		_, err := w.service.Refund(t.Context(), orders.RefundRequest{Order: theOrder, Admin: admin, N: n, Amount: usd(455)})
		refused(t, err, orders.WhyChanged)
	}
	if _, err := w.service.Refund(t.Context(), orders.RefundRequest{Order: "nonsense", Admin: admin, N: 1, Amount: usd(455)}); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("an unknown order: %v", err)
	}
	w.want(orders.Delivered, "")
}

// Row 24 of the faults: of two admins at once one refunds, and the other is told who.
func TestTwoAdminsRefundAtOnce(t *testing.T) {
	w := wasDelivered(t)
	offer := w.offer(esim.Money{}, false)
	var loaded sync.WaitGroup // both have judged the order before either writes
	loaded.Add(2)
	var mu sync.Mutex
	writes := 0
	w.before = func(_ int, call string) error {
		if call == "transition refunding" {
			mu.Lock()
			writes++
			first := writes <= 2
			mu.Unlock()
			if first {
				loaded.Done()
				loaded.Wait()
			}
		}
		return nil
	}
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i, by := range []int64{admin, rival} {
		both.Go(func() {
			_, errs[i] = w.service.Refund(t.Context(), orders.RefundRequest{Order: theOrder, Admin: by, N: offer.N, Amount: offer.Amount})
		})
	}
	both.Wait()
	w.before = nil
	winner, loser := "admin:1", errs[1]
	if errs[0] != nil {
		winner, loser = "admin:2", errs[0]
	}
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("both or none: %v", errs)
	}
	if r := refused(t, loser, orders.WhyUnderWay); r.Actor != winner {
		t.Errorf("the other is told of %q, it was %q", r.Actor, winner)
	}
	w.run(time.Hour)
	o := w.want(orders.Refunded, "refund")
	if w.stripe.refunded() != 455 || len(w.stripe.refunds) != 1 || o.Refund.Actor != winner {
		t.Errorf("refunds %v by %q", w.stripe.refunds, o.Refund.Actor)
	}
	_, err := w.service.Refund(t.Context(), orders.RefundRequest{Order: theOrder, Admin: rival, N: offer.N, Amount: offer.Amount})
	if r := refused(t, err, orders.WhyNothing); r.Actor != winner {
		t.Errorf("the late one is told of %q", r.Actor)
	}
}

// A runner that comes between judging and writing makes the order judged again, as it is by then.
func TestRefundIsJudgedAgainWhenTheRunnerWasFaster(t *testing.T) {
	w := newWorld(t)
	w.paid()
	offer := w.offer(esim.Money{}, false)
	w.cloud.answers = []string{"unheard"}
	between := true
	w.before = func(_ int, call string) error {
		if call == "transition refunding" && between {
			between = false
			return w.runner(w.clock).Step(context.Background(), theOrder)
		}
		return nil
	}
	_, err := w.service.Refund(t.Context(), orders.RefundRequest{Order: theOrder, Admin: admin, N: offer.N, Amount: offer.Amount})
	refused(t, err, orders.WhyInDoubt)
	if len(w.stripe.refunds) != 0 {
		t.Errorf("refunded what may have been bought: %v", w.stripe.refunds)
	}
}

// A yes counts for the state that the admin saw: an order that was delivered since is decided anew.
func TestRefundOfAnotherStateIsRefused(t *testing.T) {
	w := newWorld(t)
	w.paid()
	offer := w.offer(esim.Money{}, false)
	confirmed := orders.RefundRequest{Order: theOrder, Admin: admin, N: offer.N, Amount: offer.Amount, State: offer.Order.State}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	_, err := w.service.Refund(context.Background(), confirmed)
	refused(t, err, orders.WhyChanged)
	confirmed.State = orders.Delivered
	if _, err := w.service.Refund(context.Background(), confirmed); err != nil {
		t.Errorf("what the admin sees now: %v", err)
	}
}
