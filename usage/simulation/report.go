package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"esimbot/esim"
)

// A Cost is what a kind of eSIM cost its provider.
type Cost struct {
	Days  float64 // eSIM-days watched
	Calls float64
}

// PerDay is calls per eSIM and day.
func (c Cost) PerDay() float64 {
	if c.Days == 0 {
		return 0
	}
	return c.Calls / c.Days
}

// A Delay is how long customers waited from a threshold to the notice.
type Delay struct {
	Crossings   int
	Median, P99 time.Duration
	Longest     time.Duration
	Late        int // crossings that nobody has heard of, though there was a day for it
}

// A Report is what became of a fleet.
type Report struct {
	Counts
	// Idle is eSIMs that are never used, Waiting those that are not used yet, Ordinary and Heavy those
	// in use.
	Idle, Waiting, Ordinary, Heavy map[esim.Provider]Cost
	// InUse are crossings of eSIMs that the shop knew to be in use, Unseen the others.
	InUse, Unseen map[esim.Provider]Delay
}

// Counts are what the providers and Telegram counted.
type Counts struct {
	Calls    map[esim.Provider]int
	Asked    int // eSIMs that were asked for
	Messages int
	// AskedTwice is how often an eSIM was asked for less than the least time after the time before, and
	// ToldTwice how many messages had come already.
	AskedTwice, ToldTwice int
}

// Counts returns what was counted so far.
func (f *Fleet) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts()
}

func (f *Fleet) counts() Counts {
	c := Counts{Calls: maps.Clone(f.calls), AskedTwice: f.hasty}
	for i := range f.lines {
		if !f.lines[i].askedAt.IsZero() {
			c.Asked++
		}
	}
	for _, n := range f.told {
		c.Messages += n
		c.ToldTwice += n - 1
	}
	return c
}

// Report counts the fleet as it stands now.
func (f *Fleet) Report() Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := Report{
		Counts: f.counts(), Idle: map[esim.Provider]Cost{}, Waiting: map[esim.Provider]Cost{}, Ordinary: map[esim.Provider]Cost{}, Heavy: map[esim.Provider]Cost{},
		InUse: map[esim.Provider]Delay{}, Unseen: map[esim.Provider]Delay{},
	}
	type key struct {
		p     esim.Provider
		inUse bool
	}
	waits, lost := map[key][]time.Duration{}, map[key]int{}
	for i := range f.lines {
		f.until(i, f.now)
		l := &f.lines[i]
		p := l.provider()
		to := earlier(f.now, l.ends)
		if l.profile == Idle {
			add(r.Idle, p, days(l.bought, to), l.asked[untouched])
		} else {
			add(r.Waiting, p, days(l.bought, earlier(to, l.begins)), l.asked[untouched])
			used := to
			if !l.emptyAt.IsZero() {
				used = l.emptyAt
			}
			kind := r.Ordinary
			if l.profile == Heavy {
				kind = r.Heavy
			}
			add(kind, p, days(l.begins, used), l.asked[inUse])
		}
		for k := range len(f.cfg.Thresholds) + 1 {
			at := l.crossed[k]
			if at.IsZero() {
				continue
			}
			of := key{p, !l.seen.IsZero() && !l.seen.After(at)}
			switch {
			case !l.heard[k].IsZero():
				waits[of] = append(waits[of], l.heard[k].Sub(at))
			case to.Sub(at) > 30*time.Hour:
				lost[of]++
			}
		}
	}
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		r.InUse[p] = delay(waits[key{p, true}], lost[key{p, true}])
		r.Unseen[p] = delay(waits[key{p, false}], lost[key{p, false}])
	}
	return r
}

func add(to map[esim.Provider]Cost, p esim.Provider, days, calls float64) {
	c := to[p]
	c.Days += days
	c.Calls += calls
	to[p] = c
}

func days(from, to time.Time) float64 { return max(0, to.Sub(from).Hours()/24) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func delay(waits []time.Duration, lost int) Delay {
	d := Delay{Crossings: len(waits), Late: lost}
	if len(waits) == 0 {
		return d
	}
	slices.Sort(waits)
	d.Median, d.P99, d.Longest = waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)-1]
	return d
}

// String prints the report as a table.
func (r Report) String() string {
	var b strings.Builder
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		fmt.Fprintf(&b, "%-10s calls an eSIM and day: idle %.3f, not used yet %.3f, ordinary %.3f, heavy %.3f (asking every hour: 24)\n",
			p.Name(), r.Idle[p].PerDay(), r.Waiting[p].PerDay(), r.Ordinary[p].PerDay(), r.Heavy[p].PerDay())
		for _, row := range []struct {
			name string
			d    Delay
		}{{"in use", r.InUse[p]}, {"not yet seen in use", r.Unseen[p]}} {
			fmt.Fprintf(&b, "%-10s crossing to offer, %s: median %s, 99%% %s, longest %s, of %d; never %d\n",
				"", row.name, row.d.Median.Round(time.Minute), row.d.P99.Round(time.Minute), row.d.Longest.Round(time.Minute), row.d.Crossings, row.d.Late)
		}
	}
	return b.String()
}
