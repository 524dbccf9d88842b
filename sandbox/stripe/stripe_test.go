package stripe_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/sandbox/stripe"
)

const secretKey = "sk_test_sandbox_0000000000000000"

// A steppedClock moves only when told.
type steppedClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *steppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *steppedClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type shop struct {
	*stripe.Server
	t     *testing.T
	url   string
	clock *steppedClock
}

func newShop(t *testing.T, change ...func(*stripe.Options)) *shop {
	t.Helper()
	clock := &steppedClock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	o := stripe.Options{SecretKey: secretKey, BaseURL: "http://shop.test", Now: clock.Now}
	for _, f := range change {
		f(&o)
	}
	s := stripe.New(o)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return &shop{Server: s, t: t, url: web.URL, clock: clock}
}

type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (r reply) at(path ...string) any {
	var v any = r.body
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func (r reply) str(path ...string) string {
	s, _ := r.at(path...).(string)
	return s
}

func (s *shop) do(method, path string, form url.Values, headers ...string) reply {
	s.t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		path += "?" + form.Encode()
	}
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secretKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out := reply{status: resp.StatusCode, header: resp.Header}
	if err := json.NewDecoder(resp.Body).Decode(&out.body); err != nil {
		s.t.Fatalf("%s %s: answer is no JSON: %v", method, path, err)
	}
	return out
}

// checkoutForm is a Session as the shop asks for it.
func checkoutForm(changes ...string) url.Values {
	f := url.Values{
		"mode": {"payment"}, "client_reference_id": {"7KQ2M9X4TB"}, "locale": {"de"},
		"success_url": {"https://t.me/bot?start=o_7KQ2M9X4TB"}, "cancel_url": {"https://t.me/bot?start=x_7KQ2M9X4TB"},
		"line_items[0][quantity]": {"1"}, "line_items[0][price_data][currency]": {"usd"},
		"line_items[0][price_data][unit_amount]":        {"455"},
		"line_items[0][price_data][product_data][name]": {"eSIM for Japan"},
		"metadata[shop]": {"42"}, "payment_intent_data[metadata][shop]": {"42"},
	}
	f = maps.Clone(f)
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			f.Del(changes[i])
			continue
		}
		f.Set(changes[i], changes[i+1])
	}
	return f
}

func (s *shop) open(changes ...string) string {
	s.t.Helper()
	r := s.do(http.MethodPost, "/v1/checkout/sessions", checkoutForm(changes...))
	if r.status != http.StatusOK {
		s.t.Fatalf("open a session: %d %v", r.status, r.body)
	}
	return r.str("id")
}

// paid opens a Session, pays it, and returns it with its PaymentIntent.
func (s *shop) paid() (session, intent string) {
	s.t.Helper()
	id := s.open()
	if err := s.Pay(id); err != nil {
		s.t.Fatal(err)
	}
	v, _ := s.Session(id)
	return id, v.Intent
}

func TestAuthorization(t *testing.T) {
	s := newShop(t)
	for name, tc := range map[string]struct {
		header string
		status int
	}{
		"right":   {"Bearer " + secretKey, 200},
		"wrong":   {"Bearer sk_test_wrong_0000000000000", 401},
		"missing": {"", 401},
		"basic":   {"Basic c2tfdGVzdF9zYW5kYm94XzAwMDAwMDAwMDAwMDAwMDA6", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.do(http.MethodGet, "/v1/balance", nil, "Authorization", tc.header)
			if r.status != tc.status {
				t.Fatalf("status %d, want %d: %v", r.status, tc.status, r.body)
			}
			if tc.status == 401 && (r.str("error", "type") != "invalid_request_error" || strings.Contains(r.str("error", "message"), "wrong_000")) {
				t.Errorf("error %v", r.body)
			}
		})
	}
	if r := s.do(http.MethodGet, "/v1/balance", nil, "Stripe-Version", "2030-01-01"); r.status != 400 {
		t.Errorf("an unknown version got %d", r.status)
	}
	if r := s.do(http.MethodGet, "/v1/nothing", nil); r.status != 404 || !strings.HasPrefix(r.header.Get("Request-Id"), "req_") {
		t.Errorf("an unknown path got %d %v", r.status, r.header)
	}
	if got := s.do(http.MethodGet, "/v1/balance", nil).header.Get("Date"); got != s.clock.Now().Format(http.TimeFormat) {
		t.Errorf("Date %q is not the clock's", got)
	}
}

func TestCreateSessionChecks(t *testing.T) {
	s := newShop(t)
	in := func(d time.Duration) string { return strconv.FormatInt(s.clock.Now().Add(d).Unix(), 10) }
	unit, name := "line_items[0][price_data][unit_amount]", "line_items[0][price_data][product_data][name]"
	for _, tc := range []struct {
		name        string
		changes     []string
		code, param string
		message     string // part of it
	}{
		{"no mode", []string{"mode", "-"}, "parameter_missing", "mode", "Missing required param: mode."},
		{"no line items", []string{unit, "-", name, "-", "line_items[0][quantity]", "-", "line_items[0][price_data][currency]", "-"},
			"parameter_missing", "line_items", "`line_items` parameter is required"},
		{"no quantity", []string{"line_items[0][quantity]", "-"}, "parameter_missing", "line_items[0][quantity]", "Quantity is required"},
		{"no amount", []string{unit, "-"}, "parameter_missing", unit, "Missing required param"},
		{"negative amount", []string{unit, "-1"}, "parameter_invalid_integer", unit, "greater than or equal to 0"},
		{"broken amount", []string{unit, "4.55"}, "parameter_invalid_integer", unit, "Invalid integer: 4.55"},
		{"tiny amount", []string{unit, "49"}, "amount_too_small", "line_items", "at least 0.50 USD"},
		{"huge amount", []string{unit, "100000000"}, "amount_too_large", unit, "no more than 999999.99 USD"},
		{"crown amount", []string{unit, "12345", "line_items[0][price_data][currency]", "isk"}, "", unit, "multiple of 100"},
		{"no such currency", []string{"line_items[0][price_data][currency]", "xyz"}, "", "line_items[0][price_data][currency]", "Invalid currency: xyz"},
		{"long name", []string{name, strings.Repeat("x", 251)}, "", name, "must be at most 250 characters"},
		{"empty name", []string{name, ""}, "parameter_invalid_empty", name, "empty string"},
		{"long reference", []string{"client_reference_id", strings.Repeat("x", 201)}, "", "client_reference_id", "at most 200 characters"},
		{"closes too soon", []string{"expires_at", in(29 * time.Minute)}, "", "expires_at", "at least 30 minutes"},
		{"closes too late", []string{"expires_at", in(25 * time.Hour)}, "", "expires_at", "less than 24 hours"},
		{"no such locale", []string{"locale", "ar"}, "", "locale", "must be one of auto, bg"},
		{"no success page", []string{"success_url", "-"}, "parameter_missing", "success_url", "Missing"},
		{"no URL", []string{"cancel_url", "t.me/bot"}, "url_invalid", "cancel_url", "Not a valid URL"},
		{"long URL", []string{"cancel_url", "https://t.me/" + strings.Repeat("x", 5000)}, "", "cancel_url", "at most 5000"},
		{"unknown parameter", []string{"colour", "blue"}, "parameter_unknown", "colour", "Received unknown parameter: colour"},
		{"unknown below", []string{"line_items[0][price_data][price]", "1"}, "parameter_unknown", "line_items[0][price_data][price]", "unknown"},
		{"long metadata key", []string{"metadata[" + strings.Repeat("k", 41) + "]", "v"}, "", "metadata", "up to 40 characters"},
		{"long metadata value", []string{"metadata[k]", strings.Repeat("v", 501)}, "", "metadata[k]", "up to 500 characters"},
		{"bad 3-D Secure", []string{"payment_method_options[card][request_three_d_secure]", "always"}, "",
			"payment_method_options[card][request_three_d_secure]", "must be one of any"},
		{"bad expansion", []string{"expand[]", "colour"}, "", "expand", "cannot be expanded (colour)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := s.do(http.MethodPost, "/v1/checkout/sessions", checkoutForm(tc.changes...))
			if r.status != 400 || r.str("error", "type") != "invalid_request_error" {
				t.Fatalf("got %d %v", r.status, r.body)
			}
			if r.str("error", "code") != tc.code || r.str("error", "param") != tc.param || !strings.Contains(r.str("error", "message"), tc.message) {
				t.Errorf("error %v, want %s %s %q", r.body, tc.code, tc.param, tc.message)
			}
		})
	}
	form := checkoutForm()
	for i := range 51 {
		form.Set("metadata[k"+strconv.Itoa(i)+"]", "v")
	}
	if r := s.do(http.MethodPost, "/v1/checkout/sessions", form); r.status != 400 || r.str("error", "param") != "metadata" {
		t.Errorf("51 metadata keys got %d %v", r.status, r.body)
	}
}

func TestIdempotency(t *testing.T) {
	s := newShop(t)
	post := func(key string, changes ...string) reply {
		return s.do(http.MethodPost, "/v1/checkout/sessions", checkoutForm(changes...), "Idempotency-Key", key)
	}
	first, again := post("a"), post("a")
	if first.status != 200 || again.str("id") != first.str("id") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("replayed %v of %v", again, first)
	}
	if n := len(s.Sessions()); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	for name, r := range map[string]reply{
		"changed parameters": post("a", "locale", "fr"),
		"another endpoint":   s.do(http.MethodPost, "/v1/checkout/sessions/"+first.str("id")+"/expire", nil, "Idempotency-Key", "a"),
	} {
		if r.status != 400 || r.str("error", "type") != "idempotency_error" {
			t.Errorf("%s: %d %v", name, r.status, r.body)
		}
	}
	if r := post(strings.Repeat("k", 256)); r.status != 400 {
		t.Errorf("a key of 256 characters: %d", r.status)
	}
	// A parameter that is refused before the work begins is not remembered.
	if r := post("b", "mode", "-"); r.status != 400 {
		t.Errorf("no mode: %d", r.status)
	}
	if r := post("b"); r.status != 200 {
		t.Errorf("the key of a refused request can't be used: %d %v", r.status, r.body)
	}
	s.clock.Advance(24 * time.Hour)
	if r := post("a", "locale", "fr"); r.status != 200 || r.str("id") == first.str("id") {
		t.Errorf("after 24 h: %d %v", r.status, r.body)
	}
}

func TestIdempotencyRemembersErrors(t *testing.T) {
	s := newShop(t)
	_, intent := s.paid()
	refund := func(key, amount string) reply {
		return s.do(http.MethodPost, "/v1/refunds", url.Values{"payment_intent": {intent}, "amount": {amount}}, "Idempotency-Key", key)
	}
	s.FailStored("/v1/refunds", 1, false)
	for range 2 {
		if r := refund("k1", "100"); r.status != 500 || r.str("error", "type") != "api_error" {
			t.Fatalf("stored error: %d %v", r.status, r.body)
		}
	}
	if n := len(s.Refunds()); n != 0 {
		t.Fatalf("%d refunds after an error with nothing done", n)
	}
	s.FailStored("/v1/refunds", 1, true)
	for range 2 {
		if r := refund("k2", "100"); r.status != 500 {
			t.Fatalf("stored error after the work: %d", r.status)
		}
	}
	if n := len(s.Refunds()); n != 1 {
		t.Fatalf("%d refunds after an error with the work done", n)
	}
	for range 2 {
		if r := refund("k3", "356"); r.status != 400 || !strings.Contains(r.str("error", "message"), "greater than unrefunded amount") {
			t.Fatalf("refused refund: %d %v", r.status, r.body)
		}
	}
}

func TestIdempotencyKeyInUse(t *testing.T) {
	s := newShop(t)
	release := s.Hold("POST /v1/checkout/sessions")
	answers := make(chan reply, 2)
	for range 2 {
		go func() {
			answers <- s.do(http.MethodPost, "/v1/checkout/sessions", checkoutForm(), "Idempotency-Key", "k")
		}()
	}
	refused := <-answers // whichever came second: the first is held
	release()
	if refused.status != 409 || refused.str("error", "code") != "idempotency_key_in_use" || refused.header.Get("Stripe-Should-Retry") != "true" {
		t.Errorf("second request: %d %v", refused.status, refused.body)
	}
	if first := <-answers; first.status != 200 {
		t.Errorf("first request: %d %v", first.status, first.body)
	}
}
