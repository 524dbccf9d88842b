package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/sandbox"
	"esimbot/store/storetest"
)

// `bot serve`, configured by its environment alone, sells against servers that speak the four
// APIs: by webhook after `bot setup`, and by long polling. Each time one provider is on, the one
// whose credentials are set; Mobilexy's two hundred lists are fetched at the polite pace of a shop.
func TestServe(t *testing.T) {
	t.Run("webhook", func(t *testing.T) {
		serveStage(t, map[string]string{"MOBILEXY_API_KEY": ""}).order(esim.CloudESIM)
	})
	t.Run("polling", func(t *testing.T) {
		serveStage(t, map[string]string{"CLOUDESIM_API_TOKEN": "", "PUBLIC_URL": ""}).order(esim.Mobilexy)
	})
}

// A served is a stage whose shop runs as the command line runs it.
type served struct {
	*stage
	stderr *logBuffer
}

func serveStage(t *testing.T, own map[string]string) *served {
	t.Helper()
	shop := freeAddr(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	world := sandbox.New(sandbox.Options{BaseURL: "http://" + listener.Addr().String()})
	outside := &http.Server{Handler: world.Handler(), ReadHeaderTimeout: time.Second}
	var running sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	running.Go(func() { _ = outside.Serve(listener) }) // ends with Close below
	running.Go(func() { _ = world.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		_ = outside.Close()
		running.Wait()
	})
	vars := world.Env()
	vars["REDIS_URL"], vars["LISTEN_ADDR"], vars["METRICS_ADDR"] = storetest.Redis(t), shop, "off"
	vars["PUBLIC_URL"] = "http://" + shop
	maps.Copy(vars, own)
	environment(t, vars) // sets the process's variables
	world.Stripe.SetWebhook("http://"+shop+"/stripe/webhook", vars["STRIPE_WEBHOOK_SECRET"])
	s := &served{stage: &stage{playground: &playground{base: "http://" + listener.Addr().String(), world: world}, t: t, ctx: ctx, logs: &logBuffer{}}, stderr: &logBuffer{}}
	s.command(exitOK, "setup")
	s.start(shop)
	return s
}

// command runs the program to its end and returns what it printed.
func (s *served) command(want int, args ...string) string {
	s.t.Helper()
	var stdout bytes.Buffer
	if got := run(s.ctx, args, &stdout, s.stderr); got != want {
		s.t.Fatalf("bot %v: status %d, want %d\n%s%s", args, got, want, &stdout, s.stderr)
	}
	return stdout.String()
}

// start runs `bot serve` until the test ends, and then sees that it stops cleanly.
func (s *served) start(addr string) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.ctx)
	status := make(chan int, 1)
	go func() { status <- run(ctx, []string{"serve"}, s.stderr, s.stderr) }()
	s.t.Cleanup(func() {
		stop()
		if got := <-status; got != exitOK {
			s.t.Errorf("bot serve ended with %d:\n%s", got, s.stderr)
		}
	})
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case got := <-status:
			status <- got
			s.t.Fatalf("bot serve ended with %d:\n%s", got, s.stderr)
		case <-s.ctx.Done():
			s.t.Fatal("bot serve is not ready")
		}
		req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

// order buys the provider's first plan by its deep link.
func (s *served) order(provider esim.Provider) {
	s.t.Helper()
	photos, sales := s.photos(), len(s.sold(provider))
	plan := esim.Plan{Provider: provider, ID: s.world.Mobilexy.Plans()[0].Code}
	if provider == esim.CloudESIM {
		plan.ID = s.world.CloudESIM.Plans()[0].Code
	}
	s.say("/start p_" + plan.Ref())
	s.press("Buy")
	s.pay()
	s.until("another photo", func() bool { return s.photos() > photos })
	if got := len(s.sold(provider)); got != sales+1 {
		s.t.Errorf("%s sold %d eSIMs, want one", provider, got-sales)
	}
}

// Prometheus' numbers stand on the address of their own, and nowhere else.
func TestMetrics(t *testing.T) {
	metrics := freeAddr(t)
	s := serveStage(t, map[string]string{"METRICS_ADDR": metrics})
	if status, body := get(s.ctx, t, "http://"+metrics+"/metrics"); status != http.StatusOK || !strings.Contains(body, "go_goroutines") || !strings.Contains(body, "telegram_calls_total") {
		t.Errorf("/metrics: %d\n%s", status, body)
	}
	for _, elsewhere := range []string{"http://" + os.Getenv("LISTEN_ADDR") + "/metrics", "http://" + metrics + "/healthz"} {
		if status, _ := get(s.ctx, t, elsewhere); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", elsewhere, status)
		}
	}
}

// `bot sandbox` needs nothing, prints the address to open, and ends cleanly when told to.
func TestSandboxCommand(t *testing.T) {
	environment(t, nil)
	address := "http://" + freeAddr(t)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	out := &logBuffer{}
	status := make(chan int, 1)
	began := time.Now()
	go func() {
		status <- run(ctx, []string{"sandbox", "--addr", strings.TrimPrefix(address, "http://")}, out, out)
	}()
	for tick := time.NewTicker(5 * time.Millisecond); !strings.Contains(out.String(), "The shop is open: "+address); {
		select {
		case <-tick.C:
		case got := <-status:
			t.Fatalf("bot sandbox ended with %d:\n%s", got, out)
		}
	}
	t.Logf("open after %s", time.Since(began)) // how fast is BenchmarkStart's to say
	for path, want := range map[string]string{"/": "<title>Sandbox chat</title>", "/readyz": "ok", "/healthz": "ok"} {
		if status, body := get(ctx, t, address+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	stop()
	if got := <-status; got != exitOK {
		t.Errorf("bot sandbox ended with %d:\n%s", got, out)
	}
}

func (s *served) photos() int {
	n := 0
	for _, m := range s.world.Telegram.Messages(customer) {
		if len(m.Photo) > 0 {
			n++
		}
	}
	return n
}

// get asks for a page and returns what it says.
func get(ctx context.Context, t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// The command line's own mistakes end with status 2 and one line a problem.
func TestExitStatus(t *testing.T) {
	environment(t, map[string]string{"LOG_LEVEL": "loud"})
	for _, tc := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"serve"}, exitUsage, "TELEGRAM_BOT_TOKEN: is required"},
		{[]string{"serve"}, exitUsage, "LOG_LEVEL:"},
		{[]string{"setup"}, exitUsage, "STRIPE_SECRET_KEY: is required"},
		{[]string{"doctor"}, exitUsage, "REDIS_URL: is required"},
		{[]string{"dance"}, exitUsage, "dance"},
		{[]string{}, exitUsage, "serve"},
		{[]string{"--help"}, exitOK, "sandbox"},
	} {
		var out bytes.Buffer
		if got := run(t.Context(), tc.args, &out, &out); got != tc.want || !strings.Contains(out.String(), tc.says) {
			t.Errorf("bot %v: status %d, want %d, and %q in\n%s", tc.args, got, tc.want, tc.says, &out)
		}
	}
}
