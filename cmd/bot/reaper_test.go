package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A reaper stands between the shop and everything it talks to, counts each write to Redis and each
// call to the outside, and kills the shop at one of them: before it is let through, or after it was
// done and before its answer is.
type reaper struct {
	kill func()
	// cut ends every connection from the shop to the outside.
	cut func()

	mu     sync.Mutex
	armed  bool
	seen   []string                        // what was counted since armed
	fatal  func(deed string, nth int) bool // which of them is fatal; they are counted from 1
	after  bool                            // after it instead of before it
	struck string                          // what was fatal
	at     int                             // its number; behind it stands what the dying shop still did
	dead   bool                            // it has died of that
	held   []*held
	slow   time.Duration // how much later Redis answers
	hurry  chan struct{} // closed when it does so no more
}

func newReaper() *reaper { return &reaper{kill: func() {}} }

// arm begins to count anew. The strike-th is fatal.
func (r *reaper) arm(strike int, after bool) {
	r.armFor(after, func(_ string, nth int) bool { return nth == strike })
}

// armAt begins to count anew. The first deed whose name contains part is fatal.
func (r *reaper) armAt(part string, after bool) {
	r.armFor(after, func(deed string, _ int) bool { return strings.Contains(deed, part) })
}

func (r *reaper) armFor(after bool, fatal func(deed string, nth int) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed, r.seen, r.fatal, r.after, r.struck, r.at, r.dead = true, nil, fatal, after, "", 0, false
}

// disarm ends the counting and returns what was seen, and what was fatal.
func (r *reaper) disarm() (seen []string, struck string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed = false
	return slices.Clone(r.seen), r.struck
}

// counted returns what was seen until now, and what was fatal.
func (r *reaper) counted() (seen []string, struck string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen), r.struck
}

func (r *reaper) hit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.struck != ""
}

// judge counts one deed and says whether it is fatal, and when.
func (r *reaper) judge(deed string) (before, after bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.armed || r.dead {
		return false, false
	}
	r.seen = append(r.seen, deed)
	if r.struck != "" || !r.fatal(deed, len(r.seen)) {
		return false, false
	}
	r.struck, r.at = deed, len(r.seen)
	return !r.after, r.after
}

// slay kills the shop. Until it is dead it goes on with whatever else it does.
func (r *reaper) slay() {
	r.kill()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = true
}

// fatalAt returns the number of the deed that was fatal, 0 for none.
func (r *reaper) fatalAt() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// outside is the gate to the four servers.
func (r *reaper) outside(next http.Handler) http.Handler {
	ids := regexp.MustCompile(`(cs|pi|re)_[A-Za-z0-9_]+|bot[0-9]+:[^/]+`)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		path, ours := strings.CutPrefix(req.URL.Path, "/outside/")
		if !ours {
			next.ServeHTTP(w, req)
			return
		}
		deed := req.Method + " " + ids.ReplaceAllString(path, "$1")
		if h := r.holder(deed); h != nil {
			kept := h.keep(req)
			if req.Context().Err() != nil { // nobody waits for the answer
				next.ServeHTTP(httptest.NewRecorder(), kept)
				panic(http.ErrAbortHandler)
			}
			req = kept
		}
		before, after := r.judge(deed)
		if before {
			r.slay()
			panic(http.ErrAbortHandler)
		}
		if after {
			next.ServeHTTP(httptest.NewRecorder(), req)
			r.slay()
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, req)
	})
}

// newRedisGate listens in front of the Redis at upstream, and returns its URL.
func newRedisGate(t *testing.T, upstream string, r *reaper) string {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.pass(ctx, client, server) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close() // nothing is written there
		running.Wait()
	})
	u.Host = listener.Addr().String()
	return u.String()
}

// pass carries one connection to Redis.
func (r *reaper) pass(ctx context.Context, client net.Conn, upstream string) {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", upstream)
	if err != nil {
		_ = client.Close() // the shop sees a Redis that is down
		return
	}
	closeBoth := func() { _, _ = client.Close(), server.Close() } // whoever still waits learns it so
	defer context.AfterFunc(ctx, closeBoth)()
	defer closeBoth()
	var fatal atomic.Int64 // the command after whose answer the shop dies
	var replies sync.WaitGroup
	replies.Go(func() {
		defer closeBoth()
		in := bufio.NewReader(server)
		for n := int64(1); ; n++ {
			reply, err := readRESP(in)
			if err != nil {
				return
			}
			if reply[0] == '>' { // a push answers nothing
				n--
			} else if n == fatal.Load() {
				r.slay()
				return
			}
			if !r.lag(ctx) {
				return
			}
			if _, err := client.Write(reply); err != nil {
				return
			}
		}
	})
	in := bufio.NewReader(client)
	for n := int64(1); ; n++ {
		raw, err := readRESP(in)
		if err != nil {
			break
		}
		if deed, counts := deedOf(raw); counts {
			before, after := r.judge(deed)
			if before {
				r.slay()
				break
			}
			if after {
				fatal.Store(n)
			}
		}
		if _, err := server.Write(raw); err != nil {
			break
		}
	}
	closeBoth()
	replies.Wait()
}

// readRESP reads one whole value of Redis' protocol as it came.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
func readRESP(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	switch line[0] {
	case '$', '=', '!':
		if err != nil || n < 0 {
			return line, err
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(in, body); err != nil {
			return nil, err
		}
		return append(line, body...), nil
	case '*', '~', '>', '%':
		if err != nil {
			return nil, fmt.Errorf("protocol: %w", err)
		}
		if line[0] == '%' {
			n *= 2
		}
		for range n {
			item, err := readRESP(in)
			if err != nil {
				return nil, err
			}
			line = append(line, item...)
		}
		return line, nil
	default:
		return line, nil
	}
}

// deedOf names a command that writes something of a customer's, an order's or an eSIM's.
func deedOf(raw []byte) (deed string, counts bool) {
	words := bytes.Split(raw, []byte("\r\n"))
	if len(words) < 5 {
		return "", false
	}
	name := strings.ToUpper(string(words[2]))
	reads := []string{"GET", "MGET", "EXISTS", "ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZSCORE", "ZCARD", "LRANGE", "HGETALL", "INFO", "HELLO", "CLIENT", "PING"}
	if slices.Contains(reads, name) {
		return "", false
	}
	key := regexp.MustCompile(`^(?:\{[uoe]:\d+\}|iccid|pi|stats)[^ ]*`)
	id := regexp.MustCompile(`\d{4,}|[0-9A-HJKMNP-TV-Z]{10}|_[A-Za-z0-9]{10,}|\{o:\d+\}|\{e:\d+\}`)
	state := regexp.MustCompile(`"state":"(\w+)"`)
	for _, w := range words[3:] {
		if key.Match(w) {
			deed = name + " " + id.ReplaceAllString(string(w), "#")
			break
		}
	}
	if deed == "" {
		return "", false
	}
	if m := state.FindSubmatch(raw); m != nil {
		deed += " " + string(m[1])
	}
	return deed, true
}
