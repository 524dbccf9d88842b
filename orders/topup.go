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

// A top-up is an order like any other, with three differences. It holds the one place for a top-up
// at its eSIM from before the purchase to its end, so that what the eSIM's numbers say afterwards
// can be told apart. Nobody but the eSIM's own provider can sell it. And the eSIM's numbers, read
// before the purchase, may prove later that it was applied.

// claimFirst is how soon a top-up that waits for another looks again.
const claimFirst = 2 * time.Second

// topUp is the step of a paid top-up: take the place at its eSIM, see that the purchase isn't at a
// loss, read the eSIM's numbers, purchase.
func (s *Service) topUp(ctx context.Context, o *Order) error {
	told := s.tellMeanwhile(ctx, o)
	line, err := s.shelf.Line(ctx, o.ESIM)
	var holder ID
	if err == nil {
		holder, err = s.claim(ctx, o)
	}
	if err != nil || holder != o.ID {
		told()
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return s.hold(ctx, o, o.Plan.Provider, ReasonESIMGone, err)
	case err != nil:
		return err
	case holder != o.ID:
		return s.queue(ctx, o, holder)
	}
	p := s.providers[o.Plan.Provider]
	if p == nil || len(s.candidates(o)) == 0 {
		told()
		return s.hold(ctx, o, o.Plan.Provider, ReasonProviderDown, errors.New("no provider can be asked"))
	}
	var before *Numbers
	var unread error
	read := s.meanwhile(func() {
		defer s.recovered(ctx, "numbers")
		before, unread = s.numbers(ctx, p, line.Ref)
	})
	fresh, refusal, err := s.fresh(ctx, o, o.Plan, func(ctx context.Context) (esim.Plan, error) {
		return freshTopUp(ctx, p, line, o.Plan)
	})
	read()
	told()
	switch {
	case refusal != "":
		return s.cannotBuy(ctx, o, o.Plan, refusal, err)
	case unread != nil: // without them a doubt could not be settled, and who can't tell them may not sell either
		return s.hold(ctx, o, o.Plan.Provider, ReasonProviderDown, unread)
	case before.over(s.now()): // it was paid for late: a provider may well take the order and bring nothing to life
		return s.cannotBuy(ctx, o, o.Plan, ReasonESIMOver, fmt.Errorf("the eSIM is %s, its end %s", before.Status, before.ExpiresAt))
	}
	return s.purchase(ctx, o, fresh, before, func(ctx context.Context) (Bought, error) {
		return s.apply(ctx, p, line.Ref, fresh)
	})
}

// claim takes the place for a top-up at the order's eSIM and returns who has it now. The place of an
// order that is finished, or that nobody knows any more, is taken over.
func (s *Service) claim(ctx context.Context, o *Order) (ID, error) {
	holder, err := s.shelf.ClaimTopUp(ctx, o.ESIM, o.ID, "")
	if err != nil || holder == o.ID {
		return holder, wrapClaim(o, err)
	}
	other, err := s.store.Load(ctx, holder)
	switch {
	case errors.Is(err, ErrNotFound):
	case errors.Is(err, ErrNewer):
		return holder, nil
	case err != nil:
		return "", wrapClaim(o, err)
	case !other.State.Finished():
		return holder, nil
	}
	holder, err = s.shelf.ClaimTopUp(ctx, o.ESIM, o.ID, holder)
	return holder, wrapClaim(o, err)
}

func wrapClaim(o *Order, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("order %s: claim eSIM %s: %w", o.ID, o.ESIM, err)
}

// queue has a paid top-up wait for the one before it, at the latest until the deadline.
func (s *Service) queue(ctx context.Context, o *Order, holder ID) error {
	since := o.HeldSince
	if since.IsZero() {
		since = s.now()
		s.log.InfoContext(ctx, "top-up waits", slog.String("order", string(o.ID)), slog.String("for", string(holder)))
	}
	if s.now().Sub(since) >= s.holdDeadline {
		return s.giveUp(ctx, o, ReasonHoldDeadline)
	}
	return s.move(ctx, o, Paid, ReasonTopUpWaits, s.restLikePaid(backoff(o.Tries, claimFirst, s.reconcile)), func(n *Order) {
		n.HeldSince = since
	})
}

// release gives up a top-up's place at its eSIM.
func (s *Service) release(ctx context.Context, o *Order) error {
	if o.Kind != KindTopUp || o.ESIM == "" {
		return nil
	}
	if err := s.shelf.ReleaseTopUp(ctx, o.ESIM, o.ID); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("order %s: release eSIM %s: %w", o.ID, o.ESIM, err)
	}
	return nil
}

// freshTopUp returns a top-up's present terms: no call asks for one alone.
func freshTopUp(ctx context.Context, p providers.Provider, line *Line, plan esim.Plan) (esim.Plan, error) {
	list, err := p.TopUps(ctx, line.Ref, line.Plan)
	if errors.Is(err, providers.ErrUnsupported) {
		return plan, fmt.Errorf("%w: %w", providers.ErrPlanGone, err)
	}
	if err != nil {
		return plan, err
	}
	for _, l := range list {
		if l.Plan.ID == plan.ID {
			return l.Plan, nil
		}
	}
	return plan, providers.ErrPlanGone
}

// apply calls the provider, which it may do once an attempt.
func (s *Service) apply(ctx context.Context, p providers.Provider, ref providers.Ref, plan esim.Plan) (Bought, error) {
	t, err := p.TopUp(ctx, ref, plan)
	if err != nil {
		return Bought{}, err
	}
	b := s.topped(ref, plan)
	b.Profile.OrderNo = t.OrderNo
	if t.TotalBytes >= 0 || t.UsedBytes >= 0 || !t.ExpiresAt.IsZero() {
		b.After = &Numbers{TotalBytes: t.TotalBytes, UsedBytes: t.UsedBytes, RemainingBytes: -1, ExpiresAt: t.ExpiresAt, At: b.At}
	}
	return b, nil
}

// topped is what a top-up brought, without what the provider said of it.
func (s *Service) topped(ref providers.Ref, plan esim.Plan) Bought {
	return Bought{Profile: esim.Profile{Provider: plan.Provider, ICCID: ref.ICCID, TranNo: ref.TranNo}, Plan: plan, At: s.now()}
}

// measure reads an eSIM's numbers after a top-up whose answer told too little of them: its receipt
// names what was left before and what is now. It is a courtesy, and nothing waits for numbers that
// lag behind.
func (s *Service) measure(ctx context.Context, o *Order) {
	if o.Kind != KindTopUp || o.Photo.ID != 0 || o.Bought.After.Left() >= 0 {
		return
	}
	p := s.providers[o.Bought.Profile.Provider]
	if p == nil || p.Abilities().UsageDelay > 0 {
		return
	}
	line, err := s.shelf.Line(ctx, o.ESIM)
	var now *Numbers
	if err == nil {
		now, err = s.numbers(ctx, p, line.Ref)
	}
	if err != nil {
		s.log.InfoContext(ctx, "eSIM not measured after a top-up", slog.String("order", string(o.ID)), slog.Any("error", err))
		return
	}
	if now != nil {
		b := *o.Bought
		b.After, o.Bought = now, &b
	}
}

// over says whether the numbers are of an eSIM whose validity has ended, or that was taken back.
func (n *Numbers) over(now time.Time) bool {
	return n != nil && (n.Status == esim.StatusExpired || n.Status == esim.StatusCancelled || !n.ExpiresAt.IsZero() && !now.Before(n.ExpiresAt))
}

// numbers asks what the provider says of an eSIM now; nil where it has no way to tell.
func (s *Service) numbers(ctx context.Context, p providers.Provider, ref providers.Ref) (*Numbers, error) {
	ctx, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := p.Query(ctx, ref)
	switch {
	case errors.Is(err, providers.ErrUnsupported), errors.Is(err, providers.ErrNotFound):
		return nil, nil //nolint:nilnil // a provider that can't tell is no failure
	case err != nil:
		return nil, err
	}
	return &Numbers{
		TotalBytes: u.TotalBytes, UsedBytes: u.UsedBytes, RemainingBytes: u.RemainingBytes,
		ExpiresAt: u.ExpiresAt, Status: u.Status, At: s.now(),
	}, nil
}
