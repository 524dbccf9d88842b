package flows

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// refundable lists the latest orders whose money can go back.
func (v *visit) refundable(ctx context.Context, _ []string) (Reply, error) {
	list, err := v.shop.cfg.Office.Refundable(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("list refundable orders: %w", err)
	}
	html := v.l.H("admin_refunds")
	if len(list) == 0 {
		html = v.l.H("admin_refunds_none")
	}
	return v.listed("admin_refunds", html, "refund", list), nil
}

// listed shows orders as buttons that lead to a page of each.
func (v *visit) listed(name, html, next string, list []*orders.Order) Reply {
	rows := v.orderRows(list[:min(len(list), listedOrders)], next)
	rows = append(rows, []Button{press(v.l.T("admin_button_find"), adminPage("find", next))}, []Button{back(v.l, adminPage("orders"))})
	return v.show(Screen{Name: name, HTML: paragraphs(v.notice, html), Rows: rows})
}

// refund says what a refund would do, of all that is left or of an amount, and asks for a yes.
func (v *visit) refund(ctx context.Context, words []string) (Reply, error) {
	o, _, err := v.load(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	var amount esim.Money
	if len(words) == 2 {
		minor, err := shownPrice(words[1])
		if err != nil {
			return Reply{}, err
		}
		amount = esim.Money{Minor: minor, Currency: o.Payment.Received.Currency}
	}
	return v.offering(o.ID, amount, false), nil
}

// refundAnyway is the refund of an order whose eSIM the provider doesn't take back.
func (v *visit) refundAnyway(ctx context.Context, words []string) (Reply, error) {
	o, _, err := v.load(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	return v.offering(o.ID, esim.Money{}, true), nil
}

// offering makes the offer, for which a provider may be asked.
func (v *visit) offering(id orders.ID, amount esim.Money, anyway bool) Reply {
	v.session.Confirm = nil
	notice := v.notice
	return v.working("admin_looking", adminPage("order", string(id)), func(v *visit, ctx context.Context) (Reply, error) {
		v.notice = notice
		offer, err := v.shop.cfg.Office.OfferRefund(ctx, id, amount, anyway)
		var no *orders.Refusal
		switch {
		case errors.As(err, &no):
			return v.refused(ctx, id, no, nil)
		case err != nil:
			return v.failed(adminPage("order", string(id)), fmt.Errorf("offer refund: %w", err)), nil
		}
		return v.offer(offer, anyway, !amount.IsZero())
	})
}

// offer shows an offer and asks for a yes. part says that its amount was asked for.
func (v *visit) offer(offer *orders.RefundOffer, anyway, part bool) (Reply, error) {
	o := offer.Order
	deed, key := deedRefund, "admin_button_refund_amount"
	if anyway {
		deed, key = deedAnyway, "admin_button_anyway_amount"
	}
	yes, err := v.confirmable(Confirmation{
		Deed: deed, Order: o.ID, Detail: confirmedRefund{n: offer.N, amount: offer.Amount, state: o.State, part: part}.detail(),
	})
	if err != nil {
		return Reply{}, err
	}
	rows := [][]Button{{{Text: v.l.T(key, args{"Amount": offer.Amount}), Data: yes, Style: Danger}}}
	if offer.Amount.IsZero() {
		rows[0][0].Text = v.l.T("admin_answer_close")
	}
	if !anyway && v.canPart(offer) {
		rows = append(rows, []Button{press(v.l.T("admin_button_part"), adminPage("amount", string(o.ID)))})
	}
	if !offer.Whole {
		rows = append(rows, []Button{press(v.l.T("admin_button_refund_amount", args{"Amount": offer.Left}), adminPage("refund", string(o.ID)))})
	}
	rows = append(rows, []Button{press(v.l.T("button_cancel"), adminPage("order", string(o.ID)))})
	return v.show(Screen{Name: "admin_refund", HTML: paragraphs(v.notice, v.offerText(offer)), Rows: rows}), nil
}

// canPart says whether a part can go back too: only of what ends neither in doubt nor unbought.
func (v *visit) canPart(offer *orders.RefundOffer) bool {
	s := offer.Order.State
	return (s == orders.Delivered || s == orders.Review) && offer.Left.Minor > offer.Left.Currency.MinorStep()
}

// offerText says what would go back, what becomes of the eSIM, and what that costs the shop.
func (v *visit) offerText(offer *orders.RefundOffer) string {
	o := offer.Order
	back := v.l.H("admin_refund_back", args{"Amount": offer.Amount, "Left": offer.Left})
	if offer.Whole {
		back = v.l.H("admin_refund_whole", args{"Amount": offer.Amount})
	}
	return paragraphs(
		lines(v.orderHead(o), locales.Escape(planName(v.l, o.Plan)), v.moneyLine(o)),
		lines(back, v.returnText(offer)),
		v.l.H("admin_confirm_until", args{"Minutes": v.l.Isolate(v.l.Minutes(int(confirmTime.Minutes())))}),
	)
}

// returnText says what becomes of the eSIM.
func (v *visit) returnText(offer *orders.RefundOffer) string {
	cost, err := esim.NewMoney(offer.Cost.Round(esim.USD.Exponent()), esim.USD)
	if err != nil {
		cost = esim.Money{Currency: esim.USD}
	}
	provider := offer.Order.Plan.Provider
	if b := offer.Order.Bought; b != nil {
		provider = b.Profile.Provider
	}
	a := args{"Provider": v.l.Isolate(provider.Name()), "Cost": cost}
	key := "admin_return_nothing"
	switch offer.Return {
	case orders.ReturnAsk:
		key = "admin_return_ask"
		if offer.Installed {
			key = "admin_return_installed"
		}
	case orders.ReturnDone:
		key = "admin_return_done"
	case orders.ReturnLost:
		key = "admin_return_lost"
	case orders.ReturnKept:
		key = "admin_return_kept"
	case orders.ReturnAnyway, orders.ReturnRefused:
		key = "admin_return_anyway"
	case orders.ReturnNothing:
	}
	return v.l.H(key, a)
}

// askAmount asks for the amount of a refund in part.
func (v *visit) askAmount(ctx context.Context, words []string) (Reply, error) {
	o, _, err := v.load(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	html := paragraphs(v.orderHead(o), v.l.H("admin_amount_ask", args{"Left": remaining(o)}))
	return v.ask("admin_amount", html, adminPage("refund", words[0])), nil
}

// amountTyped offers the refund of an amount as it was typed.
func (v *visit) amountTyped(ctx context.Context, word, typed string) (Reply, error) {
	o, _, err := v.load(ctx, word)
	if err != nil {
		return Reply{}, err
	}
	currency := o.Payment.Received.Currency
	if currency == "" {
		return v.open(ctx, adminPage("refund", word)) // unpaid: it says so
	}
	amount, nearest, fault := readAmount(typed, currency, v.symbols(currency))
	if fault == "" {
		return v.open(ctx, adminPage("refund", word, strconv.FormatInt(amount.Minor, 10)))
	}
	v.session.Page = adminPage("amount", word)
	v.session.Question = v.session.Page // another amount may be typed at once
	all := remaining(o)
	if nearest.Minor <= 0 || nearest.Minor > all.Minor {
		nearest = all
	}
	rows := make([][]Button, 0, 2)
	if nearest.Minor > 0 {
		rows = append(rows, []Button{press(v.l.T("admin_button_refund_amount", args{"Amount": nearest}), v.refundPage(o, nearest))})
	}
	html := paragraphs(v.orderHead(o), v.l.H("admin_amount_"+string(fault), args{
		"Typed": v.l.Isolate(oneLine(typed, 40)), "Currency": v.l.Isolate(string(currency)), "Left": all,
	}))
	return v.show(Screen{Name: "admin_amount_" + string(fault), HTML: html, Rows: withRows(rows, []Button{back(v.l, adminPage("refund", word))})}), nil
}

// refundPage is the route of the offer of an amount, without it where it is all that is left.
func (v *visit) refundPage(o *orders.Order, amount esim.Money) string {
	if amount == remaining(o) {
		return adminPage("refund", string(o.ID))
	}
	return adminPage("refund", string(o.ID), strconv.FormatInt(amount.Minor, 10))
}

// symbols are the ways in which a currency may be written beside an amount.
func (v *visit) symbols(c esim.Currency) []string {
	all := []string{string(c)}
	for _, l := range []*locales.Localizer{v.l, v.shop.cfg.Bundle.For(locales.English)} {
		all = append(all, strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == '.' || r == ',' {
				return -1
			}
			return r
		}, l.Money(esim.Money{Currency: c})))
	}
	return all
}

// remaining is what can still go back of what was paid.
func remaining(o *orders.Order) esim.Money {
	m := o.Payment.Received
	m.Minor = max(m.Minor-o.Refund.Total.Minor, 0)
	return m
}

func (v *visit) doRefund(ctx context.Context, c *Confirmation) (*orders.Order, string, error) {
	r, err := readRefund(c)
	if err != nil {
		return nil, "", err
	}
	o, err := v.shop.cfg.Office.Refund(ctx, orders.RefundRequest{
		Order: c.Order, Admin: v.in.User, N: r.n, Amount: r.amount, Anyway: c.Deed == deedAnyway, State: r.state,
	})
	return o, v.l.T("admin_refund_begun", args{"Amount": r.amount}), err
}
