package simulation_test

import (
	"context"
	"flag"
	"log/slog"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/usage"
	"esimbot/usage/simulation"
)

var fleetSize = flag.Int("fleet", 10_000, "eSIMs in the simulated fleet")

// watch watches a fleet for some days and returns what became of it.
func watch(t *testing.T, esims, days int) simulation.Report {
	t.Helper()
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	f := simulation.New(simulation.Config{
		Seed: 1, ESIMs: esims, Start: start, Spread: 24 * time.Hour, Thresholds: []int{20, 5}, IdleShare: 40, HeavyShare: 10, PollMin: 2 * time.Hour,
	})
	m := simulation.NewMemory()
	for i := range esims {
		m.Put(f.Document(i))
	}
	w, err := usage.New(usage.Config{
		Store: m, Teller: f, Meters: f.Meters(), Now: f.Now, Log: slog.New(slog.DiscardHandler),
		PollMin: 2 * time.Hour, PollMax: 24 * time.Hour, Rules: usage.Rules{Thresholds: []int{20, 5}, ExpiryNotice: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	for f.Now().Before(start.AddDate(0, 0, days)) {
		if _, err := w.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
		f.Advance(time.Minute)
	}
	return f.Report()
}

// A fleet through its whole life costs the providers no more than was set out, and its customers hear
// of what is low in time: within one of the provider's refreshes at the median and two for all but one
// in a hundred. CloudeSIM's numbers are always fresh, so that USAGE_POLL_MIN is what counts there.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand eSIMs take a while")
	}
	r := watch(t, *fleetSize, 38)
	t.Logf("%d eSIMs in 38 days\n%s", *fleetSize, r)
	if r.Asked != *fleetSize || r.Messages < *fleetSize || r.AskedTwice > 0 || r.ToldTwice > 0 {
		t.Errorf("%d eSIMs asked for, %d times too soon; %d messages, %d of them twice", r.Asked, r.AskedTwice, r.Messages, r.ToldTwice)
	}
	for p, want := range map[esim.Provider]struct {
		idle, ordinary float64
		refresh        time.Duration
	}{
		esim.CloudESIM: {1, 6, 2 * time.Hour},
		esim.Mobilexy:  {0.1, 0.6, 3 * time.Hour},
	} {
		if got := r.Idle[p].PerDay(); got > want.idle+0.0005 || got == 0 {
			t.Errorf("%s: %.4f calls a day for an idle eSIM, at most %g", p, got, want.idle)
		}
		if got := r.Ordinary[p].PerDay(); got > want.ordinary || got == 0 {
			t.Errorf("%s: %.3f calls a day in ordinary use, at most %g", p, got, want.ordinary)
		}
		d := r.InUse[p]
		if d.Crossings < *fleetSize/4 || d.Late > 0 || d.Median > want.refresh || d.P99 > 2*want.refresh {
			t.Errorf("%s: in use %+v", p, d)
		}
		if d := r.Unseen[p]; d.Late > 0 || d.Longest > 24*time.Hour {
			t.Errorf("%s: not yet seen in use %+v", p, d)
		}
	}
}

// The same seed has the same fleet.
func TestSeed(t *testing.T) {
	a, b := watch(t, 50, 10), watch(t, 50, 10)
	if a.String() != b.String() || a.InUse[esim.CloudESIM].Crossings == 0 {
		t.Errorf("%s\n%s", a, b)
	}
}
