package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"esimbot/flows"
	"esimbot/orders"
)

const (
	// alertQuiet is how long an alert that was sent keeps quiet; a matter that still stands is told again.
	alertQuiet = 24 * time.Hour
	// alertOver is how long after its last sign a failure that comes and goes counts as over: the next is
	// a matter of its own.
	alertOver = 2 * time.Hour
	// maxOut bounds how many alerts this process remembers by itself.
	maxOut = 1000
	// supportLanguage is what the support chat reads: who is in it isn't known.
	supportLanguage = "en"
)

// Alert tells the support chat, or each admin without one. Of all calls with one key within a day
// one sends. Nil means that the alert is out; who calls while another replica is still sending it
// gets an error, because that replica may fail. Where Redis doesn't say who sends, this process
// does: admins must hear of a Redis that is down or full.
func (n *Notifier) Alert(ctx context.Context, a orders.Alert) error {
	name := "alert:" + a.Key
	if passing(a.Kind) {
		n.still(ctx, name)
	}
	ours, err := claim(ctx, n.cfg.Claims, name)
	alone := err != nil && !errors.Is(err, errSending)
	switch {
	case alone && n.remembered(name):
		return nil
	case alone:
		n.cfg.Log.WarnContext(ctx, "alert sent without a claim", "alert", a.Key, "err", err)
	case err != nil:
		return fmt.Errorf("alert %s: %w", a.Key, err)
	case !ours:
		return nil
	}
	if err := n.tell(ctx, a); err != nil {
		release(ctx, n.cfg.Claims, n.cfg.Log, name)
		n.cfg.Metrics.alerts.WithLabelValues(a.Kind, "failed").Inc()
		return fmt.Errorf("alert %s: %w", a.Key, err)
	}
	n.cfg.Metrics.alerts.WithLabelValues(a.Kind, "ok").Inc()
	if alone {
		n.remember(name)
		return nil
	}
	if err := n.cfg.Claims.Keep(ctx, name, alertQuiet); err != nil {
		n.cfg.Log.WarnContext(ctx, "an alert that is out may come again", "alert", a.Key, "err", err)
	}
	return nil
}

// passing says whether alerts of a kind are about what comes and goes: a server that doesn't answer.
func passing(kind string) bool {
	switch kind {
	case "provider_down", "stripe_down", "stuck", "sweep":
		return true
	default:
		return false
	}
}

// still notes that a matter is there. Whoever notes it first after a while without a sign has it told
// again, though it was told of the same day.
func (n *Notifier) still(ctx context.Context, name string) {
	first, err := n.cfg.Claims.Claim(ctx, name+":still", alertOver)
	switch {
	case err != nil:
	case first:
		err = n.cfg.Claims.Release(ctx, name)
	default:
		err = n.cfg.Claims.Keep(ctx, name+":still", alertOver)
	}
	if err != nil {
		n.cfg.Log.DebugContext(ctx, "alert's matter not noted", "alert", name, "err", err)
	}
}

func (n *Notifier) remembered(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, known := n.out[name]
	return known && n.cfg.Now().Sub(at) < alertQuiet
}

func (n *Notifier) remember(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.out) >= maxOut {
		clear(n.out)
	}
	n.out[name] = n.cfg.Now()
}

// tell sends an alert to the support chat, and to the admins where there is none, or none any more: a
// group that was deleted or that threw the bot out must not swallow what concerns money.
func (n *Notifier) tell(ctx context.Context, a orders.Alert) error {
	if n.cfg.SupportChat == 0 {
		return n.toAdmins(ctx, a)
	}
	err := n.toSupport(ctx, n.cfg.Screens.AlertText(a, supportLanguage))
	if !errors.Is(err, orders.ErrUnreachable) || len(n.cfg.Admins) == 0 {
		return err
	}
	n.cfg.Log.ErrorContext(ctx, "the support chat can't be reached, admins are told", "alert", a.Key, "err", err)
	return n.toAdmins(ctx, a)
}

// toSupport sends an alert to the support chat, whose members may only answer customers: it gets a
// link that opens the matter in an admin's private chat, and no buttons that do something.
func (n *Notifier) toSupport(ctx context.Context, s flows.Screen) error {
	s.Rows = linked(s, n.cfg.Screens.Say(flows.WordOpen, supportLanguage))
	return n.cfg.Client.follow(ctx, n.cfg.SupportChat, func(ctx context.Context, chat int64) error {
		_, err := n.cfg.Client.send(ctx, chat, s)
		return err
	})
}

// linked has for the support chat the one button that leads to the screen's matter; nil where there
// is none to be opened.
func linked(s flows.Screen, open string) [][]flows.Button {
	if s.Link == "" {
		return nil
	}
	return [][]flows.Button{{{Text: open, URL: s.Link, Style: flows.Primary}}}
}

// toAdmins sends an alert to each admin, in the language they read. One who got it is enough.
func (n *Notifier) toAdmins(ctx context.Context, a orders.Alert) error {
	var failed []error
	for _, admin := range n.cfg.Admins {
		screen := n.cfg.Screens.AlertText(a, language(ctx, n.cfg.Sessions, admin, supportLanguage))
		if _, err := n.cfg.Client.send(ctx, admin, screen); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) < len(n.cfg.Admins) {
		return nil
	}
	if len(failed) == 0 {
		return errors.New("there is neither a support chat nor an admin to tell")
	}
	return errors.Join(failed...)
}

// language is what a person reads, as far as that is known.
func language(ctx context.Context, sessions flows.Sessions, user int64, otherwise string) string {
	loaded, err := sessions.Load(ctx, user, 0)
	if err != nil || loaded.Customer.Language == "" {
		return otherwise
	}
	return loaded.Customer.Language
}
