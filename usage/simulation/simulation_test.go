package simulation_test

import (
	"context"
	"flag"
	"log/slog"
	"testing"
	"time"

	"esimbot/usage"
	"esimbot/usage/simulation"
)

var fleetSize = flag.Int("fleet", 10_000, "eSIMs in the simulated fleet")

func TestFleet(t *testing.T) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	f := simulation.New(simulation.Config{
		Seed: 1, ESIMs: *fleetSize, Start: start, Spread: 24 * time.Hour, Thresholds: []int{20, 5}, IdleShare: 40, HeavyShare: 10,
	})
	m := simulation.NewMemory()
	for i := range *fleetSize {
		m.Put(f.Document(i))
	}
	w, err := usage.New(usage.Config{
		Store: m, Teller: f, Meters: f.Meters(), Now: f.Now, Log: slog.New(slog.DiscardHandler),
		PollMin: 2 * time.Hour, PollMax: 24 * time.Hour, Rules: usage.Rules{Thresholds: []int{20, 5}, ExpiryNotice: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	for f.Now().Before(start.AddDate(0, 0, 38)) {
		if _, err := w.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
		f.Advance(time.Minute)
	}
	t.Logf("\n%s", f.Report())
}
