package main

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/stripe"
	"esimbot/store/storetest"
)

// deaf is a shop that only looks by itself when it is made to: what it hears of, Stripe tells.
func deaf() map[string]string {
	return map[string]string{"RECONCILE_INTERVAL": "1h", "SWEEP_INTERVAL": "24h"}
}

// bring posts an event's payload to the shop under a signature, and returns the answer's status.
func (s *stage) bring(payload []byte, signature string) int {
	s.t.Helper()
	return s.post("/stripe/webhook", "Stripe-Signature", signature, payload)
}

// post brings something to one of the shop's doors, with one header, and returns the answer's status;
// 0 without an answer.
func (s *stage) post(door, header, value string, body []byte) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.base+door, bytes.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	if value != "" {
		req.Header.Set(header, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if err := resp.Body.Close(); err != nil {
		s.t.Error(err)
	}
	return resp.StatusCode
}

// signed is the header that proves a payload to be Stripe's.
func signed(payload []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: at}).Header
}

// paidEvent returns the payload of the newest event that tells of a payment, delivered or not.
func (s *stage) paidEvent() []byte {
	s.t.Helper()
	events := s.world.Stripe.Events()
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Type == orders.EventCompleted {
			payload, err := s.world.Stripe.Payload(events[i].ID)
			if err != nil {
				s.t.Fatal(err)
			}
			return payload
		}
	}
	s.t.Fatal("nobody has paid")
	return nil
}

// The same event a hundred times at once: one payment, one purchase.
func TestFault10EventRepeated(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", deaf())
	s.order(s.planOf(esim.CloudESIM))
	s.world.Stripe.DropWebhooks(true)
	s.pay()
	payload := s.paidEvent()
	header := signed(payload, s.app.cfg.StripeSecrets[0], s.world.Clock.Now())
	start := make(chan struct{})
	var all sync.WaitGroup
	var statuses [100]int
	for i := range statuses {
		all.Go(func() {
			<-start
			statuses[i] = s.bring(payload, header)
		})
	}
	close(start)
	all.Wait()
	s.photo()
	o := s.becomes(orders.Delivered)
	taken := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			taken++
		} else if status < 500 { // who lost the race is asked to come again
			t.Errorf("an answer of %d", status)
		}
	}
	if got := s.bring(payload, header); got != http.StatusOK || taken == 0 {
		t.Errorf("taken %d times, then answered %d", taken, got)
	}
	if n := s.timesPaid(o.ID); n != 1 {
		t.Errorf("paid %d times", n)
	}
	s.expect(1, 0)
}

// timesPaid is how often an order became paid from waiting for payment.
func (s *stage) timesPaid(id orders.ID) (n int) {
	s.t.Helper()
	log, err := s.app.store.Orders().Log(s.ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range log {
		if e.To == orders.Paid && (e.From == orders.AwaitingPayment || e.From == orders.Expired) {
			n++
		}
	}
	return n
}

// The event arrives before the Session's id was saved, and for an order that Redis has never heard of:
// it is found by what Stripe was told.
func TestFault11EventBeforeTheSession(t *testing.T) {
	t.Parallel()
	redis := storetest.Start(t).URL()
	s := openStage(t, redis, deaf())
	p := s.patrons(1)[0]
	session := p.order()
	flushAll(t, redis)
	p.pays(session)
	p.is(orders.Delivered)
	s.expect(1, 0)
}

// Redirect, webhook and sweep at the same moment: one payment, one purchase.
func TestFault12EverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	all := s.patrons(5)
	for _, p := range all {
		session := p.order()
		o := p.is(orders.AwaitingPayment)
		s.world.Stripe.DuplicateWebhooks(20)
		go func() { _ = s.app.orders.SweepIfDue(s.ctx) }() // there may be one under way
		p.pays(session)
		p.say("/start o_" + string(o.ID))
		if err := s.app.store.Release(s.ctx, "sweep"); err != nil {
			t.Fatal(err)
		}
		_ = s.app.orders.SweepIfDue(s.ctx) // may lose the race, and come again
		o = p.is(orders.Delivered)
		paid := s.timesPaid(o.ID)
		if paid != 1 || len(p.codes()) != 1 {
			t.Errorf("paid %d times, %d codes", paid, len(p.codes()))
		}
	}
	s.expect(len(all), 0)
}

// The webhook never comes, and nobody looks at the single order: the sweep finds the payment, within
// two intervals, also where Redis has lost the order.
func TestFault13OnlyTheSweepSeesIt(t *testing.T) {
	t.Parallel()
	redis := storetest.Start(t).URL()
	s := openStage(t, redis, map[string]string{"RECONCILE_INTERVAL": "1h", "SWEEP_INTERVAL": "1m"})
	all := s.patrons(2)
	s.world.Stripe.DropWebhooks(true)
	kept, lost := all[0], all[1]
	session := lost.order()
	flushAll(t, redis)
	kept.pays(kept.order())
	lost.pays(session)
	s.expect(0, 0)
	if err := s.app.store.Release(s.ctx, "sweep"); err != nil { // its minute has passed
		t.Fatal(err)
	}
	if err := s.app.orders.SweepIfDue(s.ctx); err != nil {
		t.Fatal(err)
	}
	kept.is(orders.Delivered)
	lost.is(orders.Delivered)
	s.expect(2, 0)
}

// The webhook never comes, and two intervals later the payment is found.
func TestFault13WebhookNeverComes(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", map[string]string{"RECONCILE_INTERVAL": "10m", "SWEEP_INTERVAL": "24h"})
	s.order(s.planOf(esim.CloudESIM))
	s.world.Stripe.DropWebhooks(true)
	s.pay()
	s.world.Clock.Advance(2 * 10 * time.Minute)
	s.photo()
	s.becomes(orders.Delivered)
	s.expect(1, 0)
}

// A slow payment method: a page that is complete and unpaid buys nothing. What the bank says in the
// end decides.
func TestFault14PaidSlowly(t *testing.T) {
	t.Parallel()
	for _, ok := range []bool{true, false} {
		t.Run(map[bool]string{true: "success", false: "failure"}[ok], func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.order(s.planOf(esim.CloudESIM))
			id := sessionIn(s.payLink())
			if err := s.world.Stripe.PayAsync(id); err != nil {
				t.Fatal(err)
			}
			s.eventually("the events", func() bool { return delivered(s.world.Stripe.Events()) })
			s.becomes(orders.AwaitingPayment)
			s.expect(0, 0)
			if err := s.world.Stripe.SettleAsync(id, ok); err != nil {
				t.Fatal(err)
			}
			if ok {
				s.photo()
				s.becomes(orders.Delivered)
				s.expect(1, 0)
				return
			}
			s.sees("nothing was charged")
			s.becomes(orders.Expired)
			s.expect(0, 0)
		})
	}
}

// An event that is forged, altered, old, or signed with another secret is turned away, and leaves
// nothing in Redis. The same event with its own signature is taken.
func TestFault15Forged(t *testing.T) {
	t.Parallel()
	redis := storetest.Redis(t)
	s := openStage(t, redis, deaf())
	s.order(s.planOf(esim.CloudESIM))
	s.world.Stripe.DropWebhooks(true)
	s.pay()
	s.quiet()
	payload, now, secret := s.paidEvent(), s.world.Clock.Now(), s.app.cfg.StripeSecrets[0]
	right := signed(payload, secret, now)
	before := everything(t, redis)
	for name, forged := range map[string]struct {
		payload   []byte
		signature string
	}{
		"none":         {payload, ""},
		"nonsense":     {payload, "t=1,v1=00"},
		"wrong secret": {payload, signed(payload, "whsec_anotherSecret", now)},
		"old":          {payload, signed(payload, secret, now.Add(-time.Hour))},
		"altered":      {bytes.Replace(payload, []byte(`"livemode":`), []byte(`"livemode" :`), 1), right},
		"another's":    {[]byte(`{}`), right},
	} {
		if bytes.Equal(forged.payload, payload) && forged.signature == right {
			t.Fatalf("%s is not forged", name)
		}
		if got := s.bring(forged.payload, forged.signature); got != http.StatusBadRequest {
			t.Errorf("%s: answered %d, want 400", name, got)
		}
	}
	if after := everything(t, redis); before != after {
		t.Errorf("something was written:\n%s\nand before:\n%s", after, before)
	}
	s.becomes(orders.AwaitingPayment)
	if got := s.bring(payload, right); got != http.StatusOK {
		t.Errorf("the true one: answered %d", got)
	}
	s.photo()
	s.expect(1, 0)
}

// A payment that is not what was asked for is looked at by a person; nothing is bought.
func TestFault16Mismatch(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*stripe.Session){
		"less":      func(cs *stripe.Session) { cs.Amount-- },
		"more":      func(cs *stripe.Session) { cs.Amount++ },
		"currency":  func(cs *stripe.Session) { cs.Currency = "eur" },
		"live mode": func(cs *stripe.Session) { cs.LiveMode = !cs.LiveMode },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.order(s.planOf(esim.CloudESIM))
			if err := s.world.Stripe.Tamper(sessionIn(s.payLink()), change); err != nil {
				t.Fatal(err)
			}
			s.pay()
			s.sees("a person is looking at it")
			s.alerted("An order needs a decision", 1)
			if o := s.becomes(orders.Review); o.Reason != orders.ReasonAmount && o.Reason != orders.ReasonLiveMode {
				t.Errorf("the reason is %s", o.Reason)
			}
			s.expect(0, 0)
		})
	}
}

// Paid after the page ran out here: the money is taken as any other, by whichever way it is heard of.
func TestFault17PaidAfterExpiry(t *testing.T) {
	t.Parallel()
	for _, dropped := range []bool{false, true} {
		t.Run(map[bool]string{false: "webhook", true: "sweep"}[dropped], func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.order(s.planOf(esim.CloudESIM))
			session := sessionIn(s.payLink())
			s.press("Cancel")
			s.becomes(orders.Expired)
			s.world.Stripe.DropWebhooks(dropped)
			if err := s.world.Stripe.PayLate(session); err != nil {
				t.Fatal(err)
			}
			if dropped {
				if err := s.app.store.Release(s.ctx, "sweep"); err != nil { // its hour has passed
					t.Fatal(err)
				}
				if err := s.app.orders.SweepIfDue(s.ctx); err != nil {
					t.Fatal(err)
				}
			}
			s.photo()
			s.becomes(orders.Delivered)
			s.expect(1, 0)
		})
	}
}
