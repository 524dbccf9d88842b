package handlers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-telegram/bot"

	"esimbot/orders"
)

// A failureKind sorts what can come of a call by what is to be done about it.
type failureKind string

const (
	failFlood       failureKind = "flood"       // 429: nothing was done; wait
	failUnreachable failureKind = "unreachable" // blocked, deactivated, chat gone: for good
	failGone        failureKind = "gone"        // the message can't be edited: send another
	failUnchanged   failureKind = "unchanged"   // the message shows this already: success
	failQuery       failureKind = "query"       // the callback query is answered or too old
	failRefused     failureKind = "refused"     // any other refusal: repeating won't help
	failUnsent      failureKind = "unsent"      // no connection: nothing was done
	failDoubt       failureKind = "doubt"       // no answer that tells whether it was done
)

// A callError is a failed call to Telegram. It says what Telegram said without the texts and
// addresses that Telegram quotes, which may hold an activation code.
type callError struct {
	method     string
	kind       failureKind
	detail     string
	retryAfter time.Duration // with failFlood
	moved      int64         // the supergroup that a group became; 0 otherwise
	cause      error
}

func (e *callError) Error() string {
	return fmt.Sprintf("telegram %s: %s: %s", e.method, e.kind, e.detail)
}

// RetryAfter is how long Telegram asked to be left alone; 0 where it didn't.
func (e *callError) RetryAfter() time.Duration { return e.retryAfter }

// Unwrap tells orders.ErrUnreachable, and a context's end, to those who ask.
func (e *callError) Unwrap() error { return e.cause }

// failedAs returns the call's failure if err is one of that kind.
func failedAs(err error, kinds ...failureKind) bool {
	var failure *callError
	if !errors.As(err, &failure) {
		return false
	}
	for _, k := range kinds {
		if failure.kind == k {
			return true
		}
	}
	return false
}

// asked returns how long Telegram asked to wait in err; 0 where it didn't.
func asked(err error) time.Duration {
	var failure *callError
	if !errors.As(err, &failure) {
		return 0
	}
	return failure.retryAfter
}

// statusError is an answer that is no answer of the Bot API: 5xx of a server or a proxy before it.
type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

// classify turns what the library returned for method into a callError; nil stays nil.
func classify(method string, err error) error {
	if err == nil {
		return nil
	}
	e := &callError{method: method}
	var flood *bot.TooManyRequestsError
	var migrated *bot.MigrateError
	switch {
	case errors.As(err, &flood):
		e.kind, e.detail = failFlood, "too many requests"
		e.retryAfter = max(time.Second, time.Duration(min(flood.RetryAfter, 24*60*60))*time.Second)
	case errors.As(err, &migrated):
		e.kind, e.detail, e.moved = failRefused, "the group became a supergroup", int64(migrated.MigrateToChatID)
	case errors.Is(err, bot.ErrorForbidden):
		e.kind, e.detail, e.cause = failUnreachable, described(err), orders.ErrUnreachable
	case errors.Is(err, bot.ErrorBadRequest):
		e.kind, e.detail = badRequest(described(err)), described(err)
		if e.kind == failUnreachable {
			e.cause = orders.ErrUnreachable
		}
	case errors.Is(err, bot.ErrorUnauthorized), errors.Is(err, bot.ErrorNotFound), errors.Is(err, bot.ErrorConflict):
		e.kind, e.detail = failRefused, described(err)
	default:
		e.kind, e.detail, e.cause = unanswered(err)
	}
	return e
}

// unanswered sorts a call that brought no answer of the Bot API. The error's own text is left out:
// it may hold the token or half an answer.
func unanswered(err error) (failureKind, string, error) {
	var status statusError
	var dial *net.OpError
	var address *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return failDoubt, "timed out", context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return failDoubt, "cancelled", context.Canceled
	case errors.As(err, &status):
		return failDoubt, status.Error(), status
	case errors.As(err, &dial) && dial.Op == "dial":
		return failUnsent, "no connection", nil
	case errors.As(err, &address):
		return failDoubt, "connection lost", nil
	default:
		return failDoubt, "no usable answer", nil
	}
}

// badRequest sorts a 400 by its description, which is all that the Bot API tells it by.
func badRequest(description string) failureKind {
	text := strings.ToLower(description)
	for _, known := range []struct {
		kind  failureKind
		words []string
	}{
		{failUnchanged, []string{"message is not modified"}},
		{failGone, []string{
			"message to edit not found", "message can't be edited", "message_id_invalid",
			"there is no text in the message to edit", "there is no caption in the message to edit",
			"message identifier is not specified",
		}},
		{failUnreachable, []string{"chat not found", "user is deactivated", "peer_id_invalid", "bot was blocked"}},
		{failQuery, []string{"query is too old", "query id is invalid"}},
	} {
		for _, words := range known.words {
			if strings.Contains(text, words) {
				return known.kind
			}
		}
	}
	return failRefused
}

// quoted matches what a description may repeat of the request: quoted text, addresses, codes.
var quoted = regexp.MustCompile(`(?i)'[^']*'?|"[^"]*"?|\b[a-z]+://\S+|LPA:\S+`)

// described returns Telegram's description, cut, without what it quotes.
func described(err error) string {
	text := err.Error()
	// "can't" holds an apostrophe, which begins no quotation.
	text = strings.ReplaceAll(text, "can't", "can’t")
	text = quoted.ReplaceAllString(text, "…")
	text = strings.ReplaceAll(text, "can’t", "can't")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200])
	}
	return text
}
