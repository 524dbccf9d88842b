package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
)

// A life is one matter of a customer that is killed somewhere: begin brings them to where it starts, act starts it, drive does once more what a person would do when
// nothing happens, and ended says whether the dust has settled.
type life struct {
	begin func(f *fleet, customer int64)
	act   func(f *fleet, customer int64)
	drive func(f *fleet, customer int64)
	ended func(f *fleet, customer int64) bool
	check func(f *fleet, customer int64, struck string)
}

// maxDeeds ends a life that never gets through.
const maxDeeds = 200

// killEverywhere lives through one life killed at its first write or call, then through another
// killed at its second, and so on, until one gets through alive.
func killEverywhere(t *testing.T, born func() life) {
	t.Helper()
	for _, after := range []bool{false, true} {
		t.Run(map[bool]string{false: "before", true: "after"}[after], func(t *testing.T) {
			t.Parallel()
			f := openFleet(t, durableRedis(t), 1, nil)
			f.world.CloudESIM.SetBalance(decimal.New(1_000_000, 0))
			for strike := 1; ; strike++ {
				seen, struck := f.livesThrough(born(), int64(customer+100+strike), strike, after)
				if struck == "" {
					t.Logf("killed %d times: %s", strike-1, strings.Join(seen, " · "))
					if strike < 15 {
						t.Errorf("only %d deeds were counted", strike-1)
					}
					return
				}
				if strike == maxDeeds || t.Failed() {
					t.Fatalf("killed %s (%d)", struck, strike)
				}
			}
		})
	}
}

// livesThrough is one life with one kill at most. It returns what was counted, and what was fatal.
func (f *fleet) livesThrough(l life, customer int64, strike int, after bool) (seen []string, struck string) {
	f.t.Helper()
	f.world.Telegram.AddUser(telegram.User{ID: customer, FirstName: "Customer", LanguageCode: "en"})
	l.begin(f, customer)
	f.soldBefore = len(f.sold(esim.CloudESIM))
	f.reaper.arm(strike, after)
	l.act(f, customer)
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !l.ended(f, customer); {
		f.revive()
		l.drive(f, customer)
		select {
		case <-tick.C:
		case <-deadline:
			seen, struck = f.reaper.disarm()
			list, err := f.app.orders.List(f.ctx, customer)
			story := ""
			for _, o := range list {
				story += fmt.Sprintf("%s %s (%s) ", o.ID, o.State, o.Reason)
			}
			f.t.Fatalf("not settled, killed at %q (%d): %s %v\n%s\nseen %q", struck, strike, story, err, f.seen(customer), seen)
		}
	}
	seen, struck = f.reaper.disarm()
	if struck != "" {
		f.replicas[0].kill() // struck it is, and perhaps not dead yet
	}
	f.revive()
	l.check(f, customer, struck)
	return seen, struck
}

// revive starts a dead replica again, once whatever it leased is free.
func (f *fleet) revive() {
	f.t.Helper()
	if len(f.alive()) == 0 {
		f.world.Clock.Advance(2 * time.Minute)
		f.replicas[0].up()
	}
}

// only returns the customer's one order, nil before there is one.
func (f *fleet) only(customer int64) *orders.Order {
	f.t.Helper()
	list, err := f.app.orders.List(f.ctx, customer)
	if err != nil {
		f.t.Fatal(err)
	}
	if len(list) > 1 {
		f.t.Fatalf("customer %d has %d orders", customer, len(list))
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// tap presses a button of a customer's once it is there.
func (f *fleet) tap(customer int64, text string) {
	f.t.Helper()
	f.until("a button "+text, func() bool {
		_, b, ok := f.world.Telegram.FindButton(customer, text)
		return ok && b.CallbackData != ""
	})
	if _, err := f.world.Telegram.PressButton(customer, text); err != nil {
		f.t.Fatal(err)
	}
}

// tell sends a customer's text.
func (f *fleet) tell(customer int64, text string) {
	f.t.Helper()
	if _, err := f.world.Telegram.SendText(customer, text); err != nil {
		f.t.Fatal(err)
	}
}

// payIfAsked pays the customer's open payment page, if there is one.
func (f *fleet) payIfAsked(customer int64) {
	f.t.Helper()
	_, b, ok := f.world.Telegram.FindButton(customer, "Pay")
	if !ok || b.URL == "" {
		return
	}
	id := sessionIn(b.URL)
	if cs, ok := f.world.Stripe.Session(id); ok && cs.Status == "open" {
		if err := f.world.Stripe.Pay(id); err != nil {
			f.t.Fatal(err)
		}
	}
}

// mayDoubt says whether it is open after the kill if the provider sold: the fence stands, and what
// the provider said was in the dead process and nowhere else. What was fatal may have been any deed:
// the shop sweeps and watches beside the purchase.
func (f *fleet) mayDoubt() bool {
	seen, struck := f.reaper.counted()
	if struck == "" {
		return false
	}
	raised := slices.IndexFunc(seen, func(deed string) bool { return strings.HasPrefix(deed, "POST stripe/v1/payment_intents/") })
	saved := slices.IndexFunc(seen, func(deed string) bool { return strings.HasSuffix(deed, " issued") })
	return raised >= 0 && (saved < 0 || saved >= f.reaper.fatalAt()-1)
}

// TestKillFault03Purchase kills the shop at every write and every outside call of one purchase. It ends
// delivered with one eSIM bought, or, killed while the provider was being asked, under review.
func TestKillFault03Purchase(t *testing.T) {
	t.Parallel()
	killEverywhere(t, func() life {
		return life{
			begin: func(f *fleet, c int64) {
				f.tell(c, "/start p_"+f.plan().Ref())
				f.until("a button Buy", func() bool { _, _, ok := f.world.Telegram.FindButton(c, "Buy"); return ok })
			},
			act:   func(f *fleet, c int64) { f.tap(c, "Buy") },
			drive: (*fleet).payIfAsked,
			ended: func(f *fleet, c int64) bool { o := f.only(c); return o != nil && f.settled(o) },
			check: (*fleet).boughtOnce,
		}
	})
}

// plan returns one of CloudeSIM's plans as the shop sells it.
func (f *fleet) plan() esim.Plan {
	f.t.Helper()
	return esim.Plan{Provider: esim.CloudESIM, ID: f.world.CloudESIM.Plans()[0].Code}
}

// boughtOnce compares what the provider sold, what Stripe took and what the customer has.
func (f *fleet) boughtOnce(customer int64, struck string) {
	f.t.Helper()
	o := f.only(customer)
	var mine []string
	for _, m := range f.world.Telegram.Messages(customer) {
		if len(m.Photo) == 0 {
			continue
		}
		data, ok := f.world.Telegram.File(m.FileID())
		if !ok {
			f.t.Fatal("the photo is not at Telegram")
		}
		mine = append(mine, decodeQR(f.t, data))
	}
	paid := 0
	for _, cs := range f.world.Stripe.Sessions() {
		if cs.Reference == string(o.ID) && cs.PaymentStatus == "paid" {
			paid++
		}
	}
	var sales []string // codes of what was sold in this life
	for _, e := range f.sold(esim.CloudESIM)[f.soldBefore:] {
		sales = append(sales, e.ActivationCode)
	}
	story := fmt.Sprintf("killed at %q: %s (%s), sold %d, photos %d, paid %d", struck, o.State, o.Reason, len(sales), len(mine), paid)
	switch {
	case paid != 1, len(sales) > 1:
		f.t.Errorf("not one payment and one purchase: %s", story)
	case o.State == orders.Review && (!f.mayDoubt() || len(mine) > 0):
		f.t.Errorf("under review for nothing: %s", story)
	case o.State == orders.Delivered && (len(sales) != 1 || len(mine) == 0 || len(mine) > 2):
		f.t.Errorf("delivered without having been: %s", story)
	case o.State == orders.Delivered && slices.ContainsFunc(mine, func(code string) bool { return code != sales[0] }):
		f.t.Errorf("the customer has another's code: %s", story)
	}
}
