package simulation

import "time"

// sweepEvery is SWEEP_INTERVAL.
const sweepEvery = 30 * time.Minute

// sweep has the process ask now and then, for as long as it lives, whether it is time to sweep.
func (p *process) sweep() {
	if p.dead {
		return
	}
	p.w.spawn(p, func() {
		err := p.service.SweepIfDue(background)
		p.w.note("", p.owner, "sweep", text(err))
	})
	p.w.after(p.w.between(sweepEvery/6, sweepEvery/3), p.sweep)
}
