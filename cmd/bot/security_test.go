package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestSlowStrangers: who sends a header letter by letter, a header without end, or a body that never comes is
// cut off, and nobody else waits meanwhile.
func TestSlowStrangers(t *testing.T) {
	t.Parallel()
	srv := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}), slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"header": srv.ReadHeaderTimeout, "request": srv.ReadTimeout, "answer": srv.WriteTimeout, "idle connection": srv.IdleTimeout,
	} {
		if limit <= 0 || limit > 2*time.Minute {
			t.Errorf("a %s may take %s", name, limit)
		}
	}
	srv.ReadHeaderTimeout, srv.ReadTimeout = 200*time.Millisecond, 400*time.Millisecond // the same, in a test's time
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(listener) }()
	defer func() {
		if err := errors.Join(srv.Close(), ignoring(http.ErrServerClosed, <-ended)); err != nil {
			t.Error(err)
		}
	}()
	for name, begun := range map[string]string{
		"half a header": "POST /stripe/webhook HTTP/1.1\r\nHost: x\r\nX-A: ",
		"no body":       "POST /stripe/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1",
		"long header":   "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, begun); err != nil {
			continue // cut off while it was sent
		}
		if status, _ := get(t.Context(), t, "http://"+listener.Addr().String()+"/"); status != http.StatusOK {
			t.Errorf("beside %s another gets %d", name, status)
		}
		answer, err := io.ReadAll(conn) // ends when the server hangs up
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s is waited for: %q", name, answer)
		}
		if strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Errorf("%s is answered %q", name, answer)
		}
	}
}

func ignoring(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// TestLoopsOutliveAPanic: a loop that panics is logged, counted and begun anew; one that returns is over.
func TestLoopsOutliveAPanic(t *testing.T) {
	t.Parallel()
	logs := &logBuffer{}
	counted := 0
	seen, err := newObserver(t.Context(), &Config{}, options{log: slog.New(slog.NewTextHandler(logs, nil)), registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	seen.panicked = func(string) { counted++ }
	a := &app{log: slog.New(slog.NewTextHandler(logs, nil)), seen: seen}
	runs, over := 0, errors.New("over")
	err = a.steady(t.Context(), "test", func(context.Context) error {
		if runs++; runs == 1 {
			panic("a bug")
		}
		return over
	})
	if !errors.Is(err, over) || runs != 2 || counted != 1 {
		t.Errorf("%d runs, %d counted, %v", runs, counted, err)
	}
	if got := logs.String(); !strings.Contains(got, "a bug") || !strings.Contains(got, "security_test.go") || !strings.Contains(got, "where=test") {
		t.Errorf("no stack in the log: %s", got)
	}
}

// TestModulesArePinned: each module stands in go.mod at a version and in go.sum with its hashes, none is
// replaced, and nothing is vendored.
func TestModulesArePinned(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?m)^\s*(replace|exclude|retract|toolchain)\b`).Match(module) {
		t.Error("go.mod replaces or excludes something")
	}
	required := regexp.MustCompile(`(?m)^\s+(\S+\.\S+/\S+|\S+\.\S+) (v\S+)`).FindAllStringSubmatch(string(module), -1)
	if len(required) < 20 {
		t.Fatalf("%d modules in go.mod", len(required))
	}
	for _, m := range required {
		if !strings.Contains(string(sums), m[1]+" "+m[2]+"/go.mod h1:") {
			t.Errorf("%s %s is not in go.sum", m[1], m[2])
		}
	}
	for _, absent := range []string{"vendor", "go.work"} {
		if _, err := os.Stat(filepath.Join("..", "..", absent)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there is a %s: %v", absent, err)
		}
	}
}
