package telegram

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) getMe(params) (any, error) {
	return map[string]any{
		"id": s.bot.ID, "is_bot": true, "first_name": s.bot.FirstName, "username": s.bot.Username,
		"can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false,
		"can_connect_to_business": false, "has_main_web_app": false,
	}, nil
}

// target returns the chat a call names, if the bot may write there.
func (s *Server) target(p params, parameter string) (*chat, error) {
	c, err := s.knownChat(p, parameter)
	if err != nil {
		return nil, err
	}
	if c.blocked {
		if c.user == nil {
			return nil, forbidden("bot is not a member of the " + c.Type + " chat")
		}
		return nil, forbidden("bot was blocked by the user")
	}
	return c, nil
}

// knownChat returns the chat a call names: one the bot has met.
func (s *Server) knownChat(p params, parameter string) (*chat, error) {
	name := strings.TrimSpace(p.str(parameter))
	if name == "" {
		return nil, badRequest("%s is empty", parameter)
	}
	if group, ok := strings.CutPrefix(name, "@"); ok {
		for _, c := range s.chats {
			if c.user == nil && strings.EqualFold(c.Username, group) {
				return c, nil
			}
		}
	}
	id, err := strconv.ParseInt(name, 10, 64)
	if c := s.chats[id]; err == nil && c != nil && c.started {
		if c.movedTo != 0 {
			return nil, &apiError{
				Code: http.StatusBadRequest, MovedTo: c.movedTo, Description: "Bad Request: group chat was upgraded to a supergroup chat",
			}
		}
		return c, nil
	}
	return nil, badRequest("chat not found")
}

// draft begins a message of the bot with what every sending method shares.
func (s *Server) draft(p params) (*chat, *Message, error) {
	c, err := s.target(p, "chat_id")
	switch {
	case err != nil:
		return nil, nil, err
	case c.muted:
		return nil, nil, badRequest("not enough rights to send text messages to the chat")
	}
	m := &Message{Protected: p.boolean("protect_content"), Silent: p.boolean("disable_notification")}
	if m.ReplyTo, err = s.replied(c, p); err != nil {
		return nil, nil, err
	}
	if m.Markup, err = p.markup(); err != nil {
		return nil, nil, err
	}
	return c, m, nil
}

// replied returns the message a call replies to, or nil.
func (s *Server) replied(c *chat, p params) (*Message, error) {
	var reply struct {
		MessageID int  `json:"message_id"`
		Lenient   bool `json:"allow_sending_without_reply"`
	}
	if err := p.decode("reply_parameters", &reply); err != nil {
		return nil, err
	}
	if id := p.integer("reply_to_message_id"); id != 0 {
		reply.MessageID, reply.Lenient = int(id), p.boolean("allow_sending_without_reply")
	}
	if reply.MessageID == 0 {
		return nil, nil
	}
	original := c.message(reply.MessageID)
	if original == nil {
		if reply.Lenient {
			return nil, nil
		}
		return nil, badRequest("message to be replied not found")
	}
	quoted := original.copy()
	quoted.ReplyTo = nil
	return quoted, nil
}

func (c *chat) message(id int) *Message {
	at := slices.IndexFunc(c.messages, func(m *Message) bool { return m.ID == id })
	if at < 0 {
		return nil
	}
	return c.messages[at]
}

// post puts the bot's message into the chat.
func (s *Server) post(c *chat, m *Message) (*Message, error) {
	if err := s.throttle(c.ID); err != nil {
		return nil, err
	}
	bot := s.bot
	m.From = &bot
	s.put(c, m)
	return m.copy(), nil
}

// put gives a message its place in the chat and shows it.
func (s *Server) put(c *chat, m *Message) {
	s.lastID++
	m.ID, m.Chat, m.Date = s.lastID, c.Chat, s.now().Unix()
	if len(c.messages) >= maxHistory {
		c.messages = slices.Delete(c.messages, 0, len(c.messages)-maxHistory+1)
	}
	c.messages = append(c.messages, m)
	s.publish(Event{Kind: EventMessage, Chat: c.ID, Message: m.copy()})
}

func (s *Server) sendMessage(p params) (any, error) {
	c, m, err := s.draft(p)
	if err != nil {
		return nil, err
	}
	if m.Text, m.Entities, err = p.format("text", "entities", maxText); err != nil {
		return nil, err
	}
	if m.Text == "" {
		return nil, badRequest("message text is empty")
	}
	if err := p.linkPreview(m); err != nil {
		return nil, err
	}
	return s.post(c, m)
}

func (p params) linkPreview(m *Message) error {
	if err := p.decode("link_preview_options", &m.LinkPreview); err != nil {
		return err
	}
	if p.boolean("disable_web_page_preview") {
		m.LinkPreview = &LinkPreview{IsDisabled: true}
	}
	return nil
}

// sendChatAction shows what the bot is doing, for five seconds or until its next message.
func (s *Server) sendChatAction(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, err
	}
	action := strings.ToLower(p.str("action"))
	switch action {
	case "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
		"upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note":
	default:
		return nil, badRequest("wrong parameter action in request")
	}
	s.publish(Event{Kind: EventAction, Chat: c.ID, Action: action})
	return true, nil
}

// original returns the message that a copy or a forward is made of.
func (s *Server) original(p params, verb string) (*Message, error) {
	from, err := s.target(p, "from_chat_id")
	if err != nil {
		return nil, err
	}
	m := from.message(int(p.integer("message_id")))
	switch {
	case m == nil:
		return nil, badRequest("message to %s not found", verb)
	case m.Protected, m.NewMembers != nil:
		return nil, badRequest("message can't be %s", map[string]string{"copy": "copied", "forward": "forwarded"}[verb])
	}
	return m.copy(), nil
}

func (s *Server) copyMessage(p params) (any, error) {
	c, draft, err := s.draft(p)
	if err != nil {
		return nil, err
	}
	m, err := s.original(p, "copy")
	if err != nil {
		return nil, err
	}
	if m.Text == "" && p.has("caption") {
		if m.Caption, m.CaptionEntities, err = p.format("caption", "caption_entities", maxCaption); err != nil {
			return nil, err
		}
	}
	m.Markup, m.ReplyTo, m.Protected, m.Silent = draft.Markup, draft.ReplyTo, draft.Protected, draft.Silent
	m.ForwardOrigin, m.EditDate = nil, 0
	if m, err = s.post(c, m); err != nil {
		return nil, err
	}
	return map[string]int{"message_id": m.ID}, nil
}

func (s *Server) forwardMessage(p params) (any, error) {
	c, draft, err := s.draft(p)
	if err != nil {
		return nil, err
	}
	m, err := s.original(p, "forward")
	if err != nil {
		return nil, err
	}
	if m.ForwardOrigin == nil {
		m.ForwardOrigin = &ForwardOrigin{Type: "user", Date: m.Date, SenderUser: m.From}
	}
	m.Markup, m.ReplyTo, m.EditDate = nil, nil, 0
	m.Protected, m.Silent = draft.Protected, draft.Silent
	return s.post(c, m)
}
