package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
)

func TestWebhookRefusals(t *testing.T) {
	st := newStage(t)
	for _, c := range []struct {
		name, secret, body string
		want               int
	}{
		{"no secret", "", `{"update_id":1}`, 401},
		{"wrong secret", testSecret + "x", `{"update_id":1}`, 401},
		{"bad JSON", testSecret, `{"update_id":`, 400},
		{"no update", testSecret, `[]`, 400},
		{"too large", testSecret, `{"update_id":1,"x":"` + strings.Repeat("x", maxUpdate) + `"}`, 413},
		{"nothing we asked for", testSecret, `{"update_id":1,"poll":{"id":"1"}}`, 200},
		{"of a form we don't know", testSecret, `{"update_id":1,"message":"odd"}`, 200},
		{"channel post", testSecret, `{"update_id":1,"channel_post":{"message_id":1,"chat":{"id":-1,"type":"channel"},"text":"x"}}`, 200},
		{"edited", testSecret, `{"update_id":1,"edited_message":{"message_id":1,"from":{"id":7},"chat":{"id":7,"type":"private"},"text":"x"}}`, 200},
		{"by a bot", testSecret, `{"update_id":1,"message":{"message_id":1,"from":{"id":7,"is_bot":true},"chat":{"id":7,"type":"private"},"text":"x"}}`, 200},
		{"pinned", testSecret, `{"update_id":1,"message":{"message_id":1,"from":{"id":7},"chat":{"id":7,"type":"private"}}}`, 200},
	} {
		if status, _ := st.post(c.secret, c.body); status != c.want {
			t.Errorf("%s: %d, want %d", c.name, status, c.want)
		}
	}
	if n := len(st.shop.told()); n != 0 {
		t.Errorf("the shop was told %d times", n)
	}
	silent := newStage(t, func(c *Config) { c.WebhookSecret = "" })
	if status, _ := silent.post("", `{"update_id":1}`); status != 401 {
		t.Errorf("without a secret of our own: %d", status)
	}
	for _, path := range []string{"/telegram/webhook", "/healthz?x", "/nowhere"} {
		want := map[string]int{"/telegram/webhook": 405, "/healthz?x": 200, "/nowhere": 404}[path]
		if got, _, header := get(t, st.web.URL+path); got != want || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %d, want %d; header %v", path, got, want, header)
		}
	}
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body)), resp.Header
}

// A press on a message that is too old, or on one sent elsewhere, gets a new page.
func TestInaccessible(t *testing.T) {
	st := newStage(t)
	const press = `{"update_id":%d,"callback_query":{"id":"%d","from":{"id":7,"language_code":"en"},"data":"one"%s}}`
	for i, message := range []string{
		`,"message":{"message_id":5,"date":0,"chat":{"id":7,"type":"private"}}`,
		`,"inline_message_id":"abc"`,
	} {
		status, body := st.post(testSecret, fmt.Sprintf(press, i+1, i+1, message))
		if status != 200 || !strings.Contains(body, `"method":"answerCallbackQuery"`) {
			t.Errorf("%s: %d %s", message, status, body)
		}
		if len(st.fromBot(customer)) != i+1 || st.sessions.of(customer).Session.Screen != st.last(customer).ID {
			t.Errorf("%s: the chat shows %q", message, st.texts(customer))
		}
	}
}

// In a group the bot says where it is to be found, and leaves; nobody is an admin there.
func TestGroup(t *testing.T) {
	st := hooked(t)
	const group = int64(-100700)
	st.tg.AddGroup(group, "Travellers", customer, admin)
	if err := st.tg.AddBot(group, admin); err != nil {
		t.Fatal(err)
	}
	st.settled()
	got := st.texts(group)
	if len(got) != 1 || !strings.HasPrefix(got[0], "private_only in en") || !strings.Contains(got[0], "https://t.me/"+botName) {
		t.Errorf("the group reads %q", got)
	}
	if st.tg.CallCount("leaveChat") == 0 || len(st.shop.told()) != 0 {
		t.Errorf("left %d times, the shop was told %v", st.tg.CallCount("leaveChat"), st.shop.told())
	}
}

func TestSupportGroup(t *testing.T) {
	const support = int64(-100800)
	st := hooked(t, func(c *Config) { c.SupportChat = support })
	st.tg.AddGroup(support, "Support", admin)
	if err := st.tg.AddBot(support, admin); err != nil {
		t.Fatal(err)
	}
	if _, err := st.tg.SendGroupText(support, admin, "/start"); err != nil {
		t.Fatal(err)
	}
	st.settled()
	if len(st.fromBot(support)) != 0 || st.tg.CallCount("leaveChat") != 0 || len(st.shop.told()) != 0 {
		t.Errorf("in the support chat: %q, left %d times", st.texts(support), st.tg.CallCount("leaveChat"))
	}
	body := fmt.Sprintf(`{"update_id":90,"callback_query":{"id":"9","from":{"id":%d,"language_code":"en"},"data":"one",
		"message":{"message_id":5,"date":1,"text":"x","chat":{"id":%d,"type":"supergroup"}}}}`, admin, support)
	if status, answer := st.post(testSecret, body); status != 200 || !strings.Contains(answer, "private_only") {
		t.Errorf("a press in a group: %d %s", status, answer)
	}
	if st.tg.CallCount("leaveChat") != 0 || len(st.shop.told()) != 0 {
		t.Error("a press in the support chat made the bot leave or act")
	}
}

// Who blocks the bot is noted, and so is their return.
func TestBlocked(t *testing.T) {
	var returned []int64
	st := hooked(t, func(c *Config) {
		c.Returned = func(_ context.Context, customer int64) error {
			returned = append(returned, customer)
			return nil
		}
	})
	st.tg.AddUser(telegram.User{ID: 8, FirstName: "Unknown", Started: true})
	st.tg.Block(8)
	st.write("/start")
	st.tg.Block(customer)
	st.settled()
	if c := st.sessions.of(customer).Customer; !c.Blocked.Equal(st.time()) {
		t.Errorf("customer = %+v", c)
	}
	if len(returned) > 0 {
		t.Errorf("%v are said to be back", returned)
	}
	if st.sessions.of(8).Customer.ID != 0 {
		t.Error("a stranger became a customer by blocking the bot")
	}
	st.shop.on = func(in flows.Input) (flows.Reply, error) { // leaves the customer as it is
		return flows.Reply{Session: in.Session, Screen: page("x"), Fresh: true}, nil
	}
	st.write("/start")
	if c := st.sessions.of(customer).Customer; !c.Blocked.IsZero() {
		t.Errorf("back again, the customer = %+v", c)
	}
	if !slices.Equal(returned, []int64{customer}) {
		t.Errorf("%v are said to be back", returned)
	}
}

// ledger takes payments, or fails to.
type ledger struct {
	err    error
	events []orders.PaymentEvent
	alerts []orders.Alert
}

func (l *ledger) HandlePayment(ctx context.Context, e orders.PaymentEvent) error {
	if err := errors.Join(ctx.Err(), l.err); err != nil {
		return err
	}
	l.events = append(l.events, e)
	return nil
}

func (l *ledger) Alert(_ context.Context, a orders.Alert) error {
	l.alerts = append(l.alerts, a)
	return nil
}

func TestStripeDoor(t *testing.T) {
	metrics, err := NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	event := orders.PaymentEvent{ID: "evt_1", Type: "checkout.session.completed", SessionID: "cs_1"}
	for _, c := range []struct {
		name    string
		body    string
		parse   error
		handle  error
		want    int
		handled int
		alerts  int
	}{
		{name: "genuine", body: "payload", want: 200, handled: 1},
		{name: "forged", body: "payload", parse: fmt.Errorf("parse: %w", ErrSignature), want: 400},
		{name: "no secret", body: "payload", parse: ErrNoSecret, want: 503, alerts: 1},
		{name: "another shop's", body: "payload", parse: ErrForeign, want: 200},
		{name: "unreadable", body: "payload", parse: errors.New("wrong version"), want: 500},
		{name: "not recorded", body: "payload", handle: errors.New("redis is down"), want: 500},
		{name: "too large", body: strings.Repeat("x", maxEvent+1), want: 413},
		{name: "panic", body: "panic", want: 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			books := &ledger{err: c.handle}
			logger := slog.New(slog.DiscardHandler)
			door, err := NewStripe(StripeConfig{
				Parse: func(_ context.Context, payload []byte, signature string) (orders.PaymentEvent, error) {
					if string(payload) == "panic" {
						panic("broken")
					}
					if string(payload) != "payload" || signature != "t=1,v1=x" {
						t.Errorf("parsed %q signed %q", payload, signature)
					}
					return event, c.parse
				},
				Orders: books, Alerts: books, Log: logger, Metrics: metrics,
			})
			if err != nil {
				t.Fatal(err)
			}
			web := httptest.NewServer(Routes(Doors{Stripe: door, Log: logger, Metrics: metrics}))
			defer web.Close()
			req, err := http.NewRequestWithContext(deadline(t), http.MethodPost, web.URL+"/stripe/webhook", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Stripe-Signature", "t=1,v1=x")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.want || len(books.events) != c.handled || len(books.alerts) != c.alerts {
				t.Errorf("%d with %d events and %d alerts", resp.StatusCode, len(books.events), len(books.alerts))
			}
			if c.handled == 1 && !slices.Equal(books.events, []orders.PaymentEvent{event}) {
				t.Errorf("handled %+v", books.events)
			}
		})
	}
}

// A payment that Stripe told of is recorded even if Stripe hangs up.
func TestStripeHungUp(t *testing.T) {
	metrics, err := NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	books := &ledger{}
	door, err := NewStripe(StripeConfig{
		Parse: func(context.Context, []byte, string) (orders.PaymentEvent, error) {
			return orders.PaymentEvent{ID: "evt_1"}, nil
		},
		Orders: books, Alerts: books, Log: slog.New(slog.DiscardHandler), Metrics: metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	w := httptest.NewRecorder()
	door.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/stripe/webhook", strings.NewReader("payload")))
	if w.Code != http.StatusOK || len(books.events) != 1 {
		t.Errorf("%d with %d events", w.Code, len(books.events))
	}
}

func TestReady(t *testing.T) {
	metrics, err := NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	var redis, catalogue error
	logger := slog.New(slog.DiscardHandler)
	web := httptest.NewServer(Routes(Doors{Log: logger, Metrics: metrics, Checks: []Check{
		{"Redis does not answer", func(context.Context) error { return redis }},
		{"no catalogue is loaded yet", func(context.Context) error { return catalogue }},
	}}))
	defer web.Close()
	expect := func(status int, reason string) {
		t.Helper()
		if got, body, _ := get(t, web.URL+"/readyz"); got != status || body != reason {
			t.Errorf("%d %q, want %d %q", got, body, status, reason)
		}
	}
	expect(200, "ok")
	catalogue = errors.New("no plans from secret-host")
	expect(503, "no catalogue is loaded yet")
	redis = errors.New("dial secret-host")
	expect(503, "Redis does not answer")
	if status, body, _ := get(t, web.URL+"/healthz"); status != 200 || body != "ok" {
		t.Errorf("healthz: %d %q", status, body)
	}
}

func TestIncomplete(t *testing.T) {
	st := newStage(t)
	if _, err := New(Config{}); err == nil {
		t.Error("a door of nothing")
	}
	if _, err := New(Config{Client: st.client, Shop: st.shop, Sessions: st.sessions, Bundle: st.door.bundle}); err == nil {
		t.Error("a door without a name")
	}
	if _, err := NewClient(ClientConfig{Token: testToken}); err == nil {
		t.Error("a client without a clock")
	}
	if _, err := NewStripe(StripeConfig{}); err == nil {
		t.Error("a Stripe door of nothing")
	}
	if _, err := NewNotifier(NotifierConfig{}); err == nil {
		t.Error("a notifier of nothing")
	}
	if _, err := NewMetrics(st.registry); err == nil {
		t.Error("the same metrics twice")
	}
}
