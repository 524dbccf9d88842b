package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

type setupCmd struct {
	Environment `embed:""`
}

// Run is `bot setup`. It may be run again: it changes nothing that is right.
func (c *setupCmd) Run(ctx context.Context, out output) error {
	cfg, err := c.Config()
	if err != nil {
		return fmt.Errorf("%w:\n%w", errUsage, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*startTimeout)
	defer cancel()
	a, err := newApp(ctx, cfg, options{log: newLogger(os.Stderr, cfg.LogLevel, cfg.LogFormat), registry: newRegistry()})
	if err != nil {
		return err
	}
	return errors.Join(a.setup(ctx, out), a.Close())
}

func (a *app) setup(ctx context.Context, out output) error {
	webhook := ""
	if a.cfg.PublicURL != "" {
		webhook = a.cfg.PublicURL + "/telegram/webhook"
	}
	if err := a.telegram.Setup(ctx, webhook); err != nil {
		return err
	}
	if webhook == "" {
		fmt.Fprintln(out, "telegram: long polling, command menus set")
		return nil // without an address of ours Stripe is polled
	}
	fmt.Fprintln(out, "telegram: webhook", webhook, "and command menus set")
	made, err := a.payments.EnsureWebhook(ctx, a.cfg.PublicURL+"/stripe/webhook", len(a.secrets.get()) > 0, func(secret string) error {
		return a.secrets.save(ctx, secret)
	})
	if err != nil {
		return fmt.Errorf("stripe webhook: %w", err)
	}
	if made {
		fmt.Fprintln(out, "stripe: webhook endpoint made, its secret is kept in Redis")
	} else {
		fmt.Fprintln(out, "stripe: webhook endpoint stands")
	}
	return nil
}
