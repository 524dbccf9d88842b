package flows

import (
	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// topUpName names a top-up in words.
func topUpName(l *locales.Localizer, p esim.Plan) string {
	return l.T("topup_name", args{"Plan": planName(l, p)})
}

// boughtName names what an order is for.
func boughtName(l *locales.Localizer, o *orders.Order) string {
	if o.Kind == orders.KindTopUp {
		return topUpName(l, o.Plan)
	}
	return planName(l, o.Plan)
}

// topUpState is orderState for a top-up.
func (s *Shop) topUpState(l *locales.Localizer, o *orders.Order) (name, html string, rows [][]Button) {
	toESIM := []Button{press(l.T("button_my_esim"), to("esim", string(o.ESIM))), back(l, "start")}
	switch o.State {
	case orders.AwaitingPayment:
		return s.awaiting(l, o)
	case orders.Expired:
		again := Button{Text: l.T("button_try_again"), Data: againRoute(o, o.Plan.Retail), Style: Primary}
		return "expired", l.H(expiredText(o)), [][]Button{{again}, toESIM}
	case orders.Paid, orders.Purchasing, orders.Provisioning:
		name, html = s.adding(l, o)
		return name, html, withRows(nil, receipt(l, o), toESIM)
	case orders.Issued:
		return "ready", l.H("topup_order_issued"), withRows(nil, receipt(l, o), toESIM)
	case orders.Delivered:
		toESIM[0].Style = Primary
		return "delivered", l.H("topup_order_delivered", args{"Data": allowance(l, o.Plan)}), withRows(nil, toESIM[:1], append(receipt(l, o), toESIM[1]))
	case orders.Refunding, orders.Refunded:
		name, html = s.refunded(l, o, "topup_order_sorry")
		return name, html, withRows(nil, receipt(l, o), toESIM)
	case orders.Unknown:
		html = l.H("topup_order_unknown", args{"Price": money(l, o.Plan.Retail)})
		return "in_doubt", html, withRows(nil, receipt(l, o), []Button{press(l.T("button_refunds"), "pay"), back(l, "start")})
	default: // review, and what a newer version calls it
		html = l.H("topup_order_delayed", args{"Price": money(l, o.Plan.Retail)})
		return "delayed", html, withRows(nil, receipt(l, o), []Button{press(l.T("button_refunds"), "pay"), back(l, "start")})
	}
}

// adding shows how far a paid top-up is. One that waits for another says so.
func (s *Shop) adding(l *locales.Localizer, o *orders.Order) (name, html string) {
	steps := lines(l.H("step_paid"), l.H("topup_step", args{"Data": allowance(l, o.Plan)}))
	switch {
	case o.State == orders.Paid && o.Reason == orders.ReasonTopUpWaits:
		return "adding_waits", paragraphs(steps, l.H("topup_order_waits"))
	case s.takesLong(o):
		return "adding_long", paragraphs(steps, l.H(s.untilWhen("topup_order_working")))
	default:
		return "adding", paragraphs(steps, l.H("topup_order_adding"))
	}
}
