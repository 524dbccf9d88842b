package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// ErrOver means that the provider says the time of the eSIM is over or it was taken back, or doesn't know it
// any more. Nothing can be added to it.
var ErrOver = errors.New("nothing can be added to the eSIM any more")

// TopUps asks an eSIM's provider for the plans that may be added to the eSIM that ref names, bought as
// base, and returns them with their retail prices, the cheapest first; none where the provider sells
// none. It takes 8 s at most. The error is ErrUnavailable, with the cause for the log.
func (c *Catalog) TopUps(ctx context.Context, ref providers.Ref, base esim.Plan) ([]esim.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, quoteTimeout)
	defer cancel()
	provider, ok := c.provider(base.Provider)
	if !ok {
		return nil, nil
	}
	list, err := provider.TopUps(ctx, ref, base)
	switch {
	case errors.Is(err, providers.ErrUnsupported), errors.Is(err, providers.ErrPlanGone), errors.Is(err, providers.ErrNotFound):
		return nil, nil // what can't be asked for can't be bought either
	case err != nil:
		return nil, fmt.Errorf("%w: top-ups: %w", ErrUnavailable, err)
	}
	plans := make([]esim.Plan, 0, len(list))
	for _, l := range list {
		if plan, err := c.PricedTopUp(l, base); err == nil { // one that Stripe would refuse isn't sold
			plans = append(plans, plan)
		}
	}
	slices.SortStableFunc(plans, func(a, b esim.Plan) int {
		return cmp.Or(cmp.Compare(a.Retail.Minor, b.Retail.Minor), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.ID, b.ID))
	})
	return plans, nil
}

// QuoteTopUp asks an eSIM's provider, all at once, whether the eSIM that ref names can still be topped
// up, for the present terms of one of its TopUps, by its Ref, and for the shop's balance there. It
// takes 8 s at most. The errors are ErrOver, ErrGone where that top-up is no longer sold for it, and
// ErrUnavailable; the causes are wrapped with them, for the log.
func (c *Catalog) QuoteTopUp(ctx context.Context, ref providers.Ref, base esim.Plan, topUp string) (esim.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, quoteTimeout)
	defer cancel()
	provider, ok := c.provider(base.Provider)
	if !ok {
		return esim.Plan{}, fmt.Errorf("no such provider: %w", ErrGone)
	}
	var plans []esim.Plan
	var balance decimal.Decimal
	var listErr, balanceErr error
	var asking sync.WaitGroup
	asking.Go(func() {
		listErr = providers.Guard(func() (err error) {
			plans, err = c.TopUps(ctx, ref, base)
			return err
		})()
	})
	asking.Go(func() {
		balanceErr = providers.Guard(func() (err error) {
			balance, err = provider.Balance(ctx)
			return err
		})()
	})
	err := c.alive(ctx, provider, ref)
	if err != nil {
		cancel() // the rest doesn't matter any more
	}
	asking.Wait()
	listErr, balanceErr = providers.Raise(listErr), providers.Raise(balanceErr)
	switch {
	case err != nil:
		return esim.Plan{}, err
	case listErr != nil:
		return esim.Plan{}, listErr
	}
	i := slices.IndexFunc(plans, func(p esim.Plan) bool { return p.Ref() == topUp })
	switch {
	case i < 0:
		return esim.Plan{}, fmt.Errorf("top-up %s: %w", topUp, ErrGone)
	case balanceErr != nil:
		return esim.Plan{}, fmt.Errorf("%w: balance: %w", ErrUnavailable, balanceErr)
	case c.short(ctx, balance, plans[i]):
		return esim.Plan{}, fmt.Errorf("%w: %w", ErrUnavailable, errShort)
	}
	return plans[i], nil
}

// alive asks the provider whether the eSIM that ref names has come to its end. A provider that can't
// tell is no reason not to sell: the order machine asks again before it buys.
func (c *Catalog) alive(ctx context.Context, provider providers.Provider, ref providers.Ref) error {
	u, err := provider.Query(ctx, ref)
	switch {
	case errors.Is(err, providers.ErrUnsupported):
		return nil
	case errors.Is(err, providers.ErrNotFound):
		return fmt.Errorf("%w: %w", ErrOver, err)
	case err != nil:
		return fmt.Errorf("%w: eSIM: %w", ErrUnavailable, err)
	case u.Status == esim.StatusExpired, u.Status == esim.StatusCancelled, !u.ExpiresAt.IsZero() && !c.cfg.Now().Before(u.ExpiresAt):
		return fmt.Errorf("%w: it is %s", ErrOver, u.Status)
	default:
		return nil
	}
}
