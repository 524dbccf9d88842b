package web

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"esimbot/sandbox/telegram"
)

const (
	group     = -1001
	colleague = 999
)

// TestBrowserGroup speaks in a group as two of its members, answers messages, and follows a link.
func TestBrowserGroup(t *testing.T) {
	ctx := browser(t)
	s := newShow(t)
	s.telegram.AddUser(telegram.User{ID: colleague, FirstName: "Colleague", LanguageCode: "en"})
	s.telegram.AddGroup(group, "Support", adminID, colleague)
	if err := s.telegram.AddBot(group, adminID); err != nil {
		t.Fatal(err)
	}
	s.runBot()
	if _, err := s.telegram.SendText(adminID, "hello"); err != nil {
		t.Fatal(err)
	}
	row := func(id string) string { return `#customers .customer[data-user="` + id + `"]` }
	do(t, ctx,
		chromedp.Navigate(s.url+"/"),
		chromedp.Click(row("-1001"), chromedp.ByQuery),
		shows(".message.service", "Admin added"),
		chromedp.WaitVisible("#speaker", chromedp.ByQuery),
		chromedp.WaitNotVisible("#block", chromedp.ByQuery),
		chromedp.SendKeys("#composer", "/start\r", chromedp.ByQuery),
		shows(".message.in .sender", "eSIM Shop"),
		shows(".message.in strong", "Welcome"),
	)
	t.Run("a double click answers a message", func(t *testing.T) {
		do(t, ctx,
			chromedp.DoubleClick(".message.out .bubble .meta", chromedp.ByQuery),
			chromedp.WaitVisible("#reply-bar", chromedp.ByQuery),
			chromedp.SendKeys("#composer", "/start again\r", chromedp.ByQuery),
			shows(".message.out .quoted", "/start"),
		)
	})
	t.Run("another member writes", func(t *testing.T) {
		do(t, ctx,
			chromedp.Evaluate(`{ const s = document.querySelector("#speaker"); s.value = "999"; s.dispatchEvent(new Event("change")); }`, nil),
			shows(".message.in .sender", "Admin"),
			chromedp.SendKeys("#composer", "here\r", chromedp.ByQuery),
			shows(".message.out", "here"),
		)
		all := s.telegram.Messages(group)
		if last := all[len(all)-1]; last.From.ID != colleague || last.Text != "here" {
			t.Errorf("the last message is %q of %d", last.Text, last.From.ID)
		}
	})
	t.Run("a photo answers a message", func(t *testing.T) {
		first := s.telegram.Messages(group)[1].ID
		res, err := http.Post(s.url+"/chat/api/photo?user=999&chat=-1001&reply_to="+strconv.Itoa(first), "image/png", bytes.NewReader(qr(t)))
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d %v", res.StatusCode, err)
		}
		do(t, ctx, chromedp.WaitVisible(".message.out .photo", chromedp.ByQuery))
		all := s.telegram.Messages(group)
		if last := all[len(all)-1]; last.ReplyTo == nil || last.ReplyTo.ID != first || last.From.ID != colleague {
			t.Errorf("the photo answers %+v", last.ReplyTo)
		}
	})
	t.Run("the bot's reaction shows", func(t *testing.T) {
		all := s.telegram.Messages(group)
		react := `{"chat_id":-1001,"message_id":` + strconv.Itoa(all[len(all)-1].ID) + `,"reaction":[{"type":"emoji","emoji":"👍"}]}`
		post(t, s.url+"/outside/telegram/bot"+testToken+"/setMessageReaction", react, nil, 200)
		do(t, ctx, shows(".message.out .reaction", "👍"), chromedp.Reload(), shows(".message .reaction", "👍"))
	})
	t.Run("a press is the member's", func(t *testing.T) {
		do(t, ctx, chromedp.Click(".inline-button.primary", chromedp.ByQuery), shows(".toast", "You chose jp"))
	})
	t.Run("a deep link leads to the member's own chat", func(t *testing.T) {
		do(t, ctx,
			chromedp.SendKeys("#composer", "/start\r", chromedp.ByQuery),
			chromedp.Click(".inline-button[data-url]", chromedp.ByQuery),
			chromedp.WaitVisible(row("1000")+`[aria-current="true"]`, chromedp.ByQuery),
			chromedp.WaitVisible("#start", chromedp.ByQuery),
			chromedp.Click("#start", chromedp.ByQuery),
			shows(".message.in", "Payload o_42"),
		)
	})
}

// TestBrowserPhoneCountsUnread: where the people are hidden, the way back to them says that something came.
func TestBrowserPhoneCountsUnread(t *testing.T) {
	ctx := browser(t)
	s := newShow(t)
	s.runBot()
	do(t, ctx,
		chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile),
		chromedp.Navigate(s.url+"/?user=1001"),
		chromedp.WaitVisible("#start", chromedp.ByQuery),
		chromedp.WaitNotVisible("#sidebar-open .badge", chromedp.ByQuery),
	)
	post(t, s.url+"/chat/api/send", `{"user":1002,"text":"/start"}`, nil, 200)
	do(t, ctx, shows("#sidebar-open .badge:not([hidden])", "1"))
}
