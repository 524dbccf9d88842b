package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// How spans are sent. They are gathered in memory and go out in the background; while the collector
// doesn't answer, those that don't fit are dropped, so that nobody waits for it.
const (
	exportTimeout = 5 * time.Second
	// flushTimeout is how long the process waits at its end for what is still to be sent.
	flushTimeout = 2 * time.Second
	// untoldEvery is how often it is said at most that spans are lost.
	untoldEvery = time.Minute
	// serviceName is what the shop is called there, unless OTEL_SERVICE_NAME says otherwise.
	serviceName = "esimbot"
)

// tracing sends what the shop does to a collector, as OpenTelemetry has it. The nil tracing does
// nothing and costs nothing.
//
// A span says what was done, for which order or update, how long it took and how it ended, in words of
// ours. It holds no address, no text of anybody's and no error's text: Telegram's address has the token
// in it, and errors quote what others wrote.
type tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// newTracing returns what sends spans to the collector whose base address is endpoint, nil for none.
// It calls nobody. https://opentelemetry.io/docs/specs/otel/protocol/exporter/
func newTracing(ctx context.Context, endpoint string, log *slog.Logger) (*tracing, error) {
	if endpoint == "" {
		return nil, nil //nolint:nilnil // the nil tracing does nothing
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"), otlptracehttp.WithTimeout(exportTimeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: exportTimeout, MaxElapsedTime: 4 * exportTimeout}))
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", serviceName)), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("trace: %w", err), exporter.Shutdown(ctx))
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(&exporting{SpanExporter: exporter, log: log}))
	return &tracing{provider: provider, tracer: provider.Tracer("esimbot")}, nil
}

// close sends what is still to be sent, for a moment.
func (t *tracing) close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("trace: %w", err)
	}
	return nil // spans that are lost are no failure of the shop's
}

// root begins a span that belongs to no other.
func (t *tracing) root(ctx context.Context, name string, attributes ...attribute.KeyValue) context.Context {
	ctx, _ = t.tracer.Start(ctx, name, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	return ctx
}

// end ends the span in ctx.
func (t *tracing) end(ctx context.Context, name, outcome string, failed bool) {
	span := trace.SpanFromContext(ctx)
	if name != "" {
		span.SetName(name)
	}
	finish(span, outcome, failed)
	span.End()
}

// call notes a call that ended just now, if what it was made for is followed.
func (t *tracing) call(ctx context.Context, name string, took time.Duration, outcome string, failed bool, attributes ...attribute.KeyValue) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	now := time.Now()
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(now.Add(-took)), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	finish(span, outcome, failed)
	span.End(trace.WithTimestamp(now))
}

// note adds to the span in ctx what it turned out to be about.
func (t *tracing) note(ctx context.Context, attributes ...attribute.KeyValue) {
	trace.SpanFromContext(ctx).SetAttributes(attributes...)
}

func finish(span trace.Span, outcome string, failed bool) {
	span.SetAttributes(attribute.String("outcome", outcome))
	if failed {
		span.SetStatus(codes.Error, outcome)
	}
}

// exporting says in our log, now and then, that spans are lost, and to nobody else.
type exporting struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	said atomic.Int64 // ns since 1970
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *exporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	now, said := time.Now().UnixNano(), e.said.Load()
	if err != nil && now-said > int64(untoldEvery) && e.said.CompareAndSwap(said, now) {
		e.log.WarnContext(ctx, "traces are lost: the collector doesn't take them", "spans", len(spans), "err", err)
	}
	return nil // it is said
}
