package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"esimbot/sandbox/stripe"
	"esimbot/sandbox/telegram"
)

// changes are the calls so far that made, changed or took away something, in words.
func (c *clinic) changes() (all []string) {
	for _, call := range c.world.Telegram.Calls() {
		if (strings.HasPrefix(call.Method, "set") || strings.HasPrefix(call.Method, "delete")) && call.Note != "Webhook is already set" {
			all = append(all, call.Method)
		}
	}
	for _, r := range c.world.Stripe.Requests() {
		if r.Method != http.MethodGet {
			all = append(all, r.Method+" "+r.Path)
		}
	}
	return all
}

// here are the endpoints that stand at the shop's address.
func (c *clinic) here() []stripe.Endpoint {
	return slices.DeleteFunc(c.world.Stripe.Endpoints(), func(e stripe.Endpoint) bool { return e.URL != c.shop+"/stripe/webhook" })
}

// A release runs setup at each deploy: the first registers everything, the next change nothing.
func TestSetupTwice(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	first := c.setup()
	for _, want := range []string{
		"telegram: webhook set: " + c.shop + "/telegram/webhook\n", "telegram: set menu, menu en, ", "menu of admin 1000", "short description ru",
		"stripe: webhook endpoint made, its secret is kept in Redis: " + c.shop + "/stripe/webhook\n",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}
	made := c.here()
	if len(made) != 1 || made[0].Secret != c.keptSecret() {
		t.Fatalf("%d endpoints, or a secret that isn't kept", len(made))
	}
	before := c.changes()
	second := c.setup()
	if now := c.changes(); len(now) != len(before) {
		t.Errorf("a second run: %v", now[len(before):])
	}
	if want := "telegram: webhook stands: " + c.shop + "/telegram/webhook\ntelegram: menus and descriptions stand\nstripe: webhook endpoint stands: " + c.shop + "/stripe/webhook\n"; second != want {
		t.Errorf("a second run says\n%s", second)
	}
	if strings.Contains(first+second, c.secret) || strings.Contains(first+second, made[0].Secret) {
		t.Error("a secret was printed")
	}

	// A secret that is configured besides changes nothing.
	c.vars["STRIPE_WEBHOOK_SECRET"] = "whsec_configuredByTheOperator"
	if said := c.setup(); !strings.Contains(said, "endpoint stands") || len(c.here()) != 1 {
		t.Errorf("with a configured secret:\n%s", said)
	}
}

// keptSecret is the secret that setup kept, as the shop reads it.
func (c *clinic) keptSecret() string {
	c.t.Helper()
	cfg, err := environmentFrom(c.vars).Config()
	if err != nil {
		c.t.Fatal(err)
	}
	d := &doctor{cfg: cfg}
	d.options.log = newLogger(c.t.Output(), "error", "text")
	d.redis(c.t.Context())
	defer func() { _ = d.store.Close() }() // it was only read
	secrets := newWebhookSecrets(cfg, d.store)
	if err := secrets.load(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	kept := secrets.kept.Load()
	if kept == nil {
		return ""
	}
	return kept.secret
}

// Two deploys at once end with one endpoint, whose secret is the one that is kept.
func TestSetupTwoAtOnce(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	const create = "POST /v1/webhook_endpoints"
	release := c.world.Stripe.Hold(create)
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() { c.setup() })
	}
	// Both have read the last text at Telegram: one makes the endpoint, the other waits for its turn.
	c.wait(func() bool { return c.world.Telegram.CallCount("getMyShortDescription") == 2*7 })
	release()
	running.Wait()
	if made := c.here(); len(made) != 1 || made[0].Secret != c.keptSecret() {
		t.Errorf("%d endpoints, or a secret that isn't kept", len(made))
	}
	if n := strings.Count(strings.Join(c.changes(), "\n"), create); n != 1 {
		t.Errorf("%d endpoints were made", n)
	}
	if failed, _ := c.doctor(); len(failed) > 0 {
		t.Error(failed)
	}
}

// With a configured secret and no endpoint that fits, setup makes one, and the shop knows both secrets.
func TestSetupBesideAConfiguredSecret(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	c.vars["STRIPE_WEBHOOK_SECRET"] = "whsec_configuredByTheOperator"
	c.setup()
	if failed, all := c.doctor(); len(failed) > 0 || c.keptSecret() != c.here()[0].Secret {
		t.Errorf("the new endpoint's secret is lost:\n%s", all)
	}
}

// Admins have a longer menu for as long as they are admins, and one who never wrote to the bot stops
// nothing.
func TestSetupForAdmins(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	c.world.Telegram.AddUser(telegram.User{ID: 999, FirstName: "Kollege", LanguageCode: "de", Started: true})
	c.vars["ADMIN_IDS"] = "1000,999,555"
	if said := c.setup(); !strings.Contains(said, "menu of admin 999") || !strings.Contains(said, "warning: admin 555 can't be written to") {
		t.Errorf("setup said\n%s", said)
	}
	has := func(user int64, command string) bool {
		return slices.ContainsFunc(c.world.Telegram.Commands(user), func(m telegram.Command) bool { return m.Command == command })
	}
	if !has(999, "refund") || !has(1000, "refund") || has(customer, "refund") || !has(customer, "buy") {
		t.Error("the admins' menu is not the admins'")
	}
	c.vars["ADMIN_IDS"] = "1000"
	if said := c.setup(); !strings.Contains(said, "menu of former admin 999 taken away") || has(999, "refund") || !has(999, "buy") || !has(1000, "refund") {
		t.Errorf("a former admin keeps the longer menu:\n%s", said)
	}
	if said := c.setup(); strings.Contains(said, "former") {
		t.Errorf("again:\n%s", said)
	}
}
