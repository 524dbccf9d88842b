package store_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

// examine opens the Redis at url as the doctor does.
func examine(t testing.TB, url string, keys ...[]byte) *store.Store {
	t.Helper()
	s, err := store.Examine(t.Context(), url, store.Options{Keys: keys})
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

// Each fault of a server is found by the check that is about it, and by no other.
func TestCheckup(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want map[string]error // errAny: whichever
	}{
		"well":       {nil, nil},
		"evicts":     {[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, map[string]error{"eviction": store.ErrEviction}},
		"forgets":    {[]string{"--appendonly", "no"}, map[string]error{"persistence": store.ErrLossy}},
		"full":       {[]string{"--maxmemory", "512kb"}, map[string]error{"memory": store.ErrFull, "writes": errAny}},
		"won't tell": {[]string{"--rename-command", "INFO", ""}, map[string]error{"server": store.ErrUntold, "eviction": store.ErrUntold, "memory": store.ErrUntold, "persistence": store.ErrUntold}},
		"a replica":  {[]string{"--replicaof", "127.0.0.1 1"}, map[string]error{"writes": errAny}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := examine(t, storetest.Start(t, tc.args...).URL())
			found, err := s.CheckServer(t.Context())
			if err == nil && (!strings.Contains(found.Version, ".") || found.Masters != 0) {
				t.Errorf("the server is %s", found)
			}
			for what, err := range map[string]error{
				"server": err, "eviction": s.CheckEviction(t.Context()), "memory": s.CheckMemory(t.Context()),
				"persistence": s.CheckPersistence(t.Context()), "writes": s.CheckWrites(t.Context()),
			} {
				want := tc.want[what]
				if some := errors.Is(want, errAny); some && err == nil || !some && !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
		})
	}
}

var errAny = errors.New("any error")

func TestCheckupOfACluster(t *testing.T) {
	t.Parallel()
	s := examine(t, storetest.Cluster(t))
	found, err := s.CheckServer(t.Context())
	if err != nil || found.Masters != 3 || !strings.HasSuffix(found.String(), ", a cluster of 3") {
		t.Errorf("%s, %v", found, err)
	}
	if err := errors.Join(s.CheckWrites(t.Context()), s.CheckPersistence(t.Context()), s.CheckMemory(t.Context())); err != nil {
		t.Error(err)
	}
}

// What is stored can be opened as long as the key that sealed it is given, first or not.
func TestCheckSeals(t *testing.T) {
	t.Parallel()
	url := storetest.Redis(t)
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	look := func(want int, wrong error, keys ...[]byte) {
		t.Helper()
		if n, err := examine(t, url, keys...).CheckSeals(t.Context()); n != want || !errors.Is(err, wrong) {
			t.Errorf("%d opened, want %d: %v, want %v", n, want, err, wrong)
		}
	}
	look(0, nil, first)
	look(0, nil) // nothing was ever sealed
	old, recent := open(t, url, first), open(t, url, second, first)
	for i, s := range []*store.Store{old, recent} {
		o := order(t, int64(i+1))
		create(t, s, o)
		o.Bought = bought(t)
		advance(t, s, o, orders.Paid)
		advance(t, s, o, orders.Delivered)
	}
	look(2, nil, second, first)
	look(2, nil, first, second)
	look(1, store.ErrSealKey, second)
	look(0, store.ErrSealKey, bytes.Repeat([]byte{3}, 32))
	look(0, store.ErrSealKey)
}
