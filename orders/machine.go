package orders

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Who changed an order, in its log. An admin is "admin:<id>".
const (
	actorCustomer = "customer"
	actorRunner   = "runner"
	actorStripe   = "stripe"
)

// Notices that are not simply the order's state.
const (
	// NoticeProcessing: the customer has paid by a slow method, and the money is on its way.
	NoticeProcessing = "processing"
	// NoticePreparing: paid, the eSIM is being bought.
	NoticePreparing = "preparing"
	// NoticeWorking: paid, and it takes longer than 20 seconds.
	NoticeWorking = "working"
	// NoticeMaking: bought, and the provider is still making the profile.
	NoticeMaking = "making"
	// NoticeMakingLong: the same, longer than 20 seconds after the payment.
	NoticeMakingLong = "making_long"
)

// Why an order is where it is: the values of Order.Reason.
const (
	ReasonLate         = "paid_late"         // paid after its page had closed
	ReasonNeverOpened  = "never_opened"      // Stripe refused to open the payment page
	ReasonFailed       = "payment_failed"    // a slow payment method said no in the end
	ReasonAmount       = "amount_mismatch"   // another amount or currency came in
	ReasonLiveMode     = "live_mode"         // test money in the live shop, or the reverse
	ReasonForeign      = "foreign_session"   // the Session names another order or shop
	ReasonNoIntent     = "no_payment_intent" // paid, Stripe says, but without a payment to fence or return
	ReasonErased       = "erased"            // paid for a customer who had everything about them deleted
	ReasonNeverSettled = "never_settled"     // a slow payment method has said neither yes nor no
	ReasonBalance      = "balance_low"       // held until the shop's balance there suffices
	ReasonProviderDown = "provider_down"     // held until the provider answers
	ReasonStripeDown   = "stripe_down"       // held until Stripe answers
	ReasonHoldDeadline = "hold_deadline"     // held too long
	ReasonNotSent      = "not_sent"          // the purchase surely didn't reach the provider
	ReasonLeaseShort   = "lease_short"       // too little of the lease was left to call the provider
	ReasonStopped      = "stopped"           // the runner was told to end before it called the provider
	ReasonClosed       = "attempt_closed"    // the runner died before it could call the provider
	ReasonRejected     = "rejected"          // the provider said no
	ReasonGone         = "plan_gone"         // no longer on sale there
	ReasonPrice        = "price_rose"        // costs more than was charged
	ReasonInDoubt      = "purchase_in_doubt" // perhaps bought, perhaps not
	ReasonFence        = "fence_mismatch"    // Stripe remembers an attempt that the order doesn't
	ReasonRefunded     = "refunded_outside"  // money went back by another hand
	ReasonDisputed     = "disputed"          // the card's holder complained
	ReasonNoCode       = "no_code"           // bought, but nothing to install came
	ReasonTakenBack    = "taken_back"        // the provider cancelled what it had sold
	ReasonMeanwhile    = "bought_meanwhile"  // bought while the order changed
	ReasonRefundFailed = "refund_failed"     // Stripe couldn't return the money
	ReasonUnreachable  = "unreachable"       // finished, but the customer blocked the bot

	ReasonTopUpWaits    = "topup_waits"    // another top-up of the same eSIM is under way
	ReasonESIMGone      = "esim_gone"      // the eSIM to be topped up isn't known any more
	ReasonESIMOver      = "esim_over"      // the validity of the eSIM to be topped up has ended
	ReasonCancelRefused = "cancel_refused" // the provider did not take the eSIM back
	ReasonCancelUnclear = "cancel_unclear" // nobody knows whether the provider took the eSIM back
)

// allowed is the table of transitions. An order may also stay in its state, even a finished one, to
// note what Stripe tells of its money; but one without a payment has nothing more to note.
func allowed(from, to State) bool {
	if from == to {
		return from != Expired
	}
	return slices.Contains(after(from), to)
}

func after(from State) []State {
	switch from {
	case AwaitingPayment:
		return []State{Expired, Paid, Review}
	case Expired:
		return []State{Paid, Review}
	case Paid:
		return []State{Purchasing, Refunding, Refunded, Review}
	case Purchasing:
		return []State{Paid, Provisioning, Issued, Unknown, Refunding, Refunded, Review}
	case Provisioning:
		return []State{Issued, Refunding, Review}
	case Issued:
		return []State{Delivered, Refunding, Review}
	case Unknown:
		return []State{Provisioning, Issued, Refunding, Review}
	case Review:
		return []State{Paid, Provisioning, Issued, Delivered, Refunding, Refunded, Expired}
	case Refunding:
		return []State{Refunded, Delivered, Review}
	case Delivered:
		return []State{Refunding, Refunded, Review}
	case Refunded:
		return []State{Review}
	default:
		return nil
	}
}

func (s State) known() bool { return slices.Contains(States(), s) }

// An edit changes the next version of an order.
type edit func(next *Order)

// next returns the order as it shall be after a transition; o stays as it is. An order that is not
// finished must be given its next due time by an edit: own or rest.
func (s *Service) next(o *Order, to State, reason string, edits ...edit) *Order {
	n := o.clone()
	n.State = to
	n.Version++
	n.UpdatedAt = s.now()
	n.Reason = reason
	if to != o.State && (!o.State.Attempting() || !to.Attempting()) {
		n.Tries = 0
	}
	for _, e := range edits {
		e(n)
	}
	if to.Finished() {
		n.Lease, n.DueAt = Lease{}, time.Time{}
	}
	return n
}

// Attempting says whether s is one of the two states between which attempts to buy go to and fro,
// so that looks and time are counted over both.
func (s State) Attempting() bool { return s == Paid || s == Purchasing }

// save writes n in place of o, and on success makes o the same as n. A change of state or of its
// reason is logged; a lease or a look that found nothing isn't.
func (s *Service) save(ctx context.Context, o, n *Order, actor string) error {
	if !allowed(o.State, n.State) {
		return fmt.Errorf("order %s: %s to %s: %w", o.ID, o.State, n.State, ErrNotForNow)
	}
	if !n.State.Finished() && n.DueAt.IsZero() {
		return fmt.Errorf("order %s: %s without a due time", o.ID, n.State)
	}
	var entry LogEntry
	if o.State != n.State || o.Reason != n.Reason {
		entry = LogEntry{At: n.UpdatedAt, From: o.State, To: n.State, Actor: actor, Reason: n.Reason, Version: n.Version}
	}
	if err := s.store.Transition(ctx, o.State, n, entry); err != nil {
		return fmt.Errorf("order %s: %s to %s: %w", o.ID, o.State, n.State, err)
	}
	from := o.State
	*o = *n
	s.moved(ctx, o, from, actor)
	return nil
}

// move is next and save in one, by the runner.
func (s *Service) move(ctx context.Context, o *Order, to State, reason string, edits ...edit) error {
	return s.save(ctx, o, s.next(o, to, reason, edits...), actorRunner)
}

// stay saves the order in the state it is in.
func (s *Service) stay(ctx context.Context, o *Order, edits ...edit) error {
	return s.move(ctx, o, o.State, o.Reason, edits...)
}

// finish moves an order to n, a finished state. The projections are written, a top-up's place at its
// eSIM is given up, and the customer is told first, so that a crash leaves the order due and all of
// it is done again.
func (s *Service) finish(ctx context.Context, o, n *Order, actor string) error {
	if err := s.store.Project(ctx, n); err != nil {
		return fmt.Errorf("order %s: project: %w", o.ID, err)
	}
	if n.Bought != nil && !n.DeliveredAt.IsZero() && (n.State == Delivered || n.Refund.Return == ReturnDone) {
		if err := s.shelf.Put(ctx, n); err != nil {
			return fmt.Errorf("order %s: shelve: %w", o.ID, err)
		}
	}
	if err := s.release(ctx, n); err != nil {
		return err
	}
	s.tell(ctx, n, string(n.State))
	n.Projected = n.Version
	return s.save(ctx, o, n, actor)
}

// own keeps the order with this runner: it goes on with it at once, and whoever finds the order
// after a crash waits for the lease to end.
func (s *Service) own(n *Order) {
	n.Lease = Lease{Owner: s.owner, Until: s.now().Add(s.lease)}
	n.DueAt = n.Lease.Until
}

// rest gives the order back, to be looked at again after d.
func (s *Service) rest(d time.Duration) edit {
	return func(n *Order) {
		n.Lease = Lease{}
		n.DueAt = s.now().Add(d)
		n.Tries++
	}
}

// restLikePaid is rest for a paid order whose customer waits: it is looked at again when the
// notice that it takes longer is due, if that comes before d.
func (s *Service) restLikePaid(d time.Duration) edit {
	return func(n *Order) {
		told := n.Told == NoticeWorking || n.Told == NoticeMakingLong
		if left := n.Payment.PaidAt.Add(workingAfter).Sub(s.now()); !told && left > 0 {
			d = min(d, left)
		}
		s.rest(d)(n)
	}
}

// backoff doubles from start with each look in the present state, up to limit.
func backoff(tries int, start, limit time.Duration) time.Duration {
	d := start
	for range min(tries, 32) {
		if d *= 2; d >= limit {
			return limit
		}
	}
	return min(d, limit)
}

func (o *Order) clone() *Order {
	n := *o
	n.Refused = slices.Clone(o.Refused)
	if o.Bought != nil {
		b := *o.Bought
		n.Bought = &b
	}
	return &n
}
