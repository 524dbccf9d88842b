package mobilexy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"esimbot/esim"
	"esimbot/providers"
)

// maxNumber cuts order and transaction numbers, in runes.
const maxNumber = 64

// atOnce is how many plan lists are fetched side by side.
const atOnce = 4

// ID returns esim.Mobilexy.
func (c *Client) ID() esim.Provider { return esim.Mobilexy }

// Abilities says that there is no cancel and no look-up of orders, that a usage check takes ten
// eSIMs, and that its numbers change every two to three hours; four leave a margin for how old they may be.
func (c *Client) Abilities() providers.Abilities {
	return providers.Abilities{BatchSize: MaxBatch, UsageDelay: 4 * time.Hour, UsageEvery: 3 * time.Hour}
}

// Catalogue fetches the places and then each one's plan list, a few at once. A plan id that stands
// in several lists is taken from the first: countries come before regions before the world.
func (c *Client) Catalogue(ctx context.Context) (providers.Catalogue, error) {
	shelves, skipped, err := c.shelves(ctx)
	if err != nil {
		return providers.Catalogue{}, err
	}
	plans := make([][]Plan, len(shelves))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, s := range shelves {
		group.Go(providers.Guard(func() (err error) {
			plans[i], err = c.plans(groupCtx, s.source)
			return err
		}))
	}
	if err := providers.Raise(group.Wait()); err != nil {
		return providers.Catalogue{}, err
	}
	all := providers.Catalogue{Skipped: skipped}
	seen := map[string]bool{}
	for i, s := range shelves {
		found, odd := s.listings(plans[i])
		all.Skipped += odd
		for _, l := range found {
			if seen[l.Plan.ID] {
				all.Skipped++
				continue
			}
			seen[l.Plan.ID] = true
			all.Listings = append(all.Listings, l)
		}
	}
	if len(all.Listings) > providers.MaxPlans {
		err := fmt.Errorf("%w: too many plans", providers.ErrMalformed)
		return providers.Catalogue{}, &providers.Error{Provider: esim.Mobilexy, Op: "catalogue", Class: providers.Unknown, Err: err}
	}
	return all, nil
}

// shelves returns every plan list there is, and how many places make no sense.
func (c *Client) shelves(ctx context.Context) (all []shelf, skipped int, err error) {
	countries, err := c.Countries(ctx)
	if err != nil {
		return nil, 0, err
	}
	regions, err := c.Regions(ctx)
	if err != nil {
		return nil, 0, err
	}
	add := func(s shelf, ok bool) {
		if ok {
			all = append(all, s)
		} else {
			skipped++
		}
	}
	for _, country := range countries {
		add(country.shelf())
	}
	for _, region := range regions {
		add(region.shelf())
	}
	add(worldShelf(), true)
	return all, skipped, nil
}

// Fresh takes the price from the list that the plan stands in, which alone has it, and asks for the
// plan's details at the same time. A plan that is missing from either, or whose terms differ
// between them, is not one that can be sold now.
func (c *Client) Fresh(ctx context.Context, plan esim.Plan) (providers.Listing, error) {
	var found providers.Listing
	var details esim.Plan
	group, ctx := errgroup.WithContext(ctx)
	group.Go(providers.Guard(func() error {
		list, err := c.neighbours(ctx, plan)
		if err != nil {
			return gone(err)
		}
		i := slices.IndexFunc(list, func(l providers.Listing) bool { return l.Plan.ID == plan.ID })
		if i < 0 {
			return refused("fresh", providers.ErrPlanGone)
		}
		found = list[i]
		return nil
	}))
	group.Go(providers.Guard(func() error {
		p, err := c.PlanDetails(ctx, plan.ID)
		if err != nil {
			return gone(err)
		}
		details, _ = p.terms() // no terms differ from any
		return nil
	}))
	if err := providers.Raise(group.Wait()); err != nil {
		return providers.Listing{}, err
	}
	if p := found.Plan; details.ID != p.ID || details.Kind != p.Kind || details.Bytes != p.Bytes || details.DailyBytes != p.DailyBytes || details.Days != p.Days {
		return providers.Listing{}, refused("fresh", fmt.Errorf("%w: its terms contradict each other", providers.ErrPlanGone))
	}
	return found, nil
}

// gone makes a plan or a list that isn't known one that is no longer on sale.
func gone(err error) error {
	if errors.Is(err, providers.ErrNotFound) {
		return refused("fresh", providers.ErrPlanGone)
	}
	return err
}

// neighbours returns the plans on sale in the list that plan stands in. A plan that does not say
// which list that is has the whole catalogue fetched.
func (c *Client) neighbours(ctx context.Context, plan esim.Plan) ([]providers.Listing, error) {
	if plan.Source != "" {
		list, err := c.plans(ctx, plan.Source)
		if err != nil {
			return nil, err
		}
		all, _ := shelfOf(plan.Source).listings(list)
		return all, nil
	}
	catalogue, err := c.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	all := catalogue.Listings
	i := slices.IndexFunc(all, func(l providers.Listing) bool { return l.Plan.ID == plan.ID })
	if i < 0 {
		return nil, refused("plans", providers.ErrNotFound)
	}
	source := all[i].Plan.Source
	return slices.DeleteFunc(all, func(l providers.Listing) bool { return l.Plan.Source != source }), nil
}

// TopUps returns the plans of the eSIM's own destination that have a package code: no endpoint
// lists top-ups.
func (c *Client) TopUps(ctx context.Context, _ providers.Ref, base esim.Plan) ([]providers.Listing, error) {
	all, err := c.neighbours(ctx, base)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(l providers.Listing) bool { return l.Plan.PackageCode == "" }), nil
}

// refused is the error of something that this client itself knows can't be.
func refused(op string, err error) error {
	return &providers.Error{Provider: esim.Mobilexy, Op: op, Class: providers.Rejected, Err: err}
}
