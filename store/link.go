package store

import (
	"context"
	"errors"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

var _ usage.LinkStore = (*Usage)(nil)

// AllowLinkTry is ESIMs.AllowLinkTry with usage.ErrTooMany.
func (v *Usage) AllowLinkTry(ctx context.Context, customer int64, now time.Time) error {
	err := v.s.ESIMs().AllowLinkTry(ctx, customer, now)
	if errors.Is(err, orders.ErrTooMany) {
		return usage.ErrTooMany
	}
	return err
}

// LinkICCID is ESIMs.LinkICCID with usage.ErrNotFound and usage.ErrTaken.
func (v *Usage) LinkICCID(ctx context.Context, id string, customer int64, iccid esim.ICCID, tranNo string) (*usage.ESIM, error) {
	e, err := v.s.ESIMs().LinkICCID(ctx, id, customer, iccid, tranNo)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return nil, usage.ErrNotFound
	case errors.Is(err, orders.ErrExists):
		return nil, usage.ErrTaken
	default:
		return e, err
	}
}
