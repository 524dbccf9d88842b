package orders_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

// teller answers Balance as it is told.
type teller struct {
	*seller
	tell func(ctx context.Context) (decimal.Decimal, error)
}

func (p *teller) Balance(ctx context.Context) (decimal.Decimal, error) { return p.tell(ctx) }

// telling replaces the second provider's answer.
func (w *world) telling(tell func(ctx context.Context) (decimal.Decimal, error)) {
	w.sellTwice()
	w.config.Providers = map[esim.Provider]providers.Provider{esim.CloudESIM: w.cloud, esim.Mobilexy: &teller{seller: w.mobilexy, tell: tell}}
	w.restart()
}

func TestBalances(t *testing.T) {
	w := newWorld(t).sellTwice()
	w.cloud.balance = decimal.RequireFromString("12.34")
	for i := range 120 { // more than one page
		w.stored(orders.ID(fmt.Sprintf("0000000%03d", i)), func(o *orders.Order) { o.State, o.Bought = orders.Paid, nil })
	}
	w.stored("0000009001", func(o *orders.Order) {
		o.State, o.Bought, o.Refused = orders.Paid, nil, []esim.Provider{esim.CloudESIM} // goes to the other one
	})
	w.stored("0000009002", func(o *orders.Order) {
		o.State, o.Bought, o.Kind, o.Plan = orders.Paid, nil, orders.KindTopUp, twin
	})
	w.stored("0000009003", nil)
	list := w.service.Balances(t.Context())
	if len(list) != 2 || list[0].Provider != esim.CloudESIM || list[1].Provider != esim.Mobilexy {
		t.Fatalf("balances %+v", list)
	}
	for i, want := range []struct {
		usd, owed string
		waiting   int
	}{{"12.34", "420", 120}, {"100", "7.6", 2}} {
		b := list[i]
		if b.Err != nil || !b.USD.Equal(decimal.RequireFromString(want.usd)) || !b.Owed.Equal(decimal.RequireFromString(want.owed)) || b.Waiting != want.waiting || !b.AskedAt.Equal(w.clock()) {
			t.Errorf("balance %+v, want %+v", b, want)
		}
	}
}

func TestBalancesOfProvidersThatFail(t *testing.T) {
	for name, tell := range map[string]func(context.Context) (decimal.Decimal, error){
		"error": func(context.Context) (decimal.Decimal, error) { return decimal.Zero, errors.New("HTTP 500") },
		"panic": func(context.Context) (decimal.Decimal, error) { panic("client") },
		"no answer": func(ctx context.Context) (decimal.Decimal, error) {
			<-ctx.Done()
			return decimal.Zero, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.ProviderTimeout = 20 * time.Millisecond
			w.telling(tell)
			list := w.service.Balances(t.Context())
			if list[0].Err != nil || !list[0].USD.Equal(decimal.New(100, 0)) || list[1].Err == nil || list[1].AskedAt.IsZero() {
				t.Errorf("balances %+v", list)
			}
		})
	}
	w := newWorld(t)
	w.store.failing = map[string]error{"browse": errors.New("redis: timeout")}
	if list := w.service.Balances(t.Context()); list[0].Err == nil {
		t.Errorf("what is owed is not known, and %+v", list)
	}
}

func TestWatchTellsOfLowBalances(t *testing.T) {
	down := func(context.Context) (decimal.Decimal, error) { return decimal.Zero, errors.New("HTTP 500") }
	has := func(usd string) func(context.Context) (decimal.Decimal, error) {
		return func(context.Context) (decimal.Decimal, error) { return decimal.RequireFromString(usd), nil }
	}
	fifty := decimal.New(50, 0)
	for name, c := range map[string]struct {
		tell func(context.Context) (decimal.Decimal, error)
		low  *decimal.Decimal
		want []orders.Alert
	}{
		"enough":            {has("20"), nil, nil},
		"under the default": {has("19.99"), nil, []orders.Alert{{Key: "balance:mobilexy", Kind: "balance_low", Detail: "19.99 USD there, told of under 20 USD"}}},
		"under what is set": {has("49.9"), &fifty, []orders.Alert{{Key: "balance:mobilexy", Kind: "balance_low", Detail: "49.90 USD there, told of under 50 USD"}}},
		"never told of":     {has("0"), &decimal.Zero, nil},
		"failing":           {down, nil, []orders.Alert{{Key: "provider:mobilexy", Kind: "provider_down", Detail: "HTTP 500"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			heard := &listener{telegram: w.telegram}
			w.config.Notifier, w.config.BalanceAlert = heard, c.low
			w.telling(c.tell)
			w.service.Watch(t.Context())
			w.runner(w.clock).Watch(t.Context()) // another replica, at the same time
			if !slices.Equal(heard.alerts, c.want) {
				t.Errorf("alerts %+v, want %+v", heard.alerts, c.want)
			}
			w.advance(10 * time.Minute)
			w.service.Watch(t.Context())
			if len(heard.alerts) != 2*len(c.want) {
				t.Errorf("ten minutes later %+v", heard.alerts)
			}
		})
	}
}

// listener keeps alerts whole.
type listener struct {
	*telegram
	alerts []orders.Alert
}

func (l *listener) Alert(_ context.Context, a orders.Alert) error {
	l.alerts = append(l.alerts, a)
	return nil
}

func TestWatchSaysNothingOfItsOwnFailures(t *testing.T) {
	w := newWorld(t)
	w.cloud.balance = decimal.Zero
	w.store.failing = map[string]error{"claim": errors.New("redis: timeout")}
	w.service.Watch(t.Context())
	w.store.failing = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.service.Watch(ctx) // the process ends
	if len(w.telegram.alerts) != 0 {
		t.Errorf("alerts %v", w.telegram.alerts)
	}
}

func TestRunWatches(t *testing.T) {
	w := newWorld(t)
	w.parallel = true
	w.cloud.balance = decimal.New(1, 0)
	alerted := make(chan struct{})
	w.after = func(_ int, call string) error {
		if call == "alert" {
			close(alerted)
		}
		return nil
	}
	w.restart()
	running(t, w)
	within(t, alerted, "alert")
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	w.config.Rate = decimal.RequireFromString("0.9")
	w.restart()
	w.store.days = []orders.DayStats{{Opened: 3}}
	w.stored("0000000001", nil)
	w.stored("0000000002", nil)
	w.stored("0000000003", func(o *orders.Order) { o.State = orders.Review })
	for days, first := range map[int]time.Time{
		1: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), 7: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC), 90: time.Date(2026, 8, 25, 0, 0, 0, 0, time.UTC),
	} {
		s, err := w.service.Stats(t.Context(), days)
		if err != nil || len(s.Days) != 1 || !s.Rate.Equal(w.config.Rate) {
			t.Errorf("%d days: %+v, %v", days, s, err)
		}
		if w.store.asked[0] != first || w.store.asked[1] != time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) {
			t.Errorf("%d days: asked for %v", days, w.store.asked)
		}
		if len(s.States) != len(orders.States()) || s.States[orders.Delivered] != 2 || s.States[orders.Review] != 1 || s.States[orders.Paid] != 0 {
			t.Errorf("states %v", s.States)
		}
	}
	for _, days := range []int{-1, 0, 91, 1 << 40} {
		if _, err := w.service.Stats(t.Context(), days); !errors.Is(err, orders.ErrDays) {
			t.Errorf("%d days: %v", days, err)
		}
	}
	for _, call := range []string{"stats", "browse"} {
		w.store.failing = map[string]error{call: errors.New("redis: timeout")}
		if _, err := w.service.Stats(t.Context(), 7); err == nil {
			t.Errorf("%s failed, and nothing was said", call)
		}
	}
}

// A low balance is told of once a day. That an order is held for it, with two hours to go, is another
// matter: it must not be kept quiet by the first.
func TestHeldOrderIsToldOfBesideALowBalance(t *testing.T) {
	w := newWorld(t)
	heard := &listener{telegram: w.telegram}
	w.config.Notifier = heard
	w.sellTwice()
	w.restart()
	w.cloud.balance = decimal.RequireFromString("3.49")
	w.service.Watch(t.Context())
	w.paid()
	w.run(10 * time.Minute)
	w.want(orders.Paid, orders.ReasonBalance)
	told := map[string]bool{}
	for _, a := range heard.alerts {
		told[a.Key] = a.Order != nil
	}
	if held, low := told["held:cloudesim"], told["balance:cloudesim"]; !held || low {
		t.Errorf("alerts %+v", heard.alerts)
	}
}

// A replica that is told to end while it looks at the balances leaves them to another one, now and not
// ten minutes later.
func TestWatchIsHandedOver(t *testing.T) {
	w := newWorld(t)
	ctx, end := context.WithCancel(t.Context())
	w.telling(func(context.Context) (decimal.Decimal, error) {
		end()
		return decimal.Zero, ctx.Err()
	})
	w.service.Watch(ctx)
	if len(w.telegram.alerts) != 0 {
		t.Errorf("a provider is blamed for the end: %v", w.telegram.alerts)
	}
	w.telling(func(context.Context) (decimal.Decimal, error) { return decimal.NewFromInt(1), nil })
	w.service.Watch(t.Context())
	if !slices.Contains(w.telegram.alerts, "balance_low") {
		t.Errorf("nobody looks: %v", w.telegram.alerts)
	}
}
