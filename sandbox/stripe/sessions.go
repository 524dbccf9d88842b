package stripe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The states of a Session and of its payment: docs.stripe.com/api/checkout/sessions/object.
const (
	open     = "open"
	complete = "complete"
	expired  = "expired"

	unpaid = "unpaid"
	paid   = "paid"
)

// A Session is a Checkout Session. Amounts are in minor units; times are UTC.
type Session struct {
	ID            string
	Status        string // "open", "complete", "expired"
	PaymentStatus string // "unpaid", "paid"
	Amount        int64  // total
	Currency      string // ISO 4217 in small letters, as Stripe writes it
	Lines         []Line
	Reference     string // client_reference_id
	SuccessURL    string
	CancelURL     string
	Locale        string
	Email         string // customer_email asked for, or the payer's
	URL           string // of the Checkout page
	Intent        string // id of the PaymentIntent, empty until the customer first confirms
	Metadata      map[string]string
	IntentData    map[string]string // metadata for the PaymentIntent
	Description   string            // of the PaymentIntent
	ThreeDSecure  string            // request_three_d_secure
	AutomaticTax  bool
	LiveMode      bool
	Created       time.Time
	ExpiresAt     time.Time
	// Declined is why the last card was refused; empty when none was.
	Declined string
	// Conversion is set where the customer pays in another currency than the shop asked for.
	Conversion *Conversion

	submit string // submit_type
	suffix string // statement_descriptor_suffix
}

// A Line is one line item.
type Line struct {
	Name, Description string
	UnitAmount        int64 // minor units
	Quantity          int64
	TaxBehavior       string
}

// A Conversion is what a Session's amount is in the currency the shop asked for.
type Conversion struct {
	Amount   int64 // minor units
	Currency string
	Rate     string // units of the customer's currency for one of the shop's
}

func (s *Session) clone() Session {
	c := *s
	c.Lines, c.Metadata, c.IntentData = slices.Clone(s.Lines), maps.Clone(s.Metadata), maps.Clone(s.IntentData)
	if s.Conversion != nil {
		conv := *s.Conversion
		c.Conversion = &conv
	}
	return c
}

func (s *Session) render() renderable {
	r := renderable{
		"id": s.ID, "object": "checkout.session", "livemode": s.LiveMode, "mode": "payment", "ui_mode": "hosted",
		"created": s.Created.Unix(), "expires_at": s.ExpiresAt.Unix(),
		"status": s.Status, "payment_status": s.PaymentStatus, "payment_intent": orNull(s.Intent),
		"amount_subtotal": s.Amount, "amount_total": s.Amount, "currency": s.Currency, "currency_conversion": nil,
		"total_details":       renderable{"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
		"client_reference_id": orNull(s.Reference), "metadata": s.Metadata, "locale": orNull(s.Locale),
		"success_url": s.SuccessURL, "cancel_url": orNull(s.CancelURL), "submit_type": orNull(s.submit),
		"automatic_tax":  renderable{"enabled": s.AutomaticTax, "liability": nil, "status": nil},
		"customer_email": orNull(s.Email), "customer_details": nil, "customer": nil, "customer_creation": "if_required",
		"payment_method_types": []string{"card"}, "payment_method_collection": "if_required",
		"payment_method_options": renderable{"card": renderable{"request_three_d_secure": s.ThreeDSecure}},
		"custom_fields":          []any{}, "shipping_options": []any{},
		"custom_text":             renderable{"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil},
		"phone_number_collection": renderable{"enabled": false}, "after_expiration": nil, "allow_promotion_codes": nil,
		"billing_address_collection": nil, "client_secret": nil, "consent": nil, "consent_collection": nil, "invoice": nil,
		"invoice_creation": renderable{"enabled": false}, "payment_link": nil, "payment_method_configuration_details": nil,
		"recovered_from": nil, "setup_intent": nil, "shipping_address_collection": nil, "shipping_cost": nil,
		"shipping_details": nil, "subscription": nil,
		"url": nil,
	}
	if s.Status == open {
		r["url"] = s.URL
	}
	if s.AutomaticTax && s.Status == complete {
		r["automatic_tax"] = renderable{"enabled": true, "liability": renderable{"type": "self"}, "status": "complete"}
	}
	if s.Status == complete {
		r["customer_details"] = renderable{"address": nil, "email": orNull(s.Email), "name": payer, "phone": nil,
			"tax_exempt": "none", "tax_ids": []any{}}
	}
	if c := s.Conversion; c != nil {
		r["currency_conversion"] = renderable{"amount_subtotal": c.Amount, "amount_total": c.Amount, "fx_rate": c.Rate, "source_currency": c.Currency}
	}
	return r
}

// lineItems renders what is bought; Stripe shows it only when it is expanded.
func (s *Session) lineItems() renderable {
	items := make([]any, 0, len(s.Lines))
	for i, l := range s.Lines {
		items = append(items, renderable{
			"id": fmt.Sprintf("li_%s%02d", s.ID[len(s.ID)-20:], i), "object": "item", "description": l.Name, "quantity": l.Quantity,
			"amount_subtotal": l.UnitAmount * l.Quantity, "amount_total": l.UnitAmount * l.Quantity, "amount_tax": 0, "amount_discount": 0,
			"currency": s.Currency,
			"price": renderable{"id": fmt.Sprintf("price_%s%02d", s.ID[len(s.ID)-20:], i), "object": "price", "active": false,
				"currency": s.Currency, "unit_amount": l.UnitAmount, "type": "one_time", "livemode": s.LiveMode, "tax_behavior": l.TaxBehavior},
		})
	}
	return renderable{"object": "list", "data": items, "has_more": false, "url": "/v1/checkout/sessions/" + s.ID + "/line_items"}
}

// orNull renders an empty text as null, as Stripe does.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Server) getSession(c *call) (renderable, *apiError) {
	v, ok := s.sessions.get(c.id)
	if !ok {
		return nil, missing("checkout.session", c.id, "session")
	}
	return v.render(), nil
}

func (s *Server) listSessions(c *call) (renderable, *apiError) {
	intent, status := c.form.str("payment_intent"), c.form.str("status")
	if status != "" && !slices.Contains([]string{open, complete, expired}, status) {
		return nil, invalid("", "status", "Invalid status: must be one of open, complete, or expired")
	}
	return page(c, "/v1/checkout/sessions", &s.sessions, func(v *Session) bool {
		return (intent == "" || v.Intent == intent) && (status == "" || v.Status == status) && !c.form.has("customer")
	}, func(v *Session) time.Time { return v.Created }, (*Session).render)
}

func (s *Server) expireSession(c *call) (renderable, *apiError) {
	v, ok := s.sessions.get(c.id)
	if !ok {
		return nil, missing("checkout.session", c.id, "session")
	}
	if v.Status != open {
		return nil, invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. "+
			"This Checkout Session has a status of `%s`.", v.Status)
	}
	s.expire(v, c)
	return v.render(), nil
}

// expire closes an open Session. An intent of a card that was declined is canceled with it.
func (s *Server) expire(v *Session, c *call) {
	v.Status = expired
	if p, ok := s.intents.get(v.Intent); ok {
		p.Status = "canceled"
		p.CanceledAt = s.now()
		s.emit("payment_intent.canceled", p.render(), c)
	}
	s.emit("checkout.session.expired", v.render(), c)
}

// expireDue closes every open Session whose time is up, and brings the money that comes late.
func (s *Server) expireDue(now time.Time) {
	s.arriveDue(now)
	for _, id := range s.sessions.order {
		if v := s.sessions.byID[id]; v.Status == open && !now.Before(v.ExpiresAt) {
			s.expire(v, nil)
		}
	}
}

// page renders a list with Stripe's paging: limit, starting_after, ending_before, created.
// https://docs.stripe.com/api/pagination
func page[T any](c *call, url string, t *table[T], want func(T) bool, created func(T) time.Time, render func(T) renderable) (renderable, *apiError) {
	limit := int64(10)
	if c.form.has("limit") {
		if limit = c.form.num("limit"); limit < 1 || limit > 100 {
			return nil, invalid("parameter_invalid_integer", "limit", "This value must be between 1 and 100 (inclusive).")
		}
	}
	after, before := c.form.str("starting_after"), c.form.str("ending_before")
	for name, id := range map[string]string{"starting_after": after, "ending_before": before} {
		if _, ok := t.get(id); id != "" && !ok {
			return nil, &apiError{status: http.StatusBadRequest, kind: invalidRequest, code: "resource_missing", param: name,
				message: "No such object: '" + id + "'"}
		}
	}
	var data []any
	started, more := after == "", false
	order := slices.Clone(t.order)
	slices.Reverse(order)
	if before != "" { // walk from the oldest, and turn the page round at the end
		slices.Reverse(order)
		started, after = false, before
	}
	for _, id := range order {
		v := t.byID[id]
		if !started {
			started = id == after
			continue
		}
		if !want(v) || !inRange(created(v).Unix(), c.form.at("created")) {
			continue
		}
		if int64(len(data)) == limit {
			more = true
			break
		}
		data = append(data, render(v))
	}
	if before != "" {
		slices.Reverse(data)
	}
	if c.empty || data == nil {
		data, more = []any{}, more && !c.empty
	}
	return renderable{"object": "list", "url": url, "has_more": more, "data": data}, nil
}

// inRange applies created=N or created[gt|gte|lt|lte]=N.
func inRange(at int64, r *node) bool {
	switch {
	case r == nil:
		return true
	case r.leaf:
		return at == r.num()
	}
	return (!r.has("gt") || at > r.num("gt")) && (!r.has("gte") || at >= r.num("gte")) &&
		(!r.has("lt") || at < r.num("lt")) && (!r.has("lte") || at <= r.num("lte"))
}

// listParams are a list's parameters: paging, created, and filters of its own.
func listParams(filters ...string) params {
	n := param{kind: integer}
	ps := params{
		"limit": n, "starting_after": {kind: text}, "ending_before": {kind: text},
		"created": {kind: object, scalarOK: true, fields: params{"gt": n, "gte": n, "lt": n, "lte": n}},
	}
	for _, f := range filters {
		switch f {
		case "types":
			ps[f] = param{kind: list, item: &param{kind: text}}
		case "delivery_success":
			ps[f] = param{kind: boolean}
		default:
			ps[f] = param{kind: text}
		}
	}
	return ps
}

// expandAll replaces ids by their objects as expand[] asks: "payment_intent.latest_charge",
// "data.payment_intent". https://docs.stripe.com/api/expanding_objects
func (s *Server) expandAll(out renderable, form *node) *apiError {
	for _, e := range form.items("expand") {
		path := strings.Split(e.text, ".")
		if len(path) > 4 {
			return invalid("", "expand", "You cannot expand more than 4 levels of a property (%s).", e.text)
		}
		if !s.expandPath(out, path) {
			return invalid("", "expand", "This property cannot be expanded (%s).", e.text)
		}
	}
	return nil
}

func (s *Server) expandPath(v renderable, path []string) bool {
	if len(path) == 0 {
		return true
	}
	name, rest := path[0], path[1:]
	if name == "data" && v["object"] == "list" {
		items, _ := v["data"].([]any)
		for _, item := range items {
			if below, ok := item.(renderable); !ok || !s.expandPath(below, rest) {
				return false
			}
		}
		return true
	}
	if below, ok := v[name].(renderable); ok && name != "metadata" {
		return s.expandPath(below, rest)
	}
	id, _ := v["id"].(string)
	switch {
	case name == "line_items" && v["object"] == "checkout.session":
		v[name] = s.sessions.byID[id].lineItems()
		return true
	case name == "refunds" && v["object"] == "charge":
		v[name] = s.refundsOf(id)
		return s.expandPath(v[name].(renderable), rest)
	}
	ref, has := v[name]
	known := slices.Contains([]string{"payment_intent", "latest_charge", "charge", "customer", "invoice", "balance_transaction"}, name)
	if !has || !known {
		return false
	}
	if below := s.lookup(name, ref); below != nil {
		v[name] = below
		return s.expandPath(below, rest)
	}
	return true // null stays null, whatever is below
}

func (s *Server) lookup(name string, ref any) renderable {
	id, _ := ref.(string)
	if p, ok := s.intents.get(id); ok && name == "payment_intent" {
		return p.render()
	}
	if ch, ok := s.charges.get(id); ok {
		return ch.render()
	}
	return nil
}
