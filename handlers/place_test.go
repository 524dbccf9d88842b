package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/orders"
)

// A photo that a person keeps stays as it is: what its buttons lead to stands below it, once, and
// is where the shop goes on.
func TestPressOnPhoto(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	photo := st.show(spot{chat: customer}, flows.Screen{HTML: "your eSIM", Photo: &flows.Photo{Code: activationCode(t)}, Rows: page("x").Rows})
	st.press(photo.ID, "one")
	want := []string{"/start", "your eSIM", "one"}
	if got := st.texts(customer); !slices.Equal(got, want) {
		t.Fatalf("the chat shows %q, want %q", got, want)
	}
	if !st.tg.Redeliver(st.tg.LastUpdate()) {
		t.Fatal("update forgotten")
	}
	st.settled()
	if got := st.texts(customer); !slices.Equal(got, want) || st.shop.redraws() != 1 {
		t.Errorf("brought twice, the chat shows %q after %d redraws", got, st.shop.redraws())
	}
	if screen := st.sessions.of(customer).Session.Screen; screen != st.last(customer).ID {
		t.Errorf("the shop is in message %d, want %d", screen, st.last(customer).ID)
	}
}

// A photo and what follows it are messages of their own: the shop stays where it was.
func TestPhotoInTheShop(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	shop := st.last(customer).ID
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		return flows.Reply{
			Session: in.Session, Fresh: true, More: []flows.Screen{text("first"), text("second")},
			Screen: &flows.Screen{HTML: "your eSIM", Photo: &flows.Photo{Code: activationCode(t)}},
		}, nil
	}
	st.press(shop, "qr")
	if got := st.texts(customer); !slices.Equal(got, []string{"/start", "your eSIM", "first", "second"}) {
		t.Errorf("the chat shows %q", got)
	}
	if screen := st.sessions.of(customer).Session.Screen; screen != shop {
		t.Errorf("the shop moved to %d", screen)
	}
}

// A command whose answer was lost on the way is answered below it when it comes again, not in a
// message above it.
func TestLostAnswer(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	st.sessions.set(func(m *memory) { // saved as seen, then killed before the message was sent
		l := m.people[customer]
		l.Session.Page = "/esims"
		m.people[customer] = l
		m.seen[[2]int64{customer, int64(st.tg.LastUpdate() + 1)}] = true
	})
	st.write("/esims")
	if got := st.texts(customer); !slices.Equal(got, []string{"/start", "/esims"}) {
		t.Errorf("the chat shows %q", got)
	}
}

// Who blocked the bot in the middle of a tap is no failure, and no reason to bring it again.
func TestBlockedInTheMiddle(t *testing.T) {
	st := newStage(t)
	first := st.show(spot{chat: customer}, *page("one"))
	st.tg.Block(customer)
	status, body := st.post(testSecret, pressBody(1, first.ID, "two"))
	if status != http.StatusOK || !strings.Contains(body, "answerCallbackQuery") {
		t.Errorf("answered %d %s", status, body)
	}
}

// Effects that never end are given up.
func TestEndlessEffects(t *testing.T) {
	st := hooked(t)
	st.write("/start")
	runs := 0
	var forever func(context.Context, flows.Input) (flows.Reply, error)
	forever = func(_ context.Context, in flows.Input) (flows.Reply, error) { //nolint:unparam // the form of an effect
		runs++
		return flows.Reply{Session: in.Session, Then: forever}, nil
	}
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		return flows.Reply{Session: in.Session, Screen: page("checking"), Then: forever}, nil
	}
	st.press(st.last(customer).ID, "buy")
	if runs != maxEffects {
		t.Errorf("%d effects", runs)
	}
}

// An effect has its time; when that is over, the update comes again and the page is drawn.
func TestEffectOutOfTime(t *testing.T) {
	st := newStage(t)
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		next := in.Session
		next.Page = "order"
		return flows.Reply{Session: next, Screen: page("checking"), Then: func(ctx context.Context, _ flows.Input) (flows.Reply, error) {
			end, ok := ctx.Deadline()
			if left := time.Until(end); !ok || left > effectTime {
				t.Errorf("the effect has %v", left)
			}
			return flows.Reply{}, context.DeadlineExceeded
		}}, nil
	}
	first := st.show(spot{chat: customer}, *page("plan"))
	if status, _ := st.post(testSecret, pressBody(1, first.ID, "buy")); status != http.StatusInternalServerError {
		t.Errorf("answered %d", status)
	}
	if status, _ := st.post(testSecret, pressBody(1, first.ID, "buy")); status != http.StatusOK || st.shop.redraws() != 1 {
		t.Errorf("brought again: %d, redrawn %d times", status, st.shop.redraws())
	}
}

// A support group that became a supergroup is followed, and the log says so.
func TestAlertMoved(t *testing.T) {
	st := newStage(t)
	var chats []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent struct {
			Chat json.Number `json:"chat_id"`
		}
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		chat := sent.Chat.String()
		if chats = append(chats, chat); chat == "-5" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100200}}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": map[string]any{"message_id": 1}})
	}))
	defer api.Close()
	client, err := NewClient(ClientConfig{Token: testToken, APIURL: api.URL, Now: st.time, Log: st.client.log, Metrics: st.metrics})
	if err != nil {
		t.Fatal(err)
	}
	n := newNotifier(t, st, -5)
	n.cfg.Client = client
	if err := n.Alert(deadline(t), orders.Alert{Key: "k", Kind: "review"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(chats, []string{"-5", "-100200"}) || !strings.Contains(st.log.String(), "-100200") {
		t.Errorf("sent to %v; log %s", chats, st.log)
	}
}

// What is begun is finished even if Telegram hangs up.
func TestHungUp(t *testing.T) {
	st := newStage(t)
	first := st.show(spot{chat: customer}, *page("one"))
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/telegram/webhook", strings.NewReader(pressBody(1, first.ID, "two")))
	r.Header.Set(secretHeader, testSecret)
	w := httptest.NewRecorder()
	st.door.ServeHTTP(w, r)
	if w.Code != http.StatusOK || st.last(customer).Body() != "two" {
		t.Errorf("answered %d, the chat shows %q", w.Code, st.texts(customer))
	}
}
