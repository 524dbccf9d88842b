package sandbox

import (
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/sandbox/stripe"
)

// What the panel shows of Stripe's lists, at most.
const (
	shownPayments = 12
	shownEvents   = 40
	shownOrders   = 20
)

// manyCopies is how often an event comes besides the first time, where the panel wants it often.
const manyCopies = 99

// tampering is what a payment's amount is off by, in minor units, once it was tampered with.
const tampering = 100

// stripeJSON is Stripe as the panel shows it.
type stripeJSON struct {
	Dropped  bool          `json:"dropped"`  // events are lost
	Many     bool          `json:"many"`     // each event comes a hundred times
	Refunds  string        `json:"refunds"`  // how refunds end
	Way      string        `json:"way"`      // how payments come
	Stored   int           `json:"stored"`   // calls that will still fail for good under their key
	Payments []paymentJSON `json:"payments"` // newest first
	Events   []eventJSON   `json:"events"`   // newest first
}

// calm says whether nothing is set to go wrong.
func (s stripeJSON) calm() bool {
	return !s.Dropped && !s.Many && s.Refunds == "succeeded" && s.Way == string(stripe.AtOnce) && s.Stored == 0
}

// paymentJSON is a Checkout Session with its payment.
type paymentJSON struct {
	Session string `json:"session"`
	Intent  string `json:"intent"`
	Order   string `json:"order"` // the shop's reference
	What    string `json:"what"`
	Amount  string `json:"amount"` // as people write it
	Left    string `json:"left"`   // not refunded, a plain decimal
	// State is where it stands: "open", "expired", "arriving", "processing", "failed", "paid",
	// "part refunded", "refunded".
	State    string       `json:"state"`
	Disputed bool         `json:"disputed"`
	Warned   bool         `json:"warned"`
	At       time.Time    `json:"at"`
	Refunds  []refundJSON `json:"refunds"`
}

type refundJSON struct {
	ID     string `json:"id"`
	Amount string `json:"amount"`
	Status string `json:"status"`
}

type eventJSON struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	Delivered int       `json:"delivered"` // times
	Waiting   bool      `json:"waiting"`   // on its way still
	Error     string    `json:"error,omitempty"`
}

func (p *panel) stripe() stripeJSON {
	server := p.world.Stripe
	set := server.Settings()
	out := stripeJSON{
		Dropped: set.Dropping, Many: set.Copies > 0, Refunds: set.RefundsEnd, Way: string(set.PaymentsCome), Stored: set.StoredFailures,
		Payments: []paymentJSON{}, Events: []eventJSON{},
	}
	refunds := server.Refunds()
	sessions := server.Sessions()
	for _, v := range sessions[:min(shownPayments, len(sessions))] {
		out.Payments = append(out.Payments, p.payment(v, refunds))
	}
	events := server.Events()
	for i := len(events) - 1; i >= 0 && len(out.Events) < shownEvents; i-- {
		e := events[i]
		out.Events = append(out.Events, eventJSON{
			ID: e.ID, Type: e.Type, At: e.Created, Delivered: e.Delivered, Waiting: e.Waiting(), Error: e.LastError,
		})
	}
	return out
}

func (p *panel) payment(v stripe.Session, refunds []stripe.Refund) paymentJSON {
	j := paymentJSON{
		Session: v.ID, Order: v.Reference, Amount: amount(v.Amount, v.Currency), State: v.Status, At: v.Created, Refunds: []refundJSON{},
	}
	if len(v.Lines) > 0 {
		j.What = v.Lines[0].Name
	}
	if v.Status == "expired" && p.world.Stripe.Arriving(v.ID) {
		j.State = "arriving"
	}
	i, ok := p.world.Stripe.Intent(v.Intent)
	if !ok {
		return j
	}
	j.Intent, j.Disputed, j.Warned = i.ID, i.Disputed, i.Warned
	switch {
	case v.PaymentStatus == "paid" && i.Refunded == 0:
		j.State = "paid"
	case v.PaymentStatus == "paid" && i.Refunded < i.Received:
		j.State = "part refunded"
	case v.PaymentStatus == "paid":
		j.State = "refunded"
	case v.Status == "complete" && i.Status == "processing":
		j.State = "processing"
	case v.Status == "complete":
		j.State = "failed"
	}
	if v.PaymentStatus == "paid" {
		j.Amount = amount(i.Received, i.Currency)
		j.Left = money(i.Received-i.Refunded, i.Currency).Decimal().StringFixed(money(0, i.Currency).Currency.Exponent())
	}
	for _, r := range refunds {
		if r.Intent == i.ID {
			j.Refunds = append(j.Refunds, refundJSON{r.ID, amount(r.Amount, r.Currency), r.Status})
		}
	}
	return j
}

func money(minor int64, currency string) esim.Money {
	c, err := esim.ParseCurrency(currency)
	if err != nil { // tampered with
		c = esim.Currency(currency)
	}
	return esim.Money{Minor: minor, Currency: c}
}

func amount(minor int64, currency string) string { return money(minor, currency).String() }

// pay does to a payment what its customer, the customer's bank, or a person at the Dashboard does.
func (p *panel) pay(in struct {
	Session string `json:"session"`
	Act     string `json:"act"`
	Amount  string `json:"amount"` // to refund, a plain decimal; empty: all that is left
	Refund  string `json:"refund"` // which one ends
}) error {
	server := p.world.Stripe
	v, ok := server.Session(in.Session)
	if !ok {
		return errors.New("no such payment")
	}
	switch in.Act {
	case "pay":
		return server.Confirm(v.ID)
	case "pay-slowly":
		return server.PayAsync(v.ID)
	case "pay-late":
		return server.PayLate(v.ID)
	case "close":
		return server.Expire(v.ID)
	case "tamper":
		if v.Status != "open" {
			return errors.New("the page is closed")
		}
		return server.Tamper(v.ID, func(s *stripe.Session) { s.Amount += tampering })
	case "arrive", "fail":
		return server.SettleAsync(v.ID, in.Act == "arrive")
	case "refund":
		return p.refund(v, in.Amount)
	case "dispute":
		_, err := server.Dispute(v.Intent, "")
		return err
	case "warn":
		_, err := server.WarnOfFraud(v.Intent)
		return err
	case "refund-arrives", "refund-fails":
		return server.SettleRefund(in.Refund, in.Act == "refund-arrives")
	default:
		return errors.New("no such act")
	}
}

func (p *panel) refund(v stripe.Session, plain string) error {
	var minor int64
	if plain != "" {
		wrong := errors.New("the refund is an amount in " + string(money(0, v.Currency).Currency))
		if len(plain) > 16 {
			return wrong
		}
		d, err := decimal.NewFromString(plain)
		if err != nil || !d.IsPositive() || d.GreaterThan(decimal.New(maxBalanceUS, 0)) {
			return wrong
		}
		d = d.Shift(money(0, v.Currency).Currency.Exponent())
		if !d.IsInteger() {
			return wrong
		}
		minor = d.IntPart()
	}
	_, err := p.world.Stripe.Refund(v.Intent, minor)
	return err
}

// settings changes what Stripe does from now on; what is left out stays.
func (p *panel) settings(in struct {
	Drop    *bool   `json:"drop"`
	Many    *bool   `json:"many"`
	Refunds *string `json:"refunds"`
	Way     *string `json:"way"`
	Stored  *bool   `json:"stored"` // the next refund ends in a 500 that its key remembers
}) error {
	server := p.world.Stripe
	if in.Drop != nil {
		server.DropWebhooks(*in.Drop)
	}
	if in.Many != nil {
		server.DuplicateWebhooks(map[bool]int{true: manyCopies}[*in.Many])
	}
	if in.Stored != nil {
		server.FailStored("POST /v1/refunds", map[bool]int{true: 1}[*in.Stored], true)
	}
	if in.Refunds != nil {
		if err := server.RefundsEnd(*in.Refunds); err != nil {
			return err
		}
	}
	if in.Way != nil {
		return server.PaymentsCome(stripe.Way(*in.Way))
	}
	return nil
}

func (p *panel) resend(in struct {
	Event string `json:"event"`
}) error {
	return p.world.Stripe.Resend(in.Event)
}
