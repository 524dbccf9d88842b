package flows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
	"esimbot/usage"
)

const (
	esimsPerPage = 6
	barCells     = 6
)

// held returns the customer's eSIM; errStale for what is none or another's.
func (v *visit) held(ctx context.Context, word string) (*usage.ESIM, error) {
	if id, err := orders.ParseID(word); err != nil || string(id) != word {
		return nil, errStale
	}
	e, err := v.shop.cfg.ESIMs.ESIM(ctx, word, v.in.User)
	if err == nil && e.Unreachable { // Telegram didn't say that they are back
		e, err = v.shop.cfg.ESIMs.Change(ctx, word, v.in.User, func(e *usage.ESIM) error {
			e.Return(v.now)
			return nil
		})
	}
	switch {
	case errors.Is(err, orders.ErrNotFound), errors.Is(err, orders.ErrNotYours):
		return nil, errStale
	case err != nil:
		return nil, fmt.Errorf("get eSIM: %w", err)
	}
	return e, nil
}

// esims lists the customer's eSIMs, and on top the orders that are still on their way.
func (v *visit) esims(ctx context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 0)
	if err != nil {
		return Reply{}, err
	}
	active, past, err := v.sorted(ctx)
	if err != nil {
		return Reply{}, err
	}
	list, err := v.shop.cfg.Desk.List(ctx, v.in.User)
	if err != nil {
		return Reply{}, fmt.Errorf("list orders: %w", err)
	}
	rows := v.underWay(list)
	leaf := leafOf(len(active), esimsPerPage, n)
	rows = append(rows, v.esimRows(active[leaf.from:leaf.to])...)
	choose, key, hint := Button{Text: v.l.T("button_choose"), Data: "dest"}, "esims", ""
	switch {
	case len(rows) > 0:
		rows[0][0].Style = Primary
	case len(past) > 0:
		choose.Style, key = Primary, "esims_past"
	default:
		choose.Style, key = Primary, "esims_none"
	}
	if slices.ContainsFunc(active[leaf.from:leaf.to], v.linkable) {
		hint = v.l.H("esims_unlinked")
	}
	rows = withRows(rows, leaf.pager(v.l, "esims"))
	if len(past) > 0 {
		rows = append(rows, []Button{press(v.l.T("button_past", args{"Count": len(past)}), "past")})
	}
	rows = append(rows, []Button{choose}, []Button{back(v.l, "start")})
	return v.show(Screen{Name: key, HTML: paragraphs(v.l.H(key), hint), Rows: rows}), nil
}

// underWay returns a row for each of the newest orders that are neither finished nor delivered.
func (v *visit) underWay(list []*orders.Order) [][]Button {
	var rows [][]Button
	for _, o := range list {
		if o.State.Finished() || o.State == orders.Refunding || len(rows) == 2 {
			continue
		}
		if o.State == orders.AwaitingPayment && (o.Checkout.URL == "" || !v.now.Before(o.Checkout.ExpiresAt)) {
			continue
		}
		rows = append(rows, []Button{v.orderButton(o)})
	}
	return rows
}

// past lists what is used up, expired or taken back.
func (v *visit) past(ctx context.Context, words []string) (Reply, error) {
	n, err := pageNumber(words, 0)
	if err != nil {
		return Reply{}, err
	}
	_, past, err := v.sorted(ctx)
	if err != nil {
		return Reply{}, err
	}
	leaf := leafOf(len(past), placesPerPage, n)
	rows := withRows(v.esimRows(past[leaf.from:leaf.to]), leaf.pager(v.l, "past"), []Button{back(v.l, "esims")})
	key := "past"
	if len(past) == 0 {
		key = "past_none"
	}
	return v.show(Screen{Name: key, HTML: v.l.H(key), Rows: rows}), nil
}

// sorted returns the eSIMs in use and the past ones, newest first.
func (v *visit) sorted(ctx context.Context) (active, past []*usage.ESIM, err error) {
	all, err := v.shop.cfg.ESIMs.ByCustomer(ctx, v.in.User)
	if err != nil {
		return nil, nil, fmt.Errorf("list eSIMs: %w", err)
	}
	for _, e := range all {
		if e.Past(v.now) {
			past = append(past, e)
		} else {
			active = append(active, e)
		}
	}
	return active, past, nil
}

func (v *visit) esimRows(list []*usage.ESIM) [][]Button {
	rows := make([][]Button, 0, len(list)+4)
	for _, e := range list {
		rows = append(rows, []Button{press(esimLine(v.l, e, v.now), to("esim", e.ID))})
	}
	return rows
}

// shortName is how much of a name shows in lists, in runes.
const shortName = 12

// esimName names an eSIM, as plain text: as its customer does, else by its plan.
func esimName(l *locales.Localizer, e *usage.ESIM) string {
	if e.Name == "" {
		return planName(l, e.Plan)
	}
	return l.Begin(e.Plan.Destination.Flag() + " " + l.Isolate(e.Name))
}

// esimPlace names it shortly: the place where it has no name.
func esimPlace(l *locales.Localizer, e *usage.ESIM) string {
	if e.Name == "" {
		return l.Flagged(e.Plan.Destination)
	}
	return l.Begin(e.Plan.Destination.Flag() + " " + l.Isolate(cutRunes(e.Name, shortName)))
}

// esimLine is an eSIM in one line: name or place, what is left, how long.
func esimLine(l *locales.Localizer, e *usage.ESIM, now time.Time) string {
	a := args{"Place": esimPlace(l, e), "Data": volume(l, e), "State": l.T("state_" + stateOf(e, now))}
	left := e.RemainingBytes()
	if left < 0 || stateOf(e, now) != string(esim.StatusInUse) {
		return l.T("esim_line_state", a)
	}
	a["Left"], a["Bar"] = data(l, left), bar(left, e.TotalBytes)
	if e.ExpiresAt.IsZero() {
		return l.T("esim_line", a)
	}
	a["Time"] = timeLeft(l, e, now)
	return l.T("esim_line_time", a)
}

// volume writes what an eSIM holds in all: what its plan gave, and what was added.
func volume(l *locales.Localizer, e *usage.ESIM) string {
	if len(e.TopUps) > 0 && e.TotalBytes >= 0 {
		return data(l, e.TotalBytes)
	}
	return allowance(l, e.Plan)
}

// stateOf names the state of an eSIM as locale keys do. That it is installed is known only from
// its use.
func stateOf(e *usage.ESIM, now time.Time) string {
	switch {
	case e.Status == esim.StatusCancelled || e.Status == esim.StatusUsedUp || e.Status == esim.StatusPending || e.Status == esim.StatusSuspended:
		return string(e.Status)
	case e.Past(now):
		return string(esim.StatusExpired)
	case e.Status == esim.StatusInUse || e.UsedBytes > 0:
		return string(esim.StatusInUse)
	default:
		return string(esim.StatusReady)
	}
}

// bar draws what is left of total; something left always shows.
func bar(left, total int64) string {
	if total <= 0 {
		return ""
	}
	full := int((left*barCells + total/2) / total)
	if left > 0 {
		full = max(full, 1)
	}
	full = min(full, barCells)
	return strings.Repeat("▓", full) + strings.Repeat("░", barCells-full)
}

// timeLeft writes how long an eSIM is valid yet: in days, on the last one in hours.
func timeLeft(l *locales.Localizer, e *usage.ESIM, now time.Time) string {
	left := e.ExpiresAt.Sub(now)
	hours := int((left + time.Hour - 1) / time.Hour)
	key := "left"
	if e.About {
		key = "left_about"
	}
	if hours <= 24 {
		return l.T(key, args{"Time": l.Isolate(l.Hours(max(hours, 0)))})
	}
	return l.T(key, args{"Time": l.Isolate(l.Days((hours + 23) / 24))})
}
