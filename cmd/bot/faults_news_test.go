package main

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/orders"
	"esimbot/sandbox/stripe"
	"esimbot/store/storetest"
)

// What Stripe tells when Redis has forgotten the order, or the secret that proves it was Stripe.

// The webhook's secret is lost with Redis: the route says 503, the admins hear of it though Stripe
// never calls, payments are polled, setup mends it, and the running shop takes the new secret.
func TestFault33SecretLost(t *testing.T) {
	t.Parallel()
	redis := storetest.Start(t).URL()
	s := openStage(t, redis, map[string]string{"STRIPE_WEBHOOK_SECRET": "", "RECONCILE_INTERVAL": "1s"})
	s.admin()
	setup := func() {
		t.Helper()
		again, err := newApp(s.ctx, s.app.cfg, options{now: s.world.Clock.Now, log: s.app.log, registry: newRegistry(), local: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = again.Close() }()
		var out bytes.Buffer
		if err := again.setup(s.ctx, output{&out}); err != nil || !strings.Contains(out.String(), "its secret is kept in Redis") {
			t.Fatalf("setup: %s, %v", &out, err)
		}
	}
	alarm := func() int { return strings.Count(s.seen(1000), "webhook has no secret") }
	s.eventually("an alert", func() bool { return alarm() == 1 })
	setup()
	s.eventually("the secret", func() bool { return len(s.app.secrets.get()) == 1 })
	if got := s.bring([]byte(`{}`), ""); got != http.StatusBadRequest {
		t.Errorf("a forged event: %d", got)
	}
	before := alarm()
	flushAll(t, redis)
	s.eventually("another alert", func() bool { return alarm() > before })
	if got := s.bring([]byte(`{}`), ""); got != http.StatusServiceUnavailable {
		t.Errorf("an event without a secret: %d", got)
	}
	all := s.patrons(2)
	p, q := all[0], all[1]
	p.pays(p.order()) // its events find nobody
	p.is(orders.Delivered)
	setup()
	s.eventually("the secret", func() bool { return len(s.app.secrets.get()) == 1 })
	if got := s.bring([]byte(`{}`), ""); got != http.StatusBadRequest {
		t.Errorf("a forged event after the mend: %d", got)
	}
	taken := func() bool {
		return slices.ContainsFunc(s.world.Stripe.Events(), func(e stripe.Event) bool { return e.Type == orders.EventCompleted && e.Delivered > 0 })
	}
	if taken() {
		t.Error("an event was taken without a secret")
	}
	q.pays(q.order())
	q.is(orders.Delivered)
	s.eventually("its event", taken)
	if alarm() != before+1 {
		t.Errorf("told %d times of one matter", alarm()-before)
	}
	s.expect(2, 0)
}

// The money of an order that was rebuilt is refunded or disputed late, or was before anybody told:
// nothing is bought.
func TestFault35NewsOfMoneyForARebuiltOrder(t *testing.T) {
	t.Parallel()
	for _, dropped := range []bool{true, false} {
		redis := storetest.Start(t).URL()
		s := openStage(t, redis, map[string]string{"RECONCILE_INTERVAL": "1h", "SWEEP_INTERVAL": "24h"})
		all := s.patrons(4)
		lateRefund, lateDispute, earlyRefund, earlyDispute := all[0], all[1], all[2], all[3]
		sessions, intents := map[*patron]string{}, map[*patron]string{}
		for _, p := range all {
			sessions[p] = p.order()
		}
		s.world.CloudESIM.SetBalance(decimal.Zero) // so that nothing is bought until the news are out
		s.world.Stripe.DropWebhooks(true)
		for _, p := range all {
			p.pays(sessions[p])
			paid, _ := s.world.Stripe.Session(sessions[p])
			intents[p] = paid.Intent
		}
		s.goesBack(earlyRefund, intents)
		s.complains(earlyDispute, intents)
		flushAll(t, redis)
		if err := s.app.orders.SweepIfDue(s.ctx); err != nil {
			t.Fatal(err)
		}
		earlyRefund.is(orders.Refunded)
		earlyDispute.is(orders.Review)
		for _, p := range []*patron{lateRefund, lateDispute} {
			s.eventually("the order to be held", func() bool { return p.is(orders.Paid).Reason == orders.ReasonBalance })
		}
		s.world.Stripe.DropWebhooks(dropped)
		s.goesBack(lateRefund, intents)
		s.complains(lateDispute, intents)
		if !dropped {
			lateRefund.is(orders.Refunded)
			lateDispute.is(orders.Review)
		}
		s.world.CloudESIM.SetBalance(decimal.NewFromInt(1000))
		s.world.Clock.Advance(61 * time.Minute)
		lateRefund.is(orders.Refunded)
		lateDispute.is(orders.Review)
		s.expect(0, earlyRefund.plan.Retail.Minor+lateRefund.plan.Retail.Minor)
	}
}

func (s *stage) goesBack(p *patron, intents map[*patron]string) {
	s.t.Helper()
	if _, err := s.world.Stripe.Refund(intents[p], 0); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) complains(p *patron, intents map[*patron]string) {
	s.t.Helper()
	if _, err := s.world.Stripe.Dispute(intents[p], ""); err != nil {
		s.t.Fatal(err)
	}
}
