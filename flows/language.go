package flows

import (
	"context"
	"slices"
)

// language shows the languages by their own names, or takes the choice. Everything is in the new
// language from then on, this page first.
func (v *visit) language(_ context.Context, words []string) (Reply, error) {
	bundle := v.shop.cfg.Bundle
	if len(words) == 1 {
		if !slices.Contains(bundle.Languages(), words[0]) {
			return Reply{}, errStale
		}
		v.customer.Language, v.customer.Chosen, v.changed = words[0], true, true
		v.l = bundle.For(words[0])
		v.session.Page = "lang"
	}
	var buttons []Button
	for _, lang := range bundle.Languages() {
		text := bundle.Name(lang)
		if lang == v.l.Lang() {
			text = v.l.T("chosen", args{"Choice": text})
		}
		buttons = append(buttons, press(text, to("lang", lang)))
	}
	rows := withRows(inRows(buttons, 2), []Button{back(v.l, "start")})
	return v.show(Screen{Name: "language", HTML: v.l.H("language"), Rows: rows}), nil
}
