// Package telegram is a local Telegram: a stateful Bot API server that refuses what the real one
// refuses, and the people who talk to the bot through it.
//
// The bot's side is plain HTTP: mount the Server where the bot expects api.telegram.org
// (/bot<token>/<method>, /file/bot<token>/<path>). The people's side is Go: SendText, Press and the
// rest do what a person does in the app, Messages and WaitFor show what the person sees, Subscribe
// streams it to a chat page.
//
// Updates go to the bot the way Telegram sends them: to the webhook when one is set, one at a time
// for each queue (messages by chat, callbacks by person), the next only after the 200 of the one
// before; otherwise to getUpdates. Errors carry the descriptions of the real server.
// https://core.telegram.org/bots/api
package telegram

import (
	"context"
	"net/http"
	"sync"
	"time"

	"esimbot/sandbox/fault"
)

// What is kept, at most: a sandbox may run for weeks.
const (
	maxHistory   = 400  // messages a chat
	maxCalls     = 5000 // recorded calls
	maxUpdates   = 2000 // updates remembered for Redeliver
	maxPending   = 5000 // updates waiting for the bot
	maxFiles     = 400  // uploaded files
	maxBodyBytes = 50 << 20
)

// How long the bot has to fetch an update and to answer a callback query.
const (
	updateLifetime   = 24 * time.Hour
	callbackLifetime = 150 * time.Second
)

// Options say what the server is like. Token is required.
type Options struct {
	Token       string           // the bot's token, <id>:<secret>
	BotUsername string           // without @; esim_sandbox_bot when empty
	BotName     string           // the bot's first name; eSIM Shop when empty
	Now         func() time.Time // time.Now when nil
	HTTPClient  *http.Client     // delivers to the webhook; one with a 60 s timeout when nil
	// After waits between two deliveries of an update; time.After when nil.
	After func(time.Duration) <-chan time.Time
	// Limits are off when zero.
	Limits Limits
	// LastUpdate is the id before that of the first update. A bot that remembers ids across starts
	// of this server must not meet the same one twice.
	LastUpdate int
}

// Limits are the most messages sent in one second before the server answers 429.
type Limits struct {
	PerChat int // to one chat; the real server's is about 1
	Global  int // to all chats; the real server's is about 30
}

// A Server is the local Telegram. It may be used by several goroutines at once. Close it to end the
// deliveries to the webhook.
type Server struct {
	// Fault misanswers the bot's calls on demand.
	Fault *fault.Switch

	token   string
	bot     User
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time
	client  *http.Client
	limits  Limits
	api     http.Handler
	methods map[string]method
	known   map[string][]string
	spawn   func(func(context.Context))
	stop    func()

	mu        sync.Mutex
	chats     map[int64]*chat
	order     []int64 // chats in the order they were added
	lastID    int     // of messages
	lastFile  int
	files     map[string]*file
	fileOrder []string
	queries   map[string]*query
	answers   []Answer
	calls     []Call
	sent      map[int64][]time.Time // times of recent sends by chat; 0 for all
	profile   profile

	lastUpdate int
	pending    []*pendingUpdate // oldest first
	history    []Update
	wake       chan struct{} // closed and replaced when pending or the webhook changes
	poll       int           // the newest getUpdates; older ones are ended
	hook       webhook
	slots      chan struct{} // the webhook's connections
	delivering map[string]bool

	watchers map[*Subscription]bool
	changed  chan struct{} // closed and replaced when anything a person sees changes
}

// chat is a conversation: a person's with the bot, or a group.
type chat struct {
	Chat
	user     *User // nil in a group
	members  map[int64]*User
	started  bool // the bot may write: the person wrote first, or the bot was added
	blocked  bool
	muted    bool       // members may not write
	messages []*Message // oldest first
	movedTo  int64      // the supergroup that this group became
	menu     MenuButton
}

// New returns a Server with no people in it.
func New(o Options) *Server {
	s := &Server{
		Fault:      &fault.Switch{Now: o.Now},
		token:      o.Token,
		now:        o.Now,
		after:      o.After,
		limits:     o.Limits,
		lastUpdate: o.LastUpdate,
		known:      knownMethods(),
		chats:      map[int64]*chat{},
		files:      map[string]*file{},
		queries:    map[string]*query{},
		sent:       map[int64][]time.Time{},
		profile:    newProfile(),
		wake:       make(chan struct{}),
		delivering: map[string]bool{},
		watchers:   map[*Subscription]bool{},
		changed:    make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.after == nil {
		s.after = time.After
	}
	s.bot = User{ID: botID(o.Token), IsBot: true, FirstName: or(o.BotName, "eSIM Shop"), Username: or(o.BotUsername, "esim_sandbox_bot")}
	s.client = deliveryClient(o.HTTPClient)
	s.methods = s.implemented()
	s.api = s.Fault.Wrap(http.HandlerFunc(s.serveAPI))
	s.own()
	return s
}

// own gives the server its goroutines' owner: spawn starts one, stop ends all and waits.
func (s *Server) own() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	s.spawn = func(f func(context.Context)) {
		if ctx.Err() != nil {
			return
		}
		running.Go(func() { f(ctx) })
	}
	s.stop = func() {
		s.mu.Lock() // spawn is called under it: nothing starts after this
		cancel()
		s.mu.Unlock()
		running.Wait()
	}
}

// Close ends the deliveries to the webhook and every subscription, and waits for them. It may be
// called more than once.
func (s *Server) Close() {
	s.mu.Lock()
	for w := range s.watchers {
		s.drop(w)
	}
	s.mu.Unlock()
	s.stop()
}

// Bot returns the bot's account.
func (s *Server) Bot() User { return s.bot }

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
