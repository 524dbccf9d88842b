package main

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"esimbot/orders"
)

// ids name what a piece of work is about. They are carried in its context, and from there they come
// into each line of the log and each call that the work makes: so one can follow an update, an order
// or an eSIM from its first line to its last, through every replica.
type ids struct {
	update int64  // of Telegram; 0 for none
	event  string // of Stripe
	order  orders.ID
	esim   string
}

type idsKey struct{}

// An idsContext is a context with ids.
type idsContext struct {
	context.Context //nolint:containedctx // this is a context
	ids
}

// Value implements context.Context.
func (c *idsContext) Value(key any) any {
	if key == (idsKey{}) {
		return &c.ids
	}
	return c.Context.Value(key)
}

// An updateContext is the context of an update: with its id, and without the end of the request that
// brought it. It is both in one, so that an update costs no more with its id than without.
type updateContext struct{ idsContext }

// Deadline implements context.Context: none.
func (*updateContext) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done implements context.Context: never.
func (*updateContext) Done() <-chan struct{} { return nil }

// Err implements context.Context: none.
func (*updateContext) Err() error { return nil }

// ofUpdate returns a context for an update, which outlives ctx.
func ofUpdate(ctx context.Context, id int64) context.Context {
	return &updateContext{idsContext{ctx, ids{update: id}}}
}

// idsIn returns the ids that ctx carries; none where it carries none.
func idsIn(ctx context.Context) ids {
	if carried, ok := ctx.Value(idsKey{}).(*ids); ok {
		return *carried
	}
	return ids{}
}

// withIDs returns ctx with its ids changed.
func withIDs(ctx context.Context, change func(*ids)) context.Context {
	next := &idsContext{ctx, idsIn(ctx)}
	change(&next.ids)
	return next
}

// each calls fn for every id there is, by its name.
func (i ids) each(fn func(name, value string)) {
	if i.update != 0 {
		fn("update", strconv.FormatInt(i.update, 10))
	}
	if i.event != "" {
		fn("event", i.event)
	}
	if i.order != "" {
		fn("order", string(i.order))
	}
	if i.esim != "" {
		fn("esim", i.esim)
	}
}

// An idsHandler writes the ids that a line's context carries into the line, but for those that the
// line names itself.
type idsHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h idsHandler) Handle(ctx context.Context, line slog.Record) error {
	carried := idsIn(ctx)
	if carried != (ids{}) {
		named := map[string]bool{}
		line.Attrs(func(a slog.Attr) bool {
			named[a.Key] = true
			return true
		})
		line = line.Clone()
		if carried.update != 0 && !named["update"] { // a number, as lines write it themselves
			line.AddAttrs(slog.Int64("update", carried.update))
		}
		named["update"] = true
		carried.each(func(name, value string) {
			if !named[name] {
				line.AddAttrs(slog.String(name, value))
			}
		})
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h idsHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return idsHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h idsHandler) WithGroup(name string) slog.Handler { return idsHandler{h.Handler.WithGroup(name)} }

// telling returns log with the ids of each line's context in it.
func telling(log *slog.Logger) *slog.Logger {
	if _, told := log.Handler().(idsHandler); told {
		return log
	}
	return slog.New(idsHandler{log.Handler()})
}
