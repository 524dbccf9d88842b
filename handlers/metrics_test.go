package handlers

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Counting an update and its call costs no allocation.
func TestMetricsAllocateNothing(t *testing.T) {
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		m.called(ctx, "editMessageText", "ok", time.Millisecond)
		m.updated(ctx, kindPress, "ok", time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
