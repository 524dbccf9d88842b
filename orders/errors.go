package orders

import "errors"

// What Payments and Notifier report.
var (
	// ErrPaymentDoubt: Stripe gave no answer that settles whether the call was done.
	ErrPaymentDoubt = errors.New("payment call in doubt")
	// ErrRefundSpent: Stripe keeps errors for a refund of that number, and none was made under it. The
	// next number may make it.
	ErrRefundSpent = errors.New("the refund's number is spent, and nothing was made")
	// ErrFenceTaken: another runner holds the right to buy.
	ErrFenceTaken = errors.New("another runner holds the right to buy")
	// ErrUnreachable: the customer blocked the bot or the chat is gone.
	ErrUnreachable = errors.New("the customer can't be reached")
)
