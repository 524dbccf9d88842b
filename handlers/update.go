package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-telegram/bot/models"

	"esimbot/flows"
)

// maxClient bounds the language code that comes from a person's client.
const maxClient = 35

// wanted lists the kinds of update that Telegram is to send.
// https://core.telegram.org/bots/api#update
func wanted() []string {
	return []string{models.AllowedUpdateMessage, models.AllowedUpdateCallbackQuery, models.AllowedUpdateMyChatMember}
}

// An update holds of Telegram's update what we asked for; everything else in it is skipped unread,
// so that what Telegram adds one day can't break the reading.
type update struct {
	ID           int64       `json:"update_id"`
	Message      *message    `json:"message"`
	Query        *query      `json:"callback_query"`
	MyChatMember *membership `json:"my_chat_member"`
}

// A message has of Telegram's what we act on. The library's has all there is, which costs several
// megabytes in tables of the JSON decoder before the first of them is read.
// https://core.telegram.org/bots/api#message
type message struct {
	ID         int          `json:"message_id"`
	Chat       models.Chat  `json:"chat"`
	From       *models.User `json:"from"`
	SenderChat present      `json:"sender_chat"`
	ReplyTo    *struct {
		ID   int          `json:"message_id"`
		From *models.User `json:"from"`
	} `json:"reply_to_message"`
	ForwardOrigin  present `json:"forward_origin"`
	ViaBot         present `json:"via_bot"`
	Album          string  `json:"media_group_id"`
	LeftChatMember present `json:"left_chat_member"`
	Text           string  `json:"text"`
	Caption        string  `json:"caption"`
	content
}

// content is what a person may send instead of a text.
type content struct {
	Photo     present `json:"photo"`
	Voice     present `json:"voice"`
	Video     present `json:"video"`
	VideoNote present `json:"video_note"`
	Audio     present `json:"audio"`
	Document  present `json:"document"`
	Sticker   present `json:"sticker"`
	Animation present `json:"animation"`
	Contact   present `json:"contact"`
	Location  present `json:"location"`
	Venue     present `json:"venue"`
	Poll      present `json:"poll"`
	Dice      present `json:"dice"`
	Story     present `json:"story"`
}

// present says that a field is there, whatever is in it.
type present bool

// UnmarshalJSON reads nothing of it.
func (p *present) UnmarshalJSON(b []byte) error {
	text := string(b)
	*p = text != "null" && text != "[]"
	return nil
}

// A query tells that a button was pressed. It is most of what comes, and the most of it is the
// message with all its buttons as we sent it, which needs no reading.
// https://core.telegram.org/bots/api#callbackquery
type query struct {
	ID      string      `json:"id"`
	From    models.User `json:"from"`
	Data    string      `json:"data"`
	Message *struct {
		ID    int                `json:"message_id"`
		Date  int                `json:"date"` // 0: too old or deleted, it can't be changed
		Chat  models.Chat        `json:"chat"`
		Text  string             `json:"text"`
		Photo []models.PhotoSize `json:"photo"`
	} `json:"message"`
}

// membership tells that the bot was added, removed, blocked or unblocked.
// https://core.telegram.org/bots/api#chatmemberupdated
type membership struct {
	Chat models.Chat `json:"chat"`
	From models.User `json:"from"`
	New  struct {
		Status models.ChatMemberType `json:"status"`
	} `json:"new_chat_member"`
}

// decodeUpdate reads an update. Of one that can't be read it returns at least the number beside the
// error, so that it can be passed over instead of coming for ever; nil where there is not even that.
func decodeUpdate(data []byte) (*update, error) {
	var u update
	err := json.Unmarshal(data, &u)
	if err == nil {
		return &u, nil
	}
	var number struct {
		ID int64 `json:"update_id"`
	}
	if json.Unmarshal(data, &number) != nil || number.ID == 0 {
		// The decoder's error may quote what the person wrote.
		return nil, errors.New("no update")
	}
	return &update{ID: number.ID}, fmt.Errorf("update %d is of an unknown form", number.ID)
}

// A kind of update, by what is to be done about it.
type kind string

const (
	kindPress   kind = "press"   // a button
	kindText    kind = "text"    // a text or command
	kindOther   kind = "other"   // a photo, a voice message and the like
	kindGroup   kind = "group"   // from a group where the bot has no business
	kindMember  kind = "member"  // blocked or unblocked
	kindSupport kind = "support" // a reply in the support chat
	kindIgnored kind = "ignored" // nothing to be done
)

// An act is one update, read: who did what, and where.
type act struct {
	kind    kind
	update  int64
	user    int64
	chat    int64
	client  string // the language of the person's client
	admin   bool
	blocked bool // with kindMember
	event   flows.Event
	message int    // the person's own message, or the pressed one where it can't become a page
	query   string // callback query to be answered; empty for none
	pressed spot   // the message whose button was pressed
	said    said   // a reply that may be an answer of support's; zero otherwise
}

// read tells what u asks of us.
func (t *Telegram) read(u *update) act {
	a := act{kind: kindIgnored, update: u.ID}
	switch {
	case u.Query != nil:
		t.readQuery(&a, u.Query)
	case u.Message != nil:
		t.readMessage(&a, u.Message)
	case u.MyChatMember != nil:
		t.readMembership(&a, u.MyChatMember)
	}
	return a
}

func (t *Telegram) readQuery(a *act, q *query) {
	a.from(q.From)
	a.query, a.chat = q.ID, q.From.ID
	private := true
	switch m := q.Message; {
	case m == nil: // from an inline message, which we never send
	case m.Date == 0: // a new one is sent
		private, a.message = m.Chat.ID == q.From.ID, m.ID
	default:
		private = m.Chat.Type == models.ChatTypePrivate && m.Chat.ID == q.From.ID
		a.pressed = spot{chat: m.Chat.ID, message: m.ID, photo: len(m.Photo) > 0, file: largest(m.Photo)}
		if m.Text == "" {
			a.message = m.ID
			if len(m.Photo) == 0 {
				a.pressed.message = 0 // neither text nor photo: nothing that we can change
			}
		}
	}
	if !private {
		a.kind, a.chat = kindGroup, a.pressed.chat
		return
	}
	a.kind, a.admin = kindPress, t.admins[q.From.ID]
	a.pressed.chat = q.From.ID
	a.event = flows.Event{Kind: flows.EventPress, Data: q.Data, Message: a.pressed.message, Client: a.client}
}

func (t *Telegram) readMessage(a *act, m *message) {
	a.chat, a.message = m.Chat.ID, m.ID
	if m.From != nil {
		a.from(*m.From)
	}
	switch {
	case m.Chat.Type == models.ChatTypeGroup, m.Chat.Type == models.ChatTypeSupergroup:
		switch {
		case t.isSupport(m.Chat.ID):
			t.readSupport(a, m)
		case !bool(m.LeftChatMember):
			a.kind = kindGroup
		}
		return
	case m.Chat.Type != models.ChatTypePrivate, m.From == nil, m.From.IsBot, bool(m.SenderChat), m.Chat.ID != m.From.ID:
		return
	}
	a.admin = t.admins[m.From.ID]
	switch {
	case m.Text != "":
		a.kind, a.event = kindText, t.textEvent(m.Text)
		if m.ForwardOrigin || m.ViaBot {
			// Words of somebody else's are no command of the sender's, least of all of an admin's.
			a.event = flows.Event{Kind: flows.EventText, Text: m.Text}
		}
	case m.any():
		a.kind, a.event = kindOther, flows.Event{Kind: flows.EventOther, Text: m.Caption}
	}
	a.event.Client, a.event.Sent, a.event.Album = a.client, m.ID, m.Album
	if t.toUs(m) {
		a.event.ReplyTo = m.ReplyTo.ID
	}
	if a.admin || t.isSupport(m.Chat.ID) {
		a.said = t.reply(m)
	}
}

// isSupport says whether a chat is the support chat, also after that became a supergroup.
func (t *Telegram) isSupport(chat int64) bool {
	return t.support != 0 && (chat == t.support || chat == t.client.moves.now(t.support))
}

// toUs says whether a message replies to one of the bot's.
func (t *Telegram) toUs(m *message) bool {
	return m.ReplyTo != nil && m.ReplyTo.From != nil && m.ReplyTo.From.ID == t.client.BotID()
}

// readSupport reads what a member of the support chat wrote. They may answer customers, also as the
// group itself (an anonymous admin) or as a channel, and nothing else: other bots' messages, commands
// and talk are nobody's business.
func (t *Telegram) readSupport(a *act, m *message) {
	if m.From != nil && m.From.IsBot && !bool(m.SenderChat) {
		return
	}
	if a.said = t.reply(m); a.said.to != 0 {
		a.kind = kindSupport
	}
}

// reply returns what was said in reply to a message of the bot's; nothing for a command, or for what
// is no reply.
func (t *Telegram) reply(m *message) said {
	if !t.toUs(m) || m.Text == "" && !m.any() || strings.HasPrefix(m.Text, "/") {
		return said{}
	}
	return said{chat: m.Chat.ID, message: m.ID, to: m.ReplyTo.ID, text: m.Text, caption: m.Caption, album: m.Album}
}

func (t *Telegram) readMembership(a *act, m *membership) {
	a.from(m.From)
	a.chat = m.Chat.ID
	here := m.New.Status != models.ChatMemberTypeLeft && m.New.Status != models.ChatMemberTypeBanned
	switch m.Chat.Type {
	case models.ChatTypePrivate:
		a.kind, a.blocked = kindMember, !here
	case models.ChatTypeGroup, models.ChatTypeSupergroup:
		if here && !t.isSupport(m.Chat.ID) {
			a.kind = kindGroup
		}
	case models.ChatTypeChannel: // nobody to tell
	}
}

func (a *act) from(u models.User) {
	a.user = u.ID
	if len(u.LanguageCode) <= maxClient {
		a.client = u.LanguageCode
	}
}

// textEvent reads a text: "/command@bot arguments", or anything else. It counts no offsets, so a
// text in any script is read alike.
func (t *Telegram) textEvent(text string) flows.Event {
	plain := flows.Event{Kind: flows.EventText, Text: text}
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return plain
	}
	name, args := rest, ""
	if at := strings.IndexAny(rest, " \t\r\n"); at >= 0 {
		name, args = rest[:at], strings.TrimSpace(rest[at:])
	}
	name, addressee, addressed := strings.Cut(name, "@")
	if addressed && !strings.EqualFold(addressee, t.username) || !isCommand(name) {
		return plain
	}
	return flows.Event{Kind: flows.EventCommand, Command: strings.ToLower(name), Args: args}
}

// isCommand checks a command's name: 1–32 Latin letters, digits and underscores.
func isCommand(name string) bool {
	if name == "" || len(name) > 32 {
		return false
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
		if !letter {
			return false
		}
	}
	return true
}

// any says whether a person meant to tell us something by a message without text, which service
// messages ("pinned a message") don't.
func (c content) any() bool { return c != content{} }
