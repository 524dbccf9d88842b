package usage

import (
	"hash/fnv"
	"time"

	"esimbot/esim"
)

// Bounds are what the times of looks at one provider's eSIMs keep to. Thresholds are the percentages
// left at which an offer goes out.
type Bounds struct {
	// Min and Max are the least and the most time between two looks; they win over everything else.
	Min, Max time.Duration
	// Refresh is how often the provider's numbers change; 0 where they are always fresh.
	Refresh    time.Duration
	Thresholds []int
	// Grid is what near looks are put on, and far ones on a multiple of it, so that eSIMs which one call
	// can ask for are due together; 0 where every eSIM is a call of its own.
	Grid time.Duration
}

const (
	// maxMisses is after how many looks in a row without news an eSIM is not looked at again.
	maxMisses = 30
	// caution is how many looks are made on the way to where the next threshold is forecast: data
	// doesn't go evenly, so each goes only this part of the way.
	caution = 10
	// lines is the most lines of the grid between two looks.
	lines = 24
	// offlineAfter is when an eSIM of which nothing was used is worth asking about.
	offlineAfter = 24 * time.Hour
)

// Next returns when to look again at an eSIM that has just been looked at: previous is what was known
// before, nil for nothing, current what is known now. It is zero for never, and else within Min and
// Max of now: sooner as the next threshold nears, at the forecast moment where that is near, never
// more often than the provider's numbers change, seldom while nothing is used, and more and more
// seldom while there is no news.
func Next(previous, current *ESIM, now time.Time, b Bounds) time.Time {
	if current.Over(now) || !current.Linked() || current.Unreachable || current.Misses >= maxMisses {
		return time.Time{}
	}
	wait := b.clamp(b.wait(previous, current, now))
	return b.onGrid(now, wait)
}

// onGrid puts a look after wait on the grid: up, so that nothing is asked before it can be new, or
// down where that passes Max.
func (b Bounds) onGrid(now time.Time, wait time.Duration) time.Time {
	at := now.Add(wait)
	if b.Grid <= 0 {
		return at
	}
	grid := b.Grid
	for grid*lines < wait {
		grid *= 2
	}
	down := at.Truncate(grid)
	up := down
	if up.Before(at) {
		up = up.Add(grid)
	}
	switch {
	case up.Sub(now) <= b.Max:
		return up
	case down.Sub(now) >= b.least():
		return down
	default:
		return at
	}
}

func (b Bounds) least() time.Duration { return min(max(b.Min, b.Refresh), b.Max) }

func (b Bounds) clamp(d time.Duration) time.Duration { return min(max(d, b.least()), b.Max) }

func (b Bounds) wait(previous, e *ESIM, now time.Time) time.Duration {
	switch {
	case e.AskedAt.IsZero():
		return b.first(e).Sub(now)
	case e.Misses > 0:
		return b.least() << min(e.Misses-1, 16)
	case e.Spent(), e.Muted, e.TotalBytes < 0 && e.UsedBytes != 0:
		return b.Max
	case e.UsedBytes <= 0:
		// At the moment when it is asked whether the customer is online, if that is to come.
		if d := e.BoughtAt.Add(offlineAfter).Sub(now); d > b.least() {
			return d
		}
		return b.Max
	}
	left, known := b.untilThreshold(previous, e, now)
	if !known {
		return b.Max
	}
	// Nearer than two looks it is met at the moment itself: half the way would see it too early, and
	// the look after that too late.
	if least := b.least(); left < 2*least {
		return left
	}
	return left / caution
}

// first is when an eSIM just bought is looked at for the first time. Few are in use by then, but who
// bought on arrival has begun. Those bought at the same moment are spread by their ids.
func (b Bounds) first(e *ESIM) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(e.ID)) // never fails
	spread := time.Duration(float64(b.Max/4) * float64(h.Sum32()) / (1 << 32))
	return e.BoughtAt.Add(b.clamp(b.Max/8 + spread))
}

// untilThreshold returns how long it takes at the present pace until what is left of a fixed volume
// falls to the next threshold.
func (b Bounds) untilThreshold(previous, e *ESIM, now time.Time) (time.Duration, bool) {
	left, next := e.RemainingBytes(), int64(0)
	for _, percent := range b.Thresholds {
		if at := thresholdBytes(e.TotalBytes, percent); at < left {
			next = max(next, at)
		}
	}
	pace := likelyPace(previous, e)
	if pace <= 0 {
		return 0, false
	}
	const day = float64(24 * time.Hour)
	d := float64(left-next) / float64(pace) * day
	if d > 365*day {
		return 365 * 24 * time.Hour, true
	}
	return max(0, time.Duration(d)-since(e.MeasuredAt, now)), true
}

// thresholdBytes is how much of total is left at a threshold, rounded down.
func thresholdBytes(total int64, percent int) int64 {
	return total/100*int64(percent) + total%100*int64(percent)/100
}

// likelyPace is the pace to reckon with, in bytes a day: that of late, that since the look before, or
// half of that since the first use, whichever is fastest. The second sees a burst, the third a pause
// that ends.
func likelyPace(previous, e *ESIM) int64 {
	pace := e.Pace
	if previous != nil && previous.UsedBytes >= 0 && !previous.MeasuredAt.IsZero() {
		pace = max(pace, perDay(e.UsedBytes-previous.UsedBytes, e.MeasuredAt.Sub(previous.MeasuredAt), shortest))
	}
	if !e.FirstUsedAt.IsZero() {
		pace = max(pace, perDay(e.UsedBytes, e.MeasuredAt.Sub(e.FirstUsedAt), 24*time.Hour)/2)
	}
	return pace
}

// shortest is the least time that a pace is read off: shorter bursts say nothing of a day.
const shortest = 2 * time.Hour

// perDay is the pace in bytes a day of n bytes used in d, which is taken to be at least the time least.
func perDay(n int64, d, least time.Duration) int64 {
	if n <= 0 {
		return 0
	}
	return int64(float64(n) * float64(24*time.Hour) / float64(max(d, least)))
}

func since(t, now time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(0, now.Sub(t))
}

// EmptyIn returns how long what is left lasts at the present pace; 0 where that isn't known.
func (e *ESIM) EmptyIn(now time.Time) time.Duration {
	left := e.RemainingBytes()
	if e.Pace <= 0 || left <= 0 || e.Status == esim.StatusUsedUp {
		return 0
	}
	d := float64(left) / float64(e.Pace) * float64(24*time.Hour)
	const most = 10 * 365 * 24 * time.Hour
	if d >= float64(most) {
		return most
	}
	return max(0, time.Duration(d)-since(e.MeasuredAt, now))
}
