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
	return v.begin(ctx, p, shown)
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
	if p, ok := onSale(v.snap, o.Plan); ok {
		return v.begin(ctx, p, shown)
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

func (v *visit) begin(ctx context.Context, p esim.Plan, shown int64) (Reply, error) {
	if v.shop.cfg.TestMode && !v.in.Admin {
		v.session.Page = to("plan", p.Ref())
		return v.show(v.refusal("opens_soon", p, nil)), nil
	}
	if v.session.Order != "" && v.session.OrderPlan == p.Ref() {
		o, err := v.shop.cfg.Desk.Get(ctx, v.session.Order, v.in.User)
		switch {
		case errors.Is(err, orders.ErrNotFound): // still being made, or never was
			v.session.Agreed = shown
			return v.checking(), nil
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
	v.session.Order, v.session.OrderPlan, v.session.Agreed = id, p.Ref(), shown
	return v.checking(), nil
}

// checking says that the price is being checked, and opens the session's order meanwhile.
func (v *visit) checking() Reply {
	v.session.Page = OrderPage(v.session.Order)
	title := ""
	if p, ok := v.snap.Plan(v.session.OrderPlan); ok {
		title = bold(planName(v.l, p))
	}
	r := v.show(Screen{Name: "checking", HTML: paragraphs(title, v.l.H("checking")), Rows: [][]Button{{back(v.l, to("plan", v.session.OrderPlan))}}})
	r.Typing, r.Then = true, v.then((*visit).openOrder)
	return r
}

// openOrder asks for the plan's fresh terms and opens the payment page of the session's order.
func (v *visit) openOrder(ctx context.Context) (Reply, error) {
	p, ok := sold(v.snap, v.session.OrderPlan)
	if !ok {
		v.notice = v.l.H("plan_gone")
		return v.open(ctx, "dest")
	}
	fresh, err := v.shop.cfg.Catalogue.Quote(ctx, p)
	switch {
	case errors.Is(err, catalog.ErrGone):
		return v.refuse("gone", p, err), nil
	case err != nil:
		return v.refuse("unavailable", p, err), nil
	case fresh.Retail.Minor != v.session.Agreed:
		return v.show(v.priceChanged(p, fresh)), nil
	}
	return v.openDraft(ctx, p, fresh)
}

// openDraft opens the payment page. pressed is the plan as the customer knows it.
func (v *visit) openDraft(ctx context.Context, pressed, fresh esim.Plan) (Reply, error) {
	o, err := v.shop.cfg.Desk.Open(ctx, orders.Draft{
		ID: v.session.Order, Kind: orders.KindESIM, Customer: v.in.User, Admin: v.in.Admin, Language: v.l.Lang(),
		Plan: fresh, Screen: orders.Message{Chat: v.in.User, ID: v.session.Screen},
	})
	switch {
	case err == nil:
		v.session.Page = OrderPage(o.ID)
		return v.show(v.shop.orderScreen(v.l, o, "")), nil
	case errors.Is(err, orders.ErrTooMany):
		return v.tooMany(ctx, pressed)
	case errors.Is(err, orders.ErrPaused):
		return v.refuse("paused", pressed, nil), nil
	case errors.Is(err, orders.ErrBlocked):
		return v.refuse("blocked", pressed, nil), nil
	case errors.Is(err, orders.ErrTestMode):
		return v.refuse("opens_soon", pressed, nil), nil
	default:
		return v.refuse("not_opened", pressed, err), nil
	}
}

// refuse says kindly why a plan can't be bought now. A cause that is no news to us is left out.
func (v *visit) refuse(key string, p esim.Plan, cause error) Reply {
	v.session.Page = to("plan", p.Ref())
	var offered []esim.Plan
	if key == "gone" || key == "unavailable" {
		offered = v.alternatives(p)
	}
	r := v.show(v.refusal(key, p, offered))
	if !errors.Is(cause, catalog.ErrGone) {
		r.Cause = cause
	}
	return r
}

// refusal is a screen that begins with what happened to the money: nothing.
func (v *visit) refusal(key string, p esim.Plan, offered []esim.Plan) Screen {
	rows := make([][]Button, 0, len(offered)+3)
	best := v.snap.Best(p.Destination.ID())
	for _, q := range offered {
		rows = append(rows, []Button{v.planButton(q, best)})
	}
	if key == "not_opened" || key == "unavailable" {
		again := Button{Text: v.l.T("button_try_again"), Data: to("buy", p.Ref(), strconv.FormatInt(v.session.Agreed, 10))}
		if len(rows) == 0 {
			again.Style = Primary
		}
		rows = append(rows, []Button{again})
	}
	if key == "blocked" {
		rows = append(rows, []Button{{Text: v.l.T("button_support"), Data: "support", Style: Primary}})
	}
	rows = append(rows, []Button{press(v.l.T("button_all_plans"), to("plans", p.Destination.ID())), back(v.l, "dest")})
	html := v.l.H("refusal_"+key, args{"Plan": planName(v.l, p)})
	if len(offered) > 0 {
		html = paragraphs(html, v.l.H("refusal_instead"))
	}
	return Screen{Name: "refusal_" + key, HTML: html, Rows: rows}
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
func (v *visit) priceChanged(p, fresh esim.Plan) Screen {
	key := "price_rose"
	if fresh.Retail.Minor < v.session.Agreed {
		key = "price_fell"
	}
	was := esim.Money{Minor: v.session.Agreed, Currency: fresh.Retail.Currency}
	now := money(v.l, fresh.Retail)
	return Screen{
		Name: key,
		HTML: v.l.H(key, args{"Plan": planName(v.l, p), "Was": money(v.l, was), "Now": now}),
		Rows: [][]Button{
			{{Text: v.l.T("button_agree", args{"Price": now}), Data: to("buy", p.Ref(), strconv.FormatInt(fresh.Retail.Minor, 10)), Style: Primary}},
			{press(v.l.T("button_all_plans"), to("plans", p.Destination.ID())), back(v.l, "dest")},
		},
	}
}

// tooMany shows the pages that are open already: paying or cancelling one makes room.
func (v *visit) tooMany(ctx context.Context, p esim.Plan) (Reply, error) {
	r := v.refuse("too_many", p, nil)
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
	if o.State == orders.AwaitingPayment {
		key = "order_line_unpaid"
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
