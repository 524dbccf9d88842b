package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// patience is after how many looks in vain the order goes to another provider, if there is one.
const patience = 5

// value is what the attempt writes to the PaymentIntent; empty for none.
func (a Attempt) value() string {
	if a.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%s", a.N, a.Nonce)
}

// follows says whether the attempt may come after value on the PaymentIntent. Anything else was
// written by an attempt that the order has no memory of: Redis has lost what came of it.
func (a Attempt) follows(value string) bool { return value == a.Fence || value == a.Abandoned }

// forgot says whether value was written by an attempt of which the order knows nothing.
func (a Attempt) forgot(value string) bool {
	return !a.follows(value) && value != a.value() && value != a.closed()
}

// closed is what a recoverer writes under the attempt's key.
func (a Attempt) closed() string { return fmt.Sprintf("%d:closed", a.N) }

// candidates returns the plans the order may be filled with, the best first: its own, then the
// same plan elsewhere, without the providers that said no and those that would cost too much.
func (s *Service) candidates(o *Order) []esim.Plan {
	plans := []esim.Plan{o.Plan}
	if o.Kind != KindTopUp {
		plans = append(plans, s.twins(o.Plan)...)
	}
	return slices.DeleteFunc(plans, func(p esim.Plan) bool {
		return s.providers[p.Provider] == nil || slices.Contains(o.Refused, p.Provider) || !s.covers(o, p)
	})
}

// buy is the step of a paid order: choose where to buy, see that it isn't at a loss, purchase.
func (s *Service) buy(ctx context.Context, o *Order) error {
	if s.stopping.Load() {
		return s.stay(ctx, o, s.rest(0)) // for another replica
	}
	if o.Disputed {
		return s.move(ctx, o, Review, ReasonDisputed, s.own)
	}
	if o.Kind == KindTopUp {
		return s.topUp(ctx, o)
	}
	told := s.tellMeanwhile(ctx, o)
	plans := s.candidates(o)
	if len(plans) == 0 {
		told()
		return s.hold(ctx, o, o.Plan.Provider, ReasonProviderDown, errors.New("no provider can be asked"))
	}
	plan := plans[0]
	p := s.providers[plan.Provider]
	fresh, refusal, err := s.fresh(ctx, o, plan, func(ctx context.Context) (esim.Plan, error) {
		l, err := p.Fresh(ctx, plan)
		return l.Plan, err
	})
	told()
	if refusal != "" {
		return s.cannotBuy(ctx, o, plan, refusal, err)
	}
	return s.purchase(ctx, o, fresh, nil, func(ctx context.Context) (Bought, error) {
		profile, err := p.Buy(ctx, fresh)
		return Bought{Profile: profile, Plan: fresh, At: s.now()}, err
	})
}

// cannotBuy follows from why a plan can't be bought now: another provider is asked, or it is waited.
func (s *Service) cannotBuy(ctx context.Context, o *Order, plan esim.Plan, refusal string, cause error) error {
	if refusal == ReasonGone || refusal == ReasonPrice || refusal == ReasonESIMOver {
		return s.refuse(ctx, o, plan.Provider, refusal, cause)
	}
	return s.hold(ctx, o, plan.Provider, refusal, cause)
}

// fresh asks the provider for the plan's present terms, and where the order was held for balance,
// whether that suffices now. The second result says why it can't be bought now.
func (s *Service) fresh(ctx context.Context, o *Order, plan esim.Plan, ask func(context.Context) (esim.Plan, error)) (_ esim.Plan, refusal string, _ error) {
	ctx, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	now, err := ask(ctx)
	switch {
	case errors.Is(err, providers.ErrPlanGone):
		return plan, ReasonGone, err
	case err != nil:
		return plan, ReasonProviderDown, err
	}
	if less(now, plan) {
		return plan, ReasonGone, errors.New("gives less now than was sold")
	}
	plan.Wholesale = now.Wholesale
	if !s.covers(o, plan) {
		return plan, ReasonPrice, fmt.Errorf("costs %s USD now", plan.Wholesale)
	}
	if o.Reason == ReasonBalance {
		balance, err := s.providers[plan.Provider].Balance(ctx)
		switch {
		case err != nil:
			return plan, ReasonBalance, err
		case balance.LessThan(plan.Wholesale):
			return plan, ReasonBalance, fmt.Errorf("%s USD there, %s USD needed", balance, plan.Wholesale)
		}
	}
	return plan, "", nil
}

// less says whether a plan as now on sale gives less than the same plan as it was sold.
func less(now, sold esim.Plan) bool {
	return now.Kind != sold.Kind || now.Bytes < sold.Bytes || now.DailyBytes < sold.DailyBytes || now.Days < sold.Days
}

// purchase is one attempt: saved with its nonce, allowed by the fence at Stripe, then made by call.
// before is what stands of a top-up's eSIM.
func (s *Service) purchase(ctx context.Context, o *Order, plan esim.Plan, before *Numbers, call func(context.Context) (Bought, error)) error {
	if s.stopping.Load() {
		return s.stay(ctx, o, s.rest(0))
	}
	nonce, err := s.nonce()
	if err != nil {
		return err
	}
	last := o.Attempt
	err = s.move(ctx, o, Purchasing, "", s.own, func(n *Order) {
		n.Attempt = Attempt{N: last.N + 1, Nonce: nonce, Provider: plan.Provider, Plan: &plan, StartedAt: s.now(),
			Fence: last.Fence, Abandoned: last.value(), Before: before}
	})
	if err != nil {
		return err
	}
	balance := s.balanceMeanwhile(ctx, plan.Provider)
	raised, err := s.raise(ctx, o, last)
	known := balance()
	if !raised {
		return err
	}
	o.Attempt.BalanceBefore = known
	// From here the lease must outlast the call: a runner that was paused must not make it late.
	if s.now().Add(s.providerTimeout + leaseMargin).After(o.Lease.Until) {
		s.markNot(ctx, o)
		return s.hold(ctx, o, plan.Provider, ReasonLeaseShort, nil)
	}
	if s.stopping.Load() {
		s.markNot(ctx, o)
		return s.move(ctx, o, Paid, ReasonStopped, s.rest(0)) // nothing was bought, another replica goes on
	}
	limited, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	bought, err := call(limited)
	if err == nil {
		return s.keep(ctx, o, bought)
	}
	switch providers.ClassOf(err) {
	case providers.NotSent:
		s.markNot(ctx, o)
		return s.hold(ctx, o, plan.Provider, ReasonNotSent, err)
	case providers.Rejected:
		s.markNot(ctx, o)
		return s.rejected(ctx, o, plan, err)
	default:
		s.log.ErrorContext(ctx, "purchase in doubt", slog.String("order", string(o.ID)), slog.Any("error", err))
		return s.doubt(ctx, o, ReasonInDoubt)
	}
}

// markNot notes at Stripe that the attempt surely didn't buy, so that the order needn't come under review
// if Redis forgets it. Only the runner that could buy with the attempt knows, and it won't any more.
func (s *Service) markNot(ctx context.Context, o *Order) {
	s.mark(ctx, o, "not", strconv.Itoa(o.Attempt.N))
}

// raise asks Stripe for the right to buy and reports whether this runner has it; if not, it has
// moved the order on. last is the attempt before, which surely didn't buy.
func (s *Service) raise(ctx context.Context, o *Order, last Attempt) (bool, error) {
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		// Nothing was written under this attempt's number, so it may be given out again.
		s.log.WarnContext(ctx, "fence not read", slog.String("order", string(o.ID)), slog.Any("error", err))
		return false, s.lower(ctx, o, func(n *Order) { n.Attempt = last })
	}
	switch {
	case f.Disputed:
		return false, s.move(ctx, o, Review, ReasonDisputed, s.own, func(n *Order) { n.Disputed = true })
	case f.Refunded.Minor > 0 && f.Refunded.Minor >= f.Received.Minor:
		return false, s.finish(ctx, o, s.next(o, Refunded, ReasonRefunded, noteBack(f)), actorStripe)
	case f.Refunded.Minor > o.Refund.Total.Minor: // what an admin knew of, who had it bought all the same, is no news
		return false, s.move(ctx, o, Review, ReasonRefunded, s.own, noteBack(f))
	case !o.Attempt.follows(f.Value), f.bought() && !o.judged(f):
		// Also of a purchase whose fence a late write of an attempt before it has covered.
		return false, s.doubt(ctx, o, ReasonFence)
	}
	o.Attempt.Fence = f.Value
	err = s.payments.RaiseFence(ctx, o.Payment.Intent, o.ID, o.Attempt.N, o.Attempt.value())
	switch {
	case errors.Is(err, ErrFenceTaken):
		s.log.ErrorContext(ctx, "a rival may buy", slog.String("order", string(o.ID)), slog.Int("attempt", o.Attempt.N))
		return false, errStop
	case err != nil:
		// Whether it was written or not, only this runner may act on it, and it won't.
		s.log.WarnContext(ctx, "fence not raised", slog.String("order", string(o.ID)), slog.Any("error", err))
		return false, s.lower(ctx, o)
	}
	o.Attempt.Fence = o.Attempt.value()
	return true, nil
}

// lower gives an attempt up that Stripe could not allow now.
func (s *Service) lower(ctx context.Context, o *Order, edits ...edit) error {
	if o.Tries >= patience {
		s.alert(ctx, Alert{Key: "stripe", Kind: "stripe_down", Order: o})
	}
	return s.move(ctx, o, Paid, ReasonStripeDown, append(edits, s.restLikePaid(backoff(o.Tries, 2*time.Second, s.reconcile)))...)
}

// rejected follows a provider's no: too little balance there holds the order, anything else ends
// this provider's part in it.
func (s *Service) rejected(ctx context.Context, o *Order, plan esim.Plan, cause error) error {
	short := errors.Is(cause, providers.ErrInsufficientBalance)
	if !short {
		read, cancel := context.WithTimeout(ctx, s.providerTimeout)
		defer cancel()
		balance, err := s.providers[plan.Provider].Balance(read)
		short = err == nil && balance.LessThan(plan.Wholesale)
	}
	if short {
		return s.hold(ctx, o, plan.Provider, ReasonBalance, cause)
	}
	return s.refuse(ctx, o, plan.Provider, ReasonRejected, cause)
}

// hold keeps the order paid until its provider can sell, at the latest until the deadline.
func (s *Service) hold(ctx context.Context, o *Order, p esim.Provider, reason string, cause error) error {
	level := slog.LevelWarn
	if reason == o.Reason {
		level = slog.LevelDebug // said before
	}
	s.log.Log(ctx, level, "order held", slog.String("order", string(o.ID)), slog.String("provider", string(p)),
		slog.String("reason", reason), slog.Any("cause", cause))
	if reason == ReasonBalance {
		// A customer waits for it, whenever the balance was first told of.
		s.alert(ctx, Alert{Key: "held:" + string(p), Kind: "balance_low", Order: o, Detail: detail(cause)})
	} else if o.Tries >= patience && reason != ReasonESIMGone { // which is not the provider's doing
		if s.another(o, p) {
			return s.refuse(ctx, o, p, reason, cause)
		}
		s.alert(ctx, Alert{Key: "provider:" + string(p), Kind: "provider_down", Order: o, Detail: detail(cause)})
	}
	since := o.HeldSince
	if since.IsZero() {
		since = s.now()
	}
	if s.now().Sub(since) >= s.holdDeadline {
		return s.giveUp(ctx, o, ReasonHoldDeadline)
	}
	wait := s.reconcile
	if reason != ReasonBalance {
		wait = backoff(o.Tries, 2*time.Second, s.reconcile)
	}
	return s.move(ctx, o, Paid, reason, s.restLikePaid(wait), func(n *Order) { n.HeldSince = since })
}

// refuse ends p's part in the order: it goes to another provider, or the money goes back.
func (s *Service) refuse(ctx context.Context, o *Order, p esim.Provider, reason string, cause error) error {
	s.alert(ctx, Alert{Key: "rejected:" + string(o.ID) + ":" + string(p), Kind: "rejected", Order: o, Detail: detail(cause)})
	more := s.another(o, p)
	o.Refused = append(o.Refused, p)
	if more {
		return s.move(ctx, o, Paid, reason, s.own)
	}
	return s.giveUp(ctx, o, reason)
}

// another says whether the order could be filled without p.
func (s *Service) another(o *Order, p esim.Provider) bool {
	return slices.ContainsFunc(s.candidates(o), func(c esim.Plan) bool { return c.Provider != p })
}

func detail(cause error) string {
	if cause == nil {
		return ""
	}
	return cause.Error()
}
