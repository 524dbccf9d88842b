package fault_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	if err := s.Set(fault.Rule{Mood: fault.Error, Path: "/order", Times: 2}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, path := range []string{"/balance", "/order", "/order", "/order"} {
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
