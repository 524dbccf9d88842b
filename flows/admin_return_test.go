package flows_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

// orderTurns are the turns of an order that its customer hears of seldom.
func orderTurns(s *stage) (shown []flows.Screen) {
	show := func(edit func(o *orders.Order)) {
		for _, kind := range []orders.Kind{orders.KindESIM, orders.KindTopUp} {
			o := s.order(delivered, customer, "JP-10-30", orders.Refunded)
			o.Kind = kind
			if kind == orders.KindTopUp {
				o.ESIM = unlinked
			}
			edit(o)
			shown = append(shown, s.shop.OrderScreen(o, s.client))
		}
	}
	s.regular()
	show(func(o *orders.Order) { o.State = orders.Unknown })
	show(func(*orders.Order) {}) // closed, and nothing went back
	show(func(o *orders.Order) { o.State = orders.Refunding })
	show(func(o *orders.Order) { o.Refund.Total = esim.Money{Minor: 100, Currency: esim.USD} })
	s.cfg.HoldDeadline = 24 * time.Hour
	shop, err := flows.New(s.cfg)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.shop = shop
	show(func(o *orders.Order) { o.State, o.Told = orders.Paid, orders.NoticeWorking })
	return shown
}

// TestAlertsBesideAnOrder: each is answered from the phone, by the buttons on it and by its link.
func TestAlertsBesideAnOrder(t *testing.T) {
	deeds := []string{"return pi_3Second 1 4.55 USD by 1001", "return pi_3Lost 1 4.55 USD by 1001", "give back CE-40013 of 7KQ2M-9X4TB by 1001", ""}
	for n, a := range besideAlerts(newStage(t).asAdmin().desk.orders[delivered]) {
		for _, way := range []string{"button", "link"} {
			s := newStage(t).asAdmin()
			screen := s.shop.AlertText(a, "en")
			check(t, a.Kind, screen)
			if deeds[n] == "" {
				if !strings.Contains(screen.HTML, "lost") || strings.Contains(screen.Rows[0][0].Data, "second") {
					t.Errorf("%s can't be given back: %+v", a.Kind, screen)
				}
				continue
			}
			if way == "button" {
				s.press(screen.Rows[0][0].Data)
			} else {
				s.command("start", strings.TrimPrefix(screen.Link, "https://t.me/esim_bot?start="))
			}
			if len(s.office.deeds) != 0 {
				t.Fatalf("%s by %s did %v unconfirmed", a.Kind, way, s.office.deeds)
			}
			yes := s.screen().Rows[0][0].Data
			s.press(yes)
			if s.screen().Name != "admin_done" || !slices.Equal(s.office.deeds, []string{deeds[n]}) {
				t.Errorf("%s by %s: %s, did %v", a.Kind, way, s.screen().Name, s.office.deeds)
			}
			s.press(yes) // once
			if len(s.office.deeds) != 1 {
				t.Errorf("%s by %s pressed twice: %v", a.Kind, way, s.office.deeds)
			}
		}
	}
}

// TestReturnsThatCannotBe: refusals say why, and failures that it isn't known how far it went.
func TestReturnsThatCannotBe(t *testing.T) {
	second := "admin/second/" + string(delivered) + "/"
	for data, screen := range map[string]string{
		"admin/return/" + ownIntent: "admin_refused_own", "admin/return/pi_3Foreign": "admin_stray_foreign",
		second + "cloudesim/CE-40012": "admin_refused_own", second + "mobilexy/77": "admin_refused_kept",
	} {
		s := paidWith(t)
		if s.press(data); s.screen().Name != screen {
			t.Errorf("%s: %s", data, s.screen().Name)
		}
	}
	for _, data := range []string{"admin/return/ch_1", "admin/return/pi_", "admin/return/pi_a:b", second + "cloudesim/a:b", "admin/second/nonsense/cloudesim/1"} {
		s := paidWith(t)
		if r := s.press(data); !r.Stale {
			t.Errorf("%s: %s", data, s.screen().Name)
		}
	}
	for data, err := range map[string]error{"admin/return/pi_3Second": errors.New("doubt"), second + "cloudesim/CE-9": errors.New("no answer")} {
		s := paidWith(t)
		s.press(data)
		s.office.err = err
		if r := s.press(s.screen().Rows[0][0].Data); s.screen().Name != "admin_failed" || !errors.Is(r.Cause, err) {
			t.Errorf("%s: %s, cause %v", data, s.screen().Name, r.Cause)
		}
		s.office.err = &orders.Refusal{Why: orders.WhyNotReturned, State: orders.Delivered, Order: delivered, Words: "in <use>\nnow"}
		s.press(data)
		if s.press(s.screen().Rows[0][0].Data); !strings.Contains(s.screen().HTML, "in &lt;use&gt; now") {
			t.Errorf("%s: %s", data, s.screen().HTML)
		}
	}
	s := paidWith(t)
	s.admin = false
	if r := s.press("admin/return/pi_3Second"); !r.Stale || len(s.office.deeds) != 0 {
		t.Error("for a customer the page must not exist")
	}
}

// TestLogInWords: an order's log says in words what its codes mean.
func TestLogInWords(t *testing.T) {
	s := newStage(t).asAdmin()
	s.office.logs[delivered] = []orders.LogEntry{
		{At: noon, To: orders.Review, Actor: "runner", Reason: orders.ReasonInDoubt},
		{At: noon, To: orders.Issued, Actor: "admin:7", Reason: "attach_no for CE-1"},
		{At: noon, To: orders.Refunding, Actor: "admin:7", Reason: "refund_anyway"},
		{At: noon, To: orders.Refunded, Actor: "admin:7", Reason: "return_payment of pi_3Second"},
		{At: noon, To: orders.Refunded, Actor: "admin:7", Reason: "give_back_second of CE-2"},
		{At: noon, To: orders.Refunded, Actor: "admin:7", Reason: "something_new"},
	}
	s.press("admin/order/" + string(delivered))
	for _, want := range []string{
		"CloudeSIM gave no clear answer: perhaps it sold, perhaps not\n", "Attach order number (CE-1)\n", "Refund anyway\n",
		"Return the payment (pi_3Second)\n", "Give the second one back (CE-2)\n", "something new",
	} {
		if !strings.Contains(stripMarks(s.screen().HTML), want) {
			t.Errorf("no %q in %s", want, s.screen().HTML)
		}
	}
}

const ownIntent = "pi_3Own"

// paidWith is an admin's stage, with an order that ownIntent paid for.
func paidWith(t *testing.T) *stage {
	t.Helper()
	s := newStage(t).asAdmin()
	s.desk.orders[delivered].Payment.Intent = ownIntent
	return s
}

func stripMarks(text string) string {
	return strings.NewReplacer("\u2068", "", "\u2069", "").Replace(text)
}
