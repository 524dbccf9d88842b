package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"esimbot/payments"
	"esimbot/store"
)

const (
	// setupTurn is for how long one setup has Stripe's webhook to itself. Two deploys at once would
	// each make an endpoint, and keep the secret of the one that the other deletes.
	setupTurn = 45 * time.Second
	// adminsName is what the admins that have a menu are kept under.
	adminsName = "admins"
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
	webhook := ""
	if a.cfg.PublicURL != "" {
		webhook = a.cfg.PublicURL + "/telegram/webhook"
	}
	if err := a.telegram.Register(ctx, webhook, say); err != nil {
		return err
	}
	return a.alone(ctx, func(ctx context.Context) error {
		if err := a.dismissAdmins(ctx, say); err != nil {
			return err
		}
		if webhook == "" {
			say("stripe: polled, no webhook endpoint is needed")
			return nil
		}
		return a.setupStripe(ctx, say)
	})
}

// dismissAdmins takes the admins' menu from those who were admins at the last setup and aren't now.
func (a *app) dismissAdmins(ctx context.Context, say func(line string)) error {
	kept, err := a.store.LoadSecret(ctx, adminsName)
	if err != nil && !errors.Is(err, store.ErrNoSecret) {
		return err
	}
	var present []string
	for _, id := range a.cfg.Admins {
		present = append(present, strconv.FormatInt(id, 10))
	}
	for _, text := range list(kept) {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || slices.Contains(a.cfg.Admins, id) {
			continue
		}
		if err := a.telegram.Dismiss(ctx, id); err != nil {
			return fmt.Errorf("menu of former admin %d: %w", id, err)
		}
		say(fmt.Sprintf("telegram: menu of former admin %d taken away", id))
	}
	if now := strings.Join(present, ","); now != kept {
		return a.store.SaveSecret(ctx, adminsName, now)
	}
	return nil
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
