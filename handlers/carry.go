package handlers

import (
	"context"
	"errors"
	"sync"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/flows"
)

// basicGroups is the lowest id of a group that may still become a supergroup, and with it get another.
// https://core.telegram.org/api/bots/ids
const basicGroups = -999_999_999_999

// A copying says which message is to stand where too, without a word of where it came from.
type copying struct {
	from    int64
	message int
	to      int64
	replyTo int    // a message there; 0 for none
	caption string // what stands below it: an activation code in it is its buyer's alone
	rows    [][]flows.Button
}

// copyMessage copies a message of any kind and returns the copy's number. A caption stays as it is, with
// its emphasis, unless an activation code stands in it.
// https://core.telegram.org/bots/api#copymessage
func (c *Client) copyMessage(ctx context.Context, m copying) (int, error) {
	params := &bot.CopyMessageParams{
		ChatID: m.to, FromChatID: m.from, MessageID: m.message,
		ReplyParameters: inReplyTo(m.replyTo), ReplyMarkup: keyboard(m.rows),
	}
	if plain := flows.WithoutCodes(m.caption); plain != m.caption {
		params.Caption = plain
	}
	var copied *models.MessageID
	err := c.do(ctx, request{"copyMessage", m.to, single, callTime}, func(ctx context.Context) (err error) {
		copied, err = c.bot.CopyMessage(ctx, params)
		return err
	})
	if err != nil {
		return 0, err
	}
	return copied.ID, nil
}

// inReplyTo makes a message a reply. What it replies to may be gone by now: then it stands alone.
func inReplyTo(message int) *models.ReplyParameters {
	if message == 0 {
		return nil
	}
	return &models.ReplyParameters{MessageID: message, AllowSendingWithoutReply: true}
}

// react puts a thumb up on a message. https://core.telegram.org/bots/api#setmessagereaction
func (c *Client) react(ctx context.Context, chat int64, message int) error {
	thumb := models.ReactionType{Type: models.ReactionTypeTypeEmoji, ReactionTypeEmoji: &models.ReactionTypeEmoji{Emoji: "👍"}}
	return c.do(ctx, request{"setMessageReaction", chat, repeatable, callTime}, func(ctx context.Context) error {
		_, err := c.bot.SetMessageReaction(ctx, &bot.SetMessageReactionParams{
			ChatID: chat, MessageID: message, Reaction: []models.ReactionType{thumb},
		})
		return err
	})
}

// moves knows which groups became supergroups here, and under which id.
type moves struct {
	mu sync.Mutex
	to map[int64]int64
}

func (m *moves) learn(from, to int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.to == nil {
		m.to = map[int64]int64{}
	}
	m.to[from] = to
}

func (m *moves) now(chat int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if to := m.to[chat]; to != 0 {
		return to
	}
	return chat
}

// follow calls send with the group's present id, and again with the one that Telegram names when the
// group has become a supergroup meanwhile.
func (c *Client) follow(ctx context.Context, chat int64, send func(ctx context.Context, chat int64) error) error {
	at := c.moves.now(chat)
	err := send(ctx, at)
	var failure *callError
	if !errors.As(err, &failure) || failure.moved == 0 {
		return err
	}
	c.log.WarnContext(ctx, "a group has a new id", "old", at, "new", failure.moved)
	c.moves.learn(chat, failure.moved)
	return send(ctx, failure.moved)
}

// became says whether the group has become the other chat. Only a call tells: nothing of it is kept
// over a start.
func (c *Client) became(ctx context.Context, group, other int64) bool {
	if group >= 0 || group < basicGroups {
		return false
	}
	if c.moves.now(group) == group {
		err := c.follow(ctx, group, func(ctx context.Context, chat int64) error {
			return c.action(ctx, chat, models.ChatActionTyping)
		})
		if err != nil {
			c.log.DebugContext(ctx, "group not asked whether it moved", "err", err)
		}
	}
	return c.moves.now(group) == other
}
