package main

import (
	"bytes"
	"cmp"
	"context"
	"image"
	_ "image/png" // the QR photo's format
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/sandbox/clock"
	"esimbot/sandbox/telegram"
	"esimbot/sandbox/wholesale"
	"esimbot/store/storetest"
)

// patience is how long a test waits for what a shop does in a second, on a machine with much to do.
const patience = 30 * time.Second

// customer is one of the sandbox's people; her client speaks English.
const customer = 1001

// A stage is the shop in its world, with one customer's hands and eyes.
type stage struct {
	*playground
	t    testing.TB
	ctx  context.Context
	logs *logBuffer
	who  int64 // whose hands and eyes; 0: customer's
}

// me is whose hands and eyes these are.
func (s *stage) me() int64 { return cmp.Or(s.who, customer) }

// as is the same stage for another customer, in a test of their own.
func (s *stage) as(t testing.TB, who int64) *stage {
	own := *s
	own.t, own.who = t, who
	return &own
}

// openStage starts the world and the shop on the Redis at url; "" is a Redis of its own.
func openStage(t testing.TB, url string, vars map[string]string) *stage {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return openStageOn(t, listener, url, vars)
}

// openStageOn is openStage with the world at listener.
func openStageOn(t testing.TB, listener net.Listener, url string, vars map[string]string) *stage {
	t.Helper()
	if url == "" {
		url = storetest.Redis(t)
	}
	logs := &logBuffer{}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // whatever waits has a shorter time of its own
	t.Cleanup(cancel)
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p, err := newPlayground(ctx, listener, playgroundOptions{redis: url, vars: vars, log: log, clock: &clock.Clock{}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{playground: p, t: t, ctx: ctx, logs: logs}
	for len(p.app.catalog.Fetched()) < 2 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("the catalogues are not there")
		}
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("what the customer saw:\n%s\nthe log:\n%s", s.seen(customer), logs)
		}
	})
	return s
}

// say sends the shop a text.
func (s *stage) say(text string) {
	s.t.Helper()
	if _, err := s.world.Telegram.SendText(s.me(), text); err != nil {
		s.t.Fatal(err)
	}
}

// press waits for a button with such a text, and presses it.
func (s *stage) press(text string) {
	s.t.Helper()
	s.until("a button "+text, func() bool {
		_, b, ok := s.world.Telegram.FindButton(s.me(), text)
		return ok && b.CallbackData != ""
	})
	if _, err := s.world.Telegram.PressButton(s.me(), text); err != nil {
		s.t.Fatal(err)
	}
}

// sees waits for a message with such a text and returns it.
func (s *stage) sees(text string) telegram.Message {
	s.t.Helper()
	var found telegram.Message
	s.until("a message with "+text, func() bool {
		for _, m := range s.world.Telegram.Messages(s.me()) {
			if m.FromBot() && strings.Contains(m.Body(), text) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// payLink waits for the pay button and returns the address of the payment page.
func (s *stage) payLink() string {
	s.t.Helper()
	var address string
	s.until("the pay button", func() bool {
		_, b, ok := s.world.Telegram.FindButton(s.me(), "Pay")
		address = b.URL
		return ok && address != ""
	})
	return address
}

func (s *stage) until(what string, met func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	if err := s.world.Telegram.Wait(ctx, met); err != nil {
		s.t.Fatalf("waiting for %s: %v\n%s", what, err, s.seen(s.me()))
	}
}

// seen is the chat as text, for failures.
func (s *stage) seen(user int64) string {
	var b strings.Builder
	for _, m := range s.world.Telegram.Messages(user) {
		who := "customer"
		if m.FromBot() {
			who = "bot"
		}
		b.WriteString(who + ": " + m.Body() + "\n")
		for _, button := range m.Buttons() {
			b.WriteString("   [" + button.Text + "] " + button.CallbackData + button.URL + "\n")
		}
	}
	return b.String()
}

// pay is the customer paying on Stripe's page.
func (s *stage) pay() {
	s.t.Helper()
	address := s.payLink()
	if err := s.world.Stripe.Pay(sessionIn(address)); err != nil {
		s.t.Fatal(err)
	}
}

// sessionIn is the Checkout Session's id in the address of its page.
func sessionIn(address string) string {
	address, _, _ = strings.Cut(address, "#")
	return address[strings.LastIndex(address, "/")+1:]
}

// photo waits for the QR photo and returns it with the text in the code.
func (s *stage) photo() (telegram.Message, string) {
	s.t.Helper()
	var m telegram.Message
	s.until("the QR photo", func() bool {
		for _, m = range s.world.Telegram.Messages(s.me()) {
			if len(m.Photo) > 0 {
				return true
			}
		}
		return false
	})
	data, ok := s.world.Telegram.File(m.FileID())
	if !ok {
		s.t.Fatal("the photo is not at Telegram")
	}
	return m, decodeQR(s.t, data)
}

// decodeQR reads a QR photo as a phone's camera does.
func decodeQR(t testing.TB, data []byte) string {
	t.Helper()
	img, format, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("the photo is no picture: %v", err)
	}
	if size := img.Bounds().Size(); format != "png" || size.X != 512 || size.Y != 512 {
		t.Errorf("the photo is a %s of %v, want a PNG of 512 px", format, size)
	}
	return readQR(t, img)
}

// readQR reads the code in a picture. The library's detector misses a few clean pictures that any
// phone reads, so it gets a second try with its other way of looking.
func readQR(t testing.TB, img image.Image) string {
	t.Helper()
	var failed error
	for _, hint := range []gozxing.DecodeHintType{gozxing.DecodeHintType_TRY_HARDER, gozxing.DecodeHintType_PURE_BARCODE} {
		bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
		if err != nil {
			t.Fatal(err)
		}
		result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true})
		if err == nil {
			return result.GetText()
		}
		failed = err
	}
	t.Fatalf("no QR code in the picture: %v", failed)
	return ""
}

// bought is the eSIM behind an activation code, as its provider has it.
func (s *stage) bought(p esim.Provider, code string) wholesale.ESIM {
	s.t.Helper()
	sold := s.sold(p)
	at := slices.IndexFunc(sold, func(e wholesale.ESIM) bool { return e.ActivationCode == code })
	if at < 0 {
		s.t.Fatalf("%s issued no such activation code", p)
	}
	return sold[at]
}

// sold returns the eSIMs that a provider sold.
func (s *stage) sold(p esim.Provider) []wholesale.ESIM {
	if p == esim.CloudESIM {
		return s.world.CloudESIM.ESIMs()
	}
	return s.world.Mobilexy.ESIMs()
}

// planOf returns a plan of a provider as the shop sells it: one the customer can be shown.
func (s *stage) planOf(p esim.Provider) esim.Plan {
	s.t.Helper()
	snapshot := s.app.catalog.Snapshot()
	for _, place := range snapshot.Countries() {
		for _, plan := range snapshot.Plans(place.Destination.ID()) {
			if plan.Provider == p && plan.Kind == esim.Fixed {
				return plan
			}
		}
	}
	s.t.Fatalf("no plan of %s is on sale", p)
	return esim.Plan{}
}

// english is how the customer's client reads.
func (s *stage) english() *locales.Localizer {
	s.t.Helper()
	bundle, err := locales.Load()
	if err != nil {
		s.t.Fatal(err)
	}
	return bundle.For("en")
}

// logBuffer keeps a log for the test to read while the shop writes it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
