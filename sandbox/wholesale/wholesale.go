// Package wholesale is the back office that both local eSIM wholesalers share: plans and their
// prices, the shop's balance, orders, and the eSIMs sold with all that happens to them. The
// providers' folders put their own APIs in front of it.
//
// A House is changed by API calls, by tests, and by the control panel, all at once; one mutex
// guards it, and everything handed out is a copy.
package wholesale

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"
)

// Errors of a House, besides *BalanceError and *StateError.
var (
	ErrNoPlan = errors.New("no such plan")
	ErrNoESIM = errors.New("no such eSIM")
)

// A BalanceError says that an order costs more than is there. Amounts are USD.
type BalanceError struct{ Required, Available decimal.Decimal }

func (e *BalanceError) Error() string {
	return fmt.Sprintf("insufficient balance: %s needed, %s there", e.Required, e.Available)
}

// A StateError says that an eSIM's state forbids what was asked.
type StateError struct{ State State }

func (e *StateError) Error() string { return "not possible for an eSIM that is " + string(e.State) }

// A Plan is a line of a wholesaler's price list.
type Plan struct {
	Code     string // what orders name it by
	Name     string
	Location string // an eSIM may be topped up with plans of its own location
	Bytes    int64  // -1: no fixed volume
	Days     int
	Price    decimal.Decimal // USD
	TopUp    bool            // only for an eSIM that exists already
}

// An Order is one purchase or top-up.
type Order struct {
	No     string
	TopUp  bool
	Plan   string // its code
	ICCIDs []string
	Amount decimal.Decimal // USD, of all eSIMs together
	At     time.Time
}

// Options says how one wholesaler's house differs from another's.
type Options struct {
	Now         func() time.Time
	Seed        uint64                                            // other seeds, other codes and ICCIDs
	Balance     decimal.Decimal                                   // USD to begin with
	SMDP        string                                            // address in activation codes
	ICCIDPrefix string                                            // begins with 89
	ICCIDDigits int                                               // 19 or 20
	OrderNo     func(i Issuer, at time.Time) string               // names an order
	TranNo      func(i Issuer, order string, at time.Time) string // names an eSIM
	ReportEvery time.Duration                                     // how long numbers lag behind; 0: not at all
}

// A House is one wholesaler. Its methods may be called by several goroutines at once.
type House struct {
	opts Options

	mu      sync.Mutex
	balance decimal.Decimal
	plans   []Plan
	at      map[string]int // places in plans by code; nil: to be made
	orders  []Order
	esims   []*ESIM
	byICCID map[string]*ESIM
	issued  int // orders and eSIMs that have been given a number
}

// New returns a house that sells plans.
func New(o Options, plans []Plan) *House {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &House{opts: o, balance: o.Balance, plans: slices.Clone(plans), byICCID: map[string]*ESIM{}}
}

// Now returns the time by the house's clock, in UTC.
func (h *House) Now() time.Time { return h.opts.Now().UTC() }

// ReportEvery returns how far apart a carrier's reports on an eSIM are; 0: the numbers are always true.
func (h *House) ReportEvery() time.Duration { return h.opts.ReportEvery }

// Balance returns what the shop may still spend, in USD.
func (h *House) Balance() decimal.Decimal {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.balance
}

// SetBalance makes usd what the shop may spend.
func (h *House) SetBalance(usd decimal.Decimal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.balance = usd
}

// Plans returns the price list.
func (h *House) Plans() []Plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.plans)
}

// Plan returns one plan by its code.
func (h *House) Plan(code string) (Plan, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.planIndex(code)
	if i < 0 {
		return Plan{}, false
	}
	return h.plans[i], true
}

// SetPrice makes usd the price of a plan. The error may be ErrNoPlan.
func (h *House) SetPrice(planID string, usd decimal.Decimal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.planIndex(planID)
	if i < 0 {
		return ErrNoPlan
	}
	h.plans[i].Price = usd
	return nil
}

// RemovePlan takes a plan off the price list. The error may be ErrNoPlan.
func (h *House) RemovePlan(planID string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.planIndex(planID)
	if i < 0 {
		return ErrNoPlan
	}
	h.plans, h.at = slices.Delete(h.plans, i, i+1), nil
	return nil
}

func (h *House) planIndex(code string) int {
	if h.at == nil {
		h.at = make(map[string]int, len(h.plans))
		for i, p := range h.plans {
			h.at[p.Code] = i
		}
	}
	if i, ok := h.at[code]; ok {
		return i
	}
	return -1
}

// Orders returns every order taken, top-ups too, oldest first.
func (h *House) Orders() []Order {
	h.mu.Lock()
	defer h.mu.Unlock()
	orders := make([]Order, len(h.orders))
	for i, o := range h.orders {
		orders[i] = o.clone()
	}
	return orders
}

func (o Order) clone() Order {
	o.ICCIDs = slices.Clone(o.ICCIDs)
	return o
}

// Purchases returns how many orders for new eSIMs were taken.
func (h *House) Purchases() int { return h.count(false) }

// TopUps returns how many top-ups were taken.
func (h *House) TopUps() int { return h.count(true) }

func (h *House) count(topUp bool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.orders {
		if o.TopUp == topUp {
			n++
		}
	}
	return n
}

// charge takes quantity times the plan's price off the balance.
func (h *House) charge(p Plan, quantity int) (decimal.Decimal, error) {
	amount := p.Price.Mul(decimal.NewFromInt(int64(quantity)))
	if h.balance.LessThan(amount) {
		return decimal.Zero, &BalanceError{Required: amount, Available: h.balance}
	}
	h.balance = h.balance.Sub(amount)
	return amount, nil
}

// issuer returns the source of the next number's digits and letters.
func (h *House) issuer() Issuer {
	h.issued++
	return Issuer{Seed: h.opts.Seed, House: h.opts.ICCIDPrefix, N: h.issued}
}
