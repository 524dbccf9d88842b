package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"esimbot/orders"
)

// maxBody bounds an answer in bytes: a page of 100 Sessions with their charges is about 1 MB.
const maxBody = 4 << 20

// attempts bounds how often one call is made.
const attempts = 4

// An Error is a call that Stripe refused or didn't answer: docs.stripe.com/api/errors. It holds no
// secrets.
type Error struct {
	Op        string // what was being done
	Status    int    // HTTP status, 0 when there was no answer
	Type      string // "invalid_request_error", "idempotency_error", …
	Code      string // "resource_missing", …
	Param     string
	Message   string // for developers, in English
	RequestID string

	unreadable bool  // a 2xx whose body made no sense
	cause      error // of no answer
}

// Error says what Stripe answered.
func (e *Error) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("stripe: %s: no answer: %v", e.Op, e.cause)
	case e.unreadable:
		return fmt.Sprintf("stripe: %s: %d with an unreadable body", e.Op, e.Status)
	}
	parts := []string{fmt.Sprintf("stripe: %s: %d", e.Op, e.Status)}
	for _, p := range []string{e.Type, e.Code, e.Param, e.Message, e.RequestID} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives orders.ErrPaymentDoubt where the call may or may not have been done, and the cause
// of a missing answer.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.silent() || e.Status >= http.StatusInternalServerError {
		errs = append(errs, orders.ErrPaymentDoubt)
	}
	if e.cause != nil {
		errs = append(errs, e.cause)
	}
	return errs
}

// silent says that the answer is still to be had under the same idempotency key.
func (e *Error) silent() bool {
	return e.Status == 0 || e.unreadable || e.Status == http.StatusConflict || e.Status == http.StatusTooManyRequests
}

// stored says that Stripe may remember this very error under the key, while the work may be done.
func (e *Error) stored() bool { return e.Status >= http.StatusInternalServerError }

// reused says that the idempotency key came with another request before.
func (e *Error) reused() bool {
	return e.Status == http.StatusBadRequest && e.Type == string(stripe.ErrorTypeIdempotency)
}

// A manner says when a call may be made again.
type manner int

const (
	keyed    manner = iota // writes under an idempotency key: after no answer, 409 and 429
	harmless               // reads, and writes that come to the same: after 5xx too
)

// call makes do's request, repeating it in the given manner until ctx ends. Errors are *Error.
func (s *Stripe) call(ctx context.Context, op string, m manner, do func(ctx context.Context) error) error {
	begun := time.Now()
	err := s.repeated(ctx, op, m, do)
	if s.cfg.OnCall != nil {
		s.cfg.OnCall(ctx, op, time.Since(begun), err)
	}
	return err
}

func (s *Stripe) repeated(ctx context.Context, op string, m manner, do func(ctx context.Context) error) error {
	pause := s.pause
	for n := 1; ; n++ {
		e := s.once(ctx, op, do)
		if e == nil {
			return nil
		}
		if n == attempts || (!e.silent() && (m != harmless || !e.stored())) {
			return e
		}
		s.cfg.Log.DebugContext(ctx, "stripe call made again", slog.String("op", op), slog.Int("attempt", n), slog.Int("status", e.Status))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return e
		}
		pause *= 3
	}
}

// once makes the request and says in our words how it failed.
func (s *Stripe) once(ctx context.Context, op string, do func(ctx context.Context) error) *Error {
	var got seen
	err := do(context.WithValue(ctx, seenKey{}, &got))
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Status: got.status}
	var refused *stripe.Error
	switch {
	case errors.As(err, &refused):
		e.Status, e.RequestID = refused.HTTPStatusCode, printable(refused.RequestID)
		e.Type, e.Code, e.Param = printable(string(refused.Type)), printable(string(refused.Code)), printable(refused.Param)
		e.Message = printable(strings.ReplaceAll(refused.Msg, s.cfg.SecretKey, "***"))
	case got.status == 0:
		e.cause = err
	default:
		// The library's error quotes the body, which may be anything.
		e.unreadable = got.status < http.StatusBadRequest
	}
	return e
}

// printable keeps foreign text short and on one line.
func printable(s string) string {
	r := []rune(strings.ToValidUTF8(s, "?"))
	if len(r) > 300 {
		r = append(r[:300], '…')
	}
	for i := range r {
		if r[i] < ' ' || r[i] == 0x7f {
			r[i] = ' '
		}
	}
	return string(r)
}

// seen is what the transport saw of the last answer: the library drops it where the body is no JSON.
type seen struct{ status int }

type seenKey struct{}

// transport notes each answer's status and bounds its body.
type transport struct{ base http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	note, _ := r.Context().Value(seenKey{}).(*seen)
	if note != nil {
		*note = seen{}
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if note != nil {
		note.status = resp.StatusCode
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxBody)
	return resp, nil
}

// newHTTPClient puts our transport into c, or into a client with timeouts of its own.
func newHTTPClient(c *http.Client) *http.Client {
	mine := http.Client{}
	if c != nil {
		mine = *c
	}
	if mine.Transport == nil {
		mine.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   3 * time.Second,
			ResponseHeaderTimeout: callTimeout,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			ForceAttemptHTTP2:     true,
		}
	}
	mine.Transport = transport{mine.Transport}
	mine.Timeout = callTimeout
	mine.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &mine
}
