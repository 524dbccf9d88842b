package usage

import (
	_ "embed"
	"strings"
	"sync"
	"time"

	"esimbot/esim"
)

// countryZones has a line for each country: its ISO code and its time zones. It is the tz database's
// zone.tab, which is in the public domain, without coordinates and comments.
//
//go:embed zones.txt
var countryZones string

// A Night is the hours of the day, at the destination, in which customers are left alone: From 22 To 8
// is ten hours. From and To are 0 to 23; where they are equal there is no night.
type Night struct{ From, To int }

// Zones knows the time zones of countries.
type Zones struct {
	names map[string][]string // by ISO code

	mu   sync.Mutex
	read map[string]*time.Location // by name; nil for one that this machine doesn't know
}

// NewZones reads the table of zones.
func NewZones() *Zones {
	z := &Zones{names: map[string][]string{}, read: map[string]*time.Location{}}
	for line := range strings.Lines(countryZones) {
		if words := strings.Fields(line); len(words) > 1 {
			z.names[words[0]] = words[1:]
		}
	}
	return z
}

// Of returns the zones of the countries where a plan works; none where one of them isn't known, for
// then it can't be said to be night there.
func (z *Zones) Of(p esim.Plan) []*time.Location {
	countries := p.Countries
	if p.Destination.Kind == esim.Country {
		countries = []string{p.Destination.Code}
	}
	var all []*time.Location
	for _, code := range countries {
		names := z.names[code]
		if len(names) == 0 {
			return nil
		}
		for _, name := range names {
			if zone := z.load(name); zone != nil {
				all = append(all, zone)
			}
		}
	}
	return all
}

func (z *Zones) load(name string) *time.Location {
	z.mu.Lock()
	defer z.mu.Unlock()
	if zone, ok := z.read[name]; ok {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = nil
	}
	z.read[name] = zone
	return zone
}

// Until returns when the night that it is at t ends; t itself where it is night in not all of the
// zones, or there are none.
func (n Night) Until(t time.Time, zones []*time.Location) time.Time {
	var end time.Time
	for _, zone := range zones {
		local := t.In(zone)
		if !n.has(local.Hour()) {
			return t
		}
		morning := time.Date(local.Year(), local.Month(), local.Day(), n.To, 0, 0, 0, zone)
		if !morning.After(t) {
			morning = time.Date(local.Year(), local.Month(), local.Day()+1, n.To, 0, 0, 0, zone)
		}
		if end.IsZero() || morning.Before(end) {
			end = morning
		}
	}
	if end.IsZero() {
		return t
	}
	return end.UTC()
}

// evening returns the last whole quarter of an hour at or before t that is no night.
func (n Night) evening(t time.Time, zones []*time.Location) time.Time {
	const step = 15 * time.Minute
	if !n.Until(t, zones).After(t) {
		return t
	}
	t = t.Truncate(step)
	for range int(24 * time.Hour / step) {
		if t = t.Add(-step); !n.Until(t, zones).After(t) {
			break
		}
	}
	return t
}

func (n Night) has(hour int) bool {
	if n.From <= n.To {
		return hour >= n.From && hour < n.To
	}
	return hour >= n.From || hour < n.To
}
