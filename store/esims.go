package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

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

// firstLook is when an eSIM is looked at first, after it was put here.
const firstLook = time.Hour

// Put writes the eSIM that the order bought with its place in the due set, its place in the customer's
// list and its ICCID's look-up, or notes a top-up with the eSIM it is for, in three round trips at
// most. What was learnt of the eSIM since it was first written stays. An order whose customer was
// erased puts nothing there.
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
	e, err := v.change(ctx, id, func(e *usage.ESIM) error {
		fill(e, o, v.s.now())
		return nil
	})
	if err != nil {
		return fmt.Errorf("shelve eSIM %s: %w", id, err)
	}
	_, err = v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, userESIMsKey(o.Customer), redis.Z{Score: float64(millis(o.Bought.At)), Member: id})
		if e.ICCID != "" {
			p.SetNX(ctx, iccidKey(e.ICCID), id, 0)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list eSIM %s: %w", id, err)
	}
	return nil
}

// fill puts into e what the order knows and e doesn't. One that its provider took back is not looked
// at any more.
func fill(e *usage.ESIM, o *orders.Order, now time.Time) {
	p := o.Bought.Profile
	if e.Version == 0 {
		*e = usage.ESIM{
			Schema: usage.Schema, ID: string(o.ID), Customer: o.Customer, Plan: o.Bought.Plan, Status: esim.StatusReady,
			TotalBytes: -1, UsedBytes: -1, BoughtAt: o.Bought.At, NextAt: now.Add(firstLook),
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
		e.Status, e.NextAt = esim.StatusCancelled, time.Time{}
	}
}

func orText[T ~string](to *T, from T) {
	if *to == "" {
		*to = from
	}
}

// Change has edit change a customer's eSIM, again if it changed meanwhile, in two round trips; one
// if edit leaves it as it is. It returns the eSIM as it stands then; orders.ErrNotFound also for
// another's, and edit's own error. When it is looked at stays as it is unless edit sets NextAt.
func (v *ESIMs) Change(ctx context.Context, id string, customer int64, edit func(*usage.ESIM) error) (*usage.ESIM, error) {
	return v.change(ctx, id, func(e *usage.ESIM) error {
		if e.Version == 0 || e.Customer != customer {
			return orders.ErrNotFound
		}
		return edit(e)
	})
}

// change applies edit to an eSIM, a new one of version 0 where there is none, and again if it changed
// meanwhile. It takes one round trip if edit leaves the eSIM as it is, else two. It returns the eSIM
// as it stands then, or edit's error. The due set is written only where edit sets another time: one
// that was leased stays so.
func (v *ESIMs) change(ctx context.Context, id string, edit func(*usage.ESIM) error) (*usage.ESIM, error) {
	for range casTries {
		e, err := v.load(ctx, id)
		switch {
		case errors.Is(err, orders.ErrNotFound):
			e = new(usage.ESIM)
		case err != nil:
			return nil, err
		}
		before := *e
		before.TopUps, before.Marks = slices.Clone(e.TopUps), maps.Clone(e.Marks)
		if err := edit(e); err != nil {
			return nil, err
		}
		if reflect.DeepEqual(*e, before) {
			return e, nil
		}
		due := dueOf(e)
		if e.NextAt.Equal(before.NextAt) {
			due = dueUntouched
		}
		e.Version++
		call, err := v.s.saving(e, due)
		if err != nil {
			return nil, err
		}
		result, err := v.s.scripts.esim.Run(ctx, v.s.rdb, call.keys, call.args...).Int()
		switch {
		case err != nil:
			return nil, fmt.Errorf("write eSIM %s: %w", id, err)
		case result == resultNewer:
			return nil, orders.ErrNewer
		case result == resultDone:
			return e, nil
		}
	}
	return nil, orders.ErrConflict
}

// dueUntouched leaves the due set as it is.
const dueUntouched = "="

// dueOf is e's time in the due set as esimScript takes it.
func dueOf(e *usage.ESIM) string {
	if e.NextAt.IsZero() {
		return ""
	}
	return strconv.FormatInt(millis(e.NextAt), 10)
}

// saving is the run of esimScript that writes e over the version before.
func (s *Store) saving(e *usage.ESIM, due string) (scriptCall, error) {
	document, err := s.encodeESIM(e)
	if err != nil {
		return scriptCall{}, err
	}
	return scriptCall{
		keys: esimKeys(e.ID),
		args: []any{e.Version - 1, esimSchema, document, e.ID, due},
	}, nil
}

// esimKeys are what a change of an eSIM changes: its document, the due set, and the count of standings.
func esimKeys(id string) []string {
	n := partition(id, esimPartitions)
	return []string{esimKey(id), esimDueKey(n), esimStandingsKey(n)}
}

// Standings returns how many eSIMs there are of each usage.ESIM.Standing, as of the last time that each
// was looked at, in one round trip however many there are.
func (v *ESIMs) Standings(ctx context.Context) (map[esim.Status]int, error) {
	var parts [esimPartitions]*redis.MapStringStringCmd
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range parts {
			parts[n] = p.HGetAll(ctx, esimStandingsKey(uint32(n)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read standings: %w", err)
	}
	all := map[esim.Status]int{}
	for _, part := range parts {
		for field, text := range part.Val() {
			n, err := strconv.Atoi(text)
			if err != nil {
				return nil, fmt.Errorf("read standings: %w", err)
			}
			all[wordOf(code(field), statusWords())] += n
		}
	}
	return all, nil
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

// Return notes that a customer was seen again after blocking the bot: their eSIMs are watched anew. It
// takes two round trips, and two more for each eSIM that is.
func (v *ESIMs) Return(ctx context.Context, customer int64) error {
	list, err := v.ByCustomer(ctx, customer)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !e.Unreachable {
			continue
		}
		_, err := v.Change(ctx, e.ID, customer, func(e *usage.ESIM) error {
			e.Return(v.s.now())
			return nil
		})
		if err != nil && !errors.Is(err, orders.ErrNotFound) { // of one erased meanwhile
			return fmt.Errorf("watch eSIM %s again: %w", e.ID, err)
		}
	}
	return nil
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
