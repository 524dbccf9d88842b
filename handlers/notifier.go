package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-telegram/bot/models"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

// Screens draws what the notifier sends.
type Screens interface {
	// OrderScreen is the order as its state has it.
	OrderScreen(o *orders.Order, lang string) flows.Screen
	// Delivery is the QR photo, and the messages that follow it.
	Delivery(o *orders.Order, lang string) []flows.Screen
	// AlertText tells admins of a matter, with the buttons they have for it.
	AlertText(a orders.Alert, lang string) flows.Screen
	// NoticeScreen is a message about an eSIM that goes out by itself, with what can be added to it.
	NoticeScreen(e *usage.ESIM, n usage.Notice, options []esim.Plan, lang string) flows.Screen
	// Say returns a short plain text.
	Say(w flows.Word, lang string) string
}

// Claims sees to it that of all replicas one does a thing.
type Claims interface {
	// Claim takes name for ttl and says whether it was free.
	Claim(ctx context.Context, name string, ttl time.Duration) (bool, error)
	// Held says whether name is taken.
	Held(ctx context.Context, name string) (bool, error)
	// Keep takes name for ttl from now, whoever holds it.
	Keep(ctx context.Context, name string, ttl time.Duration) error
	// Release gives name up before its time.
	Release(ctx context.Context, name string) error
}

// NotifierConfig is what the Notifier needs. Admins and SupportChat may be empty, Now nil: the
// machine's clock, and Metrics: they count for nobody.
type NotifierConfig struct {
	Client      *Client
	Screens     Screens
	Claims      Claims
	Sessions    flows.Sessions // where customers are, and in which language they read
	TopUps      flows.TopUps   // what can be added to eSIMs; nil: notices are without prices
	Username    string         // the bot's, without @
	Admins      []int64
	SupportChat int64 // where alerts go; 0: to each admin
	Now         func() time.Time
	Log         *slog.Logger
	Metrics     *Metrics
}

// A Notifier tells customers and admins, by Telegram. It is safe for concurrent use.
type Notifier struct {
	cfg NotifierConfig

	mu  sync.Mutex
	out map[string]time.Time // alerts that this process sent without Redis' word, and when
}

var _ orders.Notifier = (*Notifier)(nil)

// NewNotifier returns a Notifier, or an error when something is missing.
func NewNotifier(cfg NotifierConfig) (*Notifier, error) {
	if cfg.Client == nil || cfg.Screens == nil || cfg.Claims == nil || cfg.Sessions == nil || cfg.Username == "" || cfg.Log == nil {
		return nil, errors.New("notifier: client, screens, claims, sessions, username and log are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Metrics == nil {
		var err error
		if cfg.Metrics, err = NewMetrics(nil); err != nil {
			return nil, err
		}
	}
	return &Notifier{cfg: cfg, out: map[string]time.Time{}}, nil
}

// Show brings the order's message up to date, or sends a new one when that is gone, and the message
// in which the customer opened the order again. It may be repeated. orders.ErrUnreachable means for
// good.
func (n *Notifier) Show(ctx context.Context, o *orders.Order) (orders.Message, error) {
	at, err := buyer(o)
	if err != nil {
		return orders.Message{}, err
	}
	if o.Screen.Chat == o.Customer {
		at.message = o.Screen.ID
	}
	v := n.view(ctx, o)
	screen := n.cfg.Screens.OrderScreen(o, v.lang)
	shown, err := n.cfg.Client.show(ctx, at, screen)
	if err != nil {
		return orders.Message{}, fmt.Errorf("show order %s: %w", o.ID, err)
	}
	n.follow(ctx, o, v, screen)
	return shown, nil
}

// Deliver sends the QR photo to the buyer's private chat, and the messages that belong to it, and
// returns the photo's message; for a top-up, what was added. Called again after a timeout it may send the same QR twice, but never
// none. Once the photo is there a message after it that fails is logged, not reported: to report it
// would send the photo again.
func (n *Notifier) Deliver(ctx context.Context, o *orders.Order) (orders.Message, error) {
	at, err := buyer(o)
	if err != nil {
		return orders.Message{}, err
	}
	screens := n.cfg.Screens.Delivery(o, n.view(ctx, o).lang)
	if len(screens) == 0 || (screens[0].Photo == nil && o.Kind != orders.KindTopUp) {
		return orders.Message{}, fmt.Errorf("deliver order %s: nothing to deliver", o.ID)
	}
	first := screens[0]
	if first.Photo != nil && first.Photo.FileID == "" && o.Photo.FileID != "" {
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
