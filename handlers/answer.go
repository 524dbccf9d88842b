package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"esimbot/flows"
	"esimbot/orders"
)

// headed is how many UTF-16 code units of a text stand below its header; the rest, where there is
// any, is a message of its own. Together they are more than Telegram's limit for one text.
const headed = 3500

// A said is what somebody wrote in reply to a message of the bot's, in the support chat or in an
// admin's private chat.
type said struct {
	chat    int64
	message int
	to      int    // the message it replies to
	text    string // empty for a photo, a voice message and the like
	caption string // what stands below such a one
	album   string
}

// answer carries to the customer what was said in reply to an inquiry. It says whether it was: any
// other message is not the relay's.
func (r *Relay) answer(ctx context.Context, s said) (bool, error) {
	kept, err := r.cfg.Store.Relay(ctx, s.chat, s.to)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return false, nil
	case err != nil:
		return false, &unavailableError{"look up a relayed message", err}
	case kept.Answer:
		return false, nil // the admin is the customer here
	case kept.Customer == 0: // who had everything erased
		r.note(ctx, s.chat, s.message, flows.WordGone)
		return true, nil
	}
	kept = flows.Relayed{
		Customer: kept.Customer, Language: language(ctx, r.cfg.Sessions, kept.Customer, kept.Language), Order: kept.Order, Answer: true,
	}
	err = r.once(ctx, s.chat, s.message, func(ctx context.Context) error { return r.toCustomer(ctx, s, kept) })
	if err != nil {
		return true, fmt.Errorf("answer to customer %d: %w", kept.Customer, err)
	}
	return true, nil
}

// toCustomer delivers an answer and tells support what became of it.
func (r *Relay) toCustomer(ctx context.Context, s said, kept flows.Relayed) error {
	err := r.deliver(ctx, s, kept)
	r.count("to_customer", err)
	switch {
	case errors.Is(err, orders.ErrUnreachable):
		r.note(ctx, s.chat, s.message, flows.WordGone)
		return nil
	case errors.Is(err, flows.ErrNotCarried):
		r.note(ctx, s.chat, s.message, flows.WordNotCarried)
		return nil
	case err != nil:
		return err
	}
	if err := r.cfg.Client.react(ctx, s.chat, s.message); err != nil {
		r.cfg.Log.DebugContext(ctx, "no reaction", "err", err)
		r.note(ctx, s.chat, s.message, flows.WordCarried)
	}
	r.tellOthers(ctx, s, kept)
	return nil
}

// deliver sends an answer to the customer's private chat. The buttons stand below its last message.
func (r *Relay) deliver(ctx context.Context, s said, kept flows.Relayed) error {
	screen := r.cfg.Letters.AnswerScreen(kept, above(s.text), kept.Language)
	rest := overflow(s.text)
	rows := screen.Rows
	if s.text == "" || rest != "" {
		screen.Rows = nil
	}
	if s.text != "" || r.firstOf(ctx, s.chat, s.album) {
		sent, err := r.cfg.Client.send(ctx, kept.Customer, screen)
		if err != nil {
			r.giveUp(ctx, albumName(s.chat, s.album)) // the next try needs its header
			return err
		}
		r.remember(ctx, sent.ID, kept)
	}
	switch {
	case s.text == "":
		copied, err := r.cfg.Client.copyMessage(ctx, copying{from: s.chat, message: s.message, to: kept.Customer, rows: rows, caption: s.caption})
		if failedAs(err, failRefused) {
			return errors.Join(flows.ErrNotCarried, err)
		}
		if err != nil {
			return err
		}
		r.remember(ctx, copied, kept)
	case rest != "":
		sent, err := r.cfg.Client.send(ctx, kept.Customer, flows.Screen{HTML: flows.Quoted(rest), Rows: rows})
		if err != nil {
			return err
		}
		r.remember(ctx, sent.ID, kept)
	}
	return nil
}

// remember keeps an answer so that a reply to it finds its way. The button below it does so too: what
// fails is no reason to send the answer again.
func (r *Relay) remember(ctx context.Context, message int, kept flows.Relayed) {
	if err := r.cfg.Store.SaveRelay(ctx, kept.Customer, message, kept); err != nil {
		r.cfg.Log.WarnContext(ctx, "a reply to an answer of support's won't find its way", "err", err)
	}
}

// tellOthers lets the other admins know that one of them answered, so that the customer isn't
// answered twice. In a support chat everyone sees it.
func (r *Relay) tellOthers(ctx context.Context, s said, kept flows.Relayed) {
	if r.cfg.SupportChat != 0 {
		return
	}
	inquiry := kept
	inquiry.Answer = false
	for _, admin := range r.cfg.Admins {
		if admin == s.chat || admin == kept.Customer {
			continue
		}
		screen := r.cfg.Letters.AnsweredScreen(kept, above(s.text), language(ctx, r.cfg.Sessions, admin, supportLanguage))
		sent, err := r.cfg.Client.send(ctx, admin, screen)
		if err == nil {
			err = r.cfg.Store.SaveRelay(ctx, admin, sent.ID, inquiry)
		}
		if err != nil {
			r.cfg.Log.DebugContext(ctx, "another admin not told of an answer", "err", err)
		}
	}
}

// shortened is an inquiry with as much of its text as stands below its header.
func shortened(q flows.Inquiry) flows.Inquiry {
	q.Text = above(q.Text)
	return q
}

// above is the part of a text that stands below its header, overflow the rest.
func above(text string) string {
	head, _ := split(text)
	return head
}

func overflow(text string) string {
	_, rest := split(text)
	return rest
}

// split cuts a text after headed code units, at a space where one is near. Activation codes are taken out
// first: half of one would not be known for what it is.
func split(text string) (head, rest string) {
	text = flows.WithoutCodes(text)
	units, space := 0, 0
	for at, c := range text {
		if c == ' ' || c == '\n' {
			space = at
		}
		if units += utf16.RuneLen(c); units > headed {
			if at-space > headed/4 {
				space = at
			}
			return strings.TrimSpace(text[:space]), strings.TrimSpace(text[space:])
		}
	}
	return text, ""
}
