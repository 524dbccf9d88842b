package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/browsertest"
)

// A window is a headless Chromium on the chat page.
type window struct {
	*stage
	tab    context.Context
	person int64 // who sits at the page
}

// openWindow opens the chat page in a new browser, or skips the test aloud without Chromium.
func openWindow(s *stage, width, height int) *window {
	s.t.Helper()
	tab := browsertest.Open(s.t, width, height, 5*time.Minute)
	w := &window{stage: s, tab: tab}
	w.do("open the chat page", chromedp.Navigate(s.base+"/"), chromedp.WaitVisible(`#customers .customer`, chromedp.ByQuery))
	return w
}

func (w *window) do(what string, actions ...chromedp.Action) {
	w.t.Helper()
	w.doIn(w.tab, what, actions...)
}

func (w *window) doIn(tab context.Context, what string, actions ...chromedp.Action) {
	w.t.Helper()
	done := make(chan error, 1)
	go func() { done <- chromedp.Run(tab, actions...) }()
	select {
	case err := <-done:
		if err != nil {
			w.t.Fatalf("%s: %v", what, err)
		}
	case <-time.After(20 * time.Second):
		w.t.Fatalf("%s: not within 20 s; the chat:\n%s", what, w.seen(customer))
	}
}

// become chooses who the person at the page is.
func (w *window) become(user int64) {
	w.t.Helper()
	w.person = user
	w.do("choose a person", chromedp.Evaluate(fmt.Sprintf(`document.querySelector('.customer[data-user="%d"]').click()`, user), nil))
}

func (w *window) typeIn(text string) {
	w.t.Helper()
	w.do("type "+text, chromedp.SendKeys("#composer", text, chromedp.ByQuery), chromedp.Click("#send", chromedp.ByQuery))
}

// the is the newest button in the chat whose text contains text, as JavaScript.
func the(text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".inline-button")].filter(b => b.textContent.includes(%q)).at(-1)`, text)
}

// tap waits for a button in the chat, and clicks it.
func (w *window) tap(text string) {
	w.t.Helper()
	w.do("tap "+text, chromedp.Poll(`(() => { const b = `+the(text)+`; if (!b || b.classList.contains("waiting")) return false; b.click(); return true; })()`, nil))
}

// reads waits until a message of the bot shows text.
func (w *window) reads(text string) {
	w.t.Helper()
	w.do("read "+text, chromedp.Poll(fmt.Sprintf(`[...document.querySelectorAll(".message.in")].some(m => m.textContent.includes(%q))`, text), nil))
}

// checkout opens the page of the pay button in a tab of its own.
func (w *window) checkout(label string) (context.Context, context.CancelFunc) {
	w.t.Helper()
	var address string
	w.do("find the pay button", chromedp.Poll(`(() => { const b = `+the(label)+`; return b ? b.dataset.url : false; })()`, &address))
	tab, cancel := chromedp.NewContext(w.tab)
	w.doIn(tab, "open the checkout page", chromedp.Navigate(address), chromedp.WaitVisible("#pay", chromedp.ByQuery))
	return tab, cancel
}

// scan photographs the newest QR photo in full size and reads it, as another phone's camera does.
func (w *window) scan(photos int) string {
	w.t.Helper()
	var picture []byte
	w.do("open the photo", chromedp.Poll(fmt.Sprintf(`(() => { const p = document.querySelectorAll(".message img.photo"); if (p.length < %d) return false; p[p.length-1].click(); return true; })()`, photos), nil),
		chromedp.WaitVisible("#lightbox img", chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#lightbox img").naturalWidth > 0`, nil),
		chromedp.Screenshot("#lightbox img", &picture, chromedp.ByQuery, chromedp.NodeVisible),
		chromedp.Evaluate(`document.querySelector("#lightbox").close()`, nil))
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		w.t.Fatal(err)
	}
	return readQR(w.t, img)
}

// A customer at the chat page searches by typing, buys a plan of each provider, pays on the
// checkout page, and scans what the provider issued.
func TestBrowserPurchase(t *testing.T) {
	s := openStage(t, "", nil)
	w := openWindow(s, 1280, 900)
	w.become(customer)
	w.do("press START", chromedp.WaitVisible("#start", chromedp.ByQuery), chromedp.Click("#start", chromedp.ByQuery))
	w.reads("Data for your trip")
	for i, provider := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		plan := s.planOf(provider)
		l := s.english()
		w.typeIn(typo(l.Country(plan.Destination.Code)))
		w.tap(l.Flagged(plan.Destination))
		w.tapPlan(l.PlanTitle(plan))
		w.tap("Buy")
		tab, cancel := w.checkout("Pay")
		var page string
		w.doIn(tab, "read the checkout page", chromedp.Text("body", &page, chromedp.ByQuery))
		if !strings.Contains(page, l.Country(plan.Destination.Code)) || !strings.Contains(page, l.Money(plan.Retail)) {
			t.Errorf("the checkout page tells neither what nor how much:\n%s", page)
		}
		w.doIn(tab, "pay", chromedp.Click("#pay", chromedp.ByQuery), chromedp.WaitNotPresent("#pay", chromedp.ByQuery))
		cancel()
		w.reads("Ready")
		sold := s.sold(provider)
		if got := w.scan(i + 1); len(sold) != 1 || got != sold[0].ActivationCode {
			t.Errorf("%s: %d sold; the scanned code is not the one issued", provider, len(sold))
		}
	}
}

// tapPlan finds a plan among the pages of the plan list and taps it.
func (w *window) tapPlan(title string) {
	w.t.Helper()
	for range 20 {
		var found bool
		w.do("look for "+title, chromedp.Poll(`document.querySelectorAll(".inline-button.waiting").length === 0`, nil),
			chromedp.Evaluate(`Boolean(`+the(title)+`)`, &found))
		if found {
			w.tap(title)
			return
		}
		var list string
		w.do("note the page", chromedp.Evaluate(`[...document.querySelectorAll(".message.in")].at(-1).innerText`, &list))
		w.tap("▶")
		w.do("wait for the next page", chromedp.Poll(fmt.Sprintf(`[...document.querySelectorAll(".message.in")].at(-1).innerText !== %q`, list), nil))
	}
	w.t.Fatalf("no button %q", title)
}

// typo swaps two letters in the middle of a name, as a thumb does.
func typo(name string) string {
	if len(name) < 5 {
		return name
	}
	b := []byte(name)
	b[2], b[3] = b[3], b[2]
	return string(b)
}

// TestBrowserScreens takes a picture of each screen into SCREENS_DIR; `make screens` runs it.
func TestBrowserScreens(t *testing.T) {
	dir := os.Getenv("SCREENS_DIR")
	if dir == "" {
		t.Skip("SCREENS_DIR is not set: no pictures are taken")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := openStage(t, "", nil)
	w := openWindow(s, 1280, 900)
	for _, size := range []struct {
		name   string
		people []int64
		w, h   int64
		phone  bool
	}{
		{"desktop", []int64{1005}, 1360, 900, false},
		{"phone", []int64{1001, 1002, 1003, 1004, 1006}, 390, 844, true},
	} {
		screen := emulation.SetDeviceMetricsOverride(size.w, size.h, 2, size.phone)
		w.do("set the size", screen)
		for _, person := range size.people {
			w.do("start anew", chromedp.Navigate(s.base+"/"), chromedp.WaitReady(`#customers .customer`, chromedp.ByQuery))
			w.become(person)
			w.tour(func(tab context.Context, name string) {
				var picture []byte
				w.doIn(tab, "photograph "+name, screen, chromedp.Evaluate(`(async () => {
					const photo = [...document.querySelectorAll(".message img.photo")].at(-1);
					if (`+fmt.Sprint(strings.HasSuffix(name, "delivery"))+` && photo) {
						await photo.decode();
						photo.closest(".message").scrollIntoView({block: "start"});
					}
					await new Promise(r => setTimeout(r, 250));
				})()`, nil, awaited), chromedp.CaptureScreenshot(&picture))
				file := fmt.Sprintf("%s-%d-%s.png", size.name, person, name)
				if err := os.WriteFile(filepath.Join(dir, file), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// awaited makes Evaluate wait for the promise.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// tour walks through the shop as the person at the page, by the routes of the buttons, whatever
// their language, and lets each screen be photographed in its tab.
func (w *window) tour(photograph func(tab context.Context, name string)) {
	w.t.Helper()
	t := w.world.Telegram
	person := w.person
	say := func(text string) {
		if _, err := t.SendText(person, text); err != nil {
			w.t.Fatal(err)
		}
	}
	walk := func(route string) {
		screen := w.newest(person)
		if _, err := t.Press(person, screen, route); err != nil {
			w.t.Fatal(err)
		}
	}
	// follow presses a button whose route has more to it than is known here.
	follow := func(prefix string) {
		w.until("a button to "+prefix, func() bool { return w.pressRoute(person, prefix) })
	}
	for i, step := range []struct {
		name string
		do   func()
	}{
		{"before", func() {}},
		{"welcome", func() { say("/start") }},
		{"destinations", func() { walk("dest") }},
		{"letters", func() { walk("az") }},
		{"letter", func() { follow("az/") }},
		{"regions", func() { walk("regions") }},
		{"region", func() { follow("plans/r_") }},
		{"search", func() { say("Japn") }},
		{"plans", func() { walk("plans/c_jp") }},
		{"lengths", func() { walk("length/c_jp") }},
		{"sizes", func() { walk("size/c_jp") }},
		{"plan", func() { walk("plan/" + w.best("c_jp")) }},
		{"my-phone", func() { walk("phone/" + w.planOf(esim.Mobilexy).Ref()) }},
		{"language", func() { say("/language") }},
		{"help", func() { say("/help") }},
		{"support", func() { say("/support") }},
		{"payments", func() { say("/paysupport") }},
		{"terms", func() { say("/terms") }},
		{"privacy", func() { say("/privacy") }},
		{"erase", func() { walk("erase") }},
		{"order", func() { say("/start p_" + w.planOf(esim.CloudESIM).Ref()); w.settled(person); w.buyShown(person) }},
		{"checkout", nil},
		{"making", func() { w.world.CloudESIM.ProvisionAfter(5 * time.Minute); w.payOpen(); w.untilMaking(person) }},
		{"delivery", func() {
			w.world.CloudESIM.ProvisionAfter(0)
			w.world.Clock.Advance(10 * time.Minute)
			w.untilPhotos(person)
		}},
		{"esims", func() { say("/esims") }},
		{"esim", func() { follow("esim/") }},
	} {
		name := fmt.Sprintf("%02d-%s", i+1, step.name)
		if step.do == nil {
			tab, leave := w.checkout("💳")
			photograph(tab, name)
			leave()
			continue
		}
		before := t.LastUpdate()
		step.do()
		if t.LastUpdate() != before {
			w.settled(person)
		}
		photograph(w.tab, name)
	}
}

// untilMaking waits until the person's newest order is paid and its eSIM is being made.
func (w *window) untilMaking(person int64) {
	w.t.Helper()
	w.until("an eSIM in the making", func() bool {
		list, err := w.app.orders.List(w.ctx, person)
		return err == nil && len(list) > 0 && list[0].State == orders.Provisioning
	})
}

// settled waits until the shop has nothing more to answer.
func (w *window) settled(person int64) {
	w.t.Helper()
	w.until("the shop's answer", func() bool { return w.world.Telegram.Pending() == 0 && len(w.world.Telegram.Messages(person)) > 0 })
}

// newest is the shop's newest message with buttons.
func (w *window) newest(person int64) int {
	w.t.Helper()
	id := 0
	w.until("a message with buttons", func() bool {
		for _, m := range w.world.Telegram.Messages(person) {
			if m.FromBot() && len(m.Buttons()) > 0 {
				id = m.ID
			}
		}
		return id != 0
	})
	return id
}

// best is the plan marked as best value in a destination.
func (w *window) best(destination string) string { return w.app.catalog.Snapshot().Best(destination) }

// buyShown presses the button that buys the plan shown, and waits for the payment page.
func (w *window) buyShown(person int64) {
	w.t.Helper()
	before := len(w.world.Stripe.Sessions())
	w.until("a plan to buy", func() bool { return w.pressRoute(person, "buy/") })
	w.until("the payment page", func() bool { return len(w.world.Stripe.Sessions()) > before })
}

// pressRoute presses the newest button whose route starts with prefix.
func (w *window) pressRoute(person int64, prefix string) bool {
	messages := w.world.Telegram.Messages(person)
	for _, m := range slices.Backward(messages) {
		for _, b := range m.Buttons() {
			if strings.HasPrefix(b.CallbackData, prefix) {
				_, err := w.world.Telegram.Press(person, m.ID, b.CallbackData)
				return err == nil
			}
		}
	}
	return false
}

// payOpen is the customer paying on the page that stands open.
func (w *window) payOpen() {
	w.t.Helper()
	for _, session := range w.world.Stripe.Sessions() {
		if session.Status == "open" {
			if err := w.world.Stripe.Pay(session.ID); err != nil {
				w.t.Fatal(err)
			}
			return
		}
	}
	w.t.Fatal("no payment page is open")
}

func (w *window) untilPhotos(person int64) {
	w.t.Helper()
	w.until("the QR photo and the guide", func() bool {
		messages := w.world.Telegram.Messages(person)
		for i, m := range messages {
			if len(m.Photo) > 0 && i < len(messages)-1 {
				return true
			}
		}
		return false
	})
}
