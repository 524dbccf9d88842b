package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/providers"
)

// NewSnapshot lists and prices what the providers sell. Plans for a place that is none, and plans
// whose price Stripe would refuse, are left out.
func NewSnapshot(b *locales.Bundle, p Pricing, sold map[esim.Provider][]providers.Listing) *Snapshot {
	most := 0
	for _, listings := range sold {
		most += len(listings)
	}
	s := &Snapshot{
		plans:  make(map[string]*esim.Plan, most),
		groups: make(map[terms][]*esim.Plan, most),
		places: map[string]*shelf{},
	}
	r, prices := newResolver(b), &priced{rule: p, known: map[string]price{}}
	plans, spots := make([]esim.Plan, 0, most), make([]spot, 0, most)
	for _, provider := range slices.Sorted(maps.Keys(sold)) {
		for _, l := range sold[provider] {
			at, ok := r.spot(l)
			retail, err := prices.retail(l.Plan.Wholesale)
			if !ok || err != nil {
				s.skipped++
				continue
			}
			plan := l.Plan
			plan.Retail = retail
			plans, spots = append(plans, plan), append(spots, at)
		}
	}
	s.unknown = r.unknown
	s.alias = unite(spots)
	for i := range plans {
		plans[i].Destination, plans[i].Countries = spots[i].destination, spots[i].countries
		s.add(&plans[i])
	}
	s.finish(b)
	return s
}

// priced remembers prices: many plans cost the same.
type priced struct {
	rule  Pricing
	known map[string]price // by wholesale price
}

type price struct {
	retail esim.Money
	err    error
}

func (p *priced) retail(wholesale decimal.Decimal) (esim.Money, error) {
	key := wholesale.String()
	known, ok := p.known[key]
	if !ok {
		known.retail, known.err = p.rule.Retail(wholesale)
		p.known[key] = known
	}
	return known.retail, known.err
}

// unite gives a region one name in all its plans, and regions that are known only by their
// countries the destination of a region with a code that covers the same. It returns the ids that
// came to stand for another.
func unite(spots []spot) map[string]string {
	names := map[string]spot{}
	for _, s := range spots {
		id := s.destination.ID()
		if have, ok := names[id]; !ok || better(s, have) {
			names[id] = s
		}
	}
	covers := map[string]esim.Destination{}
	for _, s := range spots {
		key := strings.Join(s.countries, " ")
		if s.destination.Kind != esim.Region || s.set || key == "" {
			continue
		}
		if have, ok := covers[key]; !ok || s.destination.Code < have.Code {
			covers[key] = names[s.destination.ID()].destination
		}
	}
	alias := map[string]string{}
	for i, s := range spots {
		to := names[s.destination.ID()].destination
		if same, ok := covers[strings.Join(s.countries, " ")]; ok && s.set {
			alias[s.destination.ID()] = same.ID()
			to = same
		}
		spots[i].destination = to
	}
	return alias
}

// better says whether a's name of a region is to be preferred to b's: its own name to one taken
// from a plan, then the shorter, then by the alphabet, so that the order of plans does not matter.
func better(a, b spot) bool {
	x, y := a.destination.Name, b.destination.Name
	switch {
	case (x == "") != (y == ""):
		return x != ""
	case a.named != b.named:
		return a.named
	case len(x) != len(y):
		return len(x) < len(y)
	default:
		return x < y
	}
}

func (s *Snapshot) add(p *esim.Plan) {
	s.plans[p.Ref()] = p
	key := termsOf(*p)
	s.groups[key] = append(s.groups[key], p)
}

// finish sorts everything and sums each place up.
func (s *Snapshot) finish(b *locales.Bundle) {
	for key, group := range s.groups {
		slices.SortFunc(group, func(a, b *esim.Plan) int { return cheapestFirst(*a, *b) })
		p, ok := s.places[key.destination]
		if !ok {
			p = &shelf{}
			s.places[key.destination] = p
		}
		p.plans = append(p.plans, *group[0])
	}
	for _, p := range s.places {
		slices.SortFunc(p.plans, cheapestFirst)
		p.best = bestValue(p.plans)
		p.place = sumUp(p.plans)
		switch p.place.Destination.Kind {
		case esim.Country:
			s.countries = append(s.countries, p.place)
		case esim.Region:
			s.regions = append(s.regions, p.place)
		default: // the world stands by itself
		}
	}
	slices.SortFunc(s.countries, func(a, b Place) int { return strings.Compare(a.Destination.Code, b.Destination.Code) })
	en := b.For(locales.English)
	slices.SortFunc(s.regions, func(x, y Place) int {
		return cmp.Or(strings.Compare(en.Destination(x.Destination), en.Destination(y.Destination)),
			strings.Compare(x.Destination.Code, y.Destination.Code))
	})
	s.widest = slices.Clone(s.regions)
	slices.SortStableFunc(s.widest, func(a, b Place) int { return len(b.Countries) - len(a.Countries) })
	s.index = sync.OnceValue(func() *index { return newIndex(b, s) })
}

func cheapestFirst(a, b esim.Plan) int {
	return cmp.Or(cmp.Compare(a.Retail.Minor, b.Retail.Minor), a.Wholesale.Cmp(b.Wholesale),
		cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.DailyBytes, a.DailyBytes), cmp.Compare(b.Days, a.Days),
		strings.Compare(a.Key(), b.Key()))
}

func byPrice(a, b Place) int {
	return cmp.Or(cmp.Compare(a.From.Minor, b.From.Minor), strings.Compare(a.Destination.Code, b.Destination.Code))
}

// bestValue compares prices per megabyte without dividing; amounts and volumes are bounded
// (99,999,999 minor units, 100 TB), so the products fit.
func bestValue(plans []esim.Plan) string {
	var best esim.Plan
	fixed := 0
	for _, p := range plans {
		if p.Kind != esim.Fixed || p.Bytes < esim.MB {
			continue
		}
		if fixed++; fixed == 1 || p.Retail.Minor*(best.Bytes/esim.MB) < best.Retail.Minor*(p.Bytes/esim.MB) {
			best = p
		}
	}
	if fixed < 2 {
		return ""
	}
	return best.Ref()
}

// sumUp makes the Place of a destination from its plans on show.
func sumUp(plans []esim.Plan) Place {
	place := Place{Destination: plans[0].Destination, From: plans[0].Retail, Plans: len(plans)}
	for _, p := range plans {
		for _, operator := range p.Operators {
			if !slices.Contains(place.Operators, operator) {
				place.Operators = append(place.Operators, operator)
			}
		}
		place.Speeds = append(place.Speeds, p.Speeds...)
		if len(p.Countries) == 0 {
			continue
		}
		if place.Countries == nil {
			place.Countries = p.Countries
			continue
		}
		place.Countries = intersect(place.Countries, p.Countries)
	}
	slices.Sort(place.Speeds)
	place.Speeds = slices.Compact(place.Speeds)
	return place
}

// intersect returns what two sorted lists have in common.
func intersect(a, b []string) []string {
	if slices.Equal(a, b) {
		return a
	}
	common := []string{}
	for _, code := range a {
		if _, found := slices.BinarySearch(b, code); found {
			common = append(common, code)
		}
	}
	return common
}
