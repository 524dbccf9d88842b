package sandbox

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
)

// A Scenario is one thing that goes wrong in a shop's life, set up by one press.
type Scenario struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Next string `json:"next"` // what to do in the chat
	See  string `json:"see"`  // what is seen then
}

// The scenarios' ids.
const (
	SoldAndFailed = "sold-and-failed"
	Refused       = "refused"
	NoBalance     = "no-balance"
	NoWebhook     = "no-webhook"
	PaidTooLate   = "paid-too-late"
	FloodWait     = "flood-wait"
	Blocked       = "blocked"
)

// Scenarios lists them in the order a person would try them.
func Scenarios() []Scenario {
	return []Scenario{
		{SoldAndFailed, "Sold, but the provider answers 500", "Buy an eSIM and pay.",
			"Nobody knows whether it was bought. The customer reads that it takes longer; move the clock by 1 h and the admin is asked. The order's number and code stand in the provider's books below, for /resolve."},
		{Refused, "The providers refuse connections", "Buy an eSIM and pay. They go down at that moment.",
			"Nothing was bought, so the shop tries again. Press \u201cEverything works again\u201d: one eSIM comes, and the books have one order."},
		{NoBalance, "The providers' balance is used up", "Buy an eSIM and pay. The balance goes at that moment.",
			"The order waits and the admin is told. \u201cEverything works again\u201d brings the balance back, and the eSIM; two hours without it, and the customer is refunded."},
		{NoWebhook, "Stripe's webhooks are lost", "Buy an eSIM and pay, and do not press START afterwards.",
			"Nobody tells the shop of the payment. It asks Stripe by itself: within two minutes the eSIM comes."},
		{PaidTooLate, "Paid as the page expired", "Buy an eSIM and pay.",
			"Stripe closes the page and the order expires. 20 s later the money is there after all: the shop honours it and the eSIM comes."},
		{FloodWait, "Telegram says 429 for 30 s", "Buy an eSIM and pay.",
			"The eSIM's photo is refused with retry_after. The shop waits as long as it was told, then the photo comes."},
		{Blocked, "The customer blocks the bot", "Buy an eSIM and pay. You block the bot at that moment.",
			"The eSIM is bought and kept, and nothing more is sent. Press UNBLOCK AND RESTART: it is there."},
	}
}

// Play ends whatever went wrong and sets up a scenario; customer is who blocks the bot in Blocked.
func (w *World) Play(id string, customer int64) error {
	known := false
	for _, s := range Scenarios() {
		known = known || s.ID == id
	}
	if !known {
		return errors.New("no such scenario")
	}
	if err := w.Calm(); err != nil {
		return err
	}
	p := w.panel
	p.mu.Lock()
	p.playing = id
	p.mu.Unlock()
	switch id {
	case SoldAndFailed:
		return errors.Join(p.put("cloudesim", "error-after", true), p.put("mobilexy", "error-after", true))
	case Refused:
		w.whenPaid(func() error {
			return errors.Join(p.put("cloudesim", "refused", false), p.put("mobilexy", "refused", false))
		})
	case NoBalance:
		w.whenPaid(p.drain)
	case NoWebhook:
		w.Stripe.DropWebhooks(true)
	case PaidTooLate:
		return w.Stripe.PaymentsCome(stripe.TooLate)
	case FloodWait:
		return p.put("telegram", "limited-30s", true)
	case Blocked:
		w.whenPaid(func() error {
			w.Telegram.Block(customer)
			return nil
		})
	}
	return nil
}

// whenPaid makes the world go wrong just before the next payment.
func (w *World) whenPaid(wrong func() error) {
	w.Stripe.BeforePayment(func(stripe.Session) {
		if err := wrong(); err != nil {
			w.log.Error("scenario", "error", err)
		}
	})
}

// drain takes the providers' balances.
func (p *panel) drain() error {
	for _, s := range p.servers {
		if s.wholesale == nil {
			continue
		}
		p.mu.Lock()
		p.drained[s.id] = s.wholesale.Balance()
		p.mu.Unlock()
		s.wholesale.SetBalance(decimal.Zero)
	}
	return nil
}

// Calm makes everything work again: moods, webhooks, payments and refunds, and the balances that a
// scenario took. What has happened stays; a customer who blocked the bot unblocks it by writing.
func (w *World) Calm() error {
	p := w.panel
	w.Stripe.BeforePayment(nil)
	w.Stripe.DropWebhooks(false)
	w.Stripe.DuplicateWebhooks(0)
	w.Stripe.FailStored("", 0, false)
	errs := []error{w.Stripe.RefundsEnd("succeeded"), w.Stripe.PaymentsCome(stripe.AtOnce)}
	p.mu.Lock()
	p.playing = ""
	clear(p.narrow)
	p.mu.Unlock()
	for _, s := range p.servers {
		if err := s.fault.Set(fault.Rule{}); err != nil {
			errs = append(errs, fmt.Errorf("calm %s: %w", s.id, err))
		}
		p.mu.Lock()
		before, taken := p.drained[s.id]
		delete(p.drained, s.id)
		p.mu.Unlock()
		if taken {
			s.wholesale.SetBalance(s.wholesale.Balance().Add(before))
		}
	}
	return errors.Join(errs...)
}

func (p *panel) scenario(in struct {
	ID   string `json:"id"`
	User int64  `json:"user"`
}) error {
	return p.world.Play(in.ID, in.User)
}
