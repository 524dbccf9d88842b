// Package payments is all of Stripe: Checkout Sessions, refunds, verified events, and the fence
// that decides who may buy.
//
// Each method of Stripe does one thing within five seconds. What it writes goes out under an
// idempotency key that depends on the order alone, so a repeat after a crash is the same request. A
// key is used again only after no answer, a 409 or a 429; any other error is remembered by Stripe
// under the key, so then what became of the call is read back. An error that leaves open whether
// the call was done wraps orders.ErrPaymentDoubt.
//
// Everything of ours at Stripe carries the bot's numeric id as metadata "shop": several shops may
// share an account.
package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"esimbot/orders"
)

// callTimeout bounds each method: the order machine plans its leases with it.
const callTimeout = 5 * time.Second

// Config is what Stripe is built from. Fields without a default are required.
type Config struct {
	SecretKey   string // sk_… or rk_…
	APIURL      string // https://api.stripe.com when empty
	ShopID      string // the bot's numeric id: metadata "shop"
	BotUsername string // without @: the success and cancel links open it

	// WebhookSecrets returns the signing secrets in force; while rotating there are several.
	// None: ParseEvent says ErrNoSecret.
	WebhookSecrets func() []string
	// Describe names what an order buys in the customer's language, for the payment page and the
	// receipt. It must give the same texts for the same order always.
	Describe func(o *orders.Order) (name, description string)
	// ThreeDSecure says whether the order's payment asks for 3-D Secure; nil: it is left to Stripe.
	// It must give the same answer for the same order always.
	ThreeDSecure func(o *orders.Order) bool

	CheckoutTTL time.Duration // for orders that don't say when their page closes; 31 min when 0
	Tax         bool          // Stripe's automatic tax, prices inclusive

	Now        func() time.Time // time.Now when nil
	Log        *slog.Logger     // discards when nil
	HTTPClient *http.Client     // one with timeouts of its own when nil
	// OnCall is told of each call that ended just now, its repeats included: what was being done, and
	// an *Error where it failed. It must return at once. Nil: nobody is told.
	OnCall func(ctx context.Context, op string, took time.Duration, err error)
}

// Stripe is the shop's account at Stripe. It may be used by several goroutines at once.
type Stripe struct {
	cfg   Config
	api   *client.API
	pause time.Duration // before the first repeat of a call
}

var _ orders.Payments = (*Stripe)(nil)

// New checks the configuration and returns the account; it calls nobody.
func New(cfg Config) (*Stripe, error) {
	if cfg.APIURL == "" {
		cfg.APIURL = stripe.APIURL
	}
	if cfg.CheckoutTTL == 0 {
		cfg.CheckoutTTL = 31 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.WebhookSecrets == nil {
		cfg.WebhookSecrets = func() []string { return nil }
	}
	if cfg.ThreeDSecure == nil {
		cfg.ThreeDSecure = func(*orders.Order) bool { return false }
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("stripe: %w", err)
	}
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:        stripe.String(cfg.APIURL),
		HTTPClient: newHTTPClient(cfg.HTTPClient),
		// The library's own repeats wait without regard for the context.
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	api := client.New(cfg.SecretKey, &stripe.Backends{API: backend, Connect: backend, Uploads: backend})
	return &Stripe{cfg: cfg, api: api, pause: 100 * time.Millisecond}, nil
}

func (c *Config) check() error {
	u, err := url.Parse(c.APIURL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("the API's address must be a URL")
	case !strings.HasPrefix(c.SecretKey, "sk_") && !strings.HasPrefix(c.SecretKey, "rk_"):
		return errors.New("the secret key must begin with sk_ or rk_")
	case c.ShopID == "" || c.BotUsername == "":
		return errors.New("the bot's id and user name are needed")
	case c.Describe == nil:
		return errors.New("texts for the payment page are needed")
	}
	return nil
}

// TestMode says whether the key is a test key: no money moves.
func (s *Stripe) TestMode() bool {
	return strings.HasPrefix(s.cfg.SecretKey, "sk_test_") || strings.HasPrefix(s.cfg.SecretKey, "rk_test_")
}

// within bounds one method by callTimeout.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTimeout)
}
