package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/fault"
)

// A command brings a new message; a press changes it in place with one call to Telegram, the answer
// riding in the webhook's reply.
func TestPlainTap(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	welcome := st.last(customer)
	if welcome.HTML() != "<b>/start</b>" || len(welcome.Buttons()) != 4 {
		t.Fatalf("welcome = %q with %d buttons", welcome.HTML(), len(welcome.Buttons()))
	}
	if s := st.sessions.of(customer).Session; s.Screen != welcome.ID || s.Page != "/start" || s.Schema != flows.Schema {
		t.Fatalf("session = %+v, want screen %d", s, welcome.ID)
	}
	st.tg.ResetCalls()
	st.sessions.set(func(m *memory) { m.loads, m.saves = 0, 0 })
	query := st.press(welcome.ID, "one")

	if got := st.texts(customer); len(got) != 1 || got[0] != "one" {
		t.Fatalf("the chat shows %q, want the page in place", got)
	}
	answered, ok := st.tg.Answer(query)
	if !ok || answered.Text != "" {
		t.Fatalf("answer = %+v, %v", answered, ok)
	}
	var calls []string
	for _, c := range st.tg.Calls() {
		if !c.Inline {
			calls = append(calls, c.Method)
		}
	}
	if !slices.Equal(calls, []string{"editMessageText"}) {
		t.Errorf("calls = %v, want one edit", calls)
	}
	st.sessions.set(func(m *memory) {
		if m.loads != 1 || m.saves != 1 {
			t.Errorf("%d loads and %d saves, want one of each", m.loads, m.saves)
		}
	})
}

// What the shop is told of a person and what they did.
func TestInput(t *testing.T) {
	st := hooked(t)
	if _, err := st.tg.SendText(admin, "/Start@ESIM_sandbox_bot  c_jp "); err != nil {
		t.Fatal(err)
	}
	st.settled()
	in := st.shop.told()[0]
	want := flows.Event{Kind: flows.EventCommand, Command: "start", Args: "c_jp", Client: "en", Sent: st.tg.Messages(admin)[0].ID}
	if in.Event != want || in.User != admin || !in.Admin || !in.Now.Equal(st.time()) {
		t.Fatalf("input = %+v", in)
	}
	st.write("/start")
	if in := st.shop.told()[1]; in.Admin {
		t.Error("a customer counts as an admin")
	}
	if _, err := st.tg.SendVoice(customer, 3); err != nil {
		t.Fatal(err)
	}
	st.settled()
	if in := st.shop.told()[2]; in.Event.Kind != flows.EventOther || in.Customer.ID != customer {
		t.Errorf("a voice message came as %+v", in.Event)
	}
	if len(st.tg.Commands(admin)) == 0 {
		t.Error("an admin's /start brought no menu")
	}
}

// An update that comes twice does its work once and draws the present page again.
func TestRepeatedUpdate(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.press(st.last(customer).ID, "one")
	for _, what := range []string{"press", "command"} {
		update := st.tg.LastUpdate()
		if what == "command" {
			update-- // the /start before it
		}
		if !st.tg.Redeliver(update) {
			t.Fatal("update forgotten")
		}
		st.settled()
	}
	if got := len(st.shop.told()); got != 2 {
		t.Errorf("handled %d updates, want 2", got)
	}
	if got := st.shop.redraws(); got != 2 {
		t.Errorf("redrawn %d times, want 2", got)
	}
	if got := st.texts(customer); len(got) != 1 || got[0] != "one" {
		t.Errorf("the chat shows %q, want the present page once", got)
	}
}

// An update that lost the race for the session is not lost: nothing of it was done yet, so it is
// handled by the session as the winner left it.
func TestLostRace(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.sessions.set(func(m *memory) { m.races = 1 })
	query := st.press(st.last(customer).ID, "one")
	if got := st.texts(customer); len(got) != 1 || got[0] != "one" {
		t.Errorf("the chat shows %q, want the pressed page", got)
	}
	if _, ok := st.tg.Answer(query); !ok {
		t.Error("the press was not answered")
	}
	if s := st.sessions.of(customer).Session; st.shop.redraws() != 0 || s.Page != "one" {
		t.Errorf("redraws %d, session %+v", st.shop.redraws(), s)
	}
}

// Of two taps on Buy that meet, each decided before the other was saved, the second ends at the
// order that the first began.
func TestTwoBuyTapsMeet(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	var opened []orders.ID
	ids := []orders.ID{"000000000B", "000000000A"}
	met := false
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		next := in.Session
		if next.Order == "" {
			next.Order, ids = ids[0], ids[1:]
		}
		if !met { // the other tap is saved while this one is being decided
			met = true
			st.sessions.set(func(m *memory) {
				winner := m.people[customer]
				winner.Session.Order, ids = ids[0], ids[1:]
				winner.Session.Version++
				m.people[customer] = winner
			})
			opened = append(opened, "000000000A")
		}
		return flows.Reply{Session: next, Screen: page("checking"), Then: func(_ context.Context, in flows.Input) (flows.Reply, error) {
			opened = append(opened, in.Session.Order)
			return flows.Reply{Session: in.Session, Screen: page("order " + string(in.Session.Order))}, nil
		}}, nil
	}
	st.press(st.last(customer).ID, "buy")
	if !slices.Equal(opened, []orders.ID{"000000000A", "000000000A"}) {
		t.Errorf("opened %v, want one order", opened)
	}
	if got := st.texts(customer); len(got) != 1 || got[0] != "order 000000000A" {
		t.Errorf("the chat shows %q", got)
	}
}

// A tap with effects saves and draws first, answers the press, and only then has its effect, whose
// outcome is saved and drawn in its turn.
func TestEffect(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	message := st.last(customer).ID
	var during []string
	var answered bool
	var saved flows.Session
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		next := in.Session
		next.Page, next.Order = "buying", "7KQ2M9X4TB"
		return flows.Reply{
			Session: next, Screen: page("checking"), Toast: "One moment", Typing: true,
			Then: func(_ context.Context, in flows.Input) (flows.Reply, error) {
				during, saved = st.texts(customer), st.sessions.of(customer).Session
				answered = len(st.tg.Answers()) == 1
				if err := st.tg.Wait(deadline(t), func() bool { return st.tg.CallCount("sendChatAction") == 1 }); err != nil {
					return flows.Reply{}, err
				}
				next := in.Session
				next.Page = "order"
				return flows.Reply{Session: next, Screen: page("order " + string(in.Session.Order))}, nil
			},
		}, nil
	}
	query := st.press(message, "buy")
	if len(during) != 1 || during[0] != "checking" || saved.Order != "7KQ2M9X4TB" || !answered {
		t.Errorf("while the effect ran: %q, session %+v, answered %v", during, saved, answered)
	}
	if got := st.texts(customer); len(got) != 1 || got[0] != "order 7KQ2M9X4TB" {
		t.Errorf("the chat shows %q", got)
	}
	if a, ok := st.tg.Answer(query); !ok || a.Text != "One moment" || len(st.tg.Answers()) != 1 {
		t.Errorf("answers = %+v", st.tg.Answers())
	}
	if s := st.sessions.of(customer).Session; s.Page != "order" || s.Screen != message {
		t.Errorf("session = %+v", s)
	}
}

// A customer who moved on while an effect ran keeps their page.
func TestEffectOvertaken(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		if in.Event.Data != "buy" {
			return plain(in)
		}
		return flows.Reply{Session: in.Session, Screen: page("checking"), Then: func(_ context.Context, in flows.Input) (flows.Reply, error) {
			st.sessions.set(func(m *memory) { // another update, meanwhile
				l := m.people[customer]
				l.Session.Version++
				l.Session.Page = "elsewhere"
				m.people[customer] = l
			})
			return flows.Reply{Session: in.Session, Screen: page("order")}, nil
		}}, nil
	}
	st.press(st.last(customer).ID, "buy")
	if got := st.texts(customer); got[len(got)-1] != "elsewhere" {
		t.Errorf("the chat shows %q", got)
	}
}

// An effect may begin the session anew, as deleting one's data does.
func TestEffectForgets(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		return flows.Reply{Session: in.Session, Screen: page("erasing"), Then: func(_ context.Context, in flows.Input) (flows.Reply, error) {
			st.sessions.set(func(m *memory) { delete(m.people, customer) })
			return flows.Reply{Session: flows.Session{Screen: in.Session.Screen}, Screen: page("erased")}, nil
		}}, nil
	}
	st.press(st.last(customer).ID, "erase")
	if got := st.texts(customer); len(got) != 1 || got[0] != "erased" {
		t.Errorf("the chat shows %q", got)
	}
}

// While Redis is down nothing is handled and everything comes again; then it is.
func TestSessionsDown(t *testing.T) {
	st := hooked(t)
	st.sessions.set(func(m *memory) { m.down = errors.New("dial tcp: connection refused") })
	if _, err := st.tg.SendText(customer, "/start"); err != nil {
		t.Fatal(err)
	}
	loads := func() (n int) {
		st.sessions.set(func(m *memory) { n = m.loads })
		return n
	}
	st.until("tried more often than a poison update", func() bool { return loads() > 2*maxFailures+paceBurst })
	if len(st.fromBot(customer)) != 0 || len(st.shop.told()) != 0 {
		t.Fatalf("something was handled without a session: %v", st.texts(customer))
	}
	st.sessions.set(func(m *memory) { m.down = nil })
	st.settled()
	if got := st.texts(customer); len(got) != 1 || got[0] != "/start" {
		t.Errorf("the chat shows %q", got)
	}
	if st.counter("telegram_updates_total", "text", "unavailable") == 0 {
		t.Error("not counted")
	}
}

// A poison update is tried a few times, kept aside with a kind word, and holds nobody up.
func TestPoison(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func() (flows.Reply, error)
	}{
		{"error", func() (flows.Reply, error) { return flows.Reply{}, errors.New("broken") }},
		{"panic", func() (flows.Reply, error) { panic("broken") }},
		{"screen that Telegram refuses", func() (flows.Reply, error) {
			return flows.Reply{Screen: &flows.Screen{HTML: "<b>never closed"}, Fresh: true}, nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := hooked(t)
			st.write("/start")
			st.shop.on = func(in flows.Input) (flows.Reply, error) {
				if in.Event.Text == "fine" {
					return plain(in)
				}
				return c.fail()
			}
			if c.name != "screen that Telegram refuses" { // its page in the session is refused no more
				st.write("poison")
				if got := st.last(customer).Body(); got != "sorry in en" {
					t.Errorf("the customer reads %q", got)
				}
				query := st.press(st.fromBot(customer)[0].ID, "poison")
				if a, _ := st.tg.Answer(query); a.Text != "sorry in en" || !a.Alert {
					t.Errorf("the press was answered %+v", a)
				}
				if n := st.counter("telegram_updates_total", "text", "aside"); n != 1 {
					t.Errorf("%v texts kept aside", n)
				}
				if !strings.Contains(st.log.String(), "update kept aside") {
					t.Error("not logged")
				}
			} else {
				st.write("poison")
			}
			st.write("fine")
			if got := st.last(customer).Body(); got != "text:fine" {
				t.Errorf("then the customer reads %q", got)
			}
			if panics := st.counter("panics_total", "telegram"); (panics > 0) != (c.name == "panic") {
				t.Errorf("%v panics counted", panics)
			}
		})
	}
}

// A screen that could not be drawn is drawn when the update comes again.
func TestDrawnLater(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.mood(fault.Rule{Mood: fault.Error, Path: "editMessageText", Times: maxTries})
	st.press(st.last(customer).ID, "one")
	if got := st.texts(customer); len(got) != 1 || got[0] != "one" {
		t.Errorf("the chat shows %q", got)
	}
	if st.shop.redraws() != 1 {
		t.Errorf("redrawn %d times", st.shop.redraws())
	}
}

// A stale button is counted and answered; a kindly answered cause is logged.
func TestStale(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		return flows.Reply{Session: in.Session, Screen: page("/start"), Stale: true, Toast: strings.Repeat("é", 300), Cause: errors.New("why")}, nil
	}
	query := st.press(st.last(customer).ID, "forged")
	a, ok := st.tg.Answer(query)
	if !ok || len([]rune(a.Text)) != toastLimit || !strings.HasSuffix(a.Text, "…") {
		t.Errorf("answer = %+v", a)
	}
	if st.counter("stale_presses_total") != 1 || !strings.Contains(st.log.String(), `"err":"why"`) {
		t.Errorf("stale %v, log %s", st.counter("stale_presses_total"), st.log)
	}
}

// Who floods is asked once to slow down, and served again when they do.
func TestFlood(t *testing.T) {
	st := hooked(t)
	for range paceBurst + 5 {
		st.write("/start")
	}
	slow := slices.DeleteFunc(st.texts(customer), func(s string) bool { return s != "slower in en" })
	if len(st.shop.told()) != paceBurst || len(slow) != 1 {
		t.Fatalf("handled %d of a burst of %d, told %d times", len(st.shop.told()), paceBurst, len(slow))
	}
	query := st.press(st.last(customer).ID, "one")
	if a, _ := st.tg.Answer(query); a.Text != "slower in en" {
		t.Errorf("a press was answered %+v", a)
	}
	st.advance(5 * time.Second)
	st.write("/start")
	if len(st.shop.told()) != paceBurst+1 {
		t.Error("shut out")
	}
}
