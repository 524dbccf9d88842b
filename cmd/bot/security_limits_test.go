package main

import (
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
)

// TestLimitsOfACustomer: a customer has five payment pages open at most, and before their first eSIM no more
// than three paid orders a day; each payment of theirs until then asks for 3-D Secure. Once they have one,
// neither holds them up.
func TestLimitsOfACustomer(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick(map[string]string{"HOLD_DEADLINE": "24h"}))
	plans := s.patrons(7)
	wants := func(who int64, plan esim.Plan) *patron {
		s.world.Clock.Advance(20 * time.Second) // nobody taps as fast as a test
		return &patron{stage: s, id: who, plan: plan}
	}
	refused := func(p *patron) {
		t.Helper()
		pages := len(s.world.Stripe.Sessions())
		p.say("/start p_" + p.plan.Ref())
		p.press("Buy")
		p.eventually("a refusal", func() bool { return strings.Contains(p.seen(p.id), "Several of your orders are open") })
		if n := len(s.world.Stripe.Sessions()); n != pages {
			t.Errorf("%d payment pages more were opened", n-pages)
		}
	}
	const opener, payer = 3001, 3002
	for _, who := range []int64{opener, payer} {
		s.world.Telegram.AddUser(telegram.User{ID: who, FirstName: "Customer", LanguageCode: "en"})
	}
	opened := map[string]bool{}
	for i := range 5 {
		p := wants(opener, plans[i].plan)
		p.say("/start p_" + p.plan.Ref())
		p.press("Buy")
		p.eventually("another page", func() bool {
			_, b, _ := s.world.Telegram.FindButton(opener, "Pay")
			id := sessionIn(b.URL)
			known := opened[id]
			if b.URL != "" {
				opened[id] = true
			}
			return b.URL != "" && !known
		})
	}
	refused(wants(opener, plans[5].plan))

	s.world.CloudESIM.ProvisionAfter(time.Hour) // so long are paid orders without an eSIM
	for i := range 3 {
		p := wants(payer, plans[i].plan)
		session := p.order()
		p.pays(session)
		p.eventually("the payment", func() bool {
			cs, ok := s.world.Stripe.Session(session)
			o, err := s.app.store.Orders().Load(s.ctx, orders.ID(cs.Reference))
			return ok && err == nil && o.State == orders.Provisioning
		})
	}
	refused(wants(payer, plans[3].plan))
	if asked := s.strict(); asked != 8 {
		t.Errorf("%d pages asked for 3-D Secure, want all 8 of people without an eSIM", asked)
	}
	s.world.Clock.Advance(2 * time.Hour)
	first := wants(payer, plans[4].plan)
	first.eventually("three eSIMs", func() bool {
		list, err := s.app.store.ESIMs().ByCustomer(s.ctx, payer)
		return err == nil && len(list) == 3
	})
	first.order()
	if asked := s.strict(); asked != 8 {
		t.Errorf("%d pages asked for 3-D Secure: one of somebody who has an eSIM", asked)
	}
}

// strict counts the payment pages that ask for 3-D Secure whatever the card.
func (s *stage) strict() (n int) {
	for _, r := range s.world.Stripe.Requests() {
		if r.Form.Get("payment_method_options[card][request_three_d_secure]") == "any" && !r.Replayed {
			n++
		}
	}
	return n
}

// TestFloodIsSlowed: who floods is asked for patience, once, and is served again when they have calmed
// down; nobody else notices.
func TestFloodIsSlowed(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	s.world.Telegram.AddUser(telegram.User{ID: 3003, FirstName: "Customer", LanguageCode: "en"})
	for range 40 {
		if _, err := s.world.Telegram.SendText(3003, "/help"); err != nil {
			t.Fatal(err)
		}
	}
	s.say("/start")
	s.sees("Data for your trip")
	s.quiet()
	if n := strings.Count(s.seen(3003), "A little slower"); n != 1 {
		t.Errorf("asked for patience %d times", n)
	}
	if n := strings.Count(s.seen(3003), "How it works"); n < 5 || n > 35 {
		t.Errorf("%d of 40 were answered", n)
	}
	s.world.Clock.Advance(time.Minute)
	if _, err := s.world.Telegram.SendText(3003, "/terms"); err != nil {
		t.Fatal(err)
	}
	s.until("an answer again", func() bool { return strings.Contains(s.seen(3003), "Terms in short") })
}

// TestFraudWarningLeadsToARefund: Stripe's early warning comes to the admins with a button, which leads to
// the offer of a refund.
func TestFraudWarningLeadsToARefund(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	s.admin()
	s.buy(s.planOf(esim.CloudESIM))
	o := s.becomes(orders.Delivered)
	if _, err := s.world.Stripe.WarnOfFraud(o.Payment.Intent); err != nil {
		t.Fatal(err)
	}
	s.alerted("warns of fraud", 1)
	boss := s.as(t, admin)
	boss.press("Refund")
	boss.sees("goes back, all that is left")
	boss.press("Refund $")
	s.becomes(orders.Refunded)
}
