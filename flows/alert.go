package flows

import (
	"slices"
	"strings"

	"esimbot/locales"
	"esimbot/orders"
)

// alertKinds are the matters that have a text of their own; any other is named as it is.
func alertKinds() []string {
	return []string{
		"review", "balance_low", "provider_down", "rejected", "provisioning", "undelivered", "bought_twice", "refund_failed", "catalogue",
		"stripe_webhook", "order_lost", "paid_twice", "dispute", "fraud_warning", "refund_delayed", "stuck", "stripe_down",
	}
}

// AlertText tells admins of a matter. It names no customer and shows no code; what there is to be
// done stands behind the Open button, in the admin's private chat.
func (s *Shop) AlertText(a orders.Alert, lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	title := l.H("alert_other", args{"Kind": cutRunes(a.Kind, 64)})
	if slices.Contains(alertKinds(), a.Kind) {
		title = l.H("alert_" + a.Kind)
	}
	screen := Screen{Name: "alert", HTML: paragraphs(title, alertOrder(l, a.Order), locales.Escape(cutRunes(strings.TrimSpace(a.Detail), 600)))}
	if a.Order != nil {
		screen.Rows = [][]Button{{{Text: l.T("button_open"), URL: s.deepLink("a_" + string(a.Order.ID)), Style: Primary}}}
	}
	return screen
}

func alertOrder(l *locales.Localizer, o *orders.Order) string {
	if o == nil {
		return ""
	}
	return lines(
		l.H("alert_order", args{"Order": code(l, o.ID.String()), "State": string(o.State)}),
		locales.Escape(planName(l, o.Plan)),
		l.H("alert_price", args{"Price": o.Plan.Retail, "Provider": o.Plan.Provider.Name()}),
	)
}

// deepLink is an address that opens the bot with a payload.
func (s *Shop) deepLink(payload string) string {
	return "https://t.me/" + s.cfg.BotUsername + "?start=" + payload
}
