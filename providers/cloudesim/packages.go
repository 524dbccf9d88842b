package cloudesim

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"esimbot/esim"
	"esimbot/providers"
)

// listings returns the packages of a type, each code once, and counts those that make no sense.
func listings(list []Package, kind string) providers.Catalogue {
	var c providers.Catalogue
	seen := map[string]bool{}
	for _, p := range list {
		if p.Type != "" && string(p.Type) != kind {
			continue // the filter was not heeded
		}
		l, ok := p.listing()
		if !ok || seen[l.Plan.ID] {
			c.Skipped++
			continue
		}
		seen[l.Plan.ID] = true
		c.Listings = append(c.Listings, l)
	}
	return c
}

var packageCode = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// listing returns the package in our words, and whether it is one that can be sold.
func (p Package) listing() (providers.Listing, bool) {
	price, priced := providers.Price(p.Price)
	days, lasts := p.Duration.Between(1, providers.MaxDays)
	mb, ok := p.Volume.Between(1, providers.MaxBytes/esim.MB)
	if !priced || !lasts || !ok || !packageCode.MatchString(string(p.PackageCode)) || (p.CurrencyCode != "" && p.CurrencyCode != "USD") {
		return providers.Listing{}, false
	}
	l, ok := p.place()
	if !ok {
		return providers.Listing{}, false
	}
	l.Plan = esim.Plan{
		Provider:    esim.CloudESIM,
		ID:          string(p.PackageCode),
		PackageCode: string(p.PackageCode),
		Name:        p.Name.Clean(120),
		Kind:        esim.Fixed,
		Bytes:       mb * esim.MB,
		Days:        int(days),
		// Every eSIM can be asked what fits it; nothing in the list says more.
		CanTopUp:  true,
		Wholesale: price,
	}
	return l, true
}

var (
	countryCode = regexp.MustCompile(`^[A-Z]{2}$`)
	regionCode  = regexp.MustCompile(`^[A-Z]{2,12}([-_]?[0-9]{1,3})?$`)
	globalCode  = regexp.MustCompile(`^(GL|GLOBAL|WW|WORLD)([-_]?[0-9]{1,3})?$`)
	// sized is where a package's name stops saying where and says how much.
	sized = regexp.MustCompile(`(?i)[\s,(–-]*\b[0-9]+(\.[0-9]+)?\s*([KMGT]B|days?)\b.*$|\s*\([0-9]+\+?\s*(areas|countries)\)`)
)

// place reads the location code. Two letters that ISO gives to a country are that country, even
// where they might be meant for a region (AS, NA), but GL is Greenland only where the name does not
// say Global; several countries are a region that has no code of its own. A top-up, which is only
// ever found by its eSIM, may do without.
func (p Package) place() (providers.Listing, bool) {
	location := strings.ToUpper(p.LocationCode.Clean(2000))
	where := strings.TrimSpace(sized.ReplaceAllString(p.Name.Clean(120), ""))
	codes := slices.DeleteFunc(strings.Split(strings.ReplaceAll(location, " ", ""), ","), func(s string) bool { return s == "" })
	switch {
	case len(codes) == 0:
		return providers.Listing{Kind: esim.Region, Place: providers.Place{Name: where}}, string(p.Type) == TypeTopUp
	case len(codes) > 1:
		l := providers.Listing{Kind: esim.Region, Place: providers.Place{Name: where}}
		for _, code := range codes {
			iso, ok := country(code)
			if !ok || len(codes) > providers.MaxPlaces {
				return providers.Listing{}, false
			}
			l.Coverage = append(l.Coverage, providers.Place{Code: iso})
		}
		return l, true
	}
	code := codes[0]
	if iso, ok := country(code); ok && (code != "GL" || !strings.HasPrefix(strings.ToLower(where), "global")) {
		return providers.Listing{Kind: esim.Country, Place: providers.Place{Code: iso}}, true
	}
	l := providers.Listing{Kind: esim.Region, Place: providers.Place{Code: code, Name: where}}
	if globalCode.MatchString(code) {
		l.Kind = esim.Global
	}
	return l, regionCode.MatchString(code)
}

// country returns code as ISO 3166-1 has it: UK becomes GB.
func country(code string) (string, bool) {
	if !countryCode.MatchString(code) {
		return "", false
	}
	r, err := language.ParseRegion(code)
	if err != nil || !r.IsCountry() {
		return "", false
	}
	return r.Canonicalize().String(), true
}
