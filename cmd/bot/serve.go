package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// startTimeout bounds the start: Redis and Telegram must answer by then.
const startTimeout = 30 * time.Second

// drainTimeout is how long what was begun may take after SIGTERM.
const drainTimeout = 30 * time.Second

type serveCmd struct {
	Environment `embed:""`
}

// Run is `bot serve`.
func (c *serveCmd) Run(ctx context.Context) error {
	cfg, err := c.Config()
	if err != nil {
		return fmt.Errorf("%w:\n%w", errUsage, err)
	}
	log := newLogger(os.Stderr, cfg.LogLevel, cfg.LogFormat)
	registry := newRegistry()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	collected := debug.SetGCPercent(-1) // not while everybody waits for the start
	a, err := newApp(starting, cfg, options{log: log, registry: registry})
	debug.SetGCPercent(collected)
	if err != nil {
		return err
	}
	servers := []server{{cfg.ListenAddr, a.handler}}
	if cfg.MetricsAddr != "" {
		servers = append(servers, server{cfg.MetricsAddr, metricsHandler(registry)})
	}
	mode := "webhook"
	if cfg.PublicURL == "" {
		mode = "polling"
	}
	log.InfoContext(ctx, "serving", "addr", cfg.ListenAddr, "mode", mode, "test_mode", cfg.TestSellsToAdminsOnly())
	return errors.Join(serve(ctx, log, a.Run, servers...), a.Close())
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// metricsHandler answers whoever scrapes.
func metricsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// A server is an address and what answers there.
type server struct {
	addr    string
	handler http.Handler
}

// serve answers on every address and runs background until ctx ends. Then nothing new is begun any
// more, and what is under way is finished, requests as well. The addresses answer until the
// background work has ended: the handlers say what they still take. What requests leave behind is due in
// Redis, for whoever looks next.
func serve(ctx context.Context, log *slog.Logger, background func(context.Context) error, servers ...server) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, working := errgroup.WithContext(ctx)
	idle := make(chan struct{})
	group.Go(func() error {
		defer close(idle)
		return background(working)
	})
	for _, s := range servers {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
		if err != nil {
			stop()
			return errors.Join(fmt.Errorf("listen on %s: %w", s.addr, err), group.Wait())
		}
		srv := newServer(s.handler, log)
		group.Go(func() error {
			if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		group.Go(func() error {
			<-working.Done()
			draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
			defer cancel()
			select {
			case <-idle:
			case <-draining.Done():
			}
			return srv.Shutdown(draining)
		})
	}
	return group.Wait()
}

// newServer has limits for strangers: a slow one holds no connection for long.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
