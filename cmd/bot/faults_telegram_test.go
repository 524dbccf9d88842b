package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
)

// never is a reaper's patience that has no end: it only counts.
func never(string, int) bool { return false }

// Telegram asks for patience, for a moment or for an hour: it is left alone so long, and then the
// customer has the eSIM.
func TestFault21TelegramAsksForPatience(t *testing.T) {
	t.Parallel()
	for _, asked := range []time.Duration{2 * time.Second, time.Hour} {
		t.Run(asked.String(), func(t *testing.T) {
			t.Parallel()
			s, r := openBetween(t, "", quick(), "telegram")
			s.order(s.planOf(esim.CloudESIM))
			if err := s.world.Telegram.Fault.Set(fault.Rule{Mood: fault.Limited, Path: "sendPhoto", Delay: asked}); err != nil {
				t.Fatal(err)
			}
			r.armFor(false, never)
			tries := func() (n int) {
				seen, _ := r.counted()
				for _, deed := range seen {
					if strings.HasSuffix(deed, "/sendPhoto") {
						n++
					}
				}
				return n
			}
			s.pay()
			s.eventually("a try", func() bool { return tries() > 0 })
			if asked > time.Minute {
				s.eventually("the order to rest", func() bool {
					o := s.now()
					return o.State == orders.Issued && o.Tries > 0 && !o.Lease.Held(s.world.Clock.Now())
				})
				s.world.Clock.Advance(asked)
			}
			s.photo()
			s.becomes(orders.Delivered)
			s.expect(1, 0)
			if n := tries(); n > 4 {
				t.Errorf("asked for patience, it was tried %d times", n)
			}
		})
	}
}

// A customer who blocked the bot keeps the order, and hears no more of it. Who comes back finds the
// eSIM.
func TestFault22CustomerBlocked(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	plan := s.planOf(esim.CloudESIM)
	s.order(plan)
	session := sessionIn(s.payLink())
	s.world.Telegram.Block(customer)
	if err := s.world.Stripe.Pay(session); err != nil {
		t.Fatal(err)
	}
	s.eventually("the order's end", func() bool { return s.now().State.Finished() })
	if o := s.now(); o.Bought == nil || o.State != orders.Delivered {
		t.Errorf("the order is %s", o.State)
	}
	s.quiet()
	s.world.Telegram.ResetCalls()
	s.world.Clock.Advance(49 * time.Hour)
	if err := s.app.store.Release(s.ctx, "sweep"); err != nil { // its hour has passed
		t.Fatal(err)
	}
	if err := s.app.orders.SweepIfDue(s.ctx); err != nil {
		t.Fatal(err)
	}
	for _, call := range s.world.Telegram.Calls() {
		if call.Params["chat_id"] == strconv.FormatInt(customer, 10) {
			t.Errorf("%s to a customer who blocked the bot", call.Method)
		}
	}
	s.say("/start")
	s.press("My eSIMs")
	s.press(plan.Destination.Flag())
	s.press("QR")
	if _, code := s.photo(); code != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("the code is another")
	}
	s.expect(1, 0)
}

// Telegram doesn't answer to the photo, whether it was sent, will be, or not: the same QR, perhaps
// twice, never none.
func TestFault23PhotoTimesOut(t *testing.T) {
	t.Parallel()
	for _, m := range []fault.Mood{fault.Dead, fault.DeadAfter, fault.ErrorAfter} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.order(s.planOf(esim.CloudESIM))
			mood(t, s.world.Telegram.Fault, m, "sendPhoto", 1)
			s.pay()
			s.becomes(orders.Delivered)
			s.hasTheCode()
		})
	}
	t.Run("comes late", func(t *testing.T) {
		t.Parallel()
		s, r := openBetween(t, "", quick(), "telegram")
		s.order(s.planOf(esim.CloudESIM))
		late := r.hold("/sendPhoto")
		s.pay()
		late.await(t)
		r.cut()
		s.becomes(orders.Delivered)
		late.release()
		s.until("both photos", func() bool { return len(s.photos(customer)) == 2 })
		s.hasTheCode()
	})
}

// hasTheCode sees that the customer has one eSIM, sent once or twice.
func (s *stage) hasTheCode() {
	s.t.Helper()
	codes, sold := s.photos(customer), s.sold(esim.CloudESIM)
	if len(codes) < 1 || len(codes) > 2 || len(sold) != 1 || slices.ContainsFunc(codes, func(c string) bool { return c != sold[0].ActivationCode }) {
		s.t.Errorf("%d photos of %d eSIMs", len(codes), len(sold))
	}
	s.expect(1, 0)
}

// Two taps on Buy, and an update brought twice, before and after the payment: one page, one order.
func TestFault26TappedTwice(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	s.say("/start p_" + s.planOf(esim.CloudESIM).Ref())
	s.press("Buy")
	update := s.world.Telegram.LastUpdate()
	_, _ = s.world.Telegram.PressButton(customer, "Buy") // gone already where the shop was quick
	again := func() {
		for range 3 {
			s.world.Telegram.Redeliver(update)
		}
		s.quiet()
		if n := len(s.world.Stripe.Sessions()); n != 1 {
			t.Errorf("%d payment pages, want one", n)
		}
		s.now() // one at most
	}
	s.payLink()
	again()
	s.pay()
	s.photo()
	s.becomes(orders.Delivered)
	again()
	s.expect(1, 0)
}

// Another's order, another's eSIM and made-up buttons are refused and noted, and show and change
// nothing; nor do an admin's words and buttons in a customer's mouth.
func TestFault27Forged(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	s.buy(s.planOf(esim.CloudESIM))
	o := s.becomes(orders.Delivered)
	id, tg := string(o.ID), s.world.Telegram
	forged := map[int64][]string{ // by strangers, none of whom floods
		1002: {"o/" + id, "esim/" + id, "qr/" + id, "cancel/" + id, "again/" + id + "/100", "plans/c_xx", "plan/", "buy/x/1", "\x00", "erase/../../"},
		1003: {"admin/order/" + id, "admin/refund/" + id, "admin/yes/00000000000000000000", "admin/resolve/" + id, "alert/order/" + id, "refund/" + id},
	}
	for stranger, buttons := range forged {
		if _, err := tg.SendText(stranger, "/start"); err != nil {
			t.Fatal(err)
		}
		s.until("a welcome", func() bool { return len(tg.Messages(stranger)) == 2 })
		screen := tg.Messages(stranger)[1].ID
		for _, data := range buttons {
			query, err := tg.Press(stranger, screen, data)
			if err != nil {
				t.Fatal(err)
			}
			s.until("an answer to "+data, func() bool { _, ok := tg.Answer(query); return ok })
		}
	}
	for _, text := range []string{"/start o_" + id, "/start a_" + id, "/order " + id, "/refund " + id, "/resolve " + id, id} {
		if _, err := tg.SendText(1004, text); err != nil {
			t.Fatal(err)
		}
	}
	s.quiet()
	code := s.sold(esim.CloudESIM)[0].ActivationCode
	for _, m := range slices.Concat(tg.Messages(1002), tg.Messages(1003), tg.Messages(1004)) {
		if m.FromBot() && (len(m.Photo) > 0 || strings.Contains(m.Body(), code) || strings.Contains(m.Body(), o.ID.String())) {
			t.Errorf("a stranger saw: %s", m.Body())
		}
	}
	if now := s.now(); now.Version != o.Version || now.State != o.State {
		t.Errorf("the order was %s in version %d and is %s in %d", o.State, o.Version, now.State, now.Version)
	}
	s.expect(1, 0)
	noted := map[int64]int{}
	for line := range strings.Lines(s.logs.String()) {
		for stranger := range forged {
			if strings.Contains(line, "forged button") && strings.Contains(line, fmt.Sprintf("customer=%d", stranger)) {
				noted[stranger]++
			}
		}
	}
	for stranger, buttons := range forged {
		if noted[stranger] != len(buttons) {
			t.Errorf("%d of %d forged buttons stand in the log", noted[stranger], len(buttons))
		}
	}
	s.noSecrets(code)
}
