package simulation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

const shop = "1234567890"

var (
	dawn    = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	errDead = errors.New("the process was killed")
)

// A world is everything that one seed tells.
type world struct {
	seed   uint64
	number int
	rng    *rand.Rand
	now    time.Time
	calm   bool // the sky has cleared

	agenda  agenda
	seq     uint64
	pending int // things outside that are still to come: payments, webhooks, late commits
	current *task
	tasks   map[*task]bool
	idle    []*task

	weather weather
	figures figures
	hash    uint64
	story   *story // nil: not told

	redis    *redis
	past     []*redis // snapshots to fall back to
	stripe   *stripe
	sellers  map[esim.Provider]*seller
	telegram *telegram
	replicas []*process
	books    map[orders.ID]*book
	ids      []orders.ID // of books, in the order they were opened
	owners   int
}

// A book is what the world itself knows of an order, beyond Redis.
type book struct {
	draft    orders.Draft
	approved int              // purchases that admins allowed beside the first
	wished   map[string]int64 // refunds begun, by number and state they began in: minor units
	whole    bool             // a refund of all of it was begun
	closed   bool             // an admin ended it as it was
	judgedAt time.Time        // when an admin last had an order in doubt bought again, or its money returned
	rises    int64            // of the wholesale price, cents
	gone     bool             // from sale
	reviewed time.Time        // when it last came under review
}

func newWorld(seed uint64, number int) *world {
	w := &world{
		seed: seed, number: number, rng: rand.New(rand.NewPCG(seed, uint64(number))), now: dawn,
		tasks: map[*task]bool{}, books: map[orders.ID]*book{},
	}
	w.weather = w.forecast()
	w.redis = newRedis()
	w.stripe = newStripe(w)
	w.telegram = newTelegram(w)
	w.sellers = map[esim.Provider]*seller{
		esim.CloudESIM: newSeller(w, esim.CloudESIM, "C"),
		esim.Mobilexy:  newSeller(w, esim.Mobilexy, "M"),
	}
	for slot := range 2 + w.rng.IntN(2) {
		w.replicas = append(w.replicas, nil)
		w.boot(slot)
	}
	return w
}

// An agenda is what is going to happen, as a heap: the next stands first.
type agenda []entry

type entry struct {
	at  int64 // nanoseconds since dawn
	seq uint64
	do  func()
}

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

func (a *agenda) push(e entry) {
	h := append(*a, e)
	*a = h
	for i := len(h) - 1; i > 0 && h[i].before(h[(i-1)/2]); i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (a *agenda) pop() entry {
	h, last := *a, len(*a)-1
	first := h[0]
	h[0], h[last] = h[last], entry{}
	h = h[:last]
	*a = h
	for i := 0; ; {
		next := 2*i + 1
		if next >= last {
			return first
		}
		if next+1 < last && h[next+1].before(h[next]) {
			next++
		}
		if !h[next].before(h[i]) {
			return first
		}
		h[i], h[next] = h[next], h[i]
		i = next
	}
}

// after has something done d from now.
func (w *world) after(d time.Duration, do func()) {
	w.seq++
	w.agenda.push(entry{at: int64(w.now.Sub(dawn) + max(d, 0)), seq: w.seq, do: do})
}

// outside is after for what others do: the world isn't settled before it has happened.
func (w *world) outside(d time.Duration, do func()) {
	w.pending++
	w.after(d, func() {
		w.pending--
		do()
	})
}

// until lets time run on to end, or until enough says so.
func (w *world) until(end time.Time, enough func() bool) {
	for len(w.agenda) > 0 && w.agenda[0].at <= int64(end.Sub(dawn)) && !enough() {
		e := w.agenda.pop()
		w.now = dawn.Add(time.Duration(e.at))
		e.do()
	}
	if !enough() {
		w.now = end
	}
}

// chance is true with probability p.
func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// between draws a duration.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.rng.Int64N(int64(most-least)+1))
}

// note adds a line to the trace, and to the story of an order if that is told.
func (w *world) note(id orders.ID, who, what, came string) {
	w.hash = mixed(w.hash, string(id), who, what, came) ^ uint64(w.now.UnixNano())
	if w.story != nil {
		w.story.add(w.now, id, who, what, came)
	}
}

// mixed mixes texts into h: FNV-1a, the same in every process.
func mixed(h uint64, texts ...string) uint64 {
	for _, t := range texts {
		for i := range len(t) {
			h = (h ^ uint64(t[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	return h
}

// A task is one thing that a process does, resting at each call. Its coroutine does one thing after
// another, for a stack that has grown once needn't grow again.
type task struct {
	p     *process
	body  func()
	next  func() (time.Duration, bool)
	stop  func()
	yield func(time.Duration) bool
	saw   *intent // a payment that it read and whose money was gone
}

// done is what a coroutine yields when its body has ended.
const done time.Duration = -1

// spawn begins a task now.
func (w *world) spawn(p *process, body func()) {
	var t *task
	if n := len(w.idle); n > 0 {
		t, w.idle = w.idle[n-1], w.idle[:n-1]
	} else {
		t = new(task)
		t.next, t.stop = iter.Pull(func(yield func(time.Duration) bool) {
			t.yield = yield
			for {
				t.body()
				if !yield(done) {
					return
				}
			}
		})
	}
	t.p, t.body, t.saw = p, body, nil
	w.tasks[t] = true
	w.resume(t)
}

func (w *world) resume(t *task) {
	w.current = t
	d, _ := t.next()
	w.current = nil
	if d == done {
		delete(w.tasks, t)
		w.idle = append(w.idle, t)
		return
	}
	w.after(d, func() { w.resume(t) })
}

// end unwinds what is still under way, so that no coroutine is left behind.
func (w *world) end() {
	for _, p := range w.replicas {
		p.dead = true
	}
	for t := range w.tasks {
		t.p.dead = true
		for d := time.Duration(0); d != done; {
			w.current = t
			d, _ = t.next()
		}
		t.stop()
	}
	for _, t := range w.idle {
		t.stop()
	}
	w.current = nil
}

// rest lets the running task wait, and others go on meanwhile.
func (w *world) rest(d time.Duration) {
	if t := w.current; !t.p.dead {
		t.yield(d)
		// The scheduler has set current again.
	}
}

// A process is one replica of the shop from its start to its death.
type process struct {
	w       *world
	slot    int
	owner   string
	skew    time.Duration
	dead    bool
	died    time.Time
	service *orders.Service
	pollAt  time.Time
	polls   int
	busy    map[orders.ID]bool
	shunned map[orders.ID]time.Time
}

// boot starts a replica in a slot.
func (w *world) boot(slot int) {
	w.owners++
	p := &process{w: w, slot: slot, owner: fmt.Sprintf("r%d.%d", slot, w.owners), busy: map[orders.ID]bool{}, shunned: map[orders.ID]time.Time{}}
	if w.weather.skew > 0 && !w.calm {
		p.skew = w.between(-w.weather.skew, w.weather.skew)
	}
	w.replicas[slot] = p
	p.service = w.service(p)
	p.wake(w.now)
	w.after(w.between(0, time.Minute), p.sweep)
}

func (p *process) clock() time.Time { return p.w.now.Add(p.skew) }

// kill ends the process with everything it had in flight; another is started after a while.
func (p *process) kill() {
	if p.dead {
		return
	}
	p.dead, p.died = true, p.w.now
	p.w.figures.crashes++
	p.w.note("", p.owner, "killed", "")
	p.w.after(p.w.between(time.Second, 2*time.Minute), func() { p.w.boot(p.slot) })
}

// alive draws a replica that runs; nil if there is none.
func (w *world) alive() *process {
	var up []*process
	for _, p := range w.replicas {
		if !p.dead {
			up = append(up, p)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[w.rng.IntN(len(up))]
}

// reach is the way of a call to the outside; false: the process died first.
func (p *process) reach(call string, id orders.ID) bool {
	if p.dead {
		return false
	}
	if p.w.strikes(faultCrash) {
		p.w.note(id, p.owner, call, "killed before")
		p.kill()
		return false
	}
	p.w.rest(p.w.latency())
	return !p.dead
}

// back is the way of the answer; false: the process died first.
func (p *process) back(call string, id orders.ID) bool {
	if p.dead {
		return false
	}
	if p.w.strikes(faultCrash) {
		p.w.note(id, p.owner, call, "killed after")
		p.kill()
		return false
	}
	if p.w.rng.IntN(4) == 0 {
		p.w.rest(p.w.latency())
	}
	return !p.dead
}

// latency is how long a call takes one way: now and then the whole process stands still.
func (w *world) latency() time.Duration {
	if w.strikes(faultPause) {
		return w.between(20*time.Second, 20*time.Minute)
	}
	if w.calm {
		return w.between(time.Millisecond, 60*time.Millisecond)
	}
	return time.Duration(float64(w.between(time.Millisecond, w.weather.slow)) * w.rng.Float64())
}

// numbers is the world's generator as the random source of the order machine.
type numbers struct{ rng *rand.Rand }

func (n numbers) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(n.rng.Uint32())
	}
	return len(b), nil
}

var background = context.Background()

func usd(cents int64) decimal.Decimal { return decimal.New(cents, -2) }

func (w *world) providers(p *process) map[esim.Provider]providers.Provider {
	return map[esim.Provider]providers.Provider{
		esim.CloudESIM: sellerPort{p, w.sellers[esim.CloudESIM]},
		esim.Mobilexy:  sellerPort{p, w.sellers[esim.Mobilexy]},
	}
}
