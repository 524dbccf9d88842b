package flows

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// OrderPage is the route of an order's page: what Session.Page is while the customer looks at it.
func OrderPage(id orders.ID) string { return to("o", string(id)) }

// patience is how long after payment "preparing" becomes "still working".
const patience = 20 * time.Second

// today is how long an order may be held for its customer to be told "today".
const today = 12 * time.Hour

// own returns the customer's order; errStale for what is no order or another's.
func (v *visit) own(ctx context.Context, word string) (*orders.Order, error) {
	id, err := orders.ParseID(word)
	if err != nil || string(id) != word {
		return nil, errStale
	}
	o, err := v.shop.cfg.Desk.Get(ctx, id, v.in.User)
	switch {
	case errors.Is(err, orders.ErrNotFound), errors.Is(err, orders.ErrNotYours):
		return nil, errStale
	case err != nil:
		return nil, fmt.Errorf("get order: %w", err)
	}
	return o, nil
}

// order is an order's page. The order that the session has begun and that isn't there yet is
// opened: its making was interrupted.
func (v *visit) order(ctx context.Context, words []string) (Reply, error) {
	o, err := v.own(ctx, words[0])
	if errors.Is(err, errStale) && v.session.Order != "" && words[0] == string(v.session.Order) {
		w, err := v.begun(ctx)
		if err != nil {
			return Reply{}, err
		}
		return v.checking(w), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return v.showOrder(o, "")
}

// showOrder draws an order. Where the payment page should be there and isn't, or its time is over,
// it has a look afterwards.
func (v *visit) showOrder(o *orders.Order, notice string) (Reply, error) {
	r := v.show(v.shop.orderScreen(v.l, o, notice))
	if o.State != orders.AwaitingPayment {
		return r, nil
	}
	switch {
	case o.Checkout.URL == "":
		r.Typing, r.Then = true, v.then(func(v *visit, ctx context.Context) (Reply, error) {
			w, err := v.wishOf(ctx, o)
			if err != nil {
				return Reply{}, err
			}
			v.session.Order, v.session.OrderPlan, v.session.OrderESIM, v.session.Agreed = o.ID, w.ref, w.esimID(), o.Plan.Retail.Minor
			return v.openDraft(ctx, w, o.Plan)
		})
	case !v.now.Before(o.Checkout.ExpiresAt):
		v.look(&r, o, "")
	}
	return r, nil
}

// look makes a reply's effect a look at the payment. unpaid is the key of what is said when there
// is none yet.
func (v *visit) look(r *Reply, o *orders.Order, unpaid string) {
	id := o.ID
	r.Typing, r.Then = true, v.then(func(v *visit, ctx context.Context) (Reply, error) {
		seen, err := v.shop.cfg.Desk.Check(ctx, id, v.in.User)
		if err != nil {
			// The page drawn before stays true, and changes by itself when the payment is seen.
			return Reply{Cause: fmt.Errorf("check order: %w", err)}, nil
		}
		notice := ""
		if seen.State == orders.AwaitingPayment && unpaid != "" {
			notice = v.l.H(unpaid)
		}
		return v.show(v.shop.orderScreen(v.l, seen, notice)), nil
	})
}

// returned answers the deep links back from Stripe's page: o_ hastens the look at the payment,
// x_ shows the order unpaid.
func (v *visit) returned(ctx context.Context, id orders.ID, kind string) (Reply, error) {
	o, err := v.own(ctx, string(id))
	if err != nil {
		return Reply{}, err
	}
	v.session.Page = OrderPage(id)
	if o.State != orders.AwaitingPayment {
		return v.showOrder(o, "")
	}
	if kind == "x" {
		r, err := v.showOrder(o, v.l.H("order_left"))
		if err == nil && r.Then == nil {
			r.Screen.Rows[0][0].Text = v.l.T("button_pay_again", args{"Price": o.Plan.Retail})
		}
		return r, err
	}
	r := v.show(v.shop.orderScreen(v.l, o, v.l.H("order_looking")))
	v.look(&r, o, "order_unseen")
	return r, nil
}

// cancel closes an order's payment page.
func (v *visit) cancel(ctx context.Context, words []string) (Reply, error) {
	o, err := v.own(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	v.session.Page = to("o", words[0])
	if o.State != orders.AwaitingPayment {
		return v.showOrder(o, "")
	}
	r := v.show(Screen{Name: "cancelling", HTML: v.l.H("cancelling"), Rows: [][]Button{{back(v.l, to("o", words[0]))}}})
	r.Typing, r.Then = true, v.then(func(v *visit, ctx context.Context) (Reply, error) {
		after, err := v.shop.cfg.Desk.Cancel(ctx, o.ID, v.in.User)
		switch {
		case err != nil:
			r := v.show(v.shop.orderScreen(v.l, o, v.l.H("cancel_failed")))
			r.Cause = fmt.Errorf("cancel order: %w", err)
			return r, nil
		case after.State == orders.AwaitingPayment:
			return v.show(v.shop.orderScreen(v.l, after, v.l.H("cancel_pending"))), nil
		}
		return v.show(v.shop.orderScreen(v.l, after, "")), nil
	})
	return r, nil
}

// OrderScreen is an order's screen in its present state: what happens to the money, and what the
// customer can do. It shows no activation code.
func (s *Shop) OrderScreen(o *orders.Order, lang string) Screen {
	// It is drawn where the order was paid, so the photo comes below.
	return s.drawOrder(s.cfg.Bundle.For(lang), o, "", "order_delivered")
}

// orderScreen is OrderScreen for who opens it again, with a notice (HTML) below the title.
func (s *Shop) orderScreen(l *locales.Localizer, o *orders.Order, notice string) Screen {
	return s.drawOrder(l, o, notice, "order_delivered_before")
}

// drawOrder draws an order. delivered is the key of what is said once the photo was sent.
func (s *Shop) drawOrder(l *locales.Localizer, o *orders.Order, notice, delivered string) Screen {
	name, state, rows := s.orderState(l, o, delivered)
	test := ""
	if s.cfg.TestMode {
		test = l.H("order_test")
	}
	head := lines(
		l.H("order_title", args{"Order": code(l, o.ID.String())}),
		locales.Escape(boughtName(l, o)),
	)
	return Screen{Name: "order_" + name, HTML: paragraphs(head, test, notice, state, partlyRefunded(l, o)), Rows: rows}
}

// orderState returns the state's name for metrics, what to say, and the ways on.
func (s *Shop) orderState(l *locales.Localizer, o *orders.Order, delivered string) (name, html string, rows [][]Button) {
	price := args{"Price": money(l, o.Plan.Retail)}
	if o.Kind == orders.KindTopUp {
		return s.topUpState(l, o)
	}
	toESIMs := []Button{press(l.T("button_esims"), "esims"), back(l, "start")}
	switch o.State {
	case orders.AwaitingPayment:
		return s.awaiting(l, o)
	case orders.Expired:
		again := Button{Text: l.T("button_try_again"), Data: againRoute(o, o.Plan.Retail), Style: Primary}
		return "expired", l.H(expiredText(o)), [][]Button{{again}, {press(l.T("button_destinations"), "dest"), back(l, "start")}}
	case orders.Paid, orders.Purchasing, orders.Provisioning:
		name, html = s.preparing(l, o)
		return name, html, withRows(nil, receipt(l, o), toESIMs)
	case orders.Issued:
		return "ready", l.H("order_issued"), withRows(nil, receipt(l, o), toESIMs)
	case orders.Delivered:
		rows = [][]Button{{{Text: l.T("button_my_esim"), Data: to("esim", string(o.ID)), Style: Primary}}, {s.companion(l, o)}}
		return "delivered", l.H(delivered), withRows(rows, append(receipt(l, o), back(l, "start")))
	case orders.Refunding, orders.Refunded:
		name, html = s.refunded(l, o, "order_sorry")
		return name, html, withRows(nil, receipt(l, o), []Button{press(l.T("button_destinations"), "dest"), back(l, "start")})
	case orders.Unknown:
		return "in_doubt", l.H("order_unknown", price), withRows(nil, receipt(l, o), []Button{press(l.T("button_refunds"), "pay"), back(l, "start")})
	default: // review, and what a newer version calls it
		return "delayed", l.H("order_delayed", price), withRows(nil, receipt(l, o), []Button{press(l.T("button_refunds"), "pay"), back(l, "start")})
	}
}

// expiredText is the key of what is said of an order that nobody paid.
func expiredText(o *orders.Order) string {
	if o.Reason == orders.ReasonFailed {
		return "order_payment_failed"
	}
	return "order_expired"
}

// awaiting is the order with its way to pay, or with a payment that is on its way.
func (s *Shop) awaiting(l *locales.Localizer, o *orders.Order) (name, html string, rows [][]Button) {
	up, rules := to("plan", o.Plan.Ref()), lines(refundRule(l, o.Plan.Provider), l.H("order_then"))
	if o.Kind == orders.KindTopUp {
		up, rules = to("esim", string(o.ESIM)), lines(l.H("topup_refund"), l.H("topup_order_then"))
	}
	if o.Checkout.Completed || o.Told == orders.NoticeProcessing {
		waits := l.H("order_processing", args{"Price": money(l, o.Plan.Retail)})
		return "processing", waits, [][]Button{{press(l.T("button_esims"), "esims"), back(l, "start")}}
	}
	away := []Button{press(l.T("button_cancel"), to("cancel", string(o.ID))), back(l, up)}
	if o.Checkout.URL == "" {
		return "opening", l.H("order_opening"), [][]Button{away}
	}
	price := money(l, o.Plan.Retail)
	html = paragraphs(
		lines(l.H("order_price", args{"Price": price}), s.openUntil(l, o.Checkout.ExpiresAt)),
		rules,
	)
	return "awaiting", html, [][]Button{{{Text: l.T("button_pay", args{"Price": price}), URL: o.Checkout.URL, Style: Success}}, away}
}

// openUntil says how long the payment page stays open: also how far off that is, for those who don't
// think in UTC.
func (s *Shop) openUntil(l *locales.Localizer, t time.Time) string {
	left := int(t.Sub(s.cfg.Now()) / time.Minute)
	if left < 1 {
		return ""
	}
	return l.H("order_open_until", args{"Left": l.Isolate(l.Minutes(left)), "Time": l.Isolate(l.Time(t))})
}

// preparing shows how far a paid order is. The profile may be made a while after it was ordered.
func (s *Shop) preparing(l *locales.Localizer, o *orders.Order) (name, html string) {
	steps := lines(l.H("step_paid"), l.H("step_ordering"))
	name = "preparing"
	if o.State == orders.Provisioning {
		name, steps = "provisioning", lines(l.H("step_paid"), l.H("step_ordered"), l.H("step_making"))
	}
	if s.takesLong(o) {
		return name + "_long", paragraphs(steps, l.H(s.untilWhen("order_working")))
	}
	return name, paragraphs(steps, l.H("order_"+name))
}

// untilWhen is the key of what a customer is told who waits: that it is done today, where no order is held
// for longer, or else without a day.
func (s *Shop) untilWhen(key string) string {
	if s.cfg.HoldDeadline > today {
		return key + "_open"
	}
	return key
}

// takesLong says whether a paid order has kept its customer waiting.
func (s *Shop) takesLong(o *orders.Order) bool {
	since := o.Payment.PaidAt
	if since.IsZero() {
		since = o.UpdatedAt
	}
	return o.Told == orders.NoticeWorking || !o.HeldSince.IsZero() || s.cfg.Now().Sub(since) >= patience
}

// refunded says what goes back and when it is there, or that nothing does. sorry is the key of what is
// said where nothing was delivered.
func (s *Shop) refunded(l *locales.Localizer, o *orders.Order, sorry string) (name, html string) {
	amount := o.Refund.Total
	name = "refunded"
	if o.State == orders.Refunding && !o.Refund.Amount.IsZero() {
		name, amount = "refunding", o.Refund.Amount
	}
	if amount.IsZero() { // an admin ended it, and sent nothing: test money, or the bank's to decide
		return "closed", l.H("order_closed")
	}
	why := ""
	if o.DeliveredAt.IsZero() {
		why = l.H(sorry)
	}
	return name, paragraphs(why, l.H("order_"+name, args{"Price": money(l, amount)}), l.H("order_refund_when"))
}

// partlyRefunded notes money that went back from an order that stands.
func partlyRefunded(l *locales.Localizer, o *orders.Order) string {
	if o.Refund.Total.IsZero() || o.State == orders.Refunded || o.State == orders.Refunding {
		return ""
	}
	return l.H("order_partly_refunded", args{"Price": money(l, o.Refund.Total)})
}

// receipt is the way to Stripe's own receipt, where there is one.
func receipt(l *locales.Localizer, o *orders.Order) []Button {
	if !webLink(o.Payment.ReceiptURL) {
		return nil
	}
	return []Button{{Text: l.T("button_receipt"), URL: o.Payment.ReceiptURL}}
}

// companion buys the same once more, at the price of today.
func (s *Shop) companion(l *locales.Localizer, o *orders.Order) Button {
	return s.anew(l, "button_companion", o)
}

func (s *Shop) anew(l *locales.Localizer, key string, o *orders.Order) Button {
	price := o.Plan.Retail
	if p, ok := onSale(s.cfg.Catalogue.Snapshot(), o.Plan); ok {
		price = p.Retail
	}
	return press(l.T(key, args{"Price": money(l, price)}), againRoute(o, price))
}

func againRoute(o *orders.Order, shown esim.Money) string {
	return to("again", string(o.ID), strconv.FormatInt(shown.Minor, 10))
}
