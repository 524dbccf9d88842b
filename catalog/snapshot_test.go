package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/providers"
)

const (
	cloud  = esim.CloudESIM
	mobile = esim.Mobilexy
)

func keys(plans []esim.Plan) string {
	var out []string
	for _, p := range plans {
		out = append(out, p.Key())
	}
	return strings.Join(out, " ")
}

func build(t *testing.T, listings ...providers.Listing) *Snapshot {
	t.Helper()
	sold := map[esim.Provider][]providers.Listing{}
	for _, l := range listings {
		sold[l.Plan.Provider] = append(sold[l.Plan.Provider], l)
	}
	return NewSnapshot(bundle(t), usd(), sold)
}

func iso(codes ...string) []providers.Place {
	var places []providers.Place
	for _, code := range codes {
		places = append(places, providers.Place{Code: code})
	}
	return places
}

func TestSnapshotShowsTheCheaperTwin(t *testing.T) {
	japan := providers.Place{Code: "JP"}
	s := build(t,
		in(listing(cloud, "JP1", 1, 7, "2.00"), japan),
		in(listing(cloud, "JP3", 3, 30, "4.50"), japan),
		in(listing(cloud, "JP3b", 3, 30, "4.80"), japan),
		in(listing(mobile, "11", 1, 7, "2.10"), providers.Place{Name: "Japan", Slug: "japan"}),
		in(listing(mobile, "12", 3, 30, "4.10"), providers.Place{Name: "Japan", Slug: "japan"}),
		in(listing(mobile, "13", 3, 15, "4.00"), providers.Place{Name: "Japan", Slug: "japan"}),
	)
	if got, want := keys(s.Plans("c_jp")), "cloudesim:JP1 mobilexy:13 mobilexy:12"; got != want {
		t.Errorf("plans %q, want %q", got, want)
	}
	place, ok := s.Place("c_jp")
	want := Place{Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, From: esim.Money{Minor: 260, Currency: "USD"}, Countries: []string{"JP"}, Plans: 3}
	if !ok || !cmp.Equal(place, want) {
		t.Error(cmp.Diff(want, place))
	}
	hidden, ok := s.Plan(esim.Plan{Provider: cloud, ID: "JP3"}.Ref())
	if !ok || hidden.Retail.Minor != 585 {
		t.Errorf("the dearer twin is %v, %v", hidden, ok)
	}
	if got, want := keys(s.Twins(hidden)), "mobilexy:12"; got != want {
		t.Errorf("twins %q, want %q", got, want)
	}
	shown, _ := s.Plan(esim.Plan{Provider: mobile, ID: "12"}.Ref())
	if got, want := keys(s.Twins(shown)), "cloudesim:JP3 cloudesim:JP3b"; got != want {
		t.Errorf("twins %q, want %q", got, want)
	}
	if got := s.Best("c_jp"); got != (esim.Plan{Provider: mobile, ID: "13"}).Ref() {
		t.Errorf("best value is %q", got)
	}
}

func TestSnapshotBest(t *testing.T) {
	japan := providers.Place{Code: "JP"}
	daily := in(listing(mobile, "9", 0, 7, "1"), providers.Place{Name: "Japan"})
	daily.Plan.Kind, daily.Plan.DailyBytes = esim.Daily, 500*esim.MB
	s := build(t, in(listing(cloud, "JP1", 1, 7, "2"), japan), daily)
	if got := s.Best("c_jp"); got != "" {
		t.Errorf("best of one fixed plan is %q", got)
	}
	if got := s.Best("c_xx"); got != "" {
		t.Errorf("best of nowhere is %q", got)
	}
}

func TestSnapshotPlaces(t *testing.T) {
	set := func(id, price, name string, codes ...string) providers.Listing {
		return wide(listing(cloud, id, 1, 7, price), esim.Region, providers.Place{Name: name}, iso(codes...)...)
	}
	s := build(t,
		// The same country under every name the providers have for it.
		in(listing(cloud, "HK", 1, 7, "2"), providers.Place{Code: "HK"}),
		in(listing(mobile, "1", 3, 7, "2"), providers.Place{Name: "Hong Kong (China)", Slug: "hong-kong-china"}),
		in(listing(mobile, "2", 1, 7, "2"), providers.Place{Name: "Macao (China)"}),
		in(listing(mobile, "3", 1, 7, "2"), providers.Place{Name: "Aland Islands"}),
		in(listing(mobile, "4", 1, 7, "2"), providers.Place{Name: "Congo, Democratic Republic"}),
		in(listing(mobile, "5", 1, 7, "2"), providers.Place{Name: "Congo DR"}),
		in(listing(mobile, "6", 1, 7, "2"), providers.Place{Name: "UK"}),
		in(listing(cloud, "GB", 1, 8, "2"), providers.Place{Code: "UK"}),
		in(listing(mobile, "7", 1, 7, "2"), providers.Place{Name: "Atlantis"}),
		// Regions by code and by name.
		wide(listing(cloud, "AS", 1, 7, "3"), esim.Region, providers.Place{Code: "AS-12", Name: "Asia"}),
		wide(listing(mobile, "20", 1, 7, "2.9"), esim.Region, providers.Place{Name: "Asia (AS-12)", Slug: "asia-as-12"},
			providers.Place{Name: "Hong Kong (China)"}, providers.Place{Name: "Japan"}, providers.Place{Name: "Lemuria"}),
		wide(listing(cloud, "EU", 1, 7, "3"), esim.Region, providers.Place{Code: "EU", Name: "Europe"}),
		wide(listing(mobile, "21", 3, 7, "3"), esim.Region, providers.Place{Name: "Europe", Slug: "europe"}, iso("FR", "DE")...),
		// Sets of countries: two the same, one that a coded region covers exactly.
		set("US1", "3", "USA & Canada", "US", "CA"),
		set("US2", "4", "North America special", "CA", "US"),
		set("NA", "3", "North America", "US", "CA", "MX"),
		wide(listing(mobile, "22", 1, 7, "3.5"), esim.Region, providers.Place{Name: "North America (NA-3)", Slug: "north-america-na-3"}, iso("MX", "US", "CA")...),
		set("MANY", "3", "Six", "FR", "DE", "IT", "ES", "PT", "AT"),
		// The world.
		wide(listing(cloud, "GL", 1, 7, "9"), esim.Global, providers.Place{Code: "GL-120", Name: "Global"}),
		wide(listing(mobile, "30", 1, 7, "8"), esim.Global, providers.Place{}, iso("JP", "US", "FR")...),
	)
	if got, want := ids(s.Countries()), "c_ax c_cd c_gb c_hk c_mo"; got != want {
		t.Errorf("countries %q, want %q", got, want)
	}
	if got, want := ids(s.Regions()), "r_asia-12 r_ca-us r_europe r_north-america-3 "+"r_"+setCode([]string{"AT", "DE", "ES", "FR", "IT", "PT"}); got != want {
		t.Errorf("regions %q, want %q", got, want)
	}
	for id, want := range map[string]string{
		"c_hk": "mobilexy:1 cloudesim:HK", "c_gb": "cloudesim:GB mobilexy:6", "r_asia-12": "mobilexy:20", "r_europe": "mobilexy:21 cloudesim:EU",
		"r_ca-us": "cloudesim:US1", "r_north-america-3": "cloudesim:NA", "r_ca-mx-us": "cloudesim:NA", "g": "mobilexy:30",
	} {
		if got := keys(s.Plans(id)); got != want {
			t.Errorf("%s sells %q, want %q", id, got, want)
		}
	}
	asia, _ := s.Place("r_asia-12")
	if !slices.Equal(asia.Countries, []string{"HK", "JP"}) || asia.Destination.Name != "Asia" {
		t.Errorf("Asia is %+v", asia)
	}
	if want := map[string]int{"Atlantis": 1, "Lemuria": 1}; !cmp.Equal(s.unknown, want) || s.skipped != 1 {
		t.Errorf("unknown %v, %d left out", s.unknown, s.skipped)
	}
	if got, want := ids(s.Covering("US", "CA")), "r_ca-us r_north-america-3"; got != want {
		t.Errorf("covering the US and Canada: %q, want %q", got, want)
	}
	if got, want := ids(s.Covering("JP", "US")), "g"; got != want {
		t.Errorf("covering Japan and the US: %q, want %q", got, want)
	}
	if got := ids(s.Covering()); got != "" {
		t.Errorf("covering nothing: %q", got)
	}
}

func TestSnapshotLeavesOutWhatStripeRefuses(t *testing.T) {
	s := build(t,
		in(listing(cloud, "CHEAP", 1, 1, "0.37"), providers.Place{Code: "JP"}),
		in(listing(cloud, "FREE", 1, 2, "0"), providers.Place{Code: "JP"}),
		in(listing(cloud, "FINE", 1, 3, "0.38"), providers.Place{Code: "JP"}),
	)
	if got, want := keys(s.Plans("c_jp")), "cloudesim:FINE"; got != want || s.skipped != 2 {
		t.Errorf("sells %q, %d left out", got, s.skipped)
	}
}

// A region's countries are those that every plan covers: nobody buys one that doesn't work there.
func TestSnapshotPromisesNoMoreThanEveryPlanHolds(t *testing.T) {
	place := providers.Place{Name: "Asia (AS-3)", Slug: "asia"}
	s := build(t,
		wide(listing(mobile, "1", 1, 7, "3"), esim.Region, place, iso("JP", "KR", "TH")...),
		wide(listing(mobile, "2", 3, 7, "5"), esim.Region, place, iso("JP", "TH", "VN")...),
	)
	if p, _ := s.Place("r_asia-3"); !slices.Equal(p.Countries, []string{"JP", "TH"}) {
		t.Errorf("countries %v", p.Countries)
	}
	if got := ids(s.Covering("KR")); got != "" {
		t.Errorf("covering Korea: %q", got)
	}
}

func TestSnapshotOfNothing(t *testing.T) {
	for name, s := range map[string]*Snapshot{"zero": {}, "built": build(t)} {
		if _, ok := s.Place("c_jp"); s.Loaded() || ok || len(s.Plans("c_jp"))+len(s.Twins(esim.Plan{}))+len(s.Covering("JP")) > 0 {
			t.Errorf("%s: sells something", name)
		}
	}
}
