package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"esimbot/flows"
	"esimbot/locales"
	"esimbot/orders"
)

// handleTime bounds the handling of one update: an effect and everything around it.
const handleTime = 50 * time.Second

// settle handles an update to the end and says what its press is still to be answered with. An
// error means that it must come again. An update that keeps failing is kept aside: it is logged,
// its sender gets a kind word, and it counts as handled, because it would hold up everything that
// its sender does next. What fails for want of Redis comes again for as long as it takes.
func (t *Telegram) settle(ctx context.Context, u *update) (*answer, error) {
	begun := time.Now() // what it took, whatever is done to the clock meanwhile
	a := act{kind: kindIgnored, update: u.ID}
	outcome := "ok"
	defer func() { t.metrics.updated(ctx, a.kind, outcome, time.Since(begun)) }()

	reply, err := t.guarded(ctx, u, &a)
	if err == nil {
		t.failures.forget(a.update)
		return reply, nil
	}
	outcome = "failed"
	var down *unavailableError
	if errors.As(err, &down) {
		outcome = "unavailable"
		return nil, err
	}
	if t.failures.add(a.update) < maxFailures {
		return nil, err
	}
	outcome = "aside"
	t.failures.forget(a.update)
	t.log.ErrorContext(ctx, "update kept aside", "update", a.update, "kind", a.kind, "customer", a.user, "err", err)
	return t.apologise(ctx, a), nil
}

// guarded reads an update into a and handles it; a panic becomes an error.
func (t *Telegram) guarded(ctx context.Context, u *update, a *act) (reply *answer, err error) {
	defer func() {
		if t.caught(ctx, u.ID, recover()) {
			reply, err = nil, fmt.Errorf("update %d: panic", u.ID)
		}
	}()
	*a = t.read(u)
	if a.kind == kindGroup && t.support != 0 && t.client.became(ctx, t.support, a.chat) {
		*a = t.read(u)
	}
	return t.handle(ctx, *a)
}

func (t *Telegram) handle(ctx context.Context, a act) (*answer, error) {
	switch a.kind {
	case kindPress, kindText, kindOther:
		if ok, tell := t.pace.take(a.user, a.update, t.now()); !ok {
			return t.slower(ctx, a, tell), nil
		}
		if answered, err := t.answered(ctx, a); answered || err != nil {
			return nil, err
		}
		reply, err := t.turn(ctx, a)
		if err == nil && a.admin && a.event.Command == "start" {
			t.offerAdminMenu(ctx, a)
		}
		return reply, err
	case kindGroup:
		return t.turnAway(ctx, a)
	case kindMember:
		return nil, t.noteBlocked(ctx, a)
	case kindSupport:
		_, err := t.answered(ctx, a)
		return nil, err
	default:
		return nil, nil
	}
}

// answered carries what support said in reply to a customer's message to the customer, and says
// whether it was that.
func (t *Telegram) answered(ctx context.Context, a act) (bool, error) {
	if t.relay == nil || a.said.to == 0 {
		return false, nil
	}
	done, err := t.relay.answer(ctx, a.said)
	if err != nil {
		return done, fmt.Errorf("update %d: %w", a.update, err)
	}
	return done, nil
}

// language is the one we speak that fits the person's client best.
func (t *Telegram) language(a act) string { return t.bundle.Match(a.client) }

// slower asks a person who floods for patience.
func (t *Telegram) slower(ctx context.Context, a act, tell bool) *answer {
	text := t.shop.Say(flows.WordSlower, t.language(a))
	if a.query != "" {
		return &answer{Query: a.query, Text: cutToast(text)}
	}
	if tell {
		t.courtesy(ctx, a.user, flows.Screen{HTML: locales.Escape(text)})
	}
	return nil
}

// apologise has the kind word for a person whose update could not be handled.
func (t *Telegram) apologise(ctx context.Context, a act) *answer {
	defer t.recovered(ctx, a.update)
	switch {
	case a.query != "":
		return &answer{Query: a.query, Text: cutToast(t.shop.Say(flows.WordSorry, t.language(a))), Alert: true}
	case a.kind == kindText, a.kind == kindOther:
		t.courtesy(ctx, a.user, t.shop.Sorry(t.language(a)))
	}
	return nil
}

// courtesy sends a screen that nothing hangs on: what fails is let go.
func (t *Telegram) courtesy(ctx context.Context, chat int64, s flows.Screen) {
	if _, err := t.client.send(ctx, chat, s); err != nil {
		t.log.DebugContext(ctx, "courtesy not sent", "err", err)
	}
}

// turnAway tells a group where the shop is, and leaves it. A button pressed in a group is only
// answered.
func (t *Telegram) turnAway(ctx context.Context, a act) (*answer, error) {
	text := t.shop.Say(flows.WordPrivate, t.language(a))
	if a.query != "" {
		return &answer{Query: a.query, Text: cutToast(text)}, nil
	}
	_, err := t.client.send(ctx, a.chat, flows.Screen{HTML: locales.Escape(text + "\nhttps://t.me/" + t.username)})
	switch {
	case errors.Is(err, orders.ErrUnreachable):
		return nil, nil // left already
	case err != nil:
		t.log.DebugContext(ctx, "group not told", "err", err)
	}
	if err := t.client.leave(ctx, a.chat); err != nil {
		return nil, fmt.Errorf("update %d: leave group: %w", a.update, err)
	}
	return nil, nil
}

// noteBlocked notes on the customer that they blocked the bot, or that they are back.
func (t *Telegram) noteBlocked(ctx context.Context, a act) error {
	for range maxRaces {
		loaded, err := t.sessions.Load(ctx, a.user, a.update)
		if err != nil {
			return &unavailableError{"load session", err}
		}
		customer := loaded.Customer
		if customer.ID == 0 {
			return nil // nobody we know
		}
		customer.Blocked = time.Time{}
		if a.blocked {
			customer.Blocked = t.now().UTC()
		}
		if !a.blocked && t.returned != nil {
			if err := t.returned(ctx, a.user); err != nil {
				return &unavailableError{"note a return", err}
			}
		}
		err = t.save(ctx, a, &flows.Reply{Session: loaded.Session, Customer: &customer})
		if !errors.Is(err, flows.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("update %d: %w", a.update, flows.ErrConflict)
}
