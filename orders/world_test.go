package orders_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

	topped  esim.Provider // of the eSIM that the order tops up; empty: it buys one
	config  orders.Config
	service *orders.Service
	runners int
}

func newWorld(t failer) *world {
	w := &world{failer: t, now: start}
	w.store = &memory{w: w, docs: map[orders.ID]*orders.Order{}, due: map[orders.ID]time.Time{}, intents: map[string]orders.ID{}, lines: map[orders.ID]line{}}
	w.stripe = &stripe{w: w, sessions: map[string]*orders.CheckoutSession{}, meta: map[string]string{}, keys: map[string]string{}, refunds: map[string]orders.Refund{}, strays: strays{}, returns: map[string]orders.Refund{}}
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
	o, err := w.service.Open(context.Background(), w.draft())
	if err != nil {
		w.Fatalf("open: %v", err)
	}
	return o
}

func (w *world) ctx() context.Context { return context.Background() }

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
