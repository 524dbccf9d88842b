package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// readyTime bounds the checks of one readiness probe.
const readyTime = 2 * time.Second

// A Check is one condition of readiness.
type Check struct {
	Reason string // why the shop isn't ready when Probe fails: "Redis does not answer"
	Probe  func(ctx context.Context) error
}

// Doors are what Routes serves. Log and Metrics are required.
type Doors struct {
	Telegram *Telegram // nil: updates are polled for, and there is no webhook
	Stripe   *Stripe   // nil: no Stripe webhook
	Checks   []Check   // in the order they are tried
	Log      *slog.Logger
	Metrics  *Metrics
}

// Routes returns the shop's HTTP side. Other methods on a known path get 405, other paths 404, and
// a panic 500.
func Routes(d Doors) http.Handler {
	mux := http.NewServeMux()
	if d.Telegram != nil {
		mux.Handle("POST /telegram/webhook", d.Telegram)
	}
	if d.Stripe != nil {
		mux.Handle("POST /stripe/webhook", d.Stripe)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", d.ready)
	return d.careful(mux)
}

// ready tells whether customers can be served here, and otherwise the first reason why not. The
// error itself goes to the log: it may name hosts.
func (d Doors) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	for _, check := range d.Checks {
		if err := check.Probe(ctx); err != nil {
			d.Log.WarnContext(ctx, "not ready", "reason", check.Reason, "err", err)
			say(w, http.StatusServiceUnavailable, check.Reason)
			return
		}
	}
	say(w, http.StatusOK, "ok")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the asker may be gone: nobody is left to tell
}

// careful catches panics and sets the few headers that matter where no browser is expected.
func (d Doors) careful(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer d.catch(w, r)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// catch is deferred: it ends a panic with a 500, except the one that is meant to drop the connection.
func (d Doors) catch(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http knows this very value
		panic(p)
	}
	d.Metrics.panics.WithLabelValues("http").Inc()
	d.Log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}
