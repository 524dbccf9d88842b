package simulation

import (
	"errors"
	"slices"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// The admins. They read the providers' lists of orders, so they mostly know what is true, and
// sometimes err.

const (
	anAdmin      = 1
	anotherAdmin = 2
)

// regret is a customer's wish for a refund, which one admin grants, or two at once.
func (w *world) regret(id orders.ID) {
	admins := []int64{anAdmin}
	if w.rng.IntN(3) == 0 {
		admins = append(admins, anotherAdmin)
	}
	part := w.rng.IntN(2) == 0
	for _, admin := range admins {
		p := w.alive()
		if p == nil {
			return
		}
		w.spawn(p, func() { w.refund(p, id, admin, part, w.rng.IntN(10) == 0) })
	}
}

func (w *world) refund(p *process, id orders.ID, admin int64, part, anyway bool) {
	amount := esim.Money{}
	if part {
		amount = esim.Money{Minor: 1 + w.rng.Int64N(300), Currency: esim.USD}
	}
	offer, err := p.service.OfferRefund(background, id, amount, anyway)
	var refused *orders.Refusal
	if err != nil && !errors.As(err, &refused) {
		w.note(id, p.owner, "offer refund", text(err))
		return
	}
	if err == nil {
		w.rest(w.between(time.Second, 2*time.Minute)) // until the admin has confirmed
		_, err = p.service.Refund(background, orders.RefundRequest{Order: id, Admin: admin, N: offer.N, Amount: offer.Amount, Anyway: anyway})
	}
	w.note(id, p.owner, "admin refunds", text(err))
}

// resolve is an admin's answer to an order under review, if it still is.
func (w *world) resolve(id orders.ID, attempt int) {
	p := w.alive()
	if p == nil {
		return
	}
	admins := 1 + w.rng.IntN(8)/7
	for admin := range admins {
		w.spawn(p, func() { w.answer(p, id, int64(anAdmin+admin), attempt) })
	}
}

func (w *world) answer(p *process, id orders.ID, admin int64, attempt int) {
	o, _, err := p.service.Record(background, id)
	if err != nil || o.State != orders.Review {
		return
	}
	answers := p.service.Answers(o)
	if len(answers) == 0 {
		return
	}
	d := orders.Decision{Order: id, Admin: admin, Attempt: attempt}
	choice, x := w.choose(o, answers)
	switch choice {
	case orders.AnswerBuyAgain:
		_, err = p.service.BuyAgain(background, d)
	case orders.AnswerDeliver:
		_, err = p.service.Deliver(background, d)
	case orders.AnswerCode: // of one of those that stand in the provider's list
		w.books[id].judgedAt = w.now
		_, err = p.service.AttachCode(background, d, x.code)
	case orders.AnswerOrderNo:
		w.books[id].judgedAt = w.now
		_, err = p.service.AttachOrderNo(background, d, x.no)
	case orders.AnswerApplied:
		_, err = p.service.Applied(background, d)
	case orders.AnswerClose:
		w.books[id].judgedAt = w.now
		_, err = p.service.Close(background, d)
	default:
		w.books[id].judgedAt = w.now
		w.refund(p, id, admin, false, choice == orders.AnswerAnyway)
	}
	w.note(id, p.owner, "admin answers "+string(choice), text(err))
}

// choose draws an answer that fits what the provider's books say, or, seldom, any.
func (w *world) choose(o *orders.Order, answers []orders.Answer) (orders.Answer, *sale) {
	x := w.unheard(o)
	fits := slices.DeleteFunc(slices.Clone(answers), func(a orders.Answer) bool {
		switch a {
		case orders.AnswerCode:
			return x == nil || x.to != nil
		case orders.AnswerOrderNo:
			return x == nil || x.to != nil || x.plan.Provider != esim.CloudESIM
		case orders.AnswerApplied:
			return x == nil
		case orders.AnswerDeliver:
			y := w.sale(o.ID, o.Bought.Profile.OrderNo)
			return y != nil && !y.taken.IsZero()
		case orders.AnswerBuyAgain, orders.AnswerRefund:
			return x != nil && w.rng.IntN(20) > 0
		default:
			return false
		}
	})
	if len(fits) == 0 {
		return orders.AnswerRefund, nil
	}
	return fits[w.rng.IntN(len(fits))], x
}

// unheard returns what was sold for the order and isn't stored in it; nil if there is nothing.
func (w *world) unheard(o *orders.Order) *sale {
	for _, id := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, x := range w.sellers[id].sales {
			if x.order == o.ID && x.taken.IsZero() && (o.Bought == nil || o.Bought.Profile.OrderNo != x.no) {
				return x
			}
		}
	}
	return nil
}
