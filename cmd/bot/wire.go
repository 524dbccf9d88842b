package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"esimbot/catalog"
	"esimbot/flows"
	"esimbot/handlers"
	"esimbot/locales"
	"esimbot/orders"
	"esimbot/payments"
	"esimbot/providers"
)

// parts are what wire joins, beside what the app holds already.
type parts struct {
	bundle   *locales.Bundle
	sellers  []providers.Provider
	client   *handlers.Client
	username string // the bot's, without @
	metrics  *handlers.Metrics
}

// wire joins the rooms, from the bottom of the house to its doors.
func (a *app) wire(o options, p parts) error {
	late, later, looks := &desk{}, &support{}, &watch{}
	shop, err := flows.New(flows.Config{
		Catalogue: a.catalog, Desk: late, Office: late, ESIMs: a.store.ESIMs(), Watch: looks, Linker: looks, TopUps: topUps{a.catalog}, Support: later, Eraser: a.store, Popularity: a.store, Bundle: p.bundle, BotUsername: p.username,
		TermsURL: a.cfg.TermsURL, PrivacyURL: a.cfg.PrivacyURL, TestMode: a.cfg.TestSellsToAdminsOnly(), HoldDeadline: a.cfg.HoldDeadline, Now: a.now,
	})
	if err != nil {
		return err
	}
	a.notifier, err = handlers.NewNotifier(handlers.NotifierConfig{
		Client: p.client, Screens: shop, Claims: a.store, Sessions: a.store.Sessions(), TopUps: topUps{a.catalog}, Username: p.username, Admins: a.cfg.Admins, SupportChat: a.cfg.SupportChat, Log: a.log, Metrics: p.metrics,
	})
	if err != nil {
		return err
	}
	if *looks, err = a.newWatch(o, p.sellers, a.notifier); err != nil {
		return err
	}
	a.watch = looks.Watcher
	later.Relay, err = handlers.NewRelay(handlers.RelayConfig{
		Client: p.client, Letters: shop, Store: a.store, Claims: a.store, Sessions: a.store.Sessions(),
		Admins: a.cfg.Admins, SupportChat: a.cfg.SupportChat, Now: a.now, Log: a.log, Metrics: p.metrics,
	})
	if err != nil {
		return err
	}
	if a.cfg.PublicURL != "" { // without it Stripe is polled anyway
		a.secrets.missing = func(ctx context.Context) { a.alert(ctx, orders.Alert{Key: "stripe_webhook", Kind: "stripe_webhook"}) }
	}
	if a.payments, err = a.newPayments(p); err != nil {
		return err
	}
	if a.orders, err = a.newOrders(p, a.notifier); err != nil {
		return err
	}
	late.Service = a.orders
	a.telegram, err = handlers.New(handlers.Config{
		Client: p.client, Username: p.username, WebhookSecret: a.cfg.TelegramSecret, Shop: shop, Sessions: a.store.Sessions(), Bundle: p.bundle,
		Admins: a.cfg.Admins, SupportChat: a.cfg.SupportChat, Returned: a.store.ESIMs().Return, Relay: later.Relay, Now: a.now, Log: a.log, Metrics: p.metrics,
	})
	if err != nil {
		return err
	}
	a.handler, err = a.doors(p.metrics, a.notifier)
	return err
}

// newCatalog builds the catalogue, empty.
func (a *app) newCatalog(bundle *locales.Bundle, sellers []providers.Provider) (*catalog.Catalog, error) {
	return catalog.New(catalog.Config{
		Providers: sellers, Pricing: a.cfg.Pricing, Cache: a.store, Bundle: bundle, Refresh: a.cfg.CatalogRefresh, Now: a.now, Log: a.log, Panicked: a.seen.panicked,
		Renewed: debug.FreeOSMemory, // what a small machine needs for other things
		Alert: func(ctx context.Context, key, detail string) {
			a.alert(ctx, orders.Alert{Key: key, Kind: catalogueAlert(key), Detail: detail})
		},
	})
}

// alert tells the admins.
func (a *app) alert(ctx context.Context, al orders.Alert) {
	if err := a.notifier.Alert(ctx, al); err != nil {
		a.log.ErrorContext(ctx, "alert not sent", "alert", al.Key, "err", err)
	}
}

// catalogueAlert names the text of an alert from the catalogue by what its key is about.
func catalogueAlert(key string) string {
	switch about, _, _ := strings.Cut(key, ":"); about {
	case "balance":
		return "balance_low"
	case "provider":
		return "provider_down"
	default:
		return "catalogue"
	}
}

func (a *app) newPayments(p parts) (*payments.Stripe, error) {
	return payments.New(payments.Config{
		SecretKey: a.cfg.StripeKey, APIURL: a.cfg.StripeURL, ShopID: shopID(a.cfg.TelegramToken), BotUsername: p.username,
		WebhookSecrets: a.secrets.get, CheckoutTTL: a.cfg.CheckoutTTL, Tax: a.cfg.StripeTax, Now: a.now, Log: a.log,
		OnCall:       a.seen.stripe,
		Describe:     describe(p.bundle),
		ThreeDSecure: func(o *orders.Order) bool { return o.Checkout.Strict },
	})
}

// describe returns what says on Stripe's page which plan is bought and which order it is. The page
// may read the other way than the text, as there is none in Arabic: each keeps its own order.
func describe(bundle *locales.Bundle) func(*orders.Order) (name, description string) {
	return func(o *orders.Order) (name, description string) {
		l := bundle.For(o.Language)
		own := func(text string) string { return l.Isolate(l.Begin(text)) }
		if o.Kind == orders.KindTopUp {
			return own(l.T("checkout_topup_name", locales.Args{"Place": l.Destination(o.Plan.Destination), "Data": l.Allowance(o.Plan), "Days": l.Days(o.Plan.Days)})),
				own(l.T("checkout_topup_description", locales.Args{"Order": o.ID.String()}))
		}
		return own("eSIM " + l.Destination(o.Plan.Destination) + " · " + l.Allowance(o.Plan) + " · " + l.Days(o.Plan.Days)),
			own(l.T("checkout_description", locales.Args{"Order": o.ID.String()}))
	}
}

func (a *app) newOrders(p parts, notifier orders.Notifier) (*orders.Service, error) {
	return orders.New(orders.Config{
		Store: a.store.Orders(), Payments: a.payments, Providers: byID(p.sellers), Notifier: notifier, Shelf: a.store.ESIMs(),
		Twins:    a.twins,
		Shop:     shopID(a.cfg.TelegramToken),
		LiveMode: a.cfg.LiveKey(), TestSellsToAdminsOnly: a.cfg.TestSellsToAdminsOnly(), Rate: a.cfg.Pricing.Rate,
		PollPayments: func() bool { return a.cfg.PublicURL == "" || len(a.secrets.get()) == 0 },
		Lease:        a.cfg.OrderLease, ProviderTimeout: a.cfg.ProviderTimeout, CheckoutTTL: a.cfg.CheckoutTTL,
		BalanceAlert: &a.cfg.BalanceAlert,
		EvidenceWait: a.cfg.EvidenceWait, HoldDeadline: a.cfg.HoldDeadline, ReconcileInterval: a.cfg.ReconcileInterval,
		SweepInterval: a.cfg.SweepInterval, Plans: a.plan,
		Now: a.now, Log: a.log, Hooks: a.seen.machine(), Panicked: a.seen.panicked,
	})
}

// doors is what the outside reaches.
func (a *app) doors(metrics *handlers.Metrics, alerts handlers.Alerts) (http.Handler, error) {
	stripe, err := handlers.NewStripe(handlers.StripeConfig{Parse: a.parseEvent, Orders: a.orders, Alerts: alerts, Log: a.log, Metrics: metrics})
	if err != nil {
		return nil, err
	}
	d := handlers.Doors{
		Stripe: stripe, Log: a.log, Metrics: metrics,
		Checks: []handlers.Check{
			a.gate.check(),
			{Reason: "Redis does not answer", Probe: a.store.Ping},
			{Reason: "no catalogue is loaded yet", Probe: func(context.Context) error {
				if !a.catalog.Snapshot().Loaded() {
					return errors.New("empty snapshot")
				}
				return nil
			}},
		},
	}
	if a.cfg.PublicURL != "" {
		d.Telegram = a.telegram
	}
	return a.gate.before(handlers.Routes(d)), nil
}

// parseEvent tells the Stripe door in its own words what payments found. Disputes, warnings and the
// Dashboard's refunds name no order: their payment does.
func (a *app) parseEvent(ctx context.Context, payload []byte, signature string) (orders.PaymentEvent, error) {
	e, err := a.payments.ParseEvent(payload, signature)
	if err == nil && !e.Foreign && e.OrderID == "" {
		err = a.payments.Locate(ctx, &e)
	}
	switch {
	case errors.Is(err, payments.ErrNoSecret):
		return orders.PaymentEvent{}, handlers.ErrNoSecret
	case errors.Is(err, payments.ErrSignature):
		return orders.PaymentEvent{}, fmt.Errorf("%w: %w", handlers.ErrSignature, err)
	case err != nil:
		return orders.PaymentEvent{}, err
	case e.Foreign:
		return orders.PaymentEvent{}, handlers.ErrForeign
	}
	return orders.PaymentEvent{ID: e.ID, Type: e.Type, SessionID: e.SessionID, Intent: e.Intent, Order: e.OrderID}, nil
}
