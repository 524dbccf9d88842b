package store_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
)

// perESIM is the most memory of Redis, in bytes, that an eSIM may take, every key counted.
const perESIM = 1024

// TestMemoryPerESIM fills a Redis with eSIMs as they are when the shop has sold them for a while, and
// divides what it grew by.
func TestMemoryPerESIM(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds to sell so many eSIMs")
	}
	const n = 20_000
	server := storetest.Start(t, "--appendonly", "no")
	s, raw := open(t, server.URL()), client(t, server.URL())
	shelve(t, s, 0, 50) // connections, scripts and buffers are there already
	before := usedMemory(t, raw)
	shelve(t, s, 50, n)
	each := float64(usedMemory(t, raw)-before) / n
	t.Logf("%d eSIMs: %.0f bytes of Redis each, of %d allowed", n, each, perESIM)
	for _, kind := range []struct{ name, pattern string }{
		{"document", "*:esim:*"}, {"customer's list", "*:esims"}, {"look-up by ICCID", "iccid:*"}, {"due set", "{e:*:due"},
	} {
		all := memoryOf(t, raw, kind.pattern)
		t.Logf("%-17s %3.0f bytes an eSIM, without its place among the keys", kind.name, float64(all)/(n+50))
	}
	if each > perESIM {
		t.Errorf("an eSIM takes %.0f bytes of Redis, more than %d", each, perESIM)
	}
	if got := raw.DBSize(t.Context()).Val(); got < 2*n {
		t.Errorf("%d keys for %d eSIMs: this test proves nothing", got, n)
	}
}

func usedMemory(t *testing.T, raw *redis.Client) int64 {
	t.Helper()
	info, err := raw.Info(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			used, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return used
		}
	}
	t.Fatal("the server doesn't tell its memory")
	return 0
}

// memoryOf adds up what the keys of a pattern take.
func memoryOf(t *testing.T, raw *redis.Client, pattern string) (all int64) {
	t.Helper()
	const script = `local sum, cursor = 0, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do sum = sum + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) end
until cursor == '0'
return sum`
	all, err := raw.Eval(t.Context(), script, nil, pattern).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// shelve puts the eSIMs numbered from … to and has each be used for a while.
func shelve(t testing.TB, s *store.Store, from, to int) {
	t.Helper()
	var wg sync.WaitGroup
	const hands = 8
	for hand := range hands {
		wg.Go(func() {
			for i := from + hand; i < to; i += hands {
				if err := sell(t.Context(), s, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	now := epoch.Add(2 * time.Hour)
	for {
		list, err := s.Usage().Lease(t.Context(), now, now.Add(time.Hour), 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		for _, e := range list {
			live(e, now)
		}
		save(t, s, list...)
	}
}

// sell puts the i-th eSIM as an order would, with its top-ups: half of each provider, one in six
// topped up, one in five a customer's second.
func sell(ctx context.Context, s *store.Store, i int) error {
	random := rand.New(rand.NewPCG(1, uint64(i)))
	id, err := orders.NewID(nil)
	if err != nil {
		return err
	}
	o := &orders.Order{ID: id, Kind: orders.KindESIM, Customer: 6_100_000_000 + int64(i)*4/5, State: orders.Delivered}
	photo := make([]byte, 68)
	for b := range photo {
		photo[b] = byte(random.Uint32())
	}
	o.Photo.FileID = base64.RawURLEncoding.EncodeToString(photo) // 91 characters
	profile := esim.Profile{
		OrderNo: fmt.Sprintf("B%014d", random.Int64N(1e14)), ICCID: esim.ICCID(fmt.Sprintf("8910300%012d", int64(i))), ExpiresAbout: epoch.AddDate(0, 6, 0),
	}
	o.Bought = &orders.Bought{At: epoch, Profile: profile, Plan: planOf(i)}
	o.Bought.Profile.Provider = o.Bought.Plan.Provider
	if o.Bought.Plan.HasVoice() {
		o.Bought.Profile.PhoneNumber = "+15550001111"
	}
	if o.Bought.Plan.Provider == esim.Mobilexy {
		o.Bought.Profile.TranNo = fmt.Sprintf("%014d", random.Int64N(1e14))
	}
	if err := s.ESIMs().Put(ctx, o); err != nil {
		return err
	}
	if i%6 != 0 {
		return nil
	}
	for n := range 1 + i/6%3 {
		up := &orders.Order{Kind: orders.KindTopUp, ESIM: id, Customer: o.Customer, Bought: &orders.Bought{At: epoch.Add(time.Duration(n+1) * time.Minute), Plan: planOf(i)}}
		if up.ID, err = orders.NewID(nil); err != nil {
			return err
		}
		up.Bought.After = &orders.Numbers{TotalBytes: -1, UsedBytes: -1, RemainingBytes: -1, At: up.Bought.At.Add(3 * time.Second)}
		if err := s.ESIMs().Put(ctx, up); err != nil {
			return err
		}
	}
	return nil
}

// planOf is the plan of the i-th eSIM: whole, as it stands in the catalogue.
func planOf(i int) esim.Plan {
	p := esim.Plan{
		Provider: esim.CloudESIM, ID: fmt.Sprintf("P%08X", i%3000*1_234_567%(1<<32)), Name: "Japan 10GB 30Days", Kind: esim.Fixed, Bytes: int64(1+i%20) * esim.GB, Days: 30,
		Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Countries: []string{"JP"}, CanTopUp: true, Retail: esim.Money{Minor: 1955, Currency: esim.USD},
	}
	p.PackageCode = p.ID
	if i%2 == 1 {
		p.Provider, p.ID, p.PackageCode, p.Source = esim.Mobilexy, strconv.Itoa(1000+i%3000), "CKH226", "country-plans/japan"
		p.Operators, p.Speeds = []string{"SoftBank", "KDDI", "NTT docomo"}, []string{"4G", "5G"}
	}
	switch i % 10 {
	case 1, 2, 3:
		p.Destination = esim.Destination{Kind: esim.Region, Code: "europe-30", Name: "Europe (30+ areas)"}
		p.Countries = strings.Fields("AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK")
		if p.Source != "" {
			p.Source = "region-plans/europe-eu-30"
		}
	case 7:
		p.Kind, p.Bytes, p.DailyBytes, p.ThrottleKbps = esim.Daily, 0, 500*esim.MB, 128
	}
	if i%20 == 9 {
		p.VoiceMinutes, p.SMS = 120, 50
	}
	return p
}

// live has an eSIM be where many are: one in four untouched, the others in use, with the notices that
// this brings; one in ten has a name.
func live(e *usage.ESIM, now time.Time) {
	e.Version++
	e.AskedAt, e.NextAt = now.Add(-1234*time.Millisecond), now.Add(17*time.Hour+4321*time.Millisecond)
	kind := int(e.ID[9]) + int(e.ID[8])
	if kind%10 == 0 {
		e.Name = "Summer holidays"
	}
	if kind%4 == 0 {
		e.Marks = map[string]usage.Mark{"offline": {SentAt: now}}
		return
	}
	e.Status, e.UsedBytes, e.Pace = esim.StatusInUse, 923_456_789, 312_345_678
	e.MeasuredAt, e.FirstUsedAt, e.ExpiresAt = now.Add(-2*time.Hour), now.Add(-50*time.Hour), now.AddDate(0, 0, 27)
	if kind%4 == 1 {
		arm := strconv.Itoa(len(e.TopUps))
		e.Marks = map[string]usage.Mark{
			"low:" + arm + ":20": {SentAt: now}, "low:" + arm + ":5": {SentAt: now, Until: now.Add(time.Minute)}, "expiry:2026-12-19": {SentAt: now}, "offline": {SentAt: now},
		}
	}
}
