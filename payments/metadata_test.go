package payments

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

// europe is a plan with everything that Stripe is told of one.
func europe() esim.Plan {
	return esim.Plan{
		Provider: esim.Mobilexy, ID: "855", PackageCode: "CKH226", Source: "regional-plans/europe-30", Name: "Europe 30 <1GB> & more",
		Destination: esim.Destination{Kind: esim.Region, Code: "europe-30", Name: "Europe"}, Countries: []string{"AT", "BE", "FR"},
		Kind: esim.Daily, DailyBytes: esim.GB, ThrottleKbps: 384, FairUse: "after 1 GB", Days: 7, VoiceMinutes: -1, SMS: 10, CanTopUp: true,
		Wholesale: decimal.RequireFromString("3.505"), Retail: usd(455),
	}
}

func TestDraftReadsWhatWasWritten(t *testing.T) {
	d := newDesk(t)
	long := europe()
	long.FairUse = strings.Repeat("й", 200)
	japan := europe()
	japan.Destination, japan.Countries = esim.Destination{Kind: esim.Country, Code: "JP"}, []string{"JP"}
	for name, tc := range map[string]struct{ plan, want esim.Plan }{
		"region":   {europe(), europe()},
		"country":  {japan, japan},
		"cyrillic": {long, long},
	} {
		o := order(d.clock.Now())
		o.Kind, o.ESIM, o.Plan = orders.KindTopUp, "0000000001", tc.plan
		opened, err := d.OpenCheckout(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		cs, err := d.Session(t.Context(), opened.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		want := &orders.Draft{ID: o.ID, Kind: orders.KindTopUp, Customer: 777, Language: "es", Plan: tc.want, ESIM: "0000000001"}
		if diff := cmp.Diff(want, cs.Draft); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if cs.URL == "" || cs.CreatedAt.IsZero() || !cs.PaidAt.IsZero() {
			t.Errorf("%s: %+v", name, cs)
		}
		d = newDesk(t)
	}
}

func TestTermsTooLongAreLeftOut(t *testing.T) {
	d := newDesk(t)
	p := europe()
	p.Name = strings.Repeat("n", 480)
	o := order(d.clock.Now())
	o.Plan = p
	m := d.metadata(o)
	if _, told := m[metaTerms]; told {
		t.Error("terms of more than 500 characters were told")
	}
	got := draft(m)
	want := esim.Plan{Provider: p.Provider, ID: p.ID, Wholesale: p.Wholesale, Retail: p.Retail}
	if got == nil || cmp.Diff(want, got.Plan) != "" {
		t.Errorf("%+v", got)
	}
	for name, value := range m {
		if len([]rune(value)) > maxValue {
			t.Errorf("%s is too long for Stripe", name)
		}
	}
}

func TestDraftRefusesWhatMakesNoSense(t *testing.T) {
	d := newDesk(t)
	o := order(d.clock.Now())
	o.Plan = europe()
	good := d.metadata(o)
	if draft(good) == nil {
		t.Fatal("a good one")
	}
	for name, spoilt := range map[string][2]string{
		"no order": {metaOrder, ""}, "an order in another form": {metaOrder, "7KQ2M-9X4TB"}, "kind": {metaKind, "gift"}, "a top-up of nothing": {metaKind, "topup"},
		"customer": {metaCustomer, "-5"}, "customer's digits": {metaCustomer, "99999999999999999999"}, "language": {metaLanguage, "../../x"},
		"provider": {metaProvider, "nobody"}, "plan": {metaPlan, strings.Repeat("9", 101)}, "control": {metaPlan, "8\n55"}, "ref": {metaRef, "aaaaaaaaaa"},
		"retail": {metaRetail, "0"}, "currency": {metaCurrency, "usd"}, "wholesale": {metaWholesale, "1e999999999"}, "free": {metaWholesale, "0"},
	} {
		m := maps.Clone(good)
		m[spoilt[0]] = spoilt[1]
		if got := draft(m); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// Terms that make no sense are none: the order is known all the same.
	for _, terms := range []string{"{", "[]", `{"to":"moon","kind":"fixed","days":7}`, `{"to":"country","code":"jp","kind":"fixed","days":7}`,
		`{"to":"country","code":"JP","kind":"free","days":7}`, `{"to":"country","code":"JP","kind":"fixed","days":0}`,
		`{"to":"country","code":"JP","kind":"fixed","days":7,"bytes":-1}`, `{"to":"country","code":"JP","kind":"fixed","days":7,"name":"a\u0000"}`} {
		m := maps.Clone(good)
		m[metaTerms] = terms
		if got := draft(m); got == nil || got.Plan.Kind != "" || got.Plan.Days != 0 {
			t.Errorf("%s: %+v", terms, got)
		}
	}
}

func FuzzDraft(f *testing.F) {
	f.Add("7KQ2M9X4TB", "777", "mobilexy", "855", "455", "3.50", "1:nonce", "1:A7", termsOf(europe()))
	f.Add("", "", "", "", "", "", "", "", `{"to":"global","code":"global","kind":"unlimited","days":1}`)
	f.Fuzz(func(t *testing.T, order, customer, provider, plan, retail, wholesale, buy, got, terms string) {
		m := map[string]string{metaOrder: order, metaKind: "esim", metaCustomer: customer, metaLanguage: "en", metaProvider: provider, metaPlan: plan,
			metaRetail: retail, metaCurrency: "USD", metaWholesale: wholesale, metaTerms: terms, metaBuy: buy, metaGot: got}
		if f := marks(m); len([]rune(f.Got)) > maxWord {
			t.Errorf("a number of %d characters", len(f.Got))
		}
		d := draft(m)
		if d == nil {
			return
		}
		if d.Customer <= 0 || string(d.ID) != order || d.Plan.Retail.Minor <= 0 || !d.Plan.Wholesale.IsPositive() {
			t.Errorf("%+v", d)
		}
		if d.Plan.Kind == "" {
			return
		}
		if again := termsOf(d.Plan); again != "" {
			if back, ok := readTerms(again); !ok || cmp.Diff(d.Plan.Destination, back.plan().Destination) != "" {
				t.Errorf("%s, read and written again: %s", terms, again)
			}
		}
	})
}

// The next refund's number must follow every one that Stripe has seen.
func TestSessionTellsHowManyRefundsThereWere(t *testing.T) {
	d := newDesk(t)
	id, intent := d.pay(t)
	for n := 1; n <= 2; n++ {
		if _, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", n, usd(100)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Refund(t.Context(), intent, "7KQ2M9X4TB", 2, usd(60)); err == nil || errors.Is(err, orders.ErrPaymentDoubt) {
		t.Errorf("another amount under a number that is taken: %v", err)
	}
	if _, err := d.server.Refund(intent, 55); err != nil { // the Dashboard's has no number
		t.Fatal(err)
	}
	cs, err := d.Session(t.Context(), id)
	if err != nil || cs.Refunds != 2 || cs.Refunded != usd(255) || cs.Fence.Refunded != usd(255) {
		t.Errorf("%+v, %v", cs, err)
	}
}
