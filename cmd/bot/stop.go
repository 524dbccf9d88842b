package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"esimbot/handlers"
)

// errClosing is why a shop that was told to end isn't ready.
var errClosing = errors.New("told to end")

// A gate stands before the doors of a shop that is to end. From then until everything begun is
// finished, the doors stay open, because who comes to a shut one may wait for long:
//
//   - /readyz says 503, so that nobody is sent here any more,
//   - Telegram's updates get 503: they come again at once, and to another replica,
//   - Stripe's events are recorded as ever. Stripe would come again after an hour; the purchase that
//     follows is another replica's.
type gate struct{ shut atomic.Bool }

func (g *gate) close() { g.shut.Store(true) }

// check is the first condition of readiness.
func (g *gate) check() handlers.Check {
	return handlers.Check{Reason: "the shop is closing", Probe: func(context.Context) error {
		if g.shut.Load() {
			return errClosing
		}
		return nil
	}}
}

// before puts the gate before the doors.
func (g *gate) before(doors http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.shut.Load() {
			w.Header().Set("Connection", "close") // what comes next finds another replica
			if r.URL.Path == "/telegram/webhook" {
				http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
				return
			}
		}
		doors.ServeHTTP(w, r)
	})
}
