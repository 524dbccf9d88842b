package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/orders"
)

// speechless is a shop that breaks even over its kind word.
type speechless struct{ *script }

func (speechless) Say(flows.Word, string) string { panic("speechless") }
func (speechless) Sorry(string) flows.Screen     { panic("speechless") }

// TestPanicsAreCaught: whatever panics while an update is handled, by webhook or polling, is logged with
// its stack and counted; the customer gets a kind word, and is served the next moment.
func TestPanicsAreCaught(t *testing.T) {
	for name, open := range map[string]func(*testing.T, ...func(*Config)) *stage{
		"webhook": hooked,
		"polling": func(t *testing.T, change ...func(*Config)) *stage {
			st := newStage(t, change...)
			polling(t, st)
			return st
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := open(t)
			st.shop.on = func(in flows.Input) (flows.Reply, error) {
				switch in.Event.Text {
				case "poison":
					panic("poisoned")
				case "later":
					r, err := plain(in)
					r.Then = func(context.Context, flows.Input) (flows.Reply, error) { panic("poisoned later") }
					return r, err
				default:
					return plain(in)
				}
			}
			for _, text := range []string{"poison", "later"} {
				st.write(text)
				st.until("a kind word after "+text, func() bool { return st.last(customer).Body() == "sorry in en" || text == "later" })
			}
			st.write("fine")
			st.until("an answer to the next", func() bool { return st.last(customer).Body() == "text:fine" })
			if n := st.counter("panics_total", "telegram"); n < 2 {
				t.Errorf("%v panics counted", n)
			}
			if log := st.log.String(); !strings.Contains(log, `"panic":"poisoned"`) || !strings.Contains(log, "panics_test.go") {
				t.Errorf("no stack in the log: %s", log)
			}
		})
		t.Run(name+" without a word", func(t *testing.T) {
			st := open(t, func(c *Config) { c.Shop = speechless{c.Shop.(*script)} })
			st.shop.on = func(in flows.Input) (flows.Reply, error) {
				if in.Event.Text == "poison" {
					panic("poisoned")
				}
				return plain(in)
			}
			st.write("poison")
			st.write("fine")
			st.until("an answer to the next", func() bool { return st.last(customer).Body() == "text:fine" })
		})
	}
}

// TestPanicWhileTyping: the typing indicator is a courtesy in a goroutine of its own.
func TestPanicWhileTyping(t *testing.T) {
	st := hooked(t)
	wait := st.client.wait
	st.client.wait = func(ctx context.Context, d time.Duration) error {
		if d == typingEvery {
			panic("typing")
		}
		return wait(ctx, d)
	}
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		r, err := plain(in)
		r.Typing = true
		r.Then = func(_ context.Context, in flows.Input) (flows.Reply, error) {
			st.until("the panic", func() bool { return st.counter("panics_total", "telegram") > 0 })
			return flows.Reply{Session: in.Session, Screen: page("done")}, nil
		}
		return r, err
	}
	st.write("go")
	if got := st.last(customer).Body(); got != "done" {
		t.Errorf("the customer reads %q", got)
	}
}

// TestPanicAtADoor: what panics in the HTTP server itself, at a probe or in what an event is handed to, is
// a 500 without a word of what it was, and is counted.
func TestPanicAtADoor(t *testing.T) {
	st := newStage(t)
	web := Routes(Doors{Log: st.door.log, Metrics: st.metrics, Stripe: must(NewStripe(StripeConfig{
		Parse:  func(context.Context, []byte, string) (orders.PaymentEvent, error) { panic("sk_live_secret") },
		Orders: &ledger{}, Alerts: &ledger{}, Log: st.door.log, Metrics: st.metrics,
	})), Checks: []Check{{"broken", func(context.Context) error { panic("probe") }}}})
	for path, method := range map[string]string{"/readyz": http.MethodGet, "/stripe/webhook": http.MethodPost} {
		status, body := answerOf(t, web, method, path)
		if status != http.StatusInternalServerError || body != "Internal Server Error\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if n := st.counter("panics_total", "http"); n != 2 || !strings.Contains(st.log.String(), "panics_test.go") {
		t.Errorf("%v panics counted; log %s", n, st.log)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(errors.Join(errors.New("a test's own fault"), err))
	}
	return v
}
