package usage

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// An outcome is what came of an eSIM that was due.
type outcome int

const (
	unasked   outcome = iota // its provider wasn't asked: it is too early, or there is no need
	told                     // its provider told something
	missing                  // its provider has nothing to tell of it
	down                     // its provider can't be asked now
	postponed                // it waits for others to share a call with
	dropped                  // it is left to the end of its lease, or given back
)

// answer is an eSIM that was due and what came of it.
type answer struct {
	leased
	outcome outcome
	usage   esim.Usage // of told
}

// health is how a provider has been of late, as seen by this replica.
type health struct {
	failures int       // in a row
	until    time.Time // it is left alone until then
	well     time.Time // when it last answered
}

const (
	// alone is after how many failed calls in a row a provider is left alone.
	alone = 3
	// restFirst is how long that is at first; doubled up to restMost.
	restFirst, restMost = time.Minute, 10 * time.Minute
	// recently is how lately a provider must have answered for a failure to be the eSIM's own.
	recently = 10 * time.Minute
)

// mayAsk says whether e's provider may be asked now, and something is to be won by it: not any more
// just before the end of validity.
func (w *Watcher) mayAsk(e *ESIM, now time.Time) bool {
	if w.meters[e.Plan.Provider] == nil || e.Over(now) || !e.Linked() || e.Unreachable || e.Misses >= maxMisses {
		return false
	}
	b := w.bounds[e.Plan.Provider]
	if !e.ExpiresAt.IsZero() && e.ExpiresAt.Sub(now) < b.least() {
		return false
	}
	if e.AskedAt.IsZero() {
		return !now.Before(b.first(e))
	}
	return !now.Before(e.AskedAt.Add(b.least()))
}

// ask asks the providers of those in list that may be asked for, each provider in as few calls as it
// takes and several at once. Unless it is the last of a round, eSIMs that don't fill a call are
// postponed. The answers are in no order.
func (w *Watcher) ask(ctx context.Context, list []leased, last bool) []answer {
	now := w.Now()
	var answers []answer
	groups := map[esim.Provider][]leased{}
	for _, l := range list {
		id := l.Plan.Provider
		switch {
		case !w.mayAsk(l.ESIM, now):
			answers = append(answers, answer{leased: l})
		case now.Before(w.healthOf(id).until):
			answers = append(answers, answer{leased: l, outcome: down})
		default:
			groups[id] = append(groups[id], l)
		}
	}
	for id, group := range groups {
		if over := len(group) % w.batchSize(id); over > 0 && !last {
			whole := len(group) - over
			groups[id] = group[:whole]
			answers = append(answers, all(group[whole:], postponed)...)
		}
	}
	return append(answers, w.callAll(ctx, groups)...)
}

func (w *Watcher) batchSize(id esim.Provider) int { return max(1, w.meters[id].Abilities().BatchSize) }

// callAll makes the calls for every group, a few to each provider at once, and waits for them.
func (w *Watcher) callAll(ctx context.Context, groups map[esim.Provider][]leased) []answer {
	var mu sync.Mutex
	var answers []answer
	var calls sync.WaitGroup
	for id, group := range groups {
		calls.Go(func() {
			defer w.recovered(ctx, "ask "+string(id))
			slots := make(chan struct{}, w.Parallel)
			for batch := range slices.Chunk(group, w.batchSize(id)) {
				slots <- struct{}{}
				calls.Go(func() {
					defer func() { <-slots }()
					found := w.call(ctx, id, batch)
					mu.Lock()
					defer mu.Unlock()
					answers = append(answers, found...)
				})
			}
		})
	}
	calls.Wait()
	return answers
}

// call asks for one batch. It makes no call any more when the process ends, the provider turned out
// to be down, or the leases might end before the answer.
func (w *Watcher) call(ctx context.Context, id esim.Provider, batch []leased) (answers []answer) {
	answers = all(batch, dropped)
	defer w.recovered(ctx, "ask "+string(id))
	now := w.Now()
	switch {
	case ctx.Err() != nil:
		w.giveBack(ctx, batch)
		return answers
	case now.Before(w.healthOf(id).until):
		return all(batch, down)
	}
	left := batch[0].until.Sub(now)
	for _, l := range batch {
		left = min(left, l.until.Sub(now))
	}
	if left -= margin; left < margin {
		return answers
	}
	limited, cancel := context.WithTimeout(ctx, min(left, callFor))
	defer cancel()
	found, err := w.meter(limited, w.meters[id], batch)
	switch {
	case err == nil:
		w.well(id)
		return found
	case ctx.Err() != nil:
		w.giveBack(ctx, batch)
		return answers
	}
	if len(batch) > 1 && spoilt(err) { // one of them may have spoilt it for the rest
		answers = nil
		for _, l := range batch {
			answers = append(answers, w.call(ctx, id, []leased{l})...)
		}
		return answers
	}
	if spoilt(err) {
		w.well(id)
		return all(batch, missing)
	}
	if errors.Is(err, ErrBusy) { // which says nothing of how the provider is
		return all(batch, down)
	}
	return all(batch, w.ill(ctx, id, err))
}

// spoilt says whether err is the provider's answer to what it was asked, and not to its being asked.
func spoilt(err error) bool {
	return providers.ClassOf(err) == providers.Rejected && !errors.Is(err, providers.ErrUnauthorized) || errors.Is(err, providers.ErrMalformed)
}

func all(batch []leased, o outcome) []answer {
	answers := make([]answer, len(batch))
	for i, l := range batch {
		answers[i] = answer{leased: l, outcome: o}
	}
	return answers
}

// meter makes one call and finds each eSIM's answer in what came back. What belongs to none of those
// asked for is no answer; what comes twice counts once.
func (w *Watcher) meter(ctx context.Context, m Meter, batch []leased) ([]answer, error) {
	id, refs := m.ID(), make([]providers.Ref, len(batch))
	for i, l := range batch {
		refs[i] = l.Ref()
	}
	list, err := m.Usage(ctx, refs)
	if w.Hooks.Called != nil {
		w.Hooks.Called(id, len(batch), err)
	}
	if err != nil {
		return nil, err
	}
	answers := all(batch, missing)
	var strange []esim.Usage
	for _, u := range list {
		i := slices.IndexFunc(answers, func(a answer) bool { return a.outcome == missing && names(u, a.Ref()) })
		if i < 0 {
			strange = append(strange, u)
			continue
		}
		answers[i].outcome, answers[i].usage = told, u
	}
	for _, u := range strange {
		if len(batch) == 1 && answers[0].outcome == missing { // Judge says what is wrong with it
			answers[0].outcome, answers[0].usage = told, u
			continue
		}
		w.refused(id, RefusedForeign)
	}
	return answers, nil
}

// names says whether u is of the eSIM that ref names.
func names(u esim.Usage, ref providers.Ref) bool {
	return ref.TranNo != "" && u.TranNo == ref.TranNo || ref.ICCID != "" && u.ICCID == ref.ICCID ||
		ref.TranNo == "" && ref.ICCID == "" && ref.OrderNo != "" && u.OrderNo == ref.OrderNo
}

func (w *Watcher) healthOf(id esim.Provider) health {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.health[id]
}

func (w *Watcher) well(id esim.Provider) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.health[id] = health{well: w.Now()}
}

// ill notes that a call failed, and returns what that means for those it was made for: one that gets
// no answer while others do has no news; else the provider is down, and after a few such calls it is
// left alone for a while.
func (w *Watcher) ill(ctx context.Context, id esim.Provider, err error) outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, now := w.health[id], w.Now()
	h.failures++
	if h.failures >= alone {
		if h.failures == alone {
			w.Log.WarnContext(ctx, "provider can't be asked for usage", slog.String("provider", string(id)), slog.Any("error", err))
		}
		h.until = now.Add(rest(h.failures))
	}
	w.health[id] = h
	if providers.ClassOf(err) == providers.Unknown && h.failures < alone && !h.well.IsZero() && now.Sub(h.well) < recently {
		return missing
	}
	return down
}

// rest is how long a provider is left alone after so many failures in a row.
func rest(failures int) time.Duration {
	return min(restFirst<<min(max(failures-alone, 0), 8), restMost)
}

// again is when an eSIM is tried again whose provider is down: a little later than the provider is
// left alone, and not all at the same moment.
func (w *Watcher) again(id esim.Provider, now time.Time) time.Time {
	return later(w.healthOf(id).until, now.Add(restFirst))
}

func (w *Watcher) refused(id esim.Provider, why Refusal) {
	if w.Hooks.Refused != nil {
		w.Hooks.Refused(id, why)
	}
}
