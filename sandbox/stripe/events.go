package stripe

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// An Event is a change that Stripe tells about.
type Event struct {
	ID      string
	Type    string // "checkout.session.completed"
	Object  string // id of the object it is about
	Created time.Time
	// Delivered counts the 2xx answers it got, Tries the deliveries begun, LastError says why the
	// last one failed; empty when it didn't.
	Delivered, Tries int
	LastError        string

	reqID, key string
	livemode   bool
	object     json.RawMessage // as it was when the event happened
	pending    int
}

// Waiting says whether the event is still to be brought to an endpoint.
func (e *Event) Waiting() bool { return e.pending > 0 }

func (e *Event) render() renderable {
	return renderable{"id": e.ID, "object": "event", "api_version": apiVersion, "created": e.Created.Unix(), "type": e.Type,
		"data": renderable{"object": e.object}, "livemode": e.livemode, "pending_webhooks": e.pending,
		"request": renderable{"id": orNull(e.reqID), "idempotency_key": orNull(e.key)}}
}

// emit writes an event and queues its deliveries. c is the call that caused it, nil for a customer.
func (s *Server) emit(kind string, object renderable, c *call) {
	id, _ := object["id"].(string)
	e := &Event{ID: newID("evt_1", 23), Type: kind, Object: id, Created: s.now(), livemode: s.opt.LiveMode, object: encode(object)}
	if live, ok := object["livemode"].(bool); ok {
		e.livemode = live
	}
	if c != nil {
		e.reqID, e.key = c.reqID, c.key
	}
	s.events.add(e.ID, e)
	s.events.trim(maxEvents)
	for _, w := range s.endpoints.newest() {
		if w.wants(kind) && !s.dropping {
			for range 1 + s.copies {
				s.queue = append(s.queue, &delivery{event: e, endpoint: w.ID, due: e.Created})
				e.pending++
			}
		}
	}
}

func (s *Server) getEvent(c *call) (renderable, *apiError) {
	e, ok := s.events.get(c.id)
	if !ok {
		return nil, missing("event", c.id, "id")
	}
	return e.render(), nil
}

func (s *Server) listEvents(c *call) (renderable, *apiError) {
	var types []string
	for _, t := range c.form.items("types") {
		types = append(types, t.text)
	}
	if t := c.form.str("type"); t != "" {
		types = append(types, t)
	}
	success := c.form.str("delivery_success")
	return page(c, "/v1/events", &s.events, func(e *Event) bool {
		return (len(types) == 0 || slices.Contains(types, e.Type)) && (success == "" || (success == "true") == (e.pending == 0))
	}, func(e *Event) time.Time { return e.Created }, (*Event).render)
}

// Events returns every event, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Event, 0, len(s.events.order))
	for _, id := range s.events.order {
		all = append(all, *s.events.byID[id])
	}
	return all
}

// Payload returns the event's JSON as an endpoint gets it.
func (s *Server) Payload(eventID string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.events.get(eventID)
	if !ok {
		return nil, fmt.Errorf("no such event: %s", eventID)
	}
	return encode(e.render()), nil
}

// Resend brings an event once more to every endpoint that wants it, dropped or not before.
func (s *Server) Resend(eventID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	e, ok := s.events.get(eventID)
	if !ok {
		return fmt.Errorf("no such event: %s", eventID)
	}
	for _, w := range s.endpoints.newest() {
		if w.wants(e.Type) {
			s.queue = append(s.queue, &delivery{event: e, endpoint: w.ID, due: s.now()})
			e.pending++
		}
	}
	return nil
}

// DropWebhooks loses every event from now on: it happens, and nobody is told.
func (s *Server) DropWebhooks(drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropping = drop
}

// DuplicateWebhooks brings every event from now on n times more than needed, all at once.
func (s *Server) DuplicateWebhooks(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies = max(0, n)
}
