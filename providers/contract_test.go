package providers_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/providers/cloudesim"
	"esimbot/providers/mobilexy"
	"esimbot/sandbox/clock"
	cloudesimserver "esimbot/sandbox/cloudesim"
	"esimbot/sandbox/fault"
	mobilexyserver "esimbot/sandbox/mobilexy"
	"esimbot/sandbox/wholesale"
)

const token = "tok_contract_0123456789"

// A world is one sandbox server, and a shop's client of it that has bought two eSIMs there.
type world struct {
	house   *wholesale.House
	fault   *fault.Switch
	clock   *clock.Clock
	url     string
	hits    *atomic.Int64
	connect func(url, key string, timeout time.Duration) (providers.Provider, error)

	client    providers.Provider
	catalogue providers.Catalogue
	plan      esim.Plan     // bought twice
	slug      string        // of its place
	topUp     esim.Plan     // fits it
	ref       providers.Ref // an eSIM that is installed
	unused    providers.Ref // one that is not
	profile   esim.Profile  // of ref, as the purchase told it
	cloudESIM *cloudesimserver.Server
}

func cloudESIMWorld(t *testing.T) *world {
	c := &clock.Clock{}
	s := cloudesimserver.New(cloudesimserver.Options{Token: token, Now: c.Now, Seed: 1})
	w := &world{house: s.House, fault: s.Fault, clock: c, cloudESIM: s}
	w.connect = func(url, key string, timeout time.Duration) (providers.Provider, error) {
		return cloudesim.New(cloudesim.Config{
			Token: key, BaseURL: url, Timeout: timeout, Rate: 10_000, Backoff: time.Millisecond, Now: c.Now, AllowPrivateImages: true,
		})
	}
	return w.start(t, s, "/api/v1")
}

func mobilexyWorld(t *testing.T) *world {
	c := &clock.Clock{}
	s := mobilexyserver.New(mobilexyserver.Options{APIKey: token, Now: c.Now, Seed: 1})
	w := &world{house: s.House, fault: s.Fault, clock: c}
	w.connect = func(url, key string, timeout time.Duration) (providers.Provider, error) {
		return mobilexy.New(mobilexy.Config{APIKey: key, BaseURL: url, Timeout: timeout, Rate: 10_000, Backoff: time.Millisecond})
	}
	return w.start(t, s, "/api")
}

// start serves the API, buys two eSIMs of a plan for Japan and installs the first.
func (w *world) start(t *testing.T, api http.Handler, path string) *world {
	t.Helper()
	w.hits = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.Add(1)
		if strings.Contains(r.URL.String(), token) {
			t.Errorf("the credentials stand in the address of %s", r.URL.Path)
		}
		api.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	w.url = s.URL + path
	w.client = w.dial(t, w.url, token, 10*time.Second)
	var err error
	if w.catalogue, err = w.client.Catalogue(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, l := range w.catalogue.Listings {
		if l.Kind == esim.Country && (l.Place.Code == "JP" || l.Place.Name == "Japan") && l.Plan.Bytes == 3*esim.GB && l.Plan.Days == 30 {
			w.plan, w.slug = l.Plan, l.Place.Slug
		}
	}
	for i, ref := range []*providers.Ref{&w.ref, &w.unused} {
		p, err := w.client.Buy(t.Context(), w.plan)
		if err != nil {
			t.Fatal(err)
		}
		sold := w.house.ESIMs()[i]
		*ref = providers.Ref{ICCID: esim.ICCID(sold.ICCID), OrderNo: p.OrderNo, TranNo: sold.TranNo}
		if i == 0 {
			w.profile = p
		}
	}
	if err := w.house.Install(w.ref.ICCID.Digits()); err != nil {
		t.Fatal(err)
	}
	more, err := w.client.TopUps(t.Context(), w.ref, w.plan)
	if err != nil || len(more) == 0 {
		t.Fatalf("%d top-ups, %v", len(more), err)
	}
	w.topUp = more[0].Plan
	w.hits.Store(0)
	return w
}

func (w *world) dial(t *testing.T, url, key string, timeout time.Duration) providers.Provider {
	t.Helper()
	c, err := w.connect(url, key, timeout)
	if err != nil {
		t.Fatal(err)
	}
	if closer, ok := c.(interface{ Close() }); ok {
		t.Cleanup(closer.Close)
	}
	return c
}

// An endpoint is one row of the contract: a call of one client method, and so of one endpoint.
type endpoint struct {
	name string
	once bool // a purchase, top-up or cancellation
	open bool // needs no credentials
	paid bool // costs balance
	call func(ctx context.Context, c providers.Provider, w *world) error
}

// of makes a row's call from a method of a provider's own client.
func of[C providers.Provider, T any](method func(ctx context.Context, c C, w *world) (T, error)) func(context.Context, providers.Provider, *world) error {
	return func(ctx context.Context, p providers.Provider, w *world) error {
		c, ok := p.(C)
		if !ok {
			return errors.New("another provider's client")
		}
		_, err := method(ctx, c, w)
		return err
	}
}

func cloudESIMEndpoints() []endpoint {
	type client = *cloudesim.Client
	return []endpoint{
		{name: "account/balance", call: of(func(ctx context.Context, c client, _ *world) (cloudesim.Account, error) { return c.Account(ctx) })},
		{name: "packages", call: of(func(ctx context.Context, c client, _ *world) ([]cloudesim.Package, error) {
			return c.Packages(ctx, cloudesim.PackageFilter{LocationCode: "JP", Type: cloudesim.TypeBase})
		})},
		{name: "esim/order", once: true, paid: true, call: of(func(ctx context.Context, c client, w *world) (cloudesim.Order, error) {
			return c.OrderESIM(ctx, w.plan.ID)
		})},
		{name: "esim/query", call: of(func(ctx context.Context, c client, w *world) ([]cloudesim.Item, error) {
			return c.QueryESIM(ctx, cloudesim.QueryRequest{ICCID: w.ref.ICCID.Digits()})
		})},
		{name: "esim/topup", once: true, paid: true, call: of(func(ctx context.Context, c client, w *world) (string, error) {
			return c.TopUpESIM(ctx, w.ref.ICCID.Digits(), w.topUp.ID)
		})},
		{name: "esim/cancel", once: true, call: of(func(ctx context.Context, c client, w *world) (string, error) {
			return c.CancelESIM(ctx, cloudesim.CancelRequest{ESIMTranNo: w.unused.OrderNo})
		})},
	}
}

func mobilexyEndpoints() []endpoint {
	type client = *mobilexy.Client
	return []endpoint{
		{name: "coverage/countries", open: true, call: of(func(ctx context.Context, c client, _ *world) ([]mobilexy.Country, error) { return c.Countries(ctx) })},
		{name: "coverage/regions", open: true, call: of(func(ctx context.Context, c client, _ *world) ([]mobilexy.Region, error) { return c.Regions(ctx) })},
		{name: "country-plans", open: true, call: of(func(ctx context.Context, c client, w *world) ([]mobilexy.Plan, error) {
			return c.CountryPlans(ctx, w.slug)
		})},
		{name: "region-plans", open: true, call: of(func(ctx context.Context, c client, _ *world) ([]mobilexy.Plan, error) {
			return c.RegionPlans(ctx, "asia-as-12")
		})},
		{name: "global-plans", open: true, call: of(func(ctx context.Context, c client, _ *world) ([]mobilexy.Plan, error) { return c.GlobalPlans(ctx) })},
		{name: "plan/", open: true, call: of(func(ctx context.Context, c client, w *world) (mobilexy.Plan, error) {
			return c.PlanDetails(ctx, w.plan.ID)
		})},
		{name: "balance", call: of(func(ctx context.Context, c client, _ *world) (decimal.Decimal, error) { return c.Balance(ctx) })},
		{name: "plan/purchase", once: true, paid: true, call: of(func(ctx context.Context, c client, w *world) (mobilexy.Purchase, error) {
			return c.PurchasePlan(ctx, w.plan.ID)
		})},
		{name: "profile/topup", once: true, paid: true, call: of(func(ctx context.Context, c client, w *world) (mobilexy.ToppedUp, error) {
			return c.TopUpProfile(ctx, w.ref.TranNo, w.topUp.PackageCode)
		})},
		{name: "profile/usage-check", call: of(func(ctx context.Context, c client, w *world) ([]mobilexy.UsageEntry, error) {
			return c.UsageByTranNos(ctx, []string{w.ref.TranNo})
		})},
	}
}

// contracts runs check for each endpoint of both providers, with a world that is theirs together and
// a way to start one of its own.
func contracts(t *testing.T, check func(t *testing.T, e endpoint, shared *world, start func(*testing.T) *world)) {
	for name, p := range map[string]struct {
		endpoints []endpoint
		start     func(*testing.T) *world
	}{
		"cloudesim": {cloudESIMEndpoints(), cloudESIMWorld},
		"mobilexy":  {mobilexyEndpoints(), mobilexyWorld},
	} {
		t.Run(name, func(t *testing.T) {
			shared := p.start(t)
			for _, e := range p.endpoints {
				t.Run(strings.TrimSuffix(e.name, "/"), func(t *testing.T) { check(t, e, shared, p.start) })
			}
		})
	}
}

// TestEachEndpointInEachMood holds every call against the four classes and counts what went over
// the wire: a purchase is one request whatever happens, a read is asked three times at most.
func TestEachEndpointInEachMood(t *testing.T) {
	type outcome struct {
		ok       bool
		class    providers.Class
		cause    error
		requests int64 // of a read
	}
	outcomes := map[fault.Mood]outcome{
		fault.OK:         {ok: true, requests: 1},
		fault.Empty:      {ok: true, requests: 1},
		fault.Slow:       {class: providers.Unknown, cause: context.DeadlineExceeded, requests: 1},
		fault.Error:      {class: providers.Unknown, requests: 3},
		fault.ErrorAfter: {class: providers.Unknown, requests: 3},
		fault.Dead:       {class: providers.Unknown, requests: 3},
		fault.DeadAfter:  {class: providers.Unknown, requests: 3},
		fault.Garbage:    {class: providers.Unknown, cause: providers.ErrMalformed, requests: 3},
		fault.Half:       {class: providers.Unknown, cause: providers.ErrMalformed, requests: 3},
		fault.Huge:       {class: providers.Unknown, cause: providers.ErrMalformed, requests: 1},
		fault.Late:       {class: providers.Unknown, cause: context.DeadlineExceeded, requests: 1},
		fault.Refused:    {class: providers.Unknown, requests: 3}, // one address for all: its connections are dropped, not refused
		fault.Limited:    {class: providers.NotSent, requests: 1}, // Retry-After is longer than the call may take
	}
	timeouts := map[fault.Mood]time.Duration{fault.Slow: 500 * time.Millisecond, fault.Late: 500 * time.Millisecond, fault.Limited: 900 * time.Millisecond}
	contracts(t, func(t *testing.T, e endpoint, w *world, start func(*testing.T) *world) {
		for _, mood := range fault.Moods() {
			want, known := outcomes[mood]
			if !known {
				t.Fatalf("no outcome for mood %s", mood)
			}
			timeout := timeouts[mood]
			if timeout == 0 {
				timeout = 10 * time.Second
			}
			if e.name == "esim/cancel" {
				w = start(t) // what was cancelled can't be cancelled again
			}
			if err := w.fault.Set(fault.Rule{Mood: mood, Path: e.name}); err != nil {
				t.Fatal(err)
			}
			w.hits.Store(0)
			orders := len(w.house.Orders())
			err := e.call(t.Context(), w.dial(t, w.url, token, timeout), w)
			requests := want.requests
			if e.once {
				requests = 1
			}
			if w.hits.Load() != requests {
				t.Errorf("%s: %d requests, want %d", mood, w.hits.Load(), requests)
			}
			if made := len(w.house.Orders()) - orders; made > 1 {
				t.Errorf("%s: %d orders made", mood, made)
			}
			var failure *providers.Error
			switch {
			case want.ok && err != nil:
				t.Errorf("%s: %v", mood, err)
			case want.ok:
			case !errors.As(err, &failure) || failure.Class != want.class || want.cause != nil && !errors.Is(err, want.cause):
				t.Errorf("%s: %v, want %s with %v", mood, err, want.class, want.cause)
			}
		}
	})
}

func TestWrongCredentialsAreRejected(t *testing.T) {
	contracts(t, func(t *testing.T, e endpoint, w *world, _ func(*testing.T) *world) {
		w.hits.Store(0)
		err := e.call(t.Context(), w.dial(t, w.url, "tok_wrong_9876543210", 10*time.Second), w)
		if e.open {
			if err != nil {
				t.Errorf("%v", err)
			}
			return
		}
		if !errors.Is(err, providers.ErrUnauthorized) || providers.ClassOf(err) != providers.Rejected || w.hits.Load() != 1 {
			t.Errorf("%d requests: %v", w.hits.Load(), err)
		}
		if err != nil && strings.Contains(err.Error(), "tok_wrong") {
			t.Errorf("the credentials stand in %v", err)
		}
	})
}

func TestTooLittleBalanceIsRejected(t *testing.T) {
	contracts(t, func(t *testing.T, e endpoint, w *world, _ func(*testing.T) *world) {
		if !e.paid {
			return
		}
		w.house.SetBalance(decimal.New(1, -2))
		err := e.call(t.Context(), w.client, w)
		if !errors.Is(err, providers.ErrInsufficientBalance) || providers.ClassOf(err) != providers.Rejected {
			t.Errorf("%v", err)
		}
	})
}

func TestNobodyThereMeansNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	contracts(t, func(t *testing.T, e endpoint, w *world, _ func(*testing.T) *world) {
		w.hits.Store(0)
		if err := e.call(t.Context(), w.dial(t, nobody, token, 10*time.Second), w); err == nil || providers.ClassOf(err) != providers.NotSent {
			t.Errorf("%v", err)
		}
	})
}
