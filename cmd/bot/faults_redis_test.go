package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store/storetest"
)

// update posts an update to the shop as Telegram does, and returns the answer's status.
func (s *stage) update(text string) int {
	s.t.Helper()
	person := map[string]any{"id": customer, "first_name": "Customer", "language_code": "en"}
	body, err := json.Marshal(map[string]any{"update_id": s.world.Telegram.LastUpdate() + 1_000_000, "message": map[string]any{
		"message_id": 1_000_000, "date": s.world.Clock.Now().Unix(), "text": text, "from": person,
		"chat": map[string]any{"id": customer, "type": "private", "first_name": "Customer"},
	}})
	if err != nil {
		s.t.Error(err)
	}
	return s.post("/telegram/webhook", "X-Telegram-Bot-Api-Secret-Token", s.app.cfg.TelegramSecret, body)
}

// closed sees that the shop takes nothing while Redis is ill: neither Stripe's event nor Telegram's
// update, and that it asks no provider. Then a payment is found, and a customer answered, once
// Redis is well again, by itself.
func (s *stage) closed(r *reaper, ill, well func()) {
	s.t.Helper()
	s.order(s.alone(esim.CloudESIM))
	s.quiet()
	s.world.Stripe.DropWebhooks(true)
	ill()
	r.armFor(false, never)
	s.pay()
	payload := s.paidEvent()
	var both sync.WaitGroup
	both.Go(func() {
		if got := s.bring(payload, signed(payload, s.app.cfg.StripeSecrets[0], s.world.Clock.Now())); got < 500 {
			s.t.Errorf("Stripe was answered %d", got)
		}
	})
	both.Go(func() {
		if got := s.update("/start"); got < 500 {
			s.t.Errorf("Telegram was answered %d", got)
		}
	})
	both.Wait()
	s.say("/help") // Telegram brings it again
	if seen, _ := r.counted(); len(seen) > 0 {
		s.t.Errorf("providers were asked: %q", seen)
	}
	s.expect(0, 0)
	well()
	s.photo()
	s.sees("How it works")
	s.becomes(orders.Delivered)
	s.expect(1, 0)
}

// Redis is down, or answers slowly.
func TestFault18RedisDown(t *testing.T) {
	t.Parallel()
	server := storetest.StartDurable(t)
	s, r := openBetween(t, server.URL(), quick(), "cloudesim", "mobilexy")
	s.closed(r, server.Kill, server.Up)
}

func TestFault18RedisSlow(t *testing.T) {
	t.Parallel()
	late := newReaper()
	s, r := openBetween(t, newRedisGate(t, storetest.Start(t).URL(), late)+"?read_timeout=1s", quick(), "cloudesim", "mobilexy")
	s.closed(r, func() { late.answerLate(time.Hour) }, func() { late.answerLate(0) })
}

// Redis is full: nothing is taken that could not be kept, and the admins hear of it.
func TestFault20RedisFull(t *testing.T) {
	t.Parallel()
	redis := storetest.Start(t).URL()
	s, r := openBetween(t, redis, quick(), "cloudesim", "mobilexy")
	limit := func(bytes string) {
		if err := client(t, redis).ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.closed(r, func() { limit("1") }, func() {
		s.eventually("the first word of it", func() bool { return strings.Contains(s.logs.String(), "orders don't move on") })
		s.world.Clock.Advance(2 * time.Minute)
		s.alerted("does not get on", 1)
		limit("0")
	})
}

// A newer version's order, in a state or a schema that this one doesn't know, is left as it is, by
// the runner, by Stripe's events, by its customer and by admins. Given back, it goes on.
func TestFault30NewerVersion(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]any{"schema": {"schema": orders.Schema + 1}, "state": {"state": "packing"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := storetest.Redis(t)
			s := openStage(t, redis, quick())
			s.order(s.alone(esim.CloudESIM))
			o := s.becomes(orders.AwaitingPayment)
			s.quiet()
			c := client(t, redis)
			keys, err := c.Keys(t.Context(), "*:order:"+string(o.ID)).Result()
			if err != nil || len(keys) != 1 {
				t.Fatalf("%v, %v", keys, err)
			}
			var document map[string]any
			s.eventually("a moment between two looks", func() bool {
				text, err := c.Get(t.Context(), keys[0]).Result()
				if err != nil || json.Unmarshal([]byte(text), &document) != nil {
					t.Fatal(text, err)
				}
				changed := map[string]any{}
				for k, v := range document {
					changed[k] = v
				}
				for k, v := range change {
					changed[k] = v
				}
				newer, err := json.Marshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				before, err := c.SetArgs(t.Context(), keys[0], newer, redisSwap()).Result()
				if err != nil {
					t.Fatal(err)
				}
				return before == text // else a runner wrote in between
			})
			newer, err := c.Get(t.Context(), keys[0]).Result()
			if err != nil {
				t.Fatal(err)
			}
			s.pay()
			s.say("/start o_" + string(o.ID))
			for _, text := range []string{"/order ", "/refund ", "/resolve "} {
				if _, err := s.world.Telegram.SendText(admin, text+string(o.ID)); err != nil {
					t.Fatal(err)
				}
			}
			s.eventually("the event to be turned away", func() bool {
				for _, e := range s.world.Stripe.Events() {
					if e.Type == orders.EventCompleted && e.LastError != "" {
						return true
					}
				}
				return false
			})
			due := func() float64 {
				score, err := c.ZScore(t.Context(), strings.Split(keys[0], ":order:")[0]+":due", string(o.ID)).Result()
				if err != nil {
					t.Fatal("it is due no more: ", err)
				}
				return score
			}
			for range 3 {
				at := due()
				s.world.Clock.Advance(2 * time.Minute)
				s.eventually("another look", func() bool { return due() > at })
			}
			s.quiet()
			if now, err := c.Get(t.Context(), keys[0]).Result(); err != nil || now != newer {
				t.Errorf("%v: it was\n%s\nand is\n%s", err, newer, now)
			}
			s.expect(0, 0)
			back, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Set(t.Context(), keys[0], back, 0).Err(); err != nil {
				t.Fatal(err)
			}
			s.world.Clock.Advance(2 * time.Minute)
			s.photo()
			s.expect(1, 0)
		})
	}
}
