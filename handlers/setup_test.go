package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"esimbot/flows"
	"esimbot/locales"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
)

// mutations are the calls so far that set or take away something.
func (st *stage) mutations() []telegram.Call {
	return slices.DeleteFunc(st.tg.Calls(), func(c telegram.Call) bool {
		return !strings.HasPrefix(c.Method, "set") && !strings.HasPrefix(c.Method, "delete")
	})
}

// must makes a call with the bot's token that Telegram takes.
func (st *stage) must(method, params string) {
	st.t.Helper()
	req, err := http.NewRequestWithContext(deadline(st.t), http.MethodPost, st.api.URL+"/bot"+testToken+"/"+method, strings.NewReader(params))
	if err != nil {
		st.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		st.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		st.t.Fatalf("%s %s: %d, %v", method, params, resp.StatusCode, err)
	}
}

// told is what Register says, a line each.
type told []string

func (l *told) say(line string) { *l = append(*l, line) }
func (l *told) has(t *testing.T, what string) {
	t.Helper()
	if !strings.Contains(strings.Join(*l, "\n"), what) {
		t.Errorf("%q is not among\n%s", what, strings.Join(*l, "\n"))
	}
}

// The first run sets the webhook and every text in every language; the second reads all of it and
// changes nothing.
func TestSetup(t *testing.T) {
	st := newStage(t, func(c *Config) { c.Admins = []int64{admin, 555} })
	url := st.web.URL + "/telegram/webhook"
	var first, second told
	if err := st.door.Register(deadline(t), url, first.say); err != nil {
		t.Fatal(err)
	}
	first.has(t, "telegram: webhook set: "+url)
	first.has(t, "warning: admin 555 can't be written to")
	languages := len(st.door.bundle.Languages()) + 1
	if n, want := len(st.mutations()), 1+3*languages+1; n != want {
		t.Errorf("%d calls that set something, want %d", n, want)
	}
	for _, lang := range st.door.bundle.Languages() {
		st.tg.AddUser(telegram.User{ID: 70, FirstName: "x", LanguageCode: lang})
		commands := st.tg.Commands(70)
		if len(commands) != len(menu()) {
			t.Errorf("%s: %d commands", lang, len(commands))
		}
		for _, c := range commands {
			if strings.HasPrefix(c.Description, "command_") {
				t.Errorf("%s: /%s has no description", lang, c.Command)
			}
		}
	}
	for _, call := range st.tg.Calls() {
		if call.Method == "setWebhook" && (call.Params["drop_pending_updates"] == "true" || call.Params["max_connections"] != "100" ||
			call.Params["allowed_updates"] != `["message","callback_query","my_chat_member"]`) {
			t.Errorf("setWebhook %v", call.Params)
		}
		if len(call.Unknown) > 0 {
			t.Errorf("%s has parameters that Telegram doesn't know: %v", call.Method, call.Unknown)
		}
	}
	st.tg.ResetCalls()
	if err := st.door.Register(deadline(t), url, second.say); err != nil {
		t.Fatal(err)
	}
	second.has(t, "telegram: webhook stands")
	second.has(t, "telegram: menus and descriptions stand")
	if m := st.mutations(); len(m) != 1 || m[0].Note != "Webhook is already set" {
		t.Errorf("a second run changed something: %+v", m)
	}
	st.door.secret = ""
	if err := st.door.Setup(deadline(t), st.web.URL); err == nil {
		t.Error("a webhook without a secret was set")
	}
	name, err := st.client.Me(deadline(t))
	if err != nil || name != botName || st.client.BotID() != 4242 {
		t.Errorf("me = %q, %d, %v", name, st.client.BotID(), err)
	}
}

// What somebody changed by hand, and nothing else, is set again.
func TestSetupMends(t *testing.T) {
	st := newStage(t)
	r := Registration{Client: st.client, Bundle: st.door.bundle, WebhookURL: st.web.URL + "/telegram/webhook", WebhookSecret: "s"}
	var lines told
	for _, spoil := range []struct{ method, params, mended string }{
		{"", "", "telegram: webhook set"},
		{"setMyDescription", `{"description":"Bought followers here","language_code":"de"}`, "telegram: set description de"},
		{"setMyShortDescription", `{"short_description":""}`, "telegram: set short description"},
		{"deleteMyCommands", `{"scope":{"type":"all_private_chats"},"language_code":"fr"}`, "telegram: set menu fr"},
		{"setWebhook", `{"url":"http://127.0.0.1:1/elsewhere"}`, "telegram: webhook set"},
		{"setWebhook", `{"url":"` + r.WebhookURL + `","secret_token":"s","allowed_updates":["message"],"max_connections":100}`, "telegram: webhook set"},
		{"setWebhook", `{"url":"` + r.WebhookURL + `","secret_token":"s","allowed_updates":["my_chat_member","callback_query","message"]}`, "telegram: webhook set"},
	} {
		if spoil.method != "" {
			st.must(spoil.method, spoil.params)
			_, differs, err := r.Compare(deadline(t))
			outdated, failed := r.Outdated(deadline(t))
			if errors.Join(err, failed) != nil || (differs == "") != (len(outdated) == 1) {
				t.Errorf("after %s %s: %q, %v, %v, %v", spoil.method, spoil.params, differs, outdated, err, failed)
			}
		}
		lines = nil
		if err := r.Apply(deadline(t), lines.say); err != nil {
			t.Fatal(err)
		}
		lines.has(t, spoil.mended)
		_, differs, err := r.Compare(deadline(t))
		outdated, failed := r.Outdated(deadline(t))
		if errors.Join(err, failed) != nil || differs != "" || len(outdated) > 0 {
			t.Errorf("not mended: %q, %v, %v, %v", differs, outdated, err, failed)
		}
	}
}

// Texts that changed too often are set another day; the deploy goes on. Anything else stops it.
func TestSetupTooOften(t *testing.T) {
	st := newStage(t)
	limit := func(m fault.Mood) {
		if err := st.tg.Fault.Set(fault.Rule{Mood: m, Path: "setMyDescription", Delay: 9 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	limit(fault.Limited)
	var lines told
	if err := st.door.Register(deadline(t), st.web.URL+"/telegram/webhook", lines.say); err != nil {
		t.Fatal(err)
	}
	lines.has(t, "not set: Telegram asks to wait 9h0m0s; run setup again then")
	lines.has(t, "menu ar")
	limit(fault.OK)
	st.advance(10 * time.Hour)
	lines = nil
	if err := st.door.Register(deadline(t), st.web.URL+"/telegram/webhook", lines.say); err != nil {
		t.Fatal(err)
	}
	lines.has(t, "description de")
	if err := st.tg.Fault.Set(fault.Rule{Mood: fault.Error, Path: "getMyCommands"}); err != nil {
		t.Fatal(err)
	}
	if err := st.door.Setup(deadline(t), st.web.URL+"/telegram/webhook"); err == nil {
		t.Error("a Telegram that is down was taken for one that is set up")
	}
}

// Setup without an address means polling: a standing webhook goes, what waits in it stays.
func TestSetupForPolling(t *testing.T) {
	st := newStage(t)
	if err := st.door.Setup(deadline(t), "http://127.0.0.1:1/telegram/webhook"); err != nil {
		t.Fatal(err)
	}
	if _, err := st.tg.SendText(customer, "/start"); err != nil {
		t.Fatal(err)
	}
	if _, err := st.client.updates(deadline(t), 0, 0, 1); err == nil {
		t.Fatal("updates can be fetched beside a webhook")
	}
	for i := range 2 { // again changes nothing
		st.tg.ResetCalls()
		if err := st.door.Setup(deadline(t), ""); err != nil {
			t.Fatal(err)
		}
		if n := st.tg.CallCount("deleteWebhook"); n != 1-i {
			t.Errorf("run %d took the webhook away %d times", i+1, n)
		}
	}
	if list, err := st.client.updates(deadline(t), 0, 0, 10); err != nil || len(list) != 1 {
		t.Errorf("%d updates wait, %v", len(list), err)
	}
}

// A support chat is one where the bot is and may write.
func TestCheckSupport(t *testing.T) {
	st := newStage(t)
	const group, basic = -1001, -5
	st.tg.AddGroup(group, "Support", admin)
	st.tg.AddBasicGroup(basic, "Small", admin)
	var moved *MovedError
	for _, step := range []struct {
		name string
		do   func() error
		chat int64
		want func(error) bool
	}{
		{"nobody knows it", nil, -777, func(err error) bool { return errors.Is(err, orders.ErrUnreachable) }},
		{"the bot was never in it", nil, group, func(err error) bool { return errors.Is(err, orders.ErrUnreachable) }},
		{"a group", func() error { return st.tg.AddBot(group, admin) }, group, func(err error) bool { return err == nil }},
		{"muted", func() error { st.tg.Mute(group, true); return nil }, group, func(err error) bool { return errors.Is(err, ErrMuted) }},
		{"thrown out", func() error { st.must("leaveChat", `{"chat_id":-1001}`); return nil }, group, func(err error) bool { return errors.Is(err, orders.ErrUnreachable) }},
		{"grown", func() error { return errors.Join(st.tg.AddBot(basic, admin), st.tg.Migrate(basic, -1005)) }, basic, func(err error) bool {
			return errors.As(err, &moved) && moved.To == -1005
		}},
		{"an admin", nil, admin, func(err error) bool { return err == nil }},
		{"who blocked the bot", func() error { st.tg.Block(admin); return nil }, admin, func(err error) bool { return errors.Is(err, orders.ErrUnreachable) }},
	} {
		if step.do != nil {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.client.CheckSupport(deadline(t), step.chat); !step.want(err) {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

// An admin who chose a language finds their menu in it.
func TestSetupInAnAdminsLanguage(t *testing.T) {
	st := newStage(t)
	st.sessions.people[admin] = flows.Loaded{Customer: flows.Customer{ID: admin, Language: "de"}}
	if err := st.door.Setup(deadline(t), st.web.URL+"/telegram/webhook"); err != nil {
		t.Fatal(err)
	}
	want := st.door.bundle.For("de").T("command_refund")
	if !slices.Contains(st.tg.Commands(admin), telegram.Command{Command: "refund", Description: want}) || want == st.door.bundle.For("en").T("command_refund") {
		t.Errorf("the menu is %v", st.tg.Commands(admin))
	}
}

// What Telegram takes: https://core.telegram.org/bots/api#setmydescription, #setmyshortdescription,
// #botcommand. It counts in UTF-16.
func TestTextsFit(t *testing.T) {
	bundle, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range bundle.Languages() {
		l := bundle.For(lang)
		texts := map[string]int{"bot_description": 512, "bot_short_description": 120}
		for _, command := range adminMenu() {
			texts["command_"+command] = 256
		}
		for key, most := range texts {
			if n := len(utf16.Encode([]rune(l.T(key)))); n == 0 || n > most {
				t.Errorf("%s: %s has %d characters, 1 to %d are taken", lang, key, n, most)
			}
		}
	}
}
