package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"esimbot/esim"
)

// listed is how many orders a customer sees.
const listed = 50

// shownWindow is how long after its pay button was shown a page is polled most closely.
const (
	shownWindow = 10 * time.Minute
	shownPoll   = 5 * time.Second
)

// Open makes the order and its payment page and returns it with the page's address. Called again
// with the same id it returns the same order, so that two taps end at one. Errors for the customer
// are ErrPaused, ErrTooMany, ErrBlocked, ErrTestMode and, for another's order or an eSIM to be topped up
// that isn't theirs, ErrNotFound.
func (s *Service) Open(ctx context.Context, d Draft) (*Order, error) {
	ctx = s.hooks.order(ctx, d.ID)
	o, err := s.Get(ctx, d.ID, d.Customer)
	if errors.Is(err, ErrNotFound) {
		o, err = s.create(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	if o.State == AwaitingPayment {
		if err := s.page(ctx, o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (s *Service) create(ctx context.Context, d Draft) (*Order, error) {
	first, err := s.admit(ctx, d)
	if err != nil {
		return nil, err
	}
	now := s.now()
	o := &Order{
		Schema: Schema, Version: 1, ID: d.ID, State: AwaitingPayment, Kind: d.Kind,
		Customer: d.Customer, Language: d.Language, Plan: d.Plan, ESIM: d.ESIM, Screen: d.Screen,
		CreatedAt: now, UpdatedAt: now, DueAt: now.Add(s.reconcile),
		Checkout: Checkout{ExpiresAt: now.Add(s.checkoutTTL).Truncate(time.Second), Strict: first},
	}
	err = s.store.Create(ctx, o, LogEntry{At: now, To: AwaitingPayment, Actor: actorCustomer, Version: 1})
	if errors.Is(err, ErrExists) {
		return s.Get(ctx, d.ID, d.Customer)
	}
	if err != nil {
		return nil, fmt.Errorf("create order %s: %w", d.ID, err)
	}
	s.moved(ctx, o, "", actorCustomer)
	if err := s.store.Project(ctx, o); err != nil {
		return nil, fmt.Errorf("order %s: project: %w", o.ID, err)
	}
	return o, nil
}

// admit says whether a payment page may be opened for d at all, and whether nothing was delivered
// to the customer yet.
func (s *Service) admit(ctx context.Context, d Draft) (first bool, err error) {
	if id, err := ParseID(string(d.ID)); err != nil || id != d.ID {
		return false, ErrID
	}
	switch {
	case d.Kind != KindESIM && d.Kind != KindTopUp, (d.Kind == KindTopUp) != (d.ESIM != ""):
		return false, fmt.Errorf("kind %q: %w", d.Kind, ErrNotForNow)
	case d.Customer <= 0 || d.Plan.Retail.Minor <= 0 || d.Plan.Retail.Currency == "" || d.Plan.Wholesale.Sign() <= 0:
		return false, errors.New("a draft needs a customer, a price and a cost")
	case s.adminsOnly && !d.Admin:
		return false, ErrTestMode
	case s.providers[d.Plan.Provider] == nil:
		return false, ErrPaused
	}
	if pauses, err := s.Pauses(ctx); err != nil {
		return false, fmt.Errorf("open order %s: %w", d.ID, err)
	} else if pauses.Covers(d.Plan.Provider) {
		return false, ErrPaused
	}
	if d.Kind == KindTopUp {
		if err := s.admitTopUp(ctx, d); err != nil {
			return false, err
		}
	}
	if first, err = s.store.AllowCheckout(ctx, d.Customer, d.ID, s.now()); err != nil {
		return false, fmt.Errorf("open order %s: %w", d.ID, err)
	}
	return first, nil
}

// admitTopUp says whether d's eSIM is there, the customer's, and of the provider that is to top it up.
func (s *Service) admitTopUp(ctx context.Context, d Draft) error {
	line, err := s.shelf.Line(ctx, d.ESIM)
	switch {
	case err != nil:
		return fmt.Errorf("open order %s: eSIM %s: %w", d.ID, d.ESIM, err)
	case line.Customer != d.Customer:
		return fmt.Errorf("open order %s: eSIM %s: %w", d.ID, d.ESIM, ErrNotFound)
	case line.Plan.Provider != d.Plan.Provider:
		return fmt.Errorf("open order %s: the eSIM is not %s's: %w", d.ID, d.Plan.Provider, ErrNotForNow)
	default:
		return nil
	}
}

// page makes sure that the order has its Checkout Session, and notes that its button is shown now.
func (s *Service) page(ctx context.Context, o *Order) error {
	checkout := o.Checkout
	if checkout.SessionID == "" {
		opened, err := s.payments.OpenCheckout(ctx, o)
		if err != nil {
			return fmt.Errorf("open checkout of %s: %w", o.ID, err)
		}
		opened.Strict = checkout.Strict
		checkout = opened
	}
	for {
		n := s.next(o, AwaitingPayment, o.Reason, s.rest(s.look(0)), func(n *Order) {
			n.Checkout = checkout
			n.Checkout.ShownAt = s.now()
		})
		err := s.save(ctx, o, n, actorCustomer)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		// Someone paid or a rival tap came first: what stands now is what counts.
		fresh, err := s.store.Load(ctx, o.ID)
		if err != nil {
			return fmt.Errorf("load order %s: %w", o.ID, err)
		}
		*o = *fresh
		if o.State != AwaitingPayment || o.Checkout.SessionID != "" {
			return nil
		}
	}
}

// look is how long a payment page shown since is left alone.
func (s *Service) look(since time.Duration) time.Duration {
	if s.poll() && since < shownWindow {
		return shownPoll
	}
	return s.reconcile
}

// Cancel closes the payment page and ends the order. The order returned tells whether it was paid
// meanwhile, or still awaits what a slow payment method has on its way (Checkout.Completed). ErrNotFound also for another's.
func (s *Service) Cancel(ctx context.Context, id ID, customer int64) (*Order, error) {
	o, err := s.Get(ctx, id, customer)
	if err != nil || o.State != AwaitingPayment {
		return o, err
	}
	if o.Checkout.SessionID == "" {
		if err := s.page(ctx, o); err != nil {
			return nil, err
		}
	}
	if err := s.payments.ExpireCheckout(ctx, o.Checkout.SessionID); err != nil {
		return nil, fmt.Errorf("close checkout of %s: %w", o.ID, err)
	}
	return s.settled(ctx, o, o.Checkout.SessionID, actorCustomer)
}

// Check looks at the payment now and returns the order. The pay button counts as shown again.
// ErrNotFound also for another's.
func (s *Service) Check(ctx context.Context, id ID, customer int64) (*Order, error) {
	o, err := s.Get(ctx, id, customer)
	if err != nil || o.State != AwaitingPayment || o.Checkout.SessionID == "" {
		return o, err
	}
	if o, err = s.settled(ctx, o, o.Checkout.SessionID, actorCustomer); err != nil {
		return nil, err
	}
	if o.State == AwaitingPayment && !o.Checkout.Completed {
		err = s.page(ctx, o)
	}
	return o, err
}

// Get returns the customer's order; ErrNotFound also for another's.
func (s *Service) Get(ctx context.Context, id ID, customer int64) (*Order, error) {
	o, err := s.store.Load(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("load order %s: %w", id, err)
	}
	if o.Customer != customer {
		return nil, fmt.Errorf("load order %s: %w", id, ErrNotFound)
	}
	return o, nil
}

// List returns the customer's orders, newest first, 50 at most.
func (s *Service) List(ctx context.Context, customer int64) ([]*Order, error) {
	list, err := s.store.ByCustomer(ctx, customer, listed)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return list, nil
}

// covers says whether what plan costs now is covered by what the customer pays for o: by what came in,
// where that is known to be less than was asked. Another provider's plan must leave a margin, the
// order's own must not cost more than was charged.
func (s *Service) covers(o *Order, plan esim.Plan) bool {
	price, came := o.Plan.Retail, o.Payment.Received
	if !o.Payment.PaidAt.IsZero() && came.Currency == price.Currency {
		price.Minor = min(price.Minor, came.Minor)
	}
	cost, charged := plan.Wholesale.Mul(s.rate), price.Decimal()
	if plan.Key() == o.Plan.Key() {
		return cost.LessThanOrEqual(charged)
	}
	return cost.LessThan(charged)
}
