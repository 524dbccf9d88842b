package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/telegram"
	"esimbot/usage"
)

// pictures draws what the notifier sends.
type pictures struct{ code esim.ActivationCode }

func (p pictures) OrderScreen(o *orders.Order, lang string) flows.Screen {
	return flows.Screen{HTML: string(o.State) + " in " + lang}
}

func (p pictures) Delivery(o *orders.Order, _ string) []flows.Screen {
	if o.Bought == nil {
		return nil
	}
	return []flows.Screen{
		{HTML: "your eSIM", Photo: &flows.Photo{Code: p.code, FileID: o.Photo.FileID, Image: o.Bought.Profile.Image}},
		{Name: "guide", HTML: "the guide"},
	}
}

func (p pictures) AlertText(a orders.Alert, lang string) flows.Screen {
	s := flows.Screen{HTML: a.Kind + " in " + lang, Rows: [][]flows.Button{{{Text: "Refund", Data: "refund"}}}}
	if a.Order != nil {
		s.Link = "https://t.me/" + botName + "?start=a_" + string(a.Order.ID)
	}
	return s
}

func (p pictures) NoticeScreen(e *usage.ESIM, n usage.Notice, options []esim.Plan, lang string) flows.Screen {
	return flows.Screen{HTML: fmt.Sprintf("%s of %s with %d offers in %s", n.Topic, e.ID, len(options), lang)}
}

func (p pictures) Say(w flows.Word, lang string) string { return string(w) + " in " + lang }

// claims keeps names until their time, by the stage's clock.
type claims struct {
	mu   sync.Mutex
	now  func() time.Time
	till map[string]time.Time
	down error
}

func (c *claims) Claim(_ context.Context, name string, ttl time.Duration) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Before(c.till[name]) {
		return false, nil
	}
	c.till[name] = c.now().Add(ttl)
	return true, nil
}

func (c *claims) Keep(_ context.Context, name string, ttl time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.till[name] = c.now().Add(ttl)
	return nil
}

func (c *claims) Held(_ context.Context, name string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Before(c.till[name]), c.down
}

func (c *claims) Release(_ context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.till, name)
	return nil
}

func newNotifier(t *testing.T, st *stage, support int64, admins ...int64) *Notifier {
	t.Helper()
	n, err := NewNotifier(NotifierConfig{
		Client: st.client, Screens: pictures{activationCode(t)}, Claims: &claims{now: st.time, till: map[string]time.Time{}}, Sessions: st.sessions,
		Username: botName, Admins: admins, SupportChat: support, Now: st.time, Log: slog.New(slog.NewJSONHandler(st.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func bought() *orders.Order {
	return &orders.Order{
		ID: "7KQ2M9X4TB", State: orders.Paid, Customer: customer, Language: "en",
		Bought: &orders.Bought{},
	}
}

// An order that was opened again in a newer message changes there too, in the language the customer
// reads by now.
func TestShowOrderWhereItWasOpenedAgain(t *testing.T) {
	st := newStage(t)
	n, o := newNotifier(t, st, 0), bought()
	first, err := n.Show(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := st.client.send(deadline(t), customer, flows.Screen{HTML: "pay"})
	if err != nil {
		t.Fatal(err)
	}
	o.Screen, o.State = first, orders.Delivered
	session := flows.Session{Version: 1, Screen: again.ID, Page: flows.OrderPage(o.ID)}
	if err := st.sessions.Save(deadline(t), customer, session, &flows.Customer{ID: customer, Language: "de"}, 0); err != nil {
		t.Fatal(err)
	}
	if shown, err := n.Show(deadline(t), o); err != nil || shown != first {
		t.Fatalf("show = %+v, %v", shown, err)
	}
	var texts []string
	for _, m := range st.tg.Messages(customer) {
		if m.ID == first.ID || m.ID == again.ID {
			texts = append(texts, m.Body())
		}
	}
	if len(texts) != 2 || texts[0] != texts[1] || !strings.HasSuffix(texts[0], " in de") {
		t.Errorf("the two messages show %q", texts)
	}
}

func TestShowOrder(t *testing.T) {
	st := newStage(t)
	n, o := newNotifier(t, st, 0), bought()
	first, err := n.Show(deadline(t), o)
	if err != nil || first.Chat != customer {
		t.Fatalf("show = %+v, %v", first, err)
	}
	o.Screen, o.State = first, orders.Delivered
	if again, err := n.Show(deadline(t), o); err != nil || again != first {
		t.Fatalf("show again = %+v, %v", again, err)
	}
	st.tg.DeleteMessage(customer, first.ID)
	anew, err := n.Show(deadline(t), o)
	if err != nil || anew.ID == first.ID {
		t.Fatalf("show anew = %+v, %v", anew, err)
	}
	if got := st.texts(customer); len(got) != 1 || got[0] != "delivered in en" {
		t.Errorf("the chat shows %q", got)
	}
	o.Screen = orders.Message{Chat: -5, ID: anew.ID} // nothing of the customer's
	if other, err := n.Show(deadline(t), o); err != nil || other.ID == anew.ID || other.Chat != customer {
		t.Errorf("show = %+v, %v", other, err)
	}
}

func TestDeliver(t *testing.T) {
	st := newStage(t)
	n, o := newNotifier(t, st, 0), bought()
	photo, err := n.Deliver(deadline(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := st.texts(customer); !slices.Equal(got, []string{"your eSIM", "the guide"}) {
		t.Fatalf("the chat shows %q", got)
	}
	if st.fromBot(customer)[0].ID != photo.ID || decodeQR(t, st, photo.FileID) != testCode {
		t.Errorf("photo = %+v", photo)
	}
	o.Photo = photo
	st.tg.ResetCalls()
	if _, err := n.Deliver(deadline(t), o); err != nil {
		t.Fatal(err)
	}
	if calls := st.tg.Calls(); len(calls[0].Files) != 0 || calls[0].Params["photo"] != photo.FileID {
		t.Errorf("sent again as %+v", calls[0])
	}
	if strings.Contains(st.log.String(), "ABCD-1234") {
		t.Error("the code is in the log")
	}
}

// A provider's own image goes out as it came.
func TestDeliverImage(t *testing.T) {
	st := newStage(t)
	image, err := picture(&flows.Photo{Code: activationCode(t)})
	if err != nil {
		t.Fatal(err)
	}
	n, o := newNotifier(t, st, 0), bought()
	n.cfg.Screens, o.Bought.Profile.Image = pictures{}, image
	photo, err := n.Deliver(deadline(t), o)
	if err != nil || decodeQR(t, st, photo.FileID) != testCode {
		t.Errorf("photo = %+v, %v", photo, err)
	}
}

// Telegram's patience is waited for; a timeout is reported, to be tried again; a guide that fails
// after the photo is not.
func TestDeliverTrouble(t *testing.T) {
	st := newStage(t)
	n, o := newNotifier(t, st, 0), bought()
	st.mood(fault.Rule{Mood: fault.Limited, Path: "sendPhoto", Times: 2})
	if _, err := n.Deliver(deadline(t), o); err != nil {
		t.Fatal(err)
	}
	st.mood(fault.Rule{Mood: fault.DeadAfter, Path: "sendPhoto", Times: 1})
	if _, err := n.Deliver(deadline(t), o); err == nil || errors.Is(err, orders.ErrUnreachable) {
		t.Fatalf("a lost answer: %v", err)
	}
	st.mood(fault.Rule{Mood: fault.Error, Path: "sendMessage", Times: 1})
	if _, err := n.Deliver(deadline(t), o); err != nil {
		t.Fatalf("a failed guide: %v", err)
	}
	if got, want := st.texts(customer), []string{"your eSIM", "the guide", "your eSIM", "your eSIM"}; !slices.Equal(got, want) {
		t.Errorf("the chat shows %q, want %q", got, want)
	}
	if !strings.Contains(st.log.String(), "guide not sent") {
		t.Error("the failed guide is not logged")
	}
}

func TestNotifyNobody(t *testing.T) {
	st := newStage(t)
	n, o := newNotifier(t, st, 0), bought()
	st.tg.Block(customer)
	if _, err := n.Deliver(deadline(t), o); !errors.Is(err, orders.ErrUnreachable) {
		t.Errorf("deliver to who blocked the bot: %v", err)
	}
	if _, err := n.Show(deadline(t), o); !errors.Is(err, orders.ErrUnreachable) {
		t.Errorf("show to who blocked the bot: %v", err)
	}
	o.Customer = 0
	if _, err := n.Deliver(deadline(t), o); !errors.Is(err, orders.ErrUnreachable) {
		t.Errorf("deliver to nobody: %v", err)
	}
	n.Working(deadline(t), o)
	o.Customer, o.Bought = admin, nil
	if _, err := n.Deliver(deadline(t), o); err == nil {
		t.Error("nothing was delivered without complaint")
	}
	n.Working(deadline(t), o)
	if st.tg.CallCount("sendChatAction") != 1 {
		t.Errorf("%d chat actions", st.tg.CallCount("sendChatAction"))
	}
}

func TestAlertAdmins(t *testing.T) {
	st := newStage(t)
	n := newNotifier(t, st, 0, 555, admin) // 555 never wrote to the bot
	a := orders.Alert{Key: "review:7KQ2M9X4TB", Kind: "review", Order: bought()}
	for range 3 {
		if err := n.Alert(deadline(t), a); err != nil {
			t.Fatal(err)
		}
	}
	if m := st.last(admin); len(st.fromBot(admin)) != 1 || m.Body() != "review in en" || m.Buttons()[0].CallbackData != "refund" {
		t.Errorf("the admin reads %v with %+v", st.texts(admin), m.Buttons())
	}
	st.advance(alertQuiet)
	if err := n.Alert(deadline(t), a); err != nil || len(st.fromBot(admin)) != 2 {
		t.Errorf("a day later: %v, %d alerts", err, len(st.fromBot(admin)))
	}
	nobody := newNotifier(t, st, 0)
	if err := nobody.Alert(deadline(t), a); err == nil {
		t.Error("an alert to nobody is no error")
	}
}

// What comes and goes is a matter of its own each time: a provider that failed in the morning and
// fails again at night is told of twice, and one that fails all day once a day.
func TestAlertOfWhatComesAndGoes(t *testing.T) {
	st := newStage(t)
	n := newNotifier(t, st, 0, admin)
	told := func() int {
		t.Helper()
		if err := n.Alert(deadline(t), orders.Alert{Key: "provider:cloudesim", Kind: "provider_down"}); err != nil {
			t.Fatal(err)
		}
		return len(st.fromBot(admin))
	}
	for range 23 {
		if got := told(); got != 1 {
			t.Fatalf("%d alerts of one failure", got)
		}
		st.advance(time.Hour)
	}
	st.advance(alertOver)
	if got := told(); got != 2 {
		t.Errorf("%d alerts of two failures", got)
	}
}

// Each admin reads alerts in their own language, and they are counted.
func TestAlertLanguages(t *testing.T) {
	st := newStage(t)
	st.tg.AddUser(telegram.User{ID: 1001, FirstName: "Second", Started: true})
	n := newNotifier(t, st, 0, admin, 1001)
	n.cfg.Metrics = st.metrics
	if err := st.sessions.Save(deadline(t), 1001, flows.Session{Version: 1}, &flows.Customer{ID: 1001, Language: "ar"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := n.Alert(deadline(t), orders.Alert{Key: "dispute:x", Kind: "dispute", Order: bought()}); err != nil {
		t.Fatal(err)
	}
	if got := []string{st.last(admin).Body(), st.last(1001).Body()}; !slices.Equal(got, []string{"dispute in en", "dispute in ar"}) {
		t.Errorf("the admins read %q", got)
	}
	if st.counter("alerts_total", "dispute", "ok") != 1 {
		t.Error("the alert isn't counted")
	}
}

// In the support chat an alert carries one link and nothing that acts; one that failed goes out later.
func TestAlertSupport(t *testing.T) {
	const support = int64(-100500)
	st := newStage(t)
	st.tg.AddGroup(support, "Support", admin)
	if err := st.tg.AddBot(support, admin); err != nil {
		t.Fatal(err)
	}
	n := newNotifier(t, st, support, admin)
	a := orders.Alert{Key: "review:7KQ2M9X4TB", Kind: "review", Order: bought()}
	st.mood(fault.Rule{Mood: fault.Error, Times: 1})
	if err := n.Alert(deadline(t), a); err == nil {
		t.Fatal("an alert that failed is no error")
	}
	if err := n.Alert(deadline(t), a); err != nil || len(st.fromBot(support)) != 1 {
		t.Fatalf("at once again: %v, %v", err, st.texts(support))
	}
	b := st.last(support).Buttons()
	if len(b) != 1 || b[0].URL != "https://t.me/"+botName+"?start=a_7KQ2M9X4TB" {
		t.Errorf("buttons = %+v", b)
	}
	if len(st.fromBot(admin)) != 0 {
		t.Error("the admin was told as well")
	}
	a = orders.Alert{Key: "balance:cloudesim", Kind: "balance_low"}
	if err := n.Alert(deadline(t), a); err != nil || len(st.last(support).Buttons()) != 0 {
		t.Errorf("alert without an order: %v, %+v", err, st.last(support).Buttons())
	}
}

// An alert must not get lost with the support chat: the admins get it, with the buttons that answer it.
func TestAlertWithoutItsChat(t *testing.T) {
	st := newStage(t)
	a := orders.Alert{Key: "review:7KQ2M9X4TB", Kind: "review", Order: bought()}
	if err := newNotifier(t, st, -100404).Alert(deadline(t), a); !errors.Is(err, orders.ErrUnreachable) {
		t.Errorf("nobody to tell: %v", err)
	}
	n := newNotifier(t, st, -100404, admin)
	for range 2 {
		if err := n.Alert(deadline(t), a); err != nil {
			t.Fatal(err)
		}
	}
	if len(st.fromBot(admin)) != 1 || st.last(admin).Buttons()[0].CallbackData != "refund" {
		t.Errorf("the admin reads %v", st.texts(admin))
	}
}

// Who finds an alert being sent by another replica doesn't take it for sent: the other may die.
func TestAlertBegunElsewhere(t *testing.T) {
	st := newStage(t)
	n := newNotifier(t, st, 0, admin)
	a := orders.Alert{Key: "review:7KQ2M9X4TB", Kind: "review", Order: bought()}
	if ok, err := n.cfg.Claims.Claim(t.Context(), sending("alert:"+a.Key), sendTry); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := n.Alert(deadline(t), a); err == nil || len(st.fromBot(admin)) != 0 {
		t.Errorf("taken for sent: %v, %v", err, st.texts(admin))
	}
	st.advance(sendTry)
	if err := n.Alert(deadline(t), a); err != nil || len(st.fromBot(admin)) != 1 {
		t.Errorf("after the other died: %v, %v", err, st.texts(admin))
	}
}

// Admins hear of a Redis that is down, once.
func TestAlertWithoutRedis(t *testing.T) {
	st := newStage(t)
	n := newNotifier(t, st, 0, admin)
	n.cfg.Claims.(*claims).down = errors.New("OOM command not allowed")
	for range 3 {
		if err := n.Alert(deadline(t), orders.Alert{Key: "stuck", Kind: "stuck"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(st.fromBot(admin)) != 1 {
		t.Errorf("the admin reads %v", st.texts(admin))
	}
	st.advance(alertQuiet)
	if err := n.Alert(deadline(t), orders.Alert{Key: "stuck", Kind: "stuck"}); err != nil || len(st.fromBot(admin)) != 2 {
		t.Errorf("a day later: %v, %v", err, st.texts(admin))
	}
}

// The order machine reads how long Telegram wants to be left alone from a failed delivery.
func TestFloodTellsHowLong(t *testing.T) {
	st := newStage(t)
	n := newNotifier(t, st, 0)
	st.mood(fault.Rule{Mood: fault.Limited, Path: "sendPhoto"})
	_, err := n.Deliver(deadline(t), bought())
	var flood interface{ RetryAfter() time.Duration }
	if !errors.As(err, &flood) || flood.RetryAfter() <= 0 {
		t.Errorf("%v tells no time to wait", err)
	}
}
