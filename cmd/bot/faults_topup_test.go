package main

import (
	"slices"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

// CloudeSIM applies a top-up and doesn't answer: the eSIM's numbers, which have risen, prove it.
func TestFault29TopUpTimesOut(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick(map[string]string{"EVIDENCE_WAIT": "10m"}))
	s.buy(s.planOf(esim.CloudESIM))
	base := s.becomes(orders.Delivered)
	before := s.profile(&base)
	topUp := s.topping(&base)
	mood(t, s.world.CloudESIM.Fault, fault.DeadAfter, "/esim/topup", 1)
	if err := s.world.Stripe.Pay(topUp.Checkout.SessionID); err != nil {
		t.Fatal(err)
	}
	s.proved(topUp, s.world.CloudESIM.House)
	if after := s.profile(&base); after.TotalBytes != before.TotalBytes+topUp.Plan.Bytes {
		t.Errorf("%d bytes, and %d after a top-up of %d", before.TotalBytes, after.TotalBytes, topUp.Plan.Bytes)
	}
}

// Mobilexy's numbers come hours later: they are waited for, and nothing is bought meanwhile.
func TestFault29TopUpTimesOutWhereNumbersLag(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	plan := s.reloadable()
	s.buy(plan)
	base := s.becomes(orders.Delivered)
	sold := s.sold(esim.Mobilexy)[0]
	if err := s.world.Mobilexy.SetUsed(sold.ICCID, sold.TotalBytes/4); err != nil {
		t.Fatal(err)
	}
	iccid, err := esim.ParseICCID(sold.ICCID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.store.ESIMs().LinkICCID(s.ctx, string(base.ID), customer, iccid, sold.TranNo); err != nil {
		t.Fatal(err)
	}
	s.world.Clock.Advance(4 * time.Hour) // its first numbers are told
	topUp, err := s.app.orders.Open(s.ctx, orders.Draft{ID: topUpID(customer), Kind: orders.KindTopUp, Customer: customer, Language: "en", Plan: plan, ESIM: base.ID})
	if err != nil {
		t.Fatal(err)
	}
	mood(t, s.world.Mobilexy.Fault, fault.DeadAfter, "/profile/topup", 1)
	if err := s.world.Stripe.Pay(topUp.Checkout.SessionID); err != nil {
		t.Fatal(err)
	}
	s.eventually("the doubt", func() bool { return s.again(topUp).State == orders.Unknown })
	if e := s.sold(esim.Mobilexy)[0]; e.Report.TotalBytes != sold.TotalBytes {
		t.Fatalf("the numbers don't lag: %+v", e.Report)
	}
	s.eventually("a look in vain", func() bool { o := s.again(topUp); return o.Tries > 0 && o.Lease.Owner == "" })
	for range 8 { // looks lie within these hours, as the shop sees them
		s.world.Clock.Advance(30 * time.Minute)
		at := s.again(topUp)
		s.eventually("another look", func() bool {
			now := s.again(topUp)
			return now.State != orders.Unknown || now.Tries > at.Tries || now.DueAt.After(s.world.Clock.Now())
		})
	}
	s.proved(topUp, s.world.Mobilexy.House)
}

// reloadable is a plan of Mobilexy's that also tops an eSIM of its place up.
func (s *stage) reloadable() esim.Plan {
	s.t.Helper()
	snapshot := s.app.catalog.Snapshot()
	for _, place := range snapshot.Countries() {
		for _, plan := range snapshot.Plans(place.Destination.ID()) {
			if plan.Provider == esim.Mobilexy && plan.Kind == esim.Fixed && plan.PackageCode != "" {
				return plan
			}
		}
	}
	s.t.Fatal("no plan tops up")
	return esim.Plan{}
}

// proved sees a top-up in doubt end well, applied once.
func (s *stage) proved(topUp *orders.Order, house *wholesale.House) {
	s.t.Helper()
	s.eventually("the proof", func() bool { return s.again(topUp).State == orders.Delivered })
	log, err := s.app.store.Orders().Log(s.ctx, topUp.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	if !slices.ContainsFunc(log, func(e orders.LogEntry) bool { return e.To == orders.Unknown }) {
		s.t.Errorf("there was no doubt: %+v", log)
	}
	if n := house.TopUps(); n != 1 {
		s.t.Errorf("%d top-ups", n)
	}
	if n := s.refunds(); n != 0 {
		s.t.Errorf("%d went back", n)
	}
}
