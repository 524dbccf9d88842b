package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// An Account is what a harmless call tells of the account.
type Account struct {
	LiveMode   bool
	ServerTime time.Time // of Stripe's clock, to the second; zero when it wasn't told
}

// CheckCredentials reads the balance: an error means that the key doesn't work.
// https://docs.stripe.com/api/balance/balance_retrieve
func (s *Stripe) CheckCredentials(ctx context.Context) (Account, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	var a Account
	err := s.call(ctx, "read balance", harmless, func(ctx context.Context) error {
		p := &stripe.BalanceParams{}
		p.Context = ctx
		b, err := s.api.Balance.Get(p)
		if err != nil {
			return err
		}
		a.LiveMode = b.Livemode
		if b.LastResponse != nil {
			a.ServerTime, _ = http.ParseTime(b.LastResponse.Header.Get("Date")) // zero when it isn't told
		}
		return nil
	})
	return a, err
}

// An Endpoint is a webhook endpoint as it stands at Stripe.
type Endpoint struct {
	ID         string
	Enabled    bool
	APIVersion string   // empty: the account's own
	Events     []string // in no order
}

// Differs says what of the endpoint isn't as EnsureWebhook would have it; empty: nothing.
func (e Endpoint) Differs() string {
	missing := slices.DeleteFunc(listened(), func(event string) bool { return slices.Contains(e.Events, event) })
	surplus := slices.DeleteFunc(slices.Clone(e.Events), func(event string) bool { return slices.Contains(listened(), event) })
	switch {
	case e.APIVersion != stripe.APIVersion:
		version := e.APIVersion
		if version == "" {
			version = "the account's own"
		}
		return fmt.Sprintf("its API version is %s, not %s", version, stripe.APIVersion)
	case !e.Enabled:
		return "it is disabled"
	case len(missing) > 0 && !slices.Contains(e.Events, "*"): // a star stands for all
		return "it isn't told of " + strings.Join(missing, ", ")
	case slices.Contains(e.Events, "*"):
		return "it is told of every event there is"
	case len(surplus) > 0:
		return "it is told of " + strings.Join(surplus, ", ") + ", which nobody listens to"
	default:
		return ""
	}
}

// Endpoints lists the webhook endpoints that stand at url.
func (s *Stripe) Endpoints(ctx context.Context, url string) ([]Endpoint, error) {
	found, err := s.endpointsAt(ctx, url)
	if err != nil {
		return nil, err
	}
	list := make([]Endpoint, len(found))
	for i, w := range found {
		list[i] = endpointOf(w)
	}
	return list, nil
}

func endpointOf(w *stripe.WebhookEndpoint) Endpoint {
	return Endpoint{ID: w.ID, Enabled: w.Status == "enabled", APIVersion: w.APIVersion, Events: w.EnabledEvents}
}

// Ensured is what EnsureWebhook did; the zero value: nothing had to be done.
type Ensured struct {
	Made, Mended bool
	Deleted      int // endpoints at the same address that were of no use
}

// EnsureWebhook makes sure that a webhook endpoint stands at url, pinned to the API version of this
// program, enabled, told exactly the events we listen to, and of a secret that is known. Stripe
// tells a secret only once, and an endpoint keeps its version, so one whose secret is lost, or of
// another version, is replaced: a new one is made, save gets its id and secret, then the others are
// deleted. If save fails the new one is taken back. Nobody else may run it at the same time.
// https://docs.stripe.com/api/webhook_endpoints, https://docs.stripe.com/webhooks/versioning
func (s *Stripe) EnsureWebhook(ctx context.Context, url string, known func(id string) bool, save func(id, secret string) error) (done Ensured, err error) {
	standing, err := s.endpointsAt(ctx, url)
	if err != nil {
		return done, err
	}
	var useless []*stripe.WebhookEndpoint
	for _, w := range standing {
		if w.APIVersion != stripe.APIVersion || !known(w.ID) {
			useless = append(useless, w)
			continue
		}
		if endpointOf(w).Differs() != "" {
			done.Mended = true
			if err := s.mendEndpoint(ctx, w.ID); err != nil {
				return done, err
			}
		}
	}
	if len(useless) == len(standing) {
		if err := s.makeEndpoint(ctx, url, save); err != nil {
			return done, err
		}
		done.Made = true
	}
	for _, w := range useless {
		if err := s.deleteEndpoint(ctx, w.ID); err != nil {
			return done, err
		}
		done.Deleted++
	}
	return done, nil
}

func (s *Stripe) makeEndpoint(ctx context.Context, url string, save func(id, secret string) error) error {
	made, err := s.createEndpoint(ctx, url)
	if err != nil {
		return err
	}
	if err := save(made.ID, made.Secret); err != nil {
		return errors.Join(fmt.Errorf("save the webhook's secret: %w", err), s.deleteEndpoint(ctx, made.ID))
	}
	return nil
}

func (s *Stripe) endpointsAt(ctx context.Context, url string) (found []*stripe.WebhookEndpoint, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	err = s.call(ctx, "list webhook endpoints", harmless, func(ctx context.Context) error {
		found = nil
		p := &stripe.WebhookEndpointListParams{}
		p.Context, p.Limit = ctx, stripe.Int64(100)
		it := s.api.WebhookEndpoints.List(p)
		for it.Next() {
			if w := it.WebhookEndpoint(); w.URL == url {
				found = append(found, w)
			}
		}
		return it.Err()
	})
	return found, err
}

func (s *Stripe) createEndpoint(ctx context.Context, url string) (made *stripe.WebhookEndpoint, err error) {
	ctx, cancel := within(ctx)
	defer cancel()
	key := stripe.NewIdempotencyKey() // one for all repeats of this call
	err = s.call(ctx, "create webhook endpoint", keyed, func(ctx context.Context) error {
		p := &stripe.WebhookEndpointParams{
			URL: stripe.String(url), APIVersion: stripe.String(stripe.APIVersion), EnabledEvents: stripe.StringSlice(listened()),
			Description: stripe.String("eSIM shop bot " + s.cfg.BotUsername), Metadata: map[string]string{metaShop: s.cfg.ShopID},
		}
		p.Context = ctx
		p.SetIdempotencyKey(key)
		var err error
		made, err = s.api.WebhookEndpoints.New(p)
		return err
	})
	if err == nil && made.Secret == "" {
		return nil, errors.New("stripe: create webhook endpoint: no secret was told")
	}
	return made, err
}

// mendEndpoint brings an endpoint's events and state up to date. Its secret stays.
func (s *Stripe) mendEndpoint(ctx context.Context, id string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	return s.call(ctx, "update webhook endpoint", harmless, func(ctx context.Context) error {
		p := &stripe.WebhookEndpointParams{Disabled: stripe.Bool(false), EnabledEvents: stripe.StringSlice(listened())}
		p.Context = ctx
		_, err := s.api.WebhookEndpoints.Update(id, p)
		return err
	})
}

// deleteEndpoint takes an endpoint away; one that is gone already is no error.
func (s *Stripe) deleteEndpoint(ctx context.Context, id string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := s.call(ctx, "delete webhook endpoint", harmless, func(ctx context.Context) error {
		p := &stripe.WebhookEndpointParams{}
		p.Context = ctx
		_, err := s.api.WebhookEndpoints.Del(id, p)
		return err
	})
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}
