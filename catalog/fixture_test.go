package catalog

import (
	"fmt"
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/providers"
	"esimbot/sandbox/atlas"
)

func bundle(t testing.TB) *locales.Bundle {
	t.Helper()
	b, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// usd is the pricing as shipped.
func usd() Pricing { return pricing("USD", "1", "30", "0", "0.01") }

// listing is a listing of fixed volume.
func listing(p esim.Provider, id string, gb, days int, wholesale string) providers.Listing {
	return providers.Listing{Kind: esim.Country, Plan: esim.Plan{
		Provider: p, ID: id, Kind: esim.Fixed, Bytes: int64(gb) * esim.GB, Days: days, Wholesale: dec(wholesale),
	}}
}

func in(l providers.Listing, place providers.Place) providers.Listing {
	l.Place = place
	return l
}

func wide(l providers.Listing, kind esim.DestinationKind, place providers.Place, coverage ...providers.Place) providers.Listing {
	l.Kind, l.Place, l.Coverage = kind, place, coverage
	return l
}

// market is everything that both providers of the sandbox's atlas could sell: about 3000 listings.
func market() map[esim.Provider][]providers.Listing {
	a := atlas.Load()
	sizes := []struct{ gb, days int }{{1, 7}, {2, 15}, {3, 30}, {5, 30}, {10, 30}, {20, 30}}
	sold := map[esim.Provider][]providers.Listing{}
	add := func(provider esim.Provider, key string, tier atlas.Tier, shape providers.Listing) {
		for _, s := range sizes {
			l := shape
			l.Plan = listing(provider, fmt.Sprintf("%s_%d_%d", key, s.gb, s.days), s.gb, s.days, "1").Plan
			l.Plan.Wholesale = atlas.Price(tier, int64(100+60*s.gb), string(provider)+l.Plan.ID)
			l.Plan.Operators, l.Plan.Speeds = shape.Plan.Operators, shape.Plan.Speeds
			sold[provider] = append(sold[provider], l)
		}
	}
	for _, c := range a.Countries {
		add(esim.CloudESIM, c.Code, c.Tier, in(providers.Listing{Kind: esim.Country}, providers.Place{Code: c.Code}))
		mobilexy := in(providers.Listing{Kind: esim.Country}, providers.Place{Name: c.Name, Slug: c.Slug})
		mobilexy.Plan.Operators, mobilexy.Plan.Speeds = c.Operators, strings.Split(c.Speed, "/")
		add(esim.Mobilexy, c.Slug, c.Tier, mobilexy)
	}
	for _, r := range append(a.Regions, a.Global) {
		kind := esim.Region
		if r.Code == a.Global.Code {
			kind = esim.Global
		}
		var coverage []providers.Place
		for _, m := range r.Members {
			coverage = append(coverage, providers.Place{Name: m.Name, Slug: m.Slug})
		}
		add(esim.CloudESIM, r.Code, r.Tier, wide(providers.Listing{}, kind, providers.Place{Code: r.Code, Name: r.Name}))
		add(esim.Mobilexy, r.Slug, r.Tier, wide(providers.Listing{}, kind, providers.Place{Name: r.Name + " (" + r.Code + ")", Slug: r.Slug}, coverage...))
	}
	return sold
}

func ids(places []Place) string {
	var out []string
	for _, p := range places {
		out = append(out, p.Destination.ID())
	}
	return strings.Join(out, " ")
}
