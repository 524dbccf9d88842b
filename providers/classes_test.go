package providers

import (
	"errors"
	"net/http"
	"testing"
)

func TestClassify(t *testing.T) {
	broken := errors.New("no JSON")
	no := func(message string) error { return &Refusal{Message: message} }
	poor := "Insufficient balance. Required: $1.25, available: $0.00"
	for _, tc := range []struct {
		status int
		answer error
		class  Class
		cause  error
	}{
		{200, nil, bought, nil},
		{201, nil, bought, nil},
		{200, no("Package is disabled"), Rejected, nil},
		{200, no(poor), Rejected, ErrInsufficientBalance},
		{500, no(poor), Rejected, ErrInsufficientBalance},
		{503, no("insufficient funds"), Rejected, ErrInsufficientBalance},
		{409, no(poor), Rejected, ErrInsufficientBalance},
		{429, no("slow down"), NotSent, errTooMany},
		{429, broken, NotSent, errTooMany},
		{429, nil, NotSent, errTooMany},
		{400, no("bad package"), Rejected, nil},
		{402, no("pay first"), Rejected, nil},
		{200, no("Package not found."), Rejected, ErrNotFound},
		{401, broken, Rejected, ErrUnauthorized},
		{403, no("no"), Rejected, ErrUnauthorized},
		{404, broken, Rejected, ErrNotFound},
		{422, broken, Rejected, nil},
		{422, no("packageCode is required."), Rejected, nil},
		{200, broken, Unknown, ErrMalformed},
		{204, broken, Unknown, ErrMalformed},
		{400, broken, Unknown, ErrMalformed},
		{301, broken, Unknown, errRedirect},
		{307, no("moved"), Unknown, errRedirect},
		{408, broken, Unknown, ErrMalformed},
		{408, no("timed out upstream"), Unknown, errUpstream},
		{409, no("being made"), Unknown, errUpstream},
		{500, no("server error"), Unknown, errUpstream},
		{502, broken, Unknown, errUpstream},
		{504, broken, Unknown, errUpstream},
		{500, nil, Unknown, errUntrusted},
		{404, nil, Unknown, errUntrusted},
	} {
		class, cause := classify(tc.status, tc.answer)
		if class != tc.class || (tc.cause == nil) != (cause == nil) || (tc.cause != nil && !errors.Is(cause, tc.cause)) {
			t.Errorf("%d %v: %s (%v), want %s (%v)", tc.status, tc.answer, class, cause, tc.class, tc.cause)
		}
	}
}

func TestOnlyFailuresThatMayPassAreAskedAgain(t *testing.T) {
	for status, want := range map[int]bool{
		http.StatusTooManyRequests: true, 500: true, 503: true, 408: true, 200: true,
		301: false, 400: false, 401: false, 404: false, 409: false, 422: false,
	} {
		class, _ := classify(status, errors.New("no JSON"))
		if got := mayPass(status, class); got != want {
			t.Errorf("%d (%s): asked again %v, want %v", status, class, got, want)
		}
	}
}
