package store_test

import (
	"fmt"
	"testing"
	"time"

	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
)

// looked is how many eSIMs the benchmarks watch.
const looked = 10_000

func inUse(b *testing.B) *store.Store {
	b.Helper()
	server := storetest.Start(b, "--appendonly", "no")
	s := open(b, server.URL())
	shelve(b, s, 0, looked)
	return s
}

// BenchmarkLease leases batch after batch, all of them due always.
func BenchmarkLease(b *testing.B) {
	s := inUse(b)
	now := epoch.AddDate(1, 0, 0)
	for _, size := range []int{50, 250, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			count := s.CountRoundTrips()
			n := 0
			for b.Loop() {
				list, err := s.Usage().Lease(b.Context(), now, now.Add(time.Millisecond), size)
				if err != nil || len(list) != size {
					b.Fatalf("%d leased, %v", len(list), err)
				}
				now = now.Add(time.Millisecond)
				n += len(list)
			}
			report(b, n, count())
		})
	}
}

// BenchmarkSave saves what was leased, again and again.
func BenchmarkSave(b *testing.B) {
	s := inUse(b)
	for _, size := range []int{50, 250, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			list := leased(b, s, size)
			count := s.CountRoundTrips()
			n := 0
			for b.Loop() {
				for _, e := range list {
					e.Version++
					e.UsedBytes++
				}
				save(b, s, list...)
				n += len(list)
			}
			report(b, n, count())
		})
	}
}

// BenchmarkLook does what a look costs of Redis: lease and save.
func BenchmarkLook(b *testing.B) {
	s := inUse(b)
	const size = 250
	now := epoch.AddDate(1, 0, 0)
	count := s.CountRoundTrips()
	n := 0
	for b.Loop() {
		list, err := s.Usage().Lease(b.Context(), now, now.Add(time.Minute), size)
		if err != nil || len(list) != size {
			b.Fatalf("%d leased, %v", len(list), err)
		}
		for _, e := range list {
			e.Version++
			e.NextAt = now.Add(time.Millisecond)
		}
		save(b, s, list...)
		now = now.Add(time.Millisecond)
		n += size
	}
	report(b, n, count())
}

func leased(b *testing.B, s *store.Store, size int) []*usage.ESIM {
	b.Helper()
	now := epoch.AddDate(1, 0, 0)
	list, err := s.Usage().Lease(b.Context(), now, now, size)
	if err != nil || len(list) != size {
		b.Fatalf("%d leased, %v", len(list), err)
	}
	return list
}

func report(b *testing.B, looks int, trips int64) {
	b.Helper()
	b.ReportMetric(float64(looks)/b.Elapsed().Seconds(), "looks/s")
	b.ReportMetric(float64(trips)/float64(b.N), "trips/op")
}
