package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/sandbox/telegram"
	"esimbot/sandbox/wholesale"
	"esimbot/usage"
)

const (
	watchedSize = 1000
	lowKey      = "low:0:20" // the mark of the offer that all of them are due
	// leasesEnd is when whatever a dead replica leased or claimed is free.
	leasesEnd = 31 * time.Minute
)

// TestKillWatch has a thousand eSIMs run low, watched by two replicas of the shop. Killed at random
// again and again, they lose no offer, and send one twice only where a kill fell between Telegram's
// answer and the record of it; left alone they send none twice.
func TestKillWatch(t *testing.T) {
	t.Parallel()
	for _, kills := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "killed"}[kills], func(t *testing.T) {
			t.Parallel()
			f := openFleet(t, durableRedis(t), 2, map[string]string{"QUIET_HOURS": "off"})
			w := f.watched(watchedSize)
			if kills {
				f.haunt(w)
			}
			w.told(f, watchedSize)
			f.bury(w)
			all := f.canary(w) // looked at after all that was due before
			f.born()
			w.told(f, all)
			twice, excused := 0, 0
			for i := range watchedSize {
				n := len(f.world.Telegram.Messages(w.customer(i)))
				twice += n - 1
				excused += w.excused[i]
				if n < 1 || n > 1+w.excused[i] {
					t.Errorf("eSIM %d: %d offers, %d kills between an offer and its record", i, n, w.excused[i])
				}
			}
			t.Logf("%d eSIMs, %d lives, %d offers twice; %d times an end fell between an offer and its record", watchedSize, w.lives, twice, excused)
			switch {
			case !kills && twice > 0:
				t.Error("nobody was killed")
			case kills && (w.lives < 8 || twice == 0):
				t.Error("nothing is shown by this")
			}
		})
	}
}

// watched are eSIMs whose offer is due.
type watched struct {
	excused map[int]int
	counted map[int]int // messages at the last end
	lives   int
}

func (w *watched) customer(i int) int64 { return int64(customer + 10_000 + i) }

func (w *watched) id(i int) string { return fmt.Sprintf("%010d", i) }

// watched sells n eSIMs of which 85 % is used, and has them come due.
func (f *fleet) watched(n int) *watched {
	f.t.Helper()
	f.world.CloudESIM.SetBalance(decimal.New(1_000_000, 0))
	w := &watched{excused: map[int]int{}, counted: map[int]int{}}
	list := make([]*usage.ESIM, n)
	for i := range list {
		list[i] = f.runsLow(w, i)
	}
	f.put(list...)
	return w
}

func (f *fleet) put(list ...*usage.ESIM) {
	f.t.Helper()
	for _, err := range f.app.store.Usage().Save(f.ctx, list) {
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// runsLow sells the i-th of them, to a customer of its own.
func (f *fleet) runsLow(w *watched, i int) *usage.ESIM {
	f.t.Helper()
	f.world.Telegram.AddUser(telegram.User{ID: w.customer(i), FirstName: "Customer", LanguageCode: "en", Started: true})
	var plan wholesale.Plan
	for _, plan = range f.world.CloudESIM.Plans() {
		if plan.Bytes > 0 && plan.Days >= 7 && !plan.TopUp {
			break
		}
	}
	_, sold, err := f.world.CloudESIM.Buy(plan.Code, 1, wholesale.MakingTime{})
	if err != nil {
		f.t.Fatal(err)
	}
	e := sold[0]
	if err := f.world.CloudESIM.SetUsed(e.ICCID, e.TotalBytes*85/100); err != nil {
		f.t.Fatal(err)
	}
	now := f.world.Clock.Now().UTC()
	return &usage.ESIM{
		Schema: usage.Schema, Version: 1, ID: w.id(i), Customer: w.customer(i), ICCID: esim.ICCID(e.ICCID), OrderNo: e.OrderNo, TranNo: e.TranNo,
		Plan:   esim.Plan{Provider: esim.CloudESIM, ID: plan.Code, Kind: esim.Fixed, Bytes: plan.Bytes, Days: plan.Days, Destination: esim.Destination{Kind: esim.Country, Code: "JP"}},
		Status: esim.StatusReady, TotalBytes: e.TotalBytes, UsedBytes: -1, BoughtAt: now.Add(-30 * time.Hour), NextAt: now,
	}
}

// told waits until each of the first n has an offer, and it is recorded.
func (w *watched) told(f *fleet, n int) {
	f.t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; i < n; {
		if len(f.world.Telegram.Messages(w.customer(i))) > 0 && w.recorded(f, i) {
			i++
			continue
		}
		select {
		case <-tick.C:
		case <-deadline:
			f.t.Fatalf("eSIM %d has no offer: %d messages, recorded %v", i, len(f.world.Telegram.Messages(w.customer(i))), w.recorded(f, i))
		}
	}
}

// recorded says whether the i-th eSIM's document says that its offer was sent.
func (w *watched) recorded(f *fleet, i int) bool {
	f.t.Helper()
	e, err := f.app.store.Usage().Load(f.ctx, w.id(i))
	if err != nil {
		f.t.Fatal(err)
	}
	return !e.Marks[lowKey].SentAt.IsZero()
}

func (w *watched) missing(f *fleet, n int) (missing int) {
	for i := range n {
		if len(f.world.Telegram.Messages(w.customer(i))) == 0 {
			missing++
		}
	}
	return missing
}

// haunt has the replicas live, one life of both after another, until nearly everybody has an offer. A
// life ends at a random write or call of either, for one of them before or after it was done, and for
// the other wherever it is then.
func (f *fleet) haunt(w *watched) {
	f.t.Helper()
	f.reaper.kill = func() { f.replicas[rand.IntN(2)].kill() }
	for deadline := time.Now().Add(2 * time.Minute); w.missing(f, watchedSize) > 50; {
		f.reaper.arm(1+rand.IntN(700), rand.IntN(2) == 0)
		for tick := time.NewTicker(5 * time.Millisecond); !f.reaper.hit(); <-tick.C {
			if time.Now().After(deadline) {
				f.t.Fatalf("%d have no offer after %d lives", w.missing(f, watchedSize), w.lives)
			}
			if w.missing(f, watchedSize) == 0 {
				break
			}
		}
		f.bury(w)
		f.reaper.disarm()
		f.born()
	}
}

// bury ends both replicas and notes whose offer came without its record.
func (f *fleet) bury(w *watched) {
	f.t.Helper()
	for _, r := range f.replicas {
		r.kill()
	}
	w.lives++
	recorded := map[int]bool{}
	for i := range watchedSize { // while what was under way comes to its end
		recorded[i] = w.recorded(f, i)
	}
	for i := range watchedSize {
		n := len(f.world.Telegram.Messages(w.customer(i)))
		if n > w.counted[i] && !recorded[i] {
			w.excused[i]++
		}
		w.counted[i] = n
	}
}

// born starts both replicas once whatever was leased is free.
func (f *fleet) born() {
	f.t.Helper()
	f.world.Clock.Advance(leasesEnd)
	var starting sync.WaitGroup
	for _, r := range f.replicas {
		starting.Go(r.up)
	}
	starting.Wait()
}

// canary puts another eSIM there, due after all others, and returns how many there are now.
func (f *fleet) canary(w *watched) int {
	f.t.Helper()
	f.put(f.runsLow(w, watchedSize))
	return watchedSize + 1
}
