package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	library "github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// tapBody is the update that net/http and encoding/json read of a tap.
type tapBody struct {
	ID    int64 `json:"update_id"`
	Query struct {
		ID   string `json:"id"`
		Data string `json:"data"`
		From struct {
			ID int64 `json:"id"`
		} `json:"from"`
		Message struct {
			ID   int `json:"message_id"`
			Chat struct {
				ID int64 `json:"id"`
			} `json:"chat"`
		} `json:"message"`
	} `json:"callback_query"`
}

// A load against a bot on net/http: each tap is well formed, of another customer, on their own way,
// and over only when the screen was edited too, by JSON or by a form.
func TestLoad(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tg, err := openTelegram(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tg.close()
	client, err := library.New(botToken, library.WithServerURL(tg.url()))
	if err != nil {
		t.Fatalf("getMe: %v", err)
	}
	taps := make(chan tapBody, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b tapBody
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil || r.Header.Get("X-Telegram-Bot-Api-Secret-Token") != botSecret {
			t.Errorf("decode: %v, header %v", err, r.Header)
		}
		taps <- b
		var err error
		text := "page <b>" + b.Query.Data + "</b>"
		if b.ID%2 == 0 {
			_, err = client.EditMessageText(r.Context(), &library.EditMessageTextParams{ChatID: b.Query.Message.Chat.ID, MessageID: b.Query.Message.ID, Text: text,
				ReplyMarkup: &models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{{{Text: "one", CallbackData: "1", Style: "primary"}}}}})
		} else {
			body := `{"chat_id":` + strconv.FormatInt(b.Query.Message.Chat.ID, 10) + `,"message_id":77,"text":"page \u003cb\u003e` + b.Query.Data +
				`\u003c/b\u003e","reply_markup":{"inline_keyboard":[[{"text":"one","callback_data":"1","style":"primary"}]]}}`
			var resp *http.Response
			if resp, err = http.Post(tg.url()+"/bot"+botToken+"/editMessageText", "application/json", strings.NewReader(body)); err == nil {
				err = resp.Body.Close()
			}
		}
		if err != nil {
			t.Errorf("edit: %v", err)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", int(b.ID%2)*5000)) // a long one goes out in chunks
	}))
	defer server.Close()
	l := newLoad(tg, server.Listener.Addr().String(), []journey{{"a", "b", "c", "d", "e", "f", "g", "h"}, {"i", "j", "k", "l", "m", "n", "o", "p"}})
	defer l.hangUp()
	var drawn []drawing
	seen := func(typ string, body []byte) {
		d, err := drawingIn(typ, body)
		if err != nil {
			t.Error(err)
		}
		drawn = append(drawn, d)
	}
	tg.seen.Store(&seen)
	if r := l.closed(ctx, 1, 2, time.Minute); r.taps != 2 || r.failed != 0 {
		t.Fatalf("%+v: %v", r, l.lastFailed.Load())
	}
	tg.seen.Store(nil)
	want := []drawing{{"page <b>a</b>", "[one|1|primary]\n"}, {"page <b>j</b>", "[one|1|primary]\n"}}
	if n, first := unlike(want, drawn); n != 0 {
		t.Errorf("%d of %v differ: %s", n, drawn, first)
	}
	if n, _ := unlike(want, []drawing{want[0], want[0]}); n != 1 {
		t.Errorf("%d differ, want 1", n)
	}
	if r := l.steady(ctx, 200, 8, 100*time.Millisecond); r.taps != 20 || r.failed != 0 || r.at(50) <= 0 || r.at(99) < r.at(50) {
		t.Errorf("%+v: %v", r, l.lastFailed.Load())
	}
	if calls := tg.calls(); calls != 23 { // getMe, and 22 edits
		t.Errorf("%d calls", calls)
	}
	for n := range int64(22) {
		b := <-taps
		if b.Query.From.ID != b.Query.Message.Chat.ID || b.Query.Message.ID != screenOf || b.ID < 100_000_000 || b.Query.ID == "" {
			t.Errorf("tap %d: %+v", n, b)
		}
	}
}

// A bot that answers 200 and edits nothing has answered no tap.
func TestNothingEdited(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	tg, err := openTelegram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tg.close()
	l := newLoad(tg, server.Listener.Addr().String(), []journey{{}})
	defer l.hangUp()
	if err := l.send(ctx, l.take(), l.tap(nil, 1, 1, "dest"), 1); err == nil || !strings.Contains(err.Error(), "not edited") {
		t.Errorf("%v", err)
	}
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message, want string
		fails         bool
	}{
		"length":       {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello…", "hello", false},
		"chunks":       {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", false},
		"none":         {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "", false},
		"cut off":      {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel", "", true},
		"no length":    {"POST / HTTP/1.1\r\nContent-Length: five\r\n\r\nhello", "", true},
		"no chunk":     {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "", true},
		"less nothing": {"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello", "", true},
	} {
		r := bufio.NewReader(strings.NewReader(c.message))
		h, err := readHead(r, func([]byte) error { return nil })
		var body []byte
		if err == nil {
			body, err = readBody(r, h, nil)
		}
		if (err != nil) != c.fails || (!c.fails && string(body) != c.want) {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := &report{
		plan: plan{rounds: 3}, contestants: contestants(),
		sheets: map[string][]*sheet{
			theShop:  {{rate: 300, p50: 5, half50: 1, half99: 2}, {rate: 100, p50: 5, half50: 1, half99: 4}, {rate: 260, p50: 5, half50: 1, half99: 2}},
			theGraf:  {{rate: 100}, {rate: 100}, {rate: 100}},
			theLimit: {{rate: 300}, {rate: 300}, {rate: 300}},
		},
		started: map[string][]float64{theShop: {10, 30}, theGraf: {300}},
	}
	var b strings.Builder
	r.targets(&b)
	for _, want := range []string{
		"| taps a second ÷ telegraf's: 2 | 2.60 | met |", "| taps a second ÷ by hand: 0.8 | 0.87 | met |",
		"| p99 ÷ p50 at half load: under 3 | 2.00 | met |", "| start ÷ telegraf on Node: at most 1/10 | 0.07 | met |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %s in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "grammY's") {
		t.Error("a ratio to who did not take part")
	}
	r.sheets[theShop][0].rate, r.sheets[theShop][2].rate = 10, 10
	for _, s := range r.sheets[theShop] {
		s.half50, s.half99 = 400, 500
	}
	b.Reset()
	r.targets(&b)
	for _, want := range []string{"÷ telegraf's: 2 | 0.10 | **missed** |", "under 3 | 1.25 | **missed** |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line with %s in\n%s", want, b.String())
		}
	}
}

func TestWriteBetween(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	for text, want := range map[string]string{
		"a\n" + beginMark + "\nold\n" + endMark + "\nb": "a\n" + beginMark + "\nnew\n" + endMark + "\nb",
		"no marks": "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := writeBetween(file, "new\n")
		got, _ := os.ReadFile(file)
		if (err != nil) != (want == "") || (want != "" && string(got) != want) {
			t.Errorf("%q: %v", got, err)
		}
	}
	page, err := os.ReadFile("../docs/performance.md")
	if err != nil || !strings.Contains(string(page), beginMark) || !strings.Contains(string(page), endMark) {
		t.Errorf("docs/performance.md lacks the marks: %v", err)
	}
}
