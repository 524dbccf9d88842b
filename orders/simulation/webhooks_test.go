package simulation

import (
	"fmt"
	"strings"
	"time"

	"esimbot/orders"
)

// emit brings an event to the shop: perhaps never, twice, late.
func (s *stripe) emit(kind string, cs *session) {
	w := s.w
	if w.strikes(faultWebhookLost) {
		w.note(cs.order, "stripe", kind, "never sent")
		return
	}
	s.events++
	e := orders.PaymentEvent{ID: fmt.Sprintf("evt_%d", s.events), Type: kind, Order: cs.order}
	if strings.HasPrefix(kind, "checkout.session") {
		e.SessionID = cs.ID
	}
	if cs.intent != nil {
		e.Intent = cs.intent.id
	}
	if w.rng.IntN(8) == 0 && e.Intent != "" && e.SessionID == "" {
		e.Order = "" // a dispute names only the payment
	}
	times := 1
	if w.strikes(faultWebhookTwice) {
		times = 2 + w.rng.IntN(2)
	}
	for range times {
		delay := w.between(200*time.Millisecond, 3*time.Second)
		if w.strikes(faultWebhookLate) {
			delay = w.between(time.Minute, 8*time.Hour)
		}
		w.outside(delay, func() { s.bring(e, cs.order, 0) })
	}
}

// bring hands an event to a replica and again after a while until one answers 200, for three days.
func (s *stripe) bring(e orders.PaymentEvent, id orders.ID, times int) {
	w := s.w
	again := func() {
		if times < 9 {
			w.outside(min(time.Minute<<(2*min(times, 5)), 12*time.Hour), func() { s.bring(e, id, times+1) })
		}
	}
	p := w.alive()
	if p == nil {
		again()
		return
	}
	w.pending++
	w.spawn(p, func() {
		err := p.service.HandlePayment(background, e)
		w.pending--
		w.note(id, p.owner, "event "+e.Type, text(err))
		if err != nil || p.dead {
			again()
		}
	})
}
