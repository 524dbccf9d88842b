package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/refund"

	"esimbot/esim"
	"esimbot/orders"
)

// errNumberTaken says that the order's refund of that number is another one, which Redis has lost: the
// next number is free.
var errNumberTaken = errors.New("the number is another refund's")

// Refund returns amount of a payment under idempotency key "refund:<order>:<n>". A refund that
// stands already under that order and n is returned as it is, so a repeat makes no second one; one
// of another amount is an error, and the next n free; so it is after orders.ErrRefundSpent.
// https://docs.stripe.com/api/refunds/create
func (s *Stripe) Refund(ctx context.Context, intent string, order orders.ID, n int, amount esim.Money) (orders.Refund, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	p, err := s.intent(ctx, intent)
	if err != nil {
		return orders.Refund{}, err
	}
	minor, err := unscale(amount, p)
	if err != nil {
		return orders.Refund{}, fmt.Errorf("refund %s: %w", order, err)
	}
	name := fmt.Sprintf("%s:%d", string(order), n)
	made, err := s.refundNamed(ctx, intent, name)
	if err == nil && made == nil {
		made, err = s.makeRefund(ctx, intent, refundName{name: name, order: string(order)}, minor)
	}
	if err != nil {
		return orders.Refund{}, err
	}
	if made.Amount != minor {
		return orders.Refund{}, fmt.Errorf("refund %s: %w", name, errNumberTaken)
	}
	return refundOf(made, p), nil
}

func refundOf(r *stripe.Refund, p *stripe.PaymentIntent) orders.Refund {
	return orders.Refund{ID: r.ID, Amount: scale(r.Amount, p, asked(p)), Status: string(r.Status)}
}

// A refundName is what a refund is known by: its name, which its idempotency keys are made of, and
// the order that its payment names, empty for none.
type refundName struct{ name, order string }

// makeRefund makes a refund that doesn't stand yet. A stored error stays under its key: where the list
// shows no refund either, none was made, and a second key may make it. After an error under that too
// the name is spent: orders.ErrRefundSpent.
func (s *Stripe) makeRefund(ctx context.Context, intent string, n refundName, minor int64) (*stripe.Refund, error) {
	var err error
	for _, again := range []string{"", ":2"} {
		var made *stripe.Refund
		made, err = s.refund(ctx, intent, n, again, minor)
		var e *Error
		if !errors.As(err, &e) || !e.stored() {
			return made, err
		}
		made, readErr := s.refundNamed(ctx, intent, n.name)
		switch {
		case readErr != nil:
			return nil, fmt.Errorf("%w; not read back: %w", err, readErr)
		case made != nil:
			return made, nil
		}
	}
	// Not wrapped: read back, it is no doubt any more.
	return nil, fmt.Errorf("refund %s: %w: %s", n.name, orders.ErrRefundSpent, err.Error())
}

// refundNamed looks among the payment's refunds for ours of that name; nil when there is none. A
// refund that failed is one too: it stands, and the next needs a new number.
func (s *Stripe) refundNamed(ctx context.Context, intent, name string) (found *stripe.Refund, err error) {
	err = s.call(ctx, "list refunds", harmless, func(ctx context.Context) error {
		it := s.refundsOf(ctx, intent)
		for it.Next() {
			if r := it.Refund(); r.Metadata[metaRefund] == name {
				found = r
				return nil
			}
		}
		return it.Err()
	})
	return found, err
}

// refundsOf lists a payment's refunds.
func (s *Stripe) refundsOf(ctx context.Context, intent string) *refund.Iter {
	p := &stripe.RefundListParams{PaymentIntent: stripe.String(intent)}
	p.Context, p.Limit = ctx, stripe.Int64(100)
	return s.api.Refunds.List(p)
}

func (s *Stripe) refund(ctx context.Context, intent string, n refundName, again string, minor int64) (made *stripe.Refund, err error) {
	err = s.call(ctx, "refund", keyed, func(ctx context.Context) error {
		p := &stripe.RefundParams{
			PaymentIntent: stripe.String(intent),
			Amount:        stripe.Int64(minor),
			Reason:        stripe.String(string(stripe.RefundReasonRequestedByCustomer)),
			Metadata:      map[string]string{metaRefund: n.name, metaShop: s.cfg.ShopID},
		}
		if n.order != "" {
			p.Metadata[metaOrder] = n.order
		}
		p.Context = ctx
		p.SetIdempotencyKey("refund:" + n.name + again)
		var err error
		made, err = s.api.Refunds.New(p)
		return err
	})
	if err == nil && made.ID == "" {
		return nil, fmt.Errorf("stripe: refund: an answer without a refund: %w", orders.ErrPaymentDoubt)
	}
	return made, err
}
