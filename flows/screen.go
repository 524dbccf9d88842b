package flows

import (
	"strconv"
	"strings"

	"esimbot/esim"
	"esimbot/locales"
)

// What one screen holds at most, so that it stays a screen.
const (
	rowsPerScreen    = 10
	placesPerPage    = 8  // one a row
	countriesOnePage = 18 // two a row
	countriesPerPage = 16 // two a row, with a row to turn pages
	lettersPerRow    = 6
	namesFolded      = 10 // countries named before "and 29 more"
	namesPerPage     = 80
	operatorsShown   = 4
)

type args = locales.Args

// press is a button that opens a page.
func press(text, data string) Button { return Button{Text: text, Data: data} }

// paragraphs joins what is not empty, with a blank line between.
func paragraphs(parts ...string) string { return join("\n\n", parts) }

// lines joins what is not empty, line by line.
func lines(parts ...string) string { return join("\n", parts) }

func join(sep string, parts []string) string {
	kept := make([]string, 0, len(parts))
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, sep)
}

// inRows lays buttons out, so many a row.
func inRows(buttons []Button, perRow int) [][]Button {
	rows := make([][]Button, 0, len(buttons)/perRow+1)
	for len(buttons) > perRow {
		rows = append(rows, buttons[:perRow:perRow])
		buttons = buttons[perRow:]
	}
	if len(buttons) > 0 {
		rows = append(rows, buttons)
	}
	return rows
}

// A leaf is one page of a long list: items from…to of page n of pages, counted from 1.
type leaf struct{ n, pages, from, to int }

// leafOf cuts total items into pages and returns the one asked for, the last where there are not
// so many any more.
func leafOf(total, perPage, n int) leaf {
	pages := max(1, (total+perPage-1)/perPage)
	n = min(max(n, 1), pages)
	return leaf{n: n, pages: pages, from: (n - 1) * perPage, to: min(n*perPage, total)}
}

// pager returns the row that turns pages, nil where there is one page. The middle says which page
// this is and opens it again.
func (p leaf) pager(l *locales.Localizer, words ...string) []Button {
	if p.pages < 2 {
		return nil
	}
	at := func(n int) string { return to(append(words, strconv.Itoa(n))...) }
	var row []Button
	if p.n > 1 {
		row = append(row, press(l.T("page_previous"), at(p.n-1)))
	}
	row = append(row, press(l.T("page_of", args{"Page": p.n, "Pages": p.pages}), at(p.n)))
	if p.n < p.pages {
		row = append(row, press(l.T("page_next"), at(p.n+1)))
	}
	return row
}

// pageNumber reads the number of a page from a route; 1 where there is none.
func pageNumber(words []string, at int) (int, error) {
	if at >= len(words) {
		return 1, nil
	}
	n, err := strconv.Atoi(words[at])
	if err != nil || n < 1 || n > 999 || strconv.Itoa(n) != words[at] {
		return 0, errStale
	}
	return n, nil
}

// withRows appends rows, leaving empty ones out.
func withRows(rows [][]Button, more ...[]Button) [][]Button {
	for _, r := range more {
		if len(r) > 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

func back(l *locales.Localizer, data string) Button { return press(l.T("back"), data) }

// money writes a price to stand inside text, isolated in languages that read right to left.
func money(l *locales.Localizer, m esim.Money) string { return l.Isolate(l.Money(m)) }

// data writes an amount of data to stand inside text.
func data(l *locales.Localizer, bytes int64) string { return l.Isolate(l.Data(bytes)) }

// bold makes plain text a title.
func bold(s string) string { return "<b>" + locales.Escape(s) + "</b>" }

// code shows text to tap and copy. The isolates stand outside, where they are not copied.
func code(l *locales.Localizer, s string) locales.HTML {
	return locales.HTML(l.Isolate("<code>" + locales.Escape(s) + "</code>"))
}

// allowance writes what data a plan gives.
func allowance(l *locales.Localizer, p esim.Plan) string { return l.Isolate(l.Allowance(p)) }

// planName names a plan in words: place, data and days.
func planName(l *locales.Localizer, p esim.Plan) string {
	return l.T("plan_name", args{"Place": l.Flagged(p.Destination), "Data": allowance(l, p), "Days": l.Isolate(l.Days(p.Days))})
}

// cutRunes shortens outside text to n runes.
func cutRunes(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return strings.TrimSpace(string(runes[:n-1])) + "…"
}

// listed joins names with the language's comma.
func listed(l *locales.Localizer, names []string) string {
	return strings.Join(names, l.T("list_comma"))
}
