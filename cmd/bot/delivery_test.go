package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/sandbox/fault"
	"esimbot/store/storetest"
)

// Telegram asks for patience, then forgets the first photo: the customer has it in the end.
func TestPhotoDelivery(t *testing.T) {
	for name, m := range map[string]fault.Mood{"429": fault.Limited, "500": fault.Error, "no answer": fault.Dead} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			s.order(s.planOf(esim.CloudESIM))
			mood(t, s.world.Telegram.Fault, m, "sendPhoto", 2)
			s.pay()
			s.photo()
			s.sees("Ready")
			s.expect(1, 0)
		})
	}
}

// A customer who blocked the bot finds the eSIM when they come back.
func TestCustomerBlocked(t *testing.T) {
	s := openStage(t, "", quick())
	s.order(s.planOf(esim.CloudESIM))
	address := s.payLink()
	s.world.Telegram.Block(customer)
	if err := s.world.Stripe.Pay(sessionIn(address)); err != nil {
		t.Fatal(err)
	}
	s.eventually("the order's end", func() bool {
		list, err := s.app.orders.List(s.ctx, customer)
		return err == nil && len(list) == 1 && list[0].State.Finished()
	})
	s.say("/start")
	s.say("/esims")
	s.press(s.planOf(esim.CloudESIM).Destination.Flag())
	s.press("QR")
	if _, code := s.photo(); code != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("the code is another")
	}
}

// A profile that is still being made is waited for, visibly.
func TestProvisioning(t *testing.T) {
	s := openStage(t, "", quick())
	s.world.CloudESIM.ProvisionAfter(5 * time.Minute)
	s.order(s.planOf(esim.CloudESIM))
	s.pay()
	s.sees("as soon as it is made")
	s.world.Clock.Advance(10 * time.Minute)
	s.photo()
	s.expect(1, 0)
}

// A code that is no activation code: the one in the provider's own QR image is delivered.
func TestShortCode(t *testing.T) {
	s := openStage(t, "", quick())
	s.world.CloudESIM.ShortCodes(true)
	s.order(s.planOf(esim.CloudESIM))
	s.pay()
	if _, code := s.photo(); code != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("the code is another")
	}
}

// Another's order, another's eSIM and made-up buttons show nothing.
func TestForgedCallbacks(t *testing.T) {
	s := openStage(t, "", quick())
	s.buy(s.planOf(esim.CloudESIM))
	list, err := s.app.orders.List(s.ctx, customer)
	if err != nil || len(list) != 1 {
		t.Fatalf("orders: %v %v", list, err)
	}
	const stranger = 1002
	tg := s.world.Telegram
	if _, err := tg.SendText(stranger, "/start"); err != nil {
		t.Fatal(err)
	}
	s.until("a welcome", func() bool { return len(tg.Messages(stranger)) == 2 })
	screen := tg.Messages(stranger)[1].ID
	id := string(list[0].ID)
	for _, data := range []string{"o/" + id, "esim/" + id, "qr/" + id, "cancel/" + id, "again/" + id + "/100", "plans/c_xx", "plan/", "buy/x/1", "\x00", "erase/../../"} {
		query, err := tg.Press(stranger, screen, data)
		if err != nil {
			t.Fatal(err)
		}
		s.until("an answer to "+data, func() bool { _, ok := tg.Answer(query); return ok })
	}
	if _, err := tg.SendText(stranger, "/start o_"+id); err != nil {
		t.Fatal(err)
	}
	s.until("quiet", func() bool { return tg.Pending() == 0 })
	code := s.sold(esim.CloudESIM)[0].ActivationCode
	for _, m := range tg.Messages(stranger) {
		if len(m.Photo) > 0 || strings.Contains(m.Body(), code) || strings.Contains(m.Body(), list[0].ID.String()) {
			t.Errorf("a stranger saw: %s", m.Body())
		}
	}
}

// A restart sells at once from the catalogue kept in Redis, though both providers are gone.
func TestRestartSellsAtOnce(t *testing.T) {
	s := openStage(t, "", quick())
	plan := s.planOf(esim.CloudESIM)
	mood(t, s.world.CloudESIM.Fault, fault.Dead, "", 0)
	mood(t, s.world.Mobilexy.Fault, fault.Dead, "", 0)
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	again, err := newApp(ctx, s.app.cfg, options{now: s.world.Clock.Now, log: s.app.log, registry: newRegistry(), local: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	if got, ok := again.catalog.Snapshot().Plan(plan.Ref()); !ok || got.Retail != plan.Retail {
		t.Errorf("after a restart %s is on sale: %v, for %s", plan.Key(), ok, got.Retail)
	}
}

// A sandbox that is started again on the same Redis knows its customers, and answers them.
func TestSandboxKeepsItsRedis(t *testing.T) {
	url := storetest.Redis(t)
	first := openStage(t, url, nil)
	first.buy(first.planOf(esim.CloudESIM))
	again := openStage(t, url, nil)
	again.say("/start")
	again.sees("Welcome back")
	again.say("/esims")
	again.sees("My eSIMs")
}
