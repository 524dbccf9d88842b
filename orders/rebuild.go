package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// Redis can forget, Stripe can't. What Stripe keeps of a payment is enough to make its order again:
// what was sold, to whom, who was allowed to buy, under which number, whether it was delivered, what
// went back. Two things use it: the sweep, for orders that Redis doesn't know at all, and settling,
// for those that Redis remembers as they were before they were paid.
//
// Nothing at Stripe says that a customer had everything about them deleted: a payment of the last
// three days is rebuilt with its customer's Telegram id, as Stripe keeps it too, and can be deleted
// again. Orders of before these days are not rebuilt.

// ReasonRebuilt is logged of an order that was made again from what Stripe knows.
const ReasonRebuilt = "rebuilt"

// closedFence is the part of a fence's value after the number that says: nobody bought under it.
const closedFence = "closed"

// rebuild makes an order again that Redis doesn't know and returns it; nil where there is nothing to
// make, because nobody paid and nobody will, or because it went back whole. Two replicas at once end with one order.
func (s *Service) rebuild(ctx context.Context, cs *CheckoutSession) (*Order, error) {
	d := cs.Draft
	switch {
	case cs.Shop != s.shop || d == nil || string(d.ID) != cs.Order:
		if !cs.Paid || cs.wentBack() {
			return nil, nil //nolint:nilnil // as the comment above says
		}
		s.log.ErrorContext(ctx, "a payment whose order can't be rebuilt", slog.String("session", cs.ID), slog.String("order", cs.Order))
		return nil, s.notifier.Alert(ctx, Alert{Key: "lost:" + cs.ID, Kind: "order_lost", Intent: cs.Intent, Detail: "paid, but what for can't be read: " + cs.ID})
	case !cs.Paid && cs.Status == sessionExpired:
		return nil, nil //nolint:nilnil // likewise
	}
	o := s.again(d, cs)
	if cs.Paid {
		s.stand(o, cs.Fence, s.mismatch(o, cs))
		s.complete(ctx, o)
	}
	err := s.store.Create(ctx, o, LogEntry{At: o.RebuiltAt, To: o.State, Actor: actorRunner, Reason: ReasonRebuilt, Version: o.Version})
	switch {
	case errors.Is(err, ErrExists):
		return s.store.Load(ctx, o.ID) // another replica has just made it
	case err != nil:
		return nil, fmt.Errorf("rebuild order %s: %w", o.ID, err)
	}
	s.moved(ctx, o, "", actorRunner)
	s.log.WarnContext(ctx, "order rebuilt from its payment", slog.String("order", string(o.ID)), slog.String("state", string(o.State)), slog.String("reason", o.Reason))
	if !o.State.Finished() {
		s.kick(o.ID)
	}
	return o, s.projected(ctx, o)
}

// sessionExpired is Stripe's word for a page that closed without a payment.
const sessionExpired = "expired"

// again is the order as it was when its page opened, with what Stripe says of the page and the money.
func (s *Service) again(d *Draft, cs *CheckoutSession) *Order {
	now := s.now()
	o := &Order{
		Schema: Schema, Version: 1, ID: d.ID, State: AwaitingPayment, Kind: d.Kind, Customer: d.Customer, Language: d.Language,
		Plan: s.whole(d.Plan), ESIM: d.ESIM, CreatedAt: cs.CreatedAt, UpdatedAt: now, DueAt: now, RebuiltAt: now,
		// The button was shown when the page opened, as far as anybody knows.
		Checkout: Checkout{SessionID: cs.ID, URL: cs.URL, ExpiresAt: cs.ExpiresAt, ShownAt: cs.CreatedAt},
		Refund:   Refunds{N: cs.Refunds},
	}
	if cs.Paid {
		paidAt := cs.PaidAt
		if paidAt.IsZero() {
			paidAt = now
		}
		o.Payment = Payment{Intent: cs.Intent, Received: cs.Amount, PaidAt: paidAt, ReceiptURL: cs.ReceiptURL, LiveMode: cs.LiveMode}
	}
	return o
}

// whole is a plan with its terms, from the catalogue where Stripe wasn't told them. What was charged
// stays.
func (s *Service) whole(p esim.Plan) esim.Plan {
	if p.Kind != "" {
		return p
	}
	found, ok := s.plans(p.Provider, p.ID, p.Ref())
	if !ok || found.Key() != p.Key() {
		return p
	}
	found.Wholesale, found.Retail = p.Wholesale, p.Retail
	return found
}

// down says whether surely nothing was bought: nobody ever could, the last who could was stopped, or its
// provider said no, which the runner that asked has noted.
func (f Fence) down() bool {
	return f.Got == "" && (f.Value == "" || strings.HasSuffix(f.Value, ":"+closedFence) || f.sureNo())
}

// sureNo says whether the attempt that stands at Stripe surely didn't buy, though it could.
func (f Fence) sureNo() bool {
	n, _ := parseGot(f.Value)
	return n > 0 && n == f.Not
}

// stand puts a paid order where Stripe's notes on the payment say it is. why is what is wrong with
// the payment, as mismatch says.
func (s *Service) stand(o *Order, f Fence, why string) {
	n, no := parseGot(f.Got)
	var down bool
	o.Attempt, down = s.attemptOf(o, f, n)
	o.Disputed = f.Disputed
	back := f.Refunded.Minor > 0
	if back {
		o.Refund.Total = f.Refunded
	}
	bought := Bought{Profile: esim.Profile{OrderNo: no}, Plan: o.Plan, At: o.Payment.PaidAt}
	if o.Attempt.Plan != nil {
		bought.Plan = *o.Attempt.Plan
	}
	bought.Profile.Provider = bought.Plan.Provider
	switch {
	case back && f.Refunded.Minor >= f.Received.Minor:
		o.ends(Refunded)
	case f.Done:
		o.DeliveredAt = o.Payment.PaidAt
		if !o.sent() {
			o.Photo.Chat = o.Customer
		}
		if no != "" && o.Bought == nil {
			o.Bought = &bought
		}
		if o.ends(Delivered); o.Refund.N > 0 && !back { // somebody was to get money back
			o.State, o.Reason, o.Told = Review, ReasonRefundFailed, ""
		}
	case f.Disputed:
		o.State, o.Reason = Review, ReasonDisputed
	case back:
		o.State, o.Reason = Review, ReasonRefunded
	case why != "":
		o.State, o.Reason = Review, why
	case no != "" && n >= o.Attempt.N && s.answers(o):
		o.State, o.Reason = Unknown, ReasonInDoubt // its step asks for the proof at once
	case no != "" && n >= o.Attempt.N:
		o.State, o.Reason, o.Bought = Review, ReasonNoCode, &bought
	case !down || f.Got != "":
		o.State, o.Reason = Review, ReasonInDoubt
	case o.Plan.Kind == "":
		o.State, o.Reason = Review, ReasonGone
	default:
		o.State, o.Reason = Paid, ""
	}
	if o.State == Review || o.State == Unknown {
		o.Attempt.DoubtAt = s.now()
	}
}

// ends puts the order in a finished state that its customer knows of.
func (o *Order) ends(state State) {
	o.State, o.Reason, o.Told = state, "", string(state)
	o.Lease, o.DueAt = Lease{}, time.Time{}
}

// answers says whether the provider can be asked what became of the number it gave.
func (s *Service) answers(o *Order) bool {
	p := s.providers[o.Plan.Provider]
	return p != nil && (o.Kind == KindTopUp || p.Abilities().QueryByNo)
}

// attemptOf is the last attempt that Stripe knows of, and whether surely nobody bought with it: the
// next one may follow it. got is the number of the attempt that is known to have bought.
func (s *Service) attemptOf(o *Order, f Fence, got int) (_ Attempt, down bool) {
	if f.Value == "" && got == 0 {
		return Attempt{}, true
	}
	number, nonce, found := strings.Cut(f.Value, ":")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 1 {
		n, nonce = got, "" // never written by this program, or lost: what stands there is followed all the same
	}
	plan := o.Plan
	if o.Attempt.Plan != nil { // perhaps the other provider's
		plan = *o.Attempt.Plan
	}
	a := Attempt{N: n, Nonce: nonce, Provider: plan.Provider, Plan: &plan, StartedAt: o.Payment.PaidAt, Fence: f.Value}
	return a, n > 0 && (nonce == closedFence || f.sureNo())
}

// complete asks the provider for the profile of a delivered eSIM, so that it stands on its customer's
// shelf again. Where it can't be had now, a later sweep asks again. One that was taken back comes under
// review.
func (s *Service) complete(ctx context.Context, o *Order) (changed bool) {
	if o.State != Delivered || o.RebuiltAt.IsZero() || o.Customer == 0 || o.Kind != KindESIM || o.Bought == nil || o.Bought.Profile.Ready() {
		return false
	}
	p, no := s.providers[o.Bought.Profile.Provider], o.Bought.Profile.OrderNo
	if p == nil || no == "" || !p.Abilities().QueryByNo {
		return false
	}
	call, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := p.Query(call, providers.Ref{OrderNo: no})
	if err == nil && u.Status == esim.StatusCancelled {
		s.lost(o)
		return true
	}
	if err == nil && u.Profile != nil && u.Profile.Ready() {
		err = s.nobodyElses(ctx, o.ID, u.Profile.ICCID)
	}
	switch {
	case err != nil:
		s.log.WarnContext(ctx, "eSIM of a rebuilt order not asked for", slog.String("order", string(o.ID)), slog.Any("error", err))
		return false
	case u.Profile == nil || !u.Profile.Ready():
		return false
	}
	o.Bought.Profile = merged(o.Bought.Profile, *u.Profile)
	return true
}

// lost puts a delivered order under review whose provider has taken the eSIM back, while its money is still
// here: Redis has forgotten the refund that this was for.
func (s *Service) lost(o *Order) {
	o.State, o.Reason, o.Told = Review, ReasonTakenBack, ""
	s.unleased(o)
}

// nobodyElses makes sure that an eSIM found under a number isn't known as another order's.
func (s *Service) nobodyElses(ctx context.Context, id ID, iccid esim.ICCID) error {
	if iccid == "" {
		return nil
	}
	switch other, err := s.store.ByICCID(ctx, iccid); {
	case errors.Is(err, ErrNotFound), err == nil && other == id:
		return nil
	case err != nil:
		return fmt.Errorf("whose eSIM it is: %w", err)
	default:
		return errors.New("the number leads to another order's eSIM")
	}
}

// projected writes again what is derived from an order: lists, look-ups, figures, the eSIM.
func (s *Service) projected(ctx context.Context, o *Order) error {
	if err := s.store.Project(ctx, o); err != nil {
		return fmt.Errorf("order %s: project: %w", o.ID, err)
	}
	if o.State != Delivered || o.Bought == nil || o.Customer == 0 {
		return nil
	}
	switch err := s.shelf.Put(ctx, o); {
	case errors.Is(err, ErrNotFound): // a top-up whose eSIM isn't known any more, or not yet
		s.log.DebugContext(ctx, "no eSIM to put a top-up on", slog.String("order", string(o.ID)), slog.String("esim", string(o.ESIM)))
		return nil
	case err != nil:
		return fmt.Errorf("order %s: shelve: %w", o.ID, err)
	default:
		return nil
	}
}

// bygone says whether the payment of an order that Redis remembers as unpaid tells of what came
// after: Redis has gone back in time. An attempt that nobody knows the end of is left to the purchase,
// which finds the fence up: its runner may be about to store what it bought.
func bygone(f Fence) bool {
	return f.Done || f.Got != "" || f.Refunded.Minor > 0 || f.Value != "" && f.down()
}

// recall puts an order that Redis remembers as it was earlier where its payment says it got since,
// past the table of transitions: it has walked them before. n is the order with its payment.
func (s *Service) recall(ctx context.Context, o, n *Order, f Fence, why string) error {
	n.RebuiltAt, n.DueAt = s.now(), s.now()
	s.stand(n, f, why)
	if s.complete(ctx, n); n.State.Finished() {
		if err := s.release(ctx, n); err != nil {
			return err
		}
	}
	entry := LogEntry{At: n.UpdatedAt, From: o.State, To: n.State, Actor: actorStripe, Reason: ReasonRebuilt, Version: n.Version}
	if err := s.store.Transition(ctx, o.State, n, entry); err != nil {
		return fmt.Errorf("order %s: %s to %s: %w", o.ID, o.State, n.State, err)
	}
	s.log.WarnContext(ctx, "order recalled from its payment", slog.String("order", string(o.ID)), slog.String("from", string(o.State)), slog.String("to", string(n.State)))
	from := o.State
	*o = *n
	s.moved(ctx, o, from, actorStripe)
	if !o.State.Finished() {
		s.kick(o.ID)
	}
	return s.projected(ctx, o)
}

// forgetful says whether Redis may remember the order from before it was delivered: nothing but the
// order's delivery leaves the note of it.
func (s *Service) forgetful(o *Order) bool {
	switch o.State {
	case Paid, Purchasing, Provisioning, Issued, Unknown:
		return !o.Lease.Held(s.now())
	case Review:
		return o.Reason == ReasonRefunded
	default:
		return false
	}
}

// judged says whether what Stripe notes of a purchase is of one before the last, that an admin knew of who
// had it bought again.
func (o *Order) judged(f Fence) bool {
	n, _ := parseGot(f.Got)
	return o.Approved > 0 && n < o.Attempt.N
}

// bought says whether Stripe has a note of a purchase.
func (f Fence) bought() bool {
	n, _ := parseGot(f.Got)
	return n > 0 || f.Done
}

// delivered follows the note that an order was delivered, and reports whether there is one.
func (s *Service) delivered(ctx context.Context, o *Order, f Fence) (bool, error) {
	if !f.Done || o.judged(f) {
		return false, nil
	}
	return true, s.recall(ctx, o, s.next(o, o.State, o.Reason), f, "")
}
