package orders_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"esimbot/esim"
	"esimbot/orders"
)

// stripe keeps one payment page and its PaymentIntent, with idempotency keys.
type stripe struct {
	w        *world
	sessions map[string]*orders.CheckoutSession
	meta     map[string]string
	keys     map[string]string // idempotency key → value written
	refunds  map[string]orders.Refund

	strict        bool // the page was opened so
	disputed      bool
	outside       int64    // minor units refunded in the Dashboard
	refundAnswers []string // what Refund answers, in turn: a status, "doubt", "refused", "spent"
	down          map[string]int

	strays  strays
	returns map[string]orders.Refund
}

// fails takes one of the failures that were ordered for a call.
func (s *stripe) fails(call string) bool {
	if s.down[call] > 0 {
		s.down[call]--
		return true
	}
	return false
}

// came is what the payment brought.
func (s *stripe) came() esim.Money {
	if cs := s.sessions["cs_1"]; cs != nil {
		return cs.Amount
	}
	return plan.Retail
}

func (s *stripe) pay() {
	cs := s.sessions["cs_1"]
	cs.Status, cs.Paid, cs.Intent = "complete", true, "pi_1"
}

func (s *stripe) OpenCheckout(_ context.Context, o *orders.Order) (c orders.Checkout, err error) {
	lost := s.w.call("open checkout", func() {
		if s.fails("open") {
			err = errors.New("refused")
			return
		}
		if s.strict = o.Checkout.Strict; s.sessions["cs_1"] == nil {
			s.sessions["cs_1"] = &orders.CheckoutSession{ID: "cs_1", Status: "open", Order: string(o.ID), Shop: shop, Amount: o.Plan.Retail}
		}
		c = orders.Checkout{SessionID: "cs_1", URL: "https://pay.example/cs_1", ExpiresAt: o.Checkout.ExpiresAt}
	})
	if lost != nil {
		return orders.Checkout{}, errors.Join(orders.ErrPaymentDoubt, lost)
	}
	return c, err
}

func (s *stripe) Session(_ context.Context, id string) (cs *orders.CheckoutSession, err error) {
	lost := s.w.call("session", func() {
		found := s.sessions[id]
		switch {
		case found == nil:
			err = orders.ErrNotFound
		case s.fails("session"):
			err = orders.ErrPaymentDoubt
		default:
			c := *found
			cs = &c
		}
	})
	if lost != nil {
		return nil, lost
	}
	return cs, err
}

func (s *stripe) ExpireCheckout(_ context.Context, id string) error {
	return s.w.call("expire", func() {
		if cs := s.sessions[id]; cs.Status == "open" {
			cs.Status = "expired"
		}
	})
}

func (s *stripe) Fence(context.Context, string) (f orders.Fence, err error) {
	lost := s.w.call("fence", func() {
		if s.fails("fence") {
			err = orders.ErrPaymentDoubt
			return
		}
		f = orders.Fence{Value: s.meta["buy"], Got: s.meta["got"], Not: s.not(), Done: s.meta["done"] != "", Received: s.came(), Disputed: s.disputed}
		f.Refunded = esim.Money{Minor: s.outside + s.refunded(), Currency: esim.USD}
	})
	return f, errors.Join(lost, err)
}

func (s *stripe) not() int {
	n, err := strconv.Atoi(s.meta["not"])
	if err != nil {
		return 0
	}
	return n
}

func (s *stripe) RaiseFence(_ context.Context, _ string, id orders.ID, n int, value string) (err error) {
	key := fmt.Sprintf("buy:%s:%d", string(id), n)
	write := func() {
		switch written, used := s.keys[key]; {
		case !used:
			s.keys[key], s.meta["buy"] = value, value
		case written != value:
			err = orders.ErrFenceTaken
		}
	}
	lost := s.w.call("raise", func() {
		if s.fails("raise") {
			err = orders.ErrPaymentDoubt
			return
		}
		write()
		if s.fails("raise answer") {
			err = orders.ErrPaymentDoubt
		}
	})
	return errors.Join(lost, err)
}

func (s *stripe) Mark(_ context.Context, _, key, value string) error {
	return s.w.call("mark "+key, func() { s.meta[key] = value })
}

func (s *stripe) refunded() (sum int64) {
	for _, r := range s.refunds {
		if r.Status == "succeeded" || r.Status == "pending" {
			sum += r.Amount.Minor
		}
	}
	return sum
}

func (s *stripe) Refund(_ context.Context, _ string, id orders.ID, n int, amount esim.Money) (r orders.Refund, err error) {
	key := fmt.Sprintf("%s:%d", string(id), n)
	lost := s.w.call("refund", func() {
		answer := "succeeded"
		if len(s.refundAnswers) > 0 {
			answer, s.refundAnswers = s.refundAnswers[0], s.refundAnswers[1:]
		}
		made, found := s.refunds[key]
		switch {
		case answer == "doubt":
			err = orders.ErrPaymentDoubt
			return
		case answer == "spent":
			err = orders.ErrRefundSpent
			return
		case !found && (answer == "refused" || s.refunded()+s.outside+amount.Minor > s.came().Minor):
			err = errors.New("refused")
			return
		case !found:
			made = orders.Refund{ID: "re_" + key, Amount: amount}
		}
		if made.Status != "failed" && answer != "refused" { // the one is an end, the other no word of it
			made.Status = answer
		}
		s.refunds[key], r = made, made
	})
	return r, errors.Join(lost, err)
}

// strays are payments that no order is about, by their PaymentIntents.
type strays map[string]*orders.Stray

func (s *stripe) Stray(_ context.Context, intent string) (p orders.Stray, err error) {
	lost := s.w.call("stray", func() {
		switch found := s.strays[intent]; {
		case s.fails("stray"):
			err = orders.ErrPaymentDoubt
		case found == nil:
			err = orders.ErrNotFound
		default:
			p = *found
		}
	})
	return p, errors.Join(lost, err)
}

func (s *stripe) Return(_ context.Context, intent string, n int) (r orders.Refund, err error) {
	key := fmt.Sprintf("return:%s:%d", intent, n)
	lost := s.w.call("return", func() {
		answer := "succeeded"
		if len(s.refundAnswers) > 0 {
			answer, s.refundAnswers = s.refundAnswers[0], s.refundAnswers[1:]
		}
		p, made := s.strays[intent], s.returns[key]
		switch {
		case answer == "doubt":
			err = orders.ErrPaymentDoubt
		case answer == "spent":
			err = orders.ErrRefundSpent
		case p == nil:
			err = orders.ErrNotFound
		case made.ID != "":
			r = made
		case p.Refunded.Minor >= p.Received.Minor:
			err = errors.New("refused")
		default:
			r = orders.Refund{ID: "re_" + key, Amount: esim.Money{Minor: p.Received.Minor - p.Refunded.Minor, Currency: p.Received.Currency}, Status: answer}
			if answer != "failed" {
				p.Refunded = p.Received
			}
			p.Returns++
			s.returns[key] = r
		}
	})
	return r, errors.Join(lost, err)
}
