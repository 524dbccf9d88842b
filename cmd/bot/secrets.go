package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"esimbot/store"
)

// The names that the Stripe webhook's secret and the id of its endpoint are kept under, and what the
// secret's encryption is bound to.
const (
	stripeSecretName   = "stripe-webhook"
	stripeEndpointName = "stripe-webhook-endpoint"
	stripeSecretOwner  = "secret:stripe-webhook"
)

// secretsEvery is how often at least Redis is asked for the secret that setup keeps there.
const secretsEvery = time.Minute

// webhookSecrets are the Stripe webhook's signing secrets: those configured, and the one that setup
// got from Stripe and keeps in Redis, sealed with a key derived from the Stripe key.
type webhookSecrets struct {
	configured []string
	store      *store.Store
	stripeKey  string
	every      time.Duration // between two looks
	// missing is called at every look that finds no secret; nil: nobody waits for one.
	missing func(ctx context.Context)
	kept    atomic.Pointer[keptSecret]
}

// A keptSecret is what Redis keeps of the endpoint that setup made.
type keptSecret struct{ endpoint, secret string }

func newWebhookSecrets(cfg *Config, s *store.Store) *webhookSecrets {
	return &webhookSecrets{configured: cfg.StripeSecrets, store: s, stripeKey: cfg.StripeKey, every: min(secretsEvery, cfg.ReconcileInterval)}
}

// get returns the secrets in force; none while they are lost.
func (w *webhookSecrets) get() []string {
	kept := w.kept.Load()
	if kept == nil {
		return w.configured
	}
	return append(slices.Clone(w.configured), kept.secret)
}

// known says whether the secret of an endpoint is in force, as far as anybody can tell: which
// endpoint a configured one belongs to Stripe doesn't say.
func (w *webhookSecrets) known(endpoint string) bool {
	kept := w.kept.Load()
	return len(w.configured) > 0 || kept != nil && kept.endpoint == endpoint
}

// load reads the kept secret. One that is missing or can't be opened is no error: the shop goes on
// without, and setup mends it.
func (w *webhookSecrets) load(ctx context.Context) error {
	sealed, err := w.store.LoadSecret(ctx, stripeSecretName)
	if errors.Is(err, store.ErrNoSecret) {
		w.kept.Store(nil)
		return nil
	}
	if err != nil {
		return err
	}
	endpoint, err := w.store.LoadSecret(ctx, stripeEndpointName)
	if err != nil && !errors.Is(err, store.ErrNoSecret) {
		return err
	}
	sealer, err := w.sealer()
	if err != nil {
		return err
	}
	plain, err := sealer.Open(sealed, stripeSecretOwner)
	if err != nil { // sealed with another Stripe key
		w.kept.Store(nil)
		return nil //nolint:nilerr // the same as none: setup gets a new one
	}
	w.kept.Store(&keptSecret{endpoint: endpoint, secret: string(plain)})
	return nil
}

// save keeps the secret that Stripe has just given with a new endpoint. A crash between the two
// leaves a secret that seems to be another endpoint's: the next setup replaces it.
func (w *webhookSecrets) save(ctx context.Context, endpoint, secret string) error {
	sealer, err := w.sealer()
	if err != nil {
		return err
	}
	sealed, err := sealer.Seal([]byte(secret), stripeSecretOwner)
	if err != nil {
		return err
	}
	if err := w.store.SaveSecret(ctx, stripeSecretName, sealed); err != nil {
		return err
	}
	return w.store.SaveSecret(ctx, stripeEndpointName, endpoint)
}

func (w *webhookSecrets) sealer() (*store.Sealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(w.stripeKey), nil, "esimbot stripe webhook secret", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return store.NewSealer([][]byte{key})
}

// run looks for the secret now and then, until ctx ends: setup may run beside the shop, and Redis may
// lose it. A Redis that doesn't answer leaves the one that is known in force.
func (w *webhookSecrets) run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if err := w.load(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "webhook secret not read", "err", err)
		}
		if len(w.get()) == 0 && w.missing != nil && ctx.Err() == nil {
			w.missing(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
