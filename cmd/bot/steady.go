package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// steadyPause is waited before a loop that panicked begins anew.
const steadyPause = time.Second

// steady runs a loop, and again after a panic, until ctx ends or it returns: no part of the shop takes the
// others with it. What a loop does it guards itself; this is for what nobody thought of.
func (a *app) steady(ctx context.Context, name string, loop func(context.Context) error) error {
	for {
		err, panicked := a.guarded(ctx, name, loop)
		if !panicked {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(steadyPause):
		}
	}
}

// guarded runs a loop once and says whether it panicked, which is logged and counted.
func (a *app) guarded(ctx context.Context, name string, loop func(context.Context) error) (err error, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			a.log.ErrorContext(ctx, "panic", "where", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			a.seen.panicked("loop")
			err, panicked = nil, true
		}
	}()
	return loop(ctx), false
}
