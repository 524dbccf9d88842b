package payments

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/stripe/stripe-go/v76"

	"esimbot/esim"
	"esimbot/orders"
)

// Fence reads the right to buy: the PaymentIntent's metadata "buy", "got", "not" and "done", and what came
// in and went back of its latest charge, in the shop's currency.
// https://docs.stripe.com/api/payment_intents/retrieve
func (s *Stripe) Fence(ctx context.Context, intent string) (orders.Fence, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	p, err := s.intent(ctx, intent)
	if err != nil {
		return orders.Fence{}, err
	}
	return fence(p), nil
}

func fence(p *stripe.PaymentIntent) orders.Fence {
	total := asked(p)
	f := marks(p.Metadata)
	f.Received, f.Refunded = scale(p.AmountReceived, p, total), scale(0, p, total)
	if ch := p.LatestCharge; ch != nil {
		f.Refunded, f.Disputed = scale(ch.AmountRefunded, p, total), ch.Disputed
	}
	return f
}

// intent reads a PaymentIntent with its latest charge.
func (s *Stripe) intent(ctx context.Context, id string) (p *stripe.PaymentIntent, err error) {
	err = s.call(ctx, "read payment", harmless, func(ctx context.Context) error {
		params := &stripe.PaymentIntentParams{}
		params.Context = ctx
		params.AddExpand("latest_charge")
		var err error
		p, err = s.api.PaymentIntents.Get(id, params)
		return err
	})
	if err == nil && p.ID != id {
		return nil, fmt.Errorf("stripe: read payment: another one came back: %w", orders.ErrPaymentDoubt)
	}
	return p, err
}

// RaiseFence writes buy = value under idempotency key "buy:<order>:<n>", which Stripe gives to one
// value only. orders.ErrFenceTaken when a rival wrote another.
// https://docs.stripe.com/api/idempotent_requests
func (s *Stripe) RaiseFence(ctx context.Context, intent string, order orders.ID, n int, value string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := s.update(ctx, "raise fence", keyed, intent, fmt.Sprintf("buy:%s:%d", string(order), n), metaBuy, value)
	var e *Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.reused():
		return fmt.Errorf("%w: %w", orders.ErrFenceTaken, err)
	case !e.stored():
		return err
	}
	// The key is ours now, with an error under it. What stands on the payment tells.
	p, readErr := s.intent(ctx, intent)
	if readErr != nil {
		return fmt.Errorf("%w; not read back: %w", err, readErr)
	}
	switch have := p.Metadata[metaBuy]; {
	case have == value:
		return nil
	case strings.HasPrefix(have, strconv.Itoa(n)+":"):
		return fmt.Errorf("%w: %w", orders.ErrFenceTaken, err)
	default:
		return err
	}
}

// Mark sets metadata on the PaymentIntent. It may be repeated.
// https://docs.stripe.com/api/payment_intents/update
func (s *Stripe) Mark(ctx context.Context, intent, key, value string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	return s.update(ctx, "mark payment", harmless, intent, "", key, value)
}

// update writes one metadata key. Without an idempotency key each try is a request of its own.
func (s *Stripe) update(ctx context.Context, op string, m manner, intent, idempotency, key, value string) error {
	return s.call(ctx, op, m, func(ctx context.Context) error {
		p := &stripe.PaymentIntentParams{Metadata: map[string]string{key: value}}
		p.Context = ctx
		if idempotency != "" {
			p.SetIdempotencyKey(idempotency)
		}
		_, err := s.api.PaymentIntents.Update(intent, p)
		return err
	})
}

// asked is what the shop asked for a payment, in its own currency.
func asked(p *stripe.PaymentIntent) esim.Money {
	minor, err := strconv.ParseInt(p.Metadata[metaRetail], 10, 64)
	currency := esim.Currency(p.Metadata[metaCurrency])
	if err != nil || minor <= 0 || currency == "" {
		return money(p.Amount, p.Currency)
	}
	return esim.Money{Minor: minor, Currency: currency}
}

// scale turns part of a payment into the shop's currency, in which the whole is total. Where the
// customer paid in that currency nothing changes; otherwise the part is rounded down, and the
// whole stays the whole.
func scale(minor int64, p *stripe.PaymentIntent, total esim.Money) esim.Money {
	paid := money(minor, p.Currency)
	if paid.Currency == total.Currency || p.Amount <= 0 {
		return paid
	}
	return esim.Money{Minor: proportion(minor, total.Minor, p.Amount), Currency: total.Currency}
}

// unscale turns an amount in the shop's currency into the payment's, like scale.
func unscale(amount esim.Money, p *stripe.PaymentIntent) (int64, error) {
	total := asked(p)
	switch {
	case amount.Currency == money(0, p.Currency).Currency:
		return amount.Minor, nil
	case amount.Currency != total.Currency:
		return 0, fmt.Errorf("%w: %s can't be taken from a payment in %s", esim.ErrCurrency, amount, total.Currency)
	default:
		return proportion(amount.Minor, p.Amount, total.Minor), nil
	}
}

// proportion is a × b / c, rounded down.
func proportion(a, b, c int64) int64 {
	q, _ := decimal.NewFromInt(a).Mul(decimal.NewFromInt(b)).QuoRem(decimal.NewFromInt(c), 0)
	return q.IntPart()
}
