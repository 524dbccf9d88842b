package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
)

// What admins do. Each deed is one transition, compared and set: an order that changed meanwhile is
// loaded and judged again, so that of two admins exactly one has done it and the other hears who.
// The runner goes on from there; no deed calls a provider to buy, or Stripe to refund, by itself.

const (
	adminPrefix = "admin:"
	// judgements is how often a deed is judged again because the order changed meanwhile.
	judgements = 10
	// pausesHold is how long one change of the pauses may keep another waiting, and pausesWait the
	// time between two tries.
	pausesHold = 5 * time.Second
	pausesWait = 50 * time.Millisecond
)

// actorAdmin is how an admin stands in an order's log.
func actorAdmin(admin int64) string { return adminPrefix + strconv.FormatInt(admin, 10) }

// judged loads the order, and again for as long as do finds that it changed meanwhile.
func (s *Service) judged(ctx context.Context, id ID, do func(o *Order) error) (*Order, error) {
	for range judgements {
		o, err := s.store.Load(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("load order %s: %w", id, err)
		}
		if err = do(o); errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.kick(id)
		return o, nil
	}
	return nil, fmt.Errorf("order %s: %w", id, ErrConflict)
}

// refusal says why a wish can't be met, and who was there first.
func (s *Service) refusal(ctx context.Context, o *Order, why Why) *Refusal {
	r := &Refusal{Why: why, State: o.State, Left: o.left()}
	switch why {
	case WhyUnderWay, WhyNothing:
		r.Actor = o.Refund.Actor
	case WhyChanged, WhyState:
		r.Actor = s.lastAdmin(ctx, o.ID)
	default:
	}
	return r
}

// lastAdmin returns the admin who changed the order last, empty for none or where the log can't be
// read.
func (s *Service) lastAdmin(ctx context.Context, id ID) string {
	log, err := s.store.Log(ctx, id)
	if err != nil {
		return ""
	}
	for _, entry := range slices.Backward(log) {
		if strings.HasPrefix(entry.Actor, adminPrefix) {
			return entry.Actor
		}
	}
	return ""
}

// left is what was received less what went back; zero for nothing.
func (o *Order) left() esim.Money {
	left, err := remaining(o.Payment.Received, o.Refund.Total)
	if err != nil || left.Minor < 0 {
		return esim.Money{Currency: o.Payment.Received.Currency}
	}
	return left
}

// moneyless says whether no money of this shop's came in for the order: none at all, test money in
// the live shop, or the reverse, or without a payment at Stripe that could be fenced or returned.
func (s *Service) moneyless(o *Order) bool {
	return o.Payment.PaidAt.IsZero() || o.Payment.Received.Minor <= 0 || o.Payment.Intent == "" || o.Payment.LiveMode != s.liveMode
}

// Covers says whether no payment pages are opened for the plans of p.
func (p Pauses) Covers(provider esim.Provider) bool {
	return p.All || slices.Contains(p.Providers, provider)
}

// Pauses returns for which plans no payment pages are opened.
func (s *Service) Pauses(ctx context.Context) (Pauses, error) {
	p, err := s.store.Pauses(ctx)
	if err != nil {
		return Pauses{}, fmt.Errorf("read pauses: %w", err)
	}
	return p, nil
}

// Pause opens no new payment pages for a provider's plans, or for "" at all, until Resume. Paid
// orders go on. ErrNotFound for a provider that the shop doesn't have.
func (s *Service) Pause(ctx context.Context, admin int64, p esim.Provider) (Pauses, error) {
	if p != "" && s.providers[p] == nil {
		return Pauses{}, fmt.Errorf("pause: no such provider: %w", ErrNotFound)
	}
	return s.changePauses(ctx, admin, func(now *Pauses) {
		switch {
		case p == "":
			now.All = true
		case !slices.Contains(now.Providers, p):
			now.Providers = append(slices.Clone(now.Providers), p)
			slices.Sort(now.Providers)
		}
	})
}

// Resume opens payment pages for all plans again.
func (s *Service) Resume(ctx context.Context, admin int64) (Pauses, error) {
	return s.changePauses(ctx, admin, func(now *Pauses) { *now = Pauses{} })
}

// changePauses reads, changes and writes the pauses, one admin after the other.
func (s *Service) changePauses(ctx context.Context, admin int64, change func(*Pauses)) (Pauses, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*pausesHold)
	defer cancel()
	for {
		free, err := s.store.Claim(ctx, "pauses", pausesHold)
		if err != nil {
			return Pauses{}, fmt.Errorf("claim pauses: %w", err)
		}
		if free {
			break
		}
		if err := s.wait(ctx, pausesWait); err != nil {
			return Pauses{}, fmt.Errorf("wait for pauses: %w", err)
		}
	}
	p, err := s.Pauses(ctx)
	if err == nil {
		change(&p)
		if err = s.store.SetPauses(ctx, p); err != nil {
			err = fmt.Errorf("write pauses: %w", err)
		}
	}
	if released := s.store.Release(ctx, "pauses"); released != nil {
		s.log.WarnContext(ctx, "claim not released", slog.String("claim", "pauses"), slog.Any("error", released))
	}
	if err != nil {
		return Pauses{}, err
	}
	s.log.InfoContext(ctx, "pauses changed", slog.Int64("admin", admin), slog.Bool("all", p.All), slog.Any("providers", p.Providers))
	return p, nil
}

// Block opens no new payment pages for a customer, until Unblock. ErrNotFound for what is no
// customer's id.
func (s *Service) Block(ctx context.Context, admin, customer int64) error {
	return s.setBlocked(ctx, admin, customer, true)
}

// Unblock opens payment pages for a customer again.
func (s *Service) Unblock(ctx context.Context, admin, customer int64) error {
	return s.setBlocked(ctx, admin, customer, false)
}

func (s *Service) setBlocked(ctx context.Context, admin, customer int64, blocked bool) error {
	if customer <= 0 {
		return fmt.Errorf("block: no customer's id: %w", ErrNotFound)
	}
	if err := s.store.Block(ctx, customer, blocked); err != nil {
		return fmt.Errorf("block a customer: %w", err)
	}
	s.log.InfoContext(ctx, "customer blocked or unblocked", slog.Int64("admin", admin), slog.Int64("customer", customer), slog.Bool("blocked", blocked))
	return nil
}

// Blocked says whether a customer gets no payment pages.
func (s *Service) Blocked(ctx context.Context, customer int64) (bool, error) {
	blocked, err := s.store.Blocked(ctx, customer)
	if err != nil {
		return false, fmt.Errorf("read whether a customer is blocked: %w", err)
	}
	return blocked, nil
}
