package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// settled says whether nothing is due any more but the reminders of orders under review, whose
// admins have been told.
func (w *world) settled() bool {
	if w.pending > 0 || len(w.tasks) > 0 {
		return false
	}
	for _, id := range w.ids {
		o := w.redis.docs[id]
		switch {
		case o == nil || o.State.Finished():
		case o.State != orders.Review || !w.warned(id) || o.DueAt.Before(w.now):
			return false
		}
	}
	return true
}

// warned says whether admins were told of the order since it came under review.
func (w *world) warned(id orders.ID) bool {
	return slices.ContainsFunc(w.telegram.alerts[id], func(a alert) bool {
		return (a.Kind == "review" || a.Kind == "refund_failed") && !a.at.Before(w.books[id].reviewed)
	})
}

// A breach is an invariant that doesn't hold.
type breach struct {
	Invariant string
	Order     orders.ID
	Detail    string
}

// An invariant is what must be true of each order once the dust has settled. check returns what is
// wrong, or nothing.
type invariant struct {
	name  string
	check func(c *affair) string
}

// An affair is all that is known of an order at the end.
type affair struct {
	w       *world
	id      orders.ID
	book    *book
	order   *orders.Order // nil: Redis knows nothing of it
	session *session      // nil: no page was ever opened
	intent  *intent       // nil: nobody paid
	sales   []*sale
	photos  []photo
}

func (w *world) affair(id orders.ID) *affair {
	c := &affair{w: w, id: id, book: w.books[id], order: w.redis.docs[id], session: w.stripe.byOrder[id], photos: w.telegram.photos[id]}
	if c.session != nil && c.session.intent != nil && c.session.intent.paid {
		c.intent = c.session.intent
	}
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, x := range w.sellers[p].sales {
			if x.order == id {
				c.sales = append(c.sales, x)
			}
		}
	}
	return c
}

func (c *affair) in(states ...orders.State) bool {
	return c.order != nil && slices.Contains(states, c.order.State)
}

// invariants are what faults.md and the order machine promise.
func invariants() []invariant {
	return []invariant{
		{"every paid order is delivered, refunded or under review", (*affair).ended},
		{"an order under review was told to admins", (*affair).told},
		{"nothing is stuck", (*affair).stuck},
		{"a provider is paid at most once, and once more for each approval", (*affair).boughtOnce},
		{"nothing is bought for money that did not come as asked, or is gone", (*affair).boughtForMoney},
		{"a customer is refunded at most what was begun, and paid", (*affair).refundedOnce},
		{"refunded means that the money went back", (*affair).moneyBack},
		{"delivered means that the customer has it", (*affair).has},
		{"nothing is delivered unpaid", (*affair).unpaid},
		{"every eSIM sold is known", (*affair).known},
		{"what a provider sold to a process that lived on is stored", (*affair).kept},
		{"an eSIM is given back only for its own whole refund", (*affair).givenBack},
		{"look-ups are written", (*affair).projected},
	}
}

// breaches returns what doesn't hold.
func (w *world) breaches() (list []breach) {
	all := invariants()
	for _, id := range w.ids {
		c := w.affair(id)
		for _, i := range all {
			if wrong := i.check(c); wrong != "" {
				list = append(list, breach{i.name, id, wrong})
			}
		}
	}
	return list
}

func (c *affair) ended() string {
	switch {
	case c.intent == nil, c.in(orders.Delivered, orders.Refunded, orders.Review), c.book.closed && c.in(orders.Expired):
		return ""
	case c.order == nil:
		return "Redis has lost it for good"
	default:
		return "it is " + string(c.order.State)
	}
}

func (c *affair) told() string {
	if c.in(orders.Review) && !c.w.warned(c.id) {
		return "no alert since it came under review"
	}
	return ""
}

func (c *affair) stuck() string {
	if c.order == nil {
		return ""
	}
	due, isDue := c.w.redis.due[c.id]
	switch {
	case c.order.State.Finished() == isDue:
		return fmt.Sprintf("%s and in the due set: %v", c.order.State, isDue)
	case isDue && due.Before(c.w.now.Add(-time.Minute)):
		return "due since " + due.String()
	case c.intent == nil && !c.in(orders.Expired, orders.Review):
		return "unpaid, and " + string(c.order.State)
	default:
		return ""
	}
}

func (c *affair) boughtOnce() string {
	if most := 1 + c.book.approved; len(c.sales) > most {
		return fmt.Sprintf("sold %d times, %d allowed", len(c.sales), most)
	}
	return ""
}

func (c *affair) boughtForMoney() string {
	switch {
	case c.intent != nil && c.intent.blind != "":
		return fmt.Sprintf("the money was gone at %s, and %s, who had seen it, took the right to buy", clock(c.intent.goneAt), c.intent.blind)
	case len(c.sales) == 0:
		return ""
	case c.intent == nil:
		return "nobody paid"
	case c.session.wrong && len(c.sales) > c.book.approved:
		return "the payment was not what was asked for"
	default:
		return ""
	}
}

func (c *affair) refundedOnce() string {
	if c.intent == nil {
		return ""
	}
	wished := int64(0)
	for _, minor := range c.book.wished {
		wished += minor
	}
	switch {
	case c.intent.refunded() > c.intent.received.Minor:
		return fmt.Sprintf("%d back of %d", c.intent.refunded(), c.intent.received.Minor)
	case c.intent.ours() > wished:
		return fmt.Sprintf("%d back, %d begun", c.intent.ours(), wished)
	default:
		return ""
	}
}

func (c *affair) moneyBack() string {
	if !c.in(orders.Refunded) || c.book.closed {
		return ""
	}
	switch {
	case c.intent == nil:
		return "nobody paid"
	case c.intent.refunded() < c.intent.received.Minor && !c.intent.disputed:
		return fmt.Sprintf("%d back of %d", c.intent.refunded(), c.intent.received.Minor)
	default:
		return ""
	}
}

func (c *affair) has() string {
	if !c.in(orders.Delivered) {
		return ""
	}
	if len(c.sales) == 0 {
		return "nothing was sold"
	}
	if c.book.draft.Kind == orders.KindTopUp || c.order.Reason == orders.ReasonUnreachable && c.shelved() {
		return ""
	}
	for _, p := range c.photos {
		if slices.ContainsFunc(c.sales, func(x *sale) bool { return x.code.Reveal() == p.code && x.taken.IsZero() }) {
			return ""
		}
	}
	return fmt.Sprintf("%d photos, none with a code that was sold", len(c.photos))
}

// shelved says whether an eSIM that was sold, and not given back, lies where its customer finds it.
func (c *affair) shelved() bool {
	return c.order.Bought != nil && c.w.redis.lines[c.id] != nil &&
		slices.ContainsFunc(c.sales, func(x *sale) bool { return x.is(c.order.Bought.Profile) && x.taken.IsZero() })
}

func (c *affair) unpaid() string {
	if c.intent == nil && len(c.photos) > 0 {
		return "a photo was sent"
	}
	for _, p := range c.photos {
		if i := c.intent; i != nil && !i.goneAt.IsZero() && p.at.After(i.goneAt.Add(24*time.Hour)) && c.session.wrong {
			return "a photo was sent after the money was gone"
		}
	}
	return ""
}

// known says that what was sold stands in its order or beside its payment at Stripe, or lies before an
// admin, or is with the customer, or was given back, or an admin has judged it.
func (c *affair) known() string {
	for _, x := range c.sales {
		stored := c.order != nil && c.order.Bought != nil && x.is(c.order.Bought.Profile)
		sent := slices.ContainsFunc(c.photos, func(p photo) bool { return x.to == nil && p.code == x.code.Reveal() })
		applied := x.to != nil && c.in(orders.Delivered)
		told := c.w.telegram.told("bought_twice", x.no)
		noted := c.intent != nil && c.order != nil && strings.HasSuffix(c.intent.meta["got"], ":"+x.no)
		switch {
		case c.in(orders.Refunded) && !c.order.RebuiltAt.IsZero(): // all that Stripe tells of it is that the money went back
		case c.in(orders.Refunded) && x.epoch < c.w.figures.rollbacks && c.intent.ours() == 0: // likewise, of one that Redis remembers as paid
		case stored, sent, applied, told, noted, !x.taken.IsZero(), c.in(orders.Review):
		case x.at.Before(c.book.judgedAt): // an admin said that it wasn't bought, or that the money goes back all the same
		default:
			return fmt.Sprintf("%s was sold at %s and is known nowhere", x.no, clock(x.at))
		}
	}
	return ""
}

// kept says that no yes was dropped: whatever became of the order while the provider answered.
func (c *affair) kept() string {
	for _, x := range c.sales {
		lived := x.by != nil && (x.by.died.IsZero() || x.by.died.Sub(x.heard) > 20*time.Minute)
		remembered := x.epoch == c.w.figures.rollbacks && c.order != nil
		if !lived || !remembered || c.w.telegram.told("bought_twice", x.no) || c.order.Bought != nil && x.is(c.order.Bought.Profile) {
			continue
		}
		if c.book.approved > 0 && slices.ContainsFunc(c.sales, func(y *sale) bool { return c.order.Bought != nil && y.is(c.order.Bought.Profile) }) {
			continue // of two, an admin chose the other
		}
		return fmt.Sprintf("%s was heard of at %s by %s, and isn't in the order", x.no, clock(x.heard), x.by.owner)
	}
	return ""
}

func (c *affair) givenBack() string {
	for _, x := range c.sales {
		if x.taken.IsZero() {
			continue
		}
		if !c.book.whole {
			return x.no + " was given back, and no whole refund was ever begun"
		}
		another := slices.ContainsFunc(c.sales, func(y *sale) bool { return y.taken.IsZero() })
		if c.order != nil && !c.in(orders.Refunded, orders.Review) && !another {
			return x.no + " was given back, and the order is " + string(c.order.State)
		}
	}
	return ""
}

func (c *affair) projected() string {
	if !c.in(orders.Delivered, orders.Refunded) || c.intent == nil {
		return ""
	}
	if got := c.w.redis.intents[c.intent.id]; got != c.id {
		return "no look-up by payment"
	}
	return ""
}
