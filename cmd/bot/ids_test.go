package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each line says what its context is about, once, and an update outlives the request that brought it.
func TestIDs(t *testing.T) {
	request, hangUp := context.WithCancel(t.Context())
	ctx := ofUpdate(request, 42)
	hangUp()
	if _, limited := ctx.Deadline(); ctx.Err() != nil || ctx.Done() != nil || limited {
		t.Error("the update ends with its request")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ordered := withIDs(ctx, func(i *ids) { i.order = "7KQ2M9X4TB" })
	looked := withIDs(ordered, func(i *ids) { i.esim = "AAAAAAAAAA" })
	for _, c := range []struct {
		name string
		ctx  context.Context
		line func(context.Context, *slog.Logger)
		want map[string]any
	}{
		{"nothing", t.Context(), func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "x") }, map[string]any{}},
		{"an update", ctx, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "x") }, map[string]any{"update": 42.0}},
		{"all", looked, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "x") },
			map[string]any{"update": 42.0, "order": "7KQ2M9X4TB", "esim": "AAAAAAAAAA"}},
		{"named by the line", ordered, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "x", "order", "BBBBBBBBBB") },
			map[string]any{"update": 42.0, "order": "BBBBBBBBBB"}},
		{"beside others", ordered, func(ctx context.Context, l *slog.Logger) { l.With("a", "b").InfoContext(ctx, "x") },
			map[string]any{"a": "b", "update": 42.0, "order": "7KQ2M9X4TB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			c.line(c.ctx, telling(telling(newLogger(&out, "debug", "json"))))
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			delete(line, "time")
			delete(line, "level")
			delete(line, "msg")
			if d := cmp.Diff(c.want, line); d != "" {
				t.Error(d)
			}
		})
	}
}

// A limit set on a context with ids ends with the work above it, like any other.
func TestIDsLeaveCancellingAlone(t *testing.T) {
	above, cancel := context.WithCancelCause(t.Context())
	below, stop := context.WithTimeout(withIDs(above, func(i *ids) { i.order = "7KQ2M9X4TB" }), time.Hour)
	defer stop()
	why := errors.New("the shop closes")
	cancel(why)
	<-below.Done()
	if !errors.Is(context.Cause(below), why) || idsIn(below).order != "7KQ2M9X4TB" {
		t.Errorf("%v, %+v", context.Cause(below), idsIn(below))
	}
}
