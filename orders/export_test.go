package orders

import (
	"context"
	"time"

	"esimbot/esim"
)

// Allowed is the table of transitions.
func Allowed(from, to State) bool { return allowed(from, to) }

// SetWait replaces the pause between tries to store what was bought.
func (s *Service) SetWait(wait func(context.Context, time.Duration) error) { s.wait = wait }

// Sequential has everything done in one goroutine, so that calls come in the same order each time.
func (s *Service) Sequential() {
	s.meanwhile = atOnce
}

// SendBack begins a refund as an admin's wish does: of all that is left for zero, or of part of it.
func (s *Service) SendBack(ctx context.Context, id ID, amount esim.Money, anyway bool) error {
	o, err := s.store.Load(ctx, id)
	if err != nil {
		return err
	}
	left, err := remaining(o.Payment.Received, o.Refund.Total)
	if err != nil {
		return err
	}
	if amount.Minor == 0 {
		amount = left
	}
	p := refundPlan{amount: amount, actor: "admin:1", reason: "refund"}
	if amount != left {
		p.back = o.State
	}
	if p.ret, err = s.giveBackPlan(ctx, o, p.back == ""); err != nil {
		return err
	}
	if anyway {
		p.ret = ReturnAnyway
	}
	return s.startRefund(ctx, o, p, s.unleased)
}

// SetDrain replaces how long Run lets work in flight go on.
func (s *Service) SetDrain(d time.Duration) { s.drain = d }

// Stop makes the service begin no purchase any more, as Run does when it is told to end.
func (s *Service) Stop() { s.stopping.Store(true) }
