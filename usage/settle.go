package usage

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// letter is a notice that was claimed and is to be sent.
type letter struct {
	e      *ESIM
	notice Notice
	covers []string
	next   time.Time // of the next look
}

// settle saves what came of a batch in one write, and sends the notices that it claimed.
func (w *Watcher) settle(ctx context.Context, answers []answer) {
	var list []*ESIM
	var letters []*letter
	var of []answer
	for _, a := range answers {
		if a.outcome == dropped {
			continue
		}
		e, l := w.decide(ctx, a, a.ESIM, false)
		if e == nil {
			continue
		}
		list, letters, of = append(list, e), append(letters, l), append(of, a)
	}
	if len(list) == 0 {
		return
	}
	// What was asked for is kept although the process ends.
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveFor)
	defer cancel()
	errs := w.Store.Save(save, list)
	slots := make(chan struct{}, w.Parallel)
	var sending sync.WaitGroup
	defer sending.Wait()
	for i, l := range letters {
		if errs[i] != nil {
			l = w.redo(save, of[i], errs[i])
		}
		if l == nil {
			continue
		}
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			defer w.recovered(ctx, "tell")
			w.tell(ctx, l)
		})
	}
}

// redo settles an eSIM that changed meanwhile, once. One that changes again is left to the end of its
// lease, as is one that can't be saved.
func (w *Watcher) redo(ctx context.Context, a answer, err error) *letter {
	if !errors.Is(err, ErrConflict) {
		w.failed("save", err)
		return nil
	}
	w.leases(LeaseLost, 1)
	fresh, err := w.Store.Load(ctx, a.ID)
	if err != nil {
		if !errors.Is(err, ErrNotFound) { // of a customer who was erased
			w.failed("load", err)
		}
		return nil
	}
	e, l := w.decide(ctx, a, fresh, true)
	if e == nil {
		return nil
	}
	if err := w.Store.Save(ctx, []*ESIM{e})[0]; err != nil {
		if !errors.Is(err, ErrConflict) {
			w.failed("save", err)
		}
		return nil
	}
	return l
}

// decide returns e as it is to be saved after what came of it, and the notice it claims. again says
// that the same answer was counted before. It returns nil for an eSIM that can't be decided on.
func (w *Watcher) decide(ctx context.Context, a answer, e *ESIM, again bool) (saved *ESIM, l *letter) {
	defer func() {
		if w.caught(ctx, "decide "+e.ID, recover()) {
			saved, l = nil, nil
		}
	}()
	now := w.Now()
	n := w.learn(a, e, now, again)
	n.Version++
	d := w.Rules.Due(n, now)
	next := w.next(a, e, n, now)
	n.NextAt = earliest(next, d.Wake)
	if d.Notice == nil {
		return n, nil
	}
	// A notice that has failed for long is tried less often.
	until := now.Add(min(max(since(n.AskedAt, now)/2, claimFor), claimMax))
	n.claim(d.Notice.Key, until)
	n.NextAt = until
	return n, &letter{e: n, notice: *d.Notice, covers: d.Covers, next: next}
}

// learn returns e with what came of it.
func (w *Watcher) learn(a answer, e *ESIM, now time.Time, again bool) *ESIM {
	if a.outcome != told && a.outcome != missing {
		return e.copied()
	}
	n, why, news := e, Refusal(""), false
	if a.outcome == told {
		n, why = Judge(e, a.usage, now)
		news = why == ""
	}
	n = n.copied()
	n.AskedAt = now.UTC()
	if n.Misses++; news {
		n.Misses = 0
	}
	if again {
		return n
	}
	if why != "" {
		w.refused(e.Plan.Provider, why)
		w.Log.Warn("usage not believed", slog.String("esim", e.ID), slog.String("provider", string(e.Plan.Provider)), slog.String("why", string(why)))
	}
	if w.Hooks.Looked != nil {
		w.Hooks.Looked(e.Plan.Provider, news)
	}
	return n
}

// next is when n is to be looked at again; zero for never.
func (w *Watcher) next(a answer, e, n *ESIM, now time.Time) time.Time {
	id := n.Plan.Provider
	b, known := w.bounds[id]
	switch {
	case !known: // a provider that is turned off now may be turned on again
		if n.Over(now) {
			return time.Time{}
		}
		return now.Add(w.PollMax)
	case a.outcome == down:
		return w.again(id, now)
	case a.outcome == unasked && !n.AskedAt.IsZero():
		at := Next(nil, n, n.AskedAt, b)
		switch {
		case at.IsZero() || n.Over(now):
			return time.Time{}
		case at.After(now):
			return at
		default: // it wasn't asked although it is time: near its end
			return earliest(n.ExpiresAt, now.Add(b.least()))
		}
	default:
		return Next(e, n, now, b)
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// tell sends a notice that was claimed. If nobody can say whether it arrived, the claim stands until
// it ends, and then it is sent again.
func (w *Watcher) tell(ctx context.Context, l *letter) {
	ctx = context.WithoutCancel(ctx)
	if w.Hooks.Letter != nil {
		ctx = w.Hooks.Letter(ctx, l.e.ID)
	}
	sending, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	err := w.Teller.Tell(sending, l.e, l.notice)
	if w.Hooks.Told != nil {
		w.Hooks.Told(l.notice.Topic, err)
	}
	gone := errors.Is(err, ErrUnreachable)
	if err != nil && !gone {
		w.Log.WarnContext(ctx, "notice perhaps not sent", slog.String("esim", l.e.ID), slog.String("notice", l.notice.Key), slog.Any("error", err))
		return
	}
	now := w.Now()
	if err := w.record(ctx, l.e, func(e *ESIM) {
		if gone { // not sent: it goes out if they come back while it is still true
			delete(e.Marks, l.notice.Key)
			e.Unreachable, e.NextAt = true, time.Time{}
			return
		}
		e.sent(l.notice.Key, l.covers, now)
		e.NextAt = earliest(l.next, w.Rules.wake(e, now))
	}); err != nil {
		w.failed("record", err)
		w.Log.ErrorContext(ctx, "notice sent and not recorded: it may come twice", slog.String("esim", l.e.ID), slog.String("notice", l.notice.Key), slog.Any("error", err))
	}
}

// wake is when the rules have more to say of e: now, if something is due.
func (r Rules) wake(e *ESIM, now time.Time) time.Time {
	d := r.Due(e, now)
	if d.Notice != nil {
		return now
	}
	return d.Wake
}

// recordTries is how often it is tried to write that a notice was sent: the sender alone knows.
const recordTries = 5

// record writes an edit of e, and on top of what others wrote meanwhile.
func (w *Watcher) record(ctx context.Context, e *ESIM, edit func(*ESIM)) error {
	ctx, cancel := context.WithTimeout(ctx, recordTries*saveFor)
	defer cancel()
	var asked time.Time // when somebody else wants it looked at
	for try := 1; ; try++ {
		n := e.copied()
		edit(n)
		if !asked.IsZero() {
			n.NextAt = earliest(n.NextAt, asked)
		}
		n.Version++
		err := w.Store.Save(ctx, []*ESIM{n})[0]
		if err == nil {
			return nil
		}
		if try == recordTries || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, ErrConflict) {
			continue
		}
		fresh, err := w.Store.Load(ctx, e.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err == nil:
			e, asked = fresh, fresh.NextAt
		}
	}
}
