package orders_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

func TestPauseAndResume(t *testing.T) {
	w := newWorld(t).sellTwice()
	for _, c := range []struct {
		provider esim.Provider
		want     orders.Pauses
	}{
		{esim.Mobilexy, orders.Pauses{Providers: []esim.Provider{esim.Mobilexy}}},
		{esim.CloudESIM, orders.Pauses{Providers: []esim.Provider{esim.CloudESIM, esim.Mobilexy}}},
		{esim.CloudESIM, orders.Pauses{Providers: []esim.Provider{esim.CloudESIM, esim.Mobilexy}}},
		{"", orders.Pauses{All: true, Providers: []esim.Provider{esim.CloudESIM, esim.Mobilexy}}},
	} {
		if p, err := w.service.Pause(t.Context(), admin, c.provider); err != nil || !reflect.DeepEqual(p, c.want) {
			t.Errorf("pause %q: %+v, %v", c.provider, p, err)
		}
		if p, err := w.service.Pauses(t.Context()); err != nil || !reflect.DeepEqual(p, c.want) {
			t.Errorf("after pause %q: %+v, %v", c.provider, p, err)
		}
	}
	if p, err := w.service.Resume(t.Context(), admin); err != nil || !reflect.DeepEqual(p, orders.Pauses{}) || len(w.store.claims) != 0 {
		t.Errorf("resume: %+v, %v, claims %v", p, err, w.store.claims)
	}
	if _, err := w.service.Pause(t.Context(), admin, "acme"); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a provider there isn't: %v", err)
	}
}

func TestPausesOfTwoAdminsAtOnceBothCount(t *testing.T) {
	w := newWorld(t).sellTwice()
	w.service.SetWait(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }) // tried again at once
	var both sync.WaitGroup
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		both.Go(func() {
			if _, err := w.service.Pause(t.Context(), admin, p); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if p, err := w.service.Pauses(t.Context()); err != nil || len(p.Providers) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A change that died with its process keeps the next one waiting for seconds only.
func TestPausesOutliveAnAdminWhoseProcessDied(t *testing.T) {
	w := newWorld(t)
	w.store.claims = map[string]time.Time{"pauses": w.clock().Add(5 * time.Second)}
	if p, err := w.service.Pause(t.Context(), admin, ""); err != nil || !p.All {
		t.Errorf("%+v, %v", p, err)
	}
	w.store.failing = map[string]error{"pauses": errors.New("redis: timeout")}
	if _, err := w.service.Pause(t.Context(), admin, ""); err == nil || len(w.store.claims) != 0 {
		t.Errorf("%v, claims %v", err, w.store.claims)
	}
	w.store.failing = map[string]error{"claim": errors.New("redis: timeout")}
	if _, err := w.service.Resume(t.Context(), admin); err == nil {
		t.Error("a failure was taken for success")
	}
}

// Between the screen and the tap an admin may have paused: no page is opened, and paid orders go on.
func TestPausedPlansOpenNoPages(t *testing.T) {
	for name, c := range map[string]struct {
		provider esim.Provider
		want     error
	}{
		"all":            {"", orders.ErrPaused},
		"its provider":   {esim.CloudESIM, orders.ErrPaused},
		"another's only": {esim.Mobilexy, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).sellTwice()
			if _, err := w.service.Pause(t.Context(), admin, c.provider); err != nil {
				t.Fatal(err)
			}
			_, err := w.service.Open(t.Context(), w.draft())
			if !errors.Is(err, c.want) || (c.want != nil) != (len(w.stripe.sessions) == 0) {
				t.Errorf("open: %v", err)
			}
			if _, err := w.service.Resume(t.Context(), admin); err != nil {
				t.Fatal(err)
			}
			w.paid()
			if _, err := w.service.Pause(t.Context(), admin, ""); err != nil {
				t.Fatal(err)
			}
			w.run(time.Hour)
			w.want(orders.Delivered, "")
		})
	}
	w := newWorld(t)
	w.store.failing = map[string]error{"pauses": errors.New("redis: timeout")}
	if _, err := w.service.Open(t.Context(), w.draft()); err == nil || len(w.stripe.sessions) != 0 {
		t.Errorf("opened without knowing whether the shop is paused: %v", err)
	}
}

func TestBlock(t *testing.T) {
	w := newWorld(t)
	is := func(want bool) {
		t.Helper()
		if blocked, err := w.service.Blocked(t.Context(), customer); err != nil || blocked != want {
			t.Errorf("blocked: %v, %v", blocked, err)
		}
	}
	is(false)
	if err := w.service.Block(t.Context(), admin, customer); err != nil {
		t.Error(err)
	}
	is(true)
	w.store.denied = orders.ErrBlocked // as the store says of them from now on
	if _, err := w.service.Open(t.Context(), w.draft()); !errors.Is(err, orders.ErrBlocked) || len(w.stripe.sessions) != 0 {
		t.Errorf("open: %v", err)
	}
	if err := w.service.Unblock(t.Context(), admin, customer); err != nil {
		t.Error(err)
	}
	is(false)
	for _, nobody := range []int64{0, -100123} { // a group's id is negative
		if err := w.service.Block(t.Context(), admin, nobody); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("block %d: %v", nobody, err)
		}
	}
}
