package handlers

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"slices"
	"sync"
	"testing"
	"time"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
	"esimbot/store"
	"esimbot/usage"
)

const (
	supportGroup = int64(-100900)
	second       = int64(2000) // another admin
	helper       = int64(3000) // a member of the support group, and no admin
	theirs       = orders.ID("7KQ2M9X4TB")
)

// relays remembers as the store does, and fails when told to.
type relays struct {
	mu    sync.Mutex
	kept  map[[2]int64]flows.Relayed
	asked map[int64]int
	down  error
}

func (r *relays) SaveRelay(_ context.Context, chat int64, message int, kept flows.Relayed) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down != nil {
		return r.down
	}
	r.kept[[2]int64{chat, int64(message)}] = kept
	return nil
}

func (r *relays) Relay(_ context.Context, chat int64, message int) (flows.Relayed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept, ok := r.kept[[2]int64{chat, int64(message)}]; ok || r.down != nil {
		return kept, r.down
	}
	return flows.Relayed{}, fmt.Errorf("look: %w", orders.ErrNotFound)
}

func (r *relays) AllowInquiry(_ context.Context, customer int64, _ time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down != nil {
		return r.down
	}
	if r.asked[customer]++; r.asked[customer] > 10 {
		return orders.ErrTooMany
	}
	return nil
}

func (r *relays) set(f func(*relays)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

// The shop that the conversations are about has one order, and nothing on its shelves.
type (
	emptyShelves struct{}
	oneOrder     struct{ flows.Desk }
	noESIMs      struct{ flows.ESIMs }
	noSales      struct{}
	noEraser     struct{}
)

func (emptyShelves) Snapshot() *catalog.Snapshot { return &catalog.Snapshot{} }
func (emptyShelves) Quote(context.Context, esim.Plan) (esim.Plan, error) {
	return esim.Plan{}, catalog.ErrGone
}
func (noSales) Popular(string) []string                                  { return nil }
func (noEraser) Erase(context.Context, int64) error                      { return nil }
func (noESIMs) ByCustomer(context.Context, int64) ([]*usage.ESIM, error) { return nil, nil }
func (oneOrder) List(_ context.Context, who int64) ([]*orders.Order, error) {
	if who != customer {
		return nil, nil
	}
	return []*orders.Order{theOrder()}, nil
}

func (oneOrder) Get(_ context.Context, id orders.ID, who int64) (*orders.Order, error) {
	if id != theirs || who != customer {
		return nil, orders.ErrNotFound
	}
	return theOrder(), nil
}

func theOrder() *orders.Order {
	return &orders.Order{
		ID: theirs, State: orders.Delivered, Customer: customer, Language: "en",
		Plan: esim.Plan{Provider: esim.CloudESIM, Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Kind: esim.Fixed, Bytes: esim.GB, Days: 7},
	}
}

// helpdesk is a stage with the real conversations and the relay.
type helpdesk struct {
	*stage
	relays *relays
	claims *claims
	raws   int
}

func newHelpdesk(t *testing.T, group int64, admins ...int64) *helpdesk {
	t.Helper()
	return newHelpdeskOn(t, nil, group, admins...)
}

// newHelpdeskOn keeps everything in Redis; in memory where keeper is nil.
func newHelpdeskOn(t *testing.T, keeper *store.Store, group int64, admins ...int64) *helpdesk {
	t.Helper()
	h := &helpdesk{relays: &relays{kept: map[[2]int64]flows.Relayed{}, asked: map[int64]int{}}}
	h.stage = newStage(t, func(c *Config) {
		c.Admins, c.SupportChat = admins, group
		h.claims = &claims{now: c.Now, till: map[string]time.Time{}}
		h.build(t, c, keeper)
	})
	for _, u := range []telegram.User{
		{ID: second, FirstName: "Second", LanguageCode: "de", Started: true}, {ID: helper, FirstName: "Helper", LanguageCode: "en"},
	} {
		h.tg.AddUser(u)
	}
	if group != 0 {
		h.tg.AddBasicGroup(group, "Support", admin, helper)
		if err := h.tg.AddBot(group, admin); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.door.Setup(t.Context(), h.web.URL+"/telegram/webhook"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	h.tg.ResetCalls()
	return h
}

// lateSupport is the relay that the shop writes to before it exists.
type lateSupport struct{ *Relay }

func (h *helpdesk) build(t *testing.T, c *Config, keeper *store.Store) {
	t.Helper()
	later := &lateSupport{}
	shop, err := flows.New(flows.Config{
		Catalogue: emptyShelves{}, Desk: oneOrder{}, ESIMs: noESIMs{}, Support: later, Eraser: noEraser{}, Popularity: noSales{},
		Bundle: c.Bundle, BotUsername: botName, Now: c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := RelayConfig{
		Client: c.Client, Letters: shop, Store: h.relays, Claims: h.claims, Sessions: c.Sessions,
		Admins: c.Admins, SupportChat: c.SupportChat, Now: c.Now, Log: c.Log, Metrics: c.Metrics,
	}
	if keeper != nil {
		cfg.Store, cfg.Claims, cfg.Sessions, c.Sessions = keeper, keeper, keeper.Sessions(), keeper.Sessions()
	}
	if later.Relay, err = NewRelay(cfg); err != nil {
		t.Fatal(err)
	}
	c.Shop, c.Relay = shop, later.Relay
}

// ask has the customer open a conversation about their order, and write.
func (h *helpdesk) ask(text string) {
	h.t.Helper()
	h.write("/paysupport")
	h.pressLast("ask/" + string(theirs))
	h.write(text)
}

// pressLast presses a button of the customer's last message.
func (h *helpdesk) pressLast(data string) {
	h.t.Helper()
	m := h.last(customer)
	if !slices.ContainsFunc(m.Buttons(), func(b telegram.Button) bool { return b.CallbackData == data }) {
		h.t.Fatalf("no button %s below %q: %+v", data, m.Body(), m.Buttons())
	}
	h.press(m.ID, data)
}

// reply has somebody of support's reply to the bot's last message in a chat.
func (h *helpdesk) reply(chat, who int64, text string) int {
	h.t.Helper()
	id, err := h.tg.Reply(chat, who, h.last(chat).ID, text)
	if err != nil {
		h.t.Fatal(err)
	}
	h.settled()
	return id
}

func (h *helpdesk) message(chat int64, id int) telegram.Message {
	h.t.Helper()
	for _, m := range h.tg.Messages(chat) {
		if m.ID == id {
			return m
		}
	}
	h.t.Fatalf("no message %d in chat %d", id, chat)
	return telegram.Message{}
}

func dot(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// raw brings an update about a message that Telegram itself doesn't have: it can be neither copied nor
// reacted to.
func (h *helpdesk) raw(chat, who int64, content string, replyTo int) {
	h.t.Helper()
	kind := "private"
	if chat < 0 {
		kind = "group"
	}
	if replyTo != 0 {
		content += fmt.Sprintf(`,"reply_to_message":{"message_id":%d,"from":{"id":%d,"is_bot":true},"chat":{"id":%d,"type":%q}}`, replyTo, h.client.BotID(), chat, kind)
	}
	h.raws++
	body := fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d},"chat":{"id":%d,"type":%q},%s}}`,
		7000+h.raws, 90_000+h.raws, who, chat, kind, content)
	if status, _ := h.post(testSecret, body); status != 200 {
		h.t.Fatalf("status %d for %s\nlog: %s", status, body, h.log)
	}
}

func (m *moves) set(to map[int64]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to = to
}
