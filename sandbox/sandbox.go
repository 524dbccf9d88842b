// Package sandbox is the world outside the shop, on one machine: a local Telegram, a local Stripe
// and both local eSIM providers under one clock, with a chat page and a control panel to see and
// move them. `bot sandbox` and the tests use the same World.
//
// Everything hangs on one address: the chat page at /, the Checkout page at /checkout/, and under
// /outside/ the four servers where the shop's configuration (Env) points. OpenDoors gives each of
// the four an address of its own besides, so that it can refuse connections too. The shop's own
// routes are not here; whoever serves the World adds them.
package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"esimbot/sandbox/clock"
	"esimbot/sandbox/cloudesim"
	"esimbot/sandbox/door"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/mobilexy"
	"esimbot/sandbox/stripe"
	"esimbot/sandbox/telegram"
	"esimbot/sandbox/web"
)

// The sandbox's keys open nothing but the sandbox. They are always the same, so that a shop that
// keeps its Redis finds itself again.
const (
	BotUsername = "esim_sandbox_bot"

	botToken       = "4242424242:sandbox_bot_token_that_opens_nothing"
	stripeKey      = "sk_test_sandboxKeyThatOpensNothing"
	stripeSecret   = "whsec_sandboxSecretThatOpensNothing" //nolint:gosec // opens nothing but the sandbox
	cloudesimToken = "sandbox-cloudesim-token"             //nolint:gosec // as above
	mobilexyKey    = "sandbox-mobilexy-key"
	dataKeySeed    = "the sandbox's data key"
	defaultAdmin   = 1000
	supportChat    = -1001000000000
)

// lateWork is how often it is looked whether work that a server left for later is due.
const lateWork = 50 * time.Millisecond

// Options say what the world is like. BaseURL is required.
type Options struct {
	BaseURL string       // where the World and the shop are reached: "http://127.0.0.1:8080"
	AdminID int64        // the admin's Telegram id; 1000 when 0
	Clock   *clock.Clock // a new one when nil
	Seed    uint64       // other seeds, other codes and ICCIDs
	Log     *slog.Logger // slog.Default() when nil
	// SupportChat adds a group of the admin and another member of the staff, with the bot in it,
	// and Env names it.
	SupportChat bool
}

// A World holds the four servers and their clock. It may be used by several goroutines at once.
type World struct {
	Clock     *clock.Clock
	Telegram  *telegram.Server
	Stripe    *stripe.Server
	CloudESIM *cloudesim.Server
	Mobilexy  *mobilexy.Server

	base    string
	admin   int64
	support bool
	panel   *panel
	chat    http.Handler
	log     *slog.Logger

	mu    sync.Mutex
	doors map[string]*door.Door // by the server's id; empty until OpenDoors
}

// New builds a World with an admin and one customer a language; no customer has written to the bot yet.
func New(o Options) *World {
	if o.Clock == nil {
		o.Clock = new(clock.Clock)
	}
	if o.AdminID == 0 {
		o.AdminID = defaultAdmin
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	base := strings.TrimSuffix(o.BaseURL, "/")
	now := o.Clock.Now
	w := &World{
		Clock: o.Clock, base: base, admin: o.AdminID, support: o.SupportChat, log: o.Log,
		Telegram: telegram.New(telegram.Options{Token: botToken, BotUsername: BotUsername, Now: now, LastUpdate: int(now().UnixMilli())}),
		Stripe: stripe.New(stripe.Options{
			SecretKey: stripeKey, WebhookSecret: stripeSecret, WebhookURL: base + "/stripe/webhook", BaseURL: base, Now: now,
		}),
		CloudESIM: cloudesim.New(cloudesim.Options{Token: cloudesimToken, Now: now, Seed: o.Seed, BaseURL: base + "/outside/cloudesim"}),
		Mobilexy:  mobilexy.New(mobilexy.Options{APIKey: mobilexyKey, Now: now, Seed: o.Seed, BaseURL: base + "/outside/mobilexy"}),
		doors:     map[string]*door.Door{},
	}
	w.panel = newPanel(w)
	w.chat = web.New(web.Options{Telegram: w.Telegram, AdminID: o.AdminID, Now: now, Log: o.Log})
	w.populate()
	return w
}

// populate adds the admin, who has begun the chat so that alerts arrive, and the customers, each
// called what they are in their own language.
func (w *World) populate() {
	w.Telegram.AddUser(telegram.User{ID: w.admin, FirstName: "Admin", LanguageCode: "en", Started: true})
	for i, customer := range []struct{ language, name string }{
		{"en", "Customer"}, {"es", "Cliente"}, {"fr", "Client"}, {"de", "Kunde"}, {"ru", "Покупатель"}, {"ar", "عميل"},
	} {
		w.Telegram.AddUser(telegram.User{ID: defaultAdmin + 1 + int64(i), FirstName: customer.name, LanguageCode: customer.language})
	}
	if !w.support {
		return
	}
	const staff = defaultAdmin - 1
	w.Telegram.AddUser(telegram.User{ID: staff, FirstName: "Colleague", LanguageCode: "en"})
	w.Telegram.AddGroup(supportChat, "Support", w.admin, staff)
	if err := w.Telegram.AddBot(supportChat, w.admin); err != nil {
		panic(fmt.Sprintf("sandbox: %v", err)) // both were added above
	}
}

// SupportChat returns the id of the support group, 0 where there is none.
func (w *World) SupportChat() int64 {
	if !w.support {
		return 0
	}
	return supportChat
}

// Handler serves everything but the shop's own routes. It answers this machine's own browser and
// programs only.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	for id, server := range w.outside() {
		mux.Handle("/outside/"+id+"/", http.StripPrefix("/outside/"+id, server.handler))
	}
	mux.Handle("/checkout/", http.StripPrefix("/checkout", w.Stripe.CheckoutPage()))
	mux.Handle("/panel/api/", w.panel.routes())
	mux.HandleFunc("GET /t.me/"+BotUsername, web.Deliver)
	mux.Handle("/", w.chat)
	return web.Guard(unhurried(mux))
}

// An outsider is one of the four servers.
type outsider struct {
	handler http.Handler
	fault   *fault.Switch
}

func (w *World) outside() map[string]outsider {
	return map[string]outsider{
		"telegram":  {w.Telegram, w.Telegram.Fault},
		"stripe":    {w.Stripe, w.Stripe.Fault},
		"cloudesim": {w.CloudESIM, w.CloudESIM.Fault},
		"mobilexy":  {w.Mobilexy, w.Mobilexy.Fault},
	}
}

// OpenDoors gives each of the four servers a listener of its own, where Env points from then on;
// the mood "refused" shuts it. Their paths are the same as below BaseURL, where they are reached
// still, but cannot refuse a connection. Close shuts the doors.
func (w *World) OpenDoors(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, server := range w.outside() {
		if w.doors[id] != nil {
			continue
		}
		d, err := door.New(ctx, web.Guard(http.StripPrefix("/outside/"+id, server.handler)))
		if err != nil {
			return fmt.Errorf("open a door for %s: %w", id, err)
		}
		w.doors[id] = d
		server.fault.Attach(d)
	}
	return nil
}

// outsideURL is where the shop reaches one of the four.
func (w *World) outsideURL(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.doors[id]; d != nil {
		return "http://" + d.Addr() + "/outside/" + id
	}
	return w.base + "/outside/" + id
}

// unhurried lifts the listener's deadlines: long polls, event streams and slow moods outlast them.
func unhurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(rw)
		// A writer without deadlines needs none lifted.
		_ = control.SetWriteDeadline(time.Time{})
		_ = control.SetReadDeadline(time.Time{})
		next.ServeHTTP(rw, r)
	})
}

// Run brings Stripe's events to the shop and does the work that servers left for later, until ctx
// ends, and then closes the world.
func (w *World) Run(ctx context.Context) error {
	defer w.Close()
	var late sync.WaitGroup
	defer late.Wait()
	late.Go(func() { w.commitLate(ctx) })
	if err := w.Stripe.Run(ctx); err != nil {
		return fmt.Errorf("deliver stripe events: %w", err)
	}
	return nil
}

func (w *World) commitLate(ctx context.Context) {
	tick := time.NewTicker(lateWork)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, server := range w.outside() {
				server.fault.CommitDue()
			}
		}
	}
}

// Close ends Telegram's deliveries and the chat page's streams, and shuts the doors. It may be
// called more than once.
func (w *World) Close() {
	w.Telegram.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.doors {
		_ = d.Close() // nobody waits for an answer any more
	}
}

// Env returns the configuration of a shop that lives in this world.
func (w *World) Env() map[string]string {
	key := sha256.Sum256([]byte(dataKeySeed))
	env := map[string]string{
		"PUBLIC_URL":            w.base,
		"TELEGRAM_BOT_TOKEN":    botToken,
		"TELEGRAM_API_URL":      w.outsideURL("telegram"),
		"STRIPE_SECRET_KEY":     stripeKey,
		"STRIPE_WEBHOOK_SECRET": stripeSecret,
		"STRIPE_API_URL":        w.outsideURL("stripe"),
		"CLOUDESIM_API_TOKEN":   cloudesimToken,
		"CLOUDESIM_API_URL":     w.outsideURL("cloudesim") + "/api/v1",
		"MOBILEXY_API_KEY":      mobilexyKey,
		"MOBILEXY_API_URL":      w.outsideURL("mobilexy") + "/api",
		"ADMIN_IDS":             strconv.FormatInt(w.admin, 10),
		"DATA_KEY":              base64.StdEncoding.EncodeToString(key[:]),
	}
	if w.support {
		env["SUPPORT_CHAT_ID"] = strconv.FormatInt(supportChat, 10)
	}
	return env
}
