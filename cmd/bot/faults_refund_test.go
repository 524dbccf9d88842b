package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
	"esimbot/sandbox/wholesale"
)

// patient lets a provider take its time, for a call that a test holds.
func patient() map[string]string {
	return quick(map[string]string{"PROVIDER_TIMEOUT": "60s", "ORDER_LEASE": "90s"})
}

// wants sends an admin's words, and waits until one of the texts is the answer.
func (s *stage) wants(admin int64, words string, answers ...string) {
	s.t.Helper()
	if _, err := s.world.Telegram.SendText(admin, words); err != nil {
		s.t.Fatal(err)
	}
	s.reads(admin, answers...)
}

// reads waits until an admin reads one of the texts.
func (s *stage) reads(admin int64, texts ...string) {
	s.t.Helper()
	s.until(strings.Join(texts, " or "), func() bool {
		chat := s.seen(admin)
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(chat, text) })
	})
}

// Two admins confirm the same refund at once: one begins, the other is told, and the eSIM's money goes
// back once.
func TestFault24TwoAdminsRefund(t *testing.T) {
	t.Parallel()
	const second = 1010
	s := openStage(t, "", quick(map[string]string{"ADMIN_IDS": "1000,1010"}))
	s.world.Telegram.AddUser(telegram.User{ID: second, FirstName: "Second admin", LanguageCode: "en", Started: true})
	plan := s.planOf(esim.CloudESIM)
	s.buy(plan)
	o := s.becomes(orders.Delivered)
	admins := []int64{admin, second}
	for _, a := range admins {
		s.wants(a, "/refund "+o.ID.String(), "goes back, all that is left")
	}
	for _, a := range admins {
		if _, err := s.world.Telegram.PressButton(a, "Refund $"); err != nil {
			t.Fatal(err)
		}
	}
	s.becomes(orders.Refunded)
	s.quiet()
	var begun, told int
	for _, a := range admins {
		if strings.Contains(s.refusals(a), "Nothing") {
			told++
		} else {
			begun++
		}
	}
	if begun != 1 || told != 1 {
		t.Errorf("%d began, %d were told:\n%s\n%s", begun, told, s.seen(admin), s.seen(second))
	}
	s.expect(1, plan.Retail.Minor)
	if n := len(s.world.Stripe.Refunds()); n != 1 {
		t.Errorf("%d refunds", n)
	}
}

// refusals are what an admin was denied.
func (s *stage) refusals(admin int64) string {
	var all strings.Builder
	for _, m := range s.world.Telegram.Messages(admin) {
		for _, no := range []string{"Nothing new was begun", "Nothing was refunded", "Nothing was done"} {
			if strings.Contains(m.Body(), no) {
				all.WriteString(m.Body())
			}
		}
	}
	return all.String()
}

// A refund wished for while the eSIM is being bought is refused with the reason; afterwards it is
// possible.
func TestFault24RefundWhilePurchasing(t *testing.T) {
	t.Parallel()
	s, r := openBetween(t, "", patient(), "cloudesim")
	plan := s.alone(esim.CloudESIM)
	s.order(plan)
	purchase := r.hold("POST cloudesim/api/v1/esim/order")
	s.pay()
	purchase.await(t)
	o := s.becomes(orders.Purchasing)
	s.wants(admin, "/refund "+o.ID.String(), "being bought at this very moment")
	s.expect(0, 0)
	purchase.release()
	s.photo()
	s.becomes(orders.Delivered)
	s.wants(admin, "/refund "+o.ID.String(), "goes back, all that is left")
	if _, err := s.world.Telegram.PressButton(admin, "Refund $"); err != nil {
		t.Fatal(err)
	}
	s.becomes(orders.Refunded)
	s.expect(1, plan.Retail.Minor)
}

// The money goes back from the Dashboard while the eSIM is being bought: what was bought is stored
// and waits for an admin; it isn't delivered, and no more goes back.
func TestFault24DashboardRefundWhilePurchasing(t *testing.T) {
	t.Parallel()
	s, r := openBetween(t, "", patient(), "cloudesim")
	plan := s.alone(esim.CloudESIM)
	s.order(plan)
	purchase := r.hold("POST cloudesim/api/v1/esim/order")
	s.pay()
	purchase.await(t)
	o := s.becomes(orders.Purchasing)
	if _, err := s.world.Stripe.Refund(o.Payment.Intent, 0); err != nil {
		t.Fatal(err)
	}
	s.eventually("the news of it", func() bool { return !s.now().Refund.Total.IsZero() })
	purchase.release()
	o = s.becomes(orders.Review)
	s.alerted("An order needs a decision", 1)
	if o.Bought == nil || o.Bought.Profile.Code.Reveal() != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("what was bought is not stored")
	}
	if n := len(s.photos(customer)); n != 0 {
		t.Errorf("%d photos were sent", n)
	}
	s.expect(1, plan.Retail.Minor)
}

// A top-up's refund leaves the eSIM as it is.
func TestFault24RefundOfATopUp(t *testing.T) {
	t.Parallel()
	s, r := openBetween(t, "", quick(), "cloudesim")
	s.buy(s.planOf(esim.CloudESIM))
	base := s.becomes(orders.Delivered)
	topUp := s.toppedUp(&base)
	before := s.profile(&base)
	r.armFor(false, never)
	s.wants(admin, "/refund "+topUp.ID.String(), "goes back, all that is left")
	if _, err := s.world.Telegram.PressButton(admin, "Refund $"); err != nil {
		t.Fatal(err)
	}
	s.eventually("the refund", func() bool { return s.again(topUp).State == orders.Refunded })
	if after := s.profile(&base); after.State != before.State || after.TotalBytes != before.TotalBytes {
		t.Errorf("the eSIM was %s with %d bytes, and is %s with %d", before.State, before.TotalBytes, after.State, after.TotalBytes)
	}
	if seen, _ := r.counted(); slices.ContainsFunc(seen, func(deed string) bool { return strings.Contains(deed, "cancel") }) {
		t.Errorf("the provider was asked to take it back: %q", seen)
	}
	s.expect(1, topUp.Payment.Received.Minor)
	if got := s.again(&base); got.State != orders.Delivered {
		t.Errorf("the eSIM's own order is %s", got.State)
	}
}

// topping opens a top-up's payment page for the eSIM that an order of CloudeSIM's bought.
func (s *stage) topping(base *orders.Order) *orders.Order {
	s.t.Helper()
	draft := orders.Draft{ID: topUpID(base.Customer), Kind: orders.KindTopUp, Customer: base.Customer, Language: "en", Plan: s.topUpPlan(s.profile(base)), ESIM: base.ID}
	o, err := s.app.orders.Open(s.ctx, draft)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// toppedUp has the customer buy a top-up and returns it delivered.
func (s *stage) toppedUp(base *orders.Order) *orders.Order {
	s.t.Helper()
	o := s.topping(base)
	if err := s.world.Stripe.Pay(o.Checkout.SessionID); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the top-up", func() bool { return s.again(o).State == orders.Delivered })
	return s.again(o)
}

// again reads an order as it is now.
func (s *stage) again(o *orders.Order) *orders.Order {
	s.t.Helper()
	now, err := s.app.orders.Get(s.ctx, o.ID, o.Customer)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

// TestKillFault24CancelRepeated kills the shop when the provider has taken the eSIM back and nobody
// has heard it: asked again it refuses, which counts as done, and the money goes back once.
func TestKillFault24CancelRepeated(t *testing.T) {
	t.Parallel()
	f := openFleet(t, durableRedis(t), 1, nil)
	o := f.owned(customer)
	f.tell(admin, "/refund "+o.ID.String())
	f.offered(admin, o)
	f.reaper.armAt("POST cloudesim/api/v1/esim/cancel", true)
	f.tap(admin, "Refund $")
	f.eventually("the kill", func() bool { return f.reaper.hit() && len(f.alive()) == 0 })
	if e := f.profile(o); e.State != wholesale.Cancelled {
		t.Errorf("the eSIM is %s", e.State)
	}
	f.expect(1, 0)
	f.revive()
	f.eventually("the refund", func() bool { return f.again(o).State == orders.Refunded })
	f.expect(1, o.Payment.Received.Minor)
	if n := len(f.world.Stripe.Refunds()); n != 1 {
		t.Errorf("%d refunds", n)
	}
}

// rejected has a customer pay for what the provider doesn't sell any more, so that the money goes back
// by itself, and returns how much.
func (s *stage) rejected() int64 {
	s.t.Helper()
	plan := s.alone(esim.CloudESIM)
	s.order(plan)
	if err := s.world.CloudESIM.RemovePlan(plan.ID); err != nil {
		s.t.Fatal(err)
	}
	s.pay()
	return plan.Retail.Minor
}

// keys are the idempotency keys under which refunds were asked for, each once.
func (s *stage) keys() (keys []string) {
	for _, r := range s.world.Stripe.Requests() {
		if r.Method == http.MethodPost && r.Path == "/v1/refunds" && !slices.Contains(keys, r.IdempotencyKey) {
			keys = append(keys, r.IdempotencyKey)
		}
	}
	return keys
}

// Stripe doesn't answer to a refund, whether it was made, will be, or not: it is asked for under the
// same key, and the money goes back once.
func TestFault25RefundTimesOut(t *testing.T) {
	t.Parallel()
	check := func(s *stage, amount int64) {
		s.t.Helper()
		s.sees("Your money went back")
		s.becomes(orders.Refunded)
		s.expect(0, amount)
		if keys := s.keys(); len(keys) != 1 || len(s.world.Stripe.Refunds()) != 1 {
			s.t.Errorf("%d refunds under the keys %q", len(s.world.Stripe.Refunds()), keys)
		}
	}
	for _, made := range []bool{false, true} {
		t.Run(map[bool]string{false: "not made", true: "made"}[made], func(t *testing.T) {
			t.Parallel()
			s, r := openBetween(t, "", quick(), "stripe")
			r.armAt("POST stripe/v1/refunds", made)
			check(s, s.rejected())
			if !r.hit() {
				t.Error("every call was answered")
			}
		})
	}
	t.Run("made later", func(t *testing.T) {
		t.Parallel()
		s, r := openBetween(t, "", quick(), "stripe")
		late := r.hold("POST stripe/v1/refunds")
		amount := s.rejected()
		late.await(t)
		r.cut()
		check(s, amount)
		calls := len(s.world.Stripe.Requests())
		late.release()
		s.eventually("what comes late", func() bool { return len(s.world.Stripe.Requests()) > calls })
		check(s, amount)
	})
}

// Stripe answers 500 to a refund and keeps that under its key, whether it was made or not: it is read
// back, and asked for under a new key only where nothing was made.
func TestFault34RefundFailsForGood(t *testing.T) {
	t.Parallel()
	for _, made := range []bool{false, true} {
		t.Run(map[bool]string{false: "not made", true: "made"}[made], func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.world.Stripe.FailStored("POST /v1/refunds", 1, made)
			amount := s.rejected()
			s.sees("Your money went back")
			s.becomes(orders.Refunded)
			s.expect(0, amount)
			if keys := s.keys(); len(s.world.Stripe.Refunds()) != 1 || made != (len(keys) == 1) {
				t.Errorf("%d refunds under the keys %q", len(s.world.Stripe.Refunds()), keys)
			}
		})
	}
}
