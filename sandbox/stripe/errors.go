package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Types of errors: docs.stripe.com/api/errors.
const (
	invalidRequest   = "invalid_request_error"
	idempotencyError = "idempotency_error"
	cardError        = "card_error"
	serverError      = "api_error"
)

// An apiError is an error as Stripe words it.
type apiError struct {
	status  int
	kind    string
	code    string
	param   string
	message string
	decline string
	// unstored marks an error found before the endpoint began its work: an idempotency key does
	// not remember it.
	unstored bool
}

// invalid is a 400 about a parameter.
func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: invalidRequest, code: code, param: param, message: fmt.Sprintf(format, args...)}
}

// missing is the 404 for an id that names nothing.
func missing(object, id, param string) *apiError {
	return &apiError{status: http.StatusNotFound, kind: invalidRequest, code: "resource_missing", param: param,
		message: fmt.Sprintf("No such %s: '%s'", object, id)}
}

// body writes the error as Stripe's JSON.
func (e *apiError) body() []byte {
	fields := map[string]string{"type": e.kind, "message": e.message}
	add := func(k, v string) {
		if v != "" {
			fields[k] = v
		}
	}
	add("code", e.code)
	add("param", e.param)
	add("decline_code", e.decline)
	if e.code != "" {
		fields["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(e.code, "_", "-")
	}
	return encode(map[string]any{"error": fields})
}

// encode writes JSON the way Stripe does, indented by two spaces.
func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // only strings, numbers, maps and slices come here
		panic(fmt.Sprintf("encode answer: %v", err))
	}
	return append(b, '\n')
}
