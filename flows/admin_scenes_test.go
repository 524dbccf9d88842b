package flows_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

const doubtful = orders.ID("6A2B3C4D5E") // under review

// asAdmin gives the stage an admin's chat, with orders of two customers.
func (s *stage) asAdmin() *stage {
	s.regular()
	s.admin = true
	s.order(unpaid, customer, "JP-1-7", orders.AwaitingPayment)
	o := s.order(doubtful, stranger, "JP-10-30", orders.Review)
	before, after := decimal.RequireFromString("24.50"), decimal.RequireFromString("15.70")
	o.Reason = orders.ReasonInDoubt
	o.Attempt = orders.Attempt{N: 2, Provider: esim.CloudESIM, DoubtAt: noon.Add(-time.Minute), BalanceBefore: &before, BalanceAfter: &after}
	d := s.desk.orders[delivered]
	d.Bought.Profile.OrderNo, d.Bought.Profile.ICCID = "CE-40012", iccid
	d.Refund.Total = esim.Money{Minor: 200, Currency: esim.USD}
	s.office.logs[delivered] = []orders.LogEntry{
		{At: noon.Add(-3 * time.Hour), To: orders.AwaitingPayment, Actor: "customer"},
		{At: noon.Add(-2 * time.Hour), From: orders.AwaitingPayment, To: orders.Paid, Actor: "stripe"},
		{At: noon.Add(-2 * time.Hour), From: orders.Paid, To: orders.Purchasing, Actor: "runner"},
		{At: noon.Add(-time.Hour), From: orders.Issued, To: orders.Delivered, Actor: "runner", Reason: orders.ReasonUnreachable},
		{At: noon, From: orders.Delivered, To: orders.Refunding, Actor: "admin:1001", Reason: "refund"},
		{At: noon, From: orders.Delivered, To: orders.Refunding, Actor: "admin:7", Reason: "refund"},
	}
	return s
}

// adminScenes are the admins' screens.
func adminScenes(one func(string, func(*stage))) {
	cmd := func(name, command, typed string) {
		one("admin_"+name, func(s *stage) { s.asAdmin(); s.command(command, typed) })
	}
	page := func(name string, pages ...string) {
		one("admin_"+name, func(s *stage) {
			s.asAdmin()
			for _, p := range pages {
				s.press("admin/" + p)
			}
		})
	}
	cmd("balance", "balance", "")
	one("admin_balance_asking", func(s *stage) {
		s.asAdmin()
		s.tap(flows.Event{Kind: flows.EventCommand, Command: "balance"})
	})
	cmd("find", "order", "")
	cmd("not_found", "order", "0000000000")
	cmd("found_many", "refund", "1001")
	cmd("order", "order", "7kq2m-9x4tb")
	cmd("order_unpaid", "order", string(unpaid))
	cmd("order_review", "order", string(doubtful))
	page("orders", "orders")
	page("orders_page", "orders/any/2")
	page("orders_state", "orders/review")
	page("orders_none", "orders/unknown")
	cmd("no_state", "orders", "lost")
	page("customer", "customer/1001")
	page("refunds", "refunds")
	page("refund", "refund/"+string(untouched))
	page("refund_part", "refund/"+string(delivered)+"/500")
	page("refund_anyway", "anyway/"+string(untouched))
	page("refund_lost", "refund/"+string(unlinked))
	page("amount", "amount/"+string(delivered))
	for _, typed := range []string{"1e3", "-5", "5.001", "5 EUR"} {
		cmd("amount_"+strings.NewReplacer(".", "_", " ", "_", "-", "minus").Replace(typed), "refund", string(delivered)+" "+typed)
	}
	page("stray", "return/pi_3Second")
	page("stray_lost", "return/pi_3Lost")
	page("stray_foreign", "return/pi_3Foreign")
	page("second", "second/"+string(delivered)+"/cloudesim/CE-40013")
	one("admin_second_installed", func(s *stage) {
		s.asAdmin().office.inUse = true
		s.press("admin/second/" + string(delivered) + "/cloudesim/CE-40013")
	})
	one("admin_second_done", func(s *stage) {
		s.asAdmin().press("admin/second/" + string(delivered) + "/cloudesim/CE-40013")
		s.yes()
	})
	one("admin_returned", func(s *stage) { s.asAdmin().press("admin/return/pi_3Second"); s.yes() })
	page("reviews", "reviews")
	page("resolve", "resolve/"+string(doubtful))
	page("resolve_nothing", "resolve/"+string(delivered))
	page("sure", "answer/"+string(doubtful)+"/buy_again/2")
	page("ask_code", "answer/"+string(doubtful)+"/attach_code/2")
	page("ask_number", "answer/"+string(doubtful)+"/attach_no/2")
	one("admin_code", func(s *stage) {
		s.asAdmin().press("admin/answer/" + string(doubtful) + "/attach_code/2")
		s.text(lpa)
	})
	for _, typed := range []string{"ABCD", "LPA:1$x", "LPA:1$x$ABCD", "LPA:1$a.example$A B"} {
		one(fmt.Sprintf("admin_code_wrong_%d", len(typed)), func(s *stage) {
			s.asAdmin().press("admin/answer/" + string(doubtful) + "/attach_code/2")
			s.text(typed)
		})
	}
	one("admin_number", func(s *stage) {
		s.asAdmin().press("admin/answer/" + string(doubtful) + "/attach_no/2")
		s.text("CE-777")
	})
	one("admin_number_wrong", func(s *stage) {
		s.asAdmin().press("admin/answer/" + string(doubtful) + "/attach_no/2")
		s.text("CE 777")
	})
	one("admin_done", func(s *stage) { s.asAdmin().press("admin/refund/" + string(untouched)); s.yes() })
	one("admin_doing", func(s *stage) {
		s.asAdmin().press("admin/refund/" + string(untouched))
		s.tap(flows.Event{Kind: flows.EventPress, Data: s.screen().Rows[0][0].Data, Message: 1})
	})
	one("admin_failed", func(s *stage) {
		s.asAdmin().press("admin/refund/" + string(untouched))
		s.office.err = errors.New("no redis")
		s.yes()
	})
	one("admin_unconfirmed", func(s *stage) {
		s.asAdmin().press("admin/refund/" + string(untouched))
		s.now = s.now.Add(5 * time.Minute)
		s.yes()
	})
	page("pause", "pause")
	page("paused", "pause/all")
	page("paused_some", "pause/mobilexy")
	cmd("no_provider", "pause", "acme")
	page("block", "block/1001")
	page("block_ask", "block")
	page("unblock_ask", "unblock")
	cmd("no_customer", "block", "ann")
	one("admin_blocked", func(s *stage) { s.asAdmin().press("admin/block/1001"); s.yes() })
	page("stats", "stats")
	cmd("stats_range", "stats", "1000")
	page("stripe", "stripe")
	page("catalogue", "catalogue")
	refusalScenes(one)
	reasonScenes(one)
}

// yes presses the first button: the confirm button of an offer.
func (s *stage) yes() { s.press(s.screen().Rows[0][0].Data) }

func refusalScenes(one func(string, func(*stage))) {
	for name, c := range map[string]struct {
		state  orders.State
		amount string
	}{
		"purchasing": {orders.Purchasing, ""}, "in_doubt": {orders.Unknown, ""}, "unpaid": {orders.Expired, ""}, "nothing": {orders.Refunded, ""},
		"under_way": {orders.Refunding, ""}, "whole_only": {orders.Paid, "/100"}, "too_much": {orders.Delivered, "/99999"},
	} {
		one("admin_refused_"+name, func(s *stage) {
			o := s.asAdmin().order(delivered, customer, "JP-10-30", c.state)
			o.Refund.Actor = "admin:7"
			s.press("admin/refund/" + string(delivered) + c.amount)
		})
	}
	for _, why := range []orders.Why{
		orders.WhyChanged, orders.WhyTaken, orders.WhyUnknownNo, orders.WhyNotReady, orders.WhyDisputed, orders.WhyCurrency, orders.WhyAmount, "news",
		orders.WhyOwn, orders.WhyGone, orders.WhyKept,
	} {
		one("admin_refused_"+string(why), func(s *stage) {
			s.asAdmin().press("admin/answer/" + string(doubtful) + "/buy_again/2")
			s.office.err = &orders.Refusal{Why: why, State: orders.Review}
			s.yes()
		})
	}
}

// besideAlerts tell of what came in or was bought beside an order.
func besideAlerts(o *orders.Order) []orders.Alert {
	second := &orders.Twice{Provider: esim.CloudESIM, OrderNo: "CE-40013", Cost: decimal.RequireFromString("8.80"), Back: true}
	lost := &orders.Twice{Provider: esim.Mobilexy, OrderNo: "77", Cost: decimal.RequireFromString("8.80")}
	return []orders.Alert{
		{Key: "paid_twice:x", Kind: "paid_twice", Order: o, Intent: "pi_3Second"},
		{Key: "lost:x", Kind: "order_lost", Intent: "pi_3Lost"},
		{Key: "twice:x", Kind: "bought_twice", Order: o, Twice: second},
		{Key: "twice:y", Kind: "bought_twice", Order: o, Twice: lost},
	}
}

// reasonScenes shows every reason in words, in one file.
func reasonScenes(one func(string, func(*stage))) {
	one("admin_topup", func(s *stage) {
		o := s.asAdmin().order(doubtful, stranger, "JP-10-30", orders.Review)
		o.Kind, o.ESIM, o.Reason = orders.KindTopUp, delivered, orders.ReasonCancelRefused
		o.Attempt.Before = &orders.Numbers{TotalBytes: 3 * esim.GB, At: noon}
		o.Refund.Return, o.Refund.Refusal, o.Disputed = orders.ReturnRefused, "already <installed>", true
		o.Payment.Received.Minor, o.RebuiltAt = o.Payment.Received.Minor+5, noon
		s.press("admin/resolve/" + string(doubtful))
	})
}

// reasonCodes are all the reasons that an order may stand under.
func reasonCodes() []string {
	return []string{
		orders.ReasonLate, orders.ReasonNeverOpened, orders.ReasonFailed, orders.ReasonAmount, orders.ReasonLiveMode, orders.ReasonForeign,
		orders.ReasonNoIntent, orders.ReasonErased, orders.ReasonNeverSettled, orders.ReasonBalance, orders.ReasonProviderDown,
		orders.ReasonStripeDown, orders.ReasonHoldDeadline, orders.ReasonNotSent, orders.ReasonLeaseShort, orders.ReasonStopped,
		orders.ReasonClosed, orders.ReasonRejected, orders.ReasonGone, orders.ReasonPrice, orders.ReasonInDoubt, orders.ReasonFence,
		orders.ReasonRefunded, orders.ReasonDisputed, orders.ReasonNoCode, orders.ReasonTakenBack, orders.ReasonMeanwhile,
		orders.ReasonRefundFailed, orders.ReasonUnreachable, orders.ReasonTopUpWaits, orders.ReasonESIMGone, orders.ReasonCancelRefused,
		orders.ReasonCancelUnclear, orders.ReasonRebuilt, "something_new",
	}
}
