package telegram

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pendingUpdate waits for the bot. Updates of one queue are handed over one after the other.
type pendingUpdate struct {
	Update
	queue string
	at    time.Time
}

// update makes something that happened known to the bot; the lock is held.
func (s *Server) update(queue string, u Update) {
	s.lastUpdate++
	u.ID = s.lastUpdate
	if len(s.history) >= maxUpdates {
		s.history = slices.Delete(s.history, 0, maxUpdates/2)
	}
	s.history = append(s.history, u)
	s.hold(queue, u)
}

// hold puts an update among the pending ones; the lock is held.
func (s *Server) hold(queue string, u Update) {
	if len(s.hook.allowed) > 0 && !slices.Contains(s.hook.allowed, u.kind()) {
		return
	}
	if len(s.pending) >= maxPending {
		s.pending = slices.Delete(s.pending, 0, 1)
	}
	s.pending = append(s.pending, &pendingUpdate{Update: u, queue: queue, at: s.now()})
	s.stir()
	s.deliver(queue)
}

// stir wakes whoever waits for updates or for a change of the webhook; the lock is held.
func (s *Server) stir() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// expire drops the updates nobody may be told any more; the lock is held.
func (s *Server) expire() {
	now := s.now()
	s.pending = slices.DeleteFunc(s.pending, func(u *pendingUpdate) bool {
		life := updateLifetime
		if u.CallbackQuery != nil {
			life = callbackLifetime
		}
		return now.Sub(u.at) > life
	})
}

// getUpdates hands updates to a polling bot. An offset confirms every update before it; a negative
// one keeps only the last of the queue. https://core.telegram.org/bots/api#getupdates
func (s *Server) getUpdates(ctx context.Context, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hook.url != "" {
		return nil, conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	if err := s.allow(p); err != nil {
		return nil, err
	}
	s.poll++
	turn := s.poll
	s.stir() // ends the poll before this one
	s.confirm(int(p.integer("offset")))
	limit := int(p.integer("limit"))
	if limit <= 0 || limit > 100 {
		limit = 100
	}
	wait := time.Duration(min(max(p.integer("timeout"), 0), 50)) * time.Second
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		s.expire()
		if len(s.pending) > 0 || wait == 0 {
			break
		}
		woken := s.wake
		s.mu.Unlock()
		over := false
		select {
		case <-woken:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			over = true
		}
		s.mu.Lock()
		switch {
		case turn != s.poll:
			return nil, conflict("terminated by other getUpdates request; make sure that only one bot instance is running")
		case s.hook.url != "":
			return nil, conflict("terminated by setWebhook request")
		case over:
			return []Update{}, nil
		}
	}
	updates := []Update{}
	for _, u := range s.pending[:min(limit, len(s.pending))] {
		updates = append(updates, u.Update)
	}
	return updates, nil
}

func conflict(what string) error {
	return &apiError{Code: http.StatusConflict, Description: "Conflict: " + what}
}

// confirm forgets what the polling bot has seen; the lock is held.
func (s *Server) confirm(offset int) {
	if offset < 0 {
		s.pending = s.pending[max(len(s.pending)+offset, 0):]
		return
	}
	s.pending = slices.DeleteFunc(s.pending, func(u *pendingUpdate) bool { return u.ID < offset })
}

// allow keeps the call's allowed_updates; a call without them leaves those in force.
func (s *Server) allow(p params) error {
	if strings.TrimSpace(p.str("allowed_updates")) == "" {
		return nil
	}
	allowed := []string{}
	if err := p.decode("allowed_updates", &allowed); err != nil {
		return err
	}
	s.hook.allowed = allowed
	return nil
}

// Redeliver brings an update to the bot again, as Telegram does when an answer got lost. It says
// whether the update is still remembered.
func (s *Server) Redeliver(updateID int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.history, func(u Update) bool { return u.ID == updateID })
	if at < 0 {
		return false
	}
	s.hold("again", s.history[at])
	return true
}

// LastUpdate returns the id of the newest update, 0 before the first.
func (s *Server) LastUpdate() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastUpdate
}
