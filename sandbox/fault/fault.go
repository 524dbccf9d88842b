// Package fault makes a sandbox server misbehave on demand, in the ways real servers do: slowly,
// with errors before or after the work is done, with broken bodies, much later, or not at all.
package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
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
	Limited    Mood = "limited"     // answers 429 with Retry-After, nothing done
	Late       Mood = "late"        // answers nothing, does the work after Rule.Delay
	Refused    Mood = "refused"     // takes no connections; a server without a Door drops them
	Empty      Mood = "empty"       // lists hold nothing
)

// Moods lists every mood in the order a person would try them.
func Moods() []Mood {
	return []Mood{OK, Slow, Error, ErrorAfter, Dead, DeadAfter, Garbage, Half, Huge, Limited, Late, Refused, Empty}
}

// How long a mood lasts that a rule gives no Delay.
const (
	defaultSlow = 30 * time.Second
	defaultLate = 5 * time.Minute
	maxLate     = 1 << 20 // bytes of a request that is kept
)

// A Rule says how requests are misanswered.
type Rule struct {
	Mood Mood
	// Path spares requests whose path doesn't contain it; several are parted by "|", empty means
	// all. A connection has no path yet when it is refused: Refused goes for all.
	Path  string
	Times int // so many requests, then OK again; 0: until changed. Refused is not counted
	// Delay is how long an answer takes for Slow (30 s when 0), and how much later by the switch's
	// clock the work is done for Late (5 min when 0). For Limited it is how long nothing is taken,
	// counted by that clock from the first request refused: Retry-After is what is left of it, and
	// then the rule wears off. With 0 Retry-After is 1 s, until changed.
	Delay time.Duration
}

// A Door is where connections come in.
type Door interface {
	Shut() error // connections are refused, and those that stand are cut
	Open() error
}

// A Switch holds a server's present mood. The zero value answers as it should. It must not be
// copied.
type Switch struct {
	// Now is the clock that Late and Limited go by; time.Now when nil.
	Now func() time.Time

	doors sync.Mutex // held while the door moves
	door  Door       // nil: none of its own

	mu      sync.Mutex
	rule    Rule
	until   time.Time // Limited ends
	late    []work
	running sync.Mutex // held while work that came late is done
}

// work is a request whose sender was never answered.
type work struct {
	due     time.Time
	request *http.Request
	next    http.Handler
}

// Attach gives the switch the door that Refused shuts.
func (s *Switch) Attach(d Door) {
	s.doors.Lock()
	defer s.doors.Unlock()
	s.door = d
}

// Set makes r the rule in force. An unknown mood is refused. Another error says that the door
// could not be moved.
func (s *Switch) Set(r Rule) error {
	if r.Mood == "" {
		r.Mood = OK
	}
	if !slices.Contains(Moods(), r.Mood) {
		return fmt.Errorf("unknown mood %q", r.Mood)
	}
	s.doors.Lock()
	defer s.doors.Unlock()
	s.mu.Lock()
	s.rule, s.until = r, time.Time{}
	s.mu.Unlock()
	switch {
	case s.door == nil:
		return nil
	case r.Mood == Refused:
		return s.door.Shut()
	default:
		return s.door.Open()
	}
}

func (s *Switch) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// Waiting returns how many requests are still to be done late.
func (s *Switch) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.late)
}

// CommitDue does the work of Late whose time has come.
func (s *Switch) CommitDue() {
	s.running.Lock()
	defer s.running.Unlock()
	now := s.now()
	var due []work
	s.mu.Lock()
	s.late = slices.DeleteFunc(s.late, func(w work) bool {
		if w.due.After(now) {
			return false
		}
		due = append(due, w)
		return true
	})
	s.mu.Unlock()
	for _, w := range due {
		w.next.ServeHTTP(newRecorder(), w.request)
	}
}

// Rule returns the rule in force.
func (s *Switch) Rule() Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rule.Mood == "" || s.worn() {
		return Rule{Mood: OK}
	}
	return s.rule
}

// worn says whether the rule's time is over; the lock is held.
func (s *Switch) worn() bool { return !s.until.IsZero() && !s.now().Before(s.until) }

// applies says whether the rule is for requests to path.
func (r Rule) applies(path string) bool {
	for part := range strings.SplitSeq(r.Path, "|") {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// take says which rule r falls under, and counts it.
func (s *Switch) take(r *http.Request) Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.worn() {
		s.rule, s.until = Rule{Mood: OK}, time.Time{}
	}
	rule := s.rule
	if rule.Mood == "" || rule.Mood == OK || !rule.applies(r.URL.Path) {
		return Rule{Mood: OK}
	}
	if rule.Mood == Limited && rule.Delay > 0 {
		if s.until.IsZero() {
			s.until = s.now().Add(rule.Delay)
		}
		rule.Delay = s.until.Sub(s.now())
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
			seconds := max(1, int((rule.Delay+time.Second-1)/time.Second))
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			http.Error(w, `{"error":"too many requests"}`, http.StatusTooManyRequests)
		case Dead, Refused:
			panic(http.ErrAbortHandler)
		case Late:
			s.keepWaiting(w, r, next, rule.Delay)
		case Empty:
			next.ServeHTTP(w, r.WithContext(withEmpty(r)))
		case ErrorAfter, DeadAfter, Garbage, Half, Huge:
			serveBroken(w, r, next, rule.Mood)
		case OK:
			next.ServeHTTP(w, r)
		}
	})
}

// keepWaiting notes the work for later and leaves whoever asked without an answer.
func (s *Switch) keepWaiting(w http.ResponseWriter, r *http.Request, next http.Handler, delay time.Duration) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLate))
	if err != nil {
		panic(http.ErrAbortHandler) // never arrived whole: nothing to do later
	}
	if delay <= 0 {
		delay = defaultLate
	}
	later := r.Clone(context.WithoutCancel(r.Context()))
	later.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	s.late = append(s.late, work{s.now().Add(delay), later, next})
	s.mu.Unlock()
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func serveSlow(w http.ResponseWriter, r *http.Request, next http.Handler, delay time.Duration) {
	if delay <= 0 {
		delay = defaultSlow
	}
	rec := newRecorder()
	next.ServeHTTP(rec, r)
	select {
	case <-time.After(delay):
		rec.copyTo(w, rec.body.Bytes())
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

func serveBroken(w http.ResponseWriter, r *http.Request, next http.Handler, m Mood) {
	rec := newRecorder()
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

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

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
