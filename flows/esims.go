package flows

import (
	"context"
	"errors"
	"fmt"
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
	choose, key := Button{Text: v.l.T("button_choose"), Data: "dest"}, "esims"
	if len(rows) > 0 {
		rows[0][0].Style = Primary
	} else {
		choose.Style, key = Primary, "esims_none"
	}
	rows = withRows(rows, leaf.pager(v.l, "esims"))
	if len(past) > 0 {
		rows = append(rows, []Button{press(v.l.T("button_past", args{"Count": len(past)}), "past")})
	}
	rows = append(rows, []Button{choose}, []Button{back(v.l, "start")})
	return v.show(Screen{Name: key, HTML: v.l.H(key), Rows: rows}), nil
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

// esimLine is an eSIM in one line: place, what is left, how long.
func esimLine(l *locales.Localizer, e *usage.ESIM, now time.Time) string {
	a := args{"Place": l.Flagged(e.Plan.Destination), "Data": allowance(l, e.Plan), "State": l.T("state_" + stateOf(e, now))}
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

// esim is an eSIM's own page.
func (v *visit) esim(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	o, err := v.own(ctx, words[0])
	if err != nil && !errors.Is(err, errStale) {
		return Reply{}, err
	}
	return v.show(Screen{Name: "esim", HTML: v.esimText(e), Rows: v.esimButtons(e, o)}), nil
}

// esimText says what is known of an eSIM, and as of when.
func (v *visit) esimText(e *usage.ESIM) string {
	number, iccid := "", ""
	if e.PhoneNumber != "" {
		number = v.l.H("photo_number", args{"Number": code(v.l, cutRunes(e.PhoneNumber, 32))})
	}
	if e.ICCID != "" {
		iccid = v.l.H("esim_iccid", args{"ICCID": code(v.l, e.ICCID.Digits())})
	}
	return paragraphs(
		v.notice,
		lines(bold(planName(v.l, e.Plan)), v.l.H("esim_state_"+stateOf(e, v.now))),
		v.dataText(e),
		v.validText(e),
		lines(number, iccid, v.l.H("esim_order", args{"Order": code(v.l, orders.ID(e.ID).String()), "Date": v.l.Isolate(v.l.Date(e.BoughtAt))})),
	)
}

// dataText shows the last known numbers with their time; without any it says where the phone
// shows them.
func (v *visit) dataText(e *usage.ESIM) string {
	left := e.RemainingBytes()
	switch {
	case e.Past(v.now) && left < 0:
		return ""
	case e.UsedBytes < 0 && e.ICCID == "" && e.TranNo == "":
		return v.l.H("esim_data_unknown")
	case stateOf(e, v.now) == string(esim.StatusReady) && e.UsedBytes <= 0:
		return v.l.H("esim_untouched", args{"Data": allowance(v.l, e.Plan)})
	case left >= 0:
		as := v.l.H("esim_as_of", args{"Time": v.l.Isolate(v.l.DateTime(e.MeasuredAt))})
		if e.Plan.Provider == esim.Mobilexy {
			as = lines(as, v.l.H("esim_slow_reports"))
		}
		if e.MeasuredAt.IsZero() {
			as = ""
		}
		return lines(v.l.H("esim_data_left", args{"Left": data(v.l, left), "Total": data(v.l, e.TotalBytes), "Bar": bar(left, e.TotalBytes)}), as)
	case e.UsedBytes >= 0 && !e.MeasuredAt.IsZero():
		return lines(v.l.H("esim_data_used", args{"Used": data(v.l, e.UsedBytes)}), v.l.H("esim_as_of", args{"Time": v.l.Isolate(v.l.DateTime(e.MeasuredAt))}))
	default:
		return v.l.H("esim_data_unknown")
	}
}

func (v *visit) validText(e *usage.ESIM) string {
	switch {
	case e.Past(v.now):
		return ""
	case e.ExpiresAt.IsZero():
		return v.l.H("valid", args{"Days": v.l.Isolate(v.l.Days(e.Plan.Days))})
	case e.About && stateOf(e, v.now) == string(esim.StatusReady):
		return lines(v.l.H("valid", args{"Days": v.l.Isolate(v.l.Days(e.Plan.Days))}), v.l.H("esim_latest", args{"Date": v.l.Isolate(v.l.Date(e.ExpiresAt))}))
	case e.About:
		return v.l.H("esim_until_about", args{"Date": v.l.Isolate(v.l.Date(e.ExpiresAt)), "Time": timeLeft(v.l, e, v.now)})
	default:
		return v.l.H("esim_until", args{"Date": v.l.Isolate(v.l.Date(e.ExpiresAt)), "Time": timeLeft(v.l, e, v.now)})
	}
}

// esimButtons leads on from an eSIM: to installing it while it is new, to more data while it is
// in use, to another one when it is past. o is nil where the order is no more.
func (v *visit) esimButtons(e *usage.ESIM, o *orders.Order) [][]Button {
	install := []Button{press(v.l.T("button_qr"), to("qr", e.ID)), press(v.l.T("button_steps"), to("guide", e.ID))}
	more := []Button{press(v.l.T("button_top_up"), to("more", e.ID))}
	var anew, money []Button
	if o != nil {
		anew = []Button{v.shop.companion(v.l, o)}
		money = append(receipt(v.l, o), press(v.l.T("button_ask_refund"), to("refund", e.ID)))
	}
	if e.Past(v.now) {
		if o != nil {
			anew = []Button{v.shop.anew(v.l, "button_again", o)}
		}
		return coloured(withRows(nil, anew, install, money, []Button{back(v.l, "past")}))
	}
	if stateOf(e, v.now) == string(esim.StatusReady) {
		return coloured(withRows(nil, install, more, anew, money, []Button{back(v.l, "esims")}))
	}
	return coloured(withRows(nil, more, install, anew, money, []Button{back(v.l, "esims")}))
}

// coloured marks the first button as the likeliest next step.
func coloured(rows [][]Button) [][]Button {
	rows[0][0].Style = Primary
	return rows
}
