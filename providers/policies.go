package providers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// failure is one attempt that failed, with what the policies need to know of it.
type failure struct {
	err    *Error
	again  bool          // a read may be asked again
	after  time.Duration // not before this, when the provider said so
	health health
}

// health is what an attempt showed of the provider's state.
type health int

const (
	untold health = iota // cancelled, or never sent
	sick
	well
)

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// fail makes the failure of a call. The cause's text is redacted; the address that net/http puts
// before it says nothing new.
func (h *HTTP) fail(call Call, class Class, cause error) *failure {
	var inURL *url.Error
	if errors.As(cause, &inURL) {
		cause = inURL.Err
	}
	if cause != nil {
		cause = &redacted{text: h.redact(cause.Error()), cause: cause}
	}
	return &failure{err: &Error{Provider: h.config.Provider, Op: call.Op, Class: class, Err: cause}}
}

// newRetries returns what sends a read up to three times.
func newRetries(backoff time.Duration) failsafe.Executor[any] {
	const jitter = 0.25
	return failsafe.With(retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool {
			var f *failure
			return errors.As(err, &f) && f.again
		}).
		WithMaxRetries(2).
		ReturnLastFailure().
		WithBackoff(backoff, 8*backoff).
		WithJitterFactor(jitter).
		WithDelayFunc(func(exec failsafe.ExecutionAttempt[any]) time.Duration {
			var f *failure
			if errors.As(exec.LastError(), &f) && f.after > 0 {
				return time.Duration(float64(f.after) / (1 - jitter)) // jitter may take as much off again
			}
			return -1 // the backoff above
		}).
		Build())
}

// trials is how many calls try a provider that was left alone: a quote makes as many at once (list,
// details, balance) and must not fail for want of one.
const trials = 3

// newBreaker returns a breaker that leaves the provider alone when 8 of the last 10 attempts
// failed, and then takes it for well again after one success, for failing after as many failures
// as there are trials.
func newBreaker(c HTTPConfig) circuitbreaker.CircuitBreaker[any] {
	return circuitbreaker.NewBuilder[any]().
		WithFailureThresholdRatio(8, 10).
		WithSuccessThresholdRatio(1, trials).
		WithDelay(c.BreakerDelay).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			switch {
			case c.OnCircuit == nil:
			case e.OldState == circuitbreaker.ClosedState && e.NewState == circuitbreaker.OpenState:
				c.OnCircuit(true)
			case e.NewState == circuitbreaker.ClosedState:
				c.OnCircuit(false)
			}
		}).
		Build()
}

// retryAfter reads the header of that name, in seconds or as a date (RFC 9110 §10.2.3), which is
// held against the server's own Date. It returns 0 when there is none or it makes no sense.
func retryAfter(value, date string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(date)
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// fits says whether a wait of d ends before ctx does.
func fits(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) > d
}
