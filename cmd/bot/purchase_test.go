package main

import (
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// buy takes a customer from a deep link to the QR photo, checks what came, and returns the code.
func (s *stage) buy(plan esim.Plan) string {
	s.t.Helper()
	s.order(plan)
	s.pay()
	return s.delivered(plan.Provider)
}

// delivered checks the QR photo, which has what a provider issued, and returns the code.
func (s *stage) delivered(provider esim.Provider) string {
	s.t.Helper()
	m, code := s.photo()
	s.sees("Ready")
	issued := s.bought(provider, code).ActivationCode
	if !strings.Contains(m.Body(), issued) {
		s.t.Error("the caption lacks the activation code")
	}
	var apple, android, copied bool
	for _, b := range m.Buttons() {
		apple = apple || strings.HasPrefix(b.URL, "https://esimsetup.apple.com/")
		android = android || strings.HasPrefix(b.URL, "https://esimsetup.android.com/")
		copied = copied || (b.CopyText != nil && b.CopyText.Text == issued)
	}
	if !apple || !android || !copied {
		s.t.Errorf("buttons: iPhone %v, Android %v, copy %v", apple, android, copied)
	}
	return issued
}

// A purchase of each provider by webhook, on a real Redis where there is one.
func TestPurchaseByWebhook(t *testing.T) {
	t.Parallel()
	for _, provider := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		t.Run(string(provider), func(t *testing.T) {
			s := openStage(t, "", nil)
			plan := s.planOf(provider)
			code := s.buy(plan)
			s.expect(1, 0)
			sessions := s.world.Stripe.Sessions()
			if len(sessions) != 1 || sessions[0].Amount != plan.Retail.Minor {
				t.Errorf("sessions: %+v, want one of %s", sessions, plan.Retail)
			}
			s.noSecrets(code)
		})
	}
}

// The same without a public address: updates and payments are polled for.
func TestPurchaseByPolling(t *testing.T) {
	t.Parallel()
	s := openStage(t, "", map[string]string{"PUBLIC_URL": "", "DATA_KEY": ""})
	s.world.Stripe.DropWebhooks(true)
	s.noSecrets(s.buy(s.planOf(esim.Mobilexy)))
}

// Stripe has no page in Arabic: what is bought stands there in Arabic all the same, in isolates that
// keep its order on a page that reads the other way.
func TestPurchaseReadsItsOwnWay(t *testing.T) {
	t.Parallel()
	const rightToLeft = "\u2068\u200F"
	bundle, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	plan := esim.Plan{Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Kind: esim.Fixed, Bytes: esim.GB, Days: 7}
	for language, isolated := range map[string]bool{"en": false, "ar": true} {
		o := &orders.Order{ID: "7KQ2M9X4TB", Language: language, Plan: plan}
		name, description := describe(bundle)(o)
		for _, text := range []string{name, description} {
			if text == "" || strings.HasPrefix(text, rightToLeft) != isolated || strings.HasSuffix(text, "\u2069") != isolated {
				t.Errorf("%s: %q", language, text)
			}
		}
	}
}
