package stripe

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"esimbot/esim"
)

// A Refund is money going back, in minor units: docs.stripe.com/api/refunds/object.
type Refund struct {
	ID       string
	Intent   string
	Charge   string
	Amount   int64
	Currency string
	Status   string // "succeeded", "pending", "failed", "canceled", "requires_action"
	Reason   string
	Metadata map[string]string
	Created  time.Time
}

func (r *Refund) render() renderable {
	out := renderable{
		"id": r.ID, "object": "refund", "amount": r.Amount, "charge": r.Charge, "created": r.Created.Unix(), "currency": r.Currency,
		"metadata": r.Metadata, "payment_intent": r.Intent, "reason": orNull(r.Reason), "status": r.Status,
		"balance_transaction": nil, "receipt_number": nil, "source_transfer_reversal": nil, "transfer_reversal": nil,
		"destination_details": renderable{"type": "card", "card": renderable{"type": "refund", "reference_status": "pending"}},
	}
	if r.Status == "failed" {
		out["failure_reason"] = "expired_or_canceled_card"
	}
	return out
}

func refundParams() params {
	return params{"payment_intent": {kind: text}, "charge": {kind: text}, "amount": {kind: integer}, "metadata": {kind: metadata},
		"reason": {kind: text, enum: []string{"duplicate", "fraudulent", "requested_by_customer"}}}
}

func (s *Server) createRefund(c *call) (renderable, *apiError) {
	ch, e := s.refundable(c.form)
	if e != nil {
		return nil, e
	}
	amount := ch.Amount - ch.Refunded
	if c.form.has("amount") {
		amount = c.form.num("amount")
	}
	r, e := s.refund(ch, amount, c)
	if e != nil {
		return nil, e
	}
	r.Reason, r.Metadata = c.form.str("reason"), merge(nil, c.form.at("metadata"))
	s.announceRefund(r, ch, c)
	return r.render(), nil
}

// refundable finds the charge to refund.
func (s *Server) refundable(f *node) (*charge, *apiError) {
	id := f.str("charge")
	switch {
	case f.has("charge") && f.has("payment_intent"):
		return nil, invalid("parameters_exclusive", "charge", "You may only specify one of these parameters: charge, payment_intent.")
	case !f.has("charge") && !f.has("payment_intent"):
		return nil, invalid("parameter_missing", "charge", "One of the following params should be provided for this request: payment_intent or charge.")
	case f.has("payment_intent"):
		p, ok := s.intents.get(f.str("payment_intent"))
		if !ok {
			return nil, missing("payment_intent", f.str("payment_intent"), "payment_intent")
		}
		id = p.Charge
		if ch, ok := s.charges.get(id); !ok || ch.Status != "succeeded" {
			return nil, invalid("", "payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", p.ID)
		}
	}
	ch, ok := s.charges.get(id)
	if !ok {
		return nil, missing("charge", id, "charge")
	}
	return ch, nil
}

// refund sends amount back: never more than was received less what went back already.
func (s *Server) refund(ch *charge, amount int64, c *call) (*Refund, *apiError) {
	left := ch.Amount - ch.Refunded
	money := func(minor int64) string { return esim.Money{Minor: minor, Currency: currencyOf(ch.Currency)}.String() }
	switch {
	case ch.Status != "succeeded":
		return nil, invalid("charge_not_refundable", "", "Charge %s has not succeeded; cannot issue a refund.", ch.ID)
	case ch.Disputed:
		return nil, invalid("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", ch.ID)
	case left == 0:
		return nil, invalid("charge_already_refunded", "", "Charge %s has already been refunded.", ch.ID)
	case amount < 1:
		return nil, invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", money(amount), money(left))
	}
	r := &Refund{ID: newID("re_3", 23), Intent: ch.Intent, Charge: ch.ID, Amount: amount, Currency: ch.Currency, Status: s.outcome,
		Metadata: map[string]string{}, Created: s.now()}
	if c != nil {
		r.Created = c.now
	}
	if r.Status != "failed" {
		ch.Refunded += amount
	}
	s.refunds.add(r.ID, r)
	return r, nil
}

func (s *Server) announceRefund(r *Refund, ch *charge, c *call) {
	s.emit("refund.created", r.render(), c)
	if r.Status == "failed" {
		s.emit("charge.refund.updated", r.render(), c)
		return
	}
	s.emit("charge.refunded", ch.render(), c)
}

func (s *Server) getRefund(c *call) (renderable, *apiError) {
	r, ok := s.refunds.get(c.id)
	if !ok {
		return nil, missing("refund", c.id, "refund")
	}
	return r.render(), nil
}

func (s *Server) listRefunds(c *call) (renderable, *apiError) {
	of, ch := c.form.str("payment_intent"), c.form.str("charge")
	if of != "" {
		if _, ok := s.intents.get(of); !ok {
			return nil, missing("payment_intent", of, "payment_intent")
		}
	}
	return page(c, "/v1/refunds", &s.refunds, func(r *Refund) bool { return (of == "" || r.Intent == of) && (ch == "" || r.Charge == ch) },
		func(r *Refund) time.Time { return r.Created }, (*Refund).render)
}

// refundsOf renders a charge's refunds for expand[]=refunds: the newest ten, as Stripe does.
func (s *Server) refundsOf(charge string) renderable {
	data := []any{}
	more := false
	for _, r := range s.refunds.newest() {
		if r.Charge != charge {
			continue
		}
		if len(data) == 10 {
			more = true
			break
		}
		data = append(data, r.render())
	}
	return renderable{"object": "list", "data": data, "has_more": more, "url": "/v1/charges/" + charge + "/refunds"}
}

// Refund sends money back as the Dashboard does. amount is in minor units; 0 means all that is left.
func (s *Server) Refund(intentID string, amount int64) (Refund, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	ch, err := s.chargeOf(intentID)
	if err != nil {
		return Refund{}, err
	}
	if amount == 0 {
		amount = ch.Amount - ch.Refunded
	}
	r, e := s.refund(ch, amount, nil)
	if e != nil {
		return Refund{}, errors.New(e.message)
	}
	s.announceRefund(r, ch, nil)
	return r.clone(), nil
}

// RefundsEnd says how refunds made from now on begin: "succeeded" (as at first), "pending" or "failed".
func (s *Server) RefundsEnd(status string) error {
	switch status {
	case "succeeded", "pending", "failed":
	default:
		return fmt.Errorf("a refund can't be %q", status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcome = status
	return nil
}

// SettleRefund ends a refund as the bank does: a pending one, or one that bounced after all.
func (s *Server) SettleRefund(id string, ok bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	r, found := s.refunds.get(id)
	if !found || (r.Status != "pending" && (ok || r.Status != "succeeded")) {
		return fmt.Errorf("no refund %s to settle", id)
	}
	r.Status = "succeeded"
	if ch, found := s.charges.get(r.Charge); found && !ok {
		r.Status = "failed"
		ch.Refunded -= r.Amount
	}
	s.emit("charge.refund.updated", r.render(), nil)
	return nil
}

// Refunds returns every refund, the last made first.
func (s *Server) Refunds() []Refund {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Refund
	for _, r := range s.refunds.newest() {
		all = append(all, r.clone())
	}
	return all
}

func (r *Refund) clone() Refund {
	c := *r
	c.Metadata = maps.Clone(r.Metadata)
	return c
}

func (s *Server) chargeOf(intentID string) (*charge, error) {
	p, ok := s.intents.get(intentID)
	if !ok {
		return nil, errors.New(missing("payment_intent", intentID, "").message)
	}
	ch, ok := s.charges.get(p.Charge)
	if !ok {
		return nil, fmt.Errorf("nothing was charged for %s", intentID)
	}
	return ch, nil
}

func currencyOf(small string) esim.Currency {
	c, err := esim.ParseCurrency(small)
	if err != nil { // Tamper may set anything
		return esim.Currency(small)
	}
	return c
}
