package usage_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"esimbot/esim"
	"esimbot/usage"
)

// noon is a moment at which nothing in these tests happens by itself.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func bounds() usage.Bounds {
	return usage.Bounds{Min: 2 * time.Hour, Max: 24 * time.Hour, Thresholds: []int{20, 5}}
}

// inUse is an eSIM of 10 GB in use for days, just asked for.
func inUse(used int64, pace int64) *usage.ESIM {
	now := noon()
	return &usage.ESIM{
		ID: "7KQ2M9X4TB", Customer: 7, OrderNo: "N1", ICCID: "8948010010002120847",
		Plan:   esim.Plan{Provider: esim.CloudESIM, Kind: esim.Fixed, Bytes: 10 * esim.GB, Days: 30, Destination: esim.Destination{Kind: esim.Country, Code: "JP"}},
		Status: esim.StatusInUse, TotalBytes: 10 * esim.GB, UsedBytes: used, Pace: pace,
		BoughtAt: now.AddDate(0, 0, -10), FirstUsedAt: now.AddDate(0, 0, -9), MeasuredAt: now, AskedAt: now, ExpiresAt: now.AddDate(0, 0, 20),
	}
}

func TestNext(t *testing.T) {
	now := noon()
	for _, tc := range []struct {
		name   string
		change func(e *usage.ESIM, b *usage.Bounds)
		want   time.Duration // -1: never
	}{
		{"5 GB a day, 3 GB over the threshold: 14.4 h away", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Pace = 5*esim.GB, 5*esim.GB }, 2 * time.Hour},
		{"1 GB a day, 5 GB over: five days away", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Pace = 3*esim.GB, esim.GB }, 12 * time.Hour},
		{"met where it is forecast when that is near", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Pace = 8*esim.GB-esim.GB/8, esim.GB }, 3 * time.Hour},
		{"the last threshold is passed: the end is next", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Pace = 10*esim.GB-esim.GB/8, esim.GB }, 3 * time.Hour},
		{"no sooner than the provider has news", func(e *usage.ESIM, b *usage.Bounds) {
			e.UsedBytes, e.Pace, b.Refresh = 7*esim.GB, 9*esim.GB, 3*time.Hour
		}, 3 * time.Hour},
		{"unless the bounds say so", func(e *usage.ESIM, b *usage.Bounds) {
			e.UsedBytes, e.Pace, b.Refresh, b.Max = 7*esim.GB, 9*esim.GB, 48*time.Hour, 24*time.Hour
		}, 24 * time.Hour},
		{"untouched", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Status = 0, esim.StatusReady }, 24 * time.Hour},
		{"untouched, bought 14 hours ago: when it is a day", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.BoughtAt = 0, now.Add(-14*time.Hour) }, 10 * time.Hour},
		{"used up", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Status = 10*esim.GB, esim.StatusUsedUp }, 24 * time.Hour},
		{"no fixed volume", func(e *usage.ESIM, _ *usage.Bounds) { e.TotalBytes = -1 }, 24 * time.Hour},
		{"muted", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Pace, e.Muted = 7*esim.GB, 9*esim.GB, true }, 24 * time.Hour},
		{"customer gone", func(e *usage.ESIM, _ *usage.Bounds) { e.UsedBytes, e.Pace, e.Unreachable = 7*esim.GB, 9*esim.GB, true }, -1},
		{"one look without news", func(e *usage.ESIM, _ *usage.Bounds) { e.Misses = 1 }, 2 * time.Hour},
		{"three", func(e *usage.ESIM, _ *usage.Bounds) { e.Misses = 3 }, 8 * time.Hour},
		{"many", func(e *usage.ESIM, _ *usage.Bounds) { e.Misses = 29 }, 24 * time.Hour},
		{"too many", func(e *usage.ESIM, _ *usage.Bounds) { e.Misses = 30 }, -1},
		{"over", func(e *usage.ESIM, _ *usage.Bounds) { e.ExpiresAt = now }, -1},
		{"expired by its provider's word", func(e *usage.ESIM, _ *usage.Bounds) { e.Status = esim.StatusExpired }, -1},
		{"taken back", func(e *usage.ESIM, _ *usage.Bounds) { e.Status = esim.StatusCancelled }, -1},
		{"nothing to ask by", func(e *usage.ESIM, _ *usage.Bounds) { e.ICCID, e.Plan.Provider = "", esim.Mobilexy }, -1},
		{"on the grid", func(e *usage.ESIM, b *usage.Bounds) {
			e.UsedBytes, e.Pace, b.Grid = 3*esim.GB, esim.GB+esim.GB/10, 2*time.Hour
		}, 12 * time.Hour},
		{"on the grid, not past the bound", func(e *usage.ESIM, b *usage.Bounds) {
			e.UsedBytes, b.Grid, b.Max = 0, time.Hour, 23*time.Hour+30*time.Minute
		}, 23 * time.Hour},
	} {
		e, b := inUse(3*esim.GB, 0), bounds()
		tc.change(e, &b)
		got := usage.Next(nil, e, now, b)
		want := now.Add(tc.want)
		if tc.want < 0 {
			want = time.Time{}
		}
		if !got.Equal(want) {
			t.Errorf("%s: in %s, want in %s", tc.name, got.Sub(now), tc.want)
		}
	}
}

// A burst since the look before counts, though the pace of a day hardly shows it.
func TestNextSeesABurst(t *testing.T) {
	e := inUse(6*esim.GB, esim.GB/2)
	before := *e
	before.UsedBytes, before.MeasuredAt = 5*esim.GB, noon().Add(-4*time.Hour)
	if got := usage.Next(&before, e, noon(), bounds()).Sub(noon()); got != 2*time.Hour {
		t.Errorf("after 1 GB in four hours with 2 GB to go: %s", got)
	}
}

func anyESIM() *rapid.Generator[*usage.ESIM] {
	return rapid.Custom(func(t *rapid.T) *usage.ESIM {
		now := noon()
		ago := func(name string) time.Time {
			return now.Add(-time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, name)))
		}
		e := inUse(0, 0)
		e.ID = rapid.StringMatching(`[0-9A-Z]{10}`).Draw(t, "id")
		e.TotalBytes = rapid.SampledFrom([]int64{-1, esim.GB, 10 * esim.GB, 1 << 60}).Draw(t, "total")
		e.UsedBytes = rapid.Int64Range(-1, max(e.TotalBytes, esim.GB)).Draw(t, "used")
		e.Pace = rapid.Int64Range(0, 1<<62).Draw(t, "pace")
		e.Status = rapid.SampledFrom([]esim.Status{esim.StatusReady, esim.StatusInUse, esim.StatusUsedUp, esim.StatusUnknown, esim.StatusExpired}).Draw(t, "status")
		e.BoughtAt, e.FirstUsedAt, e.MeasuredAt, e.AskedAt = ago("bought"), ago("first used"), ago("measured"), ago("asked")
		e.Misses = rapid.IntRange(0, 40).Draw(t, "misses")
		e.Muted = rapid.Bool().Draw(t, "muted")
		if rapid.Bool().Draw(t, "never asked") {
			e.AskedAt, e.MeasuredAt = time.Time{}, time.Time{}
		}
		if rapid.Bool().Draw(t, "end") {
			e.ExpiresAt = now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(90*24*time.Hour)).Draw(t, "ends")))
		}
		return e
	})
}

func anyBounds() *rapid.Generator[usage.Bounds] {
	return rapid.Custom(func(t *rapid.T) usage.Bounds {
		least := time.Duration(rapid.Int64Range(int64(time.Minute), int64(24*time.Hour)).Draw(t, "min"))
		return usage.Bounds{
			Min: least, Max: least + time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(t, "max")),
			Refresh:    time.Duration(rapid.Int64Range(0, int64(6*time.Hour)).Draw(t, "refresh")),
			Grid:       time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "grid")),
			Thresholds: rapid.SliceOfN(rapid.IntRange(1, 99), 0, 3).Draw(t, "thresholds"),
		}
	})
}

func TestNextKeepsToItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, b, now := anyESIM().Draw(t, "esim"), anyBounds().Draw(t, "bounds"), noon()
		var before *usage.ESIM
		if rapid.Bool().Draw(t, "seen before") {
			before = anyESIM().Draw(t, "before")
		}
		at := usage.Next(before, e, now, b)
		if never := e.Over(now) || e.Misses >= 30; at.IsZero() != never {
			t.Fatalf("never %v, though over %v and %d misses", at.IsZero(), e.Over(now), e.Misses)
		}
		if !at.IsZero() && (at.Sub(now) < b.Min || at.Sub(now) > b.Max) {
			t.Fatalf("in %s, outside %s to %s", at.Sub(now), b.Min, b.Max)
		}
		if again := usage.Next(before, e, now, b); !again.Equal(at) {
			t.Fatalf("%s and then %s", at, again)
		}
	})
}

// Far from a threshold a faster pace is never looked at later. Within the last two looks the forecast
// moment itself is met, and a look before it would come too early.
func TestFasterIsNotLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, b := noon(), bounds()
		pace := rapid.Int64Range(1, 20*esim.GB).Draw(t, "pace")
		faster := pace + rapid.Int64Range(0, 20*esim.GB).Draw(t, "more")
		used := rapid.Int64Range(1, 8*esim.GB-1).Draw(t, "used")
		slowly, fast := inUse(used, pace), inUse(used, faster)
		slowly.FirstUsedAt, fast.FirstUsedAt = now, now
		at, sooner := usage.Next(nil, slowly, now, b), usage.Next(nil, fast, now, b)
		if near := sooner.Sub(now) < 2*b.Min; sooner.After(at) && !near {
			t.Fatalf("at %d bytes a day in %s, at %d in %s", pace, at.Sub(now), faster, sooner.Sub(now))
		}
	})
}

// A customer whose data goes evenly hears of a threshold within one look of crossing it.
func TestSteadyCrossingIsSeenAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, start := bounds(), noon()
		hours := rapid.IntRange(30, 30*24).Draw(t, "lasts hours")
		perHour := 10 * esim.GB / int64(hours)
		e := inUse(0, 0)
		e.BoughtAt, e.FirstUsedAt, e.AskedAt, e.MeasuredAt, e.ExpiresAt, e.UsedBytes = start, time.Time{}, time.Time{}, time.Time{}, time.Time{}, -1
		crossed := start.Add(time.Duration(float64(8*esim.GB) / float64(perHour) * float64(time.Hour)))
		for now := start.Add(4 * time.Hour); ; {
			told := answer(now, int64(now.Sub(start).Hours()*float64(perHour)))
			n, why := usage.Judge(e, told, now)
			if why != "" {
				t.Fatal(why)
			}
			n.AskedAt = now
			if n.RemainingBytes() <= 2*esim.GB {
				if late := now.Sub(crossed); late > b.Min {
					t.Fatalf("seen %s after the crossing", late)
				}
				return
			}
			now, e = usage.Next(e, n, now, b), n
		}
	})
}

func answer(at time.Time, used int64) esim.Usage {
	return esim.Usage{
		ICCID: "8948010010002120847", OrderNo: "N1", Status: esim.StatusInUse, Upstream: "IN_USE", At: at,
		UsedBytes: used, TotalBytes: 10 * esim.GB, RemainingBytes: 10*esim.GB - used,
	}
}

// Those bought at the same moment aren't all due at the same moment.
func TestFirstLooksAreSpread(t *testing.T) {
	now, hours := noon(), map[int]int{}
	for i := range 1000 {
		e := inUse(-1, 0)
		e.ID, e.BoughtAt, e.AskedAt, e.Status = fmt.Sprintf("%010d", i), now, time.Time{}, esim.StatusReady
		at := usage.Next(nil, e, now, bounds())
		hours[int(at.Sub(now).Hours()*2)]++
	}
	for half, n := range hours {
		if n > 200 {
			t.Errorf("%d of 1000 within half an hour of %d", n, half)
		}
	}
	if len(hours) < 8 {
		t.Errorf("all within %d half hours", len(hours))
	}
}

func TestEmptyIn(t *testing.T) {
	now := noon()
	for _, tc := range []struct {
		name       string
		used, pace int64
		measured   time.Duration
		status     esim.Status
		want       time.Duration
	}{
		{"two days", 8 * esim.GB, esim.GB, 0, esim.StatusInUse, 48 * time.Hour},
		{"less the age of the numbers", 8 * esim.GB, esim.GB, 3 * time.Hour, esim.StatusInUse, 45 * time.Hour},
		{"by now perhaps empty", 9 * esim.GB, 24 * esim.GB, 3 * time.Hour, esim.StatusInUse, 0},
		{"no pace", 8 * esim.GB, 0, 0, esim.StatusInUse, 0},
		{"used up", 10 * esim.GB, esim.GB, 0, esim.StatusUsedUp, 0},
		{"nothing known", -1, esim.GB, 0, esim.StatusReady, 0},
		{"no overflow", 0, 1, 0, esim.StatusInUse, 10 * 365 * 24 * time.Hour},
	} {
		e := inUse(tc.used, tc.pace)
		e.MeasuredAt, e.Status = now.Add(-tc.measured), tc.status
		if got := e.EmptyIn(now); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
