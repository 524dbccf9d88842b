package flows_test

import (
	"testing"
	"unicode/utf8"

	"esimbot/flows"
)

// TestTextsOfTheDoors: what the doors say and set up fits what the Bot API takes.
func TestTextsOfTheDoors(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		l := loadBundle(t).For(lang)
		limits := map[string]int{"bot_description": 512, "bot_short_description": 120, "stale": 200}
		for _, c := range []string{"start", "buy", "esims", "help", "support", "paysupport", "terms", "privacy", "language",
			"balance", "orders", "order", "refund", "resolve", "stats", "pause", "resume", "block", "unblock"} {
			limits["command_"+c] = 256
		}
		for _, w := range []flows.Word{flows.WordSorry, flows.WordPrivate, flows.WordSlower, flows.WordOpen, flows.WordCarried, flows.WordGone, flows.WordNotCarried} {
			limits[string(w)] = 200
			if said := newStage(t).shop.Say(w, lang); said != l.T(string(w)) {
				t.Errorf("%s: says %q", lang, said)
			}
		}
		for key, limit := range limits {
			if n := utf8.RuneCountInString(l.T(key)); n == 0 || n > limit || l.T(key) == key {
				t.Errorf("%s: %s has %d characters of %d: %q", lang, key, n, limit, l.T(key))
			}
		}
	}
}

func TestNewWantsEverything(t *testing.T) {
	whole := newStage(t).cfg
	for name, change := range map[string]func(*flows.Config){
		"catalogue":  func(c *flows.Config) { c.Catalogue = nil },
		"desk":       func(c *flows.Config) { c.Desk = nil },
		"eSIMs":      func(c *flows.Config) { c.ESIMs = nil },
		"support":    func(c *flows.Config) { c.Support = nil },
		"eraser":     func(c *flows.Config) { c.Eraser = nil },
		"popularity": func(c *flows.Config) { c.Popularity = nil },
		"bundle":     func(c *flows.Config) { c.Bundle = nil },
		"clock":      func(c *flows.Config) { c.Now = nil },
		"username":   func(c *flows.Config) { c.BotUsername = "" },
		"terms":      func(c *flows.Config) { c.TermsURL = "javascript:alert(1)" },
		"privacy":    func(c *flows.Config) { c.PrivacyURL = "shop.example/privacy" },
	} {
		cfg := whole
		if change(&cfg); func() error { _, err := flows.New(cfg); return err }() == nil {
			t.Errorf("a shop without a right %s", name)
		}
	}
	whole.TermsURL, whole.PrivacyURL, whole.Random = "", "", nil
	if _, err := flows.New(whole); err != nil {
		t.Error(err)
	}
}
