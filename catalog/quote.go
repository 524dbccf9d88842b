package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// Errors of Quote and QuoteTopUp.
var (
	// ErrGone: nobody sells the plan any more.
	ErrGone = errors.New("the plan is no longer on sale")
	// ErrUnavailable: nobody can sell it at this moment.
	ErrUnavailable = errors.New("the plan can't be sold at the moment")
)

const (
	// quoteTimeout is how long a customer waits for a quote.
	quoteTimeout = 8 * time.Second
	// firstTimeout is how much of it the first provider may take where there is another to ask.
	firstTimeout = 5 * time.Second
)

// Quote asks the plan's provider for its present terms and for the shop's balance there, both at
// once, and returns the plan with fresh Wholesale and Retail. If that provider can't sell it now,
// the same plan is asked for at the other. It takes 8 s at most. The errors are ErrGone and
// ErrUnavailable; the causes are wrapped with them, for the log.
func (c *Catalog) Quote(ctx context.Context, plan esim.Plan) (esim.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, quoteTimeout)
	defer cancel()
	candidates := append([]esim.Plan{plan}, c.Snapshot().Twins(plan)...)
	var gone, failed []error
	for i, candidate := range candidates {
		patience := quoteTimeout
		if i < len(candidates)-1 {
			patience = firstTimeout
		}
		quoted, err := c.ask(ctx, candidate, patience)
		if err == nil {
			return quoted, nil
		}
		err = fmt.Errorf("%s: %w", candidate.Key(), err)
		if errors.Is(err, ErrGone) {
			gone = append(gone, err)
		} else {
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 {
		return esim.Plan{}, errors.Join(gone...)
	}
	return esim.Plan{}, fmt.Errorf("%w: %w", ErrUnavailable, errors.Join(failed...))
}

// errShort: the shop's balance at the provider does not cover the plan.
var errShort = errors.New("balance below the wholesale price")

// ask asks one provider.
func (c *Catalog) ask(ctx context.Context, plan esim.Plan, patience time.Duration) (esim.Plan, error) {
	provider, ok := c.provider(plan.Provider)
	if !ok {
		return esim.Plan{}, fmt.Errorf("no such provider: %w", ErrGone)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var balance decimal.Decimal
	var balanceErr error
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		balanceErr = providers.Guard(func() (err error) {
			balance, err = provider.Balance(ctx)
			return err
		})()
	}()
	fresh, err := provider.Fresh(ctx, plan)
	if err != nil {
		cancel() // the balance doesn't matter any more
	}
	<-asked
	balanceErr = providers.Raise(balanceErr)
	switch {
	case errors.Is(err, providers.ErrPlanGone):
		return esim.Plan{}, fmt.Errorf("%w: %w", ErrGone, err)
	case err != nil:
		return esim.Plan{}, fmt.Errorf("fresh terms: %w", err)
	case balanceErr != nil:
		return esim.Plan{}, fmt.Errorf("balance: %w", balanceErr)
	}
	quoted, err := c.Priced(fresh, plan)
	if err != nil {
		return esim.Plan{}, err
	}
	if c.short(ctx, balance, quoted) {
		return esim.Plan{}, errShort
	}
	return quoted, nil
}

// short says whether the shop's balance at a plan's provider does not cover it, and alerts then.
func (c *Catalog) short(ctx context.Context, balance decimal.Decimal, plan esim.Plan) bool {
	if !balance.LessThan(plan.Wholesale) {
		return false
	}
	c.cfg.Alert(context.WithoutCancel(ctx), "balance:"+string(plan.Provider),
		fmt.Sprintf("%s has $%s, a plan costs $%s", plan.Provider.Name(), balance, plan.Wholesale))
	return true
}

// Priced returns a listing as a plan for the place of like, with its retail price. A listing that
// sells other terms than like, or whose price Stripe would refuse, gives ErrGone.
func (c *Catalog) Priced(l providers.Listing, like esim.Plan) (esim.Plan, error) {
	plan := l.Plan
	plan.Destination, plan.Countries = like.Destination, like.Countries
	if plan.Provider != like.Provider || plan.ID != like.ID || !plan.Same(like) {
		return esim.Plan{}, fmt.Errorf("its terms changed: %w", ErrGone)
	}
	return c.price(plan)
}

// PricedTopUp returns a listing that tops up an eSIM bought as base, with its retail price; ErrGone
// where Stripe would refuse the price.
func (c *Catalog) PricedTopUp(l providers.Listing, base esim.Plan) (esim.Plan, error) {
	plan := l.Plan
	plan.Destination, plan.Countries = base.Destination, base.Countries
	return c.price(plan)
}

func (c *Catalog) price(plan esim.Plan) (esim.Plan, error) {
	retail, err := c.cfg.Pricing.Retail(plan.Wholesale)
	if err != nil {
		return esim.Plan{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	plan.Retail = retail
	return plan, nil
}

func (c *Catalog) provider(id esim.Provider) (providers.Provider, bool) {
	for _, p := range c.cfg.Providers {
		if p.ID() == id {
			return p, true
		}
	}
	return nil, false
}
