package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// batch is how many due orders one look takes.
	batch = 64
	// maxSteps ends a drive that would never rest, which no order should do.
	maxSteps = 32
	// stepRetry is how long after a step that failed for a passing reason the next one is made.
	stepRetry = 10 * time.Second
	// ailingEvery is how often it is said that no order moves on, and how long that must last
	// before admins hear of it.
	ailingEvery = time.Minute
	// stuckTries is after how many such failures admins hear of it.
	stuckTries = 12
	// foreignPause is how long an order written by a newer version is left alone.
	foreignPause = time.Minute
)

var (
	// errStop ends a drive and leaves order and lease as they are.
	errStop = errors.New("leave the order until its lease ends")
	// errPanic is what a drive ends with that panicked: the order is due again when its lease ends.
	errPanic = errors.New("panic")
)

// Run drives due orders until ctx ends. Then no new purchase starts, and what is in flight has
// 25 s to end before it is cancelled. It returns nil after that.
func (s *Service) Run(ctx context.Context) error {
	s.stopping.Store(false)
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { s.watch(ctx) })
	running.Go(func() { s.sweeping(ctx, work) })
	tick := time.NewTicker(s.tick)
	defer tick.Stop()
	for {
		s.startDue(work, &running)
		select {
		case <-tick.C:
		case id := <-s.kicks:
			s.start(work, &running, id)
		case <-ctx.Done():
			s.stopping.Store(true)
			cut := time.AfterFunc(s.drain, func() {
				s.log.WarnContext(work, "orders in flight are cut off", slog.Duration("after", s.drain))
				cancel()
			})
			running.Wait()
			cut.Stop()
			return nil
		}
	}
}

func (s *Service) startDue(ctx context.Context, running *sync.WaitGroup) {
	read, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	defer s.recovered(ctx, "due")
	ids, err := s.store.Due(read, s.now(), batch)
	if err != nil {
		running.Go(func() {
			defer s.recovered(ctx, "alert")
			s.ailing(ctx, fmt.Errorf("read due orders: %w", err))
		})
		return
	}
	if len(ids) == 0 {
		s.movesOn()
	}
	for _, id := range ids {
		s.start(ctx, running, id)
	}
}

// start drives an order in a goroutine of its own, unless it is being driven here or all slots are
// taken: then the due set brings it again.
func (s *Service) start(ctx context.Context, running *sync.WaitGroup, id ID) {
	s.mu.Lock()
	busy := s.inFlight[id] || s.now().Before(s.shunned[id].until)
	s.mu.Unlock()
	if busy {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return
	}
	running.Go(func() {
		defer func() { <-s.slots }()
		defer s.recovered(ctx, "drive")
		err := s.driven(ctx, id)
		times := s.shun(id, err != nil)
		if err == nil {
			s.movesOn()
			return
		}
		s.log.ErrorContext(ctx, "order not driven", slog.String("order", string(id)), slog.Any("error", err))
		s.ailing(ctx, err)
		if times == stuckTries || errors.Is(err, errPanic) { // neither is told of by the order's own steps
			s.alert(ctx, Alert{Key: "stuck:" + string(id), Kind: "stuck", Detail: err.Error()})
		}
	})
}

// shun leaves an order alone for a moment after a failure: a Redis that takes no writes can't move
// its due time, and would have it tried with every look. It returns how often in a row it failed here.
func (s *Service) shun(id ID, failed bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.shunned[id].times + 1
	delete(s.shunned, id)
	if !failed {
		return 0
	}
	now := s.now()
	// One that another replica took over is forgotten.
	maps.DeleteFunc(s.shunned, func(_ ID, f failing) bool { return now.Sub(f.until) >= s.lease })
	s.shunned[id] = failing{until: now.Add(stepRetry), times: times}
	return times
}

// failing is an order whose steps fail here: until when it is left alone, and how often it failed.
type failing struct {
	until time.Time
	times int
}

// A health is since when nothing has worked, and when that was last said.
type health struct{ since, said time.Time }

func (s *Service) movesOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = health{}
}

// ailing notes a failure of the work as a whole: Redis down, or full. It is logged once a minute,
// and admins hear of it when nothing has worked for a minute.
func (s *Service) ailing(ctx context.Context, err error) {
	s.mu.Lock()
	now := s.now()
	if s.health.since.IsZero() {
		s.health.since = now
	}
	since, quiet := s.health.since, now.Sub(s.health.said) < ailingEvery
	if !quiet {
		s.health.said = now
	}
	s.mu.Unlock()
	if quiet || ctx.Err() != nil {
		return
	}
	s.log.ErrorContext(ctx, "orders don't move on", slog.Time("since", since), slog.Any("error", err))
	if now.Sub(since) >= ailingEvery {
		s.alert(ctx, Alert{Key: "stuck", Kind: "stuck", Detail: err.Error()})
	}
}

// kick has a running Run drive an order at once. Without one, or when it is far behind, the due
// set brings the order.
func (s *Service) kick(id ID) {
	select {
	case s.kicks <- id:
	default:
	}
}

// driven is Step with a panic as an error.
func (s *Service) driven(ctx context.Context, id ID) (err error) {
	defer func() {
		if s.caught(ctx, "drive", recover()) {
			err = errPanic
		}
	}()
	return s.Step(ctx, id)
}

// recovered is deferred: it ends a panic here, with the order left due.
func (s *Service) recovered(ctx context.Context, where string) { s.caught(ctx, where, recover()) }

// caught logs and counts what recover returned, and says whether it was a panic.
func (s *Service) caught(ctx context.Context, where string, p any) bool {
	if p == nil {
		return false
	}
	s.log.ErrorContext(ctx, "panic", slog.String("where", where), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	if s.panicked != nil {
		s.panicked("orders")
	}
	return true
}

// Step drives one order as far as it goes now: until it is finished or rests. An order that isn't
// due, or is leased by another runner, is left alone.
func (s *Service) Step(ctx context.Context, id ID) (err error) {
	s.mu.Lock()
	if s.inFlight[id] {
		s.mu.Unlock()
		return nil
	}
	s.inFlight[id] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.inFlight, id)
		s.mu.Unlock()
	}()

	ctx, ended := s.hooks.drive(ctx, id)
	defer func() { ended(err) }()

	o, err := s.store.Load(ctx, id)
	switch now := s.now(); {
	case errors.Is(err, ErrNewer), err == nil && !o.State.known():
		return s.store.Postpone(ctx, id, now.Add(foreignPause))
	case err != nil:
		// One that can't be read must not be tried with each look, before all others.
		return errors.Join(fmt.Errorf("load order %s: %w", id, err), s.store.Postpone(ctx, id, now.Add(stepRetry)))
	case o.State.Finished(), now.Before(o.DueAt), o.Lease.Held(now):
		return nil
	}
	before := o.Lease
	if err := s.stay(ctx, o, s.own); err != nil {
		return s.ignoreConflict(err)
	}
	s.takes(before)
	for range maxSteps {
		if o.State.Finished() || o.Lease.Owner != s.owner {
			return nil
		}
		if err := s.step(ctx, o); err != nil {
			return s.failed(ctx, o, err)
		}
	}
	return s.failed(ctx, o, fmt.Errorf("order %s: no rest after %d steps", id, maxSteps))
}

func (s *Service) step(ctx context.Context, o *Order) error {
	switch o.State {
	case AwaitingPayment:
		return s.await(ctx, o)
	case Paid:
		return s.buy(ctx, o)
	case Purchasing:
		return s.recoverAttempt(ctx, o)
	case Provisioning:
		return s.provision(ctx, o)
	case Issued:
		return s.deliver(ctx, o)
	case Unknown:
		return s.investigate(ctx, o)
	case Review:
		return s.review(ctx, o)
	case Refunding:
		return s.refund(ctx, o)
	default:
		return errStop
	}
}

// failed gives the order back after a step that could not be ended, so that it needn't wait for
// the end of the lease.
func (s *Service) failed(ctx context.Context, o *Order, err error) error {
	if errors.Is(err, errStop) || errors.Is(err, ErrConflict) {
		s.noteLost(err)
		return nil // the order is another's now
	}
	if o.Tries >= stuckTries {
		s.alert(ctx, Alert{Key: "stuck:" + string(o.ID), Kind: "stuck", Order: o, Detail: err.Error()})
	}
	back := s.stay(ctx, o, s.rest(stepRetry))
	if back == nil {
		s.hooks.lease(LeaseHandedBack)
	}
	s.noteLost(back)
	return errors.Join(err, s.ignoreConflict(back))
}
