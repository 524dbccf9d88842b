package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"esimbot/orders"
)

// errNothingLeft says that all of a payment went back already.
var errNothingLeft = errors.New("nothing is left of the payment")

// returnPrefix begins the names of refunds that are no order's: "return:<PaymentIntent>:<n>".
const returnPrefix = "return:"

// Stray reads a payment of this shop, whatever order it names. orders.ErrNotFound for one that isn't
// this shop's, that Stripe doesn't know, or that is none.
func (s *Stripe) Stray(ctx context.Context, intent string) (orders.Stray, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	p, err := s.ours(ctx, intent)
	if err != nil {
		return orders.Stray{}, err
	}
	out := orders.Stray{Fence: fence(p)}
	out.Order, _ = orderID(p.Metadata[metaOrder])
	err = s.call(ctx, "list refunds", harmless, func(ctx context.Context) error {
		out.Returns = 0
		it := s.refundsOf(ctx, intent)
		for it.Next() {
			if strings.HasPrefix(it.Refund().Metadata[metaRefund], returnPrefix) {
				out.Returns++
			}
		}
		return it.Err()
	})
	return out, err
}

// ours reads a PaymentIntent of this shop; orders.ErrNotFound for any other.
func (s *Stripe) ours(ctx context.Context, intent string) (*stripe.PaymentIntent, error) {
	if !objectID.MatchString(intent) || !strings.HasPrefix(intent, "pi_") {
		return nil, fmt.Errorf("not a payment's id: %w", orders.ErrNotFound)
	}
	p, err := s.intent(ctx, intent)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %w", orders.ErrNotFound, err)
	case err != nil:
		return nil, err
	case p.Metadata[metaShop] != s.cfg.ShopID:
		return nil, fmt.Errorf("a payment of another shop: %w", orders.ErrNotFound)
	}
	return p, nil
}

// Return returns all that is left of a payment of this shop that no order is about, under idempotency
// key "refund:return:<intent>:<n>". A return that stands already under that n is returned as it is, so a
// repeat makes no second one; after orders.ErrRefundSpent the next n is free. orders.ErrNotFound as for
// Stray. https://docs.stripe.com/api/refunds/create
func (s *Stripe) Return(ctx context.Context, intent string, n int) (orders.Refund, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	p, err := s.ours(ctx, intent)
	if err != nil {
		return orders.Refund{}, err
	}
	name := fmt.Sprintf("%s%s:%d", returnPrefix, intent, n)
	made, err := s.refundNamed(ctx, intent, name)
	if err == nil && made == nil {
		left := p.AmountReceived
		if p.LatestCharge != nil {
			left -= p.LatestCharge.AmountRefunded
		}
		if left <= 0 {
			return orders.Refund{}, fmt.Errorf("return of %s: %w", intent, errNothingLeft)
		}
		order, _ := orderID(p.Metadata[metaOrder])
		made, err = s.makeRefund(ctx, intent, refundName{name: name, order: string(order)}, left)
	}
	if err != nil {
		return orders.Refund{}, err
	}
	return refundOf(made, p), nil
}
