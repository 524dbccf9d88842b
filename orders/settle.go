package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// settleDeadline is how long a slow payment method may leave a completed page unpaid: Stripe's
// slowest, bank debits, settle within 14 days (docs.stripe.com/payments/bank-debits).
const settleDeadline = 14 * 24 * time.Hour

// unpaid says whether no payment of the order is known yet.
func (o *Order) unpaid() bool {
	switch o.State {
	case AwaitingPayment, Expired:
		return true
	case Review:
		return o.Payment.PaidAt.IsZero() // a slow payment method never told
	default:
		return false
	}
}

// settled reads the Checkout Session and brings an order that awaits payment, or expired, to where
// the Session says it is. Who loses a race reads again.
func (s *Service) settled(ctx context.Context, o *Order, sessionID, actor string) (*Order, error) {
	cs, err := s.payments.Session(ctx, sessionID)
	if err != nil {
		return nil, fmt.Errorf("read checkout of %s: %w", o.ID, err)
	}
	for {
		err := s.settle(ctx, o, cs, actor)
		if !errors.Is(err, ErrConflict) {
			return o, err
		}
		if o, err = s.store.Load(ctx, o.ID); err != nil {
			return nil, fmt.Errorf("settle: %w", err)
		}
	}
}

func (s *Service) settle(ctx context.Context, o *Order, cs *CheckoutSession, actor string) error {
	if !o.unpaid() {
		return nil // settled before
	}
	if cs.Order != string(o.ID) && cs.ID != o.Checkout.SessionID {
		return fmt.Errorf("checkout session belongs to another order than %s: %w", o.ID, ErrNotFound)
	}
	switch {
	case cs.Paid:
		return s.paid(ctx, o, cs)
	case cs.Status == "expired" && o.State == AwaitingPayment:
		return s.finish(ctx, o, s.next(o, Expired, ""), actor)
	case cs.Status == sessionComplete && o.State == AwaitingPayment:
		return s.processing(ctx, o, actor)
	default:
		return nil // open
	}
}

// sessionComplete is Stripe's word for a page whose customer has done their part.
const sessionComplete = "complete"

// processing notes that a slow payment method is on its way, and tells the customer once.
func (s *Service) processing(ctx context.Context, o *Order, actor string) error {
	told := o.Told
	s.tell(ctx, o, NoticeProcessing)
	if o.Checkout.Completed && o.Told == told {
		return nil
	}
	return s.save(ctx, o, s.next(o, o.State, o.Reason, func(n *Order) { n.Checkout.Completed = true }), actor)
}

// paid records a payment: of what was asked, or to be reviewed.
func (s *Service) paid(ctx context.Context, o *Order, cs *CheckoutSession) error {
	to, reason := Paid, ""
	if o.State != AwaitingPayment {
		reason = ReasonLate
	}
	if why := s.mismatch(o, cs); why != "" {
		to, reason = Review, why
	}
	n := s.next(o, to, reason, s.rest(0), func(n *Order) {
		n.Tries = 0
		n.Checkout.SessionID = cs.ID
		n.Payment = Payment{Intent: cs.Intent, Received: cs.Amount, PaidAt: s.now(), ReceiptURL: cs.ReceiptURL, LiveMode: cs.LiveMode}
	})
	if bygone(cs.Fence) {
		n.Refund.N = max(n.Refund.N, cs.Refunds)
		return s.recall(ctx, o, n, cs.Fence, s.mismatch(o, cs))
	}
	if err := s.save(ctx, o, n, actorStripe); err != nil {
		return err
	}
	// The payment is safe in the order; the look-ups derived from it are written again at its end.
	if err := s.store.Project(ctx, o); err != nil {
		s.log.WarnContext(ctx, "order not projected", slog.String("order", string(o.ID)), slog.Any("error", err))
	}
	s.kick(o.ID)
	return nil
}

// mismatch says what about a payment is not as the order wants it; empty: nothing.
func (s *Service) mismatch(o *Order, cs *CheckoutSession) string {
	switch {
	case cs.Shop != s.shop || cs.Order != string(o.ID):
		return ReasonForeign
	case cs.LiveMode != s.liveMode:
		return ReasonLiveMode
	case cs.Amount != o.Plan.Retail:
		return ReasonAmount
	case cs.Intent == "":
		return ReasonNoIntent
	case o.Customer == 0:
		return ReasonErased
	default:
		return ""
	}
}

// await looks at the payment of an order that has none yet.
func (s *Service) await(ctx context.Context, o *Order) error {
	if o.Checkout.SessionID == "" {
		opened, err := s.payments.OpenCheckout(ctx, o)
		switch {
		case errors.Is(err, ErrPaymentDoubt):
			return s.stay(ctx, o, s.rest(s.reconcile))
		case err != nil:
			// Refused under the order's own key: no page of it is open anywhere.
			s.log.WarnContext(ctx, "payment page refused", slog.String("order", string(o.ID)), slog.Any("error", err))
			return s.finish(ctx, o, s.next(o, Expired, ReasonNeverOpened), actorRunner)
		}
		opened.Strict = o.Checkout.Strict
		return s.stay(ctx, o, s.rest(s.look(0)), func(n *Order) { n.Checkout = opened })
	}
	cs, err := s.payments.Session(ctx, o.Checkout.SessionID)
	if err != nil {
		s.log.WarnContext(ctx, "payment not read", slog.String("order", string(o.ID)), slog.Any("error", err))
		return s.stay(ctx, o, s.rest(s.reconcile))
	}
	if err := s.settle(ctx, o, cs, actorStripe); err != nil || o.State != AwaitingPayment {
		return err
	}
	wait := s.look(s.now().Sub(o.Checkout.ShownAt))
	if cs.Status == sessionComplete {
		if s.now().Sub(o.CreatedAt) >= settleDeadline {
			return s.move(ctx, o, Review, ReasonNeverSettled, s.own)
		}
		// A slow payment method: its end comes as an event, this is for one that got lost.
		wait = backoff(o.Tries, s.reconcile, 60*s.reconcile)
	}
	return s.stay(ctx, o, s.rest(wait))
}

func (s *Service) ignoreConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}
