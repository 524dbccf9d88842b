package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"esimbot/orders"
	"esimbot/payments"
)

// maxSkew is how far our clock may be from Stripe's: signatures are good for five minutes.
const maxSkew = time.Minute

const (
	stripeKeys     = "https://dashboard.stripe.com/apikeys"
	stripeWebhooks = "https://dashboard.stripe.com/webhooks"
)

// stripe looks at the key, what it allows, the clock and the webhook endpoint.
func (d *doctor) stripe(ctx context.Context) []finding {
	const what = "Stripe knows the key"
	mend := "take the key from " + stripeKeys + ": STRIPE_SECRET_KEY; and see that STRIPE_API_URL can be reached from here"
	s, err := bareStripe(d.cfg)
	if err != nil {
		return []finding{ill(what, err, mend)}
	}
	account, err := s.CheckCredentials(ctx)
	if err != nil && !forbidden(err) { // a restricted key may not ask for the balance: that is told below
		return []finding{ill(what, err, mend)}
	}
	mode := ": test mode"
	if d.cfg.LiveKey() {
		mode = ": live mode"
	}
	found := []finding{well(what + mode)}
	if !account.ServerTime.IsZero() {
		found = append(found, d.clock(account.ServerTime))
	}
	if d.cfg.LiveKey() {
		found = append(found, activated(s.CanCharge(ctx)))
	}
	if s.Restricted() {
		f := permissions(s.Lacking(ctx, d.cfg.PublicURL != ""))
		if found = append(found, f); f.problem != "" {
			return found
		}
	}
	if d.cfg.PublicURL == "" {
		return append(found, well("Stripe webhook: none needed, payments are polled"))
	}
	return append(found, d.endpoint(ctx, s))
}

func forbidden(err error) bool {
	var e *payments.Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden
}

// clock compares the clock that the shop goes by with Stripe's.
func (d *doctor) clock(stripe time.Time) finding {
	const what = "clock against Stripe's"
	if skew := d.now().Sub(stripe); skew.Abs() > maxSkew {
		return ill(what, fmt.Sprintf("off by %s", skew.Round(time.Second)), "turn time synchronisation on, at the Redis server first: the shop goes by its clock")
	}
	return well(what)
}

func activated(can bool, err error) finding {
	const what = "Stripe account takes payments"
	const mend = "finish the account's activation at https://dashboard.stripe.com/account/onboarding"
	switch {
	case err != nil:
		return ill(what, err, "see that STRIPE_API_URL can be reached from here")
	case !can:
		return ill(what, "charges are not enabled", mend)
	default:
		return well(what)
	}
}

func permissions(lacking []string, err error) finding {
	const what = "Stripe key's permissions"
	switch {
	case err != nil:
		return ill(what, err, "see that STRIPE_API_URL can be reached from here")
	case len(lacking) > 0:
		return ill(what, "the restricted key lacks "+strings.Join(lacking, ", "), "add them to it at "+stripeKeys)
	default:
		return well(what)
	}
}

// endpoint looks at the webhook endpoint as setup does.
func (d *doctor) endpoint(ctx context.Context, s *payments.Stripe) finding {
	const what = "Stripe webhook"
	url := d.cfg.PublicURL + "/stripe/webhook"
	standing, err := s.Endpoints(ctx, url)
	if err != nil {
		return ill(what, err, "see that STRIPE_API_URL can be reached from here")
	}
	secrets := newWebhookSecrets(d.cfg, d.store)
	if d.store != nil {
		if err := secrets.load(ctx); err != nil {
			return ill(what, err, "see that Redis answers")
		}
	}
	var useful []payments.Endpoint
	useless := "none stands at " + url
	for _, e := range standing {
		unknown := d.store != nil && !secrets.known(e.ID)
		switch differs := e.Differs(); {
		case unknown:
			useless = "the secret of the one at " + url + " is lost"
		case differs != "":
			return ill(what, differs, runSetup)
		default:
			useful = append(useful, e)
		}
	}
	switch n := len(secrets.get()); {
	case len(useful) == 0:
		return ill(what, useless, runSetup)
	case len(useful) < len(standing):
		return ill(what, fmt.Sprintf("%d stand at %s, and the secret of %d is known", len(standing), url, len(useful)), runSetup)
	case d.store == nil && n == 0:
		return well(what+": "+url, "whether its secret is known stands in Redis")
	case len(useful) > n:
		return ill(what, fmt.Sprintf("%d stand at %s, and %d secrets are known", len(useful), url, n), "delete those at "+stripeWebhooks+" whose secret isn't in STRIPE_WEBHOOK_SECRET")
	default:
		return well(what + ": " + url)
	}
}

// bareStripe is Stripe for a look: it can open no payment page.
func bareStripe(cfg *Config) (*payments.Stripe, error) {
	return payments.New(payments.Config{
		SecretKey: cfg.StripeKey, APIURL: cfg.StripeURL, ShopID: shopID(cfg.TelegramToken), BotUsername: "bot",
		Describe: func(*orders.Order) (name, description string) { return "", "" },
	})
}
