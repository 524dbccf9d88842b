// Package atlas is the geography of the local eSIM wholesalers: the countries and regions they
// sell, under the names they use, with the networks found there and how dear data is.
package atlas

import (
	"hash/fnv"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// A Tier says how dear data is in a place, from 1 (cheap) to 4.
type Tier int

// A Country is one country or territory.
type Country struct {
	Code      string // ISO 3166-1 alpha-2, upper case
	Name      string // English, as Mobilexy writes it: not always ISO's name
	Slug      string // the name as it stands in addresses
	Tier      Tier
	Speed     string   // "3G", "3G/4G", "4G" or "4G/5G"
	Operators []string // the networks, at least one
}

// A Region is a set of countries sold as one place.
type Region struct {
	Code    string // a family and the number of members: "AS-12"
	Name    string // without the code: "Asia"
	Slug    string // "asia-as-12"
	Tier    Tier
	Members []Country
}

// An Atlas holds every place the wholesalers may sell.
type Atlas struct {
	Countries []Country // sorted by name
	Regions   []Region
	Global    Region

	byCode map[string]Country
}

// globalMembers is how many countries the worldwide plans cover.
const globalMembers = 120

// Load reads the tables of this package.
func Load() *Atlas {
	a := &Atlas{byCode: map[string]Country{}}
	for line := range strings.Lines(countries) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 5 {
			continue
		}
		c := Country{Code: f[0], Name: f[1], Slug: Slug(f[1]), Tier: tier(f[2]), Speed: f[3], Operators: strings.Split(f[4], ", ")}
		a.Countries = append(a.Countries, c)
		a.byCode[c.Code] = c
	}
	slices.SortFunc(a.Countries, func(x, y Country) int { return strings.Compare(x.Name, y.Name) })
	for line := range strings.Lines(regions) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 {
			continue
		}
		a.Regions = append(a.Regions, a.region(f[0], f[1], tier(f[2]), strings.Fields(f[3])))
	}
	a.Global = a.region("GL-120", "Global", 4, a.cheapest(globalMembers))
	return a
}

// Country returns the country with that ISO code.
func (a *Atlas) Country(code string) (Country, bool) {
	c, ok := a.byCode[code]
	return c, ok
}

func (a *Atlas) region(code, name string, t Tier, members []string) Region {
	r := Region{Code: code, Name: name, Slug: Slug(name + " " + code), Tier: t}
	for _, m := range members {
		if c, ok := a.byCode[m]; ok {
			r.Members = append(r.Members, c)
		}
	}
	return r
}

// cheapest returns the codes of the n countries where data is cheapest, ties by name.
func (a *Atlas) cheapest(n int) []string {
	sorted := slices.Clone(a.Countries)
	slices.SortStableFunc(sorted, func(x, y Country) int { return int(x.Tier) - int(y.Tier) })
	codes := make([]string, 0, n)
	for _, c := range sorted[:min(n, len(sorted))] {
		codes = append(codes, c.Code)
	}
	return codes
}

// Operators returns the main network of each member, each network once.
func (r Region) Operators() []string {
	var names []string
	for _, c := range r.Members {
		if !slices.Contains(names, c.Operators[0]) {
			names = append(names, c.Operators[0])
		}
	}
	return names
}

// Slug returns name as it stands in an address: lower-case letters and digits, dashes between.
func Slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}

// Price returns a wholesale price in USD, in whole cents: percent of what 1 GB for a week costs in
// tier t, up to 8 % more or less depending on salt, so that no two wholesalers agree.
func Price(t Tier, percent int64, salt string) decimal.Decimal {
	cents := [...]int64{160, 280, 480, 760}[min(max(t, 1), 4)-1] * percent / 100
	h := fnv.New32a()
	_, _ = h.Write([]byte(salt)) // a hash never fails
	cents += cents * (int64(h.Sum32()%17) - 8) / 100
	return decimal.New(cents, -2)
}

func tier(s string) Tier { return Tier(s[0] - '0') }
