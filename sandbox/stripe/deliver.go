package stripe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// How events are brought: again and again for three days, as in live mode, but beginning after a
// second, so that nobody waits for hours in a sandbox.
const (
	deliveryTimeout = 20 * time.Second
	deliveryLife    = 72 * time.Hour
	firstRetry      = time.Second
	slowestRetry    = time.Minute
)

// A delivery is an event on its way to one endpoint.
type delivery struct {
	event    *Event
	endpoint string
	tries    int
	due      time.Time
}

// dueDeliveries takes what is to be brought now out of the queue, and closes Sessions whose time is up.
func (s *Server) dueDeliveries() []*delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.expireDue(now)
	var due, later []*delivery
	for _, d := range s.queue {
		if d.due.After(now) {
			later = append(later, d)
		} else {
			due = append(due, d)
		}
	}
	s.queue = later
	return due
}

// deliver brings one event once and queues it again if the endpoint didn't take it.
func (s *Server) deliver(ctx context.Context, d *delivery) {
	s.mu.Lock()
	w, ok := s.endpoints.get(d.endpoint)
	if !ok || w.Disabled {
		d.event.pending--
		s.mu.Unlock()
		return
	}
	url, secret, payload := w.URL, w.Secret, encode(d.event.render())
	d.event.Tries++
	d.tries++
	at := s.now()
	s.mu.Unlock()

	err := s.post(ctx, url, secret, payload, at)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		d.event.Delivered++
		d.event.pending--
		d.event.LastError = ""
		return
	}
	d.event.LastError = err.Error()
	now := s.now()
	if now.Sub(d.event.Created) >= deliveryLife {
		d.event.pending--
		return
	}
	d.due = now.Add(min(firstRetry<<min(d.tries-1, 10), slowestRetry))
	s.queue = append(s.queue, d)
}

// post signs a payload as docs.stripe.com/webhooks#verify-manually says and sends it.
func (s *Server) post(ctx context.Context, url, secret string, payload []byte, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("bring event: %w", err)
	}
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: at})
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", signed.Header)
	resp, err := s.opt.HTTPClient.Do(req)
	if err != nil {
		return fmt.Errorf("bring event: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only the status counts
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("bring event: the endpoint answered %d", resp.StatusCode)
	}
	return nil
}
