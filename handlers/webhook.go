package handlers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
)

// maxUpdate bounds an update in bytes.
const maxUpdate = 1 << 20

// secretHeader carries the webhook's secret. https://core.telegram.org/bots/api#setwebhook
const secretHeader = "X-Telegram-Bot-Api-Secret-Token" //nolint:gosec // G101: the header's name, no credential

// ServeHTTP takes one update from Telegram: 401 without the secret, 400 for what is no update, 200
// when it is handled to the end, 500 or 503 when it must come again. Its time outlives the request:
// what is begun is finished even if Telegram hangs up.
//
// The 200 carries the answer to a button press as a method call of its own, which saves a call.
// https://core.telegram.org/bots/api#making-requests-when-getting-updates
func (t *Telegram) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !t.authentic(r.Header.Get(secretHeader)) {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	body, status := readBody(w, r, maxUpdate)
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	u, err := decodeUpdate(body)
	if err != nil {
		t.log.ErrorContext(r.Context(), "update unreadable", "bytes", len(body), "err", err)
	}
	if u == nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(t.metrics.begin(r.Context(), u.ID), handleTime)
	defer cancel()
	reply, err := t.settle(ctx, u)
	if err != nil {
		t.log.WarnContext(ctx, "update must come again", "update", u.ID, "err", err)
		status := http.StatusInternalServerError
		var down *unavailableError
		if errors.As(err, &down) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	writeReply(w, reply)
}

// authentic compares in constant time, whatever the lengths. Without a secret of our own nothing is
// authentic.
func (t *Telegram) authentic(secret string) bool {
	given, own := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(t.secret))
	return subtle.ConstantTimeCompare(given[:], own[:]) == 1 && t.secret != ""
}

// readBody reads at most limit bytes and says with what status to refuse; 200 for none.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, int) {
	var body bytes.Buffer
	if said := r.ContentLength; said > 0 && said <= limit {
		body.Grow(int(said) + bytes.MinRead) // what comes in one piece is kept in one
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	default:
		return body.Bytes(), http.StatusOK
	}
}

func writeReply(w http.ResponseWriter, a *answer) {
	if a == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// Telegram comes again for an answer it did not get, and the page is drawn again.
	_ = json.NewEncoder(w).Encode(struct {
		Method string `json:"method"`
		Query  string `json:"callback_query_id"`
		Text   string `json:"text,omitempty"`
		Alert  bool   `json:"show_alert,omitempty"`
	}{"answerCallbackQuery", a.Query, a.Text, a.Alert})
}
