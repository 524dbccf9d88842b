package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

// quick makes waiting worth a test's while, with vars over it.
func quick(vars ...map[string]string) map[string]string {
	all := map[string]string{"RECONCILE_INTERVAL": "1s", "EVIDENCE_WAIT": "1s", "QUIET_HOURS": "off"}
	for _, v := range vars {
		maps.Copy(all, v)
	}
	return all
}

// order takes the customer to an open payment page for plan.
func (s *stage) order(plan esim.Plan) {
	s.t.Helper()
	s.say("/start p_" + plan.Ref())
	s.press("Buy")
	s.payLink()
}

// mood makes a server misbehave on a path, so many times; 0: until changed.
func mood(t *testing.T, s *fault.Switch, m fault.Mood, path string, times int) {
	t.Helper()
	if err := s.Set(fault.Rule{Mood: m, Path: path, Times: times}); err != nil {
		t.Fatal(err)
	}
}

// alone returns a plan of p that the other provider doesn't sell, and twin one that it does.
func (s *stage) alone(p esim.Provider) esim.Plan { return s.find(p, 0) }

func (s *stage) twin(p esim.Provider) esim.Plan { return s.find(p, 1) }

func (s *stage) find(p esim.Provider, twins int) esim.Plan {
	s.t.Helper()
	snapshot := s.app.catalog.Snapshot()
	for _, place := range append(snapshot.Countries(), snapshot.Regions()...) {
		for _, plan := range snapshot.Plans(place.Destination.ID()) {
			others := snapshot.Twins(plan)
			if plan.Provider == p && len(others) == twins && (twins == 0 || others[0].Wholesale.LessThan(plan.Retail.Decimal())) {
				return plan
			}
		}
	}
	s.t.Fatalf("no plan of %s with %d twins", p, twins)
	return esim.Plan{}
}

func (s *stage) sales() int { return len(s.sold(esim.CloudESIM)) + len(s.sold(esim.Mobilexy)) }

// refunds is what Stripe sent back, in minor units.
func (s *stage) refunds() int64 {
	var sum int64
	for _, r := range s.world.Stripe.Refunds() {
		sum += r.Amount
	}
	return sum
}

func (s *stage) expect(sales int, refunded int64) {
	s.t.Helper()
	if got := s.sales(); got != sales {
		s.t.Errorf("%d eSIMs were bought, want %d", got, sales)
	}
	if got := s.refunds(); got != refunded {
		s.t.Errorf("%d went back, want %d", got, refunded)
	}
}

// admin lets the admin meet the bot, so that alerts can reach them.
func (s *stage) admin() {
	s.t.Helper()
	if _, err := s.world.Telegram.SendText(1000, "/start"); err != nil {
		s.t.Fatal(err)
	}
	s.until("the admin's welcome", func() bool { return len(s.world.Telegram.Messages(1000)) > 1 })
}

// eventually waits for what Telegram doesn't see.
func (s *stage) eventually(what string, met func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !met(); {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("waiting for %s", what)
		}
	}
}

func delivered(events []stripe.Event) bool {
	for _, e := range events {
		if strings.HasPrefix(e.Type, "checkout.") && e.Delivered == 0 {
			return false
		}
	}
	return true
}

// now returns the customer's only order; the zero order before there is one.
func (s *stage) now() orders.Order {
	s.t.Helper()
	list, err := s.app.orders.List(s.ctx, s.me())
	if err != nil || len(list) == 0 {
		return orders.Order{}
	}
	if len(list) > 1 {
		s.t.Fatalf("customer %d has %d orders", s.me(), len(list))
	}
	return *list[0]
}

// becomes waits until the customer's only order is in a state, and returns it.
func (s *stage) becomes(state orders.State) orders.Order {
	s.t.Helper()
	var o orders.Order
	s.eventually("the order to be "+string(state), func() bool {
		o = s.now()
		return o.State == state
	})
	return o
}

// admin is the sandbox's.
const admin = 1000

// alerted waits until the admin was told of something so many times.
func (s *stage) alerted(text string, times int) {
	s.t.Helper()
	s.until("an alert "+text, func() bool { return strings.Count(s.seen(admin), text) >= times })
}

// quiet waits until the shop has handled everything that people said.
func (s *stage) quiet() {
	s.t.Helper()
	s.eventually("quiet", func() bool { return s.world.Telegram.Pending() == 0 })
}

// photos are the texts in all QR photos that the customer has.
func (s *stage) photos(user int64) (codes []string) {
	s.t.Helper()
	for _, m := range s.world.Telegram.Messages(user) {
		if len(m.Photo) == 0 {
			continue
		}
		data, ok := s.world.Telegram.File(m.FileID())
		if !ok {
			s.t.Fatal("the photo is not at Telegram")
		}
		codes = append(codes, decodeQR(s.t, data))
	}
	return codes
}
