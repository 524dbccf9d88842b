package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What stands between the shop and the world: calls are kept waiting there, at the moment that a
// test wants to look at.

// A held call waits between the shop and the world until it is released.
type held struct {
	part  string // of what it is called
	there chan struct{}
	gone  chan struct{}
	taken bool
}

// hold keeps the next call whose name contains part, until it is released.
func (r *reaper) hold(part string) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &held{part: part, there: make(chan struct{}), gone: make(chan struct{})}
	r.held = append(r.held, h)
	return h
}

// holder returns who holds a call; nil for nobody.
func (r *reaper) holder(deed string) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.held {
		if !h.taken && strings.Contains(deed, h.part) {
			h.taken = true
			return h
		}
	}
	return nil
}

// keep waits with a call until it is released, and returns it. Whoever called may be gone by then: it
// goes on all the same, as one does that was long on its way.
func (h *held) keep(req *http.Request) *http.Request {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // never arrived whole
	}
	close(h.there)
	<-h.gone
	ctx := req.Context()
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	req = req.WithContext(ctx)
	req.Body = io.NopCloser(bytes.NewReader(body))
	return req
}

// await waits until the call is there.
func (h *held) await(t testing.TB) {
	t.Helper()
	t.Cleanup(h.release) // nothing may wait for ever
	select {
	case <-h.there:
	case <-time.After(30 * time.Second):
		t.Fatalf("no call %s", h.part)
	}
}

// release lets the call go. It may be repeated.
func (h *held) release() {
	select {
	case <-h.gone:
	default:
		close(h.gone)
	}
}

// openBetween is openStage with a reaper, which kills nobody, between the shop and the servers named:
// "telegram", "stripe", "cloudesim", "mobilexy".
func openBetween(t testing.TB, redis string, vars map[string]string, servers ...string) (*stage, *reaper) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	world := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	r := newReaper()
	gate := httptest.NewServer(r.outside(&httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(world) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}))
	r.cut = gate.CloseClientConnections
	t.Cleanup(func() { // after the stage's: cleanups run backwards
		gate.CloseClientConnections()
		gate.Close()
	})
	paths := map[string]string{"cloudesim": "/api/v1", "mobilexy": "/api"}
	vars = maps.Clone(vars)
	for _, s := range servers {
		vars[strings.ToUpper(s)+"_API_URL"] = gate.URL + "/outside/" + s + paths[s]
	}
	return openStageOn(t, listener, redis, vars), r
}

// answerLate has Redis answer so much later from now on; 0: at once, what waits too.
func (r *reaper) answerLate(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hurry != nil {
		close(r.hurry)
		r.hurry = nil
	}
	if by > 0 {
		r.hurry = make(chan struct{})
	}
	r.slow = by
}

// lag waits as long as Redis is to be late, and says whether ctx still lives.
func (r *reaper) lag(ctx context.Context) bool {
	r.mu.Lock()
	by, hurry := r.slow, r.hurry
	r.mu.Unlock()
	if by == 0 {
		return true
	}
	select {
	case <-time.After(by):
		return true
	case <-hurry:
		return true
	case <-ctx.Done():
		return false
	}
}
