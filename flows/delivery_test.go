package flows_test

import (
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

func TestPhotoCarriesTheWholeCode(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		s := newStage(t)
		s.regular()
		photo := s.shop.Delivery(s.desk.orders[delivered], lang)[0]
		for _, line := range []string{"<code>rsp.example.com</code>", "<code>ABCD-1234-EFGH</code>", "<code>" + lpa + "</code>"} {
			if !strings.Contains(photo.HTML, line) {
				t.Errorf("%s: the caption lacks %s", lang, line)
			}
		}
		var urls, copied []string
		for _, row := range photo.Rows {
			for _, b := range row {
				if b.URL != "" {
					urls = append(urls, b.URL)
				}
				if b.Copy != "" {
					copied = append(copied, b.Copy)
				}
			}
		}
		code := activation(t, lpa)
		if len(urls) != 2 || urls[0] != code.AppleInstallURL() || urls[1] != code.AndroidInstallURL() || len(copied) != 1 || copied[0] != lpa {
			t.Errorf("%s: urls %v, copied %v", lang, urls, copied)
		}
		if photo.Photo.Code.Reveal() != lpa {
			t.Errorf("%s: the picture is of something else", lang)
		}
	}
}

func TestLongestCodeFitsItsCaption(t *testing.T) {
	host, field := strings.Repeat("a", 60), strings.Repeat("1", 60)
	long := "LPA:1$" + strings.Join([]string{host, host, host, host, "example"}, ".") + "$" + strings.Repeat("B", 128) + "$" + field + "$" + field
	for _, lang := range loadBundle(t).Languages() {
		s := newStage(t)
		s.regular()
		o := s.desk.orders[unlinked]
		o.Bought.Profile.Code = activation(t, long)
		photo := s.shop.Delivery(o, lang)[0]
		check(t, lang, photo)
		if !strings.Contains(photo.HTML, "<code>"+long+"</code>") {
			t.Errorf("%s: the code is cut", lang)
		}
		for _, row := range photo.Rows {
			for _, b := range row {
				if b.Copy != "" {
					t.Errorf("%s: a copy button for %d characters", lang, len(b.Copy))
				}
			}
		}
	}
}

func TestNothingToDeliver(t *testing.T) {
	s := newStage(t)
	o := s.order(delivered, customer, "JP-1-7", orders.Provisioning)
	if screens := s.shop.Delivery(o, "en"); screens != nil {
		t.Errorf("delivers %v", screens)
	}
	o.Bought = &orders.Bought{Profile: esim.Profile{OrderNo: "B1"}}
	if screens := s.shop.Delivery(o, "en"); screens != nil {
		t.Errorf("delivers %v", screens)
	}
}

// TestNoScreenButThePhotoShowsTheCode: an order's screen is also drawn for alerts and logs of
// metrics, and stays in the chat when the phone is handed around.
func TestNoScreenButThePhotoShowsTheCode(t *testing.T) {
	s := newStage(t)
	s.regular()
	o := s.desk.orders[delivered]
	for _, state := range append(orders.States(), "of a newer version") {
		o.State = state
		for _, screen := range []flows.Screen{s.shop.OrderScreen(o, "en"), s.shop.AlertText(orders.Alert{Kind: "review", Order: o}, "en")} {
			if mentions(written([]flows.Screen{screen}), "ABCD-1234", "rsp.example") {
				t.Errorf("%s shows the code", state)
			}
			check(t, string(state), screen)
		}
	}
}

func TestOddReceiptIsNoButton(t *testing.T) {
	s := newStage(t)
	o := s.order(delivered, customer, "JP-1-7", orders.Delivered)
	for _, link := range []string{"", "javascript:alert(1)", "ftp://x/y", "https://", "https://pay.example/" + strings.Repeat("x", 3000)} {
		o.Payment.ReceiptURL = link
		for _, row := range s.shop.OrderScreen(o, "en").Rows {
			for _, b := range row {
				if b.URL != "" {
					t.Errorf("button to %.40q", b.URL)
				}
			}
		}
	}
}
