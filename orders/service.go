package orders

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// How long things may take. Stripe's calls carry their own limit.
const (
	showTimeout    = 5 * time.Second
	deliverTimeout = 30 * time.Second
	alertTimeout   = 10 * time.Second
	markTimeout    = 5 * time.Second
	keepTimeout    = 10 * time.Minute
	// keepGrace is how much longer a process that is being stopped tries to store what it bought.
	keepGrace = 5 * time.Second
	// leaseMargin is what must be left of a lease beside the provider's timeout when it is called.
	leaseMargin = 10 * time.Second
	// drainTimeout is how long work in flight may take to end after Run was told to stop. With
	// keepGrace the process ends within 30 s.
	drainTimeout = 25 * time.Second
	// workingAfter is how long after the payment the customer is told that it takes longer.
	workingAfter = 20 * time.Second
)

// A Config is what the order machine works with. Every port is required; durations and numbers
// left zero get the defaults of the environment variables of the same names.
type Config struct {
	Store     Store
	Payments  Payments
	Providers map[esim.Provider]providers.Provider
	// Twins returns the same plan at other providers, cheapest first; nil: none.
	Twins    func(esim.Plan) []esim.Plan
	Notifier Notifier
	Shelf    Shelf

	// Shop is the bot's numeric id, which every Checkout Session of ours carries.
	Shop string
	// LiveMode says that the Stripe key is a live one: payments of the other mode aren't honoured.
	LiveMode bool
	// TestSellsToAdminsOnly is set where test money would buy real eSIMs.
	TestSellsToAdminsOnly bool
	// Rate is what one USD costs in the currency customers pay in; zero means 1.
	Rate decimal.Decimal
	// BalanceAlert is the balance at a provider, in USD, under which admins are told; nil means 20.
	BalanceAlert *decimal.Decimal
	// PollPayments says whether fresh payment pages are looked at every 5 s, for want of a webhook;
	// nil: never. It is asked at each look, for the webhook's secret may come and go.
	PollPayments func() bool

	Lease             time.Duration // 60 s
	ProviderTimeout   time.Duration // 15 s
	CheckoutTTL       time.Duration // 31 min
	EvidenceWait      time.Duration // 2 min
	HoldDeadline      time.Duration // 2 h
	ReconcileInterval time.Duration // 1 min
	// Tick is the time between two looks at the due set, 1 s; Parallel how many orders are driven
	// at once, 16.
	Tick     time.Duration
	Parallel int

	Now    func() time.Time // nil: time.Now in UTC
	Random io.Reader        // nil: crypto/rand
	// Owner names this runner in leases; empty: drawn from Random.
	Owner string
	Log   *slog.Logger

	// Panicked counts the panics that were caught, by where; nil: nobody counts.
	Panicked func(where string)

	Hooks Hooks

	// Wait pauses between tries to store what was bought, until ctx ends; nil: a timer.
	Wait func(ctx context.Context, d time.Duration) error
	// Sequential has everything that one step does made in its caller's goroutine, so that the same
	// random numbers and answers lead to the same calls in the same order: for simulations.
	Sequential bool

	// SweepInterval is how often all payment pages of the last 3 days are held against what Redis
	// knows, beside once at the start; 1 h.
	SweepInterval time.Duration
	// Plans finds a plan in the catalogue by its provider's id and its Ref, for an order to be rebuilt
	// whose terms Stripe wasn't told; nil: none is found.
	Plans func(provider esim.Provider, id, ref string) (esim.Plan, bool)
}

// A Service is the order machine. Its methods may be called by several goroutines at once.
type Service struct {
	store     Store
	payments  Payments
	providers map[esim.Provider]providers.Provider
	twins     func(esim.Plan) []esim.Plan
	notifier  Notifier
	shelf     Shelf

	shop       string
	liveMode   bool
	adminsOnly bool
	rate       decimal.Decimal
	low        decimal.Decimal // a provider's balance under it is told of
	poll       func() bool

	lease, providerTimeout, checkoutTTL, evidenceWait, holdDeadline, reconcile, tick time.Duration

	now    func() time.Time
	random io.Reader
	owner  string
	log    *slog.Logger
	hooks  Hooks
	drain  time.Duration
	// wait sleeps for d or until ctx ends.
	wait func(ctx context.Context, d time.Duration) error
	// sweepEvery and plans are the sweep's.
	sweepEvery time.Duration
	plans      func(provider esim.Provider, id, ref string) (esim.Plan, bool)
	// meanwhile does something beside the caller's work; the function it returns waits for it.
	meanwhile func(do func()) (wait func())

	panicked func(where string)
	slots    chan struct{} // one token a running drive
	kicks    chan ID
	stopping atomic.Bool
	mu       sync.Mutex
	inFlight map[ID]bool
	shunned  map[ID]failing // orders whose steps fail here
	health   health
}

// New checks c and returns the order machine. Nothing runs before Run.
func New(c Config) (*Service, error) {
	s := &Service{
		store: c.Store, payments: c.Payments, providers: c.Providers, notifier: c.Notifier, shelf: c.Shelf, log: c.Log, hooks: c.Hooks,
		shop: c.Shop, liveMode: c.LiveMode, adminsOnly: c.TestSellsToAdminsOnly,
		twins:           orElse(c.Twins, func(esim.Plan) []esim.Plan { return nil }),
		poll:            orElse(c.PollPayments, func() bool { return false }),
		now:             orElse(c.Now, func() time.Time { return time.Now().UTC() }),
		lease:           orDefault(c.Lease, time.Minute),
		providerTimeout: orDefault(c.ProviderTimeout, 15*time.Second),
		checkoutTTL:     orDefault(c.CheckoutTTL, 31*time.Minute),
		evidenceWait:    orDefault(c.EvidenceWait, 2*time.Minute),
		holdDeadline:    orDefault(c.HoldDeadline, 2*time.Hour),
		reconcile:       orDefault(c.ReconcileInterval, time.Minute),
		tick:            orDefault(c.Tick, time.Second),
		rate:            c.Rate, random: c.Random, owner: c.Owner, drain: drainTimeout, wait: orElse(c.Wait, sleep), meanwhile: inBackground,
		slots: make(chan struct{}, orDefault(c.Parallel, 16)), kicks: make(chan ID, 256), inFlight: map[ID]bool{}, shunned: map[ID]failing{},
	}
	if c.Sequential {
		s.meanwhile = atOnce
	}
	s.panicked = c.Panicked
	s.sweepEvery, s.plans = orDefault(c.SweepInterval, time.Hour), c.Plans
	if s.plans == nil {
		s.plans = func(esim.Provider, string, string) (esim.Plan, bool) { return esim.Plan{}, false }
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	s.low = decimal.New(balanceAlert, 0)
	if c.BalanceAlert != nil {
		s.low = *c.BalanceAlert
	}
	if s.rate.IsZero() {
		s.rate = decimal.New(1, 0)
	}
	var problems []error
	if c.Store == nil || c.Payments == nil || c.Notifier == nil || c.Shelf == nil || c.Log == nil {
		problems = append(problems, errors.New("store, payments, notifier, shelf and log are required"))
	}
	if len(c.Providers) == 0 {
		problems = append(problems, errors.New("no provider"))
	}
	if c.Shop == "" {
		problems = append(problems, errors.New("no shop id"))
	}
	if s.lease < s.providerTimeout+20*time.Second {
		problems = append(problems, errors.New("the lease must be at least the provider's timeout and 20 s"))
	}
	if s.rate.Sign() < 0 {
		problems = append(problems, errors.New("the rate must be positive"))
	}
	if s.owner == "" {
		var err error
		if s.owner, err = s.nonce(); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("order machine: %w", errors.Join(problems...))
	}
	return s, nil
}

// nonce draws 80 random bits as text.
func (s *Service) nonce() (string, error) {
	var b [10]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("draw nonce: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

func orDefault[T time.Duration | int](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

func orElse[F func(esim.Plan) []esim.Plan | func() bool | func() time.Time |
	func(context.Context, time.Duration) error](f, d F) F {
	if f == nil {
		return d
	}
	return f
}

// atOnce does something here and now.
func atOnce(do func()) (wait func()) {
	do()
	return func() {}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
