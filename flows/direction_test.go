package flows_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/bidi"

	"esimbot/flows"
)

// leans returns the direction in which clients lay a line out: that of its first letter outside of
// isolates (UAX #9, rules P2 and P3); neutral where there is none.
func leans(line string) bidi.Class {
	depth := 0
	for _, r := range line {
		p, _ := bidi.LookupRune(r)
		switch c := p.Class(); c {
		case bidi.FSI, bidi.LRI, bidi.RLI:
			depth++
		case bidi.PDI:
			depth = max(depth-1, 0)
		case bidi.AL:
			if depth == 0 {
				return bidi.R
			}
		case bidi.L, bidi.R:
			if depth == 0 {
				return c
			}
		default: // neutral
		}
	}
	return bidi.ON
}

func TestLeans(t *testing.T) {
	for line, want := range map[string]bidi.Class{
		"🇯🇵 اليابان": bidi.L, "\u200F🇯🇵 اليابان": bidi.R, "👋 أهلًا": bidi.R, "⦁ 12": bidi.ON,
		"\u2068abc\u2069 · يوم": bidi.R, "\u2068يوم\u2069 · abc": bidi.L, "\u20681 GB\u2069": bidi.ON, "\u2069a": bidi.L,
	} {
		if got := leans(line); got != want {
			t.Errorf("%q leans to %v, want %v", line, got, want)
		}
	}
}

// TestLinesReadOneWay: in a language that reads right to left each line and each button of every
// screen does. Alerts and inquiries quote others' words.
func TestLinesReadOneWay(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		if !loadBundle(t).For(lang).RTL() {
			continue
		}
		for name, scene := range scenes() {
			s := newStage(t)
			s.client = lang
			for _, screen := range scene(s) {
				if screen.Name != "alert" && screen.Name != "inquiry" {
					readsOneWay(t, lang+"/"+name, screen)
				}
			}
		}
	}
}

func readsOneWay(t *testing.T, at string, s flows.Screen) {
	t.Helper()
	text := tag.ReplaceAllString(s.HTML, "")
	if s.Name == "admin_order" { // its first line is the same in every language
		_, text, _ = strings.Cut(text, "\n")
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && leans(line) != bidi.R {
			t.Errorf("%s: the line %q", at, line)
		}
	}
	names := loadBundle(t)
	for _, row := range s.Rows {
		for _, b := range row {
			word, _, _ := strings.Cut(b.Data, "/")
			if word == "lang" && strings.HasSuffix(b.Text, names.Name(b.Data[len(b.Data)-2:])) {
				continue // a language by its own name
			}
			if leans(b.Text) != bidi.R {
				t.Errorf("%s: the button %q", at, b.Text)
			}
		}
	}
}
