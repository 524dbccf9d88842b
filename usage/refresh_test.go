package usage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
)

func TestRefresh(t *testing.T) {
	w := newWorld(t)
	v, ctx := w.watcher(), context.Background()
	w.sell(1, esim.CloudESIM, 24*time.Hour)
	w.sell(2, esim.Mobilexy, 24*time.Hour)
	w.advance(time.Hour)
	for range 5 {
		for _, id := range []string{"0000000001", "0000000002"} {
			if e, err := v.Refresh(ctx, id); err != nil || e.UsedBytes <= 0 {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		w.advance(20 * time.Second)
	}
	if a, b := len(w.asked["N1"]), len(w.asked["N2"]); a != 2 || b != 1 {
		t.Errorf("asked %d and %d times in 100 s", a, b)
	}
	if at := v.RefreshAt(w.load("0000000002")); !at.Equal(noon().Add(4 * time.Hour)) {
		t.Errorf("Mobilexy may be asked again %s", at)
	}
	w.advance(3 * time.Hour)
	w.fails[esim.Mobilexy] = errDown
	if e, err := v.Refresh(ctx, "0000000002"); !errors.Is(err, errDown) || e.UsedBytes <= 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := v.Refresh(ctx, "nothing"); !errors.Is(err, usage.ErrNotFound) {
		t.Error(err)
	}
	// A question without an answer doesn't put the next one off.
	if at := v.RefreshAt(w.load("0000000002")); at.After(w.clock()) {
		t.Errorf("asked in vain, and not again before %s", at)
	}
	// What a refresh shows is offered soon after.
	w.advance(16 * time.Hour)
	if e, err := v.Refresh(ctx, "0000000001"); err != nil || e.RemainingBytes() > 2*esim.GB {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := v.Round(ctx); err != nil {
		t.Fatal(err)
	}
	if w.told["0000000001 low:0:20"] != 1 {
		t.Errorf("told %v", w.told)
	}
}

// An offer isn't late because its customer tried to see the numbers while the provider was down.
func TestFailedRefreshPutsNothingOff(t *testing.T) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 24*time.Hour)
	w.sell(2, esim.CloudESIM, 24*time.Hour)
	v := w.watcher()
	w.run(v, 19*time.Hour)
	w.fails[esim.CloudESIM] = errDown
	if _, err := v.Refresh(context.Background(), "0000000001"); err == nil {
		t.Fatal("no error")
	}
	w.fails[esim.CloudESIM] = nil
	for w.told["0000000002 low:0:20"] == 0 {
		w.run(v, time.Minute)
	}
	w.run(v, time.Minute)
	w.expect("0000000001 low:0:20", "0000000002 low:0:20")
}

// One that its provider doesn't know any more says so at a refresh too.
func TestRefreshOfAnUnknown(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.Mobilexy, 0)
	c := w.config()
	c.Meters = []usage.Meter{spoilt{meter{w, esim.Mobilexy}, "T1"}}
	if n, err := watcher(t, c).Refresh(context.Background(), e.ID); err != nil || n.Misses != 1 {
		t.Errorf("%+v, %v", n, err)
	}
}

// What a provider tells of others, asked for one, hides nothing of that one.
func TestStrangersInTheAnswer(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.CloudESIM, 24*time.Hour)
	c := w.config()
	c.Meters = []usage.Meter{strangers{meter{w, esim.CloudESIM}}}
	w.advance(12 * time.Hour)
	n, err := watcher(t, c).Refresh(context.Background(), e.ID)
	if err != nil || n.UsedBytes != 5*esim.GB || n.Misses != 0 || w.refused[usage.RefusedForeign] != 2 {
		t.Errorf("%+v, %v, kept out %v", n, err, w.refused)
	}
}

type strangers struct{ meter }

func (s strangers) Usage(ctx context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	own, err := s.meter.Usage(ctx, refs)
	other := esim.Usage{OrderNo: "N77", At: s.w.clock(), UsedBytes: esim.GB, TotalBytes: 10 * esim.GB, RemainingBytes: 9 * esim.GB}
	return append(append([]esim.Usage{other}, own...), other), err
}

// Who waits is asked for with more patience than the watch has.
func TestPromptMeters(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.CloudESIM, 24*time.Hour)
	c := w.config()
	c.Prompt, c.Meters = c.Meters, []usage.Meter{busy{meter{w, esim.CloudESIM}}}
	v := watcher(t, c)
	w.advance(12 * time.Hour)
	if _, err := v.Round(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := w.load(e.ID); !n.AskedAt.IsZero() {
		t.Fatalf("asked without a turn: %+v", n)
	}
	if n, err := v.Refresh(context.Background(), e.ID); err != nil || n.UsedBytes != 5*esim.GB {
		t.Errorf("%+v, %v", n, err)
	}
}

// busy is a provider at which nobody gets a turn.
type busy struct{ meter }

func (busy) Usage(context.Context, []providers.Ref) ([]esim.Usage, error) {
	return nil, &providers.Error{Class: providers.NotSent, Err: usage.ErrBusy}
}
