package payments

import (
	"errors"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestEnsureWebhook(t *testing.T) {
	const url = "https://shop.test/stripe/webhook"
	d := newDesk(t)
	var saved []string
	var broken error // of the store
	save := func(secret string) error {
		saved = append(saved, secret)
		return broken
	}
	ensure := func(have bool, want bool) string {
		t.Helper()
		made, err := d.EnsureWebhook(t.Context(), url, have, save)
		if err != nil || made != want {
			t.Fatalf("made %v, %v", made, err)
		}
		all, err := d.endpointsAt(t.Context(), url)
		if err != nil || len(all) != 1 || all[0].APIVersion != stripe.APIVersion || all[0].Status != "enabled" {
			t.Fatalf("endpoints %+v: %v", all, err)
		}
		for _, e := range listened() {
			if !slices.Contains(all[0].EnabledEvents, e) {
				t.Errorf("%s is not listened to", e)
			}
		}
		return all[0].ID
	}
	first := ensure(false, true)
	calls := len(d.server.Requests())
	if again := ensure(true, false); again != first {
		t.Error("a good endpoint was replaced")
	}
	if n := len(d.server.Requests()) - calls; n != 2 { // ensure's own list, and the test's
		t.Errorf("%d calls to change nothing", n)
	}
	p := &stripe.WebhookEndpointParams{Disabled: stripe.Bool(true), EnabledEvents: stripe.StringSlice([]string{"payout.paid"})}
	if _, err := d.api.WebhookEndpoints.Update(first, p); err != nil {
		t.Fatal(err)
	}
	if mended := ensure(true, false); mended != first {
		t.Error("a disabled endpoint was replaced")
	}
	if second := ensure(false, true); second == first || len(saved) != 2 || saved[0] == saved[1] {
		t.Errorf("the secret was lost: %v", saved)
	}
	broken = errors.New("no store")
	if _, err := d.EnsureWebhook(t.Context(), url+"/b", false, save); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if left, err := d.endpointsAt(t.Context(), url+"/b"); err != nil || len(left) != 0 {
		t.Errorf("an endpoint nobody knows the secret of stands: %v, %v", left, err)
	}
}
