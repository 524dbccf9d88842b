// Package fault makes a sandbox server misbehave on demand, in the ways real servers do: slowly,
// with errors before or after the work is done, with broken bodies, or not at all.
package fault

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Mood is one way to misbehave.
type Mood string

// The moods every sandbox server knows. Empty is left to the server itself: it answers with lists
// that hold nothing.
const (
	OK         Mood = "ok"          // answers as it should
	Slow       Mood = "slow"        // does the work, answers after Rule.Delay
	Error      Mood = "error"       // answers 500, nothing done
	ErrorAfter Mood = "error-after" // does the work, then answers 500
	Dead       Mood = "dead"        // drops the connection, nothing done
	DeadAfter  Mood = "dead-after"  // does the work, then drops the connection
	Garbage    Mood = "garbage"     // does the work, answers 200 with something that is no JSON
	Half       Mood = "half"        // does the work, answers half of the body
	Huge       Mood = "huge"        // does the work, answers 200 with a 10 MB body
	Limited    Mood = "limited"     // answers 429 with Retry-After: 1, nothing done
	Empty      Mood = "empty"       // lists hold nothing
)

// Moods lists every mood in the order a person would try them.
func Moods() []Mood {
	return []Mood{OK, Slow, Error, ErrorAfter, Dead, DeadAfter, Garbage, Half, Huge, Limited, Empty}
}

// A Rule says how requests are misanswered.
type Rule struct {
	Mood  Mood
	Path  string        // only requests whose path contains it; empty: all
	Times int           // so many requests, then OK again; 0: until changed
	Delay time.Duration // for Slow; 0 means 30 s
}

// A Switch holds a server's present mood. The zero value answers as it should.
type Switch struct {
	mu   sync.Mutex
	rule Rule
}

// Set makes r the rule in force. An unknown mood is refused.
func (s *Switch) Set(r Rule) error {
	if r.Mood == "" {
		r.Mood = OK
	}
	if !slices.Contains(Moods(), r.Mood) {
		return fmt.Errorf("unknown mood %q", r.Mood)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule = r
	return nil
}

// Rule returns the rule in force.
func (s *Switch) Rule() Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rule.Mood == "" {
		return Rule{Mood: OK}
	}
	return s.rule
}

// take says which rule r falls under, and counts it.
func (s *Switch) take(r *http.Request) Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	rule := s.rule
	if rule.Mood == "" || rule.Mood == OK || !strings.Contains(r.URL.Path, rule.Path) {
		return Rule{Mood: OK}
	}
	if rule.Times > 0 {
		if s.rule.Times--; s.rule.Times == 0 {
			s.rule = Rule{Mood: OK}
		}
	}
	return rule
}

type emptyKey struct{}

// IsEmpty says whether the server should answer r with lists that hold nothing.
func IsEmpty(r *http.Request) bool { return r.Context().Value(emptyKey{}) != nil }

// Wrap puts the switch in front of next.
func (s *Switch) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule := s.take(r)
		switch rule.Mood {
		case Slow:
			serveSlow(w, r, next, rule.Delay)
		case Error:
			http.Error(w, "internal server error", http.StatusInternalServerError)
		case Limited:
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error":"too many requests"}`, http.StatusTooManyRequests)
		case Dead:
			panic(http.ErrAbortHandler)
		case Empty:
			next.ServeHTTP(w, r.WithContext(withEmpty(r)))
		case ErrorAfter, DeadAfter, Garbage, Half, Huge:
			serveBroken(w, r, next, rule.Mood)
		case OK:
			next.ServeHTTP(w, r)
		}
	})
}

func serveSlow(w http.ResponseWriter, r *http.Request, next http.Handler, delay time.Duration) {
	if delay <= 0 {
		delay = 30 * time.Second
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	select {
	case <-time.After(delay):
		rec.copyTo(w, rec.body.Bytes())
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

func serveBroken(w http.ResponseWriter, r *http.Request, next http.Handler, m Mood) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	switch m {
	case ErrorAfter:
		http.Error(w, "internal server error", http.StatusInternalServerError)
	case Garbage:
		rec.copyTo(w, []byte("<html><body>It works!</body></html>"))
	case Half:
		rec.copyTo(w, rec.body.Bytes()[:rec.body.Len()/2])
	case Huge:
		rec.copyTo(w, bytes.Repeat([]byte(" "), 10<<20))
	default:
		panic(http.ErrAbortHandler)
	}
}

// recorder keeps an answer back so that it can be delayed or broken.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *recorder) copyTo(w http.ResponseWriter, body []byte) {
	for k, v := range r.header {
		if k != "Content-Length" {
			w.Header()[k] = v
		}
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(body) // the client may be gone: nobody is left to tell
}

func withEmpty(r *http.Request) context.Context {
	return context.WithValue(r.Context(), emptyKey{}, true)
}
