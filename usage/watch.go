package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// How the watch goes: every few seconds the eSIMs that are due are leased in batches, so that no
// other replica takes them. Those whose provider may be asked again are asked in as few calls as it
// allows. What came of it is judged, and saved together with the next time and with the claim on a
// notice, if one is due: all in one write an eSIM. Only then the notice goes out, and that it did is
// written with a second one. Killed before the claim, the eSIM comes due again when its lease ends;
// killed after it, when the claim ends. So no notice is lost, and one is sent twice only if the kill
// fell between Telegram's answer and the second write.

const (
	claimFor = 2 * time.Minute  // how long a notice may be on its way
	claimMax = 30 * time.Minute // likewise, of one that has failed for long
	tellFor  = 30 * time.Second // the most that sending one takes
	// margin is what a lease must have left after a call.
	margin = 10 * time.Second
	// callFor is the most that asking for one batch takes.
	callFor = 45 * time.Second
	// saveFor bounds the writes that are made although the process ends.
	saveFor = 5 * time.Second
)

// A Config is what a Watcher needs. Zero values of the last block have defaults.
type Config struct {
	Store  Store
	Teller Teller
	Meters []Meter
	// Prompt are the same providers as they are asked while a customer waits: with more patience for a turn
	// than the watch has, which takes all there are when it is behind. Nil: Meters.
	Prompt []Meter
	Rules  Rules
	// PollMin and PollMax bound the time between two looks at one eSIM.
	PollMin, PollMax time.Duration
	Now              func() time.Time
	Log              *slog.Logger
	Hooks            Hooks

	Tick     time.Duration // between two reads of the due set; 10 s
	Lease    time.Duration // how long a batch is this replica's; 2 min
	Batch    int           // eSIMs leased at once; 100
	Parallel int           // calls to one provider at once, and notices being sent; 8
}

// Hooks are told what the watch does, for metrics. Each may be nil, must return at once, and may be
// called from several goroutines.
type Hooks struct {
	Looked  func(p esim.Provider, news bool)          // one eSIM was asked for, with or without news
	Called  func(p esim.Provider, esims int, e error) // one call was made for so many
	Told    func(t Topic, e error)                    // one notice was sent, or not
	Refused func(p esim.Provider, why Refusal)        // numbers were kept out
	Behind  func(d time.Duration)                     // how overdue the first of the due ones is
	Failed  func(doing string, err error)             // Redis failed, while doing that
	// Round is told that eSIMs were found due; what it returns is told how many those were in the end.
	// Letter is told which eSIM a notice is about. The contexts they return are what is worked in.
	Round  func(ctx context.Context) (_ context.Context, ended func(esims int))
	Letter func(ctx context.Context, id string) context.Context
	// Lease is told for how many eSIMs the hold on them came to what.
	Lease func(fate LeaseFate, esims int)
	// Panicked is told where a panic was caught.
	Panicked func(where string)
}

// A LeaseFate is what became of a replica's hold on an eSIM.
type LeaseFate string

// What becomes of a lease.
const (
	LeaseTaken      LeaseFate = "taken"
	LeaseLost       LeaseFate = "lost"        // it changed meanwhile
	LeaseHandedBack LeaseFate = "handed_back" // unasked, as the process ends
)

// A Watcher looks at the eSIMs that are due, whichever replica sold them.
type Watcher struct {
	Config
	meters map[esim.Provider]Meter
	prompt map[esim.Provider]Meter
	bounds map[esim.Provider]Bounds

	mu     sync.Mutex
	health map[esim.Provider]health
}

// New checks c and returns its Watcher.
func New(c Config) (*Watcher, error) {
	if c.Store == nil || c.Teller == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("watch: store, teller, clock and log are needed")
	}
	if c.PollMin <= 0 || c.PollMax < c.PollMin {
		return nil, fmt.Errorf("watch: looks between %s and %s apart make no sense", c.PollMin, c.PollMax)
	}
	orDefault(&c.Tick, 10*time.Second)
	orDefault(&c.Lease, 2*time.Minute)
	orDefault(&c.Batch, 100)
	orDefault(&c.Parallel, 8)
	w := &Watcher{Config: c, meters: map[esim.Provider]Meter{}, bounds: map[esim.Provider]Bounds{}, health: map[esim.Provider]health{}}
	for _, m := range c.Meters {
		w.meters[m.ID()], w.bounds[m.ID()] = m, w.boundsOf(m.Abilities())
	}
	w.prompt = w.meters
	if c.Prompt != nil {
		w.prompt = map[esim.Provider]Meter{}
		for _, m := range c.Prompt {
			w.prompt[m.ID()] = m
		}
	}
	return w, nil
}

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// boundsOf puts looks that a call can share on a grid of a twelfth of the time between them.
func (w *Watcher) boundsOf(a providers.Abilities) Bounds {
	b := Bounds{Min: w.PollMin, Max: w.PollMax, Refresh: a.UsageEvery, Thresholds: w.Rules.Thresholds}
	if a.BatchSize > 1 {
		b.Grid = b.least() / 12
	}
	return b
}

// Run looks at what is due until ctx ends. Then no other call to a provider begins, what was leased
// and not looked at is given back, and notices under way are seen to their end. It returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(w.Tick)
	defer tick.Stop()
	for {
		w.round(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *Watcher) round(ctx context.Context) {
	defer w.recovered(ctx, "round")
	if _, err := w.Round(ctx); err != nil && ctx.Err() == nil {
		w.Log.ErrorContext(ctx, "eSIMs not watched", slog.Any("error", err))
	}
}

// leased is an eSIM that is this replica's until a time.
type leased struct {
	*ESIM
	until time.Time
}

// Round looks at everything that is due now and returns how many eSIMs that were.
func (w *Watcher) Round(ctx context.Context) (int, error) {
	total := 0
	var kept []leased // those that wait for others to share a call with
	for ctx.Err() == nil {
		now := w.Now()
		until := now.Add(w.Lease)
		list, err := w.lease(ctx, now, until)
		if err != nil {
			w.settle(ctx, w.ask(ctx, kept, true))
			w.failed("lease", err)
			return total, fmt.Errorf("lease due eSIMs: %w", err)
		}
		if total == 0 && w.Hooks.Behind != nil {
			w.Hooks.Behind(behind(list, now))
		}
		if len(list) > 0 {
			if total == 0 && w.Hooks.Round != nil {
				var ended func(int)
				ctx, ended = w.Hooks.Round(ctx)
				defer func() { ended(total) }()
			}
			w.leases(LeaseTaken, len(list))
		}
		total += len(list)
		for _, e := range list {
			kept = append(kept, leased{e, until})
		}
		last := len(list) < w.Batch
		answers := w.ask(ctx, kept, last)
		kept = kept[:0]
		done := answers[:0]
		for _, a := range answers {
			if a.outcome == postponed {
				kept = append(kept, a.leased)
			} else {
				done = append(done, a)
			}
		}
		w.settle(ctx, done)
		if last {
			return total, nil
		}
	}
	w.giveBack(ctx, kept)
	return total, nil
}

// lease takes a batch. The process's end doesn't cut it short: what is leased and not known to be could
// not be given back.
func (w *Watcher) lease(ctx context.Context, now, until time.Time) ([]*ESIM, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveFor)
	defer cancel()
	return w.Store.Lease(ctx, now, until, w.Batch)
}

func behind(list []*ESIM, now time.Time) time.Duration {
	if len(list) == 0 {
		return 0
	}
	return since(list[0].NextAt, now)
}

// giveBack makes due again what was leased and not looked at.
func (w *Watcher) giveBack(ctx context.Context, list []leased) {
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveFor)
	defer cancel()
	back := make([]*ESIM, len(list))
	for i, l := range list {
		back[i] = l.copied()
		back[i].Version++
	}
	given := 0
	defer func() { w.leases(LeaseHandedBack, given) }()
	for _, err := range w.Store.Save(ctx, back) {
		switch {
		case err == nil:
			given++
		case !errors.Is(err, ErrConflict):
			w.failed("give back", err) // its lease ends by itself
			return
		}
	}
}

func (w *Watcher) leases(fate LeaseFate, esims int) {
	if w.Hooks.Lease != nil {
		w.Hooks.Lease(fate, esims)
	}
}

func (w *Watcher) failed(doing string, err error) {
	if w.Hooks.Failed != nil {
		w.Hooks.Failed(doing, err)
	}
}

// recovered is deferred: it ends a panic here, with the eSIM left to the end of its lease.
func (w *Watcher) recovered(ctx context.Context, where string) { w.caught(ctx, where, recover()) }

// caught logs and counts what recover returned, and says whether it was a panic.
func (w *Watcher) caught(ctx context.Context, where string, p any) bool {
	if p == nil {
		return false
	}
	w.Log.ErrorContext(ctx, "panic", slog.String("where", where), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	if w.Hooks.Panicked != nil {
		w.Hooks.Panicked("usage")
	}
	return true
}
