package telegram

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// hookServer is a bot's webhook: reply decides each answer, got lists the texts in the order in
// which they came.
type hookServer struct {
	*httptest.Server
	mu      sync.Mutex
	got     []string
	secrets []string
	reply   func(w http.ResponseWriter, u Update)
}

func newHook(t *testing.T, reply func(http.ResponseWriter, Update)) *hookServer {
	t.Helper()
	h := &hookServer{reply: reply}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var u Update
		if err := json.NewDecoder(r.Body).Decode(&u); err != nil {
			t.Errorf("update: %v", err)
		}
		h.mu.Lock()
		switch {
		case u.Message != nil:
			h.got = append(h.got, u.Message.Text)
		case u.CallbackQuery != nil:
			h.got = append(h.got, u.CallbackQuery.Data)
		}
		h.secrets = append(h.secrets, r.Header.Get("X-Telegram-Bot-Api-Secret-Token"))
		h.mu.Unlock()
		h.reply(w, u)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hookServer) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (st *stage) say(id int64, texts ...string) {
	st.t.Helper()
	for _, text := range texts {
		if _, err := st.SendText(id, text); err != nil {
			st.t.Fatal(err)
		}
	}
}

func (st *stage) until(what string, met func() bool) {
	st.t.Helper()
	if err := st.Wait(deadline(st.t), met); err != nil {
		st.t.Fatalf("%s: %v", what, err)
	}
}

func TestWebhookRetriesInOrder(t *testing.T) {
	var mu sync.Mutex
	var waits []time.Duration
	st := newStage(t, Options{After: func(d time.Duration) <-chan time.Time {
		mu.Lock()
		waits = append(waits, d)
		mu.Unlock()
		due := make(chan time.Time, 1)
		due <- time.Time{}
		return due
	}})
	failures := 9
	hook := newHook(t, func(w http.ResponseWriter, u Update) {
		if u.Message.Text == "one" && failures > 0 {
			failures--
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	st.must("setWebhook", `{"url":"`+hook.URL+`","secret_token":"s3cret"}`)
	st.say(7, "one", "two", "three")
	st.until("all delivered", func() bool { return st.Pending() == 0 })
	want := append(slices.Repeat([]string{"one"}, 10), "two", "three")
	if got := hook.seen(); !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
	if hook.secrets[0] != "s3cret" {
		t.Errorf("secret %q", hook.secrets[0])
	}
	seconds := []time.Duration{2, 4, 8, 16, 32, 60, 60, 60}
	for i := range seconds {
		seconds[i] *= time.Second
	}
	if !slices.Equal(waits, seconds) {
		t.Errorf("waits %v, want the first retry at once and then %v", waits, seconds)
	}
	var info struct {
		Pending int    `json:"pending_update_count"`
		Error   string `json:"last_error_message"`
	}
	if err := json.Unmarshal(st.must("getWebhookInfo", `{}`).Result, &info); err != nil || info.Error != "Wrong response from the webhook: 500 Internal Server Error" {
		t.Errorf("webhook info %+v (%v)", info, err)
	}
}

func TestOneChatDoesNotBlockAnother(t *testing.T) {
	st := newStage(t, Options{})
	release := make(chan struct{})
	hook := newHook(t, func(_ http.ResponseWriter, u Update) {
		if u.Message.Text == "stuck" {
			<-release
		}
	})
	st.must("setWebhook", `{"url":"`+hook.URL+`"}`)
	st.say(7, "stuck", "behind")
	st.say(8, "free")
	st.until("the other chat's update", func() bool { return slices.Contains(hook.seen(), "free") && st.Pending() == 2 })
	if slices.Contains(hook.seen(), "behind") {
		t.Error("an update overtook the one before it in its queue")
	}
	close(release)
	st.until("the rest", func() bool { return st.Pending() == 0 })
}

func TestMethodInTheReply(t *testing.T) {
	st := newStage(t, Options{})
	hook := newHook(t, func(w http.ResponseWriter, u Update) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"method":"answerCallbackQuery","callback_query_id":"`+u.CallbackQuery.ID+`","text":"Saved"}`)
	})
	st.must("sendMessage", `{"chat_id":7,"text":"x",`+buttons(1, `"callback_data":"go"`)+`}`)
	st.must("setWebhook", `{"url":"`+hook.URL+`"}`)
	id, err := st.Press(7, 1, "go")
	if err != nil {
		t.Fatal(err)
	}
	st.until("the answer", func() bool { _, ok := st.Answer(id); return ok })
	calls := st.Calls()
	if last := calls[len(calls)-1]; !last.Inline || len(last.Unknown) != 0 {
		t.Errorf("recorded as %+v", last)
	}
}

func TestRedeliver(t *testing.T) {
	st := newStage(t, Options{})
	hook := newHook(t, func(http.ResponseWriter, Update) {})
	st.must("setWebhook", `{"url":"`+hook.URL+`"}`)
	st.say(7, "once")
	st.until("delivery", func() bool { return st.Pending() == 0 })
	if !st.Redeliver(st.LastUpdate()) || st.Redeliver(999) {
		t.Error("redeliver does not know its updates")
	}
	st.until("second delivery", func() bool { return len(hook.seen()) == 2 && st.Pending() == 0 })
}

func TestWebhookAfterPolling(t *testing.T) {
	st := newStage(t, Options{})
	st.say(7, "early")
	hook := newHook(t, func(http.ResponseWriter, Update) {})
	st.must("setWebhook", `{"url":"`+hook.URL+`","allowed_updates":["message"]}`)
	st.until("what waited", func() bool { return slices.Equal(hook.seen(), []string{"early"}) && st.Pending() == 0 })
	if _, err := st.Press(7, 1, "not allowed"); err != nil || st.Pending() != 0 {
		t.Errorf("a callback was queued although only messages are allowed (%v)", err)
	}
	got := st.json("getUpdates", `{}`)
	if got.status != 409 {
		t.Errorf("getUpdates beside a webhook: %+v", got)
	}
}

func (st *stage) poll(body string) []int {
	st.t.Helper()
	var updates []Update
	if err := json.Unmarshal(st.must("getUpdates", body).Result, &updates); err != nil {
		st.t.Fatal(err)
	}
	var ids []int
	for _, u := range updates {
		ids = append(ids, u.ID)
	}
	return ids
}

func TestPollingOffsets(t *testing.T) {
	st := newStage(t, Options{})
	st.say(7, "1", "2", "3", "4")
	for _, c := range []struct {
		body string
		want []int
	}{
		{`{}`, []int{1, 2, 3, 4}},
		{`{"limit":2}`, []int{1, 2}},
		{`{"offset":3}`, []int{3, 4}},
		{`{}`, []int{3, 4}},
		{`{"offset":-1}`, []int{4}},
		{`{"offset":5}`, nil},
	} {
		if got := st.poll(c.body); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.body, got, c.want)
		}
	}
}

func TestSecondPollEndsTheFirst(t *testing.T) {
	st := newStage(t, Options{})
	first := make(chan reply, 1)
	go func() { first <- st.json("getUpdates", `{"timeout":50}`) }()
	var second []int
	ended := false
	for !ended {
		second = st.poll(`{"timeout":0}`)
		select {
		case got := <-first:
			if got.status != 409 {
				t.Errorf("the first poll ended with %+v", got)
			}
			ended = true
		default:
		}
	}
	if len(second) != 0 {
		t.Errorf("the second poll saw %v", second)
	}
}

func TestOldUpdatesExpire(t *testing.T) {
	st := newStage(t, Options{})
	st.say(7, "text")
	if _, err := st.Press(7, 1, "data"); err != nil {
		t.Fatal(err)
	}
	st.advance(callbackLifetime + time.Second)
	if got := st.poll(`{}`); !slices.Equal(got, []int{1}) {
		t.Errorf("after 151 s: %v, want the message only", got)
	}
	st.advance(updateLifetime)
	if got := st.poll(`{}`); got != nil {
		t.Errorf("after a day: %v, want nothing", got)
	}
}

// TestLibrary lets a bot written with go-telegram talk to the server.
func TestLibrary(t *testing.T) {
	st := newStage(t, Options{})
	data := picture(t, 300, 300)
	handle := func(ctx context.Context, b *bot.Bot, u *models.Update) {
		var err error
		switch {
		case u.CallbackQuery != nil:
			_, err = b.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: u.CallbackQuery.ID, Text: "ok " + u.CallbackQuery.Data})
		case u.Message.Text == "photo":
			_, err = b.SendPhoto(ctx, &bot.SendPhotoParams{ChatID: u.Message.Chat.ID, Photo: &models.InputFileUpload{Filename: "qr.png", Data: newReader(data)}, Caption: "here"})
		default:
			_, err = b.SendMessage(ctx, &bot.SendMessageParams{
				ChatID: u.Message.Chat.ID, Text: "<b>hello</b>", ParseMode: models.ParseModeHTML,
				ReplyMarkup: &models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{{
					{Text: "Go", CallbackData: "x" + strconv.Itoa(u.Message.ID)}, {Text: "Open", URL: "https://a.example/x"},
				}}},
			})
		}
		if err != nil && ctx.Err() == nil {
			t.Errorf("bot: %v", err)
		}
	}
	b, err := bot.New(testToken, bot.WithServerURL(st.http.URL), bot.WithDefaultHandler(handle), bot.WithNotAsyncHandlers())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Start(ctx) })
	defer running.Wait()
	defer cancel()

	st.say(7, "/start")
	if err := st.WaitFor(deadline(t), 7, func(list []Message) bool { return len(list) == 2 && list[1].HTML() == "<b>hello</b>" }); err != nil {
		t.Fatal(err)
	}
	id, err := st.PressButton(7, "Go")
	if err != nil {
		t.Fatal(err)
	}
	st.until("the answer", func() bool { a, ok := st.Answer(id); return ok && a.Text == "ok x1" })
	st.say(7, "photo")
	if err := st.WaitFor(deadline(t), 7, func(list []Message) bool { return list[len(list)-1].FileID() != "" }); err != nil {
		t.Fatal(err)
	}
	for _, c := range st.Calls() {
		if len(c.Unknown) > 0 || c.Code != http.StatusOK {
			t.Errorf("call %+v", c)
		}
	}
}
