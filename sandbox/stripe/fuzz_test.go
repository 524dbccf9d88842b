package stripe_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"esimbot/sandbox/stripe"
)

// FuzzRequest sends anything as a form: it is refused or understood, and what is understood is
// rendered.
func FuzzRequest(f *testing.F) {
	f.Add("/v1/checkout/sessions", checkoutForm().Encode())
	f.Add("/v1/refunds", "payment_intent=pi_1&metadata=&expand[]=charge.refunds.data.charge")
	f.Add("/v1/checkout/sessions", "line_items=1&line_items[0]=2&line_items[x][y]=3&a[][b]=4&[=5&metadata[a][b]=6")
	f.Add("/v1/webhook_endpoints", "url=https://shop.test&enabled_events[]=*&enabled_events[7]=a")
	f.Fuzz(func(t *testing.T, path, form string) {
		if !strings.HasPrefix(path, "/v1/") {
			return
		}
		r, err := http.NewRequest(http.MethodPost, "http://stripe.test", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path = path
		r.Header.Set("Authorization", "Bearer "+secretKey)
		w := httptest.NewRecorder()
		s := stripe.New(stripe.Options{SecretKey: secretKey})
		s.ServeHTTP(w, r)
		for _, v := range s.Sessions() {
			if v.Amount < 30 || v.Currency == "" || v.SuccessURL == "" || len(v.Lines) == 0 {
				t.Fatalf("a session that Stripe would refuse: %+v", v)
			}
		}
	})
}
