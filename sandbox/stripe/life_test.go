package stripe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

func TestSessionIsPaid(t *testing.T) {
	s := newShop(t)
	id := s.open("expires_at", strconv.FormatInt(s.clock.Now().Add(31*time.Minute).Unix(), 10))
	r := s.do(http.MethodGet, "/v1/checkout/sessions/"+id, nil)
	if r.str("status") != "open" || r.at("payment_intent") != nil || r.str("url") != "http://shop.test/checkout/"+id {
		t.Fatalf("open: %v", r.body)
	}
	if err := s.Decline(id); err != nil {
		t.Fatal(err)
	}
	if r = s.do(http.MethodGet, "/v1/checkout/sessions/"+id, nil); r.str("status") != "open" || r.str("payment_status") != "unpaid" {
		t.Fatalf("declined: %v", r.body)
	}
	if err := s.Pay(id); err != nil {
		t.Fatal(err)
	}
	r = s.do(http.MethodGet, "/v1/checkout/sessions/"+id, url.Values{"expand[]": {"payment_intent.latest_charge", "line_items"}})
	if r.str("status") != "complete" || r.str("payment_status") != "paid" || r.at("url") != nil {
		t.Fatalf("paid: %v", r.body)
	}
	if r.str("payment_intent", "metadata", "shop") != "42" || r.str("payment_intent", "latest_charge", "status") != "succeeded" ||
		r.str("line_items", "data", "0", "description") != "eSIM for Japan" {
		t.Errorf("expanded: %v", r.body)
	}
	for name, err := range map[string]error{"paid twice": s.Pay(id), "declined after": s.Decline(id), "expired after": s.Expire(id)} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if r := s.do(http.MethodPost, "/v1/checkout/sessions/"+id+"/expire", nil); r.status != 400 {
		t.Errorf("expired by the API: %d", r.status)
	}
	want := []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed", "charge.succeeded", "payment_intent.succeeded",
		"checkout.session.completed"}
	if got := kinds(s.Events()); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func kinds(events []stripe.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

func TestSessionExpiresByTheClock(t *testing.T) {
	s := newShop(t)
	id := s.open("expires_at", strconv.FormatInt(s.clock.Now().Add(31*time.Minute).Unix(), 10))
	s.clock.Advance(31 * time.Minute)
	if err := s.Pay(id); err == nil {
		t.Error("an expired session was paid")
	}
	if r := s.do(http.MethodGet, "/v1/checkout/sessions/"+id, nil); r.str("status") != "expired" || r.at("url") != nil {
		t.Errorf("session %v", r.body)
	}
	if got := kinds(s.Events()); !slices.Equal(got, []string{"checkout.session.expired"}) {
		t.Errorf("events %v", got)
	}
}

func TestSlowPayment(t *testing.T) {
	s := newShop(t)
	for _, ok := range []bool{true, false} {
		id := s.open()
		if err := s.PayAsync(id); err != nil {
			t.Fatal(err)
		}
		if v, _ := s.Session(id); v.Status != "complete" || v.PaymentStatus != "unpaid" {
			t.Fatalf("session %+v", v)
		}
		if err := s.SettleAsync(id, ok); err != nil {
			t.Fatal(err)
		}
		v, _ := s.Session(id)
		events := kinds(s.Events())
		want := map[bool]string{true: "checkout.session.async_payment_succeeded", false: "checkout.session.async_payment_failed"}[ok]
		if (v.PaymentStatus == "paid") != ok || events[len(events)-1] != want {
			t.Errorf("settled %v: %s, %s", ok, v.PaymentStatus, events[len(events)-1])
		}
		if s.SettleAsync(id, true) == nil {
			t.Error("settled twice")
		}
	}
}

func TestRefunds(t *testing.T) {
	s := newShop(t)
	_, intent := s.paid()
	refund := func(form url.Values) reply {
		form.Set("payment_intent", intent)
		return s.do(http.MethodPost, "/v1/refunds", form)
	}
	if r := refund(url.Values{"amount": {"200"}, "metadata[refund]": {"7KQ2M9X4TB:1"}}); r.str("status") != "succeeded" {
		t.Fatalf("refund: %v", r.body)
	}
	if r := refund(url.Values{"amount": {"256"}}); r.status != 400 || r.str("error", "param") != "amount" {
		t.Errorf("more than is left: %d %v", r.status, r.body)
	}
	if err := s.RefundsEnd("pending"); err != nil {
		t.Fatal(err)
	}
	pending := refund(url.Values{})
	if pending.str("status") != "pending" || pending.at("amount") != float64(255) {
		t.Fatalf("the rest: %v", pending.body)
	}
	if r := refund(url.Values{}); r.str("error", "code") != "charge_already_refunded" {
		t.Errorf("a third: %v", r.body)
	}
	if err := s.SettleRefund(pending.str("id"), false); err != nil {
		t.Fatal(err)
	}
	if p, _ := s.Intent(intent); p.Refunded != 200 {
		t.Errorf("refunded %d after one of two bounced", p.Refunded)
	}
	list := s.do(http.MethodGet, "/v1/refunds", url.Values{"payment_intent": {intent}})
	if list.str("data", "0", "status") != "failed" || list.str("data", "1", "metadata", "refund") != "7KQ2M9X4TB:1" {
		t.Errorf("list %v", list.body)
	}
	if _, err := s.Dispute(intent, ""); err != nil {
		t.Fatal(err)
	}
	if r := refund(url.Values{}); r.str("error", "code") != "charge_disputed" {
		t.Errorf("refund of a disputed charge: %v", r.body)
	}
	if r := s.do(http.MethodPost, "/v1/refunds", url.Values{"payment_intent": {"pi_none"}}); r.status != 404 || r.str("error", "code") != "resource_missing" {
		t.Errorf("refund of nothing: %d %v", r.status, r.body)
	}
	got := kinds(s.Events())
	for _, want := range []string{"charge.refunded", "charge.refund.updated", "charge.dispute.created"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

func TestLists(t *testing.T) {
	s := newShop(t)
	var ids []string
	for range 5 {
		ids = append(ids, s.open())
		s.clock.Advance(time.Minute)
	}
	slices.Reverse(ids)
	var got []string
	after := ""
	for {
		form := url.Values{"limit": {"2"}}
		if after != "" {
			form.Set("starting_after", after)
		}
		r := s.do(http.MethodGet, "/v1/checkout/sessions", form)
		data, _ := r.at("data").([]any)
		for i := range data {
			got = append(got, r.str("data", strconv.Itoa(i), "id"))
		}
		if more, _ := r.at("has_more").(bool); !more {
			break
		}
		after = got[len(got)-1]
	}
	if !slices.Equal(got, ids) {
		t.Errorf("pages %v, want %v", got, ids)
	}
	r := s.do(http.MethodGet, "/v1/checkout/sessions", url.Values{"ending_before": {ids[3]}, "limit": {"2"}})
	if r.str("data", "0", "id") != ids[1] || r.str("data", "1", "id") != ids[2] || r.at("has_more") != true {
		t.Errorf("the page before: %v", r.body)
	}
	since := strconv.FormatInt(s.clock.Now().Add(-2*time.Minute).Unix(), 10)
	if r := s.do(http.MethodGet, "/v1/checkout/sessions", url.Values{"created[gte]": {since}}); len(r.at("data").([]any)) != 2 {
		t.Errorf("created in two minutes: %v", r.body)
	}
	for _, bad := range []url.Values{{"limit": {"0"}}, {"limit": {"101"}}, {"starting_after": {"cs_none"}}, {"colour": {"blue"}}} {
		if r := s.do(http.MethodGet, "/v1/checkout/sessions", bad); r.status != 400 {
			t.Errorf("%v got %d", bad, r.status)
		}
	}
	if err := s.Fault.Set(fault.Rule{Mood: fault.Empty}); err != nil {
		t.Fatal(err)
	}
	if r := s.do(http.MethodGet, "/v1/checkout/sessions", nil); len(r.at("data").([]any)) != 0 {
		t.Errorf("an empty mood shows %v", r.body)
	}
}

func TestMetadataIsMerged(t *testing.T) {
	s := newShop(t)
	_, intent := s.paid()
	s.do(http.MethodPost, "/v1/payment_intents/"+intent, url.Values{"metadata[buy]": {"1:x"}, "metadata[got]": {"1:A7"}})
	s.do(http.MethodPost, "/v1/payment_intents/"+intent, url.Values{"metadata[got]": {""}})
	p, _ := s.Intent(intent)
	if p.Metadata["shop"] != "42" || p.Metadata["buy"] != "1:x" || len(p.Metadata) != 2 {
		t.Errorf("metadata %v", p.Metadata)
	}
}

// An endpointServer takes events as the shop's webhook does.
func endpointServer(t *testing.T, take func(kind string) int) (*httptest.Server, <-chan string) {
	t.Helper()
	taken := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), "whsec_test", webhook.ConstructEventOptions{IgnoreTolerance: true})
		if err != nil {
			t.Errorf("event: %v", err)
		}
		w.WriteHeader(take(string(e.Type)))
		taken <- string(e.Type)
	}))
	t.Cleanup(srv.Close)
	return srv, taken
}

func run(t *testing.T, s *shop) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func next(t *testing.T, events <-chan string, want string) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case got := <-events:
			if got == want {
				return
			}
		case <-timeout:
			t.Fatalf("no %s was brought", want)
		}
	}
}

func TestEventsAreBroughtAgain(t *testing.T) {
	var failures atomic.Int32
	failures.Store(2)
	srv, _ := endpointServer(t, func(kind string) int {
		if kind == "checkout.session.completed" && failures.Add(-1) >= 0 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	s := newShop(t, func(o *stripe.Options) { o.WebhookURL, o.WebhookSecret = srv.URL, "whsec_test" })
	run(t, s)
	s.paid()
	waitFor(t, func() bool {
		s.clock.Advance(time.Second)
		e := s.Events()[len(s.Events())-1]
		return e.Type == "checkout.session.completed" && e.Tries == 3 && e.Delivered == 1 && e.LastError == ""
	})
}

func TestEventsAreDroppedAndDoubled(t *testing.T) {
	srv, taken := endpointServer(t, func(string) int { return http.StatusOK })
	s := newShop(t)
	s.SetWebhook(srv.URL, "whsec_test")
	run(t, s)
	s.DropWebhooks(true)
	first, _ := s.paid()
	lost := s.Events()[len(s.Events())-1]
	s.DropWebhooks(false)
	s.DuplicateWebhooks(2)
	if _, err := s.WarnOfFraud(must(s.Session(first)).Intent); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		next(t, taken, "radar.early_fraud_warning.created")
	}
	if err := s.Resend(lost.ID); err != nil {
		t.Fatal(err)
	}
	next(t, taken, "checkout.session.completed")
	if s.Resend("evt_none") == nil {
		t.Error("an event that isn't there was sent")
	}
}

func must(v stripe.Session, ok bool) stripe.Session {
	if !ok {
		panic(errors.New("no such session"))
	}
	return v
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("it didn't come about")
		}
	}
}

func TestEndpoints(t *testing.T) {
	s := newShop(t)
	form := url.Values{"url": {"https://shop.test/stripe/webhook"}, "enabled_events[]": {"charge.refunded"}, "api_version": {"2023-10-16"}}
	made := s.do(http.MethodPost, "/v1/webhook_endpoints", form)
	if !strings.HasPrefix(made.str("secret"), "whsec_") || made.str("api_version") != "2023-10-16" {
		t.Fatalf("made %v", made.body)
	}
	list := s.do(http.MethodGet, "/v1/webhook_endpoints", nil)
	if list.str("data", "0", "id") != made.str("id") || list.at("data", "0", "secret") != nil {
		t.Errorf("list %v", list.body)
	}
	path := "/v1/webhook_endpoints/" + made.str("id")
	if r := s.do(http.MethodPost, path, url.Values{"disabled": {"true"}}); r.str("status") != "disabled" {
		t.Errorf("disabled: %v", r.body)
	}
	if r := s.do(http.MethodDelete, path, nil); r.at("deleted") != true {
		t.Errorf("deleted: %v", r.body)
	}
	if r := s.do(http.MethodGet, path, nil); r.status != 404 {
		t.Errorf("after deletion: %d", r.status)
	}
	if r := s.do(http.MethodPost, "/v1/webhook_endpoints", url.Values{"url": {"https://shop.test"}}); r.str("error", "param") != "enabled_events" {
		t.Errorf("without events: %v", r.body)
	}
}

func TestCheckoutPage(t *testing.T) {
	s := newShop(t)
	page := s.CheckoutPage()
	visit := func(method, path, accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Accept-Language", accept)
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w
	}
	shows := func(w *httptest.ResponseRecorder, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(w.Body.String(), p) {
				t.Errorf("the page lacks %q", p)
			}
		}
	}
	id := s.open("line_items[0][price_data][product_data][name]", "<b>eSIM</b>")
	shows(visit("GET", "/checkout/"+id, "fr"), `lang="de"`, "&lt;b&gt;eSIM", "4,55\u00a0$", `id="pay"`, `id="decline"`, `id="leave" href="/t.me/bot?start=x_7KQ2M9X4TB"`, "Testmodus")
	if w := visit("POST", "/checkout/"+id+"/decline", ""); w.Code != 303 || w.Header().Get("Location") != "../"+id {
		t.Errorf("declined: %d %v", w.Code, w.Header())
	}
	shows(visit("GET", "/"+id, ""), `role="alert"`)
	if w := visit("POST", "/checkout/"+id+"/pay", ""); w.Code != 303 || w.Header().Get("Location") != "/t.me/bot?start=o_7KQ2M9X4TB" {
		t.Errorf("paid: %d %v", w.Code, w.Header())
	}
	shows(visit("GET", "/checkout/"+id, ""), `data-state="paid"`)
	shows(visit("GET", "/checkout/"+id+"/receipt", ""), `id="receipt"`, "4,55", `href="../assets/checkout.css"`)
	gone := s.open("locale", "auto")
	if err := s.Expire(gone); err != nil {
		t.Fatal(err)
	}
	shows(visit("GET", "/checkout/"+gone, "ar,en;q=0.5"), `data-state="expired"`, `lang="ar" dir="rtl"`)
	if w := visit("POST", "/checkout/"+gone+"/pay", ""); w.Header().Get("Location") != "../"+gone {
		t.Errorf("paid after the end: %v", w.Header())
	}
	if w := visit("GET", "/checkout/cs_none", "en"); w.Code != 404 {
		t.Errorf("no session: %d", w.Code)
	}
	for _, asset := range []string{"checkout.css", "checkout.js"} {
		if w := visit("GET", "/checkout/assets/"+asset, ""); w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: %d", asset, w.Code)
		}
	}
	if w := visit("GET", "/checkout/assets/texts.json", ""); w.Code != 404 {
		t.Errorf("texts.json is served: %d", w.Code)
	}
}
