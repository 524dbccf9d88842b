package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// putTopUp notes what a top-up order bought with the eSIM it is for. An eSIM that is unknown, because
// Redis lost it or its customer was erased, stays so: there is nothing to add to, and the order must
// not wait for it for ever.
func (v *ESIMs) putTopUp(ctx context.Context, o *orders.Order) error {
	e, err := v.change(ctx, string(o.ESIM), func(e *usage.ESIM) error {
		if e.Version > 0 {
			topUp(e, o, v.s.now())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("shelve top-up %s: %w", o.ID, err)
	}
	if e.Version == 0 {
		v.s.log.WarnContext(ctx, "top-up of an unknown eSIM", slog.String("order", string(o.ID)), slog.String("esim", string(o.ESIM)))
	}
	return nil
}

// topUp adds the order's top-up to e, once, which makes e due at once, and what its provider said of
// the eSIM afterwards, unless something later is known.
func topUp(e *usage.ESIM, o *orders.Order, now time.Time) {
	plan, after := o.Bought.Plan, told(o.Bought.After)
	mine := slices.IndexFunc(e.TopUps, func(t usage.TopUp) bool { return t.Order == string(o.ID) })
	if mine < 0 {
		mine = len(e.TopUps)
		e.TopUps = append(e.TopUps, usage.TopUp{
			Order: string(o.ID), Plan: plan.Key(), Kind: plan.Kind, Bytes: plan.Bytes, Days: plan.Days, At: o.Bought.At,
		})
		if e.TotalBytes >= 0 && plan.Kind == esim.Fixed {
			e.TotalBytes += plan.Bytes
		}
		if e.Status == esim.StatusUsedUp {
			e.Status = esim.StatusInUse
		}
		e.NextAt, e.Misses = now, 0
	}
	known := func(t usage.TopUp) bool { return !after.At.After(t.AskedAt) }
	if after == nil || !after.At.After(e.MeasuredAt) || slices.ContainsFunc(e.TopUps, known) {
		return
	}
	e.TopUps[mine].AskedAt = after.At
	// A provider whose numbers lag behind may still tell the old total.
	if before := o.Attempt.Before; before != nil && before.TotalBytes >= 0 && after.TotalBytes > before.TotalBytes {
		e.TotalBytes = after.TotalBytes
	}
	if after.UsedBytes >= 0 {
		e.UsedBytes, e.MeasuredAt = after.UsedBytes, after.At
	}
	if !after.ExpiresAt.IsZero() {
		e.ExpiresAt, e.About = after.ExpiresAt, false
	}
}

// told returns the numbers as of the time that an eSIM's document can hold, so that the same ones told
// again are known.
func told(n *orders.Numbers) *orders.Numbers {
	if n == nil {
		return nil
	}
	c := *n
	c.At = c.At.Truncate(time.Millisecond)
	return &c
}

// Line returns what there is to know of an eSIM to top it up, in one round trip; orders.ErrNotFound,
// ErrNewer.
func (v *ESIMs) Line(ctx context.Context, id orders.ID) (*orders.Line, error) {
	e, err := v.load(ctx, string(id))
	if err != nil {
		return nil, err
	}
	l := &orders.Line{ID: id, Customer: e.Customer, Plan: e.Plan, TopUps: len(e.TopUps)}
	l.Ref.ICCID, l.Ref.OrderNo, l.Ref.TranNo = e.ICCID, e.OrderNo, e.TranNo
	return l, nil
}

// ClaimTopUp has the eSIM's one place for a top-up under way taken by order, if it is free, order's
// already, or held by over, in two round trips. It returns who holds it now; orders.ErrNotFound for an
// eSIM that is unknown.
func (v *ESIMs) ClaimTopUp(ctx context.Context, id, order, over orders.ID) (orders.ID, error) {
	e, err := v.change(ctx, string(id), func(e *usage.ESIM) error {
		if e.Version > 0 && (e.TopUp == "" || over != "" && e.TopUp == string(over)) {
			e.TopUp = string(order)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("claim eSIM %s for %s: %w", id, order, err)
	case e.Version == 0:
		return "", orders.ErrNotFound
	default:
		return orders.ID(e.TopUp), nil
	}
}

// ReleaseTopUp gives the place up if order holds it, in two round trips. The eSIM is due at once then:
// while a top-up is bought nothing is offered for it.
func (v *ESIMs) ReleaseTopUp(ctx context.Context, id, order orders.ID) error {
	_, err := v.change(ctx, string(id), func(e *usage.ESIM) error {
		if e.TopUp != string(order) {
			return nil
		}
		if e.TopUp = ""; !e.NextAt.IsZero() {
			e.NextAt = v.s.now()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("release eSIM %s from %s: %w", id, order, err)
	}
	return nil
}
