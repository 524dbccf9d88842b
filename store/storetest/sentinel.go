package storetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// sentinelMaster is what Sentinel calls the pair.
const sentinelMaster = "shop"

// A Watched is a pair of redis-servers, of which one follows the other, watched by a Sentinel that
// makes the follower the master when the master has been silent for half a second.
type Watched struct {
	// URL is Sentinel's address as REDIS_URL has it.
	URL              string
	Master, Follower *Server
	sentinel         *Server
}

// StartSentinel starts a pair and its Sentinel, and returns when the follower has all that its master has.
func StartSentinel(t testing.TB) *Watched {
	t.Helper()
	w := &Watched{Master: Start(t)}
	w.Follower = Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(w.Master.Port), "--repl-diskless-sync-delay", "0")
	w.Follower.Says("INFO replication", "master_link_status:up")
	settings := filepath.Join(t.TempDir(), "sentinel.conf") // Sentinel writes to it
	text := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]d 1\nsentinel down-after-milliseconds %[1]s 500\nsentinel failover-timeout %[1]s 5000\n",
		sentinelMaster, w.Master.Port)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.sentinel = &Server{Port: freePort(t), Dir: t.TempDir(), t: t, program: []string{settings, "--sentinel"}}
	w.sentinel.Up()
	t.Cleanup(w.sentinel.Kill)
	w.sentinel.Says("SENTINEL REPLICAS "+sentinelMaster, strconv.Itoa(w.Follower.Port)) // it has found the follower
	w.URL = fmt.Sprintf("redis://127.0.0.1:%d/0?master_name=%s", w.sentinel.Port, sentinelMaster)
	return w
}

// Promoted waits until the follower is the master.
func (w *Watched) Promoted() {
	w.sentinel.t.Helper()
	w.Follower.Says("ROLE", "master")
}
