package flows_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

func adminCommands() []string {
	return []string{"balance", "refund", "order", "orders", "resolve", "pause", "resume", "block", "unblock", "stats"}
}

// adminData is a button's data of every admins' page.
func adminData() []string {
	id, under := string(delivered), string(doubtful)
	pages := []string{
		"balance", "find/order", "find/refund/1001", "order/" + id, "orders", "orders/any", "orders/review/2", "states", "customer/1001",
		"customer/1001/2", "refunds", "refund/" + id, "refund/" + id + "/500", "anyway/" + id, "amount/" + id, "reviews", "reviews/2",
		"resolve/" + under, "answer/" + under + "/buy_again/2", "answer/" + under + "/attach_code/2", "answer/" + under + "/refund/2", "yes/00", "pause",
		"pause/all", "pause/mobilexy", "resume", "block", "block/1001", "unblock", "unblock/1001", "stats", "stats/30", "stripe", "catalogue",
	}
	data := make([]string, 0, 2*len(pages))
	for _, p := range pages {
		data = append(data, "admin/"+p, "alert/"+p)
	}
	return data
}

// TestAdminsAlone: for everybody else an admin's command is a command that doesn't exist, an admin's
// button a stale one, an admin's link one that leads nowhere, to the letter.
func TestAdminsAlone(t *testing.T) {
	fresh := func(change ...func(*flows.Config)) *stage {
		s := newStage(t, change...).asAdmin()
		s.admin = false
		return s
	}
	noOffice := func() *stage {
		s := newStage(t, func(c *flows.Config) { c.Office = nil }).asAdmin()
		return s
	}
	for name, stage := range map[string]func() *stage{"customer": func() *stage { return fresh() }, "no office": noOffice} {
		alike := func(what string, got, want flows.Reply) {
			t.Helper()
			got.Session.Version, want.Session.Version = 0, 0
			a, b := fmt.Sprintf("%+v %+v %v %v %v", got.Screen, got.Session, got.Toast, got.Stale, got.Then == nil), fmt.Sprintf("%+v %+v %v %v %v", want.Screen, want.Session, want.Toast, want.Stale, want.Then == nil)
			if a != b {
				t.Errorf("%s: %s\ngot  %s\nwant %s", name, what, a, b)
			}
		}
		for _, command := range adminCommands() {
			for _, typed := range []string{"", string(delivered), "1001", "7"} {
				s := stage()
				unadministered := noOffice()
				unadministered.admin = false
				alike("/"+command+" "+typed, s.command(command, typed), unadministered.command(command, typed))
				if strings.HasPrefix(s.screen().Name, "admin") {
					t.Errorf("%s: /%s is answered", name, command)
				}
				s.unharmed(t, "/"+command)
			}
		}
		for _, data := range adminData() {
			s, other := stage(), stage()
			s.press("plans/c_jp")
			other.press("plans/c_jp")
			word := "nowhere/x"
			got := s.press(data)
			if strings.HasPrefix(data, "alert/") {
				got.Fresh = false
			}
			alike(data, got, other.press(word))
			if !got.Stale {
				t.Errorf("%s: %s is answered", name, data)
			}
			s.unharmed(t, data)
		}
		for _, link := range []string{"a_" + string(delivered), "a_" + string(doubtful), "a_balance", "a_orders", "a_stats", "a_stripe", "a_catalogue", "a_reviews"} {
			s := stage()
			alike(link, s.command("start", link), stage().command("start", "q_"+link))
			s.unharmed(t, link)
		}
		for _, question := range []string{"admin/find/order", "admin/amount/" + string(delivered), "admin/block", "admin/answer/" + string(doubtful) + "/attach_code/2"} {
			s := stage() // a session from when the customer was an admin
			s.session.Question, s.session.Page = question, question
			got := s.text("Atlantis")
			if got.Screen.Name != "found_nothing" {
				t.Errorf("%s: %s is answered by %s", name, question, got.Screen.Name)
			}
			s.unharmed(t, question)
		}
	}
}

// unharmed checks that nothing was done and no order of another's shown.
func (s *stage) unharmed(t *testing.T, at string) {
	t.Helper()
	if len(s.office.deeds) > 0 {
		t.Errorf("%s: done: %v", at, s.office.deeds)
	}
	if mentions(written(s.shown), append(secrets()[:4], doubtful.String())...) {
		t.Errorf("%s: another's order is shown", at)
	}
}

// TestForgedAdminData: data that no button has leads an admin nowhere, and does nothing.
func TestForgedAdminData(t *testing.T) {
	for _, data := range []string{
		"admin", "admin/", "admin/x", "admin/order", "admin/order/x", "admin/order/7kq2m-9x4tb", "admin/order/0000000000", "admin/orders/lost", "admin/orders/any/0",
		"admin/orders/any/01", "admin/customer/0", "admin/customer/-1", "admin/customer/01", "admin/customer/x", "admin/refund/" + string(delivered) + "/0",
		"admin/refund/" + string(delivered) + "/-5", "admin/refund/" + string(delivered) + "/05", "admin/refund/" + string(delivered) + "/5.0", "admin/refund/0000000000",
		"admin/answer/" + string(doubtful) + "/steal/2", "admin/answer/" + string(doubtful) + "/buy_again/x", "admin/answer/" + string(doubtful) + "/buy_again",
		"admin/pause/acme", "admin/block/x", "admin/unblock/x", "admin/block/9999999999999999", "admin/stats/0", "admin/stats/91", "admin/stats/x",
		"admin/find/steal", "admin/yes", "admin/order/" + string(delivered) + "/more", "admin/balance/x", "alert/order/x", "admin/admin/orders",
	} {
		s := newStage(t).asAdmin()
		s.press("admin/orders")
		if r := s.press(data); !r.Stale || len(s.office.deeds) > 0 {
			t.Errorf("%s: %+v, done %v", data, r.Screen, s.office.deeds)
		}
	}
}

// TestConfirmedOnce: a confirm button works once, for five minutes, in the session it was made in.
func TestConfirmedOnce(t *testing.T) {
	s := newStage(t).asAdmin()
	s.press("admin/refund/" + string(untouched))
	token := s.screen().Rows[0][0].Data
	other := newStage(t).asAdmin() // another admin, with an offer of their own
	other.user, other.cfg.Random = 7, nil
	other.press("admin/refund/" + string(untouched))
	other.session.Confirm.Token = "ffffffffffffffffffff"
	if r := other.press(token); other.screen().Name != "admin_refund" || len(other.office.deeds) > 0 || !strings.Contains(r.Screen.HTML, "Nothing was done") {
		t.Errorf("another's token: %s, %v", other.screen().HTML, other.office.deeds)
	}
	r := s.tap(flows.Event{Kind: flows.EventPress, Data: token, Message: 1})
	if r.Session.Confirm != nil || r.Then == nil || len(s.office.deeds) > 0 {
		t.Errorf("the deed is done before the confirmation is taken out: %+v, %v", r.Session.Confirm, s.office.deeds)
	}
	s.effect(r)
	want := "refund 1A2B3-C4D5E 1 11.70 USD anyway=false by 1001"
	if len(s.office.deeds) != 1 || s.office.deeds[0] != want {
		t.Fatalf("done %q, want %q", s.office.deeds, want)
	}
	if s.press(token); len(s.office.deeds) != 1 || s.screen().Name != "admin_order" {
		t.Errorf("used twice: %v, %s", s.office.deeds, s.screen().Name)
	}
	for name, after := range map[string]time.Duration{"in time": 5*time.Minute - time.Second, "too late": 5 * time.Minute} {
		s := newStage(t).asAdmin()
		s.press("admin/refund/" + string(delivered) + "/500")
		was := s.screen().Rows[0][0].Data
		s.now = s.now.Add(after)
		s.press(was)
		switch done := len(s.office.deeds) == 1; {
		case done != (name == "in time"):
			t.Errorf("%s: %v", name, s.office.deeds)
		case !done && (s.screen().Name != "admin_refund" || s.screen().Rows[0][0].Data == was || !strings.Contains(s.screen().HTML, "$5.00")):
			t.Errorf("%s: the present offer isn't shown: %s", name, written([]flows.Screen{s.screen()}))
		}
	}
}

// TestRepeatedUpdateDoesNothing: an update brought twice draws, and does not do the deed again.
func TestRepeatedUpdateDoesNothing(t *testing.T) {
	for _, data := range []string{"admin/pause/all", "admin/resume", "admin/unblock/1001"} {
		s := newStage(t).asAdmin()
		s.press(data)
		done := len(s.office.deeds)
		for range 2 {
			r, err := s.shop.Current(context.Background(), s.input(flows.Event{Kind: flows.EventPress, Data: data}))
			if err != nil || r.Stale {
				t.Fatal(err)
			}
			s.take(r)
			for r.Then != nil {
				r = s.effect(r)
			}
		}
		if done != 1 || len(s.office.deeds) != 1 {
			t.Errorf("%s: done %v", data, s.office.deeds)
		}
	}
}

// TestEveryDeed: each answer is asked about, and then done once as it was shown.
func TestEveryDeed(t *testing.T) {
	for answer, want := range map[orders.Answer]string{
		orders.AnswerBuyAgain: "buy_again 6A2B3-C4D5E 2 by 1001", orders.AnswerDeliver: "deliver 6A2B3-C4D5E 2 by 1001",
		orders.AnswerApplied: "mark_applied 6A2B3-C4D5E 2 by 1001", orders.AnswerClose: "close 6A2B3-C4D5E 2 by 1001",
		orders.AnswerCode: "attach_code " + lpa + " 6A2B3-C4D5E 2 by 1001", orders.AnswerOrderNo: "attach_no CE-777 6A2B3-C4D5E 2 by 1001",
		orders.AnswerRefund: "refund 6A2B3-C4D5E 1 11.44 USD anyway=false by 1001", orders.AnswerAnyway: "refund 6A2B3-C4D5E 1 11.44 USD anyway=true by 1001",
	} {
		s := newStage(t).asAdmin()
		s.office.answers = []orders.Answer{answer}
		s.command("start", "a_"+string(doubtful))
		if s.screen().Name != "admin_resolve" {
			t.Fatalf("the link leads to %s", s.screen().Name)
		}
		s.yes()
		switch answer {
		case orders.AnswerCode:
			s.text("no code")
			s.text(lpa)
			if mentions(written(s.shown), "ABCD-1234") {
				t.Error("the code is shown whole")
			}
		case orders.AnswerOrderNo:
			s.text("<b>")
			s.text(" CE-777 ")
		default: // nothing is asked for
		}
		if len(s.office.deeds) > 0 {
			t.Errorf("%s: done without a yes: %v", answer, s.office.deeds)
		}
		token := s.screen().Rows[0][0].Data
		s.press(token)
		if s.screen().Name != "admin_done" || s.session.Confirm != nil {
			t.Errorf("%s: %s", answer, s.screen().HTML)
		}
		s.press(token)
		if !slices.Equal(s.office.deeds, []string{want}) {
			t.Errorf("%s: done %q, want %q", answer, s.office.deeds, want)
		}
	}
}

// TestAnswerToEarlierDoubt: an answer that was shown for another attempt, or isn't given any more, is
// refused before and after the yes.
func TestAnswerToEarlierDoubt(t *testing.T) {
	s := newStage(t).asAdmin()
	if s.press("admin/answer/" + string(doubtful) + "/buy_again/1"); s.screen().Name != "admin_refused_changed" {
		t.Error(s.screen().Name)
	}
	if s.press("admin/answer/" + string(doubtful) + "/deliver/2"); s.screen().Name != "admin_refused_state" {
		t.Error(s.screen().Name)
	}
	s.press("admin/answer/" + string(doubtful) + "/buy_again/2")
	s.desk.orders[doubtful].Attempt.N = 3
	if s.yes(); s.screen().Name != "admin_refused_changed" || len(s.office.deeds) > 0 {
		t.Error(s.screen().Name, s.office.deeds)
	}
	// A code typed for an order that was decided meanwhile goes nowhere.
	s = newStage(t).asAdmin()
	s.press("admin/answer/" + string(doubtful) + "/attach_code/2")
	s.desk.orders[doubtful].State = orders.Refunding
	if s.text(lpa); s.screen().Name != "admin_refused_state" || s.session.Confirm != nil {
		t.Error(s.screen().Name)
	}
}

// TestCodeNotKept: a confirmation whose code the store didn't bring back does nothing.
func TestCodeNotKept(t *testing.T) {
	s := newStage(t).asAdmin()
	s.press("admin/answer/" + string(doubtful) + "/attach_code/2")
	s.text(lpa)
	c := *s.session.Confirm
	c.Code = esim.ActivationCode{}
	s.session.Confirm = &c
	if s.yes(); len(s.office.deeds) > 0 || s.screen().Name != "admin_ask_attach_code" {
		t.Error(s.screen().Name, s.office.deeds)
	}
}

// TestQuestionsEnd: whatever else is done ends a question.
func TestQuestionsEnd(t *testing.T) {
	for name, leave := range map[string]func(*stage){
		"back": func(s *stage) { s.press(s.screen().Rows[len(s.screen().Rows)-1][0].Data) }, "command": func(s *stage) { s.command("help", "") },
		"page": func(s *stage) { s.press("dest") },
	} {
		s := newStage(t).asAdmin()
		s.press("admin/block")
		if leave(s); s.session.Question != "" {
			t.Errorf("%s: still asks %s", name, s.session.Question)
		}
		if s.text("1001"); s.session.Confirm != nil || s.screen().Name == "admin_block" {
			t.Errorf("%s: the text is taken for an answer", name)
		}
	}
}

// TestRecordIsWithinLimits: a long log is cut at its old end, and the code is never shown.
func TestRecordIsWithinLimits(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		s := newStage(t)
		s.client = lang
		s.asAdmin()
		for i := range 300 {
			s.office.logs[delivered] = append(s.office.logs[delivered], orders.LogEntry{
				At: noon.Add(time.Duration(i) * time.Second), From: orders.Paid, To: orders.Purchasing, Actor: "runner", Reason: fmt.Sprintf("entry<%d>", i),
			})
		}
		s.command("order", string(delivered))
		html := s.screen().HTML
		if !strings.HasPrefix(html, "7KQ2M-9X4TB · delivered\n") {
			t.Errorf("%s: begins %q", lang, html[:40])
		}
		if !strings.Contains(html, "entry&lt;299&gt;") || strings.Contains(html, "entry&lt;1&gt;") {
			t.Errorf("%s: not the newest entries: %s", lang, html)
		}
		if mentions(html, lpa, "ABCD-1234", iccid) {
			t.Errorf("%s: a secret is shown", lang)
		}
		check(t, lang, s.screen())
	}
}

// TestBalanceColumns: the columns stand under each other in every language.
func TestBalanceColumns(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		s := newStage(t)
		s.client = lang
		s.asAdmin().command("balance", "")
		html := s.screen().HTML
		table := html[strings.Index(html, "<pre>")+5 : strings.Index(html, "</pre>")]
		plain := isolate.ReplaceAllString(strings.ReplaceAll(table, "\u200f", ""), "")
		widths := map[int]bool{}
		for line := range strings.SplitSeq(plain, "\n") {
			widths[utf8.RuneCountInString(line)] = true
		}
		if len(widths) != 1 || strings.Count(plain, "\n") != 2 {
			t.Errorf("%s: %v\n%s", lang, slices.Collect(maps.Keys(widths)), plain)
		}
	}
}

func TestStats(t *testing.T) {
	s := newStage(t).asAdmin()
	r := s.command("stats", "2")
	chart := r.Screen.Photo.Chart
	// Two days: sales 39.20 + 40.20, back 11.40 on the first, cost 2 × 26.40, regained 8.80.
	for _, want := range []string{"<b>$79.40</b>, orders paid: 6", "$11.40, number: 1", "$52.80, taken back: $8.80", "Margin: <b>$24.00</b>", "6 of 20 (30%)", "eSIMs: not used yet 2 · in use 1"} {
		if !strings.Contains(r.Screen.HTML, want) {
			t.Errorf("no %q in %s", want, r.Screen.HTML)
		}
	}
	if len(chart.Days) != 2 || !chart.Up[0].Equal(decimal.RequireFromString("39.2")) || !chart.Down[0].Equal(decimal.RequireFromString("11.4")) {
		t.Errorf("%+v", chart)
	}
	s.office.stats.Days[6].Sales = map[esim.Currency]int64{esim.USD: 100, "EUR": 200}
	if s.command("stats", "1"); strings.Contains(s.screen().HTML, "Margin") || !strings.Contains(s.screen().HTML, "€2.00 + $1.00") {
		t.Errorf("two currencies: %s", s.screen().HTML)
	}
	s.office.stats = orders.Stats{Days: []orders.DayStats{{Day: noon}}}
	if s.command("stats", "1"); !strings.Contains(s.screen().HTML, "$0.00") || !strings.Contains(s.screen().HTML, "(0%)") {
		t.Errorf("nothing: %s", s.screen().HTML)
	}
	for _, days := range []string{"0", "91", "-1", "x", "1.5"} {
		if s.command("stats", days); !strings.Contains(s.screen().HTML, "Between 1 and 90") {
			t.Errorf("%s days: %s", days, s.screen().HTML)
		}
	}
}

// TestAdminStorageFailure: what can't be read is an error to be brought again; what can't be done is
// said so, with its cause.
func TestAdminStorageFailure(t *testing.T) {
	broken := errors.New("redis is down")
	for _, data := range []string{"order/" + string(delivered), "orders", "states", "customer/1001", "refunds", "refund/" + string(delivered), "reviews", "resolve/" + string(doubtful), "pause", "stats"} {
		s := newStage(t).asAdmin()
		s.broken = broken
		_, err := s.shop.Handle(context.Background(), s.input(flows.Event{Kind: flows.EventPress, Data: "admin/" + data, Message: 1}))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", data, err)
		}
	}
	for _, data := range []string{"pause/all", "resume", "unblock/1001"} {
		s := newStage(t).asAdmin()
		s.office.err = broken
		if r := s.press("admin/" + data); r.Screen.Name != "admin_failed" || !errors.Is(r.Cause, broken) {
			t.Errorf("%s: %+v", data, r)
		}
	}
}

// TestAlertsLeadSomewhere: every alert has a link for the support chat and buttons for an admin's,
// each of which opens a page that exists.
func TestAlertsLeadSomewhere(t *testing.T) {
	for _, kind := range []string{
		"review", "balance_low", "provider_down", "rejected", "provisioning", "undelivered", "bought_twice", "refund_failed", "catalogue", "stripe_webhook",
		"order_lost", "paid_twice", "dispute", "fraud_warning", "refund_delayed", "stuck", "stripe_down", "sweep", "something_new",
	} {
		for _, id := range []orders.ID{"", delivered, doubtful} {
			s := newStage(t).asAdmin()
			a := orders.Alert{Key: kind + ":cloudesim", Kind: kind, Order: s.desk.orders[id], Detail: "…"}
			screen := s.shop.AlertText(a, "en")
			check(t, kind, screen)
			payload, ok := strings.CutPrefix(screen.Link, "https://t.me/esim_bot?start=")
			if !ok || len(screen.Rows) == 0 {
				t.Fatalf("%s: link %q, %d rows", kind, screen.Link, len(screen.Rows))
			}
			if r := s.command("start", payload); !strings.HasPrefix(r.Screen.Name, "admin_") {
				t.Errorf("%s: %s leads to %s", kind, payload, r.Screen.Name)
			}
			for _, b := range slices.Concat(screen.Rows...) {
				s := newStage(t).asAdmin()
				if r := s.tap(flows.Event{Kind: flows.EventPress, Data: b.Data, Message: 9}); r.Stale || !r.Fresh || !strings.HasPrefix(r.Screen.Name, "admin_") {
					t.Errorf("%s: [%s] leads to %+v", kind, b.Text, r.Screen)
				}
			}
		}
	}
}

// TestTypedOrderOfAnother: an admin may type anybody's order id; a customer may not.
func TestTypedOrderOfAnother(t *testing.T) {
	s := newStage(t).asAdmin()
	if s.text(foreign.String()); s.screen().Name != "admin_order" {
		t.Errorf("an admin sees %s", s.screen().Name)
	}
	s.admin = false
	if s.text(foreign.String()); s.screen().Name != "found_nothing" {
		t.Errorf("a customer sees %s", s.screen().Name)
	}
}

// TestLikeliestAnswerFirst: where the balance fell by the price, buying again is not what is offered
// first.
func TestLikeliestAnswerFirst(t *testing.T) {
	s := newStage(t).asAdmin()
	first := func() string { s.press("admin/resolve/" + string(doubtful)); return s.screen().Rows[0][0].Data }
	if got := first(); !strings.Contains(got, "attach_code") {
		t.Errorf("it looks bought, and first is %s", got)
	}
	s.desk.orders[doubtful].Attempt.BalanceAfter = s.desk.orders[doubtful].Attempt.BalanceBefore
	if got := first(); !strings.Contains(got, "buy_again") {
		t.Errorf("nothing is known, and first is %s", got)
	}
}
