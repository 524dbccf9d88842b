package catalog

import (
	"strings"
	"testing"
	"unicode/utf8"

	"esimbot/esim"
	"esimbot/locales"
)

func TestSearch(t *testing.T) {
	s := NewSnapshot(bundle(t), usd(), market())
	for _, c := range []struct{ query, lang, want string }{
		// Each wants these first, in this order.
		{"Japan", "en", "c_jp r_asia-20 r_asia-12 g"},
		{"japan", "en", "c_jp"},
		{"  JAPAN!! ", "en", "c_jp"},
		{"Япония", "ru", "c_jp"},
		{"япония", "en", "c_jp"},
		{"alemania", "es", "c_de r_europe-30"},
		{"Türkei", "de", "c_tr"},
		{"Tuerkei", "de", "c_tr"},
		{"turkei", "de", "c_tr"},
		{"Turkey", "en", "c_tr"},
		{"turkiye", "en", "c_tr"},
		{"corée", "fr", "c_kr"},
		{"coree du sud", "fr", "c_kr"},
		{"korea", "en", "c_kr"},
		{"ألمانيا", "ar", "c_de"},
		{"المانيا", "ar", "c_de"},
		{"اليابان", "ar", "c_jp"},
		{"يابان", "ar", "c_jp"},
		{"الإمارات", "ar", "c_ae"},
		{"cote divoire", "en", "c_ci"},
		{"Côte d'Ivoire", "fr", "c_ci"},
		{"ivory coast", "en", "c_ci"},
		{"hong kong", "en", "c_hk"},
		{"гонконг", "ru", "c_hk"},
		{"uk", "en", "c_gb"},
		{"UK", "de", "c_gb"},
		{"england", "en", "c_gb"},
		{"usa", "en", "c_us"},
		{"us", "en", "c_us"},
		{"сша", "ru", "c_us"},
		{"uae", "en", "c_ae"},
		{"holland", "en", "c_nl"},
		{"st lucia", "en", "c_lc"},
		{"Saint Lucia", "en", "c_lc"},
		{"St. Lucia", "en", "c_lc"},
		{"österreich", "de", "c_at"},
		{"osterreich", "en", "c_at"},
		{"Oesterreich", "de", "c_at"},
		{"the netherlands", "en", "c_nl"},
		{"JP", "en", "c_jp"},
		{"jpn", "en", "c_jp"},
		{"DEU", "en", "c_de"},
		{"🇯🇵", "en", "c_jp"},
		{"🇯🇵🇰🇷", "en", "r_asia-20 r_asia-12 g c_jp c_kr"},
		// While typing.
		{"jap", "en", "c_jp"},
		{"sudaf", "es", "c_za"},
		{"fran", "en", "c_fr"},
		{"zealand", "en", "c_nz"},
		// Mistyped: wrong, missing, extra, swapped.
		{"Jaban", "en", "c_jp"},
		{"Japn", "en", "c_jp"},
		{"Jappan", "en", "c_jp"},
		{"Jpaan", "en", "c_jp"},
		{"Thaialnd", "en", "c_th"},
		{"Switzreland", "en", "c_ch"},
		{"Swizerlnad", "en", "c_ch"},
		{"германя", "ru", "c_de"},
		{"Tailnadia", "es", "c_th"},
		{"ألمنيا", "ar", "c_de"},
		{"siant lucia", "en", "c_lc"},
		// Cities.
		{"bali", "en", "c_id"},
		{"Dubai", "de", "c_ae"},
		{"лондон", "ru", "c_gb"},
		{"باريس", "ar", "c_fr"},
		{"Teneriffa", "de", "c_es"},
		{"Bankok", "en", "c_th"},
		// Several.
		{"japan korea", "en", "r_asia-20 r_asia-12 g c_jp c_kr"},
		{"japan and korea", "en", "r_asia-20 r_asia-12 g c_jp c_kr"},
		{"Japón y Corea del Sur", "es", "r_asia-20 r_asia-12 g c_jp c_kr"},
		{"Япония, Корея", "ru", "r_asia-20 r_asia-12 g"},
		{"اليابان وكوريا", "ar", "r_asia-20 r_asia-12 g"},
		{"japan & south korea", "en", "r_asia-20 r_asia-12 g"},
		{"usa canada", "en", "r_north-america-3 g c_us c_ca"},
		{"japn kore", "en", "r_asia-20 r_asia-12 g"},
		{"trinidad and tobago", "en", "c_tt"},
		{"bosnia & herzegovina", "en", "c_ba"},
		{"papua new guinea", "en", "c_pg"},
		// Regions and the world.
		{"Europe", "en", "r_europe-30 r_europe-42"},
		{"europa", "de", "r_europe-30 r_europe-42"},
		{"Европа", "ru", "r_europe-30"},
		{"eu", "en", "r_europe-30"},
		{"balkans", "en", "r_balkans-7"},
		{"gcc", "en", "r_gulf-6"},
		{"worldwide", "en", "g"},
		{"весь мир", "ru", "g"},
	} {
		got := ids(s.Search(c.query, c.lang, 8).Places)
		if got != c.want && !strings.HasPrefix(got, c.want+" ") {
			t.Errorf("Search(%q, %s) = %q, want first %q", c.query, c.lang, got, c.want)
		}
	}
}

func TestSearchNamesTheCountry(t *testing.T) {
	s := NewSnapshot(bundle(t), usd(), market())
	for query, want := range map[string]string{
		"Japan": "JP", "Antarctica": "AQ", "антарктида": "AQ", "Tokyo": "JP", "🇦🇶": "AQ",
		"japan korea": "", "🇯🇵🇰🇷": "", "🇯🇵 korea": "", "japn": "", "Europe": "", "aq": "", "zzz": "", "": "",
	} {
		if got := s.Search(query, "en", 8).Country; got != want {
			t.Errorf("Search(%q) names %q, want %q", query, got, want)
		}
	}
}

func TestSearchNothing(t *testing.T) {
	s := NewSnapshot(bundle(t), usd(), market())
	for _, query := range []string{"my esim in japan does not work", "qqqqqqqq", "123456", strings.Repeat("a", 5000)} {
		got := s.Search(query, "en", 8)
		if len(got.Places) > 0 || len(got.Near) != 3 {
			t.Errorf("Search(%.20q) = %q near %q, want three near", query, ids(got.Places), ids(got.Near))
		}
	}
	for _, query := range []string{"", "   ", "!?", "\x00\xff"} {
		if got := s.Search(query, "en", 8); len(got.Places)+len(got.Near) > 0 {
			t.Errorf("Search(%q) = %q near %q, want nothing", query, ids(got.Places), ids(got.Near))
		}
	}
	for query, want := range map[string]string{"Morroccoo": "c_ma", "my esim in japan does not work": "c_jp"} {
		if got := ids(s.Search(query, "en", 8).Near); !strings.HasPrefix(got, want) {
			t.Errorf("near %q: %q", query, got)
		}
	}
	if got := new(Snapshot).Search("japan", "en", 8); len(got.Places)+len(got.Near) > 0 {
		t.Errorf("an empty catalogue finds %v", got)
	}
}

// A country that nobody sells by itself is found in what covers it.
func TestSearchCoveredOnly(t *testing.T) {
	s := NewSnapshot(bundle(t), usd(), market())
	for _, iso := range locales.Countries() {
		id := esim.Destination{Kind: esim.Country, Code: iso}.ID()
		if _, sold := s.Place(id); sold {
			continue
		}
		for _, p := range s.Search(iso, "en", 8).Places {
			if p.Destination.ID() == id {
				t.Errorf("%s isn't sold", iso)
			}
		}
	}
}

// Every name of every country in every language is found with any one mistake in it.
func TestSearchForgivesEveryName(t *testing.T) {
	b := bundle(t)
	s := NewSnapshot(b, usd(), market())
	for _, lang := range b.Languages() {
		for _, p := range s.Countries() {
			name := b.For(lang).Country(p.Destination.Code)
			if got := s.Search(name, lang, 5).Places; len(got) == 0 || got[0].Destination.Code != p.Destination.Code {
				t.Errorf("%s: Search(%q) = %q", lang, name, ids(got))
			}
			if utf8.RuneCountInString(name) < 4 {
				continue
			}
			for _, wrong := range mistakes(name) {
				// A mistake may make it another name: then that one is found instead.
				if len(s.index().exact[fold(wrong)]) > 0 {
					continue
				}
				if got := s.Search(wrong, lang, 100).Places; !strings.Contains(ids(got)+" ", p.Destination.ID()+" ") {
					t.Errorf("%s: Search(%q) for %q = %q", lang, wrong, name, ids(got))
				}
			}
		}
	}
}

// mistakes returns a name with one letter wrong, missing, doubled, and swapped with the next.
func mistakes(name string) []string {
	runes := []rune(name)
	i := len(runes) / 2
	head, tail := string(runes[:i]), string(runes[i+1:])
	missing, extra := head+tail, head+string(runes[i])+string(runes[i])+tail
	wrong, swapped := head+"x"+tail, string(runes[:i-1])+string(runes[i])+string(runes[i-1])+tail
	return []string{missing, extra, wrong, swapped}
}

func FuzzSearch(f *testing.F) {
	s := NewSnapshot(bundle(f), usd(), market())
	for _, seed := range []string{"japan", "🇯🇵🇰🇷", "اليابان وكوريا", "st. lucia", "\xff\xfe", strings.Repeat("و ", 60), "ﷺﷺﷺ"} {
		f.Add(seed, "en", 5)
	}
	f.Fuzz(func(t *testing.T, query, lang string, limit int) {
		got := s.Search(query, lang, limit)
		if len(got.Places) > max(limit, 0) || len(got.Near) > 3 {
			t.Errorf("%d places and %d near for limit %d", len(got.Places), len(got.Near), limit)
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	s := NewSnapshot(bundle(b), usd(), market())
	for name, query := range map[string]string{"exact": "japan", "prefix": "ja", "typo": "switzreland", "several": "japan and korea", "nothing": "my esim does not work at all", "long": strings.Repeat("abc ", 100),
		"sentence": "ничего не работает помогите пожалуйста", "letters": strings.Repeat("qwertyuiop", 10)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Search(query, "en", 8)
			}
		})
	}
}

func BenchmarkNewSnapshot(b *testing.B) {
	locale, sold := bundle(b), market()
	for b.Loop() {
		NewSnapshot(locale, usd(), sold)
	}
}
