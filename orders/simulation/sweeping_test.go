package simulation

import (
	"context"
	"time"
)

// sweepEvery is SWEEP_INTERVAL.
const sweepEvery = 30 * time.Minute

// A sweeper is an order machine that sweeps.
type sweeper interface {
	Sweep(ctx context.Context) error
}

// sweep sweeps now and then, for as long as the process lives.
func (p *process) sweep() {
	if p.dead {
		return
	}
	if s, ok := any(p.service).(sweeper); ok {
		p.w.spawn(p, func() {
			err := s.Sweep(background)
			p.w.note("", p.owner, "sweep", text(err))
		})
	}
	p.w.after(p.w.between(sweepEvery, sweepEvery+time.Minute), p.sweep)
}
