package flows

import (
	"context"
	"html"
	"strings"
	"unicode/utf16"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

const (
	// maxCaption and maxText are the Bot API's limits after the HTML is read, in UTF-16 units.
	maxCaption = 1024
	maxText    = 4096
	// maxCopy is how many characters a copy button takes.
	maxCopy = 256
)

// Delivery is what the buyer gets: the QR photo with the codes, then the install guide; for a top-up
// what was added. It is empty for an order that nothing was bought for yet, or nothing to install.
func (s *Shop) Delivery(o *orders.Order, lang string) []Screen {
	l := s.cfg.Bundle.For(lang)
	switch {
	case o.Bought == nil:
		return nil
	case o.Kind == orders.KindTopUp:
		return []Screen{toppedUp(l, o)}
	case !o.Bought.Profile.Ready():
		return nil
	}
	after := guideScreen(l, [][]Button{
		{{Text: l.T("button_my_esim"), Data: to("esim", string(o.ID)), Style: Primary}},
		{s.companion(l, o)},
		append(receipt(l, o), press(l.T("button_help"), "help")),
	})
	return []Screen{photo(l, o), after}
}

// toppedUp says what a top-up added, by the eSIM's numbers before and after where they are known.
func toppedUp(l *locales.Localizer, o *orders.Order) Screen {
	left, until, lag := "", "", ""
	if o.Plan.Provider == esim.Mobilexy && o.Plan.Kind == esim.Fixed {
		lag = l.H("topup_later")
	}
	if before, after := o.Attempt.Before, o.Bought.After; after != nil {
		if was, is := before.Left(), after.Left(); was >= 0 && is > was {
			left = l.H("topup_left", args{"Before": data(l, was), "After": data(l, is)})
			if lag != "" {
				lag = l.H("topup_lag")
			}
		}
		if !after.ExpiresAt.IsZero() {
			until = l.H("topup_until", args{"Date": l.Isolate(l.Date(after.ExpiresAt))})
		}
	}
	return Screen{
		Name: "topup_done",
		HTML: paragraphs(bold(topUpName(l, o.Plan)), l.H("topup_done", args{"Data": allowance(l, o.Plan)}), lines(left, lag, until)),
		Rows: withRows(nil, []Button{{Text: l.T("button_my_esim"), Data: to("left", string(o.ESIM)), Style: Primary}}, receipt(l, o)),
	}
}

// photo is the QR code with everything that installs the eSIM. Its buttons stay in the chat for
// years, so what they name is kept working.
func photo(l *locales.Localizer, o *orders.Order) Screen {
	profile, id := o.Bought.Profile, string(o.ID)
	screen := Screen{
		Name:  "esim_photo",
		Photo: &Photo{FileID: o.Photo.FileID, Code: profile.Code, Image: profile.Image},
	}
	steps := press(l.T("button_steps"), to("install", id))
	last := []Button{press(l.T("button_data_left"), to("left", id)), press(l.T("button_top_up"), to("topup", id))}
	title := bold(planName(l, o.Plan))
	number := ""
	if profile.PhoneNumber != "" {
		number = l.H("photo_number", args{"Number": code(l, cutRunes(profile.PhoneNumber, 32))})
	}
	if profile.Code.IsZero() {
		screen.HTML = caption(paragraphs(title, l.H("photo_scan")), paragraphs(number, l.H("photo_once")))
		screen.Rows = [][]Button{{steps}, last}
		return screen
	}
	lpa := profile.Code.Reveal()
	apart := lines(l.H("photo_address"), codeLine(l, profile.Code.Address()), l.H("photo_code"), codeLine(l, profile.Code.MatchingID()))
	whole := lines(l.H("photo_whole"), codeLine(l, lpa))
	must := paragraphs(title, l.H("photo_install"), lines(apart, whole))
	if textLength(must) > maxCaption { // half a code installs nothing: its parts stand in the whole
		must = paragraphs(title, l.H("photo_install"), whole)
	}
	screen.HTML = caption(must, number, l.H("photo_once"), l.H("photo_trouble"))
	screen.Rows = [][]Button{
		{{Text: l.T("button_iphone"), URL: profile.Code.AppleInstallURL(), Style: Primary}},
		{{Text: l.T("button_android"), URL: profile.Code.AndroidInstallURL(), Style: Primary}},
		{{Text: l.T("button_copy"), Copy: lpa}, steps},
		last,
	}
	if len(lpa) > maxCopy {
		screen.Rows[2] = []Button{steps}
	}
	return screen
}

// codeLine is a line of its own to tap and copy.
func codeLine(l *locales.Localizer, s string) string { return l.Begin(string(code(l, s))) }

// caption joins what must be said with as much of the rest as a caption holds: what comes first
// counts most.
func caption(must string, rest ...string) string {
	text := must
	for _, r := range rest {
		if longer := paragraphs(text, r); textLength(longer) <= maxCaption {
			text = longer
		}
	}
	return text
}

// textLength measures HTML as the Bot API does: without tags, entities read, in UTF-16 units.
func textLength(s string) int {
	var b strings.Builder
	for s != "" {
		text, rest, _ := strings.Cut(s, "<")
		b.WriteString(text)
		_, s, _ = strings.Cut(rest, ">")
	}
	return len(utf16.Encode([]rune(html.UnescapeString(b.String()))))
}

// qr shows an eSIM's QR code again, as a message of its own like the first one.
func (v *visit) qr(ctx context.Context, words []string) (Reply, error) {
	o, err := v.own(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	v.session.Page = to("esim", words[0])
	if o.Bought == nil || !o.Bought.Profile.Ready() {
		// Deleted on the customer's wish, or not made yet.
		return v.show(Screen{Name: "qr_missing", HTML: v.l.H("qr_missing"), Rows: [][]Button{{back(v.l, v.session.Page)}}}), nil
	}
	r, err := v.open(ctx, v.session.Page)
	r.More = append(r.More, photo(v.l, o))
	return r, err
}

// guide explains the installing step by step. Its argument is the eSIM it is for, and is not
// looked at: the steps are the same for all.
func (v *visit) guide(_ context.Context, words []string) (Reply, error) {
	if len(words) == 0 {
		return v.show(guideScreen(v.l, [][]Button{{back(v.l, "help")}})), nil
	}
	if id, err := orders.ParseID(words[0]); err != nil || string(id) != words[0] {
		return Reply{}, errStale
	}
	return v.show(guideScreen(v.l, [][]Button{{back(v.l, to("esim", words[0]))}})), nil
}

func guideScreen(l *locales.Localizer, rows [][]Button) Screen {
	return Screen{Name: "guide", HTML: paragraphs(l.H("guide_title"), l.H("guide_iphone"), l.H("guide_android"), l.H("guide_arrival")), Rows: rows}
}
