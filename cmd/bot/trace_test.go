package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"esimbot/esim"
	"esimbot/orders"
)

// A collector takes traces as OTLP over HTTP has them, at /base/v1/traces.
type collector struct {
	*httptest.Server
	t testing.TB

	mu    sync.Mutex
	spans []*tracepb.Span
	raw   strings.Builder
}

func openCollector(t testing.TB) *collector {
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP takes spans.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request coltrace.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/base/v1/traces" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("%s %s of %s: %v", r.Method, r.URL.Path, r.Header.Get("Content-Type"), err)
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// attribute returns a span's attribute as text.
func attributeOf(s *tracepb.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// under has the names of the spans below each of those that match.
func (c *collector) under(match func(*tracepb.Span) bool) map[string]int {
	names := map[string]int{}
	for _, root := range c.spans {
		if !match(root) {
			continue
		}
		for _, s := range c.spans {
			if string(s.GetParentSpanId()) == string(root.GetSpanId()) && string(s.GetTraceId()) == string(root.GetTraceId()) {
				names[s.GetName()]++
			}
		}
	}
	return names
}

func (s *stage) followedInTraces(t *testing.T, c *collector) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := s.firstSale(t)
	ofOrder := func(name string) func(*tracepb.Span) bool {
		return func(s *tracepb.Span) bool {
			return s.GetName() == name && attributeOf(s, "order.id") == string(o.ID) && len(s.GetParentSpanId()) == 0
		}
	}
	for _, want := range []struct {
		root  string
		match func(*tracepb.Span) bool
		below []string
	}{
		{"order", ofOrder("order"), []string{"cloudesim buy", "stripe raise fence", "telegram sendPhoto", "redis evalsha", "redis get"}},
		{"update press", ofOrder("update press"), []string{"stripe open checkout", "telegram editMessageText", "redis pipeline", "redis evalsha"}},
		{"stripe event", ofOrder("stripe event"), []string{"stripe read checkout", "redis evalsha"}},
		{"usage round", func(s *tracepb.Span) bool { return s.GetName() == "usage round" }, []string{"cloudesim query", "telegram sendMessage"}},
	} {
		below := c.under(want.match)
		for _, name := range want.below {
			if below[name] == 0 {
				t.Errorf("no %q below %q: %v", name, want.root, below)
			}
		}
	}
	known := map[string]*tracepb.Span{}
	for _, s := range c.spans {
		known[string(s.GetSpanId())] = s
	}
	failed := false
	for _, s := range c.spans {
		for _, a := range s.GetAttributes() {
			if strings.Contains(a.GetValue().GetStringValue(), "://") {
				t.Errorf("an address stands in %q as %s", s.GetName(), a.GetKey())
			}
		}
		if s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() {
			t.Errorf("%q ends before it begins", s.GetName())
		}
		if parent := known[string(s.GetParentSpanId())]; len(s.GetParentSpanId()) > 0 && (parent == nil || string(parent.GetTraceId()) != string(s.GetTraceId())) {
			t.Errorf("%q has a parent that nobody knows", s.GetName())
		}
		failed = failed || s.GetName() == "cloudesim balance" && s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR && attributeOf(s, "outcome") == "unknown"
	}
	if !failed {
		t.Error("the provider's failure is no failed span")
	}
	raw := c.raw.String()
	for name, secret := range s.secrets() {
		if strings.Contains(raw, secret) {
			t.Errorf("%s stands in a trace", name)
		}
	}
}

// firstSale is the customer's order of an eSIM.
func (s *stage) firstSale(t *testing.T) *orders.Order {
	t.Helper()
	list, err := s.app.orders.List(s.ctx, customer)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(o *orders.Order) bool { return o.Kind == orders.KindESIM && o.State == orders.Delivered })
	if i < 0 {
		t.Fatal("nothing was sold")
	}
	return list[i]
}

// secrets are what must stand nowhere outside, by what they are.
func (s *stage) secrets() map[string]string {
	secrets := map[string]string{}
	for name, value := range s.world.Env() {
		switch name {
		case "TELEGRAM_BOT_TOKEN", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CLOUDESIM_API_TOKEN", "MOBILEXY_API_KEY", "DATA_KEY":
			secrets[name] = value
		}
	}
	for _, e := range append(s.sold(esim.CloudESIM), s.sold(esim.Mobilexy)...) {
		secrets["an activation code"], secrets["an ICCID"] = e.ActivationCode, e.ICCID
	}
	return secrets
}

// A collector that takes everything and never answers holds nobody up, neither at work nor at the end.
func TestCollectorHangs(t *testing.T) {
	t.Parallel()
	hanging := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-hanging
	}))
	defer server.Close()
	defer close(hanging)
	traces, err := newTracing(t.Context(), server.URL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for range 3000 { // far more than are kept to be sent
		ctx := traces.root(t.Context(), "update")
		traces.call(ctx, "redis get", time.Millisecond, "ok", false)
		traces.end(ctx, "update press", "ok", false)
	}
	if took := time.Since(begun); took > 10*time.Second { // a batch that is waited for takes half of that
		t.Errorf("6000 spans took %s: somebody waits for the collector", took)
	}
	begun = time.Now()
	if err := traces.close(); err != nil {
		t.Errorf("spans that are lost are no failure: %v", err)
	}
	if took := time.Since(begun); took > flushTimeout+time.Second {
		t.Errorf("the end took %s", took)
	}
}

// A collector that isn't there is said once in the log, and the shop sells.
func TestCollectorIsDead(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s := openStage(t, "", quick(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}))
	s.buy(s.planOf(esim.CloudESIM))
}

// Without a collector nothing is followed: no span is made, and nothing is carried along for one.
func TestWithoutTraces(t *testing.T) {
	traces, err := newTracing(t.Context(), "", slog.New(slog.DiscardHandler))
	if err != nil || traces != nil || traces.close() != nil {
		t.Fatalf("%v, %v", traces, err)
	}
	m, err := newMetrics(newRegistry(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	o := &observer{metrics: m, log: slog.New(slog.DiscardHandler)}
	doors, redis := o.doors(), o.redis()
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		handled := doors.Update(ctx, 7)
		redis.Called(handled, "get", 1, time.Millisecond, nil)
		redis.Called(handled, "pipeline", 3, time.Millisecond, nil)
		doors.Called(handled, "editMessageText", "ok", time.Millisecond)
		doors.Updated(handled, "press", "ok")
	}); n > 1 {
		t.Errorf("%v allocations an update, want the one of its context", n)
	}
}

// What was done shortly before the end is sent all the same.
func TestTracesAreSentAtTheEnd(t *testing.T) {
	t.Parallel()
	c := openCollector(t)
	traces, err := newTracing(t.Context(), c.URL+"/base", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx := traces.root(t.Context(), "order")
	traces.call(ctx, "redis get", time.Millisecond, "failed", true)
	traces.call(t.Context(), "redis get", time.Millisecond, "ok", false) // of nothing that is followed
	traces.end(ctx, "", "ok", false)
	if err := traces.close(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spans) != 2 || c.spans[0].GetName() != "redis get" || string(c.spans[0].GetParentSpanId()) != string(c.spans[1].GetSpanId()) {
		t.Errorf("the collector has %v", c.spans)
	}
}

func TestCollectorsAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "", "http://127.0.0.1:4318": "http://127.0.0.1:4318", "https://traces.example/base/": "https://traces.example/base",
		"traces.example:4318": "!", "grpc://traces.example": "!", "https://me:secret@traces.example": "!", "https://traces.example?key=secret": "!", "https://traces.example#x": "!",
	} {
		vars := minimal()
		vars["OTEL_EXPORTER_OTLP_ENDPOINT"] = address
		switch cfg, err := environmentFrom(vars).Config(); {
		case want == "!" && (err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT") || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v", address, err)
		case want != "!" && (err != nil || cfg.OTLPEndpoint != want):
			t.Errorf("%s: %v", address, err)
		}
	}
}
