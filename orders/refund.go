package orders

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"esimbot/esim"
)

// Words of Stripe for a refund (docs.stripe.com/api/refunds/object, status).
const (
	refundSucceeded = "succeeded"
	refundPending   = "pending"
	refundAction    = "requires_action"
)

const (
	// refundTries is how many refusals of Stripe's are answered with a new refund.
	refundTries = 5
	// refundLull is the time between the first two refunds where Stripe fails, doubled with each.
	refundLull = time.Minute
	// refundFirst and refundLast bound the time between two looks at a refund.
	refundFirst = 5 * time.Second
	refundLast  = time.Hour
)

// giveUp sends the whole payment back, for an order that nothing was bought for. That nothing was, is
// what Redis says, which may have gone back in time: an order that comes from no attempt of its own
// asks Stripe first.
func (s *Service) giveUp(ctx context.Context, o *Order, reason string) error {
	if o.Bought != nil {
		return s.move(ctx, o, Review, reason, s.own)
	}
	if o.State == Paid {
		f, err := s.payments.Fence(ctx, o.Payment.Intent)
		if err != nil {
			s.log.WarnContext(ctx, "fence not read", slog.String("order", string(o.ID)), slog.Any("error", err))
			return s.stay(ctx, o, s.rest(s.reconcile))
		}
		if known, err := s.delivered(ctx, o, f); known || err != nil {
			return err
		}
		if o.Attempt.forgot(f.Value) {
			return s.move(ctx, o, Review, ReasonFence, s.own)
		}
	}
	left, err := remaining(o.Payment.Received, o.Refund.Total)
	if err != nil || left.Minor <= 0 {
		return s.move(ctx, o, Review, ReasonRefunded, s.own)
	}
	return s.startRefund(ctx, o, refundPlan{amount: left, actor: actorRunner, reason: reason})
}

// A refundPlan is a refund to be begun.
type refundPlan struct {
	// amount is in the order's currency. Zero: nothing is left to go back, or shall; what the plan
	// says of the eSIM is done, Stripe is not called, and the order ends refunded.
	amount esim.Money
	// actor is who wants it, as in the log; reason is a Reason, also for the log.
	actor, reason string
	// ret is what becomes of the eSIM: what giveBackPlan says, or ReturnAnyway.
	ret Return
	// back is the state that the order returns to with its present reason, Delivered or Review,
	// where part of the money goes back. Empty: the order ends refunded.
	back State
}

// startRefund moves the order to refunding, from where the runner has the eSIM given back and then
// sends the amount back. It never is more than was received less what went back: ErrNotForNow. An
// eSIM that was taken back once isn't given back again. The order is due at once and belongs to this
// runner: who isn't driving it must give it free with unleased, and kick it.
func (s *Service) startRefund(ctx context.Context, o *Order, p refundPlan, edits ...edit) error {
	if o.State == Refunding {
		return ErrNotForNow // one is under way
	}
	left, err := remaining(o.Payment.Received, o.Refund.Total)
	if err != nil {
		return err
	}
	if p.amount.Currency == "" && p.amount.Minor == 0 {
		p.amount.Currency = left.Currency
	}
	if p.amount.Currency != left.Currency || p.amount.Minor < 0 || p.amount.Minor > max(left.Minor, 0) {
		return ErrNotForNow
	}
	if p.back != "" && (p.back != o.State || (p.back != Delivered && p.back != Review)) {
		return ErrNotForNow
	}
	if o.Refund.Return == ReturnDone {
		p.ret = ReturnDone
	}
	begin := func(n *Order) {
		n.Refund = Refunds{N: o.Refund.N + 1, Amount: p.amount, Total: o.Refund.Total, Actor: p.actor, Return: p.ret, Back: p.back}
		if p.back != "" {
			n.Refund.Was = o.Reason
		}
		n.HeldSince = time.Time{}
	}
	return s.save(ctx, o, s.next(o, Refunding, p.reason, append([]edit{s.own, begin}, edits...)...), p.actor)
}

// unleased is an edit for who changes an order without driving it: it is due now, for any runner.
func (s *Service) unleased(n *Order) {
	n.Lease, n.DueAt, n.Tries = Lease{}, s.now(), 0
}

// remaining is what was received less what went back.
func remaining(received, back esim.Money) (esim.Money, error) {
	if back.IsZero() {
		return received, nil
	}
	return received.Sub(back)
}

// refund is the step of an order whose money goes back: the eSIM is given back where it can be, the
// refund is made, or found made, and waited for.
func (s *Service) refund(ctx context.Context, o *Order) error {
	if o.Refund.Return == ReturnAsk {
		return s.giveBack(ctx, o)
	}
	s.tell(ctx, o, string(Refunding))
	if o.Refund.Amount.Minor == 0 {
		return s.finish(ctx, o, s.next(o, Refunded, o.Reason), o.Refund.Actor)
	}
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		return s.refundLater(ctx, o, err)
	}
	if f.Disputed {
		// The bank is giving it back already.
		return s.move(ctx, o, Review, ReasonDisputed, s.own, func(n *Order) { n.Disputed = true })
	}
	r, err := s.payments.Refund(ctx, o.Payment.Intent, o.ID, o.Refund.N, o.Refund.Amount)
	switch {
	case errors.Is(err, ErrPaymentDoubt):
		return s.refundLater(ctx, o, err)
	case err != nil:
		return s.refundRefused(ctx, o, err)
	}
	note := func(n *Order) { n.Refund.StripeID, n.Refund.Status = r.ID, r.Status }
	switch r.Status {
	case refundSucceeded:
		return s.wentBack(ctx, o, f, note, r.Amount)
	case refundPending, refundAction:
		return s.stay(ctx, o, note, s.rest(backoff(o.Tries, refundFirst, refundLast)))
	default:
		return s.move(ctx, o, Review, ReasonRefundFailed, note, s.own)
	}
}

// wentBack ends a refund that was made: the order is refunded, or returns to where it was. before is
// what stood at Stripe before the refund was asked for. A refund found made under this number may be
// one that Redis has forgotten, of another amount: what counts is the sum at Stripe, and where the
// whole is to go back, the rest follows.
func (s *Service) wentBack(ctx context.Context, o *Order, before Fence, note edit, amount esim.Money) error {
	total := esim.Money{Minor: o.Refund.Total.Minor + amount.Minor, Currency: amount.Currency}
	back := o.Refund.Back
	if before.Refunded.Minor != o.Refund.Total.Minor || back == "" && total.Minor < o.Payment.Received.Minor {
		f, err := s.payments.Fence(ctx, o.Payment.Intent)
		if err != nil {
			return s.refundLater(ctx, o, err)
		}
		total.Minor = max(f.Refunded.Minor, amount.Minor)
	}
	switch rest := o.Payment.Received.Minor - total.Minor; {
	case rest <= 0:
		back = Refunded
	case back == "":
		return s.stay(ctx, o, s.own, func(n *Order) {
			n.Refund.N++
			n.Refund.Total, n.Refund.Amount.Minor = total, rest
		})
	}
	reason := o.Reason
	if back == o.Refund.Back {
		reason = o.Refund.Was
	}
	n := s.next(o, back, reason, note, func(n *Order) {
		n.Refund.Total = total
		n.Refund.Back, n.Refund.Was = "", ""
	})
	if back == Review {
		s.own(n)
		return s.save(ctx, o, n, actorStripe)
	}
	return s.finish(ctx, o, n, actorStripe)
}

// noteBack notes what Stripe says went back in all.
func noteBack(f Fence) edit {
	return func(n *Order) { n.Refund.Total = f.Refunded }
}

// refundLater asks again for the same refund: it is in doubt whether it was made.
func (s *Service) refundLater(ctx context.Context, o *Order, cause error) error {
	s.log.WarnContext(ctx, "refund not confirmed", slog.String("order", string(o.ID)), slog.Int("n", o.Refund.N), slog.Any("error", cause))
	if o.Tries >= refundTries {
		s.alert(ctx, Alert{Key: "refund:" + string(o.ID), Kind: "refund_delayed", Order: o, Detail: "Stripe gives no answer that settles it"})
	}
	return s.stay(ctx, o, s.rest(backoff(o.Tries, refundFirst, s.reconcile)))
}

// refundRefused reads back what Stripe knows after it refused a refund, and makes a new one of what
// is left, under a new number: the old one's key would only repeat the refusal.
func (s *Service) refundRefused(ctx context.Context, o *Order, cause error) error {
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		return s.refundLater(ctx, o, errors.Join(cause, err))
	}
	left, err := remaining(f.Received, f.Refunded)
	switch {
	case err != nil || o.Tries >= refundTries:
		s.log.ErrorContext(ctx, "refund refused", slog.String("order", string(o.ID)), slog.Int("n", o.Refund.N), slog.Any("error", errors.Join(cause, err)))
		return s.move(ctx, o, Review, ReasonRefundFailed, s.own)
	case left.Minor <= 0:
		return s.finish(ctx, o, s.next(o, Refunded, ReasonRefunded, noteBack(f)), actorStripe)
	}
	s.log.WarnContext(ctx, "refund refused, trying anew", slog.String("order", string(o.ID)), slog.Int("n", o.Refund.N), slog.Any("error", cause))
	wait := backoff(o.Tries, refundFirst, s.reconcile)
	if errors.Is(cause, ErrRefundSpent) { // Stripe's own trouble, which may last
		wait = backoff(o.Tries, refundLull, refundLast)
	}
	return s.stay(ctx, o, s.rest(wait), func(n *Order) {
		n.Refund.N++
		n.Refund.Amount.Minor = min(n.Refund.Amount.Minor, left.Minor)
	})
}
