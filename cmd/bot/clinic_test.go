package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"esimbot/sandbox"
	"esimbot/store/storetest"
)

// A clinic is a world, a Redis and a shop's address, where setup and doctor run as on the command
// line. The shop itself doesn't run: what stands at its address answers as it would.
type clinic struct {
	t     *testing.T
	world *sandbox.World
	redis *storetest.Server
	shop  string
	vars  map[string]string

	mu     sync.Mutex
	secret string // that the shop expects from Telegram
	closed bool   // the shop isn't there
}

func openClinic(t *testing.T) *clinic {
	t.Helper()
	c := &clinic{t: t, redis: storetest.Start(t)}
	outside := httptest.NewUnstartedServer(nil)
	base := "http://" + outside.Listener.Addr().String()
	c.world = sandbox.New(sandbox.Options{BaseURL: base, SupportChat: true})
	outside.Config.Handler = c.world.Handler()
	outside.Start()
	shop := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() {
		c.world.Close()
		shop.Close()
		outside.Close()
	})
	c.shop, c.vars = shop.URL, c.world.Env()
	delete(c.vars, "STRIPE_WEBHOOK_SECRET") // setup gets one
	c.vars["REDIS_URL"], c.vars["PUBLIC_URL"], c.vars["LOG_LEVEL"] = c.redis.URL(), shop.URL, "error"
	cfg, err := environmentFrom(c.vars).Config()
	if err != nil {
		t.Fatal(err)
	}
	c.secret = cfg.TelegramSecret
	return c
}

// serve is the shop as far as others see it.
func (c *clinic) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		w.WriteHeader(http.StatusBadGateway)
	case r.URL.Path == "/telegram/webhook" && r.Header.Get("X-Telegram-Bot-Api-Secret-Token") != c.secret:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func (c *clinic) close(closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = closed
}

// setup runs `bot setup` and returns what it printed.
func (c *clinic) setup() string {
	c.t.Helper()
	var out bytes.Buffer
	if err := (&setupCmd{*environmentFrom(c.vars)}).Run(c.t.Context(), output{&out}); err != nil {
		c.t.Fatalf("setup: %v\n%s", err, &out)
	}
	return out.String()
}

// doctor runs `bot doctor` and returns the lines that FAIL, and all of them.
func (c *clinic) doctor() (failed []string, all string) {
	c.t.Helper()
	var out bytes.Buffer
	err := (&doctorCmd{*environmentFrom(c.vars)}).Run(c.t.Context(), output{&out})
	for line := range strings.Lines(out.String()) {
		switch {
		case strings.HasPrefix(line, "FAIL ") && strings.Contains(line, "; mend: "):
			failed = append(failed, line)
		case !strings.HasPrefix(line, "ok   "):
			c.t.Errorf("a line is no check: %q", line)
		}
	}
	if (len(failed) > 0) != errors.Is(err, errUnwell) || (len(failed) == 0 && err != nil) {
		c.t.Errorf("%v, with\n%s", err, &out)
	}
	for name, secret := range c.secrets() {
		if strings.Contains(out.String(), secret) {
			c.t.Errorf("%s is printed:\n%s", name, &out)
		}
	}
	return failed, out.String()
}

// secrets are what nobody may read in any line.
func (c *clinic) secrets() map[string]string {
	secrets := maps.Clone(c.vars)
	maps.DeleteFunc(secrets, func(name, value string) bool {
		return value == "" || !slices.Contains([]string{"TELEGRAM_BOT_TOKEN", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CLOUDESIM_API_TOKEN", "MOBILEXY_API_KEY", "DATA_KEY"}, name)
	})
	secrets["the webhook's secret"] = c.secret
	return secrets
}

// call is somebody else with the same keys: Telegram's method, or Stripe's path with a form.
func (c *clinic) call(method, address, contentType, body string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.SetBasicAuth(c.vars["STRIPE_SECRET_KEY"], "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s, %v", method, address, resp.StatusCode, answer, err)
	}
}

func (c *clinic) telegram(method, params string) {
	c.t.Helper()
	c.call(http.MethodPost, c.vars["TELEGRAM_API_URL"]+"/bot"+c.vars["TELEGRAM_BOT_TOKEN"]+"/"+method, "application/json", params)
}

func (c *clinic) stripe(method, path string, form url.Values) {
	c.t.Helper()
	c.call(method, c.vars["STRIPE_API_URL"]+path, "application/x-www-form-urlencoded", form.Encode())
}

// configure changes a setting of Redis.
func (c *clinic) configure(name, value string) {
	c.t.Helper()
	if err := client(c.t, c.redis.URL()).ConfigSet(c.t.Context(), name, value).Err(); err != nil {
		c.t.Fatal(err)
	}
}
