// Package stripe is a local Stripe: a stateful server of its API in version 2023-10-16 that keeps
// Stripe's rules, the Checkout page a customer pays on, and the webhooks that tell of it.
//
// The shop's side is plain HTTP: mount the Server where the shop expects api.stripe.com, and
// CheckoutPage at /checkout/. The other side is Go: Pay, Decline, Refund and Dispute do what
// customers, banks and the Dashboard do; Sessions, Events and Requests show what happened.
//
// A request walks through authorization, the idempotency layer (which remembers every answer of an
// endpoint that began its work, errors too, for 24 hours) and the check of its parameters, and only
// then changes anything. Every change writes its event in the same step; Run signs the events and
// brings them until the endpoint says 2xx. https://docs.stripe.com/api
package stripe

import (
	"context"
	"net/http"
	"sync"
	"time"

	"esimbot/sandbox/fault"
)

// apiVersion is the only version spoken here.
const apiVersion = "2023-10-16"

// What is kept, at most: a sandbox may run for weeks.
const (
	maxSessions  = 5000
	maxEvents    = 5000
	maxRequests  = 5000
	maxBodyBytes = 1 << 20
)

// Options say what the server is like. SecretKey is required.
type Options struct {
	SecretKey string // the shop's key, sk_test_… or sk_live_…
	// WebhookURL gets every event, signed with WebhookSecret, beside the endpoints made through
	// the API. None when empty.
	WebhookURL    string
	WebhookSecret string
	BaseURL       string           // where CheckoutPage is reached, without "/checkout/": "http://127.0.0.1:8080"
	Business      string           // the seller's name on the Checkout page; "eSIM Shop" when empty
	Now           func() time.Time // time.Now when nil
	HTTPClient    *http.Client     // brings the events; http.DefaultClient's transport when nil
	LiveMode      bool             // says livemode: true everywhere
}

// A Server is the local Stripe. It may be used by several goroutines at once.
type Server struct {
	// Fault misanswers the shop's calls on demand; events and the Checkout page are not touched.
	Fault *fault.Switch

	opt  Options
	api  http.Handler
	wake chan struct{} // one token: there is something to deliver

	mu        sync.Mutex
	sessions  table[*Session]
	intents   table[*intent]
	charges   table[*charge]
	refunds   table[*Refund]
	disputes  table[*dispute]
	warnings  table[*warning]
	endpoints table[*endpoint]
	events    table[*Event]
	builtIn   string // the endpoint made from WebhookURL
	queue     []*delivery
	keys      map[string]*remembered
	limited   map[string][]string // restricted keys and what they allow
	inactive  bool                // the account may take no payments
	requests  []Request
	traps     traps
	dropping  bool
	copies    int // extra deliveries of each event
	outcome   string
	way       Way
	before    func(Session)
	arrivals  []arrival
}

// New returns a Stripe where nothing was sold yet.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Business == "" {
		o.Business = "eSIM Shop"
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	s := &Server{
		Fault: &fault.Switch{Now: o.Now}, opt: o, wake: make(chan struct{}, 1),
		keys: map[string]*remembered{}, outcome: "succeeded", way: AtOnce,
	}
	s.api = s.Fault.Wrap(s.routes())
	s.SetWebhook(o.WebhookURL, o.WebhookSecret)
	return s
}

// ServeHTTP answers the API; its paths begin with /v1/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	s.api.ServeHTTP(w, r)
}

// Run brings the events and closes Sessions whose time is up, until ctx ends. It returns after the
// last delivery under way has ended.
func (s *Server) Run(ctx context.Context) error {
	const look = 200 * time.Millisecond // how soon a moved clock is noticed
	tick := time.NewTicker(look)
	defer tick.Stop()
	var flying sync.WaitGroup
	defer flying.Wait()
	slots := make(chan struct{}, 8)
	for {
		for _, d := range s.dueDeliveries() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			flying.Go(func() {
				defer func() { <-slots }()
				s.deliver(ctx, d)
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

func (s *Server) now() time.Time { return s.opt.Now().UTC() }

// nudge tells Run to look at once.
func (s *Server) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// A table keeps objects of one kind in the order they were made. The zero value is empty.
type table[T any] struct {
	byID  map[string]T
	order []string
}

func (t *table[T]) add(id string, v T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.byID[id] = v
	t.order = append(t.order, id)
}

func (t *table[T]) get(id string) (T, bool) {
	v, ok := t.byID[id]
	return v, ok
}

func (t *table[T]) remove(id string) {
	delete(t.byID, id)
	for i, have := range t.order {
		if have == id {
			t.order = append(t.order[:i:i], t.order[i+1:]...)
			return
		}
	}
}

// trim forgets the oldest objects beyond most.
func (t *table[T]) trim(most int) {
	for len(t.order) > most {
		delete(t.byID, t.order[0])
		t.order = t.order[1:]
	}
}

// newest returns the objects, the last made first, as Stripe's lists do.
func (t *table[T]) newest() []T {
	all := make([]T, 0, len(t.order))
	for i := len(t.order) - 1; i >= 0; i-- {
		all = append(all, t.byID[t.order[i]])
	}
	return all
}
