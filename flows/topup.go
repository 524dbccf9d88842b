package flows

// Topping up, step by step. What can be added to an eSIM is asked of its provider each time a page
// shows it, in the reply's Then. A tap on a price goes the way of every purchase (buy.go): the order's
// id is saved first, then the provider is asked whether the eSIM can still be topped up and at what
// price, then the order is opened.

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/usage"
)

// topUpsPerPage is how many top-ups a page lists, one a row.
const topUpsPerPage = 8

// canTopUp says whether data can be added to e, as far as is known here.
func (v *visit) canTopUp(e *usage.ESIM) bool { return v.shop.canTopUp(e) && !e.Over(v.now) }

func (s *Shop) canTopUp(e *usage.ESIM) bool { return s.cfg.TopUps != nil && e.Plan.CanTopUp }

// topUps lists what can be added to an eSIM. Where nothing can, it offers a new one.
func (v *visit) topUps(ctx context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 1)
	if err != nil {
		return Reply{}, err
	}
	e, err := v.held(ctx, words[0])
	switch {
	case err != nil:
		return Reply{}, err
	case !v.canTopUp(e):
		return v.instead(ctx, e, "more_is_new")
	case !e.Linked():
		return v.askICCID(e, ""), nil
	}
	return v.looking(e, func(v *visit, ctx context.Context, plans []esim.Plan) (Reply, error) {
		if len(plans) == 0 {
			return v.instead(ctx, e, "topups_none")
		}
		return v.show(v.topUpList(e, plans, n)), nil
	}), nil
}

// looking asks e's provider for what can be added to e, and goes on with what fits.
func (v *visit) looking(e *usage.ESIM, then func(*visit, context.Context, []esim.Plan) (Reply, error)) Reply {
	page := v.session.Page
	title := lines(v.l.H("topup_title"), locales.Escape(esimName(v.l, e)))
	rows := [][]Button{{back(v.l, to("esim", e.ID))}}
	r := v.show(Screen{Name: "topups_looking", HTML: paragraphs(v.notice, title, v.l.H("topups_looking")), Rows: rows})
	r.Typing, r.Then = true, v.then(func(v *visit, ctx context.Context) (Reply, error) {
		plans, err := v.shop.cfg.TopUps.TopUps(ctx, e)
		if err != nil {
			again := Button{Text: v.l.T("button_try_again"), Data: inPlace(page), Style: Primary}
			r := v.show(Screen{Name: "topups_down", HTML: paragraphs(title, v.l.H("topups_down")), Rows: [][]Button{{again}, rows[0]}})
			r.Cause = fmt.Errorf("list top-ups: %w", err)
			return r, nil
		}
		return then(v, ctx, fitting(e, plans))
	})
	return r
}

// inPlace is the route that draws the page of a photo's button again in the message it is in.
func inPlace(page string) string {
	if id, ok := strings.CutPrefix(page, "topup/"); ok {
		return to("more", id)
	}
	return page
}

func (v *visit) topUpList(e *usage.ESIM, plans []esim.Plan, n int) Screen {
	ordered := picks(e, plans)
	for _, p := range plans {
		if !slices.ContainsFunc(ordered, func(q esim.Plan) bool { return q.Ref() == p.Ref() }) {
			ordered = append(ordered, p)
		}
	}
	leaf, best, marks := leafOf(len(ordered), topUpsPerPage, n), bestOf(plans), ""
	var rows [][]Button
	for _, p := range ordered[leaf.from:leaf.to] {
		b := topUpButton(v.l, "topup_button", p, best)
		b.Data = to("pick", e.ID, p.Ref())
		rows = append(rows, []Button{b})
		if p.Ref() == best {
			marks = v.l.H("mark_best")
		}
	}
	rows[0][0].Style = Primary
	html := paragraphs(lines(v.l.H("topup_title"), locales.Escape(esimName(v.l, e))), v.dataText(e), v.waiting(e), marks)
	return Screen{Name: "topups", HTML: html, Rows: withRows(rows, leaf.pager(v.l, "more", e.ID), []Button{back(v.l, to("esim", e.ID))})}
}

// waiting says that another top-up is under way.
func (v *visit) waiting(e *usage.ESIM) string {
	if e.TopUp == "" {
		return ""
	}
	return v.l.H("topup_waits")
}

// topUpButton writes what a top-up adds and its price, and marks the best value.
func topUpButton(l *locales.Localizer, key string, p esim.Plan, best string) Button {
	text := l.Begin(l.T(key, args{"Data": allowance(l, p), "Days": l.Isolate(l.Days(p.Days)), "Price": money(l, p.Retail)}))
	if p.Ref() == best {
		text = l.T("best_topup_button", args{"Button": text})
	}
	return Button{Text: text}
}

// pick is the page of one top-up: its price, and what it changes.
func (v *visit) pick(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	switch {
	case err != nil:
		return Reply{}, err
	case !isRef(words[1]):
		return Reply{}, errStale
	case !v.canTopUp(e) || !e.Linked():
		return v.open(ctx, to("more", e.ID))
	}
	return v.looking(e, func(v *visit, ctx context.Context, plans []esim.Plan) (Reply, error) {
		i := slices.IndexFunc(plans, func(p esim.Plan) bool { return p.Ref() == words[1] })
		if i < 0 {
			v.session.Page = to("more", e.ID)
			if len(plans) == 0 {
				return v.instead(ctx, e, "topups_none")
			}
			screen := v.topUpList(e, plans, 1)
			screen.HTML = paragraphs(v.l.H("plan_gone"), screen.HTML)
			return v.show(screen), nil
		}
		return v.show(v.topUpPage(e, plans[i])), nil
	}), nil
}

func (v *visit) topUpPage(e *usage.ESIM, p esim.Plan) Screen {
	then := ""
	if left := e.RemainingBytes(); left >= 0 && p.Kind == esim.Fixed && e.TopUp == "" {
		then = v.l.H("topup_then", args{"Left": data(v.l, left), "Then": data(v.l, left+p.Bytes)})
	}
	w := wish{ref: p.Ref(), plan: p, esim: e}
	return Screen{
		Name: "topup",
		HTML: paragraphs(
			lines(bold(topUpName(v.l, p)), priceLine(v.l, p)),
			lines(then, v.l.H("topup_valid", args{"Days": v.l.Isolate(v.l.Days(p.Days))}), fairUse(v.l, p), v.waiting(e)),
			lines(v.l.H("topup_onto", args{"Name": esimName(v.l, e)}), v.l.H("topup_refund")),
		),
		Rows: [][]Button{
			{{Text: v.l.T("button_buy", args{"Price": money(v.l, p.Retail)}), Data: w.buy(p.Retail.Minor), Style: Primary}},
			{back(v.l, to("more", e.ID))},
		},
	}
}

// add begins the order of a top-up at the price that its button showed.
func (v *visit) add(ctx context.Context, words []string) (Reply, error) {
	shown, err := shownPrice(words[2])
	if err != nil || !isRef(words[1]) {
		return Reply{}, errStale
	}
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	w := wish{ref: words[1], esim: e}
	switch {
	case e.Over(v.now):
		return v.refuse("over", w, nil), nil
	case !v.canTopUp(e):
		return v.instead(ctx, e, "more_is_new")
	case !e.Linked():
		return v.askICCID(e, ""), nil
	}
	return v.begin(ctx, w, shown)
}

// another opens the plans of an eSIM's destination, for a new eSIM.
func (v *visit) another(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	return v.instead(ctx, e, "")
}

// instead does the same and says why.
func (v *visit) instead(ctx context.Context, e *usage.ESIM, why string) (Reply, error) {
	if why != "" {
		v.notice = v.l.H(why)
	}
	v.session.From = to("esim", e.ID)
	return v.elsewhere(ctx, e.Plan)
}

// fitting returns the plans that add to e what it has: data of a fixed volume to a fixed volume, days
// to a plan of days; calls only where there is a number for them.
func fitting(e *usage.ESIM, plans []esim.Plan) []esim.Plan {
	return slices.DeleteFunc(slices.Clone(plans), func(p esim.Plan) bool {
		return (p.Kind == esim.Fixed) != (e.Plan.Kind == esim.Fixed) || p.HasVoice() && !e.Plan.HasVoice()
	})
}

// picks returns up to three of the fitting plans, each for its own reason: the cheapest, the one with
// the lowest price per GB, and the size bought before. They stand by price.
func picks(e *usage.ESIM, plans []esim.Plan) []esim.Plan {
	best, size := bestOf(plans), e.Plan.Bytes
	if n := len(e.TopUps); n > 0 && e.TopUps[n-1].Kind == esim.Fixed {
		size = e.TopUps[n-1].Bytes
	}
	var picked []esim.Plan
	sized := false
	for i, p := range byPrice(plans) {
		same := !sized && p.Kind == esim.Fixed && p.Bytes == size
		sized = sized || same
		if i == 0 || same || p.Ref() == best {
			picked = append(picked, p)
		}
	}
	return picked
}

func byPrice(plans []esim.Plan) []esim.Plan {
	return slices.SortedStableFunc(slices.Values(plans), func(a, b esim.Plan) int { return cmp.Compare(a.Retail.Minor, b.Retail.Minor) })
}

// bestOf returns the Ref of the plan with the lowest price per GB; empty where there is no choice.
func bestOf(plans []esim.Plan) string {
	best := esim.Plan{}
	for _, p := range plans {
		if p.Kind != esim.Fixed || p.Bytes <= 0 {
			continue
		}
		if best.Bytes == 0 || perGB(p).LessThan(perGB(best)) {
			best = p
		}
	}
	if best.Bytes == 0 || len(plans) < 2 {
		return ""
	}
	return best.Ref()
}

// perGB is what a GB of a fixed plan costs, in units of its currency.
func perGB(p esim.Plan) decimal.Decimal {
	return p.Retail.Decimal().Mul(decimal.NewFromInt(esim.GB)).DivRound(decimal.NewFromInt(p.Bytes), 8)
}

// isRef says whether a word may be the Ref of a plan.
func isRef(word string) bool {
	return len(word) == 10 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
