package flows

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// reviews lists the orders under review.
func (v *visit) reviews(ctx context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 0)
	if err != nil {
		return Reply{}, err
	}
	list, total, err := v.shop.cfg.Office.Browse(ctx, orders.Review, (n-1)*ordersPerPage, ordersPerPage)
	if err != nil {
		return Reply{}, fmt.Errorf("browse orders under review: %w", err)
	}
	if len(list) == 0 && n > 1 {
		return v.open(ctx, adminPage("reviews"))
	}
	rows := withRows(v.orderRows(list, "resolve"), leafOf(min(total, browsable), ordersPerPage, n).pager(v.l, "admin", "reviews"), []Button{back(v.l, adminPage("orders"))})
	return v.show(Screen{Name: "admin_reviews", HTML: paragraphs(v.notice, v.l.HN("admin_reviews", total)), Rows: rows}), nil
}

// resolve shows the evidence on an order under review, and what can be decided.
func (v *visit) resolve(ctx context.Context, words []string) (Reply, error) {
	o, _, err := v.load(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	v.session.Confirm = nil
	rows := v.answerRows(o, "admin")
	question := v.l.H("admin_resolve")
	if len(rows) == 0 {
		question = v.l.H("admin_resolve_nothing")
	}
	html := paragraphs(
		v.notice,
		lines(v.orderHead(o), locales.Escape(planName(v.l, o.Plan)), v.topUpLine(o), v.moneyLine(o), v.refundLines(o), v.providerLine(o)),
		v.evidence(o), question,
	)
	rows = append(rows, []Button{press(v.l.T("button_open"), adminPage("order", words[0])), back(v.l, adminPage("reviews"))})
	return v.show(Screen{Name: "admin_resolve", HTML: html, Rows: rows}), nil
}

// answerRows are the decisions that an order allows as it stands, two a row.
func (v *visit) answerRows(o *orders.Order, word string) [][]Button {
	return answerRows(v.l, o, v.shop.cfg.Office.Answers(o), word)
}

func answerRows(l *locales.Localizer, o *orders.Order, answers []orders.Answer, word string) [][]Button {
	buttons := make([]Button, 0, len(answers))
	for i, a := range likeliestFirst(o, answers) {
		b := press(l.T("admin_answer_"+string(a)), to(word, "answer", string(o.ID), string(a), strconv.Itoa(o.Attempt.N)))
		if a == orders.AnswerRefund || a == orders.AnswerAnyway {
			b.Style = Danger
		} else if i == 0 {
			b.Style = Primary
		}
		buttons = append(buttons, b)
	}
	return inRows(buttons, 2)
}

// likeliestFirst puts "buy again" behind the answers that deliver where a purchase looks done, and the
// refund before all where one failed.
func likeliestFirst(o *orders.Order, answers []orders.Answer) []orders.Answer {
	var likely []orders.Answer
	switch {
	case o.Reason == orders.ReasonRefundFailed:
		likely = []orders.Answer{orders.AnswerRefund}
	case looksBought(o):
		likely = []orders.Answer{orders.AnswerDeliver, orders.AnswerCode, orders.AnswerOrderNo, orders.AnswerApplied}
	}
	var first, rest []orders.Answer
	for _, a := range answers {
		if slices.Contains(likely, a) {
			first = append(first, a)
		} else {
			rest = append(rest, a)
		}
	}
	return append(first, rest...)
}

// answerReview asks for what an answer needs, or for a yes.
func (v *visit) answerReview(ctx context.Context, words []string) (Reply, error) {
	o, no, err := v.answerable(ctx, words)
	if err != nil {
		return Reply{}, err
	}
	if no != nil {
		return v.refused(ctx, o.ID, no, nil)
	}
	v.session.Confirm = nil
	up := adminPage("resolve", words[0])
	switch a := orders.Answer(words[1]); a {
	case orders.AnswerRefund:
		return v.open(ctx, adminPage("refund", words[0]))
	case orders.AnswerAnyway:
		return v.open(ctx, adminPage("anyway", words[0]))
	case orders.AnswerCode, orders.AnswerOrderNo:
		provider := o.Plan.Provider
		if o.Attempt.Provider != "" {
			provider = o.Attempt.Provider
		}
		ask := v.l.H("admin_ask_"+words[1], args{"Provider": v.l.Isolate(provider.Name())})
		return v.ask("admin_ask_"+words[1], paragraphs(v.orderHead(o), ask), up), nil
	default:
		return v.sure(o, words, v.l.H("admin_sure_"+words[1]), Confirmation{Detail: words[2]})
	}
}

// answerable returns the order of an answer's route, and why the answer can't be given if it can't.
func (v *visit) answerable(ctx context.Context, words []string) (*orders.Order, *orders.Refusal, error) {
	o, _, err := v.load(ctx, words[0])
	if err != nil {
		return nil, nil, err
	}
	if !knownAnswer(words[1]) {
		return nil, nil, errStale
	}
	n, err := strconv.Atoi(words[2])
	if err != nil || strconv.Itoa(n) != words[2] {
		return nil, nil, errStale
	}
	switch {
	case !slices.Contains(v.shop.cfg.Office.Answers(o), orders.Answer(words[1])):
		return o, &orders.Refusal{Why: orders.WhyState, State: o.State}, nil
	case n != o.Attempt.N:
		return o, &orders.Refusal{Why: orders.WhyChanged, State: o.State}, nil
	}
	return o, nil, nil
}

func knownAnswer(word string) bool {
	return slices.Contains([]orders.Answer{
		orders.AnswerBuyAgain, orders.AnswerDeliver, orders.AnswerCode, orders.AnswerOrderNo, orders.AnswerApplied,
		orders.AnswerRefund, orders.AnswerAnyway, orders.AnswerClose,
	}, orders.Answer(word))
}

// sure says what an answer would do and asks for a yes.
func (v *visit) sure(o *orders.Order, words []string, what string, c Confirmation) (Reply, error) {
	c.Deed, c.Order = words[1], o.ID
	yes, err := v.confirmable(c)
	if err != nil {
		return Reply{}, err
	}
	b := Button{Text: v.l.T("admin_answer_" + words[1]), Data: yes, Style: Primary}
	if words[1] == string(orders.AnswerBuyAgain) || words[1] == string(orders.AnswerClose) {
		b.Style = Danger
	}
	html := paragraphs(
		v.notice, lines(v.orderHead(o), locales.Escape(planName(v.l, o.Plan))), what,
		v.l.H("admin_confirm_until", args{"Minutes": v.l.Isolate(v.l.Minutes(int(confirmTime.Minutes())))}),
	)
	return v.show(Screen{Name: "admin_sure", HTML: html, Rows: [][]Button{{b}, {press(v.l.T("button_cancel"), adminPage("resolve", words[0]))}}}), nil
}

// attached takes the activation code or the order number that was asked for, and asks for a yes.
func (v *visit) attached(ctx context.Context, words []string, typed string) (Reply, error) {
	o, no, err := v.answerable(ctx, words)
	if err != nil {
		return Reply{}, err
	}
	if no != nil {
		return v.refused(ctx, o.ID, no, nil)
	}
	page := adminPage("answer", words[0], words[1], words[2])
	v.session.Page = page
	again := func(key string) (Reply, error) {
		v.session.Question = page
		return v.show(Screen{
			Name: key, HTML: paragraphs(v.orderHead(o), v.l.H(key)), Rows: [][]Button{{back(v.l, adminPage("resolve", words[0]))}},
		}), nil
	}
	typed = strings.TrimSpace(typed)
	switch orders.Answer(words[1]) {
	case orders.AnswerOrderNo:
		if !orders.IsOrderNumber(typed) {
			return again("admin_number_wrong")
		}
		what := v.l.H("admin_sure_attach_no", args{"Number": code(v.l, typed)})
		return v.sure(o, words, what, Confirmation{Detail: words[2] + ":" + typed})
	case orders.AnswerCode:
		activation, err := esim.ParseActivationCode(typed)
		if err != nil {
			return again("admin_code_" + codeFault(typed))
		}
		what := v.l.H("admin_sure_attach_code", args{
			"Address": code(v.l, activation.Address()), "Code": v.l.Isolate(masked(activation.MatchingID())),
		})
		return v.sure(o, words, what, Confirmation{Detail: words[2], Code: activation})
	default:
		return Reply{}, errStale
	}
}

// codeFault says what is wrong with text that is no activation code: it ends the key of what is said.
func codeFault(typed string) string {
	if len(typed) < 4 || !strings.EqualFold(typed[:4], "LPA:") {
		return "prefix"
	}
	fields := strings.Split(typed[4:], "$")
	if len(fields) < 3 || fields[0] != "1" {
		return "fields"
	}
	if _, err := esim.ParseActivationCode("LPA:1$" + fields[1] + "$A"); err != nil {
		return "address"
	}
	if _, err := esim.ParseActivationCode("LPA:1$a.example$" + fields[2]); err != nil {
		return "matching"
	}
	return "fields"
}

// masked shows the end of a secret, and nothing of a short one.
func masked(s string) string {
	if len(s) < 8 {
		return "…"
	}
	return "…" + s[len(s)-4:]
}

// doAnswer gives a confirmed answer.
func (v *visit) doAnswer(ctx context.Context, c *Confirmation) (*orders.Order, string, error) {
	attempt, number, _ := strings.Cut(c.Detail, ":")
	n, err := strconv.Atoi(attempt)
	if err != nil {
		return nil, "", errDetail
	}
	d := orders.Decision{Order: c.Order, Admin: v.in.User, Attempt: n}
	office, what := v.shop.cfg.Office, v.l.T("admin_answer_"+c.Deed)
	var o *orders.Order
	switch orders.Answer(c.Deed) {
	case orders.AnswerBuyAgain:
		o, err = office.BuyAgain(ctx, d)
	case orders.AnswerDeliver:
		o, err = office.Deliver(ctx, d)
	case orders.AnswerApplied:
		o, err = office.Applied(ctx, d)
	case orders.AnswerClose:
		o, err = office.Close(ctx, d)
	case orders.AnswerCode:
		o, err = office.AttachCode(ctx, d, c.Code)
	case orders.AnswerOrderNo:
		o, err = office.AttachOrderNo(ctx, d, number)
	default:
		return nil, "", errDetail
	}
	return o, what, err
}
