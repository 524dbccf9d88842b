package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a tap may take.
const patience = 10 * time.Second

// A load sends taps to one bot's webhook, each of another customer, in turn.
type load struct {
	t      *telegram
	addr   string
	header []byte
	routes []journey

	taps       atomic.Int64 // sent since the bot started: names update, customer and page
	parts      [3]string    // of an update, around its number, customer and route
	idle       []*line
	mu         sync.Mutex // guards idle
	lastFailed atomic.Pointer[error]
}

func newLoad(t *telegram, addr string, routes []journey) *load {
	// The customer's id is told apart, for it stands in the message twice.
	message := strings.Replace(shownMessage(firstUser), `"chat":{"first_name":"Customer","id":`+strconv.Itoa(firstUser), `"chat":{"first_name":"Customer","id":`+"%", 1)
	before, after, _ := strings.Cut(message, "%")
	l := &load{t: t, addr: addr, routes: routes}
	l.parts = [3]string{
		`,"is_bot":false,"first_name":"Customer","username":"customer","language_code":"en"},"message":` + before,
		after + `,"chat_instance":"-5172348934857293","data":"`,
		`"}}`,
	}
	l.header = fmt.Appendf(nil, "POST /telegram/webhook HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Telegram-Bot-Api-Secret-Token: %s\r\nAccept-Encoding: gzip, deflate\r\n", addr, botSecret)
	return l
}

// update writes the n-th tap: whose it is, and where it leads. Everybody goes one step on their
// journey each time, and everybody stands at another step.
func (l *load) update(into []byte, n int64) (body []byte, user int) {
	user = int(n % people)
	round := int(n / people)
	trip := l.routes[(user+round/tripLength)%len(l.routes)]
	return l.tap(into, n, user, trip[(user+round)%tripLength]), user
}

func (l *load) tap(b []byte, n int64, user int, route string) []byte {
	id := strconv.AppendInt(nil, int64(firstUser+user), 10)
	b = append(b, `{"update_id":`...)
	b = strconv.AppendInt(b, 100_000_000+n, 10)
	b = append(b, `,"callback_query":{"id":"431`...)
	b = strconv.AppendInt(b, 1_000_000_000_000+n, 10)
	b = append(b, `","from":{"id":`...)
	b = append(b, id...)
	b = append(b, l.parts[0]...)
	b = append(b, id...)
	b = append(b, l.parts[1]...)
	b = append(b, route...)
	return append(b, l.parts[2]...)
}

// take and give keep the open connections; Telegram keeps them too.
func (l *load) take() *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.idle); n > 0 {
		c := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return c
	}
	return &line{addr: l.addr}
}

func (l *load) give(c *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, c)
}

// hangUp closes every connection.
func (l *load) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.idle {
		c.hangUp()
	}
	l.idle = nil
}

// send brings one tap and waits until it is over on both sides.
func (l *load) send(ctx context.Context, c *line, body []byte, user int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-l.t.edited[user]: // of a tap that was given up
	default:
	}
	status, err := c.post(ctx, l.header, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the webhook answered %d %s", status, c.reply)
	}
	select {
	case <-l.t.edited[user]:
		return nil
	default:
	}
	select {
	case <-l.t.edited[user]:
		return nil
	case <-ctx.Done():
		return errors.New("the screen was not edited")
	}
}

// one sends the next tap and notes how long it took.
func (l *load) one(ctx context.Context, c *line, w *worker) {
	n := l.taps.Add(1) - 1
	var user int
	w.body, user = l.update(w.body[:0], n)
	began := time.Now()
	if err := l.send(ctx, c, w.body, user); err != nil {
		if ctx.Err() == nil {
			w.failed++
			l.lastFailed.Store(&err)
		}
		return
	}
	w.took = append(w.took, time.Since(began))
}

// A worker is one sender's own sheet.
type worker struct {
	body   []byte
	took   []time.Duration
	failed int
}

// A result is what a load came to.
type result struct {
	taps, failed int
	seconds      float64
	took         []time.Duration // sorted
}

func (r result) rate() float64 { return float64(r.taps) / r.seconds }

// at returns a percentile of the times.
func (r result) at(percent float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return r.took[min(len(r.took)-1, int(math.Ceil(percent/100*float64(len(r.took))))-1)]
}

func gather(workers []*worker, took time.Duration) result {
	r := result{seconds: took.Seconds()}
	for _, w := range workers {
		r.took = append(r.took, w.took...)
		r.failed += w.failed
	}
	r.taps = len(r.took)
	slices.Sort(r.took)
	return r
}

// closed keeps so many taps in flight until most are done or the time is over: the bot at its limit.
func (l *load) closed(ctx context.Context, inFlight, most int, d time.Duration) result {
	began := time.Now()
	var left atomic.Int64
	left.Store(int64(most))
	workers := make([]*worker, inFlight)
	var running sync.WaitGroup
	for i := range workers {
		w := &worker{}
		workers[i] = w
		running.Go(func() {
			c := l.take()
			defer l.give(c)
			for time.Since(began) < d && left.Add(-1) >= 0 && ctx.Err() == nil {
				l.one(ctx, c, w)
			}
		})
	}
	running.Wait()
	return gather(workers, time.Since(began))
}

// steady sends so many taps a second, evenly, whether or not those before are answered: customers
// don't wait for each other. Times count from the moment a tap was sent off, connection or not.
func (l *load) steady(ctx context.Context, rate float64, inFlight int, d time.Duration) result {
	began := time.Now()
	due := make(chan time.Time, int(rate*d.Seconds())+1)
	workers := make([]*worker, inFlight)
	var running sync.WaitGroup
	for i := range workers {
		w := &worker{}
		workers[i] = w
		running.Go(func() {
			for at := range due {
				before := len(w.took)
				c := l.take() // the one used last: so few are open as are needed
				l.one(ctx, c, w)
				l.give(c)
				if len(w.took) > before {
					w.took[before] = time.Since(at)
				}
			}
		})
	}
	gap := time.Duration(float64(time.Second) / rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next := began; next.Sub(began) < d && ctx.Err() == nil; next = next.Add(gap) {
		if wait := time.Until(next); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		due <- time.Now()
	}
	close(due)
	running.Wait()
	return gather(workers, d)
}
