package flows

import (
	"context"
	"strconv"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/locales"
)

// plan is a plan's own page: all one should know before buying.
func (v *visit) plan(_ context.Context, words []string) (Reply, error) {
	p, ok := sold(v.snap, words[0])
	if !ok {
		return Reply{}, errStale
	}
	hint := ""
	if v.customer.Bought == 0 && !v.session.PhoneHint {
		hint = v.l.H("plan_phone_hint")
		v.session.PhoneHint = true
	}
	html := paragraphs(
		v.notice,
		lines(bold(planName(v.l, p)), priceLine(v.l, p)),
		lines(planFacts(v.l, p), v.renewable(p)),
		v.folded(p.Countries),
		v.planSought(p),
		lines(pictured(v.l, p), refundRule(v.l, p.Provider)),
		hint,
	)
	rows := [][]Button{{{Text: v.l.T("button_buy", args{"Price": money(v.l, p.Retail)}), Data: buyRoute(p), Style: Primary}}}
	last := []Button{press(v.l.T("button_my_phone"), to("phone", p.Ref()))}
	if len(p.Countries) > namesFolded+1 {
		rows = append(rows, []Button{press(v.l.N("button_works", len(p.Countries)), to("works", p.Ref()))})
	}
	rows = append(rows, append(last, back(v.l, v.plansPage(p))))
	return v.show(Screen{Name: "plan", HTML: html, Rows: rows}), nil
}

// sold returns a plan by its Ref as it is sold now: the cheapest of those that are the same, also
// where an old message named the one that became the dearer.
func sold(snap *catalog.Snapshot, ref string) (esim.Plan, bool) {
	p, ok := snap.Plan(ref)
	if !ok {
		return esim.Plan{}, false
	}
	if q, ok := same(snap, p); ok {
		return q, true
	}
	return p, true
}

// same returns what is the same as p among the plans shown for its destination.
func same(snap *catalog.Snapshot, p esim.Plan) (esim.Plan, bool) {
	for _, q := range snap.Plans(p.Destination.ID()) {
		if q.Same(p) {
			return q, true
		}
	}
	return esim.Plan{}, false
}

// works names every country of one plan.
func (v *visit) works(_ context.Context, words []string) (Reply, error) {
	p, ok := v.snap.Plan(words[0])
	if !ok || len(p.Countries) == 0 {
		return Reply{}, errStale
	}
	return v.countries("works", p.Destination, p.Countries, words, to("plan", words[0]))
}

func (v *visit) planSought(p esim.Plan) string {
	if p.Destination.Kind == esim.Country {
		return ""
	}
	return v.soughtLine(p.Countries)
}

// buyRoute carries the price shown, so that another one is never charged unasked.
func buyRoute(p esim.Plan) string {
	return to("buy", p.Ref(), strconv.FormatInt(p.Retail.Minor, 10))
}

// priceLine writes the price, and what a GB of it costs where that says something.
func priceLine(l *locales.Localizer, p esim.Plan) string {
	if p.Kind == esim.Fixed && p.Bytes > esim.GB {
		if each, err := esim.NewMoney(perGB(p).Round(p.Retail.Currency.Exponent()), p.Retail.Currency); err == nil && !each.IsZero() {
			return l.H("price_per_gb", args{"Price": money(l, p.Retail), "PerGB": money(l, each)})
		}
	}
	return l.Begin(bold(money(l, p.Retail)))
}

// renewable says that data can be added to a plan later, where it can be.
func (v *visit) renewable(p esim.Plan) string {
	if v.shop.cfg.TopUps == nil || !p.CanTopUp {
		return ""
	}
	return v.l.H("can_top_up")
}

// planFacts lists what is known of a plan. What no provider tells is left out.
func planFacts(l *locales.Localizer, p esim.Plan) string {
	return lines(
		networks(l, p.Operators, p.Speeds),
		l.H("valid", args{"Days": l.Isolate(l.Days(p.Days))}),
		fairUse(l, p),
		voice(l, p),
	)
}

// fairUse says in one sentence what "unlimited" and a daily allowance really mean.
func fairUse(l *locales.Localizer, p esim.Plan) string {
	switch {
	case p.Kind == esim.Fixed:
		return ""
	case p.DailyBytes > 0 && p.ThrottleKbps > 0:
		return l.H("fair_use_throttled", args{"Data": data(l, p.DailyBytes), "Speed": l.Isolate(l.Kbps(p.ThrottleKbps))})
	case p.DailyBytes > 0:
		return l.H("fair_use_daily", args{"Data": data(l, p.DailyBytes)})
	case p.FairUse != "":
		return l.H("fair_use_quoted", args{"Rule": l.Isolate(cutRunes(p.FairUse, 300))})
	default:
		return l.H("fair_use_untold")
	}
}

// voice says whether there is a phone number, and what it can do.
func voice(l *locales.Localizer, p esim.Plan) string {
	if !p.HasVoice() {
		return l.H("data_only")
	}
	calls, texts := "", ""
	switch {
	case p.VoiceMinutes < 0:
		calls = l.T("voice_unlimited")
	case p.VoiceMinutes > 0:
		calls = l.N("voice_minutes", p.VoiceMinutes)
	}
	switch {
	case p.SMS < 0:
		texts = l.T("sms_unlimited")
	case p.SMS > 0:
		texts = l.N("sms_count", p.SMS)
	}
	switch {
	case calls == "":
		return l.H("phone_number_with", args{"What": texts})
	case texts == "":
		return l.H("phone_number_with", args{"What": calls})
	default:
		return l.H("phone_number_both", args{"Calls": calls, "Texts": texts})
	}
}

// pictured says what an amount of data is good for.
func pictured(l *locales.Localizer, p esim.Plan) string {
	key := "picture_huge"
	switch {
	case p.Kind != esim.Fixed:
		return l.H("picture_daily")
	case p.Bytes < esim.GB:
		key = "picture_tiny"
	case p.Bytes < 3*esim.GB:
		key = "picture_small"
	case p.Bytes < 5*esim.GB:
		key = "picture_medium"
	case p.Bytes < 10*esim.GB:
		key = "picture_large"
	case p.Bytes < 20*esim.GB:
		key = "picture_larger"
	}
	return l.H(key, args{"Data": data(l, p.Bytes)})
}

// refundRule is the provider's truth about refunds.
func refundRule(l *locales.Localizer, p esim.Provider) string {
	if p == esim.CloudESIM {
		return l.H("refund_until_installed")
	}
	return l.H("refund_if_broken")
}
