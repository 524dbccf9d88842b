package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// metrics count what the shop does behind its doors; those of the doors themselves are in handlers.
// docs/operations.md says what each means. No label holds an id: each has a few values, known
// beforehand.
type metrics struct {
	moves         *prometheus.CounterVec   // orders by the states they left and came to
	delivery      *prometheus.HistogramVec // seconds from payment to delivery, by kind
	orderLeases   *prometheus.CounterVec   // by what became of them
	esimLeases    *prometheus.CounterVec   // likewise
	looks         *prometheus.CounterVec   // at eSIMs, by provider and outcome
	notices       *prometheus.CounterVec   // by topic and outcome
	refused       *prometheus.CounterVec   // numbers kept out, by provider and reason
	watchFailures *prometheus.CounterVec   // of Redis, by what was being done

	providerCalls   *prometheus.CounterVec   // by provider, operation and outcome
	providerSeconds *prometheus.HistogramVec // by provider and operation
	stripeCalls     *prometheus.CounterVec   // by operation and outcome
	stripeSeconds   *prometheus.HistogramVec // by operation

	redisSeconds *prometheus.HistogramVec
	redisErrors  *prometheus.CounterVec
	// redis has the histogram of each command that is known: looked up without a lock.
	redis map[string]prometheus.Observer

	ordersLate, esimsLate *lateness
	balances              *balances
	// panicked counts a panic by where it was caught; set once the doors' metrics are there.
	panicked func(where string)
}

// Buckets in seconds.
func callBuckets() []float64 { return []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30} }
func redisBuckets() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
}
func deliveryBuckets() []float64 {
	return []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 86400}
}

// commands are what goes to Redis; anything else counts as "other".
func commands() []string {
	return []string{"pipeline", "evalsha", "eval", "get", "set", "setnx", "del", "exists", "ping", "time", "info", "zadd", "zrange", "zrevrange", "lrange", "hgetall", "hget", "hset", "other"}
}

// newMetrics registers the metrics; now is asked how old things are.
func newMetrics(registerer prometheus.Registerer, now func() time.Time) (*metrics, error) {
	r := &registrar{to: registerer}
	m := &metrics{
		moves:         r.counter("order_moves_total", "Orders that came to another state, by the state before (new for none) and after.", "from", "to"),
		delivery:      r.histogram("order_delivery_seconds", "Time from payment to delivery, by kind of order.", deliveryBuckets(), "kind"),
		orderLeases:   r.counter("order_leases_total", "Runners' holds on orders, by what became of them.", "fate"),
		esimLeases:    r.counter("esim_leases_total", "Watchers' holds on eSIMs, by what became of them.", "fate"),
		looks:         r.counter("esim_looks_total", "Looks at eSIMs by provider and whether they brought news.", "provider", "outcome"),
		notices:       r.counter("notices_total", "Offers and other messages about eSIMs that went out by themselves, by topic and outcome.", "topic", "outcome"),
		refused:       r.counter("usage_refused_total", "Numbers of providers about eSIMs that were not believed, by reason.", "provider", "reason"),
		watchFailures: r.counter("watch_failures_total", "Failures of Redis met by the watch over eSIMs, by what was being done.", "doing"),

		providerCalls:   r.counter("provider_calls_total", "Calls to providers by operation and outcome, retries included in one.", "provider", "operation", "outcome"),
		providerSeconds: r.histogram("provider_call_seconds", "Time of one call to a provider, retries and waiting for a turn included.", callBuckets(), "provider", "operation"),
		stripeCalls:     r.counter("stripe_calls_total", "Calls to Stripe by operation and outcome, repeats included in one.", "operation", "outcome"),
		stripeSeconds:   r.histogram("stripe_call_seconds", "Time of one call to Stripe, repeats included.", callBuckets(), "operation"),

		redisSeconds: r.histogram("redis_call_seconds", "Time of one round trip to Redis, by command or pipeline.", redisBuckets(), "command"),
		redisErrors:  r.counter("redis_errors_total", "Round trips to Redis that failed, by command or pipeline.", "command"),
		redis:        map[string]prometheus.Observer{},

		ordersLate: &lateness{now: now}, esimsLate: &lateness{now: now}, balances: &balances{now: now, told: map[esim.Provider]balance{}},
		panicked: func(string) {},
	}
	for _, c := range commands() {
		m.redis[c] = m.redisSeconds.WithLabelValues(c)
		m.redisErrors.WithLabelValues(c)
	}
	m.begun()
	if err := errors.Join(r.errs...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// begun sets to 0 what happens seldom, so that its first time is seen as a rise.
func (m *metrics) begun() {
	for _, doing := range []string{"lease", "give back", "save", "load", "record"} {
		m.watchFailures.WithLabelValues(doing)
	}
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, why := range []usage.Refusal{
			usage.RefusedForeign, usage.RefusedNoTime, usage.RefusedFuture, usage.RefusedNegative, usage.RefusedExceeds,
			usage.RefusedBackwards, usage.RefusedTotal, usage.RefusedValidity, usage.RefusedLag,
		} {
			m.refused.WithLabelValues(string(p), string(why))
		}
	}
	for _, topic := range []usage.Topic{usage.TopicUsedUp, usage.TopicLow, usage.TopicExpiry, usage.TopicOffline, usage.TopicLink} {
		for _, outcome := range []string{"ok", "failed", "unreachable"} {
			m.notices.WithLabelValues(string(topic), outcome)
		}
	}
	for _, fate := range []orders.LeaseFate{orders.LeaseTaken, orders.LeaseTakenOver, orders.LeaseLost, orders.LeaseHandedBack} {
		m.orderLeases.WithLabelValues(string(fate))
	}
	for _, fate := range []usage.LeaseFate{usage.LeaseTaken, usage.LeaseLost, usage.LeaseHandedBack} {
		m.esimLeases.WithLabelValues(string(fate))
	}
	m.moves.WithLabelValues(string(orders.Refunding), string(orders.Refunded))
	m.moves.WithLabelValues(string(orders.Refunding), string(orders.Review))
}

// A registrar makes metrics and registers them.
type registrar struct {
	to   prometheus.Registerer
	errs []error
}

func (r *registrar) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.errs = append(r.errs, r.to.Register(c))
	return c
}

func (r *registrar) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.errs = append(r.errs, r.to.Register(h))
	return h
}

// redisCalled counts a round trip. It allocates nothing.
func (m *metrics) redisCalled(command string, took time.Duration, err error) {
	seconds, known := m.redis[command]
	if !known {
		command, seconds = "other", m.redis["other"]
	}
	seconds.Observe(took.Seconds())
	if err != nil {
		m.redisErrors.WithLabelValues(command).Inc()
	}
}

func (m *metrics) moved(o *orders.Order, from orders.State) {
	before := string(from)
	if before == "" {
		before = "new"
	}
	m.moves.WithLabelValues(before, string(o.State)).Inc()
	if from == orders.Issued && o.State == orders.Delivered && !o.Payment.PaidAt.IsZero() {
		m.delivery.WithLabelValues(string(o.Kind)).Observe(o.DeliveredAt.Sub(o.Payment.PaidAt).Seconds())
	}
}

// stale is how old what was told may be before it is told no more.
const (
	lateStale    = time.Minute
	balanceStale = 20 * time.Minute // one replica asks for all, each 10 minutes
)

// A lateness is how late the most overdue of something was when last looked at.
type lateness struct {
	now func() time.Time

	mu   sync.Mutex
	late time.Duration
	at   time.Time
}

func (l *lateness) tell(late time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late, l.at = late, now
}

// get returns what was told, unless that is long ago.
func (l *lateness) get() (time.Duration, bool) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.late, !l.at.IsZero() && now.Sub(l.at) <= lateStale
}

// balances are what the shop has at its providers, as far as this replica has asked of late.
type balances struct {
	now func() time.Time

	mu   sync.Mutex
	told map[esim.Provider]balance
}

type balance struct {
	usd float64
	at  time.Time
}

func (b *balances) tell(p esim.Provider, usd decimal.Decimal) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[p] = balance{usd.InexactFloat64(), now}
}

// each calls fn for what is still known.
func (b *balances) each(fn func(p esim.Provider, usd float64)) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, told := range b.told {
		if now.Sub(told.at) <= balanceStale {
			fn(p, told.usd)
		}
	}
}
