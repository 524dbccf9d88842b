package mobilexy

import (
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

var (
	slug        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	packageCode = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)
	// inBrackets is the code at the end of a region's name: "Asia (AS-12)".
	inBrackets = regexp.MustCompile(`\(([A-Z]{2,12}-[0-9]{1,3})\)\s*$`)
)

// validSource says whether a source leads to a plan list and nowhere else.
func validSource(source string) bool {
	for _, list := range []string{countryList, regionList} {
		if rest, ok := strings.CutPrefix(source, list); ok {
			return slug.MatchString(rest)
		}
	}
	return source == globalList
}

// A shelf is one plan list and the destination that it sells.
type shelf struct {
	source string
	kind   esim.DestinationKind
	place  providers.Place
}

func (c Country) shelf() (shelf, bool) {
	s := shelf{countryList + string(c.Slug), esim.Country, c.place()}
	return s, validSource(s.source) && s.place.Name != ""
}

func (c Country) place() providers.Place {
	return providers.Place{Name: c.Name.Clean(80), Slug: c.Slug.Clean(100)}
}

func (r Region) shelf() (shelf, bool) {
	p := providers.Place{Name: r.Name.Clean(80), Slug: r.Slug.Clean(100)}
	if m := inBrackets.FindStringSubmatch(p.Name); m != nil {
		p.Code = m[1]
	}
	s := shelf{regionList + string(r.Slug), esim.Region, p}
	return s, validSource(s.source) && p.Name != ""
}

// shelfOf returns the shelf of a source, with what the source tells of the place.
func shelfOf(source string) shelf {
	if rest, ok := strings.CutPrefix(source, countryList); ok {
		return shelf{source, esim.Country, providers.Place{Slug: rest}}
	}
	if rest, ok := strings.CutPrefix(source, regionList); ok {
		return shelf{source, esim.Region, providers.Place{Slug: rest}}
	}
	return worldShelf()
}

func worldShelf() shelf {
	return shelf{globalList, esim.Global, providers.Place{Name: "Global"}}
}

// listings returns the plans of a shelf that are on sale, and how many make no sense.
func (s shelf) listings(plans []Plan) (all []providers.Listing, skipped int) {
	for _, p := range plans {
		if status, told := p.Status.Int(); told && status != 1 {
			continue // not on sale
		}
		l, ok := p.listing(s)
		if !ok {
			skipped++
			continue
		}
		all = append(all, l)
	}
	return all, skipped
}

// listing returns the plan in our words, and whether it is one that can be sold.
func (p Plan) listing(s shelf) (providers.Listing, bool) {
	price, priced := providers.Price(p.ConvertedPrice)
	plan, ok := p.terms()
	if !priced || !ok || (p.Currency != "" && p.Currency != "USD") {
		return providers.Listing{}, false
	}
	plan.Source, plan.Wholesale = s.source, price
	l := providers.Listing{Plan: plan, Kind: s.kind, Place: s.place}
	if s.kind != esim.Country {
		for _, c := range p.Countries {
			if place := c.place(); place.Name != "" {
				l.Coverage = append(l.Coverage, place)
			}
		}
	}
	return l, true
}

// terms returns all of the plan but its price and place.
func (p Plan) terms() (esim.Plan, bool) {
	id, hasID := p.ID.Decimal()
	days, lasts := p.Period.Between(1, providers.MaxDays)
	if _, whole := p.ID.Int(); !hasID || !whole || !id.IsPositive() || !lasts {
		return esim.Plan{}, false
	}
	plan := esim.Plan{
		Provider:     esim.Mobilexy,
		ID:           id.String(),
		Name:         p.Name.Clean(120),
		Days:         int(days),
		VoiceMinutes: count(p.VoiceQuantity),
		SMS:          count(p.SMSQuantity),
		Operators:    providers.Names(p.OperatorName, ","),
		Speeds:       providers.Names(p.NetworkSpeed, "/,"),
	}
	if code := string(p.PackageCode); packageCode.MatchString(code) {
		plan.PackageCode, plan.CanTopUp = code, true
	}
	volume, told := p.DataVolume.Int()
	switch {
	case told && volume == -1:
		plan.Kind = esim.Unlimited
		readFairUse(&plan, p.FUPPolicyText.Clean(300))
	case told && providers.VolumeFits(volume):
		plan.Kind, plan.Bytes, plan.FairUse = esim.Fixed, volume, p.FUPPolicyText.Clean(300)
	default:
		return esim.Plan{}, false
	}
	return plan, true
}

// count reads minutes or messages: -1 is unlimited, what makes no sense is none.
func count(n providers.Number) int {
	d, ok := n.Decimal()
	switch {
	case !ok || d.GreaterThan(decimal.New(1_000_000, 0)):
		return 0
	case d.Equal(decimal.New(-1, 0)):
		return -1
	default:
		return int(max(0, d.IntPart()))
	}
}

var (
	perDay = regexp.MustCompile(`(?i)([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*(MB|GB)(?:\s*high[- ]speed)?\s*(?:/|\bper\b|\ba\b)\s*day\b`)
	after  = regexp.MustCompile(`(?i)([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*(Kbps|Mbps)\s*after`)
	// whole is the text that the two above leave nothing of.
	whole = regexp.MustCompile(`(?i)^[0-9.]+\s*[MG]B(\s*high[- ]speed)?\s*(/|\bper\b|\ba\b)\s*day\s*[,;]\s*[0-9.]+\s*[KM]bps\s*after\s*(the\s*)?limit(\s*[,;]\s*resets\s*daily)?\.?$`)
)

// readFairUse says what a plan without a fixed volume really gives, by its fair use text and else
// by its name. A text that says more than could be read is kept for people to read.
func readFairUse(plan *esim.Plan, text string) {
	if daily := dailyBytes(text); daily > 0 {
		plan.Kind, plan.DailyBytes = esim.Daily, daily
	} else if daily := dailyBytes(plan.Name); daily > 0 {
		plan.Kind, plan.DailyBytes = esim.Daily, daily
	}
	if m := after.FindStringSubmatch(text); m != nil {
		speed := decimal.RequireFromString(m[1])
		if strings.EqualFold(m[2], "Mbps") {
			speed = speed.Mul(decimal.New(1000, 0))
		}
		plan.ThrottleKbps = int(speed.IntPart())
	}
	if !whole.MatchString(text) || plan.Kind != esim.Daily {
		plan.FairUse = text
	}
}

// dailyBytes returns the volume a day that text names, 0 if it names none or one without sense.
func dailyBytes(text string) int64 {
	m := perDay.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	unit := esim.MB
	if strings.EqualFold(m[2], "GB") {
		unit = esim.GB
	}
	bytes := decimal.RequireFromString(m[1]).Mul(decimal.New(unit, 0)).IntPart()
	if !providers.VolumeFits(bytes) {
		return 0
	}
	return bytes
}
