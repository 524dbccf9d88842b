package telegram

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// An EventKind says what changed for the people.
type EventKind string

// What a chat page is told.
const (
	EventMessage  EventKind = "message"  // a new message
	EventEdit     EventKind = "edit"     // a message changed
	EventDelete   EventKind = "delete"   // a message went
	EventAction   EventKind = "action"   // the bot is doing something
	EventAnswer   EventKind = "answer"   // a pressed button was answered
	EventReaction EventKind = "reaction" // the bot reacted to a message, or took that back
	EventProfile  EventKind = "profile"  // people, commands or the bot's texts changed
)

// An Event is one change that people see.
type Event struct {
	Kind      EventKind `json:"kind"`
	Chat      int64     `json:"chat,omitempty"`
	Message   *Message  `json:"message,omitempty"`
	MessageID int       `json:"message_id,omitempty"`
	Action    string    `json:"action,omitempty"`
	Answer    *Answer   `json:"answer,omitempty"`
	Reaction  string    `json:"reaction,omitempty"`
}

// A Subscription receives events until it is closed. One that reads too slowly is ended by the
// server: its channel closes, and the reader starts again with a new Snapshot.
type Subscription struct {
	C <-chan Event
	c chan Event
	s *Server
}

// A Snapshot is all that people see.
type Snapshot struct {
	Bot      User                `json:"bot"`
	People   []Person            `json:"people"`
	Messages map[int64][]Message `json:"messages"`
}

// Subscribe returns all that people see now, and what changes from now on. Close the subscription.
func (s *Server) Subscribe() (Snapshot, *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan Event, 256)
	sub := &Subscription{C: c, c: c, s: s}
	s.watchers[sub] = true
	all := Snapshot{Bot: s.bot, People: s.people(), Messages: map[int64][]Message{}}
	for id, c := range s.chats {
		all.Messages[id] = c.copies()
	}
	return all, sub
}

// Close ends the subscription. It may be called more than once.
func (w *Subscription) Close() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.drop(w)
}

// drop ends a subscription; the lock is held.
func (s *Server) drop(w *Subscription) {
	if s.watchers[w] {
		delete(s.watchers, w)
		close(w.c)
	}
}

// publish tells everyone who watches; the lock is held.
func (s *Server) publish(e Event) {
	for w := range s.watchers {
		select {
		case w.c <- e:
		default:
			s.drop(w)
		}
	}
	s.notify()
}

// notify wakes those who wait for a condition; the lock is held.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (c *chat) copies() []Message {
	list := make([]Message, 0, len(c.messages))
	for _, m := range c.messages {
		list = append(list, *m.copy())
	}
	return list
}

// Messages returns what stands in a chat, oldest first.
func (s *Server) Messages(chatID int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[chatID]; c != nil {
		return c.copies()
	}
	return nil
}

// WaitFor waits until the chat's messages meet the condition; the error says what stood there when
// ctx ended first.
func (s *Server) WaitFor(ctx context.Context, chatID int64, met func([]Message) bool) error {
	var last []Message
	err := s.Wait(ctx, func() bool {
		last = s.Messages(chatID)
		return met(last)
	})
	if err != nil {
		text := "nothing"
		if len(last) > 0 {
			text = fmt.Sprintf("%d messages, the last %q", len(last), last[len(last)-1].Body())
		}
		return fmt.Errorf("wait in chat %d (%s): %w", chatID, text, err)
	}
	return nil
}

// Wait waits until met says yes. It is asked again whenever the bot calls, a delivery ends, or
// anything people see changes.
func (s *Server) Wait(ctx context.Context, met func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if met() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Calls returns the bot's calls, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.calls)
	for i := range list {
		list[i].Params = maps.Clone(list[i].Params)
	}
	return list
}

// CallCount returns how often the bot called a method, refused calls included.
func (s *Server) CallCount(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c.Method == name {
			n++
		}
	}
	return n
}

// ResetCalls forgets the calls so far.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Pending returns how many updates wait for the bot.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}
