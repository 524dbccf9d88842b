package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"esimbot/orders"
)

// TestKillSuite walks the suite's journeys through two replicas, which a front brings updates and events
// to as a load balancer does. Meanwhile a newer version is rolled out: each replica is told to end while
// it buys an eSIM, and one of the newer version takes its place, so that for a time both versions serve.
// Conversations that the newer one has written the other one leaves alone.
func TestKillSuite(t *testing.T) {
	t.Parallel()
	newer := newerVersion(t)
	vars := leisure()
	vars["MOBILEXY_API_KEY"] = "sandbox-mobilexy-key" // a fleet has CloudeSIM alone otherwise
	f := openFleet(t, durableRedis(t), 1, suiteVars(vars))
	f.eventually("both catalogues", func() bool { return f.app.catalog.Restore(f.ctx) == nil && len(f.app.catalog.Fetched()) == 2 })
	f.another(t, 0)
	old := f.replicas[:2:2]
	crew := f.patrons(len(old))
	suite(t, f.stage, func() {
		f.rolled(t, crew[0], old[0], newer)
		f.sideBySide(t, old[1], f.replicas[2])
		f.busy(t, len(crew)+3)
		f.rolled(t, crew[1], old[1], newer)
	})
	if n := len(f.alive()); n != len(old) {
		t.Errorf("%d replicas live", n)
	}
}

// rolled has a replica end while the shop buys something, and a newer one take its place.
func (f *fleet) rolled(t *testing.T, buyer *patron, r *replica, program string) {
	t.Helper()
	session := buyer.order()
	purchase := f.reaper.hold("POST cloudesim/api/v1/esim/order")
	buyer.pays(session)
	purchase.await(t)
	r.signal(syscall.SIGTERM)
	f.eventually("its doors to close", func() bool { return !r.ready() })
	f.join(&replica{f: f, addr: freeAddr(t), program: program})
	purchase.release()
	began := time.Now()
	if status, took := r.ended(), time.Since(began); status != exitOK || took > 30*time.Second {
		t.Errorf("a replica ended with %d after %s", status, took)
	}
	buyer.is(orders.Delivered)
	if codes := buyer.codes(); len(codes) != 1 {
		t.Errorf("%d codes", len(codes))
	}
}

// busy waits until so many payment pages have been opened: journeys wait for their turn among all tests.
func (f *fleet) busy(t *testing.T, pages int) {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	for tick := time.NewTicker(5 * time.Millisecond); len(f.world.Stripe.Sessions()) < pages; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Error("no journey is under way")
			return
		}
	}
}

// sideBySide has a customer talk to a newer version, and then be brought to an old one: that turns the update
// away, so that it comes again, and touches nothing.
func (f *fleet) sideBySide(t *testing.T, old, newer *replica) {
	t.Helper()
	at := func(r *replica) int {
		direct, door := *f.stage, *f.playground
		door.base, direct.playground = "http://"+r.addr, &door
		return direct.update("/start")
	}
	if status := at(newer); status != http.StatusOK {
		t.Errorf("the newer version answered %d", status)
	}
	before := f.keptOf(t)
	if status := at(old); status != http.StatusServiceUnavailable {
		t.Errorf("the old version answered %d", status)
	}
	if f.keptOf(t) != before || !strings.Contains(before, `"schema":2`) {
		t.Errorf("the newer version's conversation was touched:\n%s\n%s", before, f.keptOf(t))
	}
	if status := at(newer); status != http.StatusOK {
		t.Errorf("the newer version answered %d afterwards", status)
	}
}

// keptOf is the customer's conversation as Redis has it.
func (f *fleet) keptOf(t *testing.T) string {
	t.Helper()
	kept, err := client(t, f.vars["REDIS_URL"]).Get(f.ctx, fmt.Sprintf("{u:%d}:session", customer)).Result()
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// newerVersion builds the shop with a newer schema of conversations.
func newerVersion(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const schema = "\nconst Schema = 1\n"
	path, err := filepath.Abs("../../flows/flows.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), schema) != 1 {
		t.Fatalf("%s has another schema: let the newer version have the next", path)
	}
	changed := filepath.Join(dir, "flows.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), schema, "\nconst Schema = 2\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	list, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "bot")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-ldflags", "-s -w", "-o", program, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("build the newer version: %v\n%s", err, out)
	}
	return program
}

// TestKillFault31HandedOver tells a shop to end that is buying for one customer, and is about to buy for
// another. While it finishes the one, it says that it is closing, takes no update, and still records what
// Stripe tells. A second replica goes on with the rest at once, long before a lease has ended.
func TestKillFault31HandedOver(t *testing.T) {
	t.Parallel()
	f := openFleet(t, durableRedis(t), 1, leisure())
	all := f.crew(3)
	buying, waiting, late := all[0], all[1], all[2]
	toBuy, toWait, toPayLate := buying.order(), waiting.order(), late.order()
	purchase := f.reaper.hold("POST cloudesim/api/v1/esim/order")
	buying.pays(toBuy)
	purchase.await(t)
	fence := f.reaper.hold("POST stripe/v1/payment_intents/pi")
	waiting.pays(toWait)
	fence.await(t)
	old := f.replicas[0]
	old.signal(syscall.SIGTERM)
	f.eventually("its doors to close", func() bool { return !old.ready() })
	if status, said := get(f.ctx, t, "http://"+old.addr+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(said, "closing") {
		t.Errorf("/readyz: %d, %s", status, said)
	}
	if status, _ := get(f.ctx, t, "http://"+old.addr+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	if status := f.update("/start"); status != http.StatusServiceUnavailable {
		t.Errorf("an update was answered %d", status)
	}
	late.pays(toPayLate)
	late.is(orders.Paid)
	fence.release()
	if o := waiting.is(orders.Paid); o.Reason != orders.ReasonStopped || o.Lease.Owner != "" {
		t.Errorf("the other order is kept: %s, %+v", o.Reason, o.Lease)
	}
	f.expect(0, 0)
	began := time.Now()
	f.another(t, 0)
	waiting.is(orders.Delivered)
	late.is(orders.Delivered)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("taken over after %s", took)
	}
	purchase.release()
	if status := old.ended(); status != exitOK {
		t.Errorf("it ended with %d", status)
	}
	for _, p := range all {
		p.is(orders.Delivered)
		if codes := p.codes(); len(codes) != 1 {
			t.Errorf("%d codes", len(codes))
		}
	}
	f.expect(3, 0)
}
