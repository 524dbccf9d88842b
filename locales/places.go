package locales

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/collate"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"esimbot/esim"
)

// countries are the ISO 3166-1 alpha-2 codes, and XK (Kosovo), which is in use but not assigned.
const countries = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
	"KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ " +
	"NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ " +
	"UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"

// Countries returns the ISO 3166-1 alpha-2 codes of all countries, sorted, with XK (Kosovo).
func Countries() []string { return strings.Fields(countries) }

// places is how a language calls the countries.
type places struct {
	name   map[string]string
	rank   map[string]int    // place in the alphabet, by code
	letter map[string]string // under which a country is filed
}

// loadPlaces takes the names from x/text, whose data is CLDR 32 of 2017, and from messages such as
// country_TR, which go first.
func (l *Localizer) loadPlaces() {
	codes := Countries()
	l.places = places{name: make(map[string]string, len(codes)), rank: make(map[string]int, len(codes)), letter: make(map[string]string, len(codes))}
	namer := display.Regions(l.tag)
	for _, code := range codes {
		name := namer.Name(language.MustParseRegion(code))
		if m, ok := l.messages["country_"+code]; ok {
			name = m.forms[plural.Other].text
		}
		l.places.name[code] = name
	}
	collator, buffer := collate.New(l.tag), collate.Buffer{}
	keys := make(map[string]string, len(codes))
	for _, code := range codes {
		name := l.sortName(code)
		keys[code] = string(collator.KeyFromString(&buffer, name))
		buffer.Reset()
		l.places.letter[code] = initial(name)
	}
	slices.SortFunc(codes, func(a, b string) int { return strings.Compare(keys[a], keys[b]) })
	for i, code := range codes {
		l.places.rank[code] = i
	}
}

// sortName returns a country's name as an alphabetical list files it: without the Arabic article.
func (l *Localizer) sortName(code string) string {
	name := strings.TrimLeftFunc(l.places.name[code], func(r rune) bool { return !unicode.IsLetter(r) })
	if l.lang == "ar" {
		return strings.TrimPrefix(name, "ال")
	}
	return name
}

// Country returns the name of a country by its ISO code; an unknown code is returned as it is.
func (l *Localizer) Country(iso string) string {
	if name, ok := l.places.name[iso]; ok {
		return name
	}
	return iso
}

// Destination returns the name of a destination. A region is called by its translated name where
// its code begins with one we know ("europe-30": "Europe (30)") or its English name is one, by its
// countries where its code lists them ("ca-us"), else as the provider calls it.
func (l *Localizer) Destination(d esim.Destination) string {
	switch d.Kind {
	case esim.Country:
		return l.Country(d.Code)
	case esim.Region:
		return l.region(d)
	default:
		return l.T("worldwide")
	}
}

func (l *Localizer) region(d esim.Destination) string {
	if names := l.listed(d.Code); len(names) > 1 {
		return strings.Join(names, l.T("format_separator"))
	}
	family, number := d.Code, ""
	if i := strings.LastIndexByte(d.Code, '-'); i > 0 {
		if n, err := strconv.ParseUint(d.Code[i+1:], 10, 10); err == nil {
			family, number = d.Code[:i], strconv.FormatUint(n, 10)
		}
	}
	name := d.Name
	for _, known := range []string{family, strings.ReplaceAll(strings.ToLower(d.Name), " ", "-")} {
		if key := "region_" + known; l.has(key) {
			name = l.T(key)
			break
		}
	}
	switch {
	case name == "":
		return strings.ToUpper(d.Code)
	case number == "":
		return name
	default:
		return l.T("region_numbered", Args{"Name": name, "Number": number})
	}
}

// listed returns the names of the countries that a region's code lists, nil if it lists none.
func (l *Localizer) listed(code string) []string {
	var names []string
	for iso := range strings.SplitSeq(strings.ToUpper(code), "-") {
		name, ok := l.places.name[iso]
		if !ok {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// has says whether this language or English has a message.
func (l *Localizer) has(key string) bool {
	if _, ok := l.messages[key]; ok {
		return true
	}
	_, ok := l.bundle.english.messages[key]
	return ok
}

// Flagged returns flag and name: "🇯🇵 Japan".
func (l *Localizer) Flagged(d esim.Destination) string {
	return l.Begin(d.Flag() + " " + l.Destination(d))
}

// Collate returns the codes of countries sorted by their names in the language's alphabet.
func (l *Localizer) Collate(codes []string) []string {
	type ranked struct {
		rank int
		code string
	}
	list := make([]ranked, len(codes))
	for i, code := range codes {
		list[i] = ranked{l.rank(code), code}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return a.rank - b.rank })
	sorted := make([]string, len(codes))
	for i, r := range list {
		sorted[i] = r.code
	}
	return sorted
}

func (l *Localizer) rank(code string) int {
	if r, ok := l.places.rank[code]; ok {
		return r
	}
	return math.MaxInt32
}

// Letter returns the letter of the language's own alphabet under which a country is filed: É under
// E, Å under A, Ё under Е; in Arabic without the article, every alef as one. "" for an unknown code.
func (l *Localizer) Letter(code string) string { return l.places.letter[code] }

// initial returns the letter under which a name is filed.
func initial(name string) string {
	if name == "" {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(name)
	switch first = unicode.ToUpper(first); {
	case first == 'Ё':
		return "Е"
	case first == 'أ', first == 'إ', first == 'آ':
		return "ا"
	case unicode.Is(unicode.Latin, first):
		first, _ = utf8.DecodeRuneInString(norm.NFD.String(string(first)))
	}
	return string(first)
}

// Letters returns the letters under which the countries are filed, each once, in the order of the
// alphabet.
func (l *Localizer) Letters(codes []string) []string {
	first := map[string]int{} // rank of the first country of each
	letters := make([]string, 0, 32)
	for _, code := range codes {
		letter := l.Letter(code)
		if letter == "" {
			continue
		}
		rank, known := first[letter]
		if !known {
			letters = append(letters, letter)
		}
		if now := l.rank(code); !known || now < rank {
			first[letter] = now
		}
	}
	slices.SortFunc(letters, func(a, b string) int { return first[a] - first[b] })
	return letters
}
