package providers

import (
	"errors"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// Bounds of what a plan may be; what lies outside is a mistake at the provider or worse.
const (
	MaxDays    = 3650
	MaxBytes   = 100 << 40 // of a plan's volume
	MaxPlans   = 20_000    // in one catalogue
	MaxPlaces  = 300       // countries or regions in one list
	maxNetwork = 60        // operators of one plan
)

// Price returns n as a wholesale price in USD, and whether it is told, above 0 and below 10,000.
func Price(n Number) (decimal.Decimal, bool) {
	d, ok := n.Decimal()
	return d, ok && d.IsPositive() && d.LessThan(decimal.New(10_000, 0))
}

var iccidDigits = regexp.MustCompile(`^89[0-9]{16,18}$`)

// ICCID reads a provider's ICCID. Its word is law: a check digit that is wrong is its own affair, so
// long as the number is one that can be asked for again. Anything else is "".
func ICCID(t Text) esim.ICCID {
	if id, err := esim.ParseICCID(string(t)); err == nil {
		return id
	}
	if iccidDigits.MatchString(string(t)) {
		return esim.ICCID(t)
	}
	return ""
}

// Names splits a list of names at any of the separators, trims them, and keeps at most 60
// different ones of at most 60 runes each.
func Names(t Text, separators string) []string {
	var names []string
	seen := map[string]bool{}
	for _, part := range strings.FieldsFunc(t.Clean(4000), func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		name := Clean(part, 60)
		if name != "" && !seen[name] && len(names) < maxNetwork {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// VolumeFits says whether a volume in bytes makes sense: from 1 MB to 100 TB.
func VolumeFits(bytes int64) bool { return bytes >= esim.MB && bytes <= MaxBytes }

// EachUsage asks for one eSIM after the other. Those the provider refuses to speak of are left out;
// another error counts only where nothing was learnt, so that one eSIM that upsets the provider
// can't hide the rest.
func EachUsage(refs []Ref, ask func(Ref) (esim.Usage, error)) ([]esim.Usage, error) {
	var all []esim.Usage
	var failed error
	for _, ref := range refs {
		u, err := ask(ref)
		switch {
		case err == nil:
			all = append(all, u)
		case failed == nil && (ClassOf(err) != Rejected || errors.Is(err, ErrUnauthorized)):
			failed = err
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, failed
}
