package simulation

import (
	"context"
	"errors"
	"strings"
	"time"

	"esimbot/orders"
)

// telegram is what people have on their phones.
type telegram struct {
	w       *world
	photos  map[orders.ID][]photo
	alerts  map[orders.ID][]alert
	all     []alert
	blocked map[int64]bool
	ids     int
}

type photo struct {
	at   time.Time
	code string // of an eSIM; empty for the receipt of a top-up
}

type alert struct {
	at time.Time
	orders.Alert
}

func newTelegram(w *world) *telegram {
	return &telegram{w: w, photos: map[orders.ID][]photo{}, alerts: map[orders.ID][]alert{}, blocked: map[int64]bool{}}
}

// limited is Telegram's 429.
type limited struct{ after time.Duration }

func (l limited) Error() string             { return "telegram: too many requests" }
func (l limited) RetryAfter() time.Duration { return l.after }

// told says whether admins read of a number in an alert of that kind.
func (t *telegram) told(kind, number string) bool {
	for _, a := range t.all {
		if a.Kind == kind && strings.Contains(a.Detail, number) {
			return true
		}
	}
	return false
}

// telegramPort is a process's way to Telegram.
type telegramPort struct{ p *process }

var _ orders.Notifier = telegramPort{}

var errTelegram = errors.New("telegram: 502 Bad Gateway")

// send makes one call.
func (t telegramPort) send(call string, id orders.ID, customer int64, do func()) error {
	w := t.p.w
	if !t.p.reach(call, id) {
		return errDead
	}
	switch {
	case customer != 0 && w.telegram.blocked[customer]:
		w.note(id, t.p.owner, call, "blocked")
		return orders.ErrUnreachable
	case w.strikes(faultTelegram):
		w.note(id, t.p.owner, call, "telegram down")
		return errTelegram
	case w.strikes(faultLimited):
		w.note(id, t.p.owner, call, "429")
		return limited{w.between(time.Second, time.Minute)}
	}
	do()
	w.note(id, t.p.owner, call, "")
	if w.strikes(faultTelegramLost) {
		w.note(id, t.p.owner, call, "answer lost")
		w.rest(5 * time.Second)
		return errTelegram
	}
	if !t.p.back(call, id) {
		return errDead
	}
	return nil
}

func (t telegramPort) message(customer int64) orders.Message {
	t.p.w.telegram.ids++
	return orders.Message{Chat: customer, ID: t.p.w.telegram.ids}
}

func (t telegramPort) Show(_ context.Context, o *orders.Order) (m orders.Message, err error) {
	err = t.send("show "+o.Told, o.ID, o.Customer, func() {
		if m = o.Screen; m.ID == 0 {
			m = t.message(o.Customer)
		}
	})
	if err != nil {
		return orders.Message{}, err
	}
	return m, nil
}

func (t telegramPort) Deliver(_ context.Context, o *orders.Order) (m orders.Message, err error) {
	books, now := t.p.w.telegram, t.p.w.now
	err = t.send("deliver", o.ID, o.Customer, func() {
		m = t.message(o.Customer)
		sent := photo{at: now}
		if o.Kind != orders.KindTopUp {
			m.FileID = "photo"
			sent.code = o.Bought.Profile.Code.Reveal()
		}
		books.photos[o.ID] = append(books.photos[o.ID], sent)
	})
	if err != nil {
		return orders.Message{}, err
	}
	return m, nil
}

func (t telegramPort) Working(context.Context, *orders.Order) {}

func (t telegramPort) Alert(_ context.Context, a orders.Alert) error {
	w, id := t.p.w, orders.ID("")
	if a.Order != nil {
		id = a.Order.ID
	}
	return t.send("alert "+a.Kind+" "+a.Detail, id, 0, func() {
		w.telegram.all = append(w.telegram.all, alert{w.now, a})
		w.telegram.alerts[id] = append(w.telegram.alerts[id], alert{w.now, a})
	})
}
