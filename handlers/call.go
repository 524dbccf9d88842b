package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-telegram/bot"
)

// post calls a method with its parameters as JSON, and reads what came of it into result, unless that
// is nil. The library sends every call as a form of many parts, through a pipe and in as many writes:
// made for files, and half of what a tap costs. So what a tap calls is called here, with the library's
// parameters, and fails with the library's errors.
// https://core.telegram.org/bots/api#making-requests
func (c *Client) post(ctx context.Context, method string, params, result any) error {
	var body bytes.Buffer
	body.Grow(2 << 10) // a screen, and its answer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(params); err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/"+method, bytes.NewReader(body.Bytes()))
	if err != nil {
		return errors.New("the API's address is malformed") // err would quote the token
	}
	req.Header["Content-Type"] = []string{"application/json"}
	resp, err := c.http.Do(req)
	if err != nil {
		return err // classify keeps its kind and drops its text
	}
	defer func() { _ = resp.Body.Close() }()
	body.Reset()
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return fmt.Errorf("read what came of %s: %w", method, err)
	}
	outcome := outcome{Result: result}
	if result == nil {
		outcome.Result = &skipped{}
	}
	if err := json.Unmarshal(body.Bytes(), &outcome); err != nil {
		return fmt.Errorf("decode what came of %s: %w", method, err)
	}
	return outcome.err()
}

// skipped is what nobody reads.
type skipped struct{}

// UnmarshalJSON takes whatever it is.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// An outcome is what the Bot API answers to every call.
// https://core.telegram.org/bots/api#making-requests, #responseparameters
type outcome struct {
	OK          bool   `json:"ok"`
	Result      any    `json:"result"`
	Code        int    `json:"error_code"`
	Description string `json:"description"`
	Parameters  struct {
		RetryAfter int `json:"retry_after"`
		MigrateTo  int `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// err returns the library's error for a refusal; nil for none.
func (o *outcome) err() error {
	if o.OK {
		return nil
	}
	var class error
	switch o.Code {
	case http.StatusTooManyRequests:
		return &bot.TooManyRequestsError{Message: o.Description, RetryAfter: o.Parameters.RetryAfter}
	case http.StatusBadRequest:
		if o.Parameters.MigrateTo != 0 {
			return &bot.MigrateError{Message: o.Description, MigrateToChatID: o.Parameters.MigrateTo}
		}
		class = bot.ErrorBadRequest
	case http.StatusForbidden:
		class = bot.ErrorForbidden
	case http.StatusUnauthorized:
		class = bot.ErrorUnauthorized
	case http.StatusNotFound:
		class = bot.ErrorNotFound
	case http.StatusConflict:
		class = bot.ErrorConflict
	default:
		return errors.New("refused with " + strconv.Itoa(o.Code))
	}
	return fmt.Errorf("%w, %s", class, o.Description)
}
