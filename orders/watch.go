package orders

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	// watchEvery is how often the providers' balances are looked at, by one replica for all.
	watchEvery = 10 * time.Minute
	// watchSlack is how much sooner the claim on that ends, so that a replica whose timer is a
	// little early isn't turned away for another whole interval.
	watchSlack = 30 * time.Second
	// claimWatch is that claim.
	claimWatch = "watch"
	// handOverTimeout bounds giving a claim up when the process ends.
	handOverTimeout = 5 * time.Second
	// balanceAlert is the balance in USD under which admins are told where nothing else is set.
	balanceAlert = 20
)

// watch looks at the providers' balances at once and then every ten minutes, until ctx ends.
func (s *Service) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		s.Watch(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Watch looks at the providers' balances now, unless another replica did shortly before, and tells
// admins of a low one and of a provider that fails.
func (s *Service) Watch(ctx context.Context) {
	defer s.recovered(ctx, "watch")
	free, err := s.store.Claim(ctx, claimWatch, watchEvery-watchSlack)
	if err != nil {
		if ctx.Err() == nil {
			s.log.WarnContext(ctx, "balances not watched", slog.Any("error", err))
		}
		return
	}
	if !free {
		return
	}
	for _, b := range s.askBalances(ctx) {
		switch {
		case ctx.Err() != nil: // the process ends, which is no failure of the provider's
			s.handOver(ctx, claimWatch)
			return
		case b.Err != nil:
			s.log.WarnContext(ctx, "balance not read", slog.String("provider", string(b.Provider)), slog.Any("error", b.Err))
			s.alert(ctx, Alert{Key: "provider:" + string(b.Provider), Kind: "provider_down", Detail: b.Err.Error()})
		case b.USD.LessThan(s.low):
			s.alert(ctx, Alert{Key: "balance:" + string(b.Provider), Kind: "balance_low",
				Detail: fmt.Sprintf("%s USD there, told of under %s USD", b.USD.StringFixed(2), s.low)})
		}
	}
}

// handOver gives a claim up whose work the process's end has cut short, so that another replica does
// it now and not when the claim has run out.
func (s *Service) handOver(ctx context.Context, claim string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverTimeout)
	defer cancel()
	if err := s.store.Release(ctx, claim); err != nil {
		s.log.WarnContext(ctx, "claim not given up", slog.String("claim", claim), slog.Any("error", err))
	}
}
