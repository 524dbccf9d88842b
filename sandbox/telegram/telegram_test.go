package telegram

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/sandbox/fault"
)

// buttons is a reply_markup of n buttons with the given action.
func buttons(n int, action string) string {
	one := `{"text":"b",` + action + `}`
	return `"reply_markup":{"inline_keyboard":[[` + strings.Join(slices.Repeat([]string{one}, n), ",") + `]]}`
}

func TestRefusals(t *testing.T) {
	st := newStage(t, Options{})
	st.must("sendMessage", `{"chat_id":7,"text":"first"}`) // message 1
	if _, err := st.SendText(7, "hello"); err != nil {     // message 2
		t.Fatal(err)
	}
	send := func(rest string) string { return `{"chat_id":7,"text":"x",` + rest + `}` }
	html := func(text string) string { return `{"chat_id":7,"parse_mode":"HTML","text":` + quote(text) + `}` }
	for _, c := range []struct{ name, method, body, want string }{
		{"no chat", "sendMessage", `{"text":"x"}`, "chat_id is empty"},
		{"unknown chat", "sendMessage", `{"chat_id":99,"text":"x"}`, "chat not found"},
		{"never started", "sendMessage", `{"chat_id":8,"text":"x"}`, "chat not found"},
		{"no text", "sendMessage", `{"chat_id":7}`, "message text is empty"},
		{"blank text", "sendMessage", `{"chat_id":7,"text":" \n "}`, "message text is empty"},
		{"empty after parsing", "sendMessage", html("<b> </b>"), "message text is empty"},
		{"long text", "sendMessage", `{"chat_id":7,"text":"` + strings.Repeat("🙂", 2049) + `"}`, "message is too long"},
		{"bad mode", "sendMessage", send(`"parse_mode":"BB"`), "unsupported parse_mode"},
		{"unknown tag", "sendMessage", html("a <div>b</div>"), `can't parse entities: Unsupported start tag "div" at byte offset 2`},
		{"bare less-than", "sendMessage", html("1 < 2"), `can't parse entities: Unsupported start tag "" at byte offset 2`},
		{"not closed", "sendMessage", html("<b>x"), `can't parse entities: Can't find end tag corresponding to start tag "b"`},
		{"crossed", "sendMessage", html("<b><i>x</b></i>"), `can't parse entities: Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`},
		{"stray end", "sendMessage", html("x</b>"), `can't parse entities: Unexpected end tag at byte offset 1`},
		{"wrong span", "sendMessage", html(`<span class="x">y</span>`), `can't parse entities: Tag "span" must have class "tg-spoiler" at byte offset 0`},
		{"valueless attribute", "sendMessage", html(`<a href>y</a>`), `can't parse entities: Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0`},
		{"reply to nothing", "sendMessage", send(`"reply_parameters":{"message_id":77}`), "message to be replied not found"},
		{"markup is no JSON", "sendMessage", send(`"reply_markup":"nonsense"`), "can't parse reply keyboard markup JSON object"},
		{"no action", "sendMessage", send(buttons(1, `"style":"primary"`)), "text buttons are unallowed in the inline keyboard"},
		{"two actions", "sendMessage", send(buttons(1, `"callback_data":"a","url":"https://a.example"`)), "inline keyboard button must have exactly one action"},
		{"long data", "sendMessage", send(buttons(1, `"callback_data":"`+strings.Repeat("é", 33)+`"`)), "BUTTON_DATA_INVALID"},
		{"wrong scheme", "sendMessage", send(buttons(1, `"url":"javascript:alert(1)"`)), "BUTTON_URL_INVALID"},
		{"host without a dot", "sendMessage", send(buttons(1, `"url":"http://localhost/x"`)), "BUTTON_URL_INVALID"},
		{"long copy", "sendMessage", send(buttons(1, `"copy_text":{"text":"`+strings.Repeat("x", 257)+`"}`)), "BUTTON_COPY_TEXT_INVALID"},
		{"nothing to copy", "sendMessage", send(buttons(1, `"copy_text":{"text":""}`)), "BUTTON_COPY_TEXT_INVALID"},
		{"unknown style", "sendMessage", send(buttons(1, `"callback_data":"a","style":"fancy"`)), "can't parse inline keyboard button: invalid button style specified"},
		{"empty label", "sendMessage", send(`"reply_markup":{"inline_keyboard":[[{"text":" ","callback_data":"a"}]]}`), "inline keyboard button text must be non-empty"},
		{"101 buttons", "sendMessage", send(buttons(101, `"callback_data":"a"`)), "REPLY_MARKUP_TOO_LONG"},
		{"unknown action", "sendChatAction", `{"chat_id":7,"action":"dancing"}`, "wrong parameter action in request"},
		{"edit nothing", "editMessageText", `{"chat_id":7,"text":"x"}`, "message identifier is not specified"},
		{"edit a missing one", "editMessageText", `{"chat_id":7,"message_id":99,"text":"x"}`, "message to edit not found"},
		{"edit the customer's", "editMessageText", `{"chat_id":7,"message_id":2,"text":"x"}`, "message can't be edited"},
		{"edit without change", "editMessageText", `{"chat_id":7,"message_id":1,"text":"first"}`, "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"},
		{"caption of a text", "editMessageCaption", `{"chat_id":7,"message_id":1,"caption":"x"}`, "there is no caption in the message to edit"},
		{"delete a missing one", "deleteMessage", `{"chat_id":7,"message_id":99}`, "message to delete not found"},
		{"delete none", "deleteMessages", `{"chat_id":7,"message_ids":[]}`, "there are no messages to delete"},
		{"answer to nobody", "answerCallbackQuery", `{"callback_query_id":"1"}`, "query is too old and response timeout expired or query ID is invalid"},
		{"no photo", "sendPhoto", `{"chat_id":7}`, "there is no photo in the request"},
		{"made-up file", "sendPhoto", `{"chat_id":7,"photo":"AAAA"}`, "wrong file identifier/HTTP URL specified"},
		{"album of one", "sendMediaGroup", `{"chat_id":7,"media":[{"type":"photo","media":"x"}]}`, "wrong number of media in the album: 2 to 10 are needed"},
		{"capital command", "setMyCommands", `{"commands":[{"command":"Buy","description":"x"}]}`, "BOT_COMMAND_INVALID"},
		{"command without description", "setMyCommands", `{"commands":[{"command":"buy","description":""}]}`, "BOT_COMMAND_DESCRIPTION_INVALID"},
		{"command language", "setMyCommands", `{"commands":[],"language_code":"english"}`, "invalid language code specified"},
		{"menu of a stranger", "setMyCommands", `{"commands":[],"scope":{"type":"chat","chat_id":8}}`, "chat not found"},
		{"long description", "setMyDescription", `{"description":"` + strings.Repeat("x", 513) + `"}`, "bot description is too long"},
		{"webhook without TLS", "setWebhook", `{"url":"http://shop.example/x"}`, "bad webhook: An HTTPS URL must be provided for webhook"},
		{"webhook secret", "setWebhook", `{"url":"https://shop.example/x","secret_token":"a b"}`, "secret token contains unallowed characters"},
		{"copy nothing", "copyMessage", `{"chat_id":7,"from_chat_id":7,"message_id":99}`, "message to copy not found"},
		{"unknown file", "getFile", `{"file_id":"x"}`, "invalid file_id"},
		{"leave a person", "leaveChat", `{"chat_id":7}`, "chat member status can't be changed in private chats"},
		{"not in the sandbox", "sendPoll", `{"chat_id":7}`, "the sandbox has no sendPoll"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := st.json(c.method, c.body)
			if got.OK || got.status != 400 || got.Code != 400 || got.Description != "Bad Request: "+c.want {
				t.Errorf("got %d %q\nwant 400 %q", got.status, got.Description, "Bad Request: "+c.want)
			}
		})
	}
	if n := len(st.Messages(7)); n != 2 {
		t.Errorf("refused calls left %d messages, want the 2 from before", n)
	}
}

func TestDoors(t *testing.T) {
	st := newStage(t, Options{})
	for path, want := range map[string]int{
		"/bot4242:another-token_entirely/getMe": 401,
		"/botnonsense/getMe":                    404,
		"/bot" + testToken + "/noSuchMethod":    404,
		"/elsewhere":                            404,
		"/bot" + testToken + "/GETME":           200,
	} {
		if got := st.post(path, "application/json", strings.NewReader("{}")); got.status != want || got.OK != (want == 200) {
			t.Errorf("%s: %d %q, want %d", path, got.status, got.Description, want)
		}
	}
}

func TestBodyFormats(t *testing.T) {
	st := newStage(t, Options{})
	keyboard := `{"inline_keyboard":[[{"text":"Go","callback_data":"go","copy_text":{"text":""}}]]}`
	form := url.Values{"chat_id": {"7"}, "text": {"form"}, "reply_markup": {keyboard}}
	path := "/bot" + testToken + "/sendMessage"
	st.post(path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	st.multipart("sendMessage", map[string]string{"chat_id": "7", "text": "multipart", "reply_markup": keyboard}, nil)
	st.must("sendMessage", `{"chat_id":7,"text":"json","reply_markup":`+keyboard+`,"colour":"red"}`)
	st.post(path+"?chat_id=7&text=query", "", nil)
	var bodies []string
	for _, m := range st.Messages(7) {
		bodies = append(bodies, m.Text)
		if m.Text == "query" {
			continue
		}
		if b := m.Buttons(); len(b) != 1 || b[0].CallbackData != "go" || b[0].CopyText != nil {
			t.Errorf("%s: buttons %+v", m.Text, b)
		}
	}
	if want := []string{"form", "multipart", "json", "query"}; !slices.Equal(bodies, want) {
		t.Errorf("messages %q, want %q", bodies, want)
	}
	if unknown := st.Calls()[2].Unknown; !slices.Equal(unknown, []string{"colour"}) {
		t.Errorf("unknown parameters %q, want colour", unknown)
	}
}

func TestEntities(t *testing.T) {
	st := newStage(t, Options{})
	for source, want := range map[string]string{
		"<b>bold</b> &lt;i&gt; &amp;&nbsp;":               "<b>bold</b> &lt;i&gt; &amp;&amp;nbsp;",
		" <i>x</i> <code>a&amp;b</code>\n":                "<i>x</i> <code>a&amp;b</code>",
		"🙂<u>ю<s>я</s></u>":                               "🙂<u>ю<s>я</s></u>",
		`<a href="https://a.example/?x=1&amp;y=2">go</a>`: `<a href="https://a.example/?x=1&amp;y=2">go</a>`,
		"<blockquote expandable>many\nlines</blockquote>": "<blockquote expandable>many\nlines</blockquote>",
		`<pre><code class="language-go">x</code></pre>`:   "<pre>x</pre>",
		`<span class="tg-spoiler">a</span>`:               "<tg-spoiler>a</tg-spoiler>",
		"<b>a</b><b></b>b":                                "<b>a</b>b",
	} {
		m := st.message(st.must("sendMessage", `{"chat_id":7,"parse_mode":"HTML","text":`+quote(source)+`}`))
		if got := m.HTML(); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
	m := st.message(st.must("sendMessage", `{"chat_id":7,"text":"🙂 see https://a.example/b, /esims or a@b.example #tag @some_bot"}`))
	var kinds []string
	for _, e := range m.Entities {
		kinds = append(kinds, e.Type)
	}
	if want := []string{"url", "bot_command", "email", "hashtag", "mention"}; !slices.Equal(kinds, want) {
		t.Errorf("found %q, want %q", kinds, want)
	}
	if e := m.Entities[0]; e.Offset != 7 || e.Length != len("https://a.example/b") {
		t.Errorf("address at %d+%d, want 7+19", e.Offset, e.Length)
	}
}

func TestLimits(t *testing.T) {
	st := newStage(t, Options{Limits: Limits{PerChat: 1}})
	st.must("sendMessage", `{"chat_id":7,"text":"one"}`)
	got := st.json("sendMessage", `{"chat_id":7,"text":"two"}`)
	if got.status != 429 || got.Parameters.RetryAfter != 1 || got.Description != "Too Many Requests: retry after 1" {
		t.Errorf("got %+v, want 429 with retry_after 1", got)
	}
	st.advance(time.Second)
	st.must("sendMessage", `{"chat_id":7,"text":"two"}`)
}

func TestMoods(t *testing.T) {
	st := newStage(t, Options{})
	for mood, want := range map[fault.Mood]reply{
		fault.Limited: {status: 429, Code: 429, Description: "Too Many Requests: retry after 1"},
		fault.Error:   {status: 500, Code: 500, Description: "Internal Server Error"},
	} {
		if err := st.Fault.Set(fault.Rule{Mood: mood, Times: 1}); err != nil {
			t.Fatal(err)
		}
		got := st.json("sendMessage", `{"chat_id":7,"text":"x"}`)
		if got.status != want.status || got.Code != want.Code || got.Description != want.Description {
			t.Errorf("%s: %+v, want %+v", mood, got, want)
		}
	}
	if n := len(st.Messages(7)); n != 0 {
		t.Errorf("%d messages were sent in moods that do nothing", n)
	}
}

func TestBlocked(t *testing.T) {
	st := newStage(t, Options{})
	st.Block(7)
	got := st.json("sendMessage", `{"chat_id":7,"text":"x"}`)
	if got.status != 403 || got.Description != "Forbidden: bot was blocked by the user" {
		t.Errorf("got %d %q", got.status, got.Description)
	}
	if _, err := st.SendText(7, "back"); err != nil {
		t.Fatal(err)
	}
	st.must("sendMessage", `{"chat_id":7,"text":"welcome back"}`)
}
