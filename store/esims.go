package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

var (
	_ flows.ESIMs  = (*ESIMs)(nil)
	_ orders.Shelf = (*ESIMs)(nil)
)

// casTries is how often a document that others change too is read again before giving up.
const casTries = 10

// ESIMs keeps the eSIMs sold.
type ESIMs struct{ s *Store }

// ESIMs returns the view of the store that holds the eSIMs sold.
func (s *Store) ESIMs() *ESIMs { return &ESIMs{s} }

// Put writes the eSIM that the order bought, its place in the customer's list and its ICCID's
// look-up, or notes a top-up with the eSIM it is for, in three round trips at most. What was learnt of
// the eSIM since it was first written stays. An order whose customer was erased puts nothing there.
func (v *ESIMs) Put(ctx context.Context, o *orders.Order) error {
	switch {
	case o.Bought == nil:
		return fmt.Errorf("order %s has no eSIM to shelve", o.ID)
	case o.Customer == 0:
		return nil
	case o.Kind == orders.KindTopUp:
		return v.putTopUp(ctx, o)
	}
	id := string(o.ID)
	if _, err := v.change(ctx, id, func(e *usage.ESIM) { fill(e, o) }); err != nil {
		return fmt.Errorf("shelve eSIM %s: %w", id, err)
	}
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, userESIMsKey(o.Customer), redis.Z{Score: float64(millis(o.Bought.At)), Member: id})
		if i := o.Bought.Profile.ICCID; i != "" {
			p.SetNX(ctx, iccidKey(i), id, 0)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list eSIM %s: %w", id, err)
	}
	return nil
}

// fill puts into e what the order knows and e doesn't.
func fill(e *usage.ESIM, o *orders.Order) {
	p := o.Bought.Profile
	if e.Version == 0 {
		*e = usage.ESIM{
			Schema: usage.Schema, ID: string(o.ID), Customer: o.Customer, Plan: o.Bought.Plan, Status: esim.StatusReady,
			TotalBytes: -1, UsedBytes: -1, BoughtAt: o.Bought.At,
		}
		if o.Bought.Plan.Kind == esim.Fixed {
			e.TotalBytes = o.Bought.Plan.Bytes
		}
		e.ExpiresAt, e.About = p.ExpiresAbout, !p.ExpiresAbout.IsZero()
	}
	orText(&e.OrderNo, p.OrderNo)
	orText(&e.TranNo, p.TranNo)
	orText(&e.ICCID, p.ICCID)
	orText(&e.PhoneNumber, p.PhoneNumber)
	orText(&e.PhotoFileID, o.Photo.FileID)
	if o.Refund.Return == orders.ReturnDone {
		e.Status = esim.StatusCancelled
	}
}

func orText[T ~string](to *T, from T) {
	if *to == "" {
		*to = from
	}
}

// change applies edit to an eSIM, a new one of version 0 where there is none, and again if it changed
// meanwhile. It takes one round trip if edit leaves the eSIM as it is, else two. It returns the eSIM
// as it stands then.
func (v *ESIMs) change(ctx context.Context, id string, edit func(*usage.ESIM)) (*usage.ESIM, error) {
	for range casTries {
		e, err := v.load(ctx, id)
		switch {
		case errors.Is(err, orders.ErrNotFound):
			e = new(usage.ESIM)
		case err != nil:
			return nil, err
		}
		before := *e
		before.TopUps = slices.Clone(e.TopUps)
		edit(e)
		if reflect.DeepEqual(*e, before) {
			return e, nil
		}
		e.Version++
		document, err := v.s.encodeESIM(e)
		if err != nil {
			return nil, err
		}
		result, err := v.s.scripts.document.Run(ctx, v.s.rdb, []string{esimKey(id)}, before.Version, usage.Schema, document).Int()
		switch {
		case err != nil:
			return nil, err
		case result == resultNewer:
			return nil, orders.ErrNewer
		case result == resultDone:
			return e, nil
		}
	}
	return nil, orders.ErrConflict
}

// load reads an eSIM; orders.ErrNotFound, ErrNewer.
func (v *ESIMs) load(ctx context.Context, id string) (*usage.ESIM, error) {
	b, err := v.s.rdb.Get(ctx, esimKey(id)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, orders.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("read eSIM %s: %w", id, err)
	}
	return v.s.decodeESIM(b)
}

// ByCustomer returns a customer's eSIMs, newest first, in two round trips. Those that a newer
// version wrote are left out.
func (v *ESIMs) ByCustomer(ctx context.Context, customer int64) ([]*usage.ESIM, error) {
	ids, err := v.s.rdb.ZRevRange(ctx, userESIMsKey(customer), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("list eSIMs: %w", err)
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = esimKey(id)
	}
	documents, err := v.s.getAll(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read eSIMs: %w", err)
	}
	list := make([]*usage.ESIM, 0, len(documents))
	for _, b := range documents {
		e, err := v.s.decodeESIM(b)
		switch {
		case errors.Is(err, orders.ErrNewer):
		case err != nil:
			return nil, err
		case e.Customer == customer:
			list = append(list, e)
		}
	}
	return list, nil
}

// ESIM returns one eSIM; orders.ErrNotFound also for another customer's.
func (v *ESIMs) ESIM(ctx context.Context, id string, customer int64) (*usage.ESIM, error) {
	e, err := v.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.Customer != customer {
		return nil, orders.ErrNotFound
	}
	return e, nil
}
