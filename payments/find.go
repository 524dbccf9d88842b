package payments

import (
	"context"

	"esimbot/orders"
)

// OrderOf returns the order that one of Stripe's ids belongs to.
func (s *Stripe) OrderOf(ctx context.Context, stripeID string) (orders.ID, error) {
	return "", orders.ErrNotFound
}
