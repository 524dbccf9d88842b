package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

var _ flows.Eraser = (*Store)(nil)

// Erase deletes profile, conversation and eSIMs of a person and what leads from support's messages to
// them, and takes name, messages and activation codes out of their finished orders: the payments stay,
// without a name. An order that isn't finished stays whole, for there is money in it, and so does the
// eSIM it tops up; erase again when it is. It may be repeated.
//
// Some things stay. An admin's block does: erasing must be no way around it. It holds a number and no
// more. The counts that limit payment pages, messages and tries, and the claims by which a message to
// support is carried once, go by themselves within 25 hours.
func (s *Store) Erase(ctx context.Context, customer int64) error {
	ids, err := s.rdb.ZRange(ctx, userOrdersKey(customer), 0, -1).Result()
	if err != nil {
		return fmt.Errorf("list orders to erase: %w", err)
	}
	open := map[string]bool{}
	for _, id := range ids {
		left, err := s.eraseOrder(ctx, orders.ID(id), customer)
		if err != nil {
			return fmt.Errorf("erase order %s: %w", id, err)
		}
		if left != nil {
			open[id], open[string(left.ESIM)] = true, true
			continue
		}
		if err := s.rdb.ZRem(ctx, userOrdersKey(customer), id).Err(); err != nil {
			return fmt.Errorf("unlist order %s: %w", id, err)
		}
	}
	if err := s.eraseESIMs(ctx, customer, open); err != nil {
		return err
	}
	if err := s.eraseRelays(ctx, customer); err != nil {
		return err
	}
	if err := s.rdb.Del(ctx, sessionKey(customer), customerKey(customer), seenKey(customer)).Err(); err != nil {
		return fmt.Errorf("erase customer: %w", err)
	}
	return nil
}

// eraseOrder takes what is personal out of an order; it returns one that isn't finished as it is.
func (s *Store) eraseOrder(ctx context.Context, id orders.ID, customer int64) (left *orders.Order, err error) {
	for range casTries {
		o, err := s.Orders().Load(ctx, id)
		switch {
		case errors.Is(err, orders.ErrNotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case o.Customer != customer:
			return nil, nil
		case !o.State.Finished():
			return o, nil
		}
		o.Version++
		o.UpdatedAt = s.now()
		o.Customer, o.Screen, o.Photo = 0, orders.Message{}, orders.Message{}
		o.Payment.ReceiptURL, o.Checkout.URL = "", ""
		if o.Bought != nil {
			p := o.Bought.Profile
			o.Bought.Profile = esim.Profile{Provider: p.Provider, OrderNo: p.OrderNo, ExpiresAbout: p.ExpiresAbout}
		}
		entry := orders.LogEntry{At: o.UpdatedAt, From: o.State, To: o.State, Actor: "customer", Reason: "erased", Version: o.Version}
		if err := s.Orders().Transition(ctx, o.State, o, entry); !errors.Is(err, orders.ErrConflict) {
			return nil, err
		}
	}
	return nil, orders.ErrConflict
}

// eraseESIMs deletes the eSIM documents but those that an unfinished order bought or tops up.
func (s *Store) eraseESIMs(ctx context.Context, customer int64, open map[string]bool) error {
	list, err := s.ESIMs().ByCustomer(ctx, customer)
	if err != nil {
		return err
	}
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, e := range list {
			if open[e.ID] {
				continue
			}
			p.Eval(ctx, eraseESIMScript, esimKeys(e.ID), e.ID)
			if e.ICCID != "" {
				p.Eval(ctx, dropScript, []string{iccidKey(e.ICCID)}, e.ID)
			}
			p.ZRem(ctx, userESIMsKey(customer), e.ID)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("erase eSIMs: %w", err)
	}
	return nil
}
