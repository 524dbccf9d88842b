package handlers

import (
	"context"
	"errors"
	"fmt"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

var _ usage.Teller = (*Notifier)(nil)

// Tell sends a notice about an eSIM to its owner, with what can be added to it where its provider
// tells that now. usage.ErrUnreachable for an owner who blocked the bot or had everything deleted; any
// other error means that it may or may not have arrived.
func (n *Notifier) Tell(ctx context.Context, e *usage.ESIM, notice usage.Notice) error {
	if e.Customer <= 0 {
		return fmt.Errorf("eSIM %s has no owner any more: %w", e.ID, usage.ErrUnreachable)
	}
	lang := ""
	if loaded, err := n.cfg.Sessions.Load(ctx, e.Customer, 0); err != nil {
		n.cfg.Log.WarnContext(ctx, "language not read for a notice", "esim", e.ID, "err", err)
	} else {
		lang = loaded.Customer.Language
	}
	_, err := n.cfg.Client.send(ctx, e.Customer, n.cfg.Screens.NoticeScreen(e, notice, n.options(ctx, e, notice), lang))
	if errors.Is(err, orders.ErrUnreachable) {
		return fmt.Errorf("notice about eSIM %s: %w: %w", e.ID, usage.ErrUnreachable, err)
	}
	if err != nil {
		return fmt.Errorf("notice about eSIM %s: %w", e.ID, err)
	}
	return nil
}

// options are what can be added to the eSIM. A notice without them is better than none: it leads to
// the page that asks again.
func (n *Notifier) options(ctx context.Context, e *usage.ESIM, notice usage.Notice) []esim.Plan {
	if n.cfg.TopUps == nil || notice.Topic == usage.TopicOffline || notice.Topic == usage.TopicLink {
		return nil
	}
	plans, err := n.cfg.TopUps.TopUps(ctx, e)
	if err != nil {
		n.cfg.Log.WarnContext(ctx, "notice without prices", "esim", e.ID, "err", err)
		return nil
	}
	return plans
}
