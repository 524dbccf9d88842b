package orders_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// A life is something that is done with an order, to be killed at each of its calls.
type life struct {
	world func(*testing.T) *world
	// begin does what is done from outside, again after a kill, as Stripe or an admin would.
	begin func(*world) error
	// call is the purchase: a kill around it leaves a doubt. Empty: nothing is bought.
	call  string
	state orders.State
	check func(*world) error
}

func lives() map[string]life {
	event := func(w *world) error { return w.event() }
	opened := func(w *world) *world {
		w.open()
		w.stripe.pay()
		return w
	}
	bought := func(w *world) error {
		if w.cloud.sold != 1 || len(w.telegram.photos) == 0 || w.stripe.refunded() != 0 {
			return fmt.Errorf("sold %d, sent %d, refunded %d", w.cloud.sold, len(w.telegram.photos), w.stripe.refunded())
		}
		return nil
	}
	sendBack := func(amount esim.Money) func(*world) error {
		return func(w *world) error {
			if w.store.docs[theOrder].Refund.N > 0 {
				return nil // the admin sees that it is under way
			}
			return w.service.SendBack(w.ctx(), theOrder, amount, false)
		}
	}
	wentBack := func(minor int64, cancelled bool) func(*world) error {
		return func(w *world) error {
			o := w.store.docs[theOrder]
			if w.stripe.refunded() != minor || len(w.stripe.refunds) != 1 || o.Refund.Total.Minor != minor || w.cloud.cancelled != cancelled {
				return fmt.Errorf("refunds %v, noted %+v, cancelled %v", w.stripe.refunds, o.Refund, w.cloud.cancelled)
			}
			return nil
		}
	}
	return map[string]life{
		"a purchase": {func(t *testing.T) *world { return opened(newWorld(t)) }, event, "buy", orders.Delivered, bought},
		"a top-up":   {func(t *testing.T) *world { return opened(newWorld(t).toppingUp(esim.CloudESIM)) }, event, "top-up", orders.Delivered, bought},
		"a whole refund": {func(t *testing.T) *world { return delivered(t, newWorld(t)) }, sendBack(esim.Money{}), "",
			orders.Refunded, wentBack(455, true)},
		"a top-up's refund": {func(t *testing.T) *world { return delivered(t, newWorld(t).toppingUp(esim.CloudESIM)) }, sendBack(esim.Money{}), "",
			orders.Refunded, wentBack(455, false)},
		"a partial refund": {func(t *testing.T) *world { return delivered(t, newWorld(t)) }, sendBack(part), "",
			orders.Delivered, wentBack(155, false)},
	}
}

// live leads a life to its end, with what is done from outside repeated after a kill.
func (l life) live(w *world) {
	for l.begin(w) != nil {
		w.restart()
	}
	if w.dead {
		w.restart()
	}
	w.run(48 * time.Hour)
}

// TestKilledAtEveryCall kills the process once, before or after each call of a life in turn, and
// compares the end with the one without a kill. Only a kill around the purchase itself leaves a
// doubt, and that of a top-up which was applied is settled by the eSIM's numbers.
func TestKilledAtEveryCall(t *testing.T) {
	for name, l := range lives() {
		t.Run(name, func(t *testing.T) {
			w := l.world(t)
			first := w.calls
			var names []string
			w.before = func(_ int, call string) error { names = append(names, call); return nil }
			l.live(w)
			if err := l.check(w); err != nil || w.store.docs[theOrder].State != l.state {
				t.Fatalf("without a kill: %s, %v", w.store.docs[theOrder].State, err)
			}
			raised, stored := slices.Index(names, "raise"), slices.Index(names, "transition issued")
			if l.call != "" && (raised < 0 || stored < 0 || !slices.Contains(names, l.call)) {
				t.Fatalf("calls %v", names)
			}
			for i, call := range names {
				for _, when := range []string{"before", "after"} {
					t.Run(fmt.Sprintf("%02d %s %s", i, when, call), func(t *testing.T) {
						doubt := l.call != "" && ((i > raised && i < stored) || (i == raised && when == "after") || (i == stored && when == "before"))
						l.killed(t, first+i+1, when == "before", doubt)
					})
				}
			}
		})
	}
}

func (l life) killed(t *testing.T, at int, before, doubt bool) {
	w := l.world(t)
	kill := func(n int, _ string) error {
		if n == at {
			return errCrash
		}
		return nil
	}
	if before {
		w.before = kill
	} else {
		w.after = kill
	}
	l.live(w)
	o := w.store.docs[theOrder]
	if w.cloud.sold > 1 {
		t.Errorf("sold %d", w.cloud.sold)
	}
	if doubt && (l.call == "buy" || w.cloud.sold == 0) {
		w.want(orders.Review, orders.ReasonInDoubt)
		return
	}
	if err := l.check(w); err != nil || o.State != l.state {
		t.Errorf("ended %s, %v; log %+v", o.State, err, w.store.log)
	}
	if c := w.store.lines[theESIM].claim; c != "" {
		t.Errorf("the eSIM is still claimed by %s", c)
	}
}

// A provider's sure no is noted at Stripe, so that neither a crash nor a lost Redis leaves a doubt.
func TestASureNoOutlastsItsRunner(t *testing.T) {
	for _, answer := range []string{"not sent", "rejected"} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, Redis lost: %v", answer, lost), func(t *testing.T) {
				w := newWorld(t).sellTwice()
				w.remember()
				w.cloud.answers = []string{answer}
				w.after = func(_ int, call string) error {
					if call != "mark not" {
						return nil
					}
					w.after = nil
					return errCrash
				}
				w.paid()
				if err := w.service.Step(t.Context(), theOrder); !w.dead {
					t.Fatalf("not killed: %v", err)
				}
				w.restart()
				if lost {
					w.flush()
					w.sweep()
				}
				w.run(time.Hour)
				o := w.want(orders.Delivered, "")
				if w.cloud.sold+w.mobilexy.sold != 1 || o.Attempt.N != 2 || w.stripe.meta["not"] != "1" {
					t.Errorf("sold %d and %d, attempt %d, at Stripe %v", w.cloud.sold, w.mobilexy.sold, o.Attempt.N, w.stripe.meta)
				}
			})
		}
	}
}

// What nobody answered is not noted as a no.
func TestADoubtIsNoSureNo(t *testing.T) {
	for _, answer := range []string{"unheard", "bought unheard", "ok"} {
		w := newWorld(t)
		w.cloud.answers = []string{answer}
		w.paid()
		w.run(time.Hour)
		if not := w.stripe.meta["not"]; not != "" {
			t.Errorf("%s: noted %q", answer, not)
		}
	}
}

// A late write of an abandoned attempt covers the fence of the one that bought, and Redis forgets that: the
// notes of the purchase keep it from being made again.
func TestWhatWasBoughtIsNotBoughtUnderACoveredFence(t *testing.T) {
	for name, marks := range map[string]map[string]string{
		"a number":               {"got": "2:cloudesim-1"},
		"a number and delivered": {"got": "2:cloudesim-1", "done": "1"},
		"delivered":              {"done": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stripe.down = map[string]int{"raise answer": 1}
			w.paid()
			if err := w.service.Step(t.Context(), theOrder); err != nil {
				t.Fatal(err)
			}
			w.want(orders.Paid, orders.ReasonStripeDown) // attempt 1 is abandoned, and stands at Stripe
			for key, value := range marks {
				w.stripe.meta[key] = value
			}
			w.cloud.queries = []string{"ready"}
			w.run(24 * time.Hour)
			if w.want(orders.Delivered, ""); w.cloud.sold != 0 {
				t.Errorf("sold %d", w.cloud.sold)
			}
		})
	}
}
