package handlers

import (
	"context"
	"fmt"
	"runtime/debug"
)

// caught logs and counts what recover returned about an update, and says whether it was a panic.
func (t *Telegram) caught(ctx context.Context, update int64, p any) bool {
	if p == nil {
		return false
	}
	t.metrics.Panicked("telegram")
	t.log.ErrorContext(ctx, "panic", "update", update, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return true
}

// recovered is deferred: it ends a panic where nothing more can be done about it.
func (t *Telegram) recovered(ctx context.Context, update int64) { t.caught(ctx, update, recover()) }
