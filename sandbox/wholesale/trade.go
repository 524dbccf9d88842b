package wholesale

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// MakingTime says how long the profiles of a purchase take to be made: so long, and until the
// shop has looked for them so often.
type MakingTime struct {
	For   time.Duration
	Looks int
}

// Buy sells quantity new eSIMs of a plan. The error may be ErrNoPlan or a *BalanceError; then
// nothing was bought.
func (h *House) Buy(code string, quantity int, making MakingTime) (Order, []ESIM, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.planIndex(code)
	if i < 0 || h.plans[i].TopUp {
		return Order{}, nil, ErrNoPlan
	}
	plan, now := h.plans[i], h.Now()
	amount, err := h.charge(plan, quantity)
	if err != nil {
		return Order{}, nil, err
	}
	order := Order{No: h.opts.OrderNo(h.issuer(), now), Plan: plan.Code, Amount: amount, At: now}
	var sold []ESIM
	for range quantity {
		e := h.issue(plan, order.No, now)
		e.readyAt, e.looks = now.Add(making.For), making.Looks
		e.settle(now, h.opts.ReportEvery)
		h.esims = append(h.esims, e)
		h.byICCID[e.ICCID] = e
		order.ICCIDs = append(order.ICCIDs, e.ICCID)
		sold = append(sold, *e)
	}
	h.orders = append(h.orders, order)
	return order, sold, nil
}

func (h *House) issue(p Plan, orderNo string, now time.Time) *ESIM {
	i := h.issuer()
	return &ESIM{
		OrderNo:        orderNo,
		TranNo:         h.opts.TranNo(i, orderNo, now),
		ICCID:          i.iccid(h.opts.ICCIDPrefix, h.opts.ICCIDDigits),
		ActivationCode: fmt.Sprintf("LPA:1$%s$%s", h.opts.SMDP, i.Text("matching id", 16)),
		PlanCode:       p.Code,
		PlanName:       p.Name,
		Location:       p.Location,
		TotalBytes:     p.Bytes,
		Days:           p.Days,
		State:          Making,
		CreatedAt:      now,
		ExpiresAt:      now.Add(installWithin),
		Paid:           p.Price,
		Report:         Report{TotalBytes: p.Bytes, At: now},
		Issuer:         i,
	}
}

// TopUp adds quantity times a plan to the eSIM with that ICCID, if allow has nothing against it.
// The error may be ErrNoPlan, ErrNoESIM, a *StateError, a *BalanceError or allow's own; then
// nothing was bought.
func (h *House) TopUp(iccid, code string, quantity int, allow func(Plan, ESIM) error) (Order, ESIM, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, now, err := h.esim(iccid)
	if err != nil {
		return Order{}, ESIM{}, err
	}
	i := h.planIndex(code)
	if i < 0 {
		return Order{}, ESIM{}, ErrNoPlan
	}
	plan := h.plans[i]
	if err := allow(plan, *e); err != nil {
		return Order{}, ESIM{}, err
	}
	if !e.Live() {
		return Order{}, ESIM{}, &StateError{e.State}
	}
	amount, err := h.charge(plan, quantity)
	if err != nil {
		return Order{}, ESIM{}, err
	}
	e.add(plan, quantity)
	e.settle(now, h.opts.ReportEvery)
	order := Order{
		No: h.opts.OrderNo(h.issuer(), now), TopUp: true, Plan: plan.Code, ICCIDs: []string{iccid}, Amount: amount, At: now,
	}
	h.orders = append(h.orders, order)
	return order, *e, nil
}

// Cancel takes the eSIMs with those ICCIDs back, all or none, and returns all that was paid for
// them to the balance. The error may be ErrNoESIM or a *StateError.
func (h *House) Cancel(iccids []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var taken []*ESIM
	for _, iccid := range iccids {
		e, _, err := h.esim(iccid)
		if err != nil {
			return err
		}
		if e.State != Released && e.State != Making {
			return &StateError{e.State}
		}
		taken = append(taken, e)
	}
	for _, e := range taken {
		e.State = Cancelled
		h.balance = h.balance.Add(e.Paid)
		e.Paid = decimal.Zero
	}
	return nil
}

// ESIMs returns every eSIM sold, oldest first.
func (h *House) ESIMs() []ESIM { return h.Find(func(*ESIM) bool { return true }) }

// Find returns the eSIMs that match, oldest first.
func (h *House) Find(match func(*ESIM) bool) []ESIM {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(match, false)
}

// Look is Find for the shop's own questions: it counts for eSIMs that are made once they have
// been looked at a number of times.
func (h *House) Look(match func(*ESIM) bool) []ESIM {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(match, true)
}

func (h *House) find(match func(*ESIM) bool, look bool) []ESIM {
	now := h.Now()
	var found []ESIM
	for _, e := range h.esims {
		e.settle(now, h.opts.ReportEvery)
		if !match(e) {
			continue
		}
		found = append(found, *e)
		if look {
			e.looks--
		}
	}
	return found
}

// Order returns one order by its number.
func (h *House) Order(no string) (Order, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.orders, func(o Order) bool { return o.No == no })
	if i < 0 {
		return Order{}, false
	}
	return h.orders[i].clone(), true
}

// Install loads the eSIM into a phone. The error may be ErrNoESIM or a *StateError.
func (h *House) Install(iccid string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, now, err := h.esim(iccid)
	if err != nil {
		return err
	}
	return e.install(now)
}

// SetUsed makes bytes what has been used of the eSIM's data, installing it first where needed;
// more than all of it counts as all. The error may be ErrNoESIM or a *StateError.
func (h *House) SetUsed(iccid string, bytes int64) error {
	if bytes < 0 {
		return errors.New("data used can't be negative")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e, now, err := h.esim(iccid)
	if err != nil {
		return err
	}
	if err := e.use(bytes, now); err != nil {
		return err
	}
	e.settle(now, h.opts.ReportEvery)
	return nil
}

// esim returns the eSIM with that ICCID as it is now, and the time. The caller holds the mutex.
func (h *House) esim(iccid string) (*ESIM, time.Time, error) {
	now := h.Now()
	e, ok := h.byICCID[iccid]
	if !ok {
		return nil, now, ErrNoESIM
	}
	e.settle(now, h.opts.ReportEvery)
	return e, now, nil
}
