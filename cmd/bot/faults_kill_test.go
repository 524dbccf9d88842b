package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// The shop as processes that are killed, frozen and told to end at the very moment that a fault is
// about. What each other moment leads to, TestKillFault03… shows.

// killedAt has a customer buy from a shop that is killed at a deed, and starts it again.
func (f *fleet) killedAt(deed string, after bool) {
	f.t.Helper()
	f.order(f.plan())
	f.reaper.armAt(deed, after)
	f.pay()
	f.eventually("the kill", func() bool { return f.reaper.hit() && len(f.alive()) == 0 })
	f.revive()
}

// undecided sees the order go before an admin, so many eSIMs sold and nothing sent back, and stay
// there: the next day the admin is told again, and nothing more was bought.
func (f *fleet) undecided(sold int) {
	f.t.Helper()
	f.sees("a person is looking at it")
	f.alerted(doubtful, 1)
	f.expect(sold, 0)
	f.eventually("the order to rest", func() bool { return f.now().DueAt.After(f.world.Clock.Now().Add(23 * time.Hour)) })
	f.replicas[0].kill()
	f.world.Clock.Advance(25 * time.Hour)
	f.replicas[0].up()
	f.alerted(doubtful, 2)
	f.becomes(orders.Review)
	f.expect(sold, 0)
}

// TestKillFault01BeforeTheFence kills the shop when it has saved that it is purchasing, and before
// Stripe knows: whoever recovers buys, once.
func TestKillFault01BeforeTheFence(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		deed  string
		after bool
	}{"saved": {" purchasing", true}, "fence read": {"GET stripe/v1/payment_intents/pi", true}, "fence not raised": {"POST stripe/v1/payment_intents/pi", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := openFleet(t, durableRedis(t), 1, nil)
			f.killedAt(at.deed, at.after)
			f.photo()
			if o := f.becomes(orders.Delivered); o.Attempt.N != 2 {
				t.Errorf("%d attempts", o.Attempt.N)
			}
			f.expect(1, 0)
		})
	}
}

// TestKillFault01BehindTheFence kills the shop between the fence and the provider's call: nobody can
// know that it didn't call, so a person decides.
func TestKillFault01BehindTheFence(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		deed  string
		after bool
	}{"fence raised": {"POST stripe/v1/payment_intents/pi", true}, "not called": {"POST cloudesim/api/v1/esim/order", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := openFleet(t, durableRedis(t), 1, nil)
			f.killedAt(at.deed, at.after)
			f.undecided(0)
		})
	}
}

// TestKillFault02Bought kills the shop between the provider's answer and saving it.
func TestKillFault02Bought(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		deed  string
		after bool
	}{"answered": {"POST cloudesim/api/v1/esim/order", true}, "not saved": {" issued", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := openFleet(t, durableRedis(t), 1, nil)
			f.killedAt(at.deed, at.after)
			f.undecided(1)
		})
	}
}

// leisure gives a fleet's provider calls time to be held by a test.
func leisure() map[string]string {
	return map[string]string{"PROVIDER_TIMEOUT": "20s", "ORDER_LEASE": "45s"}
}

// TestKillFault28ClocksApart runs two replicas with clocks ten minutes apart: the one ahead thinks
// the other's lease over while that one is buying. Nobody buys a second time, and what was bought
// is stored.
func TestKillFault28ClocksApart(t *testing.T) {
	t.Parallel()
	f := openFleet(t, durableRedis(t), 1, leisure())
	f.order(f.plan())
	purchase := f.reaper.hold("POST cloudesim/api/v1/esim/order")
	f.pay()
	purchase.await(t)
	f.another(t, 10*time.Minute)
	f.eventually("the one ahead to take the order over", func() bool {
		o := f.now()
		return o.State == orders.Unknown || o.State == orders.Review
	})
	f.expect(0, 0)
	purchase.release()
	f.eventually("what was bought", func() bool { return f.now().Bought != nil })
	f.eventually("the order's end", f.decided)
	f.expect(1, 0)
	// They go on side by side, and steal each other's orders: nobody is bought for twice.
	all := f.crew(10)
	for _, p := range all {
		p.pays(p.order())
	}
	delivered := 0
	for _, p := range all {
		if p.is(orders.Delivered, orders.Review).State == orders.Delivered {
			delivered++
		}
	}
	sold := map[string]int{}
	for _, e := range f.sold(esim.CloudESIM) {
		if sold[e.PlanCode]++; sold[e.PlanCode] > 1 {
			t.Errorf("plan %s was bought %d times for one customer", e.PlanCode, sold[e.PlanCode])
		}
	}
	if n := f.sales(); n < 1+delivered || f.refunds() != 0 {
		t.Errorf("%d sold, %d delivered", n, delivered)
	}
	if len(f.alive()) != 2 {
		t.Error("a replica has died")
	}
}

// crew returns customers for a fleet, which knows no catalogue of its own before.
func (f *fleet) crew(n int) []*patron {
	f.t.Helper()
	f.onSale()
	return f.patrons(n)
}

// TestKillFault28Frozen freezes a runner, before the fence and behind it, until its lease is over
// and another has gone on with the order. What it does when it wakes buys nothing a second time.
func TestKillFault28Frozen(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct{ held, next string }{
		"before the fence": {"GET stripe/v1/payment_intents/pi", "POST stripe/v1/payment_intents/pi"},
		"behind the fence": {"POST stripe/v1/payment_intents/pi", "POST cloudesim/api/v1/esim/order"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := openFleet(t, durableRedis(t), 1, leisure())
			f.order(f.plan())
			frozen := f.replicas[0]
			call := f.reaper.hold(at.held)
			f.pay()
			call.await(t)
			frozen.signal(syscall.SIGSTOP)
			frozen.apart.Store(true)
			call.release() // the answer waits for it
			f.world.Clock.Advance(2 * time.Minute)
			f.another(t, 0)
			f.eventually("another to go on", f.decided)
			f.reaper.armFor(false, never)
			frozen.signal(syscall.SIGCONT)
			f.eventually("it to go on where it was", func() bool { // or to find that it waited too long
				return f.reaper.passed(at.next) > 0 || strings.Contains(f.logs.String(), "fence not r")
			})
			frozen.signal(syscall.SIGTERM) // it ends when it has ended what it began
			if status := frozen.ended(); status != exitOK {
				t.Errorf("it ended with %d", status)
			}
			f.eventually("the order to rest", f.decided)
			o, sold := f.now(), f.sales()
			if sold > 1 || sold == 1 && o.Bought == nil || o.State == orders.Delivered && sold == 0 {
				t.Errorf("%d sold, stored %v, and the order is %s", sold, o.Bought != nil, o.State)
			}
			f.expect(sold, 0)
		})
	}
}

// decided says whether the order is delivered, or before an admin.
func (f *fleet) decided() bool {
	o := f.now()
	return o.State == orders.Delivered || o.State == orders.Review && o.Told == string(orders.Review)
}

// passed is how many calls with part in their names came, since the test armed
// the reaper.
func (r *reaper) passed(part string) (n int) {
	seen, _ := r.counted()
	for _, deed := range seen {
		if strings.Contains(deed, part) {
			n++
		}
	}
	return n
}
