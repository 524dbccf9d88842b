package simulation

import (
	"context"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

// service is the real order machine of a process.
func (w *world) service(p *process) *orders.Service {
	s, err := orders.New(orders.Config{
		Store: storePort{p}, Shelf: storePort{p}, Payments: stripePort{p}, Notifier: telegramPort{p}, Providers: w.providers(p),
		Twins: w.twins, Rate: decimal.New(1, 0), Shop: shop, Now: p.clock, Random: numbers{w.rng}, Owner: p.owner,
		Log: slog.New(slog.DiscardHandler), Sequential: true, SweepInterval: sweepEvery,
		Wait: func(_ context.Context, d time.Duration) error {
			if p.dead {
				return errDead
			}
			w.rest(d)
			if p.dead {
				return errDead
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	return s
}

// twins is the same plan at the other provider.
func (w *world) twins(plan esim.Plan) []esim.Plan {
	for _, id := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		if s := w.sellers[id]; id != plan.Provider {
			return []esim.Plan{s.plan(s.order(plan), orders.KindESIM)}
		}
	}
	return nil
}

// wake has the process look at the due set at a time, unless it does before.
func (p *process) wake(at time.Time) {
	if at.Before(p.w.now) {
		at = p.w.now
	}
	if p.dead || (p.polls > 0 && !at.Before(p.pollAt)) {
		return
	}
	p.polls++
	poll := p.polls
	p.pollAt = at
	p.w.after(at.Sub(p.w.now), func() {
		if !p.dead && poll == p.polls {
			p.w.spawn(p, p.poll)
		}
	})
}

// stir has every process look at the due set when an order comes due.
func (w *world) stir(due time.Time) {
	for _, p := range w.replicas {
		if p != nil {
			p.wake(due.Add(-p.skew).Add(w.between(0, time.Second)))
		}
	}
}

// poll looks at the due set, as Run does each second, and drives what is due. In between it sleeps:
// a look that finds nothing changes nothing.
func (p *process) poll() {
	w := p.w
	p.pollAt = w.now.Add(time.Hour) // until this look is over
	ids, err := storePort{p}.Due(background, p.clock(), 64)
	if p.dead {
		return
	}
	for _, id := range ids {
		if !p.busy[id] && !w.now.Before(p.shunned[id]) {
			p.busy[id] = true
			w.after(0, func() { w.spawn(p, func() { p.step(id) }) })
		}
	}
	next := w.now.Add(10 * time.Minute)
	if w.calm {
		next = w.now.Add(24 * time.Hour)
	}
	for id, due := range w.redis.due {
		at := due.Add(-p.skew)
		if until := p.shunned[id]; at.Before(until) {
			at = until
		}
		if at.Before(next) {
			next = at
		}
	}
	if soon := w.now.Add(time.Second); err != nil || next.Before(soon) {
		next = soon
	}
	p.polls++ // what was set meanwhile is seen to now
	p.pollAt = next.Add(time.Second)
	p.wake(next)
}

// step drives one order; one that fails is left alone for a moment, as Run does it.
func (p *process) step(id orders.ID) {
	err := p.service.Step(background, id)
	delete(p.busy, id)
	delete(p.shunned, id)
	if err != nil && !p.dead {
		p.w.note(id, p.owner, "step", text(err))
		p.shunned[id] = p.w.now.Add(10 * time.Second)
	}
}
