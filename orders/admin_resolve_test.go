package orders_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

func (w *world) decision() orders.Decision {
	return orders.Decision{Order: theOrder, Admin: admin, Attempt: w.store.docs[theOrder].Attempt.N}
}

// inDoubt is a world whose order is under review: nobody knows whether it was bought.
func inDoubt(t failer, answer string) *world {
	w := newWorld(t)
	w.cloud.answers = []string{answer}
	w.paid()
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonInDoubt)
	return w
}

// lastByAdmin is the last entry of the log that an admin is named in.
func (w *world) lastByAdmin() orders.LogEntry {
	for _, e := range slices.Backward(w.store.log) {
		if strings.HasPrefix(e.Actor, "admin:") {
			return e
		}
	}
	return orders.LogEntry{}
}

func TestAnswers(t *testing.T) {
	const buy, deliver, attach, number = orders.AnswerBuyAgain, orders.AnswerDeliver, orders.AnswerCode, orders.AnswerOrderNo
	const applied, refund, anyway, end = orders.AnswerApplied, orders.AnswerRefund, orders.AnswerAnyway, orders.AnswerClose
	unready := func(o *orders.Order) { o.Bought.Profile.Code = esim.ActivationCode{} }
	unbought := func(o *orders.Order) { o.Bought, o.DeliveredAt = nil, time.Time{} }
	for name, c := range map[string]struct {
		set  func(*orders.Order)
		want []orders.Answer
	}{
		"in doubt":             {unbought, []orders.Answer{buy, attach, number, refund}},
		"in doubt at Mobilexy": {func(o *orders.Order) { unbought(o); o.Attempt.Provider = esim.Mobilexy }, []orders.Answer{buy, attach, refund}},
		"bought, no code":      {unready, []orders.Answer{attach, number, refund}},
		"bought meanwhile":     {func(o *orders.Order) { o.DeliveredAt = time.Time{} }, []orders.Answer{deliver, refund}},
		"an image to scan":     {func(o *orders.Order) { unready(o); o.Bought.Profile.Image = []byte("PNG") }, []orders.Answer{deliver, refund}},
		"top-up in doubt":      {func(o *orders.Order) { unbought(o); o.Kind = orders.KindTopUp }, []orders.Answer{buy, applied, refund}},
		"top-up applied":       {func(o *orders.Order) { unready(o); o.Kind = orders.KindTopUp }, []orders.Answer{deliver, refund}},
		"taken back":           {func(o *orders.Order) { unready(o); o.Reason = orders.ReasonTakenBack }, []orders.Answer{attach, number, refund}},
		"return refused":       {func(o *orders.Order) { o.Refund.Return = orders.ReturnRefused }, []orders.Answer{deliver, refund, anyway}},
		"returned, money not":  {func(o *orders.Order) { o.Refund.Return = orders.ReturnDone }, []orders.Answer{refund}},
		"all went back":        {func(o *orders.Order) { o.Refund.Total = plan.Retail }, []orders.Answer{end}},
		"disputed, delivered":  {func(o *orders.Order) { o.Disputed = true }, []orders.Answer{deliver, end}},
		"disputed, bought":     {func(o *orders.Order) { o.Disputed, o.DeliveredAt = true, time.Time{} }, []orders.Answer{end}},
		"disputed, unbought":   {func(o *orders.Order) { unbought(o); o.Disputed = true }, []orders.Answer{end}},
		"never settled":        {func(o *orders.Order) { unbought(o); o.Payment = orders.Payment{} }, []orders.Answer{end}},
		"test money":           {func(o *orders.Order) { unbought(o); o.Payment.LiveMode = true }, []orders.Answer{end}},
		"no payment at Stripe": {func(o *orders.Order) { unbought(o); o.Payment.Intent = "" }, []orders.Answer{end}},
		"customer erased":      {func(o *orders.Order) { unbought(o); o.Customer = 0 }, []orders.Answer{refund}},
		"part went back":       {func(o *orders.Order) { unbought(o); o.Refund.Total = usd(100) }, []orders.Answer{buy, attach, number, refund}},
		"not under review":     {func(o *orders.Order) { o.State = orders.Delivered }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice()
			o := w.stored(theOrder, func(o *orders.Order) { o.State = orders.Review; c.set(o) })
			if have := w.service.Answers(o); !slices.Equal(have, c.want) {
				t.Errorf("answers %v, want %v", have, c.want)
			}
		})
	}
}

// What isn't among the answers is refused, and nothing changes.
func TestDecisionsThatAreRefused(t *testing.T) {
	deeds := func(w *world) map[orders.Answer]func(orders.Decision) (*orders.Order, error) {
		return map[orders.Answer]func(orders.Decision) (*orders.Order, error){
			orders.AnswerBuyAgain: func(d orders.Decision) (*orders.Order, error) { return w.service.BuyAgain(t.Context(), d) },
			orders.AnswerDeliver:  func(d orders.Decision) (*orders.Order, error) { return w.service.Deliver(t.Context(), d) },
			orders.AnswerApplied:  func(d orders.Decision) (*orders.Order, error) { return w.service.Applied(t.Context(), d) },
			orders.AnswerClose:    func(d orders.Decision) (*orders.Order, error) { return w.service.Close(t.Context(), d) },
			orders.AnswerCode:     func(d orders.Decision) (*orders.Order, error) { return w.service.AttachCode(t.Context(), d, code(w)) },
			orders.AnswerOrderNo:  func(d orders.Decision) (*orders.Order, error) { return w.service.AttachOrderNo(t.Context(), d, "CE-1") },
		}
	}
	all := []orders.Answer{orders.AnswerBuyAgain, orders.AnswerDeliver, orders.AnswerApplied, orders.AnswerClose, orders.AnswerCode, orders.AnswerOrderNo}
	review := func(edit func(*orders.Order)) func(*orders.Order) {
		return func(o *orders.Order) {
			o.State, o.DeliveredAt = orders.Review, time.Time{}
			edit(o)
		}
	}
	in := func(state orders.State) func(*orders.Order) { return func(o *orders.Order) { o.State = state } }
	delivering := slices.DeleteFunc(slices.Clone(all), func(a orders.Answer) bool { return a == orders.AnswerClose })
	for name, c := range map[string]struct {
		set     func(*orders.Order)
		answers []orders.Answer
		why     orders.Why
		attempt int // beyond the order's
	}{
		"being bought":        {in(orders.Purchasing), all, orders.WhyPurchasing, 0},
		"in doubt":            {in(orders.Unknown), all, orders.WhyInDoubt, 0},
		"not paid":            {in(orders.AwaitingPayment), all, orders.WhyUnpaid, 0},
		"expired":             {in(orders.Expired), all, orders.WhyUnpaid, 0},
		"refunding":           {in(orders.Refunding), all, orders.WhyUnderWay, 0},
		"refunded":            {in(orders.Refunded), all, orders.WhyNothing, 0},
		"paid":                {in(orders.Paid), all, orders.WhyState, 0},
		"delivered":           {in(orders.Delivered), all, orders.WhyState, 0},
		"an older attempt":    {review(func(*orders.Order) {}), all, orders.WhyChanged, -1},
		"a later attempt":     {review(func(*orders.Order) {}), all, orders.WhyChanged, 1},
		"all went back":       {review(func(o *orders.Order) { o.Refund.Total = plan.Retail }), delivering, orders.WhyNothing, 0},
		"disputed":            {review(func(o *orders.Order) { o.Disputed = true }), delivering, orders.WhyDisputed, 0},
		"no money ever":       {review(func(o *orders.Order) { o.Payment = orders.Payment{} }), delivering, orders.WhyUnpaid, 0},
		"test money":          {review(func(o *orders.Order) { o.Payment.LiveMode = true }), delivering, orders.WhyUnpaid, 0},
		"bought already":      {review(func(*orders.Order) {}), []orders.Answer{orders.AnswerBuyAgain, orders.AnswerApplied, orders.AnswerClose, orders.AnswerCode, orders.AnswerOrderNo}, orders.WhyState, 0},
		"nothing to deliver":  {review(func(o *orders.Order) { o.Bought = nil }), []orders.Answer{orders.AnswerDeliver, orders.AnswerApplied, orders.AnswerClose}, orders.WhyState, 0},
		"an eSIM for a topup": {review(func(o *orders.Order) { o.Kind, o.Bought = orders.KindTopUp, nil }), []orders.Answer{orders.AnswerDeliver, orders.AnswerCode, orders.AnswerOrderNo}, orders.WhyState, 0},
	} {
		for _, a := range c.answers {
			t.Run(name+"/"+string(a), func(t *testing.T) {
				w := newWorld(t)
				o := w.stored(theOrder, c.set)
				version, d := o.Version, w.decision()
				d.Attempt += c.attempt
				_, err := deeds(w)[a](d)
				r := refused(t, err, c.why)
				if r.State != o.State || w.store.docs[theOrder].Version != version || w.cloud.sold != 0 || len(w.telegram.photos) != 0 {
					t.Errorf("refusal %+v, order %+v", r, w.store.docs[theOrder])
				}
			})
		}
	}
	w := newWorld(t)
	for _, a := range all {
		if _, err := deeds(w)[a](orders.Decision{Order: "nonsense", Admin: admin}); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("%s of an unknown order: %v", a, err)
		}
	}
}

func TestBuyAgain(t *testing.T) {
	w := inDoubt(t, "unheard")
	d := w.decision()
	o, err := w.service.BuyAgain(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if o.State != orders.Paid || o.Approved != 1 || !o.DueAt.Equal(w.clock()) {
		t.Errorf("order %+v", o)
	}
	_, err = w.service.BuyAgain(t.Context(), d) // pressed twice
	if r := refused(t, err, orders.WhyState); r.Actor != "admin:1" {
		t.Errorf("the second press is told of %q", r.Actor)
	}
	w.run(time.Hour)
	o = w.want(orders.Delivered, "")
	if w.cloud.sold != 1 || o.Attempt.N != 2 || len(w.telegram.photos) != 1 {
		t.Errorf("sold %d by attempt %d", w.cloud.sold, o.Attempt.N)
	}
	if e := w.lastByAdmin(); e.Actor != "admin:1" || e.Reason != "buy_again" || e.From != orders.Review || e.To != orders.Paid {
		t.Errorf("log entry %+v", e)
	}
}

// An admin who was shown the first doubt doesn't answer the second.
func TestAnAnswerIsToItsDoubtOnly(t *testing.T) {
	w := inDoubt(t, "unheard")
	first := w.decision()
	w.cloud.answers = []string{"unheard"}
	if _, err := w.service.BuyAgain(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonInDoubt)
	_, err := w.service.BuyAgain(t.Context(), first)
	refused(t, err, orders.WhyChanged)
	if _, err := w.service.BuyAgain(t.Context(), w.decision()); err != nil {
		t.Fatal(err)
	}
	w.run(24 * time.Hour)
	if o := w.want(orders.Delivered, ""); o.Approved != 2 || w.cloud.sold != 1 {
		t.Errorf("approved %d, sold %d", o.Approved, w.cloud.sold)
	}
}

// Redis forgot an attempt that stands at Stripe: the next one follows what stands there, under a
// number that was not used yet.
func TestBuyAgainFollowsWhatStandsAtStripe(t *testing.T) {
	w := newWorld(t)
	w.paid()
	w.stripe.meta["buy"], w.stripe.keys["buy:7KQ2M9X4TB:3"] = "3:ffff", "3:ffff"
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonFence)
	if _, err := w.service.BuyAgain(t.Context(), w.decision()); err != nil {
		t.Fatal(err)
	}
	w.run(24 * time.Hour)
	if o := w.want(orders.Delivered, ""); w.cloud.sold != 1 || o.Attempt.N != 4 {
		t.Errorf("sold %d by attempt %d", w.cloud.sold, o.Attempt.N)
	}
}

// A runner that was paused before it raised its fence can't raise it beside the new attempt.
func TestBuyAgainClosesTheAttemptBefore(t *testing.T) {
	w := newWorld(t)
	w.stored(theOrder, func(o *orders.Order) { o.State, o.Bought, o.DeliveredAt = orders.Review, nil, time.Time{} })
	o, err := w.service.BuyAgain(t.Context(), w.decision())
	if err != nil {
		t.Fatal(err)
	}
	if w.stripe.meta["buy"] != "1:closed" || o.Attempt.Fence != "1:closed" {
		t.Errorf("at Stripe %q, in the order %+v", w.stripe.meta["buy"], o.Attempt)
	}
	if err := w.stripe.RaiseFence(t.Context(), "pi_1", theOrder, 1, "1:aa"); !errors.Is(err, orders.ErrFenceTaken) {
		t.Errorf("the paused runner: %v", err)
	}
	w.run(time.Hour)
	if w.want(orders.Delivered, ""); w.cloud.sold != 1 {
		t.Errorf("sold %d", w.cloud.sold)
	}
}

func TestBuyAgainLosesToARival(t *testing.T) {
	w := newWorld(t)
	w.stored(theOrder, func(o *orders.Order) { o.State, o.Bought, o.DeliveredAt = orders.Review, nil, time.Time{} })
	w.stripe.keys["buy:7KQ2M9X4TB:1"] = "1:aa"
	_, err := w.service.BuyAgain(t.Context(), w.decision())
	refused(t, err, orders.WhyChanged)
	w.stripe.down = map[string]int{"raise": 1}
	if _, err := w.service.BuyAgain(t.Context(), w.decision()); !errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("Stripe down: %v", err)
	}
	w.want(orders.Review, "")
}

// What happened in the Stripe Dashboard is asked for when something is about to be delivered.
func TestDecisionsHeedWhatStandsAtStripe(t *testing.T) {
	for name, c := range map[string]struct {
		set func(*stripe)
		why orders.Why
	}{
		"refunded whole":   {func(s *stripe) { s.outside = 455 }, orders.WhyNothing},
		"refunded in part": {func(s *stripe) { s.outside = 100 }, orders.WhyChanged},
		"disputed":         {func(s *stripe) { s.disputed = true }, orders.WhyDisputed},
	} {
		t.Run(name, func(t *testing.T) {
			w := inDoubt(t, "unheard")
			c.set(w.stripe)
			d := w.decision()
			_, err := w.service.BuyAgain(t.Context(), d)
			refused(t, err, c.why)
			o := w.want(orders.Review, orders.ReasonInDoubt)
			if o.Refund.Total.Minor != w.stripe.outside || o.Disputed != w.stripe.disputed {
				t.Errorf("not noted: %+v", o)
			}
			// Now the admin knows, and may decide anew.
			_, err = w.service.AttachCode(t.Context(), d, code(t))
			if w.stripe.outside == 100 {
				if err != nil {
					t.Error(err)
				}
				w.run(time.Hour)
				w.want(orders.Delivered, "")
				return
			}
			refused(t, err, c.why)
			if !slices.Contains(w.service.Answers(o), orders.AnswerClose) {
				t.Errorf("answers %v", w.service.Answers(o))
			}
		})
	}
	w := inDoubt(t, "unheard")
	w.stripe.down = map[string]int{"fence": 3}
	_, errBuy := w.service.BuyAgain(t.Context(), w.decision())
	_, errCode := w.service.AttachCode(t.Context(), w.decision(), code(t))
	if !errors.Is(errBuy, orders.ErrPaymentDoubt) || !errors.Is(errCode, orders.ErrPaymentDoubt) {
		t.Errorf("Stripe down: %v, %v", errBuy, errCode)
	}
	w.want(orders.Review, orders.ReasonInDoubt)
}

// What the provider took back before it was sent can be bought once more, and that eSIM is the order's own
// from then on: also what a refund gives back.
func TestBuysAgainWhatWasTakenBack(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"not ready"}
	w.paid()
	w.run(time.Second)
	w.cloud.queries = []string{"cancelled"}
	w.run(time.Hour)
	o := w.want(orders.Review, orders.ReasonTakenBack)
	if !slices.Contains(w.service.Answers(o), orders.AnswerBuyAgain) || slices.Contains(w.service.Answers(o), orders.AnswerDeliver) {
		t.Fatalf("answers %v", w.service.Answers(o))
	}
	_, err := w.service.BuyAgain(t.Context(), w.decision()) // the provider says that it isn't gone
	refused(t, err, orders.WhyChanged)
	w.cloud.queries = []string{"error"}
	var r *orders.Refusal
	if _, err := w.service.BuyAgain(t.Context(), w.decision()); err == nil || errors.As(err, &r) {
		t.Errorf("without an answer: %v", err)
	}
	w.cloud.queries = []string{"cancelled"}
	if o, err = w.service.BuyAgain(t.Context(), w.decision()); err != nil || o.Bought != nil || o.Approved != 1 {
		t.Fatalf("%+v: %v", o, err)
	}
	o = w.run(time.Hour)
	if w.want(orders.Delivered, ""); o.Bought.Profile.OrderNo != "cloudesim-2" || w.cloud.sold != 2 || len(w.telegram.photos) != 1 || w.stripe.meta["got"] != "2:cloudesim-2" {
		t.Errorf("bought %+v, sold %d, photos %v, at Stripe %v", o.Bought, w.cloud.sold, w.telegram.photos, w.stripe.meta)
	}
	w.refundAs(admin, w.offer(esim.Money{}, false))
	if o = w.want(orders.Refunded, "refund"); o.Refund.Return != orders.ReturnDone || w.cloud.asked != 1 {
		t.Errorf("%+v, asked %d times", o.Refund, w.cloud.asked)
	}
}

// What was sent and then taken back was most likely to be refunded: it isn't bought again.
func TestWhatWasSentIsNotBoughtAgain(t *testing.T) {
	w := newWorld(t)
	o := w.stored(theOrder, func(o *orders.Order) { o.State, o.Reason = orders.Review, orders.ReasonTakenBack })
	if a := w.service.Answers(o); !slices.Equal(a, []orders.Answer{orders.AnswerRefund}) {
		t.Errorf("answers %v", a)
	}
}
