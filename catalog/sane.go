package catalog

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/providers"
)

// Why a catalogue is refused.
var (
	errEmpty  = errors.New("no plans in it")
	errShrunk = errors.New("less than half of the plans")
	errAbsurd = errors.New("absurd prices")
)

// A plan's price is absurd when it is not above 0, above maxWholesale, or when it rose or fell by
// maxFactor since the last good catalogue.
const (
	maxWholesale = 2000 // USD
	maxFactor    = 20
	// tolerated is the share of plans with absurd prices that keep their last good terms, or are
	// left out if they have none; with more of them the whole catalogue is refused.
	tolerated = 10 // percent
)

// sane returns the listings that can be believed, or why the whole can't be. A much smaller
// catalogue is believed when the last good one is older than patience: by then it is no passing
// fault but what the provider sells. An empty or an absurd one never is; docs/decisions/007.
func sane(listings []providers.Listing, good stock, now time.Time, patience time.Duration) ([]providers.Listing, error) {
	if len(listings) == 0 {
		return nil, errEmpty
	}
	before := make(map[string]providers.Listing, len(good.listings))
	for _, l := range good.listings {
		before[l.Plan.ID] = l
	}
	believed := make([]providers.Listing, 0, len(listings))
	seen := make(map[string]bool, len(listings))
	absurd := 0
	for _, l := range listings {
		old, known := before[l.Plan.ID]
		if !plausible(l.Plan.Wholesale) || (known && leapt(old.Plan.Wholesale, l.Plan.Wholesale)) {
			if absurd++; !known {
				continue
			}
			l = old // its price is asked for again before it is sold
		}
		if !seen[l.Plan.ID] {
			seen[l.Plan.ID] = true
			believed = append(believed, l)
		}
	}
	if absurd*100 > len(listings)*tolerated {
		return nil, fmt.Errorf("%w: %d of %d plans", errAbsurd, absurd, len(listings))
	}
	if len(believed)*2 < len(good.listings) && now.Sub(good.stamp) < patience {
		return nil, fmt.Errorf("%w: %d after %d", errShrunk, len(believed), len(good.listings))
	}
	return believed, nil
}

func plausible(wholesale decimal.Decimal) bool {
	return wholesale.IsPositive() && wholesale.LessThanOrEqual(decimal.NewFromInt(maxWholesale))
}

func leapt(from, to decimal.Decimal) bool {
	factor := decimal.NewFromInt(maxFactor)
	return to.GreaterThanOrEqual(from.Mul(factor)) || from.GreaterThanOrEqual(to.Mul(factor))
}
