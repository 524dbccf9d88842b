package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/sandbox/fault"
)

// BenchmarkUpdate is one tap through the whole shop: from the webhook's request to the 200, with real
// conversations, a real catalogue, Redis and the local Telegram, to and fro between the destinations
// and another page. Both providers are dead meanwhile: a page that needed them would not be drawn.
func BenchmarkUpdate(b *testing.B) {
	s := openStage(b, "", nil)
	s.say("/start")
	screen := s.sees("Data for your trip").ID
	plan := s.planOf(esim.Mobilexy)
	for _, server := range []*fault.Switch{s.world.CloudESIM.Fault, s.world.Mobilexy.Fault} {
		if err := server.Set(fault.Rule{Mood: fault.Dead}); err != nil {
			b.Fatal(err)
		}
	}
	update := 1_000_000
	for _, route := range []string{"az", "regions", "plans/" + plan.Destination.ID(), "plan/" + plan.Ref(), "phone", "help"} {
		b.Run(strings.ReplaceAll(route, "/", "-"), func(b *testing.B) {
			trips := s.app.store.CountRoundTrips()
			calls := len(s.world.Telegram.Calls())
			before, failed := trips(), 0
			b.ReportAllocs()
			for b.Loop() {
				update++
				s.world.Clock.Advance(time.Second) // a customer who floods is slowed
				to := route
				if update%2 == 0 {
					to = "dest"
				}
				body := fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"%d","from":{"id":%d,"is_bot":false,"first_name":"Customer","language_code":"en"},`+
					`"message":{"message_id":%d,"date":1,"from":{"id":1,"is_bot":true,"first_name":"Bot"},"text":"…","chat":{"id":%d,"type":"private"}},"chat_instance":"1","data":%q}}`,
					update, update, customer, screen, customer, to)
				request := httptest.NewRequest(http.MethodPost, "/telegram/webhook", strings.NewReader(body))
				request.Header.Set("X-Telegram-Bot-Api-Secret-Token", s.app.cfg.TelegramSecret)
				answer := httptest.NewRecorder()
				s.app.handler.ServeHTTP(answer, request)
				if answer.Code != http.StatusOK {
					failed++
				}
			}
			if failed > 0 {
				b.Errorf("%d of %d updates were not handled", failed, b.N)
			}
			b.ReportMetric(float64(trips()-before)/float64(b.N), "redis_roundtrips/op")
			b.ReportMetric(float64(len(s.world.Telegram.Calls())-calls)/float64(b.N), "telegram_calls/op")
		})
	}
}

// BenchmarkStart is the sandbox from nothing until a customer can buy: the world, the shop in it, and
// a catalogue. It must stay well under two seconds.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		p, err := newPlayground(b.Context(), listener, playgroundOptions{log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
