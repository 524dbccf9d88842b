package simulation

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// stripe is Stripe's books. They forget nothing.
type stripe struct {
	w        *world
	sessions map[string]*session
	list     []*session // oldest first
	byOrder  map[orders.ID]*session
	intents  map[string]*intent
	keys     map[string]*key
	events   int
}

// A session is a Checkout Session.
type session struct {
	orders.CheckoutSession
	order   orders.ID
	created time.Time
	params  string // what the idempotency key was used with
	opened  orders.Draft
	intent  *intent
	wrong   bool // another amount, currency or mode than the order's
}

// An intent is a PaymentIntent with its charge.
type intent struct {
	id       string
	session  *session
	paid     bool
	paidAt   time.Time
	received esim.Money
	meta     map[string]string
	refunds  []*refund
	disputed bool
	// goneAt is when the money was gone by another hand than the shop's: refunded whole, or disputed.
	goneAt time.Time
	// blind is the process that took the right to buy although it had just read that the money was gone.
	blind string
}

type refund struct {
	orders.Refund
	name string // "<order>:<n>", empty for one of the Dashboard
}

// A key is an idempotency key with what it was used for. Stripe forgets it after a day:
// docs.stripe.com/api/idempotent_requests.
type key struct {
	value  string
	failed bool // a 5xx is stored under it
	at     time.Time
}

const keyTTL = 24 * time.Hour

// used returns what a key was used for; nil: nothing, or nothing that Stripe remembers.
func (s *stripe) used(name string) *key {
	if k := s.keys[name]; k != nil && s.w.now.Sub(k.at) < keyTTL {
		return k
	}
	return nil
}

func (s *stripe) use(name, value string, failed bool) *key {
	k := &key{value, failed, s.w.now}
	s.keys[name] = k
	return k
}

func newStripe(w *world) *stripe {
	return &stripe{w: w, sessions: map[string]*session{}, byOrder: map[orders.ID]*session{}, intents: map[string]*intent{}, keys: map[string]*key{}}
}

// refunded is what went back or is on its way.
func (i *intent) refunded() (sum int64) {
	for _, r := range i.refunds {
		if r.Status == "succeeded" || r.Status == "pending" {
			sum += r.Amount.Minor
		}
	}
	return sum
}

// ours is the same of the refunds that the shop made.
func (i *intent) ours() (sum int64) {
	for _, r := range i.refunds {
		if r.name != "" && (r.Status == "succeeded" || r.Status == "pending") {
			sum += r.Amount.Minor
		}
	}
	return sum
}

func (i *intent) back() esim.Money {
	return esim.Money{Minor: i.refunded(), Currency: i.received.Currency}
}

func (c *session) view() *orders.CheckoutSession {
	v := c.CheckoutSession
	v.Metadata = maps.Clone(c.Metadata)
	v.URL, v.CreatedAt, v.Draft = "https://pay.example/"+c.ID, c.created, c.draft()
	if i := c.intent; i != nil {
		v.Intent, v.PaidAt, v.Fence = i.id, i.paidAt, i.fence()
		maps.Copy(v.Metadata, i.meta)
		v.Refunded, v.Disputed = i.back(), i.disputed
		for _, r := range i.refunds {
			_, number, _ := strings.Cut(r.name, ":")
			if n, err := strconv.Atoi(number); err == nil {
				v.Refunds = max(v.Refunds, n)
			}
		}
	}
	v.Refunded.Currency = v.Amount.Currency
	return &v
}

// draft is what the metadata tells of the order: its plan without terms now and then.
func (c *session) draft() *orders.Draft {
	d := c.opened
	d.Screen, d.Admin = orders.Message{}, false
	return &d
}

func (i *intent) fence() orders.Fence {
	not, err := strconv.Atoi(i.meta["not"])
	if err != nil {
		not = 0
	}
	return orders.Fence{
		Not: not, Value: i.meta["buy"], Got: i.meta["got"], Done: i.meta["done"] != "", Refunded: i.back(), Received: i.received, Disputed: i.disputed,
	}
}

// open makes the order's Session, once a key.
func (s *stripe) open(o *orders.Order) (orders.Checkout, error) {
	params := fmt.Sprintf("%d %s %d %s", o.Plan.Retail.Minor, o.Plan.Key(), o.Checkout.ExpiresAt.Unix(), o.ESIM)
	cs := s.byOrder[o.ID]
	switch {
	case cs == nil:
		cs = s.create(o, params)
	case cs.params != params:
		return orders.Checkout{}, errors.New("stripe: keys for idempotent requests can only be used with the same parameters")
	}
	return orders.Checkout{SessionID: cs.ID, URL: "https://pay.example/" + cs.ID, ExpiresAt: cs.ExpiresAt}, nil
}

func (s *stripe) create(o *orders.Order, params string) *session {
	w := s.w
	cs := &session{order: o.ID, created: w.now, params: params}
	cs.CheckoutSession = orders.CheckoutSession{
		ID: "cs_" + string(o.ID), Status: "open", Order: string(o.ID), Shop: shop, Amount: o.Plan.Retail, ExpiresAt: o.Checkout.ExpiresAt,
		Metadata: map[string]string{
			"shop": shop, "order_id": string(o.ID), "kind": string(o.Kind), "customer": strconv.FormatInt(o.Customer, 10), "language": o.Language,
			"provider": string(o.Plan.Provider), "plan": o.Plan.ID, "plan_ref": o.Plan.Ref(), "retail": strconv.FormatInt(o.Plan.Retail.Minor, 10),
			"currency": string(o.Plan.Retail.Currency), "wholesale": o.Plan.Wholesale.String(),
		},
	}
	cs.opened = orders.Draft{ID: o.ID, Kind: o.Kind, Customer: o.Customer, Language: o.Language, Plan: o.Plan, ESIM: o.ESIM}
	if o.Kind == orders.KindTopUp {
		cs.Metadata["esim"] = string(o.ESIM)
	}
	if w.strikes(faultMismatch) {
		cs.wrong = true
		switch w.rng.IntN(3) {
		case 0:
			cs.Amount.Minor--
		case 1:
			cs.Amount.Currency = "EUR"
		default:
			cs.LiveMode = true
		}
	}
	s.sessions[cs.ID], s.byOrder[o.ID] = cs, cs
	s.list = append(s.list, cs)
	w.outside(cs.ExpiresAt.Sub(w.now), func() { s.expire(cs) })
	return cs
}

func (s *stripe) expire(cs *session) {
	if cs.Status == "open" {
		cs.Status = "expired"
		s.w.note(cs.order, "stripe", "page closed", "")
		s.emit("checkout.session.expired", cs)
	}
}

// pay is the customer's deed. A slow method settles later, or fails.
func (s *stripe) pay(cs *session) {
	w := s.w
	if cs.Status != "open" {
		return
	}
	cs.Status = "complete"
	cs.intent = &intent{id: "pi_" + string(cs.order), session: cs, received: cs.Amount, meta: maps.Clone(cs.Metadata)}
	s.intents[cs.intent.id] = cs.intent
	if !w.strikes(faultSlowMethod) {
		s.settle(cs, orders.EventCompleted)
		return
	}
	w.note(cs.order, "stripe", "paid by a slow method", "")
	s.emit(orders.EventCompleted, cs)
	w.outside(w.between(time.Minute, 30*time.Hour), func() {
		if w.rng.IntN(3) == 0 {
			w.note(cs.order, "stripe", "slow method failed", "")
			s.emit(orders.EventAsyncFailed, cs)
			return
		}
		s.settle(cs, orders.EventAsyncSucceeded)
	})
}

func (s *stripe) settle(cs *session, event string) {
	cs.Paid, cs.intent.paid, cs.intent.paidAt = true, true, s.w.now
	s.w.note(cs.order, "stripe", "paid", cs.Amount.String())
	s.emit(event, cs)
}

// raise writes buy = value under the attempt's key, as the payments room does it.
func (s *stripe) raise(i *intent, order orders.ID, n int, value string) error {
	name := fmt.Sprintf("buy:%s:%d", string(order), n)
	k := s.used(name)
	switch {
	case k == nil:
		k = s.use(name, value, s.w.strikes(faultStripeStored))
		if !k.failed || s.w.rng.IntN(2) == 0 {
			i.meta["buy"] = value
			if t := s.w.current; t != nil && t.saw == i && !strings.HasSuffix(value, ":closed") {
				i.blind = t.p.owner
			}
		}
	case k.value != value:
		return orders.ErrFenceTaken
	}
	if !k.failed {
		return nil
	}
	switch have := i.meta["buy"]; { // read back
	case have == value:
		return nil
	case strings.HasPrefix(have, strconv.Itoa(n)+":"):
		return orders.ErrFenceTaken
	default:
		return fmt.Errorf("stripe: 500: %w", orders.ErrPaymentDoubt)
	}
}

// refund returns money, once a name, as the payments room does it: a stored error is read back and
// followed by a second key.
func (s *stripe) refund(i *intent, order orders.ID, n int, amount esim.Money) (orders.Refund, error) {
	name := fmt.Sprintf("%s:%d", string(order), n)
	for _, suffix := range []string{"", ":2"} {
		if made := i.named(name); made != nil {
			return made.Refund, nil
		}
		k := s.used("refund:" + name + suffix)
		if k == nil {
			if err := s.refusal(i, amount); err != nil {
				return orders.Refund{}, err
			}
			k = s.use("refund:"+name+suffix, amount.String(), s.w.strikes(faultStripeStored))
			if !k.failed || s.w.rng.IntN(2) == 0 {
				s.give(i, name, amount)
			}
		} else if k.value != amount.String() {
			return orders.Refund{}, errors.New("stripe: keys for idempotent requests can only be used with the same parameters")
		}
	}
	if made := i.named(name); made != nil {
		return made.Refund, nil
	}
	return orders.Refund{}, orders.ErrRefundSpent
}

func (i *intent) named(name string) *refund {
	for _, r := range i.refunds {
		if r.name == name {
			return r
		}
	}
	return nil
}

func (s *stripe) refusal(i *intent, amount esim.Money) error {
	switch {
	case amount.Currency != i.received.Currency:
		return errors.New("stripe: another currency")
	case i.disputed:
		return errors.New("stripe: 400: charge_disputed")
	case amount.Minor <= 0 || amount.Minor > i.received.Minor-i.refunded():
		return errors.New("stripe: 400: greater than unrefunded amount on charge")
	default:
		return nil
	}
}

// give makes a refund; name is empty for one of the Dashboard.
func (s *stripe) give(i *intent, name string, amount esim.Money) {
	w := s.w
	r := &refund{Refund: orders.Refund{ID: fmt.Sprintf("re_%s_%d", i.session.order, len(i.refunds)), Amount: amount, Status: "succeeded"}, name: name}
	i.refunds = append(i.refunds, r)
	end := "succeeded"
	switch {
	case name != "" && w.strikes(faultRefundPending):
		r.Status = "pending"
		if w.strikes(faultRefundFailed) {
			end = "failed"
		}
	case name != "" && w.strikes(faultRefundFailed):
		end = "failed" // after it had succeeded, as the bank refuses
	}
	w.note(i.session.order, "stripe", "refund "+name, amount.String()+" "+r.Status)
	s.emit("charge.refunded", i.session)
	if r.Status == end {
		return
	}
	w.outside(w.between(time.Minute, 30*time.Hour), func() {
		r.Status = end
		w.note(i.session.order, "stripe", "refund "+name, end)
		s.emit(orders.EventRefundUpdated, i.session)
	})
}

// byHand is what the shop's owner does in the Dashboard, or the card's holder at the bank.
func (s *stripe) byHand(i *intent) {
	w := s.w
	left := i.received.Minor - i.refunded()
	if w.strikes(faultDispute) && !i.disputed && left > 0 {
		i.disputed, i.goneAt = true, w.now
		w.note(i.session.order, "stripe", "dispute", "")
		s.emit(orders.EventDispute, i.session)
		return
	}
	if !w.strikes(faultDashboard) || left <= 0 || i.disputed {
		return
	}
	if w.rng.IntN(2) == 0 {
		left = 1 + w.rng.Int64N(left)
	}
	s.give(i, "", esim.Money{Minor: left, Currency: i.received.Currency})
	if i.refunded() >= i.received.Minor {
		i.goneAt = w.now
	}
}

// since lists the Sessions created since, newest first.
func (s *stripe) since(t time.Time) []*session {
	list := slices.DeleteFunc(slices.Clone(s.list), func(c *session) bool { return c.created.Before(t) })
	slices.SortStableFunc(list, func(a, b *session) int { return cmp.Or(b.created.Compare(a.created), cmp.Compare(a.ID, b.ID)) })
	return list
}
