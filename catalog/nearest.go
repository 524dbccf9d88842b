package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// near is how many places are proposed when nothing was found.
const near = 3

// nearest lists the places whose names are nearest to the text or to one of its words, by the share
// of letters that differ.
func (s *Snapshot) nearest(text string, to *list) {
	phrases := slices.DeleteFunc(strings.Fields(text), func(w string) bool { return utf8.RuneCountInString(w) < 3 })
	phrases = phrases[:min(len(phrases), maxWords)]
	if len(phrases) != 1 && len(phrases) < maxWords {
		phrases = append(phrases, text)
	}
	var best []hit // sorted, at most near, each target once
	for _, phrase := range phrases {
		runes, _, mask := measure(phrase)
		p := newPattern(phrase)
		for i := range s.index().names {
			n := &s.index().names[i]
			if n.code || !s.index().targets[n.target].sold {
				continue
			}
			longer := max(runes, n.runes)
			if len(best) == near && n.apart(runes, mask)*100/longer >= best[near-1].rank {
				continue
			}
			if rank := p.distance(n.text) * 100 / longer; len(best) < near || rank < best[near-1].rank {
				best = propose(best, hit{target: n.target, rank: rank})
			}
		}
	}
	to.limit = min(to.limit, near)
	for _, h := range best {
		to.target(s.index().targets[h.target])
	}
}

// propose puts a hit into its place among the best.
func propose(best []hit, h hit) []hit {
	if i := slices.IndexFunc(best, func(b hit) bool { return b.target == h.target }); i >= 0 {
		if best[i].rank <= h.rank {
			return best
		}
		best = slices.Delete(best, i, i+1)
	}
	at, _ := slices.BinarySearchFunc(best, h, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.target, b.target))
	})
	best = slices.Insert(best, at, h)
	return best[:min(len(best), near)]
}

// maxPattern is how many runes of a phrase are compared: the bits of a word. Few names are longer.
const maxPattern = 64

// A pattern measures how far one phrase is from many names. It keeps a column of Levenshtein's table
// in the bits of two words and so takes a few operations for each letter of a name (Myers, "A fast
// bit-vector algorithm for approximate string matching based on dynamic programming", 1999).
type pattern struct {
	runes int
	// letters are the phrase's letters, by their hash, and where in it they stand.
	letters [2 * maxPattern]struct {
		r  rune
		at uint64
	}
}

func newPattern(phrase string) *pattern {
	p := &pattern{}
	for _, r := range phrase {
		if p.runes == maxPattern {
			break
		}
		i := p.slot(r)
		p.letters[i].r = r
		p.letters[i].at |= 1 << p.runes
		p.runes++
	}
	return p
}

// slot returns the place of a letter, or the free one where it would stand: half of all stay free.
func (p *pattern) slot(r rune) uint32 {
	i := uint32(r) % uint32(len(p.letters))
	for p.letters[i].at != 0 && p.letters[i].r != r {
		i = (i + 1) % uint32(len(p.letters))
	}
	return i
}

// distance returns how many letters must be changed, left out or put in to make a name of the phrase.
func (p *pattern) distance(name string) int {
	if p.runes == 0 {
		return utf8.RuneCountInString(name)
	}
	last := uint64(1) << (p.runes - 1)
	up, down, d := ^uint64(0), uint64(0), p.runes
	for _, r := range name {
		same := p.letters[p.slot(r)].at
		vertical := same | down
		horizontal := (((same & up) + up) ^ up) | same
		more, less := down|^(horizontal|up), up&horizontal
		if more&last != 0 {
			d++
		}
		if less&last != 0 {
			d--
		}
		more, less = more<<1|1, less<<1
		up, down = less|^(vertical|more), more&vertical
	}
	return d
}
