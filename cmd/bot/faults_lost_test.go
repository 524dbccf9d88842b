package main

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/store/storetest"
)

// What is left when Redis forgets everything, or its last seconds.

// The shop is killed, Redis is emptied, and the shop comes back: every paid customer is found again,
// in every state they can be in, and nobody is bought for twice.
func TestKillFault19EmptiedRedis(t *testing.T) {
	t.Parallel()
	redis := storetest.Start(t).URL()
	f := openFleet(t, redis, 1, nil)
	f.onSale()
	all := f.patrons(7)
	delivered, refunded, disputed, doubtful, bought, held, waiting := all[0], all[1], all[2], all[3], all[4], all[5], all[6]

	delivered.pays(delivered.order())
	delivered.marked(delivered.is(orders.Delivered))
	code := delivered.codes()

	session := refunded.order()
	if err := f.world.CloudESIM.RemovePlan(refunded.plan.ID); err != nil {
		t.Fatal(err)
	}
	refunded.pays(session)
	refunded.is(orders.Refunded)

	disputed.pays(disputed.order())
	o := disputed.is(orders.Delivered)
	disputed.marked(o)
	if _, err := f.world.Stripe.Dispute(o.Payment.Intent, ""); err != nil {
		t.Fatal(err)
	}

	session = doubtful.order()
	mood(t, f.world.CloudESIM.Fault, fault.ErrorAfter, "/esim/order", 1)
	doubtful.pays(session)
	doubtful.is(orders.Review)

	bought.pays(func() string {
		session := bought.order()
		mood(t, f.world.Telegram.Fault, fault.Dead, "sendPhoto", 0)
		return session
	}())
	o = bought.is(orders.Issued)
	bought.eventually("the note of the purchase", func() bool {
		intent, ok := f.world.Stripe.Intent(o.Payment.Intent)
		return ok && intent.Metadata["got"] != ""
	})

	session = waiting.order()
	toHold := held.order()
	mood(t, f.world.CloudESIM.Fault, fault.Dead, "", 0)
	held.pays(toHold)
	held.eventually("the order to be held", func() bool {
		o := f.only(held.id)
		return o != nil && o.State == orders.Paid && o.Reason == orders.ReasonProviderDown
	})
	sales, back := f.sales(), f.refunds()
	told := len(f.world.Telegram.Messages(delivered.id))

	f.replicas[0].kill()
	flushAll(t, redis)
	mood(t, f.world.CloudESIM.Fault, fault.OK, "", 0)
	mood(t, f.world.Telegram.Fault, fault.OK, "", 0)
	f.replicas[0].up()

	for _, p := range []*patron{delivered, disputed, bought, held} {
		p.is(orders.Delivered)
	}
	refunded.is(orders.Refunded)
	if o := doubtful.is(orders.Review); o.Reason != orders.ReasonInDoubt || o.Attempt.N != 1 {
		t.Errorf("the doubtful one: %+v", o)
	}
	waiting.is(orders.AwaitingPayment)
	waiting.pays(session)
	waiting.is(orders.Delivered)
	f.expect(sales+2, back) // the held one's and the waiting one's
	for _, p := range []*patron{bought, held, waiting} {
		if got := p.codes(); len(got) != 1 {
			t.Errorf("customer %d got %d codes", p.id, len(got))
		}
	}
	if now := len(f.world.Telegram.Messages(delivered.id)); now != told {
		t.Errorf("told again of what was known:\n%s", f.seen(delivered.id))
	}
	if o := disputed.is(orders.Delivered); !o.Disputed {
		t.Error("the dispute is forgotten")
	}
	delivered.finds(code[0])
}

// The same while the shop runs: it notices by itself, by webhook and by polling.
func TestFault19EmptiedWhileItRuns(t *testing.T) {
	t.Parallel()
	for name, vars := range map[string]map[string]string{"webhooks": {}, "polling": {"PUBLIC_URL": "", "STRIPE_WEBHOOK_SECRET": ""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := storetest.Start(t).URL()
			vars["RECONCILE_INTERVAL"] = "1s"
			s := openStage(t, redis, vars)
			all := s.patrons(3)
			delivered, doubtful, waiting := all[0], all[1], all[2]
			delivered.pays(delivered.order())
			delivered.marked(delivered.is(orders.Delivered))
			code := delivered.codes()
			session := waiting.order()
			toDoubt := doubtful.order()
			mood(t, s.world.CloudESIM.Fault, fault.DeadAfter, "/esim/order", 1)
			doubtful.pays(toDoubt)
			doubtful.is(orders.Unknown, orders.Review)
			flushAll(t, redis)
			delivered.is(orders.Delivered)
			if o := doubtful.is(orders.Review); o.RebuiltAt.IsZero() {
				t.Errorf("not rebuilt: %+v", o)
			}
			waiting.is(orders.AwaitingPayment)
			waiting.pays(session)
			waiting.is(orders.Delivered)
			s.expect(3, 0)
			delivered.finds(code[0])
		})
	}
}

// Redis loses the tail of its file after all was done: what was delivered and what was refunded stays
// so, whichever write the file ends with.
func TestKillFault19TailOfTheFileCut(t *testing.T) {
	t.Parallel()
	server := storetest.StartDurable(t)
	f := openFleet(t, server.URL(), 1, nil)
	f.onSale()
	all := f.patrons(3)
	delivered, refunded, waiting := all[0], all[1], all[2]
	file := filepath.Join(server.Dir, "appendonlydir")
	size := func() int64 { return grown(t, file) }
	waiting.order()
	toPay, toRefund := delivered.order(), refunded.order()
	begin := size()
	delivered.pays(toPay)
	delivered.marked(delivered.is(orders.Delivered))
	if err := f.world.CloudESIM.RemovePlan(refunded.plan.ID); err != nil {
		t.Fatal(err)
	}
	refunded.pays(toRefund)
	refunded.is(orders.Refunded)
	f.eventually("quiet", func() bool { return f.world.Telegram.Pending() == 0 })
	end, sales, back := size(), f.sales(), f.refunds()
	f.replicas[0].kill()
	server.Kill()
	whole := contents(t, file)
	const cuts = 8
	for i := range int64(cuts) {
		cut := end - (end-begin)*(i+1)/cuts
		if i == cuts-1 {
			cut = begin
		}
		restore(t, file, whole, cut)
		server.Up()
		f.world.Clock.Advance(time.Minute) // leases that the file remembers are over
		f.replicas[0].up()
		if o := delivered.is(orders.Delivered); i == cuts-1 && o.RebuiltAt.IsZero() {
			t.Error("Redis has lost nothing")
		}
		refunded.is(orders.Refunded)
		waiting.is(orders.AwaitingPayment)
		f.expect(sales, back)
		if got := delivered.codes(); len(got) != 1 {
			t.Errorf("cut at %d: %d codes", cut, len(got))
		}
		f.replicas[0].kill()
		server.Kill()
		if t.Failed() {
			t.Fatalf("cut at %d of %d to %d", cut, begin, end)
		}
	}
}

// flushAll empties Redis.
func flushAll(t *testing.T, redis string) {
	t.Helper()
	u, err := url.Parse(redis)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answer := make([]byte, 64)
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "+OK") {
		t.Fatalf("%q, %v", answer[:n], err)
	}
}

// grown is the size of what Redis has appended since it started.
func grown(t *testing.T, dir string) int64 {
	t.Helper()
	name := appended(t, dir)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// appended is the file that Redis appends to.
func appended(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.incr.aof"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no append-only file: %v", err)
	}
	slices.Sort(names)
	return names[len(names)-1]
}

// contents reads every file of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// restore writes the folder as it was, with what was appended cut after so many bytes.
func restore(t *testing.T, dir string, files map[string][]byte, cut int64) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(appended(t, dir), cut); err != nil {
		t.Fatal(err)
	}
}
