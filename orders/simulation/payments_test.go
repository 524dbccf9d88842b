package simulation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// stripePort is a process's way to Stripe.
type stripePort struct{ p *process }

var _ orders.Payments = stripePort{}

// errDoubt is no answer that settles whether the call was done.
var errDoubt = fmt.Errorf("stripe: no answer: %w", orders.ErrPaymentDoubt)

// do makes one call. A write may arrive later than its caller waits.
func (s stripePort) do(call string, id orders.ID, write bool, do func() error) error {
	w := s.p.w
	if !s.p.reach(call, id) {
		return errDoubt
	}
	if w.strikes(faultStripeDown) {
		w.note(id, s.p.owner, call, "stripe down")
		return errDoubt
	}
	if write && w.strikes(faultStripeLate) {
		w.note(id, s.p.owner, call, "on its way")
		w.outside(w.between(6*time.Second, 10*time.Minute), func() { w.note(id, "stripe", call+" arrives", text(do())) })
		w.rest(5 * time.Second)
		return errDoubt
	}
	err := do()
	w.note(id, s.p.owner, call, text(err))
	if w.strikes(faultStripeLost) {
		w.note(id, s.p.owner, call, "answer lost")
		w.rest(5 * time.Second)
		return errDoubt
	}
	if !s.p.back(call, id) {
		return errDoubt
	}
	return err
}

func (s stripePort) OpenCheckout(_ context.Context, o *orders.Order) (c orders.Checkout, err error) {
	asked := copied(o)
	err = s.do("open checkout", o.ID, true, func() (err error) {
		c, err = s.p.w.stripe.open(asked)
		return err
	})
	if err != nil {
		return orders.Checkout{}, err
	}
	return c, nil
}

func (s stripePort) Session(_ context.Context, id string) (cs *orders.CheckoutSession, err error) {
	err = s.do("read checkout", orders.ID(strings.TrimPrefix(id, "cs_")), false, func() error {
		found := s.p.w.stripe.sessions[id]
		if found == nil {
			return orders.ErrNotFound
		}
		cs = found.view()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return cs, nil
}

func (s stripePort) ExpireCheckout(_ context.Context, id string) error {
	return s.do("close checkout", orders.ID(strings.TrimPrefix(id, "cs_")), true, func() error {
		found := s.p.w.stripe.sessions[id]
		if found == nil {
			return orders.ErrNotFound
		}
		s.p.w.stripe.expire(found)
		return nil
	})
}

// on is do about a payment.
func (s stripePort) on(call, intent string, write bool, do func(i *payment) error) error {
	return s.do(call, orders.ID(strings.TrimPrefix(intent, "pi_")), write, func() error {
		i := s.p.w.stripe.intents[intent]
		if i == nil {
			return orders.ErrNotFound
		}
		return do(i)
	})
}

// payment is intent under a name that no parameter has.
type payment = intent

func (s stripePort) Fence(_ context.Context, intent string) (f orders.Fence, err error) {
	err = s.on("read fence", intent, false, func(i *payment) error {
		f = i.fence()
		if t := s.p.w.current; !i.goneAt.IsZero() {
			t.saw = i
		}
		return nil
	})
	if err != nil {
		return orders.Fence{}, err
	}
	return f, nil
}

func (s stripePort) RaiseFence(_ context.Context, intent string, order orders.ID, n int, value string) error {
	return s.on("raise fence "+value, intent, true, func(i *payment) error { return s.p.w.stripe.raise(i, order, n, value) })
}

func (s stripePort) Mark(_ context.Context, intent, key, value string) error {
	return s.on("mark "+key+"="+value, intent, true, func(i *payment) error {
		i.meta[key] = value
		return nil
	})
}

func (s stripePort) Refund(_ context.Context, intent string, order orders.ID, n int, amount esim.Money) (r orders.Refund, err error) {
	err = s.on(fmt.Sprintf("refund %d of %s", n, amount), intent, true, func(i *payment) (err error) {
		r, err = s.p.w.stripe.refund(i, order, n, amount)
		return err
	})
	if err != nil {
		return orders.Refund{}, err
	}
	return r, nil
}

// Every payment of this world is one of its orders.

func (s stripePort) Stray(context.Context, string) (orders.Stray, error) {
	return orders.Stray{}, orders.ErrNotFound
}

func (s stripePort) Return(context.Context, string, int) (orders.Refund, error) {
	return orders.Refund{}, orders.ErrNotFound
}

func (s stripePort) ListSessions(_ context.Context, since time.Time, fn func(*orders.CheckoutSession) error) error {
	var list []*session
	if err := s.do("list checkouts", "", false, func() error {
		list = s.p.w.stripe.since(since)
		return nil
	}); err != nil {
		return err
	}
	for n, cs := range list {
		if n%100 == 99 {
			if err := s.do("list checkouts", "", false, func() error { return nil }); err != nil {
				return err
			}
		}
		if err := fn(cs.view()); err != nil {
			return err
		}
	}
	return nil
}

func (s stripePort) OrderOf(_ context.Context, id string) (found orders.ID, err error) {
	err = s.do("order of", "", false, func() error {
		if i := s.p.w.stripe.intents[id]; i != nil {
			found = i.session.order
			return nil
		}
		if cs := s.p.w.stripe.sessions[id]; cs != nil {
			found = cs.order
			return nil
		}
		return orders.ErrNotFound
	})
	return found, err
}
