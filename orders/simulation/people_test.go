package simulation

import (
	"fmt"
	"slices"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// How many customers come to a world.
const (
	mostOrders  = 44
	leastOrders = 16
)

// live has everything happen that happens in a world.
func (w *world) live() {
	trouble := w.between(4*time.Hour, 30*time.Hour)
	for range leastOrders + w.rng.IntN(mostOrders-leastOrders) {
		w.after(w.between(0, trouble*2/3), w.order)
	}
	for at := time.Duration(0); at < trouble; at += w.between(time.Minute, time.Hour) {
		w.after(at, w.remember)
	}
	for range 3 {
		if w.strikes(faultRollback) {
			w.after(w.between(time.Minute, trouble), w.rollback)
		}
	}
	if w.strikes(faultWiped) {
		w.after(w.between(time.Minute, trouble), func() { w.forget(newRedis()) })
	}
	for at := time.Duration(0); at < trouble; at += w.between(10*time.Minute, 3*time.Hour) {
		w.after(at, w.refill)
	}
	w.until(dawn.Add(trouble), func() bool { return false })
	w.calm = true
	w.refill()
	w.note("", "world", "the sky clears", "")
	w.stir(w.now)
	w.until(w.now.Add(3*sweepEvery), func() bool { return false })
	var looked time.Time
	settled := false
	w.until(dawn.Add(40*24*time.Hour), func() bool {
		if w.pending == 0 && len(w.tasks) == 0 && w.now.Sub(looked) >= 10*time.Minute {
			looked, settled = w.now, w.settled()
		}
		return settled
	})
	w.figures.virtual = w.now.Sub(dawn)
	w.end()
}

// remember takes a snapshot of Redis.
func (w *world) remember() {
	w.past = append(w.past, w.redis.snapshot())
	if len(w.past) > 4 {
		w.past = w.past[1:]
	}
}

func (w *world) rollback() {
	if len(w.past) > 0 {
		w.forget(w.past[w.rng.IntN(len(w.past))].snapshot())
	}
}

// forget sets Redis back, under the feet of whoever works with it, and perhaps with all of them dead.
func (w *world) forget(to *redis) {
	w.figures.rollbacks++
	w.past = nil
	if len(to.docs) > 0 {
		w.past = []*redis{to.snapshot()}
	}
	w.redis = to
	w.note("", "redis", "rolled back", fmt.Sprint(len(to.docs), " orders are left"))
	if w.rng.IntN(2) == 0 {
		for _, p := range w.replicas {
			p.kill()
		}
	}
	w.stir(w.now)
}

// refill is the shop's owner, who adds money at the providers.
func (w *world) refill() {
	for _, id := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		if s := w.sellers[id]; w.calm || s.balance < 3*price && w.rng.IntN(2) == 0 {
			s.balance += 30 * price
		}
	}
}

const customers = 5

// order is a customer who buys an eSIM, or one to three top-ups at once of one they have.
func (w *world) order() {
	customer := 4711 + w.rng.Int64N(customers)
	if w.strikes(faultBlocked) {
		w.telegram.blocked[customer] = true
	}
	if w.rng.IntN(3) == 0 {
		if base := w.owned(customer); base != nil {
			w.link(base)
			for range 1 + w.rng.IntN(3)*w.rng.IntN(2) {
				w.draft(customer, base)
			}
			return
		}
	}
	w.draft(customer, nil)
}

// owned draws an eSIM that was delivered to the customer; nil if there is none.
func (w *world) owned(customer int64) *sale {
	var mine []*sale
	for _, id := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, x := range w.sellers[id].sales {
			if b := w.books[x.order]; x.to == nil && b.draft.Customer == customer && len(w.telegram.photos[x.order]) > 0 {
				mine = append(mine, x)
			}
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return mine[w.rng.IntN(len(mine))]
}

// link is a customer who uses the eSIM, and tells the shop its ICCID where nobody else does.
func (w *world) link(x *sale) {
	if w.rng.IntN(2) == 0 {
		x.used = append(x.used, use{w.now, w.rng.Int64N(esim.GB / 3)})
		w.note(x.order, "customer", "uses the eSIM", "")
	}
	if old := w.redis.lines[x.order]; old != nil && old.Ref.ICCID == "" {
		n := *old
		n.Ref.ICCID, n.Ref.TranNo = x.iccid, x.tran
		w.redis.lines[x.order] = &n
		w.redis.iccids[x.iccid] = x.order
	}
}

// draft is a customer's tap on Buy.
func (w *world) draft(customer int64, base *sale) {
	id := w.id()
	d := orders.Draft{ID: id, Kind: orders.KindESIM, Customer: customer, Language: "en", Screen: orders.Message{Chat: customer, ID: 1}}
	seller := w.sellers[esim.CloudESIM]
	if w.rng.IntN(2) == 0 {
		seller = w.sellers[esim.Mobilexy]
	}
	if base != nil {
		d.Kind, d.ESIM, seller = orders.KindTopUp, base.order, w.sellers[base.plan.Provider]
	}
	d.Plan = seller.plan(id, d.Kind)
	b := &book{draft: d, wished: map[string]int64{}}
	w.books[id], w.ids = b, append(w.ids, id)
	if w.strikes(faultPrice) {
		b.rises = w.rng.Int64N(300)
	}
	if w.strikes(faultGone) {
		b.gone = true
	}
	w.note(id, "customer", "wants "+string(d.Kind)+" of "+d.Plan.Key(), string(d.ESIM))
	w.tap(b, 0)
}

func (w *world) id() orders.ID {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := make([]byte, 10)
	for i := range b {
		b[i] = alphabet[w.rng.IntN(len(alphabet))]
	}
	return orders.ID(b)
}

// tap opens the order's page, again if that failed, and then pays, or not.
func (w *world) tap(b *book, times int) {
	again := func() {
		if times < 6 {
			w.outside(w.between(2*time.Second, time.Minute), func() { w.tap(b, times+1) })
		}
	}
	p := w.alive()
	if p == nil {
		again()
		return
	}
	w.spawn(p, func() {
		o, err := p.service.Open(background, b.draft)
		switch {
		case err != nil || p.dead:
			w.note(b.draft.ID, p.owner, "open", text(err))
			again()
		case o.State == orders.AwaitingPayment && o.Checkout.SessionID != "":
			w.decide(b, o.Checkout.SessionID)
		}
	})
}

func (w *world) decide(b *book, session string) {
	cs := w.stripe.sessions[session]
	switch w.rng.IntN(14) {
	case 0: // never comes back
	case 1:
		w.outside(w.between(time.Second, 20*time.Minute), func() { w.visit(b, true) })
	case 2: // at the last moment
		w.outside(max(0, cs.ExpiresAt.Sub(w.now)-w.between(0, time.Second)), func() { w.stripe.pay(cs) })
	case 3: // twice, in two windows
		w.outside(w.between(0, time.Minute), func() { w.tap(b, 6) })
		fallthrough
	default:
		w.outside(w.between(5*time.Second, 10*time.Minute), func() {
			w.stripe.pay(cs)
			if w.rng.IntN(3) == 0 {
				w.visit(b, false)
			}
			if i := cs.intent; i != nil {
				for _, late := range []time.Duration{2 * time.Second, time.Hour, 3 * time.Hour} {
					w.after(w.between(0, late), func() {
						if i.paid && !w.calm {
							w.stripe.byHand(i)
						}
					})
				}
			}
		})
	}
}

// visit is a customer who comes back from the page, or cancels.
func (w *world) visit(b *book, cancel bool) {
	p := w.alive()
	if p == nil {
		return
	}
	w.spawn(p, func() {
		var err error
		if cancel {
			_, err = p.service.Cancel(background, b.draft.ID, b.draft.Customer)
		} else {
			_, err = p.service.Check(background, b.draft.ID, b.draft.Customer)
		}
		w.note(b.draft.ID, p.owner, "visit", text(err))
	})
}

// changed keeps the world's own book on an order up to date with what is written to Redis.
func (w *world) changed(before, next *orders.Order, entry orders.LogEntry) {
	b := w.books[next.ID]
	if b == nil || before.State == next.State {
		return
	}
	admin := len(entry.Actor) > 6 && entry.Actor[:6] == "admin:"
	switch next.State {
	case orders.Paid:
		if admin {
			b.approved++
			b.judgedAt = w.now
		}
	case orders.Refunding:
		b.wish(before, next)
		b.closed = b.closed || admin && next.Refund.Amount.Minor == 0
		if admin && before.State == orders.Review {
			b.judgedAt = w.now
		}
	case orders.Expired:
		b.closed = b.closed || admin
	case orders.Review:
		b.reviewed = w.now
		if !w.calm || w.rng.IntN(2) == 0 {
			w.after(w.between(10*time.Minute, 8*time.Hour), func() { w.resolve(next.ID, next.Attempt.N) })
		}
	case orders.Delivered:
		if !w.calm && w.rng.IntN(6) == 0 {
			w.after(w.between(time.Minute, 5*time.Hour), func() { w.regret(next.ID) })
		}
	default:
		if !w.calm && w.rng.IntN(100) == 0 {
			w.after(w.between(time.Second, time.Minute), func() { w.regret(next.ID) })
		}
	}
}

// wish notes that a refund was begun. One that a rolled back Redis has begun before counts once.
func (b *book) wish(before, next *orders.Order) {
	b.wished[fmt.Sprintf("%d %s", next.Refund.N, next.Refund.Amount)] = next.Refund.Amount.Minor
	left := before.Payment.Received.Minor - before.Refund.Total.Minor
	b.whole = b.whole || next.Refund.Amount.Minor >= left || next.Refund.Amount.Minor == 0
}

func (w *world) sale(id orders.ID, number string) *sale {
	for _, s := range w.sellers {
		i := slices.IndexFunc(s.sales, func(x *sale) bool { return x.no == number && x.order == id })
		if i >= 0 {
			return s.sales[i]
		}
	}
	return nil
}
