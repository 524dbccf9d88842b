package stripe

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"esimbot/sandbox/fault"
)

// A Request is a call of the API as it came.
type Request struct {
	At             time.Time
	Method, Path   string
	Form           url.Values // of the body, or of the query of a GET
	IdempotencyKey string
	Status         int  // of our answer, before Fault touched it
	Replayed       bool // the answer was a remembered one
}

// A call is a request on its way through an endpoint. It holds the server's lock.
type call struct {
	id    string // of the path
	form  *node
	empty bool // lists hold nothing
	now   time.Time
	reqID string
	key   string
}

// An answer is what goes back, and what an idempotency key remembers.
type answer struct {
	status int
	reqID  string
	body   []byte
}

// A renderable is an object as Stripe's JSON.
type renderable = map[string]any

type work func(c *call) (renderable, *apiError)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(pattern string, takes params, do work) {
		if takes == nil {
			takes = params{}
		}
		takes["expand"] = param{kind: list, item: &param{kind: text}}
		mux.Handle(pattern, s.endpoint(takes, do))
	}
	add("POST /v1/checkout/sessions", sessionParams(), s.createSession)
	add("GET /v1/checkout/sessions", listParams("payment_intent", "status", "customer"), s.listSessions)
	add("GET /v1/checkout/sessions/{id}", nil, s.getSession)
	add("POST /v1/checkout/sessions/{id}/expire", nil, s.expireSession)
	add("GET /v1/payment_intents", listParams("customer"), s.listIntents)
	add("GET /v1/payment_intents/{id}", nil, s.getIntent)
	add("POST /v1/payment_intents/{id}", intentParams(), s.updateIntent)
	add("GET /v1/charges", listParams("payment_intent", "customer"), s.listCharges)
	add("GET /v1/charges/{id}", nil, s.getCharge)
	add("POST /v1/refunds", refundParams(), s.createRefund)
	add("GET /v1/refunds", listParams("payment_intent", "charge"), s.listRefunds)
	add("GET /v1/refunds/{id}", nil, s.getRefund)
	add("GET /v1/disputes", listParams("payment_intent", "charge"), s.listDisputes)
	add("GET /v1/disputes/{id}", nil, s.getDispute)
	add("GET /v1/balance", nil, s.getBalance)
	add("GET /v1/account", nil, s.getAccount)
	add("GET /v1/events", listParams("type", "types", "delivery_success"), s.listEvents)
	add("GET /v1/events/{id}", nil, s.getEvent)
	add("POST /v1/webhook_endpoints", endpointParams(true), s.createEndpoint)
	add("GET /v1/webhook_endpoints", listParams(), s.listEndpoints)
	add("GET /v1/webhook_endpoints/{id}", nil, s.getEndpoint)
	add("POST /v1/webhook_endpoints/{id}", endpointParams(false), s.updateEndpoint)
	add("DELETE /v1/webhook_endpoints/{id}", nil, s.deleteEndpoint)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, answer{status: http.StatusNotFound, reqID: newID("req_", 14), body: (&apiError{kind: invalidRequest,
			message: fmt.Sprintf("Unrecognized request URL (%s: %s).", r.Method, r.URL.Path)}).body()}, false)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := s.authorize(r)
		if e == nil {
			e = s.permit(r)
		}
		if e != nil {
			s.write(w, answer{status: e.status, reqID: newID("req_", 14), body: e.body()}, false)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// authorize checks the key, given as bearer token or as the user name of basic authorization, and
// the version asked for.
func (s *Server) authorize(r *http.Request) *apiError {
	key := keyOf(r)
	e := &apiError{status: http.StatusUnauthorized, kind: invalidRequest}
	switch {
	case key == "":
		e.message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth."
	case subtle.ConstantTimeCompare([]byte(key), []byte(s.opt.SecretKey)) != 1 && !s.restricts(key):
		e.message = "Invalid API Key provided: " + redact(key)
	default:
		if v := r.Header.Get("Stripe-Version"); v != "" && v != apiVersion {
			return invalid("", "", "Invalid Stripe API version: %s. You can view your current API version at https://dashboard.stripe.com/developers", brief(v))
		}
		return nil
	}
	return e
}

func keyOf(r *http.Request) string {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		key, _, _ = r.BasicAuth()
	}
	return key
}

// redact keeps a key's kind and its last four characters.
func redact(key string) string {
	if len(key) < 16 {
		return strings.Repeat("*", len(key))
	}
	return key[:8] + strings.Repeat("*", 8) + key[len(key)-4:]
}

func (s *Server) endpoint(takes params, do work) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw := r.URL.RawQuery
		if r.Method == http.MethodPost {
			b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
			if err != nil {
				var tooBig *http.MaxBytesError
				if errors.As(err, &tooBig) {
					s.write(w, answer{status: http.StatusRequestEntityTooLarge, body: invalid("", "", "Request too large").body()}, false)
				}
				return // or the client is gone
			}
			raw = string(b)
		}
		c := &call{id: r.PathValue("id"), empty: fault.IsEmpty(r), reqID: newID("req_", 14)}
		if r.Method == http.MethodPost {
			c.key = r.Header.Get("Idempotency-Key")
		}
		a, replayed := s.answerOnce(c, r.Method+" "+r.URL.Path, raw, takes, do)
		s.record(r, raw, c.key, a.status, replayed)
		s.write(w, a, replayed)
	})
}

// answerOnce runs the work unless the idempotency key has an answer for it already.
func (s *Server) answerOnce(c *call, endpoint, raw string, takes params, do work) (answer, bool) {
	values, _ := url.ParseQuery(raw) // what can't be read is refused later, and not remembered
	sum := sha256.Sum256([]byte(values.Encode()))
	held, known, e := s.claim(c.key, endpoint, hex.EncodeToString(sum[:]))
	if e != nil {
		return answer{e.status, c.reqID, e.body()}, false
	}
	if known != nil {
		return *known, true
	}
	s.waitTrap(endpoint)
	a, store := s.work(c, endpoint, raw, takes, do)
	s.settleKey(held, a, store)
	return a, false
}

// work checks the parameters and runs the endpoint under the lock. store is false for answers that
// an idempotency key does not remember.
func (s *Server) work(c *call, endpoint, raw string, takes params, do work) (a answer, store bool) {
	fail := func(e *apiError) (answer, bool) { return answer{e.status, c.reqID, e.body()}, !e.unstored }
	form, e := parseForm(raw)
	if e == nil {
		e = takes.check(form, "")
	}
	if e != nil {
		e.unstored = true
		return fail(e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	c.form, c.now = form, s.now()
	s.expireDue(c.now)
	broken := s.traps.take(endpoint)
	if broken == trapBefore {
		return fail(&apiError{status: http.StatusInternalServerError, kind: serverError, message: "An unknown error occurred"})
	}
	out, e := do(c)
	if e == nil {
		e = s.expandAll(out, c.form)
	}
	if e == nil && broken == trapAfter {
		e = &apiError{status: http.StatusInternalServerError, kind: serverError, message: "An unknown error occurred"}
	}
	if e != nil {
		return fail(e)
	}
	return answer{http.StatusOK, c.reqID, encode(out)}, true
}

func (s *Server) write(w http.ResponseWriter, a answer, replayed bool) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", a.reqID)
	h.Set("Stripe-Version", apiVersion)
	h.Set("Cache-Control", "no-cache, no-store")
	if replayed {
		h.Set("Idempotent-Replayed", "true")
		h.Set("Original-Request", a.reqID)
	}
	if a.status == http.StatusConflict {
		h.Set("Stripe-Should-Retry", "true")
	} else if a.status >= http.StatusBadRequest {
		h.Set("Stripe-Should-Retry", "false")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone: nobody is left to tell
}

func (s *Server) record(r *http.Request, raw, key string, status int, replayed bool) {
	form, err := url.ParseQuery(raw)
	if err != nil {
		form = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= maxRequests {
		s.requests = slices.Delete(s.requests, 0, maxRequests/10)
	}
	s.requests = append(s.requests, Request{At: s.now(), Method: r.Method, Path: r.URL.Path, Form: form,
		IdempotencyKey: key, Status: status, Replayed: replayed})
}

// Requests returns the calls of the API that were answered, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.requests)
	for i := range out {
		out[i].Form = maps.Clone(out[i].Form)
	}
	return out
}

// newID draws an id as Stripe's look: a prefix and n letters and digits.
func newID(prefix string, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return prefix + string(b)
}
