package stripe

import (
	"fmt"
	"time"
)

// A Way is how a payment comes about when a customer presses Pay on the Checkout page.
type Way string

// The ways a payment comes.
const (
	AtOnce  Way = "at-once"
	Slowly  Way = "slowly"   // by a slow method: the money waits for SettleAsync
	TooLate Way = "too-late" // the page closes under the payment, and its money comes LateBy later
)

// LateBy is how long after its page was closed the money of a payment comes that is TooLate.
const LateBy = 20 * time.Second

// An arrival is money on its way to a Session that has expired.
type arrival struct {
	session string
	due     time.Time
}

// Settings say how the server was told to treat what happens from now on.
type Settings struct {
	Dropping       bool   // events are lost
	Copies         int    // extra deliveries of each event
	RefundsEnd     string // "succeeded", "pending" or "failed"
	PaymentsCome   Way
	StoredFailures int // calls that will still end in a 500 that their keys remember
}

// Settings returns what is in force.
func (s *Server) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Settings{Dropping: s.dropping, Copies: s.copies, RefundsEnd: s.outcome, PaymentsCome: s.way, StoredFailures: s.traps.times}
}

// PaymentsCome says how payments on the Checkout page come about from now on; AtOnce at first.
func (s *Server) PaymentsCome(way Way) error {
	switch way {
	case AtOnce, Slowly, TooLate:
	default:
		return fmt.Errorf("a payment can't come %q", way)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.way = way
	return nil
}

// BeforePayment has do called once, before the next payment of an open Session happens: to make the
// world go wrong at the worst moment. nil takes that back.
func (s *Server) BeforePayment(do func(Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = do
}

// announce calls what BeforePayment left.
func (s *Server) announce(id string) {
	s.mu.Lock()
	s.expireDue(s.now())
	v, ok := s.sessions.get(id)
	if !ok || v.Status != open || s.before == nil {
		s.mu.Unlock()
		return
	}
	do, session := s.before, v.clone()
	s.before = nil
	s.mu.Unlock()
	do(session)
}

// Confirm presses Pay on the Checkout page of an open Session, with a good card. What comes of it
// is as PaymentsCome said.
func (s *Server) Confirm(id string) error {
	switch s.Settings().PaymentsCome {
	case Slowly:
		return s.PayAsync(id)
	case TooLate:
		s.announce(id)
		return s.act(id, func(v *Session) {
			s.expire(v, nil)
			s.arrivals = append(s.arrivals, arrival{id, s.now().Add(LateBy)})
		})
	default:
		return s.Pay(id)
	}
}

// PayLate pays a Session that has expired: a payment that was under way when its page closed, and
// that Stripe honoured after all.
func (s *Server) PayLate(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	s.expireDue(s.now())
	v, ok := s.sessions.get(id)
	if !ok || v.Status != expired {
		return fmt.Errorf("no expired Checkout Session: %s", id)
	}
	s.arrive(v)
	return nil
}

// arrive brings the money of an expired Session; the lock is held.
func (s *Server) arrive(v *Session) {
	p, ch := s.confirm(v, "succeeded")
	p.CanceledAt = time.Time{}
	s.receive(v, p, ch)
	s.emit("checkout.session.completed", v.render(), nil)
}

// arriveDue brings the money whose time has come; the lock is held.
func (s *Server) arriveDue(now time.Time) {
	var later []arrival
	for _, a := range s.arrivals {
		v, ok := s.sessions.get(a.session)
		switch {
		case !ok || v.Status != expired: // gone, or brought by hand
		case a.due.After(now):
			later = append(later, a)
		default:
			s.arrive(v)
		}
	}
	s.arrivals = later
}

// Arriving says whether money is on its way to an expired Session.
func (s *Server) Arriving(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireDue(s.now())
	for _, a := range s.arrivals {
		if a.session == id {
			return true
		}
	}
	return false
}
