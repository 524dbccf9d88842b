package flows_test

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

var (
	// rawKey is a locale key shown in the place of its text.
	rawKey  = regexp.MustCompile(`\b[a-z]+_[a-z_]+\b`)
	tag     = regexp.MustCompile(`</?(b|i|code|pre)>`)
	orderID = regexp.MustCompile(`/[0-9A-Z]{10}\b`)
	isolate = regexp.MustCompile("[\u2066-\u2069]")
)

// check holds a screen against what the Bot API takes and what screens are to be.
func check(tb testing.TB, at string, s flows.Screen) {
	tb.Helper()
	limit := 4096
	if s.Photo != nil {
		limit = 1024
	}
	text := html.UnescapeString(tag.ReplaceAllString(s.HTML, ""))
	switch n := len(utf16.Encode([]rune(text))); {
	case strings.TrimSpace(text) == "" || !utf8.ValidString(s.HTML):
		tb.Errorf("%s: text %q", at, s.HTML)
	case n > limit:
		tb.Errorf("%s: %d characters", at, n)
	}
	if rest := tag.ReplaceAllString(s.HTML, ""); strings.ContainsAny(rest, "<>") || strings.Count(s.HTML, "<b>") != strings.Count(s.HTML, "</b>") {
		tb.Errorf("%s: HTML %s", at, s.HTML)
	}
	if s.Name != "alert" && s.Name != "inquiry" && rawKey.MatchString(ownWords(text)) {
		tb.Errorf("%s: a key for a text: %s", at, rawKey.FindString(ownWords(text)))
	}
	if len(s.Rows) > 10 {
		tb.Errorf("%s: %d rows", at, len(s.Rows))
	}
	for i, row := range s.Rows {
		if len(row) == 0 || len(row) > 8 {
			tb.Errorf("%s: row %d has %d buttons", at, i, len(row))
		}
		for _, b := range row {
			checkButton(tb, at, b)
		}
	}
}

// ownWords takes out the words of states, which admins see as they are.
func ownWords(text string) string {
	return strings.ReplaceAll(text, string(orders.AwaitingPayment), "")
}

func checkButton(tb testing.TB, at string, b flows.Button) {
	tb.Helper()
	actions := 0
	for _, action := range []string{b.Data, b.URL, b.Copy} {
		if action != "" {
			actions++
		}
	}
	if actions != 1 || len(b.Data) > 64 || utf8.RuneCountInString(b.Copy) > 256 || isolate.MatchString(b.Data+b.Copy+b.URL) {
		tb.Errorf("%s: button %+v", at, b)
	}
	if strings.TrimSpace(b.Text) == "" || utf8.RuneCountInString(b.Text) > 64 || rawKey.MatchString(ownWords(b.Text)) || strings.ContainsAny(b.Text, "!<>") {
		tb.Errorf("%s: button %q", at, b.Text)
	}
}

// fork returns a stage like s that may be changed without changing s.
func (s *stage) fork() *stage {
	c := *s
	c.esims = make(map[string]*usage.ESIM, len(s.esims))
	for id, e := range s.esims {
		copied := *e
		c.esims[id] = &copied
	}
	c.desk = s.desk.clone(&c)
	c.office = s.office.clone(&c)
	network := *s.network
	network.stage, c.network = &c, &network
	for id, o := range c.desk.orders {
		copied := *o
		c.desk.orders[id] = &copied
	}
	c.shown = nil
	c.cfg.Office, c.cfg.Watch, c.cfg.Linker, c.cfg.TopUps = c.office, c.network, c.network, c.network
	c.cfg.Catalogue, c.cfg.Desk, c.cfg.ESIMs, c.cfg.Eraser, c.cfg.Popularity = catalogue{&c}, c.desk, shelf{&c}, eraser{&c}, popularity{&c}
	shop, err := flows.New(c.cfg)
	if err != nil {
		s.tb.Fatal(err)
	}
	c.shop = shop
	return &c
}

// TestCrawl presses every button there is, starting from /start, in every language.
func TestCrawl(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			crawl(t, lang)
		})
	}
	if missing := loadBundle(t).Missing(); slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(m, "en:") }) {
		t.Errorf("messages asked for that are not there: %v", missing)
	}
}

func crawl(t *testing.T, lang string) {
	first := newStage(t)
	first.client = lang
	first.regular()
	first.order(unpaid, customer, "858", orders.AwaitingPayment)
	first.command("start", "")
	first.shown = append(first.shown, first.shop.Delivery(first.desk.orders[unlinked], lang)...)
	first.shown = append(first.shown, first.notices()...)
	first.text("korea")
	first.text("Atlantis")
	names := crawlFrom(t, first)
	for _, want := range []string{"welcome_back", "destinations", "regions", "letters", "letter", "plans", "covers", "plan", "works", "phone", "checking",
		"order_awaiting", "order_expired", "esims", "past", "esim", "topups_looking", "topups", "topup", "link", "rename", "esim_photo", "guide", "refund_ask", "language", "help", "support", "support_ask", "support_sent", "paysupport", "terms", "privacy", "erased"} {
		if !names[want] {
			t.Errorf("no way leads to the screen %s", want)
		}
	}
}

// TestCrawlAdmin presses every button that an admin's commands and the alerts lead to.
func TestCrawlAdmin(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			first := newStage(t)
			first.client = lang
			first.asAdmin()
			for _, command := range adminCommands() {
				first.command(command, "")
			}
			for _, id := range []orders.ID{delivered, doubtful, unpaid} {
				first.command("order", string(id))
			}
			names := crawlFrom(t, first)
			for _, want := range []string{
				"admin_balance", "admin_find", "admin_order", "admin_orders", "admin_states", "admin_customer", "admin_refunds", "admin_refund", "admin_amount",
				"admin_reviews", "admin_resolve", "admin_ask_attach_code", "admin_ask_attach_no", "admin_sure", "admin_done", "admin_doing", "admin_pause",
				"admin_block", "admin_block_ask", "admin_unblock_ask", "admin_stats", "welcome_back",
			} {
				if !names[want] {
					t.Errorf("no way leads to the screen %s", want)
				}
			}
		})
	}
}

// crawlFrom presses every button there is from what a stage shows on, and returns the names of the
// screens seen.
func crawlFrom(t *testing.T, first *stage) map[string]bool {
	t.Helper()
	type step struct {
		at   *stage
		data string
	}
	pressed := map[string]bool{}
	names := map[string]bool{}
	var queue []step
	visit := func(s *stage, from string) {
		for _, screen := range s.shown {
			names[screen.Name] = true
			check(t, from, screen)
			for _, row := range screen.Rows {
				for _, b := range row {
					key := orderID.ReplaceAllString(b.Data, "/#")
					if slices.ContainsFunc([]orders.ID{delivered, untouched, unlinked, spent, cancelled, doubtful}, func(id orders.ID) bool { return strings.Contains(b.Data, string(id)) }) {
						key = b.Data
					}
					if b.Data != "" && !strings.HasPrefix(key, "lang/") && !pressed[key] {
						pressed[key] = true
						queue = append(queue, step{s, b.Data})
					}
				}
			}
		}
	}
	visit(first, "/start")
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		s := next.at.fork()
		r := s.press(next.data)
		if r.Stale || len(s.shown) == 0 {
			t.Errorf("%s is a button and leads nowhere", next.data)
			continue
		}
		visit(s, next.data)
		homeward(t, s, next.data)
	}
	t.Logf("%d buttons, %d screens", len(pressed), len(names))
	return names
}

// homeward presses Back until it is at the welcome.
func homeward(t *testing.T, s *stage, from string) {
	t.Helper()
	s = s.fork()
	s.shown = append(s.shown, *s.lastScreen(t, from))
	back := loadBundle(t).For(s.customer.Language).T("back")
	for range 10 {
		screen := s.screen()
		if strings.HasPrefix(screen.Name, "welcome") {
			return
		}
		up := wayBack(screen, back)
		if up == "" {
			t.Errorf("from %s: no way back on %s", from, screen.Name)
			return
		}
		s.press(up)
		if s.last.Screen != nil {
			s.shown = append(s.shown, *s.last.Screen) // the page, not a photo sent along
		}
	}
	t.Errorf("from %s: Back does not lead to the welcome, but to %s", from, s.screen().Name)
}

// wayBack is what the Back button leads to; on a screen without one, the last button.
func wayBack(screen flows.Screen, back string) string {
	up := ""
	for _, b := range slices.Concat(screen.Rows...) {
		if b.Text == back {
			return b.Data
		}
		if b.Data != "" {
			up = b.Data
		}
	}
	return up
}

func (s *stage) lastScreen(t *testing.T, from string) *flows.Screen {
	t.Helper()
	if s.last.Screen != nil {
		return s.last.Screen
	}
	r, err := s.shop.Current(context.Background(), s.input(flows.Event{}))
	if err != nil || r.Screen == nil {
		t.Fatalf("from %s: %v", from, err)
	}
	return r.Screen
}

func TestScenesKeepTheRules(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		for name, scene := range scenes() {
			s := newStage(t)
			s.client = lang
			for _, screen := range scene(s) {
				check(t, lang+"/"+name, screen)
			}
		}
	}
}

// FuzzPress: whatever a button's data says, nothing breaks and nothing of another's is shown.
func FuzzPress(f *testing.F) {
	s := newStage(f)
	s.regular()
	for _, word := range []string{"start", "dest", "regions", "az", "find", "plans", "covers", "length", "size", "any", "plan", "works", "phone", "buy", "again",
		"o", "cancel", "esims", "past", "esim", "qr", "guide", "more", "refund", "install", "left", "topup", "lang", "help", "erase",
		"refresh", "pick", "add", "tu", "another", "link", "number", "mine", "rename", "unname", "mute", "unmute", "later"} {
		for _, arg := range []string{"", "/" + string(foreign), "/" + string(delivered), "/c_jp", "/c_jp/2", "/g", "/" + s.plan("859").Ref() + "/2080", "/2", "/\u202eA", "/yes",
			"/" + string(delivered) + "/" + s.topUp(delivered).Ref(), "/" + string(delivered) + "/" + s.topUp(delivered).Ref() + "/744",
			"/" + string(foreign) + "/" + s.topUp(delivered).Ref() + "/744", "/" + string(delivered) + "/2"} {
			f.Add(word + arg)
		}
	}
	for _, data := range adminData() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		s := newStage(t)
		s.regular()
		r := s.press(data)
		if r.Screen == nil && len(s.shown) == 0 {
			t.Error("nothing is shown")
		}
		for _, screen := range s.shown {
			if !strings.HasPrefix(data, "find/") {
				check(t, data, screen)
			}
			if !strings.Contains(data, string(foreign)) && mentions(written([]flows.Screen{screen}), secrets()...) || mentions(written([]flows.Screen{screen}), secrets()[:4]...) {
				t.Errorf("%q shows the stranger's things", data)
			}
		}
		if s.session.Order != "" && s.desk.orders[s.session.Order] != nil && s.desk.orders[s.session.Order].Customer != customer {
			t.Error("the order is another's")
		}
	})
}

// FuzzAdminPress: whatever an admin's button says, an answer comes within the limits, and what costs
// money or speaks to a customer is asked about first.
func FuzzAdminPress(f *testing.F) {
	for _, data := range adminData() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		s := newStage(t).asAdmin()
		if r := s.press(data); r.Screen == nil && len(s.shown) == 0 {
			t.Error("nothing is shown")
		}
		for _, screen := range s.shown {
			check(t, data, screen)
		}
		for _, deed := range s.office.deeds {
			if word, _, _ := strings.Cut(deed, " "); word != "pause" && word != "resume" && word != "unblock" {
				t.Errorf("%q: done without a yes: %s", data, deed)
			}
		}
	})
}

// FuzzAmount: whatever is typed for an amount, nothing more than is left is offered, and nothing is
// done.
func FuzzAmount(f *testing.F) {
	for _, typed := range []string{"5", "5,00", "$5", "1e3", "-5", "5.001", "٥", "USD 5", "\u202e5", "<b>", "/5"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		s := newStage(t).asAdmin()
		s.press("admin/amount/" + string(delivered))
		s.text(typed)
		if !rawKey.MatchString(typed) { // what was typed is shown
			check(t, typed, s.screen())
		}
		if c := s.session.Confirm; len(s.office.deeds) > 0 || c != nil && !strings.HasPrefix(c.Detail, "1:") {
			t.Errorf("%q: %+v, done %v", typed, c, s.office.deeds)
		}
	})
}

// FuzzText: whatever is typed, an answer comes, within the limits.
func FuzzText(f *testing.F) {
	for _, typed := range []string{"Japan", "/start", "<b>", "&amp;", "find/x", foreign.String(), iccid, "\u202e\u2066", strings.Repeat("я", 200), "\xff"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		s := newStage(t)
		s.regular()
		if r := s.text(typed); r.Screen == nil || len(r.Session.Page) > 64 {
			t.Errorf("%q: %+v", typed, r)
		}
		for _, screen := range s.shown {
			for _, row := range screen.Rows {
				for _, b := range row {
					checkButton(t, typed, b)
				}
			}
			if strings.ContainsAny(tag.ReplaceAllString(screen.HTML, ""), "<>") {
				t.Errorf("%q: HTML %s", typed, screen.HTML)
			}
		}
	})
}
