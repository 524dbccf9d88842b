package catalog

import (
	"slices"

	"esimbot/esim"
)

// A Snapshot is the plans on sale at one moment. It is immutable: what its methods return must not
// be changed. The zero Snapshot is empty.
type Snapshot struct {
	plans     map[string]*esim.Plan  // by Ref
	groups    map[terms][]*esim.Plan // plans that are the same, cheapest first
	places    map[string]*shelf      // by destination id
	alias     map[string]string      // ids of regions that are known under another id
	countries []Place
	regions   []Place
	widest    []Place       // the regions, those with most countries first
	index     func() *index // made when first asked for
	unknown   map[string]int
	skipped   int
}

// A Place is a destination with what is sold there.
type Place struct {
	Destination esim.Destination
	From        esim.Money // the lowest price
	// Countries are the ISO codes that every plan which tells its countries covers, sorted; empty
	// for a region whose countries no provider tells.
	Countries []string
	Plans     int      // those shown
	Operators []string // networks, where told
	Speeds    []string // "3G", "4G", "5G", rising, where told
}

// A shelf is a place with its plans.
type shelf struct {
	place Place
	plans []esim.Plan
	best  string
}

// terms are what makes two plans the same (esim.Plan.Same).
type terms struct {
	destination       string
	kind              esim.PlanKind
	bytes, dailyBytes int64
	days, voice, sms  int
}

func termsOf(p esim.Plan) terms {
	return terms{p.Destination.ID(), p.Kind, p.Bytes, p.DailyBytes, p.Days, p.VoiceMinutes, p.SMS}
}

// Loaded says whether any plan is on sale.
func (s *Snapshot) Loaded() bool { return len(s.plans) > 0 }

// OnSale returns how many plans of each provider are on sale.
func (s *Snapshot) OnSale() map[esim.Provider]int {
	count := map[esim.Provider]int{}
	for _, p := range s.plans {
		count[p.Provider]++
	}
	return count
}

// shelf returns the place with that id, also under an id it is otherwise known by.
func (s *Snapshot) shelf(id string) (*shelf, bool) {
	if to, ok := s.alias[id]; ok {
		id = to
	}
	p, ok := s.places[id]
	return p, ok
}

// Warm makes the index, for which whoever searches first would have to wait otherwise: all names of
// all places in all languages.
func (s *Snapshot) Warm() {
	if s.index != nil {
		s.index()
	}
}

// Place returns the place with that id (esim.Destination.ID).
func (s *Snapshot) Place(id string) (Place, bool) {
	p, ok := s.shelf(id)
	if !ok {
		return Place{}, false
	}
	return p.place, true
}

// Countries returns the countries with plans of their own, sorted by code.
func (s *Snapshot) Countries() []Place { return s.countries }

// Regions returns the regions, sorted by English name.
func (s *Snapshot) Regions() []Place { return s.regions }

// Widest returns the regions, those with most countries first.
func (s *Snapshot) Widest() []Place { return s.widest }

// Global returns the world.
func (s *Snapshot) Global() (Place, bool) { return s.Place(esim.Destination{Kind: esim.Global}.ID()) }

// Plans returns a destination's plans, cheapest first; of plans that are the same, the cheapest.
func (s *Snapshot) Plans(destID string) []esim.Plan {
	p, ok := s.shelf(destID)
	if !ok {
		return nil
	}
	return p.plans
}

// Plan returns a plan by its Ref, also the dearer of two that are the same.
func (s *Snapshot) Plan(ref string) (esim.Plan, bool) {
	p, ok := s.plans[ref]
	if !ok {
		return esim.Plan{}, false
	}
	return *p, true
}

// Twins returns the plans of other providers that are the same as p, cheapest first.
func (s *Snapshot) Twins(p esim.Plan) []esim.Plan {
	key := termsOf(p)
	if to, ok := s.alias[key.destination]; ok {
		key.destination = to
	}
	var twins []esim.Plan
	for _, q := range s.groups[key] {
		if q.Provider != p.Provider {
			twins = append(twins, *q)
		}
	}
	return twins
}

// Best returns the Ref of the plan with the lowest price per GB among a destination's plans of
// fixed volume; "" where there are fewer than two of those.
func (s *Snapshot) Best(destID string) string {
	p, ok := s.shelf(destID)
	if !ok {
		return ""
	}
	return p.best
}

// Covering returns the regions, and the world, that work in all of the countries, cheapest first.
func (s *Snapshot) Covering(codes ...string) []Place {
	if len(codes) == 0 {
		return nil
	}
	var covering []Place
	wide := s.regions
	if g, ok := s.Global(); ok {
		wide = append(slices.Clip(wide), g)
	}
	for _, p := range wide {
		if p.covers(codes) {
			covering = append(covering, p)
		}
	}
	slices.SortStableFunc(covering, byPrice)
	return covering
}

func (p Place) covers(codes []string) bool {
	for _, code := range codes {
		if _, found := slices.BinarySearch(p.Countries, code); !found {
			return false
		}
	}
	return true
}
