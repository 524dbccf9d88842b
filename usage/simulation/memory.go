package simulation

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"esimbot/usage"
)

// Memory is a usage.Store as strict as the real one: it compares versions, leases an eSIM to one
// caller, and shares no document with anybody.
type Memory struct {
	mu   sync.Mutex
	docs map[string]*usage.ESIM
	due  map[string]time.Time
	heap places
}

var _ usage.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{docs: map[string]*usage.ESIM{}, due: map[string]time.Time{}}
}

// Put writes an eSIM whatever stands there, due at its NextAt.
func (m *Memory) Put(e *usage.ESIM) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.write(e)
}

func (m *Memory) write(e *usage.ESIM) {
	m.docs[e.ID] = Copied(e)
	delete(m.due, e.ID)
	if !e.NextAt.IsZero() {
		m.place(e.ID, e.NextAt)
	}
}

func (m *Memory) place(id string, at time.Time) {
	m.due[id] = at
	heap.Push(&m.heap, place{id, at})
}

// Lease is usage.Store's.
func (m *Memory) Lease(_ context.Context, now, until time.Time, limit int) ([]*usage.ESIM, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*usage.ESIM
	for len(m.heap) > 0 && len(list) < limit && !m.heap[0].at.After(now) {
		p := heap.Pop(&m.heap).(place)
		if at, ok := m.due[p.id]; !ok || !at.Equal(p.at) {
			continue // it was moved since
		}
		m.place(p.id, until)
		list = append(list, Copied(m.docs[p.id]))
	}
	return list, nil
}

// Load is usage.Store's.
func (m *Memory) Load(_ context.Context, id string) (*usage.ESIM, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.docs[id]; e != nil {
		return Copied(e), nil
	}
	return nil, usage.ErrNotFound
}

// Save is usage.Store's.
func (m *Memory) Save(_ context.Context, list []*usage.ESIM) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(list))
	for i, e := range list {
		if old := m.docs[e.ID]; old == nil || old.Version != e.Version-1 {
			errs[i] = usage.ErrConflict
			continue
		}
		m.write(e)
	}
	return errs
}

// Due returns when an eSIM is due; zero for never.
func (m *Memory) Due(id string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.due[id]
}

// Copied returns a copy of e that shares nothing with it that the watch changes.
func Copied(e *usage.ESIM) *usage.ESIM {
	n := *e
	n.Marks, n.TopUps = maps.Clone(e.Marks), slices.Clone(e.TopUps)
	return &n
}

// place is an eSIM's place in the due set, or one that it has left.
type place struct {
	id string
	at time.Time
}

type places []place

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i].at.Before(p[j].at) }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(place)) }
func (p *places) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}
