package orders

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
)

// ErrNoSuchAnswer is what an admin's answer to an order gets that this order can't be given.
var ErrNoSuchAnswer = errors.New("not an answer to this order")

// A Refusal is an admin's wish that can't be met as the order stands, with what would be needed to
// say so and to name the nearest thing that is possible.
type Refusal struct {
	Why   Why
	State State      // the order's present one
	Left  esim.Money // what could go back at most
	Actor string     // who did it already, as in the log
	Order ID         // that it is about, where the wish named none
	Words string     // a provider's own, with WhyNotReturned
}

// Error writes the reason and the state.
func (r *Refusal) Error() string { return fmt.Sprintf("refused: %s (order is %s)", r.Why, r.State) }

// A Why says why an admin's wish is refused.
type Why string

// Why a wish is refused.
const (
	WhyPurchasing Why = "purchasing" // it is being bought at this moment
	WhyInDoubt    Why = "in_doubt"   // it isn't known yet whether it was bought: Resolve it under review
	WhyUnpaid     Why = "unpaid"     // no payment is known
	WhyTooMuch    Why = "too_much"   // more than is left
	WhyNothing    Why = "nothing"    // everything went back already
	WhyUnderWay   Why = "under_way"  // a refund is under way
	WhyWholeOnly  Why = "whole_only" // here only all that is left can go back
	WhyCurrency   Why = "currency"   // another currency than was paid in
	WhyAmount     Why = "amount"     // no amount at all: zero, negative, unreadable
	WhyChanged    Why = "changed"    // the order changed since the offer was made
	WhyState      Why = "state"      // not in this state
	WhyTaken      Why = "taken"      // the number belongs to another order
	WhyUnknownNo  Why = "unknown_no" // the provider doesn't know the number
	WhyNotReady   Why = "not_ready"  // the provider knows it, and has nothing to install yet
	WhyDisputed   Why = "disputed"   // the card's holder complained: the bank is giving the money back
	WhyOwn        Why = "own"        // the payment, or the eSIM, is the order's own: refund the order
	WhyGone       Why = "gone"       // the provider has taken it back already
	WhyKept       Why = "kept"       // its provider takes nothing back

	WhyNotReturned Why = "not_returned" // the provider did not take it back
)

// A RefundOffer says what a refund would do, before anybody confirms it.
type RefundOffer struct {
	Order  *Order
	N      int        // the number it would have: a confirmation is for this number only
	Amount esim.Money // what would go back
	Left   esim.Money // what could go back at most
	Whole  bool       // all that is left goes back, and the order ends refunded
	// Return is ReturnAsk, ReturnLost, ReturnKept, ReturnAnyway or ReturnNothing.
	Return Return
	// Installed says that the eSIM is known to be in use: its provider will hardly take it back.
	Installed bool
	// Cost is what the eSIM cost the shop, in USD: what returns, or is lost.
	Cost decimal.Decimal
}

// A RefundRequest is a confirmed offer.
type RefundRequest struct {
	Order  ID
	Admin  int64
	N      int        // of the offer
	Amount esim.Money // of the offer
	Anyway bool       // don't ask the provider to take the eSIM back
	// State is the order's when the offer was made, on which it depends what becomes of the eSIM. Empty:
	// whatever it is now.
	State State
}

// What admins do beside an order, in its log: followed by " of " and the payment or the number.
const (
	DeedReturn   = "return_payment"
	DeedGiveBack = "give_back_second"
)

// A ReturnOffer says what returning a payment would do that no order is about.
type ReturnOffer struct {
	Intent string     // the PaymentIntent
	Order  *Order     // that the payment names; nil where none is known
	N      int        // the number it would have: a confirmation is for this number only
	Amount esim.Money // what would go back: all that is left
	// Used says that something was bought with it, by the notes that stand on it: an order that Redis lost.
	Used bool
}

// A ReturnRequest is a confirmed offer.
type ReturnRequest struct {
	Intent string
	Admin  int64
	N      int        // of the offer
	Amount esim.Money // of the offer
}

// A GiveBackRequest names an eSIM that was bought beside the one that the order has.
type GiveBackRequest struct {
	Order    ID
	Admin    int64
	Provider esim.Provider
	OrderNo  string // the provider's
}

// A GiveBackOffer says what giving a second eSIM back would do.
type GiveBackOffer struct {
	Order     *Order
	Provider  esim.Provider
	OrderNo   string
	Installed bool // it is in use: its provider will hardly take it back
}

// A Decision is an admin's answer to an order under review. Attempt is the attempt that the admin
// was shown: an answer to an earlier doubt is refused with WhyChanged.
type Decision struct {
	Order   ID
	Admin   int64
	Attempt int
}

// An Answer is one of the things an admin can decide of an order under review.
type Answer string

// The answers.
const (
	AnswerBuyAgain Answer = "buy_again"    // nothing was bought: buy once more
	AnswerDeliver  Answer = "deliver"      // what was bought goes to the customer
	AnswerCode     Answer = "attach_code"  // the admin has the activation code
	AnswerOrderNo  Answer = "attach_no"    // the admin has the provider's order number
	AnswerApplied  Answer = "mark_applied" // the top-up was applied
	AnswerRefund   Answer = "refund"       // the money goes back
	AnswerAnyway   Answer = "refund_anyway"
	AnswerClose    Answer = "close" // nothing is left to do: the order ends as it is
)

// Pauses says for which plans no new payment pages are opened.
type Pauses struct {
	All       bool            `json:"all,omitempty"`
	Providers []esim.Provider `json:"providers,omitempty"`
}

// A Balance is what the shop has at one provider.
type Balance struct {
	Provider esim.Provider
	USD      decimal.Decimal
	Owed     decimal.Decimal // wholesale price in USD of paid orders not bought yet there
	Waiting  int             // how many those are
	AskedAt  time.Time
	Err      error // why USD isn't known
}

// A DayStats is what happened on one day, UTC. An order counts once in each figure, on the day that
// thing happened.
type DayStats struct {
	Day       time.Time
	Opened    int // payment pages
	Paid      int // orders
	Delivered int
	Refunds   int                     // refunds made, in part or whole
	Sales     map[esim.Currency]int64 // minor units received
	Returned  map[esim.Currency]int64 // minor units refunded
	Cost      decimal.Decimal         // USD paid to providers
	Regained  decimal.Decimal         // USD of eSIMs that providers took back
}

// Stats are the figures of some days.
type Stats struct {
	Days   []DayStats      // oldest first
	States map[State]int   // orders by state, now
	Rate   decimal.Decimal // of the shop's currency to one USD
}
