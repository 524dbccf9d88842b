package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

func testRelay(t *testing.T, s *store.Store) {
	ctx := t.Context()
	want := flows.Relayed{Customer: 69, Language: "de", Order: "7KQ2M9X4TB", Message: 12, Answer: true}
	if err := s.SaveRelay(ctx, -100123, 45, want); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Relay(ctx, -100123, 45); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, other := range []struct {
		chat    int64
		message int
	}{{-100123, 4}, {-10012, 345}, {100123, 45}} {
		if got, err := s.Relay(ctx, other.chat, other.message); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("another message: %+v, %v", got, err)
		}
	}
	ask := func(customer int64, after time.Duration) error {
		return s.AllowInquiry(ctx, customer, epoch.Add(after))
	}
	for i := range 10 {
		if err := ask(69, time.Duration(i)*time.Minute); err != nil {
			t.Fatal(i, err)
		}
	}
	for after, want := range map[time.Duration]error{59 * time.Minute: orders.ErrTooMany, 10 * time.Minute: orders.ErrTooMany} {
		if err := ask(69, after); !errors.Is(err, want) {
			t.Errorf("an eleventh message: %v", err)
		}
	}
	if err := ask(70, 10*time.Minute); err != nil {
		t.Errorf("another customer: %v", err)
	}
	count := s.CountRoundTrips()
	if err := ask(69, time.Hour); err != nil || count() != 1 {
		t.Errorf("once the first is an hour old: %v, in %d round trips", err, count())
	}
	if err := ask(69, time.Hour); !errors.Is(err, orders.ErrTooMany) {
		t.Errorf("and one more: %v", err)
	}
}

func TestRelayedMessagesAreForgotten(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	if err := s.SaveRelay(t.Context(), 5, 6, flows.Relayed{Customer: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.AllowInquiry(t.Context(), 1, epoch); err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Duration{"relay:5:6": 60 * 24 * time.Hour, "{u:1}:relays": 60 * 24 * time.Hour, "{u:1}:asked": time.Hour}
	got := map[string]time.Duration{}
	for k := range want {
		got[k] = raw.PTTL(t.Context(), k).Val().Round(time.Minute)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
