package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"esimbot/sandbox"
	"esimbot/sandbox/clock"
	"esimbot/sandbox/telegram"
)

// besieged is a whole shop in its world, on a Redis of its own, for strangers to knock at. Its loops stand
// still: what they do beside a knock would look like something new that the knock has found.
func besieged(f *testing.F) *playground {
	f.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// Through the front: the servers' own doors shut with the loops.
	own := sandbox.New(sandbox.Options{BaseURL: "http://" + listener.Addr().String()}).Env()
	maps.DeleteFunc(own, func(name, _ string) bool { return !strings.HasSuffix(name, "_API_URL") })
	p, err := newPlayground(ctx, listener, playgroundOptions{log: slog.New(slog.DiscardHandler), clock: &clock.Clock{}, vars: own})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = p.Close() })
	p.stop()
	if err := p.group.Wait(); err != nil {
		f.Fatal(err)
	}
	p.app.gate.shut.Store(false)
	p.world.Telegram.AddUser(telegram.User{ID: customer, FirstName: "Customer", LanguageCode: "en", Started: true})
	return p
}

// knock brings a body to a door with one header, and returns the answer's status.
func (p *playground) knock(path, header, value, body string) int {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set(header, value)
	w := httptest.NewRecorder()
	p.app.handler.ServeHTTP(w, r)
	return w.Code
}

// unharmed fails if something panicked.
func (p *playground) unharmed(t *testing.T) {
	t.Helper()
	families, err := p.app.seen.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "panics_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if n := m.GetCounter().GetValue(); n != 0 {
				t.Fatalf("%v panics at %s", n, m.GetLabel())
			}
		}
	}
}

const telegramHeader = "X-Telegram-Bot-Api-Secret-Token"

// FuzzTelegramWebhook: any body at all at Telegram's door is handled to the end or refused, by the whole
// shop.
func FuzzTelegramWebhook(f *testing.F) {
	for _, seed := range []string{
		`{"update_id":1,"message":{"message_id":1,"from":{"id":1001,"language_code":"en"},"chat":{"id":1001,"type":"private"},"text":"/start c_jp"}}`,
		`{"update_id":1,"message":{"message_id":1,"from":{"id":1000},"chat":{"id":1000,"type":"private"},"text":"/refund x","reply_to_message":{"message_id":1,"from":{"id":4242424242},"chat":{"id":1000}}}}`,
		`{"update_id":1,"message":{"message_id":1,"from":{"id":1001},"chat":{"id":1001,"type":"private"},"photo":[{"file_id":"x"}],"caption":"LPA:1$a.b$C","media_group_id":"1"}}`,
		`{"update_id":1,"callback_query":{"id":"1","from":{"id":1001},"data":"plans/c_jp","message":{"message_id":1,"date":1,"text":"x","chat":{"id":1001,"type":"private"}}}}`,
		`{"update_id":1,"callback_query":{"id":"1","from":{"id":1001},"data":"o/x","inline_message_id":"x"}}`,
		`{"update_id":1,"my_chat_member":{"chat":{"id":-1,"type":"group"},"from":{"id":1001},"new_chat_member":{"status":"member"}}}`,
		`{"update_id":-1}`, `[]`, ``, `{"update_id":1,"message":5}`, `{"update_id":1,"message":null,"callback_query":null}`,
	} {
		f.Add(seed)
	}
	p := besieged(f)
	f.Fuzz(func(t *testing.T, body string) {
		p.world.Clock.Advance(10 * time.Second) // nobody floods
		switch status := p.knock("/telegram/webhook", telegramHeader, p.app.cfg.TelegramSecret, body); status {
		case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusServiceUnavailable:
		default:
			t.Errorf("answered %d", status)
		}
		if status := p.knock("/telegram/webhook", telegramHeader, body, body); status != http.StatusUnauthorized && body != p.app.cfg.TelegramSecret {
			t.Errorf("without the secret: %d", status)
		}
		p.unharmed(t)
	})
}

// FuzzConversation: whatever a customer or an admin types, presses, links to or writes below a picture, the
// whole shop answers and is as it was.
func FuzzConversation(f *testing.F) {
	for _, seed := range [][2]string{
		{"/start c_jp", "plans/c_jp"}, {"/start o_7KQ2M9X4TB", "o/7KQ2M9X4TB"}, {"/start a_balance", "admin/balance"}, {"/start x_", "buy/x/1"}, {"/order 8985200435044463628", "admin/find/order/1"},
		{"/refund 7KQ2M-9X4TB 4.50", "admin/yes/00"}, {"/orders review", "admin/orders/review/2"}, {"/stats 90", "admin/stats/7"}, {"/pause mobilexy", "admin/resume"}, {"/block 1", "admin/block/1"},
		{"/resolve x", "alert/order/x"}, {"8985200435044463628", "link/x"}, {"LPA:1$smdp.example$A", "ask"}, {"Japon", "az/J/2"}, {"4242 4242 4242 4242", "erase/yes"}, {"/balance", "tu/x/y/1"},
	} {
		f.Add(seed[0], seed[1], int64(0))
	}
	p := besieged(f)
	update := time.Now().UnixMicro()
	f.Fuzz(func(t *testing.T, text, data string, message int64) {
		for _, who := range []int64{customer, admin} {
			p.world.Clock.Advance(10 * time.Second)
			person := fmt.Sprintf(`"from":{"id":%[1]d,"language_code":"en"},"chat":{"id":%[1]d,"type":"private"}`, who)
			for _, body := range []string{
				fmt.Sprintf(`"message":{"message_id":%d,%s,"text":%s}`, message, person, quoted(text)),
				fmt.Sprintf(`"message":{"message_id":%d,%s,"photo":[{"file_id":"x"}],"caption":%s}`, message, person, quoted(text)),
				fmt.Sprintf(`"callback_query":{"id":"1","from":{"id":%[1]d},"data":%[2]s,"message":{"message_id":%[3]d,"date":1,"text":"x","chat":{"id":%[1]d,"type":"private"}}}`, who, quoted(data), message),
			} {
				update++
				if status := p.knock("/telegram/webhook", telegramHeader, p.app.cfg.TelegramSecret, fmt.Sprintf(`{"update_id":%d,%s}`, update, body)); status == http.StatusBadRequest {
					t.Errorf("%s: answered %d", body, status)
				}
			}
		}
		p.unharmed(t)
	})
}

// quoted is a text as JSON has it.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // no text can't be written
	}
	return string(b)
}

// FuzzStripeWebhook: any body at Stripe's door is refused without the right signature, and with it is
// recorded or refused.
func FuzzStripeWebhook(f *testing.F) {
	event := `{"id":"evt_1","object":"event","api_version":"` + stripe.APIVersion + `","type":"%s","created":1,"data":{"object":%s}}`
	for _, seed := range []string{
		fmt.Sprintf(event, "checkout.session.completed", `{"id":"cs_1","object":"checkout.session","client_reference_id":"7KQ2M9X4TB","metadata":{"shop":"4242424242","order_id":"7KQ2M9X4TB"}}`),
		fmt.Sprintf(event, "charge.refunded", `{"id":"ch_1","object":"charge","payment_intent":{"id":"pi_1"},"metadata":{"shop":"4242424242"}}`),
		fmt.Sprintf(event, "charge.dispute.created", `{"id":"dp_1","object":"dispute","payment_intent":"pi_1"}`), fmt.Sprintf(event, "x", `null`), `{}`, `null`, ``,
	} {
		f.Add(seed, "t=1,v1=00")
	}
	p := besieged(f)
	f.Fuzz(func(t *testing.T, body, signature string) {
		if status := p.knock("/stripe/webhook", "Stripe-Signature", signature, body); status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
			t.Errorf("under %q: %d", signature, status)
		}
		right := signed([]byte(body), p.app.cfg.StripeSecrets[0], p.world.Clock.Now())
		switch status := p.knock("/stripe/webhook", "Stripe-Signature", right, body); status {
		case http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("signed: %d", status)
		}
		p.unharmed(t)
	})
}

// FuzzConfig: whatever stands in the environment, the program says what is wrong with it, or keeps to the
// bounds it promises; and quotes no secret.
func FuzzConfig(f *testing.F) {
	fields := reflect.TypeFor[Environment]()
	for i := range fields.NumField() {
		for _, value := range []string{"", "x", "-1", "99999999999999999999", "1e1000000000", "redis://\x00", ",,,", "24h", "22-99", "https://", "\xff", ":99999"} {
			f.Add(uint8(i), value, uint8(0), "")
		}
	}
	good := map[string]string{
		"TELEGRAM_BOT_TOKEN": "1:abc", "REDIS_URL": "redis://h/0", "STRIPE_SECRET_KEY": "sk_test_1", "MOBILEXY_API_KEY": "k", "PUBLIC_URL": "",
	}
	f.Fuzz(func(t *testing.T, first uint8, value string, second uint8, other string) {
		vars := map[string]string{}
		for name, v := range good {
			vars[name] = v
		}
		set := func(n uint8, v string) string {
			name := fields.Field(int(n) % fields.NumField()).Tag.Get("env")
			vars[name] = v
			return name
		}
		name := set(first, value)
		set(second, other)
		c, err := environmentFrom(vars).Config()
		if err != nil {
			if secretive(name) && len(value) > 12 && strings.Contains(err.Error(), value) {
				t.Errorf("%s is quoted: %v", name, err)
			}
			return
		}
		if c.CheckoutTTL < 31*time.Minute || c.CheckoutTTL > 24*time.Hour || c.OrderLease < c.ProviderTimeout+20*time.Second || c.UsagePollMax < c.UsagePollMin || c.TelegramSecret == "" || c.PublicURL != "" && len(c.DataKeys) == 0 {
			t.Errorf("%s=%q gives %+v", name, value, c)
		}
	})
}

// secretive says whether a variable holds a secret.
func secretive(name string) bool {
	return strings.HasSuffix(name, "_TOKEN") || strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_KEY") || name == "REDIS_URL"
}
