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
	// alertTry is how long one replica has to send an alert before another may try.
	alertTry = time.Minute
	// alertQuiet is how long an alert that was sent keeps quiet; a matter that still stands is told again.
	alertQuiet = 24 * time.Hour
	// maxOut bounds how many alerts this process remembers by itself.
	maxOut = 1000
	// adminLanguage is what alerts are written in: which admin reads them isn't known.
	adminLanguage = "en"
)

var errSending = errors.New("another replica is sending it")

// Alert tells the support chat, or each admin without one. Of all calls with one key within a day
// one sends. Nil means that the alert is out; who calls while another replica is still sending it
// gets an error, because that replica may fail. Where Redis doesn't say who sends, this process
// does: admins must hear of a Redis that is down or full.
func (n *Notifier) Alert(ctx context.Context, a orders.Alert) error {
	name := "alert:" + a.Key
	ours, err := n.claim(ctx, name)
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
		n.release(ctx, name)
		return fmt.Errorf("alert %s: %w", a.Key, err)
	}
	if alone {
		n.remember(name)
		return nil
	}
	if err := n.cfg.Claims.Keep(ctx, name, alertQuiet); err != nil {
		n.cfg.Log.WarnContext(ctx, "an alert that is out may come again", "alert", a.Key, "err", err)
	}
	return nil
}

// claim says whether the alert is to be sent here; not if it is out already. Two names tell an
// alert that is out from one that somebody has begun to send.
func (n *Notifier) claim(ctx context.Context, name string) (bool, error) {
	out, err := n.cfg.Claims.Held(ctx, name)
	if err != nil || out {
		return false, err
	}
	ours, err := n.cfg.Claims.Claim(ctx, sending(name), alertTry)
	if err == nil && !ours {
		err = errSending
	}
	return ours, err
}

// release lets the next call try at once. Without it the next has to wait for the claim's end.
func (n *Notifier) release(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTime)
	defer cancel()
	if err := n.cfg.Claims.Release(ctx, sending(name)); err != nil {
		n.cfg.Log.DebugContext(ctx, "claim not released", "alert", name, "err", err)
	}
}

func sending(name string) string { return name + ":sending" }

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

func (n *Notifier) tell(ctx context.Context, a orders.Alert) error {
	screen := n.cfg.Screens.AlertText(a, adminLanguage)
	if n.cfg.SupportChat != 0 {
		return n.toSupport(ctx, a, screen)
	}
	return n.toAdmins(ctx, screen)
}

// toSupport sends an alert to the support chat, whose members may only answer customers: it gets a
// link that opens the matter in an admin's private chat, and no buttons that do something.
func (n *Notifier) toSupport(ctx context.Context, a orders.Alert, s flows.Screen) error {
	s.Rows = n.links(a, s.Rows)
	_, err := n.cfg.Client.send(ctx, n.cfg.SupportChat, s)
	var failure *callError
	if errors.As(err, &failure) && failure.moved != 0 {
		n.cfg.Log.WarnContext(ctx, "the support chat has a new id", "old", n.cfg.SupportChat, "new", failure.moved)
		_, err = n.cfg.Client.send(ctx, failure.moved, s)
	}
	return err
}

// links keeps the button that leads to the matter: the screen's own link, else one made here.
func (n *Notifier) links(a orders.Alert, rows [][]flows.Button) [][]flows.Button {
	for _, row := range rows {
		for _, b := range row {
			if b.URL != "" {
				return [][]flows.Button{{b}}
			}
		}
	}
	if a.Order == nil {
		return nil
	}
	return [][]flows.Button{{{
		Text: a.Order.ID.String(),
		URL:  fmt.Sprintf("https://t.me/%s?start=a_%s", n.cfg.Username, string(a.Order.ID)),
	}}}
}

// toAdmins sends an alert to each admin. One who got it is enough.
func (n *Notifier) toAdmins(ctx context.Context, s flows.Screen) error {
	var failed []error
	for _, admin := range n.cfg.Admins {
		if _, err := n.cfg.Client.send(ctx, admin, s); err != nil {
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
