package flows

import (
	"context"
	"fmt"
)

// help tells how the shop works.
func (v *visit) help(_ context.Context, _ []string) (Reply, error) {
	return v.show(Screen{Name: "help", HTML: v.l.H("help"), Rows: [][]Button{
		{{Text: v.l.T("button_choose"), Data: "dest", Style: Primary}},
		{press(v.l.T("button_my_phone"), "phone"), press(v.l.T("button_steps"), "guide")},
		{press(v.l.T("button_refunds"), "pay"), press(v.l.T("button_support"), "support")},
		{press(v.l.T("button_terms"), "terms"), press(v.l.T("button_privacy"), "privacy")},
		{back(v.l, "start")},
	}}), nil
}

// terms tells the terms of sale in short.
func (v *visit) terms(_ context.Context, _ []string) (Reply, error) {
	return v.show(Screen{Name: "terms", HTML: v.l.H("terms"), Rows: withRows(
		linked(v.l.T("button_full_terms"), v.shop.cfg.TermsURL), []Button{back(v.l, "help")},
	)}), nil
}

// privacy tells what is kept of a person, and can delete it.
func (v *visit) privacy(_ context.Context, _ []string) (Reply, error) {
	return v.show(Screen{Name: "privacy", HTML: v.l.H("privacy"), Rows: withRows(
		linked(v.l.T("button_full_privacy"), v.shop.cfg.PrivacyURL),
		[]Button{{Text: v.l.T("button_erase"), Data: "erase", Style: Danger}},
		[]Button{back(v.l, "help")},
	)}), nil
}

func linked(text, address string) [][]Button {
	if address == "" {
		return nil
	}
	return [][]Button{{{Text: text, URL: address}}}
}

// erase asks once more, then deletes what is kept of the person.
func (v *visit) erase(_ context.Context, words []string) (Reply, error) {
	if len(words) == 0 {
		return v.show(Screen{Name: "erase", HTML: v.l.H("erase"), Rows: [][]Button{
			{{Text: v.l.T("button_erase_yes"), Data: to("erase", "yes"), Style: Danger}}, {back(v.l, "privacy")},
		}}), nil
	}
	if words[0] != "yes" {
		return Reply{}, errStale
	}
	v.session.Page = "erase" // drawn again, it asks again
	r := v.show(Screen{Name: "erasing", HTML: v.l.H("erasing"), Rows: [][]Button{{back(v.l, "privacy")}}})
	r.Typing, r.Then = true, v.then((*visit).forget)
	return r, nil
}

// forget deletes what is kept. Afterwards only the number of the message on the screen is known.
func (v *visit) forget(ctx context.Context) (Reply, error) {
	if err := v.shop.cfg.Eraser.Erase(ctx, v.in.User); err != nil {
		r := v.show(Screen{Name: "erase_failed", HTML: v.l.H("erase_failed"), Rows: [][]Button{
			{press(v.l.T("button_try_again"), "erase"), back(v.l, "privacy")},
		}})
		r.Cause = fmt.Errorf("erase customer: %w", err)
		return r, nil
	}
	v.session = Session{Schema: Schema, Screen: v.session.Screen}
	v.changed = false // the profile is gone and must not be written back
	return v.show(Screen{Name: "erased", HTML: v.l.H("erased"), Rows: [][]Button{{press(v.l.T("button_start_over"), "start")}}}), nil
}

// A Word names a short text that the doors say by themselves.
type Word string

// What the doors say by themselves.
const (
	// WordSorry: something broke on our side; nothing was charged.
	WordSorry Word = "sorry"
	// WordPrivate is said in groups, before leaving them.
	WordPrivate Word = "private_only"
	// WordSlower is said to somebody who taps faster than we follow.
	WordSlower Word = "slower"
	// WordOpen is the one button of a matter that is told in the support chat.
	WordOpen Word = "button_open"
	// WordCarried confirms to support that an answer is with the customer, where a reaction can't.
	WordCarried Word = "relay_carried"
	// WordGone says that the customer can't be reached any more.
	WordGone Word = "relay_gone"
	// WordNotCarried says that a message of that kind can't be passed on.
	WordNotCarried Word = "relay_not_carried"
)

// Say returns a word as plain text, for toasts and messages without buttons.
func (s *Shop) Say(w Word, lang string) string { return s.cfg.Bundle.For(lang).T(string(w)) }

// Sorry is the screen for when nothing else can be said: what happened to the money, and ways on.
func (s *Shop) Sorry(lang string) Screen {
	l := s.cfg.Bundle.For(lang)
	return Screen{Name: "sorry", HTML: l.H(string(WordSorry)), Rows: menu(l)}
}
