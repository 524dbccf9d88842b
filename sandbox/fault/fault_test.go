package fault_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"esimbot/sandbox/clock"
	"esimbot/sandbox/fault"
)

const whole = `{"answer":42}`

func TestMoods(t *testing.T) {
	for _, tc := range []struct {
		mood   fault.Mood
		worked bool // the server behind did its work
		status int  // 0: no answer at all
		body   string
	}{
		{fault.OK, true, 200, whole},
		{fault.Slow, true, 200, whole},
		{fault.Error, false, 500, "internal server error\n"},
		{fault.ErrorAfter, true, 500, "internal server error\n"},
		{fault.Dead, false, 0, ""},
		{fault.DeadAfter, true, 0, ""},
		{fault.Garbage, true, 200, "<html><body>It works!</body></html>"},
		{fault.Half, true, 200, whole[:len(whole)/2]},
		{fault.Huge, true, 200, strings.Repeat(" ", 10<<20)},
		{fault.Limited, false, 429, `{"error":"too many requests"}` + "\n"},
		{fault.Refused, false, 0, ""}, // without a door
		{fault.Empty, true, 200, "[]"},
	} {
		t.Run(string(tc.mood), func(t *testing.T) {
			var s fault.Switch
			var worked atomic.Bool
			srv := httptest.NewServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				worked.Store(true)
				if fault.IsEmpty(r) {
					_, _ = io.WriteString(w, "[]")
					return
				}
				_, _ = io.WriteString(w, whole)
			})))
			defer srv.Close()
			if err := s.Set(fault.Rule{Mood: tc.mood, Delay: time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			status, body := 0, ""
			if resp, err := http.Post(srv.URL, "text/plain", strings.NewReader("x")); err == nil {
				b, _ := io.ReadAll(resp.Body) // half of it is what some moods are about
				if err := resp.Body.Close(); err != nil {
					t.Fatal(err)
				}
				status, body = resp.StatusCode, string(b)
			}
			if worked.Load() != tc.worked || status != tc.status || body != tc.body {
				t.Errorf("worked %v, status %d, body %.40q", worked.Load(), status, body)
			}
		})
	}
}

func TestRuleForOnePathSoManyTimes(t *testing.T) {
	var s fault.Switch
	h := s.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err := s.Set(fault.Rule{Mood: fault.Error, Path: "/order|/topup", Times: 2}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, path := range []string{"/balance", "/order/7", "/topup", "/order"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		got = append(got, rec.Code)
	}
	if got[0] != 200 || got[1] != 500 || got[2] != 500 || got[3] != 200 {
		t.Errorf("statuses %v", got)
	}
	if s.Rule().Mood != fault.OK {
		t.Errorf("the rule did not wear off: %v", s.Rule())
	}
}

func TestUnknownMood(t *testing.T) {
	var s fault.Switch
	if err := s.Set(fault.Rule{Mood: "grumpy"}); err == nil {
		t.Error("an unknown mood was taken")
	}
}

// TestLateWork: whoever asks hears nothing, and the work is done when its time has come.
func TestLateWork(t *testing.T) {
	var c clock.Clock
	s := fault.Switch{Now: c.Now}
	got := make(chan string, 1)
	srv := httptest.NewServer(s.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(body)
	})))
	defer srv.Close()
	if err := s.Set(fault.Rule{Mood: fault.Late, Delay: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	impatient := http.Client{Timeout: 100 * time.Millisecond}
	if resp, err := impatient.Post(srv.URL, "text/plain", strings.NewReader("an order")); err == nil {
		_ = resp.Body.Close()
		t.Fatal("it was answered")
	}
	c.Advance(4 * time.Minute)
	s.CommitDue()
	if n := s.Waiting(); n != 1 || len(got) != 0 {
		t.Fatalf("%d wait after 4 minutes, %d are done", n, len(got))
	}
	if err := s.Set(fault.Rule{}); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Minute)
	s.CommitDue()
	s.CommitDue()
	if n := s.Waiting(); n != 0 || len(got) != 1 || <-got != "an order" {
		t.Errorf("%d wait after 5 minutes, %d are done", n, len(got))
	}
}

// TestLimitedForATime: Retry-After is what is left, and then the server works again.
func TestLimitedForATime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := fault.Switch{Now: func() time.Time { return now }}
	h := s.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err := s.Set(fault.Rule{Mood: fault.Limited, Delay: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		code  int
		retry string
	}{
		{time.Hour, 429, "30"}, // it begins with the first request
		{12 * time.Second, 429, "18"},
		{17500 * time.Millisecond, 429, "1"},
		{500 * time.Millisecond, 200, ""},
		{time.Second, 200, ""},
	} {
		now = now.Add(step.after)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		if rec.Code != step.code || rec.Header().Get("Retry-After") != step.retry {
			t.Errorf("%v later: %d, Retry-After %q, want %d, %q", step.after, rec.Code, rec.Header().Get("Retry-After"), step.code, step.retry)
		}
	}
	if s.Rule().Mood != fault.OK {
		t.Errorf("the rule did not wear off: %v", s.Rule())
	}
}

// hinge is a door that notes how it was moved.
type hinge struct{ moves []string }

func (h *hinge) Shut() error { h.moves = append(h.moves, "shut"); return nil }
func (h *hinge) Open() error { h.moves = append(h.moves, "open"); return nil }

func TestRefusedShutsTheDoor(t *testing.T) {
	var s fault.Switch
	var h hinge
	s.Attach(&h)
	for _, m := range []fault.Mood{fault.Slow, fault.Refused, fault.OK} {
		if err := s.Set(fault.Rule{Mood: m}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(h.moves, " "); got != "open shut open" {
		t.Errorf("the door was moved: %s", got)
	}
}
