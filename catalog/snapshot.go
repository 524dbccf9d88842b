package catalog

import (
	"esimbot/esim"
	"esimbot/locales"
	"esimbot/providers"
)

// A Snapshot is the plans on sale at one moment. It is immutable: what its methods return must not
// be changed. The zero Snapshot is empty.
type Snapshot struct{}

// A Place is a destination with what is sold there.
type Place struct {
	Destination esim.Destination
	From        esim.Money // the lowest price
	// Countries are the ISO codes that some plan covers, sorted; may be empty for a region whose
	// countries no provider tells.
	Countries []string
	Plans     int
	Operators []string // networks, where told
	Speeds    []string // "3G", "4G", "5G", rising, where told
}

// A Result is what a search found, best first.
type Result struct {
	Places []Place
	// Near are the places with the nearest names, when nothing was found.
	Near []Place
}

// NewSnapshot lists and prices what the providers sell.
func NewSnapshot(b *locales.Bundle, p Pricing, sold map[esim.Provider][]providers.Listing) *Snapshot {
	return &Snapshot{}
}

// Loaded says whether any plan is on sale.
func (s *Snapshot) Loaded() bool { return false }

// Place returns the place with that id (esim.Destination.ID).
func (s *Snapshot) Place(id string) (Place, bool) { return Place{}, false }

// Countries returns the countries with plans of their own, sorted by code.
func (s *Snapshot) Countries() []Place { return nil }

// Regions returns the regions, sorted by English name.
func (s *Snapshot) Regions() []Place { return nil }

// Global returns the world.
func (s *Snapshot) Global() (Place, bool) { return Place{}, false }

// Plans returns a destination's plans, cheapest first; of plans that are the same, the cheaper.
func (s *Snapshot) Plans(destID string) []esim.Plan { return nil }

// Plan returns a plan by its Ref, also the dearer of two that are the same.
func (s *Snapshot) Plan(ref string) (esim.Plan, bool) { return esim.Plan{}, false }

// Twins returns the plans of other providers that are the same as p, cheapest first.
func (s *Snapshot) Twins(p esim.Plan) []esim.Plan { return nil }

// Best returns the Ref of the plan with the lowest price per GB among a destination's fixed plans;
// "" where there are fewer than two.
func (s *Snapshot) Best(destID string) string { return "" }

// Covering returns the regions, and the world, that work in all of the countries, cheapest first.
func (s *Snapshot) Covering(codes ...string) []Place { return nil }

// Search finds places by name in any of the languages, by ISO code, alias, flag, or a big city;
// names in lang come first among equals.
func (s *Snapshot) Search(query, lang string, limit int) Result { return Result{} }
