package cloudesim

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/skip2/go-qrcode"

	"esimbot/esim"
	"esimbot/providers"
)

func TestPictureThatHoldsNoActivationCode(t *testing.T) {
	picture, err := qrcode.Encode("https://provider.example/install/1", qrcode.Medium, 256)
	if err != nil {
		t.Fatal(err)
	}
	var pictures atomic.Int64
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".png") {
			pictures.Add(1)
			_, _ = w.Write(picture)
			return
		}
		_, _ = fmt.Fprintf(w, `{"success":true,"obj":{"esimList":[{"iccid":"8948010010002120847","ac":"ABCD1234","qrCodeUrl":"%s/a.png","status":"GOT_RESOURCE"}]}}`, server.URL)
	}))
	defer server.Close()
	for _, private := range []bool{true, false} {
		c, err := New(Config{Token: "t0ken-of-a-test", BaseURL: server.URL, Rate: 1000, AllowPrivateImages: private})
		if err != nil {
			t.Fatal(err)
		}
		u, err := c.Query(t.Context(), providers.Ref{OrderNo: "ESA1"})
		c.Close()
		switch {
		case err != nil || u.Status != esim.StatusReady || u.ICCID != "8948010010002120847":
			t.Errorf("%+v, %v", u, err)
		case private && (u.Profile == nil || !bytes.Equal(u.Profile.Image, picture) || !u.Profile.Code.IsZero() || u.Profile.ICCID != u.ICCID):
			t.Errorf("the picture was not kept: %+v", u.Profile)
		case !private && u.Profile != nil:
			t.Errorf("a picture from this machine was fetched: %+v", u.Profile)
		}
	}
	if pictures.Load() != 1 {
		t.Errorf("%d pictures fetched, want 1", pictures.Load())
	}
}

func TestConfig(t *testing.T) {
	const token = "t0ken-of-a-test"
	if _, err := New(Config{}); err == nil {
		t.Error("no token was taken")
	}
	if _, err := New(Config{Token: token, BaseURL: "ftp://x"}); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("%v", err)
	}
	c, err := New(Config{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	config := Config{Token: token}
	if text := fmt.Sprintf("%v %+v %#v %v %+v", config, config, config, c, c); strings.Contains(text, token) {
		t.Error(text)
	}
}
