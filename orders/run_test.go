package orders_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

// within fails the test if done isn't closed in time.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: it took too long", what)
	}
}

// slowSeller sells when it is let.
type slowSeller struct {
	*seller
	asked, let chan struct{}
	calls      atomic.Int32
}

func (p *slowSeller) Buy(ctx context.Context, plan esim.Plan) (esim.Profile, error) {
	p.calls.Add(1)
	p.asked <- struct{}{}
	<-p.let
	return p.seller.Buy(ctx, plan)
}

func running(t *testing.T, w *world) (stop context.CancelFunc, ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.service.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); within(t, done, "stop") })
	return cancel, done
}

func TestRunEndsWhatItBegan(t *testing.T) {
	w := newWorld(t)
	w.parallel = true
	slow := &slowSeller{seller: w.cloud, asked: make(chan struct{}), let: make(chan struct{})}
	w.config.Providers = map[esim.Provider]providers.Provider{esim.CloudESIM: slow}
	w.config.Tick = time.Hour // what is made due here is run at once, not at the next tick
	w.restart()
	stop, ended := running(t, w)
	w.paid()
	within(t, slow.asked, "purchase")
	stop()
	select {
	case <-ended:
		t.Fatal("Run ended with a purchase in flight")
	default:
	}
	close(slow.let)
	within(t, ended, "run")
	w.want(orders.Delivered, "")
	if slow.calls.Load() != 1 {
		t.Errorf("bought %d times", slow.calls.Load())
	}
}

func TestRunCutsOffWhatDoesNotEnd(t *testing.T) {
	w := newWorld(t)
	w.parallel = true
	hung := &hungSeller{seller: w.cloud, asked: make(chan struct{})}
	w.config.Providers = map[esim.Provider]providers.Provider{esim.CloudESIM: hung}
	w.config.ProviderTimeout = 30 * time.Second
	w.restart()
	w.service.SetDrain(10 * time.Millisecond)
	stop, ended := running(t, w)
	w.paid()
	within(t, hung.asked, "purchase")
	stop()
	within(t, ended, "run")
	if state := w.store.docs[theOrder].State; state != orders.Unknown && state != orders.Purchasing && state != orders.Review {
		t.Errorf("a purchase that was cut off left the order %s", state)
	}
}

// hungSeller never answers a purchase.
type hungSeller struct {
	*seller
	asked chan struct{}
}

func (p *hungSeller) Buy(ctx context.Context, _ esim.Plan) (esim.Profile, error) {
	close(p.asked)
	<-ctx.Done()
	return esim.Profile{}, p.fail(providers.Unknown, ctx.Err())
}

func TestNoPurchaseBeginsOnceStopped(t *testing.T) {
	w := newWorld(t)
	w.paid()
	w.service.Stop()
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Paid, "")
	other := w.runner(w.clock)
	if err := other.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Delivered, "") // another replica takes it over at once
}

func TestRunFindsWhatIsDue(t *testing.T) {
	w := newWorld(t)
	w.parallel = true
	w.config.Tick = time.Millisecond
	w.paid() // by the process before
	w.restart()
	delivered := make(chan struct{})
	w.after = func(_ int, call string) error {
		if call == "mark done" {
			close(delivered)
		}
		return nil
	}
	running(t, w)
	within(t, delivered, "delivery")
}

func TestAPanicStaysWithItsOrder(t *testing.T) {
	w := newWorld(t)
	w.parallel = true
	w.config.Tick = time.Millisecond
	w.paid()
	w.restart()
	recovered := make(chan struct{})
	var panicked atomic.Bool
	w.before = func(_ int, call string) error {
		switch {
		case call == "buy" && panicked.CompareAndSwap(false, true):
			panic("provider client")
		case call == "due" && panicked.Load():
			select {
			case <-recovered:
			default:
				close(recovered)
			}
		}
		return nil
	}
	running(t, w)
	within(t, recovered, "the next look")
}

func TestOrdersOfANewerVersionAreLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*orders.Order){
		"schema": func(o *orders.Order) { o.Schema = orders.Schema + 1 },
		"state":  func(o *orders.Order) { o.State = "gifted" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			o := w.store.docs[theOrder]
			change(o)
			version := o.Version
			if err := w.service.Step(t.Context(), theOrder); err != nil {
				t.Fatal(err)
			}
			if o.Version != version || !w.store.due[theOrder].Equal(w.clock().Add(time.Minute)) {
				t.Errorf("version %d, due %s", o.Version, w.store.due[theOrder])
			}
			if name == "schema" {
				return // which the store refuses
			}
			for _, typ := range []string{orders.EventCompleted, orders.EventAsyncFailed, orders.EventRefunded, orders.EventDispute} {
				err := w.service.HandlePayment(t.Context(), orders.PaymentEvent{Type: typ, SessionID: "cs_1", Intent: "pi_1", Order: theOrder})
				if !errors.Is(err, orders.ErrNewer) || o.Version != version {
					t.Errorf("%s: %v, version %d: it must come again, for a newer version to take", typ, err, o.Version)
				}
			}
		})
	}
}

func TestALeasedOrderIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.paid()
	o := w.store.docs[theOrder]
	o.Lease = orders.Lease{Owner: "another", Until: w.clock().Add(time.Minute)}
	if err := w.service.Step(t.Context(), theOrder); err != nil {
		t.Fatal(err)
	}
	w.want(orders.Paid, "")
	w.advance(time.Minute)
	w.run(time.Hour)
	w.want(orders.Delivered, "")
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*orders.Config){
		"no store":     func(c *orders.Config) { c.Store = nil },
		"no providers": func(c *orders.Config) { c.Providers = nil },
		"no shop":      func(c *orders.Config) { c.Shop = "" },
		"short lease":  func(c *orders.Config) { c.Lease = 30 * time.Second },
	} {
		c := w.config
		change(&c)
		if _, err := orders.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
