package catalog

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lithammer/fuzzysearch/fuzzy"
	"pgregory.net/rapid"
)

// TestPatternMeasuresLikeTheTable holds the pattern against Levenshtein's table, for letters of all
// scripts, many of which share their hash.
func TestPatternMeasuresLikeTheTable(t *testing.T) {
	letters := []rune("abc яю ال日\u0161\u01e1ñ")
	words := rapid.StringOfN(rapid.SampledFrom(letters), 0, maxPattern, -1)
	rapid.Check(t, func(t *rapid.T) {
		phrase, name := words.Draw(t, "phrase"), words.Draw(t, "name")
		if got, want := newPattern(phrase).distance(name), fuzzy.LevenshteinDistance(phrase, name); got != want {
			t.Fatalf("%q and %q are %d apart, want %d", phrase, name, got, want)
		}
	})
	long := strings.Repeat("a", maxPattern)
	for _, c := range []struct {
		phrase, name string
		want         int
	}{
		{"", "japan", 5}, {"japan", "", 5}, {"", "", 0}, {"japan", "japan", 0}, {"japn", "japan", 1},
		{long, long, 0}, {long + "beyond", long, 0}, {long, long + "b", 1}, {"\xff", "a", 1},
	} {
		if got := newPattern(c.phrase).distance(c.name); got != c.want {
			t.Errorf("%q and %q are %d apart, want %d", c.phrase, c.name, got, c.want)
		}
	}
}

// TestPatternHasRoom: the most letters that a phrase can have, all of one hash.
func TestPatternHasRoom(t *testing.T) {
	var b strings.Builder
	for i := range maxPattern {
		b.WriteRune(rune(0x4E00 + i*2*maxPattern))
	}
	if n := utf8.RuneCountInString(b.String()); n != maxPattern {
		t.Fatalf("%d letters", n)
	}
	if got := newPattern(b.String()).distance(b.String()); got != 0 {
		t.Errorf("a phrase is %d apart from itself", got)
	}
	if got := newPattern(b.String()).distance("zz"); got != maxPattern {
		t.Errorf("%d apart, want %d", got, maxPattern)
	}
}
