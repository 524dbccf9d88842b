package orders_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

const (
	theESIM  = orders.ID("0ABCDEFGH1")
	theICCID = esim.ICCID("8944501234567890124")
)

// more is a plan that tops the eSIM up. It costs what an eSIM costs, since one Stripe serves both.
func more() esim.Plan {
	p := plan
	p.ID, p.PackageCode = "TOPUP_JP_1_7", "TOPUP_JP_1_7"
	return p
}

// line is an eSIM on the shelf.
type line struct {
	orders.Line
	claim  orders.ID
	topped string // ids of the top-ups added
}

// shelve adds what a top-up brought, once.
func (m *memory) shelve(o *orders.Order) {
	l, known := m.lines[o.ESIM]
	if o.Kind != orders.KindTopUp || !known || strings.Contains(l.topped, string(o.ID)) {
		return
	}
	l.topped += " " + string(o.ID)
	l.TopUps++
	m.lines[o.ESIM] = l
}

func (n *telegram) Line(_ context.Context, id orders.ID) (l *orders.Line, err error) {
	lost := n.w.call("line", func() {
		if err = n.err("line"); err != nil {
			return
		}
		found, known := n.w.store.lines[id]
		if !known {
			err = orders.ErrNotFound
			return
		}
		l = &found.Line
	})
	return l, errors.Join(lost, err)
}

func (n *telegram) ClaimTopUp(_ context.Context, id, order, over orders.ID) (holder orders.ID, err error) {
	lost := n.w.call("claim", func() {
		l, known := n.w.store.lines[id]
		switch {
		case !known:
			err = orders.ErrNotFound
			return
		case l.claim == "" || over != "" && l.claim == over:
			l.claim = order
			n.w.store.lines[id] = l
		}
		holder = l.claim
	})
	return holder, errors.Join(lost, err)
}

func (n *telegram) ReleaseTopUp(_ context.Context, id, order orders.ID) error {
	return n.w.call("release", func() {
		if l := n.w.store.lines[id]; l.claim == order {
			l.claim = ""
			n.w.store.lines[id] = l
		}
	})
}

func (p *seller) TopUps(context.Context, providers.Ref, esim.Plan) (list []providers.Listing, err error) {
	lost := p.w.call("top-ups", func() {
		switch {
		case p.downFor > 0:
			p.downFor--
			err = p.fail(providers.NotSent, errors.New("refused connection"))
		case !p.gone:
			now := more()
			now.Provider, now.Wholesale = p.id, p.price
			if p.change != nil {
				p.change(&now)
			}
			list = []providers.Listing{{Plan: now}}
		}
	})
	return list, errors.Join(lost, err)
}

func (p *seller) TopUp(context.Context, providers.Ref, esim.Plan) (t providers.TopUp, err error) {
	lost := p.w.call("top-up", func() {
		sold := p.sold
		if _, err = p.sell(); p.sold > sold {
			p.applied = append(p.applied, p.w.now)
		}
		if err == nil {
			t = providers.TopUp{OrderNo: p.profile().OrderNo, TotalBytes: -1, UsedBytes: -1}
		}
	})
	if lost != nil {
		return providers.TopUp{}, p.fail(providers.Unknown, lost)
	}
	return t, err
}

// numbers are those of the eSIM that is topped up: 1 GB, 0.9 of it used.
func (p *seller) numbers() esim.Usage {
	u := esim.Usage{ICCID: theICCID, Status: esim.StatusInUse, UsedBytes: 900 * esim.MB, TotalBytes: esim.GB, RemainingBytes: -1, ExpiresAt: start.Add(7 * 24 * time.Hour)}
	for _, at := range p.applied {
		if !at.Add(p.lag).After(p.w.now) {
			u.TotalBytes += esim.GB
			u.ExpiresAt = u.ExpiresAt.Add(7 * 24 * time.Hour)
		}
	}
	if p.status != "" {
		u.Status = p.status
	}
	if p.mute {
		u.UsedBytes, u.TotalBytes, u.ExpiresAt = -1, -1, time.Time{}
	}
	return u
}

func (p *seller) Cancel(context.Context, providers.Ref) (err error) {
	lost := p.w.call("cancel", func() {
		p.asked++
		answer := "ok"
		if len(p.cancels) > 0 {
			answer, p.cancels = p.cancels[0], p.cancels[1:]
		}
		if p.cancelled && answer != "not sent" {
			answer = "refused"
		}
		switch answer {
		case "ok", "done unheard":
			p.cancelled = true
			p.balance = p.balance.Add(p.price)
		}
		switch answer {
		case "refused":
			err = &providers.Error{Provider: p.id, Op: "cancel", Class: providers.Rejected, Message: "the eSIM is in use"}
		case "unheard", "done unheard":
			err = p.fail(providers.Unknown, context.DeadlineExceeded)
		case "not sent":
			err = p.fail(providers.NotSent, errors.New("refused connection"))
		}
	})
	if lost != nil {
		return p.fail(providers.Unknown, lost)
	}
	return err
}

// toppingUp puts an eSIM on the shelf that the customer bought of that provider before.
func (w *world) toppingUp(p esim.Provider) *world {
	base := plan
	base.Provider = p
	w.store.lines[theESIM] = line{Line: orders.Line{ID: theESIM, Customer: customer, Plan: base, Ref: providers.Ref{ICCID: theICCID, TranNo: "T1"}}}
	w.topped = p
	return w
}

func (w *world) draft() orders.Draft {
	d := orders.Draft{ID: theOrder, Kind: orders.KindESIM, Customer: customer, Language: "en", Plan: plan, Screen: orders.Message{Chat: customer, ID: 1}}
	if w.topped != "" {
		d.Kind, d.ESIM, d.Plan = orders.KindTopUp, theESIM, more()
		d.Plan.Provider = w.topped
	}
	return d
}
