package flows

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

const (
	statsDays = 7
	maxDays   = 90
)

// stats shows the figures of the last days, with a chart.
func (v *visit) stats(ctx context.Context, words []string) (Reply, error) {
	days := statsDays
	if len(words) == 1 {
		n, err := pageNumber(words, 0)
		if err != nil || n > maxDays {
			return Reply{}, errStale
		}
		days = n
	}
	s, err := v.shop.cfg.Office.Stats(ctx, days)
	if err != nil {
		return Reply{}, fmt.Errorf("read statistics: %w", err)
	}
	sold, err := v.shop.cfg.ESIMs.Standings(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("count eSIMs: %w", err)
	}
	var choose []Button
	for _, n := range []int{1, 7, 30, 90} {
		text := v.l.Isolate(v.l.Days(n))
		if n == days {
			text = v.l.T("chosen", args{"Choice": text})
		}
		choose = append(choose, press(v.l.Begin(text), adminPage("stats", strconv.Itoa(n))))
	}
	t := v.sum(s)
	return v.show(Screen{
		Name: "admin_stats", HTML: paragraphs(v.notice, v.statsText(s, t, days, sold)), Photo: &Photo{Chart: t.chart},
		Rows: append(inRows(choose, 2), []Button{press(v.l.T("admin_button_orders"), adminPage("orders")), back(v.l, "start")}),
	}), nil
}

// statsTyped is /stats with what was typed behind it.
func (v *visit) statsTyped(ctx context.Context, typed string) (Reply, error) {
	if typed == "" {
		return v.open(ctx, adminPage("stats"))
	}
	if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= maxDays {
		return v.open(ctx, adminPage("stats", strconv.Itoa(n)))
	}
	v.notice = v.l.H("admin_stats_range", args{"Days": maxDays})
	return v.open(ctx, adminPage("stats"))
}

// totals are the figures of all days together. The chart is in currency.
type totals struct {
	opened, paid, delivered, refunds int
	sales, returned                  map[esim.Currency]int64
	cost, regained                   decimal.Decimal
	currency                         esim.Currency
	chart                            *Chart
}

// sum adds the days up. The shop's currency is the one that most came in with; before any sale, the
// catalogue's.
func (v *visit) sum(s orders.Stats) totals {
	t := totals{sales: map[esim.Currency]int64{}, returned: map[esim.Currency]int64{}, chart: &Chart{}}
	for _, d := range s.Days {
		t.opened, t.paid, t.delivered, t.refunds = t.opened+d.Opened, t.paid+d.Paid, t.delivered+d.Delivered, t.refunds+d.Refunds
		t.cost, t.regained = t.cost.Add(d.Cost), t.regained.Add(d.Regained)
		for c, n := range d.Sales {
			t.sales[c] += n
		}
		for c, n := range d.Returned {
			t.returned[c] += n
		}
	}
	t.currency = v.currency()
	for _, c := range slices.Sorted(maps.Keys(t.sales)) {
		if t.sales[c] > t.sales[t.currency] {
			t.currency = c
		}
	}
	for _, d := range s.Days {
		t.chart.Days = append(t.chart.Days, d.Day.UTC().Truncate(24*time.Hour))
		t.chart.Up = append(t.chart.Up, esim.Money{Minor: max(d.Sales[t.currency], 0), Currency: t.currency}.Decimal())
		t.chart.Down = append(t.chart.Down, esim.Money{Minor: max(d.Returned[t.currency], 0), Currency: t.currency}.Decimal())
	}
	return t
}

// currency is what the shop's prices are in.
func (v *visit) currency() esim.Currency {
	for _, places := range [][]string{{"g"}, v.placeIDs()} {
		for _, id := range places {
			if plans := v.snap.Plans(id); len(plans) > 0 {
				return plans[0].Retail.Currency
			}
		}
	}
	return esim.USD
}

func (v *visit) placeIDs() []string {
	var ids []string
	for _, p := range v.snap.Countries() {
		ids = append(ids, p.Destination.ID())
	}
	return ids
}

func (v *visit) statsText(s orders.Stats, t totals, days int, sold map[esim.Status]int) string {
	period := ""
	if n := len(s.Days); n > 0 {
		period = v.l.Isolate(v.l.Date(s.Days[0].Day)) + " – " + v.l.Isolate(v.l.Date(s.Days[n-1].Day))
	}
	margin := ""
	if m, ok := t.margin(s.Rate); ok {
		margin = v.l.H("admin_stats_margin", args{"Margin": m})
	}
	share := decimal.Zero
	if t.opened > 0 {
		share = decimal.NewFromInt(int64(t.paid)).Mul(decimal.NewFromInt(100)).DivRound(decimal.NewFromInt(int64(t.opened)), 1)
	}
	return paragraphs(
		lines(v.l.H("admin_stats", args{"Days": v.l.Isolate(v.l.Days(days))}), v.l.Begin(period)),
		lines(
			v.l.H("admin_stats_sales", args{"Sales": v.amounts(t.sales, t.currency), "Orders": t.paid}),
			v.l.H("admin_stats_refunds", args{"Refunds": v.amounts(t.returned, t.currency), "Number": t.refunds}),
			v.l.H("admin_stats_cost", args{"Cost": v.usd(t.cost), "Regained": v.usd(t.regained)}),
			margin,
			v.l.H("admin_stats_conversion", args{"Paid": t.paid, "Opened": t.opened, "Share": share}),
			v.l.H("admin_stats_delivered", args{"Delivered": t.delivered}),
		),
		v.standingsText(sold),
		v.l.H("admin_stats_chart", args{"Currency": v.l.Isolate(string(t.currency))}),
	)
}

// margin is sales less refunds less what the eSIMs cost, with what providers gave back: in the
// shop's currency, and only where every sale was in it.
func (t totals) margin(rate decimal.Decimal) (esim.Money, bool) {
	for c := range t.sales {
		if c != t.currency {
			return esim.Money{}, false
		}
	}
	for c := range t.returned {
		if c != t.currency {
			return esim.Money{}, false
		}
	}
	in := esim.Money{Minor: t.sales[t.currency] - t.returned[t.currency], Currency: t.currency}
	out := t.cost.Sub(t.regained).Mul(rate)
	m, err := esim.NewMoney(in.Decimal().Sub(out).Round(t.currency.Exponent()), t.currency)
	return m, err == nil
}

// amounts writes money in each currency it came in; nothing is nothing of the shop's own.
func (v *visit) amounts(in map[esim.Currency]int64, own esim.Currency) string {
	var parts []string
	for _, c := range slices.Sorted(maps.Keys(in)) {
		if in[c] != 0 {
			parts = append(parts, money(v.l, esim.Money{Minor: in[c], Currency: c}))
		}
	}
	if len(parts) == 0 {
		return money(v.l, esim.Money{Currency: own})
	}
	return strings.Join(parts, " + ")
}

// standingsText counts the eSIMs of each standing.
func (v *visit) standingsText(sold map[esim.Status]int) string {
	var parts []string
	for _, s := range []esim.Status{
		esim.StatusReady, esim.StatusInUse, esim.StatusUsedUp, esim.StatusExpired, esim.StatusCancelled, esim.StatusSuspended, esim.StatusUnknown,
	} {
		if n := sold[s]; n > 0 {
			parts = append(parts, v.l.Isolate(v.l.T("admin_esims_"+string(s))+" "+v.l.Number(int64(n))))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return v.l.H("admin_stats_esims", args{"States": locales.HTML(strings.Join(parts, " · "))})
}
