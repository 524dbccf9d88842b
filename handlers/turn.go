package handlers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-telegram/bot/models"

	"esimbot/flows"
	"esimbot/orders"
)

const (
	// maxRaces bounds how often a session is loaded again after a lost race.
	maxRaces = 3
	// maxEffects bounds how many effects follow on one tap.
	maxEffects = 4
	// effectTime is how long one effect may take.
	effectTime = 30 * time.Second
	// typingEvery renews the typing indicator, which Telegram shows for 5 s.
	typingEvery = 4 * time.Second
)

// An answer answers a callback query: the spinner on the button ends, and Text is shown.
type answer struct {
	Query string
	Text  string
	Alert bool
}

// A step is one reply of the shop whose session is saved, not yet drawn.
type step struct {
	in    flows.Input
	reply flows.Reply // Session as saved
	at    spot        // where Screen is to be drawn
}

// turn brings one act to its end: load, handle, save, draw, and then the effects, each saved and
// drawn in its turn. It returns what the press is still to be answered with, nil for nothing: it
// costs no call of its own when it can ride in the webhook's reply. Before effects it is sent at
// once, so that the button doesn't spin for as long as they take.
func (t *Telegram) turn(ctx context.Context, a act) (*answer, error) {
	s, err := t.decide(ctx, a, false)
	if err != nil {
		return nil, err
	}
	toast := t.toast(a, s.reply)
	for range maxEffects {
		if err := t.draw(ctx, a, &s); err != nil {
			return t.undrawn(a, toast, err)
		}
		if s.reply.Then == nil {
			return toast, nil
		}
		if toast != nil {
			if err := t.client.answer(ctx, toast); err != nil {
				t.log.DebugContext(ctx, "callback not answered", "err", err)
			}
			toast = nil
		}
		if s, err = t.effect(ctx, a, s); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("update %d: more than %d effects in a row", a.update, maxEffects)
}

// undrawn judges a screen that could not be drawn: one for a person who blocked the bot is nobody's
// loss, everything else is tried again with the update.
func (t *Telegram) undrawn(a act, toast *answer, err error) (*answer, error) {
	if errors.Is(err, orders.ErrUnreachable) {
		return toast, nil
	}
	return nil, fmt.Errorf("update %d: draw: %w", a.update, err)
}

// decide loads the session, lets the shop handle the act and saves what comes of it. An update seen
// before, or again when asked, draws the present page. One that lost the race for the session has
// done nothing yet: it is handled once more, by the session as the winner left it.
func (t *Telegram) decide(ctx context.Context, a act, again bool) (step, error) {
	for range maxRaces {
		loaded, err := t.sessions.Load(ctx, a.user, a.update)
		if err != nil {
			return step{}, &unavailableError{"load session", err}
		}
		in := flows.Input{
			Event: a.event, User: a.user, Admin: a.admin,
			Session: loaded.Session, Customer: loaded.Customer, Now: t.now(),
		}
		redraw, handle := loaded.Seen || again, t.shop.Handle
		if redraw {
			handle = t.shop.Current
		}
		reply, err := handle(ctx, in)
		if err != nil {
			return step{}, fmt.Errorf("update %d: %w", a.update, err)
		}
		s := step{in: in, at: t.place(a, loaded.Session, reply, redraw)}
		if reply.Screen != nil && reply.Screen.Photo == nil && s.at.message != 0 && !s.at.photo {
			reply.Session.Screen = s.at.message
		}
		err = t.save(ctx, a, &reply)
		if errors.Is(err, flows.ErrConflict) {
			continue
		}
		if err != nil {
			return step{}, err
		}
		t.note(ctx, a, reply)
		s.reply = reply
		return s, nil
	}
	return step{}, fmt.Errorf("update %d: %w", a.update, flows.ErrConflict)
}

// place says where a reply's screen belongs: in the pressed message, else in the one that shows the
// shop, else in a new one. A page that is drawn again must not end up above what the person did: it
// goes into the shop's message only if that stands below.
func (t *Telegram) place(a act, session flows.Session, reply flows.Reply, redraw bool) spot {
	fresh, screen := spot{chat: a.user}, spot{chat: a.user, message: session.Screen}
	switch {
	case reply.Fresh && !redraw:
		return fresh
	case a.pressed.message != 0 && !a.pressed.photo && !reply.Fresh:
		return a.pressed
	case redraw && session.Screen > a.message:
		return screen
	case redraw:
		return fresh
	case a.pressed.photo:
		return a.pressed
	case a.query != "":
		return fresh // the pressed message can't be changed
	default:
		return screen
	}
}

// save writes the reply's session after the version it was made from, and the update as seen.
func (t *Telegram) save(ctx context.Context, a act, reply *flows.Reply) error {
	reply.Session.Schema = flows.Schema
	reply.Session.Version++
	err := t.sessions.Save(ctx, a.user, reply.Session, reply.Customer, a.update)
	if err != nil && !errors.Is(err, flows.ErrConflict) {
		return &unavailableError{"save session", err}
	}
	return err
}

// draw shows the step's screens. When the shop moved to another message, the session learns of it.
func (t *Telegram) draw(ctx context.Context, a act, s *step) error {
	r := &s.reply
	if r.Screen != nil {
		shown, err := t.client.show(ctx, s.at, *r.Screen)
		if err != nil {
			return err
		}
		if r.Screen.Photo == nil && shown.ID != r.Session.Screen {
			if err := t.moved(ctx, a, r, shown.ID); err != nil {
				return err
			}
		}
	}
	for _, more := range r.More {
		if _, err := t.client.send(ctx, a.user, more); err != nil {
			return err
		}
	}
	return nil
}

// moved saves which message shows the shop now. Another update that was faster has said so for
// itself.
func (t *Telegram) moved(ctx context.Context, a act, r *flows.Reply, message int) error {
	next := flows.Reply{Session: r.Session}
	next.Session.Screen = message
	err := t.save(ctx, a, &next)
	if errors.Is(err, flows.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Session = next.Session
	return nil
}

// effect runs what a saved and drawn reply entails, and saves what comes of it. When the customer
// has moved on meanwhile, their present page is drawn instead.
func (t *Telegram) effect(ctx context.Context, a act, s step) (step, error) {
	in := s.in
	in.Session, in.Now = s.reply.Session, t.now()
	in.Event.Message = s.reply.Session.Screen
	if s.reply.Customer != nil {
		in.Customer = *s.reply.Customer
	}
	reply, err := t.run(ctx, in, s.reply)
	if err != nil {
		return step{}, fmt.Errorf("update %d: effect: %w", a.update, err)
	}
	next := step{in: in, at: spot{chat: a.user, message: in.Session.Screen}}
	if reply.Fresh {
		next.at.message = 0
	}
	switch err := t.save(ctx, a, &reply); {
	case errors.Is(err, flows.ErrConflict):
		return t.decide(ctx, a, true)
	case err != nil:
		return step{}, err
	}
	t.note(ctx, a, reply)
	next.reply = reply
	return next, nil
}

// note counts and logs what a reply tells us beside what it tells the customer.
func (t *Telegram) note(ctx context.Context, a act, r flows.Reply) {
	if r.Stale {
		t.metrics.stale.Inc()
		t.log.InfoContext(ctx, "stale or forged button", "update", a.update, "customer", a.user)
	}
	if r.Cause != nil {
		t.log.WarnContext(ctx, "answered kindly", "update", a.update, "customer", a.user, "err", r.Cause)
	}
}

// run runs a reply's effect within its time, with the typing indicator when asked for.
func (t *Telegram) run(ctx context.Context, in flows.Input, r flows.Reply) (flows.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, effectTime)
	var typing sync.WaitGroup
	defer typing.Wait()
	defer cancel()
	if r.Typing {
		typing.Go(func() {
			defer t.recovered(ctx, 0)
			t.typing(ctx, in.User)
		})
	}
	return r.Then(ctx, in)
}

// typing shows the typing indicator until ctx ends. It is a courtesy: what fails is let go.
func (t *Telegram) typing(ctx context.Context, chat int64) {
	for t.client.action(ctx, chat, models.ChatActionTyping) == nil {
		if t.client.wait(ctx, typingEvery) != nil {
			return
		}
	}
}

// toast is what a press is answered with; nil for what was no press.
func (t *Telegram) toast(a act, r flows.Reply) *answer {
	if a.query == "" {
		return nil
	}
	return &answer{Query: a.query, Text: cutToast(r.Toast), Alert: r.Alert}
}
