package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"esimbot/esim"
	"esimbot/sandbox/telegram"
	"esimbot/sandbox/wholesale"
)

// Data runs low: the owner is told once, with prices, tops up in two taps and a payment, and reads
// the volume before and after. What was offered once isn't offered again.
func TestTopUpOffered(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	e := s.takesTheOffer(func() { s.world.Clock.Advance(26 * time.Hour) })
	if s.refunds() != 0 {
		t.Errorf("%d went back", s.refunds())
	}
	s.world.Clock.Advance(26 * time.Hour)
	s.eventually("another look", func() bool {
		list, err := s.app.store.ESIMs().ByCustomer(s.ctx, customer)
		return err == nil && len(list) == 1 && list[0].AskedAt.After(s.world.Clock.Now().Add(-time.Hour))
	})
	if n := strings.Count(s.seen(customer), "📉"); n != 1 {
		t.Errorf("%d offers, want one: more than a fifth is left again", n)
	}
	s.noSecrets(e.ActivationCode)
}

// takesTheOffer has the customer buy an eSIM and use it up but for a little. A day later, the offer comes,
// and the customer takes it. It returns the eSIM as it was before.
func (s *stage) takesTheOffer(aDayLater func()) wholesale.ESIM {
	s.t.Helper()
	e := s.bought(esim.CloudESIM, s.buy(s.planOf(esim.CloudESIM)))
	s.use(e.ICCID, e.TotalBytes*85/100)
	aDayLater()
	offer := s.notice("left")
	for _, b := range offer.Buttons()[:2] {
		if !strings.HasPrefix(b.CallbackData, "tu/") || !strings.Contains(b.Text, "$") {
			s.t.Errorf("no price button: %q leads to %q", b.Text, b.CallbackData)
		}
	}
	s.press(offer.Buttons()[0].Text)
	s.pay()
	s.sees("Left now")
	if after := s.profileOf(e.ICCID); after.TotalBytes <= e.TotalBytes {
		s.t.Errorf("%d bytes before, %d after", e.TotalBytes, after.TotalBytes)
	}
	return e
}

// Mobilexy tells no ICCID when it sells. The owner reads it off the phone; from then on the eSIM is
// watched and topped up like any other.
func TestTopUpOfALinkedESIM(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", quick())
	e := s.linked(s.planOf(esim.Mobilexy))
	if err := s.world.Mobilexy.SetUsed(e.ICCID, e.TotalBytes*96/100); err != nil {
		t.Fatal(err)
	}
	s.world.Clock.Advance(26 * time.Hour)
	offer := s.notice("left")
	s.press(offer.Buttons()[0].Text)
	s.pay()
	s.sees("is on your eSIM now")
	if after := s.sold(esim.Mobilexy)[0]; after.TotalBytes <= e.TotalBytes || len(s.sold(esim.Mobilexy)) != 1 {
		t.Errorf("%d bytes before, %d after, on %d eSIMs", e.TotalBytes, after.TotalBytes, len(s.sold(esim.Mobilexy)))
	}
	s.noSecrets(e.ActivationCode)
}

// linked has the customer buy an eSIM of Mobilexy's, install it, and send its number.
func (s *stage) linked(plan esim.Plan) wholesale.ESIM {
	s.t.Helper()
	e := s.bought(esim.Mobilexy, s.buy(plan))
	if err := s.world.Mobilexy.Install(e.ICCID); err != nil {
		s.t.Fatal(err)
	}
	s.press("Data left")
	s.sees("ICCID")
	s.say(e.ICCID[:8] + " " + e.ICCID[8:])
	s.sees("Found it")
	return e
}

// use installs an eSIM of CloudeSIM's and has so many bytes used of it.
func (s *stage) use(iccid string, bytes int64) {
	s.t.Helper()
	if err := s.world.CloudESIM.Install(iccid); err != nil {
		s.t.Fatal(err)
	}
	if err := s.world.CloudESIM.SetUsed(iccid, bytes); err != nil {
		s.t.Fatal(err)
	}
}

// notice waits for a message about data that runs low. The watch looks every 10 s.
func (s *stage) notice(text string) telegram.Message {
	s.t.Helper()
	var found telegram.Message
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		for _, m := range s.world.Telegram.Messages(s.me()) {
			if m.FromBot() && strings.Contains(m.Body(), "📉") && strings.Contains(m.Body(), text) {
				found = m
			}
		}
		if found.ID != 0 {
			tick.Stop()
			return found
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("no notice with %q; the chat:\n%s", text, s.seen(s.me()))
		}
	}
}

// profileOf returns an eSIM as CloudeSIM has it.
func (s *stage) profileOf(iccid string) wholesale.ESIM {
	s.t.Helper()
	for _, e := range s.sold(esim.CloudESIM) {
		if e.ICCID == iccid {
			return e
		}
	}
	s.t.Fatal("no such eSIM")
	return wholesale.ESIM{}
}

// A customer at the chat page buys, uses 85 % up with the panel's slider, lets a day pass, gets the
// offer, pays for a top-up on the checkout page, and sees the new volume.
func TestBrowserTopUp(t *testing.T) {
	s := openStage(t, "", quick())
	w := openWindow(s, 1400, 950)
	w.become(customer)
	plan := s.planOf(esim.CloudESIM)
	w.do("press START", chromedp.WaitVisible("#start", chromedp.ByQuery), chromedp.Click("#start", chromedp.ByQuery))
	w.reads("Data for your trip")
	w.typeIn("/start p_" + plan.Ref())
	w.tap("Buy")
	w.payAt("Pay")
	w.reads("Ready")
	e := s.sold(esim.CloudESIM)[0]
	w.do("install", chromedp.Click("#install-"+e.ICCID, chromedp.ByQuery),
		chromedp.Poll(fmt.Sprintf(`document.querySelector("#install-%s").disabled`, e.ICCID), nil))
	w.do("use 85 %", chromedp.Poll(fmt.Sprintf(`(() => { const all = [...document.querySelectorAll("input.use, button[id^=install-]")];
		const s = all[all.findIndex(x => x.id === "install-%s") - 1]; if (!s) return false;
		s.value = 850; s.dispatchEvent(new Event("input", {bubbles: true})); s.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`, e.ICCID), nil))
	s.eventually("the slider's doing", func() bool { return s.profileOf(e.ICCID).UsedBytes >= e.TotalBytes*84/100 })
	w.do("let a day pass", chromedp.Poll(`(() => { const b = [...document.querySelectorAll("#panel button")].find(b => b.textContent.includes("+1 day")); if (!b) return false; b.click(); return true; })()`, nil))
	offer := s.notice("left")
	w.reads("More data, on the same eSIM")
	w.tap(offer.Buttons()[0].Text)
	w.payAt("Pay")
	w.reads("Left now")
	after := s.profileOf(e.ICCID)
	w.typeIn("/esims")
	w.tap(s.english().Flagged(plan.Destination))
	w.reads("of " + s.english().Data(after.TotalBytes))
}

// payAt pays on the page that a button of the chat leads to.
func (w *window) payAt(label string) {
	w.t.Helper()
	tab, cancel := w.checkout(label)
	defer cancel()
	w.doIn(tab, "pay", chromedp.Click("#pay", chromedp.ByQuery), chromedp.WaitNotPresent("#pay", chromedp.ByQuery))
}
