package usage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
)

func TestOneIsToldOnceOfEachThreshold(t *testing.T) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 4*24*time.Hour)
	w.sell(2, esim.Mobilexy, 4*24*time.Hour)
	w.run(w.watcher(), 6*24*time.Hour)
	w.expect("0000000001 low:0:20", "0000000001 low:0:5", "0000000001 used_up:0", "0000000002 low:0:20", "0000000002 low:0:5", "0000000002 used_up:0")
	for no, times := range w.asked {
		least := 2 * time.Hour
		if no == "N2" {
			least = 3 * time.Hour
		}
		for i := 1; i < len(times); i++ {
			if d := times[i].Sub(times[i-1]); d < least || d > 24*time.Hour+2*time.Minute {
				t.Errorf("%s asked again after %s", no, d)
			}
		}
	}
}

func TestThresholdsCrossedAtOnceAreOneNotice(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.CloudESIM, 0)
	tell := w.used[e.OrderNo]
	w.used[e.OrderNo] = func(now time.Time) esim.Usage {
		u := tell(now)
		u.UsedBytes, u.RemainingBytes, u.Status = 97*esim.GB/10, 3*esim.GB/10, esim.StatusInUse
		return u
	}
	w.run(w.watcher(), 2*24*time.Hour)
	w.expect("0000000001 low:0:5")
}

func TestTopUpArmsAgain(t *testing.T) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 24*time.Hour)
	v := w.watcher()
	w.run(v, 26*time.Hour)
	w.expect("0000000001 low:0:20", "0000000001 low:0:5", "0000000001 used_up:0")
	e := w.load("0000000001")
	e.Version++
	e.TopUps, e.TotalBytes, e.Status, e.NextAt = []usage.TopUp{{Order: "X", Bytes: 10 * esim.GB, At: w.clock()}}, 20*esim.GB, esim.StatusInUse, w.clock()
	w.store.Put(e)
	start := w.clock()
	w.used[e.OrderNo] = func(now time.Time) esim.Usage {
		used := min(20*esim.GB, 10*esim.GB+int64(float64(10*esim.GB)*now.Sub(start).Hours()/48))
		return esim.Usage{OrderNo: e.OrderNo, Status: esim.StatusInUse, At: now, UsedBytes: used, TotalBytes: 20 * esim.GB, RemainingBytes: 20*esim.GB - used}
	}
	w.run(v, 3*24*time.Hour)
	w.expect("0000000001 low:0:20", "0000000001 low:0:5", "0000000001 used_up:0", "0000000001 low:1:20", "0000000001 low:1:5", "0000000001 used_up:1")
	if marks := w.load(e.ID).Marks; len(marks) != 3 {
		t.Errorf("marks of before the top-up are kept: %v", marks)
	}
}

func TestUntouchedAndUnlinked(t *testing.T) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 0)
	e := w.sell(2, esim.Mobilexy, 0)
	e.TranNo, e.ExpiresAt = "", w.clock().AddDate(0, 0, 5)
	w.store.Put(e)
	w.run(w.watcher(), 6*24*time.Hour)
	w.expect("0000000001 offline", "0000000002 link", "0000000002 expiry:2026-11-27")
	if n := len(w.asked["N2"]); n > 0 {
		t.Errorf("asked %d times for one that can't be named", n)
	}
	if n := len(w.asked["N1"]); n > 7 {
		t.Errorf("asked %d times in six days for an untouched one", n)
	}
	if e := w.load(e.ID); !e.NextAt.IsZero() {
		t.Errorf("due again %s, after its end", e.NextAt)
	}
}

func TestBatchesAreFull(t *testing.T) {
	w := newWorld(t)
	for n := range 40 {
		w.sell(n, esim.Mobilexy, 0)
	}
	for n := range 20 {
		w.sell(100+n, esim.CloudESIM, 0)
	}
	v := w.watcher()
	w.run(v, 4*24*time.Hour)
	calls, refs := len(w.batches[esim.Mobilexy]), 0
	for _, n := range w.batches[esim.Mobilexy] {
		refs += n
	}
	if refs < 4*40 || calls*8 > refs*2 {
		t.Errorf("%d calls for %d", calls, refs)
	}
	for _, n := range w.batches[esim.CloudESIM] {
		if n != 1 {
			t.Errorf("a call for %d of CloudeSIM's", n)
		}
	}
}

// What can't be true is kept out, counted, and nothing is offered on it.
func TestBadNumbers(t *testing.T) {
	for why, spoil := range map[usage.Refusal]func(*esim.Usage){
		usage.RefusedForeign:  func(u *esim.Usage) { u.OrderNo, u.ICCID = "other", "8948010010002120848" },
		usage.RefusedNoTime:   func(u *esim.Usage) { u.At = time.Time{} },
		usage.RefusedFuture:   func(u *esim.Usage) { u.At = u.At.Add(time.Hour) },
		usage.RefusedNegative: func(u *esim.Usage) { u.UsedBytes = -9 },
		usage.RefusedExceeds:  func(u *esim.Usage) { u.UsedBytes = 11 * esim.GB },
		usage.RefusedTotal:    func(u *esim.Usage) { u.TotalBytes = 3 * esim.GB },
	} {
		w := newWorld(t)
		e := w.sell(1, esim.CloudESIM, time.Hour)
		e.ICCID = "8948010010002120847"
		w.store.Put(e)
		tell := w.used[e.OrderNo]
		w.used[e.OrderNo] = func(now time.Time) esim.Usage {
			u := tell(now)
			u.ICCID = e.ICCID
			spoil(&u)
			return u
		}
		w.run(w.watcher(), 3*24*time.Hour)
		w.expect()
		got := w.load(e.ID)
		if w.refused[why] == 0 || len(w.refused) != 1 || w.refused[why] != got.Misses || got.UsedBytes != -1 {
			t.Errorf("%s: counted %v, %d misses, %d used", why, w.refused, got.Misses, got.UsedBytes)
		}
		if n := len(w.asked[e.OrderNo]); n > 8 {
			t.Errorf("%s: asked %d times in three days", why, n)
		}
	}
}

func TestUnknownESIMIsLeftAloneInTheEnd(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.CloudESIM, 0)
	delete(w.used, e.OrderNo)
	w.run(w.watcher(), 40*24*time.Hour)
	if n := len(w.asked[e.OrderNo]); n != 30 {
		t.Errorf("asked %d times", n)
	}
	if e := w.load(e.ID); !e.NextAt.IsZero() || e.Misses != 30 {
		t.Errorf("due %s after %d misses", e.NextAt, e.Misses)
	}
	w.expect()
}

// A provider that is down makes an offer late, and is not asked all the time.
func TestProviderDown(t *testing.T) {
	w := newWorld(t)
	for n := range 20 {
		w.sell(n, esim.CloudESIM, 20*time.Hour)
	}
	w.sell(50, esim.Mobilexy, 20*time.Hour)
	v := w.watcher()
	w.run(v, 12*time.Hour)
	w.mu.Lock()
	w.fails[esim.CloudESIM] = errDown
	before := len(w.batches[esim.CloudESIM])
	w.mu.Unlock()
	w.run(v, 10*time.Hour) // all cross the threshold meanwhile
	w.mu.Lock()
	calls := len(w.batches[esim.CloudESIM]) - before
	if calls > 10*60 {
		t.Errorf("%d calls in ten hours to a provider that is down", calls)
	}
	if w.told["0000000050 low:0:5"] != 1 {
		t.Errorf("the other provider's customers hear nothing: %v", w.told)
	}
	w.fails[esim.CloudESIM] = nil
	w.mu.Unlock()
	w.run(v, 30*time.Minute)
	for n := range 20 {
		if e := w.load(w.id(n)); e.Misses != 0 || w.told[e.ID+" used_up:0"] != 1 {
			t.Errorf("eSIM %d: %d misses, told %v", n, e.Misses, w.told)
		}
	}
}

func (w *world) id(n int) string { return fmt.Sprintf("%010d", n) }

// One bad number doesn't spoil a call for the rest.
func TestSpoiltBatchIsAskedOneByOne(t *testing.T) {
	w := newWorld(t)
	for n := range 5 {
		w.sell(n, esim.Mobilexy, 0)
	}
	c := w.config()
	c.Meters = []usage.Meter{spoilt{meter{w, esim.Mobilexy}, "T3"}}
	w.run(watcher(t, c), 26*time.Hour)
	for n := range 5 {
		e := w.load(w.id(n))
		if known := e.UsedBytes == 0; known == (n == 3) {
			t.Errorf("eSIM %d: %d used, %d misses", n, e.UsedBytes, e.Misses)
		}
	}
}

type spoilt struct {
	meter
	no string
}

func (s spoilt) Usage(ctx context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	for _, ref := range refs {
		if ref.TranNo == s.no {
			return nil, &providers.Error{Class: providers.Rejected, Err: errors.New("bad number")}
		}
	}
	return s.meter.Usage(ctx, refs)
}

func TestBlockedCustomer(t *testing.T) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 24*time.Hour)
	tries := 0
	w.refuses = func(*usage.ESIM) error { tries++; return usage.ErrUnreachable }
	v := w.watcher()
	w.run(v, 20*time.Hour)
	before := len(w.asked["N1"])
	w.run(v, time.Hour)
	if n := len(w.asked["N1"]) - before; tries != 1 || n != 0 {
		t.Errorf("%d messages, %d looks in the hour afterwards", tries, n)
	}
	w.refuses = nil
	w.expect()
	if e, err := v.Refresh(context.Background(), "0000000001"); err != nil || e.Unreachable {
		t.Errorf("after the customer came back: %+v, %v", e, err)
	}
	w.run(v, 20*time.Minute)
	w.expect("0000000001 low:0:20") // what never arrived isn't lost
}

// Who comes back is watched again at once, with what was due meanwhile; who doesn't costs nothing.
func TestReturn(t *testing.T) {
	w := newWorld(t)
	for n := range 2 {
		w.sell(n, esim.CloudESIM, 24*time.Hour)
	}
	w.refuses = func(*usage.ESIM) error { return usage.ErrUnreachable }
	v := w.watcher()
	w.run(v, 23*time.Hour)
	before := len(w.asked["N0"]) + len(w.asked["N1"])
	w.run(v, 3*24*time.Hour)
	if n := len(w.asked["N0"]) + len(w.asked["N1"]) - before; n != 0 {
		t.Errorf("%d looks at eSIMs of customers who blocked the bot", n)
	}
	w.refuses = nil
	e := w.load("0000000001")
	e.Return(w.clock())
	e.Version++
	w.store.Put(e)
	w.run(v, time.Minute)
	w.expect("0000000001 used_up:0")
}

// An answer that nobody can read is tried again when the claim ends.
func TestUnclearTell(t *testing.T) {
	w := newWorld(t)
	w.sell(1, esim.CloudESIM, 48*time.Hour)
	tries := 0
	w.refuses = func(*usage.ESIM) error {
		if tries++; tries <= 3 {
			return errors.New("timeout")
		}
		return nil
	}
	w.run(w.watcher(), 47*time.Hour+50*time.Minute)
	w.expect("0000000001 low:0:20", "0000000001 low:0:5")
}

// Whoever changes an eSIM while it is looked at isn't overwritten.
func TestConflictIsDoneAgain(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.CloudESIM, 24*time.Hour)
	tell := w.used[e.OrderNo]
	renamed := false
	w.used[e.OrderNo] = func(now time.Time) esim.Usage {
		if now.Sub(noon()) > 19*time.Hour && !renamed {
			renamed = true
			n, _ := w.store.Load(context.Background(), e.ID)
			n.Name = "Trip"
			n.Version++
			w.store.Put(n)
		}
		return tell(now)
	}
	w.run(w.watcher(), 22*time.Hour)
	w.expect("0000000001 low:0:20")
	if n := w.load(e.ID); n.Name != "Trip" || n.Version < 3 || !renamed {
		t.Errorf("%+v", n)
	}
}

// Two replicas never ask or tell twice.
func TestTwoWatchers(t *testing.T) {
	w := newWorld(t)
	for n := range 100 {
		w.sell(n, []esim.Provider{esim.CloudESIM, esim.Mobilexy}[n%2], time.Duration(10+n)*time.Hour)
	}
	a, b := w.watcher(), w.watcher()
	for end := w.clock().AddDate(0, 0, 3); w.clock().Before(end); w.advance(10 * time.Minute) {
		var both sync.WaitGroup
		for _, v := range []*usage.Watcher{a, b} {
			both.Go(func() {
				if _, err := v.Round(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	}
	for key, n := range w.told {
		if n != 1 {
			t.Errorf("%s came %d times", key, n)
		}
	}
	if len(w.told) < 200 {
		t.Errorf("%d messages", len(w.told))
	}
	for no, times := range w.asked {
		for i := 1; i < len(times); i++ {
			if times[i].Equal(times[i-1]) {
				t.Errorf("%s asked twice at %s", no, times[i])
			}
		}
	}
}

func TestMutedAndQuiet(t *testing.T) {
	w := newWorld(t)
	e := w.sell(1, esim.CloudESIM, 24*time.Hour)
	e.Muted = true
	w.store.Put(e)
	w.sell(2, esim.CloudESIM, 32*time.Hour)
	c := w.config()
	c.Rules.Night, c.Rules.Zones = usage.Night{From: 22, To: 8}, usage.NewZones()
	v := watcher(t, c)
	w.run(v, 34*time.Hour+59*time.Minute) // 07:59 in Japan, two nights later; 20 % were left after 25.6 hours, at 22:36
	w.expect("0000000002 low:0:5", "0000000002 used_up:0")
}
