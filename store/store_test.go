package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
)

const secretCode = "LPA:1$smdp.example.com$SECRET-MATCHING-ID-77"

var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func key(b byte) []byte { return []byte(strings.Repeat(string(rune(b)), 32)) }

func open(t testing.TB, url string, keys ...[]byte) *store.Store {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{key('a')}
	}
	s, err := store.Open(t.Context(), url, store.Options{Keys: keys, Now: func() time.Time { return epoch }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSuite(t *testing.T) { suite(t, storetest.Redis(t)) }

func TestClusterSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a few seconds to start")
	}
	suite(t, storetest.Cluster(t))
}

// suite holds everything that must be true on one Redis and on a cluster alike.
func suite(t *testing.T, url string) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.Store)
	}{
		{"order round trip", testOrderRoundTrip},
		{"create once", testCreateOnce},
		{"one winner", testOneWinner},
		{"due", testDue},
		{"project", testProject},
		{"checkout limits", testCheckoutLimits},
		{"session", testSession},
		{"esims", testESIMs},
		{"erase", testErase},
		{"popular", testPopular},
		{"catalogue", testCatalogue},
		{"claim and secret", testClaimAndSecret},
		{"browse", testBrowse},
		{"by ICCID", testByICCID},
		{"pauses and blocks", testPausesAndBlocks},
		{"statistics", testStats},
		{"statistics by many at once", testStatsAtOnce},
		{"top-ups", testTopUps},
		{"top-up claims", testTopUpClaims},
		{"taken back", testTakenBack},
		{"back again", testReturn},
		{"standings", testStandings},
		{"erase while topping up", testEraseWhileToppingUp},
		{"relay", testRelay},
		{"lease", testLease},
		{"save", testSave},
		{"leased once", testLeasedOnce},
		{"shelf and watch", testShelfWatches},
		{"change", testChange},
		{"link an ICCID", testLink},
		{"link replaces", testLinkReplaces},
		{"link at once", testLinkAtOnce},
		{"move an ICCID", testMove},
		{"tries to link", testLinkTries},
		{"rate", testRate},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t, url)) })
	}
}

var lastID atomic.Int64

func order(t testing.TB, customer int64) *orders.Order {
	t.Helper()
	id, err := orders.NewID(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := lastID.Add(1)
	return &orders.Order{
		Schema: orders.Schema, Version: 1, ID: id, State: orders.AwaitingPayment, Kind: orders.KindESIM,
		Customer: customer, Language: "en", CreatedAt: epoch.Add(time.Duration(n) * time.Second), UpdatedAt: epoch, DueAt: epoch.Add(time.Minute),
		Plan: esim.Plan{
			Provider: esim.CloudESIM, ID: "JP_1_7", Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Kind: esim.Fixed, Bytes: esim.GB, Days: 7,
			Wholesale: decimal.RequireFromString("3.50"), Retail: esim.Money{Minor: 455, Currency: esim.USD},
		},
	}
}

func create(t testing.TB, s *store.Store, o *orders.Order) {
	t.Helper()
	if err := s.Orders().Create(t.Context(), o, orders.LogEntry{At: o.UpdatedAt, To: o.State, Actor: "customer", Version: 1}); err != nil {
		t.Fatal(err)
	}
}

// advance moves o on by one version.
func advance(t testing.TB, s *store.Store, o *orders.Order, to orders.State) {
	t.Helper()
	from := o.State
	o.State = to
	o.Version++
	if err := s.Orders().Transition(t.Context(), from, o, orders.LogEntry{At: o.UpdatedAt, From: from, To: to, Actor: "runner", Version: o.Version}); err != nil {
		t.Fatal(err)
	}
}

func bought(t testing.TB) *orders.Bought {
	t.Helper()
	code, err := esim.ParseActivationCode(secretCode)
	if err != nil {
		t.Fatal(err)
	}
	return &orders.Bought{At: epoch, Plan: esim.Plan{Provider: esim.CloudESIM, Kind: esim.Fixed, Bytes: esim.GB}, Profile: esim.Profile{
		Provider: esim.CloudESIM, OrderNo: "B2301", ICCID: "8944538523456789012", Code: code, Image: []byte("IMAGE-BYTES-IMAGE-BYTES"), PhoneNumber: "+15550001111",
	}}
}

func TestNewerDocumentsAreLeftAlone(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	o := order(t, 1)
	create(t, s, o)
	name := findKey(t, raw, "*:order:"+string(o.ID))
	newer := strings.Replace(raw.Get(t.Context(), name).Val(), `"schema":1`, `"schema":2,"plan_b":{}`, 1)
	if err := raw.Set(t.Context(), name, newer, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Orders().Load(t.Context(), o.ID); !errors.Is(err, orders.ErrNewer) {
		t.Errorf("load: %v", err)
	}
	o.Version, o.State = 2, orders.Paid
	if err := s.Orders().Transition(t.Context(), orders.AwaitingPayment, o, orders.LogEntry{To: orders.Paid}); !errors.Is(err, orders.ErrNewer) {
		t.Errorf("transition: %v", err)
	}
	if raw.Get(t.Context(), name).Val() != newer {
		t.Error("the newer document was changed")
	}
}

func TestScriptsSurviveAFlush(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	for range 2 {
		if err := raw.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		o := order(t, 5)
		create(t, s, o)
		o.Bought = bought(t)
		o.State = orders.Delivered
		if err := s.Orders().Project(t.Context(), o); err != nil {
			t.Errorf("script in a pipeline after a flush: %v", err)
		}
	}
}

func TestSecretsAreNotReadableInRedis(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	o := order(t, 1)
	create(t, s, o)
	o.Bought = bought(t)
	advance(t, s, o, orders.Paid)
	if err := s.ESIMs().Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	dump := everything(t, raw)
	for _, secret := range []string{"SECRET-MATCHING-ID", "smdp.example.com", "IMAGE-BYTES", "SU1BR0UtQllURV", "5550001111"} {
		if strings.Contains(dump, secret) {
			t.Errorf("%q stands in Redis in the clear", secret)
		}
	}
	if !strings.Contains(dump, "B2301") {
		t.Error("the dump doesn't hold the order at all: this test proves nothing")
	}
}

func TestKeysRotate(t *testing.T) {
	url := storetest.Redis(t)
	o := order(t, 1)
	old := open(t, url, key('a'))
	create(t, old, o)
	o.Bought = bought(t)
	advance(t, old, o, orders.Paid)
	both := open(t, url, key('b'), key('a'))
	got, err := both.Orders().Load(t.Context(), o.ID)
	if err != nil || got.Bought.Profile.Code.Reveal() != secretCode {
		t.Fatalf("old text under rotated keys: %v", err)
	}
	advance(t, both, got, orders.Review)
	onlyNew := open(t, url, key('b'))
	if got, err = onlyNew.Orders().Load(t.Context(), o.ID); err != nil || got.Bought.Profile.Code.Reveal() != secretCode {
		t.Errorf("text written with the first key: %v", err)
	}
	if _, err := old.Orders().Load(t.Context(), o.ID); !errors.Is(err, store.ErrSealKey) {
		t.Errorf("without the key: %v", err)
	}
}

func TestKilledRedisIsAnErrorAndPasses(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH")
	}
	server := storetest.StartDurable(t)
	s := open(t, server.URL()+"?max_retries=1&dial_timeout=1s&min_retry_backoff=1ms&max_retry_backoff=2ms")
	o := order(t, 1)
	create(t, s, o)
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := s.Orders().Load(ctx, o.ID); err == nil || errors.Is(err, orders.ErrNotFound) {
		t.Errorf("load from a dead Redis: %v", err)
	}
	if _, err := s.Sessions().Load(ctx, 1, 1); err == nil {
		t.Error("session from a dead Redis")
	}
	if err := s.Ping(ctx); err == nil {
		t.Error("a dead Redis answers")
	}
	server.Up()
	for s.Ping(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatal("the store did not recover")
		}
	}
	if _, err := s.Orders().Load(ctx, o.ID); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH")
	}
	server := storetest.Start(t, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
	if _, err := store.Open(t.Context(), server.URL(), store.Options{}); !errors.Is(err, store.ErrEviction) {
		t.Errorf("a Redis that evicts: %v", err)
	}
	for _, address := range []string{"http://user:hunter2@h/", "redis://user:hunter2@h:1/x", "redis://user:hunter2@%zz/", "redis://:hunter2@127.0.0.1:1/0?max_retries=-1"} {
		_, err := store.Open(t.Context(), address, store.Options{})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open says %v", err)
		}
	}
}

func TestWithoutDataKeyEveryReplicaHasTheSame(t *testing.T) {
	url := storetest.Redis(t)
	o := order(t, 1)
	for i := range 2 {
		s, err := store.Open(t.Context(), url, store.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			create(t, s, o)
			o.Bought = bought(t)
			advance(t, s, o, orders.Paid)
		} else if _, err := s.Orders().Load(t.Context(), o.ID); err != nil {
			t.Error(err)
		}
		if now := s.Clock(t.Context())(); time.Since(now).Abs() > time.Minute {
			t.Errorf("the corrected clock says %s", now)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func client(t testing.TB, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func findKey(t testing.TB, c *redis.Client, pattern string) string {
	t.Helper()
	keys := c.Keys(t.Context(), pattern).Val()
	if len(keys) != 1 {
		t.Fatalf("keys %q: %v", pattern, keys)
	}
	return keys[0]
}

// everything returns all that Redis holds, as text.
func everything(t testing.TB, c *redis.Client) string {
	t.Helper()
	var all strings.Builder
	for _, k := range c.Keys(t.Context(), "*").Val() {
		all.WriteString(k + "\n")
		switch c.Type(t.Context(), k).Val() {
		case "string":
			all.WriteString(c.Get(t.Context(), k).Val())
		case "list":
			fmt.Fprint(&all, c.LRange(t.Context(), k, 0, -1).Val())
		case "zset":
			fmt.Fprint(&all, c.ZRange(t.Context(), k, 0, -1).Val())
		case "hash":
			fmt.Fprint(&all, c.HGetAll(t.Context(), k).Val())
		}
		all.WriteString("\n")
	}
	return all.String()
}
