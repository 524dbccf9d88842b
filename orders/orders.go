// Package orders is the order: its states, the one way to change it, and the runner that drives
// every unfinished order to delivered, refunded or review. docs/payments.md has the picture.
//
// An order is one document changed only by Store.Transition, which compares state and version,
// writes, logs, and sets or clears the order's place in the due set in one step. So an order that
// is not finished is always due some time, and any replica can pick it up.
package orders

import (
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// A State is where an order stands. The words are what admins see.
type State string

// The states of an order.
const (
	AwaitingPayment State = "awaiting_payment"
	Expired         State = "expired"
	Paid            State = "paid"
	Purchasing      State = "purchasing"
	Provisioning    State = "provisioning"
	Issued          State = "issued"
	Delivered       State = "delivered"
	Unknown         State = "unknown"
	Review          State = "review"
	Refunding       State = "refunding"
	Refunded        State = "refunded"
)

// States lists every state this version knows.
func States() []State {
	return []State{AwaitingPayment, Expired, Paid, Purchasing, Provisioning, Issued, Delivered, Unknown, Review, Refunding, Refunded}
}

// Finished says whether nothing more is to be done: such an order is in no due set.
func (s State) Finished() bool { return s == Expired || s == Delivered || s == Refunded }

// A Kind says what an order buys.
type Kind string

// The kinds of order.
const (
	KindESIM  Kind = "esim"
	KindTopUp Kind = "topup"
)

// Schema is the version of the order document that this code writes. A document of a newer one is
// left untouched.
const Schema = 1

// An Order is one purchase, from the opened payment page to its end. The document is the truth;
// lists, the eSIM document and statistics are projections of it. Times are UTC.
type Order struct {
	Schema  int   `json:"schema"`
	Version int64 `json:"version"` // rises by one with each transition
	ID      ID    `json:"id"`
	State   State `json:"state"`
	Kind    Kind  `json:"kind"`

	Customer int64  `json:"customer"` // Telegram user id, which is also the private chat's id
	Language string `json:"language"`

	// Plan is frozen when the payment page opens, Wholesale and Retail with it.
	Plan esim.Plan `json:"plan"`
	// ESIM is the eSIM a top-up is for: the id of the order that bought it.
	ESIM ID `json:"esim,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	Checkout Checkout `json:"checkout"`
	Payment  Payment  `json:"payment"`
	Attempt  Attempt  `json:"attempt"`
	Refund   Refunds  `json:"refund"`

	// Lease says which runner owns the order, and until when.
	Lease Lease `json:"lease"`
	// DueAt is when a runner looks again; zero only when State is finished.
	DueAt time.Time `json:"due_at"`
	// Tries counts looks in the present state, for backoff.
	Tries int `json:"tries,omitempty"`
	// HeldSince is set while a paid order waits for its provider: for balance there, or for an
	// answer; and while a refund waits for its provider's word on the eSIM given back. It survives
	// further attempts, so that HOLD_DEADLINE counts from the first.
	HeldSince time.Time `json:"held_since"`
	// Refused lists the providers that said no to this order and are not asked again.
	Refused []esim.Provider `json:"refused,omitempty"`
	// Reason is a short code of why the order is where it is: "amount_mismatch", "purchase_in_doubt".
	Reason string `json:"reason,omitempty"`
	// Disputed says that the card's holder complained to the bank.
	Disputed bool `json:"disputed,omitempty"`
	// Approved counts the purchases that admins allowed beside the first.
	Approved int `json:"approved,omitempty"`
	// RebuiltAt is when the order was made again from what Stripe knows of it, after Redis had lost
	// it; zero for an order that was never lost.
	RebuiltAt time.Time `json:"rebuilt_at"`

	// Bought is set from the moment a provider said yes, whatever the state. Its activation code
	// and image are sealed by the store.
	Bought *Bought `json:"-"`

	// Screen is the message that shows this order and changes with it.
	Screen Message `json:"screen"`
	// Photo is the delivered QR photo, or a top-up's receipt. Where Redis lost the order since, only its
	// chat is known.
	Photo       Message   `json:"photo"`
	DeliveredAt time.Time `json:"delivered_at"`
	// Told is the last notice the customer was shown on Screen, so that it is not repeated:
	// one of the Notice constants, or the state itself.
	Told string `json:"told,omitempty"`
	// Projected is the version whose projections (lists, eSIM document, statistics) are written.
	Projected int64 `json:"projected,omitempty"`
}

// Checkout is the order's Stripe Checkout Session.
type Checkout struct {
	SessionID string    `json:"session_id,omitempty"`
	URL       string    `json:"url,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	// ShownAt is when the pay button was last shown: polling watches those most closely.
	ShownAt time.Time `json:"shown_at"`
	// Completed says that the customer has done their part and the money is still on its way, as slow
	// payment methods have it: the page can neither be paid nor closed any more.
	Completed bool `json:"completed,omitempty"`
	// Strict asks for 3-D Secure: the customer has not been delivered to before.
	Strict bool `json:"strict,omitempty"`
}

// Payment is what Stripe said of the money.
type Payment struct {
	Intent     string     `json:"intent,omitempty"`
	Received   esim.Money `json:"received"`
	PaidAt     time.Time  `json:"paid_at"`
	ReceiptURL string     `json:"receipt_url,omitempty"`
	LiveMode   bool       `json:"live_mode,omitempty"`
}

// An Attempt is one try to buy. Its nonce proves at Stripe who may call the provider.
type Attempt struct {
	N        int           `json:"n,omitempty"`
	Nonce    string        `json:"nonce,omitempty"`
	Provider esim.Provider `json:"provider,omitempty"`
	// Plan is what the attempt buys: the order's own, or the same plan at the other provider.
	Plan      *esim.Plan `json:"plan,omitempty"`
	StartedAt time.Time  `json:"started_at"`
	// Fence is the value of the PaymentIntent's metadata key "buy" that the order last recorded,
	// empty before the first attempt.
	Fence string `json:"fence,omitempty"`
	// Abandoned is what the attempt before this one wrote there, or may have written: it is known
	// not to have bought.
	Abandoned string `json:"abandoned,omitempty"`
	// BalanceBefore and BalanceAfter are what the shop had at the provider, in USD, before the
	// purchase and while its outcome was in doubt: a hint to admins and no more. Nil where not read.
	BalanceBefore *decimal.Decimal `json:"balance_before,omitempty"`
	BalanceAfter  *decimal.Decimal `json:"balance_after,omitempty"`
	// DoubtAt is when the outcome came into doubt; zero for an attempt without doubt.
	DoubtAt time.Time `json:"doubt_at"`
	// Before is what the provider said of the eSIM before a top-up; nil where not read.
	Before *Numbers `json:"before,omitempty"`
}

// Numbers are what a provider said of an eSIM at a time: bytes, -1 where not told.
type Numbers struct {
	TotalBytes     int64       `json:"total_bytes"`
	UsedBytes      int64       `json:"used_bytes"`
	RemainingBytes int64       `json:"remaining_bytes"`
	ExpiresAt      time.Time   `json:"expires_at"`
	Status         esim.Status `json:"status,omitempty"`
	At             time.Time   `json:"at"` // when it was asked
}

// Left is what is left of the eSIM's data, in bytes; -1 where that isn't known, also of no numbers.
func (n *Numbers) Left() int64 {
	switch {
	case n == nil:
		return -1
	case n.RemainingBytes >= 0:
		return n.RemainingBytes
	case n.TotalBytes > 0 && n.UsedBytes >= 0:
		return max(0, n.TotalBytes-n.UsedBytes)
	default:
		return -1
	}
}

// Bought is what a provider sold for this order.
type Bought struct {
	Profile esim.Profile
	Plan    esim.Plan // the plan bought: the other provider's after a rejection
	At      time.Time
	// After is what the provider said of the eSIM once a top-up was applied; nil for an eSIM, and
	// where nothing was told.
	After *Numbers
}

// Refunds is the money that went or goes back.
type Refunds struct {
	N        int        `json:"n,omitempty"`      // number of the present or last refund
	Amount   esim.Money `json:"amount"`           // of the present refund
	Total    esim.Money `json:"total"`            // succeeded so far
	StripeID string     `json:"stripe,omitempty"` // of the present or last refund
	Status   string     `json:"status,omitempty"` // Stripe's word
	// Back is the state the order returns to after part of its money went back; empty when all
	// goes back, and the order ends refunded.
	Back State `json:"back,omitempty"`
	// Was is the reason that the order had in state Back.
	Was string `json:"was,omitempty"`
	// Actor is who began it, as in the log.
	Actor string `json:"actor,omitempty"`
	// Return is how far the eSIM is given back to its provider before the money goes.
	Return Return `json:"return,omitempty"`
	// Refusal is what the provider said when it didn't take the eSIM back.
	Refusal string `json:"refusal,omitempty"`
}

// A Return says what becomes of an eSIM whose money goes back.
type Return string

// What becomes of the eSIM.
const (
	ReturnNothing Return = ""        // nothing was bought, or nothing was decided yet
	ReturnAsk     Return = "ask"     // the provider is to be asked to take it back
	ReturnDone    Return = "done"    // the provider took it back, and its price returns
	ReturnRefused Return = "refused" // the provider did not take it back
	ReturnLost    Return = "lost"    // it can't be given back: its price is the shop's loss
	ReturnKept    Return = "kept"    // part of the money, or a top-up: the eSIM stays as it is
	ReturnAnyway  Return = "anyway"  // refused, and the money goes back all the same
)

// A Lease is a runner's ownership of an order until a time.
type Lease struct {
	Owner string    `json:"owner,omitempty"`
	Until time.Time `json:"until"`
}

// Held says whether the lease is in force at now.
func (l Lease) Held(now time.Time) bool { return l.Owner != "" && now.Before(l.Until) }

// A Message is a Telegram message of ours, zero when there is none.
type Message struct {
	Chat   int64  `json:"chat,omitempty"`
	ID     int    `json:"id,omitempty"`
	FileID string `json:"file_id,omitempty"` // of its photo
}

// A LogEntry is one line of an order's log.
type LogEntry struct {
	At      time.Time `json:"at"`
	From    State     `json:"from,omitempty"`
	To      State     `json:"to"`
	Actor   string    `json:"actor"` // "customer", "runner", "stripe", "admin:<id>"
	Reason  string    `json:"reason,omitempty"`
	Version int64     `json:"version"`
}

// Errors of this room.
var (
	ErrNotFound  = errors.New("no such order")
	ErrConflict  = errors.New("the order changed meanwhile")
	ErrExists    = errors.New("the order exists already")
	ErrNotYours  = errors.New("the order belongs to another customer")
	ErrNewer     = errors.New("the document was written by a newer version")
	ErrPaused    = errors.New("no new payment pages now")
	ErrTooMany   = errors.New("too many open payment pages")
	ErrNotForNow = errors.New("not possible in this state")
	ErrTestMode  = errors.New("test mode sells to admins only")
	ErrBlocked   = errors.New("no new payment pages for this customer")
)

// A Draft is what an order is opened from: a plan with fresh terms, and the screen that shows it.
type Draft struct {
	ID       ID
	Kind     Kind
	Customer int64
	Admin    bool
	Language string
	Plan     esim.Plan // Retail and Wholesale are frozen
	ESIM     ID        // of a top-up
	Screen   Message
}
