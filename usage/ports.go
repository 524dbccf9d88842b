package usage

import (
	"context"
	"errors"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// Errors of this room.
var (
	// ErrNotFound: there is no such eSIM.
	ErrNotFound = errors.New("no such eSIM")
	// ErrConflict: the eSIM changed meanwhile.
	ErrConflict = errors.New("the eSIM changed meanwhile")
	// ErrBusy: a provider wasn't asked, since too many others wait for their turn at it.
	ErrBusy = errors.New("too many wait for their turn at the provider")
	// ErrUnreachable: the customer blocked the bot or the chat is gone.
	ErrUnreachable = errors.New("the customer can't be reached")
)

// A Store keeps what is watched. Every method is safe for several replicas at once.
type Store interface {
	// Lease takes up to limit eSIMs that are due at now, the most overdue first, puts each off to
	// until so that no other replica takes it, and returns them. It costs a few round trips for the
	// whole batch, and none of the eSIMs is returned to two callers.
	Lease(ctx context.Context, now, until time.Time, limit int) ([]*ESIM, error)
	// Load returns one eSIM; ErrNotFound.
	Load(ctx context.Context, id string) (*ESIM, error)
	// Save writes each eSIM if its stored version is e.Version-1, and puts it into the due set at
	// e.NextAt, or out of it where that is zero. The errors are in the order of the eSIMs: ErrConflict
	// for one that changed meanwhile. All in one round trip.
	Save(ctx context.Context, list []*ESIM) []error
}

// A Teller sends the messages that go out by themselves. ErrUnreachable for a customer who blocked
// the bot; any other error means that the message may or may not have arrived.
type Teller interface {
	Tell(ctx context.Context, e *ESIM, n Notice) error
}

// A Meter is a provider as the watch asks it, within the rate that all replicas share: ErrBusy where
// its turn is too far off.
type Meter interface {
	ID() esim.Provider
	Usage(ctx context.Context, refs []providers.Ref) ([]esim.Usage, error)
	Abilities() providers.Abilities
}

// A Topic says what a notice is about.
type Topic string

// The topics, the most urgent first.
const (
	TopicUsedUp  Topic = "used_up" // nothing is left
	TopicLow     Topic = "low"     // what is left fell to a threshold
	TopicExpiry  Topic = "expiry"  // the end of validity is near
	TopicOffline Topic = "offline" // a day after delivery no data was used
	TopicLink    Topic = "link"    // an hour after delivery the ICCID isn't known, without which nothing can be watched
)

// A Notice is a message that goes out once.
type Notice struct {
	Topic     Topic
	Key       string // names its mark on the eSIM: "low:0:20"
	Threshold int    // percent, of TopicLow
	// Left is what is left in bytes, -1 where it isn't known; EmptyIn how long that lasts at the
	// present pace, 0 where that isn't known.
	Left    int64
	EmptyIn time.Duration
}
