package payments

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/orders"
)

// TestEveryRequestIsStripes holds every request that we send against Stripe's own description of
// its API: stripe-mock v0.183.0, which speaks 2023-10-16 and refuses unknown parameters and values.
func TestEveryRequestIsStripes(t *testing.T) {
	mock := startMock(t)
	front := &strict{t: t, to: mock, seen: map[string]bool{}}
	web := httptest.NewServer(front)
	defer web.Close()
	for _, rich := range []bool{false, true} {
		s := newStripe(t, web.URL, func(c *Config) {
			c.Tax = rich
			c.ThreeDSecure = func(*orders.Order) bool { return rich }
		})
		everyCall(t, s, rich)
	}
	for _, want := range []string{
		"POST /v1/checkout/sessions", "GET /v1/checkout/sessions", "GET /v1/checkout/sessions/", "POST /v1/checkout/sessions/",
		"GET /v1/payment_intents/", "POST /v1/payment_intents/", "GET /v1/refunds", "POST /v1/refunds", "GET /v1/balance", "GET /v1/account",
		"GET /v1/charges/", "GET /v1/refunds/", "GET /v1/disputes/",
		"GET /v1/webhook_endpoints", "POST /v1/webhook_endpoints", "POST /v1/webhook_endpoints/", "DELETE /v1/webhook_endpoints/",
	} {
		if !front.seen[want] {
			t.Errorf("%s was never sent", want)
		}
	}
}

// everyCall makes each of our calls. stripe-mock keeps nothing and answers with samples, so only
// the requests count here: whatever it refuses fails in strict.
func everyCall(t *testing.T, s *Stripe, topUp bool) {
	t.Helper()
	ctx := t.Context()
	o := order(time.Now())
	if topUp {
		o.Kind, o.ESIM, o.Language = orders.KindTopUp, "0000000001", "pt-br"
	}
	if _, err := s.OpenCheckout(ctx, o); err != nil {
		t.Errorf("open: %v", err)
	}
	if _, err := s.find(ctx, o); err != nil {
		t.Errorf("find: %v", err)
	}
	if cs, err := s.Session(ctx, "cs_test_1"); err != nil || cs.Intent == "" {
		t.Errorf("session: %+v, %v", cs, err)
	}
	if err := s.ListSessions(ctx, o.CreatedAt, func(*orders.CheckoutSession) error { return nil }); err != nil {
		t.Errorf("list: %v", err)
	}
	if err := s.ExpireCheckout(ctx, "cs_test_1"); err != nil {
		t.Errorf("expire: %v", err)
	}
	if _, err := s.Fence(ctx, "pi_1"); err != nil {
		t.Errorf("fence: %v", err)
	}
	if err := s.RaiseFence(ctx, "pi_1", o.ID, 1, "1:nonce"); err != nil {
		t.Errorf("raise: %v", err)
	}
	if err := s.Mark(ctx, "pi_1", "done", "1"); err != nil {
		t.Errorf("mark: %v", err)
	}
	if _, err := s.Refund(ctx, "pi_1", o.ID, 1, usd(100)); err != nil {
		t.Errorf("refund: %v", err)
	}
	if _, err := s.Stray(ctx, "pi_1"); !errors.Is(err, orders.ErrNotFound) { // likewise
		t.Errorf("stray: %v", err)
	}
	if _, err := s.makeRefund(ctx, "pi_1", refundName{name: returnPrefix + "pi_1:1"}, 100); err != nil {
		t.Errorf("return: %v", err)
	}
	for _, id := range []string{"cs_test_1", "pi_1", "ch_1", "re_1", "dp_1"} {
		if _, err := s.OrderOf(ctx, id); !errors.Is(err, orders.ErrNotFound) { // the samples are nobody's
			t.Errorf("order of %s: %v", id, err)
		}
	}
	if a, err := s.CheckCredentials(ctx); err != nil || a.ServerTime.IsZero() {
		t.Errorf("credentials: %+v, %v", a, err)
	}
	if lacking, err := s.Lacking(ctx, true); err != nil || len(lacking) > 0 {
		t.Errorf("lacking: %v, %v", lacking, err)
	}
	if _, err := s.CanCharge(ctx); err != nil {
		t.Errorf("can charge: %v", err)
	}
	made, err := s.createEndpoint(ctx, "https://shop.test/stripe/webhook")
	if err != nil && !strings.Contains(err.Error(), "no secret") { // the sample has none
		t.Errorf("create endpoint: %v", err)
	}
	all, err := s.endpointsAt(ctx, "https://example.com/my/webhook/endpoint")
	if err != nil || len(all) == 0 {
		t.Fatalf("endpoints: %v, %v, made %v", all, err, made)
	}
	if err := s.mendEndpoint(ctx, all[0].ID); err != nil {
		t.Errorf("mend: %v", err)
	}
	if err := s.deleteEndpoint(ctx, all[0].ID); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// A strict proxy reports whatever stripe-mock refuses, with its reason.
type strict struct {
	t    *testing.T
	to   string
	mu   sync.Mutex
	seen map[string]bool
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, s.to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Error(err)
	}
	if resp.StatusCode != http.StatusOK {
		s.t.Errorf("%s %s?%s: %d %s\nwith %s", r.Method, r.URL.Path, r.URL.RawQuery, resp.StatusCode, answer, body)
	}
	s.mu.Lock()
	s.seen[r.Method+" "+kindOf(r.URL.Path)] = true
	s.mu.Unlock()
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// kindOf replaces what follows a collection by "/".
func kindOf(path string) string {
	for _, c := range []string{"/v1/checkout/sessions", "/v1/payment_intents", "/v1/webhook_endpoints", "/v1/refunds", "/v1/charges", "/v1/disputes"} {
		if strings.HasPrefix(path, c+"/") {
			return c + "/"
		}
	}
	return path
}

// startMock runs stripe-mock and returns its address. Where there is none the test is skipped.
func startMock(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("stripe-mock")
	if err != nil {
		out, goErr := exec.Command("go", "env", "GOPATH").Output()
		binary = filepath.Join(strings.TrimSpace(string(out)), "bin", "stripe-mock")
		if _, statErr := os.Stat(binary); goErr != nil || statErr != nil {
			t.Skip("NOT CHECKED: stripe-mock is not installed: go install github.com/stripe/stripe-mock@v0.183.0")
		}
	}
	plain, tls := freePort(t), freePort(t)
	var output bytes.Buffer
	cmd := exec.Command(binary, "-http-addr", plain, "-https-addr", tls)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Skipf("NOT CHECKED: stripe-mock can't be started: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", plain, time.Second)
		if err == nil {
			_ = conn.Close()
			return "http://" + plain
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Skip("NOT CHECKED: stripe-mock doesn't come up")
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return fmt.Sprint(l.Addr())
}
