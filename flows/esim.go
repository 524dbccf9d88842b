package flows

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
	"esimbot/usage"
)

// silence is after how many looks in a row without news the page says that there is none.
const silence = 2

// esim is an eSIM's own page.
func (v *visit) esim(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	return v.esimPage(ctx, e)
}

// left is the eSIM's page too, for who wants to see its data: where nobody can tell, because its
// ICCID isn't known, it asks for that.
func (v *visit) left(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	switch {
	case err != nil:
		return Reply{}, err
	case v.linkable(e):
		return v.askICCID(e, ""), nil
	}
	v.session.Page = to("esim", e.ID)
	return v.esimPage(ctx, e)
}

func (v *visit) esimPage(ctx context.Context, e *usage.ESIM) (Reply, error) {
	o, err := v.own(ctx, e.ID)
	if err != nil && !errors.Is(err, errStale) {
		return Reply{}, err
	}
	return v.show(Screen{Name: "esim", HTML: v.esimText(e), Rows: v.esimButtons(e, o)}), nil
}

// refresh asks the provider for new numbers, where it is time for that, and shows the page meanwhile.
func (v *visit) refresh(ctx context.Context, words []string) (Reply, error) {
	e, err := v.held(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	v.session.Page = to("esim", e.ID)
	at := v.refreshAt(e)
	switch {
	case at.IsZero():
		return v.esimPage(ctx, e)
	case v.now.Before(at) && at.Sub(v.now) <= time.Minute:
		v.notice = v.l.H("refresh_soon")
		return v.esimPage(ctx, e)
	case v.now.Before(at):
		v.notice = v.l.H("refresh_due", args{"Time": moment(v.l, at, v.now)})
		return v.esimPage(ctx, e)
	}
	v.notice = v.l.H("refreshing")
	r, err := v.esimPage(ctx, e)
	r.Typing, r.Then = true, v.then(func(v *visit, ctx context.Context) (Reply, error) {
		fresh, err := v.shop.cfg.Watch.Refresh(ctx, e.ID)
		if fresh == nil {
			fresh = e
		}
		if err != nil {
			v.notice = v.l.H("refresh_failed")
			err = fmt.Errorf("refresh eSIM: %w", err)
		}
		r, failed := v.esimPage(ctx, fresh)
		r.Cause = err
		return r, failed
	})
	return r, err
}

// refreshAt returns when new numbers of e may be asked for; zero where there are none to come.
func (v *visit) refreshAt(e *usage.ESIM) time.Time {
	if v.shop.cfg.Watch == nil || e.Over(v.now) {
		return time.Time{}
	}
	return v.shop.cfg.Watch.RefreshAt(e)
}

// esimText says what is known of an eSIM, and as of when.
func (v *visit) esimText(e *usage.ESIM) string {
	name, number, iccid := "", "", ""
	if e.Name != "" {
		name = bold(esimName(v.l, e))
	}
	plan := bold(planName(v.l, e.Plan))
	if name != "" {
		plan = locales.Escape(planName(v.l, e.Plan))
	}
	if e.PhoneNumber != "" {
		number = v.l.H("photo_number", args{"Number": code(v.l, cutRunes(e.PhoneNumber, 32))})
	}
	if e.ICCID != "" {
		iccid = v.l.H("esim_iccid", args{"ICCID": code(v.l, e.ICCID.Digits())})
	}
	return paragraphs(
		v.notice,
		lines(name, plan, v.l.H("esim_state_"+stateOf(e, v.now))),
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
	case e.UsedBytes < 0 && v.linkable(e):
		return lines(v.l.H("esim_data_unlinked"), v.l.H("esim_data_unknown"))
	case e.UsedBytes < 0 && e.ICCID == "" && e.TranNo == "":
		return v.l.H("esim_data_unknown")
	case stateOf(e, v.now) == string(esim.StatusReady) && e.UsedBytes <= 0:
		return lines(v.l.H("esim_untouched", args{"Data": volume(v.l, e)}), asOf(v.l, e, v.now), v.silent(e))
	case left >= 0:
		text := v.l.H("esim_data_left", args{"Left": data(v.l, left), "Total": data(v.l, e.TotalBytes), "Bar": bar(left, e.TotalBytes)})
		return lines(text, asOf(v.l, e, v.now), v.forecast(e), v.silent(e))
	case e.UsedBytes >= 0 && !e.MeasuredAt.IsZero():
		return lines(v.l.H("esim_data_used", args{"Used": data(v.l, e.UsedBytes)}), asOf(v.l, e, v.now), v.silent(e))
	default:
		return lines(v.l.H("esim_data_unknown"), v.silent(e))
	}
}

// asOf says how old the numbers are; nothing where that isn't known.
func asOf(l *locales.Localizer, e *usage.ESIM, now time.Time) string {
	key := "esim_as_of"
	switch {
	case e.MeasuredAt.IsZero():
		return ""
	case e.Plan.Provider == esim.Mobilexy:
		key = "esim_as_of_slow"
	}
	return l.H(key, args{"Time": moment(l, e.MeasuredAt, now)})
}

// moment writes a time of today as the clock shows it, and any other with its day.
func moment(l *locales.Localizer, t, now time.Time) string {
	if t.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		return l.Isolate(l.Time(t))
	}
	return l.Isolate(l.DateTime(t))
}

// forecast says how long the data lasts at the present pace.
func (v *visit) forecast(e *usage.ESIM) string {
	in := e.EmptyIn(v.now)
	switch {
	case in <= 0 || e.Past(v.now):
		return ""
	case !e.ExpiresAt.IsZero() && !v.now.Add(in).Before(e.ExpiresAt):
		return v.l.H("esim_forecast_enough")
	case in > longForecast:
		return ""
	default:
		return v.l.H("esim_forecast", args{"Time": span(v.l, in)})
	}
}

// longForecast is how far a pace says anything.
const longForecast = 60 * 24 * time.Hour

// span writes roughly how long d is: in days, or in hours where it is less than one.
func span(l *locales.Localizer, d time.Duration) string {
	if hours := int(math.Round(d.Hours())); hours < 24 {
		return l.Isolate(l.Hours(max(hours, 1)))
	}
	return l.Isolate(l.Days(int(math.Round(d.Hours() / 24))))
}

// silent says since when the provider has told nothing of the eSIM that can be believed.
func (v *visit) silent(e *usage.ESIM) string {
	switch {
	case e.Misses < silence || e.Over(v.now):
		return ""
	case e.MeasuredAt.IsZero():
		return v.l.H("esim_no_news_yet")
	default:
		return v.l.H("esim_no_news", args{"Time": moment(v.l, e.MeasuredAt, v.now)})
	}
}

func (v *visit) validText(e *usage.ESIM) string {
	switch {
	case e.Over(v.now), e.Past(v.now) && e.ExpiresAt.IsZero():
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
	rename := press(v.l.T("button_rename"), to("rename", e.ID))
	var anew, money, last []Button
	if o != nil {
		anew = []Button{v.shop.companion(v.l, o)}
		money = append(receipt(v.l, o), press(v.l.T("button_ask_refund"), to("refund", e.ID)))
		last = []Button{press(v.l.T("button_order"), OrderPage(o.ID))}
	}
	if e.Past(v.now) {
		last = append(last, back(v.l, "past"))
		if !v.canTopUp(e) {
			if o != nil {
				anew = []Button{v.shop.anew(v.l, "button_again", o)}
			}
			return coloured(withRows(nil, anew, append(install, rename), money, last))
		}
		return coloured(withRows(nil, more, v.lookRow(e), install, []Button{rename}, anew, money, last))
	}
	settings, last := []Button{rename, v.bell(e)}, append(last, back(v.l, "esims"))
	if stateOf(e, v.now) == string(esim.StatusReady) {
		return coloured(withRows(nil, install, append(more, v.lookRow(e)...), settings, anew, money, last))
	}
	return coloured(withRows(nil, more, v.lookRow(e), install, settings, anew, money, last))
}

// lookRow leads to newer numbers: from the provider, or by telling the ICCID first.
func (v *visit) lookRow(e *usage.ESIM) []Button {
	switch {
	case v.linkable(e):
		return []Button{press(v.l.T("button_data_left"), to("link", e.ID))}
	case !v.refreshAt(e).IsZero():
		return []Button{press(v.l.T("button_refresh"), to("refresh", e.ID))}
	default:
		return nil
	}
}

// coloured marks the first button as the likeliest next step.
func coloured(rows [][]Button) [][]Button {
	rows[0][0].Style = Primary
	return rows
}
