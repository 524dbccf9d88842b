package orders_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"esimbot/esim"
	"esimbot/orders"
)

// TestWhateverHappens draws a life for an order — what the providers, Stripe and Telegram answer,
// where the process is killed, where Redis forgets its last writes, where a runner with a wrong
// clock comes in between — and asserts what must be true once the dust has settled.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t).sellTwice()
		if by := rapid.SampledFrom([]esim.Provider{"", "", esim.CloudESIM, esim.Mobilexy}).Draw(t, "top-up"); by != "" {
			w.toppingUp(by)
			w.mobilexy.lag = 4 * time.Hour
			w.cloud.mute = rapid.Bool().Draw(t, "mute")
		}
		answer := rapid.SampledFrom([]string{"ok", "ok", "not ready", "no number", "not sent", "rejected", "insufficient", "bought unheard", "unheard"})
		w.cloud.answers = rapid.SliceOfN(answer, 0, 3).Draw(t, "cloud")
		w.mobilexy.answers = rapid.SliceOfN(answer, 0, 2).Draw(t, "mobilexy")
		w.cloud.queries = rapid.SliceOfN(rapid.SampledFrom([]string{"", "error", "ready", "cancelled"}), 0, 4).Draw(t, "queries")
		w.cloud.cancels = rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "not sent", "refused", "unheard", "done unheard"}), 0, 3).Draw(t, "cancels")
		w.stripe.refundAnswers = rapid.SliceOfN(rapid.SampledFrom([]string{"succeeded", "doubt", "refused", "pending", "failed"}), 0, 4).Draw(t, "refunds")
		w.stripe.down = map[string]int{
			"fence":        rapid.IntRange(0, 2).Draw(t, "fence down"),
			"raise":        rapid.IntRange(0, 2).Draw(t, "raise down"),
			"raise answer": rapid.IntRange(0, 1).Draw(t, "raise unanswered"),
		}
		if rapid.Bool().Draw(t, "telegram down") {
			w.telegram.errs = map[string][]error{"deliver": {errors.New("HTTP 502")}, "show": {errors.New("HTTP 502")}, "alert": {errors.New("HTTP 502")}}
		}
		w.open()
		w.stripe.pay()
		trouble := newTrouble(t, w)
		w.before, w.after = trouble.before, trouble.after
		for range 20 {
			if w.event() == nil {
				break
			}
			w.restart() // Stripe brings the event again
		}
		w.run(40 * 24 * time.Hour)
		for _, wish := range rapid.SliceOfN(rapid.SampledFrom([]string{"whole", "part", "anyway"}), 0, 3).Draw(t, "admin") {
			trouble.wish(wish)
			w.run(40 * 24 * time.Hour)
		}
		w.before, w.after = nil, nil
		trouble.settle()
		assertSettled(t, w, trouble)
	})
}

// trouble is what is drawn to go wrong, by number of the call it happens at.
type trouble struct {
	w           *world
	kills       []int // before the call if even, after it if odd
	rollback    int   // the call after which Redis forgets
	remember    int   // the call whose state it goes back to
	intrude     []int // calls before which a rival runner steps
	skew        time.Duration
	remembered  *memory
	rolledBack  bool
	killed      int
	intruding   bool
	rivals      int
	rivalsClock func() time.Time
	dashboard   int   // the call before which something is done in Stripe's Dashboard
	minor       int64 // what is refunded there, or 0 for a dispute
	wished      bool  // an admin had money sent back
}

func newTrouble(t *rapid.T, w *world) *trouble {
	base := w.calls
	at := func(name string, n int) []int {
		calls := rapid.SliceOfN(rapid.IntRange(1, 60), 0, n).Draw(t, name)
		for i := range calls {
			calls[i] += base
		}
		return calls
	}
	tr := &trouble{w: w, kills: at("kills", 4), intrude: at("rivals", 3)}
	if marks := at("rollback", 2); len(marks) == 2 {
		tr.remember, tr.rollback = min(marks[0], marks[1]), max(marks[0], marks[1])
	}
	if calls := at("dashboard", 1); len(calls) == 1 {
		tr.dashboard, tr.minor = calls[0], rapid.SampledFrom([]int64{0, 155, 455}).Draw(t, "dashboard's deed")
	}
	tr.skew = time.Duration(rapid.IntRange(-600, 600).Draw(t, "skew")) * time.Second
	tr.rivalsClock = func() time.Time { return w.clock().Add(tr.skew) }
	return tr
}

func (tr *trouble) before(n int, _ string) error {
	if tr.intruding {
		return nil
	}
	if n == tr.remember && tr.w.store.docs[theOrder] != nil {
		s := tr.w.store.snapshot()
		tr.remembered = &s
	}
	if n == tr.dashboard {
		tr.intruding = true
		tr.act()
		tr.intruding = false
	}
	if slices.Contains(tr.intrude, n) {
		tr.intruding = true
		tr.rivals++
		_ = tr.w.runner(tr.rivalsClock).Step(context.Background(), theOrder) // a rival may fail as it likes
		tr.intruding = false
	}
	if slices.Contains(tr.kills, n) && n%2 == 0 {
		tr.killed++
		return errCrash
	}
	return nil
}

// act does something in the Dashboard, and brings the event of it to another replica.
func (tr *trouble) act() {
	s := tr.w.stripe
	if tr.minor == 0 {
		s.disputed = true
	} else {
		s.outside = min(tr.minor, plan.Retail.Minor-s.refunded())
	}
	_ = tr.tell(tr.w.runner(tr.rivalsClock)) // it may fail: it is brought again in the end
}

func (tr *trouble) tell(s *orders.Service) error {
	e := orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1", Order: theOrder}
	if tr.w.stripe.disputed {
		e.Type = orders.EventDispute
	}
	return s.HandlePayment(context.Background(), e)
}

// wish has an admin send money back where the order has come to rest.
func (tr *trouble) wish(wish string) {
	o := tr.w.store.docs[theOrder]
	if o.State != orders.Delivered && (o.State != orders.Review || o.Payment.PaidAt.IsZero()) {
		return
	}
	amount := esim.Money{}
	if wish == "part" {
		amount = part
	}
	tr.wished = true
	_ = tr.w.service.SendBack(context.Background(), theOrder, amount, wish == "anyway") // refused, or killed: a wish not granted
	if tr.w.dead {
		tr.w.restart()
	}
}

// settle brings what wasn't brought yet.
func (tr *trouble) settle() {
	tr.w.restart()
	for range 2 {
		if err := tr.tell(tr.w.service); err != nil {
			tr.w.Fatalf("event: %v", err)
		}
		tr.w.run(40 * 24 * time.Hour)
	}
}

func (tr *trouble) after(n int, _ string) error {
	if tr.intruding {
		return nil
	}
	if n == tr.rollback && tr.remembered != nil {
		tr.w.mu.Lock()
		*tr.w.store = *tr.remembered
		tr.w.mu.Unlock()
		tr.rolledBack = true
		tr.killed++
		return errCrash
	}
	if slices.Contains(tr.kills, n) && n%2 == 1 {
		tr.killed++
		return errCrash
	}
	return nil
}

func assertSettled(t *rapid.T, w *world, tr *trouble) {
	o := w.store.docs[theOrder]
	sold := w.cloud.sold + w.mobilexy.sold
	story := fmt.Sprintf("%s %s (%s), sold %d, photos %v, refunds %v and %d outside, rolled back %v, killed %d, rivals %d\nlog %+v",
		o.Kind, o.State, o.Reason, sold, w.telegram.photos, w.stripe.refunds, w.stripe.outside, tr.rolledBack, tr.killed, tr.rivals, w.store.log)
	switch o.State {
	case orders.Delivered, orders.Refunded, orders.Review:
	default:
		t.Fatalf("a paid order ended nowhere: %s", story)
	}
	if sold > 1 {
		t.Fatalf("bought more than once: %s", story)
	}
	back := w.stripe.refunded() + w.stripe.outside
	if back > plan.Retail.Minor {
		t.Fatalf("more refunded than paid: %s", story)
	}
	if o.State == orders.Delivered && (sold != 1 || len(w.telegram.photos) == 0 || back >= plan.Retail.Minor || o.Refund.Total.Minor != back) {
		t.Fatalf("delivered without having been: %s", story)
	}
	if o.State == orders.Refunded && (back != plan.Retail.Minor || len(w.telegram.photos) > 0 && !tr.rolledBack && !tr.wished && tr.dashboard == 0) {
		t.Fatalf("refunded without having been: %s", story)
	}
	// A Redis that went back to the moment of the delivery delivers again, and knows nothing of a refund.
	if w.cloud.cancelled && (o.Kind == orders.KindTopUp || o.State == orders.Delivered && !tr.rolledBack) || w.mobilexy.asked > 0 {
		t.Fatalf("an eSIM was taken from its customer: %s", story)
	}
	if l := w.store.lines[theESIM]; o.State.Finished() && l.claim != "" && !tr.rolledBack && tr.rivals == 0 && tr.dashboard == 0 {
		t.Fatalf("finished, and still in the way of the next top-up: %s", story)
	}
	quiet := tr.killed == 0 && tr.rivals == 0 && w.store.due[theOrder].IsZero()
	if quiet && o.State == orders.Delivered && len(w.telegram.photos) != 1 {
		t.Fatalf("delivered twice in quiet times: %s", story)
	}
	for _, e := range w.store.log {
		if e.From != "" && !orders.Allowed(e.From, e.To) && e.Reason != "rebuilt" {
			t.Fatalf("%s to %s is not in the table: %s", e.From, e.To, story)
		}
	}
}

func TestRedisLosesItsLastSeconds(t *testing.T) {
	for _, call := range []string{"transition paid", "transition purchasing", "transition issued", "transition delivered", "mark got", "mark done"} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t)
			w.open()
			forgotten := w.store.snapshot()
			w.stripe.pay()
			once := true
			w.after = func(_ int, name string) error {
				if name == call && once {
					once = false
					*w.store = forgotten
					return errCrash
				}
				return nil
			}
			for w.event() != nil || w.store.docs[theOrder].State == orders.AwaitingPayment {
				w.restart()
			}
			w.run(48 * time.Hour)
			if w.store.docs[theOrder].State == orders.AwaitingPayment { // forgotten in the run: the page is looked at again
				w.run(48 * time.Hour)
			}
			if w.cloud.sold > 1 {
				t.Errorf("sold %d", w.cloud.sold)
			}
			switch o := w.store.docs[theOrder]; o.State {
			case orders.Delivered, orders.Review:
			default:
				t.Errorf("ended %s (%s)", o.State, o.Reason)
			}
		})
	}
}

func TestBoughtIsKeptThoughRedisRefuses(t *testing.T) {
	w := newWorld(t)
	w.paid()
	refusals := 3
	w.config.Store = refusing{Store: w.store, left: &refusals}
	w.restart()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	if w.cloud.sold != 1 || w.stripe.meta["got"] == "" {
		t.Errorf("sold %d, Stripe's notes %v", w.cloud.sold, w.stripe.meta)
	}
}

// refusing is a store that refuses to write what was bought, as a full one does.
type refusing struct {
	orders.Store
	left *int
}

func (r refusing) Transition(ctx context.Context, from orders.State, next *orders.Order, entry orders.LogEntry) error {
	if next.State == orders.Issued && *r.left > 0 {
		*r.left--
		return errors.New("OOM command not allowed")
	}
	return r.Store.Transition(ctx, from, next, entry)
}

func TestBoughtWhileTheOrderChanged(t *testing.T) {
	for to, end := range map[orders.State]orders.State{orders.Unknown: orders.Delivered, orders.Refunding: orders.Review, orders.Refunded: orders.Review, orders.Review: orders.Review} {
		t.Run(string(to), func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			w.after = func(_ int, call string) error {
				if o := w.store.docs[theOrder]; call == "buy" && o.State == orders.Purchasing {
					o.State, o.Version = to, o.Version+1
				}
				return nil
			}
			w.run(48 * time.Hour)
			o := w.store.docs[theOrder]
			if o.State != end || o.Bought == nil || o.Bought.Profile.Code.IsZero() {
				t.Errorf("ended %s with %v", o.State, o.Bought)
			}
			if end == orders.Review && (len(w.telegram.photos) != 0 || !slices.Contains(w.telegram.alerts, "review")) {
				t.Errorf("photos %v, alerts %v", w.telegram.photos, w.telegram.alerts)
			}
		})
	}
}

// TestARivalUnderTheSameKey has another runner write the fence first: one of a Redis that forgot.
func TestARivalUnderTheSameKey(t *testing.T) {
	rival := func(w *world) func(int, string) error {
		return func(_ int, call string) error {
			if call == "raise" {
				key := "buy:" + string(theOrder) + ":1"
				if w.stripe.keys[key] == "" {
					w.stripe.keys[key], w.stripe.meta["buy"] = "1:rival", "1:rival"
				}
			}
			return nil
		}
	}
	t.Run("before the purchase", func(t *testing.T) {
		w := newWorld(t)
		w.paid()
		w.before = rival(w)
		if err := w.service.Step(t.Context(), theOrder); err != nil {
			t.Fatal(err)
		}
		w.want(orders.Purchasing, "") // the rival may still bring what it bought
		w.run(time.Hour)
		w.want(orders.Review, orders.ReasonInDoubt)
		if w.cloud.sold != 0 {
			t.Error("bought beside the rival")
		}
	})
	t.Run("before the recovery", func(t *testing.T) {
		w := newWorld(t)
		w.paid()
		w.before = func(_ int, call string) error {
			if call == "raise" {
				w.before = rival(w)
				return errCrash
			}
			return nil
		}
		w.run(time.Hour)
		w.want(orders.Review, orders.ReasonInDoubt)
		if w.cloud.sold != 0 {
			t.Error("bought beside the rival")
		}
	})
}

func TestARecovererMayDieToo(t *testing.T) {
	w := newWorld(t)
	w.paid()
	w.before = func(_ int, call string) error { // the runner dies before it could raise the fence
		if call == "raise" {
			w.before = nil
			return errCrash
		}
		return nil
	}
	w.after = func(_ int, call string) error { // its recoverer once it has closed the attempt
		if call == "raise" {
			w.after = nil
			return errCrash
		}
		return nil
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	if w.cloud.sold != 1 || w.stripe.keys["buy:"+string(theOrder)+":1"] != "1:closed" {
		t.Errorf("sold %d, keys %v", w.cloud.sold, w.stripe.keys)
	}
}

func TestARunnerPausedPastItsLeaseDoesNotBuy(t *testing.T) {
	w := newWorld(t)
	w.paid()
	once := true
	w.after = func(_ int, call string) error {
		if call == "raise" && once {
			once = false
			w.advance(55 * time.Second) // too little of the lease is left now
		}
		return nil
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	if o := w.store.docs[theOrder]; w.cloud.sold != 1 || o.Attempt.N != 2 {
		t.Errorf("sold %d in %d attempts", w.cloud.sold, o.Attempt.N)
	}
}
