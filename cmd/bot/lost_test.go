package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
	"esimbot/sandbox/telegram"
	"esimbot/store/storetest"
)

// What is left when Redis forgets: everything, its last seconds, or the webhook's secret alone.

// A patron is one of several customers.
type patron struct {
	*stage
	id   int64
	plan esim.Plan
}

// patrons returns as many customers, each with a plan in mind that only CloudeSIM sells.
func (s *stage) patrons(n int) []*patron {
	s.t.Helper()
	snapshot := s.app.catalog.Snapshot()
	var all []*patron
	for _, place := range append(snapshot.Countries(), snapshot.Regions()...) {
		for _, plan := range snapshot.Plans(place.Destination.ID()) {
			if plan.Provider == esim.CloudESIM && plan.Kind == esim.Fixed && len(snapshot.Twins(plan)) == 0 && len(all) < n {
				p := &patron{stage: s, id: int64(customer + 100 + len(all)), plan: plan}
				s.world.Telegram.AddUser(telegram.User{ID: p.id, FirstName: "Customer", LanguageCode: "en"})
				all = append(all, p)
			}
		}
	}
	if len(all) < n {
		s.t.Fatalf("%d plans for %d customers", len(all), n)
	}
	return all
}

func (p *patron) say(text string) {
	p.t.Helper()
	if _, err := p.world.Telegram.SendText(p.id, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patron) press(text string) {
	p.t.Helper()
	p.eventually("a button "+text+" for "+p.seen(p.id), func() bool {
		_, b, ok := p.world.Telegram.FindButton(p.id, text)
		return ok && b.CallbackData != ""
	})
	if _, err := p.world.Telegram.PressButton(p.id, text); err != nil {
		p.t.Fatal(err)
	}
}

// order takes the customer to the payment page and returns the Checkout Session's id.
func (p *patron) order() (session string) {
	p.t.Helper()
	p.say("/start p_" + p.plan.Ref())
	p.press("Buy")
	p.eventually("the pay button", func() bool {
		_, b, ok := p.world.Telegram.FindButton(p.id, "Pay")
		session = sessionIn(b.URL)
		return ok && b.URL != ""
	})
	return session
}

func (p *patron) pays(session string) {
	p.t.Helper()
	if err := p.world.Stripe.Pay(session); err != nil {
		p.t.Fatal(err)
	}
}

// is waits until the customer's only order is in one of the states, and returns it.
func (p *patron) is(states ...orders.State) *orders.Order {
	p.t.Helper()
	var found *orders.Order
	p.eventually("an order to be "+string(states[0]), func() bool {
		list, err := p.app.orders.List(p.ctx, p.id)
		if err != nil || len(list) != 1 {
			return false
		}
		found = list[0]
		return slices.Contains(states, found.State)
	})
	return found
}

// codes are the activation codes that the customer was sent, each once.
func (p *patron) codes() []string {
	p.t.Helper()
	var codes []string
	for _, m := range p.world.Telegram.Messages(p.id) {
		if len(m.Photo) == 0 {
			continue
		}
		data, ok := p.world.Telegram.File(m.FileID())
		if !ok {
			p.t.Fatal("the photo is not at Telegram")
		}
		if code := decodeQR(p.t, data); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// marked waits until Stripe has the note of an order's delivery.
func (p *patron) marked(o *orders.Order) {
	p.t.Helper()
	p.eventually("the note of the delivery", func() bool {
		intent, ok := p.world.Stripe.Intent(o.Payment.Intent)
		return ok && intent.Metadata["done"] != ""
	})
}

// finds has the customer look for the eSIM in the list, and its code.
func (p *patron) finds(code string) {
	p.t.Helper()
	before := len(p.world.Telegram.Messages(p.id))
	p.say("/esims")
	p.press(p.plan.Destination.Flag())
	p.press("QR")
	p.eventually("the code", func() bool {
		for _, m := range p.world.Telegram.Messages(p.id)[before:] {
			if data, ok := p.world.Telegram.File(m.FileID()); ok && len(m.Photo) > 0 {
				return decodeQR(p.t, data) == code
			}
		}
		return false
	})
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

// The shop is killed, Redis is emptied, and the shop comes back: every paid customer is found again,
// in every state they can be in, and nobody is bought for twice.
func TestFault19EmptiedRedis(t *testing.T) {
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
func TestFault19TailOfTheFileCut(t *testing.T) {
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

// The event arrives before the Session's id was saved, and for an order that Redis has never heard of:
// it is found by what Stripe was told.
func TestFault11EventBeforeTheSession(t *testing.T) {
	redis := storetest.Start(t).URL()
	s := openStage(t, redis, map[string]string{"RECONCILE_INTERVAL": "1h", "SWEEP_INTERVAL": "24h"})
	p := s.patrons(1)[0]
	session := p.order()
	flushAll(t, redis)
	p.pays(session)
	p.is(orders.Delivered)
	s.expect(1, 0)
}

// Redirect, webhook and sweep at the same moment: one payment, one purchase.
func TestFault12EverythingAtOnce(t *testing.T) {
	s := openStage(t, "", quick())
	all := s.patrons(5)
	for _, p := range all {
		session := p.order()
		o := p.is(orders.AwaitingPayment)
		s.world.Stripe.DuplicateWebhooks(20)
		go func() { _ = s.app.orders.SweepIfDue(s.ctx) }() // there may be one under way
		p.pays(session)
		p.say("/start o_" + string(o.ID))
		if err := s.app.store.Release(s.ctx, "sweep"); err != nil {
			t.Fatal(err)
		}
		_ = s.app.orders.SweepIfDue(s.ctx) // may lose the race, and come again
		o = p.is(orders.Delivered)
		log, err := s.app.store.Orders().Log(s.ctx, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		paid := 0
		for _, e := range log {
			if e.To == orders.Paid && e.From == orders.AwaitingPayment {
				paid++
			}
		}
		if paid != 1 || len(p.codes()) != 1 {
			t.Errorf("paid %d times, %d codes: %+v", paid, len(p.codes()), log)
		}
	}
	s.expect(len(all), 0)
}

// The webhook never comes, and nobody looks at the single order: the sweep finds the payment, within
// two intervals, also where Redis has lost the order.
func TestFault13OnlyTheSweepSeesIt(t *testing.T) {
	redis := storetest.Start(t).URL()
	s := openStage(t, redis, map[string]string{"RECONCILE_INTERVAL": "1h", "SWEEP_INTERVAL": "1m"})
	all := s.patrons(2)
	s.world.Stripe.DropWebhooks(true)
	kept, lost := all[0], all[1]
	session := lost.order()
	flushAll(t, redis)
	kept.pays(kept.order())
	lost.pays(session)
	s.expect(0, 0)
	if err := s.app.store.Release(s.ctx, "sweep"); err != nil { // its minute has passed
		t.Fatal(err)
	}
	if err := s.app.orders.SweepIfDue(s.ctx); err != nil {
		t.Fatal(err)
	}
	kept.is(orders.Delivered)
	lost.is(orders.Delivered)
	s.expect(2, 0)
}

// The webhook's secret is lost with Redis: the route says 503, the admins hear of it though Stripe
// never calls, payments are polled, setup mends it, and the running shop takes the new secret.
func TestFault33SecretLost(t *testing.T) {
	redis := storetest.Start(t).URL()
	s := openStage(t, redis, map[string]string{"STRIPE_WEBHOOK_SECRET": "", "RECONCILE_INTERVAL": "1s"})
	s.admin()
	setup := func() {
		t.Helper()
		again, err := newApp(s.ctx, s.app.cfg, options{now: s.world.Clock.Now, log: s.app.log, registry: newRegistry(), local: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = again.Close() }()
		var out bytes.Buffer
		if err := again.setup(s.ctx, output{&out}); err != nil || !strings.Contains(out.String(), "its secret is kept in Redis") {
			t.Fatalf("setup: %s, %v", &out, err)
		}
	}
	alarm := func() int { return strings.Count(s.seen(1000), "webhook has no secret") }
	s.eventually("an alert", func() bool { return alarm() == 1 })
	setup()
	s.eventually("the secret", func() bool { return len(s.app.secrets.get()) == 1 })
	if got := s.knock(); got != http.StatusBadRequest {
		t.Errorf("a forged event: %d", got)
	}
	before := alarm()
	flushAll(t, redis)
	s.eventually("another alert", func() bool { return alarm() > before })
	if got := s.knock(); got != http.StatusServiceUnavailable {
		t.Errorf("an event without a secret: %d", got)
	}
	all := s.patrons(2)
	p, q := all[0], all[1]
	p.pays(p.order()) // its events find nobody
	p.is(orders.Delivered)
	setup()
	s.eventually("the secret", func() bool { return len(s.app.secrets.get()) == 1 })
	if got := s.knock(); got != http.StatusBadRequest {
		t.Errorf("a forged event after the mend: %d", got)
	}
	taken := func() bool {
		return slices.ContainsFunc(s.world.Stripe.Events(), func(e stripe.Event) bool { return e.Type == orders.EventCompleted && e.Delivered > 0 })
	}
	if taken() {
		t.Error("an event was taken without a secret")
	}
	q.pays(q.order())
	q.is(orders.Delivered)
	s.eventually("its event", taken)
	if alarm() != before+1 {
		t.Errorf("told %d times of one matter", alarm()-before)
	}
	s.expect(2, 0)
}

// knock brings the shop an event that nobody signed, and returns its answer.
func (s *stage) knock() int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.base+"/stripe/webhook", strings.NewReader(`{}`))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if err := resp.Body.Close(); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode
}

// The money of an order that was rebuilt is refunded or disputed late, or was before anybody told:
// nothing is bought.
func TestFault35NewsOfMoneyForARebuiltOrder(t *testing.T) {
	for _, dropped := range []bool{true, false} {
		redis := storetest.Start(t).URL()
		s := openStage(t, redis, map[string]string{"RECONCILE_INTERVAL": "1s"})
		all := s.patrons(4)
		lateRefund, lateDispute, earlyRefund, earlyDispute := all[0], all[1], all[2], all[3]
		intents := map[*patron]string{}
		sessions := map[*patron]string{}
		for _, p := range all {
			sessions[p] = p.order()
		}
		mood(t, s.world.CloudESIM.Fault, fault.Dead, "", 0)
		for _, p := range all {
			p.pays(sessions[p])
			intents[p] = p.is(orders.Paid).Payment.Intent
		}
		s.world.Stripe.DropWebhooks(true)
		s.goesBack(earlyRefund, intents)
		s.complains(earlyDispute, intents)
		flushAll(t, redis)
		earlyRefund.is(orders.Refunded)
		earlyDispute.is(orders.Review)
		lateRefund.is(orders.Paid)
		lateDispute.is(orders.Paid)
		s.world.Stripe.DropWebhooks(dropped)
		s.goesBack(lateRefund, intents)
		s.complains(lateDispute, intents)
		if !dropped {
			lateRefund.is(orders.Refunded)
			lateDispute.is(orders.Review)
		}
		mood(t, s.world.CloudESIM.Fault, fault.OK, "", 0)
		lateRefund.is(orders.Refunded)
		lateDispute.is(orders.Review)
		s.expect(0, earlyRefund.plan.Retail.Minor+lateRefund.plan.Retail.Minor)
	}
}

func (s *stage) goesBack(p *patron, intents map[*patron]string) {
	s.t.Helper()
	if _, err := s.world.Stripe.Refund(intents[p], 0); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) complains(p *patron, intents map[*patron]string) {
	s.t.Helper()
	if _, err := s.world.Stripe.Dispute(intents[p], ""); err != nil {
		s.t.Fatal(err)
	}
}
