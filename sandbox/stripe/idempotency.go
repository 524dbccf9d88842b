package stripe

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// How long a key is remembered, and how long it may be: docs.stripe.com/api/idempotent_requests.
const (
	keyLife = 24 * time.Hour
	maxKey  = 255
)

// A remembered is the first request under an idempotency key. Its answer is nil while that request
// is under way.
type remembered struct {
	key      string
	endpoint string
	params   string // hash of the parameters
	at       time.Time
	answer   *answer
}

// claim takes an idempotency key for a request. It returns the claim to settle, or the answer
// remembered, or the refusal. Without a key there is nothing to claim.
func (s *Server) claim(key, endpoint, sum string) (*remembered, *answer, *apiError) {
	if key == "" {
		return nil, nil, nil
	}
	if n := utf8.RuneCountInString(key); n > maxKey {
		e := invalid("", "", "Idempotency keys can have up to %d characters, but you passed in one that is %d characters", maxKey, n)
		return nil, nil, e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for k, r := range s.keys {
		if r.answer != nil && now.Sub(r.at) >= keyLife {
			delete(s.keys, k)
		}
	}
	first, ok := s.keys[key]
	if !ok {
		held := &remembered{key: key, endpoint: endpoint, params: sum, at: now}
		s.keys[key] = held
		return held, nil, nil
	}
	bad := func(message string) *apiError {
		return &apiError{status: http.StatusBadRequest, kind: idempotencyError, message: message}
	}
	switch {
	case first.endpoint != endpoint:
		return nil, nil, bad("Keys for idempotent requests can only be used for the same endpoint they were first used for ('" +
			endpoint + "' vs '" + first.endpoint + "'). Try using a key other than '" + key + "' if you meant to execute a different request.")
	case first.params != sum:
		return nil, nil, bad("Keys for idempotent requests can only be used with the same parameters they were first used with. " +
			"Try using a key other than '" + key + "' if you meant to execute a different request.")
	case first.answer == nil:
		return nil, nil, &apiError{status: http.StatusConflict, kind: invalidRequest, code: "idempotency_key_in_use",
			message: "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, " +
				"and the other request is still going through): " + key + ". Please try again later."}
	}
	return nil, first.answer, nil
}

// settleKey remembers the answer under a claimed key, or frees the key where store is false.
func (s *Server) settleKey(held *remembered, a answer, store bool) {
	if held == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !store {
		delete(s.keys, held.key)
		return
	}
	held.answer = &a
}

// A trap is a failure inside the server, behind the idempotency layer: unlike Fault's, its 500 is
// remembered under the key.
type trap int

const (
	trapNone   trap = iota
	trapBefore      // 500, nothing done
	trapAfter       // 500, the work done
)

type traps struct {
	path  string
	kind  trap
	times int
	hold  string
	gate  chan struct{}
}

func (t *traps) take(endpoint string) trap {
	if t.times <= 0 || !strings.Contains(endpoint, t.path) {
		return trapNone
	}
	t.times--
	return t.kind
}

// FailStored makes the next times calls of endpoints whose "METHOD /path" contains path end in a
// 500 that idempotency keys remember. With done the work is done nevertheless.
func (s *Server) FailStored(path string, times int, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traps.path, s.traps.times, s.traps.kind = path, times, trapBefore
	if done {
		s.traps.kind = trapAfter
	}
}

// Hold keeps calls of endpoints whose "METHOD /path" contains path under way, their keys in use,
// until release is called.
func (s *Server) Hold(path string) (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traps.hold, s.traps.gate = path, gate
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.traps.gate == gate {
			s.traps.gate = nil
			close(gate)
		}
	}
}

func (s *Server) waitTrap(endpoint string) {
	s.mu.Lock()
	gate, path := s.traps.gate, s.traps.hold
	s.mu.Unlock()
	if gate != nil && strings.Contains(endpoint, path) {
		<-gate
	}
}
