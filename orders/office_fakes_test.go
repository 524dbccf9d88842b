package orders_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// office is what the store keeps for admins.
type office struct {
	pauses  orders.Pauses
	blocked map[int64]bool
	claims  map[string]time.Time // when they end
	days    []orders.DayStats
	asked   [2]time.Time // of Stats
	failing map[string]error
}

// fails is the failure ordered for a call.
func (m *memory) fails(call string) error { return m.failing[call] }

func (m *memory) Browse(_ context.Context, state orders.State, offset, limit int) (page []*orders.Order, total int, err error) {
	lost := m.w.call("browse", func() {
		if err = m.fails("browse"); err != nil {
			return
		}
		var all []*orders.Order
		for _, o := range m.docs {
			if state == "" || o.State == state {
				all = append(all, copied(o))
			}
		}
		slices.SortFunc(all, func(a, b *orders.Order) int {
			if state == "" {
				return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
			}
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(a.ID, b.ID))
		})
		total = len(all)
		from := min(offset, total)
		page = all[from:min(from+limit, total)]
	})
	return page, total, errors.Join(lost, err)
}

func (m *memory) ByICCID(_ context.Context, iccid esim.ICCID) (id orders.ID, err error) {
	lost := m.w.call("by iccid", func() {
		if err = m.fails("by iccid"); err != nil {
			return
		}
		err = orders.ErrNotFound
		for _, o := range m.docs {
			if o.Kind == orders.KindESIM && o.Bought != nil && o.Bought.Profile.ICCID == iccid {
				id, err = o.ID, nil
			}
		}
	})
	return id, errors.Join(lost, err)
}

func (m *memory) Pauses(context.Context) (p orders.Pauses, err error) {
	lost := m.w.call("pauses", func() { p, err = m.pauses, m.fails("pauses") })
	return p, errors.Join(lost, err)
}

func (m *memory) SetPauses(_ context.Context, p orders.Pauses) error {
	return m.w.call("set pauses", func() { m.pauses = p })
}

func (m *memory) Block(_ context.Context, customer int64, blocked bool) error {
	return m.w.call("block", func() {
		if m.blocked == nil {
			m.blocked = map[int64]bool{}
		}
		m.blocked[customer] = blocked
	})
}

func (m *memory) Blocked(_ context.Context, customer int64) (blocked bool, err error) {
	err = m.w.call("blocked", func() { blocked = m.blocked[customer] })
	return blocked, err
}

func (m *memory) Claim(_ context.Context, name string, ttl time.Duration) (free bool, err error) {
	lost := m.w.call("claim "+name, func() {
		if m.claims == nil {
			m.claims = map[string]time.Time{}
		}
		if err = m.fails("claim"); err == nil && !m.w.now.Before(m.claims[name]) {
			free, m.claims[name] = true, m.w.now.Add(ttl)
		}
	})
	return free, errors.Join(lost, err)
}

func (m *memory) Release(_ context.Context, name string) error {
	return m.w.call("release "+name, func() { delete(m.claims, name) })
}

func (m *memory) Stats(_ context.Context, first, last time.Time) (days []orders.DayStats, err error) {
	err = m.w.call("stats", func() { m.asked, days = [2]time.Time{first, last}, m.days })
	return days, errors.Join(err, m.fails("stats"))
}
