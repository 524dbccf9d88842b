package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// orderNumber is what a provider's order number looks like: it goes into a request, a log and Stripe's
// metadata.
var orderNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// IsOrderNumber says whether s may be a provider's order number.
func IsOrderNumber(s string) bool { return orderNumber.MatchString(s) }

// BuyAgain has the order bought once more: the admin says that nothing was bought, whatever stands
// at Stripe. What stands there is read now, and the next attempt may follow exactly that. The right
// of the attempt before is closed first, so that a runner that comes late can't use it beside the new one.
func (s *Service) BuyAgain(ctx context.Context, d Decision) (*Order, error) {
	return s.decide(ctx, d, AnswerBuyAgain, func(o *Order) error {
		f, err := s.stillPaid(ctx, o)
		if err == nil && o.Bought != nil {
			err = s.reallyGone(ctx, o)
		}
		if err != nil {
			return err
		}
		written, _ := parseGot(f.Value)
		n, value := max(o.Attempt.N, written), f.Value
		if o.Attempt.N > written {
			value = o.Attempt.closed()
			err := s.payments.RaiseFence(ctx, o.Payment.Intent, o.ID, o.Attempt.N, value)
			switch {
			case errors.Is(err, ErrFenceTaken): // a rival took it this moment
				return s.refusal(ctx, o, WhyChanged)
			case err != nil:
				return fmt.Errorf("close attempt %d of %s: %w", o.Attempt.N, o.ID, err)
			}
		}
		return s.decided(ctx, o, Paid, d, string(AnswerBuyAgain), func(next *Order) {
			next.Attempt = Attempt{N: n, Fence: value}
			next.Approved++
			next.Refused, next.HeldSince = nil, time.Time{}
			// Of what was taken back nothing is left that could be delivered, or given back again.
			next.Bought, next.Refund.Return, next.Refund.Refusal = nil, ReturnNothing, ""
		})
	})
}

// reallyGone makes sure that the provider has taken back what the order had bought, before it is bought
// once more, and that no note at Stripe says that it was delivered.
func (s *Service) reallyGone(ctx context.Context, o *Order) error {
	gone, err := s.takenBack(ctx, o)
	switch {
	case err != nil:
		return err
	case !gone:
		return s.refusal(ctx, o, WhyChanged)
	}
	if err := s.payments.Mark(ctx, o.Payment.Intent, "done", ""); err != nil {
		return fmt.Errorf("note that %s isn't delivered: %w", o.ID, err)
	}
	return nil
}

// Deliver sends the customer what was bought, unless its provider has taken it back. What they were
// sent already isn't sent again.
func (s *Service) Deliver(ctx context.Context, d Decision) (*Order, error) {
	return s.decide(ctx, d, AnswerDeliver, func(o *Order) error {
		if err := s.stillTheirs(ctx, o); err != nil {
			return err
		}
		if !o.DeliveredAt.IsZero() && (o.sent() || !s.owesDelivery(o)) {
			if err := s.finish(ctx, o, s.next(o, Delivered, string(AnswerDeliver)), actorAdmin(d.Admin)); err != nil {
				return err
			}
			if o.sent() { // a cancel that came to nothing took the note away
				s.mark(ctx, o, "done", "1")
			}
			return nil
		}
		if _, err := s.stillPaid(ctx, o); err != nil {
			return err
		}
		return s.decided(ctx, o, Issued, d, string(AnswerDeliver))
	})
}

// stillTheirs makes sure that the provider hasn't taken back what was bought, where it can be asked: a
// cancel that nobody answered may have come through since. If it has, the order notes it, and the admin,
// who didn't know, decides anew.
func (s *Service) stillTheirs(ctx context.Context, o *Order) error {
	gone, err := s.takenBack(ctx, o)
	switch {
	case err != nil && o.Refund.Return == ReturnRefused && providers.ClassOf(err) != providers.Rejected:
		return err
	case err != nil || !gone:
		return nil //nolint:nilerr // that nobody asked to cancel, and that can't be asked for now, is the admin's word
	}
	n := s.next(o, o.State, ReasonTakenBack, func(n *Order) {
		if n.Refund.Return == ReturnRefused { // it was this shop's wish, and is done
			n.Refund.Return, n.Refund.Refusal = ReturnDone, ""
		}
	})
	if err := s.save(ctx, o, n, actorRunner); err != nil {
		return err
	}
	return s.refusal(ctx, o, WhyChanged)
}

// AttachCode stores an activation code, which the caller has parsed, as what was bought, and has it
// delivered. What is known of the purchase already stays. Refused with WhyTaken where it is another
// order's.
func (s *Service) AttachCode(ctx context.Context, d Decision, code esim.ActivationCode) (*Order, error) {
	if code.IsZero() {
		return nil, fmt.Errorf("attach code: %w", esim.ErrActivationCode)
	}
	return s.decide(ctx, d, AnswerCode, func(o *Order) error {
		if o.Bought != nil {
			if err := s.stillTheirs(ctx, o); err != nil {
				return err
			}
		}
		f, err := s.stillPaid(ctx, o)
		if err != nil {
			return err
		}
		switch taken, err := s.codeTaken(ctx, o, code); {
		case err != nil:
			return err
		case taken:
			return s.refusal(ctx, o, WhyTaken)
		}
		b := s.asBought(o)
		if n, no := parseGot(f.Got); b.Profile.OrderNo == "" && n >= o.Attempt.N && IsOrderNumber(no) {
			b.Profile.OrderNo = no
		}
		b.Profile.Code = code
		return s.decided(ctx, o, Issued, d, string(AnswerCode), func(n *Order) { n.Bought = &b })
	})
}

// asBought is what the order bought, as far as it is known, or what it was to buy.
func (s *Service) asBought(o *Order) Bought {
	if o.Bought != nil {
		return *o.Bought
	}
	return Bought{Profile: esim.Profile{Provider: o.seller()}, Plan: o.sold(), At: s.now()}
}

// AttachOrderNo asks the provider for the eSIM behind its order number, stores it as what was bought,
// and has it delivered as soon as it is made. Refused with WhyUnknownNo, WhyTaken where it is another
// order's, and WhyNotReady where the provider has taken it back.
func (s *Service) AttachOrderNo(ctx context.Context, d Decision, number string) (*Order, error) {
	number = strings.TrimSpace(number)
	return s.decide(ctx, d, AnswerOrderNo, func(o *Order) error {
		if !IsOrderNumber(number) {
			return s.refusal(ctx, o, WhyUnknownNo)
		}
		if _, err := s.stillPaid(ctx, o); err != nil {
			return err
		}
		profile, err := s.profileOf(ctx, o, number)
		if err != nil {
			return err
		}
		to := Provisioning
		if profile.Ready() {
			to = Issued
		}
		reason, err := s.replacing(ctx, o, number)
		if err != nil {
			return err
		}
		b := s.asBought(o)
		b.Profile, b.At = profile, s.now()
		if err := s.decided(ctx, o, to, d, reason, func(n *Order) { n.Bought = &b }); err != nil {
			return err
		}
		s.mark(ctx, o, "got", fmt.Sprintf("%d:%s", o.Attempt.N, number))
		return nil
	})
}

// replacing says under which reason number is attached. Another number that the order has, and that
// it won't have any more, is told to the admins and stands in the log: the shop has paid for it.
func (s *Service) replacing(ctx context.Context, o *Order, number string) (reason string, _ error) {
	before := s.asBought(o)
	old := before.Profile.OrderNo
	if old == "" || old == number {
		return string(AnswerOrderNo), nil
	}
	err := s.notifier.Alert(ctx, Alert{Key: "twice:" + string(o.ID) + ":" + old, Kind: "bought_twice", Order: o,
		Detail: fmt.Sprintf("%s stands in the place of the provider's number %s", number, old),
		Twice:  s.twice(o, before.Profile.Provider, old, before.Plan.Wholesale)})
	if err != nil {
		return "", fmt.Errorf("tell of the number that %s had: %w", o.ID, err)
	}
	return string(AnswerOrderNo) + " for " + old, nil
}

// profileOf is the eSIM behind an order number, without its code while it is being made.
func (s *Service) profileOf(ctx context.Context, o *Order, number string) (esim.Profile, error) {
	seller := o.seller()
	call, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := s.providers[seller].Query(call, providers.Ref{OrderNo: number})
	switch {
	case errors.Is(err, providers.ErrNotFound),
		err != nil && providers.ClassOf(err) == providers.Rejected && !errors.Is(err, providers.ErrUnauthorized):
		return esim.Profile{}, s.refusal(ctx, o, WhyUnknownNo)
	case err != nil:
		return esim.Profile{}, fmt.Errorf("ask for an order number of %s: %w", o.ID, err)
	case u.OrderNo != "" && u.OrderNo != number:
		return esim.Profile{}, s.refusal(ctx, o, WhyUnknownNo)
	case u.Status == esim.StatusCancelled:
		return esim.Profile{}, s.refusal(ctx, o, WhyNotReady)
	}
	profile := esim.Profile{Provider: seller, OrderNo: number, ICCID: u.ICCID, TranNo: u.TranNo, ExpiresAbout: u.ExpiresAt}
	if u.Profile != nil {
		profile = merged(profile, *u.Profile)
	}
	taken, err := s.taken(ctx, o, profile.ICCID, seller, number)
	switch {
	case err != nil:
		return esim.Profile{}, err
	case taken:
		return esim.Profile{}, s.refusal(ctx, o, WhyTaken)
	}
	return profile, nil
}

// Applied takes a top-up in doubt for applied: the customer gets the receipt. What the provider says
// of the eSIM now is noted where it answers.
func (s *Service) Applied(ctx context.Context, d Decision) (*Order, error) {
	return s.decide(ctx, d, AnswerApplied, func(o *Order) error {
		if _, err := s.stillPaid(ctx, o); err != nil {
			return err
		}
		b := s.asBought(o)
		s.noteLine(ctx, o, &b)
		return s.decided(ctx, o, Issued, d, string(AnswerApplied), func(n *Order) { n.Bought = &b })
	})
}

// noteLine notes which eSIM a top-up was for, and its numbers now, where they can be had.
func (s *Service) noteLine(ctx context.Context, o *Order, b *Bought) {
	line, err := s.shelf.Line(ctx, o.ESIM)
	if err == nil {
		b.Profile.ICCID, b.Profile.TranNo = line.Ref.ICCID, line.Ref.TranNo
		if p := s.providers[b.Profile.Provider]; p != nil {
			b.After, err = s.numbers(ctx, p, line.Ref)
		}
	}
	if err != nil {
		s.log.WarnContext(ctx, "topped up eSIM not read", slog.String("order", string(o.ID)), slog.Any("error", err))
	}
}

// Close ends an order that nothing can be done for any more. One whose money never came expires; any
// other ends refunded, after its provider was asked to take the eSIM back where that can be.
func (s *Service) Close(ctx context.Context, d Decision) (*Order, error) {
	return s.decide(ctx, d, AnswerClose, func(o *Order) error {
		if !o.unpaid() {
			// Asked once and refused, it would only be refused again.
			return s.sendBack(ctx, o, esim.Money{}, d.Admin, AnswerClose, o.Refund.Return == ReturnRefused)
		}
		if o.Checkout.SessionID != "" { // the money may have come this moment
			cs, err := s.payments.Session(ctx, o.Checkout.SessionID)
			if err != nil {
				return fmt.Errorf("read checkout of %s: %w", o.ID, err)
			}
			if err := s.settle(ctx, o, cs, actorStripe); err != nil {
				return err
			}
			if !o.unpaid() {
				return s.refusal(ctx, o, WhyChanged)
			}
		}
		return s.finish(ctx, o, s.next(o, Expired, string(AnswerClose)), actorAdmin(d.Admin))
	})
}
