package handlers

import (
	"log/slog"
	"testing"
	"time"

	"esimbot/flows"
)

func TestCommands(t *testing.T) {
	door := &Telegram{username: botName}
	for text, want := range map[string]flows.Event{
		"/start":                            {Kind: flows.EventCommand, Command: "start"},
		"/start c_jp":                       {Kind: flows.EventCommand, Command: "start", Args: "c_jp"},
		"/START@" + botName:                 {Kind: flows.EventCommand, Command: "start"},
		"/start@ESIM_Sandbox_Bot  o_X \n y": {Kind: flows.EventCommand, Command: "start", Args: "o_X \n y"},
		"/refund\n7KQ2M-9X4TB 4.50":         {Kind: flows.EventCommand, Command: "refund", Args: "7KQ2M-9X4TB 4.50"},
		"/order Россия 😀":                   {Kind: flows.EventCommand, Command: "order", Args: "Россия 😀"},
		"Россия /start":                     {Kind: flows.EventText, Text: "Россия /start"},
		"/start@other_bot":                  {Kind: flows.EventText, Text: "/start@other_bot"},
		"/":                                 {Kind: flows.EventText, Text: "/"},
		"/старт":                            {Kind: flows.EventText, Text: "/старт"},
		"/a-b":                              {Kind: flows.EventText, Text: "/a-b"},
		"japan":                             {Kind: flows.EventText, Text: "japan"},
	} {
		if got := door.textEvent(text); got != want {
			t.Errorf("%q = %+v, want %+v", text, got, want)
		}
	}
}

// Nobody but an admin in their own private chat is one.
func TestAdmin(t *testing.T) {
	door := newStage(t, func(c *Config) { c.SupportChat = -5 }).door
	for body, want := range map[string]bool{
		`{"message":{"from":{"id":1000},"chat":{"id":1000,"type":"private"},"text":"x"}}`:                                                                true,
		`{"message":{"from":{"id":1001,"username":"1000"},"chat":{"id":1001,"type":"private"},"text":"x"}}`:                                              false,
		`{"message":{"from":{"id":1000},"chat":{"id":-5,"type":"supergroup"},"text":"x"}}`:                                                               false,
		`{"message":{"from":{"id":1000},"sender_chat":{"id":1000},"chat":{"id":1000,"type":"private"},"text":"x"}}`:                                      false,
		`{"message":{"from":{"id":1000},"chat":{"id":7,"type":"private"},"text":"x"}}`:                                                                   false,
		`{"message":{"chat":{"id":1000,"type":"private"},"text":"x"}}`:                                                                                   false,
		`{"callback_query":{"id":"1","from":{"id":1000},"data":"x","message":{"message_id":1,"date":1,"text":"t","chat":{"id":1000,"type":"private"}}}}`: true,
		`{"callback_query":{"id":"1","from":{"id":1000},"data":"x","message":{"message_id":1,"date":1,"text":"t","chat":{"id":-5,"type":"group"}}}}`:     false,
		`{"callback_query":{"id":"1","from":{"id":1000},"data":"x","message":{"message_id":1,"date":0,"chat":{"id":-5,"type":"group"}}}}`:                false,
	} {
		u, err := decodeUpdate([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if a := door.read(u); a.admin != want {
			t.Errorf("%s: admin %v", body, a.admin)
		}
	}
}

func FuzzUpdate(f *testing.F) {
	for _, seed := range []string{
		`{"update_id":1,"message":{"message_id":1,"from":{"id":7},"chat":{"id":7,"type":"private"},"text":"/start x"}}`,
		`{"update_id":1,"callback_query":{"id":"1","from":{"id":7},"data":"x","message":{"message_id":1,"date":0}}}`,
		`{"update_id":1,"callback_query":{"id":"1","from":{"id":7},"message":{"message_id":1,"date":1,"photo":[{"file_id":"x"}]}}}`,
		`{"update_id":1,"my_chat_member":{"chat":{"id":-1,"type":"group"},"new_chat_member":{"status":"member"}}}`,
		`{"update_id":1,"message":5}`,
	} {
		f.Add([]byte(seed))
	}
	door := &Telegram{username: botName, admins: map[int64]bool{1000: true}, client: offline(f)}
	f.Fuzz(func(t *testing.T, body []byte) {
		u, err := decodeUpdate(body)
		if u == nil {
			if err == nil {
				t.Fatal("neither update nor error")
			}
			return
		}
		a := door.read(u)
		if a.admin && (a.user != 1000 || a.chat != 1000) {
			t.Fatalf("an admin in a chat of others: %+v", a)
		}
		if a.kind == kindPress && a.pressed.chat != a.user {
			t.Fatalf("a press is to be drawn in another's chat: %+v", a)
		}
	})
}

func FuzzCutHTML(f *testing.F) {
	f.Add("<b>on <i>and &amp; on</i></b> 😀", 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 1 || limit > 5000 {
			return
		}
		units := 0
		for rest := cutHTML(s, limit); rest != ""; {
			size, width := token(rest)
			units, rest = units+width, rest[size:]
		}
		if units > limit {
			t.Fatalf("%d code units where %d fit", units, limit)
		}
	})
}

// A crowd of strangers does not fill the memory, and nobody waits for another.
func TestPaceBounded(t *testing.T) {
	p, now := newPace(), time.Unix(0, 0)
	for user := range int64(maxPaced + 10) {
		if ok, _ := p.take(user, 1, now); !ok {
			t.Fatalf("person %d is slowed by others", user)
		}
	}
	if len(p.users) > maxPaced {
		t.Errorf("%d people remembered", len(p.users))
	}
	f := newFailures()
	for update := range int64(maxRemembered + 10) {
		f.add(update)
	}
	if len(f.times) > maxRemembered {
		t.Errorf("%d failures remembered", len(f.times))
	}
}

// An update that comes again is not a flood.
func TestPaceRepeated(t *testing.T) {
	p, now := newPace(), time.Unix(0, 0)
	for range 3 * paceBurst {
		if ok, _ := p.take(customer, 1, now); !ok {
			t.Fatal("the same update again is slowed")
		}
	}
	let := 0
	for update := int64(2); update < 3*paceBurst; update++ {
		if ok, _ := p.take(customer, update, now); ok {
			let++
		}
	}
	if let != paceBurst-1 {
		t.Errorf("%d more let through, want %d", let, paceBurst-1)
	}
}

// offline is a client that reaches nobody: it knows who the bot is.
func offline(tb testing.TB) *Client {
	tb.Helper()
	metrics, err := NewMetrics(nil)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := NewClient(ClientConfig{Token: testToken, APIURL: "http://127.0.0.1:1", Now: time.Now, Log: slog.New(slog.DiscardHandler), Metrics: metrics})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
