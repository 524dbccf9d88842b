package pages

import (
	"strconv"
	"strings"
)

const (
	mb = 1 << 20
	gb = 1 << 30
)

func (p *Plan) voiced() bool { return p.VoiceMinutes != 0 || p.SMS != 0 }

// plan is a plan's own page.
func (c *Catalogue) plan(s *Session, ref string, p *Plan) Screen {
	place := c.Places[p.Place]
	hint := ""
	if !s.Hinted {
		hint, s.Hinted = c.Texts["plan_phone_hint"], true
	}
	topUp := ""
	if p.CanTopUp {
		topUp = c.Texts["can_top_up"]
	}
	refund := "refund_if_broken"
	if p.Cancels {
		refund = "refund_until_installed"
	}
	name := c.fill("plan_name", "Place", place.Name, "Data", c.allowance(p), "Days", c.count("days", p.Days))
	html := join("\n\n",
		join("\n", "<b>"+escape(name)+"</b>", c.priceLine(p)),
		join("\n", c.networks(p.Operators, p.Speeds), c.fill("valid", "Days", c.count("days", p.Days)), c.fairUse(p), c.voice(p), topUp),
		c.folded(p.Countries),
		join("\n", c.pictured(p), c.Texts[refund]),
		hint,
	)
	buy := Button{Text: c.fill("button_buy", "Price", money(p.Price)), Data: "buy/" + ref + "/" + strconv.FormatInt(p.Price, 10), Style: "primary"}
	rows := [][]Button{{buy}}
	if len(p.Countries) > namesFolded+1 {
		rows = append(rows, []Button{{Text: c.count("button_works", len(p.Countries)), Data: "works/" + ref}})
	}
	return Screen{HTML: html, Rows: append(rows, []Button{{Text: c.Texts["button_my_phone"], Data: "phone/" + ref}, c.back(c.pageOf(s, place, ref))})}
}

// pageOf is the page of a place's plans on which ref stands.
func (c *Catalogue) pageOf(s *Session, place *Place, ref string) string {
	rows := rowsPerScreen - len(c.below(s, place))
	at := 0
	for i, r := range place.Plans {
		if r == ref {
			at = i
		}
	}
	for n := 1; ; n++ {
		_, pages, _, to := plansLeaf(len(place.Plans), rows, n)
		switch {
		case at >= to && n < pages:
		case n == 1:
			return "plans/" + place.ID
		default:
			return "plans/" + place.ID + "/" + strconv.Itoa(n)
		}
	}
}

func (c *Catalogue) priceLine(p *Plan) string {
	if p.Kind == "fixed" && p.Bytes > gb {
		if each := (p.Price*gb*2 + p.Bytes) / (2 * p.Bytes); each > 0 {
			return c.fill("price_per_gb", "Price", money(p.Price), "PerGB", money(each))
		}
	}
	return "<b>" + money(p.Price) + "</b>"
}

func (c *Catalogue) fairUse(p *Plan) string {
	switch {
	case p.Kind == "fixed":
		return ""
	case p.DailyBytes > 0 && p.ThrottleKbps > 0:
		return c.fill("fair_use_throttled", "Data", c.data(p.DailyBytes), "Speed", c.speed(p.ThrottleKbps))
	case p.DailyBytes > 0:
		return c.fill("fair_use_daily", "Data", c.data(p.DailyBytes))
	case p.FairUse != "":
		return c.fill("fair_use_quoted", "Rule", escape(cut(p.FairUse, 300)))
	default:
		return c.Texts["fair_use_untold"]
	}
}

func (c *Catalogue) voice(p *Plan) string {
	if !p.voiced() {
		return c.Texts["data_only"]
	}
	calls, texts := "", ""
	switch {
	case p.VoiceMinutes < 0:
		calls = c.Texts["voice_unlimited"]
	case p.VoiceMinutes > 0:
		calls = c.count("voice_minutes", p.VoiceMinutes)
	}
	switch {
	case p.SMS < 0:
		texts = c.Texts["sms_unlimited"]
	case p.SMS > 0:
		texts = c.count("sms_count", p.SMS)
	}
	if calls == "" || texts == "" {
		return c.fill("phone_number_with", "What", calls+texts)
	}
	return c.fill("phone_number_both", "Calls", calls, "Texts", texts)
}

func (c *Catalogue) pictured(p *Plan) string {
	key := "picture_huge"
	switch {
	case p.Kind != "fixed":
		return c.Texts["picture_daily"]
	case p.Bytes < gb:
		key = "picture_tiny"
	case p.Bytes < 3*gb:
		key = "picture_small"
	case p.Bytes < 5*gb:
		key = "picture_medium"
	case p.Bytes < 10*gb:
		key = "picture_large"
	case p.Bytes < 20*gb:
		key = "picture_larger"
	}
	return c.fill(key, "Data", c.data(p.Bytes))
}

func (c *Catalogue) networks(operators, speeds []string) string {
	shown := make([]string, 0, operatorsShown)
	for _, o := range operators[:min(len(operators), operatorsShown)] {
		shown = append(shown, cut(o, 40))
	}
	names := strings.Join(shown, c.Texts["list_comma"])
	if more := len(operators) - len(shown); more > 0 {
		names = c.count("networks_more", more, "Names", names)
	}
	names = escape(names)
	switch {
	case names != "" && len(speeds) > 0:
		return c.fill("networks_speeds", "Names", names, "Speeds", strings.Join(speeds, "/"))
	case names != "":
		return c.fill("networks", "Names", names)
	case len(speeds) > 0:
		return c.fill("speeds", "Speeds", strings.Join(speeds, "/"))
	default:
		return ""
	}
}

// folded names the first countries and counts the rest.
func (c *Catalogue) folded(names []string) string {
	switch {
	case len(names) < 2:
		return ""
	case len(names) <= namesFolded+1:
		return c.fill("works_in", "Names", escape(strings.Join(names, c.Texts["list_comma"])))
	default:
		return c.count("works_in_more", len(names), "Names", escape(strings.Join(names[:namesFolded], c.Texts["list_comma"])))
	}
}

func (c *Catalogue) allowance(p *Plan) string {
	switch p.Kind {
	case "fixed":
		return c.data(p.Bytes)
	case "daily":
		return c.fill("per_day", "Data", c.data(p.DailyBytes))
	default:
		if p.FairUse != "" || p.ThrottleKbps > 0 {
			return c.Texts["unlimited"] + "*"
		}
		return c.Texts["unlimited"]
	}
}

// data writes an amount of data: "1 GB", "1.5 GB", "500 MB".
func (c *Catalogue) data(bytes int64) string {
	if bytes < gb-mb/2 {
		return c.fill("format_mb", "Number", strconv.FormatInt((bytes+mb/2)/mb, 10))
	}
	hundredths := bytes * 100 / gb
	if bytes*100%gb != 0 {
		hundredths = (bytes*10 + gb/2) / gb * 10
	}
	return c.fill("format_gb", "Number", strconv.FormatFloat(float64(hundredths)/100, 'f', -1, 64))
}

func (c *Catalogue) speed(kbps int) string {
	switch {
	case kbps < 1000:
		return c.fill("format_kbps", "Number", strconv.Itoa(kbps))
	case kbps%1024 == 0:
		return c.fill("format_mbps", "Number", strconv.Itoa(kbps/1024))
	default:
		return c.fill("format_mbps", "Number", strconv.FormatFloat(float64((kbps+50)/100)/10, 'f', -1, 64))
	}
}

// count fills a text that has plural forms.
func (c *Catalogue) count(key string, n int, pairs ...string) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return c.fill(key+form, append(pairs, "Count", strconv.Itoa(n))...)
}

// fill puts arguments, given as name, value, name, value, into a text.
func (c *Catalogue) fill(key string, pairs ...string) string {
	text := c.Texts[key]
	var b strings.Builder
	b.Grow(len(text) + 32)
	for {
		before, rest, ok := strings.Cut(text, "{{.")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}}")
		for i := 1; i < len(pairs); i += 2 {
			if pairs[i-1] == name {
				b.WriteString(pairs[i])
			}
		}
		text = after
	}
}

// money writes cents: "$4.55".
func money(cents int64) string {
	whole := strconv.FormatInt(cents/100, 10)
	if len(whole) > 3 {
		whole = whole[:len(whole)-3] + "," + whole[len(whole)-3:]
	}
	return "$" + whole + "." + strconv.FormatInt(cents%100/10, 10) + strconv.FormatInt(cents%10, 10)
}

func cut(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return strings.TrimSpace(string(runes[:n-1])) + "…"
}

func escape(s string) string {
	if !strings.ContainsAny(s, `&<>"`) {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func join(sep string, parts ...string) string {
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, sep)
}

func inRows(buttons []Button, perRow int) [][]Button {
	rows := make([][]Button, 0, len(buttons)/perRow+4)
	for len(buttons) > perRow {
		rows, buttons = append(rows, buttons[:perRow:perRow]), buttons[perRow:]
	}
	return append(rows, buttons)
}

// leaf cuts a list into pages: items from…to of page n of pages.
func leaf(total, perPage, n int) (page, pages, from, to int) {
	pages = max(1, (total+perPage-1)/perPage)
	page = min(max(n, 1), pages)
	return page, pages, (page - 1) * perPage, min(page*perPage, total)
}
