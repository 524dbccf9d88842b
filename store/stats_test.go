package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

func usd(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func project(t *testing.T, s *store.Store, o *orders.Order) {
	t.Helper()
	for range 2 { // a repeat changes nothing
		if err := s.Orders().Project(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func stats(t *testing.T, s *store.Store, first time.Time, days int) []orders.DayStats {
	t.Helper()
	got, err := s.Orders().Stats(t.Context(), first, first.AddDate(0, 0, days-1))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

type byCurrency = map[esim.Currency]int64

// statsDay is shortly before the end of a day.
func statsDay(n int) time.Time { return time.Date(2026, 3, n, 23, 30, 0, 0, time.UTC) }

// projectDays projects what happens on six days: one order walks through them, another stays unpaid, a
// top-up is paid for in another currency. It returns the first as it ends.
func projectDays(t *testing.T, s *store.Store) *orders.Order {
	t.Helper()
	day := statsDay
	o := order(t, 63)
	o.CreatedAt, o.UpdatedAt = day(1), day(1)
	project(t, s, o)
	o.Version, o.UpdatedAt, o.State = 2, day(2), orders.Paid
	o.Payment = orders.Payment{Intent: "pi_stats", Received: esim.Money{Minor: 455, Currency: esim.USD}, PaidAt: day(2)}
	project(t, s, o)
	o.Version, o.UpdatedAt, o.State = 3, day(3), orders.Delivered
	o.Bought = bought(t)
	o.Bought.At, o.Bought.Plan.Wholesale, o.DeliveredAt = day(2).Add(time.Minute), usd("3.1234567"), day(3)
	project(t, s, o)
	o.Version, o.UpdatedAt = 4, day(4)
	o.Refund = orders.Refunds{N: 1, Total: esim.Money{Minor: 100, Currency: esim.USD}}
	project(t, s, o)
	late := *o
	o.Version, o.UpdatedAt, o.State = 5, day(5), orders.Refunded
	o.Refund.N, o.Refund.Total.Minor, o.Refund.Return = 2, 455, orders.ReturnDone
	project(t, s, o)
	project(t, s, &late) // of a replica that fell behind
	o.Version, o.UpdatedAt, o.State = 6, day(6), orders.Review
	o.Refund.Total.Minor = 100 // the bank sent the second one back
	project(t, s, o)

	unpaid := order(t, 63)
	unpaid.CreatedAt, unpaid.State = day(1), orders.Expired
	project(t, s, unpaid)

	topup := order(t, 63)
	topup.Kind, topup.CreatedAt, topup.UpdatedAt, topup.DeliveredAt = orders.KindTopUp, day(2), day(3), day(3)
	topup.Payment = orders.Payment{Received: esim.Money{Minor: 900, Currency: "JPY"}, PaidAt: day(2)}
	topup.Bought = bought(t)
	topup.Bought.At, topup.Bought.Plan.Wholesale = day(3), usd("0.10")
	project(t, s, topup)
	return o
}

func testStats(t *testing.T, s *store.Store) {
	o, day := projectDays(t, s), statsDay
	midnight := func(n int) time.Time { return day(n).Truncate(24 * time.Hour) }
	want := []orders.DayStats{
		{Day: midnight(1), Opened: 2},
		{Day: midnight(2), Opened: 1, Paid: 2, Sales: byCurrency{esim.USD: 455, "JPY": 900}, Cost: usd("3.123457")},
		{Day: midnight(3), Delivered: 2, Cost: usd("0.1")},
		{Day: midnight(4), Refunds: 1, Returned: byCurrency{esim.USD: 100}},
		{Day: midnight(5), Refunds: 1, Returned: byCurrency{esim.USD: 355}, Regained: usd("3.123457")},
		{Day: midnight(6), Returned: byCurrency{esim.USD: -355}},
		{Day: midnight(7)},
	}
	for i := range want {
		for _, m := range []*byCurrency{&want[i].Sales, &want[i].Returned} {
			if *m == nil {
				*m = byCurrency{}
			}
		}
	}
	count := s.CountRoundTrips()
	got := stats(t, s, day(1), 7)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if count() != 1 {
		t.Errorf("statistics took %d round trips", count())
	}
	if err := s.Orders().Project(t.Context(), o); err != nil || count() != 2 {
		t.Errorf("a projection took %d round trips, %v", count()-1, err)
	}
	if got := stats(t, s, day(2), 0); len(got) != 0 {
		t.Errorf("no days: %v", got)
	}
	if _, err := s.Orders().Stats(t.Context(), day(1), day(1).AddDate(2, 0, 0)); err == nil {
		t.Error("two years were read")
	}
}

// testStatsAtOnce projects orders from many goroutines, as replicas do, also in different versions.
func testStatsAtOnce(t *testing.T, s *store.Store) {
	day := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	const many = 5
	var wg sync.WaitGroup
	for range many {
		o := order(t, 64)
		o.CreatedAt, o.UpdatedAt, o.DeliveredAt, o.Version, o.State = day, day, day, 7, orders.Delivered
		o.Payment = orders.Payment{Intent: "pi_" + string(o.ID), Received: esim.Money{Minor: 455, Currency: esim.USD}, PaidAt: day}
		o.Bought = bought(t)
		o.Bought.At, o.Bought.Plan.Wholesale = day, usd("3.5")
		for i := range 20 {
			wg.Go(func() {
				n := *o
				if i%2 == 0 {
					n.Version, n.Refund.Total = 8, esim.Money{Minor: 55, Currency: esim.USD}
				}
				if err := s.Orders().Project(t.Context(), &n); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	want := orders.DayStats{
		Day: day, Opened: many, Paid: many, Delivered: many, Refunds: many,
		Sales: byCurrency{esim.USD: many * 455}, Returned: byCurrency{esim.USD: many * 55}, Cost: usd("17.5"),
	}
	if d := cmp.Diff([]orders.DayStats{want}, stats(t, s, day, 1)); d != "" {
		t.Error(d)
	}
}

func TestStatisticsAreBounded(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	old := order(t, 1)
	old.CreatedAt, old.Version = epoch.AddDate(0, 0, -401), 2
	old.Payment = orders.Payment{Received: old.Plan.Retail, PaidAt: old.CreatedAt}
	unpaid := order(t, 1)
	unpaid.State = orders.Expired
	older := *old
	older.ID, older.UpdatedAt, older.Refund.Total = "OLD", old.CreatedAt, old.Plan.Retail
	for _, o := range []*orders.Order{old, unpaid, &older} {
		project(t, s, o)
	}
	for id, want := range map[orders.ID]time.Duration{old.ID: 400, unpaid.ID: 90} {
		for _, pattern := range []string{"*:counted:" + string(id), "*:stats:*"} {
			for _, k := range raw.Keys(t.Context(), pattern).Val() {
				days := raw.TTL(t.Context(), k).Val() / (24 * time.Hour)
				if days > 400 || days < 89 || pattern != "*:stats:*" && days > want {
					t.Errorf("%s is kept for %d days", k, days)
				}
			}
		}
	}
	if got := stats(t, s, old.CreatedAt, 1); got[0].Opened != 0 || got[0].Paid != 0 || got[0].Refunds != 0 {
		t.Errorf("what is older than the figures is counted: %+v", got[0])
	}
	if got := stats(t, s, epoch, 1); got[0].Opened != 1 {
		t.Errorf("today: %+v", got[0])
	}
}
