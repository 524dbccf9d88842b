package flows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"esimbot/flows"
	"esimbot/orders"
)

// data is what the screen's buttons lead to.
func data(s flows.Screen) []string {
	var all []string
	for _, b := range slices.Concat(s.Rows...) {
		all = append(all, b.Data)
	}
	return all
}

// TestPressedAgain: a second press doesn't say that nothing was done: the first may have done it.
func TestPressedAgain(t *testing.T) {
	s := newStage(t).asAdmin()
	s.press("admin/refund/" + string(untouched))
	token := s.screen().Rows[0][0].Data
	s.press(token)
	s.press(token)
	if html := s.screen().HTML; s.screen().Name != "admin_order" || strings.Contains(html, "Nothing was done") || !strings.Contains(html, "That press did nothing") {
		t.Errorf("%s: %s", s.screen().Name, html)
	}
	if !strings.HasPrefix(s.screen().HTML, untouched.String()+" · refunding\n") {
		t.Errorf("the order's page begins otherwise: %s", s.screen().HTML)
	}
}

// TestRefundOfAnotherState: what becomes of the eSIM depends on the order's state, so a yes to an offer
// that was made in another is none.
func TestRefundOfAnotherState(t *testing.T) {
	s := newStage(t).asAdmin()
	s.order(untouched, customer, "JP-10-30", orders.Paid)
	s.press("admin/refund/" + string(untouched))
	token := s.screen().Rows[0][0].Data
	s.desk.orders[untouched].State = orders.Delivered
	if s.press(token); s.screen().Name != "admin_refused_changed" || len(s.office.deeds) > 0 {
		t.Errorf("%s, done %v", s.screen().Name, s.office.deeds)
	}
	if s.yes(); s.screen().Name != "admin_refund" {
		t.Errorf("it leads on to %s", s.screen().Name)
	}
}

// TestManyOrdersOfOne: what doesn't stand on one page can be reached by turning it.
func TestManyOrdersOfOne(t *testing.T) {
	for _, command := range []string{"order", "refund", "resolve"} {
		s := newStage(t).asAdmin()
		for i := range 20 {
			s.order(orders.ID(fmt.Sprintf("7A2B3C4D%02d", i)), 4242, "JP-1-7", orders.Delivered)
		}
		if s.command(command, "4242"); s.screen().Name != "admin_customer" || !slices.Contains(data(s.screen()), "admin/customer/4242/2") {
			t.Errorf("/%s: %s, %v", command, s.screen().Name, data(s.screen()))
		}
		check(t, command, s.screen())
	}
}

// TestErasedCustomer: an order without a customer offers nothing about a customer.
func TestErasedCustomer(t *testing.T) {
	s := newStage(t).asAdmin()
	o := s.desk.orders[delivered]
	o.Customer = 0
	s.press("admin/order/" + string(delivered))
	all := data(s.screen())
	for _, kind := range []string{"dispute", "fraud_warning"} {
		all = append(all, data(s.shop.AlertText(orders.Alert{Key: kind, Kind: kind, Order: o}, "en"))...)
	}
	for _, to := range all {
		if strings.Contains(to, "block/") || strings.Contains(to, "customer/") {
			t.Errorf("a button leads to %s", to)
		}
		if r := s.press(to); r.Stale {
			t.Errorf("%s leads nowhere", to)
		}
	}
}

// TestBalanceLeadsToPause: who comes from an alert in the support chat can stop sales as well.
func TestBalanceLeadsToPause(t *testing.T) {
	s := newStage(t).asAdmin()
	if s.command("start", "a_balance"); !slices.Contains(data(s.screen()), "admin/pause") {
		t.Errorf("%v", data(s.screen()))
	}
}

// TestCodesTypedElsewhere: an activation code that was typed where none is asked for is kept nowhere.
func TestCodesTypedElsewhere(t *testing.T) {
	for name, typed := range map[string]func(s *stage){
		"a customer":    func(s *stage) { s.admin = false; s.text(lpa) },
		"in a sentence": func(s *stage) { s.text("my code " + strings.ToLower(lpa[:3]) + lpa[3:] + " does not work") },
		"/order":        func(s *stage) { s.command("order", lpa) },
		"/resolve":      func(s *stage) { s.command("resolve", string(doubtful)+" "+lpa) },
		"which order?":  func(s *stage) { s.command("order", ""); s.text(lpa) },
		"an amount":     func(s *stage) { s.press("admin/amount/" + string(delivered)); s.text(lpa) },
		"block whom?":   func(s *stage) { s.press("admin/block"); s.text(lpa) },
		"when it was settled": func(s *stage) {
			s.press("admin/answer/" + string(doubtful) + "/attach_code/2")
			delete(s.desk.orders, doubtful)
			s.text(lpa)
		},
	} {
		s := newStage(t).asAdmin()
		s.shown = nil
		typed(s)
		kept, err := json.Marshal(s.session)
		if err != nil {
			t.Fatal(err)
		}
		if mentions(string(kept), "ABCD-1234") {
			t.Errorf("%s: the session keeps it: %s", name, kept)
		}
		if mentions(written(s.shown), "ABCD-1234") {
			t.Errorf("%s: it is shown: %s", name, written(s.shown))
		}
	}
}

// TestHostileWords: what others wrote stands on admins' pages as they wrote it, and can pass neither for
// markup nor for a line of the page's own.
func TestHostileWords(t *testing.T) {
	const forged = "\u202E<b>x</b>&lt;a href=\"tg://x\">\n\n7KQ2M-9X4TB · refunded\n✅ Done by you\u2069"
	long := forged + strings.Repeat("\u202E𝔸<", 4096)
	for _, lang := range loadBundle(t).Languages() {
		for _, words := range []string{forged, long} {
			s := newStage(t)
			s.client = lang
			s.asAdmin()
			o := s.desk.orders[doubtful]
			o.Refund.Return, o.Refund.Refusal, o.Reason, o.Language, o.Refund.Actor = orders.ReturnRefused, words, words, words, words
			o.Checkout.SessionID, o.Payment.Intent, o.Refund.StripeID = words, words, words
			o.Plan.Destination.Name, o.Plan.Name = words, words
			s.office.logs[doubtful] = []orders.LogEntry{{At: noon, To: orders.Review, Actor: words, Reason: words}}
			s.office.balances[1].Err = errors.New(words)
			s.press("admin/order/" + string(doubtful))
			s.press("admin/resolve/" + string(doubtful))
			s.press("admin/balance")
			s.command("order", words)
			s.command("pause", words)
			s.command("block", words)
			s.command("orders", words)
			s.command("refund", string(delivered)+" "+words)
			shown := append(slices.Clone(s.shown), s.shop.AlertText(orders.Alert{Key: "x", Kind: "review", Order: o, Detail: words}, lang),
				s.shop.InquiryScreen(flows.Inquiry{Order: o, Language: lang, Text: words[:min(len(words), 3000)]}, lang),
				s.shop.AlertText(orders.Alert{Key: "x", Kind: words, Detail: words}, lang))
			for _, screen := range shown {
				check(t, lang+" "+screen.Name, screen)
				if screen.Name != "inquiry" && strings.Contains(screen.HTML, "\n7KQ2M-9X4TB · refunded") {
					t.Errorf("%s: %s shows a forged line: %s", lang, screen.Name, screen.HTML)
				}
			}
		}
	}
}

// TestAlertOfAFailedRefund: it is named as what it is, and not only as one of many reviews.
func TestAlertOfAFailedRefund(t *testing.T) {
	s := newStage(t).asAdmin()
	o := s.desk.orders[doubtful]
	o.Reason = orders.ReasonRefundFailed
	if html := s.shop.AlertText(orders.Alert{Key: "review:x", Kind: "review", Order: o, Detail: o.Reason}, "en").HTML; !strings.Contains(html, "<b>A refund failed</b>") {
		t.Error(html)
	}
}
