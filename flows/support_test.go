package flows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"esimbot/flows"
	"esimbot/orders"
)

// support takes what customers write to it, each message once, with failures on demand.
type support struct {
	asked   []flows.Inquiry
	answers map[int]flows.Relayed // by the message in the customer's chat
	err     error
}

func (p *support) Ask(_ context.Context, q flows.Inquiry) error {
	if p.err != nil {
		return p.err
	}
	if !slices.ContainsFunc(p.asked, func(before flows.Inquiry) bool { return before.Message == q.Message }) {
		p.asked = append(p.asked, q)
	}
	return nil
}

func (p *support) Answered(_ context.Context, customer int64, message int) (flows.Relayed, error) {
	if r, ok := p.answers[message]; ok && r.Customer == customer {
		return r, nil
	}
	return flows.Relayed{}, fmt.Errorf("look: %w", orders.ErrNotFound)
}

// sentTo is what support got, one line each: order, topic, text.
func (s *stage) sentTo() string {
	var lines []string
	for _, q := range s.support.asked {
		order := "-"
		if q.Order != nil {
			order = string(q.Order.ID)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", order, q.Topic, q.Text)))
	}
	return strings.Join(lines, "\n")
}

func supportScenes(one func(string, func(*stage))) {
	one("paysupport_orders", func(s *stage) { s.regular(); s.command("paysupport", "") })
	one("support_ask", func(s *stage) { s.press("ask") })
	one("support_ask_order", func(s *stage) { s.regular(); s.press("ask/" + string(delivered)) })
	one("support_sent", func(s *stage) { s.press("ask"); s.text("help") })
	one("support_sent_reply", func(s *stage) {
		s.regular()
		s.support.answers[7] = flows.Relayed{Customer: customer, Order: delivered, Answer: true}
		s.event(flows.Event{Kind: flows.EventText, Text: "thanks", Sent: s.send(), ReplyTo: 7})
	})
	for name, err := range map[string]error{
		"too_many": orders.ErrTooMany, "not_carried": flows.ErrNotCarried, "unreachable": orders.ErrUnreachable,
	} {
		one("support_"+name, func(s *stage) { s.support.err = err; s.press("ask"); s.text("help") })
	}
	letter := func(name string, draw func(s *stage, o *orders.Order) flows.Screen) {
		one(name, func(s *stage) {
			s.shown = append(s.shown, draw(s, s.order(delivered, customer, "JP-10-30", orders.Delivered)))
		})
	}
	letter("support_answer", func(s *stage, o *orders.Order) flows.Screen {
		return s.shop.AnswerScreen(flows.Relayed{Customer: customer, Order: o.ID, Answer: true}, "", s.client)
	})
	letter("support_answer_plain", func(s *stage, _ *orders.Order) flows.Screen {
		return s.shop.AnswerScreen(flows.Relayed{Customer: customer, Answer: true}, "", s.client)
	})
	letter("inquiry", func(s *stage, o *orders.Order) flows.Screen {
		return s.shop.InquiryScreen(flows.Inquiry{Customer: customer, Language: "de", Order: o, Text: "Hallo <3", Topic: "refund"}, s.client)
	})
	letter("inquiry_plain", func(s *stage, _ *orders.Order) flows.Screen {
		return s.shop.InquiryScreen(flows.Inquiry{Customer: customer, Language: "ar", Text: "Atlantis", Topic: "search"}, s.client)
	})
	letter("inquiry_answered", func(s *stage, o *orders.Order) flows.Screen {
		return s.shop.AnsweredScreen(flows.Relayed{Customer: customer, Order: o.ID}, "Hi", s.client)
	})
}

func TestPaySupportOpensAConversationAboutAnOrder(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.order(unpaid, customer, "858", orders.Expired)
	s.command("paysupport", "")
	data := make([]string, 0, 8)
	for _, b := range slices.Concat(s.screen().Rows...) {
		data = append(data, b.Data)
	}
	if !slices.Contains(data, "ask/"+string(delivered)) || !slices.Contains(data, "ask") || slices.Contains(data, "ask/"+string(unpaid)) {
		t.Fatalf("the orders to choose from: %q", data)
	}
	s.press("ask/" + string(delivered))
	first := s.tap(flows.Event{Kind: flows.EventText, Text: "It says <no service>", Sent: s.send()})
	if first.Screen != nil || !first.Typing || first.Session.Relaying == 0 {
		t.Fatalf("before it is sent: %+v", first)
	}
	if r := s.effect(first); r.Screen.Name != "support_sent" || !r.Fresh || r.Session.Relaying != 0 {
		t.Errorf("after it is sent: %+v", r)
	}
	s.event(flows.Event{Kind: flows.EventOther, Text: "a picture", Sent: s.send()})
	s.text("Japan")
	if got := s.sentTo(); got != string(delivered)+"  It says <no service>\n"+string(delivered)+"\n"+string(delivered)+"  Japan" {
		t.Errorf("support got %s", got)
	}
	if q := s.support.asked[1]; q.Message == 0 || q.Customer != customer || q.Language != "en" {
		t.Errorf("the picture: %+v", q)
	}
	// Another page, or a command, ends it.
	s.press("start")
	if r := s.text("Japan"); r.Screen.Name != "found" {
		t.Errorf("after Back a text leads to %s", r.Screen.Name)
	}
	s.press("ask")
	s.command("buy", "")
	if r := s.text("Japan"); r.Screen.Name != "found" || len(s.support.asked) != 3 {
		t.Errorf("after a command a text leads to %s", r.Screen.Name)
	}
	// A page that asks asks again when it is drawn again.
	s.press("ask")
	if r := s.press("nowhere"); !r.Stale || r.Session.Question != "support" {
		t.Errorf("after a stale button the question is %q", r.Session.Question)
	}
}

func TestRefundIsAskedForWithItsOrder(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.press("refund/" + string(delivered))
	s.text("never worked")
	if got := s.sentTo(); got != string(delivered)+" refund never worked" {
		t.Errorf("support got %s", got)
	}
	if r := s.press("refund/" + string(foreign)); !r.Stale {
		t.Error("another's order")
	}
	if r := s.press("ask/" + string(foreign)); !r.Stale {
		t.Error("another's order")
	}
}

func TestWhatASearchDidNotFindIsSentOnce(t *testing.T) {
	s := newStage(t)
	s.text("my esim does not work / help")
	last := s.screen().Rows[len(s.screen().Rows)-1][0]
	if !strings.HasPrefix(last.Data, "tell/") {
		t.Fatalf("%+v", last)
	}
	if r := s.press(last.Data); r.Screen.Name != "support_sent" || r.Session.Unfound != nil {
		t.Errorf("%+v", r)
	}
	if r := s.press(last.Data); !r.Stale {
		t.Error("sent twice")
	}
	s.text("Atlantis")
	if r := s.press(last.Data); !r.Stale {
		t.Error("an old button sends what was typed later")
	}
	if got := s.sentTo(); got != "- search my esim does not work / help" {
		t.Errorf("support got %s", got)
	}
	if r := s.text("Japan"); r.Screen.Name != "found" {
		t.Errorf("a conversation was opened: %s", r.Screen.Name)
	}
}

func TestAReplyToAnAnswerGoesBack(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.support.answers[7] = flows.Relayed{Customer: customer, Order: delivered, Answer: true}
	s.support.answers[8] = flows.Relayed{Customer: stranger, Order: foreign, Answer: true}
	r := s.event(flows.Event{Kind: flows.EventText, Text: "thanks", Sent: s.send(), ReplyTo: 7})
	if r.Screen.Name != "support_sent" || r.Session.Question != "" || r.Screen.Rows[0][0].Data != "ask/"+string(delivered) {
		t.Errorf("%+v", r.Screen)
	}
	// The order replied about wins over the one asked about.
	s.press("ask/" + string(unlinked))
	s.event(flows.Event{Kind: flows.EventOther, Sent: s.send(), ReplyTo: 7})
	s.press("start")
	s.event(flows.Event{Kind: flows.EventText, Text: "Japan", Sent: s.send(), ReplyTo: 8})
	if got := s.sentTo(); got != string(delivered)+"  thanks\n"+string(delivered) {
		t.Errorf("support got %s", got)
	}
	// The buttons of an answer leave it as it is.
	for _, data := range []string{"reply/" + string(delivered), "reply", "bought/" + string(delivered)} {
		in := s.input(flows.Event{Kind: flows.EventPress, Data: data, Message: 7})
		if r := s.press(data); !r.Fresh {
			t.Errorf("%s is drawn over the answer", data)
		}
		if r, err := s.shop.Current(t.Context(), in); err != nil || !r.Fresh {
			t.Errorf("%s, again, is drawn over the answer: %v", data, err)
		}
	}
}

func TestCardNumbersDoNotReachSupport(t *testing.T) {
	s := newStage(t)
	s.press("ask")
	for _, typed := range []string{"4242 4242 4242 4242", "4242424242424243", "my card 5555-5555-5555-4444 was charged", "378282246310005"} {
		if r := s.text(typed); !strings.Contains(r.Screen.HTML, "card number") {
			t.Errorf("%q: %s", typed, r.Screen.HTML)
		}
	}
	if r := s.event(flows.Event{Kind: flows.EventOther, Text: "4242 4242 4242 4242", Sent: s.send()}); !strings.Contains(r.Screen.HTML, "card number") {
		t.Error("as a caption")
	}
	if len(s.support.asked) != 0 {
		t.Errorf("support got %s", s.sentTo())
	}
	for _, typed := range []string{"IMEI 356938035643809", iccid, "my order " + delivered.String(), "call +49 170 1234567 at 12:30"} {
		if r := s.text(typed); r.Screen.Name != "support_sent" {
			t.Errorf("%q was taken for a card", typed)
		}
	}
}

func TestSupportFailsKindly(t *testing.T) {
	s := newStage(t)
	s.press("ask")
	for _, c := range []struct {
		err   error
		name  string
		cause bool
	}{
		{fmt.Errorf("ask: %w", orders.ErrTooMany), "support_too_many", false},
		{fmt.Errorf("ask: %w", flows.ErrNotCarried), "support_not_carried", false},
		{fmt.Errorf("ask: %w", orders.ErrUnreachable), "support_unreachable", true},
	} {
		s.support.err = c.err
		if r := s.text("help"); r.Screen.Name != c.name || (r.Cause != nil) != c.cause || r.Session.Relaying != 0 {
			t.Errorf("%v: %+v", c.err, r)
		}
	}
}

// TestAMessageCutShortGoesOn: the update that comes again takes the message to support, once.
func TestAMessageCutShortGoesOn(t *testing.T) {
	for _, how := range []string{"text", "search"} {
		s := newStage(t)
		var e flows.Event
		if how == "text" {
			s.press("ask")
			e = flows.Event{Kind: flows.EventText, Text: "help", Sent: s.send()}
		} else {
			s.text("Atlantis")
			rows := s.screen().Rows
			e = flows.Event{Kind: flows.EventPress, Data: rows[len(rows)-1][0].Data, Message: 1}
		}
		r := s.tap(e)
		s.support.err = errors.New("no telegram")
		if _, err := r.Then(t.Context(), s.input(e)); err == nil {
			t.Fatal("a message lost without complaint")
		}
		s.support.err = nil
		for range 2 {
			r, err := s.shop.Current(t.Context(), s.input(e))
			if err != nil || r.Then == nil {
				t.Fatalf("%s: %+v %v", how, r, err)
			}
			if _, err := r.Then(t.Context(), s.input(e)); err != nil {
				t.Fatal(err)
			}
		}
		if len(s.support.asked) != 1 {
			t.Errorf("%s: support got %s", how, s.sentTo())
		}
		other := s.input(flows.Event{Kind: flows.EventText, Text: "Japan", Sent: 5})
		if r, err := s.shop.Current(t.Context(), other); err != nil || r.Then != nil {
			t.Errorf("%s: another message was sent: %v", how, err)
		}
	}
}

func TestAnAlbumIsAnsweredOnce(t *testing.T) {
	s := newStage(t)
	s.press("ask")
	sent := 0
	for range 3 {
		r := s.event(flows.Event{Kind: flows.EventOther, Sent: s.send(), Album: "77"})
		if r.Screen != nil && r.Screen.Name == "support_sent" {
			sent++
		}
	}
	if sent != 1 || len(s.support.asked) != 3 || s.support.asked[2].Album != "77" {
		t.Errorf("answered %d times, %d reached support", sent, len(s.support.asked))
	}
}

// TestLettersNameNobody: what support and customers read of each other.
func TestLettersNameNobody(t *testing.T) {
	s := newStage(t)
	o := s.order(delivered, customer, "JP-10-30", orders.Delivered)
	q := flows.Inquiry{Customer: customer, Language: "de", Order: o, Text: "<b> " + lpa, Topic: "refund"}
	screen := s.shop.InquiryScreen(q, "en")
	for _, want := range []string{delivered.String(), "delivered", "de", "refund wanted", "&lt;b&gt;"} {
		if !strings.Contains(screen.HTML, want) {
			t.Errorf("%q lacks %q", screen.HTML, want)
		}
	}
	if mentions(screen.HTML, "ABCD-1234", fmt.Sprint(customer)) || screen.Link != "https://t.me/esim_bot?start=a_"+string(delivered) {
		t.Errorf("%q with %q", screen.HTML, screen.Link)
	}
	if data := screen.Rows[0][0].Data; data != "alert/order/"+string(delivered) {
		t.Errorf("opens %q", data)
	}
	if screen := s.shop.InquiryScreen(flows.Inquiry{Customer: customer, Language: "de"}, "en"); screen.Link != "" || screen.Rows != nil {
		t.Errorf("about nothing: %+v", screen)
	}
}

// TestCodesAreKnown: in the forms in which people come by their activation code, and in no other text.
func TestCodesAreKnown(t *testing.T) {
	for typed, want := range map[string]string{
		"LPA:1$smdp.example$ABC-1":              "LPA:1$…",
		"lpa:1$smdp.example$ABC-1$$1 please":    "LPA:1$… please",
		"LPA: 1$smdp.example$ABC-1":             "LPA:1$…",
		"1$smdp.example$ABC-1":                  "LPA:1$…",
		"x?carddata=LPA%3A1%24smdp.example%24A": "x?carddata=LPA:1$…",
		"x?carddata=lpa%3a1%24smdp.example%24A": "x?carddata=LPA:1$…",
		"it cost 1$ or 1$50":                    "it cost 1$ or 1$50",
		"LPA is not a price of 1$":              "LPA is not a price of 1$",
		"11$a.b$c":                              "11$a.b$c",
	} {
		if got := flows.WithoutCodes(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
