package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/sandbox/browsertest"
	"esimbot/sandbox/telegram"
)

const (
	testToken = "4242:sandbox-token_for-tests"
	adminID   = 1000
	english   = 1001
	spanish   = 1002
)

// show is a chat page with a small scripted bot behind it.
type show struct {
	t        *testing.T
	telegram *telegram.Server
	url      string
}

func newShow(t *testing.T) *show {
	t.Helper()
	s := &show{t: t, telegram: telegram.New(telegram.Options{Token: testToken})}
	s.telegram.AddUser(telegram.User{ID: adminID, FirstName: "Admin", LanguageCode: "en"})
	s.telegram.AddUser(telegram.User{ID: english, FirstName: "Customer", LanguageCode: "en"})
	s.telegram.AddUser(telegram.User{ID: spanish, FirstName: "Cliente", LanguageCode: "es"})
	mux := http.NewServeMux()
	mux.Handle("/outside/telegram/", http.StripPrefix("/outside/telegram", s.telegram))
	mux.Handle("/", New(Options{Telegram: s.telegram, AdminID: adminID}))
	mux.HandleFunc("GET /t.me/esim_sandbox_bot", Deliver)
	server := httptest.NewServer(Guard(mux))
	t.Cleanup(server.Close)
	t.Cleanup(s.telegram.Close)
	s.url = server.URL
	return s
}

// qr is a picture that looks a little like a code.
func qr(t *testing.T) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 512, 512))
	for y := range 512 {
		for x := range 512 {
			if (x/16*7+y/16*13+(x/16)*(y/16))%5 < 2 {
				img.SetGray(x, y, color.Gray{})
			} else {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// runBot starts a bot written with go-telegram that polls for updates.
func (s *show) runBot() {
	s.t.Helper()
	picture := qr(s.t)
	handle := func(ctx context.Context, b *bot.Bot, u *models.Update) {
		if err := script(ctx, b, u, picture); err != nil && ctx.Err() == nil {
			s.t.Errorf("bot: %v", err)
		}
	}
	b, err := bot.New(testToken, bot.WithServerURL(s.url+"/outside/telegram"), bot.WithDefaultHandler(handle), bot.WithNotAsyncHandlers())
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := b.SetMyCommands(ctx, &bot.SetMyCommandsParams{Commands: []models.BotCommand{{Command: "start", Description: "Begin"}, {Command: "esims", Description: "My eSIMs"}}}); err != nil {
		s.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { b.Start(ctx) })
	s.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func script(ctx context.Context, b *bot.Bot, u *models.Update, picture []byte) error {
	if q := u.CallbackQuery; q != nil {
		if _, err := b.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: q.ID, Text: "You chose " + q.Data}); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		_, err := b.EditMessageText(ctx, &bot.EditMessageTextParams{ChatID: q.Message.Message.Chat.ID, MessageID: q.Message.Message.ID, Text: "Chosen: " + q.Data})
		return err
	}
	if u.Message == nil { // it came into a group, or somebody blocked it
		return nil
	}
	chat := u.Message.Chat.ID
	switch text := u.Message.Text; {
	case text == "photo":
		_, err := b.SendPhoto(ctx, &bot.SendPhotoParams{ChatID: chat, Photo: &models.InputFileUpload{Filename: "qr.png", Data: bytes.NewReader(picture)}, Caption: "Your eSIM"})
		return err
	case strings.HasPrefix(text, "/start "):
		_, err := b.SendMessage(ctx, &bot.SendMessageParams{ChatID: chat, Text: "Payload " + strings.TrimPrefix(text, "/start ")})
		return err
	case text == "/start":
		_, err := b.SendMessage(ctx, &bot.SendMessageParams{
			ChatID: chat, Text: "<b>Welcome</b>, tap <code>ABC-123</code>", ParseMode: models.ParseModeHTML,
			ReplyMarkup: &models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{
				{{Text: "Japan", CallbackData: "jp", Style: "primary"}},
				{{Text: "Copy it", CopyText: models.CopyTextButton{Text: "ABC-123"}}, {Text: "Come back", URL: "https://t.me/esim_sandbox_bot?start=o_42"}},
			}},
		})
		return err
	default:
		if _, err := b.SendChatAction(ctx, &bot.SendChatActionParams{ChatID: chat, Action: models.ChatActionTyping}); err != nil {
			return fmt.Errorf("typing: %w", err)
		}
		return nil
	}
}

// browser opens a headless Chromium, or skips the test aloud where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	return browsertest.Open(t, 1280, 860, 90*time.Second)
}

// do runs the browser's steps.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, steps...); err != nil {
		var text string
		_ = chromedp.Run(ctx, chromedp.Text("body", &text, chromedp.ByQuery)) // the step's own error matters
		t.Fatalf("%v\nthe page says:\n%s", err, text)
	}
}

// looked makes the page believe that somebody sees its tab, or nobody.
func looked(at bool) chromedp.Action {
	return chromedp.Evaluate(fmt.Sprintf(`Object.defineProperty(document, "hidden", {configurable: true, get: () => %t}); document.dispatchEvent(new Event("visibilitychange"));`, !at), nil)
}

// shows waits until an element with the text is on the page.
func shows(selector, text string) chromedp.Action {
	return chromedp.Poll(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.textContent.includes(%q))`, selector, text), nil)
}

func TestBrowserChatPage(t *testing.T) {
	ctx := browser(t)
	s := newShow(t)
	s.runBot()
	customer := func(id int) string { return `#customers .customer[data-user="` + strconv.Itoa(id) + `"]` }
	do(t, ctx,
		chromedp.Navigate(s.url+"/"),
		chromedp.WaitVisible(customer(english), chromedp.ByQuery),
		chromedp.WaitVisible("#start", chromedp.ByQuery),
		chromedp.WaitNotVisible("#composer", chromedp.ByQuery),
		chromedp.Click("#start", chromedp.ByQuery),
		shows(".message.in strong", "Welcome"),
		chromedp.WaitVisible("#composer", chromedp.ByQuery),
		chromedp.WaitVisible(".inline-button.primary", chromedp.ByQuery),
	)
	t.Run("a press edits in place and toasts", func(t *testing.T) {
		do(t, ctx,
			chromedp.Click(".inline-button.primary", chromedp.ByQuery),
			shows(".toast", "You chose jp"),
			shows(".message.in", "Chosen: jp"),
			chromedp.WaitNotPresent(".inline-button", chromedp.ByQuery),
			shows(".message.in .meta", "edited"),
		)
	})
	t.Run("a photo opens in full size", func(t *testing.T) {
		do(t, ctx,
			chromedp.SendKeys("#composer", "photo\r", chromedp.ByQuery),
			chromedp.Poll(`document.querySelector(".message img.photo")?.naturalWidth === 512`, nil),
			chromedp.Click(".message .photo-button", chromedp.ByQuery),
			chromedp.Poll(`document.querySelector("#lightbox[open] img")?.naturalWidth === 512`, nil),
			chromedp.Click("#lightbox-close", chromedp.ByQuery),
			chromedp.WaitNotVisible("#lightbox", chromedp.ByQuery),
		)
	})
	t.Run("typing shows", func(t *testing.T) {
		do(t, ctx, chromedp.SendKeys("#composer", "hello\r", chromedp.ByQuery), shows("#status", "typing"))
	})
	t.Run("the slash opens the commands", func(t *testing.T) {
		do(t, ctx,
			chromedp.SendKeys("#composer", "/st", chromedp.ByQuery),
			shows("#commands:not([hidden]) .command", "Begin"),
			chromedp.SendKeys("#composer", "\r", chromedp.ByQuery),
			chromedp.Poll(`document.querySelectorAll(".message.in strong").length === 1`, nil),
		)
	})
	t.Run("copying says so", func(t *testing.T) {
		for _, click := range []string{`.body code`, `.inline-button:not([data-url], .primary)`} {
			do(t, ctx,
				chromedp.Evaluate(`document.querySelector("#toasts").replaceChildren()`, nil),
				chromedp.Click(click, chromedp.ByQuery), shows(".toast", "Copied"),
			)
		}
	})
	t.Run("a deep link offers START", func(t *testing.T) {
		do(t, ctx,
			chromedp.Click(`.inline-button[data-url]`, chromedp.ByQuery),
			chromedp.WaitVisible("#start", chromedp.ByQuery),
			chromedp.Click("#start", chromedp.ByQuery),
			shows(".message.in", "Payload o_42"),
			chromedp.Navigate(s.url+"/t.me/esim_sandbox_bot?start=o_43"),
			chromedp.WaitVisible("#start", chromedp.ByQuery),
			chromedp.Click("#start", chromedp.ByQuery),
			shows(".message.in", "Payload o_43"),
		)
	})
	t.Run("light and dark", func(t *testing.T) {
		bubble := `getComputedStyle(document.querySelector(".message.in .bubble")).backgroundColor`
		var light, dark, kept string
		do(t, ctx,
			chromedp.Evaluate(bubble, &light),
			chromedp.Click("#theme", chromedp.ByQuery), chromedp.WaitVisible(`html[data-theme="dark"]`, chromedp.ByQuery), chromedp.Evaluate(bubble, &dark),
			chromedp.Reload(), chromedp.WaitVisible(".message.in", chromedp.ByQuery), chromedp.Evaluate(bubble, &kept),
			chromedp.Click("#theme", chromedp.ByQuery), chromedp.WaitVisible(`html[data-theme="light"]`, chromedp.ByQuery),
		)
		if light == dark || kept != dark {
			t.Errorf("a bubble is %s in the light, %s in the dark, %s after a reload", light, dark, kept)
		}
	})
	t.Run("a phone shows the chat alone, and nothing beside it", func(t *testing.T) {
		do(t, ctx,
			chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile),
			chromedp.WaitVisible("#sidebar-open", chromedp.ByQuery),
			chromedp.Poll(`document.documentElement.scrollWidth <= innerWidth && document.querySelector("#chat").getBoundingClientRect().width === innerWidth`, nil),
			chromedp.EmulateViewport(1280, 860),
			chromedp.WaitNotVisible("#sidebar-open", chromedp.ByQuery),
		)
	})
	t.Run("another customer has a chat of their own", func(t *testing.T) {
		do(t, ctx,
			chromedp.Click(customer(spanish), chromedp.ByQuery),
			chromedp.WaitVisible(".introduction", chromedp.ByQuery),
			chromedp.WaitNotPresent(".message", chromedp.ByQuery),
		)
		post(t, s.url+"/chat/api/send", `{"user":1001,"text":"/start"}`, nil, http.StatusOK)
		do(t, ctx, shows(customer(english)+" .badge", "1"))
	})
	t.Run("a tab stays with its person", func(t *testing.T) {
		other, cancel := chromedp.NewContext(ctx)
		defer cancel()
		do(t, other, chromedp.Navigate(s.url+"/"), chromedp.Click(customer(english), chromedp.ByQuery), chromedp.WaitVisible(".message.in", chromedp.ByQuery))
		do(t, ctx, chromedp.Reload(), chromedp.WaitVisible(customer(spanish)+`[aria-current="true"]`, chromedp.ByQuery))
	})
	t.Run("a tab that nobody sees gives its stream back", func(t *testing.T) {
		do(t, ctx, looked(false), chromedp.WaitVisible("#connection", chromedp.ByQuery))
		post(t, s.url+"/chat/api/send", `{"user":1001,"text":"/start"}`, nil, http.StatusOK)
		if err := s.telegram.WaitFor(ctx, english, func(all []telegram.Message) bool { return all[len(all)-1].FromBot() }); err != nil {
			t.Fatal(err)
		}
		do(t, ctx, chromedp.WaitNotPresent(customer(english)+" .badge", chromedp.ByQuery), looked(true), shows(customer(english)+" .badge", "1"))
	})
}

func post(t *testing.T, url, body string, header map[string]string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		if k == "Host" {
			req.Host = v
		}
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if res.StatusCode != want {
		t.Errorf("%s with %v: %d, want %d", body, header, res.StatusCode, want)
	}
}

func TestGuard(t *testing.T) {
	s := newShow(t)
	const hello = `{"user":1001,"text":"hello"}`
	send := s.url + "/chat/api/send"
	post(t, send, hello, map[string]string{"Origin": s.url}, http.StatusOK)
	post(t, send, hello, map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden)
	post(t, send, hello, map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden)
	post(t, send, hello, map[string]string{"Host": "evil.example"}, http.StatusForbidden)
	post(t, send, hello, map[string]string{"Content-Type": "text/plain"}, http.StatusUnsupportedMediaType)
	post(t, send, `{"user":5,"text":"hello"}`, nil, http.StatusUnprocessableEntity)
	if n := len(s.telegram.Messages(english)); n != 1 {
		t.Errorf("%d messages, want the one that was allowed", n)
	}
}

func TestSnapshotComesFirst(t *testing.T) {
	s := newShow(t)
	if _, err := s.telegram.SendText(english, "before"); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/chat/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // a stream is left, not ended
	events := newEvents(res)
	name, data := events.next(t)
	var all struct {
		People   []person                      `json:"people"`
		Messages map[string][]telegram.Message `json:"messages"`
	}
	if err := json.Unmarshal([]byte(data), &all); err != nil || name != "snapshot" {
		t.Fatalf("first event %s: %v", name, err)
	}
	if len(all.People) != 3 || !all.People[0].Admin || len(all.Messages["1001"]) != 1 {
		t.Errorf("snapshot %+v", all)
	}
	if _, err := s.telegram.SendText(english, "after"); err != nil {
		t.Fatal(err)
	}
	if name, data := events.next(t); name != "message" || !strings.Contains(data, `"text":"after"`) {
		t.Errorf("second event %s %s", name, data)
	}
}
