package payments

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// nobody is an object's id that Stripe never gives: a call about it can change nothing.
const nobody = "none_checkup"

// A need is something that the key must allow, in the words of the Dashboard's page of API keys.
type need struct {
	permission string
	try        func(ctx context.Context) error
}

// Restricted says whether the key is one that allows only what was chosen for it.
func (s *Stripe) Restricted() bool { return strings.HasPrefix(s.cfg.SecretKey, "rk_") }

// Lacking names what a restricted key doesn't allow and the shop needs; webhook: also what setup needs
// for the webhook endpoint. Each is tried by a call that changes nothing: a list of one, or a change of
// an object that doesn't exist. Stripe refuses what a key doesn't allow (403) before it looks for the
// object (404). https://docs.stripe.com/keys/restricted-api-keys
func (s *Stripe) Lacking(ctx context.Context, webhook bool) ([]string, error) {
	var lacking []string
	for _, n := range s.needs(webhook) {
		err := s.tries(ctx, n)
		var e *Error
		switch {
		case err == nil:
		case errors.As(err, &e) && e.Status == http.StatusForbidden:
			lacking = append(lacking, n.permission)
		case errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest):
		default:
			return nil, err
		}
	}
	return slices.Compact(lacking), nil
}

func (s *Stripe) tries(ctx context.Context, n need) error {
	ctx, cancel := within(ctx)
	defer cancel()
	return s.call(ctx, "try "+n.permission, harmless, n.try)
}

func (s *Stripe) needs(webhook bool) []need {
	list := []need{
		{"Balance: read", func(ctx context.Context) error {
			p := &stripe.BalanceParams{}
			p.Context = ctx
			_, err := s.api.Balance.Get(p)
			return err
		}},
		{"Charges and Refunds: write", func(ctx context.Context) error {
			p := &stripe.ChargeListParams{ListParams: one(ctx)}
			return first(s.api.Charges.List(p))
		}},
		{"Charges and Refunds: write", func(ctx context.Context) error {
			p := &stripe.RefundParams{PaymentIntent: stripe.String(nobody)}
			p.Context = ctx
			_, err := s.api.Refunds.New(p)
			return err
		}},
		{"Checkout Sessions: write", func(ctx context.Context) error {
			p := &stripe.CheckoutSessionExpireParams{}
			p.Context = ctx
			_, err := s.api.CheckoutSessions.Expire(nobody, p)
			return err
		}},
		{"Disputes: read", func(ctx context.Context) error {
			p := &stripe.DisputeListParams{ListParams: one(ctx)}
			return first(s.api.Disputes.List(p))
		}},
		{"PaymentIntents: write", func(ctx context.Context) error {
			p := &stripe.PaymentIntentParams{}
			p.Context = ctx
			p.AddMetadata(metaShop, s.cfg.ShopID)
			_, err := s.api.PaymentIntents.Update(nobody, p)
			return err
		}},
	}
	if webhook {
		list = append(list, need{"Webhook Endpoints: write", func(ctx context.Context) error {
			p := &stripe.WebhookEndpointParams{Disabled: stripe.Bool(false)}
			p.Context = ctx
			_, err := s.api.WebhookEndpoints.Update(nobody, p)
			return err
		}})
	}
	return list
}

// one asks for one object, and for no second page.
func one(ctx context.Context) stripe.ListParams {
	return stripe.ListParams{Context: ctx, Limit: stripe.Int64(1), Single: true}
}

// first asks for a list and says how that went.
func first(list interface {
	Next() bool
	Err() error
}) error {
	list.Next()
	return list.Err()
}

// CanCharge says whether the account may take real payments; also true where the key may not ask.
// https://docs.stripe.com/api/accounts/object#account_object-charges_enabled
func (s *Stripe) CanCharge(ctx context.Context) (bool, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	var can bool
	err := s.call(ctx, "read account", harmless, func(ctx context.Context) error {
		p := &stripe.AccountParams{}
		p.Context = ctx
		var a stripe.Account
		// The library's own call for it takes no context.
		err := s.api.Accounts.B.Call(http.MethodGet, "/v1/account", s.api.Accounts.Key, p, &a)
		can = a.ChargesEnabled
		return err
	})
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusForbidden {
		return true, nil
	}
	return can, err
}
