package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"esimbot/handlers"
	"esimbot/locales"
	"esimbot/orders"
)

const (
	// stuckFor is how long ago a delivery may have failed for the updates that wait to be stuck: Telegram
	// tries again every minute or two.
	stuckFor = 3 * time.Minute
	// recently is how long a failed delivery is told of after all is well again.
	recently = 24 * time.Hour
)

// telegram looks at the bot, its webhook and texts, and the people it must be able to write to.
func (d *doctor) telegram(ctx context.Context) []finding {
	const what = "Telegram knows the bot"
	client, username, err := d.bot(ctx)
	if err != nil {
		return []finding{ill(what, err, "take the token from @BotFather: TELEGRAM_BOT_TOKEN; and see that TELEGRAM_API_URL can be reached from here")}
	}
	found := []finding{well(what + ": @" + username)}
	bundle, err := locales.Load()
	if err != nil {
		return append(found, ill("languages", err, "this program is broken, build it again"))
	}
	r := &handlers.Registration{Client: client, Bundle: bundle, WebhookSecret: d.cfg.TelegramSecret}
	if d.cfg.PublicURL != "" {
		r.WebhookURL = d.cfg.PublicURL + "/telegram/webhook"
	}
	found = append(found, d.webhook(ctx, r), texts(ctx, r))
	if d.cfg.SupportChat != 0 {
		found = append(found, supportChat(client.CheckSupport(ctx, d.cfg.SupportChat)))
	}
	if len(d.cfg.Admins) > 0 {
		found = append(found, d.admins(ctx, client))
	}
	return found
}

// bot returns a client for the bot, and the bot's name.
func (d *doctor) bot(ctx context.Context) (*handlers.Client, string, error) {
	metrics, err := handlers.NewMetrics(d.options.registry)
	if err != nil {
		return nil, "", err
	}
	client, err := handlers.NewClient(handlers.ClientConfig{
		Token: d.cfg.TelegramToken, APIURL: d.cfg.TelegramURL, Now: time.Now, Log: d.options.log, Metrics: metrics,
	})
	if err != nil {
		return nil, "", err
	}
	username, err := client.Me(ctx)
	return client, username, err
}

func (d *doctor) webhook(ctx context.Context, r *handlers.Registration) finding {
	what := "Telegram webhook"
	if r.WebhookURL == "" {
		what = "Telegram webhook: none, updates are fetched"
	}
	w, differs, err := r.Compare(ctx)
	ago := d.now().Sub(w.LastErrorAt)
	switch {
	case err != nil:
		return ill(what, err, "see that TELEGRAM_API_URL can be reached from here")
	case differs != "":
		return ill(what, differs, runSetup)
	case r.WebhookURL == "":
		return well(what)
	case w.Pending > 0 && ago < stuckFor:
		mend := "see that the shop runs, and that PUBLIC_URL leads to it"
		if strings.Contains(w.LastError, "401") { // the shop doesn't know the secret that Telegram sends
			mend = runSetup
		}
		return ill(what, fmt.Sprintf("%d updates wait, the last delivery failed: %s", w.Pending, w.LastError), mend)
	case ago < recently:
		return well(what+": "+w.URL, fmt.Sprintf("a delivery failed %s ago: %s", ago.Round(time.Minute), w.LastError))
	default:
		return well(what + ": " + w.URL)
	}
}

func texts(ctx context.Context, r *handlers.Registration) finding {
	const what = "Telegram menus and descriptions"
	outdated, err := r.Outdated(ctx)
	switch {
	case err != nil:
		return ill(what, err, "see that TELEGRAM_API_URL can be reached from here")
	case len(outdated) > 0:
		return ill(what, "not as they should be: "+strings.Join(outdated, ", "), runSetup)
	default:
		return well(what)
	}
}

func supportChat(err error) finding {
	const what = "support chat"
	var moved *handlers.MovedError
	switch {
	case err == nil:
		return well(what)
	case errors.As(err, &moved):
		return ill(what, moved, fmt.Sprintf("set SUPPORT_CHAT_ID=%d", moved.To))
	case errors.Is(err, handlers.ErrMuted):
		return ill(what, err, "make the bot an administrator of the group, or let its members write")
	case errors.Is(err, handlers.ErrChannel):
		return ill(what, err, "make a group, add the bot, and set SUPPORT_CHAT_ID to the group's id")
	case errors.Is(err, orders.ErrUnreachable):
		return ill(what, err, "add the bot to the group, and see that SUPPORT_CHAT_ID is the group's id, with its minus")
	default:
		return ill(what, err, "see that TELEGRAM_API_URL can be reached from here")
	}
}

// admins are warnings only: the shop sells without them.
func (d *doctor) admins(ctx context.Context, client *handlers.Client) finding {
	var warnings []string
	for _, admin := range d.cfg.Admins {
		err := client.Reach(ctx, admin)
		switch {
		case errors.Is(err, orders.ErrUnreachable):
			warnings = append(warnings, fmt.Sprintf("%d blocked the bot or never wrote to it: no alerts until they send /start", admin))
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("%d: %v", admin, err))
		}
	}
	return well(fmt.Sprintf("admins: %d of %d can be written to", len(d.cfg.Admins)-len(warnings), len(d.cfg.Admins)), warnings...)
}
