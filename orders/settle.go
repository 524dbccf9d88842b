package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// EventAsyncFailed is Stripe's name of the event that a slow payment method failed in the end.
const EventAsyncFailed = "checkout.session.async_payment_failed"

// HandlePayment does what follows from an event, durably, before it returns nil. ErrNotFound says
// that no such order is known.
func (s *Service) HandlePayment(ctx context.Context, e PaymentEvent) error {
	id := e.Order
	if id == "" {
		if e.Intent == "" {
			return fmt.Errorf("event %s names no order: %w", e.Type, ErrNotFound)
		}
		var err error
		if id, err = s.store.ByIntent(ctx, e.Intent); err != nil {
			return fmt.Errorf("event %s: find order: %w", e.Type, err)
		}
	}
	o, err := s.store.Load(ctx, id)
	if err != nil {
		return fmt.Errorf("event %s: load order %s: %w", e.Type, id, err)
	}
	switch o.State {
	case AwaitingPayment, Expired:
		session := e.SessionID
		if session == "" {
			session = o.Checkout.SessionID
		}
		if session == "" {
			return nil // nothing to read yet: the order is looked at when it has its Session
		}
		if o, err = s.settled(ctx, o, session, actorStripe); err != nil {
			return err
		}
		if e.Type == EventAsyncFailed && o.State == AwaitingPayment {
			n := s.next(o, Expired, ReasonFailed)
			return s.ignoreConflict(s.finish(ctx, o, n, actorStripe))
		}
		return nil
	case Refunding:
		s.kick(id) // perhaps the refund it waits for
		return nil
	default:
		return nil
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
	if o.State != AwaitingPayment && o.State != Expired {
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
	default:
		return nil // open, or complete while a slow payment method is on its way
	}
}

// paid records a payment: of what was asked, or to be reviewed.
func (s *Service) paid(ctx context.Context, o *Order, cs *CheckoutSession) error {
	to, reason := Paid, ""
	if o.State == Expired {
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
	if cs.Status == "complete" {
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
