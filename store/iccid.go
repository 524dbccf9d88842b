package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// An ICCID has one owner: the eSIM that its look-up leads to. The look-up is written first and the
// eSIM's document after it, so that of two customers who send the same number one gets it; a crash in
// between leaves the number to the one who was first, who sends it again.

const (
	// maxLinkTries is how many tries a day a customer has to link an ICCID.
	maxLinkTries = 5
	linkTriesFor = 24 * time.Hour
)

// LinkICCID makes iccid the number of a customer's eSIM, and tranNo, if any, what its provider calls
// it; another number that it had is free again. The eSIM is due at once. It takes three round trips,
// four if it had another number; it may be repeated. orders.ErrNotFound also for another's eSIM;
// orders.ErrExists for a number that another eSIM has, the same customer's included.
func (v *ESIMs) LinkICCID(ctx context.Context, id string, customer int64, iccid esim.ICCID, tranNo string) (*usage.ESIM, error) {
	if _, err := v.ESIM(ctx, id, customer); err != nil {
		return nil, err
	}
	if err := v.ownICCID(ctx, iccid, id); err != nil {
		return nil, err
	}
	return v.give(ctx, id, iccid, tranNo, func(e *usage.ESIM) bool { return e.Customer == customer })
}

// ownICCID has the look-up of iccid lead to id; orders.ErrExists if it leads to another eSIM that is
// there.
func (v *ESIMs) ownICCID(ctx context.Context, iccid esim.ICCID, id string) error {
	from := ""
	for range casTries {
		leads, err := v.s.scripts.lead.Run(ctx, v.s.rdb, []string{iccidKey(iccid)}, from, id).Text()
		switch {
		case err != nil:
			return fmt.Errorf("look up ICCID for %s: %w", id, err)
		case leads == id:
			return nil
		}
		switch _, err := v.load(ctx, leads); {
		case err == nil, errors.Is(err, orders.ErrNewer):
			return orders.ErrExists
		case !errors.Is(err, orders.ErrNotFound):
			return err
		}
		from = leads // of an eSIM that was erased
	}
	return orders.ErrConflict
}

// give writes the number into the eSIM's document, which makes it due at once, and frees the one that
// it had before. What was known of the use of that one doesn't hold for this. orders.ErrNotFound for
// an eSIM that isn't there or isn't whose it should be.
func (v *ESIMs) give(ctx context.Context, id string, iccid esim.ICCID, tranNo string, owned func(*usage.ESIM) bool) (*usage.ESIM, error) {
	var old esim.ICCID
	e, err := v.change(ctx, id, func(e *usage.ESIM) error {
		if e.Version == 0 || !owned(e) {
			return orders.ErrNotFound
		}
		if old = e.ICCID; old == iccid {
			orText(&e.TranNo, tranNo)
			return nil
		}
		if old != "" {
			unlearn(e)
		}
		e.ICCID, e.TranNo = iccid, tranNo
		e.NextAt, e.Misses = v.s.now(), 0
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("link ICCID to eSIM %s: %w", id, err)
	}
	if old == "" || old == iccid {
		return e, nil
	}
	if err := v.s.rdb.Eval(ctx, dropScript, []string{iccidKey(old)}, id).Err(); err != nil {
		return nil, fmt.Errorf("free the number that eSIM %s had: %w", id, err)
	}
	return e, nil
}

// unlearn forgets what was told of an eSIM under a number that isn't its own.
func unlearn(e *usage.ESIM) {
	e.UsedBytes, e.MeasuredAt, e.FirstUsedAt, e.Pace = -1, time.Time{}, time.Time{}, 0
	e.AskedAt, e.Misses = time.Time{}, 0
}

// AllowLinkTry counts a try to link an ICCID, in one round trip; orders.ErrTooMany after 5 within the
// 24 hours before now.
func (v *ESIMs) AllowLinkTry(ctx context.Context, customer int64, now time.Time) error {
	return v.s.allow(ctx, linksKey(customer), now, linkTriesFor, maxLinkTries)
}

// allow counts a doing of a customer's; orders.ErrTooMany past most within a time before now.
func (s *Store) allow(ctx context.Context, key string, now time.Time, within time.Duration, most int) error {
	name, err := token()
	if err != nil {
		return err
	}
	admitted, err := s.scripts.ask.Run(ctx, s.rdb, []string{key},
		name, millis(now), millis(now.Add(-within)), most, within.Milliseconds()).Int()
	switch {
	case err != nil:
		return fmt.Errorf("count: %w", err)
	case admitted == 0:
		return orders.ErrTooMany
	default:
		return nil
	}
}

// MoveICCID gives a number to another eSIM, whoever has it: for admins, when a customer sent the wrong
// one. The eSIM that had it doesn't know its number any more, nor what was used of it; the one that
// gets it is due at once. It returns that one, and may be repeated. orders.ErrNotFound if to isn't
// there.
func (v *ESIMs) MoveICCID(ctx context.Context, iccid esim.ICCID, to string) (*usage.ESIM, error) {
	if _, err := v.load(ctx, to); err != nil {
		return nil, err
	}
	holder, err := v.s.rdb.Get(ctx, iccidKey(iccid)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look up ICCID: %w", err)
	}
	// Taken away first: until then the look-up leads here, so that a repeat finds it.
	tranNo := ""
	if holder != "" && holder != to {
		if tranNo, err = v.takeAway(ctx, holder, iccid); err != nil {
			return nil, err
		}
	}
	if err := v.s.rdb.Set(ctx, iccidKey(iccid), to, 0).Err(); err != nil {
		return nil, fmt.Errorf("move ICCID to eSIM %s: %w", to, err)
	}
	return v.give(ctx, to, iccid, tranNo, func(*usage.ESIM) bool { return true })
}

// takeAway takes a number from the eSIM that has it, if it does, and returns what its provider calls
// that.
func (v *ESIMs) takeAway(ctx context.Context, id string, iccid esim.ICCID) (tranNo string, err error) {
	_, err = v.change(ctx, id, func(e *usage.ESIM) error {
		if e.Version == 0 || e.ICCID != iccid {
			return nil
		}
		tranNo = e.TranNo
		e.ICCID, e.TranNo = "", ""
		unlearn(e)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("take ICCID from eSIM %s: %w", id, err)
	}
	return tranNo, nil
}
