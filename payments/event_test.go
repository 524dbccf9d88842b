package payments

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76/webhook"

	"esimbot/orders"
)

// sign signs with the library's own signer.
func sign(payload, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(payload), Secret: secret, Timestamp: at}).Header
}

func eventJSON(kind, object string) string {
	return fmt.Sprintf(`{"id":"evt_1","object":"event","api_version":"2023-10-16","created":1700000000,"livemode":false,"type":%q,"data":{"object":%s}}`, kind, object)
}

func TestParseEvent(t *testing.T) {
	d := newDesk(t)
	ours := `"metadata":{"shop":"4242","order_id":"7KQ2M9X4TB"}`
	for _, tc := range []struct {
		name, kind, object string
		want               Event
	}{
		{"paid", EventCompleted, `{"id":"cs_1","object":"checkout.session","client_reference_id":"7KQ2M9X4TB","payment_intent":"pi_1",` + ours + `}`,
			Event{SessionID: "cs_1", Intent: "pi_1", OrderID: "7KQ2M9X4TB", Shop: testShop}},
		{"expanded, no reference", EventExpired, `{"id":"cs_1","object":"checkout.session","payment_intent":{"id":"pi_1"},` + ours + `}`,
			Event{SessionID: "cs_1", Intent: "pi_1", OrderID: "7KQ2M9X4TB", Shop: testShop}},
		{"another shop", EventCompleted, `{"id":"cs_1","object":"checkout.session","metadata":{"shop":"1"}}`, Event{SessionID: "cs_1", Shop: "1", Foreign: true}},
		{"no shop", EventCompleted, `{"id":"cs_1","object":"checkout.session","client_reference_id":"7KQ2M9X4TB","metadata":{}}`, Event{SessionID: "cs_1", Foreign: true}},
		{"charge", EventChargeRefunded, `{"id":"ch_1","object":"charge","payment_intent":"pi_1",` + ours + `}`, Event{Intent: "pi_1", OrderID: "7KQ2M9X4TB", Shop: testShop}},
		{"intent", "payment_intent.succeeded", `{"id":"pi_1","object":"payment_intent",` + ours + `}`, Event{Intent: "pi_1", OrderID: "7KQ2M9X4TB", Shop: testShop}},
		{"our refund", EventRefundUpdated, `{"id":"re_1","object":"refund","payment_intent":"pi_1","status":"failed",` + ours + `}`,
			Event{Intent: "pi_1", OrderID: "7KQ2M9X4TB", Shop: testShop, RefundStatus: "failed"}},
		{"the Dashboard's refund", EventRefundUpdated, `{"id":"re_1","object":"refund","payment_intent":"pi_1","status":"succeeded","metadata":{}}`,
			Event{Intent: "pi_1", RefundStatus: "succeeded"}},
		{"dispute", EventDispute, `{"id":"dp_1","object":"dispute","charge":"ch_1","payment_intent":"pi_1"}`, Event{Intent: "pi_1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			payload := eventJSON(tc.kind, tc.object)
			got, err := d.ParseEvent([]byte(payload), sign(payload, testSecret, d.clock.Now()))
			if err != nil {
				t.Fatal(err)
			}
			want := tc.want
			want.ID, want.Type, want.Created = "evt_1", tc.kind, time.Unix(1700000000, 0).UTC()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEventRefuses(t *testing.T) {
	secrets := []string{"whsec_old_old_old_old", testSecret}
	d := newDesk(t, func(c *Config) { c.WebhookSecrets = func() []string { return secrets } })
	now := d.clock.Now()
	payload := eventJSON(EventCompleted, `{"id":"cs_1","object":"checkout.session","metadata":{"shop":"4242"}}`)
	for _, tc := range []struct {
		name, payload, header string
		want                  error
	}{
		{"new secret", payload, sign(payload, testSecret, now), nil},
		{"old secret", payload, sign(payload, "whsec_old_old_old_old", now), nil},
		{"nearly too old", payload, sign(payload, testSecret, now.Add(-4*time.Minute)), nil},
		{"wrong secret", payload, sign(payload, "whsec_wrong", now), ErrSignature},
		{"empty secret", payload, sign(payload, "", now), ErrSignature},
		{"changed body", strings.Replace(payload, "cs_1", "cs_2", 1), sign(payload, testSecret, now), ErrSignature},
		{"stale", payload, sign(payload, testSecret, now.Add(-6*time.Minute)), ErrSignature},
		{"from the future", payload, sign(payload, testSecret, now.Add(6*time.Minute)), ErrSignature},
		{"no signature", payload, "", ErrSignature},
		{"no header", payload, "hello", ErrSignature},
		{"no v1", payload, strings.Replace(sign(payload, testSecret, now), "v1=", "v0=", 1), ErrSignature},
		{"another version", strings.Replace(payload, "2023-10-16", "2030-01-01", 1),
			sign(strings.Replace(payload, "2023-10-16", "2030-01-01", 1), testSecret, now), ErrVersion},
		{"no JSON", "{", sign("{", testSecret, now), ErrPayload},
		{"nothing in it", `{"api_version":"2023-10-16"}`, sign(`{"api_version":"2023-10-16"}`, testSecret, now), ErrPayload},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := d.ParseEvent([]byte(tc.payload), tc.header)
			if !errors.Is(err, tc.want) || (err != nil && got != Event{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	secrets = nil
	if _, err := d.ParseEvent([]byte(payload), sign(payload, testSecret, now)); !errors.Is(err, ErrNoSecret) {
		t.Errorf("without a secret: %v", err)
	}
}

// What the local Stripe brings is what ParseEvent reads.
func TestSandboxEvents(t *testing.T) {
	d := newDesk(t)
	_, intent := d.pay(t)
	if _, err := d.server.WarnOfFraud(intent); err != nil {
		t.Fatal(err)
	}
	if _, err := d.server.Refund(intent, 100); err != nil {
		t.Fatal(err)
	}
	for _, raw := range d.server.Events() {
		payload, err := d.server.Payload(raw.ID)
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.ParseEvent(payload, sign(string(payload), testSecret, d.clock.Now()))
		if err != nil || e.Foreign || e.Intent != intent {
			t.Fatalf("%s: %+v, %v", raw.Type, e, err)
		}
		if err := d.Locate(t.Context(), &e); err != nil || e.OrderID != "7KQ2M9X4TB" || e.Shop != testShop || e.Foreign {
			t.Errorf("%s located: %+v, %v", raw.Type, e, err)
		}
	}
}

func TestLocateForeign(t *testing.T) {
	d := newDesk(t)
	other := newStripeLike(t, d, func(c *Config) { c.ShopID = "999" })
	_, intent := d.pay(t)
	e := Event{Intent: intent}
	if err := other.Locate(t.Context(), &e); err != nil || !e.Foreign || e.OrderID != "" {
		t.Errorf("located %+v: %v", e, err)
	}
	e = Event{Intent: "pi_unknown"} // of the other mode, or deleted test data: for ever unknown
	if err := other.Locate(t.Context(), &e); err != nil || !e.Foreign {
		t.Errorf("an unknown payment's event: %+v, %v", e, err)
	}
	e = Event{Type: "balance.available"}
	if err := other.Locate(t.Context(), &e); err != nil || !e.Foreign {
		t.Errorf("an event about no payment: %+v, %v", e, err)
	}
}

func FuzzParseEvent(f *testing.F) {
	s, err := New(Config{SecretKey: testKey, ShopID: testShop, BotUsername: "shop_bot", WebhookSecrets: func() []string { return []string{testSecret} },
		Describe: func(*orders.Order) (string, string) { return "", "" }})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(eventJSON(EventCompleted, `{"id":"cs_1","object":"checkout.session"}`)), "t=1,v1=00", true)
	f.Add([]byte(eventJSON(EventDispute, `{"id":"dp_1","payment_intent":{"id":7}}`)), "", true)
	f.Add([]byte(`{"data":null}`), "t=9223372036854775807,v1=00,t=-1", false)
	f.Fuzz(func(t *testing.T, payload []byte, header string, signed bool) {
		if signed {
			header = sign(string(payload), testSecret, time.Now())
		}
		e, err := s.ParseEvent(bytes.Clone(payload), header)
		if err == nil && !signed {
			t.Fatalf("taken without a signature: %+v", e)
		}
		if err != nil && e != (Event{}) {
			t.Fatalf("an event beside an error: %+v", e)
		}
		if err == nil && (e.ID == "" || (e.Shop != testShop && e.OrderID != "" && !e.Foreign)) {
			t.Fatalf("%+v", e)
		}
	})
}
