// Package handlers is the doors of the shop: Telegram's webhook and the polling loop, Stripe's
// webhook, health and readiness; it draws screens as Telegram messages and tells people what became
// of their orders.
//
// An update is answered 200 only once it is handled to the end, so Telegram brings back whatever a
// crash, a stopped Redis or an unreachable Telegram left half done. Handling is therefore safe to
// repeat: the session is saved by compare-and-set with the update's number beside it, and an update
// that was seen before draws the customer's present page instead of doing its work again. One that
// lost the race for the session has done nothing yet, and is handled by the session as it is now.
package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"esimbot/flows"
	"esimbot/locales"
)

// A Shop holds the conversations.
type Shop interface {
	// Handle answers what a person did.
	Handle(ctx context.Context, in flows.Input) (flows.Reply, error)
	// Current draws the page the session stands at again, and begins nothing new.
	Current(ctx context.Context, in flows.Input) (flows.Reply, error)
	// Say returns a short plain text.
	Say(w flows.Word, lang string) string
	// Sorry is the screen for when nothing else can be said.
	Sorry(lang string) flows.Screen
}

// Config is what the Telegram door needs. Every field is required unless it says otherwise.
type Config struct {
	Client   *Client
	Username string // the bot's, without @
	// WebhookSecret is what Telegram sends along with each update. Without it the webhook refuses
	// everything, which is right for long polling.
	WebhookSecret string
	Shop          Shop
	Sessions      flows.Sessions
	Bundle        *locales.Bundle
	Admins        []int64 // numeric user ids; may be empty
	SupportChat   int64   // the group where customers are answered; 0 for none
	// Returned is told of a customer who unblocked the bot, before Telegram's update is done; may be nil.
	Returned func(ctx context.Context, customer int64) error
	Relay    *Relay // carries support's answers; may be nil: then nobody answers
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  *Metrics
}

// Telegram is the door through which people come. It is safe for concurrent use.
type Telegram struct {
	client   *Client
	username string
	secret   string
	shop     Shop
	sessions flows.Sessions
	bundle   *locales.Bundle
	admins   map[int64]bool
	support  int64
	relay    *Relay
	returned func(ctx context.Context, customer int64) error
	now      func() time.Time
	log      *slog.Logger
	metrics  *Metrics

	pace     *pace
	failures *failures
}

// New returns the Telegram door, or an error that names what is missing.
func New(cfg Config) (*Telegram, error) {
	switch {
	case cfg.Client == nil, cfg.Shop == nil, cfg.Sessions == nil, cfg.Bundle == nil:
		return nil, errors.New("telegram door: client, shop, sessions and bundle are required")
	case cfg.Username == "":
		return nil, errors.New("telegram door: the bot's username is required")
	case cfg.Now == nil, cfg.Log == nil, cfg.Metrics == nil:
		return nil, errors.New("telegram door: clock, log and metrics are required")
	}
	t := &Telegram{
		client: cfg.Client, username: cfg.Username, secret: cfg.WebhookSecret,
		shop: cfg.Shop, sessions: cfg.Sessions, bundle: cfg.Bundle,
		admins: make(map[int64]bool, len(cfg.Admins)), support: cfg.SupportChat, relay: cfg.Relay, returned: cfg.Returned,
		now: cfg.Now, log: cfg.Log, metrics: cfg.Metrics,
		pace: newPace(), failures: newFailures(),
	}
	for _, id := range cfg.Admins {
		t.admins[id] = true
	}
	return t, nil
}

// unavailableError says that the session could not be read or written: the update must come again,
// however often, because nothing about it is wrong.
type unavailableError struct {
	doing string
	err   error
}

func (e *unavailableError) Error() string { return fmt.Sprintf("%s: %v", e.doing, e.err) }
func (e *unavailableError) Unwrap() error { return e.err }
