package main

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

// What goes wrong while a customer buys, brought about in the servers around the shop, and what
// the customer, the money and the providers see of it. quick makes waiting worth a test's while.
func quick() map[string]string { return map[string]string{"RECONCILE_INTERVAL": "1s"} }

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
func (s *stage) twin(p esim.Provider) esim.Plan  { return s.find(p, 1) }

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

// The provider sells, then answers 500, nothing, or nonsense: nobody buys again, a person decides.
func TestPurchaseInDoubtIsReviewed(t *testing.T) {
	for _, m := range []fault.Mood{fault.ErrorAfter, fault.DeadAfter, fault.Garbage, fault.Half, fault.Huge} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.admin()
			s.order(s.alone(esim.CloudESIM))
			mood(t, s.world.CloudESIM.Fault, m, "/esim/order", 0)
			s.pay()
			s.sees("a person is looking at it")
			s.until("an alert", func() bool { return strings.Contains(s.seen(1000), "needs a decision") })
			s.expect(1, 0)
			s.noSecrets()
		})
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

// The provider refuses and nobody else sells the same: the money goes back by itself.
func TestPurchaseRejectedIsRefunded(t *testing.T) {
	s := openStage(t, "", quick())
	plan := s.alone(esim.Mobilexy)
	s.order(plan)
	if err := s.world.Mobilexy.RemovePlan(plan.ID); err != nil {
		t.Fatal(err)
	}
	s.pay()
	s.sees("Your money went back")
	s.expect(0, plan.Retail.Minor)
}

// The provider refuses, the other one sells the same: the customer gets it for the price paid.
func TestPurchaseRejectedComesFromTheOther(t *testing.T) {
	s := openStage(t, "", quick())
	plan := s.twin(esim.Mobilexy)
	s.order(plan)
	if err := s.world.Mobilexy.RemovePlan(plan.ID); err != nil {
		t.Fatal(err)
	}
	s.pay()
	if _, code := s.photo(); len(s.sold(esim.CloudESIM)) != 1 || code != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("the code is not the other provider's")
	}
	s.expect(1, 0)
}

// The balance ran out after the page was opened: the order waits, and goes on once there is money.
func TestPurchaseHeldForBalance(t *testing.T) {
	s := openStage(t, "", quick())
	s.admin()
	plan := s.alone(esim.CloudESIM)
	s.order(plan)
	s.world.CloudESIM.SetBalance(decimal.Zero)
	s.pay()
	s.until("an alert", func() bool { return strings.Contains(s.seen(1000), "balance is low") })
	s.expect(0, 0)
	s.world.CloudESIM.SetBalance(decimal.NewFromInt(100))
	s.photo()
	s.expect(1, 0)
}

// Held too long: refunded.
func TestPurchaseHeldTooLongIsRefunded(t *testing.T) {
	s := openStage(t, "", quick())
	s.admin()
	plan := s.alone(esim.CloudESIM)
	s.order(plan)
	s.world.CloudESIM.SetBalance(decimal.Zero)
	s.pay()
	s.eventually("the order to be held", func() bool {
		list, err := s.app.orders.List(s.ctx, customer)
		return err == nil && len(list) == 1 && !list[0].HeldSince.IsZero()
	})
	s.world.Clock.Advance(3 * time.Hour)
	s.sees("Your money went back")
	s.expect(0, plan.Retail.Minor)
}

// Too little balance is seen before the customer pays.
func TestBalanceTooLowOpensNoPage(t *testing.T) {
	s := openStage(t, "", quick())
	s.world.CloudESIM.SetBalance(decimal.Zero)
	s.say("/start p_" + s.alone(esim.CloudESIM).Ref())
	s.press("Buy")
	s.sees("Nothing was charged")
	if n := len(s.world.Stripe.Sessions()); n != 0 {
		t.Errorf("%d payment pages were opened", n)
	}
}

// A provider that is down is noticed before the customer pays, and its twin sells instead.
func TestProviderDownBeforePayment(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		s := openStage(t, "", quick())
		plan := s.alone(esim.CloudESIM)
		mood(t, s.world.CloudESIM.Fault, fault.Dead, "", 0)
		s.say("/start p_" + plan.Ref())
		s.press("Buy")
		s.sees("Nothing was charged")
		s.expect(0, 0)
	})
	t.Run("twin", func(t *testing.T) {
		s := openStage(t, "", quick())
		plan := s.twin(esim.Mobilexy)
		mood(t, s.world.Mobilexy.Fault, fault.Dead, "", 0)
		s.say("/start p_" + plan.Ref())
		s.press("Buy")
		s.sees("The price has changed") // the twin's is another, and the customer is asked
		s.press("Go on")
		s.pay()
		s.photo()
		if len(s.sold(esim.CloudESIM)) != 1 {
			t.Error("the twin was not bought")
		}
	})
}

// Dearer since it was shown: old and new stand there, and the customer is asked again.
func TestPriceRoseIsAskedAgain(t *testing.T) {
	s := openStage(t, "", quick())
	plan := s.alone(esim.CloudESIM)
	if err := s.world.CloudESIM.SetPrice(plan.ID, plan.Wholesale.Add(decimal.NewFromInt(2))); err != nil {
		t.Fatal(err)
	}
	fresh, err := s.app.cfg.Pricing.Retail(plan.Wholesale.Add(decimal.NewFromInt(2)))
	if err != nil {
		t.Fatal(err)
	}
	l := s.english()
	s.say("/start p_" + plan.Ref())
	s.press("Buy · " + l.Money(plan.Retail))
	asked := s.sees(l.Money(fresh))
	if !strings.Contains(asked.Body(), l.Money(plan.Retail)) {
		t.Errorf("the old price is not named: %s", asked.Body())
	}
	if n := len(s.world.Stripe.Sessions()); n != 0 {
		t.Errorf("%d pages were opened before the customer agreed", n)
	}
	s.press(l.Money(fresh))
	s.pay()
	s.photo()
	if got := s.world.Stripe.Sessions()[0].Amount; got != fresh.Minor {
		t.Errorf("charged %d, want %d", got, fresh.Minor)
	}
}

// The same event many times at once buys once.
func TestEventRepeated(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	s.world.Stripe.DuplicateWebhooks(100)
	s.pay()
	s.photo()
	s.sees("Ready")
	s.expect(1, 0)
}

// The webhook never comes: the reconciliation finds the payment.
func TestEventLost(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	s.world.Stripe.DropWebhooks(true)
	s.pay()
	s.photo()
	s.expect(1, 0)
}

// Two taps on Buy, and an update brought twice, end at one order.
func TestBuyTappedTwice(t *testing.T) {
	s := openStage(t, "", quick())
	plan := s.planOf(esim.CloudESIM)
	s.say("/start p_" + plan.Ref())
	s.press("Buy")
	update := s.world.Telegram.LastUpdate()
	_, _ = s.world.Telegram.PressButton(customer, "Buy") // gone already where the shop was quick
	s.world.Telegram.Redeliver(update)
	s.payLink()
	s.until("quiet", func() bool { return s.world.Telegram.Pending() == 0 })
	if n := len(s.world.Stripe.Sessions()); n != 1 {
		t.Errorf("%d payment pages, want one", n)
	}
}

// The page runs out: nothing was charged, and one tap tries again.
func TestPageExpires(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	s.world.Clock.Advance(40 * time.Minute)
	s.sees("nothing was charged")
	s.eventually("the order's end", func() bool {
		list, err := s.app.orders.List(s.ctx, customer)
		return err == nil && len(list) == 1 && list[0].State.Finished()
	})
	s.press("Try again")
	s.pay()
	s.photo()
	s.expect(1, 0)
}

// A declined card stays on Stripe's page; the next one pays.
func TestCardDeclined(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	if err := s.world.Stripe.Decline(sessionIn(s.payLink())); err != nil {
		t.Fatal(err)
	}
	s.pay()
	s.photo()
	s.expect(1, 0)
}

// A slow payment method: complete and unpaid waits; the money decides.
func TestPaidLater(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	id := sessionIn(s.payLink())
	if err := s.world.Stripe.PayAsync(id); err != nil {
		t.Fatal(err)
	}
	s.eventually("the events", func() bool { return delivered(s.world.Stripe.Events()) })
	s.expect(0, 0)
	if err := s.world.Stripe.SettleAsync(id, true); err != nil {
		t.Fatal(err)
	}
	s.photo()
	s.expect(1, 0)
}

// eventually waits for what Telegram doesn't see.
func (s *stage) eventually(what string, met func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); !met(); {
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

// A payment that is not what was asked for is looked at by a person.
func TestAmountMismatch(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	id := sessionIn(s.payLink())
	if err := s.world.Stripe.Tamper(id, func(cs *stripe.Session) { cs.Amount-- }); err != nil {
		t.Fatal(err)
	}
	s.pay()
	s.sees("a person is looking at it")
	s.expect(0, 0)
}
