package orders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// statsDays is how many days statistics go back at most.
const statsDays = 90

// ErrDays is returned for statistics of no days, or of too many.
var ErrDays = errors.New("statistics are of 1 to 90 days")

// Balances asks every provider at once, each within its timeout, and adds what is owed there to
// paid orders that are not bought yet. One that fails says so in its Err; the others still answer.
func (s *Service) Balances(ctx context.Context) []Balance {
	list := s.askBalances(ctx)
	owed, err := s.owed(ctx)
	for i := range list {
		b := &list[i]
		b.Owed, b.Waiting = owed[b.Provider].usd, owed[b.Provider].orders
		b.Err = errors.Join(b.Err, err) // nobody must take it for nothing owed
	}
	return list
}

// askBalances asks every provider at once what the shop has there.
func (s *Service) askBalances(ctx context.Context) []Balance {
	ids := slices.Sorted(maps.Keys(s.providers))
	list := make([]Balance, len(ids))
	var asking sync.WaitGroup
	for i, id := range ids {
		list[i] = Balance{Provider: id}
		asking.Go(func() { s.askBalance(ctx, &list[i]) })
	}
	asking.Wait()
	return list
}

func (s *Service) askBalance(ctx context.Context, b *Balance) {
	defer func() {
		b.AskedAt = s.now()
		if s.caught(ctx, "balance", recover()) {
			b.Err = errors.New("the balance could not be read")
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	if b.USD, b.Err = s.providers[b.Provider].Balance(ctx); b.Err == nil {
		s.hooks.balance(b.Provider, b.USD)
	}
}

// A debt is what paid orders will cost at a provider.
type debt struct {
	usd    decimal.Decimal
	orders int
}

// owed adds up the wholesale prices of what would be bought for paid orders.
func (s *Service) owed(ctx context.Context) (map[esim.Provider]debt, error) {
	owed := map[esim.Provider]debt{}
	err := s.each(ctx, Paid, func(o *Order) {
		plan := o.Plan
		if plans := s.candidates(o); len(plans) > 0 {
			plan = plans[0]
		}
		d := owed[plan.Provider]
		owed[plan.Provider] = debt{usd: d.usd.Add(plan.Wholesale), orders: d.orders + 1}
	})
	return owed, err
}

// Stats returns the figures of the last days, today's included, and how many orders are in each
// state now. ErrDays for fewer than one or more than 90.
func (s *Service) Stats(ctx context.Context, days int) (Stats, error) {
	if days < 1 || days > statsDays {
		return Stats{}, fmt.Errorf("%d days: %w", days, ErrDays)
	}
	today := s.now().UTC().Truncate(24 * time.Hour)
	list, err := s.store.Stats(ctx, today.AddDate(0, 0, 1-days), today)
	if err != nil {
		return Stats{}, fmt.Errorf("read statistics: %w", err)
	}
	stats := Stats{Days: list, States: make(map[State]int, len(States())), Rate: s.rate}
	for _, state := range States() {
		if _, stats.States[state], err = s.store.Browse(ctx, state, 0, 0); err != nil {
			return Stats{}, fmt.Errorf("count %s orders: %w", state, err)
		}
	}
	return stats, nil
}
