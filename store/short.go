package store

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
)

// What follows writes times and words short, for documents of which there are many.

// An era is when an eSIM was bought, in ms since 1970, 0 for unknown: its other times are told from
// there. Redis' own times are no finer.
type era int64

// A moment is how many ms after the beginning of an era a time is, and one more if it isn't before;
// 0 for none.
type moment int64

func eraOf(t time.Time) era {
	if t.IsZero() {
		return 0
	}
	return era(millis(t))
}

// begin returns when the era begins.
func (b era) begin() time.Time {
	if b == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(b)).UTC()
}

// moments returns the moments of list, without those at its end that are none.
func (b era) moments(list ...time.Time) []moment {
	moments := make([]moment, len(list))
	last := 0
	for i, t := range list {
		if t.IsZero() {
			continue
		}
		moments[i], last = moment(millis(t)-int64(b)), i+1
		if moments[i] >= 0 {
			moments[i]++
		}
	}
	return moments[:last]
}

// times sets each of to to the moment in its place, if there is one.
func (b era) times(moments []moment, to ...*time.Time) {
	for i, m := range moments[:min(len(moments), len(to))] {
		switch {
		case m == 0:
			continue
		case m > 0:
			m--
		}
		*to[i] = time.UnixMilli(int64(b) + int64(m)).UTC()
	}
}

// A code is the place of a word among those that there are when this is written, or the word itself.
type code string

func codeOf[T ~string](word T, known []T) code {
	if i := slices.Index(known, word); i >= 0 {
		return code(strconv.Itoa(i))
	}
	return code(word)
}

func wordOf[T ~string](c code, known []T) T {
	if i, err := strconv.Atoi(string(c)); err == nil && i >= 0 && i < len(known) {
		return known[i]
	}
	return T(c)
}

// The words that have codes. To these lists may be added at their ends, and nothing else.
func providerWords() []esim.Provider { return []esim.Provider{esim.CloudESIM, esim.Mobilexy} }

func placeWords() []esim.DestinationKind {
	return []esim.DestinationKind{esim.Country, esim.Region, esim.Global}
}

func kindWords() []esim.PlanKind { return []esim.PlanKind{esim.Fixed, esim.Daily, esim.Unlimited} }

func statusWords() []esim.Status {
	return []esim.Status{
		esim.StatusUnknown, esim.StatusPending, esim.StatusReady, esim.StatusInUse,
		esim.StatusUsedUp, esim.StatusExpired, esim.StatusCancelled, esim.StatusSuspended,
	}
}

// standingCode is the number of an eSIM's standing.
func standingCode(s esim.Status) int { return max(0, slices.Index(statusWords(), s)) }

// shortKey is a plan's Key without the provider if that is p, and wholeKey the Key again.
func shortKey(key string, p esim.Provider) string {
	if id, ok := strings.CutPrefix(key, string(p)+":"); ok {
		return ":" + id
	}
	return key
}

func wholeKey(key string, p esim.Provider) string {
	if strings.HasPrefix(key, ":") {
		return string(p) + key
	}
	return key
}

// A flag is 1 for true, which is shorter.
type flag int

func flagOf(b bool) flag {
	if b {
		return 1
	}
	return 0
}
