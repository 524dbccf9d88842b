package stripe

import (
	"maps"
	"net/http"
	"time"
)

// The people on a Checkout page: nobody real.
const (
	payer      = "Customer"
	payerEmail = "customer@example.com"
)

// An intent is a PaymentIntent: docs.stripe.com/api/payment_intents/object.
type intent struct {
	ID          string
	Session     string
	Amount      int64
	Received    int64
	Currency    string
	Status      string
	Metadata    map[string]string
	Description string
	Suffix      string
	Charge      string // the latest
	LiveMode    bool
	Created     time.Time
	CanceledAt  time.Time
	LastError   *apiError
}

// A charge is one try of a card: docs.stripe.com/api/charges/object.
type charge struct {
	ID          string
	Intent      string
	Amount      int64
	Refunded    int64
	Currency    string
	Status      string // "succeeded", "pending", "failed"
	Disputed    bool
	Metadata    map[string]string
	Description string
	ReceiptURL  string
	Email       string
	FailureCode string
	LiveMode    bool
	Created     time.Time
}

func (p *intent) render() renderable {
	r := renderable{
		"id": p.ID, "object": "payment_intent", "amount": p.Amount, "amount_received": p.Received, "amount_capturable": 0,
		"amount_details": renderable{"tip": renderable{}}, "currency": p.Currency, "status": p.Status, "metadata": p.Metadata,
		"description": orNull(p.Description), "latest_charge": orNull(p.Charge), "livemode": p.LiveMode, "created": p.Created.Unix(),
		"capture_method": "automatic", "confirmation_method": "automatic", "payment_method_types": []string{"card"},
		"canceled_at": nil, "cancellation_reason": nil, "client_secret": p.ID + "_secret_sandbox", "customer": nil, "invoice": nil,
		"last_payment_error": nil, "next_action": nil, "payment_method": nil, "receipt_email": nil, "statement_descriptor": nil,
		"statement_descriptor_suffix": orNull(p.Suffix),
	}
	if !p.CanceledAt.IsZero() {
		r["canceled_at"], r["cancellation_reason"] = p.CanceledAt.Unix(), "automatic"
	}
	if e := p.LastError; e != nil {
		r["last_payment_error"] = renderable{"type": e.kind, "code": e.code, "decline_code": orNull(e.decline), "message": e.message}
	}
	return r
}

func (c *charge) render() renderable {
	paid := c.Status == "succeeded"
	captured := int64(0)
	if paid {
		captured = c.Amount
	}
	return renderable{
		"id": c.ID, "object": "charge", "amount": c.Amount, "amount_captured": captured, "amount_refunded": c.Refunded,
		"balance_transaction": nil, "billing_details": renderable{"address": nil, "email": orNull(c.Email), "name": payer, "phone": nil},
		"captured": paid, "created": c.Created.Unix(), "currency": c.Currency, "customer": nil, "description": orNull(c.Description),
		"disputed": c.Disputed, "failure_code": orNull(c.FailureCode), "livemode": c.LiveMode, "metadata": c.Metadata, "paid": paid,
		"payment_intent": orNull(c.Intent), "receipt_email": nil, "receipt_url": orNull(c.ReceiptURL), "refunded": paid && c.Refunded == c.Amount,
		"status": c.Status,
		"payment_method_details": renderable{"type": "card", "card": renderable{"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034,
			"funding": "credit", "last4": "4242", "network": "visa"}},
	}
}

// intentParams are the parameters of an update.
func intentParams() params {
	return params{"metadata": {kind: metadata}, "description": {kind: text, max: 1000}, "receipt_email": {kind: text},
		"statement_descriptor_suffix": {kind: text, max: 22}}
}

func (s *Server) getIntent(c *call) (renderable, *apiError) {
	p, ok := s.intents.get(c.id)
	if !ok {
		return nil, missing("payment_intent", c.id, "intent")
	}
	return p.render(), nil
}

func (s *Server) updateIntent(c *call) (renderable, *apiError) {
	p, ok := s.intents.get(c.id)
	if !ok {
		return nil, missing("payment_intent", c.id, "intent")
	}
	next := merge(p.Metadata, c.form.at("metadata"))
	if len(next) > maxMetadata {
		return nil, invalid("", "metadata", "Metadata can have up to %d keys, but you passed in %d", maxMetadata, len(next))
	}
	p.Metadata = next
	if c.form.has("description") {
		p.Description = c.form.str("description")
	}
	return p.render(), nil
}

func (s *Server) listIntents(c *call) (renderable, *apiError) {
	return page(c, "/v1/payment_intents", &s.intents, func(*intent) bool { return !c.form.has("customer") },
		func(p *intent) time.Time { return p.Created }, (*intent).render)
}

func (s *Server) getCharge(c *call) (renderable, *apiError) {
	ch, ok := s.charges.get(c.id)
	if !ok {
		return nil, missing("charge", c.id, "charge")
	}
	return ch.render(), nil
}

func (s *Server) listCharges(c *call) (renderable, *apiError) {
	of := c.form.str("payment_intent")
	return page(c, "/v1/charges", &s.charges, func(ch *charge) bool { return (of == "" || ch.Intent == of) && !c.form.has("customer") },
		func(ch *charge) time.Time { return ch.Created }, (*charge).render)
}

// confirm is a customer pressing Pay: it makes the Session's PaymentIntent if there is none yet,
// and a new charge in the given status.
func (s *Server) confirm(v *Session, status string) (*intent, *charge) {
	now := s.now()
	p, ok := s.intents.get(v.Intent)
	if !ok {
		p = &intent{ID: newID("pi_3", 23), Session: v.ID, Amount: v.Amount, Currency: v.Currency, Status: "requires_payment_method",
			Metadata: maps.Clone(v.IntentData), Description: v.Description, Suffix: v.suffix, LiveMode: v.LiveMode, Created: now}
		s.intents.add(p.ID, p)
		v.Intent = p.ID
		s.emit("payment_intent.created", p.render(), nil)
	}
	if v.Email == "" {
		v.Email = payerEmail
	}
	ch := &charge{ID: newID("ch_3", 23), Intent: p.ID, Amount: p.Amount, Currency: p.Currency, Status: status, Metadata: maps.Clone(p.Metadata),
		Description: p.Description, Email: v.Email, LiveMode: v.LiveMode, Created: now}
	s.charges.add(ch.ID, ch)
	p.Charge = ch.ID
	s.intents.trim(maxSessions)
	s.charges.trim(2 * maxSessions)
	return p, ch
}

// receive books a charge's money.
func (s *Server) receive(v *Session, p *intent, ch *charge) {
	ch.Status, p.Status, p.Received, p.LastError = "succeeded", "succeeded", p.Amount, nil
	ch.ReceiptURL = v.URL + "/receipt"
	v.Status, v.PaymentStatus, v.Declined = complete, paid, ""
	s.emit("charge.succeeded", ch.render(), nil)
	s.emit("payment_intent.succeeded", p.render(), nil)
}

// refuse books a charge's failure.
func (s *Server) refuse(p *intent, ch *charge, decline string) {
	ch.Status, ch.FailureCode, p.Status = "failed", "card_declined", "requires_payment_method"
	p.LastError = &apiError{status: http.StatusPaymentRequired, kind: cardError, code: "card_declined", decline: decline, message: "Your card was declined."}
	s.emit("charge.failed", ch.render(), nil)
	s.emit("payment_intent.payment_failed", p.render(), nil)
}
