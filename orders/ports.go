package orders

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// A Store keeps orders. Every method is safe for several replicas at once.
type Store interface {
	// Create writes a new order with its first log entry and its place in the due set; ErrExists.
	Create(ctx context.Context, o *Order, entry LogEntry) error
	// Load returns an order; ErrNotFound, ErrNewer.
	Load(ctx context.Context, id ID) (*Order, error)
	// Transition writes next if the stored order is still in state from at version
	// next.Version-1, logs entry, moves the order between the sets of its states, and sets or
	// clears its place in the due set by next.DueAt, all in one step. An entry without To is not
	// logged: a lease taken, a look that found nothing. ErrConflict if it changed, ErrNewer if a
	// newer version wrote it.
	Transition(ctx context.Context, from State, next *Order, entry LogEntry) error
	// Due returns up to limit ids of orders due at now, most overdue first, in one round trip.
	Due(ctx context.Context, now time.Time, limit int) ([]ID, error)
	// Postpone moves the due time of an order whose state this version doesn't know, or that could not
	// be read, to until if that is later.
	Postpone(ctx context.Context, id ID, until time.Time) error
	// Log returns an order's log, oldest first.
	Log(ctx context.Context, id ID) ([]LogEntry, error)
	// ByIntent returns the order a PaymentIntent paid for; ErrNotFound.
	ByIntent(ctx context.Context, intent string) (ID, error)
	// Project writes what is derived from the order: the customer's list, look-ups, statistics.
	// It may be repeated with the same result.
	Project(ctx context.Context, o *Order) error
	// ByCustomer returns a customer's orders, newest first.
	ByCustomer(ctx context.Context, customer int64, limit int) ([]*Order, error)
	// AllowCheckout counts an opened payment page and says ErrTooMany past the limits: 5 open
	// pages a customer, 20 an hour, 3 paid orders a day before the first delivery. first says that
	// nothing was delivered to the customer yet.
	// ErrBlocked for a customer whom an admin blocked.
	AllowCheckout(ctx context.Context, customer int64, id ID, now time.Time) (first bool, err error)

	// Browse returns orders in state, the last to come to it first, or in any for "", the newest first, from
	// offset on, and how many there are in all.
	Browse(ctx context.Context, state State, offset, limit int) (list []*Order, total int, err error)
	// ByICCID returns the order that bought the eSIM with that number; ErrNotFound.
	ByICCID(ctx context.Context, iccid esim.ICCID) (ID, error)
	// Pauses returns for which plans no payment pages are opened.
	Pauses(ctx context.Context) (Pauses, error)
	// SetPauses replaces them.
	SetPauses(ctx context.Context, p Pauses) error
	// Block says whether a customer gets payment pages from now on.
	Block(ctx context.Context, customer int64, blocked bool) error
	// Blocked says whether a customer gets none.
	Blocked(ctx context.Context, customer int64) (bool, error)
	// Stats returns the figures of each day from first to last, UTC, oldest first, also of days
	// without any.
	Stats(ctx context.Context, first, last time.Time) ([]DayStats, error)
	// Claim takes name for ttl and says whether it was free: work that one replica does for all.
	Claim(ctx context.Context, name string, ttl time.Duration) (bool, error)
	// Release gives name up before its time.
	Release(ctx context.Context, name string) error
}

// Payments is what the order machine asks of Stripe. Each call has 5 s. Errors that leave a doubt
// wrap ErrPaymentDoubt.
type Payments interface {
	// OpenCheckout opens the order's Checkout Session under idempotency key "checkout:<order>".
	OpenCheckout(ctx context.Context, o *Order) (Checkout, error)
	// Session reads a Checkout Session again with its PaymentIntent and latest charge.
	Session(ctx context.Context, sessionID string) (*CheckoutSession, error)
	// ExpireCheckout closes an open Session. A Session that is complete or expired already is
	// no error: read it to see.
	ExpireCheckout(ctx context.Context, sessionID string) error
	// Fence reads the PaymentIntent's metadata "buy" and whether money went back or is disputed.
	Fence(ctx context.Context, intent string) (Fence, error)
	// RaiseFence writes buy = value under idempotency key "buy:<order>:<n>". ErrFenceTaken when
	// a rival wrote another value under that key.
	RaiseFence(ctx context.Context, intent string, order ID, n int, value string) error
	// Mark sets metadata on the PaymentIntent: "got", "not", "done". It may be repeated.
	Mark(ctx context.Context, intent, key, value string) error
	// Refund returns money under idempotency key "refund:<order>:<n>", after a look whether a
	// refund with metadata[refund] = "<order>:<n>" stands already. ErrRefundSpent where only another
	// number can make it.
	Refund(ctx context.Context, intent string, order ID, n int, amount esim.Money) (Refund, error)
	// Stray reads a payment of this shop, whatever order it names; ErrNotFound for any other payment.
	Stray(ctx context.Context, intent string) (Stray, error)
	// Return returns all that is left of a payment that no order is about, under idempotency key
	// "refund:return:<intent>:<n>", after a look whether one stands already under that n. ErrRefundSpent
	// where only another number can make it; ErrNotFound as of Stray.
	Return(ctx context.Context, intent string, n int) (Refund, error)
	// ListSessions calls fn for every Checkout Session of this shop created since, newest first,
	// with payment and charge read. It ends at fn's first error.
	ListSessions(ctx context.Context, since time.Time, fn func(*CheckoutSession) error) error
	// OrderOf returns the order that one of Stripe's ids belongs to: of a Checkout Session, a
	// PaymentIntent, a charge, a refund or a dispute. ErrNotFound for one that isn't this shop's.
	OrderOf(ctx context.Context, stripeID string) (ID, error)
}

// A CheckoutSession is what Stripe says of an order's payment.
type CheckoutSession struct {
	ID       string
	Status   string // "open", "complete", "expired"
	Paid     bool   // payment_status is "paid" or "no_payment_required"
	Order    string // client_reference_id; also metadata[order_id]
	Shop     string // metadata[shop]
	Intent   string // PaymentIntent id
	Amount   esim.Money
	LiveMode bool
	// Refunded is what went back of the charge so far; Disputed that its holder complained.
	Refunded   esim.Money
	Disputed   bool
	ReceiptURL string
	URL        string // of its page, while it is open
	CreatedAt  time.Time
	ExpiresAt  time.Time
	PaidAt     time.Time // when the money came in; zero until then
	Metadata   map[string]string

	// Draft is what the order was opened from, as far as Stripe was told: the plan bare of its
	// terms (Plan.Kind is empty) where they were too long to be told. Nil where it makes no sense.
	Draft *Draft
	// Fence is the right to buy, as Payments.Fence reads it; zero without a payment.
	Fence Fence
	// Refunds is the highest number of the order's refunds that Stripe knows of.
	Refunds int
}

// A Fence is the state of the right to buy.
type Fence struct {
	Value    string // metadata "buy"
	Got      string // metadata "got": "<n>:<provider order number>", set after a purchase
	Not      int    // metadata "not": the last attempt whose provider surely sold nothing; 0 for none
	Done     bool   // metadata "done": delivered
	Refunded esim.Money
	Received esim.Money
	Disputed bool
}

// A Stray is a payment of this shop, looked at by itself.
type Stray struct {
	Fence
	Order   ID  // that it names; empty for none
	Returns int // how many returns were begun, whatever became of them
}

// A Refund is one refund at Stripe. Status is "succeeded", "pending", "failed", "canceled" or "requires_action".
type Refund struct {
	ID     string
	Amount esim.Money
	Status string
}

// A Notifier tells people. Telegram's refusals for good (blocked, chat gone) come as ErrUnreachable.
type Notifier interface {
	// Show brings the order's screen up to date with its state: edits o.Screen, or sends a new
	// message if that one is gone, and returns the message that shows it now. o.Told is the
	// notice to show: one of the Notice constants, or o.State.
	Show(ctx context.Context, o *Order) (Message, error)
	// Deliver sends the QR photo with its caption and the install guide and returns the photo's message.
	Deliver(ctx context.Context, o *Order) (Message, error)
	// Working shows "typing" for a moment.
	Working(ctx context.Context, o *Order)
	// Alert tells the admins. One alert goes out per key.
	Alert(ctx context.Context, a Alert) error
}

// An Alert is a matter for admins. Detail is for admins' eyes and holds no codes.
type Alert struct {
	Key    string // one alert per matter: "review:7KQ2M9X4TB", "balance:cloudesim"
	Kind   string // names the text: "review", "balance_low", "refund_failed", …
	Order  *Order // nil where the matter is no order
	Detail string
	// Intent is the payment that the matter is about, where that is not the order's own: one that can be
	// returned. Empty for none.
	Intent string
	// Twice is what was bought beside what the order has; nil for nothing.
	Twice *Twice
}

// Twice is a purchase that its order has no use for.
type Twice struct {
	Provider esim.Provider
	OrderNo  string          // the provider's
	Cost     decimal.Decimal // what it cost the shop, in USD
	Back     bool            // its provider may take it back
}

// A Shelf takes each new profile, to be listed and watched.
type Shelf interface {
	// Put writes the eSIM that the order bought, or adds to its eSIM what a top-up brought. It may
	// be repeated with the same result.
	Put(ctx context.Context, o *Order) error
	// Line returns what there is to know of an eSIM to top it up; ErrNotFound.
	Line(ctx context.Context, id ID) (*Line, error)
	// ClaimTopUp has the eSIM's one place for a top-up under way taken by order, if it is free,
	// order's already, or held by over, an order that was seen to need it no more. It returns who
	// holds it now.
	ClaimTopUp(ctx context.Context, id, order, over ID) (holder ID, err error)
	// ReleaseTopUp gives the place up if order holds it.
	ReleaseTopUp(ctx context.Context, id, order ID) error
}

// A Line is an eSIM as the order machine sees it.
type Line struct {
	ID       ID
	Customer int64
	Plan     esim.Plan // the plan it was bought with
	Ref      providers.Ref
	TopUps   int // top-ups applied so far
}
