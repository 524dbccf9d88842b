// Package cloudesim is the client of CloudeSIM's API v1 (https://api.cloud-esim.com/api/v1): a
// method for each endpoint of its page, and on top of them what the shop asks of any provider.
//
// The API has a bearer token, JSON both ways, and one envelope: {"success", "errorMsg"} with the
// payload in "data" for the balance and in "obj" everywhere else. It gives no error codes, takes no
// idempotency key and lists no orders, so an order whose answer was lost stays in doubt. Volumes
// are in MB. An activation code comes as text ("ac") or only as a picture at "qrCodeUrl".
package cloudesim

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// DefaultBaseURL is the address of the real API.
const DefaultBaseURL = "https://api.cloud-esim.com/api/v1"

// Config says how CloudeSIM is reached. Token is required; zero fields have the defaults named.
type Config struct {
	Token   string
	BaseURL string        // DefaultBaseURL
	Timeout time.Duration // for one call; providers.DefaultTimeout
	Rate    uint          // most requests a second; 10
	Now     func() time.Time
	// AllowPrivateImages lets QR images be fetched from private addresses and over plain HTTP: for
	// the sandbox only.
	AllowPrivateImages bool
	// Permit, Backoff, BreakerDelay, OnCircuit and OnCall are those of providers.HTTPConfig.
	Permit                func(ctx context.Context) error
	Backoff, BreakerDelay time.Duration
	OnCircuit             func(open bool)
	OnCall                func(ctx context.Context, op string, took time.Duration, err error)
}

// String hides the token.
func (Config) String() string { return "cloudesim.Config{***}" }

// GoString hides the token from %#v.
func (c Config) GoString() string { return c.String() }

// LogValue hides the token from logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A Client talks to CloudeSIM. It may be used by several goroutines at once.
type Client struct {
	http *providers.HTTP
	qr   *providers.QRFetcher
	now  func() time.Time
}

var _ providers.Provider = (*Client)(nil)

// New checks c and returns its Client.
func New(c Config) (*Client, error) {
	if c.Token == "" {
		return nil, errors.New("cloudesim: no token")
	}
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h, err := providers.NewHTTP(providers.HTTPConfig{
		Provider: esim.CloudESIM, BaseURL: c.BaseURL, Timeout: c.Timeout, Rate: c.Rate,
		Permit: c.Permit, Backoff: c.Backoff, BreakerDelay: c.BreakerDelay,
		OnCircuit: c.OnCircuit, OnCall: c.OnCall,
		Authorize: func(h http.Header) { h.Set("Authorization", "Bearer "+c.Token) },
		Secrets:   []string{c.Token},
	})
	if err != nil {
		return nil, err
	}
	return &Client{http: h, qr: providers.NewQRFetcher(c.AllowPrivateImages), now: c.Now}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.Close() }

// envelope is every answer. Data is the balance's payload, Obj that of all else.
type envelope struct {
	Success  providers.Flag     `json:"success"`
	ErrorMsg providers.Messages `json:"errorMsg"`
	Data     json.RawMessage    `json:"data"`
	Obj      json.RawMessage    `json:"obj"`
}

// open returns the envelope of a success, a *providers.Refusal for a failure.
func open(body []byte) (envelope, error) {
	var e envelope
	if err := providers.Unmarshal(body, &e); err != nil {
		return e, err
	}
	switch {
	case e.Success.No:
		return e, &providers.Refusal{Message: string(e.ErrorMsg)}
	case !e.Success.Yes:
		return e, providers.Malformed("success is neither true nor false")
	}
	return e, nil
}

// inObj reads a success whose payload is in "obj".
func inObj[T any](body []byte) (T, error) {
	var payload T
	e, err := open(body)
	if err != nil {
		return payload, err
	}
	if len(e.Obj) == 0 {
		return payload, providers.Malformed("no obj")
	}
	return payload, providers.Unmarshal(e.Obj, &payload)
}
