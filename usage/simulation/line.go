package simulation

import (
	"time"

	"esimbot/esim"
)

// What is drawn for an eSIM.
const (
	drawProfile = iota + 1
	drawSize
	drawBegin
	drawPace
	drawZone
	drawDay
	drawHour
	drawBought
	drawRefresh
	drawPhase
	drawPhoto
	drawTopUps
)

const maxCrossings = 4

// line is one eSIM as it really is.
type line struct {
	bought, begins, ends time.Time // ends: of validity
	total                int64
	daily                float64 // bytes a day, on average
	days                 int16
	zone                 int8 // hours ahead of UTC
	profile              Profile
	mobilexy             bool
	topUps               int8 // bought with it

	hour    time.Time // everything until then is counted
	used    float64
	emptyAt time.Time
	crossed [maxCrossings]time.Time // by threshold, the last for used up
	heard   [maxCrossings]time.Time
	seen    time.Time // when the shop first learnt of any use
	asked   [phases]float64
	askedAt time.Time
}

func (l *line) provider() esim.Provider {
	if l.mobilexy {
		return esim.Mobilexy
	}
	return esim.CloudESIM
}

func (f *Fleet) newLine(i int) line {
	l := line{mobilexy: i%2 == 1, profile: Ordinary}
	switch share := int(f.draw(i, drawProfile, 0) * 100); {
	case share < f.cfg.IdleShare:
		l.profile = Idle
	case share < f.cfg.IdleShare+f.cfg.HeavyShare:
		l.profile = Heavy
	}
	l.bought = f.cfg.Start.Add(time.Duration(f.draw(i, drawBought, 0) * float64(f.cfg.Spread))).Truncate(time.Second)
	plans := []struct {
		gb   int64
		days int16
	}{{1, 7}, {3, 15}, {5, 30}, {10, 30}, {20, 30}}
	plan := plans[f.hash(i, drawSize, 0)%uint64(len(plans))]
	if i%6 == 0 {
		l.topUps = 1 + int8(f.hash(i, drawTopUps, 0)%3)
	}
	l.total, l.days = plan.gb*esim.GB*int64(l.topUps+1), plan.days
	l.zone = int8(f.hash(i, drawZone, 0)%24) - 11
	lasts := (0.5 + 0.9*f.draw(i, drawPace, 0)) * float64(l.days)
	wait := f.draw(i, drawBegin, 0) * 6 * 24 * float64(time.Hour)
	if l.profile == Heavy {
		lasts = 1 + 2*f.draw(i, drawPace, 0)
	}
	l.daily = float64(l.total) / lasts
	l.begins = l.bought.Add(time.Duration(wait)).Truncate(time.Hour)
	if l.begins.Before(l.bought) {
		l.begins = l.bought.Add(time.Hour).Truncate(time.Hour)
	}
	l.ends = l.begins.AddDate(0, 0, int(l.days))
	if l.profile == Idle {
		l.daily, l.ends = 0, l.bought.AddDate(0, 0, 30)
		l.begins = l.ends
	}
	l.hour = l.begins
	return l
}

// rhythm is the part of a day's data that goes in each of its hours.
func rhythm() *[24]float64 {
	return &[24]float64{.010, .005, .003, .002, .002, .005, .015, .035, .050, .055, .055, .055, .065, .060, .055, .055, .055, .060, .070, .075, .075, .065, .048, .025}
}

// until counts what was used up to t and notes when a threshold was crossed. Times only go forward.
func (f *Fleet) until(i int, t time.Time) {
	l := &f.lines[i]
	if t.After(l.ends) {
		t = l.ends
	}
	for l.hour.Before(t) && l.emptyAt.IsZero() {
		start := l.hour.Truncate(time.Hour)
		end := start.Add(time.Hour)
		step := end
		if t.Before(end) {
			step = t
		}
		local := start.Add(time.Duration(l.zone) * time.Hour)
		rate := l.daily * rhythm()[local.Hour()] * 24 / 23.995 *
			f.swing(i, drawDay, uint64(local.Unix()/86400), 0.5) * f.swing(i, drawHour, uint64(start.Unix()/3600), 0.8)
		more := rate * step.Sub(l.hour).Hours()
		l.cross(f.cfg.Thresholds, more, step)
		l.used += more
		l.hour = step
	}
	if l.hour.Before(t) {
		l.hour = t
	}
}

// cross notes which thresholds are crossed while so much more is used evenly until step.
func (l *line) cross(thresholds []int, more float64, step time.Time) {
	for k := range len(thresholds) + 1 {
		percent := 0
		if k < len(thresholds) {
			percent = thresholds[k]
		}
		at := float64(l.total) * float64(100-percent) / 100
		if more <= 0 || !l.crossed[k].IsZero() || l.used+more < at {
			continue
		}
		l.crossed[k] = l.hour.Add(time.Duration((at - l.used) / more * float64(step.Sub(l.hour))))
		if percent == 0 {
			l.emptyAt = l.crossed[k]
		}
	}
}
