package handlers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answerOf asks a handler for a path and returns what it says.
func answerOf(t *testing.T, h http.Handler, method, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("{}")))
	return w.Code, w.Body.String()
}

// TestNothingElseIsThere: a path that isn't ours and a method that a path hasn't get a bare refusal; there
// is no directory, no profiler and no metrics, and HEAD says no more than GET.
func TestNothingElseIsThere(t *testing.T) {
	st := newStage(t)
	web := Routes(Doors{Telegram: st.door, Log: st.door.log, Metrics: st.metrics})
	for _, path := range []string{
		"/", "/index.html", "/metrics", "/debug/pprof/", "/debug/vars", "/.env", "/.git/config", "/telegram", "/telegram/", "/telegram/webhook/",
		"/stripe/webhook", "/panel/api/world", "/healthz/", "/readyz/x",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, "TRACE", "BREW"} {
			if status, body := answerOf(t, web, method, path); status != http.StatusNotFound || body != "404 page not found\n" {
				t.Errorf("%s %s: %d %q", method, path, status, body)
			}
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions, "TRACE"} {
		if status, body := answerOf(t, web, method, "/telegram/webhook"); status != http.StatusMethodNotAllowed || body != "Method Not Allowed\n" {
			t.Errorf("%s: %d %q", method, status, body)
		}
	}
	if status, _ := answerOf(t, web, http.MethodHead, "/healthz"); status != http.StatusOK {
		t.Errorf("HEAD /healthz: %d", status)
	}
	if len(st.shop.told()) != 0 {
		t.Error("the shop was told something")
	}
}
