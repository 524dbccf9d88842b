package clock_test

import (
	"testing"
	"time"

	"esimbot/sandbox/clock"
)

func TestAdvance(t *testing.T) {
	var c clock.Clock
	before := c.Now()
	c.Advance(36 * time.Hour)
	if d := c.Now().Sub(before); d < 36*time.Hour || d > 37*time.Hour {
		t.Errorf("moved by %s", d)
	}
	c.Advance(-time.Hour)
	if c.Offset() != 36*time.Hour {
		t.Errorf("the clock ran backwards: %s", c.Offset())
	}
}
