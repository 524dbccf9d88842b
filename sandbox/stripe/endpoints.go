package stripe

import (
	"slices"
	"time"
)

// maxEndpoints is how many webhook endpoints an account may have.
const maxEndpoints = 16

// An endpoint is a webhook endpoint: docs.stripe.com/api/webhook_endpoints/object.
type endpoint struct {
	ID          string
	URL         string
	Secret      string
	Events      []string // "*" is all
	APIVersion  string
	Description string
	Metadata    map[string]string
	Disabled    bool
	LiveMode    bool
	Created     time.Time
}

// An Endpoint is a webhook endpoint as the Dashboard shows it, with its secret.
type Endpoint struct {
	ID, URL, Secret, APIVersion string
	Events                      []string
	Disabled                    bool
}

// Endpoints returns every webhook endpoint, the last made first.
func (s *Server) Endpoints() []Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Endpoint
	for _, w := range s.endpoints.newest() {
		all = append(all, Endpoint{ID: w.ID, URL: w.URL, Secret: w.Secret, APIVersion: w.APIVersion, Events: slices.Clone(w.Events), Disabled: w.Disabled})
	}
	return all
}

func (w *endpoint) wants(kind string) bool {
	return !w.Disabled && (slices.Contains(w.Events, "*") || slices.Contains(w.Events, kind))
}

// render leaves the secret out: Stripe shows it once, in the answer that made the endpoint.
func (w *endpoint) render() renderable {
	status := "enabled"
	if w.Disabled {
		status = "disabled"
	}
	return renderable{"id": w.ID, "object": "webhook_endpoint", "api_version": orNull(w.APIVersion), "application": nil,
		"created": w.Created.Unix(), "description": orNull(w.Description), "enabled_events": w.Events, "livemode": w.LiveMode,
		"metadata": w.Metadata, "status": status, "url": w.URL}
}

func endpointParams(fresh bool) params {
	ps := params{
		"url": {kind: link, required: fresh}, "enabled_events": {kind: list, item: &param{kind: text, max: 100}, required: fresh},
		"description": {kind: text}, "metadata": {kind: metadata},
	}
	if fresh {
		ps["api_version"] = param{kind: text, enum: []string{apiVersion}}
		ps["connect"] = param{kind: boolean}
	} else {
		ps["disabled"] = param{kind: boolean}
	}
	return ps
}

func (s *Server) createEndpoint(c *call) (renderable, *apiError) {
	if len(s.endpoints.order) >= maxEndpoints {
		return nil, invalid("", "", "You have reached the maximum of %d webhook endpoints.", maxEndpoints)
	}
	w := &endpoint{ID: newID("we_1", 23), URL: c.form.str("url"), Secret: newID("whsec_", 32), APIVersion: c.form.str("api_version"),
		Description: c.form.str("description"), Metadata: merge(nil, c.form.at("metadata")), Events: eventsOf(c.form),
		LiveMode: s.opt.LiveMode, Created: c.now}
	if len(w.Events) == 0 {
		return nil, invalid("parameter_missing", "enabled_events", "Missing required param: enabled_events.")
	}
	s.endpoints.add(w.ID, w)
	out := w.render()
	out["secret"] = w.Secret
	return out, nil
}

func eventsOf(f *node) []string {
	var events []string
	for _, e := range f.items("enabled_events") {
		events = append(events, e.text)
	}
	return events
}

func (s *Server) getEndpoint(c *call) (renderable, *apiError) {
	w, ok := s.endpoints.get(c.id)
	if !ok {
		return nil, missing("webhook endpoint", c.id, "webhook_endpoint")
	}
	return w.render(), nil
}

func (s *Server) listEndpoints(c *call) (renderable, *apiError) {
	return page(c, "/v1/webhook_endpoints", &s.endpoints, func(*endpoint) bool { return true },
		func(w *endpoint) time.Time { return w.Created }, (*endpoint).render)
}

func (s *Server) updateEndpoint(c *call) (renderable, *apiError) {
	w, ok := s.endpoints.get(c.id)
	if !ok {
		return nil, missing("webhook endpoint", c.id, "webhook_endpoint")
	}
	if u := c.form.str("url"); u != "" {
		w.URL = u
	}
	if c.form.has("enabled_events") {
		w.Events = eventsOf(c.form)
	}
	if d := c.form.str("description"); d != "" {
		w.Description = d
	}
	if c.form.has("disabled") {
		w.Disabled = c.form.str("disabled") == "true"
	}
	w.Metadata = merge(w.Metadata, c.form.at("metadata"))
	return w.render(), nil
}

func (s *Server) deleteEndpoint(c *call) (renderable, *apiError) {
	if _, ok := s.endpoints.get(c.id); !ok {
		return nil, missing("webhook endpoint", c.id, "webhook_endpoint")
	}
	s.endpoints.remove(c.id)
	return renderable{"id": c.id, "object": "webhook_endpoint", "deleted": true}, nil
}

// SetWebhook moves the endpoint of Options to url, signed with secret; an empty url takes it away.
func (s *Server) SetWebhook(url, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints.remove(s.builtIn)
	s.builtIn = ""
	if url == "" {
		return
	}
	w := &endpoint{ID: newID("we_1", 23), URL: url, Secret: secret, Events: []string{"*"}, APIVersion: apiVersion,
		Metadata: map[string]string{}, LiveMode: s.opt.LiveMode, Created: s.now()}
	s.endpoints.add(w.ID, w)
	s.builtIn = w.ID
}
