package flows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// recordLimit is how long an order's record may be, in UTF-16 code units as Telegram counts them,
// with room for a notice.
const recordLimit = 3800

// findOrder asks for an order, or finds what was asked for again.
func (v *visit) findOrder(ctx context.Context, words []string) (Reply, error) {
	if !slices.Contains([]string{"order", "refund", "resolve"}, words[0]) {
		return Reply{}, errStale
	}
	if len(words) == 2 {
		return v.seek(ctx, words[0], words[1], "")
	}
	return v.ask("admin_find", v.l.H("admin_find"), adminPage("orders")), nil
}

// seek finds the order that a text names and goes on with it: to its page, its refund (of amount as
// typed, where there is one), or its review.
func (v *visit) seek(ctx context.Context, next, query, amount string) (Reply, error) {
	query = strings.TrimSpace(query)
	switch {
	case query != "":
	case next == "refund":
		return v.open(ctx, adminPage("refunds"))
	case next == "resolve":
		return v.open(ctx, adminPage("reviews"))
	default:
		return v.open(ctx, adminPage("find", next))
	}
	v.session.Page = adminPage("orders")
	if again := "admin/find/" + next + "/" + query; len(again) <= maxData && !strings.Contains(query, "/") && !holdsCode(query) {
		v.session.Page = again // drawn again, it looks again
	}
	if id, err := orders.ParseID(query); err == nil {
		o, _, err := v.load(ctx, string(id))
		if !errors.Is(err, errStale) {
			if err != nil {
				return Reply{}, err
			}
			return v.goOn(ctx, next, o, amount)
		}
	}
	return v.working("admin_looking", adminPage("orders"), func(v *visit, ctx context.Context) (Reply, error) {
		list, err := v.shop.cfg.Office.Find(ctx, query)
		switch {
		case errors.Is(err, orders.ErrNotFound), err == nil && len(list) == 0:
			return v.notFound(next, query), nil
		case err != nil:
			return v.failed(v.session.Page, fmt.Errorf("find order: %w", err)), nil
		case len(list) == 1:
			return v.goOn(ctx, next, list[0], amount)
		case len(list) > listedOrders: // only a customer has so many: their page turns pages
			return v.open(ctx, adminPage("customer", query))
		}
		return v.listed("admin_found", v.l.HN("admin_found", len(list)), next, list), nil
	}), nil
}

func (v *visit) goOn(ctx context.Context, next string, o *orders.Order, amount string) (Reply, error) {
	if next == "refund" && amount != "" {
		return v.amountTyped(ctx, string(o.ID), amount)
	}
	return v.open(ctx, adminPage(next, string(o.ID)))
}

// notFound says what was looked for, and lets something else be typed.
func (v *visit) notFound(next, query string) Reply {
	v.session.Page = adminPage("find", next)
	v.session.Question = v.session.Page
	return v.show(Screen{
		Name: "admin_not_found", HTML: v.l.H("admin_not_found", args{"Query": code(v.l, oneLine(WithoutCodes(query), 64))}),
		Rows: [][]Button{{back(v.l, adminPage("orders"))}},
	})
}

// record is all that is known of one order, and what can be done with it.
func (v *visit) record(ctx context.Context, words []string) (Reply, error) {
	o, log, err := v.load(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	blocked, err := v.shop.cfg.Office.Blocked(ctx, o.Customer)
	if err != nil {
		return Reply{}, fmt.Errorf("look whether the customer is blocked: %w", err)
	}
	html := paragraphs(
		lines(o.ID.String()+" · "+string(o.State), v.notice),
		lines(bold(planName(v.l, o.Plan)), v.topUpLine(o), v.moneyLine(o), v.refundLines(o)),
		lines(v.customerLine(o, blocked), v.providerLine(o), v.stripeLine(o)),
		v.evidence(o),
	)
	return v.show(Screen{Name: "admin_order", HTML: v.withLog(html, o, log), Rows: v.recordButtons(o, blocked)}), nil
}

func (v *visit) recordButtons(o *orders.Order, blocked bool) [][]Button {
	id := string(o.ID)
	var do []Button
	if o.State == orders.Review || o.State == orders.Unknown {
		do = append(do, Button{Text: v.l.T("admin_button_resolve"), Data: adminPage("resolve", id), Style: Primary})
	}
	if mayRefund(o) {
		do = append(do, Button{Text: v.l.T("admin_button_refund"), Data: adminPage("refund", id)})
	}
	refresh, home := press(v.l.T("admin_button_refresh"), adminPage("order", id)), back(v.l, adminPage("orders"))
	if o.Customer == 0 { // had everything about them deleted
		return withRows(nil, do, []Button{refresh, home})
	}
	customer := strconv.FormatInt(o.Customer, 10)
	block := press(v.l.T("admin_button_block"), adminPage("block", customer))
	if blocked {
		block = press(v.l.T("admin_button_unblock"), adminPage("unblock", customer))
	}
	return withRows(nil, do,
		[]Button{refresh, press(v.l.T("admin_button_customer"), adminPage("customer", customer))},
		[]Button{block, home},
	)
}

// mayRefund says whether a refund is worth offering. The office has the last word.
func mayRefund(o *orders.Order) bool {
	switch o.State {
	case orders.Paid, orders.Provisioning, orders.Issued, orders.Delivered, orders.Review:
		return remaining(o).Minor > 0
	default:
		return false
	}
}

// orderHead names an order and its state, whose word is the program's own.
func (v *visit) orderHead(o *orders.Order) string {
	return v.l.H("alert_order", args{"Order": code(v.l, o.ID.String()), "State": v.l.Isolate(string(o.State))})
}

func (v *visit) topUpLine(o *orders.Order) string {
	if o.Kind != orders.KindTopUp {
		return ""
	}
	return v.l.H("admin_topup_of", args{"ESIM": code(v.l, o.ESIM.String())})
}

// moneyLine says what came in and when, or that nothing did.
func (v *visit) moneyLine(o *orders.Order) string {
	if o.Payment.Received.IsZero() {
		return v.l.H("admin_unpaid", args{"Price": o.Plan.Retail, "Time": v.l.Isolate(v.l.DateTime(o.CreatedAt))})
	}
	return v.l.H("admin_paid", args{"Paid": o.Payment.Received, "Time": v.l.Isolate(v.l.DateTime(o.Payment.PaidAt))})
}

// refundLines says what went back, what is under way, and whether the payment is disputed.
func (v *visit) refundLines(o *orders.Order) string {
	back, now, disputed := "", "", ""
	if !o.Refund.Total.IsZero() {
		back = v.l.H("admin_went_back", args{"Refunded": o.Refund.Total, "Left": remaining(o)})
	}
	if o.State == orders.Refunding {
		now = v.l.H("admin_going_back", args{"Amount": o.Refund.Amount, "Who": v.who(o.Refund.Actor)})
	}
	if o.Disputed {
		disputed = v.l.H("admin_disputed")
	}
	return lines(back, now, disputed)
}

func (v *visit) customerLine(o *orders.Order, blocked bool) string {
	line := v.l.H("admin_customer", args{"Customer": code(v.l, strconv.FormatInt(o.Customer, 10)), "Language": v.l.Isolate(oneLine(o.Language, 10))})
	if blocked {
		line = lines(line, v.l.H("admin_is_blocked"))
	}
	return line
}

// providerLine says where it was bought, or is to be: never the activation code.
func (v *visit) providerLine(o *orders.Order) string {
	provider, number, sim := o.Plan.Provider, "–", "–"
	if o.Attempt.Provider != "" {
		provider = o.Attempt.Provider
	}
	if b := o.Bought; b != nil {
		provider = b.Profile.Provider
		if b.Profile.OrderNo != "" {
			number = oneLine(b.Profile.OrderNo, 64)
		}
		if b.Profile.ICCID != "" {
			sim = b.Profile.ICCID.String()
		}
	}
	return lines(
		v.l.H("admin_provider", args{"Provider": v.l.Isolate(provider.Name()), "Number": code(v.l, number), "ICCID": v.l.Isolate(sim)}),
		v.l.H("admin_attempts", args{"Attempts": o.Attempt.N, "Cost": v.usd(o.Plan.Wholesale)}),
	)
}

func (v *visit) stripeLine(o *orders.Order) string {
	var ids []string
	for _, id := range []string{o.Checkout.SessionID, o.Payment.Intent, o.Refund.StripeID} {
		if id != "" {
			ids = append(ids, v.l.Begin("<code>"+locales.Escape(oneLine(id, 100))+"</code>"))
		}
	}
	return strings.Join(ids, "\n")
}

// usd writes an amount in USD, which may be finer than a cent.
func (v *visit) usd(d decimal.Decimal) esim.Money {
	m, err := esim.NewMoney(d.Round(esim.USD.Exponent()), esim.USD)
	if err != nil {
		return esim.Money{Currency: esim.USD}
	}
	return m
}

// withLog appends an order's log, oldest entry first; of what doesn't fit, the oldest is left out.
func (v *visit) withLog(html string, o *orders.Order, log []orders.LogEntry) string {
	title := v.l.H("admin_log")
	room := recordLimit - units(html) - units(title) - 4
	var shown []string
	for _, e := range slices.Backward(log) {
		line := v.logLine(o, e)
		if room -= units(line) + 1; room < 60 {
			shown = append(shown, v.l.HN("admin_log_earlier", len(log)-len(shown)))
			break
		}
		shown = append(shown, line)
	}
	slices.Reverse(shown)
	if len(shown) == 0 {
		return html
	}
	return paragraphs(html, title+"\n"+strings.Join(shown, "\n"))
}

// logLine is one entry: its states in the program's own words, as they stand in docs/payments.md, and its
// reason in the admin's.
func (v *visit) logLine(o *orders.Order, e orders.LogEntry) string {
	what := string(e.To)
	if e.From != "" && e.From != e.To {
		what = string(e.From) + " → " + what
	}
	parts := []string{
		v.l.Isolate(v.l.T("format_datetime", args{"Date": v.l.Date(e.At), "Clock": e.At.UTC().Format("15:04:05")})),
		v.l.Isolate(what), v.who(e.Actor),
	}
	if e.Reason != "" {
		parts = append(parts, v.l.Isolate(reasonWords(v.l, o, e.Reason)))
	}
	return v.l.Begin(locales.Escape(strings.Join(parts, " · ")))
}

// plainWords writes a reason's code as words.
func plainWords(reason string) string { return oneLine(strings.ReplaceAll(reason, "_", " "), 80) }

// oneLine writes n runes at most of what others said, on one line and without marks of direction: with
// either it could pass for the page's own words.
func oneLine(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r):
			return ' '
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return cutRunes(strings.Join(strings.Fields(s), " "), n)
}

// units measures a text as Telegram does, its tags included: a little too long is on the safe side.
func units(s string) int { return len(utf16.Encode([]rune(s))) }
