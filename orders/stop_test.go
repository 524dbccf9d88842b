package orders_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

// What is told to stop between any two calls begins no purchase, and another replica goes on.
func TestToldToStopBeforeThePurchase(t *testing.T) {
	for _, call := range []string{"show", "fresh", "transition purchasing", "fence", "raise"} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			w.after = func(_ int, name string) error {
				if name == call {
					w.service.Stop()
				}
				return nil
			}
			if err := w.service.Step(t.Context(), theOrder); err != nil {
				t.Fatal(err)
			}
			if o := w.store.docs[theOrder]; o.State != orders.Paid || w.cloud.sold != 0 {
				t.Fatalf("%s (%s), sold %d", o.State, o.Reason, w.cloud.sold)
			}
			w.after = nil
			if err := w.runner(w.clock).Step(t.Context(), theOrder); err != nil {
				t.Fatal(err)
			}
			w.want(orders.Delivered, "")
			if w.cloud.sold != 1 {
				t.Errorf("sold %d", w.cloud.sold)
			}
		})
	}
}

// A process that is cut off in the moment the provider says yes still writes down what it bought.
func TestBoughtIsKeptThoughTheProcessIsCutOff(t *testing.T) {
	w := newWorld(t)
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	w.config.Providers = map[esim.Provider]providers.Provider{esim.CloudESIM: cutting{w.cloud, cut}}
	w.config.Store = obeying{w.store}
	w.restart()
	w.paid()
	_ = w.service.Step(ctx, theOrder) // what comes after the purchase can't be done any more
	o := w.store.docs[theOrder]
	if o.State != orders.Issued || o.Bought == nil || o.Bought.Profile.Code.IsZero() || w.stripe.meta["got"] == "" {
		t.Fatalf("%s (%s) with %v, Stripe's notes %v", o.State, o.Reason, o.Bought, w.stripe.meta)
	}
	w.restart()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	if w.cloud.sold != 1 {
		t.Errorf("sold %d", w.cloud.sold)
	}
}

// cutting sells, and has the process cut off with its answer.
type cutting struct {
	*seller
	cut context.CancelFunc
}

func (p cutting) Buy(ctx context.Context, plan esim.Plan) (esim.Profile, error) {
	profile, err := p.seller.Buy(ctx, plan)
	p.cut()
	return profile, err
}

// obeying is a store that does nothing once the context has ended, as the real one.
type obeying struct{ orders.Store }

func (s obeying) Transition(ctx context.Context, from orders.State, next *orders.Order, entry orders.LogEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Store.Transition(ctx, from, next, entry)
}

// A plan that gives less than it did when it was sold is not bought; one that gives more is.
func TestAPlanThatGivesLessIsNotBought(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*esim.Plan)
		state  orders.State
	}{
		"less data":  {func(p *esim.Plan) { p.Bytes /= 2 }, orders.Refunded},
		"less time":  {func(p *esim.Plan) { p.Days-- }, orders.Refunded},
		"by the day": {func(p *esim.Plan) { p.Kind = esim.Daily }, orders.Refunded},
		"more data":  {func(p *esim.Plan) { p.Bytes *= 2 }, orders.Delivered},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.change = c.change
			w.paid()
			w.run(time.Hour)
			if o := w.store.docs[theOrder]; o.State != c.state || (w.cloud.sold == 1) != (c.state == orders.Delivered) {
				t.Errorf("%s (%s), sold %d", o.State, o.Reason, w.cloud.sold)
			}
		})
	}
}

// A step that fails again and again is told of, and other orders go on.
func TestAStuckOrderIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.telegram.errs = map[string][]error{"put": slices.Repeat([]error{errors.New("the document was written by a newer version")}, 40)}
	w.paid()
	for range 40 {
		_ = w.service.Step(t.Context(), theOrder) // it fails: that is the point
		w.advance(10 * time.Second)
	}
	w.want(orders.Issued, "")
	if !slices.Contains(w.telegram.alerts, "stuck") {
		t.Errorf("alerts %v", w.telegram.alerts)
	}
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}

// A held order is told of once in the log, not with each look.
func TestHeldIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t)
	w.config.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	w.cloud.balance = decimal.Zero
	w.restart()
	w.paid()
	w.run(90 * time.Minute)
	w.want(orders.Paid, orders.ReasonBalance)
	if n := strings.Count(log.String(), "order held"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// A Redis that takes no writes: no provider is called, each order is tried now and then, admins hear.
func TestRedisTakesNoWrites(t *testing.T) {
	w := newWorld(t)
	w.paid()
	full := &fullStore{Store: w.store}
	w.config.Store, w.config.Tick = full, time.Millisecond
	w.config.Now = func() time.Time { w.advance(100 * time.Millisecond); return w.clock() }
	w.parallel = true
	s, err := orders.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.service = s
	began := w.clock()
	told := make(chan struct{})
	var once sync.Once
	w.after = func(_ int, call string) error {
		if call == "alert" {
			once.Do(func() { close(told) })
		}
		return nil
	}
	stop, ended := running(t, w)
	within(t, told, "alert")
	stop()
	within(t, ended, "run")
	took := w.clock().Sub(began)
	if w.cloud.sold != 0 || w.telegram.alerts[0] != "stuck" || took < time.Minute {
		t.Errorf("sold %d, alerts %v after %s", w.cloud.sold, w.telegram.alerts, took)
	}
	if most := int(took/(10*time.Second)) + 2; full.refused > most {
		t.Errorf("tried %d times in %s, want at most %d", full.refused, took, most)
	}
}

// fullStore refuses every write.
type fullStore struct {
	orders.Store
	refused int
}

func (f *fullStore) Transition(context.Context, orders.State, *orders.Order, orders.LogEntry) error {
	f.refused++
	return errors.New("OOM command not allowed when used memory > 'maxmemory'")
}

// An order that can't be read is told of, though everything else moves on.
func TestAnUnreadableOrderIsToldOf(t *testing.T) {
	w := newWorld(t)
	w.paid()
	w.config.Store, w.config.Tick = unreadable{w.store}, time.Millisecond
	w.config.Now = func() time.Time { w.advance(100 * time.Millisecond); return w.clock() }
	w.parallel = true
	s, err := orders.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.service = s
	told := make(chan struct{})
	var once sync.Once
	w.after = func(_ int, call string) error {
		if call == "alert" {
			once.Do(func() { close(told) })
		}
		return nil
	}
	stop, ended := running(t, w)
	within(t, told, "alert")
	stop()
	within(t, ended, "run")
	if w.cloud.sold != 0 || w.telegram.alerts[0] != "stuck" {
		t.Errorf("sold %d, alerts %v", w.cloud.sold, w.telegram.alerts)
	}
}

// unreadable keeps orders that were sealed with a key that is lost.
type unreadable struct{ orders.Store }

func (unreadable) Load(context.Context, orders.ID) (*orders.Order, error) {
	return nil, errors.New("sealed with an unknown key")
}
