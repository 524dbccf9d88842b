package main

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
)

// What goes wrong in everyday trade, before anybody paid for the most part.

// The provider refuses and nobody else sells the same: the money goes back by itself.
func TestPurchaseRejectedIsRefunded(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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

// A provider that is down is noticed before the customer pays, and its twin sells instead.
func TestProviderDownBeforePayment(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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

// The page runs out: nothing was charged, and one tap tries again.
func TestPageExpires(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	s.triesAgain(func() { s.world.Clock.Advance(40 * time.Minute) })
	s.expect(1, 0)
}

// triesAgain has the customer's page run out, and the customer pay on the next.
func (s *stage) triesAgain(runsOut func()) {
	s.t.Helper()
	s.order(s.planOf(esim.CloudESIM))
	runsOut()
	s.sees("nothing was charged")
	s.becomes(orders.Expired)
	s.press("Try again")
	s.pay()
	s.photo()
}

// A declined card stays on Stripe's page; the next one pays.
func TestCardDeclined(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	s.declined()
	s.expect(1, 0)
}

// declined has the customer try a card that is refused, and then another.
func (s *stage) declined() {
	s.t.Helper()
	s.order(s.planOf(esim.CloudESIM))
	if err := s.world.Stripe.Decline(sessionIn(s.payLink())); err != nil {
		s.t.Fatal(err)
	}
	s.pay()
	s.photo()
}
