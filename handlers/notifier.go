package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-telegram/bot/models"

	"esimbot/flows"
	"esimbot/orders"
)

const (
	// alertTry is how long one replica has to send an alert before another may try.
	alertTry = time.Minute
	// alertQuiet is how long an alert that was sent keeps quiet; a matter that still stands is told again.
	alertQuiet = 24 * time.Hour
	// adminLanguage is what alerts are written in: which admin reads them isn't known.
	adminLanguage = "en"
)

// Screens draws what the notifier sends.
type Screens interface {
	// OrderScreen is the order as its state has it.
	OrderScreen(o *orders.Order, lang string) flows.Screen
	// Delivery is the QR photo, and the messages that follow it.
	Delivery(o *orders.Order, lang string) []flows.Screen
	// AlertText tells admins of a matter, with the buttons they have for it.
	AlertText(a orders.Alert, lang string) flows.Screen
}

// Claims sees to it that of all replicas one does a thing.
type Claims interface {
	// Claim takes name for ttl and says whether it was free.
	Claim(ctx context.Context, name string, ttl time.Duration) (bool, error)
	// Keep takes name for ttl from now, whoever holds it.
	Keep(ctx context.Context, name string, ttl time.Duration) error
}

// NotifierConfig is what the Notifier needs. Admins and SupportChat may be empty.
type NotifierConfig struct {
	Client      *Client
	Screens     Screens
	Claims      Claims
	Username    string // the bot's, without @
	Admins      []int64
	SupportChat int64 // where alerts go; 0: to each admin
	Log         *slog.Logger
}

// A Notifier tells customers and admins, by Telegram. It is safe for concurrent use.
type Notifier struct{ cfg NotifierConfig }

var _ orders.Notifier = (*Notifier)(nil)

// NewNotifier returns a Notifier, or an error when something is missing.
func NewNotifier(cfg NotifierConfig) (*Notifier, error) {
	if cfg.Client == nil || cfg.Screens == nil || cfg.Claims == nil || cfg.Username == "" || cfg.Log == nil {
		return nil, errors.New("notifier: client, screens, claims, username and log are required")
	}
	return &Notifier{cfg: cfg}, nil
}

// Show brings the order's message up to date, or sends a new one when that is gone. It may be
// repeated. orders.ErrUnreachable means for good.
func (n *Notifier) Show(ctx context.Context, o *orders.Order) (orders.Message, error) {
	at, err := buyer(o)
	if err != nil {
		return orders.Message{}, err
	}
	if o.Screen.Chat == o.Customer {
		at.message = o.Screen.ID
	}
	shown, err := n.cfg.Client.show(ctx, at, n.cfg.Screens.OrderScreen(o, o.Language))
	if err != nil {
		return orders.Message{}, fmt.Errorf("show order %s: %w", o.ID, err)
	}
	return shown, nil
}

// Deliver sends the QR photo to the buyer's private chat, and the messages that belong to it, and
// returns the photo's message. Called again after a timeout it may send the same QR twice, but never
// none. Once the photo is there a message after it that fails is logged, not reported: to report it
// would send the photo again.
func (n *Notifier) Deliver(ctx context.Context, o *orders.Order) (orders.Message, error) {
	at, err := buyer(o)
	if err != nil {
		return orders.Message{}, err
	}
	screens := n.cfg.Screens.Delivery(o, o.Language)
	if len(screens) == 0 || screens[0].Photo == nil {
		return orders.Message{}, fmt.Errorf("deliver order %s: nothing to deliver", o.ID)
	}
	first := screens[0]
	if first.Photo.FileID == "" && o.Photo.FileID != "" {
		photo := *first.Photo
		photo.FileID = o.Photo.FileID
		first.Photo = &photo
	}
	sent, err := n.cfg.Client.send(ctx, at.chat, first)
	if err != nil {
		return orders.Message{}, fmt.Errorf("deliver order %s: %w", o.ID, err)
	}
	for _, s := range screens[1:] {
		if _, err := n.cfg.Client.send(ctx, at.chat, s); err != nil {
			n.cfg.Log.WarnContext(ctx, "guide not sent after the eSIM", "order", o.ID, "screen", s.Name, "err", err)
			break
		}
	}
	return sent, nil
}

// Working shows the customer for five seconds that something is being prepared.
func (n *Notifier) Working(ctx context.Context, o *orders.Order) {
	at, err := buyer(o)
	if err == nil {
		err = n.cfg.Client.action(ctx, at.chat, models.ChatActionUploadPhoto)
	}
	if err != nil {
		n.cfg.Log.DebugContext(ctx, "chat action not shown", "order", o.ID, "err", err)
	}
}

// buyer returns the private chat of the order's buyer: the only place an eSIM goes to.
func buyer(o *orders.Order) (spot, error) {
	if o.Customer <= 0 {
		return spot{}, fmt.Errorf("order %s has no customer any more: %w", o.ID, orders.ErrUnreachable)
	}
	return spot{chat: o.Customer}, nil
}

// Alert tells the support chat, or each admin without one. Of all calls with one key within a day
// one sends; one that fails leaves the matter to the next call a minute later.
func (n *Notifier) Alert(ctx context.Context, a orders.Alert) error {
	name := "alert:" + a.Key
	ours, err := n.cfg.Claims.Claim(ctx, name, alertTry)
	if err != nil {
		return fmt.Errorf("alert %s: claim: %w", a.Key, err)
	}
	if !ours {
		return nil
	}
	screen := n.cfg.Screens.AlertText(a, adminLanguage)
	if n.cfg.SupportChat != 0 {
		err = n.toSupport(ctx, a, screen)
	} else {
		err = n.toAdmins(ctx, screen)
	}
	if err != nil {
		return fmt.Errorf("alert %s: %w", a.Key, err)
	}
	if err := n.cfg.Claims.Keep(ctx, name, alertQuiet); err != nil {
		return fmt.Errorf("alert %s: keep quiet: %w", a.Key, err)
	}
	return nil
}

// toSupport sends an alert to the support chat, whose members may only answer customers: it gets a
// link that opens the matter in an admin's private chat, and no buttons that do something.
func (n *Notifier) toSupport(ctx context.Context, a orders.Alert, s flows.Screen) error {
	s.Rows = n.links(a, s.Rows)
	_, err := n.cfg.Client.send(ctx, n.cfg.SupportChat, s)
	var failure *callError
	if errors.As(err, &failure) && failure.moved != 0 {
		n.cfg.Log.WarnContext(ctx, "the support chat has a new id", "old", n.cfg.SupportChat, "new", failure.moved)
		_, err = n.cfg.Client.send(ctx, failure.moved, s)
	}
	return err
}

// links keeps the button that leads to the matter: the screen's own link, else one made here.
func (n *Notifier) links(a orders.Alert, rows [][]flows.Button) [][]flows.Button {
	for _, row := range rows {
		for _, b := range row {
			if b.URL != "" {
				return [][]flows.Button{{b}}
			}
		}
	}
	if a.Order == nil {
		return nil
	}
	return [][]flows.Button{{{
		Text: a.Order.ID.String(),
		URL:  fmt.Sprintf("https://t.me/%s?start=a_%s", n.cfg.Username, string(a.Order.ID)),
	}}}
}

// toAdmins sends an alert to each admin. One who got it is enough.
func (n *Notifier) toAdmins(ctx context.Context, s flows.Screen) error {
	var failed []error
	for _, admin := range n.cfg.Admins {
		if _, err := n.cfg.Client.send(ctx, admin, s); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) < len(n.cfg.Admins) {
		return nil
	}
	if len(failed) == 0 {
		return errors.New("there is neither a support chat nor an admin to tell")
	}
	return errors.Join(failed...)
}
