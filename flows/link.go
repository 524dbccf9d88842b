package flows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/usage"
)

// linkable says whether e's provider can tell nothing of it before its ICCID is known.
func (v *visit) linkable(e *usage.ESIM) bool {
	return v.shop.cfg.Linker != nil && !e.Linked() && !e.Over(v.now)
}

// link asks for an eSIM's ICCID.
func (v *visit) link(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	if !v.linkable(e) {
		v.session.Page = to("esim", e.ID)
		return v.esimPage(ctx, e)
	}
	return v.askICCID(e, ""), nil
}

// askICCID asks for e's ICCID and says where to find it: the next text is taken for it. why is what
// was wrong with the last one, as HTML.
func (v *visit) askICCID(e *usage.ESIM, why string) Reply {
	v.session.Page = to("link", e.ID)
	v.session.Question = v.session.Page
	title := lines(v.l.H("link_title"), locales.Escape(esimName(v.l, e)))
	if why == "" {
		why = v.l.H("link_why")
	}
	return v.show(Screen{
		Name: "link",
		HTML: paragraphs(title, why, lines(v.l.H("link_iphone"), v.l.H("link_android")), v.l.H("link_send")),
		Rows: [][]Button{{press(v.l.T("button_steps"), to("guide", e.ID)), back(v.l, to("esim", e.ID))}},
	})
}

// asked answers a message that comes while an eSIM's name or ICCID is asked for. It says whether one is.
func (v *visit) asked(ctx context.Context, typed string) (Reply, bool, error) {
	word, id, _ := strings.Cut(v.session.Question, "/")
	if word != "link" && word != "rename" {
		return Reply{}, false, nil
	}
	e, err := v.held(ctx, id)
	if errors.Is(err, errStale) { // it was erased meanwhile
		v.session.Question = ""
		return Reply{}, false, nil
	}
	if err != nil {
		return Reply{}, false, err
	}
	var r Reply
	switch {
	case word == "rename":
		r, err = v.named(ctx, e, typed)
	case !v.linkable(e):
		v.session.Question, v.session.Page = "", to("esim", e.ID)
		r, err = v.esimPage(ctx, e)
	default:
		r = v.linking(e, typed)
	}
	r.Fresh = r.Screen != nil
	return r, true, err
}

// linking takes what was typed as e's ICCID.
func (v *visit) linking(e *usage.ESIM, typed string) Reply {
	switch digits := numeral(typed); {
	case typed == "":
		return v.askICCID(e, v.l.H("link_picture"))
	case meantEID(digits):
		return v.askICCID(e, v.l.H("link_eid"))
	case meantCard(digits):
		return v.hint("card_typed")
	}
	number, err := esim.ParseICCID(typed)
	if err != nil {
		return v.askICCID(e, v.l.H(iccidFault(err)))
	}
	return v.tryICCID(e, number)
}

// iccidFault is the key of what is said of text that is no ICCID.
func iccidFault(err error) string {
	switch {
	case errors.Is(err, esim.ErrICCIDPrefix):
		return "iccid_prefix"
	case errors.Is(err, esim.ErrICCIDLuhn):
		return "iccid_typo"
	case errors.Is(err, esim.ErrICCIDDigits):
		return "link_digits"
	default:
		return "iccid_length"
	}
}

// tryICCID asks the provider for the number, in the reply's effect.
func (v *visit) tryICCID(e *usage.ESIM, number esim.ICCID) Reply {
	v.session.ICCID = ""
	v.session.Page = to("link", e.ID)
	v.session.Question = v.session.Page
	r := v.show(Screen{Name: "linking", HTML: v.l.H("linking"), Rows: [][]Button{{back(v.l, to("esim", e.ID))}}})
	r.Typing, r.Then = true, v.then(func(v *visit, ctx context.Context) (Reply, error) {
		linked, err := v.shop.cfg.Linker.Link(ctx, e.ID, v.in.User, number)
		switch {
		case err == nil:
			v.session.Question, v.session.Page = "", to("esim", e.ID)
			v.notice = v.l.H("link_done")
			return v.esimPage(ctx, linked)
		case errors.Is(err, usage.ErrNotLinked):
			return v.askICCID(e, v.l.H("link_unknown")), nil
		case errors.Is(err, usage.ErrTooMany):
			v.session.Question, v.session.Page = "", to("esim", e.ID)
			return v.show(Screen{Name: "link_too_many", HTML: v.l.H("link_too_many"), Rows: [][]Button{
				{{Text: v.l.T("button_write"), Data: to("ask", e.ID), Style: Primary}, back(v.l, to("esim", e.ID))},
			}}), nil
		case errors.Is(err, usage.ErrNotFound):
			v.session.Question = ""
			return v.open(ctx, "esims")
		default:
			r := v.askICCID(e, v.l.H("link_down"))
			r.Cause = fmt.Errorf("link ICCID: %w", err)
			return r, nil
		}
	})
	return r
}

// iccid answers an ICCID typed outside of the question for one: it is linked to the one eSIM that
// lacks it; where there are several, it asks which.
func (v *visit) iccid(ctx context.Context, typed string) (Reply, error) {
	number, err := esim.ParseICCID(typed)
	if err != nil {
		return v.iccidHint(iccidFault(err)), nil
	}
	all, err := v.shop.cfg.ESIMs.ByCustomer(ctx, v.in.User)
	if err != nil {
		return Reply{}, fmt.Errorf("list eSIMs: %w", err)
	}
	var lacking []*usage.ESIM
	for _, e := range all {
		switch {
		case e.ICCID == number:
			return v.open(ctx, to("esim", e.ID))
		case v.linkable(e):
			lacking = append(lacking, e)
		}
	}
	switch len(lacking) {
	case 0:
		return v.iccidHint("iccid_thanks"), nil
	case 1:
		return v.tryICCID(lacking[0], number), nil
	}
	v.session.ICCID, v.session.Page = number, "esims"
	rows := make([][]Button, 0, placesPerPage+1)
	for _, e := range lacking[:min(len(lacking), placesPerPage)] {
		rows = append(rows, []Button{press(esimLine(v.l, e, v.now), to("mine", e.ID))})
	}
	return v.show(Screen{Name: "link_which", HTML: v.l.H("link_which"), Rows: append(rows, []Button{back(v.l, "esims")})}), nil
}

// mine says which eSIM the number typed before is of.
func (v *visit) mine(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	if v.session.ICCID == "" || !v.linkable(e) {
		return v.link(ctx, words)
	}
	return v.tryICCID(e, v.session.ICCID), nil
}

// iccidHint answers the number of an eSIM that can't be linked.
func (v *visit) iccidHint(key string) Reply {
	return v.show(Screen{
		Name: "iccid", HTML: v.l.H(key),
		Rows: [][]Button{{{Text: v.l.T("button_esims"), Data: "esims", Style: Primary}}, {back(v.l, "start")}},
	})
}

// meantICCID says whether typed is the number of an eSIM, right or wrong, also with one digit missing
// or one too many.
func meantICCID(typed string) bool {
	if esim.LooksLikeICCID(typed) {
		return true
	}
	_, err := esim.ParseICCID(typed)
	_, last := utf8.DecodeLastRuneInString(typed)
	return errors.Is(err, esim.ErrICCIDLength) &&
		(esim.LooksLikeICCID(typed+"0") || esim.LooksLikeICCID(typed[:len(typed)-last]))
}
