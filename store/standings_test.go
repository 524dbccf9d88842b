package store_test

import (
	"maps"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/store"
	"esimbot/usage"
)

// Each eSIM is counted once, under what was last known of it, until it is erased.
func testStandings(t *testing.T, s *store.Store) {
	count := func() map[esim.Status]int {
		t.Helper()
		trips := s.CountRoundTrips()
		all, err := s.ESIMs().Standings(t.Context())
		if err != nil || trips() != 1 {
			t.Fatalf("%d round trips, %v", trips(), err)
		}
		return all
	}
	before := count()
	grown := func(want map[esim.Status]int) {
		t.Helper()
		got := count()
		for status, n := range before {
			got[status] -= n
		}
		maps.DeleteFunc(got, func(_ esim.Status, n int) bool { return n == 0 })
		if !maps.Equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
	}
	a, b := base(t, s, 71), base(t, s, 71)
	grown(map[esim.Status]int{esim.StatusReady: 2})
	e := read(t, s, a)
	e.Status, e.Version = esim.StatusInUse, e.Version+1
	save(t, s, e)
	grown(map[esim.Status]int{esim.StatusReady: 1, esim.StatusInUse: 1})
	stale := *read(t, s, b)
	stale.Status = esim.StatusUsedUp
	if err := s.Usage().Save(t.Context(), []*usage.ESIM{&stale})[0]; err == nil {
		t.Error("an old version was written")
	}
	grown(map[esim.Status]int{esim.StatusReady: 1, esim.StatusInUse: 1})
	_, err := s.ESIMs().Change(t.Context(), string(a.ID), a.Customer, func(e *usage.ESIM) error {
		e.ExpiresAt = epoch.Add(-24 * time.Hour)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	grown(map[esim.Status]int{esim.StatusReady: 1, esim.StatusExpired: 1})
	for range 2 {
		if err := s.Erase(t.Context(), 71); err != nil {
			t.Fatal(err)
		}
	}
	grown(map[esim.Status]int{})
}
