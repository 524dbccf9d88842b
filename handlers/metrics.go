package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"esimbot/orders"
)

// Hooks follow what passes through the doors, for logs and traces. Each may be nil, must return at
// once, and may be called from several goroutines. A context that one returns is what its matter is
// handled in.
type Hooks struct {
	// Update is told that the handling of an update begins, Updated how it ended. What Update returns
	// must outlive ctx, as context.WithoutCancel has it.
	Update  func(ctx context.Context, id int64) context.Context
	Updated func(ctx context.Context, kind, outcome string)
	// Event is told that an event of Stripe's came, EventRead what it says, EventDone how it ended.
	Event     func(ctx context.Context) context.Context
	EventRead func(ctx context.Context, e orders.PaymentEvent) context.Context
	EventDone func(ctx context.Context, outcome string)
	// Called is told that a call to the Bot API ended just now.
	Called func(ctx context.Context, method, outcome string, took time.Duration)
}

// Metrics counts what passes through the doors.
type Metrics struct {
	// Hooks are set before anything is counted, if at all.
	Hooks Hooks

	updates *prometheus.CounterVec   // by kind and outcome
	turn    *prometheus.HistogramVec // seconds to handle an update to the end, by kind
	calls   *prometheus.CounterVec   // calls to Telegram by method and outcome
	call    *prometheus.HistogramVec // seconds of one call to Telegram, by method
	events  *prometheus.CounterVec   // Stripe's events by outcome
	panics  *prometheus.CounterVec   // by door
	stale   prometheus.Counter       // presses of buttons that made no sense any more
	alerts  *prometheus.CounterVec   // to admins, by kind and outcome
	relays  *prometheus.CounterVec   // messages between customers and support, by direction and outcome
}

// NewMetrics registers the doors' metrics; with a nil Registerer they count for nobody.
func NewMetrics(registerer prometheus.Registerer) (*Metrics, error) {
	seconds := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m := &Metrics{
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telegram_updates_total", Help: "Updates from Telegram by kind and outcome.",
		}, []string{"kind", "outcome"}),
		turn: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "telegram_update_seconds", Help: "Time to handle an update to the end.", Buckets: seconds,
		}, []string{"kind"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "telegram_calls_total", Help: "Calls to the Bot API by method and outcome.",
		}, []string{"method", "outcome"}),
		call: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "telegram_call_seconds", Help: "Time of one call to the Bot API.", Buckets: seconds,
		}, []string{"method"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stripe_events_total", Help: "Events from Stripe by outcome.",
		}, []string{"outcome"}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "panics_total", Help: "Panics caught, by door.",
		}, []string{"door"}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stale_presses_total", Help: "Presses of outdated or forged buttons.",
		}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alerts_total", Help: "Alerts to admins by kind and outcome.",
		}, []string{"kind", "outcome"}),
		relays: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "support_messages_total", Help: "Messages between customers and support by direction and outcome.",
		}, []string{"direction", "outcome"}),
	}
	if registerer == nil {
		return m, nil
	}
	m.begun()
	var errs []error
	for _, c := range []prometheus.Collector{m.updates, m.turn, m.calls, m.call, m.events, m.panics, m.stale, m.alerts, m.relays} {
		errs = append(errs, registerer.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// begun sets to 0 what should never happen, so that its first time is seen as a rise.
func (m *Metrics) begun() {
	for _, door := range []string{"telegram", "http", "orders", "usage", "catalogue", "loop"} {
		m.panics.WithLabelValues(door)
	}
	for _, outcome := range []string{"ok", "failed", "forged", "foreign", "no_secret", "unreadable"} {
		m.events.WithLabelValues(outcome)
	}
	for _, kind := range []string{"balance_low", "provider_down", "refund_failed", "review", "stripe_down", "stripe_webhook", "stuck"} {
		for _, outcome := range []string{"ok", "failed"} {
			m.alerts.WithLabelValues(kind, outcome)
		}
	}
	for _, direction := range []string{"to_support", "to_customer"} {
		for _, outcome := range []string{"ok", "failed"} {
			m.relays.WithLabelValues(direction, outcome)
		}
	}
}

// Panicked counts a panic that was caught, by where: "orders", "usage" and the like.
func (m *Metrics) Panicked(door string) { m.panics.WithLabelValues(door).Inc() }

// begin returns the context that an update is handled in, which outlives ctx.
func (m *Metrics) begin(ctx context.Context, update int64) context.Context {
	if m.Hooks.Update == nil {
		return context.WithoutCancel(ctx)
	}
	return m.Hooks.Update(ctx, update)
}

func (m *Metrics) updated(ctx context.Context, kind kind, outcome string, took time.Duration) {
	m.updates.WithLabelValues(string(kind), outcome).Inc()
	m.turn.WithLabelValues(string(kind)).Observe(took.Seconds())
	if m.Hooks.Updated != nil {
		m.Hooks.Updated(ctx, string(kind), outcome)
	}
}

func (m *Metrics) called(ctx context.Context, method, outcome string, took time.Duration) {
	m.calls.WithLabelValues(method, outcome).Inc()
	m.call.WithLabelValues(method).Observe(took.Seconds())
	if m.Hooks.Called != nil {
		m.Hooks.Called(ctx, method, outcome, took)
	}
}

func (m *Metrics) event(ctx context.Context) context.Context {
	if m.Hooks.Event == nil {
		return ctx
	}
	return m.Hooks.Event(ctx)
}

func (m *Metrics) eventRead(ctx context.Context, e orders.PaymentEvent) context.Context {
	if m.Hooks.EventRead == nil {
		return ctx
	}
	return m.Hooks.EventRead(ctx, e)
}

func (m *Metrics) eventDone(ctx context.Context, outcome string) {
	m.events.WithLabelValues(outcome).Inc()
	if m.Hooks.EventDone != nil {
		m.Hooks.EventDone(ctx, outcome)
	}
}
