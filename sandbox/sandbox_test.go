package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/cloudesim"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/stripe"
	"esimbot/sandbox/wholesale"
)

// newWorld serves a World on an address of its own.
func newWorld(t *testing.T) (*World, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	w := New(Options{BaseURL: base})
	server.Config.Handler = w.Handler()
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(w.Close)
	return w, base
}

func fetch(t *testing.T, method, address, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // the body is read to its end
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if to := res.Header.Get("Location"); to != "" {
		return res.StatusCode, to
	}
	return res.StatusCode, string(out)
}

func TestEveryDoorIsMounted(t *testing.T) {
	w, base := newWorld(t)
	env := w.Env()
	for path, want := range map[string]struct {
		status int
		holds  string
	}{
		"/":               {200, "<!doctype html>"},
		"/assets/main.js": {200, "EventSource"},
		"/outside/telegram/bot" + env["TELEGRAM_BOT_TOKEN"] + "/getMe": {200, BotUsername},
		"/outside/stripe/v1/balance":                                   {401, "error"},
		"/outside/cloudesim/api/v1/account/balance":                    {401, "token"},
		"/outside/mobilexy/api/coverage/countries":                     {200, "Japan"},
		"/t.me/" + BotUsername + "?start=o_7KQ2M9X4TB":                 {302, "/?start=o_7KQ2M9X4TB"},
		"/checkout/no-such-session":                                    {404, ""},
		"/panel/api/state":                                             {200, `"balance":"250.00"`},
		"/nowhere":                                                     {404, ""},
	} {
		status, body := fetch(t, http.MethodGet, base+path, "")
		if status != want.status || !strings.Contains(body, want.holds) {
			t.Errorf("%s: %d %.200s, want %d with %q", path, status, body, want.status, want.holds)
		}
	}
	for name, value := range env {
		if value == "" {
			t.Errorf("%s is empty", name)
		}
		if strings.HasSuffix(name, "_URL") && !strings.HasPrefix(value, base) {
			t.Errorf("%s leads outside: %s", name, value)
		}
	}
}

func TestPanel(t *testing.T) {
	w, base := newWorld(t)
	change := func(path, body string, want int) {
		t.Helper()
		if status, answer := fetch(t, http.MethodPost, base+"/panel/api/"+path, body); status != want {
			t.Errorf("%s %s: %d %s, want %d", path, body, status, answer, want)
		}
	}
	before := w.Clock.Now()
	change("clock", `{"advance":"24h"}`, 200)
	change("clock", `{"advance":"-1h"}`, 422)
	if moved := w.Clock.Now().Sub(before).Hours(); moved < 24 || moved > 24.1 {
		t.Errorf("the clock moved %v h, want 24", moved)
	}
	change("mood", `{"server":"cloudesim","mood":"dead"}`, 200)
	change("mood", `{"server":"cloudesim","mood":"merry"}`, 422)
	change("mood", `{"server":"bank","mood":"ok"}`, 422)
	if got := w.CloudESIM.Fault.Rule().Mood; got != fault.Dead {
		t.Errorf("mood %s, want dead", got)
	}
	change("balance", `{"provider":"mobilexy","balance":"12.345"}`, 200)
	change("balance", `{"provider":"mobilexy","balance":"-1"}`, 422)
	change("balance", `{"provider":"mobilexy","balance":"1e999999999"}`, 422)
	change("balance", `{"provider":"stripe","balance":"1"}`, 422)
	if got := w.Mobilexy.Balance(); !got.Equal(decimal.RequireFromString("12.35")) {
		t.Errorf("balance %s, want 12.35", got)
	}
	change("stripe/settings", `{"drop":true,"many":true,"refunds":"pending","way":"slowly"}`, 200)
	change("stripe/settings", `{"refunds":"never"}`, 422)
	change("stripe/settings", `{"way":"by pigeon"}`, 422)
	change("stripe/payment", `{"session":"cs_none","act":"pay"}`, 422)
	change("scenario", `{"id":"none"}`, 422)
	change("stripe/resend", `{"event":"evt_none"}`, 422)
	change("esim/install", `{"provider":"cloudesim","iccid":"8985"}`, 422)

	status, body := fetch(t, http.MethodGet, base+"/panel/api/state", "")
	var state stateJSON
	if err := json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&state); err != nil || status != 200 {
		t.Fatalf("state: %d %v", status, err)
	}
	if set := w.Stripe.Settings(); !set.Dropping || set.Copies != manyCopies || set.RefundsEnd != "pending" || set.PaymentsCome != stripe.Slowly {
		t.Errorf("settings %+v", set)
	}
	if state.Moved != "1 d" || state.Calm || !state.Stripe.Dropped || !state.Stripe.Many || state.Providers[0].Mood != "dead" || len(state.Services) != 2 {
		t.Errorf("state %+v", state)
	}
}

// TestMoods holds the panel's moods to what the servers can do, each known again when it is set.
func TestMoods(t *testing.T) {
	w, base := newWorld(t)
	offered := map[fault.Mood]bool{}
	for _, m := range moods() {
		offered[m.rule.Mood] = true
		if status, answer := fetch(t, http.MethodPost, base+"/panel/api/mood", `{"server":"mobilexy","mood":"`+m.ID+`"}`); status != 200 {
			t.Errorf("%s: %d %s", m.ID, status, answer)
		}
		_, body := fetch(t, http.MethodGet, base+"/panel/api/state", "")
		var state stateJSON
		if err := json.Unmarshal([]byte(body), &state); err != nil {
			t.Fatal(err)
		}
		if got := w.Mobilexy.Fault.Rule(); got != m.rule || state.Providers[1].Mood != m.ID {
			t.Errorf("%s: the rule is %+v, the panel says %s", m.ID, got, state.Providers[1].Mood)
		}
	}
	for _, m := range fault.Moods() {
		if !offered[m] {
			t.Errorf("the panel does not offer %s", m)
		}
	}
}

// TestPanelTellsWhatTheShopSees: Mobilexy's carrier reports now and then, CloudeSIM's numbers are true.
func TestPanelTellsWhatTheShopSees(t *testing.T) {
	w, base := newWorld(t)
	_, sold, err := w.Mobilexy.Buy(w.Mobilexy.Plans()[0].Code, 1, wholesale.MakingTime{})
	if err != nil {
		t.Fatal(err)
	}
	order(t, w, base)
	seen := func() (cloudesim, mobilexy *reportedJSON) {
		t.Helper()
		_, body := fetch(t, http.MethodGet, base+"/panel/api/state", "")
		var state stateJSON
		if err := json.Unmarshal([]byte(body), &state); err != nil {
			t.Fatal(err)
		}
		return state.Providers[0].ESIMs[0].Report, state.Providers[1].ESIMs[0].Report
	}
	if _, report := seen(); report != nil {
		t.Errorf("reported before it was installed: %+v", report)
	}
	if err := w.Mobilexy.SetUsed(sold[0].ICCID, 1000); err != nil {
		t.Fatal(err)
	}
	_, before := seen()
	if before == nil || before.Used != 0 || before.Next.Sub(before.At) != w.Mobilexy.ReportEvery() {
		t.Fatalf("report %+v, want one of nothing used", before)
	}
	w.Clock.Advance(w.Mobilexy.ReportEvery())
	if exact, after := seen(); after.Used != 1000 || exact != nil {
		t.Errorf("report %+v after its time, want 1000 bytes; CloudeSIM %+v, want none", after, exact)
	}
}

// order buys the first plan of CloudeSIM's catalogue.
func order(t *testing.T, w *World, base string) cloudesim.ESIM {
	t.Helper()
	body := `{"packageCode":"` + w.CloudESIM.Plans()[0].Code + `","quantity":1}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/outside/cloudesim/api/v1/esim/order", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Env()["CLOUDESIM_API_TOKEN"])
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	sold := w.CloudESIM.ESIMs()
	if len(sold) != 1 {
		t.Fatalf("the order was answered %d and sold %d eSIMs", res.StatusCode, len(sold))
	}
	return sold[0]
}

func TestPanelMovesESIMs(t *testing.T) {
	w, base := newWorld(t)
	sold := order(t, w, base)
	one := `{"provider":"cloudesim","iccid":"` + sold.ICCID + `"`
	for _, step := range []string{"esim/install " + one + "}", "esim/use " + one + `,"used":1048576}`} {
		path, body, _ := strings.Cut(step, " ")
		if status, answer := fetch(t, http.MethodPost, base+"/panel/api/"+path, body); status != 200 {
			t.Errorf("%s: %d %s", step, status, answer)
		}
	}
	if e := w.CloudESIM.ESIMs()[0]; !e.Installed() || e.UsedBytes != 1048576 {
		t.Errorf("installed %v, used %d bytes", e.Installed(), e.UsedBytes)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	w, _ := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	w.Close()
}

// checkout opens a Checkout Session the way a shop does and returns its page's address.
func checkout(t *testing.T, w *World, base string) string {
	t.Helper()
	form := url.Values{
		"mode": {"payment"}, "line_items[0][quantity]": {"1"},
		"line_items[0][price_data][currency]":           {"usd"},
		"line_items[0][price_data][unit_amount]":        {"1140"},
		"line_items[0][price_data][product_data][name]": {"Japan, 10 GB, 30 days"},
		"success_url": {"https://t.me/" + BotUsername + "?start=o_7KQ2M9X4TB"},
		"cancel_url":  {"https://t.me/" + BotUsername + "?start=x_7KQ2M9X4TB"},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/outside/stripe/v1/checkout/sessions", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+w.Env()["STRIPE_SECRET_KEY"])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // the body is read to its end
	var session struct {
		URL string `json:"url"`
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &session); err != nil || !strings.HasPrefix(session.URL, base+"/checkout/") {
		t.Fatalf("session: %d %s", res.StatusCode, body)
	}
	return session.URL
}
