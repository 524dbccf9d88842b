package flows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"esimbot/locales"
	"esimbot/orders"
	"esimbot/usage"
)

// maxName is how long a name of an eSIM may be, in runes.
const maxName = 32

// change edits the customer's eSIM and shows its page with what is said of it.
func (v *visit) change(ctx context.Context, id, said string, edit func(*usage.ESIM)) (Reply, error) {
	if _, err := v.held(ctx, id); err != nil {
		return Reply{}, err
	}
	e, err := v.shop.cfg.ESIMs.Change(ctx, id, v.in.User, func(e *usage.ESIM) error {
		edit(e)
		return nil
	})
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return Reply{}, errStale
	case err != nil:
		return Reply{}, fmt.Errorf("change eSIM: %w", err)
	}
	v.session.Page = to("esim", id)
	v.notice = v.l.H(said)
	return v.esimPage(ctx, e)
}

// bell is the button that switches an eSIM's messages off or on.
func (v *visit) bell(e *usage.ESIM) Button {
	if e.Muted {
		return press(v.l.T("button_unmute"), to("unmute", e.ID))
	}
	return press(v.l.T("button_mute"), to("mute", e.ID))
}

// mute switches an eSIM's messages off.
func (v *visit) mute(ctx context.Context, words []string) (Reply, error) {
	return v.change(ctx, words[0], "muted", func(e *usage.ESIM) { e.Muted = true })
}

// unmute switches them on, and has it looked at whether there is one to send.
func (v *visit) unmute(ctx context.Context, words []string) (Reply, error) {
	return v.change(ctx, words[0], "unmuted", func(e *usage.ESIM) {
		if e.Muted = false; !e.NextAt.IsZero() {
			e.NextAt = v.now
		}
	})
}

// later puts an offer aside: it turns into the eSIM's page.
func (v *visit) later(ctx context.Context, words []string) (Reply, error) {
	v.session.Page = to("esim", words[0])
	v.notice = v.l.H("later")
	return v.esim(ctx, words)
}

// rename asks for a name for an eSIM.
func (v *visit) rename(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	return v.askName(e, ""), nil
}

func (v *visit) askName(e *usage.ESIM, why string) Reply {
	v.session.Page = to("rename", e.ID)
	v.session.Question = v.session.Page
	var unname []Button
	if e.Name != "" {
		unname = []Button{press(v.l.T("button_unname"), to("unname", e.ID))}
	}
	html := paragraphs(why, v.l.H("rename_title"), locales.Escape(esimName(v.l, e)), v.l.H("rename_ask"))
	return v.show(Screen{Name: "rename", HTML: html, Rows: withRows(nil, unname, []Button{back(v.l, to("esim", e.ID))})})
}

// named takes what was typed as the eSIM's name.
func (v *visit) named(ctx context.Context, e *usage.ESIM, typed string) (Reply, error) {
	switch {
	case holdsCard(typed):
		return v.hint("card_typed"), nil
	case holdsCode(typed):
		return v.hint("code_typed"), nil
	}
	name, ok := readName(typed)
	if !ok {
		return v.askName(e, v.l.H("rename_wrong")), nil
	}
	v.session.Question = ""
	return v.change(ctx, e.ID, "renamed", func(e *usage.ESIM) { e.Name = name })
}

// unname takes the name away.
func (v *visit) unname(ctx context.Context, words []string) (Reply, error) {
	return v.change(ctx, words[0], "unnamed", func(e *usage.ESIM) { e.Name = "" })
}

// joiners hold together what is one sign: of emoji, and of letters in Persian and Indian scripts.
const joiners = "\u200C\u200D"

// readName reads a name of an eSIM: 1 to 32 runes on one line, something of which can be seen. Marks
// that turn the direction of writing, copied along or not, are taken out.
func readName(typed string) (string, bool) {
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) && !strings.ContainsRune(joiners, r) {
			return -1
		}
		return r
	}, typed))
	hidden := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	seen := func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.M, r) }
	ok := utf8.ValidString(typed) && utf8.RuneCountInString(name) <= maxName && strings.ContainsFunc(name, seen) && !strings.ContainsFunc(name, hidden)
	return name, ok
}
