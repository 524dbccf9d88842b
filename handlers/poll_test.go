package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/flows"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
)

// polling runs the loop; stop ends it and waits.
func polling(t *testing.T, st *stage) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- st.door.Poll(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("poll: %v", err)
				}
			case <-deadline(t).Done():
				t.Error("the loop does not end")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func TestPolling(t *testing.T) {
	st := newStage(t)
	polling(t, st)
	st.write("/start")
	welcome := st.last(customer)
	query, err := st.tg.PressButton(customer, "One")
	if err != nil {
		t.Fatal(err)
	}
	st.settled()
	if got := st.texts(customer); len(got) != 1 || got[0] != "one" || st.last(customer).ID != welcome.ID {
		t.Errorf("the chat shows %q", got)
	}
	if _, ok := st.tg.Answer(query); !ok {
		t.Error("the press was not answered")
	}
}

// The offset moves only past what is done: while one person's update is being handled others are
// served, and nothing is told to be done too early.
func TestPollingOffset(t *testing.T) {
	st := newStage(t)
	release, began := make(chan struct{}), make(chan struct{}, 1)
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		if in.Event.Text == "slow" {
			began <- struct{}{}
			<-release
		}
		return plain(in)
	}
	stop := polling(t, st)
	for _, text := range []string{"slow", "second", "third"} {
		if _, err := st.tg.SendText(customer, text); err != nil {
			t.Fatal(err)
		}
	}
	<-began
	if _, err := st.tg.SendText(admin, "other"); err != nil {
		t.Fatal(err)
	}
	st.until("another person is served meanwhile", func() bool { return len(st.fromBot(admin)) == 1 })
	if got := st.tg.Pending(); got != 4 {
		t.Errorf("%d updates are left to Telegram, want all 4", got)
	}
	close(release)
	st.settled()
	if got := st.texts(customer); !slices.Equal(got, []string{"text:slow", "text:second", "text:third"}) {
		t.Errorf("the customer reads %q", got)
	}
	stop()
	if n := len(st.shop.told()); n != 4 {
		t.Errorf("handled %d times, want 4", n)
	}
}

// At the end what was begun is finished and told to be done; what was not begun stays.
func TestPollingStops(t *testing.T) {
	st := newStage(t)
	release, began := make(chan struct{}), make(chan struct{}, 1)
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		began <- struct{}{}
		<-release
		return plain(in)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- st.door.Poll(ctx) }()
	for _, text := range []string{"begun", "not begun"} {
		if _, err := st.tg.SendText(customer, text); err != nil {
			t.Fatal(err)
		}
	}
	<-began
	cancel()
	close(release)
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-deadline(t).Done():
		t.Fatal("the loop does not end")
	}
	if got := st.texts(customer); !slices.Equal(got, []string{"text:begun"}) {
		t.Errorf("the customer reads %q", got)
	}
	if st.tg.Pending() != 1 {
		t.Errorf("%d updates are left to Telegram, want the one not begun", st.tg.Pending())
	}
}

// The loop survives what a server may do, and a webhook it was not told of, which it leaves alone.
func TestPollingTrouble(t *testing.T) {
	for _, mood := range []fault.Mood{fault.Error, fault.Dead, fault.Garbage, fault.Half, fault.Limited} {
		t.Run(string(mood), func(t *testing.T) {
			st := newStage(t)
			st.mood(fault.Rule{Mood: mood, Path: "getUpdates", Times: 3})
			polling(t, st)
			st.write("hello")
			if got := st.texts(customer); len(got) != 1 {
				t.Errorf("the customer reads %q", got)
			}
			if strings.Contains(st.log.String(), testToken) {
				t.Error("the token is in the log")
			}
			if mood == fault.Limited && st.waited()[0] != time.Second {
				t.Errorf("waited %v, want the second Telegram asked for", st.waited())
			}
		})
	}
	t.Run("webhook", func(t *testing.T) {
		st := newStage(t)
		if err := st.door.Setup(t.Context(), st.web.URL+"/telegram/webhook"); err != nil {
			t.Fatal(err)
		}
		polling(t, st)
		st.until("refused a few times", func() bool { return st.tg.CallCount("getUpdates") > 2 })
		st.write("hello")
		if st.tg.CallCount("deleteWebhook") != 0 || !strings.Contains(st.log.String(), "webhook is active") {
			t.Errorf("log: %s", st.log)
		}
	})
}

// A poison update doesn't hold up the loop either.
func TestPollingPoison(t *testing.T) {
	st := newStage(t)
	st.shop.on = func(in flows.Input) (flows.Reply, error) {
		if in.Event.Text == "poison" {
			panic("broken")
		}
		return plain(in)
	}
	polling(t, st)
	st.write("poison")
	st.write("fine")
	if got := st.texts(customer); !slices.Equal(got, []string{"sorry in en", "text:fine"}) {
		t.Errorf("the customer reads %q", got)
	}
}

// Numbers may start anew, and an update may be of a form that nobody knows.
func TestPollingNumbers(t *testing.T) {
	st := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	message := func(id int) string {
		return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"from":{"id":7},"chat":{"id":7,"type":"private"},"text":"%d"}}`, id, id, id)
	}
	batches := [][]string{{message(900), `{"update_id":901,"message":5}`}, {message(10), message(11)}, {}}
	var offsets []string
	var mu sync.Mutex
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/getUpdates") {
			st.tg.ServeHTTP(w, r)
			return
		}
		var ask struct{ Offset, Timeout int }
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if n := len(offsets); n == 0 || offsets[n-1] != strconv.Itoa(ask.Offset) {
			offsets = append(offsets, strconv.Itoa(ask.Offset))
		}
		var batch []string
		switch {
		case len(offsets) == 1:
			batch = batches[0]
		case ask.Offset == 902:
			batch = batches[1]
		case ask.Offset == 12:
			cancel()
		}
		_, _ = fmt.Fprintf(w, `{"ok":true,"result":[%s]}`, strings.Join(batch, ","))
	}))
	defer api.Close()
	st.client.base = api.URL + "/bot" + testToken
	if err := st.door.Poll(ctx); err != nil {
		t.Fatal(err)
	}
	if got := st.texts(customer); !slices.Equal(got, []string{"text:900", "text:10", "text:11"}) {
		t.Errorf("the customer reads %q", got)
	}
	if offsets[0] != "0" || !slices.Contains(offsets, "902") || offsets[len(offsets)-1] != "12" {
		t.Errorf("offsets %v", offsets)
	}
}

// Many people at once, each in their own order.
func TestPollingCrowd(t *testing.T) {
	st := newStage(t)
	for id := range int64(40) {
		st.tg.AddUser(telegram.User{ID: 100 + id, FirstName: "x", LanguageCode: "en", Started: true})
		for n := range 4 {
			if _, err := st.tg.SendText(100+id, strconv.Itoa(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	polling(t, st)
	st.settled()
	for id := range int64(40) {
		if got := st.texts(100 + id); !slices.Equal(got, []string{"text:0", "text:1", "text:2", "text:3"}) {
			t.Fatalf("person %d reads %q", id, got)
		}
	}
}
