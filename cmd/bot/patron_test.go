package main

import (
	"slices"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
)

// A patron is one of several customers.
type patron struct {
	*stage
	id   int64
	plan esim.Plan
}

// patrons returns as many customers, each with a plan in mind that only CloudeSIM sells.
func (s *stage) patrons(n int) []*patron {
	s.t.Helper()
	snapshot := s.app.catalog.Snapshot()
	var all []*patron
	for _, place := range append(snapshot.Countries(), snapshot.Regions()...) {
		for _, plan := range snapshot.Plans(place.Destination.ID()) {
			if plan.Provider == esim.CloudESIM && plan.Kind == esim.Fixed && len(snapshot.Twins(plan)) == 0 && len(all) < n {
				p := &patron{stage: s, id: int64(customer + 100 + len(all)), plan: plan}
				s.world.Telegram.AddUser(telegram.User{ID: p.id, FirstName: "Customer", LanguageCode: "en"})
				all = append(all, p)
			}
		}
	}
	if len(all) < n {
		s.t.Fatalf("%d plans for %d customers", len(all), n)
	}
	return all
}

func (p *patron) say(text string) {
	p.t.Helper()
	if _, err := p.world.Telegram.SendText(p.id, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patron) press(text string) {
	p.t.Helper()
	p.eventually("a button "+text+" for "+p.seen(p.id), func() bool {
		_, b, ok := p.world.Telegram.FindButton(p.id, text)
		return ok && b.CallbackData != ""
	})
	if _, err := p.world.Telegram.PressButton(p.id, text); err != nil {
		p.t.Fatal(err)
	}
}

// order takes the customer to the payment page and returns the Checkout Session's id.
func (p *patron) order() (session string) {
	p.t.Helper()
	p.say("/start p_" + p.plan.Ref())
	p.press("Buy")
	p.eventually("the pay button", func() bool {
		_, b, ok := p.world.Telegram.FindButton(p.id, "Pay")
		session = sessionIn(b.URL)
		return ok && b.URL != ""
	})
	return session
}

func (p *patron) pays(session string) {
	p.t.Helper()
	if err := p.world.Stripe.Pay(session); err != nil {
		p.t.Fatal(err)
	}
}

// is waits until the customer's only order is in one of the states, and returns it.
func (p *patron) is(states ...orders.State) *orders.Order {
	p.t.Helper()
	var found *orders.Order
	p.eventually("an order to be "+string(states[0]), func() bool {
		list, err := p.app.orders.List(p.ctx, p.id)
		if err != nil || len(list) != 1 {
			return false
		}
		found = list[0]
		return slices.Contains(states, found.State)
	})
	return found
}

// codes are the activation codes that the customer was sent, each once.
func (p *patron) codes() []string {
	p.t.Helper()
	var codes []string
	for _, m := range p.world.Telegram.Messages(p.id) {
		if len(m.Photo) == 0 {
			continue
		}
		data, ok := p.world.Telegram.File(m.FileID())
		if !ok {
			p.t.Fatal("the photo is not at Telegram")
		}
		if code := decodeQR(p.t, data); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// marked waits until Stripe has the note of an order's delivery.
func (p *patron) marked(o *orders.Order) {
	p.t.Helper()
	p.eventually("the note of the delivery", func() bool {
		intent, ok := p.world.Stripe.Intent(o.Payment.Intent)
		return ok && intent.Metadata["done"] != ""
	})
}

// finds has the customer look for the eSIM in the list, and its code.
func (p *patron) finds(code string) {
	p.t.Helper()
	before := len(p.world.Telegram.Messages(p.id))
	p.say("/esims")
	p.press(p.plan.Destination.Flag())
	p.press("QR")
	p.eventually("the code", func() bool {
		for _, m := range p.world.Telegram.Messages(p.id)[before:] {
			if data, ok := p.world.Telegram.File(m.FileID()); ok && len(m.Photo) > 0 {
				return decodeQR(p.t, data) == code
			}
		}
		return false
	})
}
