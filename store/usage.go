package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/orders"
	"esimbot/usage"
)

var _ usage.Store = (*Usage)(nil)

// How long an eSIM is put off whose document this program can't read: one of a newer version is a
// newer replica's, which is there already or soon; one that nobody can read needs a person.
const (
	newerFor      = time.Minute
	unreadableFor = time.Hour
)

// Usage keeps what is watched. An eSIM's document and its place in the due set are written by one
// script, and a lease moves that place and never takes it away: a crash at any point leaves due what
// was due.
type Usage struct{ s *Store }

// Usage returns the view of the store that the watch works with.
func (s *Store) Usage() *Usage { return &Usage{s} }

// place is an eSIM's place in the due set.
type place struct {
	id  string
	due float64 // ms
}

// Lease takes up to limit eSIMs that are due at now, the most overdue first, and puts each off to
// until. It takes one round trip when nothing is due, else three, one more where the parts of the due
// set are very uneven, and one more when some of them have no document that can be read: those are put
// off, or taken out where there is none, and left out.
func (v *Usage) Lease(ctx context.Context, now, until time.Time, limit int) ([]*usage.ESIM, error) {
	shares, err := v.shares(ctx, now, limit)
	if err != nil {
		return nil, fmt.Errorf("read due eSIMs: %w", err)
	}
	var parts []uint32
	var calls []scriptCall
	for n, share := range shares {
		if share > 0 {
			parts = append(parts, uint32(n))
			calls = append(calls, scriptCall{[]string{esimDueKey(uint32(n))}, []any{millis(now), millis(until), share}})
		}
	}
	if len(calls) == 0 {
		return nil, nil
	}
	taken := make(map[uint32][]place, len(parts))
	for i, c := range v.s.runAll(ctx, v.s.scripts.lease, calls) {
		if taken[parts[i]], err = places(c); err != nil {
			return nil, fmt.Errorf("lease due eSIMs: %w", err) // those that were taken are due again at until
		}
	}
	return v.read(ctx, now, taken)
}

// seen is an eSIM that is due, as seen in a part of the due set.
type seen struct {
	part, rank int // its place in the part
	due        float64
}

// shares says how many of the limit most overdue eSIMs each part of the due set holds. It takes one
// round trip, and another one where the parts are very uneven: each is read to twice its even share
// and some, and as far as limit where that doesn't tell.
func (v *Usage) shares(ctx context.Context, now time.Time, limit int) ([]int, error) {
	parts := make([]int, esimPartitions)
	for n := range parts {
		parts[n] = n
	}
	even := min(limit, 2*limit/esimPartitions+8)
	all, err := v.overdue(ctx, now, parts, even)
	if err != nil {
		return nil, err
	}
	shares := sharesOf(all, limit)
	parts = slices.DeleteFunc(parts, func(n int) bool {
		return even == limit || shares[n] < even
	})
	if len(parts) == 0 {
		return shares, nil
	}
	all = slices.DeleteFunc(all, func(z seen) bool { return slices.Contains(parts, z.part) })
	more, err := v.overdue(ctx, now, parts, limit)
	if err != nil {
		return nil, err
	}
	return sharesOf(append(all, more...), limit), nil
}

// overdue returns the first so many that are due in each of parts, in one round trip.
func (v *Usage) overdue(ctx context.Context, now time.Time, parts []int, each int) ([]seen, error) {
	cmds := make([]*redis.ZSliceCmd, len(parts))
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, n := range parts {
			cmds[i] = p.ZRangeByScoreWithScores(ctx, esimDueKey(uint32(n)), &redis.ZRangeBy{
				Min: "-inf", Max: strconv.FormatInt(millis(now), 10), Count: int64(each),
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []seen
	for i, c := range cmds {
		for rank, z := range c.Val() {
			all = append(all, seen{parts[i], rank, z.Score})
		}
	}
	return all, nil
}

// sharesOf says how many of the most overdue of all each part holds. Those of one moment, and there are
// many where looks are put on a grid, are taken from all parts alike.
func sharesOf(all []seen, limit int) []int {
	slices.SortFunc(all, func(a, b seen) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.rank, b.rank)) })
	shares := make([]int, esimPartitions)
	for _, z := range all[:min(limit, len(all))] {
		shares[z.part]++
	}
	return shares
}

// places reads leaseScript's answer.
func places(c *redis.Cmd) ([]place, error) {
	fields, err := c.StringSlice()
	if err != nil {
		return nil, err
	}
	list := make([]place, 0, len(fields)/2)
	for pair := range slices.Chunk(fields, 2) {
		due, err := strconv.ParseFloat(pair[len(pair)-1], 64)
		if err != nil {
			return nil, fmt.Errorf("read due time: %w", err)
		}
		list = append(list, place{pair[0], due})
	}
	return list, nil
}

// read returns the documents of what was taken, by part, the most overdue first.
func (v *Usage) read(ctx context.Context, now time.Time, taken map[uint32][]place) ([]*usage.ESIM, error) {
	cmds := make(map[uint32]*redis.SliceCmd, len(taken))
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n, list := range taken {
			if len(list) == 0 {
				continue // another replica was faster
			}
			keys := make([]string, len(list))
			for i, z := range list {
				keys[i] = esimKey(z.id)
			}
			cmds[n] = p.MGet(ctx, keys...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read leased eSIMs: %w", err)
	}
	type dueESIM struct {
		*usage.ESIM
		due float64
	}
	var list []dueESIM
	var odd []oddity
	for n, c := range cmds {
		for i, document := range c.Val() {
			z := taken[n][i]
			text, ok := document.(string)
			if !ok {
				odd = append(odd, oddity{id: z.id, err: usage.ErrNotFound})
				continue
			}
			e, err := v.s.decodeESIM([]byte(text))
			if err != nil {
				odd = append(odd, oddity{id: z.id, err: err})
				continue
			}
			list = append(list, dueESIM{e, z.due})
		}
	}
	v.setAside(ctx, now, odd)
	slices.SortFunc(list, func(a, b dueESIM) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.ID, b.ID)) })
	found := make([]*usage.ESIM, len(list))
	for i, e := range list {
		found[i] = e.ESIM
	}
	return found, nil
}

// An oddity is an eSIM in the due set that can't be watched.
type oddity struct {
	id  string
	err error
}

// setAside keeps what can't be watched out of the way of what can: in one round trip, if there is any.
// A failure costs no more than that they come again at the end of their lease.
func (v *Usage) setAside(ctx context.Context, now time.Time, odd []oddity) {
	if len(odd) == 0 {
		return
	}
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, o := range odd {
			due := esimDueKey(partition(o.id, esimPartitions))
			switch {
			case errors.Is(o.err, usage.ErrNotFound):
				p.Eval(ctx, forgetScript, []string{esimKey(o.id), due}, o.id)
			case errors.Is(o.err, orders.ErrNewer):
				p.ZAddXX(ctx, due, redis.Z{Score: float64(millis(now.Add(newerFor))), Member: o.id})
			default:
				p.ZAddXX(ctx, due, redis.Z{Score: float64(millis(now.Add(unreadableFor))), Member: o.id})
			}
		}
		return nil
	})
	for _, o := range odd {
		v.s.log.WarnContext(ctx, "eSIM not watched", slog.String("esim", o.id), slog.Any("error", o.err))
	}
	if err != nil {
		v.s.log.WarnContext(ctx, "eSIMs not put aside", slog.Int("esims", len(odd)), slog.Any("error", err))
	}
}

// Load returns one eSIM in one round trip; usage.ErrNotFound, orders.ErrNewer.
func (v *Usage) Load(ctx context.Context, id string) (*usage.ESIM, error) {
	e, err := v.s.ESIMs().load(ctx, id)
	if errors.Is(err, orders.ErrNotFound) {
		return nil, usage.ErrNotFound
	}
	return e, err
}

// Save writes each eSIM over version e.Version-1 together with its place in the due set, in one round
// trip, two where the server doesn't know the script yet. The errors are in the order of the eSIMs:
// usage.ErrConflict for one that changed meanwhile, is gone, or belongs to a newer version of the
// program.
func (v *Usage) Save(ctx context.Context, list []*usage.ESIM) []error {
	errs := make([]error, len(list))
	calls := make([]scriptCall, 0, len(list))
	of := make([]int, 0, len(list)) // of each call, its place in list
	for i, e := range list {
		call, err := v.s.saving(e, dueOf(e))
		if err != nil {
			errs[i] = err
			continue
		}
		calls, of = append(calls, call), append(of, i)
	}
	for n, c := range v.s.runAll(ctx, v.s.scripts.esim, calls) {
		switch result, err := c.Int(); {
		case err != nil:
			errs[of[n]] = fmt.Errorf("save eSIM %s: %w", list[of[n]].ID, err)
		case result == resultNewer:
			errs[of[n]] = fmt.Errorf("%w: %w", usage.ErrConflict, orders.ErrNewer)
		case result != resultDone:
			errs[of[n]] = usage.ErrConflict
		}
	}
	return errs
}
