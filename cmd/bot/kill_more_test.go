package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/wholesale"
)

// owned has the customer buy an eSIM, and returns its order.
func (f *fleet) owned(customer int64) *orders.Order {
	f.t.Helper()
	f.tell(customer, "/start p_"+f.plan().Ref())
	f.tap(customer, "Buy")
	f.eventually("an eSIM", func() bool {
		f.payIfAsked(customer)
		o := f.only(customer)
		return o != nil && o.State == orders.Delivered && f.world.Telegram.Pending() == 0
	})
	f.marked(f.only(customer))
	return f.only(customer)
}

// marked waits until Stripe knows that the order is delivered: the last that is done for it.
func (f *fleet) marked(o *orders.Order) {
	f.t.Helper()
	f.eventually("the mark at Stripe", func() bool {
		intent, ok := f.world.Stripe.Intent(o.Payment.Intent)
		return ok && intent.Metadata["done"] == "1"
	})
}

// profile returns the eSIM as its provider has it.
func (s *stage) profile(o *orders.Order) wholesale.ESIM {
	s.t.Helper()
	for _, e := range s.sold(esim.CloudESIM) {
		if e.OrderNo == o.Bought.Profile.OrderNo {
			return e
		}
	}
	s.t.Fatalf("order %s: no such eSIM at its provider", o.ID)
	return wholesale.ESIM{}
}

// TestKillFault03TopUp kills the shop at every write and every outside call of one top-up. The eSIM's
// numbers rise once at most, and where they rose the order is delivered, whatever was killed.
func TestKillFault03TopUp(t *testing.T) {
	t.Parallel()
	killEverywhere(t, func() life {
		var base, topUp *orders.Order
		var before int64 // bytes
		var plan esim.Plan
		return life{
			begin: func(f *fleet, c int64) {
				base = f.owned(c)
				e := f.profile(base)
				before, plan = e.TotalBytes, f.topUpPlan(e)
				draft := orders.Draft{ID: topUpID(c), Kind: orders.KindTopUp, Customer: c, Language: "en", Plan: plan, ESIM: base.ID}
				var err error
				if topUp, err = f.app.orders.Open(f.ctx, draft); err != nil {
					f.t.Fatal(err)
				}
			},
			act: func(f *fleet, _ int64) {
				if err := f.world.Stripe.Pay(topUp.Checkout.SessionID); err != nil {
					f.t.Fatal(err)
				}
			},
			drive: func(*fleet, int64) {},
			ended: func(f *fleet, _ int64) bool { topUp = f.again(topUp); return f.settled(topUp) },
			check: func(f *fleet, _ int64, struck string) {
				rose := f.profile(base).TotalBytes - before
				story := fmt.Sprintf("killed at %q: %s (%s), %d bytes more", struck, topUp.State, topUp.Reason, rose)
				switch {
				case topUp.State == orders.Delivered && rose == plan.Bytes, topUp.State == orders.Review && rose == 0 && f.mayDoubt():
				default:
					f.t.Errorf("not topped up once: %s", story)
				}
			},
		}
	})
}

// TestKillFault03Refund kills the shop at every write and every outside call of an admin's refund. The
// money goes back once, and the eSIM is taken back by its provider.
func TestKillFault03Refund(t *testing.T) {
	t.Parallel()
	killEverywhere(t, func() life {
		var o *orders.Order
		return life{
			begin: func(f *fleet, c int64) {
				o = f.owned(c)
				f.tell(admin, "/refund "+o.ID.String())
				f.offered(admin, o)
			},
			act: func(f *fleet, _ int64) { f.tap(admin, "Refund $") },
			drive: func(f *fleet, _ int64) {
				// The button works once. Who was killed between taking it and beginning asks again.
				if now := f.again(o); now.State == orders.Delivered && f.reaper.hit() && f.world.Telegram.Pending() == 0 && len(f.alive()) > 0 {
					f.tell(admin, "/refund "+o.ID.String())
					f.offered(admin, o)
					f.tap(admin, "Refund $")
					f.until("quiet", func() bool { return f.world.Telegram.Pending() == 0 })
				}
			},
			ended: func(f *fleet, _ int64) bool { o = f.again(o); return o.State != orders.Delivered && f.settled(o) },
			check: func(f *fleet, _ int64, struck string) {
				var back, times int64
				for _, r := range f.world.Stripe.Refunds() {
					if r.Metadata["order_id"] == string(o.ID) {
						back += r.Amount
						times++
					}
				}
				if e := f.profile(o); o.State != orders.Refunded || back != o.Payment.Received.Minor || times != 1 || e.State != wholesale.Cancelled {
					f.t.Errorf("killed at %q: %s (%s), %d went back in %d refunds, the eSIM is %s", struck, o.State, o.Reason, back, times, e.State)
				}
			},
		}
	})
}

// offered waits until an admin may confirm the order's refund.
func (f *fleet) offered(admin int64, o *orders.Order) {
	f.t.Helper()
	f.until("the offer", func() bool {
		m, b, ok := f.world.Telegram.FindButton(admin, "Refund $")
		return ok && b.CallbackData != "" && strings.Contains(m.Body(), o.ID.String()) && f.world.Telegram.Pending() == 0
	})
}

// topUpPlan returns a plan that tops the eSIM up, as the shop would sell it.
func (s *stage) topUpPlan(e wholesale.ESIM) esim.Plan {
	s.t.Helper()
	plans := s.world.CloudESIM.Plans()
	at := slices.IndexFunc(plans, func(p wholesale.Plan) bool { return p.TopUp && p.Bytes > 0 && p.Location == e.Location })
	if at < 0 {
		s.t.Fatalf("nothing tops up %s", e.Location)
	}
	p := plans[at]
	return esim.Plan{
		Provider: esim.CloudESIM, ID: p.Code, PackageCode: p.Code, Name: p.Name, Kind: esim.Fixed, Bytes: p.Bytes, Days: p.Days,
		Destination: esim.Destination{Kind: esim.Country, Code: e.Location}, Wholesale: p.Price, Retail: esim.Money{Minor: p.Price.Mul(decimal.NewFromInt(200)).IntPart(), Currency: esim.USD},
	}
}

// topUpID is the id of a customer's top-up.
func topUpID(customer int64) orders.ID {
	return orders.ID(strings.Repeat("0", 4) + fmt.Sprintf("%06d", customer))
}

// settled says whether an order has come to its end, and to its last mark at Stripe where nothing
// was killed.
func (f *fleet) settled(o *orders.Order) bool {
	if f.world.Telegram.Pending() > 0 {
		return false
	}
	switch o.State {
	case orders.Review:
		return o.Told == string(orders.Review)
	case orders.Refunded:
		return true
	case orders.Delivered:
		intent, ok := f.world.Stripe.Intent(o.Payment.Intent)
		return ok && (intent.Metadata["done"] == "1" || f.reaper.hit())
	default:
		return false
	}
}
