package flows

// Buying, step by step. A tap on Buy first saves a new order's id in the session; only then, in
// the reply's Then, are the fresh terms asked for and the order opened under that id. So whatever
// is repeated after the tap (the tap itself, the update, a page drawn again after a crash) ends
// at the same order. The route of a Buy button carries the price it showed: a plan that became
// dearer or cheaper since is asked about again, and nothing is charged on what the client sent.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/orders"
)

// alternativesShown is how many other plans are offered in the place of one that can't be sold.
const alternativesShown = 3

// buy begins the order of a plan at the price that its button showed.
func (v *visit) buy(ctx context.Context, words []string) (Reply, error) {
	shown, err := shownPrice(words[1])
	if err != nil {
		return Reply{}, err
	}
	p, ok := sold(v.snap, words[0])
	if !ok {
		return Reply{}, errStale
	}
	return v.begin(ctx, fresh(p), shown)
}

// again begins another order of what an order bought, or was to buy.
func (v *visit) again(ctx context.Context, words []string) (Reply, error) {
	shown, err := shownPrice(words[1])
	if err != nil {
		return Reply{}, err
	}
	o, err := v.own(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	if o.Kind == orders.KindTopUp {
		return v.add(ctx, []string{string(o.ESIM), o.Plan.Ref(), words[1]})
	}
	if p, ok := onSale(v.snap, o.Plan); ok {
		return v.begin(ctx, fresh(p), shown)
	}
	v.notice = v.l.H("plan_gone")
	return v.elsewhere(ctx, o.Plan)
}

// onSale finds a plan in the catalogue as it is now: itself, or what is the same.
func onSale(snap *catalog.Snapshot, p esim.Plan) (esim.Plan, bool) {
	if now, ok := sold(snap, p.Ref()); ok {
		return now, true
	}
	return same(snap, p)
}

// elsewhere opens the plans of p's destination, or all destinations where nothing is sold there.
func (v *visit) elsewhere(ctx context.Context, p esim.Plan) (Reply, error) {
	r, err := v.open(ctx, to("plans", p.Destination.ID()))
	if errors.Is(err, errStale) {
		return v.open(ctx, "dest")
	}
	return r, err
}

func (v *visit) begin(ctx context.Context, w wish, shown int64) (Reply, error) {
	if v.shop.cfg.TestMode && !v.in.Admin {
		v.session.Page = w.page()
		return v.show(v.refusal("opens_soon", w, nil)), nil
	}
	if v.session.Order != "" && v.session.OrderPlan == w.ref && v.session.OrderESIM == w.esimID() {
		o, err := v.shop.cfg.Desk.Get(ctx, v.session.Order, v.in.User)
		switch {
		case errors.Is(err, orders.ErrNotFound): // still being made, or never was
			v.session.Agreed = shown
			return v.checking(w), nil
		case err != nil:
			return Reply{}, fmt.Errorf("look for the order begun before: %w", err)
		case o.State == orders.AwaitingPayment:
			v.session.Page = OrderPage(o.ID)
			return v.showOrder(o, "")
		}
	}
	id, err := orders.NewID(v.shop.cfg.Random)
	if err != nil {
		return Reply{}, err
	}
	v.session.Order, v.session.OrderPlan, v.session.OrderESIM, v.session.Agreed = id, w.ref, w.esimID(), shown
	return v.checking(w), nil
}

// checking says that the price is being checked, and opens the session's order meanwhile.
func (v *visit) checking(w wish) Reply {
	v.session.Page = OrderPage(v.session.Order)
	r := v.show(Screen{Name: "checking", HTML: paragraphs(bold(v.title(w)), v.l.H("checking")), Rows: [][]Button{{back(v.l, w.page())}}})
	r.Typing, r.Then = true, v.then((*visit).openOrder)
	return r
}

// openOrder asks for the fresh terms of what the session's order is for, and opens its payment page.
func (v *visit) openOrder(ctx context.Context) (Reply, error) {
	w, err := v.begun(ctx)
	switch {
	case errors.Is(err, errStale):
		v.notice = v.l.H("plan_gone")
		return v.open(ctx, "dest")
	case err != nil:
		return Reply{}, err
	}
	now, err := v.quote(ctx, w)
	switch {
	case errors.Is(err, catalog.ErrOver):
		return v.refuse("over", w, nil), nil
	case errors.Is(err, catalog.ErrGone):
		return v.refuse("gone", w, nil), nil
	case err != nil:
		return v.refuse("unavailable", w, err), nil
	case w.esim != nil:
		w.plan = now
	}
	if now.Retail.Minor != v.session.Agreed {
		return v.show(v.priceChanged(w, now.Retail)), nil
	}
	return v.openDraft(ctx, w, now)
}

// openDraft opens the payment page of a plan with fresh terms.
func (v *visit) openDraft(ctx context.Context, w wish, plan esim.Plan) (Reply, error) {
	draft := orders.Draft{
		ID: v.session.Order, Kind: orders.KindESIM, Customer: v.in.User, Admin: v.in.Admin, Language: v.l.Lang(),
		Plan: plan, Screen: orders.Message{Chat: v.in.User, ID: v.session.Screen},
	}
	if w.esim != nil {
		draft.Kind, draft.ESIM = orders.KindTopUp, orders.ID(w.esim.ID)
	}
	o, err := v.shop.cfg.Desk.Open(ctx, draft)
	switch {
	case err == nil:
		v.session.Page = OrderPage(o.ID)
		return v.show(v.shop.orderScreen(v.l, o, "")), nil
	case errors.Is(err, orders.ErrTooMany):
		return v.tooMany(ctx, w)
	case errors.Is(err, orders.ErrPaused):
		return v.refuse("paused", w, nil), nil
	case errors.Is(err, orders.ErrBlocked):
		return v.refuse("blocked", w, nil), nil
	case errors.Is(err, orders.ErrTestMode):
		return v.refuse("opens_soon", w, nil), nil
	default:
		return v.refuse("not_opened", w, err), nil
	}
}

// refuse says kindly why something can't be bought now.
func (v *visit) refuse(key string, w wish, cause error) Reply {
	v.session.Page = w.page()
	var offered []esim.Plan
	if w.esim == nil && (key == "gone" || key == "unavailable") {
		offered = v.alternatives(w.plan)
	}
	r := v.show(v.refusal(key, w, offered))
	r.Cause = cause
	return r
}

// refusal is a screen that begins with what happened to the money: nothing.
func (v *visit) refusal(key string, w wish, offered []esim.Plan) Screen {
	rows := make([][]Button, 0, len(offered)+3)
	best := v.snap.Best(w.plan.Destination.ID())
	for _, q := range offered {
		button, _ := v.planButton(q, best)
		rows = append(rows, []Button{button})
	}
	others := v.others(w)
	switch key {
	case "not_opened", "unavailable":
		again := Button{Text: v.l.T("button_try_again"), Data: w.buy(v.session.Agreed)}
		if len(rows) == 0 {
			again.Style = Primary
		}
		rows = append(rows, []Button{again})
	case "blocked":
		rows = append(rows, []Button{{Text: v.l.T("button_support"), Data: "support", Style: Primary}})
	case "over":
		others[0] = Button{Text: v.l.T("button_new_esim"), Data: to("another", w.esimID()), Style: Primary}
	}
	html := v.l.H("refusal_"+key, args{"Plan": v.title(w)})
	if len(offered) > 0 {
		html = paragraphs(html, v.l.H("refusal_instead"))
	}
	return Screen{Name: "refusal_" + key, HTML: html, Rows: append(rows, others)}
}

// alternatives returns the plans of the same destination nearest to p: in data, then in days.
func (v *visit) alternatives(p esim.Plan) []esim.Plan {
	others := slices.DeleteFunc(slices.Clone(v.snap.Plans(p.Destination.ID())), func(q esim.Plan) bool { return q.Same(p) })
	far := func(q esim.Plan) int64 {
		d := max(q.Bytes-p.Bytes, p.Bytes-q.Bytes)
		if q.Kind != p.Kind || q.HasVoice() != p.HasVoice() {
			d += 1 << 50
		}
		return d
	}
	slices.SortStableFunc(others, func(a, b esim.Plan) int {
		if c := far(a) - far(b); c != 0 {
			return int(max(-1, min(1, c)))
		}
		return max(a.Days-p.Days, p.Days-a.Days) - max(b.Days-p.Days, p.Days-b.Days)
	})
	return others[:min(len(others), alternativesShown)]
}

// priceChanged says old and new price and asks again.
func (v *visit) priceChanged(w wish, price esim.Money) Screen {
	key := "price_rose"
	if price.Minor < v.session.Agreed {
		key = "price_fell"
	}
	was := esim.Money{Minor: v.session.Agreed, Currency: price.Currency}
	now := money(v.l, price)
	return Screen{
		Name: key,
		HTML: v.l.H(key, args{"Plan": v.title(w), "Was": money(v.l, was), "Now": now}),
		Rows: [][]Button{
			{{Text: v.l.T("button_agree", args{"Price": now}), Data: w.buy(price.Minor), Style: Primary}},
			v.others(w),
		},
	}
}

// tooMany shows the pages that are open already: paying or cancelling one makes room.
func (v *visit) tooMany(ctx context.Context, w wish) (Reply, error) {
	r := v.refuse("too_many", w, nil)
	list, err := v.shop.cfg.Desk.List(ctx, v.in.User)
	if err != nil {
		r.Cause = fmt.Errorf("list orders: %w", err)
		return r, nil
	}
	var open [][]Button
	for _, o := range list {
		if o.State == orders.AwaitingPayment && len(open) < 5 {
			open = append(open, []Button{v.orderButton(o)})
		}
	}
	r.Screen.Rows = append(open, r.Screen.Rows...)
	return r, nil
}

func (v *visit) orderButton(o *orders.Order) Button {
	key := "order_line_preparing"
	switch {
	case o.State == orders.AwaitingPayment && !o.Checkout.Completed:
		key = "order_line_unpaid"
	case o.Kind == orders.KindTopUp:
		key = "order_line_adding"
	}
	return press(v.l.T(key, args{
		"Place": cutRunes(v.l.Flagged(o.Plan.Destination), 40), "Data": allowance(v.l, o.Plan), "Price": money(v.l, o.Plan.Retail),
	}), OrderPage(o.ID))
}

// shownPrice reads the price, in minor units, that a Buy button showed.
func shownPrice(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1e12 || strconv.FormatInt(n, 10) != s {
		return 0, errStale
	}
	return n, nil
}
