package flows

import (
	"slices"
	"strconv"
	"strings"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// alertKinds are the matters that have a text of their own; any other is named as it is.
func alertKinds() []string {
	return []string{
		"review", "balance_low", "provider_down", "rejected", "provisioning", "undelivered", "bought_twice", "refund_failed", "catalogue",
		"stripe_webhook", "order_lost", "paid_twice", "dispute", "fraud_warning", "refund_delayed", "stuck", "stripe_down", "sweep",
	}
}

// AlertText tells admins of a matter. It names no customer and shows no code. Rows are the buttons
// that answer it, for an admin's private chat; Link leads to the same in such a chat, for the support
// chat, where nobody may decide anything.
func (s *Shop) AlertText(a orders.Alert, lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	detail := strings.TrimSpace(a.Detail)
	evident := ""
	if (a.Kind == "review" || a.Kind == "refund_failed") && a.Order != nil {
		evident = evidence(l, a.Order)
		if detail == a.Order.Reason && evident != "" {
			detail = "" // told in words already
		}
	}
	screen := Screen{
		Name: "alert",
		HTML: paragraphs(alertTitle(l, a), alertOrder(l, a.Order), evident, twice(l, a.Twice), locales.Escape(oneLine(detail, 600))),
		Link: s.deepLink("a_" + alertMatter(a)),
	}
	if s.cfg.Office != nil {
		screen.Rows = s.alertRows(l, a)
	} else if a.Order != nil {
		screen.Rows = [][]Button{{{Text: l.T("button_open"), URL: screen.Link, Style: Primary}}}
	}
	return screen
}

func alertTitle(l *locales.Localizer, a orders.Alert) string {
	switch {
	case a.Kind == "review" && a.Order != nil && a.Order.Reason == orders.ReasonInDoubt:
		provider := a.Order.Plan.Provider
		if a.Order.Attempt.Provider != "" {
			provider = a.Order.Attempt.Provider
		}
		return l.H("alert_doubt", args{"Provider": l.Isolate(provider.Name())})
	case a.Kind == "review" && a.Order != nil && a.Order.Reason == orders.ReasonRefundFailed:
		return l.H("alert_refund_failed")
	case slices.Contains(alertKinds(), a.Kind):
		return l.H("alert_" + a.Kind)
	default:
		return l.H("alert_other", args{"Kind": oneLine(a.Kind, 64)})
	}
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

// alertMatter names what an alert is about, as deep links do after "a_": an order, else the page on
// which the matter is looked at.
func alertMatter(a orders.Alert) string {
	if link := besideLink(a); link != "" {
		return link
	}
	if a.Order != nil && a.Kind != "balance_low" && a.Kind != "provider_down" && a.Kind != "stripe_down" {
		return string(a.Order.ID)
	}
	switch a.Kind {
	case "balance_low", "provider_down":
		return "balance"
	case "stripe_webhook", "stripe_down", "order_lost", "sweep":
		return "stripe"
	case "catalogue":
		return "catalogue"
	default:
		return "orders"
	}
}

// alertRows are the buttons that answer a matter. The pages they lead to are messages of their own:
// the alert stays.
func (s *Shop) alertRows(l *locales.Localizer, a orders.Alert) [][]Button {
	page := func(key string, words ...string) Button {
		return press(l.T(key), to(append([]string{"alert"}, words...)...))
	}
	o := a.Order
	var rows [][]Button
	switch matter, beside := alertMatter(a), besidePage(a); {
	case beside != nil:
		rows = append(rows, []Button{page(besideButton(a), beside...)})
	case matter == "balance":
		rows = withRows(rows, []Button{page("admin_button_balance", "balance")}, s.pauseButton(l, a))
	case matter == "stripe", matter == "catalogue":
		rows = append(rows, []Button{page("admin_button_look", matter)})
	case o == nil:
		rows = append(rows, []Button{page("admin_button_orders", "orders")})
	case a.Kind == "review", a.Kind == "refund_failed":
		rows = answerRows(l, o, s.cfg.Office.Answers(o), "alert")
	case a.Kind == "dispute", a.Kind == "fraud_warning":
		var answers []Button
		if a.Kind == "fraud_warning" && mayRefund(o) {
			answers = append(answers, page("admin_button_refund", "refund", string(o.ID)))
		}
		if o.Customer != 0 {
			answers = append(answers, page("admin_button_block", "block", strconv.FormatInt(o.Customer, 10)))
		}
		rows = withRows(rows, answers)
	case o.State == orders.Review:
		rows = append(rows, []Button{page("admin_button_resolve", "resolve", string(o.ID))})
	case mayRefund(o) && o.State != orders.Delivered:
		rows = append(rows, []Button{page("admin_button_refund", "refund", string(o.ID))})
	}
	if o != nil {
		rows = append(rows, []Button{page("button_open", "order", string(o.ID))})
	}
	if len(rows) > 0 && rows[0][0].Style == Plain {
		rows[0][0].Style = Primary
	}
	return rows
}

// besideButton names what answers a matter beside its order.
func besideButton(a orders.Alert) string {
	switch {
	case a.Intent == "":
		return "admin_button_second"
	case a.Order != nil:
		return "admin_button_return_second"
	default:
		return "admin_button_return"
	}
}

// pauseButton stops sales of the provider that an alert names by its key: "balance:cloudesim".
func (s *Shop) pauseButton(l *locales.Localizer, a orders.Alert) []Button {
	_, name, _ := strings.Cut(a.Key, ":")
	name, _, _ = strings.Cut(name, ":")
	p := esim.Provider(name)
	if !slices.Contains(providerNames(), p) {
		return nil
	}
	return []Button{press(l.T("admin_button_pause_one", args{"Provider": l.Isolate(p.Name())}), to("alert", "pause", name))}
}

// deepLink is an address that opens the bot with a payload.
func (s *Shop) deepLink(payload string) string {
	return "https://t.me/" + s.cfg.BotUsername + "?start=" + payload
}
