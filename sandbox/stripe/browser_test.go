package stripe_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"esimbot/sandbox/browsertest"
)

// TestBrowserCheckout pays as a person does: a refused card first, then a good one.
func TestBrowserCheckout(t *testing.T) {
	ctx := browsertest.Open(t, 1280, 900, time.Minute)
	s := newShop(t)
	mux := http.NewServeMux()
	mux.Handle("/checkout/", http.StripPrefix("/checkout", s.CheckoutPage()))
	mux.HandleFunc("/t.me/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<p id="arrived">` + r.URL.Query().Get("start") + `</p>`))
	})
	web := httptest.NewServer(http.NewCrossOriginProtection().Handler(mux))
	t.Cleanup(web.Close)

	id := s.open("locale", "en")
	var alert, button, color, arrived string
	err := chromedp.Run(ctx,
		chromedp.EmulateViewport(390, 844),
		chromedp.Navigate(web.URL+"/checkout/"+id),
		chromedp.Text("#pay", &button),
		chromedp.Evaluate(`getComputedStyle(document.querySelector("#pay")).backgroundColor`, &color),
		chromedp.Click("#decline"),
		chromedp.Text("[role=alert]", &alert),
		chromedp.Click("#pay"),
		chromedp.Text("#arrived", &arrived),
	)
	if err != nil {
		t.Fatal(err)
	}
	if button != "Pay $4.55" || !strings.Contains(alert, "declined") || arrived != "o_7KQ2M9X4TB" {
		t.Errorf("button %q, alert %q, arrived at %q", button, alert, arrived)
	}
	if color != "rgb(5, 112, 222)" && color != "rgb(43, 135, 238)" {
		t.Errorf("the style sheet isn't there: the pay button is %s", color)
	}
	if v := must(s.Session(id)); v.PaymentStatus != "paid" {
		t.Errorf("session is %s", v.PaymentStatus)
	}
	var left string
	if err := chromedp.Run(ctx, chromedp.Navigate(web.URL+"/checkout/"+s.open("locale", "ru")), chromedp.Click("#leave"), chromedp.Text("#arrived", &left)); err != nil {
		t.Fatal(err)
	}
	if left != "x_7KQ2M9X4TB" {
		t.Errorf("left to %q", left)
	}
}
