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

// ledger is a provider that knows its eSIMs by their order numbers.
type ledger struct {
	*seller
	byNo map[string]esim.Usage
	err  error
}

func (l *ledger) Query(_ context.Context, ref providers.Ref) (u esim.Usage, err error) {
	lost := l.w.call("query", func() {
		var known bool
		switch u, known = l.byNo[ref.OrderNo]; {
		case l.err != nil:
			err = l.err
		case !known:
			err = &providers.Error{Provider: l.id, Op: "query", Class: providers.Rejected, Err: providers.ErrNotFound}
		}
	})
	return u, errors.Join(lost, err)
}

// keepLedger has the first provider answer by order number.
func (w *world) keepLedger() *ledger {
	l := &ledger{seller: w.cloud, byNo: map[string]esim.Usage{}}
	w.config.Providers = map[esim.Provider]providers.Provider{esim.CloudESIM: l, esim.Mobilexy: w.mobilexy}
	w.restart()
	return l
}

func TestDeliver(t *testing.T) {
	w := newWorld(t)
	w.stored(theOrder, func(o *orders.Order) {
		o.State, o.Reason, o.DeliveredAt = orders.Review, orders.ReasonMeanwhile, time.Time{}
	})
	if _, err := w.service.Deliver(t.Context(), w.decision()); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	if w.want(orders.Delivered, ""); len(w.telegram.photos) != 1 || w.cloud.sold != 0 || w.lastByAdmin().Reason != "deliver" {
		t.Errorf("photos %v, log %+v", w.telegram.photos, w.store.log)
	}
}

// What the customer has is not sent again, whatever brought the order under review.
func TestDeliverOfWhatWasDelivered(t *testing.T) {
	w := newWorld(t)
	before := w.clock()
	w.stored(theOrder, func(o *orders.Order) { o.State, o.Disputed = orders.Review, true })
	w.advance(time.Hour)
	o, err := w.service.Deliver(t.Context(), w.decision())
	if err != nil {
		t.Fatal(err)
	}
	if o.State != orders.Delivered || len(w.telegram.photos) != 0 || !o.DeliveredAt.Equal(before) {
		t.Errorf("order %+v, photos %v", o, w.telegram.photos)
	}
}

// A cancel that nobody answered came through after the order had come under review: what is dead is not
// delivered, and the admin hears of it.
func TestNothingTakenBackIsDelivered(t *testing.T) {
	for name, c := range map[string]struct {
		sent   bool // before its money was to go back
		attach bool
		ret    orders.Return
		want   orders.Return
	}{
		"sent before":       {true, false, orders.ReturnRefused, orders.ReturnDone},
		"not sent yet":      {false, false, orders.ReturnRefused, orders.ReturnDone},
		"by another hand":   {false, false, orders.ReturnNothing, orders.ReturnNothing},
		"its code attached": {false, true, orders.ReturnRefused, orders.ReturnDone},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.cancelled = true
			w.stored(theOrder, func(o *orders.Order) {
				o.State, o.Reason, o.Refund.Return, o.Photo.ID = orders.Review, orders.ReasonCancelUnclear, c.ret, 2
				if !c.sent {
					o.DeliveredAt, o.Photo = time.Time{}, orders.Message{}
				}
				if c.attach {
					o.Bought.Profile.Code = esim.ActivationCode{}
				}
			})
			do := func() error {
				_, err := w.service.Deliver(t.Context(), w.decision())
				if c.attach {
					_, err = w.service.AttachCode(t.Context(), w.decision(), code(t))
				}
				return err
			}
			if c.ret == orders.ReturnRefused {
				w.cloud.queries = []string{"error"}
				var r *orders.Refusal
				if err := do(); err == nil || errors.As(err, &r) {
					t.Errorf("no word of the provider: %v", err)
				}
			}
			refused(t, do(), orders.WhyChanged)
			if o := w.want(orders.Review, orders.ReasonTakenBack); o.Refund.Return != c.want || len(w.telegram.photos) != 0 {
				t.Errorf("%+v, photos %v", o.Refund, w.telegram.photos)
			}
			if slices.Contains(w.service.Answers(w.store.docs[theOrder]), orders.AnswerDeliver) {
				t.Error("it can still be delivered")
			}
		})
	}
}

// What a customer was never sent, since they couldn't be reached, is sent when an admin says so.
func TestDeliverToWhoCouldNotBeReached(t *testing.T) {
	w := newWorld(t)
	w.stored(theOrder, func(o *orders.Order) { o.State, o.Photo = orders.Review, orders.Message{} })
	if _, err := w.service.Deliver(t.Context(), w.decision()); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	if w.want(orders.Delivered, ""); len(w.telegram.photos) != 1 {
		t.Errorf("photos %v", w.telegram.photos)
	}
}

// A provider that can't be asked doesn't keep a customer from what nobody asked it to cancel.
func TestDeliverWithoutTheProvidersWord(t *testing.T) {
	w := newWorld(t)
	w.cloud.queries = []string{"error"}
	w.stored(theOrder, func(o *orders.Order) { o.State, o.DeliveredAt = orders.Review, time.Time{} })
	if _, err := w.service.Deliver(t.Context(), w.decision()); err != nil {
		t.Fatal(err)
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}

func TestAttachCode(t *testing.T) {
	w := inDoubt(t, "bought unheard")
	if _, err := w.service.AttachCode(t.Context(), w.decision(), esim.ActivationCode{}); !errors.Is(err, esim.ErrActivationCode) {
		t.Errorf("no code: %v", err)
	}
	w.stripe.meta["got"] = "1:cloudesim-1"
	if _, err := w.service.AttachCode(t.Context(), w.decision(), code(t)); err != nil {
		t.Fatal(err)
	}
	o := w.run(time.Hour)
	w.want(orders.Delivered, "")
	if !slices.Equal(w.telegram.photos, []string{code(t).Reveal()}) || o.Bought.Profile.OrderNo != "cloudesim-1" || o.Bought.Profile.Provider != esim.CloudESIM || !o.Bought.Plan.Wholesale.Equal(plan.Wholesale) {
		t.Errorf("photos %v, bought %+v", w.telegram.photos, o.Bought)
	}
	if w.lastByAdmin().Reason != "attach_code" {
		t.Errorf("log %+v", w.store.log)
	}
}

func TestAttachCodeKeepsWhatIsKnown(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"not ready"}
	w.paid()
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonNoCode)
	w.stripe.meta["got"] = "0:older"
	if _, err := w.service.AttachCode(t.Context(), w.decision(), code(t)); err != nil {
		t.Fatal(err)
	}
	o := w.run(time.Hour)
	if w.want(orders.Delivered, ""); o.Bought.Profile.OrderNo != "cloudesim-1" || !o.Bought.At.Equal(start) {
		t.Errorf("bought %+v", o.Bought)
	}
}

func TestAttachOrderNo(t *testing.T) {
	ready := esim.Usage{ICCID: sound, OrderNo: "CE-77", Status: esim.StatusReady, Profile: &esim.Profile{ICCID: sound, OrderNo: "CE-77", Code: code(t)}}
	making := esim.Usage{OrderNo: "CE-77", Status: esim.StatusPending}
	for name, u := range map[string]esim.Usage{"ready": ready, "being made": making} {
		t.Run(name, func(t *testing.T) {
			w := inDoubt(t, "bought unheard")
			l := w.keepLedger()
			l.byNo["CE-77"] = u
			o, err := w.service.AttachOrderNo(t.Context(), w.decision(), " CE-77\n")
			if err != nil {
				t.Fatal(err)
			}
			if name == "being made" {
				if o.State != orders.Provisioning {
					t.Errorf("order is %s", o.State)
				}
				w.run(time.Minute)
				l.byNo["CE-77"] = ready
			}
			o = w.run(time.Hour)
			w.want(orders.Delivered, "")
			if p := o.Bought.Profile; p.OrderNo != "CE-77" || p.ICCID != sound || p.Provider != esim.CloudESIM || len(w.telegram.photos) != 1 || w.stripe.meta["got"] != "1:CE-77" {
				t.Errorf("bought %+v, at Stripe %v", o.Bought, w.stripe.meta)
			}
			if w.lastByAdmin().Reason != "attach_no" {
				t.Errorf("log %+v", w.store.log)
			}
		})
	}
}

// The number of another purchase, which made nothing to install, is kept in the log and told to admins
// before another takes its place.
func TestAttachOrderNoInThePlaceOfAnother(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"not ready"}
	w.paid()
	w.run(24 * time.Hour)
	w.want(orders.Review, orders.ReasonNoCode)
	l := w.keepLedger()
	l.byNo["CE-77"] = esim.Usage{ICCID: sound, OrderNo: "CE-77", Status: esim.StatusReady, Profile: &esim.Profile{ICCID: sound, Code: code(t)}}
	w.telegram.errs = map[string][]error{"alert": {errOdd}}
	if _, err := w.service.AttachOrderNo(t.Context(), w.decision(), "CE-77"); !errors.Is(err, errOdd) {
		t.Errorf("nobody was told: %v", err)
	}
	w.want(orders.Review, orders.ReasonNoCode)
	if _, err := w.service.AttachOrderNo(t.Context(), w.decision(), "CE-77"); err != nil {
		t.Fatal(err)
	}
	o := w.run(time.Hour)
	if w.want(orders.Delivered, ""); o.Bought.Profile.OrderNo != "CE-77" || w.alerted("bought_twice") != 1 || w.lastByAdmin().Reason != "attach_no for cloudesim-1" {
		t.Errorf("bought %+v, alerts %v, log %+v", o.Bought, w.telegram.alerts, w.lastByAdmin())
	}
}

func TestOrderNumbersThatAreRefused(t *testing.T) {
	fail := func(class providers.Class, cause error) error {
		return &providers.Error{Provider: esim.CloudESIM, Op: "query", Class: class, Err: cause}
	}
	for name, c := range map[string]struct {
		number string
		set    func(*world, *ledger)
		why    orders.Why
	}{
		"unknown":                 {"CE-1", nil, orders.WhyUnknownNo},
		"empty":                   {" ", nil, orders.WhyUnknownNo},
		"too long":                {strings.Repeat("9", 65), nil, orders.WhyUnknownNo},
		"far too long":            {strings.Repeat("9", 1<<20), nil, orders.WhyUnknownNo},
		"markup":                  {"<b>1</b>", nil, orders.WhyUnknownNo},
		"two lines":               {"CE\n1", nil, orders.WhyUnknownNo},
		"refused by the provider": {"CE-1", func(_ *world, l *ledger) { l.err = fail(providers.Rejected, nil) }, orders.WhyUnknownNo},
		"answer about another":    {"CE-1", func(_ *world, l *ledger) { l.byNo["CE-1"] = esim.Usage{OrderNo: "CE-2"} }, orders.WhyUnknownNo},
		"taken back":              {"CE-1", func(_ *world, l *ledger) { l.byNo["CE-1"] = esim.Usage{Status: esim.StatusCancelled} }, orders.WhyNotReady},
		"another order's eSIM": {"CE-1", func(w *world, l *ledger) {
			w.stored("0000000001", func(o *orders.Order) { o.Bought.Profile.ICCID = sound })
			l.byNo["CE-1"] = esim.Usage{ICCID: sound, Profile: &esim.Profile{Code: code(w)}}
		}, orders.WhyTaken},
		"another order's, being made": {"CE-1", func(w *world, l *ledger) {
			w.stored("0000000001", func(o *orders.Order) { o.State = orders.Provisioning })
			l.byNo["CE-1"] = esim.Usage{}
		}, orders.WhyTaken},
	} {
		t.Run(name, func(t *testing.T) {
			w := inDoubt(t, "bought unheard")
			l := w.keepLedger()
			if c.set != nil {
				c.set(w, l)
			}
			_, err := w.service.AttachOrderNo(t.Context(), w.decision(), c.number)
			refused(t, err, c.why)
			w.want(orders.Review, orders.ReasonInDoubt)
		})
	}
	for name, cause := range map[string]error{
		"no answer": fail(providers.Unknown, context.DeadlineExceeded), "credentials refused": fail(providers.Rejected, providers.ErrUnauthorized),
	} {
		w := inDoubt(t, "bought unheard")
		w.keepLedger().err = cause
		var r *orders.Refusal
		if _, err := w.service.AttachOrderNo(t.Context(), w.decision(), "CE-1"); err == nil || errors.As(err, &r) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestApplied(t *testing.T) {
	for name, query := range map[string]string{"numbers told": "", "numbers not told": "error"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).toppingUp(esim.CloudESIM)
			w.cloud.answers = []string{"unheard"}
			w.paid()
			w.run(24 * time.Hour)
			w.want(orders.Review, orders.ReasonInDoubt)
			w.cloud.queries = []string{query, query} // by the admin's deed, and for the receipt
			if _, err := w.service.Applied(t.Context(), w.decision()); err != nil {
				t.Fatal(err)
			}
			o := w.run(time.Hour)
			w.want(orders.Delivered, "")
			b, l := o.Bought, w.store.lines[theESIM]
			if b.Profile.ICCID != theICCID || b.Plan.ID != more().ID || (b.After != nil) != (query == "") || l.TopUps != 1 || l.claim != "" {
				t.Errorf("bought %+v, eSIM %+v", b, l)
			}
			if e := w.lastByAdmin(); e.Reason != "mark_applied" || e.To != orders.Issued {
				t.Errorf("log %+v", e)
			}
		})
	}
}

func TestClose(t *testing.T) {
	for name, c := range map[string]struct {
		set     func(*orders.Order)
		cancels []string
		state   orders.State
		asked   int
	}{
		"nothing left, nothing bought": {func(o *orders.Order) { o.Refund.Total, o.Bought = plan.Retail, nil }, nil, orders.Refunded, 0},
		"nothing left, bought":         {func(o *orders.Order) { o.Refund.Total = plan.Retail }, nil, orders.Refunded, 1},
		"disputed":                     {func(o *orders.Order) { o.Disputed = true }, nil, orders.Refunded, 1},
		"disputed, refused before":     {func(o *orders.Order) { o.Disputed, o.Refund.Return = true, orders.ReturnRefused }, nil, orders.Refunded, 0},
		"test money":                   {func(o *orders.Order) { o.Payment.LiveMode, o.Bought = true, nil }, nil, orders.Refunded, 0},
		"no payment at Stripe":         {func(o *orders.Order) { o.Payment.Intent, o.Bought = "", nil }, nil, orders.Refunded, 0},
		"never settled":                {func(o *orders.Order) { o.Payment, o.Bought = orders.Payment{}, nil }, nil, orders.Expired, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stripe.disputed = true // nothing is refunded here, and so nothing asked
			w.cloud.cancels = c.cancels
			w.stored(theOrder, func(o *orders.Order) { o.State, o.DeliveredAt = orders.Review, time.Time{}; c.set(o) })
			if _, err := w.service.Close(t.Context(), w.decision()); err != nil {
				t.Fatal(err)
			}
			w.run(time.Hour)
			w.want(c.state, string(orders.AnswerClose))
			if len(w.stripe.refunds) != 0 || w.cloud.asked != c.asked || w.lastByAdmin().Reason != "close" {
				t.Errorf("refunds %v, asked %d times, log %+v", w.stripe.refunds, w.cloud.asked, w.store.log)
			}
		})
	}
}

// Money that came in at the last moment is not closed away.
func TestCloseOfWhatWasPaidThisMoment(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.stored(theOrder, func(o *orders.Order) {
		o.State, o.Reason, o.Payment, o.Bought, o.DeliveredAt, o.Attempt = orders.Review, orders.ReasonNeverSettled, orders.Payment{}, nil, time.Time{}, orders.Attempt{}
		o.Checkout.SessionID = "cs_1"
	})
	w.stripe.down = map[string]int{"session": 1}
	if _, err := w.service.Close(t.Context(), w.decision()); !errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("Stripe down: %v", err)
	}
	w.stripe.pay()
	_, err := w.service.Close(t.Context(), w.decision())
	refused(t, err, orders.WhyChanged)
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}

// A code copied twice from the provider's portal must not go to two customers.
func TestAttachCodeOfAnotherOrder(t *testing.T) {
	for _, state := range []orders.State{orders.Issued, orders.Review, orders.Delivered} {
		w := inDoubt(t, "bought unheard")
		other := w.stored("0000000777", func(o *orders.Order) { o.State = state })
		_, err := w.service.AttachCode(t.Context(), w.decision(), code(t))
		refused(t, err, orders.WhyTaken)
		if o := w.store.docs[theOrder]; o.State != orders.Review || o.Bought != nil {
			t.Errorf("%s: it is %s with %+v", state, o.State, o.Bought)
		}
		other.Bought.Profile.Code = esim.ActivationCode{}
		if _, err := w.service.AttachCode(t.Context(), w.decision(), code(t)); err != nil {
			t.Errorf("%s: of nobody else: %v", state, err)
		}
	}
}
