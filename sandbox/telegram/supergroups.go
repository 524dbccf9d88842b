package telegram

import (
	"bytes"
	"fmt"
)

// anonymousAdmin is who writes where an administrator writes in a group's name.
// https://core.telegram.org/bots/api#message
func anonymousAdmin() *User {
	return &User{ID: 1087968824, IsBot: true, FirstName: "Group", Username: "GroupAnonymousBot"}
}

// AddBasicGroup adds a group that may still become a supergroup: Migrate.
func (s *Server) AddBasicGroup(id int64, title string, members ...int64) {
	s.AddGroup(id, title, members...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chats[id].Type = "group"
}

// Migrate makes a basic group a supergroup with another id. The bot is told in both, and calls for
// the old one are refused from now on. https://core.telegram.org/bots/api#responseparameters
func (s *Server) Migrate(groupID, supergroupID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.chats[groupID]
	if old == nil || old.Type != "group" || s.chats[supergroupID] != nil {
		return fmt.Errorf("migrate: no basic group %d, or %d is taken", groupID, supergroupID)
	}
	grown := &chat{
		Chat: Chat{ID: supergroupID, Type: "supergroup", Title: old.Title}, members: old.members, started: old.started, blocked: old.blocked,
	}
	old.movedTo = supergroupID
	s.add(grown)
	s.announce(old, &Message{From: anonymousAdmin(), SenderChat: &old.Chat, MigrateTo: supergroupID})
	s.announce(grown, &Message{From: anonymousAdmin(), SenderChat: &grown.Chat, MigrateFrom: groupID})
	return nil
}

// announce puts a service message into a chat and tells the bot; the lock is held.
func (s *Server) announce(c *chat, m *Message) {
	s.put(c, m)
	s.update(messageQueue(c), Update{Message: m.copy()})
}

// ReplyAnonymously is an administrator of a group answering one message in the group's name.
func (s *Server) ReplyAnonymously(groupID int64, messageID int, text string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[groupID]
	if c == nil || c.user != nil {
		return 0, fmt.Errorf("reply: no group %d", groupID)
	}
	original, err := c.quoted(messageID)
	if err != nil {
		return 0, err
	}
	group := c.Chat
	m := &Message{From: anonymousAdmin(), SenderChat: &group, Text: text, ReplyTo: original}
	s.put(c, m)
	if s.concerns(c, m) {
		s.update(messageQueue(c), Update{Message: m.copy()})
	}
	return m.ID, nil
}

// ReplyPhoto is a person answering one message with a PNG or JPEG; 0 answers none.
func (s *Server) ReplyPhoto(chatID, userID int64, messageID int, picture []byte, caption string) (int, error) {
	s.mu.Lock()
	var original *Message
	f, err := s.storePhoto(upload{name: "photo", data: bytes.Clone(picture)})
	if c := s.chats[chatID]; err == nil && c != nil && messageID != 0 {
		original, err = c.quoted(messageID)
	}
	s.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("reply with a photo: %w", err)
	}
	return s.say(chatID, userID, &Message{Photo: f.sizes(), Caption: caption, ReplyTo: original})
}

// SendAlbum is a person sending several photos at once.
func (s *Server) SendAlbum(userID int64, pictures ...[]byte) ([]int, error) {
	var ids []int
	album := ""
	for _, picture := range pictures {
		s.mu.Lock()
		f, err := s.storePhoto(upload{name: "photo", data: bytes.Clone(picture)})
		if album == "" {
			album = fmt.Sprint(s.now().UnixMicro() + int64(s.lastID))
		}
		s.mu.Unlock()
		if err != nil {
			return ids, fmt.Errorf("send album: %w", err)
		}
		id, err := s.say(userID, userID, &Message{Photo: f.sizes(), MediaGroupID: album})
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// quoted returns a message as a reply to it shows it; the lock is held.
func (c *chat) quoted(messageID int) (*Message, error) {
	m := c.message(messageID)
	if m == nil {
		return nil, fmt.Errorf("no message %d in chat %d", messageID, c.ID)
	}
	original := m.copy()
	original.ReplyTo = nil
	return original, nil
}
