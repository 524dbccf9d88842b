package store_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/store"
	"esimbot/store/storetest"
)

// testRate runs on a clock that stands still: each turn is an interval after the one before.
func testRate(t *testing.T, s *store.Store) {
	turn := func(p esim.Provider, perSecond float64, patience, want time.Duration) {
		t.Helper()
		if got, err := s.Rate(t.Context(), p, perSecond, patience); err != nil || got != want {
			t.Errorf("%s: wait %s, %v, want %s", p, got, err, want)
		}
	}
	for i := range 5 {
		turn("one", 8, time.Second, time.Duration(i)*125*time.Millisecond)
	}
	turn("two", 0.5, time.Second, 0) // each provider has its own
	for range 2 {                    // what isn't taken stays free
		if _, err := s.Rate(t.Context(), "two", 0.5, 2*time.Second-time.Millisecond); !errors.Is(err, store.ErrRateBusy) {
			t.Errorf("beyond patience: %v", err)
		}
	}
	turn("two", 0.5, 2*time.Second, 2*time.Second)
	if _, err := s.Rate(t.Context(), "two", 0, time.Second); err == nil || errors.Is(err, store.ErrRateBusy) {
		t.Errorf("no rate at all: %v", err)
	}
}

// moving opens a store whose clock shows now.
func moving(t *testing.T, url string, now *atomic.Int64) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{
		Keys: [][]byte{key('a')}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(0, now.Load()).UTC() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestReplicasShareTheRate has several take turns at once for a while: as many are had as that while
// has, and no two at the same moment.
func TestReplicasShareTheRate(t *testing.T) {
	const perSecond, patience, seconds = 50, 100 * time.Millisecond, 4
	url := storetest.Redis(t)
	var now atomic.Int64
	now.Store(epoch.UnixNano())
	replicas := []*store.Store{moving(t, url, &now), moving(t, url, &now), moving(t, url, &now)}
	var mu sync.Mutex
	turns := map[time.Time]int{}
	for step := range seconds * 20 {
		now.Store(epoch.Add(time.Duration(step) * 50 * time.Millisecond).UnixNano())
		var wg sync.WaitGroup
		for _, s := range replicas {
			wg.Go(func() {
				for range 4 {
					wait, err := s.Rate(t.Context(), esim.Mobilexy, perSecond, patience)
					switch {
					case errors.Is(err, store.ErrRateBusy):
						return
					case err != nil || wait > patience:
						t.Errorf("wait %s, %v", wait, err)
						return
					}
					mu.Lock()
					turns[time.Unix(0, now.Load()).Add(wait)]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	for at, n := range turns {
		if n != 1 {
			t.Errorf("%d calls at %s", n, at)
		}
	}
	if n := len(turns); n < perSecond*seconds || n > perSecond*seconds+int(patience/(time.Second/perSecond))+1 {
		t.Errorf("%d turns in %d s at %d a second", n, seconds, perSecond)
	}
	// A clock that was set back doesn't stop everything.
	now.Store(epoch.AddDate(-1, 0, 0).UnixNano())
	if wait, err := replicas[0].Rate(t.Context(), esim.Mobilexy, perSecond, patience); err != nil || wait != 0 {
		t.Errorf("a year back: wait %s, %v", wait, err)
	}
}

func TestPermit(t *testing.T) {
	s := open(t, storetest.Redis(t)) // its clock stands still
	begun := time.Now()
	permit := s.Permit(esim.CloudESIM, 50, 10*time.Second)
	for range 3 {
		if err := permit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took < 60*time.Millisecond { // 0 + 20 + 40 ms
		t.Errorf("three turns at 50 a second took %s", took)
	}
	if err := s.Permit(esim.CloudESIM, 50, 10*time.Millisecond)(t.Context()); !errors.Is(err, store.ErrRateBusy) {
		t.Errorf("without patience: %v", err)
	}
	// A turn that would come after the call's end is not waited for.
	short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	slow := s.Permit(esim.Mobilexy, 0.05, time.Hour)
	if err := slow(short); err != nil {
		t.Fatal(err)
	}
	begun = time.Now()
	if err := slow(short); !errors.Is(err, store.ErrRateBusy) || time.Since(begun) > 5*time.Second {
		t.Errorf("after the call's end: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := permit(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that has ended: %v", err)
	}
}

func TestPermitWithoutRedis(t *testing.T) {
	server := storetest.StartDurable(t)
	var log strings.Builder
	s, err := store.Open(t.Context(), server.URL()+"?max_retries=-1&dial_timeout=200ms", store.Options{Keys: [][]byte{key('a')}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	permit := s.Permit(esim.CloudESIM, 1, time.Second)
	server.Kill()
	for range 3 {
		if err := permit(t.Context()); err != nil {
			t.Errorf("without Redis: %v", err)
		}
	}
	if n := strings.Count(log.String(), "shared rate not known"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
}
