package main

import (
	"context"
	"fmt"
	"time"
)

// lone is how many taps are sent one after the other, to count what each costs.
const lone = 2 * people / 10

// maxWaiting is how many taps may wait at once where nobody waits for them.
const maxWaiting = 256

// A plan says how long things are measured.
type plan struct {
	rounds       int
	each         time.Duration // one measurement
	inFlight     int
	slow         time.Duration // what a slow Telegram takes
	slowInFlight int
	starts       int // further starts of each contestant
	day          int // taps of a day
}

// A sheet is what one turn of one contestant came to.
type sheet struct {
	start     float64 // ms
	memory    float64 // bytes, with everybody's session there
	memoryEnd float64 // after all of the turn
	// Of one tap, sent alone:
	trips, commands, redisBytes, calls, callBytes float64
	objects, bytes                                float64 // allocated; 0: untold
	lone50                                        float64 // ms
	// At the limit, with a Telegram that answers at once:
	rate, p50, p99 float64 // taps a second, ms
	cpu, redisCPU  float64 // µs a tap
	half50, half99 float64 // ms, at half of it
	slowRate       float64 // with a slow Telegram
	slow50, slow99 float64
	failed         float64
	failure        string
	// disturbed is which part of the processors other programs took meanwhile.
	disturbed float64
	screens   []drawing // the first round's
}

// turn starts a contestant, measures it and stops it.
func (s *stage) turn(ctx context.Context, c contestant, p plan, first bool) (*sheet, error) {
	b, err := s.up(ctx, c)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	l := newLoad(s.telegram, b.addr, s.routes)
	defer l.hangUp()
	took, err := b.answered(ctx, l)
	if err != nil {
		return nil, err
	}
	sh := &sheet{start: ms(took)}
	before, err := s.spent(b)
	if err != nil {
		return nil, err
	}
	// Everybody gets a session, and the program is warm.
	sh.count(l, l.closed(ctx, p.inFlight, people, time.Minute))
	now, _, err := b.memory()
	if err != nil {
		return nil, err
	}
	sh.memory = float64(now)
	if err := s.lone(ctx, b, l, sh); err != nil {
		return nil, err
	}
	if err := s.limit(ctx, b, l, p, sh); err != nil {
		return nil, err
	}
	if first {
		if sh.screens, err = s.draw(ctx, l); err != nil {
			return nil, err
		}
	}
	r := l.steady(ctx, sh.rate/2, maxWaiting, p.each)
	sh.count(l, r)
	sh.half50, sh.half99 = ms(r.at(50)), ms(r.at(99))

	s.telegram.delay.Store(int64(p.slow))
	r = l.closed(ctx, p.slowInFlight, int(^uint(0)>>1), p.each)
	s.telegram.delay.Store(0)
	sh.count(l, r)
	sh.slowRate, sh.slow50, sh.slow99 = r.rate(), ms(r.at(50)), ms(r.at(99))
	if now, _, err = b.memory(); err != nil {
		return nil, err
	}
	sh.memoryEnd = float64(now)
	after, err := s.spent(b)
	if err != nil {
		return nil, err
	}
	sh.disturbed = after.since(before)
	return sh, ctx.Err()
}

// spending is processor time: that of all programs, that of ours, and all there was.
type spending struct{ all, ours, had time.Duration }

func (s *stage) spent(b *bot) (spending, error) {
	var sum spending
	for _, ask := range []func() (time.Duration, error){b.cpu, s.redis.cpu, ownCPU} {
		d, err := ask()
		if err != nil {
			return sum, err
		}
		sum.ours += d
	}
	var err error
	sum.all, sum.had, err = machineCPU()
	return sum, err
}

// since returns which part of the processors others took since then.
func (s spending) since(then spending) float64 {
	had := s.had - then.had
	if had <= 0 {
		return 0
	}
	return max(0, float64((s.all-then.all)-(s.ours-then.ours))/float64(had))
}

func (sh *sheet) count(l *load, r result) {
	sh.failed += float64(r.failed)
	if r.failed > 0 && sh.failure == "" {
		sh.failure = (*l.lastFailed.Load()).Error()
	}
}

// lone counts what single taps cost: nothing else is under way.
func (s *stage) lone(ctx context.Context, b *bot, l *load, sh *sheet) error {
	// Asking costs something too: what a question in between costs is taken off.
	var objects, bytes [3]float64
	var redis [3]traffic
	calls, callBytes := s.telegram.calls(), s.telegram.bytes.Load()
	ask := func(i int) (err error) {
		objects[i], bytes[i], _ = b.allocations(ctx)
		redis[i], err = s.redis.traffic(ctx)
		return err
	}
	if err := ask(0); err != nil {
		return err
	}
	if err := ask(1); err != nil {
		return err
	}
	r := l.closed(ctx, 1, lone, time.Minute)
	if err := ask(2); err != nil {
		return err
	}
	sh.count(l, r)
	n := float64(max(r.taps, 1))
	rise := func(f func(i int) float64) float64 { return max(0, (f(2)-f(1)-(f(1)-f(0)))/n) }
	sh.trips = rise(func(i int) float64 { return float64(redis[i].reads) })
	sh.commands = rise(func(i int) float64 { return float64(redis[i].commands) })
	sh.redisBytes = rise(func(i int) float64 { return float64(redis[i].bytes) })
	sh.objects, sh.bytes = rise(func(i int) float64 { return objects[i] }), rise(func(i int) float64 { return bytes[i] })
	sh.calls = float64(s.telegram.calls()-calls) / n
	sh.callBytes = float64(s.telegram.bytes.Load()-callBytes) / n
	sh.lone50 = ms(r.at(50))
	return nil
}

// limit measures how many taps a second there can be, and what each takes of the processor.
func (s *stage) limit(ctx context.Context, b *bot, l *load, p plan, sh *sheet) error {
	var used [2][2]time.Duration
	var r result
	for i := range used {
		var err error
		if used[i][0], err = b.cpu(); err != nil {
			return err
		}
		if used[i][1], err = s.redis.cpu(); err != nil {
			return err
		}
		if i == 0 {
			r = l.closed(ctx, p.inFlight, int(^uint(0)>>1), p.each)
		}
	}
	sh.count(l, r)
	if r.taps == 0 {
		return fmt.Errorf("%s answered no tap: %s\n%s", b.name, sh.failure, b.log)
	}
	sh.rate, sh.p50, sh.p99 = r.rate(), ms(r.at(50)), ms(r.at(99))
	sh.cpu = float64((used[1][0] - used[0][0]).Microseconds()) / float64(r.taps)
	sh.redisCPU = float64((used[1][1] - used[0][1]).Microseconds()) / float64(r.taps)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
