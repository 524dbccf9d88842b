package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// A purchase in doubt is never made again by itself. It ends well only on proof: the provider's order
// number, which the runner that bought left at Stripe, and which answers; or for a top-up the eSIM's
// own numbers, risen over those read before it. No change proves nothing: without proof the admins
// decide.

const (
	// doubtFirst is the time between the first two looks for proof.
	doubtFirst = 5 * time.Second
	// lagMargin is how much longer than a provider's numbers lag they are waited for.
	lagMargin = time.Hour
	// lagLooks is into how many looks that time is divided at least.
	lagLooks = 20
)

// doubt notes that nobody knows whether the attempt bought. Where the money went another way
// meanwhile no proof would help: what was bought must not be delivered.
func (s *Service) doubt(ctx context.Context, o *Order, reason string) error {
	to := Unknown
	if o.stopped() {
		to, reason = Review, o.Reason
	}
	return s.move(ctx, o, to, reason, s.own, func(n *Order) { n.Attempt.DoubtAt = s.now() })
}

// investigate is the step of an order in doubt: look for proof, until it is time for an admin.
func (s *Service) investigate(ctx context.Context, o *Order) error {
	if o.Attempt.DoubtAt.IsZero() {
		o.Attempt.DoubtAt = s.now() // saved with whatever comes next
	}
	a := o.Attempt
	balance := func() *decimal.Decimal { return a.BalanceAfter }
	if a.BalanceAfter == nil {
		balance = s.balanceMeanwhile(ctx, a.Provider)
	}
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	o.Attempt.BalanceAfter = balance()
	if err != nil {
		s.log.WarnContext(ctx, "payment of a purchase in doubt not read", slog.String("order", string(o.ID)), slog.Any("error", err))
	} else if known, err := s.delivered(ctx, o, f); known || err != nil {
		return err
	} else if why := s.news(o, f); why != "" {
		return s.move(ctx, o, Review, why, s.own, noteBack(f), func(n *Order) { n.Disputed = n.Disputed || f.Disputed })
	}
	b, unread := s.proof(ctx, o, f)
	if b != nil {
		s.log.InfoContext(ctx, "purchase proved", slog.String("order", string(o.ID)), slog.String("order_no", b.Profile.OrderNo))
		return s.record(ctx, o, *b)
	}
	if unread != nil {
		s.log.WarnContext(ctx, "no proof read", slog.String("order", string(o.ID)), slog.Any("error", unread))
	}
	waited, limit, longest := s.now().Sub(o.Attempt.DoubtAt), s.evidenceWait, s.reconcile
	if lag := s.lag(o); lag > 0 {
		limit, longest = max(limit, lag+lagMargin), max(longest, lag/lagLooks)
	}
	if waited >= limit {
		return s.move(ctx, o, Review, o.Reason, s.own)
	}
	if waited >= s.evidenceWait {
		s.tell(ctx, o, string(Unknown)) // it takes hours: that is said now, not at their end
	}
	return s.stay(ctx, o, s.rest(min(backoff(o.Tries, doubtFirst, longest), limit-waited)))
}

// news says what Stripe tells of the money that the order doesn't know; empty: nothing.
func (s *Service) news(o *Order, f Fence) string {
	switch {
	case f.Disputed && !o.Disputed:
		return ReasonDisputed
	case f.Refunded.Minor > o.Refund.Total.Minor:
		return ReasonRefunded
	default:
		return ""
	}
}

// lag is how old a provider's numbers may be that could still prove the order's top-up; zero where
// they would come at once, or can't prove anything.
func (s *Service) lag(o *Order) time.Duration {
	p, before := s.providers[o.Attempt.Provider], o.Attempt.Before
	if o.Kind != KindTopUp || before == nil || p == nil {
		return 0
	}
	if before.TotalBytes <= 0 && before.RemainingBytes < 0 && before.ExpiresAt.IsZero() {
		return 0
	}
	return p.Abilities().UsageDelay
}

// proof returns what was bought, if that can be proved now; nil without proof. An error says that
// something could not be asked.
func (s *Service) proof(ctx context.Context, o *Order, f Fence) (*Bought, error) {
	p := s.providers[o.Attempt.Provider]
	if p == nil || o.Attempt.Plan == nil {
		return nil, nil //nolint:nilnil // no proof is the usual answer
	}
	n, no := parseGot(f.Got)
	// A number of an attempt before this one is of a purchase that an admin has judged already. One of
	// a later attempt is of an attempt that Redis forgot.
	left := n >= o.Attempt.N
	if o.Kind == KindTopUp {
		return s.topUpProof(ctx, o, p, left, no)
	}
	if !left || no == "" || !p.Abilities().QueryByNo {
		return nil, nil //nolint:nilnil // likewise
	}
	ctx, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := p.Query(ctx, providers.Ref{OrderNo: no})
	if err != nil {
		return nil, err
	}
	b := &Bought{Profile: esim.Profile{Provider: o.Attempt.Provider, OrderNo: no}, Plan: *o.Attempt.Plan, At: s.now()}
	switch {
	case u.Status == esim.StatusCancelled:
		return nil, nil //nolint:nilnil // nothing that could be delivered
	case u.Profile != nil && u.Profile.Ready():
		b.Profile = merged(b.Profile, *u.Profile)
	case f.Value != o.Attempt.value():
		return nil, nil //nolint:nilnil // perhaps another provider's number: only an eSIM would prove it
	}
	if b.Profile.ICCID == "" {
		return b, nil
	}
	switch other, err := s.store.ByICCID(ctx, b.Profile.ICCID); {
	case errors.Is(err, ErrNotFound), err == nil && other == o.ID:
		return b, nil
	case err != nil:
		return nil, fmt.Errorf("whose eSIM it is: %w", err)
	default:
		return nil, nil //nolint:nilnil // another order's eSIM proves nothing of this one
	}
}

// parseGot reads "<n>:<provider's order number>"; n is 0 where there is none.
func parseGot(got string) (n int, no string) {
	number, no, found := strings.Cut(got, ":")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 1 {
		return 0, ""
	}
	return n, no
}

// topUpProof looks whether the order's top-up was applied: its runner left the number at Stripe, or
// the eSIM's numbers rose.
func (s *Service) topUpProof(ctx context.Context, o *Order, p providers.Provider, left bool, no string) (*Bought, error) {
	line, err := s.shelf.Line(ctx, o.ESIM)
	if err != nil {
		return nil, fmt.Errorf("eSIM %s: %w", o.ESIM, err)
	}
	b := s.topped(line.Ref, *o.Attempt.Plan)
	if left {
		b.Profile.OrderNo = no
		return &b, nil
	}
	before := o.Attempt.Before
	if before == nil {
		return nil, nil //nolint:nilnil // nothing to compare with
	}
	now, err := s.numbers(ctx, p, line.Ref)
	if err != nil || now == nil || !rose(*before, *now, line.Plan.Kind == esim.Fixed && b.Plan.Kind == esim.Fixed) {
		return nil, err
	}
	if muddled, err := s.muddled(ctx, o, p.Abilities().UsageDelay); err != nil || muddled {
		return nil, err
	}
	b.After = now
	return &b, nil
}

// rose says whether an eSIM's numbers prove a top-up: more data in all, or more left; where there is
// no fixed volume, a later end. Zero in all is told of an eSIM that was never used, and the end of
// one that came into use meanwhile moves by itself.
func rose(before, now Numbers, volume bool) bool {
	if !volume {
		return before.Status == now.Status && !before.ExpiresAt.IsZero() && now.ExpiresAt.After(before.ExpiresAt)
	}
	if before.TotalBytes > 0 && now.TotalBytes > before.TotalBytes {
		return true
	}
	used := before.Status == esim.StatusInUse || before.Status == esim.StatusUsedUp
	return (before.RemainingBytes > 0 || before.RemainingBytes == 0 && used) && now.RemainingBytes > before.RemainingBytes
}

// muddled says whether another top-up of the eSIM may have been applied so shortly before this one that
// the numbers read before it, which lag, did not show it yet, or since. Redis alone can't tell: it may have
// forgotten the other. So each payment at Stripe that a top-up of this eSIM was bought for, or may have
// been, must be one whose purchase Redis knows the time of.
func (s *Service) muddled(ctx context.Context, o *Order, lag time.Duration) (bool, error) {
	list, err := s.store.ByCustomer(ctx, o.Customer, listed)
	if err != nil {
		return false, fmt.Errorf("other top-ups of eSIM %s: %w", o.ESIM, err)
	}
	known := map[string]*Order{}
	for _, other := range list {
		if other.Kind != KindTopUp || other.ESIM != o.ESIM || other.ID == o.ID {
			continue
		}
		known[string(other.ID)] = other
		if at := other.appliedAt(); !at.IsZero() && o.Attempt.Before.At.Sub(at) < lag {
			return true, nil
		}
	}
	found := errors.New("found")
	err = s.payments.ListSessions(ctx, o.Attempt.Before.At.Add(-sweepBack), func(cs *CheckoutSession) error {
		if d := cs.Draft; d == nil || d.ESIM != o.ESIM || cs.Order == string(o.ID) || !cs.Paid || cs.Fence.down() {
			return nil
		}
		if other := known[cs.Order]; other == nil || !other.remembers(cs.Fence) {
			return found
		}
		return nil
	})
	if errors.Is(err, found) {
		return true, nil
	}
	return false, err
}

// appliedAt is when the top-up was applied, or may have been; zero if it wasn't. Of one that was made again
// from its payment nothing is known but that it was before that.
func (o *Order) appliedAt() time.Time {
	switch {
	case !o.RebuiltAt.IsZero() && o.Attempt.N > 0:
		return o.RebuiltAt
	case o.Bought != nil:
		return o.Bought.At
	default:
		return o.Attempt.DoubtAt
	}
}

// remembers says whether the order knows what became of the attempt that stands at Stripe.
func (o *Order) remembers(f Fence) bool {
	return o.Attempt.value() == f.Value && (o.State.Finished() || !o.appliedAt().IsZero())
}

// balanceMeanwhile reads what the shop has at a provider while the caller does something else. The
// function returned ends the reading if it is not done, waits for that, and returns what was read;
// nil for nothing. It is a hint for admins, which nothing waits for.
func (s *Service) balanceMeanwhile(ctx context.Context, id esim.Provider) func() *decimal.Decimal {
	p := s.providers[id]
	if p == nil {
		return func() *decimal.Decimal { return nil }
	}
	ctx, cancel := context.WithTimeout(ctx, s.providerTimeout)
	var read *decimal.Decimal
	done := s.meanwhile(func() {
		defer s.recovered(ctx, "balance")
		balance, err := p.Balance(ctx)
		if err == nil {
			read = &balance
		}
	})
	return func() *decimal.Decimal {
		cancel()
		done()
		return read
	}
}
