package atlas_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"golang.org/x/text/language"

	"esimbot/sandbox/atlas"
)

func TestCountriesAreWhole(t *testing.T) {
	a := atlas.Load()
	if n := len(a.Countries); n < 195 || n > 215 {
		t.Errorf("%d countries, want about 200", n)
	}
	codes, slugs := map[string]bool{}, map[string]bool{}
	for _, c := range a.Countries {
		if r, err := language.ParseRegion(c.Code); err != nil || r.String() != c.Code || !r.IsCountry() {
			t.Errorf("%s (%s) is no country code", c.Code, c.Name)
		}
		if codes[c.Code] || slugs[c.Slug] {
			t.Errorf("%s (%s) stands twice", c.Code, c.Slug)
		}
		codes[c.Code], slugs[c.Slug] = true, true
		if c.Tier < 1 || c.Tier > 4 || len(c.Operators) == 0 || c.Operators[0] == "" || !strings.Contains(c.Speed, "G") {
			t.Errorf("%s is incomplete: %+v", c.Code, c)
		}
	}
}

func TestRegionsHaveAsManyMembersAsTheirCodeSays(t *testing.T) {
	a := atlas.Load()
	for _, r := range append(a.Regions, a.Global) {
		_, n, _ := strings.Cut(r.Code, "-")
		if fmt.Sprint(len(r.Members)) != n {
			t.Errorf("%s has %d members", r.Code, len(r.Members))
		}
		seen := map[string]bool{}
		for _, m := range r.Members {
			if seen[m.Code] {
				t.Errorf("%s lists %s twice", r.Code, m.Code)
			}
			seen[m.Code] = true
		}
		if len(r.Operators()) == 0 {
			t.Errorf("%s has no operators", r.Code)
		}
	}
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Hong Kong (China)": "hong-kong-china",
		"Aland Islands":     "aland-islands",
		"Asia AS-12":        "asia-as-12",
		"Guinea-Bissau":     "guinea-bissau",
	} {
		if got := atlas.Slug(name); got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPriceStaysNearItsTierAndIsTheSameEveryTime(t *testing.T) {
	for tier := atlas.Tier(1); tier <= 4; tier++ {
		middle := []string{"1.60", "2.80", "4.80", "7.60"}[tier-1]
		want := decimal.RequireFromString(middle)
		for _, salt := range []string{"a", "b", "c", "d"} {
			got := atlas.Price(tier, 100, salt)
			if got.Sub(want).Abs().GreaterThan(want.Mul(decimal.New(8, -2))) {
				t.Errorf("tier %d, salt %s: %s is more than 8 %% off %s", tier, salt, got, want)
			}
			if !got.Equal(atlas.Price(tier, 100, salt)) {
				t.Errorf("tier %d, salt %s: another price the second time", tier, salt)
			}
		}
	}
}
