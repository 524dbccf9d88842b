package payments

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/orders"
	"esimbot/sandbox/fault"
)

func TestFenceIsForOne(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	if f, err := d.Fence(t.Context(), intent); err != nil || f.Value != "" || f.Received != usd(455) || !f.Refunded.IsZero() || f.Refunded.Currency != "USD" {
		t.Fatalf("fence %+v: %v", f, err)
	}
	raise := func(n int, value string) error { return d.RaiseFence(t.Context(), intent, "7KQ2M9X4TB", n, value) }
	for range 2 {
		if err := raise(1, "1:mine"); err != nil {
			t.Fatal(err)
		}
	}
	if err := raise(1, "1:closed"); !errors.Is(err, orders.ErrFenceTaken) || errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("a rival got %v", err)
	}
	if err := raise(2, "2:next"); err != nil {
		t.Errorf("the next attempt: %v", err)
	}
	var keys []string
	for _, r := range d.server.Requests() {
		if r.Form.Has("metadata[buy]") {
			keys = append(keys, r.IdempotencyKey)
		}
	}
	if want := []string{"buy:7KQ2M9X4TB:1", "buy:7KQ2M9X4TB:1", "buy:7KQ2M9X4TB:1", "buy:7KQ2M9X4TB:2"}; !slices.Equal(keys, want) {
		t.Errorf("idempotency keys %v", keys)
	}
	if f, err := d.Fence(t.Context(), intent); err != nil || f.Value != "2:next" {
		t.Errorf("fence %+v: %v", f, err)
	}
}

// A note that makes no sense counts for none.
func TestFenceTellsOfASureNo(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	for _, c := range []struct {
		note string
		want int
	}{{"3", 3}, {"", 0}, {"-1", 0}, {"x", 0}, {"12", 12}} {
		if err := d.Mark(t.Context(), intent, "not", c.note); err != nil {
			t.Fatal(err)
		}
		if f, err := d.Fence(t.Context(), intent); err != nil || f.Not != c.want {
			t.Errorf("%q is read as %d, %v", c.note, f.Not, err)
		}
	}
}

func TestFenceRace(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	var wg sync.WaitGroup
	results := make(chan error, 10)
	for i := range 10 {
		wg.Go(func() {
			results <- d.RaiseFence(t.Context(), intent, "7KQ2M9X4TB", 1, "1:"+strings.Repeat("x", i+1))
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, orders.ErrFenceTaken):
			t.Errorf("a rival got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d got the right to buy", won)
	}
}

func TestFenceAfterAStoredError(t *testing.T) {
	for name, tc := range map[string]struct {
		done bool
		want error
	}{
		"written":     {true, nil},
		"not written": {false, orders.ErrPaymentDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			_, intent := d.pay(t)
			d.server.FailStored("POST /v1/payment_intents", 1, tc.done)
			for range 2 { // the error is remembered, and so is its outcome
				if err := d.RaiseFence(t.Context(), intent, "7KQ2M9X4TB", 1, "1:mine"); !errors.Is(err, tc.want) {
					t.Errorf("got %v", err)
				}
			}
			if err := d.RaiseFence(t.Context(), intent, "7KQ2M9X4TB", 1, "1:rival"); !errors.Is(err, orders.ErrFenceTaken) {
				t.Errorf("a rival got %v", err)
			}
		})
	}
}

func TestRefundIsMadeOnce(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	first, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 1, usd(155))
	if err != nil || first.Amount != usd(155) || first.Status != "succeeded" {
		t.Fatalf("refund %+v: %v", first, err)
	}
	d.clock.Advance(25 * time.Hour) // the idempotency key is forgotten; the refund's metadata is not
	again, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 1, usd(155))
	if err != nil || again != first {
		t.Errorf("again %+v: %v", again, err)
	}
	if _, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 2, usd(301)); err == nil || errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("more than is left: %v", err)
	}
	if rest, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 3, usd(300)); err != nil || rest.ID == first.ID {
		t.Errorf("the rest %+v: %v", rest, err)
	}
	if n := len(d.server.Refunds()); n != 2 {
		t.Errorf("%d refunds", n)
	}
	if r := d.server.Requests()[len(d.server.Requests())-1]; r.IdempotencyKey != "refund:7KQ2M9X4TB:3" {
		t.Errorf("idempotency key %q", r.IdempotencyKey)
	}
	if m := d.server.Refunds()[0].Metadata; m["refund"] != "7KQ2M9X4TB:3" || m["shop"] != testShop || m["order_id"] != "7KQ2M9X4TB" {
		t.Errorf("metadata %v", m)
	}
}

func TestRefundAfterAStoredError(t *testing.T) {
	for name, done := range map[string]bool{"not made": false, "made": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			_, intent := d.pay(t)
			d.server.FailStored("POST /v1/refunds", 1, done)
			for range 2 {
				if _, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 1, usd(455)); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(d.server.Refunds()); n != 1 {
				t.Errorf("%d refunds", n)
			}
		})
	}
}

// Row 34 of the faults at its worst: Stripe keeps an error under both of a refund's keys. Nothing was
// made, so the next number makes it.
func TestRefundAfterStoredErrorsUnderBothKeys(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	d.server.FailStored("POST /v1/refunds", 2, false)
	for range 2 { // the same errors come back for as long as Stripe keeps them
		if _, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 1, usd(455)); !errors.Is(err, orders.ErrRefundSpent) || errors.Is(err, orders.ErrPaymentDoubt) {
			t.Fatalf("got %v", err)
		}
	}
	if r, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 2, usd(455)); err != nil || r.Status != "succeeded" {
		t.Fatalf("the next number: %+v, %v", r, err)
	}
	if n := len(d.server.Refunds()); n != 1 {
		t.Errorf("%d refunds", n)
	}
}

// In a bad mood that passes, a call is made again under the same key and done once; in one that
// stays, the error says that the call is in doubt.
func TestMoods(t *testing.T) {
	for _, tc := range []struct {
		mood  fault.Mood
		doubt bool // while it lasts
	}{
		{fault.Error, true}, {fault.ErrorAfter, true}, {fault.Dead, true}, {fault.DeadAfter, true}, {fault.Garbage, true},
		{fault.Half, true}, {fault.Huge, true}, {fault.Limited, true},
	} {
		t.Run(string(tc.mood), func(t *testing.T) {
			d := newDesk(t)
			_, intent := d.pay(t)
			d.mood(t, fault.Rule{Mood: tc.mood, Path: "/v1/refunds", Times: 1})
			if _, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 1, usd(100)); err != nil {
				t.Errorf("for a moment: %v", err)
			}
			if n := len(d.server.Refunds()); n != 1 {
				t.Errorf("%d refunds", n)
			}
			d.mood(t, fault.Rule{Mood: tc.mood, Path: "/v1/payment_intents"})
			err := d.RaiseFence(t.Context(), intent, "7KQ2M9X4TB", 1, "1:mine")
			if errors.Is(err, orders.ErrPaymentDoubt) != tc.doubt || err == nil {
				t.Errorf("for good: %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "It works") || len(err.Error()) > 1000) {
				t.Errorf("the error quotes the body: %v", err)
			}
			d.mood(t, fault.Rule{})
			if err := d.RaiseFence(t.Context(), intent, "7KQ2M9X4TB", 1, "1:mine"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	d.mood(t, fault.Rule{Mood: fault.Slow})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := d.Refund(ctx, intent, "7KQ2M9X4TB", 1, usd(455))
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("got %v", err)
	}
}

func TestKeyedCallIsNotRepeatedAfterAnError(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		http.Error(w, `{"error":{"type":"invalid_request_error","message":"no `+testKey+`\nhere"}}`, http.StatusBadRequest)
	}))
	defer srv.Close()
	s := newStripe(t, srv.URL, func(*Config) {})
	err := s.RaiseFence(t.Context(), "pi_1", "7KQ2M9X4TB", 1, "1:x")
	if calls != 1 || err == nil {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if strings.Contains(err.Error(), testKey) || strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("the error tells too much: %q", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	leaked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked = true }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	s := newStripe(t, srv.URL, func(*Config) {})
	if _, err := s.CheckCredentials(t.Context()); err == nil || leaked {
		t.Errorf("followed: %v, %v", leaked, err)
	}
}
