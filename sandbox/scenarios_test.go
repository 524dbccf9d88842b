package sandbox

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

// buy orders the first plan of CloudeSIM's catalogue where Env points, as the shop does.
func buy(t *testing.T, w *World) (int, error) {
	t.Helper()
	return call(t, w, "/esim/order", `{"packageCode":"`+w.CloudESIM.Plans()[0].Code+`","quantity":1}`)
}

func call(t *testing.T, w *World, path, body string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Env()["CLOUDESIM_API_URL"]+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Env()["CLOUDESIM_API_TOKEN"])
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: time.Second}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// session opens a Checkout Session and returns its id.
func session(t *testing.T, w *World, base string) string {
	t.Helper()
	page := checkout(t, w, base)
	id, _, _ := strings.Cut(page[strings.LastIndex(page, "/")+1:], "#")
	return id
}

// play begins a scenario, and has a customer pay.
func play(t *testing.T, w *World, base, scenario string) string {
	t.Helper()
	if err := w.Play(scenario, 1001); err != nil {
		t.Fatal(err)
	}
	id := session(t, w, base)
	if err := w.Stripe.Confirm(id); err != nil {
		t.Fatal(err)
	}
	return id
}

func openDoors(t *testing.T, w *World) {
	t.Helper()
	if err := w.OpenDoors(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDoorsServeWhatTheBaseServes(t *testing.T) {
	w, base := newWorld(t)
	openDoors(t, w)
	openDoors(t, w) // once more changes nothing
	env := w.Env()
	seen := map[string]bool{}
	for _, name := range []string{"TELEGRAM_API_URL", "STRIPE_API_URL", "CLOUDESIM_API_URL", "MOBILEXY_API_URL"} {
		if strings.HasPrefix(env[name], base) || seen[env[name]] {
			t.Errorf("%s is %s, want a door of its own", name, env[name])
		}
		seen[env[name]] = true
	}
	if status, err := buy(t, w); err != nil || status != 200 {
		t.Errorf("behind the door: %d %v", status, err)
	}
	for name, path := range map[string]string{"TELEGRAM_API_URL": "/bot" + env["TELEGRAM_BOT_TOKEN"] + "/getMe", "MOBILEXY_API_URL": "/coverage/countries"} {
		if status, body := fetch(t, http.MethodGet, env[name]+path, ""); status != 200 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestSoldAndFailed(t *testing.T) {
	w, base := newWorld(t)
	play(t, w, base, SoldAndFailed)
	if status, err := call(t, w, "/packages", `{}`); err != nil || status != 200 {
		t.Errorf("the catalogue: %d %v, want it untouched", status, err)
	}
	if status, err := buy(t, w); err != nil || status != 500 || w.CloudESIM.Purchases() != 1 {
		t.Errorf("an order: %d %v, %d sold, want 500 and one sold", status, err, w.CloudESIM.Purchases())
	}
}

func TestRefused(t *testing.T) {
	w, base := newWorld(t)
	openDoors(t, w)
	if err := w.Play(Refused, 0); err != nil {
		t.Fatal(err)
	}
	if status, err := call(t, w, "/packages", `{}`); err != nil || status != 200 {
		t.Fatalf("before the payment: %d %v", status, err)
	}
	if err := w.Stripe.Pay(session(t, w, base)); err != nil {
		t.Fatal(err)
	}
	if _, err := buy(t, w); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the payment: %v, want a refused connection", err)
	}
	if err := w.Calm(); err != nil {
		t.Fatal(err)
	}
	if status, err := buy(t, w); err != nil || status != 200 || w.CloudESIM.Purchases() != 1 {
		t.Errorf("calm again: %d %v, %d sold", status, err, w.CloudESIM.Purchases())
	}
}

func TestNoBalance(t *testing.T) {
	w, base := newWorld(t)
	before := w.Mobilexy.Balance()
	play(t, w, base, NoBalance)
	if !w.Mobilexy.Balance().IsZero() || !w.CloudESIM.Balance().IsZero() {
		t.Errorf("balances %s and %s, want none", w.Mobilexy.Balance(), w.CloudESIM.Balance())
	}
	for range 2 { // being calm twice brings the money once
		if err := w.Calm(); err != nil {
			t.Fatal(err)
		}
	}
	if !w.Mobilexy.Balance().Equal(before) {
		t.Errorf("balance %s, want %s back", w.Mobilexy.Balance(), before)
	}
}

func TestPaidTooLate(t *testing.T) {
	w, base := newWorld(t)
	id := play(t, w, base, PaidTooLate)
	if v, _ := w.Stripe.Session(id); v.Status != "expired" || v.PaymentStatus != "unpaid" || !w.Stripe.Arriving(id) {
		t.Errorf("at once: %s, %s, arriving %v", v.Status, v.PaymentStatus, w.Stripe.Arriving(id))
	}
	w.Clock.Advance(stripe.LateBy)
	if v, _ := w.Stripe.Session(id); v.Status != "complete" || v.PaymentStatus != "paid" || w.Stripe.Arriving(id) {
		t.Errorf("later: %s, %s", v.Status, v.PaymentStatus)
	}
	var told []string
	for _, e := range w.Stripe.Events() {
		if strings.HasPrefix(e.Type, "checkout.session.") {
			told = append(told, e.Type)
		}
	}
	if got := strings.Join(told, " "); got != "checkout.session.expired checkout.session.completed" {
		t.Errorf("events: %s", got)
	}
}

func TestBlockedNoWebhookAndFlood(t *testing.T) {
	w, base := newWorld(t)
	if _, err := w.Telegram.SendText(1001, "/start"); err != nil {
		t.Fatal(err)
	}
	play(t, w, base, Blocked)
	if p := w.Telegram.People()[1]; p.ID != 1001 || !p.Blocked {
		t.Errorf("the customer: %+v, want the bot blocked", p)
	}
	if err := w.Play(NoWebhook, 0); err != nil {
		t.Fatal(err)
	}
	if !w.Stripe.Settings().Dropping {
		t.Error("webhooks still come")
	}
	if err := w.Play(FloodWait, 0); err != nil { // ends the one before
		t.Fatal(err)
	}
	if w.Stripe.Settings().Dropping {
		t.Error("webhooks are still lost")
	}
	photo := w.Env()["TELEGRAM_API_URL"] + "/bot" + w.Env()["TELEGRAM_BOT_TOKEN"] + "/sendPhoto"
	if status, body := fetch(t, http.MethodPost, photo, `{"chat_id":1001,"photo":"x"}`); status != 429 || !strings.Contains(body, `"retry_after":30`) {
		t.Errorf("a photo: %d %s", status, body)
	}
}

func TestRunDoesLateWork(t *testing.T) {
	w, _ := newWorld(t)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(t.Context()) }()
	if err := w.CloudESIM.Fault.Set(fault.Rule{Mood: fault.Late, Path: cloudesimPurchases, Delay: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := buy(t, w); err == nil {
		t.Fatal("it was answered")
	}
	if n := w.CloudESIM.Purchases(); n != 0 {
		t.Fatalf("%d sold already", n)
	}
	w.Clock.Advance(5 * time.Minute)
	deadline := time.After(10 * time.Second)
	for w.CloudESIM.Purchases() == 0 {
		select {
		case err := <-ended:
			t.Fatalf("the world ended: %v", err)
		case <-deadline:
			t.Fatal("nothing was sold late")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
