package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
)

// A place is where secrets are looked for, and what of them may stand there.
type place struct {
	name, text string
	iccids     bool // the eSIMs' numbers may
}

// A secret is a text that is somebody's alone.
type secret struct {
	name, text string
	iccid      bool
}

// leaks names the secrets that stand where they must not.
func leaks(p place, secrets []secret) (found []string) {
	for _, s := range secrets {
		if s.iccid && p.iccids || s.text == "" {
			continue
		}
		if strings.Contains(p.text, s.text) || strings.Contains(p.text, url.QueryEscape(s.text)) {
			found = append(found, s.name+" stands in "+p.name)
		}
	}
	return found
}

// hidden is every secret there is: the shop's credentials, and of every eSIM sold its code and its number.
func (s *stage) hidden(codes ...string) []secret {
	list := []secret{
		{name: "the webhook's secret", text: s.app.cfg.TelegramSecret},
		{name: "the bot's token", text: s.app.cfg.TelegramToken[strings.Index(s.app.cfg.TelegramToken, ":")+1:]},
	}
	for name, value := range s.world.Env() {
		switch name {
		case "TELEGRAM_BOT_TOKEN", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CLOUDESIM_API_TOKEN", "MOBILEXY_API_KEY", "DATA_KEY":
			list = append(list, secret{name: name, text: value})
		}
	}
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, e := range s.sold(p) {
			codes = append(codes, e.ActivationCode)
			list = append(list, secret{name: "an ICCID", text: e.ICCID, iccid: true})
		}
	}
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		list = append(list, secret{name: "a matching id", text: matchingID(code)})
	}
	return list
}

// matchingID is the secret part of an activation code.
func matchingID(code string) string { return strings.Split(code, "$")[2] }

// noSecrets searches what the shop wrote, wherever that went: the log at its most talkative, /metrics, every
// key and value in Redis, what Stripe was told, and every call of the Bot API. An activation code may stand
// in the private chat of one customer, and nowhere else.
func (s *stage) noSecrets(codes ...string) {
	s.t.Helper()
	secrets := s.hidden(codes...)
	for _, p := range []place{
		{name: "the log", text: s.logs.String()},
		{name: "/metrics", text: s.metricsText()},
		{name: "Redis", text: dump(s.t, s.app.cfg.RedisURL), iccids: true},
		{name: "what Stripe knows", text: s.toldStripe()},
	} {
		for _, leak := range leaks(p, secrets) {
			s.t.Error(leak)
		}
	}
	for _, leak := range s.said(secrets) {
		s.t.Error(leak)
	}
}

func (s *stage) metricsText() string {
	answer := httptest.NewRecorder()
	metricsHandler(s.app.seen.registry).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// toldStripe is everything that was asked of Stripe, and what it keeps.
func (s *stage) toldStripe() string {
	s.t.Helper()
	known := []any{s.world.Stripe.Requests(), s.world.Stripe.Sessions(), s.world.Stripe.Refunds(), s.world.Stripe.Events()}
	for _, cs := range s.world.Stripe.Sessions() {
		if p, ok := s.world.Stripe.Intent(cs.Intent); ok {
			known = append(known, p)
		}
	}
	b, err := json.Marshal(known)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// link finds the addresses in a call.
var link = regexp.MustCompile(`https?://[^\s"\\<>]+`)

// said names what was said in calls of the Bot API that must not be: a credential anywhere, and a code or
// an eSIM's number to anybody but one customer, or in an address that doesn't install it.
func (s *stage) said(secrets []secret) (found []string) {
	owners := map[string]string{} // whose chat a code was first said in
	for _, call := range s.world.Telegram.Calls() {
		if call.Method == "setWebhook" {
			continue // which tells Telegram the webhook's secret
		}
		text := fmt.Sprint(call.Params)
		chat := call.Params["chat_id"]
		for _, x := range secrets {
			if x.text == "" || !strings.Contains(text, x.text) {
				continue
			}
			switch {
			case x.iccid: // its owner's, and the admins'
				if strings.HasPrefix(chat, "-") {
					found = append(found, fmt.Sprintf("%s was sent to chat %s by %s", x.name, chat, call.Method))
				}
			case x.name == "a matching id":
				if owners[x.text] == "" {
					owners[x.text] = chat
				}
				if owners[x.text] != chat || strings.HasPrefix(chat, "-") {
					found = append(found, fmt.Sprintf("%s was sent to chat %s by %s, and to %s", x.name, chat, call.Method, owners[x.text]))
				}
			default:
				found = append(found, fmt.Sprintf("%s was sent to chat %s by %s", x.name, chat, call.Method))
			}
			for _, address := range link.FindAllString(text, -1) {
				install := strings.HasPrefix(address, "https://esimsetup.apple.com/") || strings.HasPrefix(address, "https://esimsetup.android.com/")
				if strings.Contains(address, x.text) && (!install || x.iccid) {
					found = append(found, x.name+" stands in an address")
				}
			}
		}
	}
	return found
}

// dump is every key of a Redis, or of a cluster, with what it holds, readable.
func dump(t testing.TB, address string) string {
	t.Helper()
	ctx := context.Background() // the test's own may have ended
	options, err := redis.ParseClusterURL(address)
	if err != nil {
		t.Fatal(err)
	}
	cluster := redis.NewClusterClient(options)
	defer func() { _ = cluster.Close() }()
	var mu sync.Mutex
	var all strings.Builder
	read := func(ctx context.Context, node *redis.Client) error {
		keys := node.Scan(ctx, 0, "*", 1000).Iterator()
		for keys.Next(ctx) {
			value, err := readable(ctx, node, keys.Val())
			if err != nil {
				return fmt.Errorf("read %s: %w", keys.Val(), err)
			}
			mu.Lock()
			fmt.Fprintf(&all, "%s %s\n", keys.Val(), value)
			mu.Unlock()
		}
		return keys.Err()
	}
	single := redis.NewClient(&redis.Options{Addr: options.Addrs[0], Username: options.Username, Password: options.Password, TLSConfig: options.TLSConfig})
	defer func() { _ = single.Close() }()
	if single.ClusterInfo(ctx).Err() == nil {
		err = cluster.ForEachMaster(ctx, read)
	} else {
		err = read(ctx, single)
	}
	if err != nil {
		t.Errorf("read all of Redis: %v", err)
	}
	return all.String()
}

// readable is what a key holds. One that has gone meanwhile holds nothing.
func readable(ctx context.Context, c *redis.Client, key string) (any, error) {
	kind, err := c.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "none":
		return "", nil
	case "string":
		value, err := c.Get(ctx, key).Result()
		if err == redis.Nil { //nolint:errorlint // the library's own word for nothing, never wrapped
			return "", nil
		}
		return value, err
	case "list":
		return c.LRange(ctx, key, 0, -1).Result()
	case "set":
		return c.SMembers(ctx, key).Result()
	case "zset":
		return c.ZRange(ctx, key, 0, -1).Result()
	case "hash":
		return c.HGetAll(ctx, key).Result()
	default:
		return nil, fmt.Errorf("nobody reads a %s", kind)
	}
}

// TestPlantedLeaksAreFound: the search finds a secret in each place, and lets pass what may be there.
func TestPlantedLeaksAreFound(t *testing.T) {
	const code = "LPA:1$smdp.example$MATCH-ING/1"
	secrets := []secret{
		{name: "a key", text: "sk_test_x"}, {name: "a matching id", text: matchingID(code)}, {name: "an ICCID", text: "8944538523456789012", iccid: true}, {name: "nothing"},
	}
	for text, want := range map[string]int{
		"level=INFO msg=fine addr=smdp.example iccid=…9012": 0,
		"err=\"401 for sk_test_x\"":                         1,
		"code=" + code:                                      1,
		"carddata=" + url.QueryEscape(code):                 1,
		"key=iccid:8944538523456789012":                     1,
		"sk_test_x " + code + " 8944538523456789012":        3,
	} {
		if got := leaks(place{name: "a log", text: text}, secrets); len(got) != want {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
	}
	if got := leaks(place{name: "Redis", text: "iccid:8944538523456789012", iccids: true}, secrets); len(got) != 0 {
		t.Errorf("%v", got)
	}
	s := openStage(t, "", quick())
	s.admin()
	all := s.hidden(code)
	for _, planted := range []struct {
		what string
		do   func() error
		find func() []string
	}{
		{"a log line", func() error { s.app.log.Error("no", "err", "Bearer "+s.app.cfg.StripeKey); return nil },
			func() []string { return leaks(place{text: s.logs.String()}, all) }},
		{"a key of Redis", func() error { return client(t, s.app.cfg.RedisURL).HSet(s.ctx, "planted", "code", code).Err() },
			func() []string { return leaks(place{text: dump(t, s.app.cfg.RedisURL), iccids: true}, all) }},
		{"a message", func() error {
			for _, chat := range []int64{customer, admin} { // the buyer may read it, the admin may not
				if _, err := http.Post(s.app.cfg.TelegramURL+"/bot"+s.app.cfg.TelegramToken+"/sendMessage", "application/json",
					strings.NewReader(fmt.Sprintf(`{"chat_id":%d,"text":%q}`, chat, code))); err != nil {
					return err
				}
			}
			return nil
		}, func() []string { return s.said(all) }},
	} {
		if got := planted.find(); len(got) != 0 {
			t.Errorf("before %s: %v", planted.what, got)
		}
		if err := planted.do(); err != nil {
			t.Fatal(err)
		}
		if got := planted.find(); len(got) != 1 {
			t.Errorf("%s is found as %v", planted.what, got)
		}
	}
}
