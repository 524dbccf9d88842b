package flows

import (
	"context"
	"slices"
	"strings"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/locales"
)

// popularShown is how many popular destinations have a button, two a row.
const popularShown = 8

// sensible is what most travellers look for, until there are sales.
func sensible() []string {
	return []string{"c_tr", "c_th", "c_us", "c_jp", "c_it", "c_es", "c_fr", "c_gb", "c_ae", "c_de", "c_id", "c_gr"}
}

// destinations asks where to.
func (v *visit) destinations(_ context.Context, _ []string) (Reply, error) {
	v.session.Sought, v.session.From = "", "dest"
	if !v.snap.Loaded() {
		return v.opening(), nil
	}
	rows := inRows(v.popular(), 2)
	var wide []Button
	if len(v.snap.Regions()) > 0 {
		wide = append(wide, press(v.l.T("button_regions"), "regions"))
	}
	if g, ok := v.snap.Global(); ok {
		wide = append(wide, press(v.l.Flagged(g.Destination), to("plans", g.Destination.ID())))
	}
	rows = withRows(rows, wide, []Button{press(v.l.T("button_az"), "az")}, []Button{back(v.l, "start")})
	return v.show(Screen{Name: "destinations", HTML: paragraphs(v.notice, v.l.H("destinations")), Rows: rows}), nil
}

// opening answers while no plan is on sale: the catalogue's first load takes a moment.
func (v *visit) opening() Reply {
	return v.show(Screen{Name: "opening", HTML: v.l.H("opening"), Rows: [][]Button{
		{{Text: v.l.T("button_try_again"), Data: "dest", Style: Primary}}, {back(v.l, "start")},
	}})
}

// popular returns buttons of what sells, filled up from the sensible list.
func (v *visit) popular() []Button {
	buttons := make([]Button, 0, popularShown)
	var seen []string
	for _, id := range slices.Concat(v.shop.cfg.Popularity.Popular(v.l.Lang()), sensible()) {
		p, ok := v.snap.Place(id)
		if !ok || p.Destination.Kind != esim.Country || slices.Contains(seen, id) {
			continue
		}
		seen = append(seen, id)
		buttons = append(buttons, press(v.l.Flagged(p.Destination), to("plans", id)))
		if len(buttons) == popularShown {
			break
		}
	}
	return buttons
}

// regions lists the regions.
func (v *visit) regions(_ context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 0)
	if err != nil {
		return Reply{}, err
	}
	v.session.From = v.session.Page
	places := v.snap.Widest()
	leaf := leafOf(len(places), placesPerPage, n)
	rows := v.placeRows(places[leaf.from:leaf.to])
	rows = withRows(rows, leaf.pager(v.l, "regions"), []Button{back(v.l, "dest")})
	return v.show(Screen{Name: "regions", HTML: v.l.H("regions"), Rows: rows}), nil
}

// placeRows returns one row a place, with its lowest price.
func (v *visit) placeRows(places []catalog.Place) [][]Button {
	rows := make([][]Button, 0, len(places)+3)
	for _, p := range places {
		key, name := "place_button", cutRunes(v.l.Flagged(p.Destination), 48)
		if p.Destination.Kind != esim.Country && len(p.Countries) > 1 && !strings.Contains(name, "(") {
			key = "places_button"
		}
		text := v.l.T(key, args{"Place": name, "Count": len(p.Countries), "Price": money(v.l, p.From)})
		rows = append(rows, []Button{press(text, to("plans", p.Destination.ID()))})
	}
	return rows
}

// letters lists the letters that countries start with, or a letter's countries: two taps to any.
func (v *visit) letters(_ context.Context, words []string) (Reply, error) {
	places := v.snap.Countries()
	codes := make([]string, 0, len(places))
	for _, p := range places {
		codes = append(codes, p.Destination.Code)
	}
	v.session.From = v.session.Page
	filed := func(c string) bool { return len(words) > 0 && v.l.Letter(c) == words[0] }
	if !slices.ContainsFunc(codes, filed) { // none yet, or a letter of another language's alphabet
		v.session.Page = "az"
		letters := v.l.Letters(codes)
		buttons := make([]Button, 0, len(letters))
		for _, letter := range letters {
			buttons = append(buttons, press(letter, to("az", letter)))
		}
		rows := withRows(inRows(buttons, lettersPerRow), []Button{back(v.l, "dest")})
		return v.show(Screen{Name: "letters", HTML: v.l.H("letters"), Rows: rows}), nil
	}
	letter := words[0]
	n, err := pageNumber(words, 1)
	if err != nil {
		return Reply{}, err
	}
	codes = v.l.Collate(slices.DeleteFunc(codes, func(c string) bool { return !filed(c) }))
	perPage := countriesOnePage
	if len(codes) > perPage {
		perPage = countriesPerPage
	}
	leaf := leafOf(len(codes), perPage, n)
	buttons := make([]Button, 0, leaf.to-leaf.from)
	for _, c := range codes[leaf.from:leaf.to] {
		d := esim.Destination{Kind: esim.Country, Code: c}
		buttons = append(buttons, press(v.l.Flagged(d), to("plans", d.ID())))
	}
	rows := withRows(inRows(buttons, 2), leaf.pager(v.l, "az", letter), []Button{back(v.l, "az")})
	return v.show(Screen{Name: "letter", HTML: v.l.H("letter", args{"Letter": letter}), Rows: rows}), nil
}

// covers names every country of a region or of the world.
func (v *visit) covers(_ context.Context, words []string) (Reply, error) {
	p, ok := v.snap.Place(words[0])
	if !ok || len(p.Countries) == 0 {
		return Reply{}, errStale
	}
	return v.countries("covers", p.Destination, p.Countries, words, to("plans", words[0]))
}

// countries is a page that names where something works.
func (v *visit) countries(word string, d esim.Destination, codes, words []string, parent string) (Reply, error) {
	n, err := pageNumber(words, 1)
	if err != nil {
		return Reply{}, err
	}
	leaf := leafOf(len(codes), namesPerPage, n)
	html := paragraphs(
		v.l.HN("covers", len(codes), args{"Place": v.l.Flagged(d)}),
		v.soughtLine(codes),
		locales.Escape(v.names(v.l.Collate(slices.Clone(codes))[leaf.from:leaf.to])),
	)
	return v.show(Screen{Name: word, HTML: html, Rows: withRows(nil, leaf.pager(v.l, word, words[0]), []Button{back(v.l, parent)})}), nil
}

func (v *visit) names(codes []string) string {
	names := make([]string, 0, len(codes))
	for _, c := range codes {
		names = append(names, v.l.Country(c))
	}
	return listed(v.l, names)
}

// folded names the first countries, and counts the rest.
func (v *visit) folded(codes []string) string {
	if len(codes) < 2 {
		return ""
	}
	sorted := v.l.Collate(slices.Clone(codes))
	if len(sorted) <= namesFolded+1 {
		return v.l.H("works_in", args{"Names": v.names(sorted)})
	}
	return v.l.HN("works_in_more", len(sorted), args{"Names": v.names(sorted[:namesFolded])})
}

// soughtLine says whether the country last searched for is among codes.
func (v *visit) soughtLine(codes []string) string {
	iso, ok := strings.CutPrefix(v.session.Sought, "c_")
	if !ok || len(codes) == 0 {
		return ""
	}
	iso = strings.ToUpper(iso)
	key := "sought_out"
	if slices.Contains(codes, iso) {
		key = "sought_in"
	}
	return v.l.H(key, args{"Country": v.l.Country(iso)})
}
