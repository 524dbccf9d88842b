package providers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

func TestReadsAreAskedAgain(t *testing.T) {
	for _, tc := range []struct {
		name     string
		failures int64
		status   int
		want     int64
		ok       bool
	}{
		{"500 once", 1, 500, 2, true},
		{"503 twice", 2, 503, 3, true},
		{"500 always", 99, 500, 3, false},
		{"garbage once", 1, 200, 2, true},
		{"404", 99, 404, 1, false},
		{"401", 99, 401, 1, false},
		{"400", 99, 400, 1, false},
	} {
		var n atomic.Int64
		address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1) <= tc.failures {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, "<html>")
				return
			}
			_, _ = io.WriteString(w, `{"ok":true}`)
		})
		_, err := Do(t.Context(), newTestHTTP(t, address, nil), read, fine)
		if hits.Load() != tc.want || (err == nil) != tc.ok {
			t.Errorf("%s: %d requests, %v", tc.name, hits.Load(), err)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	var first atomic.Pointer[time.Time]
	var waited atomic.Int64
	address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		if first.CompareAndSwap(nil, &now) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		waited.Store(int64(now.Sub(*first.Load())))
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	if _, err := Do(t.Context(), newTestHTTP(t, address, nil), read, fine); err != nil || hits.Load() != 2 {
		t.Fatalf("%d requests, %v", hits.Load(), err)
	}
	if time.Duration(waited.Load()) < time.Second {
		t.Errorf("asked again after %s", time.Duration(waited.Load()))
	}
}

func TestRetryAfterThatDoesNotFitIsNotWaitedFor(t *testing.T) {
	address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	for i, call := range []Call{read, buy} {
		_, err := Do(t.Context(), newTestHTTP(t, address, nil), call, fine)
		wantError(t, err, NotSent, errTooMany)
		if hits.Load() != int64(i+1) {
			t.Errorf("%d requests", hits.Load())
		}
	}
}

func TestRetryAfterForms(t *testing.T) {
	date := "Sun, 22 Nov 2026 10:00:00 GMT"
	for value, want := range map[string]time.Duration{
		"5": 5 * time.Second, "Sun, 22 Nov 2026 10:00:07 GMT": 7 * time.Second, "Sun, 22 Nov 2026 09:00:00 GMT": 0, "": 0, "-3": 0, "soon": 0,
	} {
		if got := retryAfter(value, date); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestBreakerLeavesAFailingProviderAlone(t *testing.T) {
	var well atomic.Bool
	address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	states := make(chan bool, 10)
	h := newTestHTTP(t, address, func(c *HTTPConfig) {
		c.BreakerDelay = 50 * time.Millisecond
		c.OnCircuit = func(open bool) { states <- open }
	})
	for range 8 {
		_, err := Do(t.Context(), h, buy, fine)
		wantError(t, err, Unknown, nil)
	}
	if open := <-states; !open {
		t.Fatal("told of a well provider first")
	}
	sent := hits.Load()
	_, err := Do(t.Context(), h, buy, fine)
	wantError(t, err, NotSent, ErrCircuitOpen)
	_, err = Do(t.Context(), h, read, fine)
	wantError(t, err, NotSent, ErrCircuitOpen)
	if hits.Load() != sent {
		t.Fatalf("%d requests while left alone", hits.Load()-sent)
	}
	well.Store(true)
	deadline := time.After(5 * time.Second)
	for {
		if _, err = Do(t.Context(), h, read, fine); err == nil {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("never tried again: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	if open := <-states; open {
		t.Fatal("not told that the provider is well again")
	}
}

// The first quote after an outage makes its calls at once, and none of them is turned away.
func TestCallsTryAProviderTogether(t *testing.T) {
	var well atomic.Bool
	var arrived atomic.Int32
	all := make(chan struct{})
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if arrived.Add(1) == trials {
			close(all)
		}
		select {
		case <-all:
			_, _ = io.WriteString(w, `{"ok":true}`)
		case <-time.After(3 * time.Second): // they never come together
		}
	})
	h := newTestHTTP(t, address, func(c *HTTPConfig) { c.BreakerDelay, c.Timeout = time.Nanosecond, 5*time.Second })
	for range 8 {
		_, err := Do(t.Context(), h, buy, fine)
		wantError(t, err, Unknown, nil)
	}
	if h.breaker.IsClosed() {
		t.Fatal("a failing provider is not left alone")
	}
	well.Store(true)
	errs := make(chan error, trials)
	for range trials {
		go func() {
			_, err := Do(t.Context(), h, buy, fine)
			errs <- err
		}()
	}
	for range trials {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if !h.breaker.IsClosed() {
		t.Error("a provider that is well again is left alone")
	}
}

func TestRefusalsDoNotTripTheBreaker(t *testing.T) {
	address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":false,"why":"no"}`) })
	h := newTestHTTP(t, address, nil)
	for range 30 {
		_, err := Do(t.Context(), h, buy, fine)
		wantError(t, err, Rejected, nil)
	}
	if hits.Load() != 30 {
		t.Errorf("%d requests", hits.Load())
	}
}

func TestRates(t *testing.T) {
	address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) })
	h := newTestHTTP(t, address, func(c *HTTPConfig) { c.Rate, c.Timeout = 1, 300*time.Millisecond })
	if _, err := Do(t.Context(), h, buy, fine); err != nil {
		t.Fatal(err)
	}
	_, err := Do(t.Context(), h, buy, fine) // its turn comes after its time
	wantError(t, err, NotSent, nil)
	no := errors.New("shared rate is used up")
	h = newTestHTTP(t, address, func(c *HTTPConfig) { c.Permit = func(context.Context) error { return no } })
	_, err = Do(t.Context(), h, buy, fine)
	wantError(t, err, NotSent, no)
	if hits.Load() != 1 {
		t.Errorf("%d requests", hits.Load())
	}
}
