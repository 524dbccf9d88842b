package flows

import (
	"context"
	"slices"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// reasons are the codes of Order.Reason that are told in words of their own.
func reasons() []string {
	return []string{
		orders.ReasonLate, orders.ReasonNeverOpened, orders.ReasonFailed, orders.ReasonAmount, orders.ReasonLiveMode, orders.ReasonForeign,
		orders.ReasonNoIntent, orders.ReasonErased, orders.ReasonNeverSettled, orders.ReasonBalance, orders.ReasonProviderDown,
		orders.ReasonStripeDown, orders.ReasonHoldDeadline, orders.ReasonNotSent, orders.ReasonLeaseShort, orders.ReasonStopped,
		orders.ReasonClosed, orders.ReasonRejected, orders.ReasonGone, orders.ReasonPrice, orders.ReasonInDoubt, orders.ReasonFence,
		orders.ReasonRefunded, orders.ReasonDisputed, orders.ReasonNoCode, orders.ReasonTakenBack, orders.ReasonMeanwhile,
		orders.ReasonRefundFailed, orders.ReasonUnreachable,
		orders.ReasonTopUpWaits, orders.ReasonESIMGone, orders.ReasonESIMOver, orders.ReasonCancelRefused, orders.ReasonCancelUnclear, orders.ReasonRebuilt,
	}
}

// evidence says why an order is where it is, what to look at, and what hints there are.
func (v *visit) evidence(o *orders.Order) string { return evidence(v.l, o) }

func evidence(l *locales.Localizer, o *orders.Order) string {
	provider := providerOf(o)
	name := args{"Provider": l.Isolate(provider.Name())}
	why := ""
	switch {
	case slices.Contains(reasons(), o.Reason):
		why = l.H(reasonKey(o, o.Reason), name)
	case o.Reason != "":
		why = l.H("admin_reason_other", args{"Reason": l.Isolate(reasonWords(l, o, o.Reason))})
	}
	rebuilt := ""
	if !o.RebuiltAt.IsZero() && o.Reason != orders.ReasonRebuilt {
		rebuilt = l.H("admin_reason_" + orders.ReasonRebuilt)
	}
	refusal := ""
	if o.Refund.Return == orders.ReturnRefused && o.Refund.Refusal != "" {
		refusal = l.H("admin_hint_refusal", args{"Provider": l.Isolate(provider.Name()), "Words": l.Isolate(oneLine(o.Refund.Refusal, 300))})
	}
	return lines(why, rebuilt, mismatch(l, o), balanceHint(l, o, provider), numbersHint(l, o), refusal)
}

// providerOf is the provider that was asked last, or is to be.
func providerOf(o *orders.Order) esim.Provider {
	if o.Attempt.Provider != "" {
		return o.Attempt.Provider
	}
	return o.Plan.Provider
}

// reasonKey is the key of a reason's text. A plan that isn't sold any more sends the money back; one of
// which an order that was made again knows too little has it decided.
func reasonKey(o *orders.Order, reason string) string {
	if reason == orders.ReasonGone && o.State == orders.Review && !o.RebuiltAt.IsZero() {
		reason = "plan_untold"
	}
	return "admin_reason_" + reason
}

// mismatch tells of a payment that is not the order's price.
func mismatch(l *locales.Localizer, o *orders.Order) string {
	if got := o.Payment.Received; got.IsZero() || got == o.Plan.Retail {
		return ""
	}
	return l.H("admin_hint_price", args{"Paid": o.Payment.Received, "Price": o.Plan.Retail})
}

// balanceHint tells the shop's balance at the provider before and after a purchase in doubt. A fall
// by the price speaks for a purchase; no change proves nothing.
func balanceHint(l *locales.Localizer, o *orders.Order, provider esim.Provider) string {
	before, after := o.Attempt.BalanceBefore, o.Attempt.BalanceAfter
	if before == nil || after == nil {
		return ""
	}
	was, err1 := esim.NewMoney(before.Round(esim.USD.Exponent()), esim.USD)
	is, err2 := esim.NewMoney(after.Round(esim.USD.Exponent()), esim.USD)
	if err1 != nil || err2 != nil {
		return ""
	}
	key := "admin_hint_unsure"
	if looksBought(o) {
		key = "admin_hint_bought"
	}
	return l.H(key, args{"Provider": l.Isolate(provider.Name()), "Before": was, "After": is})
}

// looksBought says whether the balance at the provider fell by the price of a purchase in doubt.
func looksBought(o *orders.Order) bool {
	before, after, wholesale := o.Attempt.BalanceBefore, o.Attempt.BalanceAfter, o.Plan.Wholesale
	if o.Attempt.Plan != nil {
		wholesale = o.Attempt.Plan.Wholesale
	}
	return before != nil && after != nil && wholesale.IsPositive() && before.Sub(*after).GreaterThanOrEqual(wholesale)
}

// numbersHint tells what an eSIM's numbers were before a top-up in doubt.
func numbersHint(l *locales.Localizer, o *orders.Order) string {
	if b := o.Attempt.Before; b != nil && b.TotalBytes >= 0 {
		return l.H("admin_hint_numbers", args{"Total": data(l, b.TotalBytes), "Time": l.Isolate(l.DateTime(b.At))})
	}
	return ""
}

// refused says why an admin's wish can't be met, and offers the nearest thing that is possible. c is
// the deed it was confirmed for, nil before a confirmation.
func (v *visit) refused(ctx context.Context, id orders.ID, no *orders.Refusal, c *Confirmation) (Reply, error) {
	o, _, err := v.load(ctx, string(id))
	if err != nil {
		return Reply{}, err
	}
	why := no.Why
	if !knownWhy(why) {
		why = orders.WhyState
	}
	all := no.Left
	if all.Currency == "" {
		all = remaining(o)
	}
	decided := ""
	if no.Actor != "" && why != orders.WhyUnderWay { // which says so itself
		decided = v.l.H("admin_decided_by", args{"Who": v.who(no.Actor)})
	}
	html := paragraphs(v.notice, v.orderHead(o), lines(v.l.H("admin_refused_"+string(why), args{
		"Left": all, "Who": v.who(no.Actor), "Currency": v.l.Isolate(string(o.Payment.Received.Currency)),
		"Words": v.l.Isolate(oneLine(no.Words, 300)),
	}), decided))
	return v.show(Screen{Name: "admin_refused_" + string(why), HTML: html, Rows: withRows(
		v.nearest(why, o, all, c), []Button{back(v.l, adminPage("order", string(id)))},
	)}), nil
}

func knownWhy(w orders.Why) bool {
	return slices.Contains([]orders.Why{
		orders.WhyPurchasing, orders.WhyInDoubt, orders.WhyUnpaid, orders.WhyTooMuch, orders.WhyNothing, orders.WhyUnderWay, orders.WhyWholeOnly,
		orders.WhyCurrency, orders.WhyAmount, orders.WhyChanged, orders.WhyState, orders.WhyTaken, orders.WhyUnknownNo, orders.WhyNotReady, orders.WhyDisputed,
		orders.WhyOwn, orders.WhyGone, orders.WhyKept, orders.WhyNotReturned,
	}, w)
}

// nearest is the button for the nearest thing that is possible.
func (v *visit) nearest(why orders.Why, o *orders.Order, all esim.Money, c *Confirmation) [][]Button {
	id := string(o.ID)
	again := adminPage("order", id)
	if c != nil {
		again = c.offer()
	}
	var b Button
	switch why {
	case orders.WhyTooMuch, orders.WhyWholeOnly, orders.WhyCurrency, orders.WhyAmount:
		if all.Minor <= 0 {
			return nil
		}
		b = press(v.l.T("admin_button_refund_amount", args{"Amount": all}), adminPage("refund", id))
	case orders.WhyInDoubt:
		b = press(v.l.T("admin_button_resolve"), adminPage("resolve", id))
	case orders.WhyPurchasing:
		b = press(v.l.T("admin_button_refresh"), adminPage("refund", id))
	case orders.WhyChanged:
		b = press(v.l.T("admin_button_refresh"), changedPage(o, c))
	case orders.WhyOwn:
		if !mayRefund(o) {
			return nil
		}
		b = press(v.l.T("admin_button_refund"), adminPage("refund", id))
	case orders.WhyTaken, orders.WhyUnknownNo, orders.WhyNotReady:
		b = press(v.l.T("button_try_again"), again)
	default:
		b = press(v.l.T("button_open"), adminPage("order", id))
	}
	b.Style = Primary
	return [][]Button{{b}}
}

// changedPage is where an admin decides anew on an order that changed meanwhile.
func changedPage(o *orders.Order, c *Confirmation) string {
	switch {
	case c != nil && c.beside():
		return c.offer()
	case o.State == orders.Review:
		return adminPage("resolve", string(o.ID))
	case c != nil && (c.Deed == deedRefund || c.Deed == deedAnyway):
		return adminPage("refund", string(o.ID))
	default:
		return adminPage("order", string(o.ID))
	}
}
