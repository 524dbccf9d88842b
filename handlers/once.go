package handlers

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// sendTry is how long one replica has to send something before another may try.
const sendTry = time.Minute

var errSending = errors.New("another replica is sending it")

// claim says whether what is named is to be sent here; not if it is out already. Two names tell what
// is out from what somebody has begun to send: errSending.
func claim(ctx context.Context, c Claims, name string) (bool, error) {
	out, err := c.Held(ctx, name)
	if err != nil || out {
		return false, err
	}
	ours, err := c.Claim(ctx, sending(name), sendTry)
	if err == nil && !ours {
		err = errSending
	}
	return ours, err
}

// release lets the next call try at once. Without it the next has to wait for the claim's end.
func release(ctx context.Context, c Claims, log *slog.Logger, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTime)
	defer cancel()
	if err := c.Release(ctx, sending(name)); err != nil {
		log.DebugContext(ctx, "claim not released", "name", name, "err", err)
	}
}

func sending(name string) string { return name + ":sending" }
