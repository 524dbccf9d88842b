package flows_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

// office keeps the admins' tools over the desk's orders, as orders.Service does, with refusals and
// failures on demand.
type office struct {
	stage    *stage
	deeds    []string // everything done, in order
	pauses   orders.Pauses
	blocked  map[int64]bool
	logs     map[orders.ID][]orders.LogEntry
	answers  []orders.Answer // nil: by the order's state
	ret      orders.Return
	inUse    bool
	err      error // of what is done
	balances []orders.Balance
	stats    orders.Stats
}

func newOffice(s *stage) *office {
	return &office{stage: s, blocked: map[int64]bool{}, logs: map[orders.ID][]orders.LogEntry{}, ret: orders.ReturnAsk, balances: someBalances(), stats: someStats()}
}

func (o *office) clone(s *stage) *office {
	c := *o
	c.stage, c.deeds, c.blocked = s, slices.Clone(o.deeds), maps.Clone(o.blocked)
	return &c
}

func someBalances() []orders.Balance {
	usd := decimal.RequireFromString
	return []orders.Balance{
		{Provider: esim.CloudESIM, USD: usd("24.50"), Owed: usd("31.20"), Waiting: 2, AskedAt: noon.Add(12 * time.Second)},
		{Provider: esim.Mobilexy, Owed: usd("0"), AskedAt: noon.Add(11 * time.Second), Err: errors.New("no answer within 15s <timeout>")},
	}
}

func someStats() orders.Stats {
	usd := decimal.RequireFromString
	s := orders.Stats{Rate: usd("1"), States: map[orders.State]int{orders.Delivered: 1204, orders.Review: 2, orders.AwaitingPayment: 3}}
	for i := range 7 {
		s.Days = append(s.Days, orders.DayStats{
			Day: noon.Truncate(24*time.Hour).AddDate(0, 0, i-6), Opened: 10, Paid: 3, Delivered: 3, Refunds: i % 2,
			Sales: map[esim.Currency]int64{esim.USD: 3420 + int64(i)*100}, Returned: map[esim.Currency]int64{esim.USD: int64(i%2) * 1140},
			Cost: usd("26.40"), Regained: usd("8.80").Mul(decimal.NewFromInt(int64(i % 2))),
		})
	}
	return s
}

func (o *office) did(format string, a ...any) { o.deeds = append(o.deeds, fmt.Sprintf(format, a...)) }

func (o *office) all() []*orders.Order {
	list := slices.Collect(maps.Values(o.stage.desk.orders))
	slices.SortFunc(list, func(a, b *orders.Order) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (o *office) order(id orders.ID) (*orders.Order, error) {
	if o.stage.broken != nil {
		return nil, o.stage.broken
	}
	if found, ok := o.stage.desk.orders[id]; ok {
		copied := *found
		return &copied, nil
	}
	return nil, fmt.Errorf("load: %w", orders.ErrNotFound)
}

func (o *office) Find(_ context.Context, query string) ([]*orders.Order, error) {
	if o.stage.broken != nil {
		return nil, o.stage.broken
	}
	var list []*orders.Order
	id, _ := orders.ParseID(query)
	for _, x := range o.all() {
		sim := x.Bought != nil && x.Bought.Profile.ICCID != "" && string(x.Bought.Profile.ICCID) == query
		if x.ID == id || x.Payment.Intent == query || strconv.FormatInt(x.Customer, 10) == query || sim {
			list = append(list, x)
		}
	}
	if len(list) == 0 {
		return nil, orders.ErrNotFound
	}
	return list[:min(len(list), 20)], nil
}

func (o *office) Record(_ context.Context, id orders.ID) (*orders.Order, []orders.LogEntry, error) {
	found, err := o.order(id)
	return found, o.logs[id], err
}

func (o *office) Browse(_ context.Context, state orders.State, offset, limit int) ([]*orders.Order, int, error) {
	var list []*orders.Order
	for _, x := range o.all() {
		if state == "" || x.State == state {
			list = append(list, x)
		}
	}
	total := len(list)
	return list[min(offset, total):min(offset+limit, total)], total, o.stage.broken
}

func (o *office) Refundable(context.Context) ([]*orders.Order, error) {
	var list []*orders.Order
	for _, x := range o.all() {
		if o.refusal(x) == nil {
			list = append(list, x)
		}
	}
	return list[:min(len(list), 10)], o.stage.broken
}

func left(x *orders.Order) esim.Money {
	return esim.Money{Minor: x.Payment.Received.Minor - x.Refund.Total.Minor, Currency: x.Payment.Received.Currency}
}

func (o *office) refusal(x *orders.Order) *orders.Refusal {
	no := &orders.Refusal{State: x.State, Left: left(x), Actor: x.Refund.Actor}
	switch x.State {
	case orders.AwaitingPayment, orders.Expired:
		no.Why = orders.WhyUnpaid
	case orders.Purchasing:
		no.Why = orders.WhyPurchasing
	case orders.Unknown:
		no.Why = orders.WhyInDoubt
	case orders.Refunding:
		no.Why = orders.WhyUnderWay
	case orders.Refunded:
		no.Why = orders.WhyNothing
	default:
		return nil
	}
	return no
}

func (o *office) OfferRefund(_ context.Context, id orders.ID, amount esim.Money, anyway bool) (*orders.RefundOffer, error) {
	x, err := o.order(id)
	if err != nil {
		return nil, err
	}
	if no := o.refusal(x); no != nil {
		return nil, no
	}
	all := left(x)
	if amount.IsZero() {
		amount = all
	}
	no := &orders.Refusal{State: x.State, Left: all}
	switch {
	case amount.Currency != all.Currency:
		no.Why = orders.WhyCurrency
	case amount.Minor > all.Minor:
		no.Why = orders.WhyTooMuch
	case amount != all && x.State != orders.Delivered && x.State != orders.Review:
		no.Why = orders.WhyWholeOnly
	}
	if no.Why != "" {
		return nil, fmt.Errorf("offer: %w", no)
	}
	ret := o.ret
	switch {
	case anyway:
		ret = orders.ReturnAnyway
	case amount != all:
		ret = orders.ReturnKept
	case x.Plan.Provider == esim.Mobilexy:
		ret = orders.ReturnLost
	}
	return &orders.RefundOffer{
		Order: x, N: x.Refund.N + 1, Amount: amount, Left: all, Whole: amount == all, Return: ret, Installed: o.inUse, Cost: x.Plan.Wholesale,
	}, nil
}

func (o *office) change(id orders.ID, to orders.State, admin int64) (*orders.Order, error) {
	x, err := o.order(id)
	if err != nil || o.err != nil {
		return nil, errors.Join(err, o.err)
	}
	o.logs[id] = append(slices.Clip(o.logs[id]), orders.LogEntry{At: o.stage.now, From: x.State, To: to, Actor: fmt.Sprintf("admin:%d", admin)})
	x.State = to
	o.stage.desk.orders[id] = x
	return x, nil
}

func (o *office) Refund(_ context.Context, r orders.RefundRequest) (*orders.Order, error) {
	x, err := o.order(r.Order)
	if err != nil {
		return nil, err
	}
	if no := o.refusal(x); no != nil {
		return nil, no
	}
	if r.N != x.Refund.N+1 || r.State != "" && r.State != x.State {
		return nil, &orders.Refusal{Why: orders.WhyChanged, State: x.State}
	}
	if x, err = o.change(r.Order, orders.Refunding, r.Admin); err != nil {
		return nil, err
	}
	o.did("refund %s %d %s anyway=%v by %d", r.Order, r.N, r.Amount, r.Anyway, r.Admin)
	x.Refund.N, x.Refund.Amount, x.Refund.Actor = r.N, r.Amount, fmt.Sprintf("admin:%d", r.Admin)
	return x, nil
}

func (o *office) Answers(x *orders.Order) []orders.Answer {
	switch {
	case x.State != orders.Review:
		return nil
	case o.answers != nil:
		return o.answers
	case x.Kind == orders.KindTopUp:
		return []orders.Answer{orders.AnswerBuyAgain, orders.AnswerApplied, orders.AnswerRefund, orders.AnswerClose}
	default:
		return []orders.Answer{orders.AnswerBuyAgain, orders.AnswerCode, orders.AnswerOrderNo, orders.AnswerRefund}
	}
}

func (o *office) decide(what string, d orders.Decision, to orders.State) (*orders.Order, error) {
	x, err := o.order(d.Order)
	switch {
	case err != nil:
		return nil, err
	case x.State != orders.Review:
		return nil, orders.ErrNoSuchAnswer
	case x.Attempt.N != d.Attempt:
		return nil, &orders.Refusal{Why: orders.WhyChanged, State: x.State}
	}
	if x, err = o.change(d.Order, to, d.Admin); err == nil {
		o.did("%s %s %d by %d", what, d.Order, d.Attempt, d.Admin)
	}
	return x, err
}

func (o *office) BuyAgain(_ context.Context, d orders.Decision) (*orders.Order, error) {
	return o.decide("buy_again", d, orders.Paid)
}

func (o *office) Deliver(_ context.Context, d orders.Decision) (*orders.Order, error) {
	return o.decide("deliver", d, orders.Issued)
}

func (o *office) Applied(_ context.Context, d orders.Decision) (*orders.Order, error) {
	return o.decide("mark_applied", d, orders.Issued)
}

func (o *office) Close(_ context.Context, d orders.Decision) (*orders.Order, error) {
	return o.decide("close", d, orders.Refunding)
}

func (o *office) AttachCode(_ context.Context, d orders.Decision, code esim.ActivationCode) (*orders.Order, error) {
	return o.decide("attach_code "+code.Reveal(), d, orders.Issued)
}

func (o *office) AttachOrderNo(_ context.Context, d orders.Decision, number string) (*orders.Order, error) {
	return o.decide("attach_no "+number, d, orders.Issued)
}

func (o *office) OfferReturn(_ context.Context, intent string) (*orders.ReturnOffer, error) {
	offer := &orders.ReturnOffer{Intent: intent, N: 1, Amount: esim.Money{Minor: 455, Currency: esim.USD}}
	switch {
	case o.stage.broken != nil:
		return nil, o.stage.broken
	case intent == "pi_3Foreign":
		return nil, fmt.Errorf("stray: %w", orders.ErrNotFound)
	case slices.ContainsFunc(o.deeds, func(d string) bool { return strings.HasPrefix(d, "return "+intent) }):
		return nil, &orders.Refusal{Why: orders.WhyNothing, Left: esim.Money{Currency: esim.USD}}
	case intent == "pi_3Lost":
		offer.Used = true
		return offer, nil
	}
	found, err := o.order(delivered)
	if err == nil && intent == found.Payment.Intent {
		return nil, &orders.Refusal{Why: orders.WhyOwn, State: found.State, Order: found.ID}
	}
	offer.Order = found
	return offer, err
}

func (o *office) ReturnPayment(ctx context.Context, r orders.ReturnRequest) (orders.Refund, error) {
	offer, err := o.OfferReturn(ctx, r.Intent)
	switch {
	case err != nil || o.err != nil:
		return orders.Refund{}, errors.Join(err, o.err)
	case r.N != offer.N || r.Amount != offer.Amount:
		return orders.Refund{}, &orders.Refusal{Why: orders.WhyChanged}
	}
	o.did("return %s %d %s by %d", r.Intent, r.N, r.Amount, r.Admin)
	return orders.Refund{ID: "re_1", Amount: r.Amount, Status: "succeeded"}, nil
}

func (o *office) OfferGiveBack(_ context.Context, r orders.GiveBackRequest) (*orders.GiveBackOffer, error) {
	found, err := o.order(r.Order)
	switch {
	case err != nil:
		return nil, err
	case r.Provider != esim.CloudESIM:
		return nil, &orders.Refusal{Why: orders.WhyKept, State: found.State, Order: found.ID}
	case found.Bought == nil || r.OrderNo == found.Bought.Profile.OrderNo:
		return nil, &orders.Refusal{Why: orders.WhyOwn, State: found.State, Order: found.ID}
	}
	return &orders.GiveBackOffer{Order: found, Provider: r.Provider, OrderNo: r.OrderNo, Installed: o.inUse}, nil
}

func (o *office) GiveBackSecond(ctx context.Context, r orders.GiveBackRequest) (*orders.Order, error) {
	offer, err := o.OfferGiveBack(ctx, r)
	if err != nil || o.err != nil {
		return nil, errors.Join(err, o.err)
	}
	o.did("give back %s of %s by %d", r.OrderNo, r.Order, r.Admin)
	return offer.Order, nil
}

func (o *office) Balances(context.Context) []orders.Balance { return o.balances }

func (o *office) Pauses(context.Context) (orders.Pauses, error) { return o.pauses, o.stage.broken }

func (o *office) Pause(_ context.Context, admin int64, p esim.Provider) (orders.Pauses, error) {
	if o.err != nil {
		return orders.Pauses{}, o.err
	}
	o.did("pause %q by %d", p, admin)
	if p == "" {
		o.pauses.All = true
	} else if !slices.Contains(o.pauses.Providers, p) {
		o.pauses.Providers = append(slices.Clip(o.pauses.Providers), p)
	}
	return o.pauses, nil
}

func (o *office) Resume(_ context.Context, admin int64) (orders.Pauses, error) {
	o.did("resume by %d", admin)
	o.pauses = orders.Pauses{}
	return o.pauses, o.err
}

func (o *office) Block(_ context.Context, admin, customer int64) error {
	o.did("block %d by %d", customer, admin)
	o.blocked[customer] = true
	return o.err
}

func (o *office) Unblock(_ context.Context, admin, customer int64) error {
	o.did("unblock %d by %d", customer, admin)
	delete(o.blocked, customer)
	return o.err
}

func (o *office) Blocked(_ context.Context, customer int64) (bool, error) {
	return o.blocked[customer], o.stage.broken
}

func (o *office) Stats(_ context.Context, days int) (orders.Stats, error) {
	s := o.stats
	s.Days = s.Days[max(len(s.Days)-days, 0):]
	return s, o.stage.broken
}

var _ flows.Office = (*office)(nil)
