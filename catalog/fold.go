package catalog

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxQuery is how many runes of a query are looked at.
const maxQuery = 100

// fold brings a name or a query to the form in which names are compared: as foldLetters does, with
// "saint" as "st", and without "and" and "the", which people leave out or write as "&".
func fold(s string) string {
	words := strings.Fields(foldLetters(s))
	if len(words) < 2 {
		return strings.Join(words, " ")
	}
	kept := words[:0]
	for _, w := range words {
		switch w {
		case "and", "the":
			continue
		case "saint", "sainte":
			w = "st"
		}
		kept = append(kept, w)
	}
	return strings.Join(kept, " ")
}

// foldLetters makes s lower case, without accents and vowel signs, letters that people write for
// one another made one (ß and ss, ё and е, the alefs, ة and ه), everything else as single spaces.
func foldLetters(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxQuery {
			break
		}
		b.WriteRune(unicode.ToLower(r))
	}
	decomposed := norm.NFKD.String(b.String())
	b.Reset()
	b.Grow(len(decomposed))
	for _, r := range decomposed {
		foldRune(&b, r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func foldRune(b *strings.Builder, r rune) {
	switch r {
	case '\'', '’', '‘', 'ʼ', '`', '´', 'ʻ', 'ـ': // apostrophes and the tatweel are not there
	case 'ß':
		b.WriteString("ss")
	case 'æ':
		b.WriteString("ae")
	case 'œ':
		b.WriteString("oe")
	case 'ø':
		b.WriteByte('o')
	case 'đ', 'ð':
		b.WriteByte('d')
	case 'ł':
		b.WriteByte('l')
	case 'ı':
		b.WriteByte('i')
	case 'ة':
		b.WriteRune('ه')
	case 'ى', 'ی':
		b.WriteRune('ي')
	case 'ک':
		b.WriteRune('ك')
	default:
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // accents, vowel signs, joiners
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
}

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "ae", "Ö", "oe", "Ü", "ue")

// variants returns the folded forms under which a name is found: itself; with "saint" in full, for
// those who mistype it; with umlauts spelled out, as keyboards abroad do; without the Arabic article.
func variants(name string) []string {
	forms := []string{fold(name), foldLetters(name)}
	if rest, ok := strings.CutPrefix(forms[0], "st "); ok {
		forms = append(forms, "saint "+rest)
	}
	if spelled := umlauts.Replace(name); spelled != name {
		forms = append(forms, fold(spelled))
	}
	if bare, ok := strings.CutPrefix(name, "ال"); ok {
		forms = append(forms, fold(bare))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// flags returns the ISO codes of the flag emoji in s, and s without them.
func flags(s string) (codes []string, rest string) {
	var b strings.Builder
	var first rune
	for _, r := range s {
		letter := r - 0x1F1E6
		if letter < 0 || letter >= 26 {
			b.WriteRune(r)
			first = 0
			continue
		}
		if first == 0 {
			first = 'A' + letter
			continue
		}
		codes = append(codes, string(first)+string('A'+letter))
		first = 0
	}
	return codes, b.String()
}
