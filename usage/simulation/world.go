package simulation

import (
	"context"
	"errors"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
)

// A phase is what an eSIM is doing while it is asked for.
type phase int

const (
	untouched phase = iota // nothing was used yet, or ever
	inUse
	spent // everything was used
	phases
)

// A meter is one of the two providers.
type meter struct {
	f *Fleet
	p esim.Provider
}

// Meters returns the two providers.
func (f *Fleet) Meters() []usage.Meter {
	return []usage.Meter{meter{f, esim.CloudESIM}, meter{f, esim.Mobilexy}}
}

func (m meter) ID() esim.Provider { return m.p }

func (m meter) Abilities() providers.Abilities { return abilities(m.p) }

func abilities(p esim.Provider) providers.Abilities {
	if p == esim.Mobilexy {
		return providers.Abilities{BatchSize: 10, UsageDelay: 4 * time.Hour, UsageEvery: 3 * time.Hour}
	}
	return providers.Abilities{BatchSize: 1, QueryByNo: true, Cancel: true}
}

// least is the least time between two looks at an eSIM of p's.
func (f *Fleet) least(p esim.Provider) time.Duration {
	return max(f.cfg.PollMin, abilities(p).UsageEvery)
}

// Usage answers one call.
func (m meter) Usage(_ context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	f := m.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(refs) > m.Abilities().BatchSize {
		return nil, errors.New("too many for one call")
	}
	f.calls[m.p]++
	answers := make([]esim.Usage, 0, len(refs))
	for _, ref := range refs {
		if i := index(ref.OrderNo); i >= 0 && i < len(f.lines) {
			answers = append(answers, f.answer(i, ref, 1/float64(len(refs))))
		}
	}
	return answers, nil
}

// answer is what the provider tells of one eSIM, which costs the part of a call given.
func (f *Fleet) answer(i int, ref providers.Ref, cost float64) esim.Usage {
	l := &f.lines[i]
	at := f.now
	if l.mobilexy {
		at = f.refreshed(i)
	}
	f.until(i, at)
	if !l.askedAt.IsZero() && f.now.Sub(l.askedAt) < f.least(l.provider()) {
		f.hasty++
	}
	l.askedAt = f.now
	l.asked[l.phase(f.now)] += cost
	u := esim.Usage{ICCID: ref.ICCID, OrderNo: ref.OrderNo, TranNo: ref.TranNo, At: at, UsedBytes: -1, TotalBytes: -1, RemainingBytes: -1}
	used := min(int64(l.used), l.total)
	if used > 0 && l.seen.IsZero() {
		l.seen = f.now
	}
	u.Status = esim.StatusReady
	if used > 0 {
		u.Status = esim.StatusInUse
	}
	if used == l.total {
		u.Status = esim.StatusUsedUp
	}
	if l.mobilexy {
		u.UsedBytes, u.TotalBytes, u.RemainingBytes = used, l.total, l.total-used
		return u
	}
	u.Upstream = "SIMULATED"
	u.RemainingBytes = (l.total - used) / esim.MB * esim.MB
	if u.RemainingBytes == 0 && used < l.total {
		u.Status = esim.StatusUsedUp // counted in whole MB
	}
	if !f.now.Before(l.begins) || l.profile == Idle {
		u.ExpiresAt = l.ends
	}
	return u
}

// refreshed is when the slow provider last measured: every two to three hours, each eSIM at its own
// times.
func (f *Fleet) refreshed(i int) time.Time {
	const every = 150 * time.Minute
	phase := time.Duration(f.draw(i, drawPhase, 0) * float64(every))
	for k := f.now.Sub(f.cfg.Start)/every + 2; ; k-- {
		at := f.cfg.Start.Add(k*every + phase - every + time.Duration((f.draw(i, drawRefresh, uint64(k))-0.5)*float64(30*time.Minute)))
		if !at.After(f.now) {
			return later(at, f.lines[i].bought)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// phase is what the eSIM is doing at t, as far as it has been counted.
func (l *line) phase(t time.Time) phase {
	switch {
	case t.Before(l.begins):
		return untouched
	case !l.emptyAt.IsZero() && !t.Before(l.emptyAt):
		return spent
	default:
		return inUse
	}
}

// Tell is a customer who gets a notice.
func (f *Fleet) Tell(_ context.Context, e *usage.ESIM, n usage.Notice) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := index(e.ID)
	l := &f.lines[i]
	f.told[message{i, n.Key}]++
	last := len(f.cfg.Thresholds)
	for k := range last + 1 {
		hears := n.Topic == usage.TopicUsedUp || n.Topic == usage.TopicLow && k < last && f.cfg.Thresholds[k] >= n.Threshold
		if hears && l.heard[k].IsZero() {
			l.heard[k] = f.now
		}
	}
	return nil
}
