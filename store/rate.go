package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

// ErrRateBusy says that so many calls wait for their turn at a provider already that another one
// would wait for longer than its caller's patience.
var ErrRateBusy = usage.ErrBusy

const (
	// MaxPatience is the longest wait for a turn that can be had.
	MaxPatience = time.Minute
	// rateTimeout bounds the question for a turn: a call is not held up because Redis is.
	rateTimeout = 500 * time.Millisecond
	// rateLogEvery is how often it is logged that turns can't be had.
	rateLogEvery = time.Minute
)

// Rate takes the next turn to call a provider and returns how long it is until then: all replicas
// together have perSecond turns a second, evenly spaced. It takes one round trip. When the turn would
// be later than patience from now, at most MaxPatience, none is taken: ErrRateBusy. A turn that is
// not used is lost.
func (s *Store) Rate(ctx context.Context, p esim.Provider, perSecond float64, patience time.Duration) (wait time.Duration, err error) {
	if perSecond <= 0 {
		return 0, fmt.Errorf("%v calls of %s a second make no sense", perSecond, p)
	}
	interval := time.Duration(float64(time.Second) / perSecond)
	micros, err := s.scripts.rate.Run(ctx, s.rdb, []string{rateKey(p)},
		s.now().UnixMicro(), max(1, interval.Microseconds()), min(patience, MaxPatience).Microseconds()).Int64()
	switch {
	case err != nil:
		return 0, fmt.Errorf("take a turn at %s: %w", p, err)
	case micros < 0:
		return 0, ErrRateBusy
	default:
		return time.Duration(micros) * time.Microsecond, nil
	}
}

// Permit returns what a provider's client asks before each request: it waits for its turn at the rate
// that all replicas share, or fails at once with ErrRateBusy where that is further off than patience
// or than ctx lasts. Work that can wait has little patience, so that it doesn't make a purchase wait.
//
// When Redis can't be asked the call goes out: then each replica keeps to its client's own rate
// alone, for a customer who paid waits for less than that.
func (s *Store) Permit(p esim.Provider, perSecond float64, patience time.Duration) func(context.Context) error {
	var logged atomic.Int64 // when, in ns by the machine's clock
	return func(ctx context.Context) error {
		wait, err := s.turn(ctx, p, perSecond, patience)
		switch {
		case errors.Is(err, ErrRateBusy):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			now, last := time.Now().UnixNano(), logged.Load()
			if now-last >= int64(rateLogEvery) && logged.CompareAndSwap(last, now) {
				s.log.WarnContext(ctx, "shared rate not known: calls go out at this replica's own", slog.String("provider", string(p)), slog.Any("error", err))
			}
			return nil
		case wait <= 0:
			return nil
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// turn takes a turn that comes before ctx ends.
func (s *Store) turn(ctx context.Context, p esim.Provider, perSecond float64, patience time.Duration) (time.Duration, error) {
	if deadline, ok := ctx.Deadline(); ok {
		patience = max(0, min(patience, time.Until(deadline)))
	}
	ctx, cancel := context.WithTimeout(ctx, rateTimeout)
	defer cancel()
	return s.Rate(ctx, p, perSecond, patience)
}
