package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// Errors of Linker.
var (
	// ErrNotLinked: the number is unknown to the provider, or belongs to another plan or another
	// customer. Which of these it is, nobody is told.
	ErrNotLinked = errors.New("the ICCID can't be linked to this eSIM")
	// ErrTaken: another eSIM has the number.
	ErrTaken = errors.New("another eSIM has the ICCID")
	// ErrTooMany: the customer has tried too often today.
	ErrTooMany = errors.New("too many tries to link an ICCID")
)

// LinkStore is what linking needs of a store.
type LinkStore interface {
	// AllowLinkTry counts a customer's try to link a number; ErrTooMany past the limit.
	AllowLinkTry(ctx context.Context, customer int64, now time.Time) error
	// LinkICCID makes iccid the number of a customer's eSIM, and tranNo, if any, what its provider calls
	// it. ErrNotFound also for another's eSIM; ErrTaken.
	LinkICCID(ctx context.Context, id string, customer int64, iccid esim.ICCID, tranNo string) (*ESIM, error)
}

// A Linker gives eSIMs their ICCIDs where the provider doesn't tell them when it sells: the customer
// reads the number off the phone. What is typed may be anybody's, so the provider must know it, with
// the volume that was bought.
type Linker struct {
	watch *Watcher
	store LinkStore
}

// NewLinker returns a Linker that asks the providers that w watches.
func NewLinker(w *Watcher, s LinkStore) *Linker { return &Linker{watch: w, store: s} }

// Link makes iccid the number of a customer's eSIM and returns it with its first numbers. It may be
// repeated. The errors are ErrNotLinked, ErrTooMany, and ErrNotFound also for another's eSIM; any
// other means that the provider or Redis gave no answer.
func (l *Linker) Link(ctx context.Context, id string, customer int64, iccid esim.ICCID) (*ESIM, error) {
	w := l.watch
	e, err := w.Store.Load(ctx, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("link eSIM %s: %w", id, err)
	case e.Customer != customer:
		return nil, fmt.Errorf("link eSIM %s: %w", id, ErrNotFound)
	case e.ICCID == iccid && e.Linked():
		return e, nil
	case e.ICCID != "": // only an admin moves one
		return nil, ErrNotLinked
	}
	if err := l.store.AllowLinkTry(ctx, customer, w.Now()); err != nil {
		return nil, fmt.Errorf("link eSIM %s: %w", id, err)
	}
	found, err := l.look(ctx, e, iccid)
	if err != nil {
		return nil, fmt.Errorf("link eSIM %s: %w", id, err)
	}
	linked, err := l.store.LinkICCID(ctx, id, customer, iccid, found.TranNo)
	switch {
	case errors.Is(err, ErrTaken):
		return nil, fmt.Errorf("link eSIM %s: %w", id, ErrNotLinked)
	case err != nil:
		return nil, fmt.Errorf("link eSIM %s: %w", id, err)
	}
	now, err := w.refreshed(ctx, answer{leased{linked, w.Now().Add(w.Lease)}, told, found}, linked)
	if err != nil {
		w.failed("record", err) // it is linked, and due at once
	}
	return now, nil
}

// look asks the eSIM's provider for the number, and holds the answer against what was bought.
func (l *Linker) look(ctx context.Context, e *ESIM, iccid esim.ICCID) (esim.Usage, error) {
	w := l.watch
	m := w.prompt[e.Plan.Provider]
	if m == nil {
		return esim.Usage{}, fmt.Errorf("%s is turned off", e.Plan.Provider)
	}
	ctx, cancel := context.WithTimeout(ctx, linkFor)
	defer cancel()
	list, err := m.Usage(ctx, []providers.Ref{{ICCID: iccid}})
	if w.Hooks.Called != nil {
		w.Hooks.Called(m.ID(), 1, err)
	}
	switch {
	case err != nil && spoilt(err): // it was asked for what it doesn't know
		return esim.Usage{}, fmt.Errorf("%w: %w", ErrNotLinked, err)
	case err != nil:
		return esim.Usage{}, err
	}
	for _, u := range list {
		if u.ICCID == iccid || u.ICCID == "" && len(list) == 1 {
			if !fits(e, u) {
				return esim.Usage{}, fmt.Errorf("%w: it has %d bytes, %d were bought", ErrNotLinked, u.TotalBytes, e.Plan.Bytes)
			}
			return u, nil
		}
	}
	return esim.Usage{}, fmt.Errorf("%w: the provider doesn't know it", ErrNotLinked)
}

// linkFor bounds how long a customer waits for the provider.
const linkFor = 10 * time.Second

// fits says whether what the provider tells of a number may be what was bought: a fixed volume of
// about the same size. Where none is fixed, what is told of it is a day's.
func fits(e *ESIM, told esim.Usage) bool {
	if e.Plan.Kind != esim.Fixed {
		return true
	}
	return told.TotalBytes > 0 && near(told.TotalBytes, e.Plan.Bytes)
}
