package telegram

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// botID is the number a token begins with.
func botID(token string) int64 {
	number, _, _ := strings.Cut(token, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// AddUser adds a person. Until they write first (or are added with Started) the bot can't write to
// them: "chat not found".
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.IsBot = false
	s.add(&chat{
		Chat: Chat{ID: u.ID, Type: "private", Username: u.Username, FirstName: u.FirstName, LastName: u.LastName},
		user: &u, started: u.Started,
	})
}

// AddGroup adds a supergroup of people already added. The bot is not in it until AddBot.
func (s *Server) AddGroup(id int64, title string, members ...int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &chat{Chat: Chat{ID: id, Type: "supergroup", Title: title}, members: map[int64]*User{}, blocked: true}
	for _, member := range members {
		if c := s.chats[member]; c != nil {
			g.members[member] = c.user
		}
	}
	s.add(g)
}

func (s *Server) add(c *chat) {
	if s.chats[c.ID] == nil {
		s.order = append(s.order, c.ID)
	}
	s.chats[c.ID] = c
	s.publish(Event{Kind: EventProfile})
}

// AddBot puts the bot into a group, by the hand of one of its members.
func (s *Server) AddBot(groupID, by int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.chats[groupID]
	if g == nil || g.user != nil || g.members[by] == nil {
		return fmt.Errorf("add bot: no group %d with member %d", groupID, by)
	}
	g.started, g.blocked = true, false
	s.memberChanged(g, *g.members[by], "left", "member")
	m := &Message{From: g.members[by], NewMembers: []User{s.bot}}
	s.put(g, m)
	s.update(messageQueue(g), Update{Message: m.copy()})
	return nil
}

// memberChanged tells the bot what it now is in a chat.
func (s *Server) memberChanged(c *chat, by User, before, after string) {
	s.update(messageQueue(c), Update{MyChatMember: &ChatMemberUpdated{
		Chat: c.Chat, From: by, Date: s.now().Unix(),
		Old: ChatMember{Status: before, User: s.bot}, New: ChatMember{Status: after, User: s.bot},
	}})
}

func messageQueue(c *chat) string { return "message:" + strconv.FormatInt(c.ID, 10) }

// SendText is a person writing to the bot. It returns the message's id.
func (s *Server) SendText(userID int64, text string) (int, error) {
	return s.say(userID, userID, &Message{Text: text})
}

// SendGroupText is a member writing in a group.
func (s *Server) SendGroupText(groupID, userID int64, text string) (int, error) {
	return s.say(groupID, userID, &Message{Text: text})
}

// Reply is a person answering one message, in a private chat or a group.
func (s *Server) Reply(chatID, userID int64, messageID int, text string) (int, error) {
	s.mu.Lock()
	c := s.chats[chatID]
	if c == nil {
		s.mu.Unlock()
		return 0, fmt.Errorf("reply: no chat %d", chatID)
	}
	original, err := c.quoted(messageID)
	s.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("reply: %w", err)
	}
	return s.say(chatID, userID, &Message{Text: text, ReplyTo: original})
}

// SendPhoto is a person sending a PNG or JPEG, with a caption or without.
func (s *Server) SendPhoto(userID int64, picture []byte, caption string) (int, error) {
	return s.SendPhotoIn(userID, userID, 0, picture, caption)
}

// SendPhotoIn is SendPhoto in a private chat or a group, as an answer to the message replyTo unless
// that is 0.
func (s *Server) SendPhotoIn(chatID, userID int64, replyTo int, picture []byte, caption string) (int, error) {
	m := &Message{Caption: caption}
	s.mu.Lock()
	f, err := s.storePhoto(upload{name: "photo", data: bytes.Clone(picture)})
	if c := s.chats[chatID]; err == nil && c != nil && replyTo != 0 {
		m.ReplyTo, err = c.quoted(replyTo)
	}
	s.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("send photo: %w", err)
	}
	m.Photo = f.sizes()
	return s.say(chatID, userID, m)
}

// SendVoice is a person sending a voice message of so many seconds.
func (s *Server) SendVoice(userID int64, seconds int) (int, error) {
	s.mu.Lock()
	f := s.store("voice", "voice.ogg", "audio/ogg", binary.BigEndian.AppendUint32([]byte("OggS"), uint32(max(seconds, 0))))
	s.mu.Unlock()
	return s.say(userID, userID, &Message{Voice: &Voice{
		FileID: f.id, FileUniqueID: f.unique, Duration: seconds, MimeType: f.kind, FileSize: len(f.data),
	}})
}

// say puts a person's message into a chat and tells the bot. Writing opens a private chat, and
// unblocks the bot.
func (s *Server) say(chatID, userID int64, m *Message) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, from, err := s.speaker(chatID, userID)
	if err != nil {
		return 0, fmt.Errorf("say: %w", err)
	}
	m.Text, _ = tidy(m.Text, nil)
	m.Caption, _ = tidy(m.Caption, nil)
	if m.Text == "" && m.FileID() == "" {
		return 0, fmt.Errorf("say: nothing to send")
	}
	if units(m.Text) > maxText || units(m.Caption) > maxCaption {
		return 0, fmt.Errorf("say: the text is too long")
	}
	m.Entities, m.CaptionEntities = withFound(m.Text, nil), withFound(m.Caption, nil)
	m.From = from
	if c.user != nil {
		s.open(c)
	}
	s.put(c, m)
	if s.concerns(c, m) {
		s.update(messageQueue(c), Update{Message: m.copy()})
	}
	return m.ID, nil
}

// speaker returns a chat and the person who does something in it; the lock is held.
func (s *Server) speaker(chatID, userID int64) (*chat, *User, error) {
	c := s.chats[chatID]
	if c == nil {
		return nil, nil, fmt.Errorf("no chat %d", chatID)
	}
	if c.user != nil && c.ID == userID {
		return c, c.user, nil
	}
	if member := c.members[userID]; member != nil {
		return c, member, nil
	}
	return nil, nil, fmt.Errorf("no member %d in chat %d", userID, chatID)
}

// EditText is a person changing a text they sent.
func (s *Server) EditText(chatID, userID int64, messageID int, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, from, err := s.speaker(chatID, userID)
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	m := c.message(messageID)
	if m == nil || m.From == nil || m.From.ID != from.ID || m.Text == "" {
		return fmt.Errorf("edit: no text %d of user %d", messageID, userID)
	}
	edited := m.copy()
	edited.Text, _ = tidy(text, nil)
	edited.Entities = withFound(edited.Text, nil)
	if edited.Text == "" || units(edited.Text) > maxText {
		return fmt.Errorf("edit: the text is empty or too long")
	}
	if _, err := s.replace(c, edited); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	if s.concerns(c, edited) {
		s.update(messageQueue(c), Update{EditedMessage: edited.copy()})
	}
	return nil
}

// open makes a private chat one the bot may write to; the lock is held.
func (s *Server) open(c *chat) {
	if c.started && !c.blocked {
		return
	}
	if c.blocked {
		s.memberChanged(c, *c.user, "kicked", "member")
	}
	c.started, c.blocked = true, false
	s.publish(Event{Kind: EventProfile})
}

// concerns says whether the bot is told of a person's message: in a group, with privacy mode on,
// only of commands, replies to its messages, and mentions.
// https://core.telegram.org/bots/features#privacy-mode
func (s *Server) concerns(c *chat, m *Message) bool {
	switch {
	case c.user != nil:
		return true
	case c.blocked:
		return false
	default:
		return strings.HasPrefix(m.Text, "/") || strings.Contains(m.Text, "@"+s.bot.Username) ||
			m.ReplyTo != nil && m.ReplyTo.FromBot()
	}
}

// Block is a person blocking the bot; their next message unblocks it.
func (s *Server) Block(userID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[userID]; c != nil && c.user != nil && !c.blocked {
		c.blocked = true
		s.memberChanged(c, *c.user, "member", "kicked")
		s.publish(Event{Kind: EventProfile})
	}
}

// DeleteMessage is a person deleting a message for both sides; the bot is not told.
func (s *Server) DeleteMessage(chatID int64, messageID int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[chatID]; c != nil {
		s.remove(c, messageID)
	}
}

// A Person is one of the people, as the chat page lists them.
type Person struct {
	User
	Started bool `json:"started"`
	Blocked bool `json:"blocked"`
}

// People lists the people in the order they were added.
func (s *Server) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people()
}

func (s *Server) people() []Person {
	var list []Person
	for _, id := range s.order {
		if c := s.chats[id]; c.user != nil {
			list = append(list, Person{User: *c.user, Started: c.started, Blocked: c.blocked})
		}
	}
	return list
}

func (s *Server) getChat(p params) (any, error) {
	c, err := s.knownChat(p, "chat_id")
	if err != nil {
		return nil, err
	}
	return struct {
		Chat
		AccentColorID    int             `json:"accent_color_id"`
		MaxReactionCount int             `json:"max_reaction_count"`
		Permissions      map[string]bool `json:"permissions,omitempty"` // of members who are no administrators; groups only
		AcceptedGifts    struct {
			Unlimited bool `json:"unlimited_gifts"`
		} `json:"accepted_gift_types"`
	}{Chat: c.Chat, MaxReactionCount: 11, Permissions: c.permissions()}, nil
}

// permissions are what members of a group may do: https://core.telegram.org/bots/api#chatpermissions
func (c *chat) permissions() map[string]bool {
	if c.user != nil {
		return nil
	}
	may := map[string]bool{}
	for _, deed := range []string{"messages", "audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls", "other_messages"} {
		may["can_send_"+deed] = !c.muted
	}
	return may
}

// Mute takes the right to write from the members of a group who are no administrators, as the bot
// isn't, or gives it back.
func (s *Server) Mute(groupID int64, muted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[groupID]; c != nil && c.user == nil {
		c.muted = muted
	}
}

func (s *Server) getChatMember(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, err
	}
	id := p.integer("user_id")
	switch {
	case id == s.bot.ID:
		return ChatMember{Status: "member", User: s.bot}, nil
	case c.user != nil && c.user.ID == id:
		return ChatMember{Status: "member", User: *c.user}, nil
	case c.members[id] != nil:
		return ChatMember{Status: "member", User: *c.members[id]}, nil
	default:
		return nil, badRequest("member not found")
	}
}

// getChatAdministrators: the sandbox's groups have members only.
func (s *Server) getChatAdministrators(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	switch {
	case err != nil:
		return nil, err
	case c.user != nil:
		return nil, badRequest("there are no administrators in the private chat")
	}
	return []ChatMember{}, nil
}

func (s *Server) getChatMemberCount(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	if err != nil {
		return nil, err
	}
	if c.user != nil {
		return 2, nil
	}
	return len(c.members) + 1, nil
}

func (s *Server) leaveChat(p params) (any, error) {
	c, err := s.target(p, "chat_id")
	switch {
	case err != nil:
		return nil, err
	case c.user != nil:
		return nil, badRequest("chat member status can't be changed in private chats")
	}
	c.blocked = true
	s.memberChanged(c, s.bot, "member", "left")
	return true, nil
}
