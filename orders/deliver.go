package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// How long between two tries to deliver, and until admins hear of it.
const (
	deliverFirst = 2 * time.Second
	deliverLast  = time.Minute
	deliverAlert = 15 * time.Minute
)

// deliver puts the eSIM on the customer's shelf and sends its photo. A customer who can't be
// reached has it on the shelf, and only there: Stripe is told "done" of what was sent, for were Redis
// lost with the shelf, the order must not pass for delivered.
func (s *Service) deliver(ctx context.Context, o *Order) error {
	s.measure(ctx, o)
	if err := s.shelf.Put(ctx, o); err != nil {
		return fmt.Errorf("order %s: shelve: %w", o.ID, err)
	}
	reason := ""
	if o.Photo.ID == 0 {
		photo, err := s.send(ctx, o)
		switch {
		case errors.Is(err, ErrUnreachable):
			reason = ReasonUnreachable
		case err != nil:
			return s.undelivered(ctx, o, err)
		}
		o.Photo = photo
	}
	n := s.next(o, Delivered, reason, func(n *Order) { n.DeliveredAt = s.now() })
	if reason == ReasonUnreachable {
		n.Told = string(Delivered) // no more messages
	}
	if err := s.finish(ctx, o, n, actorRunner); err != nil {
		return err
	}
	if reason == "" {
		s.mark(ctx, o, "done", "1")
	}
	return nil
}

// sent says whether the customer was sent what was bought: one who couldn't be reached wasn't.
func (o *Order) sent() bool { return o.Photo != (Message{}) }

func (s *Service) send(ctx context.Context, o *Order) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	return s.notifier.Deliver(ctx, o)
}

func (s *Service) undelivered(ctx context.Context, o *Order, cause error) error {
	s.log.WarnContext(ctx, "eSIM not delivered yet", slog.String("order", string(o.ID)), slog.Any("error", cause))
	if s.now().Sub(o.Bought.At) >= deliverAlert {
		s.alert(ctx, Alert{Key: "undelivered:" + string(o.ID), Kind: "undelivered", Order: o, Detail: cause.Error()})
	}
	wait := backoff(o.Tries, deliverFirst, deliverLast)
	var limited interface{ RetryAfter() time.Duration }
	if errors.As(cause, &limited) {
		wait = max(wait, min(limited.RetryAfter(), s.holdDeadline))
	}
	return s.stay(ctx, o, s.rest(wait))
}
