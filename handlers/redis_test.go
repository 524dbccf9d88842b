package handlers

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/locales"
	"esimbot/store"
	"esimbot/store/storetest"
)

var (
	_ Claims         = (*store.Store)(nil)
	_ flows.Sessions = (*store.Sessions)(nil)
	_ Shop           = (*flows.Shop)(nil)
	_ Screens        = (*flows.Shop)(nil)
	_ Letters        = (*flows.Shop)(nil)
	_ Relays         = (*store.Store)(nil)
)

func openStore(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// On the real store: a tap is two round trips and one call, a repeated one draws the same again,
// and a Redis that was killed between two taps loses none.
func TestOnRedis(t *testing.T) {
	server := storetest.StartDurable(t)
	keeper := openStore(t, server.URL())
	st := hooked(t, func(c *Config) { c.Sessions = keeper.Sessions() })
	st.write("/start")
	message := st.last(customer).ID
	st.press(message, "two")

	trips := keeper.CountRoundTrips()
	st.tg.ResetCalls()
	st.press(message, "one")
	edits := 0
	for _, c := range st.tg.Calls() {
		if !c.Inline {
			edits++
		}
	}
	if trips() != 2 || edits != 1 {
		t.Errorf("a plain tap took %d round trips and %d calls, want 2 and 1", trips(), edits)
	}
	if !st.tg.Redeliver(st.tg.LastUpdate()) {
		t.Fatal("update forgotten")
	}
	st.settled()
	if st.shop.redraws() != 1 || st.last(customer).Body() != "one" {
		t.Errorf("redrawn %d times, the chat shows %q", st.shop.redraws(), st.texts(customer))
	}

	server.Kill()
	if _, err := st.tg.Press(customer, message, "two"); err != nil {
		t.Fatal(err)
	}
	st.until("refused while Redis is down", func() bool {
		return st.counter("telegram_updates_total", "press", "unavailable") > 0
	})
	server.Up()
	st.settled()
	if got := st.texts(customer); len(got) != 1 || got[0] != "two" {
		t.Errorf("the chat shows %q", got)
	}
}

// The same update brought a hundred times at once is handled once.
func TestRepeatedAtOnce(t *testing.T) {
	keeper := openStore(t, storetest.Redis(t))
	st := newStage(t, func(c *Config) { c.Sessions = keeper.Sessions() })
	began := make(chan struct{})
	done := make(chan int, 20)
	var effects atomic.Int64
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		r, err := plain(in)
		r.Session.Order = "7KQ2M9X4TB"
		r.Then = func(_ context.Context, in flows.Input) (flows.Reply, error) {
			effects.Add(1)
			return flows.Reply{Session: in.Session, Screen: page("order")}, nil
		}
		return r, err
	}
	first := st.show(spot{chat: customer}, *page("plan"))
	body := pressBody(1, first.ID, "buy")
	for range cap(done) {
		go func() {
			<-began
			status, _ := st.post(testSecret, body)
			done <- status
		}()
	}
	close(began)
	for range cap(done) {
		select {
		case status := <-done:
			if status != http.StatusOK && status != http.StatusInternalServerError {
				t.Errorf("answered %d", status)
			}
		case <-deadline(t).Done():
			t.Fatal("no answer")
		}
	}
	if effects.Load() != 1 {
		t.Errorf("%d effects", effects.Load())
	}
	if got := st.texts(customer); len(got) != 1 {
		t.Errorf("the chat shows %q", got)
	}
}

func pressBody(update int64, message int, data string) string {
	return fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"%d","from":{"id":%d,"first_name":"C","language_code":"en"},"chat_instance":"1","data":%q,
		"message":{"message_id":%d,"date":1795000000,"chat":{"id":%d,"type":"private","first_name":"C"},"from":{"id":4242,"is_bot":true,"first_name":"Shop"},"text":"x"}}}`,
		update, update, customer, data, message, customer)
}

// answers is a Telegram that agrees to everything, and counts.
type answers struct{ calls atomic.Int64 }

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.calls.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":5,"date":1795000000,"chat":{"id":7,"type":"private"},"text":"x"}}`)
}

// RoundTrip answers without a network.
func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	_ = r.Body.Close()
	return w.Result(), nil
}

// BenchmarkTap is one press of a button, from Telegram's POST to its 200, on real Redis, one after
// the other: over HTTP to a Telegram that agrees to everything, and without that network, which
// leaves our own work and Redis'.
func BenchmarkTap(b *testing.B) {
	for _, name := range []string{"http", "no-network"} {
		b.Run(name, func(b *testing.B) {
			telegram := &answers{}
			client := tunedClient()
			url := "https://telegram.invalid"
			if name == "http" {
				server := httptest.NewServer(telegram)
				defer server.Close()
				url = server.URL
			} else {
				client.Transport = telegram
			}
			keeper := openStore(b, storetest.Redis(b))
			door := benchDoor(b, keeper, client, url)
			tap := func(n int64) {
				data := "one"
				if n%2 == 0 {
					data = "two"
				}
				r := httptest.NewRequest(http.MethodPost, "/telegram/webhook", strings.NewReader(pressBody(n, 5, data)))
				r.Header.Set(secretHeader, testSecret)
				w := httptest.NewRecorder()
				if door.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatalf("tap %d: %d", n, w.Code)
				}
			}
			tap(1) // loads the script
			trips := keeper.CountRoundTrips()
			telegram.calls.Store(0)
			b.ReportAllocs()
			n := int64(1)
			for b.Loop() {
				n++
				tap(n)
			}
			taps := float64(n - 1)
			b.ReportMetric(float64(trips())/taps, "redis_roundtrips/op")
			b.ReportMetric(float64(telegram.calls.Load())/taps, "telegram_calls/op")
		})
	}
}

func benchDoor(b *testing.B, keeper *store.Store, client *http.Client, url string) *Telegram {
	b.Helper()
	bundle, err := locales.Load()
	if err != nil {
		b.Fatal(err)
	}
	metrics, err := NewMetrics(nil)
	if err != nil {
		b.Fatal(err)
	}
	var ticks atomic.Int64
	now := func() time.Time { return time.Unix(ticks.Add(1), 0) } // nobody is too fast
	logger := slog.New(slog.DiscardHandler)
	c, err := NewClient(ClientConfig{Token: testToken, APIURL: url, HTTPClient: client, Now: now, Log: logger, Metrics: metrics})
	if err != nil {
		b.Fatal(err)
	}
	door, err := New(Config{
		Client: c, Username: botName, WebhookSecret: testSecret, Shop: &pages{}, Sessions: keeper.Sessions(),
		Bundle: bundle, Now: now, Log: logger, Metrics: metrics,
	})
	if err != nil {
		b.Fatal(err)
	}
	return door
}

// pages is a shop of plain pages that keeps no account.
type pages struct{ script }

func (*pages) Handle(_ context.Context, in flows.Input) (flows.Reply, error) {
	next := in.Session
	next.Page = in.Event.Data
	return flows.Reply{Session: next, Screen: page(next.Page)}, nil
}
