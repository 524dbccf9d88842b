// Package simulation watches fleets of eSIMs that nobody bought: eSIMs whose data goes as customers'
// does, by night and day, evenly and in bursts, at two providers that tell of it as the real ones do,
// one at once and one call each, the other hours later and ten a call. It counts what the watch costs
// the providers, and how long a customer whose data falls to a threshold waits to hear of it.
//
// All of it follows from one seed, and time is the caller's: days pass in seconds.
package simulation

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

// A Profile is how an eSIM's data goes.
type Profile int

// The profiles.
const (
	Idle     Profile = iota // bought and never used
	Ordinary                // lasts for about the days of its plan
	Heavy                   // used up within one to three days
	profiles
)

// String names the profile.
func (p Profile) String() string { return [...]string{"idle", "ordinary", "heavy"}[p] }

// A Config describes a fleet. Bought at Start and in the Spread after it; half of each provider's.
type Config struct {
	Seed       uint64
	ESIMs      int
	Start      time.Time
	Spread     time.Duration // 0: all at the same moment
	Thresholds []int         // percent left at which an offer goes out
	// Shares are the parts of a hundred that are Idle and Heavy; the rest is Ordinary.
	IdleShare, HeavyShare int
	// PollMin is the least time between two looks at one eSIM: what is asked for sooner is counted.
	PollMin time.Duration
}

// A Fleet is the eSIMs, their providers and their customers. It may be used by several goroutines.
type Fleet struct {
	cfg Config

	mu    sync.Mutex
	now   time.Time
	lines []line
	calls map[esim.Provider]int // usage calls made
	told  map[message]int
	hasty int // times that an eSIM was asked for too soon
}

// message is a notice of an eSIM, which is to come once.
type message struct {
	esim int
	key  string
}

// New returns a fleet at its start.
func New(c Config) *Fleet {
	f := &Fleet{cfg: c, now: c.Start, lines: make([]line, c.ESIMs), calls: map[esim.Provider]int{}, told: map[message]int{}}
	for i := range f.lines {
		f.lines[i] = f.newLine(i)
	}
	return f
}

// Now is the fleet's clock.
func (f *Fleet) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock on.
func (f *Fleet) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// Document returns the i-th eSIM as the shop knows it when it was bought, and topped up at once where
// it was. That of the provider that needs an ICCID has just been linked, which asked for its numbers.
func (f *Fleet) Document(i int) *usage.ESIM {
	l := &f.lines[i]
	e := &usage.ESIM{
		Schema: usage.Schema, Version: 1, ID: ID(i), Customer: 6_100_000_000 + int64(i)*4/5, // one in five is a customer's second
		Plan: l.plan(i), ICCID: esim.ICCID(fmt.Sprintf("8910300%012d", i)), OrderNo: fmt.Sprintf("B%014d", i),
		Status: esim.StatusReady, TotalBytes: l.total, UsedBytes: -1, BoughtAt: l.bought, NextAt: l.bought,
		PhotoFileID: f.photo(i),
	}
	for n := range l.topUps {
		e.TopUps = append(e.TopUps, usage.TopUp{
			Order: fmt.Sprintf("%08d%02d", i, n), Plan: e.Plan.Key(), Kind: esim.Fixed, Bytes: e.Plan.Bytes, Days: int(l.days), At: l.bought, AskedAt: l.bought,
		})
	}
	if l.mobilexy {
		e.TranNo, e.UsedBytes, e.AskedAt = fmt.Sprintf("%014d", i), 0, l.bought
		e.ExpiresAt, e.About = l.bought.AddDate(0, 0, 30), true
	}
	return e
}

// photo is the name of a QR photo, as long as Telegram's are.
func (f *Fleet) photo(i int) string {
	name := make([]byte, 0, 72)
	for n := range uint64(9) {
		name = binary.LittleEndian.AppendUint64(name, f.hash(i, drawPhoto, n))
	}
	return base64.RawURLEncoding.EncodeToString(name[:68])
}

// plan is what was bought: one in three a region's.
func (l *line) plan(i int) esim.Plan {
	p := esim.Plan{
		Provider: l.provider(), ID: fmt.Sprintf("P%08X", i%3000*1_234_567), Kind: esim.Fixed, Bytes: l.total / int64(l.topUps+1), Days: int(l.days), CanTopUp: true,
		Destination: esim.Destination{Kind: esim.Country, Code: "JP"},
	}
	if l.mobilexy {
		p.ID, p.Source = strconv.Itoa(1000+i%3000), "country-plans/japan"
	}
	if i%3 == 0 {
		p.Destination = esim.Destination{Kind: esim.Region, Code: "europe-30", Name: "Europe (30+ areas)"}
		if l.mobilexy {
			p.Source = "region-plans/europe-eu-30"
		}
	}
	return p
}

// ID is the id of the i-th eSIM.
func ID(i int) string { return fmt.Sprintf("%010d", i) }

// index is the place of an id or of an order's number, -1 where it is none.
func index(id string) int {
	i, err := strconv.Atoi(strings.TrimPrefix(id, "B"))
	if err != nil {
		return -1
	}
	return i
}

// hash draws a number for an eSIM and a purpose, the same every time.
func (f *Fleet) hash(i int, what, n uint64) uint64 {
	x := f.cfg.Seed ^ uint64(i)*0x9E3779B97F4A7C15 ^ what*0xBF58476D1CE4E5B9 ^ n*0x94D049BB133111EB
	for range 2 {
		x ^= x >> 30
		x *= 0xBF58476D1CE4E5B9
		x ^= x >> 27
		x *= 0x94D049BB133111EB
		x ^= x >> 31
	}
	return x
}

// draw returns a number from 0 to 1.
func (f *Fleet) draw(i int, what, n uint64) float64 {
	return float64(f.hash(i, what, n)>>11) / (1 << 53)
}

// swing returns a factor that is 1 in the middle and mean, log-normal with the deviation given.
func (f *Fleet) swing(i int, what, n uint64, deviation float64) float64 {
	u := max(f.draw(i, what, n), 1e-12)
	z := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*f.draw(i, what+1000, n))
	return math.Exp(deviation*z - deviation*deviation/2)
}
