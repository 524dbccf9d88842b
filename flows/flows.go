// Package flows is the conversations of the shop, one file each: what a customer's tap or text
// makes of their session, and the screen they see next. It knows neither Telegram nor Redis, does
// no I/O of its own, and draws from the catalogue's snapshot in memory.
//
// A callback's data names the page it leads to ("plans/c_jp"), so a button of an old message works
// as long as what it names exists.
package flows

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// Schema is the version of the session document that this code writes.
const Schema = 1

// A Session is where a customer is in the conversation. It is saved by compare-and-set on Version.
type Session struct {
	Schema  int   `json:"schema"`
	Version int64 `json:"version"`
	// Screen is the message that shows the shop and is edited in place; 0 before the first.
	Screen int `json:"screen,omitempty"`
	// Page is the route of the page shown there: "plans/c_jp".
	Page string `json:"page,omitempty"`
	// Question names what the next text answers; empty outside a question.
	Question string `json:"question,omitempty"`
	// Days and Volume are the filters of the plans page: "" means any.
	Days   string `json:"days,omitempty"`
	Volume string `json:"volume,omitempty"`
	// Sought is the destination last searched for, for "is it among them" on region pages.
	Sought string `json:"sought,omitempty"`
	// From is the list that the plans were reached from, where Back leads: "az/J".
	From string `json:"from,omitempty"`
	// Order is the order that the last Buy began, saved before the order is made, so that two
	// taps end at one order. OrderPlan is the Ref of the plan it is for.
	Order     orders.ID `json:"order,omitempty"`
	OrderPlan string    `json:"order_plan,omitempty"`
	// OrderESIM is the eSIM that the plan is to be added to; empty where it is a new one.
	OrderESIM string `json:"order_esim,omitempty"`
	// Agreed is the price in minor units that the customer saw last, asked again when it changed.
	Agreed int64 `json:"agreed,omitempty"`
	// Confirm is what an admin was asked to confirm last; nil for nothing.
	Confirm *Confirmation `json:"confirm,omitempty"`
	// ICCID was typed outside a question and belongs to one of several eSIMs: which, is asked.
	ICCID esim.ICCID `json:"iccid,omitempty"`
	// PhoneHint says that "Is my phone able?" was offered already.
	PhoneHint bool `json:"phone_hint,omitempty"`
	// Unfound is what was typed last and not found, to be sent to support if the customer likes.
	Unfound *Typed `json:"unfound,omitempty"`
	// Relaying is the customer's message that is on its way to support; 0 for none. An update that
	// comes again while it stands goes on where it was interrupted.
	Relaying int `json:"relaying,omitempty"`
	// Album is that of the last message to support: its other photos get no answer of their own.
	Album string `json:"album,omitempty"`
}

// A Confirmation binds a confirm button to the admin whose session it is in, to one deed with its
// order and amount, and to a time. It is taken out of the session before the deed is done, so that
// it works once.
type Confirmation struct {
	Token  string    `json:"token"` // the button carries it
	Deed   string    `json:"deed"`  // "refund", "buy_again", …
	Order  orders.ID `json:"order,omitempty"`
	Detail string    `json:"detail,omitempty"` // what the deed needs to be repeated to the letter: "number:amount:currency:state" of a refund
	Until  time.Time `json:"until"`
	// Code is the activation code that the deed attaches. Sessions keeps it sealed.
	Code esim.ActivationCode `json:"-"`
}

// A Customer is what the shop keeps of a person. Times are UTC.
type Customer struct {
	Schema    int       `json:"schema"`
	ID        int64     `json:"id"`
	Language  string    `json:"language"` // one of ours
	Chosen    bool      `json:"chosen,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Bought counts delivered eSIMs.
	Bought int `json:"bought,omitempty"`
	// Blocked is when Telegram said that the customer blocked the bot; zero otherwise.
	Blocked time.Time `json:"blocked"`
}

// An EventKind says what a person did.
type EventKind string

// The kinds of event.
const (
	EventCommand EventKind = "command" // Command and Args are set
	EventText    EventKind = "text"    // Text is set
	EventPress   EventKind = "press"   // Data and Message are set
	EventOther   EventKind = "other"   // a photo, a voice message and the like
)

// An Event is one thing a person did in their private chat with the bot.
type Event struct {
	Kind    EventKind
	Command string // without the slash, lower case
	Args    string
	Text    string // with EventOther the caption
	Data    string
	Message int    // the message whose button was pressed
	Sent    int    // the person's own message; 0 with EventPress
	ReplyTo int    // the bot's message that it answers; 0 for none
	Album   string // of photos sent together; empty for none
	Client  string // the language of the person's Telegram client, such as "pt-br"
}

// An Input is an event with all that is known of who caused it.
type Input struct {
	Event    Event
	User     int64
	Admin    bool
	Session  Session
	Customer Customer
	Now      time.Time
}

// A Reply is what comes of an event: the next session, and what the person sees.
type Reply struct {
	Session  Session
	Customer *Customer // nil: unchanged
	// Screen is drawn into the pressed message (or Session.Screen), or as a new message when Fresh.
	Screen *Screen
	Fresh  bool
	// More are further messages, sent after Screen.
	More []Screen
	// Toast answers the button press; Alert makes it a box that must be closed.
	Toast string
	Alert bool
	// Then has effects: it runs after Session is saved and Screen drawn, at most 30 s, and gives
	// what is shown next. Its Input is this reply's with the session as saved.
	Then func(ctx context.Context, in Input) (Reply, error)
	// Stale says that the button's data made no sense any more, to be counted.
	Stale bool
	// Cause is what went wrong behind a screen that says so kindly, to be logged; nil otherwise.
	Cause error
	// Typing asks for the typing indicator while Then runs.
	Typing bool
}

// A Screen is one message: text in Telegram's HTML, finished in the person's language, and rows of
// buttons. With a Photo the text is its caption.
type Screen struct {
	Name  string // names the screen in metrics, golden files and screenshots
	HTML  string
	Rows  [][]Button
	Photo *Photo
	// Link, of an alert, is the address that opens its matter in an admin's private chat: for the
	// support chat, in the place of Rows, which are for the admins' own chats.
	Link string
}

// A Photo is a QR code or a chart to show. FileID is used when Telegram has the photo already; else
// Code is drawn; else Chart; else Image is sent as it is.
type Photo struct {
	FileID string
	Code   esim.ActivationCode
	Chart  *Chart
	Image  []byte
}

// A Chart shows figures day by day: bars upwards and downwards from zero. It carries digits and ISO
// dates only; its words stand in the caption.
type Chart struct {
	Days     []time.Time       // UTC, oldest first
	Up, Down []decimal.Decimal // of each day, neither below zero
}

// A Style colours a button.
type Style string

// The styles, as the Bot API names them.
const (
	Plain   Style = ""
	Primary Style = "primary"
	Success Style = "success"
	Danger  Style = "danger"
)

// A Button leads on: exactly one of Data, URL and Copy is set.
type Button struct {
	Text  string
	Data  string // route, at most 64 bytes
	URL   string
	Copy  string // what is copied, at most 256 characters
	Style Style
}

// ErrConflict is returned by Sessions.Save when another update changed the session meanwhile.
var ErrConflict = errors.New("the session changed meanwhile")

// A Loaded is what one read brings of a person.
type Loaded struct {
	Session  Session
	Customer Customer // ID is 0 for a person never seen
	Seen     bool     // this update was handled before
}

// Sessions keeps conversations. The handlers use it around Shop.Handle.
type Sessions interface {
	// Load reads session, customer and whether update was seen, in one round trip.
	Load(ctx context.Context, user int64, update int64) (Loaded, error)
	// Save writes s if the stored version is s.Version-1, customer where not nil, and marks the
	// update seen, in one round trip. ErrConflict.
	Save(ctx context.Context, user int64, s Session, c *Customer, update int64) error
}

// Catalogue is what the conversations read of the catalogue.
type Catalogue interface {
	// Snapshot returns the present plans; never nil, empty before the first load.
	Snapshot() *catalog.Snapshot
	// Quote asks the provider for the plan's present terms and whether the shop's balance there
	// covers it, within 8 s; the same plan from the other provider if it can't sell.
	Quote(ctx context.Context, plan esim.Plan) (esim.Plan, error)
}

// Desk is what the conversations ask of orders.
type Desk interface {
	// Open makes the order and its payment page; called again with the same id it returns the same order.
	Open(ctx context.Context, d orders.Draft) (*orders.Order, error)
	// Cancel closes the payment page; the order returned tells whether it was paid meanwhile.
	Cancel(ctx context.Context, id orders.ID, customer int64) (*orders.Order, error)
	// Check looks at the payment now and returns the order.
	Check(ctx context.Context, id orders.ID, customer int64) (*orders.Order, error)
	// Get returns the customer's order; ErrNotFound also for another's.
	Get(ctx context.Context, id orders.ID, customer int64) (*orders.Order, error)
	// List returns the customer's orders, newest first.
	List(ctx context.Context, customer int64) ([]*orders.Order, error)
}

// ESIMs is what the conversations ask of the eSIMs sold.
type ESIMs interface {
	// ByCustomer returns a customer's eSIMs, newest first, in one or two round trips.
	ByCustomer(ctx context.Context, customer int64) ([]*usage.ESIM, error)
	// ESIM returns one; orders.ErrNotFound also for another's.
	ESIM(ctx context.Context, id string, customer int64) (*usage.ESIM, error)
	// Change has edit change one, again if it changed meanwhile, and returns it as it stands then;
	// orders.ErrNotFound also for another's.
	Change(ctx context.Context, id string, customer int64, edit func(*usage.ESIM) error) (*usage.ESIM, error)
	// Standings returns how many eSIMs, everybody's, there are of each usage.ESIM.Standing.
	Standings(ctx context.Context) (map[esim.Status]int, error)
}

// Watch gets new numbers of the eSIMs sold.
type Watch interface {
	// RefreshAt returns when e's provider may be asked for its numbers again; zero where it can't be.
	RefreshAt(e *usage.ESIM) time.Time
	// Refresh asks for an eSIM's numbers, not before RefreshAt. Beside an error it returns the last
	// known ones, or nil.
	Refresh(ctx context.Context, id string) (*usage.ESIM, error)
}

// Linker gives eSIMs their ICCIDs where the provider doesn't tell them.
type Linker interface {
	// Link makes iccid the number of a customer's eSIM and returns it with its first numbers.
	// usage.ErrNotLinked, whatever the reason; usage.ErrTooMany; usage.ErrNotFound also for another's
	// eSIM; any other error means that nobody could be asked.
	Link(ctx context.Context, id string, customer int64, iccid esim.ICCID) (*usage.ESIM, error)
}

// TopUps tells what can be added to eSIMs. Each call asks the eSIM's own provider, within 8 s.
type TopUps interface {
	// TopUps returns the plans that may be added to e, with their prices, the cheapest first;
	// catalog.ErrUnavailable.
	TopUps(ctx context.Context, e *usage.ESIM) ([]esim.Plan, error)
	// QuoteTopUp asks whether e can still be topped up, and for the present terms of the top-up with
	// that Ref: catalog.ErrOver, ErrGone, ErrUnavailable.
	QuoteTopUp(ctx context.Context, e *usage.ESIM, ref string) (esim.Plan, error)
}

// Office is what the admins' conversations ask of orders. An *orders.Refusal says why a wish can't
// be met; ErrNotFound that there is no such thing.
type Office interface {
	// Find returns the orders that a text names, newest first, 20 at most: an order's id, an ICCID,
	// an id of Stripe's, or a customer's id. ErrNotFound.
	Find(ctx context.Context, query string) ([]*orders.Order, error)
	// Record returns an order of anybody's with its log, oldest entry first.
	Record(ctx context.Context, id orders.ID) (*orders.Order, []orders.LogEntry, error)
	// Browse returns orders in state, the last to come to it first, or in any for "", the newest first, and
	// how many there are in all.
	Browse(ctx context.Context, state orders.State, offset, limit int) ([]*orders.Order, int, error)
	// Refundable returns the latest orders whose money can go back, 10 at most.
	Refundable(ctx context.Context) ([]*orders.Order, error)
	// OfferRefund says what a refund of amount would do, of all that is left for zero; anyway:
	// without asking the provider to take the eSIM back.
	OfferRefund(ctx context.Context, id orders.ID, amount esim.Money, anyway bool) (*orders.RefundOffer, error)
	// Refund begins a confirmed refund. It goes on by itself; the order returned is refunding.
	Refund(ctx context.Context, r orders.RefundRequest) (*orders.Order, error)
	// Answers says which decisions the order allows as it stands.
	Answers(o *orders.Order) []orders.Answer
	// BuyAgain, Deliver, Applied and Close are the decisions that need no more than a yes.
	BuyAgain(ctx context.Context, d orders.Decision) (*orders.Order, error)
	Deliver(ctx context.Context, d orders.Decision) (*orders.Order, error)
	Applied(ctx context.Context, d orders.Decision) (*orders.Order, error)
	Close(ctx context.Context, d orders.Decision) (*orders.Order, error)
	// AttachCode stores an activation code as what was bought, and has it delivered.
	AttachCode(ctx context.Context, d orders.Decision, code esim.ActivationCode) (*orders.Order, error)
	// AttachOrderNo asks the provider for the eSIM behind its order number, stores it, and has it
	// delivered.
	AttachOrderNo(ctx context.Context, d orders.Decision, number string) (*orders.Order, error)
	// OfferReturn says what returning a payment would do that no order is about, and ReturnPayment does
	// it. ErrNotFound for a payment that isn't this shop's.
	OfferReturn(ctx context.Context, intent string) (*orders.ReturnOffer, error)
	ReturnPayment(ctx context.Context, r orders.ReturnRequest) (orders.Refund, error)
	// OfferGiveBack says what giving back an eSIM would do that was bought beside the one that the order
	// has, and GiveBackSecond does it.
	OfferGiveBack(ctx context.Context, r orders.GiveBackRequest) (*orders.GiveBackOffer, error)
	GiveBackSecond(ctx context.Context, r orders.GiveBackRequest) (*orders.Order, error)
	// Balances asks every provider at once, within its timeout.
	Balances(ctx context.Context) []orders.Balance
	// Pauses, Pause and Resume: no new payment pages, for one provider's plans or for "" all.
	Pauses(ctx context.Context) (orders.Pauses, error)
	Pause(ctx context.Context, admin int64, p esim.Provider) (orders.Pauses, error)
	Resume(ctx context.Context, admin int64) (orders.Pauses, error)
	// Block and Unblock: no new payment pages for one customer; Blocked says whether.
	Block(ctx context.Context, admin, customer int64) error
	Unblock(ctx context.Context, admin, customer int64) error
	Blocked(ctx context.Context, customer int64) (bool, error)
	// Stats returns the figures of the last days, today's included, 1 to 90.
	Stats(ctx context.Context, days int) (orders.Stats, error)
}

// Support carries messages between customers and the people who help them. Neither sees the
// other's name.
type Support interface {
	// Ask sends a customer's message to the support chat, or to every admin where there is none,
	// once for each message however often it is called. orders.ErrTooMany for a customer who wrote
	// more than a person reads; ErrNotCarried.
	Ask(ctx context.Context, q Inquiry) error
	// Answered returns what the bot's message in the customer's private chat carried from support;
	// orders.ErrNotFound for any other message.
	Answered(ctx context.Context, customer int64, message int) (Relayed, error)
}

// An Inquiry is a customer's message to support.
type Inquiry struct {
	Customer int64
	Language string
	Order    *orders.Order // what it is about; nil for nothing in particular
	Message  int           // the customer's message in their private chat, which is copied
	Album    string        // of photos sent together; empty for none
	Text     string        // its text; empty for a photo, a voice message and the like
	Caption  string        // what stands below such a one; empty for nothing
	Topic    string        // "refund" where a refund is asked for, "search" for what a search didn't find; else empty
}

// Eraser deletes what is kept of a person: profile, sessions, activation codes. Payment records
// stay without a name.
type Eraser interface {
	Erase(ctx context.Context, customer int64) error
}

// Popularity tells what sells.
type Popularity interface {
	// Popular returns ids of destinations by sales of the last 30 days, those of lang's
	// customers first. It does no I/O.
	Popular(lang string) []string
}
