package usage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
)

const (
	// linkAfter is when a customer is asked for the ICCID: the eSIM is installed by then, if it is
	// installed at once.
	linkAfter = time.Hour
	// apart is the least time between two notices of one eSIM, but for the most urgent ones.
	apart = time.Hour
)

// Rules say which notices go out, and when. The zero value sends none of data and holds none back.
type Rules struct {
	// Thresholds are the percentages of all data bought at which what is left is worth a notice.
	Thresholds []int
	// ExpiryNotice is how long before the end of validity a reminder goes out. A plan of less than
	// twice as long has it half way.
	ExpiryNotice time.Duration
	Night        Night
	Zones        *Zones // nil: no night anywhere
	// Countries returns where a plan works, where the document itself doesn't say; nil: nowhere known.
	Countries func(esim.Plan) []string
}

// A Decision is what the rules say of an eSIM at one moment.
type Decision struct {
	// Notice goes out now; nil for none.
	Notice *Notice
	// Covers are the keys of the marks that this notice makes superfluous.
	Covers []string
	// Wake is when the rules have more to say without any news of the eSIM; zero for never.
	Wake time.Time
}

// candidate is a notice that is due at a time, if nothing holds it.
type candidate struct {
	notice Notice
	at     time.Time
	urgent bool // also at night, and soon after another one
	covers []string
}

// Due returns what is due for e at now: the most urgent notice that is neither sent nor on its way,
// and is held back by nothing. It changes nothing.
func (r Rules) Due(e *ESIM, now time.Time) Decision {
	if e.Muted || e.Unreachable || e.Customer == 0 || e.Over(now) || e.Status == esim.StatusSuspended {
		return Decision{}
	}
	var d Decision
	var zones []*time.Location
	var read bool
	for _, c := range r.candidates(e, now) {
		at := c.at
		if m := e.Marks[c.notice.Key]; !m.SentAt.IsZero() {
			continue
		} else if m.Until.After(at) {
			at = m.Until // on its way; taken up again if it isn't said by then that it arrived
		}
		if !c.urgent {
			if last := e.lastSent(); at.Before(last.Add(apart)) && !last.IsZero() {
				at = last.Add(apart)
			}
			if moment := later(at, now); e.ExpiresAt.IsZero() || moment.Before(e.ExpiresAt) {
				if !read {
					zones, read = r.zones(e), true
				}
				at = r.Night.Until(moment, zones)
			}
		}
		if !at.After(now) && d.Notice == nil {
			n := c.notice
			n.Left, n.EmptyIn = e.RemainingBytes(), e.EmptyIn(now)
			d.Notice, d.Covers = &n, c.covers
			continue
		}
		if d.Wake.IsZero() || at.Before(d.Wake) {
			d.Wake = later(at, now)
		}
	}
	return d
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// candidates returns every notice that what is known of the eSIM asks for, the most urgent first.
func (r Rules) candidates(e *ESIM, now time.Time) []candidate {
	var all []candidate
	if c, ok := r.data(e); ok {
		all = append(all, c)
	}
	if c, ok := r.expiry(e, now); ok {
		all = append(all, c)
	}
	if c, ok := offline(e); ok {
		all = append(all, c)
	}
	if !e.Linked() {
		all = append(all, candidate{notice: Notice{Topic: TopicLink, Key: "link"}, at: e.BoughtAt.Add(linkAfter)})
	}
	return all
}

// data is the notice about what is left of a fixed volume: of the lowest threshold that it fell to.
// While a top-up is being bought there is none: the customer knows.
func (r Rules) data(e *ESIM) (candidate, bool) {
	left := e.RemainingBytes()
	if e.TotalBytes <= 0 || e.TopUp != "" || left < 0 && !e.Spent() {
		return candidate{}, false
	}
	arm := strconv.Itoa(len(e.TopUps))
	c := candidate{urgent: true}
	lowest := 101
	for _, percent := range r.Thresholds {
		if e.Spent() || left <= thresholdBytes(e.TotalBytes, percent) {
			c.covers = append(c.covers, lowKey(arm, percent))
			lowest = min(lowest, percent)
		}
	}
	if e.Spent() {
		c.notice = Notice{Topic: TopicUsedUp, Key: "used_up:" + arm}
		return c, true
	}
	if lowest > 100 {
		return candidate{}, false
	}
	c.notice = Notice{Topic: TopicLow, Key: lowKey(arm, lowest), Threshold: lowest}
	c.urgent = lowest == slices.Min(r.Thresholds)
	return c, true
}

func lowKey(arm string, percent int) string { return fmt.Sprintf("low:%s:%d", arm, percent) }

// expiry is the reminder before the end of validity, where there is data left that would be lost or a
// plan without a fixed volume that could be renewed. An end that moves by a day is the same end.
func (r Rules) expiry(e *ESIM, now time.Time) (candidate, bool) {
	if e.ExpiresAt.IsZero() || r.ExpiryNotice <= 0 || e.Spent() {
		return candidate{}, false
	}
	for _, days := range []int{0, -1, 1} {
		if !e.Marks[expiryKey(e.ExpiresAt.AddDate(0, 0, days))].SentAt.IsZero() {
			return candidate{}, false
		}
	}
	before := r.ExpiryNotice
	if period := time.Duration(e.Plan.Days) * 24 * time.Hour; period > 0 {
		before = min(before, period/2)
	}
	at := e.ExpiresAt.Add(-before)
	if at.Sub(now) < 48*time.Hour { // further off its hour doesn't matter yet
		if zones := r.zones(e); !r.Night.Until(at, zones).Before(e.ExpiresAt) {
			at = r.Night.evening(at, zones) // by morning it would be too late
		}
	}
	return candidate{notice: Notice{Topic: TopicExpiry, Key: expiryKey(e.ExpiresAt)}, at: at}, true
}

func expiryKey(end time.Time) string { return "expiry:" + end.UTC().Format(time.DateOnly) }

// offline asks whether something went wrong when nothing was used by a day after delivery, as seen by
// a look after that day.
func offline(e *ESIM) (candidate, bool) {
	at := e.BoughtAt.Add(offlineAfter)
	if e.UsedBytes != 0 || !e.FirstUsedAt.IsZero() || e.Status != esim.StatusReady || e.Misses > 0 || e.AskedAt.Before(at) {
		return candidate{}, false
	}
	return candidate{notice: Notice{Topic: TopicOffline, Key: "offline"}, at: at}, true
}

func (r Rules) zones(e *ESIM) []*time.Location {
	if r.Zones == nil || r.Night.From == r.Night.To {
		return nil
	}
	p := e.Plan
	if p.Destination.Kind != esim.Country && len(p.Countries) == 0 && r.Countries != nil {
		p.Countries = r.Countries(p)
	}
	return r.Zones.Of(p)
}

func (e *ESIM) lastSent() time.Time {
	var last time.Time
	for _, m := range e.Marks {
		last = later(m.SentAt, last)
	}
	return last
}

// claim marks a notice as on its way until a time.
func (e *ESIM) claim(key string, until time.Time) {
	if e.Marks == nil {
		e.Marks = map[string]Mark{}
	}
	e.Marks[key] = Mark{Until: until}
}

// sent marks a notice and those it covers as sent at now, and forgets the marks that no notice asks
// for any more: of the time before a top-up, and of an end of validity that has moved.
func (e *ESIM) sent(key string, covers []string, now time.Time) {
	if e.Marks == nil {
		e.Marks = map[string]Mark{}
	}
	for _, k := range append(slices.Clone(covers), key) {
		e.Marks[k] = Mark{SentAt: now.UTC()}
	}
	arm := strconv.Itoa(len(e.TopUps))
	for k := range e.Marks {
		topic, rest, _ := strings.Cut(k, ":")
		of, _, _ := strings.Cut(rest, ":")
		old := (Topic(topic) == TopicLow || Topic(topic) == TopicUsedUp) && of != arm
		moved := Topic(topic) == TopicExpiry && !nearDay(rest, e.ExpiresAt)
		if old || moved {
			delete(e.Marks, k)
		}
	}
}

// nearDay says whether a day is that of end, or one beside it.
func nearDay(day string, end time.Time) bool {
	d, err := time.Parse(time.DateOnly, day)
	return err == nil && end.Sub(d).Abs() <= 48*time.Hour
}
