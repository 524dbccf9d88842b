package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/handlers"
	"esimbot/locales"
	"esimbot/orders"
	"esimbot/payments"
	"esimbot/providers"
	"esimbot/providers/cloudesim"
	"esimbot/providers/mobilexy"
	"esimbot/store"
	"esimbot/usage"
)

// options are what the sandbox and the tests set differently.
type options struct {
	now      func() time.Time // nil: the machine's clock, corrected by Redis
	log      *slog.Logger
	registry *prometheus.Registry
	// embedded says that Redis is part of this process: it has no settings to warn about.
	embedded bool
	// local says that the outside world is on this machine: it may be asked as fast as it answers,
	// and its images are fetched from private addresses.
	local bool
}

// An app is the whole shop, built but not running.
type app struct {
	cfg      *Config
	log      *slog.Logger
	now      func() time.Time
	store    *store.Store
	secrets  *webhookSecrets
	catalog  *catalog.Catalog
	notifier *handlers.Notifier
	payments *payments.Stripe
	orders   *orders.Service
	watch    *usage.Watcher
	seen     *observer
	telegram *handlers.Telegram
	gate     gate
	handler  http.Handler
}

// desk lets the conversations hold the order desk before it exists: the order machine needs the
// notifier, which draws the conversations' screens.
type desk struct{ *orders.Service }

// support is the relay that the conversations write to. It draws by them, so they come first.
type support struct{ *handlers.Relay }

var (
	_ flows.Desk    = (*desk)(nil)
	_ flows.Support = (*support)(nil)
)

// newApp builds the shop. It reaches Redis and asks Telegram for the bot's name, and nothing else,
// before it returns.
func newApp(ctx context.Context, cfg *Config, o options) (*app, error) {
	o.log = telling(o.log)
	a := &app{cfg: cfg, log: o.log, now: o.now}
	var err error
	if a.seen, err = newObserver(ctx, cfg, o); err != nil {
		return nil, err
	}
	storeLog := o.log
	if o.embedded {
		storeLog = slog.New(slog.DiscardHandler)
	}
	if a.store, err = store.Open(ctx, cfg.RedisURL, store.Options{Keys: cfg.DataKeys, Now: o.now, Log: storeLog, Hooks: a.seen.redis()}); err != nil {
		return nil, errors.Join(err, a.seen.trace.close())
	}
	if err := a.build(ctx, o); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *app) build(ctx context.Context, o options) error {
	if a.now == nil {
		a.now = a.store.Clock(ctx)
	}
	a.secrets = newWebhookSecrets(a.cfg, a.store)
	if err := a.secrets.load(ctx); err != nil {
		return err
	}
	bundle, err := locales.Load()
	if err != nil {
		return fmt.Errorf("load locales: %w", err)
	}
	sellers, err := newProviders(a.cfg, o, a.now, a.store, a.cfg.ProviderTimeout/2, a.seen.provider)
	if err != nil {
		return err
	}
	metrics, err := handlers.NewMetrics(o.registry)
	if err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	metrics.Hooks, a.seen.panicked = a.seen.doors(), metrics.Panicked
	client, err := handlers.NewClient(handlers.ClientConfig{Token: a.cfg.TelegramToken, APIURL: a.cfg.TelegramURL, Now: a.now, Log: o.log, Metrics: metrics})
	if err != nil {
		return err
	}
	if a.catalog, err = a.newCatalog(bundle, sellers); err != nil {
		return err
	}
	username, err := a.awake(ctx, client)
	if err != nil {
		return err
	}
	if err := a.wire(o, parts{bundle: bundle, sellers: sellers, client: client, username: username, metrics: metrics}); err != nil {
		return err
	}
	if err := newGauges(a, a.seen.metrics).register(a.seen.registry); err != nil {
		return err
	}
	return nil
}

// awake asks Telegram for the bot's name, and meanwhile takes the last good catalogue from Redis, from
// which the shop sells at once; without one it waits for the providers.
func (a *app) awake(ctx context.Context, client *handlers.Client) (username string, err error) {
	var restoring sync.WaitGroup
	restoring.Go(func() {
		if err := a.catalog.Restore(ctx); err != nil {
			a.log.WarnContext(ctx, "catalogue not restored", "err", err)
		}
	})
	defer restoring.Wait()
	if username, err = client.Me(ctx); err != nil {
		return "", fmt.Errorf("ask Telegram for the bot's name: %w", err)
	}
	return username, nil
}

const (
	// providerRate is how many requests a second a provider gets from all replicas together,
	// sandboxRate how many one on this machine takes.
	providerRate = 10
	sandboxRate  = 10_000
)

// newProviders builds the clients of the providers that are on. shared keeps the rate that all
// replicas share, and a call waits for its turn as long as patience has it; nil where there is but one.
// told has for each provider who is told of its calls; nil: nobody.
func newProviders(cfg *Config, o options, now func() time.Time, shared *store.Store, patience time.Duration, told func(esim.Provider) callHook) ([]providers.Provider, error) {
	if told == nil {
		told = func(esim.Provider) callHook { return nil }
	}
	rate := uint(providerRate)
	permit := func(esim.Provider) func(context.Context) error { return nil }
	switch {
	case o.local:
		rate = sandboxRate
	case shared != nil:
		permit = func(p esim.Provider) func(context.Context) error {
			return shared.Permit(p, providerRate, patience)
		}
	}
	var sellers []providers.Provider
	if cfg.CloudESIMToken != "" {
		c, err := cloudesim.New(cloudesim.Config{
			Token: cfg.CloudESIMToken, BaseURL: cfg.CloudESIMURL, Timeout: cfg.ProviderTimeout, Rate: rate, Permit: permit(esim.CloudESIM), OnCall: told(esim.CloudESIM), Now: now, AllowPrivateImages: o.local,
		})
		if err != nil {
			return nil, err
		}
		sellers = append(sellers, c)
	}
	if cfg.MobilexyKey != "" {
		m, err := mobilexy.New(mobilexy.Config{APIKey: cfg.MobilexyKey, BaseURL: cfg.MobilexyURL, Timeout: cfg.ProviderTimeout, Rate: rate, Permit: permit(esim.Mobilexy), OnCall: told(esim.Mobilexy)})
		if err != nil {
			return nil, err
		}
		sellers = append(sellers, m)
	}
	return sellers, nil
}

// Run does the background work until ctx ends, and then until what was begun is finished.
func (a *app) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, a.gate.close)()
	group, ctx := errgroup.WithContext(ctx)
	loops := map[string]func(context.Context) error{
		"catalogue": a.catalog.Run, "store": a.store.Run, "orders": a.orders.Run, "watch": a.watch.Run,
		"secrets": func(ctx context.Context) error { return a.secrets.run(ctx, a.log) },
	}
	if a.cfg.PublicURL == "" {
		loops["polling"] = a.telegram.Poll
	}
	for name, loop := range loops {
		group.Go(func() error { return a.steady(ctx, name, loop) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Close lets go of Redis, and sends what traces are left. Run must have ended.
func (a *app) Close() error { return errors.Join(a.store.Close(), a.seen.trace.close()) }

// twins returns the same plan at the other provider, cheapest first.
func (a *app) twins(p esim.Plan) []esim.Plan { return a.catalog.Snapshot().Twins(p) }

// plan returns a plan that is on sale, by its provider's id and its Ref.
func (a *app) plan(provider esim.Provider, id, ref string) (esim.Plan, bool) {
	p, ok := a.catalog.Snapshot().Plan(ref)
	return p, ok && p.Provider == provider && p.ID == id
}

// shopID is the bot's numeric id, the part of its token before the colon.
func shopID(token string) string {
	id, _, _ := strings.Cut(token, ":")
	return id
}

func byID(sellers []providers.Provider) map[esim.Provider]providers.Provider {
	m := make(map[esim.Provider]providers.Provider, len(sellers))
	for _, s := range sellers {
		m[s.ID()] = s
	}
	return m
}
