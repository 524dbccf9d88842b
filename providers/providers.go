// Package providers says what the shop asks of a wholesale provider and what can come of asking.
// The clients themselves are in the folders cloudesim and mobilexy; the HTTP behaviour they share
// (timeouts, size caps, retries of reads, rate limit, circuit breaker, redaction) is here.
package providers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// A Provider is one wholesale provider. Every error is an *Error.
type Provider interface {
	ID() esim.Provider

	// Balance returns what the shop has left there, in USD.
	Balance(ctx context.Context) (decimal.Decimal, error)

	// Catalogue returns every base plan on sale. A part that could not be fetched or read fails
	// the whole, so that half a catalogue is never taken for one; single odd plans are left out
	// and counted in Catalogue.Skipped.
	Catalogue(ctx context.Context) (Catalogue, error)

	// Fresh returns the present terms of a plan, as now on sale; ErrPlanGone if it is not.
	Fresh(ctx context.Context, plan esim.Plan) (Listing, error)

	// Buy buys one eSIM of plan. It is called at most once per attempt and never retried inside.
	// A nil error means bought; the profile may still lack its code (esim.Profile.Ready).
	Buy(ctx context.Context, plan esim.Plan) (esim.Profile, error)

	// Query returns state, numbers and profile of one eSIM; ErrUnsupported where there is no such
	// call. Mobilexy answers by ICCID or TranNo, without the profile.
	Query(ctx context.Context, ref Ref) (esim.Usage, error)

	// Usage returns what is known of up to BatchSize eSIMs, in one call where the provider can.
	// Those it does not know are missing from the answer.
	Usage(ctx context.Context, refs []Ref) ([]esim.Usage, error)

	// TopUps returns the plans that may be added to an eSIM bought as base.
	TopUps(ctx context.Context, ref Ref, base esim.Plan) ([]Listing, error)

	// TopUp adds plan to an eSIM. Never retried inside.
	TopUp(ctx context.Context, ref Ref, plan esim.Plan) (TopUp, error)

	// Cancel gives an eSIM back for the price paid; ErrUnsupported where there is no such call.
	// Never retried inside.
	Cancel(ctx context.Context, ref Ref) error

	// Abilities says what this provider can do at all.
	Abilities() Abilities
}

// Abilities says what a provider can do at all.
type Abilities struct {
	Cancel    bool // an eSIM can be given back
	QueryByNo bool // an order number leads to the eSIM
	BatchSize int  // eSIMs a usage call takes
	// UsageDelay is how old the numbers of a usage call may be.
	UsageDelay time.Duration
	// UsageEvery is how often those numbers change: asking sooner brings nothing. 0 where they are
	// always fresh.
	UsageEvery time.Duration
}

// A Ref names an eSIM or an order at its provider by whatever is known of it.
type Ref struct {
	ICCID   esim.ICCID
	OrderNo string
	TranNo  string
}

// A Place is where a plan works, in the provider's words. One of Code and Name is set, or both.
type Place struct {
	Code string // ISO alpha-2, or a region code such as "EU-30"
	Name string // "Hong Kong (China)", "Asia (AS-12)"
	Slug string // Mobilexy's
}

// A Listing is a plan as a provider sells it: Plan without Destination, Countries and Retail,
// which the catalogue finds from Place and Coverage.
type Listing struct {
	Plan     esim.Plan
	Kind     esim.DestinationKind
	Place    Place   // the destination it is sold under
	Coverage []Place // the countries it works in, where told; for a country plan empty
}

// A Catalogue is everything a provider has on sale.
type Catalogue struct {
	Listings []Listing
	Skipped  int // plans left out because they could not be read or made no sense
}

// A TopUp is what a provider said of a top-up that it applied. Numbers not told are -1 or zero.
type TopUp struct {
	OrderNo    string
	TotalBytes int64
	UsedBytes  int64
	ExpiresAt  time.Time
}

// A Class says what an error leaves us knowing of a purchase: ../docs/payments.md. The fourth
// class, bought, is a nil error.
type Class int

// The classes of failure.
const (
	// Unknown: perhaps it was done. Nothing is retried by itself.
	Unknown Class = iota
	// NotSent: it was surely not done; safe to try again.
	NotSent
	// Rejected: the provider refused; nothing was done.
	Rejected
)

// String returns the class in words for logs.
func (c Class) String() string {
	switch c {
	case NotSent:
		return "not sent"
	case Rejected:
		return "rejected"
	default:
		return "unknown"
	}
}

// Sentinels inside an *Error, for errors.Is.
var (
	ErrInsufficientBalance = errors.New("insufficient balance")
	ErrPlanGone            = errors.New("plan no longer on sale")
	ErrUnsupported         = errors.New("the provider has no such call")
	ErrNotFound            = errors.New("the provider does not know it")
	ErrUnauthorized        = errors.New("credentials refused")
	ErrCircuitOpen         = errors.New("provider left alone after repeated failures")
	ErrMalformed           = errors.New("unreadable answer")
)

// An Error is a failed call. Its text holds no credentials, codes or whole ICCIDs.
type Error struct {
	Provider esim.Provider
	Op       string // "buy", "balance", …
	Class    Class
	Status   int    // HTTP status, 0 if there was no answer
	Message  string // the provider's own words, for admins; cut at 300 runes
	Err      error  // the cause
}

// Error writes provider, call, class and cause.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s %s: %s", e.Provider, e.Op, e.Class)
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of err: Unknown for anything that is no *Error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Unknown
}
