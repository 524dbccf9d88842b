package orders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"esimbot/esim"
)

const (
	// found is how many orders a look-up returns at most.
	found = 20
	// browsed is how many orders one page holds at most.
	browsed = 50
	// offered is how many refundable orders are listed, and refundDepth how many of each state are
	// looked at for them.
	offered     = 10
	refundDepth = 30
)

// stripeID is an id of Stripe's that leads to a payment: of a Checkout Session, a PaymentIntent, a
// charge, a refund or a dispute, old and new prefixes. Stripe's ids have 255 characters at most
// (docs.stripe.com/upgrades, "What changes does Stripe consider to be backwards-compatible?").
var stripeID = regexp.MustCompile(`^(cs|pi|ch|py|re|pyr|dp|du)_[A-Za-z0-9_]{1,250}$`)

// Find returns the orders that a text names, newest first, 20 at most: an order's id, an ICCID, an
// id of Stripe's, or a customer's id. ErrNotFound. A plain number of ten digits may be both an
// order's id and a customer's: the order wins.
func (s *Service) Find(ctx context.Context, query string) ([]*Order, error) {
	query = strings.TrimSpace(query)
	switch {
	case stripeID.MatchString(query):
		id, err := s.payments.OrderOf(ctx, query)
		return s.one(ctx, id, err)
	case len(query) > 64:
		return nil, fmt.Errorf("find: %d bytes name nothing: %w", len(query), ErrNotFound)
	case esim.LooksLikeICCID(query):
		iccid, err := esim.ParseICCID(query)
		if err != nil {
			return nil, fmt.Errorf("find: %w: %w", err, ErrNotFound)
		}
		id, err := s.store.ByICCID(ctx, iccid)
		return s.one(ctx, id, err)
	}
	if id, err := ParseID(query); err == nil {
		if list, err := s.one(ctx, id, nil); !errors.Is(err, ErrNotFound) {
			return list, err
		}
	}
	customer, err := strconv.ParseInt(query, 10, 64)
	if err != nil || customer <= 0 {
		return nil, fmt.Errorf("find: %w", ErrNotFound)
	}
	list, err := s.store.ByCustomer(ctx, customer, found)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find orders of a customer: %w", err)
	case len(list) == 0:
		return nil, fmt.Errorf("find: %w", ErrNotFound)
	}
	return list, nil
}

// one loads the order that a look-up led to.
func (s *Service) one(ctx context.Context, id ID, err error) ([]*Order, error) {
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	o, err := s.store.Load(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find order %s: %w", id, err)
	}
	return []*Order{o}, nil
}

// Record returns an order of anybody's with its log, oldest entry first; ErrNotFound.
func (s *Service) Record(ctx context.Context, id ID) (*Order, []LogEntry, error) {
	o, err := s.store.Load(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("load order %s: %w", id, err)
	}
	log, err := s.store.Log(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("read log of %s: %w", id, err)
	}
	return o, log, nil
}

// Browse returns orders in state, the last to come to it first, or in any for "", the newest first, 50 at
// most, and how many there are in all. ErrNotFound for a state that there isn't.
func (s *Service) Browse(ctx context.Context, state State, offset, limit int) ([]*Order, int, error) {
	if state != "" && !state.known() {
		return nil, 0, fmt.Errorf("browse: no such state: %w", ErrNotFound)
	}
	list, total, err := s.store.Browse(ctx, state, max(offset, 0), min(max(limit, 0), browsed))
	if err != nil {
		return nil, 0, fmt.Errorf("browse orders: %w", err)
	}
	return list, total, nil
}

// Refundable returns the latest orders whose money can go back, 10 at most, the last changed first.
func (s *Service) Refundable(ctx context.Context) ([]*Order, error) {
	var all []*Order
	for _, state := range []State{Delivered, Issued, Provisioning, Paid, Review} {
		list, _, err := s.store.Browse(ctx, state, 0, refundDepth)
		if err != nil {
			return nil, fmt.Errorf("browse %s orders: %w", state, err)
		}
		for _, o := range list {
			if s.unrefundable(o) == "" {
				all = append(all, o)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *Order) int {
		return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(len(all), offered)], nil
}
