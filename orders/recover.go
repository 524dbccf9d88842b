package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// reviewEvery is how often admins are reminded of an order under review.
	reviewEvery = 24 * time.Hour
	// fenceRetry is how long after Stripe gave no answer the fence is asked again.
	fenceRetry = 10 * time.Second
)

// recoverAttempt decides what became of a purchase whose runner went away. If Stripe lets this
// runner close the attempt, nobody called the provider nor can; if its runner noted a sure no, nobody
// can any more: the order is simply paid again.
// Anything else leaves the purchase in doubt: also a trace of a later attempt that the order
// doesn't remember, which closing would wipe out.
func (s *Service) recoverAttempt(ctx context.Context, o *Order) error {
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err == nil && f.sureNo() && f.Value == o.Attempt.value() {
		return s.closed(ctx, o) // its runner lived to say so
	}
	if err == nil && !o.Attempt.follows(f.Value) && f.Value != o.Attempt.closed() {
		return s.doubt(ctx, o, ReasonInDoubt)
	}
	if err == nil {
		err = s.payments.RaiseFence(ctx, o.Payment.Intent, o.ID, o.Attempt.N, o.Attempt.closed())
	}
	switch {
	case err == nil:
		return s.closed(ctx, o)
	case errors.Is(err, ErrFenceTaken), s.now().Sub(o.Attempt.StartedAt) >= s.evidenceWait+s.lease:
		return s.doubt(ctx, o, ReasonInDoubt)
	default:
		s.log.WarnContext(ctx, "attempt not closed", slog.String("order", string(o.ID)), slog.Any("error", err))
		return s.stay(ctx, o, s.rest(fenceRetry))
	}
}

// closed has an order go on whose last attempt surely didn't buy, and never will: by another attempt,
// unless its money went another way meanwhile.
func (s *Service) closed(ctx context.Context, o *Order) error {
	note := func(n *Order) { n.Attempt.Fence = o.Attempt.closed() }
	switch {
	case !o.stopped():
		return s.move(ctx, o, Paid, ReasonClosed, s.own, note)
	case !o.Disputed && o.Refund.Total.Minor >= o.Payment.Received.Minor:
		return s.finish(ctx, o, s.next(o, Refunded, o.Reason, note), actorStripe)
	default:
		return s.move(ctx, o, Review, o.Reason, s.own, note)
	}
}

// lateLook reads the Session of an order under review whose payment never settled: the event of its
// end may have been lost.
func (s *Service) lateLook(ctx context.Context, o *Order) error {
	cs, err := s.payments.Session(ctx, o.Checkout.SessionID)
	if err != nil {
		s.log.WarnContext(ctx, "payment not read", slog.String("order", string(o.ID)), slog.Any("error", err))
		return nil
	}
	return s.settle(ctx, o, cs, actorStripe)
}

// review alerts the admins, and once a day again, and tells the customer that it takes longer.
func (s *Service) review(ctx context.Context, o *Order) error {
	if o.unpaid() {
		if err := s.lateLook(ctx, o); err != nil || o.State != Review {
			return err
		}
	}
	s.tell(ctx, o, string(Review))
	call, cancel := context.WithTimeout(ctx, alertTimeout)
	defer cancel()
	// An order that comes under review again for something new is told of again on the same day.
	key := fmt.Sprintf("review:%s:%s:%d:%d:%s", string(o.ID), o.Reason, o.Attempt.N, o.Refund.N, s.now().Format(time.DateOnly))
	kind := "review"
	if o.Reason == ReasonRefundFailed {
		kind = "refund_failed"
	}
	if err := s.notifier.Alert(call, Alert{Key: key, Kind: kind, Order: o, Detail: o.Reason}); err != nil {
		s.log.ErrorContext(ctx, "alert not sent", slog.String("order", string(o.ID)), slog.Any("error", err))
		return s.stay(ctx, o, s.rest(backoff(o.Tries, fenceRetry, s.reconcile)))
	}
	return s.stay(ctx, o, s.rest(reviewEvery))
}
