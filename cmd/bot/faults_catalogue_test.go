package main

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/sandbox/fault"
)

// A provider's catalogue that is empty, half gone, or absurd in its prices is refused: the last good
// one stays on sale, and admins are told. A sound one is taken again.
func TestFault32CatalogueIsNonsense(t *testing.T) {
	t.Parallel()
	price := func(times int64) func(*stage) {
		return func(s *stage) {
			for _, p := range s.world.CloudESIM.Plans() {
				if err := s.world.CloudESIM.SetPrice(p.Code, p.Price.Mul(decimal.NewFromInt(times))); err != nil {
					s.t.Fatal(err)
				}
			}
		}
	}
	for name, spoil := range map[string]func(*stage){
		"empty": func(s *stage) { mood(t, s.world.CloudESIM.Fault, fault.Empty, "", 0) },
		"half": func(s *stage) {
			plans := s.world.CloudESIM.Plans()
			for _, p := range plans[:len(plans)*2/3] {
				if err := s.world.CloudESIM.RemovePlan(p.Code); err != nil {
					s.t.Fatal(err)
				}
			}
		},
		"free":      price(0),
		"negative":  price(-1),
		"thousands": price(1000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "", quick())
			good := s.offered(esim.CloudESIM)
			spoil(s)
			if err := s.app.catalog.Refresh(s.ctx); err == nil || !strings.Contains(err.Error(), "stays") {
				t.Errorf("refreshed: %v", err)
			}
			s.alerted("A catalogue was refused, the last good one stays", 1)
			bad := s.offered(esim.CloudESIM)
			if len(bad) != len(good) {
				t.Errorf("%d plans are on sale, and were %d", len(bad), len(good))
			}
			for ref, was := range good {
				if now, ok := bad[ref]; !ok || now.Retail != was.Retail || !now.Wholesale.Equal(was.Wholesale) {
					t.Errorf("%s was %s, and is %s", was.Key(), was.Retail, now.Retail)
				}
			}
		})
	}
	t.Run("well again", func(t *testing.T) {
		t.Parallel()
		s := openStage(t, "", quick())
		mood(t, s.world.CloudESIM.Fault, fault.Empty, "", 0)
		if err := s.app.catalog.Refresh(s.ctx); err == nil {
			t.Error("an empty catalogue was taken")
		}
		mood(t, s.world.CloudESIM.Fault, fault.OK, "", 0)
		plan := s.alone(esim.CloudESIM)
		dearer := plan.Wholesale.Add(decimal.NewFromInt(1))
		if err := s.world.CloudESIM.SetPrice(plan.ID, dearer); err != nil {
			t.Fatal(err)
		}
		if err := s.app.catalog.Refresh(s.ctx); err != nil {
			t.Fatal(err)
		}
		if now, ok := s.app.catalog.Snapshot().Plan(plan.Ref()); !ok || !now.Wholesale.Equal(dearer) {
			t.Errorf("the new price is not taken: %s", now.Wholesale)
		}
	})
}

// offered is what is on sale of a provider's, by its Ref.
func (s *stage) offered(p esim.Provider) map[string]esim.Plan {
	snapshot := s.app.catalog.Snapshot()
	all := map[string]esim.Plan{}
	for _, place := range append(snapshot.Countries(), snapshot.Regions()...) {
		for _, plan := range snapshot.Plans(place.Destination.ID()) {
			if plan.Provider == p {
				all[plan.Ref()] = plan
			}
		}
	}
	return all
}
