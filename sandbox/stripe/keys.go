package stripe

import (
	"net/http"
	"slices"
	"strings"
)

// Restrict makes a restricted key, which allows only what is named: "charge_read", "charge_write"….
// To write includes to read. https://docs.stripe.com/keys/restricted-api-keys
func (s *Server) Restrict(key string, permissions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limited == nil {
		s.limited = map[string][]string{}
	}
	s.limited[key] = slices.Clone(permissions)
}

func (s *Server) restricts(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.limited[key]
	return ok
}

// permit refuses what a restricted key doesn't allow, before anything else of the call is looked at.
func (s *Server) permit(r *http.Request) *apiError {
	key := keyOf(r)
	s.mu.Lock()
	allowed, limited := s.limited[key]
	s.mu.Unlock()
	resource := resourceOf(r.URL.Path)
	if !limited || resource == "" || slices.Contains(allowed, resource+"_write") {
		return nil
	}
	needed := resource + "_write"
	if r.Method == http.MethodGet {
		if needed = resource + "_read"; slices.Contains(allowed, needed) {
			return nil
		}
	}
	return &apiError{status: http.StatusForbidden, kind: invalidRequest, message: "The provided key '" + redact(key) +
		"' does not have the required permissions for this endpoint on account 'acct_sandbox'. Having the 'rak_" + needed +
		"' permission would allow this request to continue."}
}

// resourceOf names what a path is about as permissions do; refunds go with charges.
func resourceOf(path string) string {
	for _, of := range [][2]string{
		{"/v1/checkout/sessions", "checkout_session"}, {"/v1/payment_intents", "payment_intent"}, {"/v1/charges", "charge"},
		{"/v1/refunds", "charge"}, {"/v1/disputes", "dispute"}, {"/v1/balance", "balance"}, {"/v1/account", "connected_account"},
		{"/v1/events", "event"}, {"/v1/webhook_endpoints", "webhook"},
	} {
		if path == of[0] || strings.HasPrefix(path, of[0]+"/") {
			return of[1]
		}
	}
	return ""
}

// SetChargesEnabled says whether the account may take payments: one that isn't activated may not.
func (s *Server) SetChargesEnabled(enabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inactive = !enabled
}
