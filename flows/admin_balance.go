package flows

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"esimbot/locales"
	"esimbot/orders"
)

// balances asks the providers what the shop has there, and shows it side by side with what is owed.
func (v *visit) balances(_ context.Context, _ []string) (Reply, error) {
	return v.working("admin_asking", "start", func(v *visit, ctx context.Context) (Reply, error) {
		list := v.shop.cfg.Office.Balances(ctx)
		return v.show(Screen{Name: "admin_balance", HTML: v.balanceText(list), Rows: [][]Button{
			{{Text: v.l.T("admin_button_refresh"), Data: adminPage("balance"), Style: Primary}},
			{press(v.l.T("admin_button_waiting"), adminPage("orders", string(orders.Paid))), press(v.l.T("admin_button_pause"), adminPage("pause"))},
			{back(v.l, "start")},
		}}), nil
	}), nil
}

func (v *visit) balanceText(list []orders.Balance) string {
	table := [][]string{{v.l.T("admin_column_provider"), v.l.T("admin_column_balance"), v.l.T("admin_column_owed")}}
	var asked time.Time
	var notes []string
	for _, b := range list {
		name, has, owed := b.Provider.Name(), "–", v.l.Money(v.usd(b.Owed))
		if b.Waiting > 0 {
			owed += " (" + v.l.Number(int64(b.Waiting)) + ")"
		}
		switch {
		case b.Err != nil:
			notes = append(notes, v.l.H("admin_balance_failed", args{"Provider": v.l.Isolate(name), "Error": v.l.Isolate(oneLine(b.Err.Error(), 200))}))
		default:
			has = v.l.Money(v.usd(b.USD))
			if b.USD.LessThan(b.Owed) {
				notes = append(notes, v.l.H("admin_balance_short", args{"Provider": v.l.Isolate(name), "Missing": v.usd(b.Owed.Sub(b.USD))}))
			}
		}
		table = append(table, []string{name, has, owed})
		if b.AskedAt.After(asked) {
			asked = b.AskedAt
		}
	}
	when := ""
	if !asked.IsZero() {
		when = v.l.H("admin_balance_asked", args{"Time": v.seconds(asked)})
	}
	return paragraphs(v.l.H("admin_balance"), "<pre>"+locales.Escape(columns(v.l, table))+"</pre>", strings.Join(notes, "\n"), when)
}

// columns lays a table out for a monospaced font: the first column leans to the line's beginning,
// the others to its end. In languages that read right to left each cell is isolated and each line
// begins at the right, so that the columns stand in the same order in every line.
func columns(l *locales.Localizer, table [][]string) string {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	rows := make([]string, len(table))
	for i, row := range table {
		cells := make([]string, len(row))
		for j, cell := range row {
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			if cells[j] = pad + l.Isolate(cell); j == 0 {
				cells[j] = l.Isolate(cell) + pad
			}
		}
		rows[i] = l.Begin(strings.Join(cells, "  "))
	}
	return strings.Join(rows, "\n")
}

// stripeMatter says what to do about an alert on Stripe as a whole.
func (v *visit) stripeMatter(_ context.Context, _ []string) (Reply, error) {
	return v.show(Screen{Name: "admin_stripe", HTML: v.l.H("admin_stripe"), Rows: [][]Button{
		{press(v.l.T("admin_button_waiting"), adminPage("orders", string(orders.Paid))), press(v.l.T("admin_button_pause"), adminPage("pause"))},
		{press(v.l.T("admin_button_find"), adminPage("find", "order")), back(v.l, adminPage("orders"))},
	}}), nil
}

// catalogueMatter says what to do about a catalogue that was refused.
func (v *visit) catalogueMatter(_ context.Context, _ []string) (Reply, error) {
	return v.show(Screen{Name: "admin_catalogue", HTML: v.l.H("admin_catalogue"), Rows: [][]Button{
		{press(v.l.T("admin_button_pause"), adminPage("pause")), press(v.l.T("admin_button_balance"), adminPage("balance"))},
		{back(v.l, adminPage("orders"))},
	}}), nil
}
