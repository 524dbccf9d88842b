package flows

import (
	"context"
	"errors"
	"strings"

	"esimbot/orders"
)

// command answers a slash command with a new message: the shop's screen is further up by now.
func (v *visit) command(ctx context.Context) (Reply, error) {
	v.session.Question = ""
	var data string
	switch v.in.Event.Command {
	case "start":
		r, err := v.start(ctx, strings.TrimSpace(v.in.Event.Args))
		r.Fresh = true
		return r, err
	case "buy":
		data = "dest"
	case "esims", "help", "support", "terms", "privacy":
		data = v.in.Event.Command
	case "paysupport":
		data = "pay"
	case "language":
		data = "lang"
	default:
		if r, ok, err := v.adminCommand(ctx); ok {
			return r, err
		}
		// An admin's command of anybody else too: nobody learns that it exists.
		return v.unknown(), nil
	}
	v.session.From = ""
	r, err := v.open(ctx, data)
	r.Fresh = true
	return r, err
}

// unknown answers a command that there isn't: "/japan" means the place.
func (v *visit) unknown() Reply {
	query := strings.ReplaceAll(v.in.Event.Command, "_", " ") + " " + v.in.Event.Args
	if found := v.snap.Search(query, v.l.Lang(), 1); len(found.Places) == 0 {
		return v.hint("unknown_command")
	}
	r := v.search(query)
	r.Fresh = true
	return r
}

// start answers /start and the deep links: c_jp, r_europe, g, p_<plan>, o_<order> (back from a
// payment), x_<order> (back without one); an admin's a_<order> and a_balance.
func (v *visit) start(ctx context.Context, payload string) (Reply, error) {
	v.session.From = ""
	kind, rest, _ := strings.Cut(payload, "_")
	data := "start"
	switch {
	case payload == "g", kind == "c" || kind == "r":
		data = to("plans", payload)
	case kind == "p":
		data = to("plan", rest)
	case kind == "a":
		r, err := v.matter(ctx, rest)
		if !errors.Is(err, errStale) {
			return r, err
		}
	case kind == "o" || kind == "x":
		id, err := orders.ParseID(rest)
		if err != nil {
			break
		}
		r, err := v.returned(ctx, id, kind)
		if !errors.Is(err, errStale) {
			return r, err
		}
	}
	r, err := v.open(ctx, data)
	if !errors.Is(err, errStale) {
		return r, err
	}
	v.notice = v.l.H("link_gone")
	return v.open(ctx, "dest")
}

// text answers what was typed: an ICCID, an order's id, else a search.
func (v *visit) text(ctx context.Context) (Reply, error) {
	typed := strings.TrimSpace(v.in.Event.Text)
	if typed == "" {
		return v.unreadable(ctx)
	}
	if r, ok, err := v.adminText(ctx, typed); ok {
		return r, err
	}
	if r, ok, err := v.asked(ctx, typed); ok || err != nil {
		return r, err
	}
	switch digits := numeral(typed); {
	case holdsCode(typed):
		return v.hint("code_typed"), nil
	case meantICCID(typed):
		r, err := v.iccid(ctx, typed)
		r.Fresh = r.Screen != nil
		return r, err
	case meantEID(digits):
		return v.hint("eid_typed"), nil
	case meantCard(digits):
		return v.hint("card_typed"), nil
	}
	if id, err := orders.ParseID(typed); err == nil {
		// "Madagascar" reads as an order's id too: what is none of theirs is searched for.
		r, err := v.open(ctx, to("o", string(id)))
		if !errors.Is(err, errStale) {
			r.Fresh = true
			return r, err
		}
		if r, err = v.open(ctx, adminPage("order", string(id))); !errors.Is(err, errStale) { // an admin may open anybody's
			r.Fresh = true
			return r, err
		}
	}
	r := v.search(typed)
	r.Fresh = true
	return r, nil
}

// numeral returns the digits of a text of nothing but digits, in groups perhaps; else "".
func numeral(typed string) string {
	digits := strings.NewReplacer(" ", "", "-", "", "\u00A0", "").Replace(typed)
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// meantEID knows the number by which a phone says that it takes eSIMs (GSMA SGP.29): our own pages
// ask people to look for it.
func meantEID(digits string) bool { return len(digits) == 32 && strings.HasPrefix(digits, "89") }

// meantCard knows what is likely the number of a payment card. It is not searched for, so that it
// is kept nowhere.
func meantCard(digits string) bool {
	switch len(digits) {
	case 15:
		return strings.HasPrefix(digits, "34") || strings.HasPrefix(digits, "37")
	case 16:
		return digits[0] >= '2' && digits[0] <= '6'
	default:
		return false
	}
}

// unreadable answers photos, voice messages and the like.
func (v *visit) unreadable(ctx context.Context) (Reply, error) {
	if r, ok, err := v.asked(ctx, ""); ok || err != nil {
		return r, err
	}
	return v.hint("only_text"), nil
}

// hint says something kind and shows the ways on.
func (v *visit) hint(key string) Reply {
	return Reply{Fresh: true, Screen: &Screen{Name: "hint", HTML: v.l.H(key), Rows: menu(v.l)}}
}
