package orders

import (
	"context"
	"errors"
	"log/slog"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// Hooks are told what the order machine does, for logs, metrics and traces. Each may be nil, must
// return at once, and may be called from several goroutines. A context that one returns is what its
// order is handled in.
type Hooks struct {
	// Drive is told that a runner takes an order to drive it; what it returns is told how that ended.
	Drive func(ctx context.Context, id ID) (_ context.Context, ended func(error))
	// Order is told whose order the work in hand turned out to be about.
	Order func(ctx context.Context, id ID) context.Context
	// Moved is told of each order that came to another state, from "" for a new one.
	Moved func(ctx context.Context, o *Order, from State)
	// Lease is told what became of a runner's hold on an order.
	Lease func(fate LeaseFate)
	// Balance is told what the shop has at a provider, in USD.
	Balance func(p esim.Provider, usd decimal.Decimal)
}

// A LeaseFate is what became of a runner's hold on an order.
type LeaseFate string

// What becomes of a lease.
const (
	LeaseTaken      LeaseFate = "taken"
	LeaseTakenOver  LeaseFate = "taken_over"  // from a runner whose lease ran out: it died, or was far too slow
	LeaseLost       LeaseFate = "lost"        // the order changed under its runner
	LeaseHandedBack LeaseFate = "handed_back" // after a step that failed
)

func (h Hooks) lease(fate LeaseFate) {
	if h.Lease != nil {
		h.Lease(fate)
	}
}

func (h Hooks) order(ctx context.Context, id ID) context.Context {
	if h.Order == nil {
		return ctx
	}
	return h.Order(ctx, id)
}

func (h Hooks) drive(ctx context.Context, id ID) (context.Context, func(error)) {
	if h.Drive == nil {
		return h.order(ctx, id), func(error) {}
	}
	return h.Drive(ctx, id)
}

func (h Hooks) balance(p esim.Provider, usd decimal.Decimal) {
	if h.Balance != nil {
		h.Balance(p, usd)
	}
}

// moved logs and tells that an order came to the state it is in.
func (s *Service) moved(ctx context.Context, o *Order, from State, actor string) {
	if o.State == from {
		return
	}
	s.log.InfoContext(ctx, "order moved", slog.String("order", string(o.ID)), slog.String("from", string(from)),
		slog.String("to", string(o.State)), slog.String("actor", actor), slog.String("reason", o.Reason))
	if s.hooks.Moved != nil {
		s.hooks.Moved(ctx, o, from)
	}
}

// takes tells that a runner has taken o, as it was before.
func (s *Service) takes(before Lease) {
	if before.Owner != "" {
		s.hooks.lease(LeaseTakenOver)
		return
	}
	s.hooks.lease(LeaseTaken)
}

// noteLost tells of a lease that err says was lost.
func (s *Service) noteLost(err error) {
	if errors.Is(err, ErrConflict) {
		s.hooks.lease(LeaseLost)
	}
}
