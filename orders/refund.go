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
	// refundFirst and refundLast bound the time between two looks at a refund.
	refundFirst = 5 * time.Second
	refundLast  = time.Hour
)

// giveUp sends the whole payment back, for an order that nothing was bought for.
func (s *Service) giveUp(ctx context.Context, o *Order, reason string) error {
	if o.Bought != nil {
		return s.move(ctx, o, Review, reason, s.own)
	}
	left, err := remaining(o.Payment.Received, o.Refund.Total)
	if err != nil || left.Minor <= 0 {
		return s.move(ctx, o, Review, ReasonRefunded, s.own)
	}
	return s.startRefund(ctx, o, left, actorRunner, reason)
}

// startRefund moves the order to refunding, from where the runner sends amount back. It never is
// more than was received less what went back.
func (s *Service) startRefund(ctx context.Context, o *Order, amount esim.Money, actor, reason string) error {
	left, err := remaining(o.Payment.Received, o.Refund.Total)
	if err != nil {
		return err
	}
	if amount.Currency != left.Currency || amount.Minor <= 0 || amount.Minor > left.Minor {
		return ErrNotForNow
	}
	return s.save(ctx, o, s.next(o, Refunding, reason, s.own, func(n *Order) {
		n.Refund.N++
		n.Refund.Amount, n.Refund.StripeID, n.Refund.Status = amount, "", ""
	}), actor)
}

// remaining is what was received less what went back.
func remaining(received, back esim.Money) (esim.Money, error) {
	if back.IsZero() {
		return received, nil
	}
	return received.Sub(back)
}

// refund is the step of an order whose money goes back: the refund is made, or found made, and
// waited for.
func (s *Service) refund(ctx context.Context, o *Order) error {
	s.tell(ctx, o, string(Refunding))
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		return s.refundLater(ctx, o, err)
	}
	if f.Disputed {
		return s.move(ctx, o, Review, ReasonDisputed, s.own) // the bank is giving it back already
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
		return s.finish(ctx, o, s.next(o, Refunded, o.Reason, note, func(n *Order) {
			n.Refund.Total = esim.Money{Minor: o.Refund.Total.Minor + r.Amount.Minor, Currency: r.Amount.Currency}
		}), actorStripe)
	case refundPending, refundAction:
		return s.stay(ctx, o, note, s.rest(backoff(o.Tries, refundFirst, refundLast)))
	default:
		return s.move(ctx, o, Review, ReasonRefundFailed, note, s.own)
	}
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
		return s.finish(ctx, o, s.next(o, Refunded, ReasonRefunded, func(n *Order) { n.Refund.Total = f.Refunded }), actorStripe)
	}
	s.log.WarnContext(ctx, "refund refused, trying anew", slog.String("order", string(o.ID)), slog.Int("n", o.Refund.N), slog.Any("error", cause))
	return s.stay(ctx, o, s.rest(backoff(o.Tries, refundFirst, s.reconcile)), func(n *Order) {
		n.Refund.N++
		n.Refund.Amount.Minor = min(n.Refund.Amount.Minor, left.Minor)
	})
}
