package catalog

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lithammer/fuzzysearch/fuzzy"

	"esimbot/esim"
)

// A Result is what a search found, best first.
type Result struct {
	Places []Place
	// Near are the three places with the nearest names, when nothing was found; fewer by the limit.
	Near []Place
	// Country is the ISO code of the one country that the query names whole, on sale or not.
	Country string
}

// How a name was met, best first. Half a step lies between a name of the searcher's language and
// another one.
const (
	whole    = 0
	begun    = 2
	wordOf   = 4
	mistyped = 6 // and 8 with two mistakes
)

// A hit is a target with how well it was met.
type hit struct {
	target int
	rank   int
	runes  int // of the name met
}

// maxWords is how many words of a query are looked at one by one.
const maxWords = 8

// Search finds places by name in any of the languages, by ISO code, alias, flag, or a big city;
// names in lang come first among equals. Regions that cover the country found follow it. A query
// that names several countries finds first what covers them all.
func (s *Snapshot) Search(query, lang string, limit int) Result {
	if s.index == nil || limit <= 0 {
		return Result{}
	}
	codes, rest := flags(cut(query))
	text := fold(rest)
	if text == "" && len(codes) == 0 {
		return Result{}
	}
	list := &list{snapshot: s, limit: limit}
	if len(codes) == 0 {
		s.match(text, lang, list)
	}
	if len(list.places) == 0 {
		s.several(codes, text, lang, list)
	}
	country := s.index().country(codes, text, lang)
	if len(list.places) > 0 {
		return Result{Places: list.places, Country: country}
	}
	if text != "" {
		s.nearest(text, list)
	}
	return Result{Near: list.places, Country: country}
}

// country returns the ISO code of the country that is named whole; "" where there is none.
func (ix *index) country(codes []string, text, lang string) string {
	if len(codes) == 1 && text == "" && len(ix.flagged(codes)) > 0 {
		return codes[0]
	}
	if t, ok := ix.called(text, lang); ok && len(codes) == 0 {
		return ix.targets[t].iso
	}
	return ""
}

// cut returns the first runes of a query, so that work on it is bounded.
func cut(query string) string {
	n := 0
	for i := range query {
		if n++; n > maxQuery {
			return query[:i]
		}
	}
	return query
}

// match lists what the text as a whole is the name of, or the beginning, or the mistyped name.
func (s *Snapshot) match(text, lang string, to *list) {
	hits := s.index().hits(text, lang)
	for _, h := range hits {
		to.target(s.index().targets[h.target])
	}
	if len(hits) > 0 && (len(hits) == 1 || hits[0].rank < begun) {
		if iso := s.index().targets[hits[0].target].iso; iso != "" {
			to.add(s.Covering(iso)...)
		}
	}
}

// hits returns the targets that a text means, best first. Mistyped names count where no name is
// met whole.
func (ix *index) hits(text, lang string) []hit {
	best := map[int]hit{}
	note := func(name int, rank int) {
		n := &ix.names[name]
		if n.lang != lang {
			rank++
		}
		if have, ok := best[n.target]; !ok || rank < have.rank || (rank == have.rank && n.runes < have.runes) {
			best[n.target] = hit{target: n.target, rank: rank, runes: n.runes}
		}
	}
	names := ix.exact[text]
	for _, name := range names {
		note(name, whole)
	}
	from, _ := slices.BinarySearchFunc(ix.starts, text, func(s start, text string) int { return strings.Compare(s.text, text) })
	for _, s := range ix.starts[from:] {
		if !strings.HasPrefix(s.text, text) {
			break
		}
		if s.first {
			note(s.name, begun)
		} else {
			note(s.name, wordOf)
		}
	}
	if len(names) == 0 {
		ix.mistyped(text, note)
	}
	hits := make([]hit, 0, len(best))
	for _, h := range best {
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(width(ix.targets[a.target].kind), width(ix.targets[b.target].kind)),
			cmp.Compare(a.runes, b.runes), cmp.Compare(a.target, b.target))
	})
	return hits
}

func width(k esim.DestinationKind) int {
	return slices.Index([]esim.DestinationKind{esim.Country, esim.Region, esim.Global}, k)
}

// forgiven returns how many mistakes a name of so many letters is found with.
func forgiven(letters int) int {
	switch {
	case letters < 4:
		return 0
	case letters < 9:
		return 1
	default:
		return 2
	}
}

// mistyped notes the names that the text is, but for a letter or two.
func (ix *index) mistyped(text string, note func(name, rank int)) {
	runes, _, mask := measure(text)
	for i := range ix.names {
		n := &ix.names[i]
		limit := forgiven(n.letters)
		if n.code || limit == 0 || n.apart(runes, mask) > limit {
			continue
		}
		if d := distance(text, n.text, limit); d <= limit {
			note(i, mistyped+2*(d-1))
		}
	}
}

// apart is the least number of mistakes that can lie between a name and a text, seen from lengths
// and letters alone: one mistake changes the length by at most one and at most two letters.
func (n *indexed) apart(runes int, mask uint64) int {
	return max(n.runes-runes, runes-n.runes, (bits.OnesCount64(n.mask^mask)+1)/2)
}

// distance counts the letters that are wrong, missing, extra, or swapped with their neighbour. Past
// limit it may count too many.
func distance(a, b string, limit int) int {
	d := fuzzy.LevenshteinDistance(a, b)
	// A swap counts twice in Levenshtein's distance: undo one and measure what is left.
	if d < 2 || limit < 1 || d > 2*limit {
		return d
	}
	runes := []rune(a)
	for i := range len(runes) - 1 {
		if runes[i] == runes[i+1] {
			continue
		}
		runes[i], runes[i+1] = runes[i+1], runes[i]
		d = min(d, 1+distance(string(runes), b, limit-1))
		runes[i], runes[i+1] = runes[i+1], runes[i]
	}
	return d
}

// several lists what covers all the places that a query names one after the other, then the places
// themselves. A word that means nothing spoils it.
func (s *Snapshot) several(codes []string, text, lang string, to *list) {
	targets := s.index().flagged(codes)
	words := strings.Fields(text)
	if len(words) > maxWords {
		return
	}
	for len(words) > 0 {
		t, taken := s.index().leading(words, lang)
		switch {
		case taken > 0:
			targets = append(targets, t)
			words = words[taken:]
		case joins(words[0]):
			words = words[1:]
		default:
			return
		}
	}
	var isos []string
	for _, t := range targets {
		if iso := s.index().targets[t].iso; iso != "" && !slices.Contains(isos, iso) {
			isos = append(isos, iso)
		}
	}
	if len(isos) > 1 {
		to.add(s.Covering(isos...)...)
	}
	for _, t := range targets {
		to.target(s.index().targets[t])
	}
	if len(isos) == 1 {
		to.add(s.Covering(isos...)...)
	}
}

// joining are folded words that may stand before and between names and mean no place there, even
// where they are an ISO code (in, to, and).
const joining = " and y e et und и و or o ou oder или او in to for en a para pour fur nach в для الى "

func joins(word string) bool { return strings.Contains(joining, " "+word+" ") }

// leading returns the place that the words begin with, by the longest name, and how many words it
// takes; 0 if none. Codes don't count: too many are words. A name may be mistyped or unfinished.
func (ix *index) leading(words []string, lang string) (target, taken int) {
	for n := len(words); n > 0; n-- {
		if t, ok := ix.called(strings.Join(words[:n], " "), lang); ok {
			return t, n
		}
	}
	// In Arabic "and" is written together with what follows.
	if bare, ok := strings.CutPrefix(words[0], "و"); ok {
		if t, ok := ix.called(bare, lang); ok {
			return t, 1
		}
	}
	if joins(words[0]) || utf8.RuneCountInString(words[0]) < 3 {
		return 0, 0
	}
	for n := min(len(words), 3); n > 0; n-- {
		if hits := ix.hits(strings.Join(words[:n], " "), lang); len(hits) > 0 {
			return hits[0].target, n
		}
	}
	return 0, 0
}

// called returns the target that has a whole name: in lang if there is one.
func (ix *index) called(name, lang string) (target int, ok bool) {
	for _, i := range ix.exact[name] {
		n := &ix.names[i]
		if n.code || (ok && n.lang != lang) {
			continue
		}
		target, ok = n.target, true
	}
	return target, ok
}

// flagged returns the targets of ISO codes.
func (ix *index) flagged(codes []string) []int {
	var targets []int
	for _, code := range codes {
		for i, t := range ix.targets {
			if t.iso == code {
				targets = append(targets, i)
			}
		}
	}
	return targets
}
