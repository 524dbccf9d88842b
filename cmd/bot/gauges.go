package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"esimbot/esim"
	"esimbot/store"
)

const (
	// backlogEvery is how often at most Redis is asked how many orders there are: commands cost money
	// where an idle shop's are counted, and whoever scrapes would ask for every replica.
	backlogEvery = 30 * time.Second
	// backlogTimeout bounds that.
	backlogTimeout = 2 * time.Second
)

// gauges tell how things stand at the moment of a scrape. What isn't known is left out: an old figure
// would pass for a present one.
type gauges struct {
	app *app
	m   *metrics

	orders, oldest, late, esimsLate, balance, age, plans, secret, connections, timeouts *prometheus.Desc

	mu      sync.Mutex
	backlog store.Backlog
	at      time.Time
	failed  bool
}

func newGauges(a *app, m *metrics) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &gauges{
		app: a, m: m,
		orders:      desc("orders", "Orders in each state, of the whole shop.", "state"),
		oldest:      desc("orders_oldest_seconds", "How long the first order has been in a state, of the whole shop; 0 where there is none.", "state"),
		late:        desc("orders_late_seconds", "How overdue the first due order was when this replica last looked."),
		esimsLate:   desc("esims_late_seconds", "How overdue the first due eSIM was when this replica last looked."),
		balance:     desc("provider_balance_usd", "What the shop has at a provider, as this replica asked within 20 minutes.", "provider"),
		age:         desc("catalogue_age_seconds", "Time since a provider's plans on sale were fetched.", "provider"),
		plans:       desc("catalogue_plans", "Plans on sale, by provider.", "provider"),
		secret:      desc("stripe_webhook_secret_missing", "1 while Stripe's events can't be verified and Stripe is polled instead."),
		connections: desc("redis_connections", "Connections to Redis, by state.", "state"),
		timeouts:    desc("redis_pool_timeouts_total", "Times that no connection to Redis was to be had in time."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.orders, g.oldest, g.late, g.esimsLate, g.balance, g.age, g.plans, g.secret, g.connections, g.timeouts} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if b, ok := g.read(); ok {
		for state, n := range b.Count {
			gauge(g.orders, float64(n), string(state))
		}
		for state, age := range b.Oldest {
			gauge(g.oldest, age.Seconds(), string(state))
		}
	}
	if late, ok := g.m.ordersLate.get(); ok {
		gauge(g.late, late.Seconds())
	}
	if late, ok := g.m.esimsLate.get(); ok {
		gauge(g.esimsLate, late.Seconds())
	}
	g.m.balances.each(func(p esim.Provider, usd float64) { gauge(g.balance, usd, string(p)) })
	for p, fetched := range g.app.catalog.Fetched() {
		gauge(g.age, g.app.now().Sub(fetched).Seconds(), string(p))
	}
	for p, n := range g.app.catalog.Snapshot().OnSale() {
		gauge(g.plans, float64(n), string(p))
	}
	missing := 0.0
	if g.app.cfg.PublicURL != "" && len(g.app.secrets.get()) == 0 {
		missing = 1
	}
	gauge(g.secret, missing)
	total, idle, timeouts := g.app.store.Connections()
	gauge(g.connections, float64(idle), "idle")
	gauge(g.connections, float64(total-min(idle, total)), "used")
	out <- prometheus.MustNewConstMetric(g.timeouts, prometheus.CounterValue, float64(timeouts))
}

// read returns how many orders there are, as asked within backlogEvery; false where Redis doesn't say.
func (g *gauges) read() (store.Backlog, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.app.now()
	if !g.at.IsZero() && now.Sub(g.at).Abs() < backlogEvery {
		return g.backlog, !g.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	b, err := g.app.store.Orders().Backlog(ctx, now)
	if err != nil {
		g.app.log.WarnContext(ctx, "orders not counted", slog.Any("err", err))
	}
	g.backlog, g.at, g.failed = b, now, err != nil
	return b, err == nil
}

// register adds the gauges to what is scraped.
func (g *gauges) register(to prometheus.Registerer) error {
	if err := to.Register(g); err != nil {
		return fmt.Errorf("register gauges: %w", err)
	}
	return nil
}
