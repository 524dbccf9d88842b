package store

import (
	"context"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// Browse returns orders in state, or in any for "", the last changed first.
func (v *Orders) Browse(ctx context.Context, state orders.State, offset, limit int) ([]*orders.Order, int, error) {
	panic("to be built")
}

// ByICCID returns the order that bought the eSIM with that number; orders.ErrNotFound.
func (v *Orders) ByICCID(ctx context.Context, iccid esim.ICCID) (orders.ID, error) {
	panic("to be built")
}

// Pauses returns for which plans no payment pages are opened.
func (v *Orders) Pauses(ctx context.Context) (orders.Pauses, error) { return orders.Pauses{}, nil }

// SetPauses replaces them.
func (v *Orders) SetPauses(ctx context.Context, p orders.Pauses) error { panic("to be built") }

// Block says whether a customer gets payment pages from now on.
func (v *Orders) Block(ctx context.Context, customer int64, blocked bool) error {
	panic("to be built")
}

// Blocked says whether a customer gets none.
func (v *Orders) Blocked(ctx context.Context, customer int64) (bool, error) { return false, nil }

// Stats returns the figures of each day from first to last, UTC, oldest first.
func (v *Orders) Stats(ctx context.Context, first, last time.Time) ([]orders.DayStats, error) {
	panic("to be built")
}

// Claim takes name for ttl and says whether it was free.
func (v *Orders) Claim(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	return v.s.Claim(ctx, name, ttl)
}

// Release gives name up before its time.
func (v *Orders) Release(ctx context.Context, name string) error { return v.s.Release(ctx, name) }

// Line returns what there is to know of an eSIM to top it up; orders.ErrNotFound.
func (v *ESIMs) Line(ctx context.Context, id orders.ID) (*orders.Line, error) { panic("to be built") }

// ClaimTopUp has the eSIM's one place for a top-up under way taken by order.
func (v *ESIMs) ClaimTopUp(ctx context.Context, id, order, over orders.ID) (orders.ID, error) {
	panic("to be built")
}

// ReleaseTopUp gives the place up if order holds it.
func (v *ESIMs) ReleaseTopUp(ctx context.Context, id, order orders.ID) error { panic("to be built") }
