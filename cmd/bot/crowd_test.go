package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
)

const (
	crowdSize  = 500
	crowdAlike = 40 // who buy at the same time
)

// TestKillReplicas has five hundred customers buy from two replicas that are killed at random, while
// Stripe's webhooks come twice or not at all. Then the books of the provider, of Stripe and of
// Telegram must agree with each other.
func TestKillReplicas(t *testing.T) {
	t.Parallel()
	f := openFleet(t, durableRedis(t), 2, map[string]string{"PROVIDER_TIMEOUT": "1s", "ORDER_LEASE": "21s"})
	f.world.CloudESIM.SetBalance(decimal.New(1_000_000, 0))
	plans := f.onSale()
	var people []shopper
	for i := range crowdSize {
		s := shopper{id: int64(customer + 100 + i), plan: plans[i%len(plans)]}
		f.world.Telegram.AddUser(telegram.User{ID: s.id, FirstName: "Customer", LanguageCode: "en"})
		people = append(people, s)
	}
	over := make(chan struct{})
	var trouble sync.WaitGroup
	kills := 0
	trouble.Go(func() { kills = f.rage(over) })
	began := time.Now()
	f.shopAll(people)
	bought := time.Since(began)
	close(over)
	trouble.Wait()
	f.world.Stripe.DropWebhooks(false)
	f.world.Stripe.DuplicateWebhooks(1)
	settled := f.settle(people)
	t.Logf("%d customers bought in %s while %d replicas were killed: %v", len(people), bought.Round(time.Second), kills, settled)
	if kills < 5 || settled[orders.Delivered] < crowdSize/2 {
		t.Errorf("nothing is shown by this: %d kills, %v", kills, settled)
	}
	f.audit(people)
}

// onSale returns every plan of the shop's, by the catalogue that the replicas keep in Redis.
func (f *fleet) onSale() []esim.Plan {
	f.t.Helper()
	f.eventually("the catalogue to be kept", func() bool { // a replica sells from it a moment before
		return f.app.catalog.Restore(f.ctx) == nil && f.app.catalog.Snapshot().Loaded()
	})
	snapshot := f.app.catalog.Snapshot()
	var plans []esim.Plan
	for _, place := range append(snapshot.Countries(), snapshot.Regions()...) {
		plans = append(plans, snapshot.Plans(place.Destination.ID())...)
	}
	if len(plans) < 100 {
		f.t.Fatalf("%d plans are on sale", len(plans))
	}
	return plans
}

// A shopper is a customer with a plan in mind.
type shopper struct {
	id   int64
	plan esim.Plan
}

// rage kills one replica after the other, and has Stripe's webhooks doubled or dropped, until over.
// What is killed is started again at once, as a machine's supervisor does. On a slow machine it is left
// alone for as long as it took to start, or nobody would ever be served.
func (f *fleet) rage(over <-chan struct{}) (kills int) {
	var started time.Duration
	for {
		select {
		case <-over:
			return kills
		case <-time.After(300*time.Millisecond + rand.N(600*time.Millisecond) + 2*started):
		}
		f.world.Stripe.DropWebhooks(rand.IntN(3) == 0)
		f.world.Stripe.DuplicateWebhooks(1 + rand.IntN(3))
		r := f.replicas[rand.IntN(len(f.replicas))]
		r.kill()
		began := time.Now()
		r.up()
		started = time.Since(began)
		kills++
	}
}

// shopAll has everybody buy, some at a time.
func (f *fleet) shopAll(people []shopper) {
	queue := make(chan shopper)
	var running sync.WaitGroup
	for range crowdAlike {
		running.Go(func() {
			for s := range queue {
				if err := f.shop(s); err != nil {
					f.t.Error(err)
				}
			}
		})
	}
	for _, s := range people {
		queue <- s
	}
	close(queue)
	running.Wait()
}

// shop is one customer buying: from the link to the payment page, where they pay. Who sees nothing
// happen for a while tries again, as people do.
func (f *fleet) shop(s shopper) error {
	const patience = 5 * time.Second
	asked, deadline := time.Time{}, time.Now().Add(2*time.Minute)
	pressed := false
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		if _, b, ok := f.world.Telegram.FindButton(s.id, "Pay"); ok && b.URL != "" {
			if err := f.world.Stripe.Pay(sessionIn(b.URL)); err != nil {
				return fmt.Errorf("customer %d: %w", s.id, err)
			}
			return nil
		}
		switch now := time.Now(); {
		case now.After(deadline):
			return fmt.Errorf("customer %d never saw a payment page:\n%s", s.id, f.seen(s.id))
		case now.Sub(asked) > patience:
			if _, err := f.world.Telegram.SendText(s.id, "/start p_"+s.plan.Ref()); err != nil {
				return err
			}
			asked, pressed = now, false
		case !pressed:
			_, b, ok := f.world.Telegram.FindButton(s.id, "Buy")
			if !ok || b.CallbackData == "" {
				continue
			}
			_, err := f.world.Telegram.PressButton(s.id, "Buy")
			pressed = err == nil // it may have gone this moment
		}
	}
}

// settle waits until every paid order has come to an end, and returns how many came to which.
func (f *fleet) settle(people []shopper) map[orders.State]int {
	f.t.Helper()
	deadline := time.After(2 * time.Minute)
	open := map[int64]bool{}
	ends := map[orders.State]int{}
	for _, s := range people {
		open[s.id] = true
	}
	for tick := time.NewTicker(200 * time.Millisecond); len(open) > 0; <-tick.C {
		for id := range open {
			list, err := f.app.orders.List(f.ctx, id)
			if err != nil {
				f.t.Fatal(err)
			}
			if ended, states := ended(list); ended {
				delete(open, id)
				for _, s := range states {
					ends[s]++
				}
			}
		}
		select {
		case <-deadline:
			for id := range open {
				list, _ := f.app.orders.List(f.ctx, id)
				f.t.Errorf("not settled: %+v\n%s", list, f.seen(id))
			}
			f.t.Fatalf("%d customers wait still", len(open))
		default:
		}
	}
	return ends
}

// ended says whether all of a customer's paid orders are at an end, and at least one is.
func ended(list []*orders.Order) (bool, []orders.State) {
	var states []orders.State
	for _, o := range list {
		switch o.State {
		case orders.Delivered, orders.Refunded:
		case orders.Review:
			if o.Told != string(orders.Review) {
				return false, nil
			}
		case orders.AwaitingPayment, orders.Expired:
			continue // one that the customer left for another
		default:
			return false, nil
		}
		states = append(states, o.State)
	}
	return len(states) > 0, states
}

// audit compares the books: what was paid, what was sold, what people have.
func (f *fleet) audit(people []shopper) {
	f.t.Helper()
	paid := map[string]int{}    // by plan
	payers := map[string]bool{} // orders
	for _, cs := range f.world.Stripe.Sessions() {
		if cs.PaymentStatus == "paid" {
			payers[cs.Reference] = true
			paid[cs.Metadata["plan"]]++
		}
	}
	sold, codes := map[string]int{}, map[string]bool{}
	for _, e := range f.sold(esim.CloudESIM) {
		sold[e.PlanCode]++
		codes[e.ActivationCode] = true
	}
	for plan, n := range sold {
		if n > paid[plan] {
			f.t.Errorf("plan %s was bought %d times for %d payments", plan, n, paid[plan])
		}
	}
	if n := f.refunds(); n != 0 {
		f.t.Errorf("%d went back without reason", n)
	}
	doubts := 0
	for _, s := range people {
		list, err := f.app.orders.List(f.ctx, s.id)
		if err != nil {
			f.t.Fatal(err)
		}
		chat := f.seen(s.id)
		for _, o := range list {
			switch {
			case o.State == orders.Review && (o.Reason == orders.ReasonInDoubt || o.Reason == orders.ReasonFence):
				doubts++
				delete(payers, string(o.ID))
			case o.State == orders.Delivered:
				code := o.Bought.Profile.Code.Reveal()
				if !payers[string(o.ID)] || !codes[code] {
					f.t.Errorf("order %s: paid %v; its code is the provider's and nobody else's: %v", o.ID, payers[string(o.ID)], codes[code])
				}
				if !strings.Contains(chat, code) {
					f.t.Errorf("order %s: the customer doesn't have the code", o.ID)
				}
				delete(codes, code)
				delete(payers, string(o.ID))
			case o.State != orders.AwaitingPayment && o.State != orders.Expired:
				f.t.Errorf("order %s ended %s (%s)", o.ID, o.State, o.Reason)
			}
		}
	}
	if len(payers) > 0 || len(codes) > doubts {
		f.t.Errorf("paid for and forgotten: %d; sold and in nobody's hands: %d, of %d doubts", len(payers), len(codes), doubts)
	}
	f.t.Logf("%d sold, %d in doubt, %d of these sold", len(f.sold(esim.CloudESIM)), doubts, len(codes))
}
