package telegram

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A query is a pressed button that waits for its answer.
type query struct {
	user    int64
	message int
	asked   time.Time
}

// An Answer is what the bot answered to a pressed button.
type Answer struct {
	QueryID   string `json:"query"`
	UserID    int64  `json:"user"`
	MessageID int    `json:"message"`        // the message whose button was pressed
	Text      string `json:"text,omitempty"` // of the toast or the alert; empty for none
	Alert     bool   `json:"alert,omitempty"`
	URL       string `json:"url,omitempty"` // to open; empty for none
}

// answerCallbackQuery answers once, and within 150 s of the press.
func (s *Server) answerCallbackQuery(p params) (any, error) {
	id := p.str("callback_query_id")
	q := s.queries[id]
	if q == nil || s.now().Sub(q.asked) > callbackLifetime {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	a := Answer{
		QueryID: id, UserID: q.user, MessageID: q.message,
		Text: p.str("text"), Alert: p.boolean("show_alert"), URL: p.str("url"),
	}
	switch {
	case !utf8.ValidString(a.Text):
		return nil, badRequest("strings must be encoded in UTF-8")
	case units(a.Text) > maxToast:
		return nil, badRequest("MESSAGE_TOO_LONG")
	case a.URL != "" && !strings.HasPrefix(a.URL, "https://t.me/"+s.bot.Username+"?start="):
		return nil, badRequest("URL_INVALID")
	}
	delete(s.queries, id)
	if len(s.answers) >= maxCalls {
		s.answers = append([]Answer(nil), s.answers[maxCalls/2:]...)
	}
	s.answers = append(s.answers, a)
	s.publish(Event{Kind: EventAnswer, Chat: q.user, Answer: &a})
	return true, nil
}

// Press presses a button: the person's app sends the data to the bot. Any data is taken, as a
// changed app could send any; the message must be there. It returns the callback query's id.
func (s *Server) Press(userID int64, messageID int, data string) (string, error) {
	return s.PressIn(userID, userID, messageID, data)
}

// PressIn is Press by a member of a group.
func (s *Server) PressIn(chatID, userID int64, messageID int, data string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, from, err := s.speaker(chatID, userID)
	if err != nil {
		return "", fmt.Errorf("press: %w", err)
	}
	m := c.message(messageID)
	switch {
	case m == nil:
		return "", fmt.Errorf("press: no message %d in chat %d", messageID, c.ID)
	case data == "" || len(data) > maxCallbackData:
		return "", fmt.Errorf("press: %d bytes of data", len(data))
	}
	s.forget()
	id := strconv.FormatInt(s.now().UnixNano(), 10) + strconv.Itoa(s.lastUpdate+1)
	s.queries[id] = &query{user: from.ID, message: messageID, asked: s.now()}
	s.update("callback:"+strconv.FormatInt(from.ID, 10), Update{CallbackQuery: &CallbackQuery{
		ID: id, From: *from, Message: m.copy(), ChatInstance: strconv.FormatInt(c.ID*7919, 10), Data: data,
	}})
	return id, nil
}

// forget drops the queries nobody may answer any more.
func (s *Server) forget() {
	for id, q := range s.queries {
		if s.now().Sub(q.asked) > callbackLifetime {
			delete(s.queries, id)
		}
	}
}

// PressButton presses the newest button whose text contains text and that sends data to the bot.
func (s *Server) PressButton(userID int64, text string) (string, error) {
	m, b, ok := s.FindButton(userID, text)
	switch {
	case !ok:
		return "", fmt.Errorf("press: no button %q in chat %d", text, userID)
	case b.CallbackData == "":
		return "", fmt.Errorf("press: button %q sends nothing to the bot", b.Text)
	}
	return s.Press(userID, m.ID, b.CallbackData)
}

// FindButton finds the newest button whose text contains text.
func (s *Server) FindButton(chatID int64, text string) (Message, Button, bool) {
	list := s.Messages(chatID)
	for i := len(list) - 1; i >= 0; i-- {
		for _, b := range list[i].Buttons() {
			if strings.Contains(b.Text, text) {
				return list[i], b, true
			}
		}
	}
	return Message{}, Button{}, false
}

// Answers returns what the bot answered to pressed buttons, oldest first.
func (s *Server) Answers() []Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Answer(nil), s.answers...)
}

// Answer returns the answer to one pressed button.
func (s *Server) Answer(queryID string) (Answer, bool) {
	for _, a := range s.Answers() {
		if a.QueryID == queryID {
			return a, true
		}
	}
	return Answer{}, false
}
