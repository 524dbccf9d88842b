package stripe

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Session returns a Checkout Session as it stands.
func (s *Server) Session(id string) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireDue(s.now())
	v, ok := s.sessions.get(id)
	if !ok {
		return Session{}, false
	}
	return v.clone(), true
}

// Sessions returns every Checkout Session, the last opened first.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireDue(s.now())
	var all []Session
	for _, v := range s.sessions.newest() {
		all = append(all, v.clone())
	}
	return all
}

// An Intent is a PaymentIntent with its latest charge. Amounts are in minor units.
type Intent struct {
	ID, Session        string
	Status             string // "succeeded", "processing", "requires_payment_method", "canceled"
	Amount, Received   int64
	Refunded           int64
	Currency           string
	Description        string
	Disputed, LiveMode bool
	Warned             bool // of fraud, early
	Metadata           map[string]string
	Created            time.Time
}

// Intent returns a PaymentIntent as it stands.
func (s *Server) Intent(id string) (Intent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.intents.get(id)
	if !ok {
		return Intent{}, false
	}
	out := Intent{ID: p.ID, Session: p.Session, Status: p.Status, Amount: p.Amount, Received: p.Received, Currency: p.Currency,
		Description: p.Description, LiveMode: p.LiveMode, Metadata: maps.Clone(p.Metadata), Created: p.Created}
	if ch, ok := s.charges.get(p.Charge); ok {
		out.Refunded, out.Disputed = ch.Refunded, ch.Disputed
		out.Warned = slices.ContainsFunc(s.warnings.newest(), func(w *warning) bool { return w.Charge == ch })
	}
	return out, true
}

// act runs what a customer does on an open Session.
func (s *Server) act(id string, do func(v *Session)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	s.expireDue(s.now())
	v, ok := s.sessions.get(id)
	if !ok {
		return fmt.Errorf("no such Checkout Session: %s", id)
	}
	if v.Status != open {
		return fmt.Errorf("the Checkout Session is %s", v.Status)
	}
	do(v)
	return nil
}

// Pay pays an open Session with a card.
func (s *Server) Pay(id string) error {
	s.announce(id)
	return s.act(id, func(v *Session) {
		p, ch := s.confirm(v, "succeeded")
		s.receive(v, p, ch)
		s.emit("checkout.session.completed", v.render(), nil)
	})
}

// Decline tries to pay with a card that is refused. The Session stays open.
func (s *Server) Decline(id string) error {
	return s.act(id, func(v *Session) {
		p, ch := s.confirm(v, "failed")
		v.Declined = "generic_decline"
		s.refuse(p, ch, v.Declined)
	})
}

// PayAsync pays by a slow method: the Session is complete, the money not there yet.
func (s *Server) PayAsync(id string) error {
	s.announce(id)
	return s.act(id, func(v *Session) {
		p, ch := s.confirm(v, "pending")
		p.Status, v.Status = "processing", complete
		s.emit("charge.pending", ch.render(), nil)
		s.emit("payment_intent.processing", p.render(), nil)
		s.emit("checkout.session.completed", v.render(), nil)
	})
}

// SettleAsync ends a slow payment: the money came, or it didn't.
func (s *Server) SettleAsync(id string, ok bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	v, found := s.sessions.get(id)
	if !found || v.Status != complete || v.PaymentStatus != unpaid {
		return fmt.Errorf("no slow payment under way in %s", id)
	}
	p := s.intents.byID[v.Intent]
	ch := s.charges.byID[p.Charge]
	if p.Status != "processing" {
		return fmt.Errorf("the slow payment of %s has ended", id)
	}
	if ok {
		s.receive(v, p, ch)
		s.emit("checkout.session.async_payment_succeeded", v.render(), nil)
		return nil
	}
	s.refuse(p, ch, "generic_decline")
	s.emit("checkout.session.async_payment_failed", v.render(), nil)
	return nil
}

// Expire closes an open Session, as the Dashboard does.
func (s *Server) Expire(id string) error {
	return s.act(id, func(v *Session) { s.expire(v, nil) })
}

// Tamper changes a Session behind everybody's back: an amount, a currency, a shop that is not what
// was asked for. No event tells of it.
func (s *Server) Tamper(id string, change func(*Session)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.sessions.get(id)
	if !ok {
		return fmt.Errorf("no such Checkout Session: %s", id)
	}
	change(v)
	return nil
}
