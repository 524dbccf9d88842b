package flows_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// typed is an ICCID that the network knows as the unlinked eSIM's.
const typed = "8910300000000000017"

// network is what the providers say of eSIMs, with failures on demand.
type network struct {
	stage     *stage
	refreshed int
	watchErr  error
	linked    []esim.ICCID // tries
	linkErr   error
	topUps    func(*usage.ESIM) []esim.Plan // nil: those of the fixture
	topUpErr  error
	quoteErr  error
	dearer    int64
}

func (n *network) RefreshAt(e *usage.ESIM) time.Time {
	switch {
	case !e.Linked():
		return time.Time{}
	case e.Plan.Provider == esim.Mobilexy:
		return e.AskedAt.Add(3 * time.Hour)
	default:
		return e.AskedAt.Add(time.Minute)
	}
}

func (n *network) Refresh(_ context.Context, id string) (*usage.ESIM, error) {
	n.refreshed++
	e := *n.stage.esims[id]
	if n.watchErr != nil {
		return &e, n.watchErr
	}
	e.UsedBytes, e.MeasuredAt, e.AskedAt, e.Status = 8*esim.GB, n.stage.now, n.stage.now, esim.StatusInUse
	n.stage.esims[id] = &e
	return &e, nil
}

func (n *network) Link(_ context.Context, id string, customer int64, iccid esim.ICCID) (*usage.ESIM, error) {
	n.linked = append(n.linked, iccid)
	old := n.stage.esims[id]
	switch {
	case n.linkErr != nil:
		return nil, n.linkErr
	case old == nil || old.Customer != customer:
		return nil, usage.ErrNotFound
	case iccid != typed:
		return nil, fmt.Errorf("link: %w", usage.ErrNotLinked)
	}
	e := *old
	e.ICCID, e.TranNo, e.UsedBytes, e.MeasuredAt, e.Status = iccid, "T-1", esim.GB, n.stage.now.Add(-time.Hour), esim.StatusInUse
	n.stage.esims[id] = &e
	return &e, nil
}

// TopUps are as CloudeSIM names them, for every provider.
func (n *network) TopUps(_ context.Context, e *usage.ESIM) ([]esim.Plan, error) {
	if n.topUpErr != nil {
		return nil, n.topUpErr
	}
	if n.topUps != nil {
		return n.topUps(e), nil
	}
	if e.Plan.Kind != esim.Fixed {
		return []esim.Plan{n.topUp(e, "TOP-D7", 900, esim.Plan{Kind: esim.Daily, DailyBytes: 500 * esim.MB, Days: 7})}, nil
	}
	list := []esim.Plan{
		n.topUp(e, "TOP-V", 150, esim.Plan{Kind: esim.Fixed, Bytes: esim.GB, Days: 3, VoiceMinutes: 10}),
		n.topUp(e, "TOP-D", 250, esim.Plan{Kind: esim.Daily, DailyBytes: 500 * esim.MB, Days: 3}),
	}
	for i, gb := range []int64{1, 2, 3, 5, 8, 10, 15, 20, 30, 50} {
		minor := 260*gb - 20*gb*gb/5*int64(min(i, 1))
		if gb > 20 {
			minor = 260 * gb
		}
		list = append(list, n.topUp(e, fmt.Sprint("TOP-", gb), minor, esim.Plan{Kind: esim.Fixed, Bytes: gb * esim.GB, Days: 7 * (1 + i/2)}))
	}
	slices.SortFunc(list, func(a, b esim.Plan) int { return cmp.Compare(a.Retail.Minor, b.Retail.Minor) })
	return list, nil
}

func (n *network) topUp(e *usage.ESIM, id string, minor int64, p esim.Plan) esim.Plan {
	p.Provider, p.ID, p.Destination = e.Plan.Provider, id, e.Plan.Destination
	p.Wholesale, p.Retail = decimal.NewFromInt(1), esim.Money{Minor: minor + n.dearer, Currency: esim.USD}
	return p
}

func (n *network) QuoteTopUp(ctx context.Context, e *usage.ESIM, ref string) (esim.Plan, error) {
	if n.quoteErr != nil {
		return esim.Plan{}, n.quoteErr
	}
	list, err := n.TopUps(ctx, e)
	if err != nil {
		return esim.Plan{}, err
	}
	for _, p := range list {
		if p.Ref() == ref {
			return p, nil
		}
	}
	return esim.Plan{}, fmt.Errorf("top-up: %w", catalog.ErrGone)
}

// topUp is the top-up of 3 GB for an eSIM of the fixture.
func (s *stage) topUp(id orders.ID) esim.Plan {
	s.tb.Helper()
	list, _ := s.network.TopUps(context.Background(), s.esims[string(id)])
	for _, p := range list {
		if p.ID == "TOP-3" {
			return p
		}
	}
	s.tb.Fatal("no top-up of 3 GB")
	return esim.Plan{}
}

// offer is the route of a price button on an offer, add that on the page of a top-up for the eSIM in
// use.
func offer(id orders.ID, p esim.Plan) string {
	return fmt.Sprintf("tu/%s/%s/%d", string(id), p.Ref(), p.Retail.Minor)
}

func add(p esim.Plan) string {
	return fmt.Sprintf("add/%s/%s/%d", string(delivered), p.Ref(), p.Retail.Minor)
}
