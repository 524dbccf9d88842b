package flows

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

const (
	mattersPerPage = 6
	// maxTyped is how many runes of a search that found nothing are kept for support.
	maxTyped = 500
)

// What an Inquiry is about, beside its order.
const (
	topicRefund = "refund"
	topicSearch = "search"
)

// ErrNotCarried says that Telegram doesn't let a message of that kind be passed on.
var ErrNotCarried = errors.New("a message of this kind can't be passed on")

// A Relayed is what a message of the bot's carried between a customer and support, kept by the
// message's chat and number so that a reply to it finds its way.
type Relayed struct {
	Customer int64     `json:"customer"`
	Language string    `json:"language"`          // the customer's
	Order    orders.ID `json:"order,omitempty"`   // what it is about; empty for nothing in particular
	Message  int       `json:"message,omitempty"` // the customer's message in their private chat
	// Answer says that it went from support to the customer. Without it, it is an inquiry in the
	// support chat or in an admin's.
	Answer bool `json:"answer,omitempty"`
}

// A Typed is a text that a customer sent, with its message.
type Typed struct {
	Message int    `json:"message"`
	Text    string `json:"text"`
}

// support answers the usual questions, and leads to a person.
func (v *visit) support(_ context.Context, _ []string) (Reply, error) {
	return v.show(Screen{Name: "support", HTML: v.l.H("support"), Rows: [][]Button{
		{{Text: v.l.T("button_write"), Data: "ask", Style: Primary}},
		{press(v.l.T("button_steps"), "guide"), press(v.l.T("button_esims"), "esims")},
		{press(v.l.T("button_refunds"), "pay"), back(v.l, "help")},
	}}), nil
}

// paySupport tells the rules about money, and asks which order it is about.
func (v *visit) paySupport(ctx context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 0)
	if err != nil {
		return Reply{}, err
	}
	list, err := v.shop.cfg.Desk.List(ctx, v.in.User)
	if err != nil {
		return Reply{}, fmt.Errorf("list orders: %w", err)
	}
	// Nothing was paid for those that expired.
	list = slices.DeleteFunc(slices.Clone(list), func(o *orders.Order) bool { return o.State == orders.Expired })
	leaf := leafOf(len(list), mattersPerPage, n)
	var rows [][]Button
	for _, o := range list[leaf.from:leaf.to] {
		rows = append(rows, []Button{press(v.l.T("paysupport_order_line", args{
			"Place": v.l.Flagged(o.Plan.Destination), "Price": money(v.l, o.Plan.Retail), "Date": v.l.Isolate(v.l.Date(o.CreatedAt)),
		}), to("ask", string(o.ID)))})
	}
	question, other := "paysupport_which", press(v.l.T("button_other_matter"), "ask")
	if len(list) == 0 {
		question, other = "paysupport_none", Button{Text: v.l.T("button_write"), Data: "ask", Style: Primary}
	}
	rows = withRows(rows, leaf.pager(v.l, "pay"), []Button{other}, []Button{press(v.l.T("button_support"), "support"), back(v.l, "help")})
	return v.show(Screen{Name: "paysupport", HTML: v.payText(v.l.H(question)), Rows: rows}), nil
}

func (v *visit) payText(more ...string) string {
	return paragraphs(append([]string{v.l.H("paysupport_title"), v.l.H("paysupport_rules")}, more...)...)
}

// contact opens a conversation with support, about an order or nothing in particular: until another page
// is opened, what the customer writes goes there.
func (v *visit) contact(ctx context.Context, words []string) (Reply, error) {
	v.session.Question = supportQuestion("", "")
	if len(words) == 0 {
		return v.show(Screen{Name: "support_ask", HTML: paragraphs(v.l.H("support_title"), v.l.H("support_write")), Rows: [][]Button{
			{back(v.l, "support")},
		}}), nil
	}
	o, err := v.own(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	v.session.Question = supportQuestion(o.ID, "")
	return v.show(Screen{
		Name: "support_ask", HTML: paragraphs(v.l.H("support_title"), v.about(o), v.l.H("support_write")),
		Rows: withRows(nil, receipt(v.l, o), []Button{back(v.l, "pay")}),
	}), nil
}

// askRefund opens it with the wish for a refund, and tells the rules about money for the eSIM.
func (v *visit) askRefund(ctx context.Context, words []string) (Reply, error) {
	o, err := v.own(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	v.session.Question = supportQuestion(o.ID, topicRefund)
	return v.show(Screen{
		Name: "refund_ask", HTML: v.payText(lines(v.about(o), refundRule(v.l, o.Plan.Provider)), v.l.H("support_write_refund")),
		Rows: withRows(nil, receipt(v.l, o), []Button{back(v.l, to("esim", words[0]))}),
	}), nil
}

func (v *visit) about(o *orders.Order) string {
	return v.l.H("refund_about", args{"Plan": planName(v.l, o.Plan), "Order": code(v.l, o.ID.String())})
}

// supportQuestion is what Session.Question is while a customer writes to support.
func supportQuestion(id orders.ID, topic string) string {
	return strings.TrimRight(strings.Join([]string{"support", string(id), topic}, "/"), "/")
}

// readQuestion undoes supportQuestion; ok is false for every other question.
func readQuestion(question string) (id orders.ID, topic string, ok bool) {
	words := append(strings.Split(question, "/"), "", "")
	return orders.ID(words[1]), words[2], words[0] == "support"
}

// relay takes what a customer writes to support: while the question stands, or in reply to an answer
// of support's. It says whether that is so.
func (v *visit) relay(ctx context.Context) (Reply, bool, error) {
	e := v.in.Event
	if e.Kind != EventText && e.Kind != EventOther || e.Kind == EventText && strings.TrimSpace(e.Text) == "" {
		return Reply{}, false, nil
	}
	id, topic, asked := readQuestion(v.session.Question)
	if e.ReplyTo != 0 {
		switch answer, err := v.shop.cfg.Support.Answered(ctx, v.in.User, e.ReplyTo); {
		case err == nil:
			id, topic, asked = answer.Order, "", true
		case !errors.Is(err, orders.ErrNotFound):
			return Reply{}, false, fmt.Errorf("look for the answer replied to: %w", err)
		}
	}
	if !asked {
		return Reply{}, false, nil
	}
	if holdsCard(e.Text) {
		return v.hint("card_typed"), true, nil
	}
	q := Inquiry{Message: e.Sent, Album: e.Album, Topic: topic}
	if e.Kind == EventText {
		q.Text = e.Text
	} else {
		q.Caption = e.Text
	}
	return v.carry(q, id), true, nil
}

// unfound sends to support what a search didn't find. The button is for that search only: what was
// typed later isn't sent by it.
func (v *visit) unfound(_ context.Context, words []string) (Reply, error) {
	u := v.session.Unfound
	if u == nil || strconv.Itoa(u.Message) != words[0] {
		return Reply{}, errStale
	}
	v.session.Page = "support"
	if holdsCard(u.Text) {
		return v.hint("card_typed"), nil
	}
	return v.carry(Inquiry{Message: u.Message, Text: u.Text, Topic: topicSearch}, ""), nil
}

// carry makes an inquiry the effect of the reply. An error of Redis' or Telegram's brings the update
// again, which goes on here.
func (v *visit) carry(q Inquiry, about orders.ID) Reply {
	v.session.Relaying = q.Message
	more := q.Album != "" && q.Album == v.session.Album
	v.session.Album = q.Album
	q.Customer, q.Language = v.in.User, v.l.Lang()
	return Reply{Typing: true, Then: v.then(func(v *visit, ctx context.Context) (Reply, error) {
		if about != "" {
			o, err := v.own(ctx, string(about))
			if err != nil && !errors.Is(err, errStale) {
				return Reply{}, err
			}
			q.Order = o
		}
		err := v.shop.cfg.Support.Ask(ctx, q)
		v.session.Relaying = 0
		switch {
		case err == nil && more:
			return Reply{}, nil // the first of the album was answered
		case err == nil:
			if q.Topic == topicSearch {
				v.session.Unfound = nil
			}
			return v.carried("support_sent", about), nil
		case errors.Is(err, orders.ErrTooMany):
			return v.carried("support_too_many", about), nil
		case errors.Is(err, ErrNotCarried):
			return v.carried("support_not_carried", about), nil
		case errors.Is(err, orders.ErrUnreachable):
			r := v.carried("support_unreachable", about)
			r.Cause = fmt.Errorf("ask support: %w", err)
			return r, nil
		}
		return Reply{}, fmt.Errorf("ask support: %w", err)
	})}
}

// carried says what became of the customer's message, below it.
func (v *visit) carried(key string, about orders.ID) Reply {
	_, _, asked := readQuestion(v.session.Question)
	goOn, row := "", []Button{back(v.l, "start")}
	switch {
	case asked && key == "support_sent":
		goOn = v.l.H("support_go_on")
	case !asked && about != "":
		row = []Button{press(v.l.T("button_write"), to("ask", string(about))), back(v.l, "start")}
	case !asked:
		row = []Button{press(v.l.T("button_write"), "ask"), back(v.l, "start")}
	}
	r := v.show(Screen{Name: key, HTML: paragraphs(v.l.H(key), goOn), Rows: [][]Button{row}})
	r.Fresh = true
	return r
}

// interrupted goes on with a message whose way to support was cut short, when its update comes
// again.
func (v *visit) interrupted(ctx context.Context) (Reply, bool, error) {
	e, n := v.in.Event, v.session.Relaying
	switch {
	case n == 0:
		return Reply{}, false, nil
	case e.Sent == n:
		return v.relay(ctx)
	case e.Kind == EventPress && e.Data == to("tell", strconv.Itoa(n)):
		r, err := v.open(ctx, e.Data)
		return r, err == nil, err
	}
	return Reply{}, false, nil
}

// cardLike finds what may be the number of a payment card within a text.
var cardLike = regexp.MustCompile(`\d(?:[ \x{00A0}-]?\d){13,18}`)

// holdsCard says whether a card's number seems to stand in a text: support must not get to see one.
func holdsCard(text string) bool {
	if meantCard(numeral(strings.TrimSpace(text))) {
		return true
	}
	for _, found := range cardLike.FindAllString(text, -1) {
		if digits := numeral(found); meantCard(digits) && esim.Luhn(digits) {
			return true
		}
	}
	return false
}

// codeLike finds an activation code within a text: as a QR code holds it, without its first word as some
// phones show it, and as it stands in an install link.
var codeLike = regexp.MustCompile(`(?i)LPA\s?(?::|%3A)\s?1(?:\$|%24)\S+|\b1(?:\$|%24)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:\$|%24)\S+`)

// holdsCode says whether an activation code stands in a text: it is a secret, and kept nowhere but
// sealed.
func holdsCode(text string) bool { return codeLike.MatchString(text) }

// WithoutCodes is a text with dots for the activation codes in it.
func WithoutCodes(text string) string { return codeLike.ReplaceAllLiteralString(text, "LPA:1$…") }

// InquiryScreen shows a customer's message in the support chat, or to an admin: what it is about
// and, where it has one and it is short enough to stand below, its text. It
// names nobody.
func (s *Shop) InquiryScreen(q Inquiry, lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	about := []string{l.H("relay_question")}
	screen := Screen{Name: "inquiry"}
	if q.Order != nil {
		about = []string{l.H("relay_order", args{"Order": code(l, q.Order.ID.String())}), l.Isolate(locales.Escape(string(q.Order.State)))}
		screen.Link = s.deepLink("a_" + string(q.Order.ID))
		screen.Rows = [][]Button{{press(l.T("button_open"), to("alert", "order", string(q.Order.ID)))}}
	}
	about = append(about, l.Isolate(locales.Escape(q.Language)))
	switch q.Topic {
	case topicRefund:
		about = append(about, l.H("relay_topic_refund"))
	case topicSearch:
		about = append(about, l.H("relay_topic_search"))
	}
	screen.HTML = paragraphs(strings.Join(about, " · "), Quoted(q.Text), l.H("relay_how"))
	return screen
}

// AnswerScreen shows a customer what support answered. It names nobody.
func (s *Shop) AnswerScreen(r Relayed, text, lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	title, row := l.H("support_answer"), []Button{press(l.T("button_answer"), "reply")}
	if r.Order != "" {
		title = l.H("support_answer_order", args{"Order": code(l, r.Order.String())})
		row = []Button{press(l.T("button_answer"), to("reply", string(r.Order))), press(l.T("button_order"), to("bought", string(r.Order)))}
	}
	return Screen{Name: "support_answer", HTML: paragraphs(title, Quoted(text)), Rows: [][]Button{row}}
}

// AnsweredScreen tells the other admins that one of them answered.
func (s *Shop) AnsweredScreen(r Relayed, text, lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	title := l.H("relay_answered")
	if r.Order != "" {
		title = l.H("relay_answered_order", args{"Order": code(l, r.Order.String())})
	}
	return Screen{Name: "inquiry", HTML: paragraphs(title, Quoted(text))}
}

// Quoted is what a person wrote, for another to read, as HTML. An activation code in it
// is its buyer's alone.
func Quoted(text string) string {
	return locales.Escape(WithoutCodes(strings.ToValidUTF8(text, "\uFFFD")))
}
