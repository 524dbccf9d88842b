package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
)

// unlinked puts an eSIM of whose number nothing is known.
func unlinked(t *testing.T, s *store.Store, customer int64) *orders.Order {
	t.Helper()
	o := order(t, customer)
	o.Bought = bought(t)
	o.Bought.Plan.Provider, o.Bought.Profile.Provider, o.Bought.Profile.ICCID = esim.Mobilexy, esim.Mobilexy, ""
	put(t, s, o)
	return o
}

func link(t *testing.T, s *store.Store, o *orders.Order, iccid esim.ICCID, tranNo string) (*usage.ESIM, error) {
	t.Helper()
	return s.ESIMs().LinkICCID(t.Context(), string(o.ID), o.Customer, iccid, tranNo)
}

// leads checks which eSIM a number leads to; "" for none.
func leads(t *testing.T, s *store.Store, iccid esim.ICCID, want orders.ID) {
	t.Helper()
	got, err := s.Orders().ByICCID(t.Context(), iccid)
	if err != nil && !errors.Is(err, orders.ErrNotFound) || got != want {
		t.Errorf("%s leads to %q, %v, want %q", iccid, got, err, want)
	}
}

func testLink(t *testing.T, s *store.Store) {
	const iccid = esim.ICCID("8910300000000000017")
	emptyDue(t, s)
	o, other := unlinked(t, s, 81), unlinked(t, s, 82)
	for range 2 {
		e, err := link(t, s, o, iccid, "TRAN-1")
		if err != nil || e.ICCID != iccid || e.TranNo != "TRAN-1" || !e.NextAt.Equal(epoch) || e.Version != 2 {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if got := lease(t, s, epoch, epoch.Add(time.Hour), 10); len(got) != 1 || got[0] != string(o.ID) {
		t.Errorf("due: %v", got)
	}
	put(t, s, o) // its order, which knows no number, doesn't take it away
	leads(t, s, iccid, o.ID)
	if _, err := link(t, s, other, iccid, "TRAN-1"); !errors.Is(err, orders.ErrExists) {
		t.Errorf("another customer: %v", err)
	}
	if _, err := link(t, s, unlinked(t, s, 81), iccid, "TRAN-1"); !errors.Is(err, orders.ErrExists) {
		t.Errorf("another eSIM of the same customer: %v", err)
	}
	// The watch's own view says the same in its own words.
	if _, err := s.Usage().LinkICCID(t.Context(), string(other.ID), other.Customer, iccid, "TRAN-1"); !errors.Is(err, usage.ErrTaken) {
		t.Errorf("taken: %v", err)
	}
	if _, err := s.Usage().LinkICCID(t.Context(), string(other.ID), 81, iccid, "TRAN-1"); !errors.Is(err, usage.ErrNotFound) {
		t.Errorf("another's eSIM: %v", err)
	}
	if e, err := s.Usage().LinkICCID(t.Context(), string(o.ID), 81, iccid, "TRAN-1"); err != nil || e.ICCID != iccid {
		t.Errorf("its own again: %+v, %v", e, err)
	}
	if e := read(t, s, other); e.ICCID != "" || e.TranNo != "" {
		t.Errorf("refused and kept: %+v", e)
	}
	stranger := *other
	stranger.Customer = 81
	if _, err := link(t, s, &stranger, "8910300000000000025", ""); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("to another's eSIM: %v", err)
	}
	leads(t, s, "8910300000000000025", "")
	// The number of an eSIM that was erased is free.
	if err := s.Erase(t.Context(), 81); err != nil {
		t.Fatal(err)
	}
	if _, err := link(t, s, other, iccid, "TRAN-1"); err != nil {
		t.Error(err)
	}
	leads(t, s, iccid, other.ID)
}

// TestLinkOfALostESIM: a number whose look-up leads to an eSIM that isn't there is free.
func TestLinkOfALostESIM(t *testing.T) {
	const iccid = esim.ICCID("8910300000000000082")
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	o := unlinked(t, s, 89)
	if err := raw.Set(t.Context(), "iccid:"+iccid.Digits(), "0000000000", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if e, err := link(t, s, o, iccid, "TRAN-8"); err != nil || e.ICCID != iccid {
		t.Errorf("%+v, %v", e, err)
	}
	leads(t, s, iccid, o.ID)
}

func testLinkReplaces(t *testing.T, s *store.Store) {
	const wrong, right = esim.ICCID("8910300000000000033"), esim.ICCID("8910300000000000041")
	o := unlinked(t, s, 83)
	e, err := link(t, s, o, wrong, "TRAN-W")
	if err != nil {
		t.Fatal(err)
	}
	e.Version++
	e.UsedBytes, e.MeasuredAt, e.FirstUsedAt, e.AskedAt, e.Pace = esim.GB/2, epoch, epoch, epoch, 100
	save(t, s, e)
	e, err = link(t, s, o, right, "")
	if err != nil || e.ICCID != right || e.TranNo != "" {
		t.Fatalf("%+v, %v", e, err)
	}
	if e = read(t, s, o); e.UsedBytes != -1 || !e.MeasuredAt.IsZero() || !e.FirstUsedAt.IsZero() || !e.AskedAt.IsZero() || e.Pace != 0 || e.TotalBytes != esim.GB {
		t.Errorf("what the other number used is still told: %+v", e)
	}
	leads(t, s, wrong, "")
	leads(t, s, right, o.ID)
	if _, err := link(t, s, unlinked(t, s, 84), wrong, "TRAN-W"); err != nil {
		t.Errorf("the number that is free again: %v", err)
	}
	put(t, s, o)
	leads(t, s, right, o.ID)
}

func testLinkAtOnce(t *testing.T, s *store.Store) {
	const iccid = esim.ICCID("8910300000000000058")
	var list []*orders.Order
	for i := range 8 {
		list = append(list, unlinked(t, s, int64(850+i)))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []orders.ID
	for _, o := range list {
		wg.Go(func() {
			switch _, err := link(t, s, o, iccid, "TRAN-5"); {
			case err == nil:
				mu.Lock()
				won = append(won, o.ID)
				mu.Unlock()
			case !errors.Is(err, orders.ErrExists):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("owned by %v", won)
	}
	leads(t, s, iccid, won[0])
	for _, o := range list {
		if e := read(t, s, o); (e.ICCID == iccid) != (o.ID == won[0]) {
			t.Errorf("%s has number %s, the owner is %s", o.ID, e.ICCID, won[0])
		}
	}
}

func testMove(t *testing.T, s *store.Store) {
	const iccid, old = esim.ICCID("8910300000000000066"), esim.ICCID("8910300000000000074")
	from, to := unlinked(t, s, 86), unlinked(t, s, 87)
	if _, err := link(t, s, from, iccid, "TRAN-6"); err != nil {
		t.Fatal(err)
	}
	if _, err := link(t, s, to, old, "TRAN-7"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e, err := s.ESIMs().MoveICCID(t.Context(), iccid, string(to.ID))
		if err != nil || e.ICCID != iccid || e.TranNo != "TRAN-6" || e.Customer != 87 {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if e := read(t, s, from); e.ICCID != "" || e.TranNo != "" || e.UsedBytes != -1 {
		t.Errorf("the one that had it: %+v", e)
	}
	leads(t, s, iccid, to.ID)
	leads(t, s, old, "")
	if _, err := s.ESIMs().MoveICCID(t.Context(), iccid, "0000000000"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("to nowhere: %v", err)
	}
	leads(t, s, iccid, to.ID)
	// A number that nobody has can be given too.
	if e, err := s.ESIMs().MoveICCID(t.Context(), old, string(from.ID)); err != nil || e.ICCID != old {
		t.Errorf("%+v, %v", e, err)
	}
	leads(t, s, old, from.ID)
}

func testLinkTries(t *testing.T, s *store.Store) {
	const customer = 88
	try := func(at time.Time, want error) {
		t.Helper()
		if err := s.ESIMs().AllowLinkTry(t.Context(), customer, at); !errors.Is(err, want) {
			t.Errorf("at %s: %v, want %v", at, err, want)
		}
	}
	for i := range 5 {
		try(epoch.Add(time.Duration(i)*time.Hour), nil)
	}
	try(epoch.Add(5*time.Hour), orders.ErrTooMany)
	try(epoch.Add(24*time.Hour-time.Millisecond), orders.ErrTooMany)
	try(epoch.Add(24*time.Hour), nil)
	try(epoch.Add(24*time.Hour), orders.ErrTooMany)
	if err := s.Usage().AllowLinkTry(t.Context(), customer, epoch.Add(24*time.Hour)); !errors.Is(err, usage.ErrTooMany) {
		t.Errorf("by the watch's view: %v", err)
	}
	if err := s.ESIMs().AllowLinkTry(t.Context(), customer+1, epoch); err != nil {
		t.Error(fmt.Errorf("another customer: %w", err))
	}
}
