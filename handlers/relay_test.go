package handlers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"esimbot/flows"
	"esimbot/sandbox/telegram"
)

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
