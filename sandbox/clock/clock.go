// Package clock is the time of the sandbox: the machine's own, moved forward on demand so that
// a whole week of data use can be seen in a minute.
package clock

import (
	"sync/atomic"
	"time"
)

// A Clock runs at the machine's pace from a moved starting point. The zero value shows the
// machine's time. It may be used by several goroutines at once.
type Clock struct{ offset atomic.Int64 }

// Now returns the moved time in UTC.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC()
}

// Advance moves the clock forward by d. A negative d is ignored: the shop may trust that time
// never runs backwards by itself.
func (c *Clock) Advance(d time.Duration) {
	if d > 0 {
		c.offset.Add(int64(d))
	}
}

// Offset returns how far the clock has been moved.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }
