package payments

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"esimbot/esim"
	"esimbot/orders"
)

// What Stripe takes of a text in characters; a longer one is cut.
const (
	maxName        = 250
	maxDescription = 500
)

// OpenCheckout opens the order's Checkout Session under idempotency key "checkout:<order>": the
// same order gets the same Session. Its page closes at o.Checkout.ExpiresAt, or CheckoutTTL after
// the order was created; Stripe wants 30 minutes to 24 hours from now. The URL is empty only where
// an earlier call opened a Session whose time is up meanwhile.
// https://docs.stripe.com/api/checkout/sessions/create
func (s *Stripe) OpenCheckout(ctx context.Context, o *orders.Order) (orders.Checkout, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	key := "checkout:" + string(o.ID)
	cs, err := s.open(ctx, o, key)
	var e *Error
	if errors.As(err, &e) && (e.stored() || e.reused()) {
		// Stripe remembers an error under the key, or what another version of this program asked
		// under it. Either the Session was made all the same, or none is open, and after an error
		// a second key may open one.
		found, readErr := s.find(ctx, o)
		switch {
		case readErr != nil:
			err = fmt.Errorf("%w; not read back: %w", err, readErr)
		case found != nil:
			cs, err = found, nil
		case e.stored():
			cs, err = s.open(ctx, o, key+":2")
		}
	}
	if err != nil {
		return orders.Checkout{}, err
	}
	if cs.ID == "" || (cs.URL == "" && cs.Status == stripe.CheckoutSessionStatusOpen) {
		return orders.Checkout{}, fmt.Errorf("stripe: open checkout: an answer without a page: %w", orders.ErrPaymentDoubt)
	}
	return orders.Checkout{SessionID: cs.ID, URL: cs.URL, ExpiresAt: time.Unix(cs.ExpiresAt, 0).UTC()}, nil
}

func (s *Stripe) open(ctx context.Context, o *orders.Order, key string) (cs *stripe.CheckoutSession, err error) {
	err = s.call(ctx, "open checkout", keyed, func(ctx context.Context) error {
		p := s.checkoutParams(o)
		p.Context = ctx
		p.SetIdempotencyKey(key)
		var err error
		cs, err = s.api.CheckoutSessions.New(p)
		return err
	})
	return cs, err
}

// checkoutParams depends on the order alone, never on the clock: Stripe refuses a key that comes
// with other parameters.
func (s *Stripe) checkoutParams(o *orders.Order) *stripe.CheckoutSessionParams {
	name, description := s.cfg.Describe(o)
	name = cut(name, maxName)
	meta := s.metadata(o)
	product := &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String(name)}
	if description = cut(description, maxDescription); description != "" {
		product.Description = stripe.String(description)
	}
	price := &stripe.CheckoutSessionLineItemPriceDataParams{
		Currency:    stripe.String(strings.ToLower(string(o.Plan.Retail.Currency))),
		UnitAmount:  stripe.Int64(o.Plan.Retail.Minor),
		ProductData: product,
	}
	link := "https://t.me/" + s.cfg.BotUsername + "?start="
	p := &stripe.CheckoutSessionParams{
		Mode:              stripe.String(string(stripe.CheckoutSessionModePayment)),
		SubmitType:        stripe.String(string(stripe.CheckoutSessionSubmitTypePay)),
		ClientReferenceID: stripe.String(string(o.ID)),
		SuccessURL:        stripe.String(link + "o_" + string(o.ID)),
		CancelURL:         stripe.String(link + "x_" + string(o.ID)),
		Locale:            stripe.String(locale(o.Language)),
		ExpiresAt:         stripe.Int64(s.closes(o).Unix()),
		LineItems:         []*stripe.CheckoutSessionLineItemParams{{PriceData: price, Quantity: stripe.Int64(1)}},
		Metadata:          meta,
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{
			Metadata:    maps.Clone(meta),
			Description: stripe.String(name + " · " + o.ID.String()),
		},
	}
	if s.cfg.ThreeDSecure(o) {
		p.PaymentMethodOptions = &stripe.CheckoutSessionPaymentMethodOptionsParams{
			Card: &stripe.CheckoutSessionPaymentMethodOptionsCardParams{
				RequestThreeDSecure: stripe.String(string(stripe.CheckoutSessionPaymentMethodOptionsCardRequestThreeDSecureAny)),
			},
		}
	}
	if s.cfg.Tax {
		p.AutomaticTax = &stripe.CheckoutSessionAutomaticTaxParams{Enabled: stripe.Bool(true)}
		price.TaxBehavior = stripe.String(string(stripe.PriceTaxBehaviorInclusive))
	}
	return p
}

func (s *Stripe) closes(o *orders.Order) time.Time {
	if !o.Checkout.ExpiresAt.IsZero() {
		return o.Checkout.ExpiresAt
	}
	return o.CreatedAt.Add(s.cfg.CheckoutTTL)
}

// find looks for a Session of the order among those opened since the order was created; nil when
// there is none.
func (s *Stripe) find(ctx context.Context, o *orders.Order) (found *stripe.CheckoutSession, err error) {
	const skew = 10 * time.Minute // between our clock and Stripe's
	err = s.pages(ctx, o.CreatedAt.Add(-skew), nil, func(cs *stripe.CheckoutSession) (bool, error) {
		if cs.ClientReferenceID == string(o.ID) && cs.Metadata[metaShop] == s.cfg.ShopID {
			found = cs
		}
		return found == nil, nil
	})
	return found, err
}

// pages walks the Sessions created since, newest first, until fn says false.
func (s *Stripe) pages(ctx context.Context, since time.Time, expand []string, fn func(*stripe.CheckoutSession) (bool, error)) error {
	after := ""
	for {
		var list *stripe.CheckoutSessionList
		pageCtx, cancel := within(ctx)
		err := s.call(pageCtx, "list checkout sessions", harmless, func(ctx context.Context) error {
			p := &stripe.CheckoutSessionListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()}}
			p.Context, p.Single, p.Limit = ctx, true, stripe.Int64(100)
			for _, e := range expand { // an empty list would be sent as expand=
				p.AddExpand(e)
			}
			if after != "" {
				p.StartingAfter = stripe.String(after)
			}
			it := s.api.CheckoutSessions.List(p)
			list = it.CheckoutSessionList()
			return it.Err()
		})
		cancel()
		if err != nil {
			return err
		}
		for _, cs := range list.Data {
			if more, err := fn(cs); err != nil || !more {
				return err
			}
		}
		if !list.HasMore || len(list.Data) == 0 {
			return nil
		}
		after = list.Data[len(list.Data)-1].ID
	}
}

// ListSessions calls fn for every Checkout Session of this shop created since, newest first, with
// payment and charge read. It ends at fn's first error.
// https://docs.stripe.com/api/checkout/sessions/list
func (s *Stripe) ListSessions(ctx context.Context, since time.Time, fn func(*orders.CheckoutSession) error) error {
	return s.pages(ctx, since, []string{"data." + expandCharge, "data." + expandRefunds}, func(cs *stripe.CheckoutSession) (bool, error) {
		if cs.Metadata[metaShop] != s.cfg.ShopID {
			return true, nil
		}
		return true, fn(session(cs))
	})
}

// Session reads a Checkout Session again with its PaymentIntent and latest charge. Its Metadata is
// the Session's with the PaymentIntent's over it, so "buy", "got" and "done" are there.
// https://docs.stripe.com/api/checkout/sessions/retrieve
func (s *Stripe) Session(ctx context.Context, sessionID string) (*orders.CheckoutSession, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	var cs *stripe.CheckoutSession
	err := s.call(ctx, "read checkout", harmless, func(ctx context.Context) error {
		p := &stripe.CheckoutSessionParams{}
		p.Context = ctx
		p.AddExpand(expandCharge)
		p.AddExpand(expandRefunds)
		var err error
		cs, err = s.api.CheckoutSessions.Get(sessionID, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	if cs.ID != sessionID {
		return nil, fmt.Errorf("stripe: read checkout: another session came back: %w", orders.ErrPaymentDoubt)
	}
	return session(cs), nil
}

// What is read with a Session.
const (
	expandCharge  = "payment_intent.latest_charge"
	expandRefunds = "payment_intent.latest_charge.refunds" // the newest ten
)

func session(cs *stripe.CheckoutSession) *orders.CheckoutSession {
	out := &orders.CheckoutSession{
		ID: cs.ID, Status: string(cs.Status), Order: cs.ClientReferenceID, Shop: cs.Metadata[metaShop],
		Paid: cs.PaymentStatus == stripe.CheckoutSessionPaymentStatusPaid ||
			cs.PaymentStatus == stripe.CheckoutSessionPaymentStatusNoPaymentRequired,
		Amount: money(cs.AmountTotal, cs.Currency), LiveMode: cs.Livemode, URL: cs.URL,
		CreatedAt: time.Unix(cs.Created, 0).UTC(), ExpiresAt: time.Unix(cs.ExpiresAt, 0).UTC(), Metadata: map[string]string{},
		Draft: draft(cs.Metadata),
	}
	// A customer who paid in a currency of their own paid this in ours.
	if c := cs.CurrencyConversion; c != nil {
		out.Amount = money(c.AmountTotal, c.SourceCurrency)
	}
	if out.Order == "" {
		out.Order = cs.Metadata[metaOrder]
	}
	maps.Copy(out.Metadata, cs.Metadata)
	out.Refunded.Currency = out.Amount.Currency
	if p := cs.PaymentIntent; p != nil {
		out.Intent = p.ID
		maps.Copy(out.Metadata, p.Metadata)
		out.Fence = fence(p)
		if ch := p.LatestCharge; ch != nil {
			out.Refunded = scale(ch.AmountRefunded, p, out.Amount)
			out.Disputed, out.ReceiptURL, out.Refunds = ch.Disputed, ch.ReceiptURL, refundsOf(ch, out.Order)
			if out.Paid {
				out.PaidAt = time.Unix(ch.Created, 0).UTC()
			}
		}
	}
	return out
}

// refundsOf returns the highest number of an order's refunds that stands on a charge, whatever came
// of them: the next one needs a higher one.
func refundsOf(ch *stripe.Charge, order string) (highest int) {
	if ch.Refunds == nil {
		return 0
	}
	for _, r := range ch.Refunds.Data {
		number, ours := strings.CutPrefix(r.Metadata[metaRefund], order+":")
		if n, err := strconv.Atoi(number); err == nil && ours && n <= maxRefunds {
			highest = max(highest, n)
		}
	}
	return highest
}

// ExpireCheckout closes an open Session. One that is complete or expired already is no error.
// https://docs.stripe.com/api/checkout/sessions/expire
func (s *Stripe) ExpireCheckout(ctx context.Context, sessionID string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := s.call(ctx, "expire checkout", harmless, func(ctx context.Context) error {
		p := &stripe.CheckoutSessionExpireParams{}
		p.Context = ctx
		_, err := s.api.CheckoutSessions.Expire(sessionID, p)
		return err
	})
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest {
		return err
	}
	// Stripe has no code for "not open any more".
	cs, readErr := s.Session(ctx, sessionID)
	if readErr != nil {
		return readErr
	}
	if cs.Status == string(stripe.CheckoutSessionStatusOpen) {
		return err
	}
	return nil
}

// money reads an amount of Stripe's, whose currencies are in small letters.
func money(minor int64, c stripe.Currency) esim.Money {
	return esim.Money{Minor: minor, Currency: esim.Currency(strings.ToUpper(string(c)))}
}

// cut shortens a text to most characters.
func cut(text string, most int) string {
	text = strings.TrimSpace(text)
	if r := []rune(text); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return text
}

// locales are the languages of Stripe's pages: docs.stripe.com/js/appendix/supported_locales.
const locales = "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh " +
	"zh-HK zh-TW"

// locale is the page's language for a customer's: the same with its region, without, or Stripe's
// guess from the browser.
func locale(language string) string {
	base, _, _ := strings.Cut(language, "-")
	for _, want := range []string{language, base} {
		for _, have := range strings.Fields(locales) {
			if strings.EqualFold(have, want) {
				return have
			}
		}
	}
	return "auto"
}
