package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
	"esimbot/store"
)

// A sickness is one thing that is wrong in a world where all else is right.
type sickness struct {
	name  string
	plant func(c *clinic)
	// The one line that must FAIL begins with line, and names problem and mend.
	line, problem, mend string
	// heal does what the mend says; nil: it says to run setup.
	heal func(c *clinic)
}

// with plants and heals a wrong value of a variable.
func with(name, wrong string) (plant, heal func(*clinic)) {
	right := ""
	return func(c *clinic) { right, c.vars[name] = c.vars[name], wrong }, func(c *clinic) { c.vars[name] = right }
}

// The doctor finds each of the planted misconfigurations, and nothing else; and is content again when
// its mend was followed.
func TestDoctor(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	c.setup()
	healthy := func() {
		t.Helper()
		if failed, all := c.doctor(); len(failed) > 0 {
			t.Fatalf("not well:\n%s", all)
		}
	}
	healthy()
	for _, s := range concat(sickRedis(), sickTelegram(), sickStripe(), sickSellers()) {
		s.plant(c)
		failed, all := c.doctor()
		if len(failed) != 1 || !strings.HasPrefix(failed[0], "FAIL "+s.line) || !strings.Contains(failed[0], s.problem) || !strings.Contains(failed[0], s.mend) {
			t.Errorf("%s: want one FAIL %s: …%s…; mend: …%s…\n%s", s.name, s.line, s.problem, s.mend, all)
		}
		if s.heal != nil {
			s.heal(c)
		} else {
			c.setup()
		}
		healthy()
	}
}

func concat(lists ...[]sickness) (all []sickness) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func sickRedis() []sickness {
	setting := func(name, wrong, right string) (plant, heal func(*clinic)) {
		return func(c *clinic) { c.configure(name, wrong) }, func(c *clinic) { c.configure(name, right) }
	}
	evicts, keeps := setting("maxmemory-policy", "allkeys-lru", "noeviction")
	forgets, remembers := setting("appendonly", "no", "yes")
	follows := func(c *clinic) { c.follow("127.0.0.1", "1") }
	leads := func(c *clinic) { c.follow("NO", "ONE") }
	exchange, _ := with("DATA_KEY", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	old := ""
	return []sickness{
		{"Redis evicts", evicts, "Redis does not evict", "allkeys-lru", "noeviction", keeps},
		{"Redis forgets", forgets, "Redis persistence", "appendonly is off", "appendonly yes", remembers},
		{"Redis is a replica", follows, "Redis takes writes", "READONLY", "REDIS_URL must lead to a master", leads},
		{"Redis is down", func(c *clinic) { c.redis.Kill() }, "Redis answers", "refused", "see that the server runs", func(c *clinic) { c.redis.Up() }},
		{"DATA_KEY exchanged", func(c *clinic) {
			c.sell()
			old = c.vars["DATA_KEY"]
			exchange(c)
		}, "DATA_KEY opens what is stored", "sealed with an unknown key", "DATA_KEY=<new>,<old>", func(c *clinic) { c.vars["DATA_KEY"] += "," + old }},
	}
}

func sickTelegram() []sickness {
	wrongToken, rightToken := with("TELEGRAM_BOT_TOKEN", "4242424242:another_token_that_opens_nothing")
	nobody, somebody := with("SUPPORT_CHAT_ID", "-1009999999999")
	const staff = -1001000000000
	return []sickness{
		{"wrong bot token", wrongToken, "Telegram knows the bot", "nauthorized", "@BotFather", rightToken},
		{"webhook elsewhere", func(c *clinic) { c.telegram("setWebhook", `{"url":"http://127.0.0.1:1/old"}`) }, "Telegram webhook", "updates go to http://127.0.0.1:1/old", runSetup, nil},
		{"no webhook", func(c *clinic) { c.telegram("deleteWebhook", `{}`) }, "Telegram webhook", "no webhook is set", runSetup, nil},
		{"an update too few", func(c *clinic) {
			c.telegram("setWebhook", `{"url":"`+c.shop+`/telegram/webhook","max_connections":100,"allowed_updates":["message","callback_query"]}`)
		}, "Telegram webhook", "it brings callback_query, message, not", runSetup, nil},
		{"another webhook secret", func(c *clinic) {
			c.telegram("setWebhook", `{"url":"`+c.shop+`/telegram/webhook","secret_token":"old","max_connections":100,"allowed_updates":["message","callback_query","my_chat_member"]}`)
			c.write("/start")
		}, "Telegram webhook", "1 updates wait, the last delivery failed: Wrong response from the webhook: 401", runSetup, func(c *clinic) {
			c.setup()
			c.delivered()
		}},
		{"the shop is away", func(c *clinic) {
			c.close(true)
			c.write("/start")
		}, "Telegram webhook", "502", "see that the shop runs, and that PUBLIC_URL leads to it", func(c *clinic) {
			c.close(false)
			c.world.Clock.Advance(time.Minute) // when Telegram tries again
			c.telegram("setWebhook", `{"url":"`+c.shop+`/telegram/webhook"}`)
			c.setup()
			c.delivered()
		}},
		{"a menu gone", func(c *clinic) {
			c.telegram("deleteMyCommands", `{"scope":{"type":"all_private_chats"},"language_code":"ar"}`)
		}, "Telegram menus and descriptions", "menu ar", runSetup, nil},
		{"support chat unknown", nobody, "support chat", "chat not found", "SUPPORT_CHAT_ID is the group's id", somebody},
		{"thrown out of the support chat", func(c *clinic) { c.telegram("leaveChat", `{"chat_id":-1001000000000}`) }, "support chat", "not a member", "add the bot to the group", func(c *clinic) {
			if err := c.world.Telegram.AddBot(staff, 1000); err != nil {
				c.t.Fatal(err)
			}
			c.delivered()
		}},
		{"muted in the support chat", func(c *clinic) { c.world.Telegram.Mute(staff, true) }, "support chat", "may not write", "administrator", func(c *clinic) { c.world.Telegram.Mute(staff, false) }},
	}
}

func sickStripe() []sickness {
	wrongKey, rightKey := with("STRIPE_SECRET_KEY", "sk_test_anotherKeyThatOpensNothing")
	const narrow = "rk_test_sandboxKeyThatOpensLittle"
	narrowKey, wideKey := with("STRIPE_SECRET_KEY", narrow)
	endpoint := func(form url.Values) func(*clinic) {
		return func(c *clinic) {
			c.stripe(http.MethodPost, "/v1/webhook_endpoints/"+c.kept("stripe-webhook-endpoint"), form)
		}
	}
	another := func(c *clinic) {
		c.stripe(http.MethodPost, "/v1/webhook_endpoints", url.Values{"url": {c.shop + "/stripe/webhook"}, "enabled_events[]": {"*"}})
	}
	gone := func(c *clinic) {
		c.stripe(http.MethodDelete, "/v1/webhook_endpoints/"+c.kept("stripe-webhook-endpoint"), nil)
	}
	lose := func(c *clinic) {
		if err := client(c.t, c.redis.URL()).Del(c.t.Context(), "secret:stripe-webhook").Err(); err != nil {
			c.t.Fatal(err)
		}
	}
	var late string
	return []sickness{
		{"wrong Stripe key", wrongKey, "Stripe knows the key", "401", stripeKeys, rightKey},
		{"a key that may too little", func(c *clinic) {
			c.world.Stripe.Restrict(narrow, "balance_read", "charge_read", "checkout_session_write", "dispute_read", "payment_intent_write", "webhook_write")
			narrowKey(c)
		}, "Stripe key's permissions", "lacks Charges and Refunds: write", "add them to it at " + stripeKeys, wideKey},
		{"clock off", func(c *clinic) {
			late = c.vars["STRIPE_API_URL"]
			c.vars["STRIPE_API_URL"] = c.shifted(late, 10*time.Minute)
		}, "clock against Stripe's", "off by -", "time synchronisation", func(c *clinic) { c.vars["STRIPE_API_URL"] = late }},
		{"no endpoint", gone, "Stripe webhook", "none stands at", runSetup, nil},
		{"an event too few", endpoint(url.Values{"enabled_events[]": {"checkout.session.completed"}}), "Stripe webhook", "isn't told of checkout.session.expired", runSetup, nil},
		{"every event", endpoint(url.Values{"enabled_events[]": {"*"}}), "Stripe webhook", "every event", runSetup, nil},
		{"a disabled endpoint", endpoint(url.Values{"disabled": {"true"}}), "Stripe webhook", "disabled", runSetup, nil},
		{"another API version", func(c *clinic) { gone(c); another(c) }, "Stripe webhook", "secret", runSetup, nil},
		{"a second endpoint", another, "Stripe webhook", "2 stand at", runSetup, nil},
		{"the webhook's secret is lost", lose, "Stripe webhook", "is lost", runSetup, nil},
	}
}

func sickSellers() []sickness {
	wrongToken, rightToken := with("CLOUDESIM_API_TOKEN", "another-token")
	wrongKey, rightKey := with("MOBILEXY_API_KEY", "another-key")
	return []sickness{
		{"wrong CloudeSIM token", wrongToken, "CloudeSIM balance", "credentials refused", "CLOUDESIM_API_TOKEN", rightToken},
		{"wrong Mobilexy key", wrongKey, "Mobilexy balance", "credentials refused", "MOBILEXY_API_KEY", rightKey},
	}
}

func (c *clinic) follow(host, port string) {
	c.t.Helper()
	if err := client(c.t, c.redis.URL()).Do(c.t.Context(), "replicaof", host, port).Err(); err != nil {
		c.t.Fatal(err)
	}
}

// kept is what Redis keeps under a secret's name.
func (c *clinic) kept(name string) string {
	c.t.Helper()
	value, err := client(c.t, c.redis.URL()).Get(c.t.Context(), "secret:"+name).Result()
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}

// sell puts an order there whose activation code is sealed with the present DATA_KEY.
func (c *clinic) sell() {
	c.t.Helper()
	cfg, err := environmentFrom(c.vars).Config()
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := store.Open(c.t.Context(), cfg.RedisURL, store.Options{Keys: cfg.DataKeys})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = s.Close() }() // all is written by then
	code, err := esim.ParseActivationCode("LPA:1$smdp.example.com$MATCHING-ID")
	if err != nil {
		c.t.Fatal(err)
	}
	id, err := orders.NewID(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	o := &orders.Order{Schema: orders.Schema, Version: 1, ID: id, State: orders.Delivered, Customer: customer, Bought: &orders.Bought{Profile: esim.Profile{Code: code}}}
	if err := s.Orders().Create(c.t.Context(), o, orders.LogEntry{To: o.State}); err != nil {
		c.t.Fatal(err)
	}
}

// write is a customer writing to the bot, until Telegram saw that the shop doesn't take it.
func (c *clinic) write(text string) {
	c.t.Helper()
	if _, err := c.world.Telegram.SendText(customer, text); err != nil {
		c.t.Fatal(err)
	}
	c.wait(func() bool { return c.world.Telegram.DeliveryError() != "" })
}

// delivered waits until nothing waits for the shop.
func (c *clinic) delivered() {
	c.t.Helper()
	c.wait(func() bool { return c.world.Telegram.Pending() == 0 })
}

func (c *clinic) wait(met func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.world.Telegram.Wait(ctx, met); err != nil {
		c.t.Fatal(err)
	}
}

// shifted is a Stripe whose clock is ahead.
func (c *clinic) shifted(api string, by time.Duration) string {
	c.t.Helper()
	to, err := url.Parse(api)
	if err != nil {
		c.t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			at, err := http.ParseTime(r.Header.Get("Date"))
			r.Header.Set("Date", at.Add(by).Format(http.TimeFormat))
			return err
		},
	})
	c.t.Cleanup(proxy.Close)
	return proxy.URL
}

// What is no mistake, and yet worth knowing, is a warning: the doctor is content.
func TestDoctorWarns(t *testing.T) {
	t.Parallel()
	c := openClinic(t)
	c.world.Telegram.AddUser(telegram.User{ID: 999, FirstName: "Colleague", LanguageCode: "en"})
	c.world.Mobilexy.SetBalance(decimal.NewFromInt(7))
	c.vars["ADMIN_IDS"] = "1000,555"
	if said := c.setup(); !strings.Contains(said, "warning: admin 555") {
		t.Errorf("setup said\n%s", said)
	}
	for _, tc := range []struct {
		name, value string
		want        []string
	}{
		{"", "", []string{"a test key at Stripe", "admins: 1 of 2 can be written to (warning: 555", "Mobilexy balance: 7.00 USD (warning: under BALANCE_ALERT", "clock against Stripe's\n", "sells for 13.00 USD\n"}},
		{"PRICE_MARKUP_PERCENT", "0", []string{"each sale is a loss"}},
		{"PRICE_CURRENCY", "EUR", []string{"PRICE_RATE is 1"}},
		{"ADMIN_IDS", "", []string{"ADMIN_IDS is empty"}},
		{"SUPPORT_CHAT_ID", "", []string{"SUPPORT_CHAT_ID is empty"}},
	} {
		before := maps.Clone(c.vars)
		if tc.name != "" {
			c.vars[tc.name] = tc.value
		}
		failed, all := c.doctor()
		for _, want := range tc.want {
			if len(failed) > 0 || !strings.Contains(all, want) {
				t.Errorf("%s=%q: no %q in\n%s", tc.name, tc.value, want, all)
			}
		}
		c.vars = before
	}
	c.close(true)
	if failed, all := c.doctor(); len(failed) > 0 || !strings.Contains(all, "the shop does not answer there") {
		t.Errorf("a shop that is away:\n%s", all)
	}
	c.vars["PUBLIC_URL"], c.vars["DATA_KEY"] = "", ""
	if failed, all := c.doctor(); len(failed) != 1 || !strings.Contains(all, "a webhook stands at") {
		t.Errorf("polling beside a webhook:\n%s", all)
	}
	c.setup()
	if failed, all := c.doctor(); len(failed) > 0 || !strings.Contains(all, "payments are polled") || !strings.Contains(all, "DATA_KEY is not set") {
		t.Errorf("polling:\n%s", all)
	}
}

// The exit status tells a script what the doctor found.
func TestDoctorStatus(t *testing.T) {
	c := openClinic(t)
	c.setup()
	environment(t, c.vars)
	for _, want := range []int{exitOK, exitFailed} {
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), []string{"doctor"}, &stdout, &stderr); got != want {
			t.Errorf("status %d, want %d\n%s%s", got, want, &stdout, &stderr)
		}
		t.Setenv("MOBILEXY_API_KEY", "wrong")
	}
}
