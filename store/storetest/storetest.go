// Package storetest starts Redis servers for tests: the real one where redis-server is on PATH,
// an imitation where it isn't, a cluster of three, one behind TLS, and a pair that Sentinel watches.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const (
	startTimeout = 20 * time.Second
	// clusterOffset is how far a cluster node's second port is from its first.
	clusterOffset = 10_000
)

// Redis starts a server of the test's own that writes an append-only file, and returns its URL.
// Without redis-server on PATH it says so and starts miniredis.
func Redis(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Log("redis-server is not on PATH: this test runs on miniredis and proves less")
		return "redis://" + miniredis.RunT(t).Addr() + "/0"
	}
	return Start(t).URL()
}

// A Server is a redis-server process of a test.
type Server struct {
	Port int
	Dir  string // where its append-only file is

	t    testing.TB
	args []string
	// program is what it is started with instead of a data server's arguments.
	program []string
	cmd     *exec.Cmd
	done    chan struct{} // closed when the process has ended
}

// Start starts a redis-server with further arguments. It skips the test, aloud, where none is
// installed.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH")
	}
	s := &Server{Port: freePort(t), Dir: t.TempDir(), t: t, args: args}
	s.Up()
	t.Cleanup(func() { s.Kill() })
	return s
}

// StartDurable starts a redis-server that has each write on disk before it answers. With its usual
// setting, once a second, a kill loses up to two seconds when the disk is busy.
func StartDurable(t testing.TB, args ...string) *Server {
	t.Helper()
	return Start(t, append([]string{"--appendfsync", "always"}, args...)...)
}

// URL returns the server's address as REDIS_URL has it.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.Port) }

// Up starts the process, again after Kill, with what its append-only file holds.
func (s *Server) Up() {
	s.t.Helper()
	args := append(slices.Clone(s.program), "--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--dir", s.Dir, "--loglevel", "warning")
	if len(s.program) == 0 {
		args = append(append(args, "--save", "", "--appendonly", "yes"), s.args...)
	}
	s.cmd = exec.CommandContext(context.Background(), "redis-server", args...) //nolint:gosec // the test's own arguments
	log, err := os.CreateTemp(s.Dir, "log")
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan<- struct{}) {
		defer close(done)
		_ = cmd.Wait() // how it ended is of no matter: a kill is an error too
		_ = log.Close()
	}(s.cmd, s.done)
	s.await(func() bool { return answers(ask(s.Port, "PING")) })
}

// Kill ends the process at once, as a crash would.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("kill redis-server: %v", err)
	}
	<-s.done
	s.cmd = nil
}

// await looks again and again until ready, or fails the test.
func (s *Server) await(ready func() bool) {
	s.t.Helper()
	deadline := time.After(startTimeout)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if ready() {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-s.done:
			s.t.Fatalf("redis-server ended; its log is in %s", s.Dir)
		case <-deadline:
			s.t.Fatal("redis-server did not get ready")
		}
	}
}

// Cluster starts a cluster of three masters and returns its URL. It skips the test, aloud, where
// redis-server or redis-cli isn't installed.
func Cluster(t testing.TB) string {
	t.Helper()
	url, _ := StartCluster(t)
	return url
}

// StartCluster is Cluster that returns the three masters too.
func StartCluster(t testing.TB, settings ...string) (url string, nodes []*Server) {
	t.Helper()
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not on PATH: nothing is proved of a cluster", program)
		}
	}
	args := []string{"--cluster", "create"}
	for range 3 {
		n := Start(t, append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "5000"}, settings...)...)
		nodes = append(nodes, n)
		args = append(args, fmt.Sprintf("127.0.0.1:%d", n.Port))
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "redis-cli", append(args, "--cluster-yes")...).CombinedOutput() //nolint:gosec // the test's own arguments
	if err != nil {
		t.Fatalf("create cluster: %v\n%s", err, out)
	}
	url = nodes[0].URL()
	for i, n := range nodes {
		n.Says("CLUSTER INFO", "cluster_state:ok")
		if i > 0 {
			url += map[bool]string{true: "?", false: "&"}[i == 1] + fmt.Sprintf("addr=127.0.0.1:%d", n.Port)
		}
	}
	return strings.Replace(url, "/0", "", 1), nodes
}

// Says waits until the server's answer to a command, without quotes in it, contains want.
func (s *Server) Says(command, want string) {
	s.t.Helper()
	s.await(func() bool { return strings.Contains(ask(s.Port, command), want) })
}

// answers says whether a server takes commands, if not without a password.
func answers(pong string) bool {
	return strings.HasPrefix(pong, "+PONG") || strings.HasPrefix(pong, "-NOAUTH")
}

// ask sends one inline command and returns the beginning of the answer; "" without one.
func ask(port int, command string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }() // nothing was written that closing could lose
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return ""
	}
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return ""
	}
	b := make([]byte, 1024)
	n, err := conn.Read(b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// freePort finds a port that is free, and whose cluster port is too.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		second := -1
		if port+clusterOffset < 65_536 {
			if m, err := new(net.ListenConfig).Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port+clusterOffset)); err == nil {
				second = port
				_ = m.Close()
			}
		}
		_ = l.Close()
		if second == port {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}
