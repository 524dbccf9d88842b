package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"esimbot/sandbox"
	"esimbot/sandbox/clock"
	"esimbot/store/storetest"
)

// replicaVar makes this test binary the shop: what is to be killed must be a process of its own. Its
// value is how far the world's clock is ahead.
const replicaVar = "SHOP_REPLICA_AHEAD"

// commandVar makes this test binary the program, with that command line: what a process reads only once,
// as the authorities it trusts, must be a process's own.
const commandVar = "SHOP_COMMAND"

func TestMain(m *testing.M) {
	if command, ok := os.LookupEnv(commandVar); ok {
		os.Exit(run(context.Background(), strings.Fields(command), os.Stdout, os.Stderr))
	}
	if ahead, ok := os.LookupEnv(replicaVar); ok {
		os.Exit(replicaMain(ahead))
	}
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0))) // a number; and tests wait more than they work
	}
	os.Exit(m.Run())
}

// replicaMain is `bot serve` in a world whose clock is ahead.
func replicaMain(ahead string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := runReplica(ctx, ahead); err != nil {
		fmt.Fprintln(os.Stderr, "replica:", err)
		return exitFailed
	}
	return exitOK
}

func runReplica(ctx context.Context, ahead string) error {
	offset, err := time.ParseDuration(ahead)
	if err != nil {
		return err
	}
	vars := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	cfg, err := environmentFrom(vars).Config()
	if err != nil {
		return err
	}
	var c clock.Clock
	c.Advance(offset)
	log := newLogger(os.Stderr, "warn", "text")
	a, err := newApp(ctx, cfg, options{now: c.Now, log: log, registry: newRegistry(), local: true})
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, log, a.Run, server{cfg.ListenAddr, a.handler}), a.Close())
}

// A fleet is the shop as processes of their own, in a world that this process plays. The processes
// reach Redis and the outside through the reaper's gates.
type fleet struct {
	*stage
	reaper *reaper
	vars   map[string]string

	mu       sync.Mutex // guards replicas, where they become more
	replicas []*replica
	// soldBefore is how many eSIMs were sold before the present life.
	soldBefore int
}

// openFleet starts a world and as many replicas, with the test's own variables over the world's.
func openFleet(t *testing.T, redis string, size int, own map[string]string) *fleet {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	world := sandbox.New(sandbox.Options{BaseURL: base, Seed: rand.Uint64()})
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	f := &fleet{
		stage:  &stage{playground: &playground{base: base, world: world}, t: t, ctx: ctx, logs: &logBuffer{}},
		reaper: newReaper(),
		vars:   world.Env(),
	}
	gate := newRedisGate(t, redis, f.reaper)
	maps.Copy(f.vars, map[string]string{
		"REDIS_URL": gate, "METRICS_ADDR": "off", "MOBILEXY_API_KEY": "", "CLOUDESIM_API_URL": base + "/outside/cloudesim/api/v1",
		"CATALOG_REFRESH": "168h", "SWEEP_INTERVAL": "24h", "RECONCILE_INTERVAL": "1s", "PROVIDER_TIMEOUT": "2s", "ORDER_LEASE": "30s", "CHECKOUT_TTL": "60m", "EVIDENCE_WAIT": "2s", "LOG_LEVEL": "warn",
	})
	maps.Copy(f.vars, own)
	outside := &http.Server{Handler: f.reaper.outside(f.doors(world.Handler())), ReadHeaderTimeout: 5 * time.Second}
	var running sync.WaitGroup
	running.Go(func() { _ = outside.Serve(listener) }) // ends with Close below
	running.Go(func() { _ = world.Run(ctx) })
	t.Cleanup(func() {
		for _, r := range f.replicas {
			r.kill()
		}
		cancel()
		_ = outside.Close()
		running.Wait()
		if t.Failed() {
			t.Logf("what the customer saw:\n%s\nthe replicas' log:\n%s", f.seen(customer), f.logs)
		}
	})
	f.reaper.kill = func() { f.replicas[0].kill() }
	f.reader(redis)
	for range size {
		r := &replica{f: f, addr: freeAddr(t)}
		f.replicas = append(f.replicas, r)
		r.up()
	}
	if err := f.app.telegram.Setup(ctx, base+"/telegram/webhook"); err != nil {
		t.Fatal(err)
	}
	return f
}

// reader builds the shop here too, on Redis itself and without its background work, to look at
// orders with.
func (f *fleet) reader(redis string) {
	f.t.Helper()
	vars := maps.Clone(f.vars)
	vars["REDIS_URL"] = redis
	cfg, err := environmentFrom(vars).Config()
	if err != nil {
		f.t.Fatal(err)
	}
	log := newLogger(f.logs, "warn", "text")
	if f.app, err = newApp(f.ctx, cfg, options{now: f.world.Clock.Now, log: log, registry: newRegistry(), local: true}); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = f.app.Close() }) // it read only
}

// doors brings what comes to the shop to one of the living replicas, as a load balancer does.
func (f *fleet) doors(world http.Handler) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			alive := f.alive()
			target := &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // refused: nobody is there
			if len(alive) > 0 {
				target.Host = alive[rand.IntN(len(alive))].addr
			}
			r.SetURL(target)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/telegram/webhook" || r.URL.Path == "/stripe/webhook" {
			proxy.ServeHTTP(w, r)
			return
		}
		world.ServeHTTP(w, r)
	})
}

func (f *fleet) alive() []*replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	var alive []*replica
	for _, r := range f.replicas {
		if r.living() && !r.apart.Load() {
			alive = append(alive, r)
		}
	}
	return alive
}

// A replica is one process of the shop.
type replica struct {
	f     *fleet
	addr  string
	ahead time.Duration // of the world's clock
	apart atomic.Bool   // nothing is brought to it
	// program is what runs as `bot serve`, by the machine's clock; empty: this test binary.
	program string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// up starts the process and waits until it answers.
func (r *replica) up() {
	r.f.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.f.t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self)
	if r.program != "" {
		cmd = exec.CommandContext(context.Background(), r.program, "serve")
	}
	for name, value := range r.f.vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, "LISTEN_ADDR="+r.addr, replicaVar+"="+(r.f.world.Clock.Offset()+r.ahead).String())
	cmd.Stdout, cmd.Stderr = r.f.logs, r.f.logs
	if err := cmd.Start(); err != nil {
		r.f.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // a kill is an error too
	}()
	r.mu.Lock()
	r.cmd, r.done = cmd, done
	r.mu.Unlock()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		if status, _ := probe(r.f.ctx, "http://"+r.addr+"/readyz"); status == http.StatusOK || !r.living() {
			tick.Stop() // one that a test has killed already is as it should be
			return
		}
		select {
		case <-tick.C:
		case <-r.f.ctx.Done():
			r.f.t.Fatalf("a replica does not answer:\n%s", r.f.logs)
		}
	}
}

// kill ends the process as a crash does, and waits for its end.
func (r *replica) kill() {
	r.mu.Lock()
	cmd, done := r.cmd, r.done
	r.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill() // it may have ended
	<-done
}

// another adds a replica whose clock is ahead of the world's.
func (f *fleet) another(t *testing.T, ahead time.Duration) {
	t.Helper()
	f.join(&replica{f: f, addr: freeAddr(t), ahead: ahead})
}

// join adds a replica, and waits until it answers.
func (f *fleet) join(r *replica) {
	f.t.Helper()
	f.mu.Lock()
	f.replicas = append(f.replicas, r)
	f.mu.Unlock()
	r.up()
}

// signal sends the process a signal.
func (r *replica) signal(s syscall.Signal) {
	r.f.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.f.t.Fatal(err)
	}
}

// ended waits until the process has ended by itself, and returns its status.
func (r *replica) ended() int {
	r.f.t.Helper()
	select {
	case <-r.done:
		return r.cmd.ProcessState.ExitCode()
	case <-time.After(40 * time.Second):
		r.f.t.Fatal("a replica doesn't end")
		return 0
	}
}

// ready says whether the process takes requests.
func (r *replica) ready() bool {
	status, err := probe(r.f.ctx, "http://"+r.addr+"/readyz")
	return err == nil && status == http.StatusOK
}

func (r *replica) living() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

func probe(ctx context.Context, address string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// durableRedis is a Redis that forgets nothing it has acknowledged: what is tested here are kills of
// the shop alone.
func durableRedis(t *testing.T) string {
	t.Helper()
	return storetest.Start(t).URL()
}
