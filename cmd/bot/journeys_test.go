package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/stripe"
	"esimbot/sandbox/telegram"
	"esimbot/sandbox/wholesale"
)

// A visitor is the customer of one journey, and the admin who serves them and nobody else.
type visitor struct {
	*stage
	boss int64
	// post is held by who loses Stripe's events, and by who needs one that nothing stands in for.
	post *sync.Mutex
}

// A journey is what one customer lives through. None moves the world's clock, for others are under way.
type journey struct {
	name string
	walk func(*visitor)
}

// journeys are all of them.
func journeys() []journey {
	return []journey{
		{"offer", func(v *visitor) { v.takesTheOffer(func() { v.ages(26 * time.Hour) }) }}, // the longest first
		{"top-up of a linked eSIM", (*visitor).topsUp},
		{"purchase from CloudeSIM", (*visitor).buysAndFinds},
		{"purchase from Mobilexy", func(v *visitor) { v.buy(v.planOf(esim.Mobilexy)) }},
		{"language", (*visitor).speaksTwo},
		{"search", (*visitor).looksAround},
		{"card declined", func(v *visitor) { v.declined() }},
		{"page expired", func(v *visitor) { v.triesAgain(v.expires) }},
		{"webhook lost", (*visitor).losesTheEvent},
		{"refund", (*visitor).getsAllBack},
		{"refund of a part", (*visitor).getsPartBack},
		{"refund in the Dashboard", (*visitor).getsItFromTheDashboard},
		{"review", (*visitor).isDecidedOn},
		{"support", (*visitor).asksSupport},
		{"deletion", (*visitor).isForgotten},
	}
}

// ages makes the customer's eSIMs older than they are.
func (v *visitor) ages(by time.Duration) {
	v.t.Helper()
	v.eventually("an eSIM that is older", func() bool {
		list, err := v.app.store.ESIMs().ByCustomer(v.ctx, v.me())
		if err != nil || len(list) == 0 {
			return false
		}
		for _, e := range list {
			e.Version++
			e.BoughtAt, e.NextAt = e.BoughtAt.Add(-by), v.world.Clock.Now().UTC()
		}
		for _, err := range v.app.store.Usage().Save(v.ctx, list) {
			if err != nil {
				return false // it changed meanwhile
			}
		}
		return true
	})
}

// expires has Stripe close the payment page.
func (v *visitor) expires() {
	v.t.Helper()
	if err := v.world.Stripe.Expire(sessionIn(v.payLink())); err != nil {
		v.t.Fatal(err)
	}
}

// speaksTwo reads the shop in another language.
func (v *visitor) speaksTwo() {
	v.t.Helper()
	v.say("/start")
	v.sees("Data for your trip")
	v.press("Language")
	v.press("Español")
	v.press("Atrás")
	v.sees("Internet para tu viaje")
	v.press("Idioma")
	v.press("English")
	v.press("Back")
	v.sees("Data for your trip")
}

// looksAround looks through the lists, searches with a slip of the thumb, turns the pages of a country's
// plans, and buys one.
func (v *visitor) looksAround() {
	v.t.Helper()
	v.say("/start")
	v.press("Choose a destination")
	v.press("All countries A–Z")
	plan, l := v.planOf(esim.Mobilexy), v.english()
	v.say(typo(l.Country(plan.Destination.Code)))
	v.press(l.Flagged(plan.Destination))
	v.turnsTo(l.PlanTitle(plan))
	v.press(l.PlanTitle(plan))
	v.press("Buy")
	v.pay()
	v.delivered(plan.Provider)
}

// turnsTo turns pages until a button is there.
func (v *visitor) turnsTo(button string) {
	v.t.Helper()
	there := func(text string) bool {
		_, b, ok := v.world.Telegram.FindButton(v.me(), text)
		return ok && b.CallbackData != ""
	}
	v.until("the first page", func() bool { return there(button) || there("1 of ") })
	for page := 2; !there(button) && page < 20; page++ {
		v.press("▶")
		v.until("the next page", func() bool { return there(fmt.Sprintf("%d of ", page)) })
	}
}

// follow presses the newest button whose route begins so.
func (v *visitor) follow(route string) {
	v.t.Helper()
	v.until("a button to "+route, func() bool {
		for _, m := range v.world.Telegram.Messages(v.me()) {
			for _, b := range m.Buttons() {
				if strings.HasPrefix(b.CallbackData, route) {
					return true
				}
			}
		}
		return false
	})
	(&window{stage: v.stage}).pressRoute(v.me(), route)
}

// buysAndFinds buys an eSIM, and finds it in the list.
func (v *visitor) buysAndFinds() {
	v.t.Helper()
	plan := v.planOf(esim.CloudESIM)
	v.buy(plan)
	v.becomes(orders.Delivered) // until then the list shows the order
	v.say("/esims")
	v.press(plan.Destination.Flag())
	v.press("QR")
	v.until("the QR photo again", func() bool {
		codes := v.photos(v.me())
		return len(codes) == 2 && codes[0] == codes[1]
	})
}

// topsUp tops an eSIM up that the customer has linked.
func (v *visitor) topsUp() {
	v.t.Helper()
	e := v.linked(v.reloadable())
	v.press("Top up")
	v.follow("pick/")
	v.press("Buy")
	v.pay()
	v.sees("is on your eSIM now")
	if after := v.bought(esim.Mobilexy, e.ActivationCode); after.TotalBytes <= e.TotalBytes {
		v.t.Errorf("%d bytes before, %d after", e.TotalBytes, after.TotalBytes)
	}
}

// losesTheEvent pays, and Stripe's event gets lost.
func (v *visitor) losesTheEvent() {
	v.t.Helper()
	v.order(v.planOf(esim.CloudESIM))
	v.post.Lock()
	v.world.Stripe.DropWebhooks(true)
	v.pay()
	v.world.Stripe.DropWebhooks(false)
	v.post.Unlock()
	v.delivered(esim.CloudESIM)
}

// owns buys an eSIM and returns its order.
func (v *visitor) owns() *orders.Order {
	v.t.Helper()
	v.buy(v.planOf(esim.CloudESIM))
	o := v.becomes(orders.Delivered)
	return &o
}

// refunded sees so much sent back for the only order, at once.
func (v *visitor) refunded(o *orders.Order, amount int64) {
	v.t.Helper()
	var back []int64
	for _, r := range v.world.Stripe.Refunds() {
		if r.Intent == o.Payment.Intent {
			back = append(back, r.Amount)
		}
	}
	if len(back) != 1 || back[0] != amount {
		v.t.Errorf("%v went back, want %d", back, amount)
	}
}

// getsAllBack asks for a refund, and an admin sends everything back.
func (v *visitor) getsAllBack() {
	v.t.Helper()
	o := v.owns()
	v.wants(v.boss, "/refund "+o.ID.String(), "goes back, all that is left")
	v.decides("Refund $")
	v.becomes(orders.Refunded)
	v.sees("Your money went back")
	v.refunded(o, o.Payment.Received.Minor)
	if e := v.profile(o); e.State != wholesale.Cancelled {
		v.t.Errorf("the eSIM is %s", e.State)
	}
}

// getsPartBack has an admin send a dollar back.
func (v *visitor) getsPartBack() {
	v.t.Helper()
	o := v.owns()
	v.wants(v.boss, "/refund "+o.ID.String()+" 1.00", "The order stays as it is")
	v.decides("Refund $1.00")
	v.eventually("the refund", func() bool { now := v.now(); return now.Refund.Total.Minor == 100 && now.State == orders.Delivered })
	v.refunded(o, 100)
	if e := v.profile(o); e.State == wholesale.Cancelled {
		v.t.Error("the eSIM was taken back")
	}
}

// getsItFromTheDashboard has the money sent back where the shop doesn't look.
func (v *visitor) getsItFromTheDashboard() {
	v.t.Helper()
	o := v.owns()
	v.post.Lock()
	_, err := v.world.Stripe.Refund(o.Payment.Intent, 0)
	v.post.Unlock()
	if err != nil {
		v.t.Fatal(err)
	}
	v.becomes(orders.Refunded)
	v.sees("Your money went back")
	v.refunded(o, o.Payment.Received.Minor)
}

// isDecidedOn pays another amount than was asked for, and an admin has the eSIM bought all the same.
func (v *visitor) isDecidedOn() {
	v.t.Helper()
	v.order(v.planOf(esim.CloudESIM))
	if err := v.world.Stripe.Tamper(sessionIn(v.payLink()), func(cs *stripe.Session) { cs.Amount++ }); err != nil {
		v.t.Fatal(err)
	}
	v.pay()
	v.sees("a person is looking at it")
	o := v.becomes(orders.Review)
	if o.Reason != orders.ReasonAmount || o.Bought != nil {
		v.t.Errorf("it is under review for %s, bought: %v", o.Reason, o.Bought != nil)
	}
	v.wants(v.boss, "/resolve "+o.ID.String(), "What shall become of it?")
	v.decides("Buy again")
	v.reads(v.boss, "The button works once")
	v.decides("Buy again")
	v.delivered(esim.CloudESIM)
	v.becomes(orders.Delivered)
}

// decides has the admin press a button.
func (v *visitor) decides(button string) {
	v.t.Helper()
	v.as(v.t, v.boss).press(button)
}

// asksSupport writes to support, and is answered.
func (v *visitor) asksSupport() {
	v.t.Helper()
	question, answer := fmt.Sprintf("My phone %d finds no network", v.me()), "Please turn data roaming on"
	v.say("/support")
	v.press("Write to support")
	v.sees("Write your message below")
	v.say(question)
	v.sees("We answer here")
	var asked telegram.Message
	v.until("the question", func() bool {
		for _, asked = range v.world.Telegram.Messages(suiteSupport) {
			if asked.FromBot() && strings.Contains(asked.Body(), question) {
				return true
			}
		}
		return false
	})
	if strings.Contains(asked.Body(), "Visitor") {
		v.t.Errorf("the customer is named: %s", asked.Body())
	}
	if _, err := v.world.Telegram.Reply(suiteSupport, v.boss, asked.ID, answer); err != nil {
		v.t.Fatal(err)
	}
	v.sees(answer)
}

// isForgotten buys, and has all that is kept deleted.
func (v *visitor) isForgotten() {
	v.t.Helper()
	o := v.owns()
	v.say("/privacy")
	v.press("Delete my data")
	v.press("Delete for good")
	v.sees("What was kept of you here is deleted")
	list, err := v.app.store.ESIMs().ByCustomer(v.ctx, v.me())
	if err != nil || len(list) != 0 {
		v.t.Errorf("%d eSIMs are kept, %v", len(list), err)
	}
	kept, err := v.app.store.Orders().Load(v.ctx, o.ID)
	if err != nil || kept.Customer != 0 || !kept.Bought.Profile.Code.IsZero() {
		v.t.Errorf("the order names the customer, or has the code: %v", err)
	}
	v.say("/esims")
	v.sees("None yet")
}
