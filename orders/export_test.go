package orders

import (
	"context"
	"time"
)

// Allowed is the table of transitions.
func Allowed(from, to State) bool { return allowed(from, to) }

// SetWait replaces the pause between tries to store what was bought.
func (s *Service) SetWait(wait func(context.Context, time.Duration) error) { s.wait = wait }

// Sequential has everything done in one goroutine, so that calls come in the same order each time.
func (s *Service) Sequential() {
	s.meanwhile = atOnce
}

// SetDrain replaces how long Run lets work in flight go on.
func (s *Service) SetDrain(d time.Duration) { s.drain = d }

// Stop makes the service begin no purchase any more, as Run does when it is told to end.
func (s *Service) Stop() { s.stopping.Store(true) }
