package telegram

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzHTML: whatever is parsed lies inside its text, and what is written of it parses to the same
// text again.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		"<b>a</b> &lt; &#x41; &amp", `<a href="https://a.example?x=1&amp;y=2">go</a>`, "<pre><code class=\"language-go\">x</code></pre>",
		"<blockquote expandable>🙂\n</blockquote> /start @bot_name a@b.example", "<b><i>x</b></i>", "<", "</", "<b", "&#0;", "<tg-time unix=1>now</tg-time>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if !utf8.ValidString(source) {
			t.Skip("refused before it is parsed")
		}
		text, entities, err := parseHTML(source)
		if err != nil {
			return
		}
		text, entities = tidy(text, entities)
		for _, e := range withFound(text, entities) {
			if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > units(text) {
				t.Fatalf("%q: entity %+v outside of %d units", source, e, units(text))
			}
		}
		again, _, err := parseHTML(renderHTML(text, entities))
		if err != nil || again != text {
			t.Fatalf("%q became %q (%v)", text, again, err)
		}
	})
}

// FuzzCall: no body makes the server fail.
func FuzzCall(f *testing.F) {
	s := New(Options{Token: testToken})
	s.AddUser(User{ID: 7, FirstName: "Customer", Started: true})
	f.Cleanup(s.Close)
	f.Add("sendMessage", "application/json", `{"chat_id":7,"text":"x","reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":"b"}]]}}`)
	f.Add("sendMediaGroup", "application/x-www-form-urlencoded", `chat_id=7&media=[{"type":"photo"},{}]`)
	f.Add("sendPhoto", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\nz\r\n--x--\r\n")
	f.Add("setMyCommands", "application/json", `{"commands":[{}],"scope":{"type":"chat","chat_id":"@x"}}`)
	f.Add("editMessageMedia", "application/json", `{"chat_id":7,"message_id":1,"media":{"type":"photo","media":"attach://x"}}`)
	f.Fuzz(func(t *testing.T, method, contentType, body string) {
		if strings.EqualFold(method, "getUpdates") || strings.EqualFold(method, "setWebhook") {
			t.Skip("waits, or calls out")
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.Path = "/bot" + testToken + "/" + method
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s %q: %d", method, contentType, body, w.Code)
		}
	})
}
