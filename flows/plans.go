package flows

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/locales"
)

// filterFrom is the number of plans from which filters are worth their row.
const filterFrom = 5

// plans lists what is sold for a destination, cheapest first.
func (v *visit) plans(_ context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 1)
	if err != nil {
		return Reply{}, err
	}
	place, ok := v.snap.Place(words[0])
	if !ok {
		return v.uncovered(words[0])
	}
	all := v.snap.Plans(words[0])
	fitting := v.fitting(all)
	if len(fitting) == 0 {
		return v.nothingFits(place), nil
	}
	below := v.belowPlans(place, all)
	leaf := plansLeaf(len(fitting), n, rowsPerScreen-len(below))
	best := v.snap.Best(words[0])
	rows := make([][]Button, 0, rowsPerScreen)
	marked := false
	for _, p := range fitting[leaf.from:leaf.to] {
		button, isBest := v.planButton(p, best)
		if isBest {
			button.Style, marked = Primary, true
		}
		rows = append(rows, []Button{button})
	}
	rows = append(withRows(rows, leaf.pager(v.l, "plans", words[0])), below...)
	return v.show(Screen{Name: "plans", HTML: v.plansText(place, fitting[leaf.from:leaf.to], marked), Rows: rows}), nil
}

// belowPlans returns the rows below a destination's plans, the same on each page.
func (v *visit) belowPlans(place catalog.Place, all []esim.Plan) [][]Button {
	id := place.Destination.ID()
	last := []Button{press(v.l.T("button_my_phone"), to("phone", id)), back(v.l, v.listPage())}
	return withRows(nil, v.filterRow(id, all), v.coversRow(place), last)
}

// plansText says what the buttons don't: the place, its networks, and what the marks mean.
func (v *visit) plansText(place catalog.Place, shown []esim.Plan, best bool) string {
	var marks []string
	if best {
		marks = append(marks, v.l.H("mark_best"))
	}
	if slices.ContainsFunc(shown, func(p esim.Plan) bool { return strings.HasSuffix(v.l.Allowance(p), "*") }) {
		marks = append(marks, v.l.H("mark_fair_use"))
	}
	if slices.ContainsFunc(shown, esim.Plan.HasVoice) {
		marks = append(marks, v.l.H("mark_voice"))
	}
	return paragraphs(
		v.notice,
		lines(bold(v.l.Flagged(place.Destination)), networks(v.l, place.Operators, place.Speeds)),
		v.folded(place.Countries),
		v.soughtOf(place),
		lines(marks...),
	)
}

// soughtOf says on a region's page whether the country searched for is in it.
func (v *visit) soughtOf(place catalog.Place) string {
	if place.Destination.Kind == esim.Country {
		return ""
	}
	return v.soughtLine(place.Countries)
}

// coversRow opens the countries that the page folds away.
func (v *visit) coversRow(place catalog.Place) []Button {
	if len(place.Countries) <= namesFolded+1 {
		return nil
	}
	return []Button{press(v.l.N("button_covers", len(place.Countries)-namesFolded), to("covers", place.Destination.ID()))}
}

// planButton writes data, validity and price, and the marks, and says whether it is the best plan's.
func (v *visit) planButton(p esim.Plan, best string) (b Button, isBest bool) {
	ref, text := p.Ref(), v.l.PlanTitle(p)
	if p.HasVoice() {
		text = v.l.T("plan_voice", args{"Plan": text})
	}
	if isBest = ref == best; isBest {
		text = v.l.T("plan_best", args{"Plan": text})
	}
	return press(text, to("plan", ref)), isBest
}

// networks says who carries the data and how fast, as far as it is known.
func networks(l *locales.Localizer, operators, speeds []string) string {
	shown := make([]string, 0, operatorsShown)
	for _, o := range operators[:min(len(operators), operatorsShown)] {
		shown = append(shown, l.Isolate(cutRunes(o, 40)))
	}
	names := listed(l, shown)
	if more := len(operators) - len(shown); more > 0 {
		names = l.N("networks_more", more, args{"Names": names})
	}
	fast := l.Isolate(strings.Join(speeds, "/"))
	switch {
	case len(shown) > 0 && len(speeds) > 0:
		return l.H("networks_speeds", args{"Names": names, "Speeds": fast})
	case len(shown) > 0:
		return l.H("networks", args{"Names": names})
	case len(speeds) > 0:
		return l.H("speeds", args{"Speeds": fast})
	default:
		return ""
	}
}

// uncovered answers for a country that has no plans of its own: what else works there.
func (v *visit) uncovered(id string) (Reply, error) {
	iso, ok := strings.CutPrefix(id, "c_")
	iso = strings.ToUpper(iso)
	if _, known := slices.BinarySearch(locales.Countries(), iso); !ok || !known || id != strings.ToLower(id) {
		return Reply{}, errStale
	}
	if !v.snap.Loaded() {
		return v.opening(), nil
	}
	v.session.Sought = id
	wide := v.snap.Covering(iso)
	wide = wide[:min(len(wide), placesPerPage)]
	key := "uncovered"
	if len(wide) == 0 {
		key = "unsold"
	}
	rows := withRows(v.placeRows(wide), []Button{back(v.l, "dest")})
	return v.show(Screen{Name: key, HTML: v.l.H(key, args{"Place": v.flagged(iso)}), Rows: rows}), nil
}

// flagged is a country by its ISO code, on sale or not.
func (v *visit) flagged(iso string) string {
	return v.l.Flagged(esim.Destination{Kind: esim.Country, Code: iso})
}

// listPage is the list that the plans were reached from.
func (v *visit) listPage() string {
	if v.session.From != "" {
		return v.session.From
	}
	return "dest"
}

// plansLeaf lays plans out in so many rows, one of which turns the pages where there are several.
func plansLeaf(total, n, rows int) leaf {
	if total > rows {
		rows--
	}
	return leafOf(total, rows, n)
}

// plansPage is the route of the page of plans on which p stands.
func (v *visit) plansPage(p esim.Plan) string {
	id := p.Destination.ID()
	place, _ := v.snap.Place(id)
	all := v.snap.Plans(id)
	fitting := v.fitting(all)
	i := slices.IndexFunc(fitting, func(q esim.Plan) bool { return q.Same(p) })
	rows := rowsPerScreen - len(v.belowPlans(place, all))
	for n := 1; ; n++ {
		leaf := plansLeaf(len(fitting), n, rows)
		if i >= leaf.to && leaf.n < leaf.pages {
			continue
		}
		if n == 1 {
			return to("plans", id)
		}
		return to("plans", id, strconv.Itoa(n))
	}
}
