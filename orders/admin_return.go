package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// What came in or was bought beside an order: a second payment, a payment whose order nobody knows, a
// second eSIM. None of it moves the order; an admin sends it back by itself.

// returnTries is under how many numbers a return is tried where Stripe keeps errors.
const returnTries = 3

// OfferReturn says what returning a payment would do that no order is about. ErrNotFound for a payment
// that isn't this shop's; a *Refusal for one that can't be returned: WhyOwn where it is an order's own.
func (s *Service) OfferReturn(ctx context.Context, intent string) (*ReturnOffer, error) {
	offer, _, err := s.stray(ctx, intent)
	return offer, err
}

// ReturnPayment returns all that is left of a payment, as offered, and says what Stripe made of it. Who
// confirms an offer that another admin has confirmed gets a *Refusal. The order that the payment names has
// it in its log; one that isn't known here can't buy with the payment any more.
func (s *Service) ReturnPayment(ctx context.Context, r ReturnRequest) (Refund, error) {
	offer, p, err := s.stray(ctx, r.Intent)
	switch {
	case err != nil:
		return Refund{}, err
	case offer.N != r.N || offer.Amount != r.Amount:
		return Refund{}, stateOf(offer.Order, Refusal{Why: WhyChanged, Left: offer.Amount})
	case offer.Order != nil:
		err = s.audit(ctx, offer.Order.ID, r.Admin, DeedReturn+" of "+r.Intent)
	case p.Order != "":
		err = s.closePayment(ctx, r.Intent, p)
	}
	if err != nil {
		return Refund{}, err
	}
	var back Refund
	for n := range returnTries {
		if back, err = s.payments.Return(ctx, r.Intent, r.N+n); !errors.Is(err, ErrRefundSpent) {
			break
		}
	}
	s.log.InfoContext(ctx, "payment returned", slog.Int64("admin", r.Admin), slog.String("payment", r.Intent), slog.String("order", string(p.Order)),
		slog.String("amount", r.Amount.String()), slog.String("status", back.Status), slog.Any("error", err))
	switch {
	case err != nil:
		return Refund{}, fmt.Errorf("return payment %s: %w", r.Intent, err)
	case back.Status != refundSucceeded && back.Status != refundPending && back.Status != refundAction:
		return Refund{}, fmt.Errorf("return payment %s: it %s at Stripe", r.Intent, back.Status)
	}
	return back, nil
}

// stray reads a payment and judges whether it can be returned.
func (s *Service) stray(ctx context.Context, intent string) (*ReturnOffer, Stray, error) {
	p, err := s.payments.Stray(ctx, intent)
	if err != nil {
		return nil, Stray{}, fmt.Errorf("read payment %s: %w", intent, err)
	}
	o, err := s.paidFor(ctx, intent, p)
	if err != nil {
		return nil, Stray{}, err
	}
	left, err := remaining(p.Received, p.Refunded)
	if err != nil {
		return nil, Stray{}, fmt.Errorf("payment %s: %w", intent, err)
	}
	why := Why("")
	switch {
	case o != nil && (o.unpaid() || o.Payment.Intent == intent):
		why = WhyOwn
	case p.Received.Minor <= 0:
		why = WhyUnpaid
	case left.Minor <= 0:
		why = WhyNothing
	case p.Disputed:
		why = WhyDisputed
	}
	if why != "" {
		return nil, Stray{}, stateOf(o, Refusal{Why: why, Left: left})
	}
	return &ReturnOffer{Intent: intent, Order: o, N: p.Returns + 1, Amount: left, Used: p.Got != "" || p.Done}, p, nil
}

// paidFor is the order that a payment is about, or else names; nil where none is known.
func (s *Service) paidFor(ctx context.Context, intent string, p Stray) (*Order, error) {
	id, err := s.store.ByIntent(ctx, intent)
	if errors.Is(err, ErrNotFound) {
		id, err = p.Order, nil
	}
	if err != nil || id == "" {
		return nil, err
	}
	o, err := s.store.Load(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // as the comment above says
	}
	return o, err
}

// stateOf completes a refusal about an order, where there is one.
func stateOf(o *Order, r Refusal) *Refusal {
	if o != nil {
		r.State, r.Order = o.State, o.ID
	}
	return &r
}

// closePayment sees to it that nobody buys with a payment that goes back: its order, which isn't known
// here, might be made again from it at this moment.
func (s *Service) closePayment(ctx context.Context, intent string, p Stray) error {
	n, _ := parseGot(p.Value)
	next := Attempt{N: n + 1}
	err := s.payments.RaiseFence(ctx, intent, p.Order, next.N, next.closed())
	switch {
	case errors.Is(err, ErrFenceTaken): // somebody is buying with it
		return &Refusal{Why: WhyChanged, Order: p.Order}
	case err != nil:
		return fmt.Errorf("close payment %s: %w", intent, err)
	default:
		return nil
	}
}

// audit writes into an order's log what an admin did beside it. The order stays as it is.
func (s *Service) audit(ctx context.Context, id ID, admin int64, deed string) error {
	_, err := s.judged(ctx, id, func(o *Order) error {
		n := s.next(o, o.State, o.Reason)
		entry := LogEntry{At: n.UpdatedAt, From: o.State, To: o.State, Actor: actorAdmin(admin), Reason: deed, Version: n.Version}
		if err := s.store.Transition(ctx, o.State, n, entry); err != nil {
			return fmt.Errorf("order %s: log %s: %w", o.ID, deed, err)
		}
		return nil
	})
	return err
}

// twice is a purchase that o has no use for, for an alert.
func (s *Service) twice(o *Order, p esim.Provider, number string, cost decimal.Decimal) *Twice {
	return &Twice{Provider: p, OrderNo: number, Cost: cost, Back: s.takesBack(o, p) && IsOrderNumber(number)}
}

// takesBack says whether a second eSIM of o could be given back to p by its order number. A top-up can't:
// that would take the eSIM.
func (s *Service) takesBack(o *Order, p esim.Provider) bool {
	seller := s.providers[p]
	return o.Kind == KindESIM && seller != nil && seller.Abilities().Cancel && seller.Abilities().QueryByNo
}

// OfferGiveBack says what giving a second eSIM back would do that was bought for the order. A *Refusal
// says why it can't be: WhyOwn for what the order itself has, WhyGone for what was taken back already.
func (s *Service) OfferGiveBack(ctx context.Context, r GiveBackRequest) (*GiveBackOffer, error) {
	o, err := s.store.Load(ctx, r.Order)
	if err != nil {
		return nil, fmt.Errorf("load order %s: %w", r.Order, err)
	}
	offer, _, err := s.second(ctx, o, r)
	return offer, err
}

// GiveBackSecond has the provider take a second eSIM back. WhyNotReturned comes with its words; any other
// error than a *Refusal leaves open whether it did.
func (s *Service) GiveBackSecond(ctx context.Context, r GiveBackRequest) (*Order, error) {
	o, err := s.store.Load(ctx, r.Order)
	if err != nil {
		return nil, fmt.Errorf("load order %s: %w", r.Order, err)
	}
	_, ref, err := s.second(ctx, o, r)
	if err == nil {
		err = s.audit(ctx, o.ID, r.Admin, DeedGiveBack+" of "+r.OrderNo)
	}
	if err != nil {
		return nil, err
	}
	taken, cause := s.cancelled(ctx, r.Provider, ref)
	s.log.InfoContext(ctx, "second eSIM given back", slog.Int64("admin", r.Admin), slog.String("order", string(o.ID)),
		slog.String("order_no", r.OrderNo), slog.Bool("taken", taken), slog.Any("error", cause))
	switch {
	case taken:
		return o, nil
	case providers.ClassOf(cause) == providers.Rejected:
		return nil, stateOf(o, Refusal{Why: WhyNotReturned, Words: refusal(cause)})
	default:
		return nil, fmt.Errorf("give %s of %s back: %w", r.OrderNo, o.ID, cause)
	}
}

// cancelled asks the provider to take an eSIM back, and looks at the eSIM where the answer isn't yes. A
// cause of class Rejected is a no that stands.
func (s *Service) cancelled(ctx context.Context, seller esim.Provider, ref providers.Ref) (taken bool, cause error) {
	p := s.providers[seller]
	call, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	if cause = p.Cancel(call, ref); cause == nil {
		return true, nil
	}
	class := providers.ClassOf(cause)
	if class == providers.NotSent {
		return false, cause
	}
	look, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := p.Query(look, ref)
	switch {
	case err == nil && u.Status == esim.StatusCancelled:
		return true, nil
	case class == providers.Rejected && err != nil && providers.ClassOf(err) != providers.Rejected:
		return false, err
	default:
		return false, cause
	}
}

// second asks the provider for the second eSIM and judges whether it can be given back.
func (s *Service) second(ctx context.Context, o *Order, r GiveBackRequest) (*GiveBackOffer, providers.Ref, error) {
	refuse := func(why Why) (*GiveBackOffer, providers.Ref, error) {
		return nil, providers.Ref{}, stateOf(o, Refusal{Why: why})
	}
	switch {
	case o.Bought == nil:
		return refuse(WhyState)
	case !s.takesBack(o, r.Provider):
		return refuse(WhyKept)
	case !IsOrderNumber(r.OrderNo):
		return refuse(WhyUnknownNo)
	case o.Bought.Profile.Provider == r.Provider && o.Bought.Profile.OrderNo == r.OrderNo:
		return refuse(WhyOwn)
	}
	call, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := s.providers[r.Provider].Query(call, providers.Ref{OrderNo: r.OrderNo})
	if err != nil {
		if providers.ClassOf(err) == providers.Rejected && !errors.Is(err, providers.ErrUnauthorized) {
			return refuse(WhyUnknownNo)
		}
		return nil, providers.Ref{}, fmt.Errorf("ask for an order number of %s: %w", o.ID, err)
	}
	taken, err := s.taken(ctx, o, u.ICCID, r.Provider, r.OrderNo)
	switch {
	case err != nil:
		return nil, providers.Ref{}, err
	case u.OrderNo != "" && u.OrderNo != r.OrderNo:
		return refuse(WhyUnknownNo)
	case u.ICCID != "" && u.ICCID == o.Bought.Profile.ICCID:
		return refuse(WhyOwn)
	case taken:
		return refuse(WhyTaken)
	case u.Status == esim.StatusCancelled:
		return refuse(WhyGone)
	}
	return &GiveBackOffer{Order: o, Provider: r.Provider, OrderNo: r.OrderNo, Installed: inUse(u)},
		providers.Ref{ICCID: u.ICCID, OrderNo: r.OrderNo, TranNo: u.TranNo}, nil
}

func inUse(u esim.Usage) bool {
	return u.Status == esim.StatusInUse || u.Status == esim.StatusUsedUp || u.UsedBytes > 0
}
