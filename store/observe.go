package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Hooks are told what goes to Redis. Each may be nil, must return at once, and may be called from
// several goroutines.
type Hooks struct {
	// Called is told of each round trip that ended just now: the command's name, or "pipeline", and
	// how many commands it was. That something isn't there is no error, and what a new connection says of
	// itself isn't told.
	Called func(ctx context.Context, command string, commands int, took time.Duration, err error)
	// OrdersLate is told at each look at the due set how overdue the first order is; 0 for none.
	OrdersLate func(d time.Duration)
}

// behind tells how overdue the first of due is, which are sorted.
func (s *Store) behind(due []redis.Z, now time.Time) {
	if s.hooks.OrdersLate == nil {
		return
	}
	late := time.Duration(0)
	if len(due) > 0 {
		late = time.Duration(millis(now)-int64(due[0].Score)) * time.Millisecond
	}
	s.hooks.OrdersLate(late)
}

// An observer is the library's hook that tells Hooks.Called.
type observer struct {
	called func(ctx context.Context, command string, commands int, took time.Duration, err error)
}

func (o observer) DialHook(next redis.DialHook) redis.DialHook { return next }

func (o observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmd)
		if !introduces(cmd) {
			o.called(ctx, cmd.Name(), 1, time.Since(begun), broken(err))
		}
		return err
	}
}

func (o observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmds)
		if introduces(cmds[0]) {
			return err
		}
		told := broken(err)
		if err != nil && told == nil { // the first of the errors, which is one that says nothing
			if i := slices.IndexFunc(cmds, func(c redis.Cmder) bool { return broken(c.Err()) != nil }); i >= 0 {
				told = cmds[i].Err()
			}
		}
		o.called(ctx, "pipeline", len(cmds), time.Since(begun), told)
		return err
	}
}

// broken returns err, but for the errors that are answers: that there is no such key, or that a script
// must be sent along.
func broken(err error) error {
	if err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") {
		return nil
	}
	return err
}
