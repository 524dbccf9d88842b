package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

// sellerPort is a process's way to a provider.
type sellerPort struct {
	p *process
	s *seller
}

var _ providers.Provider = sellerPort{}

// patience is how long a client waits for an answer.
const patience = 15 * time.Second

func (c sellerPort) fail(op string, class providers.Class, cause error) error {
	return &providers.Error{Provider: c.s.id, Op: op, Class: class, Err: cause}
}

// read makes a call that changes nothing.
func (c sellerPort) read(op string, id orders.ID, do func() error) error {
	w := c.p.w
	if !c.p.reach(op, id) {
		return c.fail(op, providers.Unknown, errDead)
	}
	switch {
	case c.away():
		w.note(id, c.p.owner, op, "refused connection")
		return c.fail(op, providers.NotSent, errors.New("refused connection"))
	case w.strikes(faultQuery):
		w.note(id, c.p.owner, op, "no answer")
		w.rest(patience)
		return c.fail(op, providers.Unknown, context.DeadlineExceeded)
	}
	err := do()
	w.note(id, c.p.owner, op, text(err))
	if !c.p.back(op, id) {
		return c.fail(op, providers.Unknown, errDead)
	}
	return err
}

// away says whether the provider can't be reached.
func (c sellerPort) away() bool {
	w := c.p.w
	if w.strikes(faultProviderDown) {
		c.s.down = w.now.Add(w.between(time.Second, 5*time.Minute))
	}
	return !w.calm && w.now.Before(c.s.down)
}

// deal makes a call that buys: do sells, or returns nil for want of balance.
func (c sellerPort) deal(op string, plan esim.Plan, do func() *sale) (x *sale, err error) {
	w, id := c.p.w, c.s.order(plan)
	if !c.p.reach(op, id) {
		return nil, c.fail(op, providers.Unknown, errDead)
	}
	came := func(what string) { w.note(id, c.p.owner, op, what) }
	switch {
	case c.away():
		came("refused connection")
		return nil, c.fail(op, providers.NotSent, errors.New("refused connection"))
	case w.strikes(faultRejected):
		came("rejected")
		return nil, c.fail(op, providers.Rejected, errors.New("no such package"))
	case w.strikes(faultUnsold):
		came("no answer, not sold")
		return nil, c.unheard(op)
	case w.strikes(faultLateCommit):
		came("no answer, sold later")
		w.outside(w.between(20*time.Second, 8*time.Minute), func() { do() })
		return nil, c.unheard(op)
	case w.strikes(faultUnheard):
		came("no answer")
		do()
		return nil, c.unheard(op)
	}
	if x = do(); x == nil {
		came("balance too low")
		cause := providers.ErrInsufficientBalance
		if w.rng.IntN(2) == 0 {
			cause = errors.New("payment required")
		}
		return nil, c.fail(op, providers.Rejected, cause)
	}
	came("bought " + x.no)
	if x.to == nil {
		c.delay(x)
	}
	if !c.p.back(op, id) {
		return nil, c.fail(op, providers.Unknown, errDead)
	}
	x.by, x.heard = c.p, w.now
	return x, nil
}

func (c sellerPort) unheard(op string) error {
	c.p.w.rest(patience)
	return c.fail(op, providers.Unknown, context.DeadlineExceeded)
}

// delay has a profile made later, or never.
func (c sellerPort) delay(x *sale) {
	w := c.p.w
	switch {
	case w.strikes(faultNotReady):
		x.ready = w.now.Add(w.between(time.Second, time.Hour))
	case w.strikes(faultNoCode):
		x.ready = time.Time{}
	}
}

func (c sellerPort) ID() esim.Provider { return c.s.id }

func (c sellerPort) Abilities() providers.Abilities {
	if c.s.id == esim.CloudESIM {
		return providers.Abilities{Cancel: true, QueryByNo: true, BatchSize: 1}
	}
	return providers.Abilities{BatchSize: 10, UsageDelay: 4 * time.Hour}
}

func (c sellerPort) Balance(context.Context) (b decimal.Decimal, err error) {
	err = c.read("balance", "", func() error {
		b = usd(c.s.balance)
		return nil
	})
	return b, err
}

func (c sellerPort) Fresh(_ context.Context, plan esim.Plan) (l providers.Listing, err error) {
	id := c.s.order(plan)
	err = c.read("fresh", id, func() error {
		b := c.p.w.books[id]
		if b != nil && b.gone && b.draft.Plan.Provider == c.s.id {
			return c.fail("fresh", providers.Rejected, providers.ErrPlanGone)
		}
		plan.Wholesale = usd(c.s.cents(plan))
		l.Plan = plan
		return nil
	})
	return l, err
}

func (c sellerPort) Buy(_ context.Context, plan esim.Plan) (esim.Profile, error) {
	x, err := c.deal("buy", plan, func() *sale { return c.s.sell(plan, nil) })
	if err != nil {
		return esim.Profile{}, err
	}
	return c.s.profile(x), nil
}

func (c sellerPort) TopUp(_ context.Context, ref providers.Ref, plan esim.Plan) (providers.TopUp, error) {
	to := c.s.find(providers.Ref{ICCID: ref.ICCID, TranNo: ref.TranNo})
	if to == nil || !to.taken.IsZero() {
		return providers.TopUp{}, c.fail("top-up", providers.Rejected, providers.ErrNotFound)
	}
	x, err := c.deal("top-up", plan, func() *sale { return c.s.sell(plan, to) })
	if err != nil {
		return providers.TopUp{}, err
	}
	told := providers.TopUp{OrderNo: x.no, TotalBytes: -1, UsedBytes: -1}
	if c.s.id == esim.Mobilexy {
		told.TotalBytes, told.UsedBytes, told.ExpiresAt = to.plan.Bytes, 0, to.expires
		for _, t := range to.topUps {
			told.TotalBytes += t.plan.Bytes
		}
	}
	return told, nil
}

func (c sellerPort) Query(_ context.Context, ref providers.Ref) (u esim.Usage, err error) {
	x := c.s.find(ref)
	id := orders.ID("")
	if x != nil {
		id = x.order
	}
	err = c.read("query", id, func() error {
		switch {
		case c.s.id == esim.Mobilexy && ref.ICCID == "" && ref.TranNo == "":
			return c.fail("query", providers.Rejected, providers.ErrUnsupported)
		case x == nil:
			return c.fail("query", providers.Rejected, providers.ErrNotFound)
		}
		u = c.s.usage(x)
		return nil
	})
	if err != nil {
		return esim.Usage{}, err
	}
	return u, nil
}

func (c sellerPort) Usage(ctx context.Context, refs []providers.Ref) (list []esim.Usage, err error) {
	for _, ref := range refs {
		u, err := c.Query(ctx, ref)
		switch {
		case err == nil:
			list = append(list, u)
		case !errors.Is(err, providers.ErrNotFound):
			return nil, err
		}
	}
	return list, nil
}

func (c sellerPort) Cancel(_ context.Context, ref providers.Ref) error {
	if c.s.id == esim.Mobilexy {
		return c.fail("cancel", providers.Rejected, providers.ErrUnsupported)
	}
	w, x := c.p.w, c.s.find(ref)
	id := orders.ID("")
	if x != nil {
		id = x.order
	}
	if !c.p.reach("cancel", id) {
		return c.fail("cancel", providers.Unknown, errDead)
	}
	came := func(what string) { w.note(id, c.p.owner, "cancel", what) }
	take := func() bool {
		if x == nil || !x.taken.IsZero() || len(x.used) > 0 {
			return false
		}
		c.s.take(x)
		return true
	}
	switch {
	case c.away():
		came("refused connection")
		return c.fail("cancel", providers.NotSent, errors.New("refused connection"))
	case w.strikes(faultCancelRefused):
		came("refused")
		return c.fail("cancel", providers.Rejected, errors.New("the profile is installed"))
	case w.strikes(faultCancelUnclear):
		came("no answer")
		switch w.rng.IntN(3) {
		case 0:
			take()
		case 1:
			w.outside(w.between(20*time.Second, 5*time.Minute), func() { take() })
		}
		return c.unheard("cancel")
	case !take():
		came("refused")
		return c.fail("cancel", providers.Rejected, errors.New("the eSIM can't be cancelled"))
	}
	came("done")
	if !c.p.back("cancel", id) {
		return c.fail("cancel", providers.Unknown, errDead)
	}
	return nil
}

func (c sellerPort) Catalogue(context.Context) (providers.Catalogue, error) {
	return providers.Catalogue{}, nil
}

// TopUps lists what fits an eSIM: here every top-up that somebody ordered for it.
func (c sellerPort) TopUps(_ context.Context, ref providers.Ref, base esim.Plan) (list []providers.Listing, err error) {
	if c.s.id == esim.CloudESIM && ref.ICCID == "" {
		return nil, c.fail("top-ups", providers.Rejected, providers.ErrUnsupported)
	}
	err = c.read("top-ups", "", func() error {
		for _, id := range c.p.w.ids {
			b := c.p.w.books[id]
			if b.draft.ESIM != c.s.order(base) || b.gone {
				continue
			}
			plan := c.s.plan(id, orders.KindTopUp)
			plan.Wholesale = usd(c.s.cents(plan))
			list = append(list, providers.Listing{Plan: plan})
		}
		return nil
	})
	return list, err
}
