package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
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
	h := &helpdesk{relays: &relays{kept: map[[2]int64]flows.Relayed{}, asked: map[int64]int{}}}
	h.stage = newStage(t, func(c *Config) {
		c.Admins, c.SupportChat = admins, group
		h.claims = &claims{now: c.Now, till: map[string]time.Time{}}
		h.build(t, c)
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

func (h *helpdesk) build(t *testing.T, c *Config) {
	t.Helper()
	later := &lateSupport{}
	shop, err := flows.New(flows.Config{
		Catalogue: emptyShelves{}, Desk: oneOrder{}, ESIMs: noESIMs{}, Support: later, Eraser: noEraser{}, Popularity: noSales{},
		Bundle: c.Bundle, BotUsername: botName, Now: c.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	later.Relay, err = NewRelay(RelayConfig{
		Client: c.Client, Letters: shop, Store: h.relays, Claims: h.claims, Sessions: c.Sessions,
		Admins: c.Admins, SupportChat: c.SupportChat, Now: c.Now, Log: c.Log, Metrics: c.Metrics,
	})
	if err != nil {
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

// TestConversation: from the customer to the support group, back, and back again.
func TestConversation(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.ask("No service in <Tokyo>")
	if got := h.last(customer).Body(); !strings.HasPrefix(got, "✅ Sent.") {
		t.Fatalf("the customer reads %q\nlog: %s", got, h.log)
	}
	inquiry := h.last(supportGroup)
	want := "💬 Order 7KQ2M-9X4TB · delivered · en\n\nNo service in <Tokyo>\n\nReply to this message to answer."
	if inquiry.Body() != want {
		t.Errorf("support reads %q", inquiry.Body())
	}
	if b := inquiry.Buttons(); len(b) != 1 || b[0].URL != "https://t.me/"+botName+"?start=a_"+string(theirs) {
		t.Errorf("support may press %+v", b)
	}
	if len(h.fromBot(admin)) != 0 {
		t.Error("an admin was told beside the group")
	}

	answer := h.reply(supportGroup, helper, "Switch <roaming> on")
	letter := h.last(customer)
	if letter.Body() != "💬 Support, about order 7KQ2M-9X4TB:\n\nSwitch <roaming> on" || strings.Contains(letter.Body(), "Helper") {
		t.Errorf("the customer reads %q", letter.Body())
	}
	if h.message(supportGroup, answer).Reaction != "👍" {
		t.Error("support doesn't see that it arrived")
	}
	// The customer leaves the conversation, and replies to the answer all the same.
	h.write("/help")
	if _, err := h.tg.Reply(customer, customer, letter.ID, "That was it, thanks"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if got := h.last(supportGroup).Body(); !strings.Contains(got, "7KQ2M-9X4TB") || !strings.Contains(got, "That was it, thanks") {
		t.Errorf("support reads %q", got)
	}
	// The letter's own buttons open a conversation, or the order, and leave the letter as it is.
	for data, want := range map[string]string{"reply/" + string(theirs): "🙋 Write to support", "bought/" + string(theirs): "Order 7KQ2M-9X4TB"} {
		h.press(letter.ID, data)
		if got := h.last(customer); got.ID == letter.ID || !strings.HasPrefix(got.Body(), want) {
			t.Errorf("%s shows %q", data, got.Body())
		}
	}
	if h.message(customer, letter.ID).Edited() {
		t.Error("the answer was drawn over")
	}
	if in, out := h.counter("support_messages_total", "to_support", "ok"), h.counter("support_messages_total", "to_customer", "ok"); in != 2 || out != 1 {
		t.Errorf("%v messages in, %v out", in, out)
	}
}

// In the support group nothing but a reply to a customer's message does anything.
func TestTalkInTheSupportGroup(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.ask("help")
	before, inquiry := len(h.fromBot(customer)), h.last(supportGroup)
	h.reply(supportGroup, admin, "/refund "+theirs.String())
	if _, err := h.tg.SendGroupText(supportGroup, admin, "/balance@"+botName); err != nil {
		t.Fatal(err)
	}
	own, err := h.client.send(t.Context(), supportGroup, flows.Screen{HTML: "an alert"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.tg.Reply(supportGroup, helper, own.ID, "I'll look into it"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	// Another bot's words, and an edited answer.
	for i, body := range []string{
		`"message":{"message_id":901,"from":{"id":5,"is_bot":true},"chat":{"id":%d,"type":"group"},"text":"x","reply_to_message":{"message_id":%d,"from":{"id":4242,"is_bot":true},"chat":{"id":-1,"type":"group"}}}`,
		`"edited_message":{"message_id":902,"from":{"id":3000},"chat":{"id":%d,"type":"group"},"text":"x","reply_to_message":{"message_id":%d,"from":{"id":4242,"is_bot":true},"chat":{"id":-1,"type":"group"}}}`,
	} {
		if status, _ := h.post(testSecret, fmt.Sprintf(`{"update_id":%d,`+body+`}`, 5000+i, supportGroup, inquiry.ID)); status != 200 {
			t.Errorf("status %d", status)
		}
	}
	if got := h.texts(customer)[before:]; len(got) != 0 {
		t.Errorf("the customer got %q", got)
	}
	if n := len(h.fromBot(supportGroup)); n != 2 || h.tg.CallCount("leaveChat") != 0 {
		t.Errorf("the bot wrote %d times to the group and left it %d times", n, h.tg.CallCount("leaveChat"))
	}
	// An anonymous administrator may answer, as the group.
	if _, err := h.tg.ReplyAnonymously(supportGroup, inquiry.ID, "On it"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if got := h.last(customer).Body(); !strings.HasSuffix(got, "\n\nOn it") {
		t.Errorf("the customer reads %q", got)
	}
}

// Without a support group each admin gets the question in their language, and one answers.
func TestTwoAdmins(t *testing.T) {
	h := newHelpdesk(t, 0, admin, second, 555) // 555 never wrote to the bot
	if _, err := h.tg.SendText(second, "/start"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	h.ask("help")
	inquiry := h.last(second)
	if got := h.last(admin).Body(); !strings.HasPrefix(got, "💬 Order 7KQ2M-9X4TB") || !strings.HasPrefix(inquiry.Body(), "💬 Bestellung 7KQ2M-9X4TB") {
		t.Fatalf("the admins read %q and %q", got, inquiry.Body())
	}
	if b := inquiry.Buttons(); len(b) != 1 || b[0].CallbackData != "alert/order/"+string(theirs) {
		t.Errorf("an admin may press %+v", b)
	}
	before := len(h.fromBot(customer))
	if _, err := h.tg.Reply(second, second, inquiry.ID, "Moment"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if got := h.texts(customer)[before:]; len(got) != 1 || !strings.HasSuffix(got[0], "Moment") {
		t.Errorf("the customer got %q", got)
	}
	// The other admin hears of it, and may add to it.
	if got := h.last(admin).Body(); !strings.HasPrefix(got, "💬 Another admin answered about order 7KQ2M-9X4TB") || !strings.HasSuffix(got, "Moment") {
		t.Errorf("the other admin reads %q", got)
	}
	h.reply(admin, admin, "And this")
	if got := h.last(customer).Body(); !strings.HasSuffix(got, "And this") {
		t.Errorf("the customer reads %q", got)
	}
	// A command is a command, and a reply to anything else is a search.
	before = len(h.fromBot(customer))
	if _, err := h.tg.Reply(second, second, inquiry.ID, "/help"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	h.reply(second, second, "Japan")
	if got := h.texts(customer)[before:]; len(got) != 0 {
		t.Errorf("the customer got %q", got)
	}
	if got := len(h.tg.Commands(admin)); got != len(adminMenu()) {
		t.Errorf("an admin's menu has %d commands", got)
	}
	if c := h.tg.Commands(second); c[9].Command != "orders" || c[9].Description != "Neueste Bestellungen oder die eines Zustands" {
		t.Errorf("an admin's menu: %+v", c[9])
	}
}

// An admin who writes to support as a customer gets the question, too, and can tell the two apart.
func TestAdminAsCustomer(t *testing.T) {
	h := newHelpdesk(t, 0, customer)
	h.write("/support")
	h.pressLast("ask")
	h.write("is anybody there")
	var inquiry telegram.Message
	for _, m := range h.fromBot(customer) {
		if strings.HasPrefix(m.Body(), "💬 A question") {
			inquiry = m
		}
	}
	h.write("/start")
	if _, err := h.tg.Reply(customer, customer, inquiry.ID, "I am"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	letter := h.last(customer)
	if letter.Body() != "💬 Support:\n\nI am" {
		t.Fatalf("%q", h.texts(customer))
	}
	if _, err := h.tg.Reply(customer, customer, letter.ID, "good"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if got := h.texts(customer); !strings.HasPrefix(got[len(got)-2], "💬 A question · en\n\ngood") {
		t.Errorf("%q", got)
	}
}

func TestBlockedCustomer(t *testing.T) {
	for _, chat := range []int64{supportGroup, admin} {
		group := chat
		if chat == admin {
			group = 0
		}
		h := newHelpdesk(t, group, admin)
		h.ask("help")
		h.tg.Block(customer)
		h.settled()
		answer := h.reply(chat, admin, "hello?")
		got := h.last(chat)
		if !strings.Contains(got.Body(), "blocked the bot") || got.ReplyTo == nil || got.ReplyTo.ID != answer {
			t.Errorf("in %d support reads %q", chat, h.texts(chat))
		}
		if h.message(chat, answer).Reaction != "" || h.counter("support_messages_total", "to_customer", "unreachable") != 1 {
			t.Error("the answer counts as delivered")
		}
	}
}

func TestPhotosBothWays(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	picture := dot(t)
	if _, err := h.tg.SendPhoto(customer, picture, "this is what I see"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	got := h.fromBot(supportGroup)
	if len(got) != 2 || got[0].Body() != "💬 A question · en\n\nReply to this message to answer." {
		t.Fatalf("support reads %q", h.texts(supportGroup))
	}
	photo := got[1]
	if bytesOf, ok := h.tg.File(photo.FileID()); !ok || !bytes.Equal(bytesOf, picture) || photo.Caption != "this is what I see" ||
		photo.ForwardOrigin != nil || photo.ReplyTo == nil || photo.ReplyTo.ID != got[0].ID {
		t.Errorf("the photo came as %+v", photo)
	}
	// A reply to the photo finds its way as well, with a photo of its own.
	if _, err := h.tg.ReplyPhoto(supportGroup, helper, photo.ID, dot(t), "tap here"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	list := h.fromBot(customer)
	header, letter := list[len(list)-2], list[len(list)-1]
	if header.Body() != "💬 Support:" || len(header.Buttons()) != 0 || letter.Caption != "tap here" || letter.ForwardOrigin != nil {
		t.Errorf("the customer reads %q", h.texts(customer))
	}
	if b := letter.Buttons(); len(b) != 1 || b[0].CallbackData != "reply" {
		t.Errorf("and may press %+v", b)
	}
	if _, err := h.tg.Reply(customer, customer, letter.ID, "ah"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if got := h.last(supportGroup).Body(); !strings.Contains(got, "ah") {
		t.Errorf("support reads %q", got)
	}
	// A caption with a card's number stays here.
	before := len(h.fromBot(supportGroup))
	if _, err := h.tg.SendPhoto(customer, picture, "4242 4242 4242 4242"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if len(h.fromBot(supportGroup)) != before {
		t.Error("a card's number reached support")
	}
}

// An album is one message to its sender: one header, one confirmation, and it counts once.
func TestAlbum(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	before := len(h.fromBot(customer))
	if _, err := h.tg.SendAlbum(customer, dot(t), dot(t), dot(t)); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if got := h.fromBot(supportGroup); len(got) != 4 || got[0].Text == "" || got[3].FileID() == "" {
		t.Errorf("support reads %q", h.texts(supportGroup))
	}
	if got := h.texts(customer)[before:]; len(got) != 1 {
		t.Errorf("the customer reads %q", got)
	}
	h.relays.set(func(r *relays) {
		if r.asked[customer] != 1 {
			t.Errorf("it counts %d times", r.asked[customer])
		}
	})
}

func TestTooManyQuestions(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.ask("1")
	for i := 2; i <= 12; i++ {
		h.advance(time.Minute)
		h.write(fmt.Sprint(i))
	}
	if n := len(h.fromBot(supportGroup)); n != 10 {
		t.Errorf("%d messages reached support", n)
	}
	if got := h.last(customer).Body(); !strings.HasPrefix(got, "This message was not sent") {
		t.Errorf("the customer reads %q", got)
	}
	if n := h.counter("support_messages_total", "to_support", "too_many"); n != 2 {
		t.Errorf("%v were counted", n)
	}
}

// An update that comes twice is carried once, either way.
func TestRepeatedMessages(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.ask("help")
	h.tg.Redeliver(h.tg.LastUpdate())
	h.settled()
	if n := len(h.fromBot(supportGroup)); n != 1 {
		t.Errorf("%d messages reached support", n)
	}
	h.reply(supportGroup, helper, "hello")
	before := len(h.fromBot(customer))
	h.tg.Redeliver(h.tg.LastUpdate())
	h.settled()
	if got := h.texts(customer)[before:]; len(got) != 0 {
		t.Errorf("the customer got again %q", got)
	}
}

// A message that was cut short on its way goes on when its update comes again, and arrives once.
func TestInterruptedMessages(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	h.relays.set(func(r *relays) { r.down = errors.New("no redis") })
	if _, err := h.tg.SendText(customer, "help"); err != nil {
		t.Fatal(err)
	}
	h.until("the message was tried", func() bool { return h.counter("support_messages_total", "to_support", "failed") > 0 })
	h.relays.set(func(r *relays) { r.down = nil })
	h.settled()
	if got := h.texts(supportGroup); len(got) != 1 || !strings.Contains(got[0], "help") {
		t.Errorf("support reads %q", got)
	}
	if got := h.last(customer).Body(); !strings.HasPrefix(got, "✅ Sent.") {
		t.Errorf("the customer reads %q", got)
	}
	h.relays.set(func(r *relays) { r.down = errors.New("no redis") })
	if _, err := h.tg.Reply(supportGroup, helper, h.last(supportGroup).ID, "hello"); err != nil {
		t.Fatal(err)
	}
	h.until("the answer was tried", func() bool { return h.counter("telegram_updates_total", "support", "unavailable") > 0 })
	h.relays.set(func(r *relays) { r.down = nil })
	h.settled()
	if got := h.last(customer).Body(); !strings.HasSuffix(got, "hello") {
		t.Errorf("the customer reads %q", got)
	}
}

// Who finds a message being carried by another replica comes again: the other may die.
func TestMessageBegunElsewhere(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	q := flows.Inquiry{Customer: customer, Language: "en", Message: 77, Text: "help"}
	if ok, err := h.claims.Claim(t.Context(), sending(fmt.Sprintf("relay:%d:77", customer)), sendTry); !ok || err != nil {
		t.Fatal(ok, err)
	}
	var down *unavailableError
	if err := h.door.relay.Ask(t.Context(), q); !errors.As(err, &down) || len(h.fromBot(supportGroup)) != 0 {
		t.Errorf("taken for sent: %v", err)
	}
	h.advance(sendTry)
	for range 2 {
		if err := h.door.relay.Ask(t.Context(), q); err != nil || len(h.fromBot(supportGroup)) != 1 {
			t.Errorf("after the other died: %v, %q", err, h.texts(supportGroup))
		}
	}
}

// Telegram's 429 delays messages either way and loses none.
func TestRelayWaits(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	h.mood(fault.Rule{Mood: fault.Limited, Path: "sendMessage", Times: 2})
	h.write("help")
	if got := h.texts(supportGroup); len(got) != 1 || len(h.waited()) == 0 {
		t.Errorf("support reads %q after %v", got, h.waited())
	}
	h.mood(fault.Rule{Mood: fault.Limited, Path: "sendMessage", Times: 2})
	h.reply(supportGroup, helper, "hello")
	if got := h.last(customer).Body(); !strings.HasSuffix(got, "hello") {
		t.Errorf("the customer reads %q", got)
	}
}

// A message that Telegram fails is tried again, and counts once.
func TestTriedAgainCountsOnce(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	h.mood(fault.Rule{Mood: fault.Error, Path: "sendMessage", Times: 2})
	h.write("help")
	if got := h.texts(supportGroup); len(got) != 1 {
		t.Errorf("support reads %q", got)
	}
	h.relays.set(func(r *relays) {
		if r.asked[customer] != 1 {
			t.Errorf("it counts %d times", r.asked[customer])
		}
	})
}

// Where reactions don't work, a word says that the answer arrived.
func TestConfirmedByWord(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.ask("help")
	h.raw(supportGroup, helper, `"text":"hello"`, h.last(supportGroup).ID)
	if got := h.last(supportGroup).Body(); got != "✅ Delivered." || !strings.HasSuffix(h.last(customer).Body(), "hello") {
		t.Errorf("support reads %q", got)
	}
}

// What Telegram doesn't copy is said to whom it came from.
func TestNotCarried(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	h.raw(customer, customer, `"poll":{"id":"1"}`, 0)
	if got := h.last(customer).Body(); !strings.HasPrefix(got, "This kind of message can't be passed on") {
		t.Errorf("the customer reads %q", got)
	}
	h.write("help")
	h.raw(supportGroup, helper, `"poll":{"id":"1"}`, h.last(supportGroup).ID)
	if got := h.last(supportGroup).Body(); !strings.HasPrefix(got, "Not delivered: Telegram") {
		t.Errorf("support reads %q", got)
	}
}

// A long text arrives whole, in two messages.
func TestLongTexts(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	long := strings.Repeat("слово ", 680) + "end"
	h.ask(long)
	words := func(texts []string) int { return strings.Count(strings.Join(texts, " "), "слово") }
	if got := h.texts(supportGroup); len(got) != 2 || words(got) != 680 || !strings.HasSuffix(got[1], "end") {
		t.Errorf("support got %d messages with %d words", len(got), words(got))
	}
	before := len(h.fromBot(customer))
	h.reply(supportGroup, helper, long)
	got := h.fromBot(customer)[before:]
	if len(got) != 2 || words(h.texts(customer)[before:]) != 680 || len(got[0].Buttons()) != 0 || len(got[1].Buttons()) != 2 {
		t.Errorf("the customer got %d messages", len(got))
	}
}

// A support group that becomes a supergroup stays the support chat: for questions, answers and alerts,
// also in a process that didn't see it happen.
func TestSupportGroupMoves(t *testing.T) {
	const supergroup = int64(-1001234567890)
	h := newHelpdesk(t, supportGroup, admin)
	if err := h.tg.Migrate(supportGroup, supergroup); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if h.tg.CallCount("leaveChat") != 0 {
		t.Fatal("the bot left its support group")
	}
	h.client.moves.set(nil) // as after a start
	h.ask("help")
	if got := h.texts(supergroup); len(got) != 1 {
		t.Fatalf("support reads %q", got)
	}
	h.client.moves.set(nil)
	h.reply(supergroup, helper, "hello")
	if got := h.last(customer).Body(); !strings.HasSuffix(got, "hello") || h.tg.CallCount("leaveChat") != 0 {
		t.Errorf("the customer reads %q", got)
	}
	h.client.moves.set(nil)
	n := newNotifier(t, h.stage, supportGroup, admin)
	for i := range 2 {
		if err := n.Alert(t.Context(), orders.Alert{Key: fmt.Sprint(i), Kind: "stuck"}); err != nil || h.last(supergroup).Body() != "stuck in en" {
			t.Errorf("alert: %v, %q", err, h.texts(supergroup))
		}
	}
	// Any other group is still left.
	h.tg.AddGroup(-100777, "Travellers", admin)
	if err := h.tg.AddBot(-100777, admin); err != nil {
		t.Fatal(err)
	}
	h.settled()
	if h.tg.CallCount("leaveChat") == 0 {
		t.Error("the bot stayed in another group")
	}
}

// A customer hears it when nobody is there to read.
func TestNobodyToAsk(t *testing.T) {
	for name, admins := range map[string][]int64{"no admin": nil, "one who never wrote": {555}} {
		h := newHelpdesk(t, 0, admins...)
		h.ask("help")
		if got := h.last(customer).Body(); !strings.HasPrefix(got, "Your message did not get through") {
			t.Errorf("%s: the customer reads %q", name, got)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ text, head, rest string }{
		{"", "", ""},
		{"short", "short", ""},
		{strings.Repeat("x", headed), strings.Repeat("x", headed), ""},
		{strings.Repeat("x", headed+5), strings.Repeat("x", headed), "xxxxx"},
		{strings.Repeat("x", headed-3) + " yyyyyy", strings.Repeat("x", headed-3), "yyyyyy"},
		{"a " + strings.Repeat("😀", headed), "a " + strings.Repeat("😀", headed/2-1), strings.Repeat("😀", headed/2+1)},
	} {
		if head, rest := split(c.text); head != c.head || rest != c.rest {
			t.Errorf("%.20q (%d): %d and %d", c.text, len(c.text), len(head), len(rest))
		}
	}
}

func TestNewRelayWantsEverything(t *testing.T) {
	whole := newHelpdesk(t, 0, admin).door.relay.cfg
	for name, change := range map[string]func(*RelayConfig){
		"client": func(c *RelayConfig) { c.Client = nil }, "letters": func(c *RelayConfig) { c.Letters = nil },
		"store": func(c *RelayConfig) { c.Store = nil }, "claims": func(c *RelayConfig) { c.Claims = nil },
		"sessions": func(c *RelayConfig) { c.Sessions = nil }, "clock": func(c *RelayConfig) { c.Now = nil },
		"log": func(c *RelayConfig) { c.Log = nil }, "metrics": func(c *RelayConfig) { c.Metrics = nil },
	} {
		cfg := whole
		change(&cfg)
		if _, err := NewRelay(cfg); err == nil {
			t.Errorf("a relay without %s", name)
		}
	}
}

func (m *moves) set(to map[int64]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to = to
}
