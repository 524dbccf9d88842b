// Package pages draws the shop's pages as somebody would who writes a bot by hand: in one language,
// with every name and list ready in the catalogue. Both of the benchmark's Go peers draw by it, and
// pages.mjs is the same for those on Node. The benchmark compares what they draw with the shop's own
// screens, letter by letter.
package pages

import (
	"slices"
	"strconv"
	"strings"
)

// A Catalogue is what the benchmark gives its peers: the shop's catalogue and its English texts.
type Catalogue struct {
	Texts   map[string]string `json:"texts"` // with {{.Name}} for arguments; plural forms as "key.one", "key.other"
	Letters []Letter          `json:"letters"`
	Popular []string          `json:"popular"` // ids of places, as are all lists of places
	Regions []string          `json:"regions"`
	Global  string            `json:"global,omitempty"`
	Places  map[string]*Place `json:"places"`
	Plans   map[string]*Plan  `json:"plans"` // by Ref
}

// A Letter has the countries that are filed under it.
type Letter struct {
	Letter string   `json:"letter"`
	Places []string `json:"places"`
}

// A Place is where plans are sold for.
type Place struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`                // with its flag
	Countries []string `json:"countries,omitempty"` // names, sorted
	Operators []string `json:"operators,omitempty"`
	Speeds    []string `json:"speeds,omitempty"`
	From      int64    `json:"from"` // cents
	Plans     []string `json:"plans"`
	Best      string   `json:"best,omitempty"`
}

// A Plan is one thing on sale.
type Plan struct {
	Place        string   `json:"place"`
	Cancels      bool     `json:"cancels,omitempty"` // the provider takes it back until installed
	Kind         string   `json:"kind"`
	Bytes        int64    `json:"bytes,omitempty"`
	DailyBytes   int64    `json:"daily_bytes,omitempty"`
	ThrottleKbps int      `json:"throttle_kbps,omitempty"`
	FairUse      string   `json:"fair_use,omitempty"`
	Days         int      `json:"days"`
	VoiceMinutes int      `json:"voice_minutes,omitempty"`
	SMS          int      `json:"sms,omitempty"`
	Operators    []string `json:"operators,omitempty"`
	Speeds       []string `json:"speeds,omitempty"`
	CanTopUp     bool     `json:"can_top_up,omitempty"`
	Countries    []string `json:"countries,omitempty"` // names, sorted
	Price        int64    `json:"price"`               // cents
}

// A Session is where a customer is.
type Session struct {
	Version int64  `json:"version"`
	Page    string `json:"page,omitempty"`
	From    string `json:"from,omitempty"`
	Hinted  bool   `json:"hinted,omitempty"`
}

// A Button opens a page.
type Button struct {
	Text  string `json:"text"`
	Data  string `json:"callback_data"`
	Style string `json:"style,omitempty"`
}

// A Screen is what a message shows: Telegram's HTML and rows of buttons.
type Screen struct {
	HTML string
	Rows [][]Button
}

// How much a screen holds.
const (
	rowsPerScreen    = 10
	placesPerPage    = 8
	countriesOnePage = 18
	countriesPerPage = 16
	lettersPerRow    = 6
	popularShown     = 8
	namesFolded      = 10
	operatorsShown   = 4
	filterFrom       = 5
)

// Open draws the page that data names and moves the session there; false for a page there isn't.
func (c *Catalogue) Open(s *Session, data string) (Screen, bool) {
	words := strings.Split(data, "/")
	n := 1
	page := func(at int) {
		if at < len(words) {
			n, _ = strconv.Atoi(words[at]) // nonsense is page 1
		}
	}
	arg := ""
	if len(words) > 1 {
		arg = words[1]
	}
	s.Page = data
	switch words[0] {
	case "dest":
		s.From = data
		return c.destinations(), true
	case "regions":
		page(1)
		s.From = data
		return c.regions(n), true
	case "az":
		s.From = data
		page(2)
		return c.letters(arg, n), true
	case "plans":
		page(2)
		p, ok := c.Places[arg]
		if !ok {
			return Screen{}, false
		}
		return c.plans(s, p, n), true
	case "plan":
		p, ok := c.Plans[arg]
		if !ok {
			return Screen{}, false
		}
		return c.plan(s, arg, p), true
	default:
		return Screen{}, false
	}
}

func (c *Catalogue) destinations() Screen {
	buttons := make([]Button, 0, popularShown)
	for _, id := range c.Popular {
		buttons = append(buttons, Button{Text: c.Places[id].Name, Data: "plans/" + id})
	}
	rows := inRows(buttons, 2)
	wide := []Button{{Text: c.Texts["button_regions"], Data: "regions"}}
	if c.Global != "" {
		wide = append(wide, Button{Text: c.Places[c.Global].Name, Data: "plans/" + c.Global})
	}
	rows = append(rows, wide, []Button{{Text: c.Texts["button_az"], Data: "az"}}, []Button{c.back("start")})
	return Screen{HTML: c.Texts["destinations"], Rows: rows}
}

func (c *Catalogue) regions(n int) Screen {
	n, pages, from, to := leaf(len(c.Regions), placesPerPage, n)
	rows := make([][]Button, 0, placesPerPage+2)
	for _, id := range c.Regions[from:to] {
		p := c.Places[id]
		key := "place_button"
		if len(p.Countries) > 1 && !strings.Contains(p.Name, "(") {
			key = "places_button"
		}
		text := c.fill(key, "Place", cut(p.Name, 48), "Count", strconv.Itoa(len(p.Countries)), "Price", money(p.From))
		rows = append(rows, []Button{{Text: text, Data: "plans/" + id}})
	}
	rows = c.pager(rows, "regions", n, pages)
	return Screen{HTML: c.Texts["regions"], Rows: append(rows, []Button{c.back("dest")})}
}

func (c *Catalogue) letters(letter string, n int) Screen {
	if letter == "" {
		buttons := make([]Button, 0, len(c.Letters))
		for _, l := range c.Letters {
			buttons = append(buttons, Button{Text: l.Letter, Data: "az/" + l.Letter})
		}
		return Screen{HTML: c.Texts["letters"], Rows: append(inRows(buttons, lettersPerRow), []Button{c.back("dest")})}
	}
	var ids []string
	if i := slices.IndexFunc(c.Letters, func(l Letter) bool { return l.Letter == letter }); i >= 0 {
		ids = c.Letters[i].Places
	}
	perPage := countriesOnePage
	if len(ids) > perPage {
		perPage = countriesPerPage
	}
	n, pages, from, to := leaf(len(ids), perPage, n)
	buttons := make([]Button, 0, to-from)
	for _, id := range ids[from:to] {
		buttons = append(buttons, Button{Text: c.Places[id].Name, Data: "plans/" + id})
	}
	rows := c.pager(inRows(buttons, 2), "az/"+letter, n, pages)
	return Screen{HTML: c.fill("letter", "Letter", escape(letter)), Rows: append(rows, []Button{c.back("az")})}
}

// below is what stands below a place's plans.
func (c *Catalogue) below(s *Session, p *Place) [][]Button {
	var rows [][]Button
	if len(p.Plans) >= filterFrom {
		rows = append(rows, []Button{
			{Text: c.fill("filter_open", "Choice", c.Texts["filter_any_length"]), Data: "length/" + p.ID},
			{Text: c.fill("filter_open", "Choice", c.Texts["filter_any_size"]), Data: "size/" + p.ID},
		})
	}
	if more := len(p.Countries) - namesFolded; more > 1 {
		rows = append(rows, []Button{{Text: c.count("button_covers", more), Data: "covers/" + p.ID}})
	}
	from := s.From
	if from == "" {
		from = "dest"
	}
	return append(rows, []Button{{Text: c.Texts["button_my_phone"], Data: "phone/" + p.ID}, c.back(from)})
}

// plansLeaf lays out a place's plans, with a row to turn pages where there are several.
func plansLeaf(total, rows, n int) (page, pages, from, to int) {
	if total > rows {
		rows--
	}
	return leaf(total, rows, n)
}

func (c *Catalogue) plans(s *Session, p *Place, n int) Screen {
	below := c.below(s, p)
	n, pages, from, to := plansLeaf(len(p.Plans), rowsPerScreen-len(below), n)
	rows := make([][]Button, 0, rowsPerScreen)
	best, fair, voice := false, false, false
	for _, ref := range p.Plans[from:to] {
		plan := c.Plans[ref]
		data := c.allowance(plan)
		b := Button{Text: data + " · " + c.count("days", plan.Days) + " · " + money(plan.Price), Data: "plan/" + ref}
		if strings.HasSuffix(data, "*") {
			fair = true
		}
		if plan.voiced() {
			voice = true
			b.Text = c.fill("plan_voice", "Plan", b.Text)
		}
		if ref == p.Best {
			best = true
			b.Text, b.Style = c.fill("plan_best", "Plan", b.Text), "primary"
		}
		rows = append(rows, []Button{b})
	}
	var marks []string
	for _, m := range []struct {
		on  bool
		key string
	}{{best, "mark_best"}, {fair, "mark_fair_use"}, {voice, "mark_voice"}} {
		if m.on {
			marks = append(marks, c.Texts[m.key])
		}
	}
	html := join("\n\n",
		join("\n", "<b>"+escape(p.Name)+"</b>", c.networks(p.Operators, p.Speeds)),
		c.folded(p.Countries),
		strings.Join(marks, "\n"),
	)
	rows = c.pager(rows, "plans/"+p.ID, n, pages)
	return Screen{HTML: html, Rows: append(rows, below...)}
}

func (c *Catalogue) back(data string) Button { return Button{Text: c.Texts["back"], Data: data} }

// pager adds the row that turns pages, where there are several.
func (c *Catalogue) pager(rows [][]Button, page string, n, pages int) [][]Button {
	if pages < 2 {
		return rows
	}
	at := func(key string, n int) Button { return Button{Text: c.Texts[key], Data: page + "/" + strconv.Itoa(n)} }
	var row []Button
	if n > 1 {
		row = append(row, at("page_previous", n-1))
	}
	middle := at("page_of", n)
	middle.Text = c.fill("page_of", "Page", strconv.Itoa(n), "Pages", strconv.Itoa(pages))
	row = append(row, middle)
	if n < pages {
		row = append(row, at("page_next", n+1))
	}
	return append(rows, row)
}
