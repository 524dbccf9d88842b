package orders_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

const (
	shop     = "1234567890"
	customer = int64(4711)
	theOrder = orders.ID("7KQ2M9X4TB")
)

var (
	start    = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	errCrash = errors.New("the process was killed")
	plan     = esim.Plan{
		Provider: esim.CloudESIM, ID: "JP_1_7", Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Kind: esim.Fixed, Bytes: esim.GB, Days: 7,
		Wholesale: decimal.RequireFromString("3.50"), Retail: esim.Money{Minor: 455, Currency: esim.USD},
	}
	twin = esim.Plan{
		Provider: esim.Mobilexy, ID: "855", Destination: plan.Destination, Kind: esim.Fixed, Bytes: esim.GB, Days: 7,
		Wholesale: decimal.RequireFromString("3.80"), Retail: esim.Money{Minor: 494, Currency: esim.USD},
	}
)

// A failer is the part of the testing interfaces that the world needs.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// A world is everything around the order machine, in memory: a store that is as strict as the
// real one, a Stripe that keeps idempotency keys, providers and a Telegram. It can kill the process
// at any call, roll the store back, and let a rival runner in between.
type world struct {
	failer
	mu    sync.Mutex
	now   time.Time
	calls int

	// before and after are run around each call to the outside, by its number; an error kills the
	// process: everything fails until restart.
	before, after func(n int, call string) error
	dead          bool
	parallel      bool // services work as in earnest, with goroutines

	store    *memory
	stripe   *stripe
	cloud    *seller
	mobilexy *seller
	telegram *telegram

	config  orders.Config
	service *orders.Service
	runners int
}

func newWorld(t failer) *world {
	w := &world{failer: t, now: start}
	w.store = &memory{w: w, docs: map[orders.ID]*orders.Order{}, due: map[orders.ID]time.Time{}, intents: map[string]orders.ID{}}
	w.stripe = &stripe{w: w, sessions: map[string]*orders.CheckoutSession{}, meta: map[string]string{}, keys: map[string]string{}, refunds: map[string]orders.Refund{}}
	w.cloud = &seller{w: w, id: esim.CloudESIM, price: plan.Wholesale, balance: decimal.New(100, 0)}
	w.mobilexy = &seller{w: w, id: esim.Mobilexy, price: twin.Wholesale, balance: decimal.New(100, 0)}
	w.telegram = &telegram{w: w}
	w.config = orders.Config{
		Store: w.store, Payments: w.stripe, Notifier: w.telegram, Shelf: w.telegram, Shop: shop,
		Providers: map[esim.Provider]providers.Provider{esim.CloudESIM: w.cloud},
		Now:       w.clock, Log: slog.New(slog.DiscardHandler),
	}
	w.restart()
	return w
}

// sellTwice adds the other provider, which sells the same plan.
func (w *world) sellTwice() *world {
	w.config.Providers = map[esim.Provider]providers.Provider{esim.CloudESIM: w.cloud, esim.Mobilexy: w.mobilexy}
	w.config.Twins = func(p esim.Plan) []esim.Plan {
		if p.Key() == plan.Key() {
			return []esim.Plan{twin}
		}
		return nil
	}
	return w.restart()
}

// runner makes another process's order machine over the same world.
func (w *world) runner(now func() time.Time) *orders.Service {
	w.Helper()
	w.runners++
	c := w.config
	c.Owner, c.Now = fmt.Sprintf("runner-%d", w.runners), now
	s, err := orders.New(c)
	if err != nil {
		w.Fatalf("new service: %v", err)
	}
	if !w.parallel {
		s.Sequential()
	}
	s.SetWait(func(ctx context.Context, d time.Duration) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.dead {
			return errCrash
		}
		w.now = w.now.Add(d)
		return ctx.Err()
	})
	return s
}

// restart begins a new process.
func (w *world) restart() *world {
	w.kill(false)
	w.service = w.runner(w.clock)
	return w
}

func (w *world) kill(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// call runs one call to the outside, with all that may come before and after it.
func (w *world) call(name string, do func()) error {
	w.mu.Lock()
	w.calls++
	n, before, after, dead := w.calls, w.before, w.after, w.dead
	w.mu.Unlock()
	if dead {
		return errCrash
	}
	if before != nil {
		if err := before(n, name); err != nil {
			w.kill(true)
			return err
		}
	}
	w.mu.Lock()
	do()
	w.mu.Unlock()
	if after != nil {
		if err := after(n, name); err != nil {
			w.kill(true)
			return err
		}
	}
	return nil
}

func (w *world) open() *orders.Order {
	w.Helper()
	o, err := w.service.Open(context.Background(), orders.Draft{ID: theOrder, Kind: orders.KindESIM, Customer: customer, Language: "en", Plan: plan, Screen: orders.Message{Chat: customer, ID: 1}})
	if err != nil {
		w.Fatalf("open: %v", err)
	}
	return o
}

func (w *world) event() error {
	return w.service.HandlePayment(context.Background(), orders.PaymentEvent{Type: "checkout.session.completed", SessionID: "cs_1", Order: theOrder})
}

// paid opens an order, pays it, and brings the event.
func (w *world) paid() {
	w.Helper()
	w.open()
	w.stripe.pay()
	if err := w.event(); err != nil {
		w.Fatalf("event: %v", err)
	}
}

// run steps the order, moving the clock to each time it is due, until it is finished, under
// review, or d has passed.
func (w *world) run(d time.Duration) *orders.Order {
	w.Helper()
	end := w.clock().Add(d)
	for range 5000 {
		o := w.store.docs[theOrder]
		if o == nil || o.State.Finished() || o.DueAt.After(end) || (o.State == orders.Review && o.DueAt.Sub(w.clock()) > time.Hour) {
			break
		}
		w.mu.Lock()
		if o.DueAt.After(w.now) {
			w.now = o.DueAt
		}
		w.mu.Unlock()
		err := w.service.Step(context.Background(), theOrder)
		if w.dead {
			w.restart()
		} else if err != nil && !errors.Is(err, errCrash) {
			w.Errorf("step: %v", err)
		}
	}
	return w.store.docs[theOrder]
}

func (w *world) want(state orders.State, reason string) *orders.Order {
	w.Helper()
	o := w.store.docs[theOrder]
	if o.State != state || o.Reason != reason {
		w.Fatalf("order is %s (%s), want %s (%s); log %+v", o.State, o.Reason, state, reason, w.store.log)
	}
	if _, due := w.store.due[theOrder]; due == state.Finished() {
		w.Errorf("order is %s and in the due set: %v", state, due)
	}
	return o
}

// memory is a Store as strict as the real one.
type memory struct {
	w       *world
	docs    map[orders.ID]*orders.Order
	due     map[orders.ID]time.Time
	log     []orders.LogEntry
	intents map[string]orders.ID
	denied  error // of AllowCheckout
}

func copied(o *orders.Order) *orders.Order {
	n := *o
	n.Refused = slices.Clone(o.Refused)
	if o.Bought != nil {
		b := *o.Bought
		n.Bought = &b
	}
	return &n
}

func (m *memory) snapshot() memory {
	s := memory{w: m.w, docs: map[orders.ID]*orders.Order{}, due: maps.Clone(m.due), log: slices.Clone(m.log), intents: maps.Clone(m.intents)}
	for id, o := range m.docs {
		s.docs[id] = copied(o)
	}
	return s
}

func (m *memory) Create(_ context.Context, o *orders.Order, entry orders.LogEntry) (err error) {
	return errors.Join(m.w.call("create", func() {
		if m.docs[o.ID] != nil {
			err = orders.ErrExists
			return
		}
		m.write(o, entry)
	}), err)
}

func (m *memory) write(o *orders.Order, entry orders.LogEntry) {
	m.docs[o.ID] = copied(o)
	delete(m.due, o.ID)
	if !o.State.Finished() {
		m.due[o.ID] = o.DueAt
	}
	if entry.To != "" {
		m.log = append(m.log, entry)
	}
}

func (m *memory) Load(_ context.Context, id orders.ID) (o *orders.Order, err error) {
	lost := m.w.call("load", func() {
		switch found := m.docs[id]; {
		case found == nil:
			err = orders.ErrNotFound
		case found.Schema > orders.Schema:
			err = orders.ErrNewer
		default:
			o = copied(found)
		}
	})
	if lost != nil {
		return nil, lost
	}
	return o, err
}

func (m *memory) Transition(_ context.Context, from orders.State, next *orders.Order, entry orders.LogEntry) (err error) {
	return errors.Join(m.w.call("transition "+string(next.State), func() {
		stored := m.docs[next.ID]
		switch {
		case stored == nil:
			err = orders.ErrNotFound
		case stored.State != from || stored.Version != next.Version-1:
			err = orders.ErrConflict
		default:
			m.write(next, entry)
		}
	}), err)
}

func (m *memory) Due(_ context.Context, now time.Time, limit int) (ids []orders.ID, err error) {
	err = m.w.call("due", func() {
		for id, at := range m.due {
			if !at.After(now) && len(ids) < limit {
				ids = append(ids, id)
			}
		}
	})
	return ids, err
}

func (m *memory) Postpone(_ context.Context, id orders.ID, until time.Time) error {
	return m.w.call("postpone", func() { m.due[id] = until })
}

func (m *memory) Log(context.Context, orders.ID) ([]orders.LogEntry, error) { return m.log, nil }

func (m *memory) ByIntent(_ context.Context, intent string) (id orders.ID, err error) {
	lost := m.w.call("by intent", func() {
		if id = m.intents[intent]; id == "" {
			err = orders.ErrNotFound
		}
	})
	return id, errors.Join(lost, err)
}

func (m *memory) Project(_ context.Context, o *orders.Order) error {
	return m.w.call("project", func() {
		if o.Payment.Intent != "" {
			m.intents[o.Payment.Intent] = o.ID
		}
	})
}

func (m *memory) ByCustomer(context.Context, int64, int) ([]*orders.Order, error) {
	return slices.Collect(maps.Values(m.docs)), nil
}

func (m *memory) AllowCheckout(context.Context, int64, orders.ID, time.Time) error { return m.denied }

// stripe keeps one payment page and its PaymentIntent, with idempotency keys.
type stripe struct {
	w        *world
	sessions map[string]*orders.CheckoutSession
	meta     map[string]string
	keys     map[string]string // idempotency key → value written
	refunds  map[string]orders.Refund

	disputed      bool
	outside       int64    // minor units refunded in the Dashboard
	refundAnswers []string // what Refund answers, in turn: a status, "doubt", "refused"
	down          map[string]int
}

// fails takes one of the failures that were ordered for a call.
func (s *stripe) fails(call string) bool {
	if s.down[call] > 0 {
		s.down[call]--
		return true
	}
	return false
}

func (s *stripe) pay() {
	cs := s.sessions["cs_1"]
	cs.Status, cs.Paid, cs.Intent = "complete", true, "pi_1"
}

func (s *stripe) OpenCheckout(_ context.Context, o *orders.Order) (c orders.Checkout, err error) {
	lost := s.w.call("open checkout", func() {
		if s.fails("open") {
			err = errors.New("refused")
			return
		}
		if s.sessions["cs_1"] == nil {
			s.sessions["cs_1"] = &orders.CheckoutSession{ID: "cs_1", Status: "open", Order: string(o.ID), Shop: shop, Amount: o.Plan.Retail}
		}
		c = orders.Checkout{SessionID: "cs_1", URL: "https://pay.example/cs_1", ExpiresAt: o.Checkout.ExpiresAt}
	})
	if lost != nil {
		return orders.Checkout{}, errors.Join(orders.ErrPaymentDoubt, lost)
	}
	return c, err
}

func (s *stripe) Session(_ context.Context, id string) (cs *orders.CheckoutSession, err error) {
	lost := s.w.call("session", func() {
		found := s.sessions[id]
		switch {
		case found == nil:
			err = orders.ErrNotFound
		case s.fails("session"):
			err = orders.ErrPaymentDoubt
		default:
			c := *found
			cs = &c
		}
	})
	if lost != nil {
		return nil, lost
	}
	return cs, err
}

func (s *stripe) ExpireCheckout(_ context.Context, id string) error {
	return s.w.call("expire", func() {
		if cs := s.sessions[id]; cs.Status == "open" {
			cs.Status = "expired"
		}
	})
}

func (s *stripe) Fence(context.Context, string) (f orders.Fence, err error) {
	lost := s.w.call("fence", func() {
		if s.fails("fence") {
			err = orders.ErrPaymentDoubt
			return
		}
		f = orders.Fence{Value: s.meta["buy"], Received: plan.Retail, Disputed: s.disputed}
		f.Refunded = esim.Money{Minor: s.outside + s.refunded(), Currency: esim.USD}
	})
	return f, errors.Join(lost, err)
}

func (s *stripe) RaiseFence(_ context.Context, _ string, id orders.ID, n int, value string) (err error) {
	key := fmt.Sprintf("buy:%s:%d", string(id), n)
	write := func() {
		switch written, used := s.keys[key]; {
		case !used:
			s.keys[key], s.meta["buy"] = value, value
		case written != value:
			err = orders.ErrFenceTaken
		}
	}
	lost := s.w.call("raise", func() {
		if s.fails("raise") {
			err = orders.ErrPaymentDoubt
			return
		}
		write()
		if s.fails("raise answer") {
			err = orders.ErrPaymentDoubt
		}
	})
	return errors.Join(lost, err)
}

func (s *stripe) Mark(_ context.Context, _, key, value string) error {
	return s.w.call("mark "+key, func() { s.meta[key] = value })
}

func (s *stripe) refunded() (sum int64) {
	for _, r := range s.refunds {
		if r.Status == "succeeded" || r.Status == "pending" {
			sum += r.Amount.Minor
		}
	}
	return sum
}

func (s *stripe) Refund(_ context.Context, _ string, id orders.ID, n int, amount esim.Money) (r orders.Refund, err error) {
	key := fmt.Sprintf("%s:%d", string(id), n)
	lost := s.w.call("refund", func() {
		answer := "succeeded"
		if len(s.refundAnswers) > 0 {
			answer, s.refundAnswers = s.refundAnswers[0], s.refundAnswers[1:]
		}
		made, found := s.refunds[key]
		switch {
		case answer == "doubt":
			err = orders.ErrPaymentDoubt
			return
		case !found && (answer == "refused" || s.refunded()+s.outside+amount.Minor > plan.Retail.Minor):
			err = errors.New("refused")
			return
		case !found:
			made = orders.Refund{ID: "re_" + key, Amount: amount}
		}
		made.Status = answer
		s.refunds[key], r = made, made
	})
	return r, errors.Join(lost, err)
}

// seller is a provider. Its answers to Buy are taken in turn; without any it sells.
type seller struct {
	w       *world
	id      esim.Provider
	price   decimal.Decimal
	balance decimal.Decimal
	answers []string
	queries []string // answers to Query in turn: "ready", "cancelled", "error"; without: not ready
	gone    bool
	downFor int // reads that fail

	sold int
}

func (p *seller) ID() esim.Provider { return p.id }

func (p *seller) fail(class providers.Class, cause error) error {
	return &providers.Error{Provider: p.id, Op: "buy", Class: class, Err: cause}
}

func (p *seller) Balance(context.Context) (b decimal.Decimal, err error) {
	lost := p.w.call("balance", func() { b = p.balance })
	return b, errors.Join(lost, err)
}

func (p *seller) Fresh(_ context.Context, want esim.Plan) (l providers.Listing, err error) {
	lost := p.w.call("fresh", func() {
		switch {
		case p.downFor > 0:
			p.downFor--
			err = p.fail(providers.NotSent, errors.New("refused connection"))
		case p.gone:
			err = p.fail(providers.Rejected, providers.ErrPlanGone)
		default:
			want.Wholesale = p.price
			l.Plan = want
		}
	})
	return l, errors.Join(lost, err)
}

func (p *seller) profile() esim.Profile {
	code, err := esim.ParseActivationCode(fmt.Sprintf("LPA:1$smdp.example.com$CODE-%d", p.sold))
	if err != nil {
		p.w.Fatalf("code: %v", err)
	}
	return esim.Profile{Provider: p.id, OrderNo: fmt.Sprintf("%s-%d", p.id, p.sold), Code: code}
}

func (p *seller) Buy(_ context.Context, _ esim.Plan) (profile esim.Profile, err error) {
	lost := p.w.call("buy", func() {
		answer := "ok"
		if len(p.answers) > 0 {
			answer, p.answers = p.answers[0], p.answers[1:]
		}
		if p.balance.LessThan(p.price) && answer != "not sent" {
			answer = "insufficient"
		}
		switch answer {
		case "ok", "not ready", "no number", "bought unheard":
			p.sold++
			p.balance = p.balance.Sub(p.price)
			profile = p.profile()
		}
		switch answer {
		case "not ready":
			profile.Code = esim.ActivationCode{}
		case "no number":
			profile.Code, profile.OrderNo = esim.ActivationCode{}, ""
		case "bought unheard", "unheard":
			profile, err = esim.Profile{}, p.fail(providers.Unknown, context.DeadlineExceeded)
		case "not sent":
			err = p.fail(providers.NotSent, errors.New("refused connection"))
		case "rejected":
			err = p.fail(providers.Rejected, errors.New("no such package"))
		case "insufficient":
			err = p.fail(providers.Rejected, providers.ErrInsufficientBalance)
		}
	})
	if lost != nil {
		return esim.Profile{}, p.fail(providers.Unknown, lost)
	}
	return profile, err
}

func (p *seller) Query(context.Context, providers.Ref) (u esim.Usage, err error) {
	lost := p.w.call("query", func() {
		answer := ""
		if len(p.queries) > 0 {
			answer, p.queries = p.queries[0], p.queries[1:]
		}
		switch answer {
		case "ready":
			profile := p.profile()
			profile.ICCID = "8944538523456789012"
			u = esim.Usage{Status: esim.StatusReady, Profile: &profile}
		case "cancelled":
			u.Status = esim.StatusCancelled
		case "error":
			err = p.fail(providers.Unknown, errors.New("HTTP 500"))
		default:
			u.Status = esim.StatusPending
		}
	})
	return u, errors.Join(lost, err)
}

func (p *seller) Abilities() providers.Abilities {
	return providers.Abilities{QueryByNo: p.id == esim.CloudESIM}
}

func (p *seller) Catalogue(context.Context) (providers.Catalogue, error) {
	return providers.Catalogue{}, nil
}

func (p *seller) Usage(context.Context, []providers.Ref) ([]esim.Usage, error) { return nil, nil }

func (p *seller) TopUps(context.Context, providers.Ref, esim.Plan) ([]providers.Listing, error) {
	return nil, nil
}

func (p *seller) TopUp(context.Context, providers.Ref, esim.Plan) (providers.TopUp, error) {
	return providers.TopUp{}, providers.ErrUnsupported
}

func (p *seller) Cancel(context.Context, providers.Ref) error { return providers.ErrUnsupported }

// telegram is notifier and shelf.
type telegram struct {
	w       *world
	shown   []string
	photos  []string // activation codes sent
	alerts  []string
	shelved []orders.State
	errs    map[string][]error // by method, in turn
}

func (n *telegram) err(method string) error {
	if len(n.errs[method]) == 0 {
		return nil
	}
	err := n.errs[method][0]
	n.errs[method] = n.errs[method][1:]
	return err
}

func (n *telegram) Show(_ context.Context, o *orders.Order) (m orders.Message, err error) {
	lost := n.w.call("show", func() {
		if err = n.err("show"); err == nil {
			n.shown = append(n.shown, o.Told)
			m = orders.Message{Chat: o.Customer, ID: 1}
		}
	})
	return m, errors.Join(lost, err)
}

func (n *telegram) Deliver(_ context.Context, o *orders.Order) (m orders.Message, err error) {
	lost := n.w.call("deliver", func() {
		if err = n.err("deliver"); err == nil {
			n.photos = append(n.photos, o.Bought.Profile.Code.Reveal())
			m = orders.Message{Chat: o.Customer, ID: 2, FileID: "photo"}
		}
	})
	return m, errors.Join(lost, err)
}

func (n *telegram) Working(context.Context, *orders.Order) {}

func (n *telegram) Alert(_ context.Context, a orders.Alert) (err error) {
	lost := n.w.call("alert", func() {
		if err = n.err("alert"); err == nil {
			n.alerts = append(n.alerts, a.Kind)
		}
	})
	return errors.Join(lost, err)
}

func (n *telegram) Put(_ context.Context, o *orders.Order) error {
	var err error
	lost := n.w.call("put", func() {
		if err = n.err("put"); err == nil {
			n.shelved = append(n.shelved, o.State)
		}
	})
	return errors.Join(lost, err)
}
