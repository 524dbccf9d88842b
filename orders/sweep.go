package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// The sweep walks all payment pages of the last days and holds each against what Redis knows of its
// order: so payments are seen whose event got lost, and orders made again that Redis has forgotten.

const (
	// sweepBack is how far back the pages go.
	sweepBack = 3 * 24 * time.Hour
	// sweepAgain is how many sweeps in a row that failed, in whole or in part, are made again after
	// ReconcileInterval; the next then waits for its time, and the admins hear of it.
	sweepAgain = 3
	// sweepOdd is after how many failures one after the other it isn't the pages that are odd.
	sweepOdd = 10
)

// Claims of the sweep: by one of all replicas, and at the start of one even if it isn't time.
const (
	claimSweep = "sweep"
	claimStart = "sweep:start"
)

// sweeping sweeps at the start, and then every SweepInterval, until stop ends. It asks every
// ReconcileInterval whether it is time: in an emptied Redis it is, at once. work is the life of what
// was begun.
func (s *Service) sweeping(stop, work context.Context) {
	tick := time.NewTicker(s.reconcile)
	defer tick.Stop()
	for first, failed := true, 0; ; {
		first, failed = s.sweepTurned(stop, work, first, failed)
		select {
		case <-stop.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepTurned takes a turn if there is one, and returns whether the first is still to come and how many
// sweeps in a row have failed.
func (s *Service) sweepTurned(stop, work context.Context, first bool, failed int) (bool, int) {
	defer s.recovered(work, "sweep")
	ours, err := s.sweepTurn(work, first)
	if err != nil {
		s.log.WarnContext(work, "no turn to sweep", slog.Any("error", err))
		return first, failed
	}
	if ours {
		failed = s.swept(stop, work, s.sweep(stop, work), failed)
	}
	return false, failed
}

// SweepIfDue sweeps if it is time, and no other replica does. Run does it by itself; this is for whoever
// keeps the time otherwise.
func (s *Service) SweepIfDue(ctx context.Context) error {
	ours, err := s.sweepTurn(ctx, false)
	if err != nil || !ours {
		return err
	}
	err = s.sweep(ctx, ctx)
	s.swept(ctx, ctx, err, 0)
	return err
}

// sweepTurn says whether it is for this replica to sweep now. Its first turn comes even if it isn't
// time, unless another replica has just had its own.
func (s *Service) sweepTurn(ctx context.Context, first bool) (bool, error) {
	start := false
	if first {
		var err error
		if start, err = s.store.Claim(ctx, claimStart, s.reconcile); err != nil {
			return false, err
		}
	}
	ours, err := s.store.Claim(ctx, claimSweep, s.sweepEvery)
	return ours || start, err
}

// swept follows a sweep's end and returns how many in a row have failed.
func (s *Service) swept(stop, work context.Context, err error, failed int) int {
	if err == nil {
		return 0
	}
	if failed++; stop.Err() == nil {
		s.log.ErrorContext(work, "sweep failed", slog.Int("times", failed), slog.Any("error", err))
	}
	if failed == sweepAgain {
		s.alert(work, Alert{Key: "sweep", Kind: "sweep", Detail: err.Error()})
	}
	if failed <= sweepAgain || stop.Err() != nil { // another replica goes on where this one was stopped
		if err := s.store.Release(work, claimSweep); err != nil {
			s.log.WarnContext(work, "sweep not given up", slog.Any("error", err))
		}
	}
	return failed
}

// sweep looks at each page of the last days. One that fails doesn't keep the others from being looked
// at; the error tells how many did. It ends at the next page when stop ends.
func (s *Service) sweep(stop, work context.Context) error {
	var seen, failed, inARow int
	var last error
	err := s.payments.ListSessions(work, s.now().Add(-sweepBack), func(cs *CheckoutSession) error {
		if err := stop.Err(); err != nil {
			return fmt.Errorf("stopped: %w", err)
		}
		seen++
		err := s.revisit(work, cs)
		if err == nil {
			inARow = 0
			return nil
		}
		s.log.ErrorContext(work, "payment page not swept", slog.String("session", cs.ID), slog.String("order", cs.Order), slog.Any("error", err))
		failed, last = failed+1, err
		if inARow++; inARow == sweepOdd {
			return fmt.Errorf("%d failures one after the other: %w", inARow, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("sweep: after %d pages: %w", seen, err)
	case failed > 0:
		return fmt.Errorf("sweep: %d of %d pages: %w", failed, seen, last)
	}
	s.log.DebugContext(work, "swept", slog.Int("pages", seen))
	return nil
}

// revisit holds one page against its order.
func (s *Service) revisit(ctx context.Context, cs *CheckoutSession) (err error) {
	defer func() {
		if s.caught(ctx, "sweep", recover()) {
			err = errPanic
		}
	}()
	id, err := ParseID(cs.Order)
	if err != nil || string(id) != cs.Order {
		_, err = s.rebuild(ctx, cs) // which says that it can't
		return err
	}
	o, err := s.store.Load(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		_, err = s.rebuild(ctx, cs)
		return err
	case errors.Is(err, ErrNewer), err == nil && !o.State.known():
		return nil
	case err != nil:
		return fmt.Errorf("load order %s: %w", id, err)
	case o.unpaid():
		return s.settledBy(ctx, o, cs)
	case cs.Paid && cs.Intent != o.Payment.Intent:
		return s.HandlePayment(ctx, PaymentEvent{Type: EventCompleted, SessionID: cs.ID, Intent: cs.Intent, Order: id}) // paid twice
	case !cs.Paid:
		return nil // another page of an order that is paid
	}
	return s.refresh(ctx, o, cs)
}

// settledBy brings an order without a payment to where a page says it is. Who loses a race looks again.
func (s *Service) settledBy(ctx context.Context, o *Order, cs *CheckoutSession) error {
	for {
		err := s.settle(ctx, o, cs, actorStripe)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if o, err = s.store.Load(ctx, o.ID); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
}

// refresh tells an order what Stripe knows of its money, for the event of it may have been lost, and
// writes the projections of a finished one again.
func (s *Service) refresh(ctx context.Context, o *Order, cs *CheckoutSession) error {
	if s.forgetful(o) {
		if known, err := s.delivered(ctx, o, cs.Fence); known || err != nil {
			return s.ignoreConflict(err)
		}
	}
	if o.State != Refunding && cs.Fence.Refunded.Minor != o.Refund.Total.Minor {
		if err := s.HandlePayment(ctx, PaymentEvent{Type: EventRefunded, Intent: cs.Intent, Order: o.ID}); err != nil {
			return err
		}
	}
	if cs.Disputed && !o.Disputed {
		if err := s.HandlePayment(ctx, PaymentEvent{Type: EventDispute, Intent: cs.Intent, Order: o.ID}); err != nil {
			return err
		}
	}
	if !o.State.Finished() {
		return nil
	}
	o, err := s.store.Load(ctx, o.ID)
	if err != nil || !o.State.Finished() {
		return err
	}
	n := s.next(o, o.State, o.Reason)
	missed := cs.Refunds > n.Refund.N // refunds made in what Redis has lost
	n.Refund.N = max(n.Refund.N, cs.Refunds)
	completed := s.complete(ctx, n)
	if n.State == Delivered && !cs.Fence.Done && s.forgotten(ctx, n) {
		s.lost(n)
		completed = true
	}
	if completed || missed {
		if err := s.save(ctx, o, n, actorRunner); err != nil {
			return s.ignoreConflict(err)
		}
	}
	if !o.State.Finished() {
		s.kick(o.ID)
	}
	return s.projected(ctx, o)
}

// forgotten says whether a delivered order, whose payment doesn't say so, was taken back in what Redis has
// lost: the note is taken away before the provider is asked to.
func (s *Service) forgotten(ctx context.Context, o *Order) bool {
	if o.Bought == nil {
		return false
	}
	gone, err := s.takenBack(ctx, o)
	if err != nil {
		s.log.WarnContext(ctx, "eSIM of an order that isn't noted as delivered not asked for", slog.String("order", string(o.ID)), slog.Any("error", err))
	}
	return gone
}
