package orders_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"esimbot/esim"
	"esimbot/orders"
)

// deeds are what admins and the world do to one order, in any order. What a deed is refused for is
// not looked at here: only that money and eSIMs stay right whatever was allowed.
type deeds struct {
	*world
	t     *rapid.T
	stale []orders.RefundRequest // confirmed too late, or twice
}

// TestWhateverAdminsDo asserts that no sequence of deeds sends more back than was received, delivers
// after everything went back, or buys more often than was allowed.
func TestWhateverAdminsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &deeds{world: newWorld(t).sellTwice(), t: t}
		answer := rapid.SampledFrom([]string{"ok", "ok", "not ready", "no number", "not sent", "rejected", "bought unheard", "unheard"})
		d.cloud.answers = rapid.SliceOfN(answer, 0, 4).Draw(t, "cloud")
		d.cloud.queries = rapid.SliceOfN(rapid.SampledFrom([]string{"", "error", "ready", "cancelled"}), 0, 6).Draw(t, "queries")
		d.cloud.cancels = rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "refused", "unheard", "done unheard", "not sent"}), 0, 3).Draw(t, "cancels")
		d.stripe.refundAnswers = rapid.SliceOfN(rapid.SampledFrom([]string{"succeeded", "doubt", "refused", "pending", "failed"}), 0, 4).Draw(t, "refunds")
		d.before = d.watchDeliveries
		d.paid()
		for range rapid.IntRange(1, 12).Draw(t, "deeds") {
			switch rapid.IntRange(0, 9).Draw(t, "deed") {
			case 0, 1:
				d.run(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
			case 2:
				_ = d.service.Step(context.Background(), theOrder) // an order that isn't due stays as it is
			case 3, 4, 5:
				d.refund()
			case 6, 7, 8:
				d.decide()
			default:
				d.outside()
			}
			d.check()
		}
		d.run(60 * 24 * time.Hour)
		d.check()
		o := d.store.docs[theOrder]
		if !o.State.Finished() && o.State != orders.Review {
			t.Fatalf("order rests as %s (%s); log %+v", o.State, o.Reason, d.store.log)
		}
		if o.State == orders.Review && len(d.service.Answers(o)) == 0 {
			t.Fatalf("an order under review (%s) that nothing can be decided of: %+v", o.Reason, o)
		}
	})
}

// watchDeliveries sees to it that nothing is sent to a customer who has all their money back.
func (d *deeds) watchDeliveries(_ int, call string) error {
	if back := d.stripe.refunded() + d.stripe.outside; call == "deliver" && back >= plan.Retail.Minor {
		d.Errorf("delivered after %d of %d went back; log %+v", back, plan.Retail.Minor, d.store.log)
	}
	return nil
}

func (d *deeds) check() {
	d.Helper()
	o := d.store.docs[theOrder]
	if back := d.stripe.refunded() + d.stripe.outside; back > plan.Retail.Minor {
		d.Fatalf("%d of %d went back: %v; log %+v", back, plan.Retail.Minor, d.stripe.refunds, d.store.log)
	}
	if d.cloud.sold+d.mobilexy.sold > 1+o.Approved {
		d.Fatalf("bought %d and %d times, %d allowed; log %+v", d.cloud.sold, d.mobilexy.sold, o.Approved, d.store.log)
	}
	if o.Refund.Total.Minor < 0 || o.Refund.Total.Minor > plan.Retail.Minor {
		d.Fatalf("the order says %s went back", o.Refund.Total)
	}
}

// tolerate fails the test for what is neither done nor refused nor Stripe's silence.
func (d *deeds) tolerate(deed string, err error) {
	d.Helper()
	var no *orders.Refusal
	if err != nil && !errors.As(err, &no) && !errors.Is(err, orders.ErrPaymentDoubt) && !errors.Is(err, orders.ErrNotFound) {
		d.Errorf("%s: %v", deed, err)
	}
}

func (d *deeds) refund() {
	amount := esim.Money{}
	if rapid.Bool().Draw(d.t, "part") {
		amount = esim.Money{Minor: rapid.Int64Range(-10, 500).Draw(d.t, "amount"), Currency: rapid.SampledFrom([]esim.Currency{esim.USD, esim.USD, esim.USD, "EUR"}).Draw(d.t, "currency")}
	}
	anyway := rapid.Bool().Draw(d.t, "anyway")
	offer, err := d.service.OfferRefund(context.Background(), theOrder, amount, anyway)
	d.tolerate("offer", err)
	if err == nil {
		d.stale = append(d.stale, orders.RefundRequest{Order: theOrder, Admin: admin, N: offer.N, Amount: offer.Amount, Anyway: anyway})
	}
	if len(d.stale) == 0 {
		return
	}
	if rapid.IntRange(0, 3).Draw(d.t, "hesitates") == 0 {
		return // and confirms later, or never
	}
	request := d.stale[rapid.IntRange(0, len(d.stale)-1).Draw(d.t, "request")]
	if rapid.IntRange(0, 9).Draw(d.t, "forged") == 0 {
		request.Amount.Minor += rapid.Int64Range(-500, 500).Draw(d.t, "by")
	}
	number := d.store.docs[theOrder].Refund.N
	o, err := d.service.Refund(context.Background(), request)
	d.tolerate("refund", err)
	if err == nil && (o.State != orders.Refunding || request.N != number+1) {
		d.Errorf("refund %d after %d began, order is %s", request.N, number, o.State)
	}
}

func (d *deeds) decide() {
	o := d.store.docs[theOrder]
	answers := []orders.Answer{
		orders.AnswerBuyAgain, orders.AnswerDeliver, orders.AnswerCode, orders.AnswerOrderNo, orders.AnswerApplied, orders.AnswerClose,
	}
	decision := orders.Decision{Order: theOrder, Admin: rival, Attempt: o.Attempt.N}
	if rapid.IntRange(0, 5).Draw(d.t, "late") == 0 {
		decision.Attempt--
	}
	var err error
	a := rapid.SampledFrom(answers).Draw(d.t, "answer")
	switch ctx := context.Background(); a {
	case orders.AnswerBuyAgain:
		_, err = d.service.BuyAgain(ctx, decision)
	case orders.AnswerDeliver:
		_, err = d.service.Deliver(ctx, decision)
	case orders.AnswerCode:
		_, err = d.service.AttachCode(ctx, decision, code(d))
	case orders.AnswerOrderNo:
		if _, err = d.service.AttachOrderNo(ctx, decision, "CE-1"); err != nil && d.store.docs[theOrder].State == orders.Review {
			err = nil // the provider may fail
		}
	case orders.AnswerApplied:
		_, err = d.service.Applied(ctx, decision)
	default:
		_, err = d.service.Close(ctx, decision)
	}
	d.tolerate(string(a), err)
	if err == nil && decision.Attempt != o.Attempt.N && a != orders.AnswerOrderNo {
		d.Errorf("%s to attempt %d was taken, the order was at %d", a, decision.Attempt, o.Attempt.N)
	}
}

// outside is somebody at the Stripe Dashboard, or the bank, of which an event may tell.
func (d *deeds) outside() {
	e := orders.PaymentEvent{Type: orders.EventRefunded, Intent: "pi_1"}
	if rapid.IntRange(0, 3).Draw(d.t, "dispute") == 0 {
		e.Type, d.stripe.disputed = orders.EventDispute, true
	} else {
		left := plan.Retail.Minor - d.stripe.refunded() - d.stripe.outside
		if rapid.Bool().Draw(d.t, "outside in part") {
			left = rapid.Int64Range(0, left).Draw(d.t, "outside")
		}
		d.stripe.outside += left
	}
	state := d.store.docs[theOrder].State
	if state == orders.Review && rapid.Bool().Draw(d.t, "event lost") {
		return // what an admin decides then must not rely on it
	}
	d.tolerate("event", d.service.HandlePayment(context.Background(), e))
}
