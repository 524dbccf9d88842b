package simulation_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"esimbot/usage"
	"esimbot/usage/simulation"
)

// BenchmarkLooks is what one replica can do, store and providers in memory: each look is an eSIM that
// comes due, is asked for, judged and saved.
func BenchmarkLooks(b *testing.B) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	const esims = 5000
	f := simulation.New(simulation.Config{Seed: 1, ESIMs: esims, Start: start, Thresholds: []int{20, 5}})
	m := simulation.NewMemory()
	for i := range esims {
		m.Put(f.Document(i))
	}
	looks := 0
	w, err := usage.New(usage.Config{
		Store: m, Teller: f, Meters: f.Meters(), Now: f.Now, Log: slog.New(slog.DiscardHandler),
		PollMin: 2 * time.Hour, PollMax: 24 * time.Hour, Rules: usage.Rules{Thresholds: []int{20, 5}, ExpiryNotice: 24 * time.Hour},
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n, err := w.Round(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		looks += n
		f.Advance(time.Hour)
	}
	b.ReportMetric(float64(looks)/b.Elapsed().Seconds(), "looks/s")
}
