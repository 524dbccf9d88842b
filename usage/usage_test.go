package usage_test

import (
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

func TestRemainingBytes(t *testing.T) {
	for _, tc := range []struct{ total, used, want int64 }{
		{10 * esim.GB, 4 * esim.GB, 6 * esim.GB},
		{10 * esim.GB, 0, 10 * esim.GB},
		{10 * esim.GB, 11 * esim.GB, 0}, // networks count a little past the end
		{-1, 4 * esim.GB, -1},           // no fixed volume
		{10 * esim.GB, -1, -1},          // nothing known yet
	} {
		e := usage.ESIM{TotalBytes: tc.total, UsedBytes: tc.used}
		if got := e.RemainingBytes(); got != tc.want {
			t.Errorf("%d of %d used leaves %d, want %d", tc.used, tc.total, got, tc.want)
		}
	}
}

func TestStanding(t *testing.T) {
	now := noon()
	for name, tc := range map[string]struct {
		change func(*usage.ESIM)
		want   esim.Status
	}{
		"just bought":   {func(e *usage.ESIM) { e.Status, e.UsedBytes = esim.StatusReady, -1 }, esim.StatusReady},
		"untouched":     {func(e *usage.ESIM) { e.Status, e.UsedBytes = esim.StatusReady, 0 }, esim.StatusReady},
		"begun":         {func(e *usage.ESIM) { e.Status = esim.StatusReady }, esim.StatusInUse},
		"in use":        {func(*usage.ESIM) {}, esim.StatusInUse},
		"used up":       {func(e *usage.ESIM) { e.Status = esim.StatusUsedUp }, esim.StatusUsedUp},
		"at its end":    {func(e *usage.ESIM) { e.ExpiresAt = now }, esim.StatusExpired},
		"taken back":    {func(e *usage.ESIM) { e.Status, e.ExpiresAt = esim.StatusCancelled, now }, esim.StatusCancelled},
		"suspended":     {func(e *usage.ESIM) { e.Status = esim.StatusSuspended }, esim.StatusSuspended},
		"no number":     {func(e *usage.ESIM) { e.ICCID, e.TranNo, e.Plan.Provider = "", "", esim.Mobilexy }, esim.StatusUnknown},
		"no news":       {func(e *usage.ESIM) { e.Misses = 30 }, esim.StatusUnknown},
		"customer gone": {func(e *usage.ESIM) { e.Unreachable = true }, esim.StatusUnknown},
	} {
		e := inUse(esim.GB, esim.GB)
		tc.change(e)
		if got := e.Standing(now); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestPast(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		status esim.Status
		ends   time.Time
		want   bool
	}{
		{"just bought", esim.StatusReady, time.Time{}, false},
		{"in use", esim.StatusInUse, now.Add(time.Second), false},
		{"at its end", esim.StatusInUse, now, true},
		{"used up", esim.StatusUsedUp, now.Add(time.Hour), true},
		{"taken back", esim.StatusCancelled, time.Time{}, true},
		{"expired", esim.StatusExpired, time.Time{}, true},
		{"unknown word", esim.StatusUnknown, time.Time{}, false},
	} {
		e := usage.ESIM{Status: tc.status, ExpiresAt: tc.ends}
		if got := e.Past(now); got != tc.want {
			t.Errorf("%s: past %v, want %v", tc.name, got, tc.want)
		}
	}
}
