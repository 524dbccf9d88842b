package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

const (
	maxRetryWait  = 60 * time.Second
	maxReplyBytes = 1 << 20
)

// webhook is where updates are delivered; an empty url means polling.
type webhook struct {
	url       string
	secret    string
	allowed   []string
	slots     int
	failed    time.Time
	failure   string
	delivered int
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,256}$`)

// deliveryClient follows no redirect, as the real server doesn't.
func deliveryClient(given *http.Client) *http.Client {
	c := http.Client{Timeout: 60 * time.Second}
	if given != nil {
		c = *given
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// setWebhook takes HTTPS addresses, and plain HTTP on this machine as a local Bot API server does.
// https://core.telegram.org/bots/api#setwebhook
func (s *Server) setWebhook(p params) (any, error) {
	address := p.str("url")
	if address == "" {
		return s.deleteWebhook(p)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return nil, badRequest("bad webhook: invalid URL specified")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, badRequest("bad webhook: An HTTPS URL must be provided for webhook")
	case !secretForm.MatchString(p.str("secret_token")):
		return nil, badRequest("secret token contains unallowed characters")
	}
	if err := s.allow(p); err != nil {
		return nil, err
	}
	slots := int(p.integer("max_connections"))
	if slots < 1 || slots > 100 {
		slots = 40
	}
	if p.boolean("drop_pending_updates") {
		s.pending = nil
	}
	if s.hook.url == address && s.hook.secret == p.str("secret_token") && s.hook.slots == slots {
		return noted{true, "Webhook is already set"}, nil // deliveries go on as they were
	}
	s.hook = webhook{url: address, secret: p.str("secret_token"), allowed: s.hook.allowed, slots: slots}
	s.slots = make(chan struct{}, slots)
	s.stir()
	for _, u := range s.pending {
		s.deliver(u.queue)
	}
	return noted{true, "Webhook was set"}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *Server) deleteWebhook(p params) (any, error) {
	if p.boolean("drop_pending_updates") {
		s.pending = nil
	}
	if s.hook.url == "" {
		return noted{true, "Webhook is already deleted"}, nil
	}
	s.hook = webhook{allowed: s.hook.allowed}
	s.stir()
	return noted{true, "Webhook was deleted"}, nil
}

func (s *Server) getWebhookInfo(params) (any, error) {
	info := map[string]any{"url": s.hook.url, "has_custom_certificate": false, "pending_update_count": len(s.pending)}
	if s.hook.url != "" {
		info["max_connections"] = s.hook.slots
	}
	if len(s.hook.allowed) > 0 {
		info["allowed_updates"] = s.hook.allowed
	}
	if !s.hook.failed.IsZero() {
		info["last_error_date"] = s.hook.failed.Unix()
		info["last_error_message"] = s.hook.failure
	}
	return info, nil
}

// deliver starts handing a queue's updates to the webhook, unless that is going on already; the
// lock is held.
func (s *Server) deliver(queue string) {
	if s.hook.url == "" || s.delivering[queue] {
		return
	}
	s.delivering[queue] = true
	s.spawn(func(ctx context.Context) { s.drain(ctx, queue) })
}

// drain delivers a queue's updates one after the other until none is left. One that fails comes
// again at once, then after 2 s, 4 s and so on up to 60 s, before any that stands behind it.
func (s *Server) drain(ctx context.Context, queue string) {
	var current *pendingUpdate
	failures := 0
	for ctx.Err() == nil {
		s.mu.Lock()
		s.expire()
		at := slices.IndexFunc(s.pending, func(u *pendingUpdate) bool { return u.queue == queue })
		if at < 0 || s.hook.url == "" {
			delete(s.delivering, queue)
			s.mu.Unlock()
			return
		}
		if s.pending[at] != current {
			current, failures = s.pending[at], 0
		}
		hook, slots, changed := s.hook, s.slots, s.wake
		s.mu.Unlock()

		wait, err := s.attempt(ctx, hook, slots, current.Update)
		if err == nil {
			s.delivered(current)
			continue
		}
		s.failed(err)
		if wait == 0 && failures > 0 {
			wait = min(time.Second<<min(failures, 10), maxRetryWait)
		}
		failures++
		if wait > 0 {
			s.pause(ctx, hook, wait, changed)
		}
	}
}

// pause waits until the next attempt is due, or the webhook is another one.
func (s *Server) pause(ctx context.Context, hook webhook, wait time.Duration, changed <-chan struct{}) {
	due := s.after(wait)
	for {
		select {
		case <-due:
			return
		case <-ctx.Done():
			return
		case <-changed:
		}
		s.mu.Lock()
		same := s.hook.url == hook.url && s.hook.secret == hook.secret
		changed = s.wake
		s.mu.Unlock()
		if !same {
			return
		}
	}
}

func (s *Server) delivered(u *pendingUpdate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(other *pendingUpdate) bool { return other == u })
	s.hook.delivered++
	s.notify()
}

func (s *Server) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.failed, s.hook.failure = s.now(), err.Error()
	s.notify()
}

// DeliveryError returns what getWebhookInfo shows as the last error; empty: no delivery failed.
func (s *Server) DeliveryError() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hook.failure
}

// attempt delivers one update and runs the method call that may ride in the reply. With an error
// comes how long the bot asked to wait, or 0.
func (s *Server) attempt(ctx context.Context, hook webhook, slots chan struct{}, u Update) (time.Duration, error) {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	body, err := json.Marshal(u)
	if err != nil {
		return 0, fmt.Errorf("encode update: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("webhook request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if hook.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", hook.secret)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, errors.New("Connection failed") //nolint:staticcheck // getWebhookInfo shows this sentence as it stands
	}
	defer res.Body.Close() //nolint:errcheck // read to the end or given up: nothing is lost
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxReplyBytes))
	if err != nil {
		return 0, errors.New("Read timeout expired") //nolint:staticcheck // as above
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || seconds < 0 {
			seconds = 0
		}
		wait := min(time.Duration(seconds)*time.Second, maxRetryWait)
		return wait, fmt.Errorf("Wrong response from the webhook: %s", res.Status) //nolint:staticcheck // as above
	}
	s.runReply(ctx, res.Header.Get("Content-Type"), reply)
	return 0, nil
}

// runReply runs the method call in a webhook's reply. Nobody learns its result.
// https://core.telegram.org/bots/api#making-requests-when-getting-updates
func (s *Server) runReply(ctx context.Context, contentType string, reply []byte) {
	if len(bytes.TrimSpace(reply)) == 0 {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(reply))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", contentType)
	p, err := readParams(req)
	if err != nil || p.str("method") == "" {
		return
	}
	if _, err := s.call(ctx, p.str("method"), p, true); err != nil {
		return // recorded among the calls
	}
}
