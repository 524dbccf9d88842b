package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"esimbot/flows"
	"esimbot/orders"
)

// The relay carries messages between customers and support. A customer's goes to the support chat, or
// to every admin where there is none, below a header that says what it is about; a reply there to any
// message that it left goes back. Which message belongs to whom is kept in Redis, so that any replica
// can carry on. Each message is carried once: two names in Redis, as for alerts, tell what is out from
// what is being sent. After a timeout of Telegram's a message may be sent twice, but never none.

const (
	// relayKept is how long it is known that a message was carried: Telegram brings an update again
	// for a day.
	relayKept = 25 * time.Hour
	// albumTime is how long the pictures of one album may take to come.
	albumTime = time.Hour
)

// Relays remembers what the relay's messages carried.
type Relays interface {
	// SaveRelay keeps whose words a message carries.
	SaveRelay(ctx context.Context, chat int64, message int, r flows.Relayed) error
	// Relay returns whose words a message carries; orders.ErrNotFound.
	Relay(ctx context.Context, chat int64, message int) (flows.Relayed, error)
	// AllowInquiry counts a customer's message to support; orders.ErrTooMany.
	AllowInquiry(ctx context.Context, customer int64, now time.Time) error
}

// Letters draws what the relay sends.
type Letters interface {
	// InquiryScreen is a customer's message, for support.
	InquiryScreen(q flows.Inquiry, lang string) flows.Screen
	// AnswerScreen is support's answer, for the customer.
	AnswerScreen(r flows.Relayed, text, lang string) flows.Screen
	// AnsweredScreen tells the other admins that one of them answered.
	AnsweredScreen(r flows.Relayed, text, lang string) flows.Screen
	// Say returns a short plain text.
	Say(w flows.Word, lang string) string
}

// RelayConfig is what a Relay needs. Admins and SupportChat may be empty; all else is required.
type RelayConfig struct {
	Client      *Client
	Letters     Letters
	Store       Relays
	Claims      Claims
	Sessions    flows.Sessions // in which language people read
	Admins      []int64
	SupportChat int64 // 0: to each admin
	Now         func() time.Time
	Log         *slog.Logger
	Metrics     *Metrics
}

// A Relay carries messages between customers and support. It is safe for concurrent use.
type Relay struct{ cfg RelayConfig }

var _ flows.Support = (*Relay)(nil)

// NewRelay returns a Relay, or an error when something is missing.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	switch {
	case cfg.Client == nil, cfg.Letters == nil, cfg.Store == nil, cfg.Claims == nil, cfg.Sessions == nil:
		return nil, errors.New("relay: client, letters, store, claims and sessions are required")
	case cfg.Now == nil, cfg.Log == nil, cfg.Metrics == nil:
		return nil, errors.New("relay: clock, log and metrics are required")
	}
	return &Relay{cfg: cfg}, nil
}

// Answered returns what the bot's message in the customer's private chat carried from support;
// orders.ErrNotFound for any other message.
func (r *Relay) Answered(ctx context.Context, customer int64, message int) (flows.Relayed, error) {
	kept, err := r.cfg.Store.Relay(ctx, customer, message)
	switch {
	case errors.Is(err, orders.ErrNotFound):
		return flows.Relayed{}, err
	case err != nil:
		return flows.Relayed{}, &unavailableError{"look up a relayed message", err}
	case !kept.Answer || kept.Customer != customer:
		return flows.Relayed{}, orders.ErrNotFound
	}
	return kept, nil
}

// Ask sends a customer's message to support, once. orders.ErrTooMany, flows.ErrNotCarried;
// orders.ErrUnreachable when nobody is there to get it.
func (r *Relay) Ask(ctx context.Context, q flows.Inquiry) error {
	err := r.once(ctx, q.Customer, q.Message, func(ctx context.Context) error {
		if err := r.allow(ctx, q); err != nil {
			return err
		}
		head := r.firstOf(ctx, q.Customer, q.Album)
		err := r.toSupport(ctx, q, head)
		if err != nil && head {
			r.giveUp(ctx, albumName(q.Customer, q.Album)) // the next try needs its header
		}
		return err
	})
	r.count("to_support", err)
	if err != nil {
		return fmt.Errorf("message %d of customer %d: %w", q.Message, q.Customer, err)
	}
	return nil
}

// allow counts a message of the customer's, an album as one, and one that is tried again only once.
func (r *Relay) allow(ctx context.Context, q flows.Inquiry) error {
	name := fmt.Sprintf("asked:%d:%d", q.Customer, q.Message)
	if q.Album != "" {
		name = fmt.Sprintf("asked:%d:%s", q.Customer, q.Album)
	}
	fresh, err := r.cfg.Claims.Claim(ctx, name, relayKept)
	if err != nil {
		return &unavailableError{"claim a message", err}
	}
	if !fresh {
		return nil
	}
	err = r.cfg.Store.AllowInquiry(ctx, q.Customer, r.cfg.Now())
	if err == nil {
		return nil
	}
	r.giveUp(ctx, name)
	if errors.Is(err, orders.ErrTooMany) {
		return err
	}
	return &unavailableError{"count a message to support", err}
}

// giveUp releases a name. Where that fails a message isn't counted, which is the customer's gain.
func (r *Relay) giveUp(ctx context.Context, name string) {
	if err := r.cfg.Claims.Release(ctx, name); err != nil {
		r.cfg.Log.DebugContext(ctx, "claim not released", "name", name, "err", err)
	}
}

// toSupport sends an inquiry to the support chat, and to the admins where there is none, or none any
// more.
func (r *Relay) toSupport(ctx context.Context, q flows.Inquiry, head bool) error {
	if r.cfg.SupportChat == 0 {
		return r.toAdmins(ctx, q, head)
	}
	err := r.cfg.Client.follow(ctx, r.cfg.SupportChat, func(ctx context.Context, chat int64) error {
		screen := r.cfg.Letters.InquiryScreen(shortened(q), supportLanguage)
		screen.Rows = linked(screen, r.cfg.Letters.Say(flows.WordOpen, supportLanguage))
		return r.inquire(ctx, chat, q, head, screen)
	})
	if !errors.Is(err, orders.ErrUnreachable) || len(r.cfg.Admins) == 0 {
		return err
	}
	r.cfg.Log.ErrorContext(ctx, "the support chat can't be reached, admins are asked", "err", err)
	return r.toAdmins(ctx, q, head)
}

// toAdmins sends an inquiry to each admin in their language. One who got it is enough.
func (r *Relay) toAdmins(ctx context.Context, q flows.Inquiry, head bool) error {
	missed := fmt.Errorf("there is neither a support chat nor an admin: %w", orders.ErrUnreachable)
	reached := false
	for _, admin := range r.cfg.Admins {
		screen := r.cfg.Letters.InquiryScreen(shortened(q), language(ctx, r.cfg.Sessions, admin, supportLanguage))
		switch err := r.inquire(ctx, admin, q, head, screen); {
		case err == nil:
			reached = true
		case errors.Is(missed, orders.ErrUnreachable): // anything else is worth another try
			missed = err
		}
	}
	if reached {
		return nil
	}
	return missed
}

// inquire puts an inquiry into a chat: the screen that heads it, and below it what the screen doesn't
// hold.
func (r *Relay) inquire(ctx context.Context, chat int64, q flows.Inquiry, head bool, screen flows.Screen) error {
	kept := flows.Relayed{Customer: q.Customer, Language: q.Language, Message: q.Message}
	if q.Order != nil {
		kept.Order = q.Order.ID
	}
	header := 0
	if head {
		sent, err := r.cfg.Client.send(ctx, chat, screen)
		if err != nil {
			return err
		}
		header = sent.ID
		if err := r.keep(ctx, chat, header, kept); err != nil {
			return err
		}
	}
	var message int
	switch rest := overflow(q.Text); {
	case q.Text == "":
		copied, err := r.cfg.Client.copyMessage(ctx, copying{from: q.Customer, message: q.Message, to: chat, replyTo: header, caption: q.Caption})
		if failedAs(err, failRefused) {
			r.note(ctx, chat, header, flows.WordNotCarried)
			return errors.Join(flows.ErrNotCarried, err)
		}
		if err != nil {
			return err
		}
		message = copied
	case rest != "":
		sent, err := r.cfg.Client.sendText(ctx, chat, header, flows.Screen{HTML: flows.Quoted(rest)})
		if err != nil {
			return err
		}
		message = sent.ID
	default:
		return nil
	}
	return r.keep(ctx, chat, message, kept)
}

// keep remembers whose words a message carries: without it a reply would be lost.
func (r *Relay) keep(ctx context.Context, chat int64, message int, kept flows.Relayed) error {
	if err := r.cfg.Store.SaveRelay(ctx, chat, message, kept); err != nil {
		return &unavailableError{"remember a relayed message", err}
	}
	return nil
}

// once does what carries a message, for all replicas and however often it is asked to. Who asks while
// another replica is at it comes again.
func (r *Relay) once(ctx context.Context, chat int64, message int, do func(context.Context) error) error {
	name := fmt.Sprintf("relay:%d:%d", chat, message)
	ours, err := claim(ctx, r.cfg.Claims, name)
	if err != nil {
		return &unavailableError{"claim a message", err}
	}
	if !ours {
		return nil
	}
	if err := do(ctx); err != nil {
		release(ctx, r.cfg.Claims, r.cfg.Log, name)
		return err
	}
	if err := r.cfg.Claims.Keep(ctx, name, relayKept); err != nil {
		r.cfg.Log.WarnContext(ctx, "a message that was carried may be carried again", "chat", chat, "message", message, "err", err)
	}
	return nil
}

// firstOf says whether a message is the first of its album to come; one of no album is. Without an
// answer it is, too: a header too many does no harm.
func (r *Relay) firstOf(ctx context.Context, chat int64, album string) bool {
	if album == "" {
		return true
	}
	first, err := r.cfg.Claims.Claim(ctx, albumName(chat, album), albumTime)
	if err != nil {
		r.cfg.Log.WarnContext(ctx, "album not claimed", "chat", chat, "err", err)
		return true
	}
	return first
}

func albumName(chat int64, album string) string { return fmt.Sprintf("album:%d:%s", chat, album) }

// note says a word below a message. It is a courtesy: what fails is let go.
func (r *Relay) note(ctx context.Context, chat int64, message int, w flows.Word) {
	lang := supportLanguage
	if chat > 0 {
		lang = language(ctx, r.cfg.Sessions, chat, supportLanguage)
	}
	if _, err := r.cfg.Client.sendText(ctx, chat, message, flows.Screen{HTML: flows.Quoted(r.cfg.Letters.Say(w, lang))}); err != nil {
		r.cfg.Log.DebugContext(ctx, "note to support not sent", "err", err)
	}
}

func (r *Relay) count(direction string, err error) {
	outcome := "ok"
	switch {
	case errors.Is(err, orders.ErrTooMany):
		outcome = "too_many"
	case errors.Is(err, orders.ErrUnreachable):
		outcome = "unreachable"
	case errors.Is(err, flows.ErrNotCarried):
		outcome = "not_carried"
	case err != nil:
		outcome = "failed"
	}
	r.cfg.Metrics.relays.WithLabelValues(direction, outcome).Inc()
}
