package orders_test

import (
	"testing"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store/storetest"
)

// A top-up on real Redis: the place at the eSIM is taken, given up, and what it brought stands there.
func TestTopUpOnRealRedis(t *testing.T) {
	w, s := onRedis(t, storetest.Redis(t))
	base := &orders.Order{ID: theESIM, Schema: orders.Schema, Kind: orders.KindESIM, State: orders.Delivered, Customer: customer, Plan: plan,
		Bought: &orders.Bought{Profile: esim.Profile{Provider: esim.CloudESIM, OrderNo: "B1", ICCID: theICCID}, Plan: plan, At: start}}
	if err := s.ESIMs().Put(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	w.topped = esim.CloudESIM
	w.cloud.answers = []string{"bought unheard"}
	w.paid()
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	o, err := s.Orders().Load(t.Context(), theOrder)
	if err != nil || o.State != orders.Delivered || o.ESIM != theESIM || o.Bought.After == nil || o.Attempt.Before == nil || o.Attempt.BalanceBefore == nil {
		t.Fatalf("%+v, %v", o, err)
	}
	e, err := s.ESIMs().ESIM(t.Context(), string(theESIM), customer)
	if err != nil || len(e.TopUps) != 1 || e.TopUps[0].Order != string(theOrder) || e.TopUp != "" || e.TotalBytes != 2*esim.GB {
		t.Errorf("%+v, %v", e, err)
	}
	if err := w.service.SendBack(t.Context(), theOrder, esim.Money{}, false); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	if o, err = s.Orders().Load(t.Context(), theOrder); err != nil || o.State != orders.Refunded || o.Refund.Return != orders.ReturnKept || w.cloud.asked != 0 {
		t.Errorf("%+v, %v", o, err)
	}
}

// What is told of an order in a finished state is noted there, and doesn't make it due again.
func TestNotedOnRealRedis(t *testing.T) {
	w, s := onRedis(t, storetest.Redis(t))
	w.paid()
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	w.stripe.outside = 155
	for _, typ := range []string{orders.EventRefunded, orders.EventDispute} {
		if err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: typ, Order: theOrder}); err != nil {
			t.Fatal(err)
		}
	}
	o, err := s.Orders().Load(t.Context(), theOrder)
	if err != nil || o.State != orders.Delivered || o.Refund.Total.Minor != 155 || !o.Disputed || !o.DueAt.IsZero() {
		t.Errorf("%+v, %v", o, err)
	}
	if ids, err := s.Orders().Due(t.Context(), w.clock().AddDate(1, 0, 0), 10); err != nil || len(ids) != 0 {
		t.Errorf("due: %v, %v", ids, err)
	}
}
