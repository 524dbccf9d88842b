package orders_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

// seller is a provider. Its answers to Buy are taken in turn; without any it sells.
type seller struct {
	w       *world
	id      esim.Provider
	price   decimal.Decimal
	balance decimal.Decimal
	answers []string
	queries []string // answers to Query in turn: "ready", "cancelled", "error"; without: not ready
	gone    bool
	downFor int              // reads that fail
	change  func(*esim.Plan) // of the terms since the plan was sold

	sold int
	// Of the eSIM that is topped up: when that was done, and how long its numbers lag.
	applied []time.Time
	lag     time.Duration
	mute    bool        // its numbers aren't told
	status  esim.Status // of it; empty: in use
	// Answers to Cancel in turn: "refused", "unheard", "done unheard", "not sent"; without: done.
	cancels   []string
	cancelled bool
	asked     int // cancels called
}

func (p *seller) ID() esim.Provider { return p.id }

func (p *seller) fail(class providers.Class, cause error) error {
	return &providers.Error{Provider: p.id, Op: "buy", Class: class, Err: cause}
}

func (p *seller) Balance(context.Context) (b decimal.Decimal, err error) {
	lost := p.w.call("balance", func() { b = p.balance })
	return b, errors.Join(lost, err)
}

func (p *seller) Fresh(_ context.Context, want esim.Plan) (l providers.Listing, err error) {
	lost := p.w.call("fresh", func() {
		switch {
		case p.downFor > 0:
			p.downFor--
			err = p.fail(providers.NotSent, errors.New("refused connection"))
		case p.gone:
			err = p.fail(providers.Rejected, providers.ErrPlanGone)
		default:
			want.Wholesale = p.price
			if p.change != nil {
				p.change(&want)
			}
			l.Plan = want
		}
	})
	return l, errors.Join(lost, err)
}

func (p *seller) profile() esim.Profile {
	code, err := esim.ParseActivationCode(fmt.Sprintf("LPA:1$smdp.example.com$CODE-%d", p.sold))
	if err != nil {
		p.w.Fatalf("code: %v", err)
	}
	return esim.Profile{Provider: p.id, OrderNo: fmt.Sprintf("%s-%d", p.id, p.sold), Code: code}
}

// sell takes the next answer to a purchase and gives what a client would make of it.
func (p *seller) sell() (answer string, err error) {
	answer = "ok"
	if len(p.answers) > 0 {
		answer, p.answers = p.answers[0], p.answers[1:]
	}
	if p.balance.LessThan(p.price) && answer != "not sent" {
		answer = "insufficient"
	}
	switch answer {
	case "ok", "not ready", "no number", "bought unheard":
		p.sold++
		p.balance = p.balance.Sub(p.price)
	}
	switch answer {
	case "bought unheard", "unheard":
		err = p.fail(providers.Unknown, context.DeadlineExceeded)
	case "not sent":
		err = p.fail(providers.NotSent, errors.New("refused connection"))
	case "rejected":
		err = p.fail(providers.Rejected, errors.New("no such package"))
	case "insufficient":
		err = p.fail(providers.Rejected, providers.ErrInsufficientBalance)
	}
	return answer, err
}

func (p *seller) Buy(_ context.Context, _ esim.Plan) (profile esim.Profile, err error) {
	lost := p.w.call("buy", func() {
		var answer string
		if answer, err = p.sell(); err != nil {
			return
		}
		profile = p.profile()
		switch answer {
		case "not ready":
			profile.Code = esim.ActivationCode{}
		case "no number":
			profile.Code, profile.OrderNo = esim.ActivationCode{}, ""
		}
	})
	if lost != nil {
		return esim.Profile{}, p.fail(providers.Unknown, lost)
	}
	return profile, err
}

func (p *seller) Query(_ context.Context, ref providers.Ref) (u esim.Usage, err error) {
	lost := p.w.call("query", func() {
		answer := ""
		if len(p.queries) > 0 {
			answer, p.queries = p.queries[0], p.queries[1:]
		}
		switch {
		case answer == "error":
			err = p.fail(providers.Unknown, errors.New("HTTP 500"))
		case answer == "cancelled" || p.cancelled:
			u.Status = esim.StatusCancelled
		case ref.ICCID == theICCID:
			u = p.numbers()
		case answer == "ready":
			profile := p.profile()
			profile.ICCID = "8944538523456789012"
			u = esim.Usage{Status: esim.StatusReady, Profile: &profile}
		default:
			u.Status = esim.StatusPending
		}
	})
	return u, errors.Join(lost, err)
}

func (p *seller) Abilities() providers.Abilities {
	return providers.Abilities{QueryByNo: p.id == esim.CloudESIM, Cancel: p.id == esim.CloudESIM, UsageDelay: p.lag}
}

func (p *seller) Catalogue(context.Context) (providers.Catalogue, error) {
	return providers.Catalogue{}, nil
}

func (p *seller) Usage(context.Context, []providers.Ref) ([]esim.Usage, error) { return nil, nil }

// telegram is notifier and shelf.
type telegram struct {
	w       *world
	shown   []string
	photos  []string // activation codes sent
	alerts  []string
	shelved []orders.State
	errs    map[string][]error // by method, in turn
}

func (n *telegram) err(method string) error {
	if len(n.errs[method]) == 0 {
		return nil
	}
	err := n.errs[method][0]
	n.errs[method] = n.errs[method][1:]
	return err
}

func (n *telegram) Show(_ context.Context, o *orders.Order) (m orders.Message, err error) {
	lost := n.w.call("show", func() {
		if err = n.err("show"); err == nil {
			n.shown = append(n.shown, o.Told)
			m = orders.Message{Chat: o.Customer, ID: 1}
		}
	})
	return m, errors.Join(lost, err)
}

func (n *telegram) Deliver(_ context.Context, o *orders.Order) (m orders.Message, err error) {
	lost := n.w.call("deliver", func() {
		if err = n.err("deliver"); err == nil {
			n.photos = append(n.photos, o.Bought.Profile.Code.Reveal())
			m = orders.Message{Chat: o.Customer, ID: 2, FileID: "photo"}
		}
	})
	return m, errors.Join(lost, err)
}

func (n *telegram) Working(context.Context, *orders.Order) {}

func (n *telegram) Alert(_ context.Context, a orders.Alert) (err error) {
	lost := n.w.call("alert", func() {
		if err = n.err("alert"); err == nil {
			n.alerts = append(n.alerts, a.Kind)
		}
	})
	return errors.Join(lost, err)
}

func (n *telegram) Put(_ context.Context, o *orders.Order) error {
	var err error
	lost := n.w.call("put", func() {
		if err = n.err("put"); err == nil {
			n.shelved = append(n.shelved, o.State)
			n.w.store.shelve(o)
		}
	})
	return errors.Join(lost, err)
}
