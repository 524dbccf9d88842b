package main

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"esimbot/orders"
	"esimbot/sandbox/telegram"
	"esimbot/store/storetest"
)

// newcomers is how many customers the shop gets.
const newcomers = 200

// BenchmarkGrowth has customers come, look around and buy an eSIM each, and tells what that leaves in
// Redis, and what it asks of Stripe, Telegram and the provider: the figures of docs/scaling.md. It runs once.
func BenchmarkGrowth(b *testing.B) {
	for b.Loop() {
		grow(b)
	}
}

func grow(b *testing.B) {
	server := storetest.Start(b, "--appendonly", "no")
	raw := client(b, server.URL())
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	outside := "http://" + listener.Addr().String() + "/outside/"
	stripe, provider, chat := newTally(b, outside+"stripe"), newTally(b, outside+"cloudesim"), newTally(b, outside+"telegram")
	s := openStageOn(b, listener, server.URL(), map[string]string{
		"STRIPE_API_URL": stripe.URL, "CLOUDESIM_API_URL": provider.URL + "/api/v1", "TELEGRAM_API_URL": chat.URL,
	})
	s.world.CloudESIM.SetBalance(decimal.New(1_000_000, 0))
	const plans = 40
	people := s.patrons(plans)
	for i := range newcomers {
		p := &patron{stage: s, id: people[i%plans].id + int64(1000*(1+i/plans)), plan: people[i%plans].plan}
		s.world.Telegram.AddUser(telegram.User{ID: p.id, FirstName: "Customer", LanguageCode: "en"})
		people = append(people, p)
	}
	look := func(p *patron) {
		p.say("/start")
		p.press("Choose a destination")
		p.press("All countries")
	}
	buy := func(p *patron) {
		p.pays(p.order())
		p.marked(p.is(orders.Delivered))
	}
	for _, p := range people[:plans] { // connections, buffers and scripts are there already
		look(p)
		buy(p)
	}
	people = people[plans:]
	before := holds(b, raw)
	for _, p := range people {
		look(p)
	}
	looked := holds(b, raw)
	for _, edge := range []*tally{stripe, provider, chat} {
		edge.reset()
	}
	for _, p := range people {
		buy(p)
	}
	bought := holds(b, raw)

	per := func(after, before footprint, kinds ...string) float64 {
		var all int64
		for _, kind := range kinds {
			all += after[kind] - before[kind]
		}
		return float64(all) / newcomers
	}
	b.ReportMetric(per(looked, before, "customer"), "bytes/customer")
	b.ReportMetric(per(bought, looked, "customer"), "bytes/buyer")
	b.ReportMetric(per(bought, looked, "order", "look-up"), "bytes/order")
	b.ReportMetric(per(bought, looked, "esim"), "bytes/esim")
	b.ReportMetric(per(bought, before, "used"), "bytes/all")
	for _, edge := range []*tally{stripe, provider, chat} {
		var calls []string
		for call, n := range edge.counts() {
			calls = append(calls, fmt.Sprintf("%.2f %s", float64(n)/newcomers, call))
		}
		slices.Sort(calls)
		b.Logf("calls a sale: %s", strings.Join(calls, ", "))
	}
	for _, kind := range slices.Sorted(maps.Keys(bought)) {
		b.Logf("%-9s %6.0f bytes a customer who looks around, %6.0f more a sale", kind, per(looked, before, kind), per(bought, looked, kind))
	}
}

// footprint is what kinds of keys take in Redis, in bytes, and "used" all of its memory.
type footprint map[string]int64

// kinds says what a key is about.
var kinds = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"order", regexp.MustCompile(`^\{o:`)}, {"esim", regexp.MustCompile(`^(\{e:|iccid:)|:esims$`)},
	{"customer", regexp.MustCompile(`^\{u:`)}, {"look-up", regexp.MustCompile(`^pi:`)},
}

// holds adds up what the keys of each kind take.
func holds(b *testing.B, raw *redis.Client) footprint {
	b.Helper()
	all := footprint{}
	keys, err := raw.Keys(b.Context(), "*").Result()
	if err != nil {
		b.Fatal(err)
	}
	for _, key := range keys {
		bytes, err := raw.MemoryUsage(b.Context(), key, 0).Result()
		if err != nil {
			continue // it has just gone
		}
		kind := "other"
		for _, k := range kinds {
			if k.pattern.MatchString(key) {
				kind = k.name
			}
		}
		all[kind] += bytes
	}
	info, err := raw.InfoMap(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	used, err := decimal.NewFromString(info["Memory"]["used_memory"])
	if err != nil {
		b.Fatal(err)
	}
	all["used"] = used.IntPart()
	return all
}

// A tally counts the requests that go through it, by method and path without ids.
type tally struct {
	*httptest.Server
	mu sync.Mutex
	of map[string]int
}

// named are the parts of a path that name one thing.
var named = regexp.MustCompile(`/(cs|pi|ch|re|du|we)_[^/]+|^/bot[^/]+`)

func newTally(b *testing.B, target string) *tally {
	b.Helper()
	u, err := url.Parse(target)
	if err != nil {
		b.Fatal(err)
	}
	t := &tally{of: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	t.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.mu.Lock()
		t.of[r.Method+" "+named.ReplaceAllString(strings.TrimPrefix(r.URL.Path, "/v1"), "/…")]++
		t.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	b.Cleanup(t.Close)
	return t
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.of)
}

func (t *tally) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.of)
}
