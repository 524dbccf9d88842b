package usage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/usage"
)

const typed = esim.ICCID("8910300000000000017")

// links is the store's side of linking: five tries a customer, and one owner a number.
type links struct {
	w     *world
	tries map[int64]int
	owner map[esim.ICCID]string
}

func (l *links) AllowLinkTry(_ context.Context, customer int64, _ time.Time) error {
	if l.tries[customer]++; l.tries[customer] > 5 {
		return usage.ErrTooMany
	}
	return nil
}

func (l *links) LinkICCID(ctx context.Context, id string, customer int64, iccid esim.ICCID, tranNo string) (*usage.ESIM, error) {
	e, err := l.w.store.Load(ctx, id)
	if err != nil || e.Customer != customer {
		return nil, usage.ErrNotFound
	}
	if owner := l.owner[iccid]; owner != "" && owner != id {
		return nil, usage.ErrTaken
	}
	l.owner[iccid] = id
	e.ICCID, e.TranNo, e.NextAt = iccid, tranNo, l.w.clock()
	e.Version++
	return e, l.w.store.Save(ctx, []*usage.ESIM{e})[0]
}

// network is a provider that knows one eSIM by its ICCID.
type network struct {
	meter
	knows esim.Usage
	err   error
	asked []providers.Ref
}

func (n *network) Usage(_ context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	n.asked = append(n.asked, refs...)
	if n.err != nil {
		return nil, n.err
	}
	if len(refs) == 1 && refs[0].ICCID == n.knows.ICCID {
		return []esim.Usage{n.knows}, nil
	}
	return nil, &providers.Error{Class: providers.Rejected, Err: providers.ErrNotFound}
}

func TestLink(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		change func(*network, *links)
		iccid  esim.ICCID
		asker  int64
		err    error
	}{
		"its own":              {func(*network, *links) {}, typed, 2, nil},
		"about as large":       {func(n *network, _ *links) { n.knows.TotalBytes = 10_000_000_000 }, typed, 2, nil},
		"without a time":       {func(n *network, _ *links) { n.knows.At = time.Time{} }, typed, 2, nil},
		"unknown":              {func(*network, *links) {}, "8910300000000000025", 2, usage.ErrNotLinked},
		"of another plan":      {func(n *network, _ *links) { n.knows.TotalBytes = 3 * esim.GB }, typed, 2, usage.ErrNotLinked},
		"of an untold volume":  {func(n *network, _ *links) { n.knows.TotalBytes = -1 }, typed, 2, usage.ErrNotLinked},
		"taken":                {func(_ *network, l *links) { l.owner[typed] = "another" }, typed, 2, usage.ErrNotLinked},
		"of another's eSIM":    {func(*network, *links) {}, typed, 3, usage.ErrNotFound},
		"tried too often":      {func(_ *network, l *links) { l.tries[2] = 5 }, typed, 2, usage.ErrTooMany},
		"provider down":        {func(n *network, _ *links) { n.err = errDown }, typed, 2, errDown},
		"provider's login bad": {func(n *network, _ *links) { n.err = providers.ErrUnauthorized }, typed, 2, providers.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.sell(1, esim.Mobilexy, 0)
			e.TranNo = ""
			w.store.Put(e)
			n := &network{meter: meter{w, esim.Mobilexy}, knows: esim.Usage{
				ICCID: typed, TranNo: "T-77", Status: esim.StatusInUse, UsedBytes: 4 * esim.GB, TotalBytes: 10 * esim.GB, RemainingBytes: -1, At: noon().Add(-time.Hour),
			}}
			l := &links{w: w, tries: map[int64]int{}, owner: map[esim.ICCID]string{}}
			c.change(n, l)
			w.advance(time.Hour)
			config := w.config()
			config.Meters = []usage.Meter{n}
			linker := usage.NewLinker(watcher(t, config), l)
			got, err := linker.Link(ctx, e.ID, c.asker, c.iccid)
			stored := w.load(e.ID)
			if !errors.Is(err, c.err) || errors.Is(err, usage.ErrTaken) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if err != nil {
				if stored.ICCID != "" || stored.TranNo != "" {
					t.Errorf("linked all the same: %+v", stored)
				}
				return
			}
			if stored.ICCID != typed || stored.TranNo != "T-77" || stored.Version != got.Version || got.ICCID != typed {
				t.Errorf("%+v, stored %+v", got, stored)
			}
			if !n.knows.At.IsZero() && (got.UsedBytes != 4*esim.GB || got.Status != esim.StatusInUse || !got.AskedAt.Equal(w.clock())) {
				t.Errorf("without its numbers: %+v", got)
			}
			// Sent again, it costs nothing.
			if again, err := linker.Link(ctx, e.ID, c.asker, typed); err != nil || again.ICCID != typed || l.tries[2] != 1 || len(n.asked) != 1 {
				t.Errorf("again: %v, %d tries, %d questions", err, l.tries[2], len(n.asked))
			}
			// Another number is for an admin to give.
			if _, err := linker.Link(ctx, e.ID, c.asker, "8910300000000000025"); !errors.Is(err, usage.ErrNotLinked) || len(n.asked) != 1 {
				t.Errorf("another number: %v, %d questions", err, len(n.asked))
			}
		})
	}
}
