package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/flows"
	"esimbot/locales"
	"esimbot/orders"
)

// maxConnections is how many updates Telegram may bring at once. A tap is answered in some tens of
// milliseconds, but a customer who buys may wait seconds for a slow provider, and as many of them as
// there are connections would keep everybody else waiting. So all that Telegram offers, not its 40.
// https://core.telegram.org/bots/api#setwebhook
const maxConnections = 100

// menu lists the commands of the menu in their order; "command_<name>" describes them.
func menu() []string {
	return []string{"start", "buy", "esims", "help", "language", "support", "paysupport", "terms", "privacy"}
}

// adminMenu lists the commands an admin sees: the customers' first, whose menu it takes the place of.
func adminMenu() []string {
	return append(menu(), "orders", "order", "refund", "resolve", "balance", "stats", "pause", "resume", "block", "unblock")
}

// A Registration is what Telegram keeps for the bot: where updates go, the menus and the
// descriptions. The bot's name, picture and menu button are the operator's.
type Registration struct {
	Client   *Client
	Bundle   *locales.Bundle
	Sessions flows.Sessions // tell an admin's language; nil: English
	Admins   []int64
	// WebhookURL is where updates go. Empty means polling, which a standing webhook would keep from
	// everything: it is taken away, and the updates that wait stay.
	WebhookURL    string
	WebhookSecret string
}

// A setting is one thing that Telegram keeps for the bot.
type setting struct {
	name   string // what it is, and for whom: "menu en"
	stands func(context.Context) (bool, error)
	set    func(context.Context) error
}

// Setup is Register that says what it did in the log.
func (t *Telegram) Setup(ctx context.Context, webhookURL string) error {
	return t.Register(ctx, webhookURL, func(line string) { t.log.InfoContext(ctx, "set up", "what", line) })
}

// Register registers the shop at Telegram, with updates brought to webhookURL or, where that is
// empty, fetched, and says what it did, a line each. See Registration.Apply.
func (t *Telegram) Register(ctx context.Context, webhookURL string, say func(line string)) error {
	r := Registration{Client: t.client, Bundle: t.bundle, Sessions: t.sessions, WebhookURL: webhookURL, WebhookSecret: t.secret}
	for admin := range t.admins {
		r.Admins = append(r.Admins, admin)
	}
	slices.Sort(r.Admins)
	return r.Apply(ctx, say)
}

// Apply brings Telegram to what the registration says. It reads before it writes and sets only what
// differs, since Telegram allows descriptions to be changed a few times a day only; so it may be
// repeated at each deploy. An admin who never wrote to the bot can't have a menu yet: that is said,
// and made good at their /start. Menus and descriptions that Telegram doesn't take now because they
// changed too often are said too: they are no reason to stop a deploy.
func (r *Registration) Apply(ctx context.Context, say func(line string)) error {
	if err := r.applyWebhook(ctx, say); err != nil {
		return err
	}
	changed, err := applyAll(ctx, r.menus(), say)
	if err != nil {
		return err
	}
	for _, admin := range r.Admins {
		some, err := applyAll(ctx, []setting{r.adminMenu(ctx, admin)}, say)
		switch {
		case errors.Is(err, orders.ErrUnreachable):
			say(fmt.Sprintf("warning: admin %d can't be written to, so no menu and no alerts: they should send the bot /start", admin))
		case err != nil:
			return err
		}
		changed = append(changed, some...)
	}
	some, err := applyAll(ctx, r.descriptions(), say)
	if err != nil {
		return err
	}
	if changed = append(changed, some...); len(changed) > 0 {
		say("telegram: set " + strings.Join(changed, ", "))
	} else {
		say("telegram: menus and descriptions stand")
	}
	return nil
}

// applyAll sets those of the settings that differ and returns their names.
func applyAll(ctx context.Context, list []setting, say func(line string)) ([]string, error) {
	var changed []string
	for _, s := range list {
		stands, err := s.stands(ctx)
		if err == nil && stands {
			continue
		}
		if err == nil {
			err = s.set(ctx)
		}
		switch {
		case failedAs(err, failFlood): // so would the rest be
			say(fmt.Sprintf("warning: %s not set: Telegram asks to wait %s; run setup again then", s.name, asked(err).Round(time.Second)))
			return changed, nil
		case err != nil:
			return changed, fmt.Errorf("set up %s: %w", s.name, err)
		default:
			changed = append(changed, s.name)
		}
	}
	return changed, nil
}

// applyWebhook sets the webhook even where it seems to stand: Telegram doesn't tell the secret, and
// the same webhook again changes nothing there ("Webhook is already set").
func (r *Registration) applyWebhook(ctx context.Context, say func(line string)) error {
	if r.WebhookURL != "" && r.WebhookSecret == "" {
		return errors.New("set up webhook: no secret")
	}
	found, err := r.Client.Webhook(ctx)
	if err != nil {
		return fmt.Errorf("set up webhook: %w", err)
	}
	differs := r.differs(found)
	if r.WebhookURL == "" {
		if differs == "" {
			say("telegram: long polling, no webhook stands")
			return nil
		}
		say("telegram: long polling, the webhook is taken away")
		return r.Client.configure(ctx, "deleteWebhook", 0, func(ctx context.Context, b *bot.Bot) (bool, error) {
			return b.DeleteWebhook(ctx, &bot.DeleteWebhookParams{DropPendingUpdates: false})
		})
	}
	err = r.Client.configure(ctx, "setWebhook", 0, func(ctx context.Context, b *bot.Bot) (bool, error) {
		return b.SetWebhook(ctx, &bot.SetWebhookParams{
			URL: r.WebhookURL, SecretToken: r.WebhookSecret, AllowedUpdates: wanted(), MaxConnections: maxConnections,
		})
	})
	if err != nil {
		return err
	}
	if differs == "" {
		say("telegram: webhook stands: " + r.WebhookURL)
	} else {
		say("telegram: webhook set: " + r.WebhookURL)
	}
	return nil
}

// menus are the customers' menus, in private chats: first the one of clients whose language the bot
// doesn't speak. In the support chat no command does anything, so none is offered.
func (r *Registration) menus() []setting {
	var list []setting
	for _, lang := range r.languages() {
		list = append(list, r.commandMenu("menu"+suffix(lang), commands(r.localizer(lang), menu()), &models.BotCommandScopeAllPrivateChats{}, lang))
	}
	return list
}

// adminMenu is an admin's own menu, in the language they read.
func (r *Registration) adminMenu(ctx context.Context, admin int64) setting {
	lang := "en"
	if r.Sessions != nil {
		lang = language(ctx, r.Sessions, admin, lang)
	}
	return r.commandMenu(fmt.Sprintf("menu of admin %d", admin), commands(r.Bundle.For(lang), adminMenu()), &models.BotCommandScopeChat{ChatID: admin}, "")
}

// commandMenu is a menu: https://core.telegram.org/bots/api#setmycommands, #getmycommands
func (r *Registration) commandMenu(name string, want []models.BotCommand, scope models.BotCommandScope, lang string) setting {
	chat := int64(0) // a limit that is hit in one chat is no other's
	if in, ok := scope.(*models.BotCommandScopeChat); ok {
		chat, _ = in.ChatID.(int64)
	}
	return setting{
		name: name,
		stands: func(ctx context.Context) (bool, error) {
			var have []models.BotCommand
			err := r.Client.read(ctx, "getMyCommands", chat, func(ctx context.Context, b *bot.Bot) (err error) {
				have, err = b.GetMyCommands(ctx, &bot.GetMyCommandsParams{Scope: scope, LanguageCode: lang})
				return err
			})
			return slices.EqualFunc(have, want, func(a, b models.BotCommand) bool {
				return a.Command == b.Command && sameText(a.Description, b.Description)
			}), err
		},
		set: func(ctx context.Context) error {
			return r.Client.configure(ctx, "setMyCommands", chat, func(ctx context.Context, b *bot.Bot) (bool, error) {
				return b.SetMyCommands(ctx, &bot.SetMyCommandsParams{Commands: want, Scope: scope, LanguageCode: lang})
			})
		},
	}
}

// descriptions are the texts of the empty chat and of the bot's page, in each language.
// https://core.telegram.org/bots/api#setmydescription, #setmyshortdescription
func (r *Registration) descriptions() []setting {
	var list []setting
	for _, lang := range r.languages() {
		l := r.localizer(lang)
		long, short := l.T("bot_description"), l.T("bot_short_description")
		list = append(list, setting{
			name: "description" + suffix(lang),
			stands: func(ctx context.Context) (same bool, err error) {
				err = r.Client.read(ctx, "getMyDescription", 0, func(ctx context.Context, b *bot.Bot) error {
					have, err := b.GetMyDescription(ctx, &bot.GetMyDescriptionParams{LanguageCode: lang})
					same = sameText(have.Description, long)
					return err
				})
				return same, err
			},
			set: func(ctx context.Context) error {
				return r.Client.configure(ctx, "setMyDescription", 0, func(ctx context.Context, b *bot.Bot) (bool, error) {
					return b.SetMyDescription(ctx, &bot.SetMyDescriptionParams{Description: long, LanguageCode: lang})
				})
			},
		}, setting{
			name: "short description" + suffix(lang),
			stands: func(ctx context.Context) (same bool, err error) {
				err = r.Client.read(ctx, "getMyShortDescription", 0, func(ctx context.Context, b *bot.Bot) error {
					have, err := b.GetMyShortDescription(ctx, &bot.GetMyShortDescriptionParams{LanguageCode: lang})
					same = sameText(have.ShortDescription, short)
					return err
				})
				return same, err
			},
			set: func(ctx context.Context) error {
				return r.Client.configure(ctx, "setMyShortDescription", 0, func(ctx context.Context, b *bot.Bot) (bool, error) {
					return b.SetMyShortDescription(ctx, &bot.SetMyShortDescriptionParams{ShortDescription: short, LanguageCode: lang})
				})
			},
		})
	}
	return list
}

// languages are those that texts are set for: "" is every other.
func (r *Registration) languages() []string { return append([]string{""}, r.Bundle.Languages()...) }

func (r *Registration) localizer(lang string) *locales.Localizer {
	if lang == "" {
		lang = "en"
	}
	return r.Bundle.For(lang)
}

func suffix(lang string) string {
	if lang == "" {
		return ""
	}
	return " " + lang
}

// Dismiss takes the longer menu away from somebody who is no admin any more.
// https://core.telegram.org/bots/api#deletemycommands
func (t *Telegram) Dismiss(ctx context.Context, former int64) error {
	err := t.client.configure(ctx, "deleteMyCommands", former, func(ctx context.Context, b *bot.Bot) (bool, error) {
		return b.DeleteMyCommands(ctx, &bot.DeleteMyCommandsParams{Scope: &models.BotCommandScopeChat{ChatID: former}})
	})
	if errors.Is(err, orders.ErrUnreachable) {
		return nil // there is nobody to see it
	}
	return err
}

// sameText compares a text with what became of it at Telegram, which trims and cleans what it keeps.
func sameText(a, b string) bool {
	clean := func(s string) string {
		return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, s)), " ")
	}
	return clean(a) == clean(b)
}

// offerAdminMenu gives an admin who wrote /start their menu, in the language they read.
func (t *Telegram) offerAdminMenu(ctx context.Context, a act) {
	r := Registration{Client: t.client, Bundle: t.bundle}
	lang := language(ctx, t.sessions, a.user, t.language(a))
	menu := r.commandMenu("", commands(t.bundle.For(lang), adminMenu()), &models.BotCommandScopeChat{ChatID: a.user}, "")
	if err := menu.set(ctx); err != nil {
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
func (c *Client) configure(ctx context.Context, method string, chat int64, call func(context.Context, *bot.Bot) (bool, error)) error {
	err := c.read(ctx, method, chat, func(ctx context.Context, b *bot.Bot) error {
		_, err := call(ctx, b)
		return err
	})
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// read makes a call about a chat, or about none, that changes nothing when it is made twice.
func (c *Client) read(ctx context.Context, method string, chat int64, call func(context.Context, *bot.Bot) error) error {
	return c.do(ctx, request{method, chat, repeatable, callTime}, func(ctx context.Context) error {
		return call(ctx, c.bot)
	})
}
