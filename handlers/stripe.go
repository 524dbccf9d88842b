package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"esimbot/orders"
)

const (
	// maxEvent bounds an event of Stripe's in bytes.
	maxEvent = 64 << 10
	// eventTime bounds the handling of an event; Stripe waits about as long.
	eventTime = 20 * time.Second
)

// What Parse reports of an event that is not to be handled.
var (
	// ErrSignature: the event is forged, stale, or signed with another secret.
	ErrSignature = errors.New("bad signature")
	// ErrNoSecret: the webhook's secret is not known, so nothing can be verified.
	ErrNoSecret = errors.New("no webhook secret")
	// ErrForeign: the event is about another shop on the same Stripe account.
	ErrForeign = errors.New("event of another shop")
)

// OrderEvents takes notices of payments. It returns once what they say is durably recorded.
type OrderEvents interface {
	HandlePayment(ctx context.Context, event orders.PaymentEvent) error
}

// Alerts tells the admins, once for each alert's key.
type Alerts interface {
	Alert(ctx context.Context, a orders.Alert) error
}

// StripeConfig is what the Stripe door needs. Every field is required.
type StripeConfig struct {
	// Parse verifies the raw body against the Stripe-Signature header and reads the event; one
	// that names no order is looked up at Stripe, within ctx. It returns ErrSignature, ErrNoSecret
	// or ErrForeign, wrapped or not; any other error means that a genuine event could not be read.
	Parse   func(ctx context.Context, payload []byte, signature string) (orders.PaymentEvent, error)
	Orders  OrderEvents
	Alerts  Alerts
	Log     *slog.Logger
	Metrics *Metrics
}

// Stripe is the door through which Stripe's events come.
type Stripe struct{ cfg StripeConfig }

// NewStripe returns the Stripe door, or an error when something is missing.
func NewStripe(cfg StripeConfig) (*Stripe, error) {
	if cfg.Parse == nil || cfg.Orders == nil || cfg.Alerts == nil || cfg.Log == nil || cfg.Metrics == nil {
		return nil, errors.New("stripe door: every field of its configuration is required")
	}
	return &Stripe{cfg: cfg}, nil
}

// ServeHTTP takes one event: 400 on a bad signature, 503 while the secret is missing, 200 once what
// it reports is recorded or is none of our business, 500 when it must come again.
func (s *Stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), eventTime)
	defer cancel()
	ctx = s.cfg.Metrics.event(ctx)
	outcome, status := s.take(ctx, w, r)
	s.cfg.Metrics.eventDone(ctx, outcome)
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Stripe) take(ctx context.Context, w http.ResponseWriter, r *http.Request) (outcome string, status int) {
	payload, status := readBody(w, r, maxEvent)
	if status != http.StatusOK {
		return "unreadable", status
	}
	event, err := s.cfg.Parse(ctx, payload, r.Header.Get("Stripe-Signature"))
	switch {
	case errors.Is(err, ErrSignature):
		s.cfg.Log.WarnContext(ctx, "stripe event with a bad signature")
		return "forged", http.StatusBadRequest
	case errors.Is(err, ErrNoSecret):
		s.alarm(ctx)
		return "no_secret", http.StatusServiceUnavailable
	case errors.Is(err, ErrForeign):
		return "foreign", http.StatusOK
	case err != nil:
		s.cfg.Log.ErrorContext(ctx, "stripe event not read", "err", err)
		return "unreadable", http.StatusInternalServerError
	}
	ctx = s.cfg.Metrics.eventRead(ctx, event)
	if err := s.cfg.Orders.HandlePayment(ctx, event); err != nil {
		s.cfg.Log.ErrorContext(ctx, "stripe event must come again", "event", event.ID, "type", event.Type, "order", event.Order, "err", err)
		return "failed", http.StatusInternalServerError
	}
	return "ok", http.StatusOK
}

// alarm tells the admins that the secret is missing. Payments are polled meanwhile, so nothing
// hangs on it.
func (s *Stripe) alarm(ctx context.Context) {
	err := s.cfg.Alerts.Alert(ctx, orders.Alert{Key: "stripe_webhook", Kind: "stripe_webhook"})
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "stripe webhook secret is missing, and the admins could not be told", "err", err)
	}
}
