package handlers

import (
	"bytes"
	"context"
	"errors"
	"image"
	_ "image/png"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
)

const testCode = "LPA:1$rsp.example.com$ABCD-1234-EFGH-5678"

func activationCode(t *testing.T) esim.ActivationCode {
	t.Helper()
	code, err := esim.ParseActivationCode(testCode)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (st *stage) show(at spot, s flows.Screen) orders.Message {
	st.t.Helper()
	shown, err := st.client.show(deadline(st.t), at, s)
	if err != nil {
		st.t.Fatalf("show: %v", err)
	}
	return shown
}

func text(s string) flows.Screen { return flows.Screen{HTML: s} }

func TestShowInPlace(t *testing.T) {
	st := newStage(t)
	first := st.show(spot{chat: customer}, *page("one"))
	at := spot{chat: customer, message: first.ID}
	if again := st.show(at, *page("one")); again != first {
		t.Errorf("the same page again stands in %+v, want %+v", again, first)
	}
	if next := st.show(at, text("two")); next.ID != first.ID {
		t.Errorf("another page stands in %+v", next)
	}
	m := st.last(customer)
	if m.Body() != "two" || len(m.Buttons()) != 0 || m.LinkPreview == nil || !m.LinkPreview.IsDisabled {
		t.Errorf("message = %+v", m)
	}
	st.tg.DeleteMessage(customer, first.ID)
	if anew := st.show(at, text("three")); anew.ID == first.ID || st.last(customer).Body() != "three" {
		t.Errorf("after the deletion it stands in %+v: %v", anew, st.texts(customer))
	}
}

func TestButtons(t *testing.T) {
	st := newStage(t)
	st.show(spot{chat: customer}, *page("one"))
	b := st.last(customer).Buttons()
	if len(b) != 4 || b[0].Style != "primary" || b[0].CallbackData != "one" || b[1].Style != "" ||
		b[2].URL != "https://example.com/" || b[3].CopyText == nil || b[3].CopyText.Text != "copied" {
		t.Errorf("buttons = %+v", b)
	}
}

// A photo is a QR code that a phone can read; its text is its caption, and it can't become a page.
func TestPhoto(t *testing.T) {
	st := newStage(t)
	s := flows.Screen{HTML: "<b>scan</b>", Photo: &flows.Photo{Code: activationCode(t)}, Rows: page("x").Rows}
	sent := st.show(spot{chat: customer}, s)
	if got := decodeQR(t, st, sent.FileID); got != testCode {
		t.Errorf("the QR code reads %q", got)
	}
	photo := spot{chat: customer, message: sent.ID, photo: true, file: sent.FileID}

	s.HTML, s.Photo = "<i>changed</i>", &flows.Photo{FileID: sent.FileID}
	if in := st.show(photo, s); in.ID != sent.ID || st.last(customer).HTML() != "<i>changed</i>" {
		t.Errorf("the caption was not changed in place: %+v, %q", in, st.last(customer).HTML())
	}
	if in := st.show(photo, text("a page")); in.ID == sent.ID {
		t.Error("a page was drawn into a photo")
	}
	st.tg.ResetCalls()
	if in := st.show(spot{chat: customer}, s); in.ID == sent.ID || in.FileID == "" {
		t.Errorf("the photo again = %+v", in)
	}
	for _, c := range st.tg.Calls() {
		if len(c.Files) != 0 {
			t.Errorf("%s uploaded %v, want the file that Telegram has", c.Method, c.Files)
		}
	}
	s.Photo = &flows.Photo{FileID: "lost", Code: activationCode(t)}
	if in := st.show(spot{chat: customer}, s); decodeQR(t, st, in.FileID) != testCode {
		t.Error("a file that Telegram lost is not drawn again")
	}
	s.Photo = &flows.Photo{}
	if _, err := st.client.send(deadline(t), customer, s); err == nil {
		t.Error("a photo of nothing was sent")
	}
}

func decodeQR(t *testing.T, st *stage, file string) string {
	t.Helper()
	data, ok := st.tg.File(file)
	if !ok {
		t.Fatalf("no file %q", file)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Dx(); size < 500 || size > 1000 {
		t.Errorf("the picture is %d px wide", size)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result.GetText()
}

// A 429 is waited for, and one for the bot as a whole by everyone who wants to speak to Telegram.
func TestTooManyRequests(t *testing.T) {
	st := newStage(t)
	st.mood(fault.Rule{Mood: fault.Limited, Times: 1})
	st.show(spot{chat: customer}, text("patience"))
	if got := st.texts(customer); len(got) != 1 || got[0] != "patience" {
		t.Errorf("the chat shows %q", got)
	}
	if w := st.waited(); len(w) != 1 || w[0] != time.Second {
		t.Errorf("waited %v, want the second Telegram asked for", w)
	}
	st.client.floods.hold(0, st.time(), 7*time.Second)
	st.show(spot{chat: admin}, text("also patient"))
	if w := st.waited(); len(w) != 2 || w[1] != 7*time.Second {
		t.Errorf("waited %v", w)
	}
	if st.counter("telegram_calls_total", "sendMessage", "flood") != 1 {
		t.Error("not counted")
	}

	st.client.floods.hold(0, st.time(), time.Hour)
	_, err := st.client.send(deadline(t), customer, text("too long"))
	if !failedAs(err, failFlood) || len(st.waited()) != 2 {
		t.Errorf("an hour's patience within ten seconds: %v after waiting %v", err, st.waited())
	}
}

// What brings no answer is repeated where that can't show, and only there.
func TestNoAnswer(t *testing.T) {
	for _, mood := range []fault.Mood{fault.Error, fault.ErrorAfter, fault.Dead, fault.DeadAfter, fault.Garbage, fault.Half} {
		t.Run(string(mood), func(t *testing.T) {
			st := newStage(t)
			first := st.show(spot{chat: customer}, text("one"))
			st.mood(fault.Rule{Mood: mood, Times: 2})
			st.show(spot{chat: customer, message: first.ID}, text("two"))
			if got := st.texts(customer); len(got) != 1 || got[0] != "two" {
				t.Errorf("the chat shows %q", got)
			}
			st.mood(fault.Rule{Mood: mood, Times: 1})
			_, err := st.client.send(deadline(t), customer, text("three"))
			if !failedAs(err, failDoubt) {
				t.Errorf("a message without answer: %v", err)
			}
			if strings.Contains(err.Error(), "three") || strings.Contains(err.Error(), testToken) {
				t.Errorf("the error gives away too much: %v", err)
			}
		})
	}
}

func TestNoConnection(t *testing.T) {
	st := newStage(t)
	st.api.Close()
	_, err := st.client.send(deadline(t), customer, text("one"))
	if !failedAs(err, failUnsent) || len(st.waited()) != maxTries-1 {
		t.Errorf("%v after %v", err, st.waited())
	}
	if strings.Contains(err.Error(), testToken) || strings.Contains(st.log.String(), testToken) {
		t.Errorf("the token is given away: %v", err)
	}
}

// An answer without end is not read to it.
func TestHugeAnswer(t *testing.T) {
	st := newStage(t)
	st.mood(fault.Rule{Mood: fault.Huge, Times: 1})
	if _, err := st.client.send(deadline(t), customer, text("one")); !failedAs(err, failDoubt) || len(err.Error()) > 300 {
		t.Errorf("err of %d bytes", len(err.Error()))
	}
}

func TestUnreachable(t *testing.T) {
	st := newStage(t)
	st.tg.AddUser(telegram.User{ID: 9, FirstName: "Stranger"})
	st.tg.Block(customer)
	for _, chat := range []int64{customer, 9, 12345} {
		if _, err := st.client.send(deadline(t), chat, text("anyone?")); !errors.Is(err, orders.ErrUnreachable) {
			t.Errorf("chat %d: %v", chat, err)
		}
	}
}

// What Telegram quotes of a request does not get into errors: it may be an activation code.
func TestDescriptions(t *testing.T) {
	for in, want := range map[string]string{
		`Bad Request: message to edit not found`:                                                              `Bad Request: message to edit not found`,
		`Bad Request: can't parse entities: Unsupported start tag "x" at offset 3`:                            `Bad Request: can't parse entities: Unsupported start tag … at offset 3`,
		`Bad Request: inline keyboard button URL 'https://e.example/?c=LPA:1$a$b' is invalid: Wrong HTTP URL`: `Bad Request: inline keyboard button URL … is invalid: Wrong HTTP URL`,
		`button URL 'https://e.example/?c=LPA:1$a$b`:                                                          `button URL …`,
		`wrong https://e.example/x y`:                                                                         `wrong … y`,
		`code lpa:1$rsp.example$SECRET is wrong`:                                                              `code … is wrong`,
		strings.Repeat("x", 300):                                                                              strings.Repeat("x", 200),
	} {
		if got := described(errors.New(in)); got != want {
			t.Errorf("described(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCutHTML(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"<b>longer</b>", 6, "<b>longer</b>"},
		{"<b>longer</b>", 5, "<b>long…</b>"},
		{"<b>on <i>and on</i></b>", 6, "<b>on <i>an…</i></b>"},
		{"<b>one</b> two", 4, "<b>one…</b>"},
		{"a &amp; b &lt; c", 5, "a &amp; …"},
		{"&amp;&amp;&amp;", 3, "&amp;&amp;&amp;"},
		{"&amp;&amp;&amp;&amp;", 3, "&amp;&amp;…"},
		{"😀😀😀", 6, "😀😀😀"},
		{"😀😀😀", 5, "😀😀…"},
		{"😀😀😀", 4, "😀…"},
		{`<a href="https://e.example/?a=b">link</a> and`, 4, `<a href="https://e.example/?a=b">lin…</a>`},
		{"a < b", 3, "a …"},
		{"ab\xffcd", 4, "ab�…"},
	} {
		if got := cutHTML(c.in, c.limit); got != c.want {
			t.Errorf("cutHTML(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

// Whatever is cut, Telegram takes.
func TestLongScreens(t *testing.T) {
	st := newStage(t)
	long := "<b>" + strings.Repeat("<i>é &amp; 😀 </i>", 3000) + "</b>"
	st.show(spot{chat: customer}, text(long))
	if n := len(utf16.Encode([]rune(st.last(customer).Body()))); n > textLimit || n < textLimit-16 {
		t.Errorf("the text has %d code units", n)
	}
	st.show(spot{chat: customer}, flows.Screen{HTML: long, Photo: &flows.Photo{Code: activationCode(t)}})
	if n := len(utf16.Encode([]rune(st.last(customer).Caption))); n > captionLimit || n < captionLimit-16 {
		t.Errorf("the caption has %d code units", n)
	}
}

func TestCancelledWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("wait = %v", err)
	}
	if err := wait(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("wait = %v", err)
	}
}

// Telegram's patience asked for in one chat holds nobody else up; asked for in many at once it is
// the bot's.
func TestFloodInOneChat(t *testing.T) {
	var f floods
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	f.hold(customer, now, time.Minute)
	if mine, other, none := f.left(customer, now), f.left(admin, now), f.left(0, now); mine != time.Minute || other > 0 || none > 0 {
		t.Errorf("the chat waits %s, another %s, a call in none %s", mine, other, none)
	}
	f.hold(customer, now, time.Second) // a shorter one doesn't undo it
	if left := f.left(customer, now); left != time.Minute {
		t.Errorf("waits %s", left)
	}
	for chat := range int64(floodedChats - 2) {
		f.hold(100+chat, now, time.Minute)
	}
	if left := f.left(admin, now); left > 0 {
		t.Errorf("%d chats hold everybody up", floodedChats-1)
	}
	now = now.Add(time.Minute)
	f.hold(1, now, time.Minute) // those before are over
	if left := f.left(admin, now); left > 0 || len(f.chats) != 1 {
		t.Errorf("what is over counts on: %s, %d", left, len(f.chats))
	}
	for chat := range int64(floodedChats) {
		f.hold(100+chat, now, 5*time.Second)
	}
	if left := f.left(admin, now); left != 5*time.Second {
		t.Errorf("with %d chats everybody waits %s", floodedChats, left)
	}
}
