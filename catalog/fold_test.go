package catalog

import (
	"slices"
	"testing"
)

func TestFold(t *testing.T) {
	for s, want := range map[string]string{
		"Côte d’Ivoire":          "cote divoire",
		"ÅLAND Islands":          "aland islands",
		"  St. Kitts & Nevis ":   "st kitts nevis",
		"Saint Kitts and Nevis":  "st kitts nevis",
		"Sainte-Lucie":           "st lucie",
		"The Gambia":             "gambia",
		"the":                    "the",
		"Großbritannien":         "grossbritannien",
		"Færøerne":               "faeroerne",
		"Łódź, Đà Nẵng, Ðuro":    "lodz da nang duro",
		"IZMİR ısparta":          "izmir isparta",
		"Cœur":                   "coeur",
		"Королёв, Йемен":         "королев иемен",
		"الإمــارات العربيّة":    "الامارات العربيه",
		"مستشفى":                 "مستشفي",
		"کیش":                    "كيش",
		"Guinea-Bissau":          "guinea bissau",
		"Hong\u00A0Kong (China)": "hong kong china",
		"\u2068Japan\u2069":      "japan",
		"Ｊａｐａｎ":                  "japan",
		"!?.":                    "",
	} {
		if got := fold(s); got != want {
			t.Errorf("fold(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestFlags(t *testing.T) {
	for s, want := range map[string]struct {
		codes []string
		rest  string
	}{
		"🇯🇵":        {[]string{"JP"}, ""},
		"🇯🇵🇰🇷 trip": {[]string{"JP", "KR"}, " trip"},
		"🇯":         {nil, ""},
		"🇯 🇵":       {nil, " "},
		"plain":     {nil, "plain"},
		"x🇯🇵y🇩🇪z":   {[]string{"JP", "DE"}, "xyz"},
		"🏴󠁧󠁢󠁥󠁮󠁧󠁿":   {nil, "🏴󠁧󠁢󠁥󠁮󠁧󠁿"},
	} {
		if codes, rest := flags(s); !slices.Equal(codes, want.codes) || rest != want.rest {
			t.Errorf("flags(%q) = %v, %q", s, codes, rest)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"japan", "japan", 0},
		{"jaban", "japan", 1},
		{"japn", "japan", 1},
		{"jappan", "japan", 1},
		{"jpaan", "japan", 1},
		{"swizerlnad", "switzerland", 2},
		{"wsitzerlnad", "switzerland", 2},
		{"япнoия", "япония", 2},
	} {
		if got := distance(c.a, c.b, 2); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
