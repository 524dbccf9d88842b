package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/orders"
)

// Browse returns orders in state, the last to come to it first, or in any for "", the newest first, from
// offset on, and how many there are in all, in two round trips; with a limit of 0 it only counts them,
// in one. Orders that this program can't read, a newer version's first of all, are counted and left out.
func (v *Orders) Browse(ctx context.Context, state orders.State, offset, limit int) ([]*orders.Order, int, error) {
	offset, limit = max(0, offset), max(0, limit)
	ids, total, err := v.browse(ctx, state, offset+limit, limit > 0)
	if err != nil {
		return nil, 0, fmt.Errorf("list orders: %w", err)
	}
	ids = ids[min(offset, len(ids)):min(offset+limit, len(ids))]
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = orderKey(id)
	}
	documents, err := v.s.getAll(ctx, keys)
	if err != nil {
		return nil, 0, fmt.Errorf("read orders: %w", err)
	}
	list := make([]*orders.Order, 0, len(documents))
	for _, b := range documents {
		o, err := v.s.decodeOrder(b)
		switch {
		case errors.Is(err, orders.ErrNewer):
		case err != nil: // an admin needs the others all the more
			v.s.log.WarnContext(ctx, "order left out of a list", slog.Any("error", err))
		case o.State == orders.Expired && v.s.now().Sub(o.UpdatedAt) >= expiredTTL: // as good as gone
		case state == "" || o.State == state: // it may have moved on between the two reads
			list = append(list, o)
		}
	}
	return list, total, nil
}

// browse returns the ids of the first orders, and how many there are. The sets of all partitions are
// read in one pipeline; those that nobody paid and that are gone aren't counted.
func (v *Orders) browse(ctx context.Context, state orders.State, first int, list bool) ([]orders.ID, int, error) {
	states := orders.States()
	if state != "" {
		states = []orders.State{state}
	}
	gone := "(" + strconv.FormatInt(millis(v.s.now().Add(-expiredTTL)), 10)
	var counts []*redis.IntCmd
	var ranges []*redis.ZSliceCmd
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := range uint32(orderPartitions) {
			for _, state := range states {
				least := "-inf"
				if state == orders.Expired {
					least = gone
				}
				counts = append(counts, p.ZCount(ctx, orderStatePartKey(n, state), least, "+inf"))
			}
			from, least := orderAllKey(n), "-inf"
			if state != "" {
				from = orderStatePartKey(n, state)
			}
			if state == orders.Expired {
				least = gone
			}
			if list {
				ranges = append(ranges, p.ZRevRangeByScoreWithScores(ctx, from, &redis.ZRangeBy{Min: least, Max: "+inf", Count: int64(first)}))
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	total := 0
	for _, c := range counts {
		total += int(c.Val())
	}
	var found []redis.Z
	for _, r := range ranges {
		found = append(found, r.Val()...)
	}
	slices.SortFunc(found, func(a, b redis.Z) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(idOf(a), idOf(b)))
	})
	ids, seen := make([]orders.ID, 0, len(found)), map[orders.ID]bool{}
	for _, z := range found {
		id := idOf(z)
		if !seen[id] { // one that changed its state meanwhile was in two sets
			ids, seen[id] = append(ids, id), true
		}
	}
	return ids, total, nil
}

// idOf returns the order that a set's member names.
func idOf(z redis.Z) orders.ID {
	text, _ := z.Member.(string) // the library gives nothing else
	return orders.ID(text)
}

// ByICCID returns the order that bought the eSIM with that number, in one round trip;
// orders.ErrNotFound.
func (v *Orders) ByICCID(ctx context.Context, iccid esim.ICCID) (orders.ID, error) {
	id, err := v.s.rdb.Get(ctx, iccidKey(iccid)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", orders.ErrNotFound
	case err != nil:
		return "", fmt.Errorf("find order of eSIM: %w", err)
	}
	return orders.ID(id), nil
}

// Pauses returns for which plans no payment pages are opened, in one round trip.
func (v *Orders) Pauses(ctx context.Context) (orders.Pauses, error) {
	var p orders.Pauses
	b, err := v.s.rdb.Get(ctx, pausesKey()).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return p, nil
	case err != nil:
		return p, fmt.Errorf("read pauses: %w", err)
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return orders.Pauses{}, fmt.Errorf("decode pauses: %w", err)
	}
	return p, nil
}

// SetPauses replaces them, in one round trip.
func (v *Orders) SetPauses(ctx context.Context, p orders.Pauses) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode pauses: %w", err)
	}
	if err := v.s.rdb.Set(ctx, pausesKey(), b, 0).Err(); err != nil {
		return fmt.Errorf("keep pauses: %w", err)
	}
	return nil
}

// Block says whether a customer gets payment pages from now on, in one round trip.
func (v *Orders) Block(ctx context.Context, customer int64, blocked bool) error {
	var err error
	if blocked {
		err = v.s.rdb.Set(ctx, blockedKey(customer), "1", 0).Err()
	} else {
		err = v.s.rdb.Del(ctx, blockedKey(customer)).Err()
	}
	if err != nil {
		return fmt.Errorf("keep block: %w", err)
	}
	return nil
}

// Blocked says whether a customer gets none, in one round trip.
func (v *Orders) Blocked(ctx context.Context, customer int64) (bool, error) {
	n, err := v.s.rdb.Exists(ctx, blockedKey(customer)).Result()
	if err != nil {
		return false, fmt.Errorf("read block: %w", err)
	}
	return n == 1, nil
}

// Claim takes name for ttl and says whether it was free.
func (v *Orders) Claim(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	return v.s.Claim(ctx, name, ttl)
}

// Release gives name up before its time.
func (v *Orders) Release(ctx context.Context, name string) error { return v.s.Release(ctx, name) }
