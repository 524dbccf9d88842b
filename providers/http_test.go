package providers

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"esimbot/esim"
)

const secret = "sk-very-secret"

func newTestHTTP(t *testing.T, base string, change func(*HTTPConfig)) *HTTP {
	t.Helper()
	c := HTTPConfig{
		Provider: esim.CloudESIM, BaseURL: base, Timeout: 10 * time.Second, Rate: 100_000, Backoff: time.Millisecond,
		Secrets: []string{secret}, Authorize: func(h http.Header) { h.Set("Authorization", "Bearer "+secret) },
	}
	if change != nil {
		change(&c)
	}
	h, err := NewHTTP(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// fine decodes {"ok":true}, and {"ok":false} as a refusal.
func fine(body []byte) (string, error) {
	var v struct {
		OK  Flag `json:"ok"`
		Why Text `json:"why"`
	}
	if err := Unmarshal(body, &v); err != nil {
		return "", err
	}
	if v.OK.No {
		return "", &Refusal{Message: string(v.Why)}
	}
	return "done", nil
}

var (
	read = Call{Op: "balance", Path: "/balance"}
	buy  = Call{Op: "buy", Method: http.MethodPost, Path: "/buy", JSON: map[string]string{"plan": "x"}, Once: true}
)

// wantError checks class, cause and that the text gives nothing away.
func wantError(t *testing.T, err error, class Class, cause error) (status int, message string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	if e.Class != class || cause != nil && !errors.Is(err, cause) {
		t.Fatalf("%v: class %s, want %s with %v", err, e.Class, class, cause)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, e.Message), secret) {
		t.Fatalf("%v gives the secret away", err)
	}
	return e.Status, e.Message
}

func serve(t *testing.T, h http.HandlerFunc) (address string, hits *atomic.Int64) {
	t.Helper()
	hits = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, hits
}

func TestNewHTTPRefusesOddAddresses(t *testing.T) {
	for _, base := range []string{"", "ftp://x", "https://", "https://u:p@x/api", "https://x/?a=b", "https://x/#f", "::"} {
		if _, err := NewHTTP(HTTPConfig{BaseURL: base}); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}

func TestBeforeAConnectionNothingWasSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + l.Addr().String()
	_ = l.Close()
	plain, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for name, base := range map[string]string{
		"refused": refused,
		"TLS":     strings.Replace(plain, "http:", "https:", 1),
		"DNS":     "http://nobody.invalid",
	} {
		_, err := Do(t.Context(), newTestHTTP(t, base, nil), buy, fine)
		if err == nil || ClassOf(err) != NotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range []Call{buy, read} {
		_, err := Do(cancelled, newTestHTTP(t, plain, nil), call, fine)
		wantError(t, err, NotSent, context.Canceled)
	}
}

// rawServer answers each connection's requests with what answer writes, and counts requests read whole.
func rawServer(t *testing.T, answer func(n int64, c net.Conn)) (address string, requests *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	requests = &atomic.Int64{}
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					answer(requests.Add(1), c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), requests
}

func TestOnceIsOneRequestOnTheWire(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
	for name, answer := range map[string]func(n int64, c net.Conn){
		"closed without an answer": func(_ int64, c net.Conn) { _ = c.Close() },
		"half an answer": func(_ int64, c net.Conn) {
			_, _ = io.WriteString(c, ok[:len(ok)-4])
			_ = c.Close()
		},
		"half a header": func(_ int64, c net.Conn) {
			_, _ = io.WriteString(c, ok[:20])
			_ = c.Close()
		},
		"reset": func(_ int64, c net.Conn) {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
		},
	} {
		address, requests := rawServer(t, answer)
		_, err := Do(t.Context(), newTestHTTP(t, address, nil), buy, fine)
		wantError(t, err, Unknown, nil)
		if requests.Load() != 1 {
			t.Errorf("%s: %d requests", name, requests.Load())
		}
	}
}

// A connection that a read left idle dies with the next request on it. A purchase must neither be
// lost on it nor be sent again because of it.
func TestOnceNeedsNoIdleConnection(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"
	address, requests := rawServer(t, func(n int64, c net.Conn) {
		if n == 2 {
			_ = c.Close() // whatever came second on whichever connection
			return
		}
		_, _ = io.WriteString(c, ok)
	})
	h := newTestHTTP(t, address, nil)
	if _, err := Do(t.Context(), h, read, fine); err != nil {
		t.Fatal(err)
	}
	_, err := Do(t.Context(), h, buy, fine)
	wantError(t, err, Unknown, nil)
	if requests.Load() != 2 {
		t.Errorf("%d requests, want the read and one purchase", requests.Load())
	}
	if _, err := Do(t.Context(), h, buy, fine); err != nil {
		t.Errorf("a purchase on a connection of its own: %v", err)
	}
}

func TestTimeoutAfterSendingIsUnknown(t *testing.T) {
	release := make(chan struct{})
	address, hits := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	})
	defer close(release)
	h := newTestHTTP(t, address, func(c *HTTPConfig) { c.Timeout = 500 * time.Millisecond })
	for _, call := range []Call{buy, read} {
		_, err := Do(t.Context(), h, call, fine)
		wantError(t, err, Unknown, context.DeadlineExceeded)
	}
	if hits.Load() != 2 {
		t.Errorf("%d requests, want 2: a call's time is over for its retries too", hits.Load())
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	elsewhere, stray := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		address, hits := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, status) })
		for _, call := range []Call{buy, read} {
			_, err := Do(t.Context(), newTestHTTP(t, address, nil), call, fine)
			if got, _ := wantError(t, err, Unknown, nil); got != status {
				t.Errorf("status %d, want %d", got, status)
			}
		}
		if hits.Load() != 2 {
			t.Errorf("%d: %d requests", status, hits.Load())
		}
	}
	if stray.Load() != 0 {
		t.Errorf("%d requests went elsewhere", stray.Load())
	}
}

func TestBodiesAreBounded(t *testing.T) {
	address, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		size := 10 << 20
		if strings.HasSuffix(r.URL.Path, "catalogue") {
			size = 4 << 20
		}
		_, _ = io.WriteString(w, `{"ok":true}`+strings.Repeat(" ", size))
	})
	h := newTestHTTP(t, address, nil)
	for _, call := range []Call{buy, read, {Op: "catalogue", Path: "/x", Limit: LimitCatalogue}} {
		_, err := Do(t.Context(), h, call, fine)
		wantError(t, err, Unknown, ErrMalformed)
	}
	if hits.Load() != 3 {
		t.Errorf("%d requests, want 3: what is too large once is too large again", hits.Load())
	}
	if _, err := Do(t.Context(), h, Call{Op: "catalogue", Path: "/catalogue", Limit: LimitCatalogue}, fine); err != nil {
		t.Errorf("4 MiB of catalogue: %v", err)
	}
}

func TestOnceCarriesNoKeyToReplayBy(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.Contains(strings.ToLower(name), "idempotency") {
				t.Errorf("header %s", name)
			}
		}
		if r.Header.Get("Authorization") != "Bearer "+secret || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", r.Header)
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	if _, err := Do(t.Context(), newTestHTTP(t, address, nil), buy, fine); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsGiveNothingAway(t *testing.T) {
	const code, iccid = "LPA:1$smdp.example$K2-ABCDEF", "89852001234567890123"
	all := secret + " " + code + " " + iccid
	for name, answer := range map[string]string{
		"refusal":       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + `{"ok":false,"why":"no: ` + all + `"}`,
		"status line":   all + "\r\n\r\n",
		"header":        "HTTP/1.1 200 OK\r\nbad header " + all + "\r\n\r\n",
		"wrong type":    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + `[` + iccid + `]`,
		"no JSON":       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + all,
		"redirect":      "HTTP/1.1 302 Found\r\nLocation: http://x/?k=" + secret + "\r\nConnection: close\r\n\r\n",
		"server error":  "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n" + all,
		"bad transfers": "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
	} {
		address, _ := rawServer(t, func(_ int64, c net.Conn) {
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		})
		_, err := Do(t.Context(), newTestHTTP(t, address, nil), buy, fine)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			text := fmt.Sprintf("%v | %+v", e, e)
			for _, hidden := range []string{secret, "K2-ABCDEF", iccid} {
				if strings.Contains(text, hidden) {
					t.Errorf("%s: %q gives %q away", name, text, hidden)
				}
			}
		}
	}
}

func TestMessagesAreCut(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"ok":false,"why":"%s"}`, strings.Repeat("no ", 1000))
	})
	_, err := Do(t.Context(), newTestHTTP(t, address, nil), buy, fine)
	if _, message := wantError(t, err, Rejected, nil); len([]rune(message)) > 300 || message == "" {
		t.Errorf("%d runes", len([]rune(message)))
	}
}

// HTTP/2 lets net/http send a request again by itself; reads may use it, purchases may not.
func TestOnceSpeaksHTTP1OnConnectionsOfItsOwn(t *testing.T) {
	type seen struct{ proto, from string }
	requests := make(chan seen, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- seen{r.Proto, r.RemoteAddr}
		_, _ = io.WriteString(w, `{"ok":true}`)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	h := newTestHTTP(t, s.URL, nil)
	for _, c := range []*http.Client{h.reads, h.once} {
		transport, ok := c.Transport.(*http.Transport)
		if !ok {
			t.Fatal("another transport")
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	}
	for call, proto := range map[*Call]string{&read: "HTTP/2.0", &buy: "HTTP/1.1"} {
		var from []string
		for range 2 {
			if _, err := Do(t.Context(), h, *call, fine); err != nil {
				t.Fatal(err)
			}
			r := <-requests
			if r.proto != proto {
				t.Errorf("%s over %s, want %s", call.Op, r.proto, proto)
			}
			from = append(from, r.from)
		}
		if reused := from[0] == from[1]; reused == call.Once {
			t.Errorf("%s: connection used again: %v", call.Op, reused)
		}
	}
}
