package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"esimbot/handlers"
	"esimbot/orders"
	"esimbot/payments"
	"esimbot/store"
)

type doctorCmd struct {
	Environment `embed:""`
}

// errUnwell is the outcome of a doctor that found something.
var errUnwell = errors.New("something needs mending")

// Run is `bot doctor`: one line a check, with the mend where it failed.
func (c *doctorCmd) Run(ctx context.Context, out output) error {
	cfg, err := c.Config()
	if err != nil {
		return fmt.Errorf("%w:\n%w", errUsage, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*startTimeout)
	defer cancel()
	d := &doctor{cfg: cfg, out: out, options: options{log: newLogger(os.Stderr, "error", cfg.LogFormat), registry: newRegistry()}}
	return d.examine(ctx)
}

// A doctor asks each part of the outside something harmless.
type doctor struct {
	cfg     *Config
	out     output
	options options
	fail    bool
}

func (d *doctor) examine(ctx context.Context) error {
	d.say("configuration", nil, "")
	d.redis(ctx)
	d.telegram(ctx)
	sellers, err := newProviders(d.cfg, d.options, time.Now, nil, 0, nil)
	if err != nil {
		d.say("providers", err, "check their variables")
	}
	for _, s := range sellers {
		what := s.ID().Name() + " balance"
		balance, err := s.Balance(ctx)
		if err == nil {
			what += ": " + balance.StringFixed(2) + " USD"
		}
		d.say(what, err, "check the credentials and the address")
	}
	d.stripe(ctx)
	if d.fail {
		return errUnwell
	}
	return nil
}

func (d *doctor) say(what string, err error, mend string) {
	if err == nil {
		fmt.Fprintln(d.out, "ok  ", what)
		return
	}
	d.fail = true
	fmt.Fprintf(d.out, "FAIL %s: %v: %s\n", what, err, mend)
}

func (d *doctor) redis(ctx context.Context) {
	s, err := store.Open(ctx, d.cfg.RedisURL, store.Options{Keys: d.cfg.DataKeys, Log: d.options.log})
	if err != nil {
		d.say("Redis", err, "check REDIS_URL; maxmemory-policy must be noeviction")
		return
	}
	d.say("Redis answers and does not evict", nil, "")
	what := "Redis persistence"
	if err = s.CheckPersistence(ctx); errors.Is(err, store.ErrUntold) {
		what, err = what+": the server does not tell, see that it is on", nil
	}
	d.say(what, err, "set appendonly yes")
	if err := s.Close(); err != nil {
		d.say("Redis", err, "look at its log")
	}
}

func (d *doctor) telegram(ctx context.Context) {
	metrics, err := handlers.NewMetrics(d.options.registry)
	if err == nil {
		var client *handlers.Client
		client, err = handlers.NewClient(handlers.ClientConfig{Token: d.cfg.TelegramToken, APIURL: d.cfg.TelegramURL, Now: time.Now, Log: d.options.log, Metrics: metrics})
		if err == nil {
			_, err = client.Me(ctx)
		}
	}
	d.say("Telegram knows the bot", err, "check TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL")
}

// maxSkew is how far our clock may be from Stripe's: signatures are good for five minutes.
const maxSkew = time.Minute

func (d *doctor) stripe(ctx context.Context) {
	s, err := bareStripe(d.cfg)
	if err != nil {
		d.say("Stripe", err, "check STRIPE_SECRET_KEY")
		return
	}
	account, err := s.CheckCredentials(ctx)
	d.say("Stripe knows the key", err, "check STRIPE_SECRET_KEY and STRIPE_API_URL")
	if err != nil || account.ServerTime.IsZero() {
		return
	}
	if skew := time.Since(account.ServerTime).Abs(); skew > maxSkew {
		err = fmt.Errorf("off by %s", skew.Round(time.Second))
	}
	d.say("clock against Stripe's", err, "turn time synchronisation on")
}

// bareStripe is Stripe for a look: it can open no payment page.
func bareStripe(cfg *Config) (*payments.Stripe, error) {
	return payments.New(payments.Config{
		SecretKey: cfg.StripeKey, APIURL: cfg.StripeURL, ShopID: shopID(cfg.TelegramToken), BotUsername: "bot",
		Describe: func(*orders.Order) (name, description string) { return "", "" },
	})
}
