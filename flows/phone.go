package flows

import "context"

// phone says how to find out whether a phone can take an eSIM. Its argument is where to go back
// to: a destination or a plan.
func (v *visit) phone(_ context.Context, words []string) (Reply, error) {
	parent, next := "help", Button{Text: v.l.T("button_choose"), Data: "dest", Style: Primary}
	if len(words) == 1 {
		if p, ok := sold(v.snap, words[0]); ok {
			parent = to("plan", words[0])
			next = Button{Text: v.l.T("button_buy", args{"Price": money(v.l, p.Retail)}), Data: buyRoute(p), Style: Primary}
		} else if _, ok := v.snap.Place(words[0]); ok {
			parent = to("plans", words[0])
			next = Button{Text: v.l.T("button_phone_able"), Data: parent, Style: Primary}
		} else {
			return Reply{}, errStale
		}
	}
	v.session.PhoneHint = true
	html := paragraphs(v.l.H("phone_title"), v.l.H("phone_dial"), v.l.H("phone_models", args{"Models": v.phoneModels()}), v.l.H("phone_unlocked"))
	return v.show(Screen{Name: "phone", HTML: html, Rows: [][]Button{{next}, {back(v.l, parent)}}}), nil
}

// phoneModels names the oldest of the families that take eSIMs: makers' names, alike in every language.
func (v *visit) phoneModels() string {
	models := []string{
		"iPhone\u00A0XS", "XR", "SE\u00A02020", "Samsung Galaxy\u00A0S20", "Z\u00A0Flip", "Z\u00A0Fold",
		"Google Pixel\u00A04", "Xiaomi\u00A012T\u00A0Pro", "Oppo Find\u00A0X3\u00A0Pro", "Motorola Razr",
	}
	for i, m := range models {
		models[i] = v.l.Isolate(m)
	}
	return listed(v.l, models)
}
