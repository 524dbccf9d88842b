package simulation

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

var (
	errRedis = errors.New("redis: i/o timeout")
	errFull  = errors.New("redis: OOM command not allowed")
)

// redis is all that Redis knows. What it points to is never changed, so that a copy of its maps is
// a snapshot.
type redis struct {
	docs    map[orders.ID]*orders.Order
	logs    map[orders.ID][]orders.LogEntry
	due     map[orders.ID]time.Time
	intents map[string]orders.ID
	iccids  map[esim.ICCID]orders.ID
	lines   map[orders.ID]*line
	claims  map[string]time.Time
	down    time.Time // no call gets through before
	full    time.Time // no write before
}

// A line is an eSIM document.
type line struct {
	orders.Line
	applied []orders.ID
	claim   orders.ID
}

func newRedis() *redis {
	return &redis{
		docs: map[orders.ID]*orders.Order{}, logs: map[orders.ID][]orders.LogEntry{}, due: map[orders.ID]time.Time{},
		intents: map[string]orders.ID{}, iccids: map[esim.ICCID]orders.ID{}, lines: map[orders.ID]*line{}, claims: map[string]time.Time{},
	}
}

func (r *redis) snapshot() *redis {
	return &redis{
		docs: maps.Clone(r.docs), logs: maps.Clone(r.logs), due: maps.Clone(r.due), intents: maps.Clone(r.intents),
		iccids: maps.Clone(r.iccids), lines: maps.Clone(r.lines), claims: maps.Clone(r.claims),
	}
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

// storePort is a process's way to Redis: orders.Store and orders.Shelf.
type storePort struct{ p *process }

var (
	_ orders.Store = storePort{}
	_ orders.Shelf = storePort{}
)

// do makes one call. What do finds is an answer only if it comes back.
func (s storePort) do(call string, id orders.ID, write bool, do func(r *redis) error) error {
	w := s.p.w
	if !s.p.reach(call, id) {
		return errDead
	}
	switch {
	case w.strikes(faultStoreDown):
		w.redis.down = w.now.Add(w.between(time.Second, 3*time.Minute))
	case write && w.strikes(faultStoreFull):
		w.redis.full = w.now.Add(w.between(time.Second, 5*time.Minute))
	}
	if w.now.Before(w.redis.down) && !w.calm {
		w.note(id, s.p.owner, call, "redis down")
		return errRedis
	}
	if write && w.now.Before(w.redis.full) && !w.calm {
		w.note(id, s.p.owner, call, "redis full")
		return errFull
	}
	err := do(w.redis)
	w.note(id, s.p.owner, call, text(err))
	if write && w.strikes(faultStoreLost) {
		w.note(id, s.p.owner, call, "answer lost")
		w.rest(3 * time.Second)
		return errRedis
	}
	if !s.p.back(call, id) {
		return errDead
	}
	return err
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (s storePort) Create(_ context.Context, o *orders.Order, entry orders.LogEntry) error {
	return s.do("create", o.ID, true, func(r *redis) error {
		if r.docs[o.ID] != nil {
			return orders.ErrExists
		}
		s.write(r, o, entry)
		return nil
	})
}

func (s storePort) write(r *redis, o *orders.Order, entry orders.LogEntry) {
	r.docs[o.ID] = copied(o)
	delete(r.due, o.ID)
	if !o.State.Finished() {
		r.due[o.ID] = o.DueAt
		s.p.w.stir(o.DueAt)
	}
	if entry.To != "" {
		r.logs[o.ID] = append(slices.Clip(r.logs[o.ID]), entry)
	}
}

func (s storePort) Load(_ context.Context, id orders.ID) (o *orders.Order, err error) {
	err = s.do("load", id, false, func(r *redis) error {
		if r.docs[id] == nil {
			return orders.ErrNotFound
		}
		o = copied(r.docs[id])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

func (s storePort) Transition(_ context.Context, from orders.State, next *orders.Order, entry orders.LogEntry) error {
	call := "save " + string(next.State)
	if next.Reason != "" {
		call += " (" + next.Reason + ")"
	}
	return s.do(call, next.ID, true, func(r *redis) error {
		stored := r.docs[next.ID]
		switch {
		case stored == nil:
			return orders.ErrNotFound
		case stored.State != from || stored.Version != next.Version-1:
			return orders.ErrConflict
		}
		s.write(r, next, entry)
		s.p.w.changed(stored, next, entry)
		return nil
	})
}

func (s storePort) Due(_ context.Context, now time.Time, limit int) (ids []orders.ID, err error) {
	err = s.do("due", "", false, func(r *redis) error {
		for id, at := range r.due {
			if !at.After(now) {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b orders.ID) int { return cmp.Or(r.due[a].Compare(r.due[b]), cmp.Compare(a, b)) })
		ids = ids[:min(limit, len(ids))]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func (s storePort) Postpone(_ context.Context, id orders.ID, until time.Time) error {
	return s.do("postpone", id, true, func(r *redis) error {
		if due, ok := r.due[id]; ok && until.After(due) {
			r.due[id] = until
		}
		return nil
	})
}

func (s storePort) Log(_ context.Context, id orders.ID) (list []orders.LogEntry, err error) {
	err = s.do("log", id, false, func(r *redis) error {
		list = slices.Clone(r.logs[id])
		return nil
	})
	return list, err
}

func (s storePort) ByIntent(_ context.Context, intent string) (id orders.ID, err error) {
	err = s.do("by intent", "", false, func(r *redis) error {
		if id = r.intents[intent]; id == "" {
			return orders.ErrNotFound
		}
		return nil
	})
	return id, err
}

func (s storePort) ByICCID(_ context.Context, iccid esim.ICCID) (id orders.ID, err error) {
	err = s.do("by iccid", "", false, func(r *redis) error {
		if id = r.iccids[iccid]; id == "" {
			return orders.ErrNotFound
		}
		return nil
	})
	return id, err
}

func (s storePort) Project(_ context.Context, o *orders.Order) error {
	return s.do("project", o.ID, true, func(r *redis) error {
		if o.Payment.Intent != "" {
			r.intents[o.Payment.Intent] = o.ID
		}
		return nil
	})
}

func (s storePort) list(keep func(*orders.Order) bool) (list []*orders.Order, err error) {
	err = s.do("list", "", false, func(r *redis) error {
		for _, o := range r.docs {
			if keep(o) {
				list = append(list, copied(o))
			}
		}
		slices.SortFunc(list, func(a, b *orders.Order) int { return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(a.ID, b.ID)) })
		return nil
	})
	return list, err
}

func (s storePort) ByCustomer(_ context.Context, customer int64, limit int) ([]*orders.Order, error) {
	list, err := s.list(func(o *orders.Order) bool { return o.Customer == customer })
	return list[:min(limit, len(list))], err
}

func (s storePort) Browse(_ context.Context, state orders.State, offset, limit int) ([]*orders.Order, int, error) {
	list, err := s.list(func(o *orders.Order) bool { return state == "" || o.State == state })
	total := len(list)
	list = list[min(offset, total):]
	return list[:min(limit, len(list))], total, err
}

func (s storePort) AllowCheckout(_ context.Context, _ int64, id orders.ID, _ time.Time) (bool, error) {
	return false, s.do("allow", id, true, func(*redis) error { return nil })
}

func (s storePort) Pauses(context.Context) (orders.Pauses, error) { return orders.Pauses{}, nil }

func (s storePort) SetPauses(context.Context, orders.Pauses) error { return nil }

func (s storePort) Block(context.Context, int64, bool) error { return nil }

func (s storePort) Blocked(context.Context, int64) (bool, error) { return false, nil }

func (s storePort) Stats(context.Context, time.Time, time.Time) ([]orders.DayStats, error) {
	return nil, nil
}

func (s storePort) Claim(_ context.Context, name string, ttl time.Duration) (free bool, err error) {
	err = s.do("claim "+name, "", true, func(r *redis) error {
		if free = !s.p.w.now.Before(r.claims[name]); free {
			r.claims[name] = s.p.w.now.Add(ttl)
		}
		return nil
	})
	return free && err == nil, err
}

func (s storePort) Release(_ context.Context, name string) error {
	return s.do("release "+name, "", true, func(r *redis) error {
		delete(r.claims, name)
		return nil
	})
}

func (s storePort) Put(_ context.Context, o *orders.Order) error {
	return s.do("shelve", o.ID, true, func(r *redis) error {
		id := o.ID
		if o.Kind == orders.KindTopUp {
			id = o.ESIM
		}
		old := r.lines[id]
		if old == nil && o.Kind == orders.KindTopUp || o.Customer == 0 {
			return nil
		}
		n := line{Line: orders.Line{ID: id, Customer: o.Customer}}
		if old != nil {
			n = *old
		}
		switch {
		case o.Bought == nil:
			return errors.New("nothing to shelve")
		case o.Kind == orders.KindTopUp:
			if !slices.Contains(n.applied, o.ID) {
				n.applied = append(slices.Clip(n.applied), o.ID)
			}
			n.TopUps = len(n.applied)
		default:
			p := o.Bought.Profile
			n.Plan = o.Bought.Plan
			n.Ref = providers.Ref{ICCID: cmp.Or(n.Ref.ICCID, p.ICCID), OrderNo: cmp.Or(n.Ref.OrderNo, p.OrderNo), TranNo: cmp.Or(n.Ref.TranNo, p.TranNo)}
			if p.ICCID != "" && r.iccids[p.ICCID] == "" {
				r.iccids[p.ICCID] = id
			}
		}
		r.lines[id] = &n
		return nil
	})
}

func (s storePort) Line(_ context.Context, id orders.ID) (l *orders.Line, err error) {
	err = s.do("line", id, false, func(r *redis) error {
		if r.lines[id] == nil {
			return orders.ErrNotFound
		}
		found := r.lines[id].Line
		l = &found
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (s storePort) ClaimTopUp(_ context.Context, id, order, over orders.ID) (holder orders.ID, err error) {
	err = s.do("claim top-up", order, true, func(r *redis) error {
		old := r.lines[id]
		if old == nil {
			return orders.ErrNotFound
		}
		holder = old.claim
		if holder == "" || holder == order || holder == over {
			n := *old
			n.claim, holder = order, order
			r.lines[id] = &n
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return holder, nil
}

func (s storePort) ReleaseTopUp(_ context.Context, id, order orders.ID) error {
	return s.do("release top-up", order, true, func(r *redis) error {
		if old := r.lines[id]; old != nil && old.claim == order {
			n := *old
			n.claim = ""
			r.lines[id] = &n
		}
		return nil
	})
}
