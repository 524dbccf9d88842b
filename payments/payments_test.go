package payments

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/clock"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

const (
	testKey    = "sk_test_0123456789abcdefghij"
	testSecret = "whsec_0123456789abcdefghij"
	testShop   = "4242"
)

// A desk is the shop's Stripe before a local one.
type desk struct {
	*Stripe
	server *stripe.Server
	clock  *clock.Clock
}

func newDesk(t *testing.T, change ...func(*Config)) *desk {
	t.Helper()
	d := &desk{clock: &clock.Clock{}}
	d.server = stripe.New(stripe.Options{SecretKey: testKey, BaseURL: "https://shop.test", Now: d.clock.Now})
	web := httptest.NewServer(d.server)
	t.Cleanup(web.Close)
	d.Stripe = newStripe(t, web.URL, func(c *Config) {
		c.Now = d.clock.Now
		for _, f := range change {
			f(c)
		}
	})
	return d
}

func newStripe(t *testing.T, url string, change func(*Config)) *Stripe {
	t.Helper()
	cfg := Config{
		SecretKey: testKey, APIURL: url, ShopID: testShop, BotUsername: "shop_bot",
		WebhookSecrets: func() []string { return []string{testSecret} },
		Describe:       func(*orders.Order) (string, string) { return "eSIM Japón", "1 GB · 7 días" },
	}
	change(&cfg)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.pause = time.Millisecond
	return s
}

func order(now time.Time) *orders.Order {
	return &orders.Order{
		ID: "7KQ2M9X4TB", State: orders.AwaitingPayment, Kind: orders.KindESIM, Customer: 777, Language: "es", CreatedAt: now,
		Plan: esim.Plan{Provider: esim.Mobilexy, ID: "855", Name: "Japan 1GB 7Days", Wholesale: decimal.RequireFromString("3.50"),
			Retail: esim.Money{Minor: 455, Currency: esim.USD}},
		Checkout: orders.Checkout{ExpiresAt: now.Add(31 * time.Minute)},
	}
}

// pay opens the order's Session and pays it.
func (d *desk) pay(t *testing.T) (session, intent string) {
	t.Helper()
	opened, err := d.OpenCheckout(t.Context(), order(d.clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.server.Pay(opened.SessionID); err != nil {
		t.Fatal(err)
	}
	v, _ := d.server.Session(opened.SessionID)
	return v.ID, v.Intent
}

func (d *desk) mood(t *testing.T, r fault.Rule) {
	t.Helper()
	if err := d.server.Fault.Set(r); err != nil {
		t.Fatal(err)
	}
}

func usd(minor int64) esim.Money { return esim.Money{Minor: minor, Currency: esim.USD} }

func TestNewChecksItsConfig(t *testing.T) {
	good := Config{SecretKey: testKey, ShopID: "1", BotUsername: "b", Describe: func(*orders.Order) (string, string) { return "", "" }}
	for name, spoil := range map[string]func(*Config){
		"key":      func(c *Config) { c.SecretKey = "pk_test_public" },
		"address":  func(c *Config) { c.APIURL = "api.stripe.com" },
		"shop":     func(c *Config) { c.ShopID = "" },
		"describe": func(c *Config) { c.Describe = nil },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || strings.Contains(err.Error(), "pk_test_public") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := New(good); err != nil || !s.TestMode() {
		t.Errorf("a good one: %v", err)
	}
}

func TestOpenCheckoutAsksForEverything(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.Tax = true
		c.ThreeDSecure = func(*orders.Order) bool { return true }
	})
	o := order(d.clock.Now())
	o.Kind, o.ESIM = orders.KindTopUp, "0000000001"
	got, err := d.OpenCheckout(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := d.server.Session(got.SessionID)
	if !ok || got.URL != v.URL || !got.ExpiresAt.Equal(o.Checkout.ExpiresAt.Truncate(time.Second)) {
		t.Fatalf("opened %+v, session %+v", got, v)
	}
	meta := map[string]string{"shop": testShop, "order_id": "7KQ2M9X4TB", "kind": "topup", "customer": "777", "language": "es", "provider": "mobilexy",
		"plan": "855", "plan_ref": o.Plan.Ref(), "retail": "455", "currency": "USD", "wholesale": "3.5", "esim": "0000000001"}
	want := stripe.Session{ID: got.SessionID, Status: "open", PaymentStatus: "unpaid", Amount: 455, Currency: "usd",
		Lines:     []stripe.Line{{Name: "eSIM Japón", Description: "1 GB · 7 días", UnitAmount: 455, Quantity: 1, TaxBehavior: "inclusive"}},
		Reference: "7KQ2M9X4TB", SuccessURL: "https://t.me/shop_bot?start=o_7KQ2M9X4TB", CancelURL: "https://t.me/shop_bot?start=x_7KQ2M9X4TB",
		Locale: "es", URL: got.URL, Metadata: meta, IntentData: meta, Description: "eSIM Japón · 7KQ2M-9X4TB", ThreeDSecure: "any",
		AutomaticTax: true, Created: v.Created, ExpiresAt: got.ExpiresAt}
	if diff := cmp.Diff(want, v, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "submit" || p.String() == "suffix" }, cmp.Ignore())); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	r := d.server.Requests()[0]
	if r.IdempotencyKey != "checkout:7KQ2M9X4TB" {
		t.Errorf("idempotency key %q", r.IdempotencyKey)
	}
	if strings.Contains(r.Form.Encode(), "images") {
		t.Error("an image was sent")
	}
}

func TestOpenCheckoutAgainIsTheSameSession(t *testing.T) {
	d := newDesk(t)
	o := order(d.clock.Now())
	first, err := d.OpenCheckout(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	d.clock.Advance(3 * time.Minute)
	again, err := d.OpenCheckout(t.Context(), o)
	if err != nil || again != first || len(d.server.Sessions()) != 1 {
		t.Errorf("again %+v %v, first %+v", again, err, first)
	}
}

func TestOpenCheckoutAfterAStoredError(t *testing.T) {
	for name, done := range map[string]bool{"not made": false, "made": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.server.FailStored("POST /v1/checkout/sessions", 1, done)
			got, err := d.OpenCheckout(t.Context(), order(d.clock.Now()))
			if err != nil {
				t.Fatal(err)
			}
			if all := d.server.Sessions(); len(all) != 1 || all[0].ID != got.SessionID {
				t.Errorf("opened %+v of %d", got, len(all))
			}
		})
	}
}

func TestOpenCheckoutIsRefused(t *testing.T) {
	d := newDesk(t)
	o := order(d.clock.Now())
	o.Checkout.ExpiresAt = d.clock.Now().Add(time.Minute)
	_, err := d.OpenCheckout(t.Context(), o)
	var e *Error
	if !errors.As(err, &e) || e.Status != 400 || e.Param != "expires_at" || errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("got %v", err)
	}
}

func TestSessionTellsEverything(t *testing.T) {
	d := newDesk(t)
	id, intent := d.pay(t)
	if _, err := d.server.Refund(intent, 155); err != nil {
		t.Fatal(err)
	}
	if _, err := d.server.Dispute(intent, ""); err != nil {
		t.Fatal(err)
	}
	if err := d.Mark(t.Context(), intent, "got", "1:A7"); err != nil {
		t.Fatal(err)
	}
	got, err := d.Session(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := d.server.Session(id)
	meta := v.Metadata
	meta["got"] = "1:A7"
	want := &orders.CheckoutSession{ID: id, Status: "complete", Paid: true, Order: "7KQ2M9X4TB", Shop: testShop, Intent: intent, Amount: usd(455),
		Refunded: usd(155), Disputed: true, ReceiptURL: v.URL + "/receipt", CreatedAt: v.Created.Truncate(time.Second), ExpiresAt: v.ExpiresAt,
		PaidAt: got.PaidAt, Metadata: meta,
		Draft: &orders.Draft{ID: "7KQ2M9X4TB", Kind: orders.KindESIM, Customer: 777, Language: "es", Plan: esim.Plan{Provider: esim.Mobilexy, ID: "855",
			Wholesale: decimal.RequireFromString("3.5"), Retail: usd(455)}},
		Fence: orders.Fence{Got: "1:A7", Received: usd(455), Refunded: usd(155), Disputed: true}}
	if got.PaidAt.IsZero() {
		t.Error("not told when it was paid")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if _, err := d.Session(t.Context(), "cs_none"); err == nil || errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("a session that isn't there: %v", err)
	}
}

func TestSessionInAnotherCurrency(t *testing.T) {
	d := newDesk(t)
	opened, err := d.OpenCheckout(t.Context(), order(d.clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	err = d.server.Tamper(opened.SessionID, func(v *stripe.Session) {
		v.Conversion = &stripe.Conversion{Amount: v.Amount, Currency: v.Currency, Rate: "0.92"}
		v.Amount, v.Currency = 419, "eur"
	})
	if err == nil {
		err = d.server.Pay(opened.SessionID)
	}
	if err != nil {
		t.Fatal(err)
	}
	v, _ := d.server.Session(opened.SessionID)
	for _, step := range []struct {
		amount      int64
		euros, left int64
	}{{200, 184, 199}, {455, 235, 455}} {
		if step.amount == 455 { // the rest, as the Dashboard gives it back
			if _, err := d.server.Refund(v.Intent, 0); err != nil {
				t.Fatal(err)
			}
		} else if _, err := d.Refund(t.Context(), v.Intent, "7KQ2M9X4TB", 1, usd(step.amount)); err != nil {
			t.Fatal(err)
		}
		if r := d.server.Refunds()[0]; r.Amount != step.euros || r.Currency != "eur" {
			t.Errorf("refund %+v, want %d eur", r, step.euros)
		}
		cs, err := d.Session(t.Context(), opened.SessionID)
		if err != nil || cs.Amount != usd(455) || cs.Refunded != usd(step.left) {
			t.Errorf("session %+v %v", cs, err)
		}
		f, err := d.Fence(t.Context(), v.Intent)
		if err != nil || f.Received != usd(455) || f.Refunded != usd(step.left) {
			t.Errorf("fence %+v %v", f, err)
		}
	}
}

func TestExpireCheckout(t *testing.T) {
	d := newDesk(t)
	opened, err := d.OpenCheckout(t.Context(), order(d.clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is closed already
		if err := d.ExpireCheckout(t.Context(), opened.SessionID); err != nil {
			t.Fatal(err)
		}
	}
	if v, _ := d.server.Session(opened.SessionID); v.Status != "expired" {
		t.Errorf("status %s", v.Status)
	}
	if err := d.ExpireCheckout(t.Context(), "cs_none"); err == nil {
		t.Error("closed a session that isn't there")
	}
}

func TestListSessions(t *testing.T) {
	d := newDesk(t)
	begin := d.clock.Now()
	d.pay(t)
	foreign := newStripeLike(t, d, func(c *Config) { c.ShopID = "999" })
	o := order(d.clock.Now())
	o.ID = "0000000002"
	if _, err := foreign.OpenCheckout(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for range 120 { // more than a page
		o := order(d.clock.Now())
		id, err := orders.NewID(nil)
		if err != nil {
			t.Fatal(err)
		}
		o.ID = id
		if _, err := d.OpenCheckout(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	var paid *orders.CheckoutSession
	err := d.ListSessions(t.Context(), begin.Add(-time.Minute), func(cs *orders.CheckoutSession) error {
		seen[cs.ID] = true
		if cs.Paid {
			paid = cs
		}
		return nil
	})
	if err != nil || len(seen) != 121 || paid == nil || paid.ReceiptURL == "" {
		t.Errorf("saw %d, paid %+v: %v", len(seen), paid, err)
	}
	stop := errors.New("enough")
	if err := d.ListSessions(t.Context(), begin.Add(-time.Minute), func(*orders.CheckoutSession) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("fn's error became %v", err)
	}
}

// newStripeLike is another shop at the desk's server.
func newStripeLike(t *testing.T, d *desk, change func(*Config)) *Stripe {
	t.Helper()
	return newStripe(t, d.cfg.APIURL, func(c *Config) {
		c.Now = d.clock.Now
		change(c)
	})
}

func TestLocale(t *testing.T) {
	for language, want := range map[string]string{"en": "en", "de": "de", "ar": "auto", "pt-br": "pt-BR", "es-MX": "es", "zh-TW": "zh-TW", "": "auto", "xx": "auto"} {
		if got := locale(language); got != want {
			t.Errorf("locale(%q) = %q, want %q", language, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	if got := cut(" "+strings.Repeat("й", 300), 250); len([]rune(got)) != 250 || !strings.HasSuffix(got, "й…") {
		t.Errorf("cut to %d characters", len([]rune(got)))
	}
}

func TestServerTime(t *testing.T) {
	d := newDesk(t)
	d.clock.Advance(time.Hour)
	a, err := d.CheckCredentials(t.Context())
	if err != nil || a.LiveMode || a.ServerTime.Sub(d.clock.Now()).Abs() > 2*time.Second {
		t.Errorf("account %+v: %v", a, err)
	}
	wrong := newStripeLike(t, d, func(c *Config) { c.SecretKey = "sk_test_wrong_wrong_wrong" })
	_, err = wrong.CheckCredentials(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized || strings.Contains(err.Error(), "sk_test_wrong_wrong_wrong") {
		t.Errorf("a wrong key: %v", err)
	}
}
