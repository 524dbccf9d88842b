package providers

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
)

// A Refusal is a provider's own failure envelope: it says that nothing was done, and why.
type Refusal struct {
	Message string // the provider's words
}

// Error returns the provider's words.
func (r *Refusal) Error() string { return "refused: " + r.Message }

// bought is the class of success. It has no exported name because it is never the class of an error.
const bought Class = -1

var (
	errTooLarge  = errors.New("answer too large")
	errTooMany   = errors.New("too many requests")
	errRedirect  = errors.New("redirect not followed")
	errUpstream  = errors.New("failure on the provider's side")
	errUntrusted = errors.New("status and answer contradict each other")
)

// The providers give no error codes: these are the words they have for the two refusals that the
// shop answers by itself.
var (
	insufficient = regexp.MustCompile(`(?i)\binsufficient\s+(account\s+|wallet\s+)?(balance|funds)\b`)
	notKnown     = regexp.MustCompile(`(?i)\bnot found\b|\bno such\b|\bdo(es)?(n.t| not) exist\b|\b(unknown|invalid) (e?sim|iccid|esim ?tran ?no|order|plan|package)\b`)
)

// classify says what is known after an answer of this status, whose body decoded to err: nil for a
// success, a *Refusal, or anything else when it could not be read. A timeout or conflict that the
// provider reports in its own envelope stays Unknown: whoever stands behind it may have gone on.
func classify(status int, err error) (Class, error) {
	var no *Refusal
	refused := errors.As(err, &no)
	switch {
	case refused && insufficient.MatchString(no.Message):
		return Rejected, ErrInsufficientBalance
	case status == http.StatusTooManyRequests:
		return NotSent, errTooMany
	case err == nil && status/100 == 2:
		return bought, nil
	case err == nil:
		return Unknown, errUntrusted
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Rejected, ErrUnauthorized
	case status == http.StatusNotFound:
		return Rejected, ErrNotFound
	case status == http.StatusUnprocessableEntity:
		return Rejected, cause(no)
	case status >= 500:
		return Unknown, errUpstream
	case status/100 == 3:
		return Unknown, errRedirect
	case refused && status != http.StatusRequestTimeout && status != http.StatusConflict:
		return Rejected, cause(no)
	case refused:
		return Unknown, errUpstream
	default:
		return Unknown, malformed(err)
	}
}

// cause returns the sentinel of a refusal whose words are known, else nil.
func cause(no *Refusal) error {
	if no != nil && notKnown.MatchString(no.Message) {
		return ErrNotFound
	}
	return nil
}

// malformed makes err an ErrMalformed.
func malformed(err error) error {
	if errors.Is(err, ErrMalformed) {
		return err
	}
	return &malformedError{err}
}

type malformedError struct{ err error }

func (e *malformedError) Error() string { return ErrMalformed.Error() + ": " + e.err.Error() }

func (e *malformedError) Unwrap() []error { return []error{ErrMalformed, e.err} }

// mayPass says whether a read that ended so is worth asking again.
func mayPass(status int, c Class) bool {
	switch {
	case c == NotSent:
		return true
	case c == Rejected || status/100 == 3:
		return false
	default:
		return status/100 == 2 || status >= 500 || status == http.StatusRequestTimeout
	}
}

// redactions hide what belongs in no error text, whoever put it there.
var (
	longDigits = regexp.MustCompile(`\d{11,}(\d{4})`)
	lpaText    = regexp.MustCompile(`(?i)LPA:[^\s"',;]+`)
)

// redact takes secrets, activation codes and whole ICCIDs out of text from outside, and cuts it
// at 300 runes.
func (h *HTTP) redact(s string) string {
	for _, secret := range h.config.Secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	s = lpaText.ReplaceAllString(s, "LPA:***")
	return Clean(longDigits.ReplaceAllString(s, "…$1"), 300)
}

// redacted is an error whose text is safe to log. It answers errors.Is like its cause but does not
// hand the cause out.
type redacted struct {
	text  string
	cause error
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Is(target error) bool { return errors.Is(r.cause, target) }
