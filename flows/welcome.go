package flows

import (
	"context"

	"esimbot/locales"
)

// menu is the ways on from anywhere.
func menu(l *locales.Localizer) [][]Button {
	return [][]Button{
		{{Text: l.T("button_choose"), Data: "dest", Style: Primary}},
		{press(l.T("button_esims"), "esims"), press(l.T("button_help"), "help")},
		{press(l.T("button_language"), "lang")},
	}
}

// welcome greets; a returning customer sees the newest eSIM on top.
func (v *visit) welcome(ctx context.Context, _ []string) (Reply, error) {
	v.session.Sought, v.session.From = "", ""
	screen := Screen{Name: "welcome", HTML: paragraphs(v.notice, v.l.H("welcome")), Rows: menu(v.l)}
	if v.in.Customer.ID == 0 {
		return v.show(screen), nil // nobody new has eSIMs: no need to look
	}
	held, err := v.shop.cfg.ESIMs.ByCustomer(ctx, v.in.User)
	if err != nil {
		return Reply{}, err
	}
	if len(held) == 0 {
		return v.show(screen), nil
	}
	newest := held[0]
	for _, e := range held {
		if !e.Past(v.now) {
			newest = e
			break
		}
	}
	screen.Name = "welcome_back"
	screen.HTML = paragraphs(v.notice, lines(v.l.H("welcome_back"), locales.Escape(esimLine(v.l, newest, v.now))), v.l.H("welcome_next"))
	screen.Rows = append([][]Button{{{Text: v.l.T("button_newest"), Data: to("esim", newest.ID), Style: Primary}}}, screen.Rows...)
	screen.Rows[1] = []Button{press(v.l.T("button_choose"), "dest")}
	return v.show(screen), nil
}
