package store_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
	"esimbot/usage/simulation"
)

var errKilled = errors.New("killed")

// message is a notice of an eSIM.
type message struct{ esim, key string }

// chats is what came to the customers, counted where they are.
type chats struct {
	fleet *simulation.Fleet

	mu   sync.Mutex
	came map[message]int
	// excused is how often a replica ended between a message and its record.
	excused map[message]int
}

// mortal is a replica that ends at one of its calls. Everything it calls goes through it.
type mortal struct {
	usage.Store
	chats *chats
	dead  context.Context // ends with its life
	die   context.CancelFunc
	after bool // at its last call it is killed after that was done, and never learns of it

	mu      sync.Mutex
	left    int // calls until the last; endless below 1
	onLast  func()
	unsaved map[message]bool // sent, and no record of it was written as far as it knows
}

func newMortal(s usage.Store, c *chats) *mortal {
	m := &mortal{Store: s, chats: c, unsaved: map[message]bool{}}
	m.dead, m.die = context.WithCancel(context.Background())
	return m
}

// call does something with a context that ends with the life: what is under way then is cut off, done
// or not.
func (m *mortal) call(ctx context.Context, do func(context.Context)) error {
	if m.dead.Err() != nil {
		return errKilled
	}
	m.mu.Lock()
	m.left--
	last := m.left == 0
	m.mu.Unlock()
	if last && !m.after {
		m.onLast()
	}
	if m.dead.Err() != nil {
		return errKilled
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.dead, cancel)()
	do(ctx)
	if last && m.after {
		m.onLast()
	}
	if m.dead.Err() != nil {
		return errKilled
	}
	return nil
}

func (m *mortal) Lease(ctx context.Context, now, until time.Time, limit int) (list []*usage.ESIM, err error) {
	if killed := m.call(ctx, func(ctx context.Context) { list, err = m.Store.Lease(ctx, now, until, limit) }); killed != nil {
		return nil, killed
	}
	return list, err
}

func (m *mortal) Load(ctx context.Context, id string) (e *usage.ESIM, err error) {
	if killed := m.call(ctx, func(ctx context.Context) { e, err = m.Store.Load(ctx, id) }); killed != nil {
		return nil, killed
	}
	return e, err
}

func (m *mortal) Save(ctx context.Context, list []*usage.ESIM) []error {
	errs := make([]error, len(list))
	if killed := m.call(ctx, func(ctx context.Context) { errs = m.Store.Save(ctx, list) }); killed != nil {
		for i := range errs {
			errs[i] = killed
		}
		return errs
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range list {
		for k, mark := range e.Marks {
			if errs[i] == nil && !mark.SentAt.IsZero() {
				delete(m.unsaved, message{e.ID, k})
			}
		}
	}
	return errs
}

// Tell is usage.Teller's.
func (m *mortal) Tell(ctx context.Context, e *usage.ESIM, n usage.Notice) (err error) {
	killed := m.call(ctx, func(ctx context.Context) {
		err = m.chats.fleet.Tell(ctx, e, n)
		to := message{e.ID, n.Key}
		m.mu.Lock()
		m.unsaved[to] = true
		m.mu.Unlock()
		m.chats.mu.Lock()
		defer m.chats.mu.Unlock()
		m.chats.came[to]++
	})
	if killed != nil {
		return killed
	}
	return err
}

// bury ends it, and counts what it sent and didn't record: its last write may have been done.
func (m *mortal) bury(t *testing.T) {
	t.Helper()
	m.die()
	for to := range m.unsaved {
		e, err := m.Store.Load(t.Context(), to.esim)
		if err != nil {
			t.Error(err)
			return
		}
		if e.Marks[to.key].SentAt.IsZero() {
			m.chats.mu.Lock()
			m.chats.excused[to]++
			m.chats.mu.Unlock()
		}
	}
}

type mortalMeter struct {
	usage.Meter
	m *mortal
}

func (p mortalMeter) Usage(ctx context.Context, refs []providers.Ref) (list []esim.Usage, err error) {
	if killed := p.m.call(ctx, func(ctx context.Context) { list, err = p.Meter.Usage(ctx, refs) }); killed != nil {
		return nil, killed
	}
	return list, err
}

// An ending is how replicas end, again and again.
type ending int

const (
	never ending = iota
	stopped
	killed
)

// maxEnds is how often replicas end at most: where none lives long enough to get anything done, offers
// are late, as they must be.
const maxEnds = 500

// outlive watches a thousand eSIMs through their lives with two replicas that end as it is said, each
// after some calls, and are replaced. It returns how many ended.
func outlive(t *testing.T, how ending) (simulation.Report, *chats, int) {
	t.Helper()
	const esims, days = 1000, 24
	s := openShop(t, simulation.Config{
		Seed: 2, ESIMs: esims, Start: epoch, Spread: 24 * time.Hour, Thresholds: []int{20, 5}, IdleShare: 40, HeavyShare: 10, PollMin: 2 * time.Hour,
	})
	s.sell(0, esims)
	c := &chats{fleet: s.fleet, came: map[message]int{}, excused: map[message]int{}}
	ended := 0
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(uint64(how), 1))
	replica := func(view usage.Store) func() {
		var m *mortal
		var w *usage.Watcher
		var ctx context.Context
		return func() {
			if m == nil {
				m = newMortal(view, c)
				var stop context.CancelFunc
				ctx, stop = context.WithCancel(t.Context())
				mu.Lock()
				if how != never && ended < maxEnds {
					m.left, m.after = 1+random.IntN(240), random.IntN(2) == 0
				}
				mu.Unlock()
				m.onLast = map[ending]func(){stopped: stop, killed: m.die}[how]
				w = mortalWatcher(t, s.fleet, m)
			}
			_, err := w.Round(ctx)
			switch {
			case m.dead.Err() != nil || ctx.Err() != nil:
				m.bury(t)
				m = nil
				mu.Lock()
				ended++
				mu.Unlock()
			case err != nil:
				t.Error(err)
			}
		}
	}
	rounds := []func(){replica(s.open().Usage()), replica(s.open().Usage())}
	for end := epoch.AddDate(0, 0, days); s.fleet.Now().Before(end); s.fleet.Advance(10 * time.Minute) {
		var wg sync.WaitGroup
		for _, round := range rounds {
			wg.Go(round)
		}
		wg.Wait()
	}
	return s.fleet.Report(), c, ended
}

func mortalWatcher(t *testing.T, f *simulation.Fleet, m *mortal) *usage.Watcher {
	t.Helper()
	var meters []usage.Meter
	for _, p := range f.Meters() {
		meters = append(meters, mortalMeter{p, m})
	}
	w, err := usage.New(usage.Config{
		Store: m, Teller: m, Meters: meters, Now: f.Now, Log: slog.New(slog.DiscardHandler),
		PollMin: 2 * time.Hour, PollMax: 24 * time.Hour, Rules: rulesOf(false),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Two replicas on real Redis watch a thousand eSIMs through their lives. However they end, no offer is
// lost, and one comes twice only where a kill fell between Telegram's answer and its record.
func TestReplicasEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	for how, name := range []string{never: "never", stopped: "stopped", killed: "killed"} {
		how := ending(how)
		t.Run(name, func(t *testing.T) {
			r, c, ended := outlive(t, how)
			crossings, excused := 0, 0
			for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
				crossings += r.InUse[p].Crossings + r.Unseen[p].Crossings
				if late := r.InUse[p].Late + r.Unseen[p].Late; late > 0 {
					t.Errorf("%s: %d offers were lost", p, late)
				}
			}
			for to, n := range c.came {
				if n > 1+c.excused[to] {
					t.Errorf("%v came %d times, with %d kills between it and its record", to, n, c.excused[to])
				}
			}
			for _, n := range c.excused {
				excused += n
			}
			row(t, "two replicas, a thousand eSIMs: crossings, messages", "%d, %d", crossings, r.Messages)
			row(t, "  times that a replica ended, of these between a message and its record", "%d, %d", ended, excused)
			row(t, "  told twice, counted at Telegram", "%d", r.ToldTwice)
			if crossings < 500 || (how == never) != (ended == 0) || how != never && ended < 100 {
				t.Errorf("%d crossings and %d ends prove nothing", crossings, ended)
			}
			if how == killed && r.ToldTwice == 0 {
				t.Error("no kill fell between a message and its record: the test looks away")
			}
			if how != killed && (r.ToldTwice > 0 || r.AskedTwice > 0) {
				t.Errorf("told twice %d times, asked twice %d times", r.ToldTwice, r.AskedTwice)
			}
		})
	}
}
