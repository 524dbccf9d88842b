package main

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
)

// What is seen of the shop from outside, after a day on which something of everything happened: a
// provider that failed, a Stripe that failed, a sale, an offer and a top-up. The figures, the log and
// the traces are held against what the world's own books say.
func TestSeen(t *testing.T) {
	t.Parallel()
	collector := openCollector(t)
	s := openStage(t, "", quick(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL + "/base/"}))
	s.eventfulDay()
	t.Run("metrics", func(t *testing.T) { s.figures(t) })
	t.Run("deploy", func(t *testing.T) { checkDeploy(t, s.app.seen.registry) })
	t.Run("log", s.followedInTheLog)
	t.Run("traces", func(t *testing.T) {
		if err := s.app.seen.trace.provider.ForceFlush(s.ctx); err != nil {
			t.Fatal(err)
		}
		s.followedInTraces(t, collector)
	})
}

func (s *stage) eventfulDay() {
	s.t.Helper()
	t := s.t.(*testing.T)
	plan := s.alone(esim.CloudESIM)
	mood(t, s.world.CloudESIM.Fault, fault.Error, "/account/balance", 3)
	s.say("/start p_" + plan.Ref())
	s.press("Buy")
	s.sees("Nothing was charged")
	mood(t, s.world.CloudESIM.Fault, fault.OK, "", 0)
	mood(t, s.world.Stripe.Fault, fault.Error, "/v1/checkout/sessions", 0)
	s.say("/start p_" + plan.Ref())
	s.press("Buy")
	s.eventually("Stripe's refusal", func() bool {
		return s.scrape()[`stripe_calls_total{operation="open checkout",outcome="server_error"}`] > 0
	})
	mood(t, s.world.Stripe.Fault, fault.OK, "", 0)
	s.takesTheOffer(func() { s.world.Clock.Advance(26 * time.Hour) })
	s.eventually("both deliveries to be noted", func() bool {
		_, delivered, err := s.app.store.Orders().Browse(s.ctx, orders.Delivered, 0, 0)
		return err == nil && delivered == 2
	})
}

// scrape returns every series as /metrics has it, by its name and labels.
func (s *stage) scrape() map[string]float64 {
	s.t.Helper()
	answer := httptest.NewRecorder()
	metricsHandler(s.app.seen.registry).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		s.t.Fatalf("/metrics: %d %s", answer.Code, answer.Body)
	}
	series := map[string]float64{}
	for line := range strings.Lines(answer.Body.String()) {
		name, value, ok := cutLast(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("scraped %q", line)
		}
		series[name] = n
	}
	return series
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+len(sep):], true
}

func (s *stage) figures(t *testing.T) {
	balances := s.app.orders.Balances(s.ctx)
	s.world.Clock.Advance(backlogEvery) // what was counted a while ago is counted again
	stats, err := s.app.orders.Stats(s.ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("a look at what is due", func() bool {
		series := s.scrape()
		_, anOrder := series["orders_late_seconds"]
		_, anESIM := series["esims_late_seconds"]
		return anOrder && anESIM
	})
	got := s.scrape()
	want := map[string]float64{
		`order_moves_total{from="awaiting_payment",to="paid"}`:                       2,
		`order_moves_total{from="paid",to="purchasing"}`:                             2,
		`order_moves_total{from="issued",to="delivered"}`:                            2,
		`order_delivery_seconds_count{kind="esim"}`:                                  1,
		`order_delivery_seconds_count{kind="topup"}`:                                 1,
		`provider_calls_total{operation="buy",outcome="ok",provider="cloudesim"}`:    1,
		`provider_calls_total{operation="top-up",outcome="ok",provider="cloudesim"}`: 1,
		`provider_call_seconds_count{operation="buy",provider="cloudesim"}`:          1,
		`stripe_calls_total{operation="open checkout",outcome="ok"}`:                 float64(len(s.world.Stripe.Sessions())),
		`notices_total{outcome="ok",topic="low"}`:                                    1,
		`stripe_webhook_secret_missing`:                                              0,
		`panics_total{door="orders"}`:                                                0,
		`panics_total{door="telegram"}`:                                              0,
		`orders_oldest_seconds{state="paid"}`:                                        0,
	}
	for state, n := range stats.States {
		want[`orders{state="`+string(state)+`"}`] = float64(n)
	}
	for _, b := range balances {
		want[`provider_balance_usd{provider="`+string(b.Provider)+`"}`] = b.USD.InexactFloat64()
	}
	for p, n := range s.app.catalog.Snapshot().OnSale() {
		want[`catalogue_plans{provider="`+string(p)+`"}`] = float64(n)
	}
	for series, value := range want {
		if have, told := got[series]; have != value || !told {
			t.Errorf("%s is %v (told: %v), want %v", series, have, told, value)
		}
	}
	for _, series := range []string{
		`provider_calls_total{operation="balance",outcome="unknown",provider="cloudesim"}`,
		`stripe_calls_total{operation="open checkout",outcome="server_error"}`,
		`esim_looks_total{outcome="news",provider="cloudesim"}`,
		`esim_leases_total{fate="taken"}`, `order_leases_total{fate="taken"}`,
		`telegram_updates_total{kind="press",outcome="ok"}`, `telegram_update_seconds_count{kind="press"}`,
		`telegram_calls_total{method="sendPhoto",outcome="ok"}`, `stripe_events_total{outcome="ok"}`,
		`redis_call_seconds_count{command="pipeline"}`, `redis_call_seconds_count{command="evalsha"}`,
		`catalogue_age_seconds{provider="cloudesim"}`, `redis_connections{state="idle"}`, `go_goroutines`,
	} {
		if got[series] <= 0 {
			t.Errorf("%s is %v", series, got[series])
		}
	}
	if late := got[`orders_late_seconds`]; late > 30 {
		t.Errorf("orders are %v s late", late)
	}
	problems, err := testutil.GatherAndLint(s.app.seen.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// followedInTheLog follows the first sale by its order's id: from the tap that opened it to the photo,
// over the calls made for it.
func (s *stage) followedInTheLog(t *testing.T) {
	id := string(s.firstSale(t).ID)
	var update string
	found := map[string]bool{}
	for line := range strings.Lines(s.logs.String()) {
		for _, name := range []string{" order=", " update=", " event=", " esim="} {
			if strings.Count(line, name) > 1 {
				t.Errorf("%s stands twice in %s", name, line)
			}
		}
		if strings.Contains(line, id) && !strings.Contains(line, " order="+id) && !strings.Contains(line, " esim="+id) {
			t.Errorf("a line of the order that doesn't say so: %s", line)
		}
		if !strings.Contains(line, " order="+id) {
			continue
		}
		for what, parts := range map[string][]string{
			"opened by an update": {`msg="order moved"`, `from="" to=awaiting_payment`, " update="},
			"its page":            {"msg=called", "whom=stripe", `operation="open checkout"`, " update="},
			"paid by an event":    {`msg="order moved"`, "to=paid", " event=evt_"},
			"the fence":           {"msg=called", "whom=stripe", `operation="raise fence"`},
			"the purchase":        {"msg=called", "whom=cloudesim", "operation=buy", "outcome=ok"},
			"the photo":           {"msg=called", "whom=telegram", "operation=sendPhoto"},
			"delivered":           {`msg="order moved"`, "to=delivered", "actor=runner"},
		} {
			all := true
			for _, part := range parts {
				all = all && strings.Contains(line, part)
			}
			found[what] = found[what] || all
			if all && what == "opened by an update" {
				_, update, _ = strings.Cut(line, " update=")
				update, _, _ = strings.Cut(strings.TrimSpace(update), " ")
			}
		}
	}
	for _, what := range []string{"opened by an update", "its page", "paid by an event", "the fence", "the purchase", "the photo", "delivered"} {
		if !found[what] {
			t.Errorf("%s can't be followed", what)
		}
	}
	told := 0
	for line := range strings.Lines(s.logs.String()) {
		if strings.Contains(line, "msg=called whom=telegram") && strings.Contains(line+" ", " update="+update) {
			told++
		}
	}
	if update == "" || told == 0 {
		t.Errorf("the calls of update %q can't be followed", update)
	}
	if !strings.Contains(s.logs.String(), " esim="+id) {
		t.Error("the offer's calls don't say which eSIM they are about")
	}
	s.noSecrets()
}
