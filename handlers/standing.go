package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/orders"
)

// A Webhook is what Telegram says of the bot's webhook.
// https://core.telegram.org/bots/api#webhookinfo
type Webhook struct {
	URL         string   // empty: none is set
	Allowed     []string // kinds of updates, in no order; empty: Telegram's usual ones
	Connections int
	Pending     int       // updates that wait to be delivered
	LastError   string    // Telegram's words for the last delivery that failed; empty: none did
	LastErrorAt time.Time // UTC
}

// Webhook asks how the webhook stands.
func (c *Client) Webhook(ctx context.Context) (Webhook, error) {
	var found *models.WebhookInfo
	err := c.read(ctx, "getWebhookInfo", 0, func(ctx context.Context, b *bot.Bot) (err error) {
		found, err = b.GetWebhookInfo(ctx)
		return err
	})
	if err != nil || found == nil {
		return Webhook{}, err
	}
	w := Webhook{
		URL: found.URL, Allowed: found.AllowedUpdates, Connections: found.MaxConnections, Pending: found.PendingUpdateCount, LastError: found.LastErrorMessage,
	}
	if found.LastErrorDate > 0 {
		w.LastErrorAt = time.Unix(int64(found.LastErrorDate), 0).UTC()
	}
	return w, nil
}

// differs says what of the webhook isn't as Apply would have it; empty: nothing.
func (r *Registration) differs(w Webhook) string {
	have, want := slices.Sorted(slices.Values(w.Allowed)), slices.Sorted(slices.Values(wanted()))
	switch {
	case r.WebhookURL == "" && w.URL != "":
		return "a webhook stands at " + w.URL + ", so nothing can be fetched"
	case r.WebhookURL == "":
		return ""
	case w.URL == "":
		return "no webhook is set"
	case w.URL != r.WebhookURL:
		return "updates go to " + w.URL
	case !slices.Equal(have, want):
		return fmt.Sprintf("it brings %s, not %s", orUsual(have), strings.Join(want, ", "))
	case w.Connections != maxConnections:
		return fmt.Sprintf("it brings %d updates at once, not %d", w.Connections, maxConnections)
	default:
		return ""
	}
}

func orUsual(kinds []string) string {
	if len(kinds) == 0 {
		return "what Telegram usually brings"
	}
	return strings.Join(kinds, ", ")
}

// Compare says how the webhook stands, and what of it isn't as Apply would have it; empty: nothing.
// Whether its secret is the right one Telegram doesn't tell.
func (r *Registration) Compare(ctx context.Context) (w Webhook, differs string, err error) {
	w, err = r.Client.Webhook(ctx)
	if err != nil {
		return w, "", err
	}
	return w, r.differs(w), nil
}

// Outdated names the menus and descriptions that aren't as Apply would have them. It asks nothing
// about the admins' own menus, which wait for their first /start.
func (r *Registration) Outdated(ctx context.Context) ([]string, error) {
	var names []string
	for _, s := range slices.Concat(r.menus(), r.descriptions()) {
		stands, err := s.stands(ctx)
		if err != nil {
			return nil, err
		}
		if !stands {
			names = append(names, s.name)
		}
	}
	return names, nil
}

// Reach says whether a person can be written to, by showing them for a moment that the bot is
// typing: orders.ErrUnreachable for one who blocked the bot or never wrote to it.
func (c *Client) Reach(ctx context.Context, person int64) error {
	return c.action(ctx, person, models.ChatActionTyping)
}

// What keeps the bot from a support chat, beside orders.ErrUnreachable.
var (
	// ErrMuted says that the bot is in the chat but may not write there.
	ErrMuted = errors.New("the bot may not write there")
	// ErrChannel says that the chat is a channel, where nobody can be answered.
	ErrChannel = errors.New("it is a channel, not a group")
)

// A MovedError says that a group became a supergroup with another id.
type MovedError struct{ To int64 }

// Error names the new id.
func (e *MovedError) Error() string { return fmt.Sprintf("the group became the supergroup %d", e.To) }

// CheckSupport says whether a chat can serve for support: the bot is in it and may write. ErrMuted,
// ErrChannel, *MovedError, or orders.ErrUnreachable where the bot isn't in it or there is no such chat.
// https://core.telegram.org/bots/api#getchat, #getchatmember
func (c *Client) CheckSupport(ctx context.Context, chat int64) error {
	var found *models.ChatFullInfo
	var me *models.ChatMember
	err := c.read(ctx, "getChat", chat, func(ctx context.Context, b *bot.Bot) (err error) {
		found, err = b.GetChat(ctx, &bot.GetChatParams{ChatID: chat})
		return err
	})
	if err == nil && found != nil && found.Type != models.ChatTypePrivate {
		err = c.read(ctx, "getChatMember", chat, func(ctx context.Context, b *bot.Bot) (err error) {
			me, err = b.GetChatMember(ctx, &bot.GetChatMemberParams{ChatID: chat, UserID: c.BotID()})
			return err
		})
	}
	var failure *callError
	switch {
	case errors.As(err, &failure) && failure.moved != 0:
		return &MovedError{To: failure.moved}
	case err != nil:
		return err
	case found == nil:
		return errors.New("telegram getChat: no usable answer")
	case found.Type == models.ChatTypeChannel:
		return ErrChannel
	case found.Type == models.ChatTypePrivate:
		return c.Reach(ctx, chat)
	}
	return mayWrite(found, me)
}

// mayWrite reads the bot's rights in a group: an administrator always may write, a restricted member
// as their own rights say, any other as everybody's do.
func mayWrite(group *models.ChatFullInfo, me *models.ChatMember) error {
	switch me.Type {
	case models.ChatMemberTypeLeft, models.ChatMemberTypeBanned:
		return fmt.Errorf("the bot is not in it: %w", orders.ErrUnreachable)
	case models.ChatMemberTypeRestricted:
		if me.Restricted != nil && !me.Restricted.CanSendMessages {
			return ErrMuted
		}
	case models.ChatMemberTypeMember:
		if group.Permissions != nil && !group.Permissions.CanSendMessages {
			return ErrMuted
		}
	default:
	}
	return nil
}
