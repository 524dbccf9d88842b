package sandbox

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"esimbot/sandbox/browsertest"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

// browser opens a headless Chromium, or skips the test aloud where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	return browsertest.Open(t, 1360, 900, 60*time.Second)
}

func TestBrowserPanel(t *testing.T) {
	ctx := browser(t)
	w, url := newWorld(t)
	open := []chromedp.Action{
		chromedp.Navigate(url + "/"),
		chromedp.WaitVisible("#panel", chromedp.ByQuery),
		chromedp.WaitVisible("#panel-esims .empty", chromedp.ByQuery),
	}
	if err := chromedp.Run(ctx, open...); err != nil {
		t.Fatal(err)
	}
	sold := order(t, w, url) // the panel that is open already shows it
	if _, _, err := w.Mobilexy.Buy(w.Mobilexy.Plans()[0].Code, 1, wholesale.MakingTime{}); err != nil {
		t.Fatal(err)
	}
	slow := w.Mobilexy.ESIMs()[0].ICCID
	before := w.Clock.Now()
	balance := "#balance-mobilexy"
	steps := []chromedp.Action{
		chromedp.Click("#install-"+slow, chromedp.ByQuery),
		chromedp.WaitVisible(`[data-iccid="`+slow+`"] .report`, chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#panel").scrollWidth <= document.querySelector("#panel").clientWidth`, nil),
		chromedp.Click("#install-"+sold.ICCID, chromedp.ByQuery),
		chromedp.WaitVisible("#install-"+sold.ICCID+":disabled", chromedp.ByQuery),
		chromedp.Evaluate(`{ const s = document.querySelector("#use-`+sold.ICCID+`"); s.value = 500; s.dispatchEvent(new Event("input")); s.dispatchEvent(new Event("change")); }`, nil),
		chromedp.Poll(`document.querySelector(".esim .note").textContent.includes("IN_USE")`, nil),
		chromedp.SetValue(balance, "77.70", chromedp.ByQuery),
		chromedp.Click("#set-mobilexy", chromedp.ByQuery),
		chromedp.Poll(`[...document.querySelectorAll(".toast")].some(e => e.textContent.includes("Balance"))`, nil),
		chromedp.Evaluate(`{ const m = document.querySelector("#mood-stripe"); m.value = "slow-3s"; m.dispatchEvent(new Event("change")); }`, nil),
		chromedp.WaitVisible("#mood-stripe.off", chromedp.ByQuery),
		chromedp.Click("#clock-24h", chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#panel-clock .note").textContent.includes("1 d")`, nil),
		chromedp.Click("#panel-toggle", chromedp.ByQuery),
		chromedp.WaitNotVisible("#panel", chromedp.ByQuery),
	}
	for i, step := range steps {
		if err := chromedp.Run(ctx, step); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	e := w.CloudESIM.ESIMs()[0]
	if half := e.TotalBytes / 2; !e.Installed() || e.UsedBytes < half-half/100 || e.UsedBytes > half+half/100 {
		t.Errorf("installed %v, used %d of %d, want half", e.Installed(), e.UsedBytes, e.TotalBytes)
	}
	if got := w.Mobilexy.Balance(); !got.Equal(decimal.RequireFromString("77.70")) {
		t.Errorf("balance %s, want 77.70", got)
	}
	if got := w.Stripe.Fault.Rule(); got.Mood != fault.Slow || got.Delay != 3*time.Second {
		t.Errorf("stripe's mood is %+v, want slow by 3 s", got)
	}
	if moved := w.Clock.Now().Sub(before); moved < 24*time.Hour {
		t.Errorf("the clock moved %v, want a day", moved)
	}
}

// TestBrowserPaymentComesBack walks from a pay button to the Checkout page and back to START.
func TestBrowserPaymentComesBack(t *testing.T) {
	ctx := browser(t)
	w, url := newWorld(t)
	page := checkout(t, w, url)
	if _, err := w.Telegram.SendText(1001, "/start"); err != nil {
		t.Fatal(err)
	}
	markup := `{"chat_id":1001,"text":"Order","reply_markup":{"inline_keyboard":[[{"text":"Pay","style":"success","url":"` + page + `"}]]}}`
	if status, answer := fetch(t, "POST", w.Env()["TELEGRAM_API_URL"]+"/bot"+w.Env()["TELEGRAM_BOT_TOKEN"]+"/sendMessage", markup); status != 200 {
		t.Fatalf("the pay button was refused: %s", answer)
	}
	err := chromedp.Run(ctx,
		chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), // a phone pays in the same tab
		chromedp.Navigate(url+"/?user=1001"),
		chromedp.Click(".inline-button.success", chromedp.ByQuery),
		chromedp.Click("#pay", chromedp.ByQuery),
		chromedp.WaitVisible("#start", chromedp.ByQuery),
		chromedp.Click("#start", chromedp.ByQuery),
		chromedp.Poll(`[...document.querySelectorAll(".message.out")].some(e => e.textContent.includes("/start o_7KQ2M9X4TB"))`, nil),
	)
	if err != nil {
		t.Fatal(err)
	}
	if v := w.Stripe.Sessions(); len(v) != 1 || v[0].PaymentStatus != "paid" {
		t.Errorf("sessions %+v, want one paid", v)
	}
}
