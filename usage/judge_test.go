package usage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"esimbot/esim"
	"esimbot/usage"
)

func TestJudgeKeepsOut(t *testing.T) {
	now := noon()
	for _, tc := range []struct {
		name   string
		change func(e *usage.ESIM, u *esim.Usage)
		want   usage.Refusal
	}{
		{"what is right", func(*usage.ESIM, *esim.Usage) {}, ""},
		{"backwards", func(_ *usage.ESIM, u *esim.Usage) { u.UsedBytes = 3 * esim.GB }, usage.RefusedBackwards},
		{"more than all", func(_ *usage.ESIM, u *esim.Usage) { u.UsedBytes = 11 * esim.GB }, usage.RefusedExceeds},
		{"more left than all", func(_ *usage.ESIM, u *esim.Usage) { u.UsedBytes, u.RemainingBytes = -1, 10*esim.GB+1 }, usage.RefusedExceeds},
		{"a little past the end", func(_ *usage.ESIM, u *esim.Usage) { u.UsedBytes = 10*esim.GB + esim.MB }, ""},
		{"negative", func(_ *usage.ESIM, u *esim.Usage) { u.UsedBytes = -5 }, usage.RefusedNegative},
		{"negative rest", func(_ *usage.ESIM, u *esim.Usage) { u.RemainingBytes = -5 }, usage.RefusedNegative},
		{"no time", func(_ *usage.ESIM, u *esim.Usage) { u.At = time.Time{} }, usage.RefusedNoTime},
		{"the future", func(_ *usage.ESIM, u *esim.Usage) { u.At = now.Add(time.Hour) }, usage.RefusedFuture},
		{"a clock a little ahead", func(_ *usage.ESIM, u *esim.Usage) { u.At = now.Add(time.Minute) }, ""},
		{"another ICCID", func(_ *usage.ESIM, u *esim.Usage) { u.ICCID = "8948010010002120848" }, usage.RefusedForeign},
		{"another number", func(e *usage.ESIM, u *esim.Usage) { e.TranNo, u.TranNo = "a", "b" }, usage.RefusedForeign},
		{"another order", func(_ *usage.ESIM, u *esim.Usage) { u.ICCID, u.OrderNo = "", "N2" }, usage.RefusedForeign},
		{"a top-up's order", func(_ *usage.ESIM, u *esim.Usage) { u.OrderNo = "N2" }, ""},
		{"another volume", func(_ *usage.ESIM, u *esim.Usage) { u.TotalBytes = 20 * esim.GB }, usage.RefusedTotal},
		{"a volume counted in tens", func(_ *usage.ESIM, u *esim.Usage) { u.TotalBytes = 10_000_000_000 }, ""},
		{"the volume before a top-up", func(e *usage.ESIM, _ *esim.Usage) {
			e.TopUps, e.TotalBytes = []usage.TopUp{{Bytes: 5 * esim.GB}}, 15*esim.GB
		}, ""},
		{"an end before the beginning", func(e *usage.ESIM, u *esim.Usage) { u.ExpiresAt = e.BoughtAt.AddDate(0, 0, -1) }, usage.RefusedValidity},
		{"an end in a hundred years", func(_ *usage.ESIM, u *esim.Usage) { u.ExpiresAt = now.AddDate(100, 0, 0) }, usage.RefusedValidity},
		{"a rest that doesn't know the top-up yet", func(e *usage.ESIM, u *esim.Usage) {
			e.TopUps, e.TotalBytes = []usage.TopUp{{Bytes: 5 * esim.GB, At: now.Add(-time.Hour)}}, 15*esim.GB
			u.UsedBytes, u.TotalBytes, u.RemainingBytes = -1, -1, 6*esim.GB
		}, usage.RefusedLag},
		{"hours after a top-up it is believed", func(e *usage.ESIM, u *esim.Usage) {
			e.TopUps, e.TotalBytes = []usage.TopUp{{Bytes: 5 * esim.GB, At: now.Add(-7 * time.Hour)}}, 15*esim.GB
			e.MeasuredAt = now.Add(-8 * time.Hour)
			u.UsedBytes, u.TotalBytes, u.RemainingBytes = -1, -1, 6*esim.GB
		}, ""},
	} {
		e, u := inUse(4*esim.GB, esim.GB), answer(now, 5*esim.GB)
		e.MeasuredAt = now.Add(-2 * time.Hour)
		tc.change(e, &u)
		before := *e
		n, why := usage.Judge(e, u, now)
		if why != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, why, tc.want)
		}
		if d := cmp.Diff(before, *e); d != "" {
			t.Errorf("%s changed what it was given: %s", tc.name, d)
		}
		if d := cmp.Diff(before, *n); (d == "") != (why != "") {
			t.Errorf("%s: %q, and yet %s", tc.name, why, d)
		}
	}
}

func TestJudgeTakesIn(t *testing.T) {
	now := noon()
	e := inUse(-1, 0)
	e.Status, e.MeasuredAt, e.FirstUsedAt, e.BoughtAt = esim.StatusReady, time.Time{}, time.Time{}, now.Add(-24*time.Hour)
	e.ExpiresAt, e.About = now.AddDate(0, 0, 90), true
	n, _ := usage.Judge(e, answer(now, esim.GB), now)
	if n.UsedBytes != esim.GB || !n.MeasuredAt.Equal(now) || !n.FirstUsedAt.Equal(now) || n.Status != esim.StatusInUse || n.Pace != esim.GB {
		t.Errorf("%+v", n)
	}
	if want := now.AddDate(0, 0, 30); !n.ExpiresAt.Equal(want) || !n.About {
		t.Errorf("ends %s, about %v; first used now with 30 days", n.ExpiresAt, n.About)
	}
	u := answer(now.Add(time.Hour), esim.GB)
	u.ExpiresAt = now.AddDate(0, 0, 28)
	n, _ = usage.Judge(n, u, now.Add(time.Hour))
	if !n.ExpiresAt.Equal(u.ExpiresAt) || n.About {
		t.Errorf("ends %s, about %v, though its provider says", n.ExpiresAt, n.About)
	}
	n, _ = usage.Judge(n, answer(now.Add(2*time.Hour), 10*esim.GB), now.Add(2*time.Hour))
	if n.Status != esim.StatusUsedUp || n.RemainingBytes() != 0 || !n.ExpiresAt.Equal(u.ExpiresAt) {
		t.Errorf("%+v", n)
	}
	late, why := usage.Judge(n, answer(now, 10*esim.GB), now.Add(3*time.Hour))
	if why != "" || late != n {
		t.Errorf("older numbers: %q", why)
	}
}

func TestJudgeStatus(t *testing.T) {
	now := noon()
	for _, tc := range []struct {
		name   string
		change func(e *usage.ESIM, u *esim.Usage)
		want   esim.Status
	}{
		{"unknown words change nothing", func(_ *usage.ESIM, u *esim.Usage) { u.Status = esim.StatusUnknown }, esim.StatusInUse},
		{"ready, with data used", func(_ *usage.ESIM, u *esim.Usage) { u.Status = esim.StatusReady }, esim.StatusInUse},
		{"used up before a top-up that isn't known there", func(e *usage.ESIM, u *esim.Usage) {
			e.TopUps, e.TotalBytes = []usage.TopUp{{Bytes: 10 * esim.GB}}, 20*esim.GB
			u.Status, u.UsedBytes, u.RemainingBytes = esim.StatusUsedUp, 10*esim.GB, 0
		}, esim.StatusInUse},
		{"used up for today", func(e *usage.ESIM, u *esim.Usage) {
			e.TotalBytes = -1
			u.Status, u.Upstream = esim.StatusUsedUp, ""
		}, esim.StatusInUse},
		{"cancelled", func(_ *usage.ESIM, u *esim.Usage) { u.Status = esim.StatusCancelled }, esim.StatusCancelled},
	} {
		e, u := inUse(4*esim.GB, esim.GB), answer(now, 5*esim.GB)
		tc.change(e, &u)
		if n, why := usage.Judge(e, u, now); why != "" || n.Status != tc.want {
			t.Errorf("%s: %s, %q", tc.name, n.Status, why)
		}
	}
}

// A night without data hardly moves the pace; three days of another habit do.
func TestPaceOutlivesTheNight(t *testing.T) {
	e, now := inUse(esim.GB, esim.GB), noon()
	n, _ := usage.Judge(e, answer(now.Add(8*time.Hour), esim.GB), now.Add(8*time.Hour))
	if n.Pace < esim.GB*7/10 || n.Pace >= esim.GB {
		t.Errorf("after a night: %d", n.Pace)
	}
	for i := range 3 {
		at := now.Add(time.Duration(8+24*(i+1)) * time.Hour)
		n, _ = usage.Judge(n, answer(at, esim.GB+int64(i+1)*2*esim.GB), at)
	}
	if n.Pace < esim.GB*19/10 || n.Pace > esim.GB*21/10 {
		t.Errorf("after three days of 2 GB: %d", n.Pace)
	}
}

// Whatever is told, what is known afterwards is possible.
func TestJudgeNeverBelievesTheImpossible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, now := anyESIM().Draw(t, "esim"), noon()
		if e.TotalBytes >= 0 {
			e.UsedBytes = min(e.UsedBytes, e.TotalBytes)
		}
		u := esim.Usage{
			Status: rapid.SampledFrom([]esim.Status{"", esim.StatusInUse, esim.StatusUsedUp, esim.StatusUnknown, "odd"}).Draw(t, "status"),
			At:     now.Add(time.Duration(rapid.Int64Range(-int64(100*time.Hour), int64(100*time.Hour)).Draw(t, "at"))),
		}
		for _, n := range []*int64{&u.UsedBytes, &u.TotalBytes, &u.RemainingBytes} {
			*n = rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 20*esim.GB)).Draw(t, "bytes")
		}
		n, why := usage.Judge(e, u, now)
		switch {
		case n.UsedBytes < e.UsedBytes, n.TotalBytes != e.TotalBytes, n.TotalBytes >= 0 && n.UsedBytes > n.TotalBytes:
			t.Fatalf("%q: %d of %d used, before %d of %d", why, n.UsedBytes, n.TotalBytes, e.UsedBytes, e.TotalBytes)
		case n.MeasuredAt.After(now) || n.MeasuredAt.Before(e.MeasuredAt), n.Pace < 0:
			t.Fatalf("measured %s, pace %d", n.MeasuredAt, n.Pace)
		}
	})
}
