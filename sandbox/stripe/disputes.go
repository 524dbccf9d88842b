package stripe

import (
	"fmt"
	"time"
)

// A dispute is a complaint of a card's holder: docs.stripe.com/api/disputes/object.
type dispute struct {
	ID       string
	Charge   *charge
	Reason   string
	LiveMode bool
	Created  time.Time
}

func (d *dispute) render() renderable {
	return renderable{"id": d.ID, "object": "dispute", "amount": d.Charge.Amount, "charge": d.Charge.ID, "payment_intent": d.Charge.Intent,
		"created": d.Created.Unix(), "currency": d.Charge.Currency, "livemode": d.LiveMode, "metadata": renderable{}, "reason": d.Reason,
		"status": "needs_response", "is_charge_refundable": false, "balance_transactions": []any{}, "evidence": renderable{},
		"evidence_details": renderable{"due_by": d.Created.Add(7 * 24 * time.Hour).Unix(), "has_evidence": false, "past_due": false, "submission_count": 0}}
}

func (s *Server) getDispute(c *call) (renderable, *apiError) {
	d, ok := s.disputes.get(c.id)
	if !ok {
		return nil, missing("dispute", c.id, "dispute")
	}
	return d.render(), nil
}

func (s *Server) listDisputes(c *call) (renderable, *apiError) {
	of, ch := c.form.str("payment_intent"), c.form.str("charge")
	return page(c, "/v1/disputes", &s.disputes, func(d *dispute) bool { return (of == "" || d.Charge.Intent == of) && (ch == "" || d.Charge.ID == ch) },
		func(d *dispute) time.Time { return d.Created }, (*dispute).render)
}

// Dispute makes the card's holder complain about a payment; reason is Stripe's word, "fraudulent"
// when empty. It returns the dispute's id.
func (s *Server) Dispute(intentID, reason string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	ch, err := s.chargeOf(intentID)
	if err != nil {
		return "", err
	}
	if ch.Status != "succeeded" || ch.Disputed {
		return "", fmt.Errorf("the payment of %s can't be disputed", intentID)
	}
	if reason == "" {
		reason = "fraudulent"
	}
	ch.Disputed = true
	d := &dispute{ID: newID("dp_1", 23), Charge: ch, Reason: reason, LiveMode: ch.LiveMode, Created: s.now()}
	s.disputes.add(d.ID, d)
	s.emit("charge.dispute.created", d.render(), nil)
	return d.ID, nil
}

// A warning is an early fraud warning: docs.stripe.com/api/radar/early_fraud_warnings/object.
type warning struct {
	ID      string
	Charge  *charge
	Created time.Time
}

func (w *warning) render() renderable {
	return renderable{"id": w.ID, "object": "radar.early_fraud_warning", "actionable": w.Charge.Refunded == 0 && !w.Charge.Disputed,
		"charge": w.Charge.ID, "payment_intent": w.Charge.Intent, "created": w.Created.Unix(), "fraud_type": "made_with_stolen_card",
		"livemode": w.Charge.LiveMode}
}

// WarnOfFraud makes the card's network warn of a payment. It returns the warning's id.
func (s *Server) WarnOfFraud(intentID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	ch, err := s.chargeOf(intentID)
	if err != nil {
		return "", err
	}
	w := &warning{ID: newID("issfr_1", 23), Charge: ch, Created: s.now()}
	s.warnings.add(w.ID, w)
	s.emit("radar.early_fraud_warning.created", w.render(), nil)
	return w.ID, nil
}
