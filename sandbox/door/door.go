// Package door gives a sandbox server a listener of its own that can be shut, so that connections
// are refused as those to a machine without the server are, and opened again at the same address.
package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// How long an address is tried again that somebody else got hold of while the door was shut.
const (
	patience = 3 * time.Second
	pause    = 20 * time.Millisecond
)

// A Door is a listener on this machine's loopback. It may be used by several goroutines at once.
type Door struct {
	addr    string
	handler http.Handler

	mu     sync.Mutex
	server *http.Server // nil while the door is shut
	served chan struct{}
	closed bool
}

// New opens a door at a free port of the loopback, behind which handler serves. Close it.
func New(ctx context.Context, handler http.Handler) (*Door, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open door: %w", err)
	}
	d := &Door{addr: listener.Addr().String(), handler: handler}
	d.serve(listener)
	return d, nil
}

// Addr returns host and port, the same for as long as the door exists.
func (d *Door) Addr() string { return d.addr }

// serve answers at listener; the lock is held, or nobody knows the door yet.
func (d *Door) serve(listener net.Listener) {
	server := &http.Server{Handler: d.handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	d.server, d.served = server, served
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends when the door is shut
	}()
}

// Shut refuses connections from now on and cuts those that stand, the idle ones too.
func (d *Door) Shut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut()
}

func (d *Door) shut() error {
	if d.server == nil {
		return nil
	}
	err := d.server.Close()
	<-d.served
	d.server = nil
	if err != nil {
		return fmt.Errorf("shut door %s: %w", d.addr, err)
	}
	return nil
}

// Open takes connections again. An open door stays as it is.
func (d *Door) Open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("open door: it is closed for good")
	}
	if d.server != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.addr)
		if err == nil {
			d.serve(listener)
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("open door: %w", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("open door: %w", err)
		}
	}
}

// Close shuts the door for good. It may be called more than once.
func (d *Door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return d.shut()
}
