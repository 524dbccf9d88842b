package orders

import (
	"context"
	"time"

	"esimbot/esim"
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
	// Postpone moves the due time of an order whose state this version doesn't know.
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
	AllowCheckout(ctx context.Context, customer int64, id ID, now time.Time) (first bool, err error)
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
	// Mark sets metadata on the PaymentIntent: "got", "done". It may be repeated.
	Mark(ctx context.Context, intent, key, value string) error
	// Refund returns money under idempotency key "refund:<order>:<n>", after a look whether a
	// refund with metadata[refund] = "<order>:<n>" stands already.
	Refund(ctx context.Context, intent string, order ID, n int, amount esim.Money) (Refund, error)
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
	ExpiresAt  time.Time
	Metadata   map[string]string
}

// A Fence is the state of the right to buy.
type Fence struct {
	Value    string // metadata "buy"
	Refunded esim.Money
	Received esim.Money
	Disputed bool
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
}

// A Shelf takes each new profile, to be listed and watched.
type Shelf interface {
	// Put writes the eSIM that the order bought. It may be repeated with the same result.
	Put(ctx context.Context, o *Order) error
}
