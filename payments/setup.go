package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

// EnsureWebhook makes sure that one webhook endpoint stands at url, pinned to the API version of
// this program, enabled, and told the events we listen to. haveSecret says that its signing secret
// is known; Stripe tells it only once, so an endpoint whose secret is lost, or of another version,
// is replaced: a new one is made, save gets its secret, then the old ones are deleted. If save
// fails the new one is taken back. It reports whether a new endpoint was made.
// https://docs.stripe.com/api/webhook_endpoints
func (s *Stripe) EnsureWebhook(ctx context.Context, url string, haveSecret bool, save func(secret string) error) (bool, error) {
	standing, err := s.endpointsAt(ctx, url)
	if err != nil {
		return false, err
	}
	good := slices.IndexFunc(standing, func(w *stripe.WebhookEndpoint) bool { return w.APIVersion == stripe.APIVersion })
	if haveSecret && good >= 0 {
		return false, s.mendEndpoint(ctx, standing[good])
	}
	made, err := s.createEndpoint(ctx, url)
	if err != nil {
		return false, err
	}
	if err := save(made.Secret); err != nil {
		return false, errors.Join(fmt.Errorf("save the webhook's secret: %w", err), s.deleteEndpoint(ctx, made.ID))
	}
	for _, w := range standing {
		if err := s.deleteEndpoint(ctx, w.ID); err != nil {
			return true, err
		}
	}
	return true, nil
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

// mendEndpoint brings an endpoint's events and state up to date, if they are not.
func (s *Stripe) mendEndpoint(ctx context.Context, w *stripe.WebhookEndpoint) error {
	missing := slices.ContainsFunc(listened(), func(e string) bool { return !slices.Contains(w.EnabledEvents, e) })
	all := slices.Contains(w.EnabledEvents, "*")
	if w.Status == "enabled" && (all || !missing) {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	return s.call(ctx, "update webhook endpoint", harmless, func(ctx context.Context) error {
		p := &stripe.WebhookEndpointParams{Disabled: stripe.Bool(false)}
		if !all {
			events := slices.Concat(w.EnabledEvents, listened())
			slices.Sort(events)
			p.EnabledEvents = stripe.StringSlice(slices.Compact(events))
		}
		p.Context = ctx
		_, err := s.api.WebhookEndpoints.Update(w.ID, p)
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
