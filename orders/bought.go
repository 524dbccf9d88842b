package orders

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// How long a bought profile still being made is asked for: first, at most, and until admins hear.
const (
	provisionFirst = 2 * time.Second
	provisionLast  = time.Minute
	provisionAlert = 15 * time.Minute
)

// keep stores what was bought, in whatever state the order is by now, and tries until it is
// stored: a bought profile is never dropped. When Redis refuses, Stripe is told the provider's
// order number at once, so that it isn't known here alone.
//
// It outlives the end of ctx by keepGrace: a process that is being stopped still writes down what
// it has paid for.
func (s *Service) keep(ctx context.Context, o *Order, b Bought) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(keepGrace, cancel) })()
	got := fmt.Sprintf("%d:%s", o.Attempt.N, b.Profile.OrderNo)
	marked := false
	for tries := 0; ; tries++ {
		err := s.record(limited, o, b)
		if err == nil {
			break
		}
		if errors.Is(err, ErrConflict) {
			var fresh *Order
			if fresh, err = s.store.Load(limited, o.ID); err == nil {
				*o = *fresh
				continue
			}
		}
		if !marked {
			s.mark(limited, o, "got", got)
			marked = true
		}
		s.log.ErrorContext(ctx, "bought eSIM not stored yet", slog.String("order", string(o.ID)),
			slog.String("provider", string(b.Profile.Provider)), slog.String("order_no", b.Profile.OrderNo), slog.Any("error", err))
		if werr := s.wait(limited, backoff(tries, 100*time.Millisecond, 5*time.Second)); werr != nil {
			return fmt.Errorf("store what was bought for %s: %w", o.ID, errors.Join(err, werr))
		}
	}
	if !marked {
		s.mark(limited, o, "got", got)
	}
	return nil
}

// record writes b into the order as it stands.
func (s *Service) record(ctx context.Context, o *Order, b Bought) error {
	if o.Bought != nil {
		if same(*o.Bought, b) {
			return nil
		}
		// What was bought twice stands nowhere else: the alert is tried until it is out.
		return s.notifier.Alert(ctx, Alert{Key: "twice:" + string(o.ID) + ":" + b.Profile.OrderNo, Kind: "bought_twice", Order: o,
			Detail: "bought again under the provider's number " + b.Profile.OrderNo,
			Twice:  s.twice(o, b.Profile.Provider, b.Profile.OrderNo, b.Plan.Wholesale)})
	}
	to, reason := s.afterPurchase(o, b)
	return s.move(ctx, o, to, reason, s.own, func(n *Order) {
		n.Bought = &b
		n.HeldSince = time.Time{}
	})
}

// same says whether two are one purchase. One without a number is known by its time.
func same(a, b Bought) bool {
	return a.Profile.Provider == b.Profile.Provider && a.Profile.OrderNo == b.Profile.OrderNo &&
		(a.Profile.OrderNo != "" || a.At.Equal(b.At))
}

func (s *Service) afterPurchase(o *Order, b Bought) (State, string) {
	p := b.Profile
	switch {
	case o.State != Purchasing && o.State != Unknown, o.stopped():
		return Review, ReasonMeanwhile
	case o.Kind == KindTopUp, p.Ready():
		return Issued, ""
	case p.OrderNo != "" && s.providers[p.Provider].Abilities().QueryByNo:
		return Provisioning, ""
	default:
		return Review, ReasonNoCode
	}
}

// provision asks for a profile that was still being made.
func (s *Service) provision(ctx context.Context, o *Order) error {
	waited := s.now().Sub(o.Bought.At)
	notice := NoticeMaking
	if s.now().Sub(o.Payment.PaidAt) >= workingAfter {
		notice = NoticeMakingLong
	}
	s.tell(ctx, o, notice)
	if o.Tries == 0 { // just bought: asked at once it would only say the same again
		return s.stay(ctx, o, s.restLikePaid(provisionFirst))
	}
	p := s.providers[o.Bought.Profile.Provider]
	if p == nil {
		return s.move(ctx, o, Review, ReasonNoCode, s.own)
	}
	call, cancel := context.WithTimeout(ctx, s.providerTimeout)
	defer cancel()
	u, err := p.Query(call, providers.Ref{OrderNo: o.Bought.Profile.OrderNo})
	switch {
	case err == nil && u.Profile != nil && u.Profile.Ready():
		return s.move(ctx, o, Issued, "", s.own, func(n *Order) { n.Bought.Profile = merged(o.Bought.Profile, *u.Profile) })
	case err == nil && u.Status == esim.StatusCancelled:
		return s.move(ctx, o, Review, ReasonTakenBack, s.own)
	case waited >= s.holdDeadline:
		return s.move(ctx, o, Review, ReasonNoCode, s.own)
	case err != nil:
		s.log.WarnContext(ctx, "profile not asked for", slog.String("order", string(o.ID)), slog.Any("error", err))
	}
	if waited >= provisionAlert {
		s.alert(ctx, Alert{Key: "provisioning:" + string(o.ID), Kind: "provisioning", Order: o, Detail: detail(err)})
	}
	return s.stay(ctx, o, s.restLikePaid(backoff(o.Tries, provisionFirst, provisionLast)))
}

// merged is the profile as now known: what the query left out stays as the purchase told it.
func merged(bought, asked esim.Profile) esim.Profile {
	p := asked
	p.Provider = bought.Provider
	if bought.OrderNo != "" {
		p.OrderNo = bought.OrderNo
	}
	if p.TranNo == "" {
		p.TranNo = bought.TranNo
	}
	if p.ICCID == "" {
		p.ICCID = bought.ICCID
	}
	if p.PhoneNumber == "" {
		p.PhoneNumber = bought.PhoneNumber
	}
	if p.ExpiresAbout.IsZero() {
		p.ExpiresAbout = bought.ExpiresAbout
	}
	return p
}
