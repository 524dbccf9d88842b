package main

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
	"esimbot/store/storetest"
)

// deskChat is the support chat of a suspicious stage.
const deskChat = -1002000000000

// suspicious is a stage in whose world a support chat stands, and in which the shop's customer has a name.
func suspicious(t *testing.T) (s *stage, named []secret) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = openStageOn(t, listener, storetest.Redis(t), quick(map[string]string{
		"PROVIDER_TIMEOUT": "1s", "ORDER_LEASE": "25s", "SUPPORT_CHAT_ID": strconv.Itoa(deskChat), "QUIET_HOURS": "off",
	}))
	s.world.Telegram.AddUser(telegram.User{ID: customer, FirstName: "Quartzina", LastName: "Vellumsworth", Username: "vellumquartz", LanguageCode: "en"})
	s.world.Telegram.AddGroup(deskChat, "Support", admin)
	if err := s.world.Telegram.AddBot(deskChat, admin); err != nil {
		t.Fatal(err)
	}
	s.admin()
	return s, []secret{{name: "a first name", text: "Quartzina"}, {name: "a last name", text: "Vellumsworth"}, {name: "a username", text: "vellumquartz"}}
}

// TestSecretsInEveryFlow goes through what the journeys of the suite leave out, which are searched as well:
// every class of failure at every neighbour, wrong credentials, an order under review with a code attached
// by hand, codes and card numbers sent to support, setup and doctor, forged events, and a deletion. What
// must not be read by others stands in nothing that was written meanwhile.
func TestSecretsInEveryFlow(t *testing.T) {
	t.Parallel()
	s, named := suspicious(t)
	attached := "LPA:1$attached.example$BY-HAND-0815-4711"
	var printed bytes.Buffer

	s.buy(s.planOf(esim.CloudESIM))
	s.failures()
	s.decides(attached)
	s.confides(attached)
	s.forges()
	s.becomesKnown(&printed)

	for _, leak := range leaks(place{name: "what the commands print", text: printed.String()}, append(s.hidden(attached), named...)) {
		t.Error(leak)
	}
	s.noSecrets(attached)
	for _, p := range []place{
		{name: "the log", text: s.logs.String()}, {name: "/metrics", text: s.metricsText()}, {name: "Redis", text: dump(t, s.app.cfg.RedisURL)},
		{name: "what Stripe knows", text: s.toldStripe()},
	} {
		for _, leak := range leaks(p, named) {
			t.Error(leak)
		}
	}
	for _, leak := range s.said(named) {
		t.Error(leak)
	}
	s.noSecretPages()
}

// failures has each neighbour fail in each way while something is bought, listed or sent.
func (s *stage) failures() {
	s.t.Helper()
	for _, m := range []fault.Mood{fault.Error, fault.Garbage, fault.Half, fault.Dead, fault.Slow, fault.Limited} {
		for name, neighbour := range map[string]*fault.Switch{
			"CloudESIM": s.world.CloudESIM.Fault, "Mobilexy": s.world.Mobilexy.Fault, "Stripe": s.world.Stripe.Fault,
		} {
			rule := fault.Rule{Mood: m, Times: 3, Delay: 1500 * time.Millisecond}
			if name != "Stripe" {
				rule.Path = "balance|fresh|query|plan|packages|esim"
			}
			if err := neighbour.Set(rule); err != nil {
				s.t.Fatal(err)
			}
		}
		ctx := s.ctx
		_ = s.app.catalog.Refresh(ctx) // fails, and says how
		s.app.orders.Balances(ctx)
		_, _ = s.app.payments.Session(ctx, "cs_test_nothing")
		list, err := s.app.store.ESIMs().ByCustomer(ctx, customer)
		if err != nil || len(list) == 0 {
			s.t.Fatalf("%d eSIMs, %v", len(list), err)
		}
		_, _ = s.app.watch.Refresh(ctx, list[0].ID)
		for _, neighbour := range []*fault.Switch{s.world.CloudESIM.Fault, s.world.Mobilexy.Fault, s.world.Stripe.Fault} {
			if err := neighbour.Set(fault.Rule{}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	for _, m := range []fault.Mood{fault.Error, fault.Garbage, fault.Dead} { // while the photo goes out again
		if err := s.world.Telegram.Fault.Set(fault.Rule{Mood: m, Path: "sendPhoto", Times: 1}); err != nil {
			s.t.Fatal(err)
		}
		s.say("/esims")
		s.press(s.planOf(esim.CloudESIM).Destination.Flag())
		s.press("QR")
		s.quiet()
	}
	if err := s.world.Telegram.Fault.Set(fault.Rule{}); err != nil {
		s.t.Fatal(err)
	}
}

// decides has a purchase end in doubt, and an admin attach a code to it.
func (s *stage) decides(code string) {
	s.t.Helper()
	buyer := s.as(s.t, 1002)
	s.world.Telegram.AddUser(telegram.User{ID: 1002, FirstName: "Customer", LanguageCode: "en"})
	buyer.misanswer(esim.Mobilexy, fault.Garbage)
	buyer.sees("a person is looking at it")
	o := buyer.becomes(orders.Review)
	for _, p := range []*fault.Switch{s.world.CloudESIM.Fault, s.world.Mobilexy.Fault} {
		if err := p.Set(fault.Rule{}); err != nil {
			s.t.Fatal(err)
		}
	}
	boss := s.as(s.t, admin)
	s.wants(admin, "/order "+o.ID.String(), o.ID.String())
	s.wants(admin, "/resolve "+o.ID.String(), "What shall become of it?")
	boss.press("Attach code")
	boss.sees("Send the activation code")
	boss.say(code)
	boss.sees("goes to the customer as their eSIM")
	boss.press("Attach code")
	buyer.photo()
	buyer.becomes(orders.Delivered)
	s.wants(admin, "/order "+o.ID.String(), "delivered")
}

// confides sends support what it must not see, in each way there is.
func (s *stage) confides(code string) {
	s.t.Helper()
	s.world.Clock.Advance(time.Minute) // nobody taps as fast as a test
	own := s.sold(esim.CloudESIM)[0].ActivationCode
	s.say("/support")
	s.press("Write to support")
	s.sees("Write your message below")
	s.say("it does not install: " + own + " nor does " + code)
	s.sees("We answer here")
	var dot bytes.Buffer
	if err := png.Encode(&dot, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.world.Telegram.SendPhoto(s.me(), dot.Bytes(), "here: "+strings.ToLower(own[:5])+own[5:]); err != nil {
		s.t.Fatal(err)
	}
	s.until("the photo at support", func() bool {
		for _, m := range s.world.Telegram.Messages(deskChat) {
			if m.FromBot() && len(m.Photo) > 0 {
				return true
			}
		}
		return false
	})
	s.say("/help")
	s.say(own) // outside any question
	s.sees("looks like the activation code")
}

// forges brings events and updates that nobody sent.
func (s *stage) forges() {
	s.t.Helper()
	payload := s.paidEvent()
	for _, signature := range []string{"", "t=1,v1=00", signed(payload, "whsec_another", s.world.Clock.Now())} {
		if got := s.bring(payload, signature); got != http.StatusBadRequest {
			s.t.Errorf("a forged event: %d", got)
		}
	}
	if got := s.post("/telegram/webhook", "X-Telegram-Bot-Api-Secret-Token", "guessed", []byte(`{"update_id":1}`)); got != http.StatusUnauthorized {
		s.t.Errorf("a forged update: %d", got)
	}
}

// becomesKnown runs setup, and doctor with right and with wrong credentials; then the customer has all
// deleted.
func (s *stage) becomesKnown(printed *bytes.Buffer) {
	s.t.Helper()
	if err := s.app.setup(s.ctx, output{printed}); err != nil {
		s.t.Error(err)
	}
	vars := s.world.Env()
	maps.Copy(vars, map[string]string{"REDIS_URL": s.app.cfg.RedisURL, "METRICS_ADDR": "off"})
	_ = (&doctorCmd{*environmentFrom(vars)}).Run(s.ctx, output{printed}) // what it thinks of the sandbox is no matter here
	wrong := maps.Clone(vars)
	maps.Copy(wrong, map[string]string{
		"TELEGRAM_BOT_TOKEN": "4242424242:wrong_token_of_a_bot", "STRIPE_SECRET_KEY": "sk_test_wrongKeyOfAnAccount", "CLOUDESIM_API_TOKEN": "wrong-cloudesim-token",
		"MOBILEXY_API_KEY": "wrong-mobilexy-key",
	})
	var unwell bytes.Buffer
	if err := (&doctorCmd{*environmentFrom(wrong)}).Run(s.ctx, output{&unwell}); !errors.Is(err, errUnwell) {
		s.t.Errorf("a doctor who is content with wrong credentials: %v", err)
	}
	for _, leak := range leaks(place{name: "what the doctor prints", text: unwell.String()}, []secret{
		{name: "a wrong token", text: "wrong_token"}, {name: "a wrong Stripe key", text: "wrongKey"}, {name: "a wrong token of CloudeSIM's", text: "wrong-cloudesim"},
		{name: "a wrong key of Mobilexy's", text: "wrong-mobilexy"},
	}) {
		s.t.Errorf("%s:\n%s", leak, &unwell)
	}
	s.world.Clock.Advance(time.Minute)
	s.say("/privacy")
	s.press("Delete my data")
	s.press("Delete for good")
	s.sees("What was kept of you here is deleted")
}

// noSecretPages asks the public address for what it answers strangers.
func (s *stage) noSecretPages() {
	s.t.Helper()
	var all strings.Builder
	for _, path := range []string{"/healthz", "/readyz", "/telegram/webhook", "/stripe/webhook"} {
		_, body := get(s.ctx, s.t.(*testing.T), s.base+path)
		all.WriteString(body)
	}
	for _, leak := range leaks(place{name: "a public page", text: all.String()}, s.hidden()) {
		s.t.Error(leak)
	}
}
