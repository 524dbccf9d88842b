package flows

import (
	"context"
	"slices"
	"strings"

	"esimbot/catalog"
	"esimbot/esim"
)

// A filter is one choice of a filter menu. Its word stands in routes and sessions.
type filter struct {
	word string
	fits func(esim.Plan) bool
}

// lengthFilters sort plans by how long they last: a week, two, a month, more.
func lengthFilters() []filter {
	days := func(from, to int) func(esim.Plan) bool {
		return func(p esim.Plan) bool { return p.Days >= from && p.Days <= to }
	}
	return []filter{{"week", days(0, 7)}, {"fortnight", days(8, 15)}, {"month", days(16, 31)}, {"longer", days(32, 1<<30)}}
}

// sizeFilters sort plans by how much data they give.
func sizeFilters() []filter {
	size := func(above, upTo int64) func(esim.Plan) bool {
		return func(p esim.Plan) bool { return p.Kind == esim.Fixed && p.Bytes > above && p.Bytes <= upTo }
	}
	return []filter{
		{"small", size(-1, esim.GB)},
		{"medium", size(esim.GB, 5*esim.GB)},
		{"large", size(5*esim.GB, 1<<62)},
		{"unlimited", func(p esim.Plan) bool { return p.Kind != esim.Fixed }},
	}
}

func fits(filters []filter, word string, p esim.Plan) bool {
	for _, f := range filters {
		if f.word == word {
			return f.fits(p)
		}
	}
	return true
}

// fitting returns the plans that the session's filters let through, in their order.
func (v *visit) fitting(plans []esim.Plan) []esim.Plan {
	if v.session.Days == "" && v.session.Volume == "" {
		return plans
	}
	lengths, sizes := lengthFilters(), sizeFilters()
	kept := make([]esim.Plan, 0, len(plans))
	for _, p := range plans {
		if fits(lengths, v.session.Days, p) && fits(sizes, v.session.Volume, p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// filterRow leads to the two menus, and says what is chosen.
func (v *visit) filterRow(id string, plans []esim.Plan) []Button {
	if len(plans) < filterFrom && v.session.Days == "" && v.session.Volume == "" {
		return nil
	}
	return []Button{
		press(v.l.T("filter_open", args{"Choice": v.lengthName(v.session.Days)}), to("length", id)),
		press(v.l.T("filter_open", args{"Choice": v.sizeName(v.session.Volume)}), to("size", id)),
	}
}

func (v *visit) lengthName(word string) string {
	switch word {
	case "week":
		return v.l.T("filter_up_to", args{"Limit": v.l.Days(7)})
	case "fortnight":
		return v.l.T("filter_days", args{"From": 8, "To": 15})
	case "month":
		return v.l.T("filter_days", args{"From": 16, "To": 31})
	case "longer":
		return v.l.T("filter_over", args{"Limit": v.l.Days(31)})
	default:
		return v.l.T("filter_any_length")
	}
}

func (v *visit) sizeName(word string) string {
	switch word {
	case "small":
		return v.l.T("filter_up_to", args{"Limit": v.l.Isolate(v.l.Data(esim.GB))})
	case "medium":
		return v.l.T("filter_up_to", args{"Limit": v.l.Isolate(v.l.Data(5 * esim.GB))})
	case "large":
		return v.l.T("filter_over", args{"Limit": v.l.Isolate(v.l.Data(5 * esim.GB))})
	case "unlimited":
		return v.l.T("filter_unlimited")
	default:
		return v.l.T("filter_any_size")
	}
}

// lengths is the menu of lengths, or the choice made there.
func (v *visit) lengths(ctx context.Context, words []string) (Reply, error) {
	return v.filterMenu(ctx, "length", words, lengthFilters(), &v.session.Days, v.lengthName)
}

// sizes is the menu of sizes, or the choice made there.
func (v *visit) sizes(ctx context.Context, words []string) (Reply, error) {
	return v.filterMenu(ctx, "size", words, sizeFilters(), &v.session.Volume, v.sizeName)
}

func (v *visit) filterMenu(ctx context.Context, menu string, words []string, filters []filter, chosen *string, name func(string) string) (Reply, error) {
	id := words[0]
	if _, ok := v.snap.Place(id); !ok {
		return Reply{}, errStale
	}
	if len(words) == 2 {
		word := words[1]
		known := slices.ContainsFunc(filters, func(f filter) bool { return f.word == word })
		if word != "any" && !known {
			return Reply{}, errStale
		}
		if *chosen = word; word == "any" {
			*chosen = ""
		}
		return v.open(ctx, to("plans", id))
	}
	rows := [][]Button{{v.filterChoice(menu, id, "", *chosen, name)}}
	for _, f := range filters {
		if slices.ContainsFunc(v.snap.Plans(id), f.fits) {
			rows = append(rows, []Button{v.filterChoice(menu, id, f.word, *chosen, name)})
		}
	}
	rows = append(rows, []Button{back(v.l, to("plans", id))})
	return v.show(Screen{Name: menu, HTML: v.l.H("filter_" + menu), Rows: rows}), nil
}

func (v *visit) filterChoice(menu, id, word, chosen string, name func(string) string) Button {
	text, data := name(word), word
	if word == "" {
		data = "any"
	}
	if word == chosen {
		text = v.l.T("chosen", args{"Choice": text})
	}
	return press(text, to(menu, id, data))
}

// unfiltered takes both filters off.
func (v *visit) unfiltered(ctx context.Context, words []string) (Reply, error) {
	v.session.Days, v.session.Volume = "", ""
	return v.open(ctx, to("plans", words[0]))
}

// nothingFits says that the filters, kept from another destination perhaps, let nothing through.
func (v *visit) nothingFits(place catalog.Place) Reply {
	id := place.Destination.ID()
	var chosen []string
	if v.session.Days != "" {
		chosen = append(chosen, v.lengthName(v.session.Days))
	}
	if v.session.Volume != "" {
		chosen = append(chosen, v.sizeName(v.session.Volume))
	}
	html := v.l.H("nothing_fits", args{"Place": v.l.Flagged(place.Destination), "Choice": strings.Join(chosen, " · ")})
	return v.show(Screen{Name: "nothing_fits", HTML: paragraphs(v.notice, html), Rows: [][]Button{
		{{Text: v.l.T("button_show_all"), Data: to("any", id), Style: Primary}},
		{press(v.l.T("filter_open", args{"Choice": v.lengthName(v.session.Days)}), to("length", id)),
			press(v.l.T("filter_open", args{"Choice": v.sizeName(v.session.Volume)}), to("size", id))},
		{back(v.l, v.listPage())},
	}})
}
