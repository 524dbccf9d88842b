package payments

import (
	"errors"
	"net/http"
	"slices"
	"testing"
)

// What a restricted key lacks is named, and trying it changes nothing.
func TestLacking(t *testing.T) {
	const key = "rk_test_0123456789abcdefghij"
	all := []string{"balance_read", "charge_write", "checkout_session_write", "dispute_read", "payment_intent_write", "webhook_write"}
	d := newDesk(t, func(c *Config) { c.SecretKey = key })
	lacking := func(allowed ...string) []string {
		t.Helper()
		d.server.Restrict(key, allowed...)
		got, err := d.Lacking(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if !d.Restricted() {
		t.Error("a restricted key is taken for another")
	}
	if got := lacking(all...); len(got) > 0 {
		t.Errorf("nothing is missing but %q", got)
	}
	for i, want := range []string{
		"Balance: read", "Charges and Refunds: write", "Checkout Sessions: write", "Disputes: read", "PaymentIntents: write", "Webhook Endpoints: write",
	} {
		if got := lacking(slices.Delete(slices.Clone(all), i, i+1)...); !slices.Equal(got, []string{want}) {
			t.Errorf("without %s: %q", all[i], got)
		}
	}
	if got := lacking("balance_read", "charge_read", "checkout_session_read", "dispute_read", "payment_intent_read", "webhook_read"); len(got) != 4 {
		t.Errorf("reading everything is not enough: %q", got)
	}
	d.server.Restrict(key, all[:5]...)
	if got, err := d.Lacking(t.Context(), false); err != nil || len(got) > 0 {
		t.Errorf("without a webhook: %q, %v", got, err)
	}
	if n := len(d.server.Events()) + len(d.server.Sessions()); n > 0 {
		t.Errorf("trying left %d traces", n)
	}
	wrong := newStripeLike(t, d, func(c *Config) { c.SecretKey = "rk_test_wrong_wrong_wrong" })
	_, err := wrong.Lacking(t.Context(), true)
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		t.Errorf("a wrong key: %v", err)
	}
}

func TestCanCharge(t *testing.T) {
	d := newDesk(t)
	for _, want := range []bool{true, false} {
		d.server.SetChargesEnabled(want)
		if can, err := d.CanCharge(t.Context()); err != nil || can != want {
			t.Errorf("%t, %v, want %t", can, err, want)
		}
	}
	const key = "rk_test_0123456789abcdefghij"
	d.server.Restrict(key)
	limited := newStripeLike(t, d, func(c *Config) { c.SecretKey = key })
	if can, err := limited.CanCharge(t.Context()); err != nil || !can {
		t.Errorf("a key that may not ask: %t, %v", can, err)
	}
}
