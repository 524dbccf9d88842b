package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

func browse(t *testing.T, s *store.Store, state orders.State, offset, limit int) ([]orders.ID, int) {
	t.Helper()
	list, total, err := s.Orders().Browse(t.Context(), state, offset, limit)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]orders.ID, 0, len(list))
	for _, o := range list {
		ids = append(ids, o.ID)
	}
	return ids, total
}

func testBrowse(t *testing.T, s *store.Store) {
	// No other test's orders are in this state, nor as new as these.
	_, before := browse(t, s, "", 0, 0)
	var want []orders.ID
	for i := range 25 {
		o := order(t, 1)
		o.UpdatedAt = epoch.AddDate(1, 0, 0).Add(time.Duration(i) * time.Second)
		o.CreatedAt = o.UpdatedAt
		if i%2 == 0 {
			o.State = orders.Provisioning
		} else {
			o.State = orders.Unknown
		}
		create(t, s, o)
		want = append([]orders.ID{o.ID}, want...)
	}
	var pages []orders.ID
	for offset := 0; offset < 25; offset += 10 {
		page, total := browse(t, s, "", offset, min(10, 25-offset))
		if total != before+25 {
			t.Errorf("%d orders in all, want %d", total, before+25)
		}
		pages = append(pages, page...)
	}
	if d := cmp.Diff(want, pages); d != "" {
		t.Error("pages:", d)
	}
	page, total := browse(t, s, orders.Unknown, 10, 10)
	if d := cmp.Diff([]orders.ID{want[21], want[23]}, page); d != "" || total != 12 {
		t.Errorf("last page of one state, of %d: %s", total, d)
	}
	if page, total := browse(t, s, orders.Unknown, 12, 10); len(page) != 0 || total != 12 {
		t.Errorf("past the end: %v of %d", page, total)
	}
	o, err := s.Orders().Load(t.Context(), want[1])
	if err != nil {
		t.Fatal(err)
	}
	o.UpdatedAt = epoch.AddDate(1, 0, 1)
	advance(t, s, o, orders.Review)
	if page, _ := browse(t, s, "", 0, 2); !slices.Equal(page, want[:2]) {
		t.Errorf("what changed isn't new: %v", page)
	}
	if page, _ := browse(t, s, orders.Review, 0, 1); !slices.Equal(page, want[1:2]) {
		t.Errorf("what came last is first: %v", page)
	}
	if _, total := browse(t, s, orders.Unknown, 0, 0); total != 11 {
		t.Errorf("%d are left in the state before", total)
	}
	count := s.CountRoundTrips()
	if browse(t, s, "", 0, 5); count() != 2 {
		t.Errorf("a page took %d round trips", count())
	}
	if browse(t, s, orders.Review, 0, 0); count() != 3 {
		t.Errorf("a count took %d round trips", count()-2)
	}
}

func TestBrowseLeavesOutWhatItCannotRead(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	newer, sealed, plain := order(t, 1), order(t, 1), order(t, 1)
	for _, o := range []*orders.Order{newer, sealed, plain} {
		create(t, s, o)
	}
	sealed.Bought = bought(t)
	advance(t, s, sealed, orders.AwaitingPayment)
	// One that moves on between two reads of a list is found in both its states.
	set := findKey(t, raw, "*:order:"+string(plain.ID))[:len("{o:00}")] + ":state:review"
	raw.ZAdd(t.Context(), set, redis.Z{Score: 1, Member: string(plain.ID)})
	if ids, _ := browse(t, s, orders.Review, 0, 10); len(ids) != 0 {
		t.Errorf("under review: %v", ids)
	}
	name := findKey(t, raw, "*:order:"+string(newer.ID))
	raw.Set(t.Context(), name, strings.Replace(raw.Get(t.Context(), name).Val(), `"schema":1`, `"schema":2`, 1), 0)
	if ids, total := browse(t, s, "", 0, 10); total != 4 || len(ids) != 2 || slices.Contains(ids, newer.ID) {
		t.Errorf("beside a newer one: %v of %d", ids, total)
	}
	if ids, total := browse(t, open(t, url, key('b')), "", 0, 10); total != 4 || !slices.Equal(ids, []orders.ID{plain.ID}) {
		t.Errorf("beside one that can't be opened: %v of %d", ids, total)
	}
}

func TestExpiredOrdersLeaveTheLists(t *testing.T) {
	s := open(t, storetest.Redis(t))
	for _, age := range []int{91, 89} {
		o := order(t, 1)
		create(t, s, o)
		o.UpdatedAt = epoch.AddDate(0, 0, -age)
		advance(t, s, o, orders.Expired)
	}
	if ids, total := browse(t, s, "", 0, 10); len(ids) != 1 || total != 1 {
		t.Errorf("%d listed of %d", len(ids), total)
	}
}

func testByICCID(t *testing.T, s *store.Store) {
	const iccid = esim.ICCID("8948010010002120847")
	if _, err := s.Orders().ByICCID(t.Context(), iccid); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	o := order(t, 61)
	o.Bought = bought(t)
	o.Bought.Profile.ICCID = iccid
	if err := s.ESIMs().Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if id, err := s.Orders().ByICCID(t.Context(), iccid); err != nil || id != o.ID {
		t.Errorf("found %s, %v", id, err)
	}
}

func testPausesAndBlocks(t *testing.T, s *store.Store) {
	ctx, v := t.Context(), s.Orders()
	if got, err := v.Pauses(ctx); err != nil || !cmp.Equal(orders.Pauses{}, got) {
		t.Errorf("pauses nobody made: %+v, %v", got, err)
	}
	for _, want := range []orders.Pauses{{}, {All: true}, {Providers: []esim.Provider{esim.Mobilexy, esim.CloudESIM}}, {}} {
		if err := v.SetPauses(ctx, want); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Pauses(ctx); err != nil || !cmp.Equal(want, got) {
			t.Errorf("pauses %+v, want %+v, %v", got, want, err)
		}
	}
	const customer = 62
	if _, err := v.AllowCheckout(ctx, customer, "A", epoch); err != nil {
		t.Fatal(err)
	}
	for _, blocked := range []bool{true, false} {
		for range 2 {
			if err := v.Block(ctx, customer, blocked); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Erase(ctx, customer); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Blocked(ctx, customer); err != nil || got != blocked {
			t.Errorf("blocked %v, want %v, %v", got, blocked, err)
		}
		for _, id := range []orders.ID{"A", "B"} { // one counted before, one new
			if _, err := v.AllowCheckout(ctx, customer, id, epoch); errors.Is(err, orders.ErrBlocked) != blocked {
				t.Errorf("page %s of a customer blocked %v: %v", id, blocked, err)
			}
		}
		if _, err := v.AllowCheckout(ctx, customer+1, "C", epoch); err != nil {
			t.Errorf("another customer: %v", err)
		}
	}
}
