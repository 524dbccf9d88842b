package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
)

// watch puts n eSIMs that are due a second after one another, from the first on, and returns their
// ids in that order.
func watch(t testing.TB, s *store.Store, n int, first time.Time) []string {
	t.Helper()
	ids := make([]string, n)
	list := make([]*usage.ESIM, n)
	for i := range n {
		ids[i] = string(order(t, 1).ID)
		list[i] = &usage.ESIM{Version: 1, ID: ids[i], Customer: 7, Status: esim.StatusInUse, NextAt: first.Add(time.Duration(i) * time.Second)}
	}
	save(t, s, list...)
	return ids
}

func save(t testing.TB, s *store.Store, list ...*usage.ESIM) {
	t.Helper()
	for _, err := range s.Usage().Save(t.Context(), list) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func lease(t testing.TB, s *store.Store, now, until time.Time, limit int) []string {
	t.Helper()
	list, err := s.Usage().Lease(t.Context(), now, until, limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	return ids
}

// emptyDue takes everything out of the due sets that other tests left in them.
func emptyDue(t testing.TB, s *store.Store) {
	t.Helper()
	for {
		list, err := s.Usage().Lease(t.Context(), epoch.AddDate(10, 0, 0), epoch.AddDate(11, 0, 0), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		for _, e := range list {
			e.Version++
			e.NextAt = time.Time{}
		}
		save(t, s, list...)
	}
}

func testLease(t *testing.T, s *store.Store) {
	emptyDue(t, s)
	const n = 40
	ids := watch(t, s, n, epoch)
	now, until := epoch.Add(n*time.Second), epoch.Add(n*time.Second+2*time.Minute)
	if got := lease(t, s, epoch.Add(-time.Millisecond), until, 100); len(got) != 0 {
		t.Errorf("before its time: %v", got)
	}
	// The most overdue first, whichever part they are in.
	if d := cmp.Diff(ids[:7], lease(t, s, now, until, 7)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(ids[7:], lease(t, s, now, until, 100)); d != "" {
		t.Error(d)
	}
	if got := lease(t, s, until.Add(-time.Millisecond), until, 100); len(got) != 0 {
		t.Errorf("leased twice: %v", got)
	}
	// Nobody saved them: they are due again.
	again := lease(t, s, until, until.Add(time.Minute), 100)
	slices.Sort(again)
	want := slices.Sorted(slices.Values(ids))
	if d := cmp.Diff(want, again); d != "" {
		t.Error(d)
	}
	if _, err := s.Usage().Load(t.Context(), "0000000000"); !errors.Is(err, usage.ErrNotFound) {
		t.Errorf("an eSIM that isn't there: %v", err)
	}
}

func testSave(t *testing.T, s *store.Store) {
	emptyDue(t, s)
	ids := watch(t, s, 4, epoch)
	list, err := s.Usage().Lease(t.Context(), epoch.Add(time.Minute), epoch.Add(time.Hour), 10)
	if err != nil || len(list) != 4 {
		t.Fatalf("%v, %v", list, err)
	}
	rival := *list[1]
	rival.Version, rival.NextAt = rival.Version+1, epoch.Add(2*time.Hour)
	save(t, s, &rival)
	for _, e := range list {
		e.Version++
		e.UsedBytes, e.NextAt = 5*esim.MB, epoch.Add(3*time.Hour)
		e.Marks = map[string]usage.Mark{"low:0:20": {SentAt: epoch}}
	}
	list[2].NextAt = time.Time{}
	gone := &usage.ESIM{Version: 2, ID: string(order(t, 1).ID), NextAt: epoch}
	errs := s.Usage().Save(t.Context(), append(list, gone))
	for i, want := range []error{nil, usage.ErrConflict, nil, nil, usage.ErrConflict} {
		if !errors.Is(errs[i], want) {
			t.Errorf("eSIM %d: %v, want %v", i, errs[i], want)
		}
	}
	if got, err := s.Usage().Load(t.Context(), ids[0]); err != nil || !cmp.Equal(got, list[0], cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Schema" }, cmp.Ignore())) {
		t.Errorf("saved %+v, %v", got, err)
	}
	if got := lease(t, s, epoch.Add(2*time.Hour), epoch.Add(9*time.Hour), 10); !slices.Equal(got, ids[1:2]) {
		t.Errorf("the rival's is due then, and no other: %v", got)
	}
	if got := lease(t, s, epoch.Add(8*time.Hour), epoch.Add(9*time.Hour), 10); len(got) != 2 || !slices.Contains(got, ids[0]) || !slices.Contains(got, ids[3]) {
		t.Errorf("%v are due", got)
	}
	if errs := s.Usage().Save(t.Context(), nil); len(errs) != 0 {
		t.Errorf("of none: %v", errs)
	}
}

// testLeasedOnce has replicas take what is due at once: each eSIM comes to one of them, and all do.
func testLeasedOnce(t *testing.T, s *store.Store) {
	emptyDue(t, s)
	const n = 600
	ids := watch(t, s, n, epoch)
	now := epoch.Add(time.Hour)
	var mu sync.Mutex
	times := map[string]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				list, err := s.Usage().Lease(t.Context(), now, now.Add(time.Minute), 25)
				if err != nil {
					t.Error(err)
					return
				}
				if len(list) == 0 {
					return
				}
				mu.Lock()
				for _, e := range list {
					times[e.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if times[id] != 1 {
			t.Errorf("%s was leased %d times", id, times[id])
		}
	}
	if len(times) != n {
		t.Errorf("%d of %d leased", len(times), n)
	}
}

// testShelfWatches: what orders do to an eSIM decides when it is looked at.
func testShelfWatches(t *testing.T, s *store.Store) {
	emptyDue(t, s)
	due := func(at time.Time, want ...orders.ID) {
		t.Helper()
		ids := []string{}
		for _, id := range want {
			ids = append(ids, string(id))
		}
		if d := cmp.Diff(ids, lease(t, s, at, at.Add(time.Minute), 10)); d != "" {
			t.Errorf("at %s: %s", at, d)
		}
	}
	o := base(t, s, 71)
	due(epoch.Add(time.Hour - time.Millisecond))
	due(epoch.Add(time.Hour), o.ID)
	// Leased: neither a repeat nor what its customer changes makes it due.
	put(t, s, o)
	if _, err := s.ESIMs().Change(t.Context(), string(o.ID), 71, func(e *usage.ESIM) error { e.Name = "Tokyo"; return nil }); err != nil {
		t.Fatal(err)
	}
	due(epoch.Add(time.Hour))
	// A top-up does, at once and once; also for one that isn't looked at any more.
	for range 2 {
		e := read(t, s, o)
		e.Version++
		e.NextAt = time.Time{}
		save(t, s, e)
		up := topUpOf(t, o)
		put(t, s, up)
		due(epoch, o.ID)
		put(t, s, up)
		due(epoch)
	}
	// Taken back, it leaves for good.
	o.State, o.Refund.Return = orders.Refunded, orders.ReturnDone
	put(t, s, o)
	due(epoch.AddDate(1, 0, 0))
	other := delivered(t, s, 71, "en", "JP")
	if err := s.Erase(t.Context(), 71); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Usage().Load(t.Context(), string(other.ID)); !errors.Is(err, usage.ErrNotFound) {
		t.Errorf("erased: %v", err)
	}
	due(epoch.AddDate(1, 0, 0))
}

func testChange(t *testing.T, s *store.Store) {
	o := base(t, s, 72)
	id, v := string(o.ID), s.ESIMs()
	count := s.CountRoundTrips()
	e, err := v.Change(t.Context(), id, 72, func(e *usage.ESIM) error { e.Name, e.Muted = "Tokyo", true; return nil })
	if err != nil || e.Name != "Tokyo" || !e.Muted || e.Version != 2 || count() != 2 {
		t.Errorf("%+v in %d round trips, %v", e, count(), err)
	}
	if e, err = v.Change(t.Context(), id, 72, func(e *usage.ESIM) error { e.Muted = true; return nil }); err != nil || e.Version != 2 || count() != 3 {
		t.Errorf("as it is: version %d, %d round trips, %v", e.Version, count(), err)
	}
	if _, err := v.Change(t.Context(), id, 73, func(e *usage.ESIM) error { e.Name = "mine"; return nil }); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
	if _, err := v.Change(t.Context(), "0000000000", 0, func(e *usage.ESIM) error { e.Name = "made"; return nil }); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("an eSIM that isn't there: %v", err)
	}
	no := errors.New("no")
	if _, err := v.Change(t.Context(), id, 72, func(e *usage.ESIM) error { e.Name = "never"; return no }); !errors.Is(err, no) {
		t.Errorf("refused: %v", err)
	}
	// Of many at once none is lost.
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if _, err := v.Change(t.Context(), id, 72, func(e *usage.ESIM) error {
				if e.Marks == nil {
					e.Marks = map[string]usage.Mark{}
				}
				e.Marks[fmt.Sprint("mark", i)] = usage.Mark{SentAt: epoch}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if e := read(t, s, o); e.Name != "Tokyo" || len(e.Marks) != 4 || e.Version != 6 {
		t.Errorf("%+v", e)
	}
}

func TestOddDocumentsAreSetAside(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	ids := watch(t, s, 5, epoch)
	name := func(id string) string { return findKey(t, raw, "*:esim:"+id) }
	rewrite := func(id, text string) {
		t.Helper()
		if err := raw.Set(t.Context(), name(id), text, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	newer := strings.Replace(raw.Get(t.Context(), name(ids[0])).Val(), `"schema":2`, `"schema":3`, 1)
	rewrite(ids[0], newer)
	rewrite(ids[1], `{"schema":2,`)
	rewrite(ids[2], `{"schema":2,"id":"x","x":"v1.nokey.AAAA"}`)
	if err := raw.Del(t.Context(), name(ids[3])).Err(); err != nil {
		t.Fatal(err)
	}
	now := epoch.Add(10 * time.Second)
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{{0, ids[4:]}, {time.Second, nil}} {
		if got := lease(t, s, now.Add(step.after), now.Add(24*time.Hour), 10); !slices.Equal(got, step.want) {
			t.Errorf("after %s: %v, want %v", step.after, got, step.want)
		}
	}
	for i, want := range []time.Duration{time.Minute, time.Hour, time.Hour, 0, 24 * time.Hour} {
		due, err := raw.ZScore(t.Context(), strings.Split(store.ESIMKey(ids[i]), ":esim:")[0]+":due", ids[i]).Result()
		if want == 0 {
			if err == nil {
				t.Errorf("the one without a document is still due at %v", due)
			}
			continue
		}
		if got := time.UnixMilli(int64(due)).Sub(now); err != nil || got != want {
			t.Errorf("eSIM %d is due after %s, %v, want %s", i, got, err, want)
		}
	}
	if err := s.Usage().Save(t.Context(), []*usage.ESIM{{Version: 2, ID: ids[0], NextAt: epoch}})[0]; !errors.Is(err, usage.ErrConflict) || !errors.Is(err, orders.ErrNewer) {
		t.Errorf("save over a newer one: %v", err)
	}
	if raw.Get(t.Context(), name(ids[0])).Val() != newer {
		t.Error("the newer document was changed")
	}
}

// TestEraseLeavesNothingWatched looks into the due sets themselves: a lease would hide what is left.
func TestEraseLeavesNothingWatched(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	o := delivered(t, s, 74, "en", "JP")
	part := strings.Split(store.ESIMKey(string(o.ID)), ":esim:")[0] + ":due"
	if n := raw.ZCard(t.Context(), part).Val(); n != 1 {
		t.Fatalf("%d watched", n)
	}
	if err := s.Erase(t.Context(), 74); err != nil {
		t.Fatal(err)
	}
	if n := raw.ZCard(t.Context(), part).Val(); n != 0 {
		t.Errorf("%d still watched", n)
	}
}

// TestWatchRoundTrips counts what a batch costs, and that scripts which the server forgot are sent.
func TestWatchRoundTrips(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	watch(t, s, 200, epoch)
	count := s.CountRoundTrips()
	now := epoch.Add(time.Hour)
	trips := func(doing string, want int64, do func()) {
		t.Helper()
		before := count()
		do()
		if got := count() - before; got != want {
			t.Errorf("%s took %d round trips, want %d", doing, got, want)
		}
	}
	var list []*usage.ESIM
	take := func() {
		var err error
		if list, err = s.Usage().Lease(t.Context(), now, now.Add(time.Minute), 200); err != nil {
			t.Fatal(err)
		}
	}
	write := func() {
		for _, e := range list {
			e.Version++
			e.NextAt = now
		}
		save(t, s, list...)
	}
	trips("nothing due", 1, func() { lease(t, s, epoch.Add(-time.Hour), now, 200) })
	take() // the server learns the script
	write()
	trips("a lease", 3, take)
	trips("a save", 1, write)
	trips("a part of those due at one moment", 3, func() { lease(t, s, now, now.Add(time.Minute), 100) })
	write()
	trips("all of them", 3, take)
	write()
	if err := raw.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	trips("a lease after a flush", 4, take)
	trips("a save after a flush", 2, write)
	if len(list) != 200 {
		t.Errorf("%d leased", len(list))
	}
}

// TestCrashLeavesDue kills Redis between lease and save: what was leased is due again when it is up.
func TestCrashLeavesDue(t *testing.T) {
	server := storetest.StartDurable(t)
	s := open(t, server.URL()+"?max_retries=1&dial_timeout=1s&min_retry_backoff=1ms&max_retry_backoff=2ms")
	ids := watch(t, s, 20, epoch)
	now := epoch.Add(time.Hour)
	list, err := s.Usage().Lease(t.Context(), now, now.Add(time.Minute), 20)
	if err != nil || len(list) != 20 {
		t.Fatalf("%d leased, %v", len(list), err)
	}
	server.Kill()
	for _, e := range list {
		e.Version++
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	errs := s.Usage().Save(ctx, list)
	if _, err := s.Usage().Lease(ctx, now, now, 10); err == nil {
		t.Error("leased from a dead Redis")
	}
	for _, err := range errs {
		if err == nil || errors.Is(err, usage.ErrConflict) {
			t.Fatalf("saved to a dead Redis: %v", err)
		}
	}
	server.Up()
	for s.Ping(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatal("the store did not recover")
		}
	}
	again := lease(t, s, now.Add(time.Minute), now.Add(time.Hour), 50)
	slices.Sort(again)
	if d := cmp.Diff(slices.Sorted(slices.Values(ids)), again); d != "" {
		t.Error(d)
	}
}
