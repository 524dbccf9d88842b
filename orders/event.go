package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Stripe's names of the events that are told apart here: docs.stripe.com/api/events/types.
const (
	EventCompleted      = "checkout.session.completed"
	EventAsyncSucceeded = "checkout.session.async_payment_succeeded"
	// EventAsyncFailed: a slow payment method said no in the end.
	EventAsyncFailed = "checkout.session.async_payment_failed"
	// EventRefunded: money went back, by whatever hand. EventRefundUpdated: a refund came to another
	// end than it first had.
	EventRefunded      = "charge.refunded"
	EventRefundUpdated = "charge.refund.updated"
	EventDispute       = "charge.dispute.created"
	EventFraudWarning  = "radar.early_fraud_warning.created"
)

// A PaymentEvent is a verified notice from Stripe, in our words. It only hastens a look: what
// counts is read from Stripe again.
type PaymentEvent struct {
	ID        string // Stripe's event id
	Type      string // Stripe's type: "checkout.session.completed"
	SessionID string // of the Checkout Session, where the event is about one
	Intent    string // PaymentIntent id, where known
	Order     ID     // from client_reference_id or metadata, where it is a valid id
}

// paying says whether the event may tell of money that came in.
func (e PaymentEvent) paying() bool { return e.Type == EventCompleted || e.Type == EventAsyncSucceeded }

// aboutRefunds says whether the event tells of money that went back.
func (e PaymentEvent) aboutRefunds() bool {
	return e.Type == EventRefunded || e.Type == EventRefundUpdated
}

// eventTries is how often an event is handled anew because the order changed meanwhile; after that
// Stripe brings it again.
const eventTries = 4

// HandlePayment does what follows from an event, durably, before it returns nil. An error means
// that Stripe must bring the event again; ErrNotFound that it tells of money for an order that
// isn't known.
func (s *Service) HandlePayment(ctx context.Context, e PaymentEvent) error {
	var err error
	for range eventTries {
		var o *Order
		o, err = s.named(ctx, e)
		if errors.Is(err, ErrNotFound) {
			return s.orphan(ctx, e, err)
		}
		if err == nil {
			err = s.handle(s.hooks.order(ctx, o.ID), o, e)
		}
		if !errors.Is(err, ErrConflict) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("event %s: %w", e.Type, err)
	}
	return nil
}

// handle does what follows from an event for the order as it was just read.
func (s *Service) handle(ctx context.Context, o *Order, e PaymentEvent) error {
	if e.Type == EventDispute || e.Type == EventFraudWarning {
		if err := s.warn(ctx, o, e); err != nil {
			return err
		}
	}
	switch {
	case o.unpaid():
		return s.hear(ctx, o, e)
	case e.Type == EventDispute:
		return s.disputed(ctx, o)
	case o.State == Refunding:
		return s.hasten(ctx, o)
	case e.aboutRefunds():
		return s.refundedOutside(ctx, o)
	default:
		return s.paidTwice(ctx, o, e)
	}
}

// named loads the order that an event is about.
func (s *Service) named(ctx context.Context, e PaymentEvent) (*Order, error) {
	id := e.Order
	if id == "" {
		if e.Intent == "" {
			return nil, fmt.Errorf("no order named: %w", ErrNotFound)
		}
		var err error
		if id, err = s.store.ByIntent(ctx, e.Intent); err != nil {
			return nil, fmt.Errorf("find order: %w", err)
		}
	}
	o, err := s.store.Load(ctx, id)
	if err == nil && !o.State.known() {
		err = ErrNewer // Stripe brings it again, until a replica of that version takes it
	}
	if err != nil {
		return nil, fmt.Errorf("load order %s: %w", id, err)
	}
	return o, nil
}

// orphan judges an event of this shop about an order that isn't known: Redis has lost it. Money that
// came in is not let go: the order is made again from its payment. Where that can't be, Stripe brings
// the event again for three days, and the admins hear of it. Any other event has nothing left to
// change here.
func (s *Service) orphan(ctx context.Context, e PaymentEvent, cause error) error {
	if !e.paying() {
		s.log.WarnContext(ctx, "event of an unknown order", slog.String("event", e.ID), slog.String("type", e.Type),
			slog.String("order", string(e.Order)), slog.String("payment", e.Intent))
		return nil
	}
	if e.SessionID != "" {
		cs, err := s.payments.Session(ctx, e.SessionID)
		if err == nil {
			var o *Order
			if o, err = s.rebuild(ctx, cs); err == nil && o == nil {
				s.log.WarnContext(ctx, "event of an unknown order that nobody paid", slog.String("event", e.ID), slog.String("session", e.SessionID))
			}
			return err
		}
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("read checkout of an unknown order: %w", err)
		}
	}
	s.alert(ctx, Alert{Key: "lost:" + e.SessionID, Kind: "order_lost", Intent: e.Intent,
		Detail: fmt.Sprintf("paid, but order %s is not known here: %s", e.Order, e.SessionID)})
	return fmt.Errorf("event %s: %w", e.Type, cause)
}

// hear brings an order without a payment to where the event's Session, or else its own, says it is.
func (s *Service) hear(ctx context.Context, o *Order, e PaymentEvent) error {
	session := e.SessionID
	if session == "" {
		session = o.Checkout.SessionID
	}
	if session == "" {
		return nil // nothing to read yet: the order is looked at when it has its Session
	}
	o, err := s.settled(ctx, o, session, actorStripe)
	if err != nil {
		return err
	}
	for e.Type == EventAsyncFailed && o.unpaid() && o.State != Expired {
		err := s.finish(ctx, o, s.next(o, Expired, ReasonFailed), actorStripe)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		// A runner had a look meanwhile. What failed has failed all the same, and Stripe tells it once.
		if o, err = s.store.Load(ctx, o.ID); err != nil {
			return fmt.Errorf("load order: %w", err)
		}
	}
	return nil
}

// hasten has an order that waits be looked at now. One that a runner holds is being looked at.
func (s *Service) hasten(ctx context.Context, o *Order) error {
	if o.Lease.Held(s.now()) {
		return nil
	}
	n := s.next(o, o.State, o.Reason, func(n *Order) { n.DueAt = s.now() })
	if err := s.save(ctx, o, n, actorStripe); err != nil {
		return s.ignoreConflict(err)
	}
	s.kick(o.ID)
	return nil
}

// refundedOutside follows what Stripe tells of money that went back: by another hand, or, less than
// the order knows of, because a refund failed in the end. What the order knows is no news.
func (s *Service) refundedOutside(ctx context.Context, o *Order) error {
	if o.Payment.Intent == "" {
		return nil
	}
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		return fmt.Errorf("read payment of %s: %w", o.ID, err)
	}
	whole := f.Refunded.Minor > 0 && f.Refunded.Minor >= o.Payment.Received.Minor
	switch {
	case f.Refunded.Minor < o.Refund.Total.Minor:
		return s.refundFailed(ctx, o, f)
	case f.Refunded.Minor == o.Refund.Total.Minor:
		return nil
	case whole && (o.State == Paid || o.State == Delivered || o.State == Review && o.Bought == nil && o.Attempt.DoubtAt.IsZero()):
		return s.finish(ctx, o, s.next(o, Refunded, ReasonRefunded, noteBack(f), leftWithCustomer), actorStripe)
	case o.State == Delivered:
		return s.finish(ctx, o, s.next(o, Delivered, o.Reason, noteBack(f), func(n *Order) {
			if n.Reason != ReasonUnreachable {
				n.Told = "" // the screen says what went back
			}
		}), actorStripe)
	default:
		return s.stop(ctx, o, ReasonRefunded, noteBack(f))
	}
}

// leftWithCustomer notes that nobody was asked to take the eSIM back: the money went by another hand.
func leftWithCustomer(n *Order) {
	switch {
	case n.Bought == nil || n.Refund.Return != ReturnNothing:
	case n.Kind == KindTopUp:
		n.Refund.Return = ReturnKept
	default:
		n.Refund.Return = ReturnLost
	}
}

// disputed notes that the card's holder complained. It stops what is not delivered yet.
func (s *Service) disputed(ctx context.Context, o *Order) error {
	if o.Disputed {
		return nil
	}
	note := func(n *Order) { n.Disputed = true }
	if o.State == Delivered {
		return s.save(ctx, o, s.next(o, Delivered, o.Reason, note), actorStripe)
	}
	if o.State == Refunding {
		if err := s.save(ctx, o, s.next(o, Refunding, o.Reason, note), actorStripe); err != nil {
			return err
		}
		return s.hasten(ctx, o)
	}
	return s.stop(ctx, o, ReasonDisputed, note)
}

// stop brings an order under review whose money is going another way. While it is being bought it
// stays where it is, for its runner to store what it buys: what was noted sends it under review then.
func (s *Service) stop(ctx context.Context, o *Order, reason string, note edit) error {
	var n *Order
	switch o.State {
	case Purchasing:
		n = s.next(o, Purchasing, reason, note)
	case Review, Refunded:
		n = s.next(o, o.State, o.Reason, note)
	default:
		n = s.next(o, Review, reason, note, s.unleased)
	}
	if err := s.save(ctx, o, n, actorStripe); err != nil {
		return err
	}
	s.kick(o.ID)
	return nil
}

// stopped says whether news of the order's money came while it was being bought.
func (o *Order) stopped() bool { return o.Disputed || o.Reason == ReasonRefunded }

// refundFailed follows a refund that came to nothing after it had succeeded: the customer still
// waits for the money.
func (s *Service) refundFailed(ctx context.Context, o *Order, f Fence) error {
	n := s.next(o, Review, ReasonRefundFailed, noteBack(f), func(n *Order) { n.Refund.Status = "failed" }, s.unleased)
	if err := s.save(ctx, o, n, actorStripe); err != nil {
		return err
	}
	s.kick(o.ID)
	return nil
}

// paidTwice tells the admins of a second payment for one order, by another Session than the first.
func (s *Service) paidTwice(ctx context.Context, o *Order, e PaymentEvent) error {
	if !e.paying() || e.SessionID == "" || e.SessionID == o.Checkout.SessionID {
		return nil
	}
	cs, err := s.payments.Session(ctx, e.SessionID)
	if err != nil {
		return fmt.Errorf("read second checkout of %s: %w", o.ID, err)
	}
	if !cs.Paid || cs.Intent == o.Payment.Intent || cs.wentBack() {
		return nil
	}
	err = s.notifier.Alert(ctx, Alert{Key: "paid_twice:" + cs.ID, Kind: "paid_twice", Order: o, Intent: cs.Intent, Detail: "paid again with " + cs.Intent})
	if err != nil {
		return fmt.Errorf("tell of a second payment for %s: %w", o.ID, err)
	}
	return nil
}

// wentBack says whether the whole payment went back.
func (cs *CheckoutSession) wentBack() bool {
	return cs.Fence.Received.Minor > 0 && cs.Fence.Refunded.Minor >= cs.Fence.Received.Minor
}

// warn tells the admins that the payment is disputed, or thought to be fraud.
func (s *Service) warn(ctx context.Context, o *Order, e PaymentEvent) error {
	kind := "dispute"
	if e.Type == EventFraudWarning {
		kind = "fraud_warning"
	}
	if err := s.notifier.Alert(ctx, Alert{Key: kind + ":" + string(o.ID), Kind: kind, Order: o, Detail: o.Payment.Intent}); err != nil {
		return fmt.Errorf("tell of %s for %s: %w", kind, o.ID, err)
	}
	return nil
}
