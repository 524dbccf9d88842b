package orders_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

func (s *stripe) ListSessions(context.Context, time.Time, func(*orders.CheckoutSession) error) error {
	return nil
}

func (s *stripe) OrderOf(context.Context, string) (orders.ID, error) { return "", orders.ErrNotFound }

// An archive is the world's stripe that also remembers what each page was opened for, as the metadata
// there does, and lists its pages.
type archive struct {
	*stripe
	drafts map[string]*orders.Draft
	listed int                           // calls of ListSessions
	change func(*orders.CheckoutSession) // of what is told
	more   []*orders.CheckoutSession     // pages told of first
	list   func(context.Context) error   // before the pages
}

// remember puts an archive in the place of the world's stripe.
func (w *world) remember() *archive {
	l := &archive{stripe: w.stripe, drafts: map[string]*orders.Draft{}, change: func(*orders.CheckoutSession) {}}
	w.config.Payments = l
	w.restart()
	return l
}

func (l *archive) OpenCheckout(ctx context.Context, o *orders.Order) (orders.Checkout, error) {
	c, err := l.stripe.OpenCheckout(ctx, o)
	if err == nil {
		l.drafts[c.SessionID] = &orders.Draft{ID: o.ID, Kind: o.Kind, Customer: o.Customer, Language: o.Language, Plan: o.Plan, ESIM: o.ESIM}
	}
	return c, err
}

func (l *archive) Session(ctx context.Context, id string) (*orders.CheckoutSession, error) {
	cs, err := l.stripe.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.told(cs), nil
}

func (l *archive) told(cs *orders.CheckoutSession) *orders.CheckoutSession {
	c := *cs
	c.Draft, c.CreatedAt, c.ExpiresAt = l.drafts[c.ID], start, start.Add(31*time.Minute)
	if c.Status == "open" {
		c.URL = "https://pay.example/" + c.ID
	}
	if c.Paid {
		c.PaidAt = start.Add(time.Minute)
		c.Fence = orders.Fence{Value: l.meta["buy"], Got: l.meta["got"], Not: l.not(), Done: l.meta["done"] != "", Received: c.Amount, Disputed: l.disputed,
			Refunded: esim.Money{Minor: l.outside + l.refunded(), Currency: esim.USD}}
		c.Refunded, c.Disputed, c.Refunds = c.Fence.Refunded, c.Fence.Disputed, len(l.refunds)
	}
	l.change(&c)
	return &c
}

func (l *archive) ListSessions(ctx context.Context, _ time.Time, fn func(*orders.CheckoutSession) error) error {
	l.listed++
	if l.list != nil {
		if err := l.list(ctx); err != nil {
			return err
		}
	}
	var pages []*orders.CheckoutSession
	err := l.w.call("list", func() {
		pages = slices.Clone(l.more)
		for _, id := range slices.Sorted(maps.Keys(l.sessions)) {
			pages = append(pages, l.told(l.sessions[id]))
		}
	})
	for _, cs := range pages {
		if err == nil {
			err = fn(cs)
		}
	}
	return err
}

// flush empties Redis.
func (w *world) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.store.snapshot()
	m.docs, m.due, m.log, m.intents = map[orders.ID]*orders.Order{}, map[orders.ID]time.Time{}, nil, map[string]orders.ID{}
	*w.store = m
}

func (w *world) sweep() {
	w.Helper()
	if err := w.service.Sweep(context.Background()); err != nil {
		w.Fatalf("sweep: %v", err)
	}
}

// alerted counts the alerts of a kind.
func (w *world) alerted(kind string) (n int) {
	for _, a := range w.telegram.alerts {
		if strings.HasPrefix(a, kind) {
			n++
		}
	}
	return n
}

var errOdd = errors.New("odd")
