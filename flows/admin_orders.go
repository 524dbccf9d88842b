package flows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"esimbot/orders"
)

const (
	ordersPerPage = 7
	// browsable is how many orders can be reached by turning pages: so far pageNumber reads.
	browsable    = 999 * ordersPerPage
	listedOrders = rowsPerScreen - 2 // on a page without a row to turn pages
	anyState     = "any"
)

// browse lists orders: in one state the last to come to it first, in any the newest first.
func (v *visit) browse(ctx context.Context, words []string) (Reply, error) {
	state := orders.State("")
	if len(words) > 0 && words[0] != anyState {
		if state = orders.State(words[0]); !slices.Contains(orders.States(), state) {
			return Reply{}, errStale
		}
	}
	n, err := pageNumber(words, 1)
	if err != nil {
		return Reply{}, err
	}
	list, total, err := v.shop.cfg.Office.Browse(ctx, state, (n-1)*ordersPerPage, ordersPerPage)
	if err != nil {
		return Reply{}, fmt.Errorf("browse orders: %w", err)
	}
	leaf := leafOf(min(total, browsable), ordersPerPage, n)
	if leaf.n != n { // there are not so many pages any more
		if list, total, err = v.shop.cfg.Office.Browse(ctx, state, leaf.from, ordersPerPage); err != nil {
			return Reply{}, fmt.Errorf("browse orders: %w", err)
		}
		leaf = leafOf(min(total, browsable), ordersPerPage, leaf.n)
	}
	name, word := v.l.T("admin_any_state"), anyState
	if state != "" {
		name, word = string(state), string(state)
	}
	html := v.l.HN("admin_orders", total, args{"State": v.l.Isolate(name)})
	rows := withRows(v.orderRows(list, "order"), leaf.pager(v.l, "admin", "orders", word),
		[]Button{press(v.l.T("admin_button_state", args{"State": v.l.Isolate(name)}), adminPage("states")), press(v.l.T("admin_button_find"), adminPage("find", "order"))},
		[]Button{back(v.l, "start")},
	)
	return v.show(Screen{Name: "admin_orders", HTML: paragraphs(v.notice, html), Rows: rows}), nil
}

// browseTyped is /orders with what was typed behind it.
func (v *visit) browseTyped(ctx context.Context, typed string) (Reply, error) {
	if typed == "" {
		return v.open(ctx, adminPage("orders"))
	}
	state := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(typed))
	if state == anyState || slices.Contains(orders.States(), orders.State(state)) {
		return v.open(ctx, adminPage("orders", state))
	}
	v.notice = v.l.H("admin_no_state", args{"State": v.l.Isolate(oneLine(typed, 40))})
	return v.open(ctx, adminPage("states"))
}

// states lists the states, each with how many orders are in it.
func (v *visit) states(ctx context.Context, _ []string) (Reply, error) {
	stats, err := v.shop.cfg.Office.Stats(ctx, 1)
	if err != nil {
		return Reply{}, fmt.Errorf("count orders: %w", err)
	}
	buttons := []Button{press(v.l.T("admin_any_state"), adminPage("orders", anyState))}
	for _, s := range orders.States() {
		text := v.l.T("admin_state_count", args{"State": v.l.Isolate(string(s)), "Orders": stats.States[s]})
		buttons = append(buttons, press(text, adminPage("orders", string(s))))
	}
	rows := append(inRows(buttons, 2), []Button{back(v.l, adminPage("orders"))})
	return v.show(Screen{Name: "admin_states", HTML: paragraphs(v.notice, v.l.H("admin_states")), Rows: rows}), nil
}

// customerOrders lists one customer's orders, newest first, as many as are found.
func (v *visit) customerOrders(ctx context.Context, words []string) (Reply, error) {
	customer, err := customerID(words[0])
	if err != nil {
		return Reply{}, errStale
	}
	n, err := pageNumber(words, 1)
	if err != nil {
		return Reply{}, err
	}
	list, err := v.shop.cfg.Office.Find(ctx, words[0])
	if err != nil && !errors.Is(err, orders.ErrNotFound) {
		return Reply{}, fmt.Errorf("find a customer's orders: %w", err)
	}
	list = slices.DeleteFunc(slices.Clone(list), func(o *orders.Order) bool { return o.Customer != customer })
	blocked, err := v.shop.cfg.Office.Blocked(ctx, customer)
	if err != nil {
		return Reply{}, fmt.Errorf("look whether the customer is blocked: %w", err)
	}
	leaf := leafOf(len(list), ordersPerPage, n)
	html, word := v.l.HN("admin_customer_orders", len(list), args{"Customer": code(v.l, words[0])}), "block"
	if blocked {
		html, word = lines(html, v.l.H("admin_is_blocked")), "unblock"
	}
	rows := withRows(v.orderRows(list[leaf.from:leaf.to], "order"), leaf.pager(v.l, "admin", "customer", words[0]),
		[]Button{press(v.l.T("admin_button_"+word), adminPage(word, words[0])), back(v.l, adminPage("orders"))},
	)
	return v.show(Screen{Name: "admin_customer", HTML: paragraphs(v.notice, html), Rows: rows}), nil
}

// orderRows are orders as buttons, each leading to its page under next.
func (v *visit) orderRows(list []*orders.Order, next string) [][]Button {
	rows := make([][]Button, 0, len(list)+4)
	for _, o := range list {
		price := o.Plan.Retail
		if !o.Payment.Received.IsZero() {
			price = o.Payment.Received
		}
		text := v.l.T("admin_order_line", args{
			"Order": v.l.Isolate(o.ID.String()), "Flag": v.l.Isolate(o.Plan.Destination.Flag()), "Data": allowance(v.l, o.Plan), "Price": price,
		})
		rows = append(rows, []Button{press(text, adminPage(next, string(o.ID)))})
	}
	return rows
}

var errCustomer = errors.New("not a customer's id")

// customerID reads a Telegram user id: a positive number of at most 52 bits.
// https://core.telegram.org/bots/api#user
func customerID(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n >= 1<<52 || strconv.FormatInt(n, 10) != s {
		return 0, errCustomer
	}
	return n, nil
}
