package telegram

import (
	"slices"
	"time"
)

const (
	deletable    = 48 * time.Hour // a message older than this can't be deleted
	maxDeletions = 100            // messages one call may delete
)

// editable returns the message a call edits, a copy to change, and the keyboard it will have.
func (s *Server) editable(p params) (*chat, *Message, error) {
	if p.str("inline_message_id") != "" {
		return nil, nil, badRequest("MESSAGE_ID_INVALID") // the sandbox has no inline mode
	}
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, nil, err
	}
	id := int(p.integer("message_id"))
	if id <= 0 {
		return nil, nil, badRequest("message identifier is not specified")
	}
	m := c.message(id)
	switch {
	case m == nil:
		return nil, nil, badRequest("message to edit not found")
	case !m.FromBot(), m.ForwardOrigin != nil:
		return nil, nil, badRequest("message can't be edited")
	}
	edited := m.copy()
	if edited.Markup, err = p.markup(); err != nil {
		return nil, nil, err
	}
	return c, edited, nil
}

// replace puts the edited message in the place of the old one, if anything changed.
func (s *Server) replace(c *chat, edited *Message) (any, error) {
	at := slices.IndexFunc(c.messages, func(m *Message) bool { return m.ID == edited.ID })
	old := c.messages[at]
	if old.Text == edited.Text && old.Caption == edited.Caption && old.FileID() == edited.FileID() &&
		slices.Equal(old.Entities, edited.Entities) && slices.Equal(old.CaptionEntities, edited.CaptionEntities) &&
		old.Markup.same(edited.Markup) {
		return nil, badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	edited.EditDate = s.now().Unix()
	c.messages[at] = edited
	s.publish(Event{Kind: EventEdit, Chat: c.ID, Message: edited.copy()})
	return edited.copy(), nil
}

func (s *Server) editMessageText(p params) (any, error) {
	c, m, err := s.editable(p)
	if err != nil {
		return nil, err
	}
	if m.Text == "" {
		return nil, badRequest("there is no text in the message to edit")
	}
	if m.Text, m.Entities, err = p.format("text", "entities", maxText); err != nil {
		return nil, err
	}
	if m.Text == "" {
		return nil, badRequest("message text is empty")
	}
	m.LinkPreview = nil
	if err := p.linkPreview(m); err != nil {
		return nil, err
	}
	return s.replace(c, m)
}

func (s *Server) editMessageCaption(p params) (any, error) {
	c, m, err := s.editable(p)
	if err != nil {
		return nil, err
	}
	if m.FileID() == "" {
		return nil, badRequest("there is no caption in the message to edit")
	}
	if m.Caption, m.CaptionEntities, err = p.format("caption", "caption_entities", maxCaption); err != nil {
		return nil, err
	}
	return s.replace(c, m)
}

func (s *Server) editMessageReplyMarkup(p params) (any, error) {
	c, m, err := s.editable(p)
	if err != nil {
		return nil, err
	}
	return s.replace(c, m)
}

func (s *Server) editMessageMedia(p params) (any, error) {
	c, m, err := s.editable(p)
	if err != nil {
		return nil, err
	}
	var in inputMedia
	if err := p.decode("media", &in); err != nil {
		return nil, err
	}
	if in.Type == "" {
		return nil, badRequest("media must be non-empty")
	}
	if err := s.fill(m, in, p.files); err != nil {
		return nil, err
	}
	m.Text, m.Entities = "", nil
	return s.replace(c, m)
}

func (s *Server) deleteMessage(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, err
	}
	id := int(p.integer("message_id"))
	if id <= 0 {
		return nil, badRequest("message identifier is not specified")
	}
	m := c.message(id)
	switch {
	case m == nil:
		return nil, badRequest("message to delete not found")
	case s.tooOld(m):
		return nil, badRequest("message can't be deleted for everyone")
	}
	s.remove(c, id)
	return true, nil
}

func (s *Server) tooOld(m *Message) bool {
	return s.now().Sub(time.Unix(m.Date, 0)) > deletable
}

// deleteMessages deletes what can be deleted and passes over the rest, as the real server does.
func (s *Server) deleteMessages(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, err
	}
	var ids []int
	if err := p.decode("message_ids", &ids); err != nil {
		return nil, err
	}
	switch {
	case len(ids) == 0:
		return nil, badRequest("there are no messages to delete")
	case len(ids) > maxDeletions:
		return nil, badRequest("too many message identifiers specified")
	}
	for _, id := range ids {
		if m := c.message(id); m != nil && !s.tooOld(m) {
			s.remove(c, id)
		}
	}
	return true, nil
}

func (s *Server) remove(c *chat, id int) {
	c.messages = slices.DeleteFunc(c.messages, func(m *Message) bool { return m.ID == id })
	s.publish(Event{Kind: EventDelete, Chat: c.ID, MessageID: id})
}
