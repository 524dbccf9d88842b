package flows_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/providers"
)

func TestCommandsAndLinks(t *testing.T) {
	japan := func(s *stage) string { return "p_" + s.plan("JP-1-7").Ref() }
	fix := func(payload string) func(*stage) string { return func(*stage) string { return payload } }
	for _, c := range []struct {
		name, command string
		payload       func(*stage) string
		admin         bool
		screen, page  string
	}{
		{"start", "start", fix(""), false, "welcome_back", "start"},
		{"country", "start", fix("c_jp"), false, "plans", "plans/c_jp"},
		{"country without plans", "start", fix("c_hk"), false, "uncovered", "plans/c_hk"},
		{"no country", "start", fix("c_zz"), false, "destinations", "dest"},
		{"region", "start", fix("r_europe-35"), false, "plans", "plans/r_europe-35"},
		{"no region", "start", fix("r_narnia"), false, "destinations", "dest"},
		{"world", "start", fix("g"), false, "plans", "plans/g"},
		{"plan", "start", japan, false, "plan", ""},
		{"plan gone", "start", fix("p_abcdefghij"), false, "destinations", "dest"},
		{"order", "start", fix("o_" + string(delivered)), false, "order_delivered", "o/" + string(delivered)},
		{"order in lower case", "start", fix("o_7kq2m-9x4tb"), false, "order_delivered", "o/" + string(delivered)},
		{"left payment", "start", fix("x_" + string(unpaid)), false, "order_awaiting", "o/" + string(unpaid)},
		{"another's order", "start", fix("o_" + string(foreign)), false, "welcome_back", "start"},
		{"admin link of a customer", "start", fix("a_" + string(delivered)), false, "welcome_back", "start"},
		{"admin's order", "start", fix("a_" + string(delivered)), true, "admin_order", "admin/order/" + string(delivered)},
		{"admin's matter", "start", fix("a_orders"), true, "admin_orders", "admin/orders"},
		{"admin's matter of a customer", "start", fix("a_orders"), false, "welcome_back", "start"},
		{"nonsense", "start", fix("o_o_o/../x"), false, "welcome_back", "start"},
		{"long nonsense", "start", fix("c_" + strings.Repeat("a", 90)), false, "destinations", "dest"},
		{"buy", "buy", fix(""), false, "destinations", "dest"},
		{"esims", "esims", fix(""), false, "esims", "esims"},
		{"help", "help", fix(""), false, "help", "help"},
		{"support", "support", fix(""), false, "support", "support"},
		{"paysupport", "paysupport", fix(""), false, "paysupport", "pay"},
		{"terms", "terms", fix(""), false, "terms", "terms"},
		{"privacy", "privacy", fix(""), false, "privacy", "privacy"},
		{"language", "language", fix(""), false, "language", "lang"},
		{"place as a command", "japan", fix(""), false, "found", "find/japan"},
		{"places as a command", "south_korea", fix("Japan"), false, "found", "find/south korea Japan"},
		{"no place as a command", "whatever", fix("it is"), false, "hint", ""},
		{"admin's command", "refund", fix(string(delivered)), false, "hint", ""},
		{"admin's command of an admin", "refund", fix(string(delivered)), true, "admin_looking", "admin/refund/" + string(delivered)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			s.admin = c.admin
			s.order(unpaid, customer, "JP-1-7", orders.AwaitingPayment)
			r := s.tap(flows.Event{Kind: flows.EventCommand, Command: c.command, Args: c.payload(s)})
			if r.Screen == nil || r.Screen.Name != c.screen {
				t.Errorf("screen %+v, want %s", r.Screen, c.screen)
			}
			if c.page != "" && r.Session.Page != c.page {
				t.Errorf("page %q, want %q", r.Session.Page, c.page)
			}
			if !r.Fresh {
				t.Error("a command is answered with a message of its own")
			}
			if !c.admin && mentions(written(s.shown), secrets()...) {
				t.Error("the stranger's things are shown")
			}
		})
	}
}

func TestStaleAndForged(t *testing.T) {
	for _, data := range []string{
		"", "/", "nowhere", "plans", "plans/", "plans//1", "plans/c_zz", "plans/c_JP", "plans/c_jp/0", "plans/c_jp/01", "plans/c_jp/-1", "plans/c_jp/1/2",
		"plan/abcdefghij", "buy/abcdefghij/100", "length/c_jp/forever", "length/c_zz", "size/c_jp/week", "covers/c_zz", "works/x", "phone/c_zz",
		"o/" + string(foreign), "cancel/" + string(foreign), "again/" + string(foreign) + "/100", "esim/" + string(foreign), "qr/" + string(foreign),
		"left/" + string(foreign), "topup/" + string(foreign), "more/" + string(foreign), "refund/" + string(foreign),
		"refresh/" + string(foreign), "link/" + string(foreign), "number/" + string(foreign), "mine/" + string(foreign), "rename/" + string(foreign), "unname/" + string(foreign),
		"mute/" + string(foreign), "unmute/" + string(foreign), "later/" + string(foreign), "another/" + string(foreign), "pick/" + string(foreign) + "/abcdefghij",
		"add/" + string(foreign) + "/abcdefghij/100", "tu/" + string(foreign) + "/abcdefghij/100", "tu/" + string(delivered) + "/abcdefghi1/100",
		"tu/" + string(delivered) + "/abcdefghij/0100", "pick/" + string(delivered) + "/ABCDEFGHIJ", "more/" + string(delivered) + "/0",
		"o/7kq2m-9x4tb", "o/7KQ2M", "esim/7kq2m9x4tb", "install/x", "lang/xx", "erase/no", "az/A/x", "\xff\xfe", strings.Repeat("a", 65),
		"o/" + strings.Repeat("0", 10) + "/1",
	} {
		t.Run(data, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			s.press("plans/c_jp")
			r := s.tap(flows.Event{Kind: flows.EventPress, Data: data, Message: 7})
			if !r.Stale || r.Toast == "" {
				t.Errorf("not told to be stale: %+v", r)
			}
			if r.Screen == nil || r.Screen.Name != "plans" || r.Session.Page != "plans/c_jp" {
				t.Errorf("the current page is not shown: %+v", r.Screen)
			}
			if r.Then != nil {
				t.Error("it has an effect")
			}
			if mentions(written(s.shown), secrets()...) {
				t.Error("the stranger's things are shown")
			}
		})
	}
}

func TestBuyPriceIsStrict(t *testing.T) {
	s := newStage(t)
	ref := s.plan("JP-1-7").Ref()
	for _, price := range []string{"0", "-1", "+260", "0260", "2.60", "x", "99999999999999999999", "1000000000001"} {
		if r := s.press("buy/" + ref + "/" + price); !r.Stale {
			t.Errorf("price %q is taken", price)
		}
	}
	if s.desk.opened != 0 {
		t.Error("an order was opened")
	}
}

func TestPhotoButtonsAnswerBelow(t *testing.T) {
	s := newStage(t)
	s.regular()
	for _, row := range s.shop.Delivery(s.desk.orders[delivered], "en")[0].Rows {
		for _, b := range row {
			if b.Data == "" {
				continue
			}
			if r := s.tap(flows.Event{Kind: flows.EventPress, Data: b.Data, Message: 5}); !r.Fresh || r.Stale {
				t.Errorf("%s: the photo must stay as it is: fresh %v, stale %v", b.Data, r.Fresh, r.Stale)
			}
			if r, err := s.shop.Current(context.Background(), s.input(flows.Event{Kind: flows.EventPress, Data: b.Data})); err != nil || r.Screen == nil || r.Stale {
				t.Errorf("%s drawn again: %+v, %v", b.Data, r, err)
			}
		}
	}
	if r := s.tap(flows.Event{Kind: flows.EventPress, Data: "left/" + string(foreign), Message: 5}); !r.Fresh || !r.Stale {
		t.Error("a stale button of a photo must not replace the photo")
	}
}

func TestPressedMessageBecomesTheScreen(t *testing.T) {
	s := newStage(t)
	r := s.tap(flows.Event{Kind: flows.EventPress, Data: "dest", Message: 42})
	if r.Session.Screen != 42 {
		t.Errorf("screen is message %d", r.Session.Screen)
	}
	r = s.tap(flows.Event{Kind: flows.EventPress, Data: "dest"}) // a message too old to be known
	if r.Session.Screen != 42 {
		t.Errorf("screen is message %d", r.Session.Screen)
	}
}

func TestTyped(t *testing.T) {
	for _, c := range []struct{ typed, screen string }{
		{"Japan", "found"}, {"япония", "found"}, {"japn", "found"}, {"🇯🇵", "found"}, {"japan korea", "found"},
		{"qqqqqqqq", "found_nothing"}, {"/", "found_nothing"}, {"   ", "hint"}, {strings.Repeat("long ", 300), "found_nothing"},
		{"Madagascar", "found_nothing"}, // ten letters that read as an order's id
		{string(delivered), "order_delivered"}, {"7kq2m-9x4tb", "order_delivered"}, {foreign.String(), "found_nothing"},
		{iccid, "esim"}, {"٨٩٨١١٠٠٠٢٢١٥٢٩٦٧٧٠٥", "esim"}, {typed, "linking"}, {typed[:18], "iccid"},
	} {
		s := newStage(t)
		s.regular()
		r := s.tap(flows.Event{Kind: flows.EventText, Text: c.typed, Sent: s.send()})
		if r.Screen == nil || r.Screen.Name != c.screen || !r.Fresh {
			t.Errorf("%.20q: %+v, want %s", c.typed, r.Screen, c.screen)
			continue
		}
		if mentions(written(s.shown), secrets()[:4]...) {
			t.Errorf("%.20q shows the stranger's things", c.typed)
		}
		// Drawn again, the page is there.
		if again, err := s.shop.Current(context.Background(), s.input(flows.Event{})); err != nil || again.Stale || again.Screen == nil {
			t.Errorf("%.20q drawn again: %+v, %v", c.typed, again, err)
		}
	}
}

func TestSoughtCountryIsRemembered(t *testing.T) {
	s := newStage(t)
	s.text("France")
	s.press("dest")
	if s.press("plans/g"); mentions(s.screen().HTML, "France is included") {
		t.Error("a search before the destinations page still counts")
	}
	s.text("France")
	if s.press("plans/g"); !mentions(s.screen().HTML, "France is included") {
		t.Error("the country searched for isn't mentioned")
	}
}

func TestLanguage(t *testing.T) {
	s := newStage(t)
	s.client = "pt-br"
	if s.command("start", ""); s.customer.Language != "en" || s.customer.Chosen {
		t.Errorf("an unknown language gives %+v", s.customer)
	}
	s = newStage(t)
	s.client = "de-AT"
	if s.command("start", ""); s.customer.Language != "de" {
		t.Errorf("language %q", s.customer.Language)
	}
	s.client = "fr"
	if s.command("start", ""); s.customer.Language != "de" {
		t.Error("the language guessed first is kept")
	}
	s.press("lang")
	r := s.press("lang/ru")
	if s.customer.Language != "ru" || !s.customer.Chosen || r.Session.Page != "lang" {
		t.Errorf("chosen: %+v, page %q", s.customer, r.Session.Page)
	}
	if !strings.Contains(written([]flows.Screen{*r.Screen}), "✓ Русский") {
		t.Errorf("the page is not in the language chosen: %s", written([]flows.Screen{*r.Screen}))
	}
}

func TestCustomerIsWrittenSeldom(t *testing.T) {
	s := newStage(t)
	if r := s.command("start", ""); r.Customer == nil || r.Customer.ID != customer || !r.Customer.FirstSeen.Equal(noon) {
		t.Errorf("a new customer is not noted: %+v", r.Customer)
	}
	if r := s.press("dest"); r.Customer != nil {
		t.Error("the customer is written at every tap")
	}
	s.now = noon.Add(2 * 3600e9)
	if r := s.press("dest"); r.Customer == nil || !r.Customer.LastSeen.Equal(s.now) {
		t.Error("being seen again is not noted")
	}
	s.customer.Blocked = noon
	if r := s.press("dest"); r.Customer == nil || !r.Customer.Blocked.IsZero() {
		t.Error("who writes has not blocked us")
	}
}

func TestStorageFailureIsAnError(t *testing.T) {
	broken := errors.New("redis is down")
	for _, data := range []string{"start", "esims", "past", "esim/" + string(delivered), "o/" + string(delivered), "cancel/" + string(delivered)} {
		s := newStage(t)
		s.regular()
		s.broken = broken
		_, err := s.shop.Handle(context.Background(), s.input(flows.Event{Kind: flows.EventPress, Data: data, Message: 1}))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestPlansAreSortedAndMarked(t *testing.T) {
	s := newStage(t)
	s.press("plans/c_jp")
	var minors []int64
	best := 0
	for _, row := range s.screen().Rows {
		ref, ok := strings.CutPrefix(row[0].Data, "plan/")
		if !ok {
			continue
		}
		p, _ := s.snap.Plan(ref)
		minors = append(minors, p.Retail.Minor)
		if strings.Contains(row[0].Text, "⭐") {
			best++
			if p.ID != "JP-10-30" {
				t.Errorf("best value is %s", p.ID)
			}
		}
	}
	if len(minors) < 5 || !slices.IsSorted(minors) || best != 1 {
		t.Errorf("prices %v, %d best", minors, best)
	}
}

func TestFilters(t *testing.T) {
	s := newStage(t)
	s.press("length/c_jp/month")
	s.press("size/c_jp/large")
	for _, row := range s.screen().Rows {
		if ref, ok := strings.CutPrefix(row[0].Data, "plan/"); ok {
			if p, _ := s.snap.Plan(ref); p.Days != 30 || p.Bytes <= 5*esim.GB {
				t.Errorf("%+v passed the filters", p)
			}
		}
	}
	if r := s.press("plans/c_tr"); r.Screen.Name != "nothing_fits" {
		t.Errorf("filters from elsewhere: %s", r.Screen.Name)
	}
	if r := s.press("any/c_tr"); r.Screen.Name != "plans" || r.Session.Days != "" || r.Session.Volume != "" {
		t.Errorf("filters stay: %+v", r.Session)
	}
}

func TestPlanKnowsItsPage(t *testing.T) {
	s := newStage(t)
	s.press("plan/" + s.plan("JP-20-30").Ref())
	rows := s.screen().Rows
	if last := rows[len(rows)-1]; last[len(last)-1].Data != "plans/c_jp/2" {
		t.Errorf("back leads to %s", last[len(last)-1].Data)
	}
}

// TestTermsInWords: each way a plan can be is said in its own words, and nothing that isn't known.
func TestTermsInWords(t *testing.T) {
	voice := esim.Plan{Kind: esim.Unlimited, Days: 3}
	for name, c := range map[string]struct {
		change func(*esim.Plan)
		has    string
		hasNot string
	}{
		"daily without a throttle": {func(p *esim.Plan) { p.Kind, p.DailyBytes = esim.Daily, esim.GB }, "1 GB a day, new every day", "full speed"},
		"no rule named":            {func(*esim.Plan) {}, "names no limit", "📡"},
		"texts only":               {func(p *esim.Plan) { p.SMS = 1 }, "With a phone number: 1 text message", "Data only"},
		"unlimited calls":          {func(p *esim.Plan) { p.VoiceMinutes = -1 }, "With a phone number: unlimited calls", "Data only"},
		"both without end":         {func(p *esim.Plan) { p.VoiceMinutes, p.SMS = -1, -1 }, "unlimited calls, unlimited text messages", "Data only"},
		"networks without speed":   {func(p *esim.Plan) { p.Operators = []string{"A", "B", "C", "D", "E", "F"} }, "📡 A, B, C, D and 2 more", ", E"},
		"long rule":                {func(p *esim.Plan) { p.FairUse = strings.Repeat("rule ", 500) }, "…", strings.Repeat("rule ", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			p := voice
			c.change(&p)
			l := listing(esim.Mobilexy, "1", "9.00", esim.Country, providers.Place{Code: "JP"}, p)
			s := newStage(t)
			s.customer.ID, s.customer.Bought = customer, 1
			rule := catalog.Pricing{Currency: esim.USD, Rate: decimal.NewFromInt(1), MarkupPercent: decimal.NewFromInt(30), RoundUpTo: decimal.RequireFromString("0.01")}
			s.snap = catalog.NewSnapshot(loadBundle(t), rule, map[esim.Provider][]providers.Listing{esim.Mobilexy: {l}})
			s.press("plan/" + l.Plan.Ref())
			check(t, name, s.screen())
			if html := s.screen().HTML; !strings.Contains(html, c.has) || strings.Contains(html, c.hasNot) {
				t.Errorf("%s", html)
			}
		})
	}
}

// TestNumbersTyped: what people send of the numbers that they have at hand, and what is kept of it.
func TestNumbersTyped(t *testing.T) {
	l := loadBundle(t).For("en")
	for typed, key := range map[string]string{
		iccid:                                 "iccid_thanks",
		iccid[:17]:                            "iccid_length",
		iccid + "12":                          "iccid_length",
		"8981 1000 2215 2967 704":             "iccid_typo",
		"89049032000000000000000012345678":    "eid_typed",
		"89049032 00000000 00000000 12345678": "eid_typed",
		"4242 4242 4242 4242":                 "card_typed",
		"5555-5555-5555-4444":                 "card_typed",
		"378282246310005":                     "card_typed",
	} {
		s := newStage(t)
		s.text(typed)
		if got := s.screen().HTML; got != l.H(key) {
			t.Errorf("%s: %q, want %s", typed, got, key)
		}
		if strings.ContainsAny(s.session.Page, "0123456789") {
			t.Errorf("%s is kept: %q", typed, s.session.Page)
		}
	}
	for _, typed := range []string{"123456", "+49 30 1234567", "352099001761481", "1234567812345678", "4242 4242 4242 424x"} {
		s := newStage(t)
		if s.text(typed); s.screen().Name != "found_nothing" {
			t.Errorf("%s: %s", typed, s.screen().Name)
		}
	}
}

// TestSearchForWhatIsNotSold says so before it proposes others; what is found for a wider
// area says whether the country is in it.
func TestSearchForWhatIsNotSold(t *testing.T) {
	s := newStage(t)
	s.text("Madagascar")
	if want := loadBundle(t).For("en").H("unsold", map[string]any{"Place": "🇲🇬 Madagascar"}); !strings.HasPrefix(s.screen().HTML, want) || s.session.Sought != "c_mg" {
		t.Errorf("%q, sought %q", s.screen().HTML, s.session.Sought)
	}
	s.text("Hong Kong")
	s.press(s.region("Asia"))
	if want := "Hong Kong is included"; !strings.Contains(s.screen().HTML, want) {
		t.Errorf("%q, want %q", s.screen().HTML, want)
	}
}

// TestFilterFromElsewhere: a filter chosen for another destination that fits nothing here is named
// alone.
func TestFilterFromElsewhere(t *testing.T) {
	s := newStage(t)
	s.press("length/c_jp/longer")
	s.press("plans/c_fr")
	if html := s.screen().HTML; s.screen().Name != "nothing_fits" || !strings.Contains(html, "over 31 days.") {
		t.Errorf("%s: %q", s.screen().Name, html)
	}
}

// TestSlashesAreShown: what was typed is shown as it was, although a route can't hold it.
func TestSlashesAreShown(t *testing.T) {
	s := newStage(t)
	s.text("w/o name/")
	if !strings.Contains(s.screen().HTML, "“w/o name/”") || s.session.Page != "find/w o name" {
		t.Errorf("%q at %q", s.screen().HTML, s.session.Page)
	}
}
