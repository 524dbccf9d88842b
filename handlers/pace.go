package handlers

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// paceRate and paceBurst are more than a person taps, and less than a flood.
	paceRate  = rate.Limit(2) // a second
	paceBurst = 12
	// maxPaced bounds how many people are remembered; then everyone starts anew.
	maxPaced = 20_000
)

// pace slows down who floods us; nobody is shut out.
type pace struct {
	mu    sync.Mutex
	users map[int64]*paced
}

type paced struct {
	bucket *rate.Limiter
	last   int64 // the update that was let through last
	told   bool
}

func newPace() *pace { return &pace{users: map[int64]*paced{}} }

// take says whether user may go on with update at now, and if not, whether to tell them: once until
// they have slowed down. An update that was let through may come again.
func (p *pace) take(user, update int64, now time.Time) (ok, tell bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who := p.users[user]
	if who == nil {
		if len(p.users) >= maxPaced {
			p.users = map[int64]*paced{}
		}
		who = &paced{bucket: rate.NewLimiter(paceRate, paceBurst)}
		p.users[user] = who
	}
	if who.last == update || who.bucket.AllowN(now, 1) {
		who.last, who.told = update, who.told && who.bucket.TokensAt(now) < paceBurst/2
		return true, false
	}
	tell = !who.told
	who.told = true
	return false, tell
}

const (
	// maxFailures is how often an update may fail before it is kept aside: it would hold up
	// everything its sender does after it.
	maxFailures = 3
	// maxRemembered bounds how many failing updates are counted at once.
	maxRemembered = 1000
)

// failures counts how often updates failed here. Another replica counts for itself: an update that
// wanders is tried a few times more.
type failures struct {
	mu    sync.Mutex
	times map[int64]int
}

func newFailures() *failures { return &failures{times: map[int64]int{}} }

// add counts a failure and says how many there were.
func (f *failures) add(update int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.times) >= maxRemembered {
		f.times = map[int64]int{}
	}
	f.times[update]++
	return f.times[update]
}

func (f *failures) forget(update int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.times, update)
}
