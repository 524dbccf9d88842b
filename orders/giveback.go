package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// How long between two tries to give an eSIM back whose provider gave no clear answer.
const (
	giveBackFirst = 5 * time.Second
	maxRefusal    = 300 // runes of a provider's words that are kept
)

// giveBackPlan says what would become of the order's eSIM if its money went back, all that is left
// of it or part. Only a base eSIM without top-ups, whose provider takes eSIMs back, is asked for, and
// only for the whole: a part, or a top-up, leaves it to the customer.
func (s *Service) giveBackPlan(ctx context.Context, o *Order, whole bool) (Return, error) {
	switch {
	case o.Bought == nil:
		return ReturnNothing, nil
	case o.Refund.Return == ReturnDone:
		return ReturnDone, nil
	case o.Kind == KindTopUp || !whole:
		return ReturnKept, nil
	}
	p := s.providers[o.Bought.Profile.Provider]
	if p == nil || !p.Abilities().Cancel {
		return ReturnLost, nil
	}
	ref, topped, err := s.refOf(ctx, o)
	switch {
	case err != nil:
		return "", err
	case topped || ref == (providers.Ref{}):
		return ReturnLost, nil
	default:
		return ReturnAsk, nil
	}
}

// refOf returns all that names the order's own eSIM at its provider, and whether it was topped up.
// One that never reached a shelf is known by its purchase alone.
func (s *Service) refOf(ctx context.Context, o *Order) (ref providers.Ref, topped bool, err error) {
	p := o.Bought.Profile
	ref = providers.Ref{ICCID: p.ICCID, OrderNo: p.OrderNo, TranNo: p.TranNo}
	line, err := s.shelf.Line(ctx, o.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return ref, false, nil
	case err != nil:
		return ref, false, fmt.Errorf("eSIM of order %s: %w", o.ID, err)
	}
	if ref.ICCID == "" {
		ref.ICCID = line.Ref.ICCID
	}
	if ref.TranNo == "" {
		ref.TranNo = line.Ref.TranNo
	}
	return ref, line.TopUps > 0, nil
}

// takenBack asks whether the provider has taken the order's own eSIM back. One that takes none back isn't
// asked.
func (s *Service) takenBack(ctx context.Context, o *Order) (bool, error) {
	p := s.providers[o.Bought.Profile.Provider]
	if o.Kind == KindTopUp || p == nil || !p.Abilities().Cancel {
		return false, nil
	}
	ref, _, err := s.refOf(ctx, o)
	if err != nil || ref == (providers.Ref{}) {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := p.Query(ctx, ref)
	if err != nil {
		return false, fmt.Errorf("ask for the eSIM of %s: %w", o.ID, err)
	}
	return u.Status == esim.StatusCancelled, nil
}

// giveBack asks the provider to take the eSIM back. A call that was refused or that nobody answered
// clearly is followed by a look at the eSIM: cancelled counts as done, by whichever call, so that one
// repeated after a crash ends well too. A real refusal is for the admins; what stays unclear is
// asked again, and is for them after HOLD_DEADLINE.
func (s *Service) giveBack(ctx context.Context, o *Order) error {
	ret, err := s.giveBackPlan(ctx, o, true)
	if err != nil {
		return err
	}
	if ret != ReturnAsk { // topped up meanwhile
		return s.returned(ctx, o, ret)
	}
	ref, _, err := s.refOf(ctx, o)
	if err != nil {
		return err
	}
	if !o.DeliveredAt.IsZero() {
		// What is taken back isn't delivered any more. Were Redis to forget this refund, the order made
		// again from its payment must not count as settled.
		if err := s.payments.Mark(ctx, o.Payment.Intent, "done", ""); err != nil {
			return s.giveBackLater(ctx, o, err)
		}
	}
	p := s.providers[o.Bought.Profile.Provider]
	call, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	cause := p.Cancel(call, ref)
	if cause == nil {
		return s.returned(ctx, o, ReturnDone)
	}
	class := providers.ClassOf(cause)
	if class != providers.NotSent {
		look, cancel := context.WithTimeout(ctx, s.providerTimeout)
		defer cancel()
		u, err := p.Query(look, ref)
		switch {
		case err == nil && u.Status == esim.StatusCancelled:
			return s.returned(ctx, o, ReturnDone)
		case class == providers.Rejected && (err == nil || providers.ClassOf(err) == providers.Rejected):
			return s.notReturned(ctx, o, ReasonCancelRefused, cause)
		case err != nil:
			cause = errors.Join(cause, err)
		}
	}
	return s.giveBackLater(ctx, o, cause)
}

// giveBackLater asks again, at the latest until the deadline.
func (s *Service) giveBackLater(ctx context.Context, o *Order, cause error) error {
	since := o.HeldSince
	if since.IsZero() {
		since = s.now()
	}
	if s.now().Sub(since) >= s.holdDeadline {
		return s.notReturned(ctx, o, ReasonCancelUnclear, cause)
	}
	s.log.WarnContext(ctx, "eSIM not given back yet", slog.String("order", string(o.ID)), slog.Any("error", cause))
	return s.stay(ctx, o, s.rest(backoff(o.Tries, giveBackFirst, s.reconcile)), func(n *Order) { n.HeldSince = since })
}

// returned notes what became of the eSIM; the money goes next.
func (s *Service) returned(ctx context.Context, o *Order, ret Return) error {
	return s.stay(ctx, o, s.own, func(n *Order) {
		n.Refund.Return, n.HeldSince, n.Tries = ret, time.Time{}, 0
	})
}

// notReturned lets admins decide. The note of delivery that giveBack took away comes back only with their
// word: a call before this one, which nobody answered, may still come through.
func (s *Service) notReturned(ctx context.Context, o *Order, reason string, cause error) error {
	return s.move(ctx, o, Review, reason, s.own, func(n *Order) {
		n.Refund.Return, n.Refund.Refusal, n.HeldSince = ReturnRefused, refusal(cause), time.Time{}
	})
}

// refusal is the provider's own words, or else what happened.
func refusal(cause error) string {
	text := cause.Error()
	var e *providers.Error
	if errors.As(cause, &e) && e.Message != "" {
		text = e.Message
	}
	if r := []rune(text); len(r) > maxRefusal {
		text = string(r[:maxRefusal])
	}
	return text
}
