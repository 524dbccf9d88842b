package main

import (
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
	part    string // of what it is called
	there   chan struct{}
	gone    chan struct{}
	arrived bool
}

// hold keeps the next call whose name contains part, until it is released.
func (r *reaper) hold(part string) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &held{part: part, there: make(chan struct{}), gone: make(chan struct{})}
	r.held = append(r.held, h)
	return h
}

// keep waits where a call is held. Whoever called may lose patience meanwhile: the call goes on once
// it is released all the same, as one does that is long on its way.
func (r *reaper) keep(deed string) {
	r.mu.Lock()
	var mine *held
	for _, h := range r.held {
		if !h.arrived && strings.Contains(deed, h.part) {
			mine, h.arrived = h, true
			break
		}
	}
	r.mu.Unlock()
	if mine != nil {
		close(mine.there)
		<-mine.gone
	}
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
