package flows

// The admins' conversations, over Office. All of it stands behind two words of the router: "admin"
// for the pages, and "alert" for the same pages opened from an alert, which stays as it is. For
// anybody else neither word, nor any command or link that leads there, exists.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"esimbot/orders"
)

// isAdmin says whether the admins' pages exist for this visit.
func (v *visit) isAdmin() bool { return v.in.Admin && v.shop.cfg.Office != nil }

// adminPage is the route of an admins' page.
func adminPage(words ...string) string { return "admin/" + to(words...) }

// adminRoutes is every admins' page by the first word after "admin".
func adminRoutes() map[string]route {
	return map[string]route{
		"balance":   {open: (*visit).balances},
		"find":      {open: (*visit).findOrder, min: 1, max: 2},
		"order":     {open: (*visit).record, min: 1, max: 1},
		"orders":    {open: (*visit).browse, max: 2},
		"states":    {open: (*visit).states},
		"customer":  {open: (*visit).customerOrders, min: 1, max: 2},
		"refunds":   {open: (*visit).refundable},
		"refund":    {open: (*visit).refund, min: 1, max: 2},
		"anyway":    {open: (*visit).refundAnyway, min: 1, max: 1},
		"amount":    {open: (*visit).askAmount, min: 1, max: 1},
		"reviews":   {open: (*visit).reviews, max: 1},
		"return":    {open: (*visit).strayPayment, min: 1, max: 1},
		"second":    {open: (*visit).secondESIM, min: 3, max: 3},
		"resolve":   {open: (*visit).resolve, min: 1, max: 1},
		"answer":    {open: (*visit).answerReview, min: 3, max: 3},
		"yes":       {open: (*visit).confirmed, min: 1, max: 1},
		"pause":     {open: (*visit).pause, max: 1},
		"resume":    {open: (*visit).resume},
		"block":     {open: (*visit).block, max: 1},
		"unblock":   {open: (*visit).unblock, max: 1},
		"stats":     {open: (*visit).stats, max: 1},
		"stripe":    {open: (*visit).stripeMatter},
		"catalogue": {open: (*visit).catalogueMatter},
	}
}

// office opens an admins' page.
func (v *visit) office(ctx context.Context, words []string) (Reply, error) {
	if !v.isAdmin() {
		return Reply{}, errStale
	}
	to, ok := v.shop.admin[words[0]]
	args := words[1:]
	if !ok || len(args) < to.min || len(args) > to.max {
		return Reply{}, errStale
	}
	r, err := to.open(v, ctx, args)
	if errors.Is(err, orders.ErrNotFound) {
		return Reply{}, errStale
	}
	return r, err
}

// adminCommand answers an admin's command; false for what is none.
func (v *visit) adminCommand(ctx context.Context) (Reply, bool, error) {
	if !v.isAdmin() {
		return Reply{}, false, nil
	}
	var r Reply
	var err error
	typed := strings.Fields(strings.ToValidUTF8(v.in.Event.Args, "�"))
	first, rest := "", ""
	if len(typed) > 0 {
		first, rest = typed[0], strings.Join(typed[1:], " ")
	}
	switch v.in.Event.Command {
	case "balance":
		r, err = v.open(ctx, adminPage("balance"))
	case "order":
		r, err = v.seek(ctx, "order", strings.Join(typed, " "), "")
	case "refund":
		r, err = v.seek(ctx, "refund", first, rest)
	case "resolve":
		r, err = v.seek(ctx, "resolve", strings.Join(typed, " "), "")
	case "orders":
		r, err = v.browseTyped(ctx, strings.Join(typed, " "))
	case "pause":
		r, err = v.pauseTyped(ctx, first)
	case "resume":
		r, err = v.open(ctx, adminPage("resume"))
	case "block", "unblock":
		r, err = v.blockTyped(ctx, v.in.Event.Command, first)
	case "stats":
		r, err = v.statsTyped(ctx, first)
	default:
		return Reply{}, false, nil
	}
	r.Fresh = true
	return r, true, err
}

// matter answers an admin's deep link: an order's id, the name of a page, or what stands beside an order.
func (v *visit) matter(ctx context.Context, name string) (Reply, error) {
	if !v.isAdmin() {
		return Reply{}, errStale
	}
	switch name {
	case "balance", "orders", "stats", "stripe", "catalogue", "reviews":
		return v.open(ctx, adminPage(name))
	}
	if page := besideRoute(name); page != "" {
		return v.open(ctx, page)
	}
	id, err := orders.ParseID(name)
	if err != nil {
		return Reply{}, errStale
	}
	o, _, err := v.load(ctx, string(id))
	if err != nil {
		return Reply{}, err
	}
	if o.State == orders.Review {
		return v.open(ctx, adminPage("resolve", string(id)))
	}
	return v.open(ctx, adminPage("order", string(id)))
}

// adminText answers what an admin typed in answer to a question; false where none stands.
func (v *visit) adminText(ctx context.Context, typed string) (Reply, bool, error) {
	if !v.isAdmin() {
		return Reply{}, false, nil
	}
	words := strings.Split(v.session.Question, "/")
	if words[0] != "admin" || len(words) < 2 {
		return Reply{}, false, nil
	}
	question := v.session.Question
	v.session.Question, typed = "", strings.ToValidUTF8(typed, "�")
	if words[1] != "answer" && holdsCode(typed) {
		return v.hint("code_typed"), true, nil
	}
	var r Reply
	var err error
	switch args := words[2:]; {
	case words[1] == "find" && len(args) == 1:
		r, err = v.seek(ctx, args[0], typed, "")
	case words[1] == "amount" && len(args) == 1:
		r, err = v.amountTyped(ctx, args[0], typed)
	case words[1] == "answer" && len(args) == 3:
		r, err = v.attached(ctx, args, typed)
	case (words[1] == "block" || words[1] == "unblock") && len(args) == 0:
		r, err = v.blockTyped(ctx, words[1], typed)
	default:
		return Reply{}, false, nil
	}
	if errors.Is(err, errStale) || errors.Is(err, orders.ErrNotFound) {
		v.session.Question = question
		return Reply{}, false, nil // what was asked about is no more
	}
	r.Fresh = true
	return r, true, err
}

// ask shows a page that asks for something, and has the next text answer it.
func (v *visit) ask(name, html, up string) Reply {
	v.session.Question = v.session.Page
	if strings.HasPrefix(v.session.Page, "alert/") {
		v.session.Question = "admin/" + strings.TrimPrefix(v.session.Page, "alert/")
	}
	return v.show(Screen{Name: name, HTML: paragraphs(v.notice, html), Rows: [][]Button{{back(v.l, up)}}})
}

// load returns an order of anybody's; errStale for what is none.
func (v *visit) load(ctx context.Context, word string) (*orders.Order, []orders.LogEntry, error) {
	id, err := orders.ParseID(word)
	if err != nil || string(id) != word {
		return nil, nil, errStale
	}
	o, log, err := v.shop.cfg.Office.Record(ctx, id)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return nil, nil, errStale
	case err != nil:
		return nil, nil, fmt.Errorf("read order: %w", err)
	}
	return o, log, nil
}

// working shows that something is being done, and does it as the reply's effect.
func (v *visit) working(key, up string, do func(v *visit, ctx context.Context) (Reply, error)) Reply {
	r := v.show(Screen{Name: key, HTML: v.l.H(key), Rows: [][]Button{{back(v.l, up)}}})
	r.Typing, r.Then = true, v.then(do)
	return r
}

// failed says that something didn't work, and that it isn't known how far it went.
func (v *visit) failed(up string, cause error) Reply {
	r := v.show(Screen{Name: "admin_failed", HTML: v.l.H("admin_failed"), Rows: [][]Button{
		{{Text: v.l.T("button_open"), Data: up, Style: Primary}}, {back(v.l, adminPage("orders"))},
	}})
	r.Cause = cause
	return r
}

// who names the one who did something, from an order's log.
func (v *visit) who(actor string) string {
	kind, id, _ := strings.Cut(actor, ":")
	switch {
	case kind == "admin" && id == fmt.Sprint(v.in.User):
		return v.l.T("admin_who_you")
	case kind == "admin":
		return v.l.T("admin_who_admin", args{"Admin": v.l.Isolate(oneLine(id, 20))})
	case kind == "runner", kind == "stripe", kind == "customer":
		return v.l.T("admin_who_" + kind)
	default:
		return v.l.Isolate(oneLine(actor, 30))
	}
}

// seconds writes the clock time of t with its seconds, UTC.
func (v *visit) seconds(t time.Time) string {
	return v.l.Isolate(v.l.T("format_time", args{"Clock": t.UTC().Format("15:04:05")}))
}
