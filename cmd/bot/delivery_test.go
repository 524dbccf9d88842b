package main

import (
	"context"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/sandbox/fault"
	"esimbot/store/storetest"
)

// A profile that is still being made is waited for, visibly.
func TestProvisioning(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	s := openStage(t, "", quick())
	s.world.CloudESIM.ShortCodes(true)
	s.order(s.planOf(esim.CloudESIM))
	s.pay()
	if _, code := s.photo(); code != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("the code is another")
	}
}

// A restart sells at once from the catalogue kept in Redis, though both providers are gone.
func TestRestartSellsAtOnce(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	url := storetest.Redis(t)
	first := openStage(t, url, nil)
	first.buy(first.planOf(esim.CloudESIM))
	again := openStage(t, url, nil)
	again.say("/start")
	again.sees("Welcome back")
	again.say("/esims")
	again.sees("My eSIMs")
}
