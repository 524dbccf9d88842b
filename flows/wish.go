package flows

import (
	"context"
	"strconv"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// A wish is what a customer is about to buy: a plan as a new eSIM, or one to be added to an eSIM that
// they have.
type wish struct {
	ref  string      // of the plan
	plan esim.Plan   // zero while the provider of a top-up has not told it
	esim *usage.ESIM // to be topped up; nil for a new eSIM
}

// fresh is the wish for a plan as a new eSIM.
func fresh(p esim.Plan) wish { return wish{ref: p.Ref(), plan: p} }

// begun returns what the session's order is for; errStale where that is no more.
func (v *visit) begun(ctx context.Context) (wish, error) {
	ref := v.session.OrderPlan
	if v.session.OrderESIM != "" {
		e, err := v.held(ctx, v.session.OrderESIM)
		return wish{ref: ref, esim: e}, err
	}
	p, ok := sold(v.snap, ref)
	if !ok {
		return wish{}, errStale
	}
	return wish{ref: ref, plan: p}, nil
}

// wishOf returns what an order is for.
func (v *visit) wishOf(ctx context.Context, o *orders.Order) (wish, error) {
	w := fresh(o.Plan)
	if o.Kind != orders.KindTopUp {
		return w, nil
	}
	var err error
	w.esim, err = v.held(ctx, string(o.ESIM))
	return w, err
}

// quote asks for the wish's present terms.
func (v *visit) quote(ctx context.Context, w wish) (esim.Plan, error) {
	if w.esim != nil {
		return v.shop.cfg.TopUps.QuoteTopUp(ctx, w.esim, w.ref)
	}
	return v.shop.cfg.Catalogue.Quote(ctx, w.plan)
}

// esimID is the eSIM that is topped up; empty for a new one.
func (w wish) esimID() string {
	if w.esim == nil {
		return ""
	}
	return w.esim.ID
}

// title names the wish, as plain text: of a top-up that isn't known yet, the eSIM that it is for.
func (v *visit) title(w wish) string {
	switch {
	case w.esim == nil:
		return planName(v.l, w.plan)
	case w.plan.ID == "":
		return esimName(v.l, w.esim)
	default:
		return topUpName(v.l, w.plan)
	}
}

// buy is the route of a button that orders it at a price.
func (w wish) buy(price int64) string {
	shown := strconv.FormatInt(price, 10)
	if w.esim != nil {
		return to("add", w.esim.ID, w.ref, shown)
	}
	return to("buy", w.ref, shown)
}

// page is where the wish was chosen.
func (w wish) page() string {
	if w.esim != nil {
		return to("esim", w.esim.ID)
	}
	return to("plan", w.ref)
}

// others leads to what there is in its place, and home from there.
func (v *visit) others(w wish) []Button {
	if w.esim != nil {
		return []Button{press(v.l.T("button_all_topups"), to("more", w.esim.ID)), back(v.l, to("esim", w.esim.ID))}
	}
	return []Button{press(v.l.T("button_all_plans"), to("plans", w.plan.Destination.ID())), back(v.l, "dest")}
}

// offered is the route of the same button on an offer, which stays as it is.
func (w wish) offered(price int64) string {
	return to("tu", w.esim.ID, w.ref, strconv.FormatInt(price, 10))
}
