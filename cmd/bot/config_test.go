package main

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// environment parses vars as the program does, defaults included.
func environment(t *testing.T, vars map[string]string) *Environment {
	t.Helper()
	for _, name := range variables() {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range vars {
		t.Setenv(k, v)
	}
	var env Environment
	parser, err := kong.New(&env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		t.Fatal(err)
	}
	return &env
}

// variables lists the env tag of every field of Environment.
func variables() []string {
	var names []string
	typ := reflect.TypeFor[Environment]()
	for i := range typ.NumField() {
		names = append(names, typ.Field(i).Tag.Get("env"))
	}
	return names
}

func minimal() map[string]string {
	return map[string]string{
		"TELEGRAM_BOT_TOKEN": "123456:token",
		"REDIS_URL":          "redis://127.0.0.1:6379/0",
		"STRIPE_SECRET_KEY":  "sk_test_x",
		"MOBILEXY_API_KEY":   "key",
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := environment(t, minimal()).Config()
	if err != nil {
		t.Fatal(err)
	}
	if c.CheckoutTTL != 31*time.Minute || c.ProviderTimeout != 15*time.Second || c.MetricsAddr != ":9091" {
		t.Errorf("defaults: checkout %s, provider %s, metrics %q", c.CheckoutTTL, c.ProviderTimeout, c.MetricsAddr)
	}
	if !reflect.DeepEqual(c.LowDataPercent, []int{20, 5}) || c.QuietFrom != 22 || c.QuietTo != 8 {
		t.Errorf("rules: %v %d-%d", c.LowDataPercent, c.QuietFrom, c.QuietTo)
	}
	if !secretAlphabet.MatchString(c.TelegramSecret) || c.TelegramSecret == c.TelegramToken {
		t.Error("the webhook secret was not derived")
	}
	if !c.TestSellsToAdminsOnly() {
		t.Error("a test key with a real provider must sell to admins only")
	}
}

func TestConfigTestModeNeedsARealProvider(t *testing.T) {
	vars := minimal()
	vars["MOBILEXY_API_URL"] = "http://127.0.0.1:1/api"
	c, err := environment(t, vars).Config()
	if err != nil {
		t.Fatal(err)
	}
	if c.TestSellsToAdminsOnly() {
		t.Error("a stand-in provider gives no real eSIM away")
	}
	vars["STRIPE_SECRET_KEY"], vars["MOBILEXY_API_URL"] = "sk_live_x", realMobilexy
	if c, err = environment(t, vars).Config(); err != nil || c.TestSellsToAdminsOnly() {
		t.Errorf("a live key sells to everybody: %v", err)
	}
}

func TestThresholdsInAnyOrder(t *testing.T) {
	vars := minimal()
	vars["LOW_DATA_PERCENT"] = "5, 50,20,5"
	c, err := environment(t, vars).Config()
	if err != nil || !reflect.DeepEqual(c.LowDataPercent, []int{50, 20, 5}) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestConfigProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		set  map[string]string
		want []string // variable each line begins with
	}{
		"nothing set": {map[string]string{"TELEGRAM_BOT_TOKEN": "", "REDIS_URL": "", "STRIPE_SECRET_KEY": "", "MOBILEXY_API_KEY": ""},
			[]string{"TELEGRAM_BOT_TOKEN", "REDIS_URL", "STRIPE_SECRET_KEY", "CLOUDESIM_API_TOKEN, MOBILEXY_API_KEY"}},
		"token":           {map[string]string{"TELEGRAM_BOT_TOKEN": "abc"}, []string{"TELEGRAM_BOT_TOKEN"}},
		"stripe key":      {map[string]string{"STRIPE_SECRET_KEY": "pk_test_x"}, []string{"STRIPE_SECRET_KEY"}},
		"stripe secret":   {map[string]string{"STRIPE_WEBHOOK_SECRET": "whsec_a,nope"}, []string{"STRIPE_WEBHOOK_SECRET"}},
		"webhook secret":  {map[string]string{"TELEGRAM_WEBHOOK_SECRET": "with space"}, []string{"TELEGRAM_WEBHOOK_SECRET"}},
		"public, no key":  {map[string]string{"PUBLIC_URL": "https://shop.example"}, []string{"DATA_KEY"}},
		"short key":       {map[string]string{"DATA_KEY": "c2hvcnQ="}, []string{"DATA_KEY"}},
		"address":         {map[string]string{"PUBLIC_URL": "shop.example", "DATA_KEY": strings.Repeat("A", 43) + "="}, []string{"PUBLIC_URL"}},
		"listen":          {map[string]string{"LISTEN_ADDR": "8080"}, []string{"LISTEN_ADDR"}},
		"admins":          {map[string]string{"ADMIN_IDS": "1,@name,-5"}, []string{"ADMIN_IDS", "ADMIN_IDS"}},
		"support chat":    {map[string]string{"SUPPORT_CHAT_ID": "team"}, []string{"SUPPORT_CHAT_ID"}},
		"currency":        {map[string]string{"PRICE_CURRENCY": "DOGE"}, []string{"PRICE_CURRENCY"}},
		"markup":          {map[string]string{"PRICE_MARKUP_PERCENT": "-1"}, []string{"PRICE_MARKUP_PERCENT"}},
		"rate":            {map[string]string{"PRICE_RATE": "0"}, []string{"PRICE_RATE"}},
		"rounding":        {map[string]string{"PRICE_ROUND_UP_TO": "0.007"}, []string{"PRICE_ROUND_UP_TO"}},
		"huge exponent":   {map[string]string{"PRICE_RATE": "1e999999"}, []string{"PRICE_RATE"}},
		"duration":        {map[string]string{"CATALOG_REFRESH": "6"}, []string{"CATALOG_REFRESH"}},
		"checkout":        {map[string]string{"CHECKOUT_TTL": "30m"}, []string{"CHECKOUT_TTL"}},
		"lease":           {map[string]string{"ORDER_LEASE": "30s"}, []string{"ORDER_LEASE"}},
		"poll bounds":     {map[string]string{"USAGE_POLL_MIN": "48h"}, []string{"USAGE_POLL_MIN"}},
		"quiet":           {map[string]string{"QUIET_HOURS": "late"}, []string{"QUIET_HOURS"}},
		"quiet minutes":   {map[string]string{"QUIET_HOURS": "22-08:30"}, []string{"QUIET_HOURS"}},
		"low data":        {map[string]string{"LOW_DATA_PERCENT": "20,200"}, []string{"LOW_DATA_PERCENT"}},
		"tax":             {map[string]string{"STRIPE_TAX": "yes"}, []string{"STRIPE_TAX"}},
		"log level":       {map[string]string{"LOG_LEVEL": "loud"}, []string{"LOG_LEVEL"}},
		"several at once": {map[string]string{"LOG_LEVEL": "loud", "STRIPE_TAX": "yes", "CATALOG_REFRESH": "6"}, []string{"CATALOG_REFRESH", "LOG_LEVEL", "STRIPE_TAX"}},
	} {
		t.Run(name, func(t *testing.T) {
			vars := minimal()
			maps.Copy(vars, tc.set)
			_, err := environment(t, vars).Config()
			if err == nil {
				t.Fatal("no problem was found")
			}
			var got []string
			for line := range strings.SplitSeq(err.Error(), "\n") {
				variable, _, _ := strings.Cut(line, ":")
				got = append(got, variable)
			}
			slices.Sort(got)
			slices.Sort(tc.want)
			if !slices.Equal(got, tc.want) {
				t.Errorf("lines for %v, want %v:\n%v", got, tc.want, err)
			}
		})
	}
}

func TestConfigErrorsHoldNoSecret(t *testing.T) {
	vars := minimal()
	vars["TELEGRAM_BOT_TOKEN"], vars["STRIPE_SECRET_KEY"], vars["DATA_KEY"] = "topsecret1", "topsecret2", "topsecret3"
	vars["STRIPE_WEBHOOK_SECRET"], vars["TELEGRAM_WEBHOOK_SECRET"] = "topsecret4", "topsecret 5"
	_, err := environment(t, vars).Config()
	if err == nil || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a secret stands in the error: %v", err)
	}
}
