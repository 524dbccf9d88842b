package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"esimbot/orders"
)

// Why an event is not taken.
var (
	ErrNoSecret  = errors.New("no webhook secret is known")
	ErrSignature = errors.New("bad webhook signature")
	ErrVersion   = errors.New("the webhook endpoint speaks another API version")
	ErrPayload   = errors.New("the event makes no sense")
)

// tolerance is how far a signature's time may be from ours, either way.
const tolerance = 5 * time.Minute

// Events that the shop listens to: docs.stripe.com/api/events/types.
const (
	EventCompleted      = orders.EventCompleted
	EventExpired        = "checkout.session.expired"
	EventAsyncSucceeded = orders.EventAsyncSucceeded
	EventAsyncFailed    = orders.EventAsyncFailed
	EventChargeRefunded = "charge.refunded"
	EventRefundUpdated  = orders.EventRefundUpdated
	EventDispute        = orders.EventDispute
	EventFraudWarning   = orders.EventFraudWarning
)

func listened() []string {
	return []string{EventCompleted, EventExpired, EventAsyncSucceeded, EventAsyncFailed, EventChargeRefunded, EventRefundUpdated,
		EventDispute, EventFraudWarning}
}

// An Event is a verified notice from Stripe. It only hastens a look: what counts is read again.
type Event struct {
	ID       string
	Type     string
	Created  time.Time
	LiveMode bool

	SessionID string    // of events about a Checkout Session
	Intent    string    // PaymentIntent id, where the object names one
	OrderID   orders.ID // from client_reference_id or metadata, where it is a valid id
	Shop      string    // metadata "shop"; empty where the object carries none, as a dispute
	// Foreign says that the object belongs to another shop, or to none. Objects that never carry
	// metadata of ours (disputes, warnings, refunds of the Dashboard) are not foreign: Locate tells.
	Foreign bool
	// RefundStatus is Stripe's word, of events about a refund.
	RefundStatus string
}

// ParseEvent verifies and reads a webhook's body. header is Stripe-Signature. ErrNoSecret,
// ErrSignature (also for a time more than five minutes from ours), ErrVersion, ErrPayload.
// https://docs.stripe.com/webhooks#verify-events
func (s *Stripe) ParseEvent(payload []byte, header string) (Event, error) {
	secrets := s.cfg.WebhookSecrets()
	if len(secrets) == 0 {
		return Event{}, ErrNoSecret
	}
	raw, err := s.verify(payload, header, secrets)
	if err != nil {
		return Event{}, err
	}
	if raw.APIVersion != stripe.APIVersion {
		return Event{}, fmt.Errorf("%w: %q, not %s", ErrVersion, printable(raw.APIVersion), stripe.APIVersion)
	}
	if raw.ID == "" || raw.Type == "" || raw.Data == nil {
		return Event{}, ErrPayload
	}
	e := Event{ID: raw.ID, Type: string(raw.Type), Created: time.Unix(raw.Created, 0).UTC(), LiveMode: raw.Livemode}
	if err := e.read(raw.Data.Raw); err != nil {
		return Event{}, err
	}
	e.Foreign = e.Foreign || (e.Shop != "" && e.Shop != s.cfg.ShopID)
	return e, nil
}

// verify tries every secret. The library checks the signature; the time is checked here, since the
// library knows no other clock than the machine's and lets signatures from the future pass.
func (s *Stripe) verify(payload []byte, header string, secrets []string) (stripe.Event, error) {
	options := webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true}
	for _, secret := range secrets {
		if secret == "" {
			continue // an empty key would sign for anybody
		}
		e, err := webhook.ConstructEventWithOptions(payload, header, secret, options)
		switch {
		case errors.Is(err, webhook.ErrNoValidSignature):
			continue
		case errors.Is(err, webhook.ErrNotSigned), errors.Is(err, webhook.ErrInvalidHeader):
			return stripe.Event{}, fmt.Errorf("%w: %w", ErrSignature, err)
		case err != nil: // signed, and no JSON
			return stripe.Event{}, ErrPayload
		}
		if away := s.cfg.Now().Sub(signedAt(header)); away > tolerance || away < -tolerance {
			return stripe.Event{}, fmt.Errorf("%w: made %s from now", ErrSignature, away.Round(time.Second))
		}
		return e, nil
	}
	return stripe.Event{}, fmt.Errorf("%w: %w", ErrSignature, webhook.ErrNoValidSignature)
}

// signedAt reads the time of a header that the library has accepted, which takes the last one.
func signedAt(header string) time.Time {
	var at int64
	for pair := range strings.SplitSeq(header, ",") {
		if t, ok := strings.CutPrefix(pair, "t="); ok {
			at, _ = strconv.ParseInt(t, 10, 64) // the library has read it
		}
	}
	return time.Unix(at, 0)
}

// read takes what we need of the event's object.
func (e *Event) read(raw json.RawMessage) error {
	var o struct {
		ID        string            `json:"id"`
		Object    string            `json:"object"`
		Reference string            `json:"client_reference_id"`
		Intent    json.RawMessage   `json:"payment_intent"`
		Metadata  map[string]string `json:"metadata"`
		Status    string            `json:"status"`
	}
	if err := json.Unmarshal(raw, &o); err != nil || o.ID == "" {
		return ErrPayload
	}
	e.Shop, e.Intent = o.Metadata[metaShop], idOf(o.Intent)
	for _, name := range []string{o.Reference, o.Metadata[metaOrder]} {
		if id, err := orders.ParseID(name); err == nil && e.OrderID == "" {
			e.OrderID = id
		}
	}
	switch o.Object {
	case "checkout.session":
		e.SessionID = o.ID
		e.Foreign = e.Shop == ""
	case "payment_intent":
		e.Intent = o.ID
		e.Foreign = e.Shop == ""
	case "charge": // carries the PaymentIntent's metadata
		e.Foreign = e.Shop == ""
	case "refund":
		e.RefundStatus = o.Status
	}
	if e.Shop == "" {
		e.OrderID = "" // a name that nobody vouches for
	}
	return nil
}

// idOf reads an object's id, whether the object is expanded or not.
func idOf(raw json.RawMessage) string {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id
	}
	var o struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &o) // what has no id has none
	return o.ID
}

// Locate completes an event that carries no metadata by reading its PaymentIntent: OrderID, Shop,
// Foreign. An event about no payment is foreign.
func (s *Stripe) Locate(ctx context.Context, e *Event) error {
	if e.Shop != "" {
		return nil
	}
	if e.Intent == "" {
		e.Foreign = true
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	p, err := s.intent(ctx, e.Intent)
	var missing *Error
	if errors.As(err, &missing) && missing.Status == http.StatusNotFound {
		e.Foreign = true // of an account or a mode that isn't ours
		return nil
	}
	if err != nil {
		return err
	}
	e.Shop = p.Metadata[metaShop]
	e.Foreign = e.Shop != s.cfg.ShopID
	if id, err := orders.ParseID(p.Metadata[metaOrder]); err == nil && !e.Foreign {
		e.OrderID = id
	}
	return nil
}
