package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"

	"esimbot/esim"
	"esimbot/handlers"
	"esimbot/orders"
	"esimbot/payments"
	"esimbot/providers"
	"esimbot/store"
	"esimbot/usage"
)

// An observer sees what the shop does, by the hooks of every room: it counts, it writes calls to others
// into the log at its most talkative, it carries ids from each piece of work into its lines, and it has
// traces of all of it where there is a collector.
type observer struct {
	*metrics
	log      *slog.Logger
	trace    *tracing // nil: nobody follows
	registry *prometheus.Registry
}

// A callHook is told of a call that ended just now.
type callHook = func(ctx context.Context, op string, took time.Duration, err error)

func newObserver(ctx context.Context, cfg *Config, o options) (*observer, error) {
	seen := &observer{log: o.log, registry: o.registry}
	if o.registry == nil {
		seen.registry = prometheus.NewRegistry() // which nobody reads
	}
	now := o.now
	if now == nil {
		now = time.Now
	}
	var err error
	if seen.metrics, err = newMetrics(seen.registry, now); err != nil {
		return nil, err
	}
	if seen.trace, err = newTracing(ctx, cfg.OTLPEndpoint, o.log); err != nil {
		return nil, err
	}
	return seen, nil
}

// doors are the hooks of what comes in.
func (o *observer) doors() handlers.Hooks {
	return handlers.Hooks{
		Update: func(ctx context.Context, id int64) context.Context {
			ctx = ofUpdate(ctx, id)
			if o.trace != nil {
				ctx = o.trace.root(ctx, "update", attribute.Int64("update.id", id))
			}
			return ctx
		},
		Updated: func(ctx context.Context, kind, outcome string) {
			if o.trace != nil {
				o.trace.end(ctx, "update "+kind, outcome, outcome != "ok")
			}
		},
		Event: func(ctx context.Context) context.Context {
			if o.trace != nil {
				ctx = o.trace.root(ctx, "stripe event")
			}
			return ctx
		},
		EventRead: o.eventRead,
		EventDone: func(ctx context.Context, outcome string) {
			if o.trace != nil {
				o.trace.end(ctx, "", outcome, outcome != "ok" && outcome != "foreign")
			}
		},
		Called: func(ctx context.Context, method, outcome string, took time.Duration) {
			if method != "getUpdates" { // which waits for the next update, and belongs to none
				o.called(ctx, "telegram", method, outcome, took)
			}
		},
	}
}

func (o *observer) eventRead(ctx context.Context, e orders.PaymentEvent) context.Context {
	ctx = withIDs(ctx, func(i *ids) { i.event, i.order = e.ID, e.Order })
	if o.trace != nil {
		o.trace.note(ctx, attribute.String("event.id", e.ID), attribute.String("event.type", e.Type), attribute.String("order.id", string(e.Order)))
	}
	o.log.DebugContext(ctx, "stripe event", "type", e.Type)
	return ctx
}

// machine are the hooks of the order machine.
func (o *observer) machine() orders.Hooks {
	return orders.Hooks{
		Drive: func(ctx context.Context, id orders.ID) (context.Context, func(error)) {
			ctx = withIDs(ctx, func(i *ids) { i.order = id })
			if o.trace == nil {
				return ctx, func(error) {}
			}
			ctx = o.trace.root(ctx, "order", attribute.String("order.id", string(id)))
			return ctx, func(err error) { o.trace.end(ctx, "", outcome(err), err != nil) }
		},
		Order: func(ctx context.Context, id orders.ID) context.Context {
			if o.trace != nil {
				o.trace.note(ctx, attribute.String("order.id", string(id)))
			}
			return withIDs(ctx, func(i *ids) { i.order = id })
		},
		Moved:   o.moved,
		Lease:   func(fate orders.LeaseFate) { o.orderLeases.WithLabelValues(string(fate)).Inc() },
		Balance: o.balances.tell,
	}
}

func (o *observer) moved(ctx context.Context, order *orders.Order, from orders.State) {
	if o.trace != nil {
		o.trace.note(ctx, attribute.String("order.state", string(order.State)))
	}
	o.metrics.moved(order, from)
}

// watch are the hooks of the watch over eSIMs.
func (o *observer) watch() usage.Hooks {
	return usage.Hooks{
		Looked: func(p esim.Provider, news bool) {
			o.looks.WithLabelValues(string(p), map[bool]string{true: "news", false: "nothing"}[news]).Inc()
		},
		Told:     func(t usage.Topic, err error) { o.notices.WithLabelValues(string(t), told(err)).Inc() },
		Refused:  func(p esim.Provider, why usage.Refusal) { o.refused.WithLabelValues(string(p), string(why)).Inc() },
		Behind:   o.esimsLate.tell,
		Failed:   func(doing string, _ error) { o.watchFailures.WithLabelValues(doing).Inc() },
		Lease:    func(fate usage.LeaseFate, n int) { o.esimLeases.WithLabelValues(string(fate)).Add(float64(n)) },
		Panicked: o.panicked,
		Letter: func(ctx context.Context, id string) context.Context {
			return withIDs(ctx, func(i *ids) { i.esim = id })
		},
		Round: func(ctx context.Context) (context.Context, func(int)) {
			if o.trace == nil {
				return ctx, func(int) {}
			}
			ctx = o.trace.root(ctx, "usage round")
			return ctx, func(n int) {
				o.trace.note(ctx, attribute.Int("esims", n))
				o.trace.end(ctx, "", "ok", false)
			}
		},
	}
}

// redis are the hooks of the store.
func (o *observer) redis() store.Hooks {
	return store.Hooks{
		OrdersLate: o.ordersLate.tell,
		Called: func(ctx context.Context, command string, commands int, took time.Duration, err error) {
			o.redisCalled(command, took, err)
			if o.trace != nil {
				o.trace.call(ctx, "redis "+command, took, outcome(err), err != nil, attribute.Int("commands", commands))
			}
		},
	}
}

// provider has what is told of each call to a provider.
func (o *observer) provider(p esim.Provider) callHook {
	return func(ctx context.Context, op string, took time.Duration, err error) {
		result := providerOutcome(err)
		o.providerCalls.WithLabelValues(string(p), op, result).Inc()
		o.providerSeconds.WithLabelValues(string(p), op).Observe(took.Seconds())
		o.called(ctx, string(p), op, result, took)
	}
}

// stripe is told of each call to Stripe.
func (o *observer) stripe(ctx context.Context, op string, took time.Duration, err error) {
	result := stripeOutcome(err)
	o.stripeCalls.WithLabelValues(op, result).Inc()
	o.stripeSeconds.WithLabelValues(op).Observe(took.Seconds())
	o.called(ctx, "stripe", op, result, took)
}

// called writes a call to somebody into the log and into the trace.
func (o *observer) called(ctx context.Context, whom, op, result string, took time.Duration) {
	if o.log.Enabled(ctx, slog.LevelDebug) {
		o.log.DebugContext(ctx, "called", "whom", whom, "operation", op, "outcome", result, "seconds", took.Seconds())
	}
	if o.trace != nil {
		o.trace.call(ctx, whom+" "+op, took, result, result != "ok")
	}
}

func outcome(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}

// told is what became of a notice.
func told(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, usage.ErrUnreachable):
		return "unreachable"
	default:
		return "failed"
	}
}

// providerOutcome is what came of a call to a provider, in the words of docs/operations.md.
func providerOutcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, providers.ErrCircuitOpen):
		return "left_alone"
	case errors.Is(err, usage.ErrBusy):
		return "busy"
	}
	switch providers.ClassOf(err) {
	case providers.NotSent:
		return "not_sent"
	case providers.Rejected:
		return "rejected"
	default:
		return "unknown"
	}
}

// stripeOutcome is what came of a call to Stripe.
func stripeOutcome(err error) string {
	var refused *payments.Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &refused) || refused.Status == 0:
		return "no_answer"
	case refused.Status == http.StatusTooManyRequests:
		return "rate_limited"
	case refused.Status >= http.StatusInternalServerError:
		return "server_error"
	case refused.Status >= http.StatusBadRequest:
		return "refused"
	default:
		return "unreadable_" + strconv.Itoa(refused.Status/100) + "xx"
	}
}
