package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/locales"
)

// menu lists the commands of the menu in their order; "command_<name>" describes them.
func menu() []string {
	return []string{"start", "buy", "esims", "help", "language", "support", "paysupport", "terms", "privacy"}
}

// adminMenu lists the commands an admin sees: the customers' first, whose menu it takes the place of.
func adminMenu() []string {
	return append(menu(), "orders", "order", "refund", "resolve", "balance", "stats", "pause", "resume", "block", "unblock")
}

// Setup tells Telegram where the webhook is, and the bot's menus and descriptions in every language.
// An empty webhookURL means polling, which a standing webhook would keep from everything: it is taken
// away, and the updates that wait stay. It may be repeated with the same result. An admin
// who never wrote to the bot can't have a menu yet: that is logged, and made good at their /start.
func (t *Telegram) Setup(ctx context.Context, webhookURL string) error {
	if err := t.setWebhook(ctx, webhookURL); err != nil {
		return err
	}
	// Without a language: for all clients whose language the bot doesn't speak.
	if err := t.introduce(ctx, t.bundle.For("en"), ""); err != nil {
		return err
	}
	for _, lang := range t.bundle.Languages() {
		if err := t.introduce(ctx, t.bundle.For(lang), lang); err != nil {
			return err
		}
	}
	for admin := range t.admins {
		lang := language(ctx, t.sessions, admin, "en")
		if err := t.setAdminMenu(ctx, admin, t.bundle.For(lang)); err != nil {
			t.log.WarnContext(ctx, "no menu for an admin before their first /start", "admin", admin, "err", err)
		}
	}
	return nil
}

// setWebhook has updates come to url; without one they wait to be fetched.
// https://core.telegram.org/bots/api#setwebhook, #deletewebhook
func (t *Telegram) setWebhook(ctx context.Context, url string) error {
	if url == "" {
		return t.client.configure(ctx, "deleteWebhook", func(ctx context.Context, b *bot.Bot) (bool, error) {
			return b.DeleteWebhook(ctx, &bot.DeleteWebhookParams{DropPendingUpdates: false})
		})
	}
	if t.secret == "" {
		return errors.New("set webhook: no secret")
	}
	return t.client.configure(ctx, "setWebhook", func(ctx context.Context, b *bot.Bot) (bool, error) {
		return b.SetWebhook(ctx, &bot.SetWebhookParams{URL: url, SecretToken: t.secret, AllowedUpdates: wanted()})
	})
}

// introduce sets menu and descriptions for clients of one language.
// https://core.telegram.org/bots/api#setmycommands, #setmydescription, #setmyshortdescription
func (t *Telegram) introduce(ctx context.Context, l *locales.Localizer, lang string) error {
	return errors.Join(
		t.client.configure(ctx, "setMyCommands", func(ctx context.Context, b *bot.Bot) (bool, error) {
			return b.SetMyCommands(ctx, &bot.SetMyCommandsParams{Commands: commands(l, menu()), LanguageCode: lang})
		}),
		t.client.configure(ctx, "setMyDescription", func(ctx context.Context, b *bot.Bot) (bool, error) {
			return b.SetMyDescription(ctx, &bot.SetMyDescriptionParams{Description: l.T("bot_description"), LanguageCode: lang})
		}),
		t.client.configure(ctx, "setMyShortDescription", func(ctx context.Context, b *bot.Bot) (bool, error) {
			return b.SetMyShortDescription(ctx, &bot.SetMyShortDescriptionParams{
				ShortDescription: l.T("bot_short_description"), LanguageCode: lang,
			})
		}),
	)
}

// setAdminMenu gives one admin their menu, in their private chat with the bot.
func (t *Telegram) setAdminMenu(ctx context.Context, admin int64, l *locales.Localizer) error {
	return t.client.configure(ctx, "setMyCommands", func(ctx context.Context, b *bot.Bot) (bool, error) {
		return b.SetMyCommands(ctx, &bot.SetMyCommandsParams{
			Commands: commands(l, adminMenu()), Scope: &models.BotCommandScopeChat{ChatID: admin},
		})
	})
}

// offerAdminMenu gives an admin who wrote /start their menu, in the language they read.
func (t *Telegram) offerAdminMenu(ctx context.Context, a act) {
	lang := language(ctx, t.sessions, a.user, t.language(a))
	if err := t.setAdminMenu(ctx, a.user, t.bundle.For(lang)); err != nil {
		t.log.WarnContext(ctx, "no menu for an admin", "admin", a.user, "err", err)
	}
}

func commands(l *locales.Localizer, names []string) []models.BotCommand {
	list := make([]models.BotCommand, len(names))
	for i, name := range names {
		list[i] = models.BotCommand{Command: name, Description: l.T("command_" + name)}
	}
	return list
}

// configure makes a call that sets something; the same value twice changes nothing.
func (c *Client) configure(ctx context.Context, method string, call func(context.Context, *bot.Bot) (bool, error)) error {
	err := c.do(ctx, request{method: method, repeat: repeatable, limit: callTime}, func(ctx context.Context) error {
		_, err := call(ctx, c.bot)
		return err
	})
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}
