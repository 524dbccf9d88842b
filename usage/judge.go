package usage

import (
	"math"
	"slices"
	"time"

	"esimbot/esim"
)

// A Refusal says why a provider's numbers were not believed; empty when they were.
type Refusal string

// Why numbers are kept out.
const (
	RefusedForeign   Refusal = "foreign"   // of another eSIM
	RefusedNoTime    Refusal = "no_time"   // it isn't told when they were measured
	RefusedFuture    Refusal = "future"    // measured later than now
	RefusedNegative  Refusal = "negative"  // less than nothing
	RefusedExceeds   Refusal = "exceeds"   // more than all that was bought
	RefusedBackwards Refusal = "backwards" // less used than before
	RefusedTotal     Refusal = "total"     // of another volume than was bought
	RefusedValidity  Refusal = "validity"  // ends before it began, or in many years
	RefusedLag       Refusal = "lag"       // from before a top-up that was just applied
)

const (
	// skew is how far the provider's clock may be ahead of ours.
	skew = 5 * time.Minute
	// overrun is the part of the volume, one in so many, by which networks count past its end.
	overrun = 100
	// odd is the part, one in so many, by which a provider's total may differ from what it sold: some
	// count in tens where they sell in powers of two.
	odd = 10
	// lagging is how long after a top-up numbers that don't know it yet are waited out.
	lagging = 6 * time.Hour
	// longest is the longest validity that is believed.
	longest = 5 * 365 * 24 * time.Hour
	// memory is how much the past counts for in the pace: a night without data hardly moves it, and a
	// few days of another habit do.
	memory = 24 * time.Hour
)

// Judge returns e with what its provider told of it, and says whether the numbers were believed:
// those that can't be true are kept out whole. What is older than what is known changes nothing.
// e itself stays as it is.
func Judge(e *ESIM, told esim.Usage, now time.Time) (*ESIM, Refusal) {
	if why := refuse(e, told, now); why != "" {
		return e, why
	}
	used, why := usedBytes(e, told, now)
	if why != "" {
		return e, why
	}
	at := told.At.UTC()
	if at.After(now) {
		at = now.UTC()
	}
	if at.Before(e.MeasuredAt) {
		return e, ""
	}
	if used >= 0 && used < e.UsedBytes {
		return e, RefusedBackwards
	}
	n := e.copied()
	if n.ICCID == "" && told.ICCID != "" && e.Plan.Provider == esim.CloudESIM {
		n.ICCID = told.ICCID // of an eSIM that was asked for by its order's number
	}
	n.count(used, at)
	n.Status = status(n, told)
	if n.FirstUsedAt.IsZero() && (n.UsedBytes > 0 || n.Status == esim.StatusInUse) {
		n.FirstUsedAt = at
	}
	n.expire(told)
	return n, ""
}

// refuse finds what is wrong with the answer whatever its numbers mean.
func refuse(e *ESIM, told esim.Usage, now time.Time) Refusal {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	// A top-up has an order's number of its own, under which the provider may tell of the eSIM since.
	known := e.ICCID != "" && e.ICCID == told.ICCID
	switch {
	case differ(e.ICCID.Digits(), told.ICCID.Digits()), differ(e.TranNo, told.TranNo), !known && differ(e.OrderNo, told.OrderNo):
		return RefusedForeign
	case told.At.IsZero():
		return RefusedNoTime
	case told.At.After(now.Add(skew)):
		return RefusedFuture
	case told.UsedBytes < -1 || told.TotalBytes < -1 || told.RemainingBytes < -1:
		return RefusedNegative
	case !told.ExpiresAt.IsZero() && (told.ExpiresAt.Before(e.BoughtAt) || told.ExpiresAt.Sub(e.BoughtAt) > longest):
		return RefusedValidity
	}
	return ""
}

// usedBytes returns what was used of all that was bought, -1 where it isn't told.
func usedBytes(e *ESIM, told esim.Usage, now time.Time) (int64, Refusal) {
	total := e.TotalBytes
	if total < 0 {
		return told.UsedBytes, ""
	}
	if told.TotalBytes > 0 && !near(told.TotalBytes, total) && !earlierTotal(e, told.TotalBytes) {
		return -1, RefusedTotal
	}
	used := told.UsedBytes
	if used < 0 && told.RemainingBytes >= 0 {
		if told.RemainingBytes > total {
			return -1, RefusedExceeds
		}
		used = total - told.RemainingBytes
		if overtaken(e, used, now) {
			return -1, RefusedLag
		}
	}
	if used > total+total/overrun {
		return -1, RefusedExceeds
	}
	return min(used, total), ""
}

func near(a, b int64) bool { return a >= b-b/odd && a <= b+b/odd }

// earlierTotal says whether total is what the eSIM had before some of its top-ups: a provider's
// numbers may not know those yet.
func earlierTotal(e *ESIM, total int64) bool {
	had := e.TotalBytes
	for _, t := range slices.Backward(e.TopUps) {
		if had -= t.Bytes; had > 0 && near(total, had) {
			return true
		}
	}
	return false
}

// overtaken says whether used, reckoned from what is left, looks as if a top-up since the last
// numbers had been used whole: then it isn't in them yet.
func overtaken(e *ESIM, used int64, now time.Time) bool {
	if len(e.TopUps) == 0 || e.UsedBytes < 0 {
		return false
	}
	last := e.TopUps[len(e.TopUps)-1]
	return last.Bytes > 0 && last.At.After(e.MeasuredAt) && now.Sub(last.At) < lagging && used-e.UsedBytes >= last.Bytes
}

// count takes in what was used by the time at, and how fast.
func (e *ESIM) count(used int64, at time.Time) {
	if used < 0 {
		return
	}
	gone, time := used-max(e.UsedBytes, 0), at.Sub(e.MeasuredAt)
	switch {
	case e.MeasuredAt.IsZero():
		gone, time = used, at.Sub(e.BoughtAt)
		fallthrough
	case e.Pace == 0:
		e.Pace = perDay(gone, time, memory/2)
	case time > 0:
		late := -math.Expm1(-time.Hours() / memory.Hours())
		e.Pace += int64(late * float64(perDay(gone, time, 0)-e.Pace))
	}
	e.UsedBytes, e.MeasuredAt = used, at
}

// status returns the eSIM's state by the provider's word and the numbers just taken in.
func status(e *ESIM, told esim.Usage) esim.Status {
	stale := told.TotalBytes > 0 && e.TotalBytes >= 0 && !near(told.TotalBytes, e.TotalBytes)
	today := e.TotalBytes < 0 && told.Upstream == ""
	word := told.Status
	switch word {
	case esim.StatusUsedUp:
		if stale || today { // of the volume before a top-up, or of one day
			word = esim.StatusInUse
		}
	case esim.StatusUnknown, esim.StatusPending, "":
		if word = e.Status; word == esim.StatusUsedUp && e.RemainingBytes() > 0 {
			word = esim.StatusInUse
		}
	case esim.StatusReady:
		if told.Upstream != "" && e.UsedBytes < 0 {
			e.UsedBytes = 0 // the provider's own word for one that nobody uses
		}
	default: // as it is told
	}
	switch {
	case word == esim.StatusReady && e.UsedBytes > 0:
		word = esim.StatusInUse
	case word == esim.StatusInUse && e.RemainingBytes() == 0:
		word = esim.StatusUsedUp
	}
	return word
}

// expire settles the end of validity: what the provider says, else the period since the first use
// that was seen, else what the purchase said, which stands there already. The latter two are
// estimates.
func (e *ESIM) expire(told esim.Usage) {
	if !told.ExpiresAt.IsZero() {
		e.ExpiresAt, e.About = told.ExpiresAt.UTC(), false
		return
	}
	if e.FirstUsedAt.IsZero() || e.Plan.Days <= 0 || !e.ExpiresAt.IsZero() && !e.About {
		return
	}
	end := e.FirstUsedAt.AddDate(0, 0, e.Plan.Days)
	for _, t := range e.TopUps {
		if later := t.At.AddDate(0, 0, t.Days); later.After(end) {
			end = later
		}
	}
	e.ExpiresAt, e.About = end, true
}
