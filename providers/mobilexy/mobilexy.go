// Package mobilexy is the client of Mobilexy's eSIM API (https://mobilexy.com/api): a method for
// each endpoint of its page, and on top of them what the shop asks of any provider.
//
// Requests are form-encoded, with the key in the body and never in the address. There are two
// envelopes: {remark, status, message, data}, and for usage {success, errorCode, errorMsg, obj}; a
// top-up wraps the second in the first's data. The API takes no idempotency key, has no cancel and
// no way to look an order up, so a purchase whose answer was lost stays in doubt for good. A
// purchase tells neither ICCID nor esimTranNo; a usage check by ICCID tells the esimTranNo later.
package mobilexy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// DefaultBaseURL is the address of the real API.
const DefaultBaseURL = "https://mobilexy.com/api"

// Config says how Mobilexy is reached. APIKey is required; zero fields have the defaults named.
type Config struct {
	APIKey  string
	BaseURL string        // DefaultBaseURL
	Timeout time.Duration // for one call; providers.DefaultTimeout
	Rate    uint          // most requests a second; 10
	// Permit, Backoff, BreakerDelay, OnCircuit and OnCall are those of providers.HTTPConfig.
	Permit                func(ctx context.Context) error
	Backoff, BreakerDelay time.Duration
	OnCircuit             func(open bool)
	OnCall                func(ctx context.Context, op string, took time.Duration, err error)
}

// String hides the key.
func (Config) String() string { return "mobilexy.Config{***}" }

// GoString hides the key from %#v.
func (c Config) GoString() string { return c.String() }

// LogValue hides the key from logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A Client talks to Mobilexy. It may be used by several goroutines at once.
type Client struct {
	http *providers.HTTP
	key  string
}

var _ providers.Provider = (*Client)(nil)

// String hides the key.
func (*Client) String() string { return "mobilexy.Client{***}" }

// GoString hides the key from %#v.
func (c *Client) GoString() string { return c.String() }

// New checks c and returns its Client.
func New(c Config) (*Client, error) {
	if c.APIKey == "" {
		return nil, errors.New("mobilexy: no API key")
	}
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	h, err := providers.NewHTTP(providers.HTTPConfig{
		Provider: esim.Mobilexy, BaseURL: c.BaseURL, Timeout: c.Timeout, Rate: c.Rate,
		Permit: c.Permit, Backoff: c.Backoff, BreakerDelay: c.BreakerDelay, OnCircuit: c.OnCircuit, OnCall: c.OnCall,
		Secrets: []string{c.APIKey, url.QueryEscape(c.APIKey)},
	})
	if err != nil {
		return nil, err
	}
	return &Client{http: h, key: c.APIKey}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.Close() }

// get makes the call of a list, which needs no key.
func get(op, path string) providers.Call {
	return providers.Call{Op: op, Path: path, Limit: providers.LimitCatalogue}
}

// post makes the call of a form that carries the key.
func (c *Client) post(op, path string, form url.Values) providers.Call {
	form = maps.Clone(form)
	form.Set("api_key", c.key)
	return providers.Call{Op: op, Method: http.MethodPost, Path: path, Form: form}
}

// envelope is both envelopes at once: an endpoint that answers in one may refuse in the other.
type envelope struct {
	Status  providers.Text     `json:"status"`
	Message providers.Messages `json:"message"`
	Data    json.RawMessage    `json:"data"`

	Success   providers.Flag     `json:"success"`
	ErrorCode providers.Text     `json:"errorCode"` // null, "0" or a code
	ErrorMsg  providers.Messages `json:"errorMsg"`
	Obj       json.RawMessage    `json:"obj"`
}

// open returns the envelope of an answer that does not refuse; a *providers.Refusal for one that does.
func open(body []byte) (envelope, error) {
	var e envelope
	if err := providers.Unmarshal(body, &e); err != nil {
		return e, err
	}
	switch {
	case failed(e.Status):
		return e, &providers.Refusal{Message: string(e.Message)}
	case e.Status != "" && e.Status != "success":
		return e, providers.Malformed("a status that is neither success nor failure")
	case e.Success.No:
		message := string(e.ErrorMsg)
		if message == "" {
			message = "error code " + e.ErrorCode.Clean(40)
		}
		return e, &providers.Refusal{Message: message}
	case e.Success.Yes && e.ErrorCode != "" && e.ErrorCode != "0":
		return e, providers.Malformed("success with an error code")
	}
	return e, nil
}

// failed says whether a status is a word for failure. The page shows none; one that is not known for
// sure ("pending") must not pass for a purchase that was refused.
func failed(status providers.Text) bool {
	switch status {
	case "error", "fail", "failed", "failure":
		return true
	default:
		return false
	}
}

// inData reads a success of the first envelope.
func inData[T any](body []byte) (T, error) {
	var payload T
	e, err := open(body)
	switch {
	case err != nil:
		return payload, err
	case e.Status != "success":
		return payload, providers.Malformed("no status")
	case len(e.Data) == 0:
		return payload, providers.Malformed("no data")
	}
	return payload, providers.Unmarshal(e.Data, &payload)
}

// inObj reads a success of the second envelope.
func inObj[T any](body []byte) (T, error) {
	var payload T
	e, err := open(body)
	switch {
	case err != nil:
		return payload, err
	case !e.Success.Yes:
		return payload, providers.Malformed("success is neither true nor false")
	case len(e.Obj) == 0:
		return payload, nil
	}
	return payload, providers.Unmarshal(e.Obj, &payload)
}
