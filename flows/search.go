package flows

import (
	"context"
	"strconv"
	"strings"

	"esimbot/esim"
)

// maxQuery is how many runes of a query are read.
const maxQuery = 100

// find shows what a search finds; its route keeps the search, so that Back leads to it.
func (v *visit) find(_ context.Context, words []string) (Reply, error) {
	return v.search(words[0]), nil
}

// search shows the places with that name, or the nearest names there are.
func (v *visit) search(typed string) Reply {
	shown := cutRunes(strings.Join(strings.Fields(strings.ToValidUTF8(typed, "")), " "), maxQuery)
	query := strings.Join(strings.Fields(strings.ReplaceAll(shown, "/", " ")), " ") // as part of a route
	if v.session.Page = to("find", query); query == "" {
		v.session.Page = "dest"
	}
	v.session.From = v.session.Page
	if !v.snap.Loaded() {
		return v.opening()
	}
	found := v.snap.Search(query, v.l.Lang(), placesPerPage)
	v.session.Sought = ""
	if found.Country != "" {
		v.session.Sought = esim.Destination{Kind: esim.Country, Code: found.Country}.ID()
	}
	all := press(v.l.T("button_destinations"), "dest")
	if len(found.Places) > 0 {
		if first := found.Places[0].Destination; first.Kind == esim.Country {
			v.session.Sought = first.ID()
		}
		rows := withRows(v.placeRows(found.Places), []Button{all})
		rows[0][0].Style = Primary
		return v.show(Screen{Name: "found", HTML: v.l.HN("found", len(found.Places)), Rows: rows})
	}
	rows := v.placeRows(found.Near)
	html := v.l.H("found_nothing", args{"Query": v.l.Isolate(shown)})
	if found.Country != "" {
		html = v.l.H("unsold", args{"Place": v.flagged(found.Country)})
	}
	if len(rows) > 0 {
		html = paragraphs(html, v.l.H("did_you_mean"))
	}
	rows = withRows(rows, []Button{all}, []Button{press(v.l.T("button_to_support"), v.toSupport(typed))})
	return v.show(Screen{Name: "found_nothing", HTML: html, Rows: rows})
}

// toSupport is where a search that found nothing can be sent to support: as it was typed, while that
// is known.
func (v *visit) toSupport(typed string) string {
	if e := v.in.Event; e.Kind == EventText && e.Sent != 0 {
		v.session.Unfound = &Typed{Message: e.Sent, Text: cutRunes(strings.TrimSpace(e.Text), maxTyped)}
	}
	if u := v.session.Unfound; u != nil && queryOf(u.Text) == queryOf(typed) {
		return to("tell", strconv.Itoa(u.Message))
	}
	return "ask"
}

// queryOf is a typed text as a search's route keeps it.
func queryOf(typed string) string {
	shown := cutRunes(strings.Join(strings.Fields(strings.ToValidUTF8(typed, "")), " "), maxQuery)
	return strings.Join(strings.Fields(strings.ReplaceAll(shown, "/", " ")), " ")
}
