package flows

import (
	"esimbot/esim"
	"esimbot/locales"
	"esimbot/usage"
)

// NoticeScreen is a message that goes out by itself about an eSIM: data that runs low or is used up,
// the end of validity, one that was never online, one whose ICCID isn't known. options are what can be
// added to the eSIM, if its provider could be asked: two or three fitting ones stand there as price
// buttons, one tap from paying. Its buttons stay in the chat for years, so what they name is kept
// working.
func (s *Shop) NoticeScreen(e *usage.ESIM, n usage.Notice, options []esim.Plan, lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	screen := Screen{Name: "notice_" + string(n.Topic)}
	switch n.Topic {
	case usage.TopicOffline:
		screen.HTML = paragraphs(l.H("notice_offline", args{"Name": esimName(l, e)}), l.H("notice_offline_steps"), l.H("notice_offline_home"))
		screen.Rows = [][]Button{
			{{Text: l.T("button_steps"), Data: to("install", e.ID), Style: Primary}, press(l.T("button_support"), to("reply", e.ID))},
		}
	case usage.TopicLink:
		screen.HTML = paragraphs(lines(l.H("notice_link"), locales.Escape(esimName(l, e))), l.H("link_why"))
		screen.Rows = [][]Button{{{Text: l.T("button_number"), Data: to("number", e.ID), Style: Primary}}}
	default:
		more := s.offers(l, e, options)
		screen.HTML = paragraphs(s.noticeText(l, e, n), s.noticeWay(l, e, n.Topic, len(more) > 1))
		screen.Rows = more
	}
	screen.Rows = append(screen.Rows, []Button{press(l.T("button_later"), to("later", e.ID)), press(l.T("button_no_more"), to("mute", e.ID))})
	return screen
}

// noticeText says what is the matter.
func (s *Shop) noticeText(l *locales.Localizer, e *usage.ESIM, n usage.Notice) string {
	now := s.cfg.Now()
	a := args{"Name": esimName(l, e), "Total": data(l, e.TotalBytes), "Left": data(l, n.Left)}
	switch n.Topic {
	case usage.TopicUsedUp:
		return lines(l.H("notice_used_up", a), asOf(l, e, now))
	case usage.TopicExpiry:
		key, left := "notice_expiry", ""
		if e.About {
			key = "notice_expiry_about"
		}
		a["Date"], a["Time"] = l.Isolate(l.Date(e.ExpiresAt)), span(l, e.ExpiresAt.Sub(now))
		if n.Left > 0 {
			left = l.H("notice_expiry_left", a)
		}
		return lines(l.H(key, a), left)
	default:
		pace := ""
		if n.EmptyIn > 0 && n.EmptyIn <= longForecast {
			pace = l.H("notice_pace", args{"Time": span(l, n.EmptyIn)})
		}
		return lines(l.H("notice_low", a), pace, asOf(l, e, now))
	}
}

// noticeWay leads over to the buttons. priced says that there are prices to choose from.
func (s *Shop) noticeWay(l *locales.Localizer, e *usage.ESIM, about usage.Topic, priced bool) string {
	switch {
	case !s.canTopUp(e):
		return l.H("notice_new")
	case about == usage.TopicExpiry:
		return l.H("notice_longer")
	case priced:
		return l.H("notice_add")
	default:
		return ""
	}
}

// offers returns a button for each of the picks among options; where nothing is known of them, one
// that asks for them, or that leads to a new eSIM.
func (s *Shop) offers(l *locales.Localizer, e *usage.ESIM, options []esim.Plan) [][]Button {
	if !s.canTopUp(e) {
		return [][]Button{{{Text: l.T("button_new_esim"), Data: to("topup", e.ID), Style: Primary}}}
	}
	plans := fitting(e, options)
	best := bestOf(plans)
	var rows [][]Button
	for _, p := range picks(e, plans) {
		b := topUpButton(l, "topup_button", p, best)
		b.Data = wish{ref: p.Ref(), esim: e}.offered(p.Retail.Minor)
		rows = append(rows, []Button{b})
	}
	all := []Button{press(l.T("button_top_up"), to("topup", e.ID))}
	if len(rows) > 0 {
		all[0].Text = l.T("button_all_topups")
	}
	return coloured(append(rows, all))
}
