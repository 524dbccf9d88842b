package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"golang.org/x/sync/errgroup"

	"esimbot/sandbox"
	"esimbot/sandbox/clock"
)

type sandboxCmd struct {
	Addr  string `default:"127.0.0.1:8080" help:"Address of the page to open."`
	Redis string `help:"Redis to keep the data in; without it everything is forgotten at the end."`
}

// Run is `bot sandbox`.
func (c *sandboxCmd) Run(ctx context.Context, out output) error {
	log := newLogger(os.Stderr, "warn", "text")
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Addr, err)
	}
	s, err := newPlayground(ctx, listener, playgroundOptions{redis: c.Redis, log: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(out, "The shop is open: %s\n", s.base)
	return s.Run(ctx)
}

// playgroundOptions are what the command and the tests set differently.
type playgroundOptions struct {
	redis string // empty: a miniredis of its own
	log   *slog.Logger
	vars  map[string]string // over the world's own environment
	clock *clock.Clock      // nil: a new one
	// support adds a support chat to the world, and to the shop's configuration.
	support bool
}

// A playground is the shop and the world around it on one address, where people come; the shop goes
// to each outside server at a door of its own.
type playground struct {
	base  string
	world *sandbox.World
	app   *app
	redis *miniredis.Miniredis // nil when the data is kept elsewhere
	srv   *http.Server
	// group does the background work under working, until stop.
	group   *errgroup.Group
	working context.Context //nolint:containedctx // the life of what runs behind Close
	stop    context.CancelFunc
}

// newPlayground starts the world, then the shop in it, and returns when customers can be served.
func newPlayground(ctx context.Context, listener net.Listener, o playgroundOptions) (_ *playground, err error) {
	p := &playground{base: "http://" + listener.Addr().String()}
	var seed [8]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("draw seed: %w", err)
	}
	// Codes differ from run to run: a Redis that is kept must not meet the same ICCID twice.
	p.world = sandbox.New(sandbox.Options{
		BaseURL: p.base, Log: o.log, Clock: o.clock, Seed: binary.LittleEndian.Uint64(seed[:]), SupportChat: o.support,
	})
	if o.redis == "" {
		if p.redis, err = miniredis.Run(); err != nil {
			return nil, fmt.Errorf("start the embedded Redis: %w", err)
		}
		p.redis.ClockTTL(true)
		o.redis = "redis://" + p.redis.Addr() + "/0"
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.group, p.working = errgroup.WithContext(background)
	var shop atomic.Pointer[http.Handler]
	p.srv = newServer(p.routes(&shop), o.log)
	served := make(chan error, 1)
	go func() { served <- p.srv.Serve(listener) }()
	p.group.Go(func() error {
		select {
		case err := <-served:
			return err
		case <-p.working.Done():
			return nil
		}
	})
	if err := p.open(ctx, o, &shop); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// routes sends the shop's own paths to the shop, once it is there, and the rest to the world.
func (p *playground) routes(shop *atomic.Pointer[http.Handler]) http.Handler {
	world := p.world.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/telegram/webhook", "/stripe/webhook", "/healthz", "/readyz":
			if h := shop.Load(); h != nil {
				(*h).ServeHTTP(w, r)
				return
			}
			http.Error(w, "the shop is opening", http.StatusServiceUnavailable)
		default:
			world.ServeHTTP(w, r)
		}
	})
}

func (p *playground) open(ctx context.Context, o playgroundOptions, shop *atomic.Pointer[http.Handler]) error {
	if err := p.world.OpenDoors(ctx); err != nil {
		return err
	}
	vars := p.world.Env()
	maps.Copy(vars, map[string]string{"REDIS_URL": o.redis, "METRICS_ADDR": "off", "LISTEN_ADDR": ":0"})
	maps.Copy(vars, o.vars)
	cfg, err := environmentFrom(vars).Config()
	if err != nil {
		return err
	}
	if p.app, err = newApp(ctx, cfg, options{now: p.world.Clock.Now, log: o.log, registry: newRegistry(), local: true, embedded: p.redis != nil}); err != nil {
		return err
	}
	shop.Store(&p.app.handler)
	p.group.Go(func() error { return p.world.Run(p.working) })
	p.group.Go(func() error { return p.app.Run(p.working) })
	if cfg.PublicURL != "" {
		if err := p.app.telegram.Setup(ctx, cfg.PublicURL+"/telegram/webhook"); err != nil {
			return err
		}
	}
	return p.stocked(ctx)
}

// stocked waits until there is something to sell.
func (p *playground) stocked(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !p.app.catalog.Snapshot().Loaded() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.working.Done():
			return context.Cause(p.working)
		case <-tick.C:
		}
	}
	return nil
}

// Run waits until ctx ends or something broke, and closes everything.
func (p *playground) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-p.working.Done():
	}
	return p.Close()
}

// Close ends the shop, then its world. Whoever still reads the page is cut off.
func (p *playground) Close() error {
	p.stop()
	err := p.group.Wait()
	p.world.Close()
	err = errors.Join(err, p.srv.Close())
	if p.app != nil {
		err = errors.Join(err, p.app.Close())
	}
	if p.redis != nil {
		p.redis.Close()
	}
	return err
}

// environmentFrom fills an Environment from vars, and from the defaults where they say nothing.
func environmentFrom(vars map[string]string) *Environment {
	env := &Environment{}
	fields := reflect.ValueOf(env).Elem()
	for i := range fields.NumField() {
		tag := fields.Type().Field(i).Tag
		value, ok := vars[tag.Get("env")]
		if !ok {
			value = tag.Get("default")
		}
		fields.Field(i).SetString(strings.TrimSpace(value))
	}
	return env
}
