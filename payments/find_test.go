package payments

import (
	"errors"
	"strings"
	"testing"

	"esimbot/orders"
	"esimbot/sandbox/fault"
)

func TestOrderOf(t *testing.T) {
	d := newDesk(t)
	session, intent := d.pay(t)
	refund, err := d.server.Refund(intent, 55)
	if err != nil {
		t.Fatal(err)
	}
	dispute, err := d.server.Dispute(intent, "")
	if err != nil {
		t.Fatal(err)
	}
	paid, err := d.intent(t.Context(), intent)
	if err != nil {
		t.Fatal(err)
	}
	foreign := newStripeLike(t, d, func(c *Config) { c.ShopID = "999" })
	for _, id := range []string{session, intent, paid.LatestCharge.ID, refund.ID, dispute} {
		if got, err := d.OrderOf(t.Context(), id); err != nil || got != "7KQ2M9X4TB" {
			t.Errorf("%s: %q, %v", id, got, err)
		}
		if got, err := foreign.OrderOf(t.Context(), id); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("%s for another shop: %q, %v", id, got, err)
		}
	}
	for _, id := range []string{"cs_test_none", "pi_none", "ch_none", "py_none", "re_none", "dp_none", "du_none"} {
		if _, err := d.OrderOf(t.Context(), id); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	calls := len(d.server.Requests())
	for _, id := range []string{"", "pi_", "7KQ2M9X4TB", "cus_1", "pi_../balance", "pi_1?expand", "pi_1\n", "pi_" + strings.Repeat("1", 201)} {
		if _, err := d.OrderOf(t.Context(), id); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if len(d.server.Requests()) != calls {
		t.Error("Stripe was asked for what is no id of its")
	}
	d.mood(t, fault.Rule{Mood: fault.Error})
	if _, err := d.OrderOf(t.Context(), intent); !errors.Is(err, orders.ErrPaymentDoubt) || errors.Is(err, orders.ErrNotFound) {
		t.Errorf("while Stripe is down: %v", err)
	}
}

// A page that another version of the program asked for under the same key is found, not lost.
func TestOpenCheckoutUnderAKeyUsedOtherwise(t *testing.T) {
	d := newDesk(t)
	o := order(d.clock.Now())
	first, err := d.OpenCheckout(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Plan.Name, o.Language = "another", "de"
	again, err := d.OpenCheckout(t.Context(), o)
	if err != nil || again.SessionID != first.SessionID || len(d.server.Sessions()) != 1 {
		t.Errorf("%+v, %v", again, err)
	}
}
