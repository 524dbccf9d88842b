package usage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// refreshLeast is how often a customer may have a provider asked whose numbers are always fresh.
const refreshLeast = time.Minute

// RefreshAt returns when a customer may have the provider asked for e's numbers again; zero where it
// can't be asked at all.
func (w *Watcher) RefreshAt(e *ESIM) time.Time {
	m := w.meters[e.Plan.Provider]
	if m == nil || !e.Linked() {
		return time.Time{}
	}
	return e.AskedAt.Add(max(refreshLeast, m.Abilities().UsageEvery))
}

// Refresh asks for an eSIM's numbers because its customer wants to see them: at most once a minute,
// and no more often than the provider's numbers change; before that it returns the last known ones. A
// notice that the new numbers call for goes out with the next round. When the provider can't be
// asked it returns the last known numbers beside the error. ErrNotFound for an eSIM that isn't there.
func (w *Watcher) Refresh(ctx context.Context, id string) (*ESIM, error) {
	e, err := w.Store.Load(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("refresh eSIM %s: %w", id, err)
	}
	now := w.Now()
	at := w.RefreshAt(e)
	if at.IsZero() || now.Before(at) || e.Over(now) {
		return e, nil
	}
	// Saved first, so that two taps at once ask once.
	claimed := e.copied()
	claimed.Return(now)
	claimed.AskedAt = now.UTC()
	claimed.Version++
	if err := w.Store.Save(ctx, []*ESIM{claimed})[0]; err != nil {
		if errors.Is(err, ErrConflict) {
			return w.Store.Load(ctx, id)
		}
		return e, fmt.Errorf("refresh eSIM %s: %w", id, err)
	}
	l := leased{claimed, now.Add(w.Lease)}
	found, err := w.meter(ctx, w.prompt[e.Plan.Provider], []leased{l})
	switch {
	case err != nil && spoilt(err):
		found = all([]leased{l}, missing)
	case err != nil:
		w.unasked(ctx, claimed, e.AskedAt)
		return e, fmt.Errorf("refresh eSIM %s: %w", id, err)
	}
	return w.refreshed(ctx, found[0], claimed)
}

// unasked takes back that e was asked for: a question without an answer must not put off the next.
func (w *Watcher) unasked(ctx context.Context, e *ESIM, before time.Time) {
	claim := e.AskedAt
	if err := w.record(context.WithoutCancel(ctx), e, func(n *ESIM) {
		if n.AskedAt.Equal(claim) {
			n.AskedAt = before
		}
	}); err != nil {
		w.failed("record", err) // it is asked for again when it would have been after an answer
	}
}

// refreshed saves what came of a refresh, on top of what others wrote meanwhile.
func (w *Watcher) refreshed(ctx context.Context, a answer, e *ESIM) (*ESIM, error) {
	for try := 1; ; try++ {
		now := w.Now()
		n := w.learn(a, e, now, try > 1)
		n.Version++
		n.NextAt = earliest(Next(e, n, now, w.bounds[n.Plan.Provider]), w.Rules.wake(n, now))
		err := w.Store.Save(ctx, []*ESIM{n})[0]
		switch {
		case err == nil:
			return n, nil
		case !errors.Is(err, ErrConflict) || try == recordTries:
			return n, fmt.Errorf("save eSIM %s: %w", e.ID, err)
		}
		if e, err = w.Store.Load(ctx, e.ID); err != nil {
			return n, fmt.Errorf("save eSIM %s: %w", n.ID, err)
		}
	}
}
