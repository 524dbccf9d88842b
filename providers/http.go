package providers

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"golang.org/x/time/rate"

	"esimbot/esim"
)

// Largest bodies read from a provider, in bytes after decompression.
const (
	LimitAnswer    int64 = 1 << 20
	LimitCatalogue int64 = 8 << 20
)

// DefaultTimeout bounds one call where the configuration names no other time.
const DefaultTimeout = 15 * time.Second

// HTTPConfig says how a provider is reached. Zero fields have the defaults named.
type HTTPConfig struct {
	Provider esim.Provider
	BaseURL  string        // address that every path is appended to; http or https
	Timeout  time.Duration // for one call, its retries included; DefaultTimeout
	Rate     uint          // most requests a second; 10
	// Permit is asked before every request, after Rate: for a rate that several replicas share.
	// Its error keeps the request from being sent. Nil: every request is permitted.
	Permit func(ctx context.Context) error
	// Authorize adds what proves who is calling to a request's headers; nil adds nothing.
	Authorize func(http.Header)
	// Secrets are kept out of every error text.
	Secrets []string
	// Backoff is the delay before a read's first retry, doubled for the next; 300 ms.
	Backoff time.Duration
	// BreakerDelay is how long a failing provider is left alone; 30 s.
	BreakerDelay time.Duration
	// OnCircuit is told when the provider is first left alone (true) and when it is well again
	// (false). It is called on the goroutine of a call and must return at once. Nil: nobody is told.
	OnCircuit func(open bool)
	// OnCall is told of each call that ended just now, its retries and its waiting for a turn
	// included. It must return at once. Nil: nobody is told.
	OnCall func(ctx context.Context, op string, took time.Duration, err error)
}

// HTTP makes the calls of one provider's client: it holds the provider's connections, rate limit
// and circuit breaker. It may be used by several goroutines at once.
//
// Calls are of two kinds. A read may be sent again: after a failure that may pass it is, with
// backoff. A Once call (purchase, top-up, cancel) is sent at most once, on a connection of its own
// over HTTP/1.1: net/http sends requests again by itself only where a connection is reused or
// HTTP/2 is spoken, and a connection that died idle can't leave a purchase in doubt.
type HTTP struct {
	config  HTTPConfig
	base    string
	reads   *http.Client
	once    *http.Client
	limiter *rate.Limiter
	breaker circuitbreaker.CircuitBreaker[any]
	retries failsafe.Executor[any]
}

// A Call is one request to a provider.
type Call struct {
	Op     string     // for errors: "buy", "balance", …
	Method string     // http.MethodGet where empty
	Path   string     // appended to the base address; variable parts escaped
	JSON   any        // body, sent as JSON
	Form   url.Values // body, sent form-encoded
	Limit  int64      // most bytes of answer; LimitAnswer where 0
	Once   bool       // changes something at the provider: sent at most once
}

// NewHTTP checks c and returns its HTTP.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%s: base address is no plain http(s) address", c.Provider)
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Rate == 0 {
		c.Rate = 10
	}
	if c.Backoff <= 0 {
		c.Backoff = 300 * time.Millisecond
	}
	if c.BreakerDelay <= 0 {
		c.BreakerDelay = 30 * time.Second
	}
	h := &HTTP{
		config:  c,
		base:    strings.TrimRight(base.String(), "/"),
		reads:   newClient(true),
		once:    newClient(false),
		limiter: rate.NewLimiter(rate.Limit(c.Rate), 1),
		breaker: newBreaker(c),
		retries: newRetries(c.Backoff),
	}
	return h, nil
}

// newClient returns a client that follows no redirect: an answer of 3xx is an answer, and
// credentials go nowhere but to the address configured.
func newClient(reuse bool) *http.Client {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(reuse)
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    5 * time.Second,
			DisableKeepAlives:      !reuse,
			Protocols:              protocols,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// Close closes idle connections. Calls under way go on.
func (h *HTTP) Close() {
	h.reads.CloseIdleConnections()
	h.once.CloseIdleConnections()
}

// Do makes a call and decodes its answer. decode gets the body of an answer of any status and
// returns nil when it says that the call was done, a *Refusal when it is the provider's own failure
// envelope, any other error when it can't be read. Every error of Do is an *Error.
func Do[T any](ctx context.Context, h *HTTP, call Call, decode func(body []byte) (T, error)) (T, error) {
	var value, none T
	begun := time.Now()
	err := h.run(ctx, call, func(body []byte) error {
		var err error
		value, err = decode(body)
		return err
	})
	if h.config.OnCall != nil {
		h.config.OnCall(ctx, call.Op, time.Since(begun), err)
	}
	if err != nil {
		return none, err
	}
	return value, nil
}

func (h *HTTP) run(ctx context.Context, call Call, decode func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, h.config.Timeout)
	defer cancel()
	if call.Once {
		// Not through an executor: those drop a result that came together with a cancellation.
		if f := h.guarded(ctx, call, decode); f != nil {
			return f.err
		}
		return nil
	}
	last := h.fail(call, NotSent, context.Canceled)   // stands where no attempt was made
	_ = h.retries.WithContext(ctx).Run(func() error { // the last attempt tells more than its error
		if last = h.guarded(ctx, call, decode); last != nil {
			return last
		}
		return nil
	})
	if last != nil {
		return last.err
	}
	return nil
}

// guarded makes one attempt if the circuit breaker lets it, and tells the breaker how it went.
func (h *HTTP) guarded(ctx context.Context, call Call, decode func([]byte) error) *failure {
	if !h.breaker.TryAcquirePermit() {
		return h.fail(call, NotSent, ErrCircuitOpen)
	}
	f := h.attempt(ctx, call, decode)
	switch {
	case f == nil || f.health == well:
		h.breaker.RecordSuccess()
	case f.health == sick || !h.breaker.IsClosed(): // a trial that showed nothing is no success
		h.breaker.RecordFailure()
	}
	return f
}

// attempt sends the request at most once. What failed before a connection was there was surely
// not sent; after that nobody can say.
func (h *HTTP) attempt(ctx context.Context, call Call, decode func([]byte) error) *failure {
	if err := h.permit(ctx); err != nil {
		return h.fail(call, NotSent, err)
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req, err := h.request(httptrace.WithClientTrace(ctx, trace), call)
	if err != nil {
		return h.fail(call, NotSent, err)
	}
	client := h.reads
	if call.Once {
		client = h.once
	}
	resp, err := client.Do(req)
	if err != nil {
		class := NotSent
		if connected.Load() {
			class = Unknown
		}
		f := h.fail(call, class, err)
		f.again = ctx.Err() == nil
		if !errors.Is(err, context.Canceled) {
			f.health = sick
		}
		return f
	}
	defer func() { _ = resp.Body.Close() }() // what was read is all that counts
	return h.judge(ctx, call, resp, decode)
}

func (h *HTTP) permit(ctx context.Context) error {
	if err := h.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the rate limit: %w", err)
	}
	if h.config.Permit == nil {
		return nil
	}
	if err := h.config.Permit(ctx); err != nil {
		return fmt.Errorf("wait for the shared rate limit: %w", err)
	}
	return nil
}

func (h *HTTP) request(ctx context.Context, call Call) (*http.Request, error) {
	method := call.Method
	if method == "" {
		method = http.MethodGet
	}
	body, kind, err := call.body()
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.base+call.Path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if call.Once {
		req.GetBody = nil // without it net/http can't send the body again
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "esimbot")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if h.config.Authorize != nil {
		h.config.Authorize(req.Header)
	}
	return req, nil
}

func (c Call) body() (body io.Reader, contentType string, err error) {
	switch {
	case c.Form != nil:
		return strings.NewReader(c.Form.Encode()), "application/x-www-form-urlencoded", nil
	case c.JSON != nil:
		b, err := json.Marshal(c.JSON)
		return bytes.NewReader(b), "application/json", err
	default:
		return http.NoBody, "", nil
	}
}

// judge reads the answer and says what it means.
func (h *HTTP) judge(ctx context.Context, call Call, resp *http.Response, decode func([]byte) error) *failure {
	body, err := readBody(resp.Body, call.Limit)
	if err == nil {
		err = decode(body)
	}
	class, cause := classify(resp.StatusCode, err)
	if class == bought {
		return nil
	}
	f := h.fail(call, class, cause)
	f.err.Status = resp.StatusCode
	var no *Refusal
	if errors.As(err, &no) {
		f.err.Message = h.redact(no.Message)
	}
	switch {
	case class != Unknown:
		f.health = well
	case !errors.Is(err, context.Canceled):
		f.health = sick
	}
	f.after = retryAfter(resp.Header.Get("Retry-After"), resp.Header.Get("Date"))
	f.again = mayPass(resp.StatusCode, class) && !errors.Is(err, errTooLarge) && fits(ctx, f.after)
	return f
}

func readBody(r io.Reader, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = LimitAnswer
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read answer: %w", err)
	case int64(len(body)) > limit:
		return nil, errTooLarge
	}
	return body, nil
}
