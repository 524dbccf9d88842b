// Package sandbox is the world outside the shop, on one machine: a local Telegram, a local Stripe
// and both local eSIM providers under one clock, with a chat page and a control panel to see and
// move them. `bot sandbox` and the tests use the same World.
//
// Everything hangs on one address: the chat page at /, the Checkout page at /checkout/, and under
// /outside/ the four servers where the shop's configuration (Env) points. The shop's own routes
// are not here; whoever serves the World adds them.
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
	"time"

	"esimbot/sandbox/clock"
	"esimbot/sandbox/cloudesim"
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
)

// Options say what the world is like. BaseURL is required.
type Options struct {
	BaseURL string       // where the World and the shop are reached: "http://127.0.0.1:8080"
	AdminID int64        // the admin's Telegram id; 1000 when 0
	Clock   *clock.Clock // a new one when nil
	Seed    uint64       // other seeds, other codes and ICCIDs
	Log     *slog.Logger // slog.Default() when nil
}

// A World holds the four servers and their clock. It may be used by several goroutines at once.
type World struct {
	Clock     *clock.Clock
	Telegram  *telegram.Server
	Stripe    *stripe.Server
	CloudESIM *cloudesim.Server
	Mobilexy  *mobilexy.Server

	base  string
	admin int64
	panel *panel
	chat  http.Handler
}

// New builds a World with an admin and one customer a language; no customer has written to the bot yet.
func New(o Options) *World {
	if o.Clock == nil {
		o.Clock = new(clock.Clock)
	}
	if o.AdminID == 0 {
		o.AdminID = defaultAdmin
	}
	base := strings.TrimSuffix(o.BaseURL, "/")
	now := o.Clock.Now
	w := &World{
		Clock: o.Clock, base: base, admin: o.AdminID,
		Telegram: telegram.New(telegram.Options{Token: botToken, BotUsername: BotUsername, Now: now, LastUpdate: int(now().UnixMilli())}),
		Stripe: stripe.New(stripe.Options{
			SecretKey: stripeKey, WebhookSecret: stripeSecret, WebhookURL: base + "/stripe/webhook", BaseURL: base, Now: now,
		}),
		CloudESIM: cloudesim.New(cloudesim.Options{Token: cloudesimToken, Now: now, Seed: o.Seed, BaseURL: base + "/outside/cloudesim"}),
		Mobilexy:  mobilexy.New(mobilexy.Options{APIKey: mobilexyKey, Now: now, Seed: o.Seed, BaseURL: base + "/outside/mobilexy"}),
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
}

// Handler serves everything but the shop's own routes. It answers this machine's own browser and
// programs only.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/outside/telegram/", http.StripPrefix("/outside/telegram", w.Telegram))
	mux.Handle("/outside/stripe/", http.StripPrefix("/outside/stripe", w.Stripe))
	mux.Handle("/outside/cloudesim/", http.StripPrefix("/outside/cloudesim", w.CloudESIM))
	mux.Handle("/outside/mobilexy/", http.StripPrefix("/outside/mobilexy", w.Mobilexy))
	mux.Handle("/checkout/", http.StripPrefix("/checkout", w.Stripe.CheckoutPage()))
	mux.Handle("/panel/api/", w.panel.routes())
	mux.HandleFunc("GET /t.me/"+BotUsername, web.Deliver)
	mux.Handle("/", w.chat)
	return web.Guard(unhurried(mux))
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

// Run brings Stripe's events to the shop until ctx ends, and then ends Telegram's deliveries too.
func (w *World) Run(ctx context.Context) error {
	defer w.Close()
	if err := w.Stripe.Run(ctx); err != nil {
		return fmt.Errorf("deliver stripe events: %w", err)
	}
	return nil
}

// Close ends Telegram's deliveries and the chat page's streams. It may be called more than once.
func (w *World) Close() { w.Telegram.Close() }

// Env returns the configuration of a shop that lives in this world.
func (w *World) Env() map[string]string {
	key := sha256.Sum256([]byte(dataKeySeed))
	return map[string]string{
		"PUBLIC_URL":            w.base,
		"TELEGRAM_BOT_TOKEN":    botToken,
		"TELEGRAM_API_URL":      w.base + "/outside/telegram",
		"STRIPE_SECRET_KEY":     stripeKey,
		"STRIPE_WEBHOOK_SECRET": stripeSecret,
		"STRIPE_API_URL":        w.base + "/outside/stripe",
		"CLOUDESIM_API_TOKEN":   cloudesimToken,
		"CLOUDESIM_API_URL":     w.base + "/outside/cloudesim/api/v1",
		"MOBILEXY_API_KEY":      mobilexyKey,
		"MOBILEXY_API_URL":      w.base + "/outside/mobilexy/api",
		"ADMIN_IDS":             strconv.FormatInt(w.admin, 10),
		"DATA_KEY":              base64.StdEncoding.EncodeToString(key[:]),
	}
}
