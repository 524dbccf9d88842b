package handlers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/store/storetest"
)

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

// When the support group is gone the admins get the question, and their answer reaches the customer.
func TestSupportGroupIsGone(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin, second)
	if err := h.client.leave(deadline(t), supportGroup); err != nil {
		t.Fatal(err)
	}
	h.ask("help")
	if got := h.last(customer).Body(); !strings.HasPrefix(got, "✅ Sent") {
		t.Errorf("the customer reads %q", got)
	}
	if len(h.fromBot(admin)) != 1 || len(h.fromBot(second)) != 1 {
		t.Fatalf("the admins read %v and %v", h.texts(admin), h.texts(second))
	}
	h.reply(admin, admin, "here")
	if got := h.last(customer).Body(); !strings.Contains(got, "here") {
		t.Errorf("the customer reads %q", got)
	}
}

// On the real store, killed in the middle of a question: each message arrives, and once.
func TestRelayOnRedis(t *testing.T) {
	server := storetest.StartDurable(t)
	h := newHelpdeskOn(t, openStore(t, server.URL()), supportGroup, admin)
	h.ask("first")
	server.Kill()
	if _, err := h.tg.SendText(customer, "second"); err != nil {
		t.Fatal(err)
	}
	h.until("refused while Redis is down", func() bool { return h.counter("telegram_updates_total", "text", "unavailable") > 0 })
	server.Up()
	h.settled()
	got := strings.Join(h.texts(supportGroup), "\n")
	if strings.Count(got, "first") != 1 || strings.Count(got, "second") != 1 {
		t.Errorf("support reads %q", got)
	}
	h.reply(supportGroup, helper, "hello")
	letter := h.last(customer)
	if !strings.HasSuffix(letter.Body(), "hello") {
		t.Errorf("the customer reads %q", letter.Body())
	}
	h.write("/start")
	if _, err := h.tg.Reply(customer, customer, letter.ID, "thanks"); err != nil {
		t.Fatal(err)
	}
	h.settled()
	for _, again := range []int{h.tg.LastUpdate(), h.tg.LastUpdate() - 1, h.tg.LastUpdate() - 2} {
		h.tg.Redeliver(again)
	}
	h.settled()
	if got := strings.Join(h.texts(supportGroup), "\n"); strings.Count(got, "thanks") != 1 || strings.Count(strings.Join(h.texts(customer), "\n"), "hello") != 1 {
		t.Errorf("support reads %q, the customer %q", got, h.texts(customer))
	}
}
