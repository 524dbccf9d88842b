package flows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

func TestBuy(t *testing.T) {
	s := newStage(t)
	s.press("plan/" + s.plan("JP-10-30").Ref())
	r := s.tap(flows.Event{Kind: flows.EventPress, Data: buy(s.plan("JP-10-30")), Message: 9})
	switch {
	case r.Screen.Name != "checking" || r.Then == nil || !r.Typing:
		t.Fatalf("first reaction: %+v", r)
	case r.Session.Order == "" || s.desk.opened != 0:
		t.Fatalf("the order's id must be saved before the order is made: %+v", r.Session)
	}
	id := r.Session.Order
	r = s.effect(r)
	o := s.desk.orders[id]
	if r.Screen.Name != "order_awaiting" || o == nil || s.desk.opened != 1 {
		t.Fatalf("screen %s, order %+v", r.Screen.Name, o)
	}
	if o.Plan.Key() != "cloudesim:JP-10-30" || o.Customer != customer || o.Language != "en" || o.Screen != (orders.Message{Chat: customer, ID: 9}) {
		t.Errorf("order %+v", o)
	}
	pay := r.Screen.Rows[0][0]
	if pay.URL != o.Checkout.URL || pay.Style != flows.Success || !strings.Contains(pay.Text, "Pay $11.44") {
		t.Errorf("pay button %+v", pay)
	}
}

func TestDoubleTapEndsAtOneOrder(t *testing.T) {
	s := newStage(t)
	data := buy(s.plan("JP-10-30"))
	first := s.tap(flows.Event{Kind: flows.EventPress, Data: data, Message: 9})
	second := s.tap(flows.Event{Kind: flows.EventPress, Data: data, Message: 9}) // while the first is being opened
	s.effect(first)
	s.effect(second)
	third := s.press(data)
	if s.desk.opened != 1 || third.Screen.Name != "order_awaiting" || third.Then != nil {
		t.Errorf("%d orders, then %s", s.desk.opened, third.Screen.Name)
	}
}

func TestLostRaceOpensTheSameOrder(t *testing.T) {
	s := newStage(t)
	s.tap(flows.Event{Kind: flows.EventPress, Data: buy(s.plan("JP-10-30")), Message: 9})
	// The effect is lost to a crash; the update comes again and the current page is drawn.
	r, err := s.shop.Current(context.Background(), s.input(flows.Event{}))
	if err != nil || r.Then == nil {
		t.Fatalf("the interrupted order does not go on: %+v, %v", r, err)
	}
	s.take(r)
	id := s.session.Order
	if s.effect(r); s.desk.opened != 1 || s.desk.orders[id] == nil {
		t.Errorf("%d orders opened, want %s", s.desk.opened, id)
	}
}

func TestAnotherOrderOfTheSamePlan(t *testing.T) {
	for _, state := range []orders.State{orders.Expired, orders.Paid, orders.Delivered, orders.Refunded} {
		s := newStage(t)
		data := buy(s.plan("JP-10-30"))
		s.press(data)
		s.desk.orders[s.session.Order].State = state
		if r := s.press(data); s.desk.opened != 2 || r.Screen.Name != "order_awaiting" {
			t.Errorf("after %s: %d orders, %s", state, s.desk.opened, r.Screen.Name)
		}
	}
}

func TestPriceChanged(t *testing.T) {
	for _, change := range []int64{+60, -60} {
		s := newStage(t)
		s.quote = func(p esim.Plan) (esim.Plan, error) { p.Retail.Minor += change; return p, nil }
		r := s.press(buy(s.plan("JP-10-30")))
		if s.desk.opened != 0 || !mentions(r.Screen.HTML, "$11.44") {
			t.Fatalf("asked again: %s; %d orders", r.Screen.HTML, s.desk.opened)
		}
		agree := r.Screen.Rows[0][0]
		r = s.press(agree.Data)
		o := s.desk.orders[s.session.Order]
		if s.desk.opened != 1 || r.Screen.Name != "order_awaiting" || o.Plan.Retail.Minor != 1144+change {
			t.Errorf("agreed to %+d: %s, %+v", change, r.Screen.Name, o)
		}
	}
}

func TestPriceChangesWhileAgreeing(t *testing.T) {
	s := newStage(t)
	rise := int64(60)
	s.quote = func(p esim.Plan) (esim.Plan, error) { p.Retail.Minor += rise; return p, nil }
	r := s.press(buy(s.plan("JP-10-30")))
	rise = 90
	if r = s.press(r.Screen.Rows[0][0].Data); s.desk.opened != 0 || r.Screen.Name != "price_rose" || !mentions(r.Screen.HTML, "$12.34") {
		t.Errorf("%s: %s", r.Screen.Name, r.Screen.HTML)
	}
}

func TestOrderIsTheQuotedPlan(t *testing.T) {
	s := newStage(t)
	twin := s.plan("JP-1-7")
	twin.Provider, twin.ID = esim.Mobilexy, "855"
	s.quote = func(esim.Plan) (esim.Plan, error) { return twin, nil }
	s.press(buy(s.plan("JP-1-7")))
	if o := s.desk.orders[s.session.Order]; o == nil || o.Plan.Key() != "mobilexy:855" {
		t.Errorf("order %+v", o)
	}
}

func TestRefusals(t *testing.T) {
	slow := context.DeadlineExceeded
	for _, c := range []struct {
		name        string
		quote, open error
		screen      string
		cause       error
	}{
		{"gone", fmt.Errorf("x: %w", catalog.ErrGone), nil, "refusal_gone", nil},
		{"unavailable", fmt.Errorf("x: %w", catalog.ErrUnavailable), nil, "refusal_unavailable", catalog.ErrUnavailable},
		{"slow provider", slow, nil, "refusal_unavailable", slow},
		{"too many", nil, fmt.Errorf("x: %w", orders.ErrTooMany), "refusal_too_many", nil},
		{"paused", nil, orders.ErrPaused, "refusal_paused", nil},
		{"test mode", nil, orders.ErrTestMode, "refusal_opens_soon", nil},
		{"slow Stripe", nil, slow, "refusal_not_opened", slow},
		{"Stripe in doubt", nil, orders.ErrPaymentDoubt, "refusal_not_opened", orders.ErrPaymentDoubt},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.quote = func(p esim.Plan) (esim.Plan, error) { return p, c.quote }
			s.desk.openErr = c.open
			r := s.press(buy(s.plan("JP-10-30")))
			if r.Screen.Name != c.screen || s.desk.opened != 0 {
				t.Errorf("%s, %d orders", r.Screen.Name, s.desk.opened)
			}
			if !errors.Is(r.Cause, c.cause) {
				t.Errorf("cause %v, want %v", r.Cause, c.cause)
			}
			if _, text, _ := strings.Cut(r.Screen.HTML, "\n\n"); !strings.HasPrefix(text, "Nothing was charged.") {
				t.Errorf("it must begin with the money: %s", text)
			}
			// Once it is mended, the same button works and makes one order.
			s.quote, s.desk.openErr = func(p esim.Plan) (esim.Plan, error) { return p, nil }, nil
			if r := s.press(buy(s.plan("JP-10-30"))); r.Screen.Name != "order_awaiting" || s.desk.opened != 1 {
				t.Errorf("mended: %s, %d orders", r.Screen.Name, s.desk.opened)
			}
		})
	}
}

func TestTestMode(t *testing.T) {
	test := func(c *flows.Config) { c.TestMode = true }
	s := newStage(t, test)
	if r := s.press(buy(s.plan("JP-1-7"))); r.Screen.Name != "refusal_opens_soon" || s.desk.opened != 0 {
		t.Errorf("customer: %s", r.Screen.Name)
	}
	s = newStage(t, test)
	s.admin = true
	if r := s.press(buy(s.plan("JP-1-7"))); r.Screen.Name != "order_awaiting" || !mentions(r.Screen.HTML, "TEST") {
		t.Errorf("admin: %s", r.Screen.HTML)
	}
}

func TestCancel(t *testing.T) {
	s := newStage(t)
	s.press(buy(s.plan("JP-1-7")))
	id := s.session.Order
	if r := s.press("cancel/" + string(id)); r.Screen.Name != "order_expired" || s.desk.orders[id].State != orders.Expired {
		t.Errorf("%s", r.Screen.Name)
	}
	r := s.press(s.screen().Rows[0][0].Data) // Try again
	if r.Screen.Name != "order_awaiting" || s.session.Order == id || s.desk.opened != 2 {
		t.Errorf("tried again: %s", r.Screen.Name)
	}
	// Paid in the moment of cancelling.
	s.desk.before = func(o *orders.Order) {
		o.State = orders.Paid
		o.Payment.PaidAt = noon
	}
	if r := s.press("cancel/" + string(s.session.Order)); r.Screen.Name != "order_preparing" {
		t.Errorf("paid meanwhile: %s", r.Screen.Name)
	}
	if r := s.press("cancel/" + string(s.session.Order)); r.Screen.Name != "order_preparing" {
		t.Errorf("cancelled after payment: %s", r.Screen.Name)
	}
}

func TestReturnFromPayment(t *testing.T) {
	s := newStage(t)
	s.order(unpaid, customer, "JP-1-7", orders.AwaitingPayment)
	s.desk.before = func(o *orders.Order) { o.State = orders.Paid; o.Payment.PaidAt = noon }
	if r := s.command("start", "o_"+string(unpaid)); r.Screen.Name != "order_preparing" {
		t.Errorf("%s", r.Screen.Name)
	}
	s.desk.orders[unpaid].State = orders.AwaitingPayment
	s.desk.before, s.desk.err = nil, errors.New("stripe is away")
	r := s.command("start", "o_"+string(unpaid))
	if r.Cause == nil || s.screen().Name != "order_awaiting" {
		t.Errorf("%s, cause %v", s.screen().Name, r.Cause)
	}
}

func TestExpiredByTheClockIsLookedAt(t *testing.T) {
	s := newStage(t)
	s.order(unpaid, customer, "JP-1-7", orders.AwaitingPayment)
	s.now = noon.Add(time.Hour)
	s.desk.before = func(o *orders.Order) { o.State = orders.Expired }
	if r := s.press("o/" + string(unpaid)); r.Screen.Name != "order_expired" {
		t.Errorf("%s", r.Screen.Name)
	}
}

func TestMissingPaymentPageIsOpened(t *testing.T) {
	s := newStage(t)
	s.order(unpaid, customer, "JP-1-7", orders.AwaitingPayment).Checkout = orders.Checkout{}
	r := s.press("o/" + string(unpaid))
	if r.Screen.Name != "order_awaiting" || s.desk.opened != 0 || s.desk.orders[unpaid].Checkout.URL == "" {
		t.Errorf("%s, %d new orders", r.Screen.Name, s.desk.opened)
	}
}

func TestCompanionIsTwoTaps(t *testing.T) {
	s := newStage(t)
	s.regular()
	for _, row := range s.shop.OrderScreen(s.desk.orders[delivered], "en").Rows {
		for _, b := range row {
			if strings.HasPrefix(b.Data, "again/") {
				s.press(b.Data)
			}
		}
	}
	if s.screen().Rows[0][0].URL == "" || s.desk.opened != 1 {
		t.Errorf("one tap to the pay button: %s", s.screen().Name)
	}
}

// What was bought of the dearer provider is offered again at the price of the cheaper one.
func TestCompanionIsOfferedAtThePriceOfToday(t *testing.T) {
	s := newStage(t)
	s.regular()
	o := s.desk.orders[delivered]
	now := o.Plan
	o.Plan.Provider, o.Plan.ID = esim.Mobilexy, "9855"
	o.Plan.Retail.Minor += 100
	route := "again/" + string(delivered) + "/" + strconv.FormatInt(now.Retail.Minor, 10)
	if !slices.ContainsFunc(slices.Concat(s.shop.OrderScreen(o, "en").Rows...), func(b flows.Button) bool { return b.Data == route }) {
		t.Fatalf("no button leads to %s", route)
	}
	if r := s.press(route); r.Screen.Name != "order_awaiting" || s.desk.orders[s.session.Order].Plan.Key() != now.Key() {
		t.Errorf("%s: %+v", r.Screen.Name, s.desk.orders[s.session.Order])
	}
}

func TestPhoneIsAskedAboutOnce(t *testing.T) {
	s := newStage(t)
	s.press("plan/" + s.plan("JP-1-7").Ref())
	if !mentions(s.screen().HTML, "EID") {
		t.Error("not offered before the first purchase")
	}
	if s.press("plan/" + s.plan("JP-10-30").Ref()); mentions(s.screen().HTML, "EID") {
		t.Error("offered twice")
	}
}

func TestErase(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.press("erase")
	if len(s.erased) != 0 {
		t.Fatal("deleted without asking")
	}
	r := s.tap(flows.Event{Kind: flows.EventPress, Data: "erase/yes", Message: 3})
	r = s.effect(r)
	if len(s.erased) != 1 || s.erased[0] != customer || r.Screen.Name != "erased" {
		t.Errorf("erased %v, %s", s.erased, r.Screen.Name)
	}
	if r.Customer != nil || r.Session.Version != 0 || r.Session.Order != "" || r.Session.Page != "" {
		t.Errorf("something is written back: %+v %+v", r.Customer, r.Session)
	}
}
