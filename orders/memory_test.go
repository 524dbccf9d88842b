package orders_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"esimbot/orders"
)

// memory is a Store as strict as the real one.
type memory struct {
	w       *world
	docs    map[orders.ID]*orders.Order
	due     map[orders.ID]time.Time
	log     []orders.LogEntry
	intents map[string]orders.ID
	denied  error // of AllowCheckout
	first   bool  // likewise
	lines   map[orders.ID]line
	office
}

func copied(o *orders.Order) *orders.Order {
	n := *o
	n.Refused = slices.Clone(o.Refused)
	if o.Bought != nil {
		b := *o.Bought
		n.Bought = &b
	}
	return &n
}

func (m *memory) snapshot() memory {
	s := memory{w: m.w, docs: map[orders.ID]*orders.Order{}, due: maps.Clone(m.due), log: slices.Clone(m.log), intents: maps.Clone(m.intents), lines: maps.Clone(m.lines)}
	for id, o := range m.docs {
		s.docs[id] = copied(o)
	}
	return s
}

func (m *memory) Create(_ context.Context, o *orders.Order, entry orders.LogEntry) (err error) {
	return errors.Join(m.w.call("create", func() {
		if m.docs[o.ID] != nil {
			err = orders.ErrExists
			return
		}
		m.write(o, entry)
	}), err)
}

func (m *memory) write(o *orders.Order, entry orders.LogEntry) {
	m.docs[o.ID] = copied(o)
	delete(m.due, o.ID)
	if !o.State.Finished() {
		m.due[o.ID] = o.DueAt
	}
	if entry.To != "" {
		m.log = append(m.log, entry)
	}
}

func (m *memory) Load(_ context.Context, id orders.ID) (o *orders.Order, err error) {
	lost := m.w.call("load", func() {
		switch found := m.docs[id]; {
		case found == nil:
			err = orders.ErrNotFound
		case found.Schema > orders.Schema:
			err = orders.ErrNewer
		default:
			o = copied(found)
		}
	})
	if lost != nil {
		return nil, lost
	}
	return o, err
}

func (m *memory) Transition(_ context.Context, from orders.State, next *orders.Order, entry orders.LogEntry) (err error) {
	return errors.Join(m.w.call("transition "+string(next.State), func() {
		stored := m.docs[next.ID]
		switch {
		case stored == nil:
			err = orders.ErrNotFound
		case stored.State != from || stored.Version != next.Version-1:
			err = orders.ErrConflict
		default:
			m.write(next, entry)
		}
	}), err)
}

func (m *memory) Due(_ context.Context, now time.Time, limit int) (ids []orders.ID, err error) {
	err = m.w.call("due", func() {
		for id, at := range m.due {
			if !at.After(now) && len(ids) < limit {
				ids = append(ids, id)
			}
		}
	})
	return ids, err
}

func (m *memory) Postpone(_ context.Context, id orders.ID, until time.Time) error {
	return m.w.call("postpone", func() { m.due[id] = until })
}

func (m *memory) Log(context.Context, orders.ID) ([]orders.LogEntry, error) { return m.log, nil }

func (m *memory) ByIntent(_ context.Context, intent string) (id orders.ID, err error) {
	lost := m.w.call("by intent", func() {
		if id = m.intents[intent]; id == "" {
			err = orders.ErrNotFound
		}
	})
	return id, errors.Join(lost, err)
}

func (m *memory) Project(_ context.Context, o *orders.Order) error {
	return m.w.call("project", func() {
		if o.Payment.Intent != "" {
			m.intents[o.Payment.Intent] = o.ID
		}
	})
}

func (m *memory) ByCustomer(context.Context, int64, int) ([]*orders.Order, error) {
	return slices.Collect(maps.Values(m.docs)), nil
}

func (m *memory) AllowCheckout(context.Context, int64, orders.ID, time.Time) (bool, error) {
	return m.first, m.denied
}
