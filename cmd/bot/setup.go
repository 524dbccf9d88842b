package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"esimbot/payments"
)

const (
	// setupTurn is for how long one setup has Stripe's webhook to itself. Two deploys at once would
	// each make an endpoint, and keep the secret of the one that the other deletes.
	setupTurn = 45 * time.Second
	// setupLook is how often the one that waits looks whether its turn has come.
	setupLook = 100 * time.Millisecond
)

type setupCmd struct {
	Environment `embed:""`
}

// Run is `bot setup`. It may be run again, and by two at once: it changes nothing that is right.
func (c *setupCmd) Run(ctx context.Context, out output) error {
	cfg, err := c.Config()
	if err != nil {
		return fmt.Errorf("%w:\n%w", errUsage, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 4*startTimeout)
	defer cancel()
	a, err := newApp(ctx, cfg, options{log: newLogger(os.Stderr, cfg.LogLevel, cfg.LogFormat), registry: newRegistry()})
	if err != nil {
		return err
	}
	return errors.Join(a.setup(ctx, out), a.Close())
}

// setup registers the shop at Telegram and Stripe and prints what it did, a line each.
func (a *app) setup(ctx context.Context, out output) error {
	say := func(line string) { fmt.Fprintln(out, line) }
	if a.cfg.PublicURL == "" {
		say("stripe: polled, no webhook endpoint is needed")
		return a.telegram.Register(ctx, "", say)
	}
	if err := a.telegram.Register(ctx, a.cfg.PublicURL+"/telegram/webhook", say); err != nil {
		return err
	}
	return a.alone(ctx, func(ctx context.Context) error { return a.setupStripe(ctx, say) })
}

func (a *app) setupStripe(ctx context.Context, say func(line string)) error {
	if err := a.secrets.load(ctx); err != nil { // another setup may have changed it just now
		return err
	}
	url := a.cfg.PublicURL + "/stripe/webhook"
	done, err := a.payments.EnsureWebhook(ctx, url, a.secrets.known, func(id, secret string) error {
		return a.secrets.save(ctx, id, secret)
	})
	if err != nil {
		return fmt.Errorf("stripe webhook: %w", err)
	}
	say("stripe: " + ensured(done) + ": " + url)
	return nil
}

func ensured(done payments.Ensured) string {
	what := "webhook endpoint stands"
	switch {
	case done.Made:
		what = "webhook endpoint made, its secret is kept in Redis"
	case done.Mended:
		what = "webhook endpoint's events and state set"
	}
	if done.Deleted > 0 {
		what += fmt.Sprintf(", %d of no use deleted", done.Deleted)
	}
	return what
}

// alone does what no other setup may do at the same time, and waits for its turn. The turn of one
// that was killed ends by itself; do ends before that.
func (a *app) alone(ctx context.Context, do func(context.Context) error) error {
	const name = "setup"
	tick := time.NewTicker(setupLook)
	defer tick.Stop()
	for {
		mine, err := a.store.Claim(ctx, name, setupTurn)
		if err != nil {
			return err
		}
		if mine {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("another setup is at work: %w", ctx.Err())
		}
	}
	working, cancel := context.WithTimeout(ctx, setupTurn-5*time.Second)
	defer cancel()
	err := do(working)
	return errors.Join(err, a.store.Release(context.WithoutCancel(ctx), name))
}
