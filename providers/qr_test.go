package providers

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/skip2/go-qrcode"

	"esimbot/esim"
)

const lpa = "LPA:1$smdp.example$K2-1A2B3C"

func qrPNG(t testing.TB, text string) []byte {
	t.Helper()
	b, err := qrcode.Encode(text, qrcode.Medium, 256)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asJPEG(t testing.TB, picture []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	for _, s := range []string{
		"127.0.0.1:443", "10.1.2.3:443", "172.16.0.1:443", "192.168.1.1:443", "169.254.169.254:80", "100.64.0.1:443", "0.0.0.0:443",
		"0.1.2.3:443", "192.0.0.8:443", "192.0.2.1:443", "198.18.0.1:443", "198.51.100.1:443", "203.0.113.9:443", "224.0.0.1:443",
		"240.0.0.1:443", "255.255.255.255:443",
		"[::1]:443", "[::]:443", "[::ffff:127.0.0.1]:443", "[::ffff:10.0.0.1]:443", "[fe80::1]:443", "[fe80::1%eth0]:443", "[fc00::1]:443",
		"[fd12::1]:443", "[ff02::1]:443", "[64:ff9b::7f00:1]:443", "[64:ff9b:1::1]:443", "[2002:7f00:1::]:443", "[2001::1]:443",
		"[2001:db8::1]:443", "[100::1]:443", "[fec0::1]:443", "[::127.0.0.1]:443", "[3fff::1]:443",
		"localhost:443", "", "1.2.3.4", "/tmp/socket",
	} {
		if err := dialPublic("tcp", s, nil); !errors.Is(err, errNotPublic) {
			t.Errorf("%s may be dialled", s)
		}
	}
	for _, s := range []string{"1.1.1.1:443", "93.184.216.34:8443", "[2606:4700::1111]:443", "[::ffff:1.1.1.1]:443", "100.128.0.1:443"} {
		if err := dialPublic("tcp", s, nil); err != nil {
			t.Errorf("%s may not be dialled", s)
		}
	}
	if isPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestPrivateImagesAreNotFetched(t *testing.T) {
	address, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(qrPNG(t, lpa)) })
	port := address[strings.LastIndex(address, ":"):]
	q := NewQRFetcher(false)
	for _, u := range []string{
		address, // not https
		"https://127.0.0.1" + port, "https://localhost" + port, "https://[::1]" + port, "https://[::ffff:127.0.0.1]" + port, "https://0" + port,
		"https://u:p@1.1.1.1/", "file:///etc/passwd", "gopher://x", "//x", "", "https://", "https://" + strings.Repeat("a", 3000),
	} {
		_, picture, err := q.Fetch(t.Context(), u)
		if !errors.Is(err, ErrImage) || picture != nil {
			t.Errorf("%q: %v", u, err)
		}
		if err != nil && strings.Contains(err.Error(), "127.0") {
			t.Errorf("%q stands in %v", u, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests", hits.Load())
	}
}

func TestFetchQR(t *testing.T) {
	code, other := qrPNG(t, lpa), qrPNG(t, "https://example.com/install")
	blank := image.NewGray(image.Rect(0, 0, 40, 40))
	var noCode bytes.Buffer
	if err := png.Encode(&noCode, blank); err != nil {
		t.Fatal(err)
	}
	bodies := map[string][]byte{"/code.png": code, "/code.jpg": asJPEG(t, code), "/other.png": other, "/blank.png": noCode.Bytes()}
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(bodies[r.URL.Path]) })
	q := NewQRFetcher(true)
	for path, body := range bodies {
		got, picture, err := q.Fetch(t.Context(), address+path)
		switch {
		case err != nil:
			t.Errorf("%s: %v", path, err)
		case strings.Contains(path, "code") && (got.Reveal() != lpa || picture != nil):
			t.Errorf("%s: no code read", path)
		case !strings.Contains(path, "code") && (!got.IsZero() || !bytes.Equal(picture, body)):
			t.Errorf("%s: not kept as it is", path)
		}
	}
}

// hugePNG is a small file of more pixels than are taken.
func hugePNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, 2100, 2100), color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFetchQRRefuses(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/code", http.StatusFound)
		case "/code":
			_, _ = w.Write(qrPNG(t, lpa))
		case "/large":
			_, _ = w.Write(append(qrPNG(t, lpa), make([]byte, 2<<20)...))
		case "/huge":
			_, _ = w.Write(hugePNG(t))
		case "/text":
			_, _ = io.WriteString(w, lpa)
		case "/gif":
			_, _ = io.WriteString(w, "GIF89a\x01\x00\x01\x00")
		case "/half":
			b := qrPNG(t, lpa)
			_, _ = w.Write(b[:len(b)/2])
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		case "/dead":
			panic(http.ErrAbortHandler)
		}
	})
	for _, path := range []string{"/redirect", "/large", "/huge", "/text", "/gif", "/half", "/gone", "/dead", "/empty"} {
		code, picture, err := NewQRFetcher(true).Fetch(t.Context(), address+path)
		if !errors.Is(err, ErrImage) || picture != nil || !code.IsZero() {
			t.Errorf("%s: %v", path, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := NewQRFetcher(true).Fetch(cancelled, address+"/code"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func FuzzImage(f *testing.F) {
	code := qrPNG(f, lpa)
	f.Add(code)
	f.Add(asJPEG(f, code))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte("\xff\xd8\xff\xe0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := decodeImage(b)
		if err != nil {
			if !errors.Is(err, ErrImage) {
				t.Fatal(err)
			}
			return
		}
		if s := img.Bounds().Size(); s.X > qrSide || s.Y > qrSide {
			t.Fatalf("%v", s)
		}
		if code, err := esim.ParseActivationCode(readQR(img)); err == nil && code.IsZero() {
			t.Fatal("a code that is none")
		}
	})
}
