package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// installedTimeout is how long an offer waits to hear whether the eSIM is in use.
const installedTimeout = 5 * time.Second

// OfferRefund says what a refund of amount would do: of all that is left for Money{}. With anyway
// the provider is not asked to take the eSIM back. A *Refusal says why there can be none.
func (s *Service) OfferRefund(ctx context.Context, id ID, amount esim.Money, anyway bool) (*RefundOffer, error) {
	var o *Order
	if _, err := s.judged(ctx, id, func(found *Order) (err error) {
		o = found
		if why := s.unrefundable(o); why != "" {
			return s.refusal(ctx, o, why)
		}
		_, err = s.recollect(ctx, o)
		return err
	}); err != nil {
		return nil, err
	}
	if why := s.unrefundable(o); why != "" {
		return nil, s.refusal(ctx, o, why)
	}
	left := o.left()
	if amount == (esim.Money{}) {
		amount = left
	}
	if why := o.amountRefused(amount); why != "" {
		return nil, s.refusal(ctx, o, why)
	}
	offer := &RefundOffer{Order: o, N: o.Refund.N + 1, Amount: amount, Left: left, Whole: amount == left, Cost: decimal.Zero}
	var err error
	if offer.Return, err = s.givingBack(ctx, o, offer.Whole, anyway); err != nil {
		return nil, err
	}
	if o.Bought != nil {
		offer.Cost = o.Bought.Plan.Wholesale
	}
	offer.Installed = offer.Return == ReturnAsk && s.installed(ctx, o)
	return offer, nil
}

// Refund begins a confirmed refund, once: of several at a time one begins, and the others get a
// *Refusal that names who did. The runner goes on from there; the order returned is refunding.
func (s *Service) Refund(ctx context.Context, r RefundRequest) (*Order, error) {
	return s.judged(ctx, r.Order, func(o *Order) error {
		why := s.unrefundable(o)
		switch {
		case why != "":
		case r.N != o.Refund.N+1, r.State != "" && r.State != o.State:
			why = WhyChanged
		default:
			if why = o.amountRefused(r.Amount); why == WhyTooMuch {
				why = WhyChanged // so much was left when it was offered
			}
		}
		if why == WhyChanged { // a refund since the offer is what changed it
			refused := s.refusal(ctx, o, why)
			refused.Actor = o.Refund.Actor
			return refused
		}
		if why != "" {
			return s.refusal(ctx, o, why)
		}
		if changed, err := s.recollect(ctx, o); err != nil {
			return err
		} else if changed {
			return s.refusal(ctx, o, WhyChanged)
		}
		reason := AnswerRefund
		if r.Anyway {
			reason = AnswerAnyway
		}
		return s.sendBack(ctx, o, r.Amount, r.Admin, reason, r.Anyway)
	})
}

// recollect holds an order for which nothing was bought, as far as Redis knows, against what Stripe
// knows, and reports whether the order is another one now. Redis may have gone back in time: what was
// delivered since must be given back with the money, and of what may have been bought since an admin
// hears before the money goes.
func (s *Service) recollect(ctx context.Context, o *Order) (changed bool, _ error) {
	if o.Bought != nil || (o.State != Paid && o.State != Review) {
		return false, nil
	}
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		return false, fmt.Errorf("read payment of %s: %w", o.ID, err)
	}
	if known, err := s.delivered(ctx, o, f); known || err != nil {
		return known, err
	}
	if o.State == Review || !o.Attempt.forgot(f.Value) {
		return false, nil
	}
	return true, s.move(ctx, o, Review, ReasonFence, s.unleased)
}

// sendBack has the runner send amount back, nothing for zero, after the eSIM was given back where
// that can be.
func (s *Service) sendBack(ctx context.Context, o *Order, amount esim.Money, admin int64, answer Answer, anyway bool) error {
	whole := amount.IsZero() || amount == o.left()
	ret, err := s.givingBack(ctx, o, whole, anyway)
	if err != nil {
		return err
	}
	p := refundPlan{amount: amount, actor: actorAdmin(admin), reason: string(answer), ret: ret}
	if !whole {
		p.back = o.State
	}
	return s.startRefund(ctx, o, p, s.unleased)
}

// unrefundable says why no money of o can go back; empty where some can.
func (s *Service) unrefundable(o *Order) Why {
	if why := o.State.barred(); why != "" {
		return why
	}
	switch {
	case s.moneyless(o):
		return WhyUnpaid
	case o.left().Minor <= 0:
		return WhyNothing
	case o.Disputed:
		return WhyDisputed
	default:
		return ""
	}
}

// amountRefused says why not this amount can go back; empty where it can. Part of the money goes
// back only where the order has come to rest, and stays there.
func (o *Order) amountRefused(amount esim.Money) Why {
	left := o.left()
	switch {
	case amount.Minor <= 0:
		return WhyAmount
	case amount.Currency != left.Currency:
		return WhyCurrency
	case amount.Minor > left.Minor:
		return WhyTooMuch
	case amount.Minor == left.Minor:
		return ""
	case o.State != Delivered && o.State != Review:
		return WhyWholeOnly
	case amount.Minor%left.Currency.MinorStep() != 0:
		return WhyAmount // a step that Stripe doesn't take
	default:
		return ""
	}
}

// givingBack says what becomes of the eSIM when the money goes back; with anyway its provider is
// not asked.
func (s *Service) givingBack(ctx context.Context, o *Order, whole, anyway bool) (Return, error) {
	ret, err := s.giveBackPlan(ctx, o, whole)
	if err == nil && ret == ReturnAsk && anyway {
		ret = ReturnAnyway
	}
	return ret, err
}

// installed asks the provider whether the eSIM is in use; no answer counts as no.
func (s *Service) installed(ctx context.Context, o *Order) bool {
	ref, _, err := s.refOf(ctx, o)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, min(installedTimeout, s.providerTimeout))
	defer cancel()
	u, err := s.providers[o.Bought.Profile.Provider].Query(ctx, ref)
	return err == nil && inUse(u)
}
