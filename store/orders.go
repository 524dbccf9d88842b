package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/orders"
)

var _ orders.Store = (*Orders)(nil)

const (
	// logLength is how many entries of an order's log are kept, the newest.
	logLength = 500
	// expiredTTL is how long an order that nobody paid is kept: long after Stripe could still bring
	// a payment for it. Without an end, payment pages that are opened and left would fill Redis.
	expiredTTL = 90 * 24 * time.Hour
)

// Limits of payment pages for one customer.
const (
	maxOpenPages  = 5
	maxPagesHour  = 20
	maxPaidBefore = 3 // paid orders a day before the first eSIM
)

// Orders keeps the orders.
type Orders struct{ s *Store }

// Orders returns the view of the store that the order machine works with.
func (s *Store) Orders() *Orders { return &Orders{s} }

// Create writes a new order; orders.ErrExists.
func (v *Orders) Create(ctx context.Context, o *orders.Order, entry orders.LogEntry) error {
	result, err := v.transition(ctx, "", 0, o, entry)
	if err != nil {
		return fmt.Errorf("create order %s: %w", o.ID, err)
	}
	if result == resultConflict {
		return orders.ErrExists
	}
	return nil
}

// Transition writes next in place of the order in state from at version next.Version-1;
// orders.ErrConflict, ErrNewer, ErrNotFound.
func (v *Orders) Transition(ctx context.Context, from orders.State, next *orders.Order, entry orders.LogEntry) error {
	result, err := v.transition(ctx, from, next.Version-1, next, entry)
	switch {
	case err != nil:
		return fmt.Errorf("change order %s: %w", next.ID, err)
	case result == resultConflict:
		return orders.ErrConflict
	case result == resultNewer:
		return orders.ErrNewer
	case result == resultMissing:
		return orders.ErrNotFound
	default:
		return nil
	}
}

func (v *Orders) transition(ctx context.Context, from orders.State, version int64, o *orders.Order, entry orders.LogEntry) (int, error) {
	document, err := v.s.encodeOrder(o)
	if err != nil {
		return 0, err
	}
	line := ""
	if entry.To != "" {
		b, err := json.Marshal(entry)
		if err != nil {
			return 0, fmt.Errorf("encode log entry: %w", err)
		}
		line = string(b)
	}
	due := ""
	if !o.State.Finished() {
		due = strconv.FormatInt(millis(o.DueAt), 10)
	}
	ttl := ""
	if o.State == orders.Expired && o.Payment.PaidAt.IsZero() {
		ttl = strconv.FormatInt(expiredTTL.Milliseconds(), 10)
	}
	before, keep := from, ""
	if before == "" {
		before = o.State
	}
	if from.Attempting() && o.State.Attempting() {
		keep = "1"
	}
	part := partition(string(o.ID), orderPartitions)
	keys := []string{
		orderKey(o.ID), orderLogKey(o.ID), orderDueKey(part), orderStatePartKey(part, before), orderStatePartKey(part, o.State), orderAllKey(part),
	}
	return v.s.scripts.transition.Run(ctx, v.s.rdb, keys,
		string(o.ID), string(from), version, orders.Schema, document, line, due, millis(o.UpdatedAt), logLength, ttl, keep, millis(o.CreatedAt)).Int()
}

// Load returns an order with what was bought for it unsealed; orders.ErrNotFound, ErrNewer.
func (v *Orders) Load(ctx context.Context, id orders.ID) (*orders.Order, error) {
	b, err := v.s.rdb.Get(ctx, orderKey(id)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, orders.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("read order %s: %w", id, err)
	}
	return v.s.decodeOrder(b)
}

// Due returns up to limit ids of orders due at now, most overdue first, in one round trip.
func (v *Orders) Due(ctx context.Context, now time.Time, limit int) ([]orders.ID, error) {
	cmds := make([]*redis.ZSliceCmd, orderPartitions)
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range cmds {
			cmds[n] = p.ZRangeByScoreWithScores(ctx, orderDueKey(uint32(n)), &redis.ZRangeBy{
				Min: "-inf", Max: strconv.FormatInt(millis(now), 10), Count: int64(limit),
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read due orders: %w", err)
	}
	var all []redis.Z
	for _, c := range cmds {
		all = append(all, c.Val()...)
	}
	slices.SortStableFunc(all, func(a, b redis.Z) int { return cmp.Compare(a.Score, b.Score) })
	v.s.behind(all, now)
	ids := make([]orders.ID, 0, min(limit, len(all)))
	for _, z := range all[:min(limit, len(all))] {
		ids = append(ids, idOf(z))
	}
	return ids, nil
}

// Postpone moves the due time of an order that this version may not touch, or could not read. It never
// brings it forward: another replica may have moved the order on meanwhile, and one that is looked
// at before it is due keeps its place, and is looked at each second.
func (v *Orders) Postpone(ctx context.Context, id orders.ID, until time.Time) error {
	due := orderDueKey(partition(string(id), orderPartitions))
	later := redis.ZAddArgs{XX: true, GT: true, Members: []redis.Z{{Score: float64(millis(until)), Member: string(id)}}}
	if err := v.s.rdb.ZAddArgs(ctx, due, later).Err(); err != nil {
		return fmt.Errorf("postpone order %s: %w", id, err)
	}
	return nil
}

// Log returns an order's log, oldest first.
func (v *Orders) Log(ctx context.Context, id orders.ID) ([]orders.LogEntry, error) {
	lines, err := v.s.rdb.LRange(ctx, orderLogKey(id), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read log of %s: %w", id, err)
	}
	entries := make([]orders.LogEntry, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &entries[i]); err != nil {
			return nil, fmt.Errorf("decode log of %s: %w", id, err)
		}
	}
	return entries, nil
}

// ByIntent returns the order that a PaymentIntent paid for; orders.ErrNotFound.
func (v *Orders) ByIntent(ctx context.Context, intent string) (orders.ID, error) {
	id, err := v.s.rdb.Get(ctx, intentKey(intent)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", orders.ErrNotFound
	case err != nil:
		return "", fmt.Errorf("find order of payment: %w", err)
	}
	return orders.ID(id), nil
}

// Project writes the customer's list, the counts of their pages, the look-up by payment, and the
// statistics, in one round trip. It may be repeated, by several replicas at once.
func (v *Orders) Project(ctx context.Context, o *orders.Order) error {
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		id := string(o.ID)
		if o.Customer != 0 {
			p.ZAdd(ctx, userOrdersKey(o.Customer), redis.Z{Score: float64(millis(o.CreatedAt)), Member: id})
			if o.State != orders.AwaitingPayment {
				p.ZRem(ctx, pagesOpenKey(o.Customer), id)
			}
			if !o.Payment.PaidAt.IsZero() {
				p.ZAdd(ctx, userPaidKey(o.Customer), redis.Z{Score: float64(millis(o.Payment.PaidAt)), Member: id})
				p.PExpire(ctx, userPaidKey(o.Customer), 24*time.Hour)
			}
		}
		if o.Payment.Intent != "" {
			p.Set(ctx, intentKey(o.Payment.Intent), id, 0)
		}
		if o.State == orders.Delivered && o.Bought != nil {
			p.Eval(ctx, soldScript, []string{statsKey(o.Bought.At)}, "order:"+id, soldField(o.Language, o.Plan.Destination.ID()), statsTTL.Milliseconds())
		}
		v.count(ctx, p, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("project order %s: %w", o.ID, err)
	}
	return nil
}

// ByCustomer returns a customer's orders, newest first, in two round trips. Those that a newer
// version wrote are left out.
func (v *Orders) ByCustomer(ctx context.Context, customer int64, limit int) ([]*orders.Order, error) {
	ids, err := v.s.rdb.ZRevRange(ctx, userOrdersKey(customer), 0, int64(limit)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = orderKey(orders.ID(id))
	}
	documents, err := v.s.getAll(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	list := make([]*orders.Order, 0, len(documents))
	for _, b := range documents {
		o, err := v.s.decodeOrder(b)
		switch {
		case errors.Is(err, orders.ErrNewer):
		case err != nil:
			return nil, err
		case o.Customer == customer:
			list = append(list, o)
		}
	}
	return list, nil
}

// AllowCheckout counts a payment page, once an order, and says whether the customer has no eSIM
// yet, in one round trip; orders.ErrTooMany past the limits, ErrBlocked for a blocked customer.
func (v *Orders) AllowCheckout(ctx context.Context, customer int64, id orders.ID, now time.Time) (first bool, err error) {
	keys := []string{pagesOpenedKey(customer), pagesOpenKey(customer), userPaidKey(customer), userESIMsKey(customer), blockedKey(customer)}
	admitted, err := v.s.scripts.admit.Run(ctx, v.s.rdb, keys,
		string(id), millis(now), millis(now.Add(-time.Hour)), millis(now.Add(-24*time.Hour)),
		maxPagesHour, maxOpenPages, maxPaidBefore).Int()
	switch {
	case err != nil:
		return false, fmt.Errorf("count payment page: %w", err)
	case admitted < 0:
		return false, orders.ErrBlocked
	case admitted == 0:
		return false, orders.ErrTooMany
	default:
		return admitted == 2, nil
	}
}

// getAll reads keys of any slots in one round trip and returns what is there, in their order.
func (s *Store) getAll(ctx context.Context, keys []string) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.StringCmd, len(keys))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, k := range keys {
			cmds[i] = p.Get(ctx, k)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	values := make([][]byte, 0, len(cmds))
	for _, c := range cmds {
		b, err := c.Bytes()
		switch {
		case errors.Is(err, redis.Nil):
		case err != nil:
			return nil, err
		default:
			values = append(values, b)
		}
	}
	return values, nil
}
