package orders

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"esimbot/esim"
)

// Answers says which decisions the order allows as it stands: none outside review. It does no I/O;
// what it can't know, such as money that went back in the Stripe Dashboard, is asked when the
// decision is made.
func (s *Service) Answers(o *Order) []Answer {
	if o.State != Review {
		return nil
	}
	var list []Answer
	add := func(possible bool, a Answer) {
		if possible {
			list = append(list, a)
		}
	}
	unready := o.Kind == KindESIM && !o.hasProfile()
	owed := s.owesDelivery(o)
	add(owed && (o.Bought == nil || o.tookBack()), AnswerBuyAgain)
	add(s.deliverable(o), AnswerDeliver)
	add(owed && unready, AnswerCode)
	add(owed && unready && s.asksByNo(o.seller()), AnswerOrderNo)
	add(owed && o.Kind == KindTopUp && o.Bought == nil, AnswerApplied)
	refundable := s.unrefundable(o) == ""
	add(refundable, AnswerRefund)
	add(refundable && o.Refund.Return == ReturnRefused, AnswerAnyway)
	add(s.closable(o), AnswerClose)
	return list
}

// tookBack says whether the provider took back what the customer was never sent: nothing is bought any more.
func (o *Order) tookBack() bool {
	return o.Reason == ReasonTakenBack && o.Kind == KindESIM && o.Bought != nil && o.DeliveredAt.IsZero()
}

// hasProfile says whether there is something to install.
func (o *Order) hasProfile() bool { return o.Bought != nil && o.Bought.Profile.Ready() }

// seller is the provider that was, or would have been, bought from.
func (o *Order) seller() esim.Provider {
	switch {
	case o.Bought != nil:
		return o.Bought.Profile.Provider
	case o.Attempt.Provider != "":
		return o.Attempt.Provider
	default:
		return o.Plan.Provider
	}
}

// sold is the plan that was, or would have been, bought.
func (o *Order) sold() esim.Plan {
	switch {
	case o.Bought != nil:
		return o.Bought.Plan
	case o.Attempt.Plan != nil:
		return *o.Attempt.Plan
	default:
		return o.Plan
	}
}

// asksByNo says whether p tells of an eSIM by its order number.
func (s *Service) asksByNo(p esim.Provider) bool {
	return s.providers[p] != nil && s.providers[p].Abilities().QueryByNo
}

// owesDelivery says whether the shop holds money for which somebody is to get something: nothing
// is delivered unpaid, and nothing more to a customer who had everything about them deleted.
func (s *Service) owesDelivery(o *Order) bool {
	return !s.moneyless(o) && o.left().Minor > 0 && !o.Disputed && o.Customer != 0
}

// deliverable says whether what was bought can go to the customer. What they have already stays
// theirs, whatever the bank says: then the order ends as delivered, and nothing is sent again.
func (s *Service) deliverable(o *Order) bool {
	there := o.Bought != nil && (o.Kind == KindTopUp || o.hasProfile())
	gone := o.Refund.Return == ReturnDone || o.Reason == ReasonTakenBack
	had := !o.DeliveredAt.IsZero() && !s.moneyless(o) && o.left().Minor > 0
	return there && !gone && (had || s.owesDelivery(o))
}

// closable says whether nothing is left to do for the customer's money.
func (s *Service) closable(o *Order) bool {
	return s.moneyless(o) || o.left().Minor <= 0 || o.Disputed
}

// unanswerable says why the order can't be given a decision; nil where it can.
func (s *Service) unanswerable(ctx context.Context, o *Order, d Decision, a Answer) error {
	switch why := o.State.barred(); {
	case why != "":
		return s.refusal(ctx, o, why)
	case o.State != Review:
		return s.refusal(ctx, o, WhyState)
	case o.Attempt.N != d.Attempt:
		return s.refusal(ctx, o, WhyChanged)
	case slices.Contains(s.Answers(o), a):
		return nil
	case a == AnswerClose:
		return s.refusal(ctx, o, WhyState)
	case s.moneyless(o):
		return s.refusal(ctx, o, WhyUnpaid)
	case o.left().Minor <= 0:
		return s.refusal(ctx, o, WhyNothing)
	case o.Disputed:
		return s.refusal(ctx, o, WhyDisputed)
	default:
		return fmt.Errorf("order %s: %s: %w: %w", o.ID, a, ErrNoSuchAnswer, s.refusal(ctx, o, WhyState))
	}
}

// barred says why nothing can be decided of an order's money in this state; empty where it can.
func (s State) barred() Why {
	switch s {
	case AwaitingPayment, Expired:
		return WhyUnpaid
	case Purchasing:
		return WhyPurchasing
	case Unknown:
		return WhyInDoubt
	case Refunding:
		return WhyUnderWay
	case Refunded:
		return WhyNothing
	case Paid, Provisioning, Issued, Delivered, Review:
		return ""
	default:
		return WhyState
	}
}

// decide judges a decision and does it, by one transition that logs the admin and the answer.
func (s *Service) decide(ctx context.Context, d Decision, a Answer, do func(o *Order) error) (*Order, error) {
	return s.judged(ctx, d.Order, func(o *Order) error {
		if err := s.unanswerable(ctx, o, d, a); err != nil {
			return err
		}
		return do(o)
	})
}

// decided moves an order on as an admin wants it. Any runner goes on with it at once.
func (s *Service) decided(ctx context.Context, o *Order, to State, d Decision, reason string, edits ...edit) error {
	n := s.next(o, to, reason, append([]edit{s.unleased}, edits...)...)
	return s.save(ctx, o, n, actorAdmin(d.Admin))
}

// stillPaid reads what stands at Stripe, and says as a *Refusal if the money isn't the shop's any
// more: what is delivered then would be delivered unpaid. What the order didn't know of is noted in
// it, and the admin, who didn't either, decides anew.
func (s *Service) stillPaid(ctx context.Context, o *Order) (Fence, error) {
	f, err := s.payments.Fence(ctx, o.Payment.Intent)
	if err != nil {
		return Fence{}, fmt.Errorf("read payment of %s: %w", o.ID, err)
	}
	news := s.news(o, f)
	if news != "" {
		n := s.next(o, o.State, o.Reason, noteBack(f), func(n *Order) { n.Disputed = n.Disputed || f.Disputed })
		if err := s.save(ctx, o, n, actorStripe); err != nil {
			return Fence{}, err
		}
	}
	switch {
	case f.Disputed:
		return Fence{}, s.refusal(ctx, o, WhyDisputed)
	case f.Refunded.Minor >= f.Received.Minor:
		return Fence{}, s.refusal(ctx, o, WhyNothing)
	case news != "":
		return Fence{}, s.refusal(ctx, o, WhyChanged)
	default:
		return f, nil
	}
}

// taken says whether an eSIM is another order's: by its ICCID, or by the provider's number while
// that one is still being made or sent.
func (s *Service) taken(ctx context.Context, o *Order, iccid esim.ICCID, seller esim.Provider, number string) (bool, error) {
	if iccid != "" {
		holder, err := s.store.ByICCID(ctx, iccid)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return false, fmt.Errorf("look ICCID up: %w", err)
		case holder != o.ID:
			return true, nil
		}
	}
	for _, state := range []State{Provisioning, Issued, Review} {
		other, err := s.among(ctx, state, func(other *Order) bool {
			return other.ID != o.ID && other.Bought != nil && other.Bought.Profile.Provider == seller && other.Bought.Profile.OrderNo == number
		})
		if err != nil || other {
			return other, err
		}
	}
	return false, nil
}

// codeTaken says whether an activation code is another order's: one that is being sent, or was sent
// lately, so that a code copied twice from a provider's portal doesn't go to two customers.
func (s *Service) codeTaken(ctx context.Context, o *Order, code esim.ActivationCode) (bool, error) {
	same := func(other *Order) bool {
		return other.ID != o.ID && other.Bought != nil && other.Bought.Profile.Code == code
	}
	for _, state := range []State{Issued, Review} {
		if other, err := s.among(ctx, state, same); err != nil || other {
			return other, err
		}
	}
	lately, _, err := s.store.Browse(ctx, Delivered, 0, browsed)
	if err != nil {
		return false, fmt.Errorf("browse delivered orders: %w", err)
	}
	return slices.ContainsFunc(lately, same), nil
}

// among says whether one of the orders in a state is as wanted.
func (s *Service) among(ctx context.Context, state State, wanted func(*Order) bool) (bool, error) {
	found := false
	err := s.each(ctx, state, func(o *Order) { found = found || wanted(o) })
	return found, err
}

// each calls fn for every order in a state, once, the last changed first. One that changes
// meanwhile may be missed.
func (s *Service) each(ctx context.Context, state State, fn func(*Order)) error {
	seen := map[ID]bool{}
	for offset := 0; ; offset += browsed {
		list, total, err := s.store.Browse(ctx, state, offset, browsed)
		if err != nil {
			return fmt.Errorf("browse %s orders: %w", state, err)
		}
		for _, o := range list {
			if !seen[o.ID] {
				seen[o.ID] = true
				fn(o)
			}
		}
		if offset+browsed >= total { // a page may be short of orders that can't be read
			return nil
		}
	}
}
