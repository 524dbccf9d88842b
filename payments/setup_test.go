package payments

import (
	"errors"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// A vault keeps the secret of one endpoint, as setup does in Redis.
type vault struct {
	id, secret string
	broken     error
}

func (v *vault) known(id string) bool { return id == v.id }

func (v *vault) save(id, secret string) error {
	if v.broken != nil {
		return v.broken
	}
	v.id, v.secret = id, secret
	return nil
}

func TestEnsureWebhook(t *testing.T) {
	const url = "https://shop.test/stripe/webhook"
	d := newDesk(t)
	v := &vault{}
	ensure := func(want Ensured) string {
		t.Helper()
		done, err := d.EnsureWebhook(t.Context(), url, v.known, v.save)
		if err != nil || done != want {
			t.Fatalf("%+v, want %+v: %v", done, want, err)
		}
		all, err := d.Endpoints(t.Context(), url)
		if err != nil || len(all) != 1 || all[0].Differs() != "" || all[0].ID != v.id {
			t.Fatalf("endpoints %+v: %v", all, err)
		}
		return all[0].ID
	}
	first := ensure(Ensured{Made: true})
	calls := len(d.server.Requests())
	ensure(Ensured{})
	if n := len(d.server.Requests()) - calls; n != 2 { // ensure's own list, and the test's
		t.Errorf("%d calls to change nothing", n)
	}
	for _, spoil := range []*stripe.WebhookEndpointParams{
		{Disabled: stripe.Bool(true)},
		{EnabledEvents: stripe.StringSlice([]string{"payout.paid"})},
		{EnabledEvents: stripe.StringSlice([]string{"*"})},
		{EnabledEvents: stripe.StringSlice(listened()[1:])},
	} {
		if _, err := d.api.WebhookEndpoints.Update(first, spoil); err != nil {
			t.Fatal(err)
		}
		ensure(Ensured{Mended: true})
	}
	backwards := slices.Clone(listened())
	slices.Reverse(backwards)
	if _, err := d.api.WebhookEndpoints.Update(first, &stripe.WebhookEndpointParams{EnabledEvents: stripe.StringSlice(backwards)}); err != nil {
		t.Fatal(err)
	}
	if again := ensure(Ensured{}); again != first || v.secret == "" {
		t.Error("the endpoint was replaced, whose secret was known")
	}

	// Somebody made another one, in a version of its own; then the secret is lost.
	other := &stripe.WebhookEndpointParams{URL: stripe.String(url), EnabledEvents: stripe.StringSlice([]string{"charge.refunded"})}
	if _, err := d.api.WebhookEndpoints.New(other); err != nil {
		t.Fatal(err)
	}
	ensure(Ensured{Deleted: 1})
	lost := v.secret
	*v = vault{}
	if second := ensure(Ensured{Made: true, Deleted: 1}); second == first || v.secret == lost {
		t.Error("the secret is lost still")
	}
	v.broken = errors.New("no store")
	if _, err := d.EnsureWebhook(t.Context(), url+"/b", v.known, v.save); !errors.Is(err, v.broken) {
		t.Errorf("got %v", err)
	}
	if left, err := d.Endpoints(t.Context(), url+"/b"); err != nil || len(left) != 0 {
		t.Errorf("an endpoint nobody knows the secret of stands: %v, %v", left, err)
	}
}

// An endpoint whose secret an operator configured stands by itself, and so do two while they rotate.
func TestEnsureWebhookConfigured(t *testing.T) {
	const url = "https://shop.test/stripe/webhook"
	d := newDesk(t)
	for range 2 {
		if _, err := d.createEndpoint(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
	save := func(string, string) error { return errors.New("nothing was to be made") }
	done, err := d.EnsureWebhook(t.Context(), url, func(string) bool { return true }, save)
	if err != nil || done != (Ensured{}) {
		t.Errorf("%+v, %v", done, err)
	}
	if left, err := d.Endpoints(t.Context(), url); err != nil || len(left) != 2 {
		t.Errorf("%v stand, %v", left, err)
	}
}

func TestDiffers(t *testing.T) {
	good := Endpoint{Enabled: true, APIVersion: stripe.APIVersion, Events: listened()}
	for want, e := range map[string]Endpoint{
		"": good,
		"its API version is 2025-01-01, not 2023-10-16":        {Enabled: true, APIVersion: "2025-01-01", Events: listened()},
		"its API version is the account's own, not 2023-10-16": {Enabled: true, Events: listened()},
		"it is disabled": {APIVersion: stripe.APIVersion, Events: listened()},
		"it isn't told of checkout.session.completed":          {Enabled: true, APIVersion: stripe.APIVersion, Events: listened()[1:]},
		"it is told of every event there is":                   {Enabled: true, APIVersion: stripe.APIVersion, Events: []string{"*"}},
		"it is told of charge.failed, which nobody listens to": {Enabled: true, APIVersion: stripe.APIVersion, Events: append(listened(), "charge.failed")},
	} {
		if got := e.Differs(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
