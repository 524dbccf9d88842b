package main

import (
	"strings"
	"testing"
)

// What can be said of a configuration without asking anybody.
func TestDoctorOfSettings(t *testing.T) {
	t.Parallel()
	live := map[string]string{
		"TELEGRAM_BOT_TOKEN": "4242:token", "REDIS_URL": "redis://localhost", "STRIPE_SECRET_KEY": "sk_live_key", "CLOUDESIM_API_TOKEN": "token",
		"ADMIN_IDS": "1000", "SUPPORT_CHAT_ID": "-1001", "DATA_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "PUBLIC_URL": "https://shop.example",
	}
	for name, tc := range map[string]struct {
		vars   map[string]string
		begins string
		says   string
		at     string // where the shop can't be reached for
	}{
		"live":            {nil, "ok   configuration", "", ""},
		"test":            {map[string]string{"STRIPE_SECRET_KEY": "sk_test_key"}, "ok   configuration (warning: TEST mode: ", "only admins may pay)", ""},
		"money for paper": {map[string]string{"CLOUDESIM_API_URL": "http://localhost/api"}, "ok   configuration (warning: real money ", "CLOUDESIM_API_URL)", ""},
		"nobody there":    {map[string]string{"ADMIN_IDS": "", "SUPPORT_CHAT_ID": ""}, "ok   configuration (warning: ADMIN_IDS is empty", "; SUPPORT_CHAT_ID is empty", ""},
		"plain http":      {map[string]string{"PUBLIC_URL": "http://shop.example"}, "ok   configuration", "", "https only"},
		"a port":          {map[string]string{"PUBLIC_URL": "https://shop.example:8443"}, "ok   configuration", "", ""},
		"another port":    {map[string]string{"PUBLIC_URL": "https://shop.example:8080"}, "ok   configuration", "", "port 8080"},
		"own Telegram":    {map[string]string{"PUBLIC_URL": "http://shop.example:8080", "TELEGRAM_API_URL": "http://localhost:8081"}, "ok   configuration", "", ""},
		"nothing sells":   {map[string]string{"PRICE_CURRENCY": "EUR", "PRICE_RATE": "0.000001", "PRICE_FIXED_FEE": "0.1"}, "FAIL prices: a plan of 10 USD: ", "mend: check PRICE_RATE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars := map[string]string{}
			for _, from := range []map[string]string{live, tc.vars} {
				for k, v := range from {
					vars[k] = v
				}
			}
			cfg, err := environmentFrom(vars).Config()
			if err != nil {
				t.Fatal(err)
			}
			d := &doctor{cfg: cfg}
			found := d.settings(t.Context())
			line := found[0].String()
			if strings.HasPrefix(tc.begins, "FAIL") {
				line = found[1].String()
			}
			if !strings.HasPrefix(line, tc.begins) || !strings.Contains(line, tc.says) || (tc.begins == "ok   configuration" && line != tc.begins) {
				t.Errorf("%q, want %q… %q", line, tc.begins, tc.says)
			}
			if got := cfg.unreachable(); (got == "") != (tc.at == "") || !strings.Contains(got, tc.at) {
				t.Errorf("unreachable: %q, want %q", got, tc.at)
			}
		})
	}
}

// A line is one line, and holds no secret, whatever a server wrote.
func TestDoctorHides(t *testing.T) {
	t.Parallel()
	d := &doctor{cfg: &Config{StripeKey: "sk_live_key", RedisURL: "rediss://user:pass%20word@redis.example:6379", StripeSecrets: []string{"whsec_1", "whsec_2"}}}
	hide := strings.NewReplacer(d.secrets()...)
	line := hide.Replace(ill("a check", "no\nsuch key\tsk_live_key, pass word, whsec_2", "mend it").String())
	if want := "FAIL a check: no such key ***, ***, ***; mend: mend it"; line != want {
		t.Errorf("%q, want %q", line, want)
	}
}
