package catalog

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"esimbot/esim"
	"esimbot/locales"
)

// An index finds targets by name. It is made once for each Snapshot and read only.
//
// Every name of every country and of the regions on sale stands in it folded. A query meets it in
// three ways: through a map where it is a whole name or code; through the sorted starts of words
// where it is the beginning of one; and name by name where it is mistyped, where a bit mask of the
// letters rules nearly all names out before any distance is measured.
type index struct {
	targets []target
	names   []indexed
	exact   map[string][]int // folded name or code → names
	starts  []start          // sorted by text
}

// A target is what a name stands for.
type target struct {
	iso  string // a country, on sale or not
	id   string // the destination's id
	kind esim.DestinationKind
	sold bool // there is a place of its own
}

// An indexed name is one folded name of a target.
type indexed struct {
	text   string
	target int
	lang   string // the language whose name it is; "" for other names
	code   bool   // an ISO code: found whole only
	// letters counts without spaces; mask has a bit for each letter that occurs.
	runes, letters int
	mask           uint64
}

// A start is a name from the beginning of one of its words on.
type start struct {
	text  string
	name  int
	first bool
}

func newIndex(b *locales.Bundle, s *Snapshot) *index {
	ix := &index{exact: map[string][]int{}}
	others, towns := table(otherNames), table(cities)
	for _, iso := range locales.Countries() {
		id := esim.Destination{Kind: esim.Country, Code: iso}.ID()
		_, sold := s.places[id]
		t := ix.target(target{iso: iso, kind: esim.Country, id: id, sold: sold})
		for _, lang := range b.Languages() {
			ix.add(t, b.For(lang).Country(iso), lang)
		}
		for _, name := range slices.Concat(others[iso], towns[iso]) {
			ix.add(t, name, "")
		}
		ix.addCode(t, iso)
		if region, err := language.ParseRegion(iso); err == nil {
			ix.addCode(t, region.ISO3())
		}
	}
	regions := table(otherRegionNames)
	for _, p := range s.regions {
		t := ix.target(target{kind: esim.Region, id: p.Destination.ID(), sold: true})
		ix.addRegion(b, t, p.Destination, regions)
	}
	if g, ok := s.Global(); ok {
		t := ix.target(target{kind: esim.Global, id: g.Destination.ID(), sold: true})
		ix.addRegion(b, t, g.Destination, regions)
	}
	slices.SortFunc(ix.starts, func(a, b start) int { return strings.Compare(a.text, b.text) })
	return ix
}

func (ix *index) target(t target) int {
	ix.targets = append(ix.targets, t)
	return len(ix.targets) - 1
}

func (ix *index) addRegion(b *locales.Bundle, t int, d esim.Destination, others map[string][]string) {
	for _, lang := range b.Languages() {
		name := b.For(lang).Destination(d)
		ix.add(t, parentheses.ReplaceAllString(name, ""), lang)
		ix.add(t, name, lang)
	}
	ix.add(t, d.Name, "")
	ix.addCode(t, d.Code)
	for family, names := range others {
		if d.Code == family || strings.HasPrefix(d.Code, family+"-") {
			for _, name := range names {
				ix.add(t, name, "")
			}
		}
	}
}

func (ix *index) add(t int, name, lang string) {
	for _, text := range variants(name) {
		if text != "" {
			ix.append(indexed{text: text, target: t, lang: lang})
		}
	}
}

func (ix *index) addCode(t int, code string) {
	ix.append(indexed{text: fold(code), target: t, code: true})
}

func (ix *index) append(n indexed) {
	n.runes, n.letters, n.mask = measure(n.text)
	at := len(ix.names)
	ix.names = append(ix.names, n)
	ix.exact[n.text] = append(ix.exact[n.text], at)
	if n.code {
		return
	}
	ix.starts = append(ix.starts, start{text: n.text, name: at, first: true})
	for i, r := range n.text {
		if r == ' ' {
			ix.starts = append(ix.starts, start{text: n.text[i+1:], name: at})
		}
	}
}

// measure returns how long a folded text is, with and without spaces, and which letters it has.
// Letters are thrown together in 64 bits: a mask may show fewer differences than there are, never
// more.
func measure(text string) (runes, letters int, mask uint64) {
	for _, r := range text {
		if r != ' ' {
			letters++
		}
		mask |= 1 << (uint32(r) % 64)
	}
	return utf8.RuneCountInString(text), letters, mask
}
