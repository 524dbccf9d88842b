package catalog

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/providers"
)

// A resolver finds out which place a provider means.
type resolver struct {
	iso      map[string]bool
	byName   map[string]string // folded name → ISO code
	families map[string]string // "eu" → "europe"
	unknown  map[string]int    // names that no country has, with how often they came
	found    map[string]string // names as providers write them → ISO code
}

func newResolver(b *locales.Bundle) *resolver {
	r := &resolver{
		iso: map[string]bool{}, byName: map[string]string{}, families: map[string]string{},
		unknown: map[string]int{}, found: map[string]string{},
	}
	for iso, names := range table(otherNames) {
		for _, name := range names {
			r.byName[fold(name)] = iso
		}
	}
	en := b.For(locales.English)
	for _, iso := range locales.Countries() {
		r.iso[iso] = true
		r.byName[fold(en.Country(iso))] = iso
	}
	words := strings.Fields(families)
	for i := 0; i+1 < len(words); i += 2 {
		r.families[strings.ToLower(words[i])] = words[i+1]
	}
	return r
}

var parentheses = regexp.MustCompile(`\s*\([^()]*\)`)

// country returns the ISO code of a place.
func (r *resolver) country(p providers.Place) (string, bool) {
	if code := strings.ToUpper(p.Code); r.iso[code] {
		return code, true
	}
	name := p.Name
	if name == "" {
		name = p.Code
	}
	if iso, ok := r.found[name]; ok {
		return iso, true
	}
	for _, form := range []string{name, parentheses.ReplaceAllString(name, "")} {
		if iso, ok := r.byName[fold(form)]; ok {
			r.found[name] = iso
			return iso, true
		}
	}
	r.unknown[name]++
	return "", false
}

// coverage returns the ISO codes of the places, sorted, each once; those unknown are left out.
func (r *resolver) coverage(places []providers.Place) []string {
	codes := make([]string, 0, len(places))
	for _, p := range places {
		if iso, ok := r.country(p); ok {
			codes = append(codes, iso)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// A spot is where a listing belongs.
type spot struct {
	destination esim.Destination
	countries   []string
	// set says that the region has no code and no name of its own, only its countries.
	set bool
	// named says that Destination.Name is the region's own name, not taken from a plan's.
	named bool
}

var (
	coded      = regexp.MustCompile(`\(([A-Za-z]{2,12}[-_]?[0-9]{1,3})\)`)
	regionCode = regexp.MustCompile(`^([a-z]+)[-_]?([0-9]{0,3})$`)
)

// spot finds where a listing belongs; false for a country that is none.
func (r *resolver) spot(l providers.Listing) (spot, bool) {
	switch l.Kind {
	case esim.Country:
		iso, ok := r.country(l.Place)
		return spot{destination: esim.Destination{Kind: esim.Country, Code: iso}, countries: []string{iso}}, ok
	case esim.Global:
		return spot{destination: esim.Destination{Kind: esim.Global, Code: "global"}, countries: r.coverage(l.Coverage)}, true
	default:
		return r.region(l)
	}
}

func (r *resolver) region(l providers.Listing) (spot, bool) {
	code := l.Place.Code
	if m := coded.FindStringSubmatch(l.Place.Name); code == "" && m != nil {
		code = m[1]
	}
	name := strings.TrimSpace(parentheses.ReplaceAllString(l.Place.Name, ""))
	s := spot{
		destination: esim.Destination{Kind: esim.Region, Name: name},
		countries:   r.coverage(l.Coverage),
		named:       l.Place.Slug != "",
	}
	m := regionCode.FindStringSubmatch(strings.ToLower(code))
	switch {
	case m != nil:
		s.destination.Code = m[1]
		if family, ok := r.families[m[1]]; ok {
			s.destination.Code = family
		}
		if m[2] != "" {
			s.destination.Code += "-" + m[2]
		}
	case len(s.countries) > 1 && !s.named:
		s.set = true
		s.destination.Code = setCode(s.countries)
	default:
		s.destination.Code = slug(name)
	}
	return s, s.destination.Code != ""
}

// maxListed is how many countries a region's code may list.
const maxListed = 5

// setCode names a set of countries for good: by its members, or by a hash where they are many.
func setCode(countries []string) string {
	joined := strings.ToLower(strings.Join(countries, "-"))
	if len(countries) <= maxListed {
		return joined
	}
	sum := sha256.Sum256([]byte(joined))
	return "set-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:8])
}

// slug returns name as a code: a-z and 0-9, dashes between, at most 40 bytes.
func slug(name string) string {
	s := strings.Join(strings.FieldsFunc(fold(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	return strings.Trim(s[:min(len(s), 40)], "-")
}
