package flows

import (
	"context"
	"strings"
)

// phone says how to find out whether a phone can take an eSIM. Its argument is where to go back
// to: a destination or a plan.
func (v *visit) phone(_ context.Context, words []string) (Reply, error) {
	parent, next := "help", Button{Text: v.l.T("button_choose"), Data: "dest", Style: Primary}
	if len(words) == 1 {
		if p, ok := v.sold(words[0]); ok {
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
	html := paragraphs(v.l.H("phone_title"), v.l.H("phone_dial"), v.l.H("phone_models", args{"Models": v.l.Isolate(phoneModels(v.l.T("list_comma")))}), v.l.H("phone_unlocked"))
	return v.show(Screen{Name: "phone", HTML: html, Rows: [][]Button{{next}, {back(v.l, parent)}}}), nil
}

// phoneModels names the usual families that take eSIMs: makers' names, alike in every language.
func phoneModels(comma string) string {
	return strings.Join([]string{
		"iPhone XS, XR, SE 2020 +", "Samsung Galaxy S20 +", "Galaxy Z Flip, Fold", "Google Pixel 4 +", "Xiaomi 12T Pro, 13 +", "Oppo Find X3 Pro +", "Huawei P40", "Motorola Razr",
	}, comma)
}
