package handlers

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what passes through the doors.
type Metrics struct {
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
	seconds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
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
	var errs []error
	for _, c := range []prometheus.Collector{m.updates, m.turn, m.calls, m.call, m.events, m.panics, m.stale, m.alerts, m.relays} {
		errs = append(errs, registerer.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func (m *Metrics) updated(kind kind, outcome string, took time.Duration) {
	m.updates.WithLabelValues(string(kind), outcome).Inc()
	m.turn.WithLabelValues(string(kind)).Observe(took.Seconds())
}

func (m *Metrics) called(method, outcome string, took time.Duration) {
	m.calls.WithLabelValues(method, outcome).Inc()
	m.call.WithLabelValues(method).Observe(took.Seconds())
}
