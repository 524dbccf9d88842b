package handlers

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"esimbot/flows"
	"esimbot/locales"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
)

const (
	testToken  = "4242:sandbox-token_for-tests"
	testSecret = "hook_secret-1"
	customer   = int64(7)
	admin      = int64(1000)
	botName    = "esim_sandbox_bot"
)

// stage is a local Telegram, the door under test before a scripted shop, and a clock that moves
// only when somebody waits.
type stage struct {
	t        *testing.T
	tg       *telegram.Server
	api      *httptest.Server
	web      *httptest.Server
	client   *Client
	door     *Telegram
	shop     *script
	sessions *memory
	log      *record
	registry *prometheus.Registry
	metrics  *Metrics

	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func newStage(t *testing.T, change ...func(*Config)) *stage {
	t.Helper()
	st := &stage{
		t: t, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		shop: &script{}, sessions: newMemory(), log: &record{}, registry: prometheus.NewRegistry(),
	}
	st.tg = telegram.New(telegram.Options{Token: testToken, BotUsername: botName, Now: st.time, After: st.after})
	st.api = httptest.NewServer(st.tg)
	st.tg.AddUser(telegram.User{ID: customer, FirstName: "Customer", LanguageCode: "en", Started: true})
	st.tg.AddUser(telegram.User{ID: admin, FirstName: "Admin", LanguageCode: "en", Started: true})

	var err error
	if st.metrics, err = NewMetrics(st.registry); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewJSONHandler(st.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st.client, err = NewClient(ClientConfig{
		Token: testToken, APIURL: st.api.URL, Now: st.time, Log: logger, Metrics: st.metrics, Wait: st.wait,
	})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Client: st.client, Username: botName, WebhookSecret: testSecret, Shop: st.shop, Sessions: st.sessions,
		Bundle: bundle, Admins: []int64{admin}, Now: st.time, Log: logger, Metrics: st.metrics,
	}
	for _, f := range change {
		f(&cfg)
	}
	if st.door, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	st.web = httptest.NewServer(Routes(Doors{Telegram: st.door, Log: logger, Metrics: st.metrics}))
	t.Cleanup(func() {
		st.tg.Close()
		st.web.Close()
		st.api.Close()
	})
	return st
}

// hooked has Telegram deliver to the door's webhook, as Setup tells it to.
func hooked(t *testing.T, change ...func(*Config)) *stage {
	t.Helper()
	st := newStage(t, change...)
	if err := st.door.Setup(t.Context(), st.web.URL+"/telegram/webhook"); err != nil {
		t.Fatal(err)
	}
	st.tg.ResetCalls()
	return st
}

func (st *stage) time() time.Time {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.now
}

func (st *stage) advance(d time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.now = st.now.Add(d)
}

// wait moves the clock instead of waiting, and keeps account. The typing indicator's pause lasts
// until the effect is over.
func (st *stage) wait(ctx context.Context, d time.Duration) error {
	if d == typingEvery {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	st.advance(d)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.waits = append(st.waits, d)
	return nil
}

func (st *stage) waited() []time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.Clone(st.waits)
}

func (st *stage) after(d time.Duration) <-chan time.Time {
	st.advance(d)
	c := make(chan time.Time, 1)
	c <- st.time()
	return c
}

// deadline bounds every wait for a condition.
func deadline(t *testing.T) context.Context {
	t.Helper()
	// Not the test's own context: that one has ended when the cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (st *stage) until(what string, met func() bool) {
	st.t.Helper()
	ctx := deadline(st.t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			st.t.Fatalf("%s: %v\nlog: %s", what, ctx.Err(), st.log)
		}
	}
}

// settled waits until Telegram has nothing left to deliver.
func (st *stage) settled() {
	st.t.Helper()
	st.until("updates delivered", func() bool { return st.tg.Pending() == 0 })
}

func (st *stage) write(text string) {
	st.t.Helper()
	if _, err := st.tg.SendText(customer, text); err != nil {
		st.t.Fatal(err)
	}
	st.settled()
}

func (st *stage) press(message int, data string) string {
	st.t.Helper()
	id, err := st.tg.Press(customer, message, data)
	if err != nil {
		st.t.Fatal(err)
	}
	st.settled()
	return id
}

func (st *stage) mood(r fault.Rule) {
	st.t.Helper()
	if err := st.tg.Fault.Set(r); err != nil {
		st.t.Fatal(err)
	}
}

// fromBot returns what the bot has in a chat, oldest first.
func (st *stage) fromBot(chat int64) []telegram.Message {
	return slices.DeleteFunc(st.tg.Messages(chat), func(m telegram.Message) bool { return !m.FromBot() })
}

// texts are the bodies of the bot's messages.
func (st *stage) texts(chat int64) []string {
	var list []string
	for _, m := range st.fromBot(chat) {
		list = append(list, m.Body())
	}
	return list
}

func (st *stage) last(chat int64) telegram.Message {
	st.t.Helper()
	list := st.fromBot(chat)
	if len(list) == 0 {
		st.t.Fatalf("the bot wrote nothing\nlog: %s", st.log)
	}
	return list[len(list)-1]
}

// counter reads a metric by its name and the values of its labels, in the order of their names.
func (st *stage) counter(name string, labels ...string) float64 {
	st.t.Helper()
	families, err := st.registry.Gather()
	if err != nil {
		st.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if slices.Equal(values, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// post sends a body to the webhook.
func (st *stage) post(secret, body string) (int, string) {
	st.t.Helper()
	req, err := http.NewRequestWithContext(deadline(st.t), http.MethodPost, st.web.URL+"/telegram/webhook", strings.NewReader(body))
	if err != nil {
		st.t.Fatal(err)
	}
	req.Header.Set(secretHeader, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		st.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// record is a log that can be searched while it is written.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// script is a shop whose pages are named by their routes, and that does as a test tells it.
type script struct {
	mu      sync.Mutex
	on      func(in flows.Input) (flows.Reply, error) // nil: the plain pages
	inputs  []flows.Input
	redrawn int
}

func page(route string) *flows.Screen {
	return &flows.Screen{Name: "page", HTML: "<b>" + locales.Escape(route) + "</b>", Rows: [][]flows.Button{
		{{Text: "One", Data: "one", Style: flows.Primary}, {Text: "Two", Data: "two"}},
		{{Text: "Site", URL: "https://example.com/"}, {Text: "Copy", Copy: "copied"}},
	}}
}

// plain answers presses in place and everything else with a new message.
func plain(in flows.Input) (flows.Reply, error) {
	next := in.Session
	switch in.Event.Kind {
	case flows.EventPress:
		next.Page = in.Event.Data
	case flows.EventCommand:
		next.Page = "/" + in.Event.Command
	default:
		next.Page = string(in.Event.Kind) + ":" + in.Event.Text
	}
	c := flows.Customer{ID: in.User, Language: "en"}
	return flows.Reply{Session: next, Customer: &c, Screen: page(next.Page), Fresh: in.Event.Kind != flows.EventPress}, nil
}

func (s *script) Handle(_ context.Context, in flows.Input) (flows.Reply, error) {
	s.mu.Lock()
	s.inputs = append(s.inputs, in)
	on := s.on
	s.mu.Unlock()
	if on != nil {
		return on(in)
	}
	return plain(in)
}

func (s *script) Current(_ context.Context, in flows.Input) (flows.Reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redrawn++
	return flows.Reply{Session: in.Session, Screen: page(in.Session.Page)}, nil
}

func (s *script) Say(w flows.Word, lang string) string { return string(w) + " in " + lang }

func (s *script) Sorry(lang string) flows.Screen {
	return flows.Screen{Name: "sorry", HTML: "sorry in " + lang}
}

func (s *script) told() []flows.Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inputs)
}

func (s *script) redraws() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redrawn
}

// memory keeps sessions with the rules of the real store, and fails when told to.
type memory struct {
	mu     sync.Mutex
	people map[int64]flows.Loaded
	seen   map[[2]int64]bool
	down   error
	races  int // so many saves lose the race first
	loads  int
	saves  int
}

func newMemory() *memory {
	return &memory{people: map[int64]flows.Loaded{}, seen: map[[2]int64]bool{}}
}

func (m *memory) Load(_ context.Context, user, update int64) (flows.Loaded, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	if m.down != nil {
		return flows.Loaded{}, m.down
	}
	l := m.people[user]
	l.Seen = m.seen[[2]int64{user, update}]
	return l, nil
}

func (m *memory) Save(_ context.Context, user int64, s flows.Session, c *flows.Customer, update int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.down != nil {
		return m.down
	}
	l := m.people[user]
	if m.races > 0 {
		m.races--
		l.Session.Version++
		m.people[user] = l
	}
	if l.Session.Version != s.Version-1 {
		return flows.ErrConflict
	}
	l.Session = s
	if c != nil {
		l.Customer = *c
	}
	m.people[user] = l
	m.seen[[2]int64{user, update}] = true
	return nil
}

func (m *memory) of(user int64) flows.Loaded {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.people)[user]
}

func (m *memory) set(f func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}
