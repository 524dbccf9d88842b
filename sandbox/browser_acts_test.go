package sandbox

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

// shows waits until an element with the text is on the page.
func shows(selector, text string) chromedp.Action {
	return chromedp.Poll(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.textContent.includes(%q))`, selector, text), nil)
}

// choose picks an option of a select.
func choose(id, value string) chromedp.Action {
	return chromedp.Evaluate(fmt.Sprintf(`{ const s = document.getElementById(%q); s.value = %q; s.dispatchEvent(new Event("change")); }`, id, value), nil)
}

// click presses an element wherever in the panel it stands.
func click(selector string) chromedp.Action { return chromedp.Click(selector, chromedp.ByQuery) }

func walk(t *testing.T, ctx context.Context, steps ...chromedp.Action) {
	t.Helper()
	for i, step := range steps {
		if err := chromedp.Run(ctx, step); err != nil {
			var text string
			_ = chromedp.Run(ctx, chromedp.Text("#panel", &text, chromedp.ByQuery)) // the step's own error matters
			t.Fatalf("step %d: %v\nthe panel says:\n%s", i, err, text)
		}
	}
}

// TestBrowserScenarios presses each scenario, which says what to do, and ends them all.
func TestBrowserScenarios(t *testing.T) {
	ctx := browser(t)
	w, url := newWorld(t)
	walk(t, ctx, chromedp.Navigate(url+"/"), chromedp.WaitVisible("#panel-scenarios", chromedp.ByQuery), chromedp.WaitNotPresent("#calm", chromedp.ByQuery))
	for _, s := range Scenarios() {
		playing := `.scenario.playing[data-scenario="` + s.ID + `"] li`
		walk(t, ctx, click("#scenario-"+s.ID), shows(playing, s.Next), shows(playing, s.See), shows(".toast", s.Next))
	}
	walk(t, ctx, click("#scenario-"+SoldAndFailed), chromedp.WaitVisible("#mood-mobilexy.off", chromedp.ByQuery),
		chromedp.WaitVisible("#narrow-mobilexy:checked", chromedp.ByQuery), chromedp.WaitVisible("#calm", chromedp.ByQuery))
	if got := w.Mobilexy.Fault.Rule(); got.Mood != fault.ErrorAfter || got.Path != mobilexyPurchases {
		t.Errorf("mobilexy's rule is %+v", got)
	}
	walk(t, ctx, click("#calm"), chromedp.WaitNotPresent("#calm", chromedp.ByQuery), chromedp.WaitNotPresent(".scenario.playing", chromedp.ByQuery),
		chromedp.WaitNotPresent("#mood-mobilexy.off", chromedp.ByQuery))
}

// TestBrowserPanelStripe plays the customer, the bank, and a person at the Dashboard.
func TestBrowserPanelStripe(t *testing.T) {
	ctx := browser(t)
	w, url := newWorld(t)
	id := session(t, w, url)
	card := `[data-session="` + id + `"]`
	act := func(name string) chromedp.Action { return click(card + ` [data-act="` + name + `"]`) }
	in := func(state string) chromedp.Action {
		return chromedp.WaitVisible(card+`[data-state="`+state+`"]`, chromedp.ByQuery)
	}
	walk(t, ctx,
		chromedp.Navigate(url+"/"), in("open"), act("pay-slowly"), in("processing"), act("arrive"), in("paid"),
		choose("refunds-end", "pending"), chromedp.WaitVisible("#refunds-end.off", chromedp.ByQuery),
		chromedp.Evaluate(`{ const f = document.querySelector('`+card+` .amount input'); f.value = "1.40"; f.dispatchEvent(new Event("input")); }`, nil),
		shows(card+" button", "Refund part"), act("refund"), in("part refunded"), shows(card+" .refund", "pending"),
		act("refund-arrives"), shows(card+" .refund", "succeeded"),
		act("warn"), shows(card+" .mark", "fraud"), act("dispute"), shows(card+" .mark", "Disputed"),
		chromedp.Poll(`document.querySelector("#panel").scrollWidth <= document.querySelector("#panel").clientWidth`, nil),
	)
	if i, ok := w.Stripe.Intent(w.Stripe.Sessions()[0].Intent); !ok || i.Refunded != 140 || !i.Disputed || !i.Warned {
		t.Errorf("the payment is %+v, want 1.40 refunded, disputed, warned of", i)
	}
	late := session(t, w, url)
	card = `[data-session="` + late + `"]`
	walk(t, ctx, in("open"), act("close"), in("expired"), act("pay-late"), in("paid"),
		choose("payments-come", "too-late"), chromedp.WaitVisible("#payments-come.off", chromedp.ByQuery),
		click("#many-webhooks"), chromedp.WaitVisible("#many-webhooks:checked", chromedp.ByQuery),
		click("#drop-webhooks"), chromedp.WaitVisible("#drop-webhooks:checked", chromedp.ByQuery),
		click("#stored-failure"), chromedp.WaitVisible("#calm", chromedp.ByQuery),
	)
	want := stripe.Settings{Dropping: true, Copies: manyCopies, RefundsEnd: "pending", PaymentsCome: stripe.TooLate, StoredFailures: 1}
	if err := chromedp.Run(ctx, chromedp.WaitVisible("#stored-failure:checked", chromedp.ByQuery)); err != nil || w.Stripe.Settings() != want {
		t.Errorf("settings %+v, want %+v (%v)", w.Stripe.Settings(), want, err)
	}
}

// TestBrowserBooks copies an order number out of a provider's books.
func TestBrowserBooks(t *testing.T) {
	ctx := browser(t)
	w, url := newWorld(t)
	sold := order(t, w, url)
	line := `[data-order="` + sold.OrderNo + `"]`
	walk(t, ctx, chromedp.Navigate(url+"/"), shows(line, sold.PlanName), shows(line+" .chip", string(sold.State)),
		click(line+" header .link"), shows(".toast", "Copied"))
}
