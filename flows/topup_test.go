package flows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

func TestTopUp(t *testing.T) {
	s := newStage(t)
	s.regular()
	r := s.tap(flows.Event{Kind: flows.EventPress, Data: "more/" + string(delivered), Message: 9})
	if r.Screen.Name != "topups_looking" || !r.Typing || r.Then == nil || r.Fresh {
		t.Fatalf("first reaction: %+v", r)
	}
	s.effect(r)
	p := s.topUp(delivered)
	s.press("pick/" + string(delivered) + "/" + p.Ref())
	for _, want := range []string{"3 GB", "$7.44", "6.1 GB left now, about 9.1 GB with it", "Comes with 14 days", "Nothing to install"} {
		if !mentions(s.screen().HTML, want) {
			t.Errorf("the page lacks %q: %s", want, s.screen().HTML)
		}
	}
	buy := s.screen().Rows[0][0]
	if buy.Data != add(p) {
		t.Fatalf("buy button %+v", buy)
	}
	r = s.tap(flows.Event{Kind: flows.EventPress, Data: buy.Data, Message: 9})
	if r.Screen.Name != "checking" || r.Session.Order == "" || s.desk.opened != 0 {
		t.Fatalf("the order's id must be saved before the order is made: %+v", r)
	}
	r = s.effect(r)
	o := s.desk.orders[s.session.Order]
	if r.Screen.Name != "order_awaiting" || s.desk.opened != 1 || o.Kind != orders.KindTopUp || o.ESIM != delivered ||
		o.Plan.Key() != p.Key() || o.Plan.Retail != p.Retail || o.Screen != (orders.Message{Chat: customer, ID: 9}) {
		t.Fatalf("%s, %+v", r.Screen.Name, o)
	}
	if pay := r.Screen.Rows[0][0]; pay.URL == "" || pay.Style != flows.Success {
		t.Errorf("pay button %+v", pay)
	}
	if mentions(r.Screen.HTML, "QR code") {
		t.Errorf("a top-up has no QR code: %s", r.Screen.HTML)
	}
}

// One tap from an offer, which stays as it is, is the pay button.
func TestOfferIsOneTapFromPaying(t *testing.T) {
	s := newStage(t)
	s.regular()
	notice := s.shop.NoticeScreen(s.esims[string(delivered)], usage.Notice{Topic: usage.TopicLow, Left: esim.GB}, s.options(delivered), "en")
	price := notice.Rows[0][0]
	r := s.tap(flows.Event{Kind: flows.EventPress, Data: price.Data, Message: 700})
	if !r.Fresh || r.Screen.Name != "checking" || r.Session.Screen == 700 {
		t.Fatalf("the offer must stay: %+v", r)
	}
	r = s.effect(r)
	o := s.desk.orders[s.session.Order]
	if r.Fresh || r.Screen.Rows[0][0].URL == "" || o.ESIM != delivered || o.Screen.ID != s.session.Screen {
		t.Errorf("%+v, order %+v", r.Screen, o)
	}
	// Pressed again, it is the same order.
	again := s.tap(flows.Event{Kind: flows.EventPress, Data: price.Data, Message: 700})
	if s.desk.opened != 1 || again.Then != nil || !again.Fresh || again.Screen.Name != "order_awaiting" {
		t.Errorf("again: %+v, %d orders", again, s.desk.opened)
	}
}

// options are what can be added to an eSIM of the fixture.
func (s *stage) options(id orders.ID) []esim.Plan {
	list, err := s.network.TopUps(context.Background(), s.esims[string(id)])
	if err != nil {
		s.tb.Fatal(err)
	}
	return list
}

func TestTopUpPriceChanged(t *testing.T) {
	s := newStage(t)
	s.regular()
	p := s.topUp(delivered)
	s.network.dearer = 60
	r := s.press(offer(delivered, p))
	if s.desk.opened != 0 || r.Screen.Name != "price_rose" || !mentions(r.Screen.HTML, "$7.44") || !mentions(r.Screen.HTML, "$8.04") {
		t.Fatalf("%s: %s", r.Screen.Name, r.Screen.HTML)
	}
	r = s.press(r.Screen.Rows[0][0].Data)
	if o := s.desk.orders[s.session.Order]; s.desk.opened != 1 || r.Screen.Name != "order_awaiting" || o.Plan.Retail.Minor != 804 || o.ESIM != delivered {
		t.Errorf("agreed: %s, %+v", r.Screen.Name, o)
	}
}

func TestTopUpRefusals(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name        string
		quote, open error
		screen      string
		cause       error
	}{
		{"over", fmt.Errorf("x: %w", catalog.ErrOver), nil, "refusal_over", nil},
		{"gone", fmt.Errorf("x: %w", catalog.ErrGone), nil, "refusal_gone", nil},
		{"unavailable", fmt.Errorf("%w: %w", catalog.ErrUnavailable, down), nil, "refusal_unavailable", down},
		{"too many", nil, fmt.Errorf("x: %w", orders.ErrTooMany), "refusal_too_many", nil},
		{"paused", nil, orders.ErrPaused, "refusal_paused", nil},
		{"blocked", nil, orders.ErrBlocked, "refusal_blocked", nil},
		{"test mode", nil, orders.ErrTestMode, "refusal_opens_soon", nil},
		{"slow Stripe", nil, context.DeadlineExceeded, "refusal_not_opened", context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			p := s.topUp(delivered)
			s.network.quoteErr, s.desk.openErr = c.quote, c.open
			r := s.press(add(p))
			if r.Screen.Name != c.screen || s.desk.opened != 0 || !errors.Is(r.Cause, c.cause) {
				t.Errorf("%s, %d orders, cause %v", r.Screen.Name, s.desk.opened, r.Cause)
			}
			check(t, c.name, *r.Screen)
			if _, text, _ := strings.Cut(r.Screen.HTML, "\n\n"); !strings.HasPrefix(text, "Nothing was charged.") {
				t.Errorf("it must begin with the money: %s", text)
			}
			for _, b := range slices.Concat(r.Screen.Rows...) {
				if strings.HasPrefix(b.Data, "plan") || strings.HasPrefix(b.Data, "buy/") {
					t.Errorf("%s is no way on from a top-up", b.Data)
				}
			}
			s.network.quoteErr, s.desk.openErr = nil, nil
			if r := s.press(add(p)); r.Screen.Name != "order_awaiting" || s.desk.opened != 1 {
				t.Errorf("mended: %s, %d orders", r.Screen.Name, s.desk.opened)
			}
		})
	}
}

func TestTopUpOfWhatCantBe(t *testing.T) {
	for name, c := range map[string]struct {
		id     orders.ID
		change func(*stage, *usage.ESIM)
		list   string // the screen of the list
		add    string // the screen of an old price button
	}{
		"used up":       {spent, func(*stage, *usage.ESIM) {}, "topups", "order_awaiting"},
		"taken back":    {cancelled, func(*stage, *usage.ESIM) {}, "plans", "refusal_over"},
		"expired":       {delivered, func(_ *stage, e *usage.ESIM) { e.ExpiresAt = noon }, "plans", "refusal_over"},
		"a fixed end":   {delivered, func(_ *stage, e *usage.ESIM) { e.Plan.CanTopUp = false }, "plans", "plans"},
		"not linked":    {unlinked, func(*stage, *usage.ESIM) {}, "link", "link"},
		"nothing fits":  {delivered, func(s *stage, _ *usage.ESIM) { s.network.topUps = func(*usage.ESIM) []esim.Plan { return nil } }, "plans", "refusal_gone"},
		"network down":  {delivered, func(s *stage, _ *usage.ESIM) { s.network.topUpErr = catalog.ErrUnavailable }, "topups_down", "refusal_unavailable"},
		"in the middle": {delivered, func(_ *stage, e *usage.ESIM) { e.TopUp = "8A2B3C4D5E" }, "topups", "order_awaiting"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			p := s.topUp(c.id)
			c.change(s, s.esims[string(c.id)])
			for _, route := range []string{"more/", "topup/", "pick/"} {
				data := route + string(c.id)
				if route == "pick/" {
					data += "/" + esim.Plan{ID: "no longer sold"}.Ref()
				}
				if r := s.press(data); r.Screen.Name != c.list || r.Stale {
					t.Errorf("%s: %s", data, r.Screen.Name)
				}
				check(t, data, s.screen())
			}
			if r := s.press(offer(c.id, p)); r.Screen.Name != c.add {
				t.Errorf("offer: %s", r.Screen.Name)
			}
			if want := c.add == "order_awaiting"; (s.desk.opened == 1) != want {
				t.Errorf("%d orders", s.desk.opened)
			}
		})
	}
}

// Without anybody to top up, the shop says nothing of topping up and sells a new eSIM.
func TestNoTopUps(t *testing.T) {
	s := newStage(t, func(c *flows.Config) { c.TopUps, c.Watch, c.Linker = nil, nil, nil })
	s.regular()
	for _, data := range []string{"more/" + string(delivered), offer(delivered, esim.Plan{ID: "x", Retail: esim.Money{Minor: 100}})} {
		if r := s.press(data); r.Screen.Name != "plans" || s.desk.opened != 0 {
			t.Errorf("%s: %s", data, r.Screen.Name)
		}
	}
	if s.press("plan/" + s.plan("JP-10-30").Ref()); mentions(s.screen().HTML, "topped up") {
		t.Errorf("%s", s.screen().HTML)
	}
	for _, id := range []orders.ID{delivered, unlinked} {
		for _, route := range []string{"esim/", "left/", "refresh/", "link/"} {
			if r := s.press(route + string(id)); r.Screen.Name != "esim" || r.Then != nil || s.session.Question != "" {
				t.Errorf("%s: %+v", route, r)
			}
		}
	}
}

func TestTopUpsAreFittingAndOrdered(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.press("more/" + string(delivered))
	var shown []string
	for page := 1; page <= 2; page++ {
		s.press(fmt.Sprintf("more/%s/%d", string(delivered), page))
		for _, row := range s.screen().Rows {
			if strings.HasPrefix(row[0].Data, "pick/") {
				shown = append(shown, row[0].Text)
			}
		}
	}
	want := []string{
		"+1 GB · 7 days · $2.60", "+10 GB · 21 days · $22.00", "+20 GB · 28 days · $36.00 ⭐", // the cheapest, the size bought before, the best
		"+2 GB · 7 days · $5.04", "+3 GB · 14 days · $7.44", "+5 GB · 14 days · $12.00", "+8 GB · 21 days · $18.24", "+15 GB · 28 days · $30.00",
		"+30 GB · 35 days · $78.00", "+50 GB · 35 days · $130.00",
	}
	if !slices.Equal(shown, want) {
		t.Errorf("%q", shown)
	}
	// Days are added to days.
	s.esims[string(untouched)].Plan.CanTopUp = true
	s.press("more/" + string(untouched))
	if rows := s.screen().Rows; len(rows) != 2 || !mentions(rows[0][0].Text, "500 MB/day") {
		t.Errorf("%+v", rows)
	}
}

func TestInterruptedTopUpGoesOn(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.tap(flows.Event{Kind: flows.EventPress, Data: add(s.topUp(delivered)), Message: 9})
	r, err := s.shop.Current(context.Background(), s.input(flows.Event{}))
	if err != nil || r.Then == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	s.take(r)
	id := s.session.Order
	if s.effect(r); s.desk.opened != 1 || s.desk.orders[id].Kind != orders.KindTopUp || s.desk.orders[id].ESIM != delivered {
		t.Errorf("%+v", s.desk.orders[id])
	}
	// A payment page that is missing is opened as what it was for.
	s.desk.orders[id].Checkout = orders.Checkout{}
	delete(s.desk.orders, "")
	if r := s.press("o/" + string(id)); r.Screen.Name != "order_awaiting" || s.desk.opened != 1 {
		t.Errorf("%s, %d orders", r.Screen.Name, s.desk.opened)
	}
}

// The same plan as a new eSIM and as a top-up are two orders.
func TestTopUpIsNoNewESIM(t *testing.T) {
	s := newStage(t)
	s.regular()
	plan := s.plan("JP-10-30")
	s.network.topUps = func(*usage.ESIM) []esim.Plan { return []esim.Plan{plan} }
	s.press(buy(plan))
	first := s.session.Order
	s.press(add(plan))
	second := s.session.Order
	s.press(buy(plan))
	third := s.session.Order
	if first == second || second == third || s.desk.opened != 3 {
		t.Fatalf("%s, %s, %s: %d orders", first, second, third, s.desk.opened)
	}
	for id, kind := range map[orders.ID]orders.Kind{first: orders.KindESIM, second: orders.KindTopUp, third: orders.KindESIM} {
		if o := s.desk.orders[id]; o.Kind != kind || (o.ESIM != "") != (kind == orders.KindTopUp) {
			t.Errorf("%s: %+v", id, o)
		}
	}
}

// A top-up whose page closed is tried again as a top-up.
func TestTopUpIsTriedAgain(t *testing.T) {
	s := newStage(t)
	s.regular()
	s.press(add(s.topUp(delivered)))
	first := s.session.Order
	s.press("cancel/" + string(first))
	again := s.screen().Rows[0][0]
	s.press(again.Data)
	o := s.desk.orders[s.session.Order]
	if s.session.Order == first || o.Kind != orders.KindTopUp || o.ESIM != delivered || o.Plan.Key() != s.desk.orders[first].Plan.Key() {
		t.Errorf("%+v", o)
	}
}

func TestTopUpOrderSaysHowFarItIs(t *testing.T) {
	s := newStage(t)
	s.regular()
	p := s.topUp(delivered)
	for name, c := range map[string]struct {
		change func(*orders.Order)
		has    string
	}{
		"adding":     {func(o *orders.Order) { o.State = orders.Purchasing }, "Adding 3 GB to your eSIM…"},
		"takes long": {func(o *orders.Order) { o.State, o.Payment.PaidAt = orders.Paid, noon.Add(-time.Minute) }, "you'll get the data or your money back today"},
		"waits":      {func(o *orders.Order) { o.State, o.Reason, o.HeldSince = orders.Paid, orders.ReasonTopUpWaits, noon }, "Another top-up of this eSIM is being added first"},
		"added":      {func(o *orders.Order) { o.State = orders.Issued }, "The receipt is on its way"},
		"done":       {func(o *orders.Order) { o.State, o.DeliveredAt = orders.Delivered, noon }, "Done: 3 GB more on your eSIM"},
		"in doubt":   {func(o *orders.Order) { o.State = orders.Unknown }, "you'll get the data or your money back"},
		"refunding":  {func(o *orders.Order) { o.State, o.Refund.Amount = orders.Refunding, p.Retail }, "We could not add this data"},
		"newer":      {func(o *orders.Order) { o.State = "of a newer version" }, "a person is looking at it"},
		"expired":    {func(o *orders.Order) { o.State = orders.Expired }, "nothing was charged"},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.order(unpaid, customer, "JP-10-30", orders.Paid)
			o.Kind, o.ESIM, o.Plan = orders.KindTopUp, delivered, p
			c.change(o)
			for _, lang := range loadBundle(t).Languages() {
				screen := s.shop.OrderScreen(o, lang)
				check(t, lang+"/"+name, screen)
				if lang == "en" && !mentions(screen.HTML, c.has) {
					t.Errorf("%s", screen.HTML)
				}
				if lang == "en" && mentions(written([]flows.Screen{screen}), "QR", "companion") {
					t.Errorf("it speaks of a new eSIM: %s", screen.HTML)
				}
			}
		})
	}
}
