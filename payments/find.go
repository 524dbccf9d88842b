package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"esimbot/orders"
)

// objectID is an id of Stripe's: what it names, and its own part.
var objectID = regexp.MustCompile(`^(cs|pi|ch|py|re|pyr|dp|du)_[A-Za-z0-9_]{1,200}$`)

// OrderOf returns the order that one of Stripe's ids belongs to: of a Checkout Session (cs_), a
// PaymentIntent (pi_), a charge (ch_, py_), a refund (re_, pyr_) or a dispute (dp_, du_).
// orders.ErrNotFound for one that isn't this shop's, that Stripe doesn't know, or that is none.
func (s *Stripe) OrderOf(ctx context.Context, stripeID string) (orders.ID, error) {
	if !objectID.MatchString(stripeID) {
		return "", fmt.Errorf("not an id of Stripe's: %w", orders.ErrNotFound)
	}
	ctx, cancel := within(ctx)
	defer cancel()
	var meta map[string]string
	err := s.call(ctx, "find payment", harmless, func(ctx context.Context) error {
		var err error
		meta, err = s.metadataOf(ctx, stripeID)
		return err
	})
	var e *Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return "", fmt.Errorf("%w: %w", orders.ErrNotFound, err)
	case err != nil:
		return "", err
	}
	id, ok := orderID(meta[metaOrder])
	if meta[metaShop] != s.cfg.ShopID || !ok {
		return "", fmt.Errorf("a payment of another shop: %w", orders.ErrNotFound)
	}
	return id, nil
}

// metadataOf reads what we wrote on the payment that an object is of: nil where it is of none.
func (s *Stripe) metadataOf(ctx context.Context, id string) (map[string]string, error) {
	kind, _, _ := strings.Cut(id, "_")
	var p *stripe.PaymentIntent
	switch kind {
	case "cs":
		params := &stripe.CheckoutSessionParams{}
		params.Context = ctx
		cs, err := s.api.CheckoutSessions.Get(id, params)
		if err != nil {
			return nil, err
		}
		return cs.Metadata, nil
	case "pi":
		params := &stripe.PaymentIntentParams{}
		params.Context = ctx
		found, err := s.api.PaymentIntents.Get(id, params)
		if err != nil {
			return nil, err
		}
		p = found
	case "ch", "py":
		params := &stripe.ChargeParams{}
		params.Context = ctx
		params.AddExpand(expandIntent)
		ch, err := s.api.Charges.Get(id, params)
		if err != nil {
			return nil, err
		}
		p = ch.PaymentIntent
	case "re", "pyr":
		params := &stripe.RefundParams{}
		params.Context = ctx
		params.AddExpand(expandIntent)
		r, err := s.api.Refunds.Get(id, params)
		if err != nil {
			return nil, err
		}
		p = r.PaymentIntent
	default:
		params := &stripe.DisputeParams{}
		params.Context = ctx
		params.AddExpand(expandIntent)
		d, err := s.api.Disputes.Get(id, params)
		if err != nil {
			return nil, err
		}
		p = d.PaymentIntent
	}
	if p == nil {
		return nil, nil
	}
	return p.Metadata, nil
}

// expandIntent has the payment read with what is of it.
const expandIntent = "payment_intent"
