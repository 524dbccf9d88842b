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
