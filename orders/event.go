package orders

// A PaymentEvent is a verified notice from Stripe, in our words. It only hastens a look: what
// counts is read from Stripe again.
type PaymentEvent struct {
	ID        string // Stripe's event id
	Type      string // Stripe's type: "checkout.session.completed"
	SessionID string // of the Checkout Session, where the event is about one
	Intent    string // PaymentIntent id, where known
	Order     ID     // from client_reference_id or metadata, where it is a valid id
}
