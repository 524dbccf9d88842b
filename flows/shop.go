package flows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"esimbot/catalog"
	"esimbot/locales"
)

// seenEvery is how stale Customer.LastSeen may be: most taps then leave the customer unwritten.
const seenEvery = time.Hour

// A Config is what a Shop is made of. Random may be nil (crypto/rand), TermsURL and PrivacyURL
// empty; Office nil: then nobody has an admin's commands; Watch, Linker and TopUps nil: then numbers
// are shown as they are known, no ICCID is asked for, and nothing is added to eSIMs. All else is
// required.
type Config struct {
	Catalogue  Catalogue
	Desk       Desk
	ESIMs      ESIMs
	Watch      Watch
	Linker     Linker
	TopUps     TopUps
	Office     Office
	Support    Support
	Eraser     Eraser
	Popularity Popularity
	Bundle     *locales.Bundle
	// BotUsername is the bot's name without @, for deep links.
	BotUsername string
	// TermsURL and PrivacyURL are linked from /terms and /privacy.
	TermsURL, PrivacyURL string
	// TestMode says that payments are not real while eSIMs would be: order screens say TEST, and
	// only admins may pay.
	TestMode bool
	// HoldDeadline is how long a paid order may wait for its provider, as the order machine has it: whether
	// customers are told "today" depends on it.
	HoldDeadline time.Duration
	Now          func() time.Time
	Random       io.Reader
}

// A Shop answers what people do. It keeps nothing between events and is safe for concurrent use.
type Shop struct {
	cfg    Config
	routes map[string]route
	admin  map[string]route // the pages behind "admin" and "alert"
}

// New checks cfg and returns a Shop.
func New(cfg Config) (*Shop, error) {
	if cfg.Catalogue == nil || cfg.Desk == nil || cfg.ESIMs == nil || cfg.Support == nil || cfg.Eraser == nil || cfg.Popularity == nil ||
		cfg.Bundle == nil || cfg.Now == nil {
		return nil, errors.New("flows: a collaborator is missing")
	}
	if cfg.BotUsername == "" {
		return nil, errors.New("flows: the bot's username is missing")
	}
	for _, link := range []string{cfg.TermsURL, cfg.PrivacyURL} {
		if link != "" && !webLink(link) {
			return nil, fmt.Errorf("flows: %q is no http or https address", link)
		}
	}
	return &Shop{cfg: cfg, routes: routes(), admin: adminRoutes()}, nil
}

// Handle answers one event. An error means that nothing could be answered and the event may be
// brought again; what could be answered kindly comes as a Reply, its cause in Reply.Cause.
func (s *Shop) Handle(ctx context.Context, in Input) (Reply, error) {
	v := s.visit(in)
	r, err := v.answer(ctx)
	if err != nil {
		return Reply{}, err
	}
	if in.Event.Kind == EventPress && in.Event.Message != 0 && !r.Fresh {
		v.session.Screen = in.Event.Message
	}
	return v.finish(r), nil
}

// Current draws the page that the session is on again: for an update brought twice, or one that
// lost the race for the session. It begins nothing new; an order whose making was interrupted
// goes on under its id, and so does a message on its way to support.
func (s *Shop) Current(ctx context.Context, in Input) (Reply, error) {
	v := s.visit(in)
	if r, done, err := v.interrupted(ctx); done || err != nil {
		return v.finish(r), err
	}
	r, err := v.current(ctx)
	if err != nil {
		return Reply{}, err
	}
	if word, _, _ := strings.Cut(in.Event.Data, "/"); in.Event.Kind == EventPress && s.routes[word].apart {
		r.Fresh = r.Screen != nil // the pressed message stays as it is
	}
	return v.finish(r), nil
}

// A visit is one event being answered: who caused it, and the session as it will be.
type visit struct {
	shop     *Shop
	in       Input
	now      time.Time
	l        *locales.Localizer
	snap     *catalog.Snapshot
	session  Session
	customer Customer
	// changed says that customer differs from what is stored.
	changed bool
	// notice is a line that the next page shows on top, HTML.
	notice string
}

func (s *Shop) visit(in Input) *visit {
	v := &visit{shop: s, in: in, now: in.Now, snap: s.cfg.Catalogue.Snapshot(), session: in.Session, customer: in.Customer}
	if v.now.IsZero() {
		v.now = s.cfg.Now()
	}
	v.session.Schema = Schema
	v.meet()
	v.l = s.cfg.Bundle.For(v.customer.Language)
	return v
}

// meet notes who is here. The language is guessed from the client once and kept, so that a person
// who changes phones isn't spoken to in another language.
func (v *visit) meet() {
	c := &v.customer
	switch {
	case c.ID == 0:
		*c = Customer{
			Schema: Schema, ID: v.in.User, Language: v.shop.cfg.Bundle.Match(v.in.Event.Client),
			FirstSeen: v.now, LastSeen: v.now,
		}
		v.changed = true
	case v.now.Sub(c.LastSeen) >= seenEvery || !c.Blocked.IsZero():
		c.LastSeen, c.Blocked = v.now, time.Time{}
		v.changed = true
	}
}

func (v *visit) answer(ctx context.Context) (Reply, error) {
	if r, done, err := v.relay(ctx); done || err != nil {
		return r, err
	}
	switch v.in.Event.Kind {
	case EventPress:
		return v.press(ctx)
	case EventCommand:
		return v.command(ctx)
	case EventText:
		return v.text(ctx)
	default:
		return v.unreadable(ctx)
	}
}

// finish adds to a reply what became of session and customer.
func (v *visit) finish(r Reply) Reply {
	r.Session = v.session
	if v.changed {
		c := v.customer
		r.Customer = &c
	}
	return r
}

// then makes an effect of a reply: do runs on a visit of its own, with the session as saved.
func (v *visit) then(do func(v *visit, ctx context.Context) (Reply, error)) func(context.Context, Input) (Reply, error) {
	s := v.shop
	return func(ctx context.Context, in Input) (Reply, error) {
		in.Now = s.cfg.Now() // the effect may run a while after the tap
		next := s.visit(in)
		r, err := do(next, ctx)
		if err != nil {
			return Reply{}, err
		}
		return next.finish(r), nil
	}
}

// show answers with one page, drawn in place.
func (v *visit) show(screen Screen) Reply { return Reply{Screen: &screen} }

// webLink says whether Telegram takes s as the address of a button.
func webLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(s) <= 2048
}
