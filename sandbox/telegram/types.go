package telegram

// A User is a person or the bot. https://core.telegram.org/bots/api#user
type User struct {
	ID           int64  `json:"id"`
	IsBot        bool   `json:"is_bot"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name,omitempty"`
	Username     string `json:"username,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
	// Started says that the person has written to the bot already, so that it may write to them.
	Started bool `json:"-"`
}

// A Chat is a private chat (ID is the person's) or a group (ID is negative).
// https://core.telegram.org/bots/api#chat
type Chat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Title     string `json:"title,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
}

// An Entity marks a part of a text. Offset and Length count UTF-16 code units.
// https://core.telegram.org/bots/api#messageentity
type Entity struct {
	Type          string `json:"type"`
	Offset        int    `json:"offset"`
	Length        int    `json:"length"`
	URL           string `json:"url,omitempty"`
	User          *User  `json:"user,omitempty"`
	Language      string `json:"language,omitempty"`
	CustomEmojiID string `json:"custom_emoji_id,omitempty"`
	UnixTime      int64  `json:"unix_time,omitempty"`
	TimeFormat    string `json:"date_time_format,omitempty"`
}

// A Message is what stands in a chat. https://core.telegram.org/bots/api#message
type Message struct {
	ID              int             `json:"message_id"`
	From            *User           `json:"from,omitempty"`
	SenderChat      *Chat           `json:"sender_chat,omitempty"` // where a chat writes in its own name
	Chat            Chat            `json:"chat"`
	Date            int64           `json:"date"` // Unix seconds
	EditDate        int64           `json:"edit_date,omitempty"`
	ForwardOrigin   *ForwardOrigin  `json:"forward_origin,omitempty"`
	ReplyTo         *Message        `json:"reply_to_message,omitempty"`
	Text            string          `json:"text,omitempty"`
	Entities        []Entity        `json:"entities,omitempty"`
	Photo           []PhotoSize     `json:"photo,omitempty"`
	Document        *Document       `json:"document,omitempty"`
	Voice           *Voice          `json:"voice,omitempty"`
	Caption         string          `json:"caption,omitempty"`
	CaptionEntities []Entity        `json:"caption_entities,omitempty"`
	MediaGroupID    string          `json:"media_group_id,omitempty"`
	LinkPreview     *LinkPreview    `json:"link_preview_options,omitempty"`
	Protected       bool            `json:"has_protected_content,omitempty"`
	NewMembers      []User          `json:"new_chat_members,omitempty"`
	Markup          *InlineKeyboard `json:"reply_markup,omitempty"`
	MigrateTo       int64           `json:"migrate_to_chat_id,omitempty"`
	MigrateFrom     int64           `json:"migrate_from_chat_id,omitempty"`
	Silent          bool            `json:"-"` // sent with disable_notification
	Reaction        string          `json:"-"` // the bot's
}

// ForwardOrigin says where a forwarded message came from.
type ForwardOrigin struct {
	Type       string `json:"type"`
	Date       int64  `json:"date"`
	SenderUser *User  `json:"sender_user,omitempty"`
}

// LinkPreview is how the links of a message are previewed.
type LinkPreview struct {
	IsDisabled       bool   `json:"is_disabled,omitempty"`
	URL              string `json:"url,omitempty"`
	PreferSmallMedia bool   `json:"prefer_small_media,omitempty"`
	PreferLargeMedia bool   `json:"prefer_large_media,omitempty"`
	ShowAboveText    bool   `json:"show_above_text,omitempty"`
}

// A PhotoSize is one size of a photo; the last of a list is the largest.
type PhotoSize struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	Width        int    `json:"width"`
	Height       int    `json:"height"`
	FileSize     int    `json:"file_size"`
}

// A Document is a file sent as it is.
type Document struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	FileName     string `json:"file_name,omitempty"`
	MimeType     string `json:"mime_type,omitempty"`
	FileSize     int    `json:"file_size"`
}

// A Voice is a voice message; Duration is in seconds.
type Voice struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	Duration     int    `json:"duration"`
	MimeType     string `json:"mime_type,omitempty"`
	FileSize     int    `json:"file_size"`
}

// An InlineKeyboard stands below a message.
type InlineKeyboard struct {
	Rows [][]Button `json:"inline_keyboard"`
}

// A Button of an inline keyboard: exactly one of its actions is set.
// https://core.telegram.org/bots/api#inlinekeyboardbutton
type Button struct {
	Text                         string    `json:"text"`
	IconCustomEmojiID            string    `json:"icon_custom_emoji_id,omitempty"`
	Style                        string    `json:"style,omitempty"` // danger, success, primary or none
	URL                          string    `json:"url,omitempty"`
	CallbackData                 string    `json:"callback_data,omitempty"`
	CopyText                     *CopyText `json:"copy_text,omitempty"`
	WebApp                       *WebApp   `json:"web_app,omitempty"`
	SwitchInlineQuery            *string   `json:"switch_inline_query,omitempty"`
	SwitchInlineQueryCurrentChat *string   `json:"switch_inline_query_current_chat,omitempty"`
	Pay                          bool      `json:"pay,omitempty"`
}

// CopyText is what a copy button copies: 1–256 characters.
type CopyText struct {
	Text string `json:"text"`
}

// WebApp is the page a button opens inside the app.
type WebApp struct {
	URL string `json:"url"`
}

// MenuButton stands beside the input field: commands, default or web_app.
type MenuButton struct {
	Type   string  `json:"type"`
	Text   string  `json:"text,omitempty"`
	WebApp *WebApp `json:"web_app,omitempty"`
}

// A CallbackQuery tells the bot that a button was pressed.
type CallbackQuery struct {
	ID           string   `json:"id"`
	From         User     `json:"from"`
	Message      *Message `json:"message,omitempty"`
	ChatInstance string   `json:"chat_instance"`
	Data         string   `json:"data,omitempty"`
}

// A ChatMember is what someone is in a chat.
type ChatMember struct {
	Status string `json:"status"`
	User   User   `json:"user"`
}

// A ChatMemberUpdated tells the bot that it was blocked, added or removed.
type ChatMemberUpdated struct {
	Chat Chat       `json:"chat"`
	From User       `json:"from"`
	Date int64      `json:"date"`
	Old  ChatMember `json:"old_chat_member"`
	New  ChatMember `json:"new_chat_member"`
}

// An Update is one thing that happened. https://core.telegram.org/bots/api#update
type Update struct {
	ID            int                `json:"update_id"`
	Message       *Message           `json:"message,omitempty"`
	EditedMessage *Message           `json:"edited_message,omitempty"`
	CallbackQuery *CallbackQuery     `json:"callback_query,omitempty"`
	MyChatMember  *ChatMemberUpdated `json:"my_chat_member,omitempty"`
}

// kind is the update's name in allowed_updates.
func (u Update) kind() string {
	switch {
	case u.Message != nil:
		return "message"
	case u.EditedMessage != nil:
		return "edited_message"
	case u.CallbackQuery != nil:
		return "callback_query"
	default:
		return "my_chat_member"
	}
}

// FromBot says whether the bot wrote the message.
func (m Message) FromBot() bool { return m.From != nil && m.From.IsBot && m.SenderChat == nil }

// Edited says whether the message was changed after it was sent.
func (m Message) Edited() bool { return m.EditDate != 0 }

// Body returns the message's text, or its caption.
func (m Message) Body() string {
	if m.Text != "" {
		return m.Text
	}
	return m.Caption
}

// HTML returns the message's text or caption with its entities as Telegram HTML.
func (m Message) HTML() string {
	if m.Text != "" {
		return renderHTML(m.Text, m.Entities)
	}
	return renderHTML(m.Caption, m.CaptionEntities)
}

// FileID returns the id of the message's file (a photo's largest size), or nothing.
func (m Message) FileID() string {
	switch {
	case len(m.Photo) > 0:
		return m.Photo[len(m.Photo)-1].FileID
	case m.Document != nil:
		return m.Document.FileID
	case m.Voice != nil:
		return m.Voice.FileID
	default:
		return ""
	}
}

// Buttons returns the buttons below the message, row by row.
func (m Message) Buttons() []Button {
	if m.Markup == nil {
		return nil
	}
	var all []Button
	for _, row := range m.Markup.Rows {
		all = append(all, row...)
	}
	return all
}

// copy returns a message that shares nothing the server will change. Slices of a message are
// replaced, never written into, so they may be shared.
func (m *Message) copy() *Message {
	c := *m
	if m.Markup != nil {
		markup := *m.Markup
		c.Markup = &markup
	}
	return &c
}
