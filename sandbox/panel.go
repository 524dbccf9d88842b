package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/web"
	"esimbot/sandbox/wholesale"
)

const (
	maxAdvance   = 366 * 24 * time.Hour // by one press
	shownEvents  = 40
	maxBalanceUS = 1_000_000
)

// wholesaler is what the panel does with a provider.
type wholesaler interface {
	Balance() decimal.Decimal
	SetBalance(usd decimal.Decimal)
	ESIMs() []wholesale.ESIM
	Install(iccid string) error
	SetUsed(iccid string, bytes int64) error
	ReportEvery() time.Duration
}

// server is one of the four with the moods it can be put in.
type server struct {
	id, name  string
	fault     *fault.Switch
	moods     []mood
	wholesale wholesaler // nil for Telegram and Stripe
}

// mood is a way to misbehave as the panel offers it.
type mood struct {
	ID   string     `json:"id"`
	Name string     `json:"name"`
	rule fault.Rule // what it does
}

// moods lists what the panel offers. Slow comes twice: to watch the shop wait, and to outlast it.
func moods() []mood {
	return []mood{
		{"ok", "works", fault.Rule{Mood: fault.OK}},
		{"slow-3s", "slow, 3 s", fault.Rule{Mood: fault.Slow, Delay: 3 * time.Second}},
		{"slow-30s", "slow, 30 s", fault.Rule{Mood: fault.Slow, Delay: 30 * time.Second}},
		{"error", "error 500", fault.Rule{Mood: fault.Error}},
		{"error-after", "500 after the work", fault.Rule{Mood: fault.ErrorAfter}},
		{"dead", "dead", fault.Rule{Mood: fault.Dead}},
		{"dead-after", "dead after the work", fault.Rule{Mood: fault.DeadAfter}},
		{"garbage", "answers garbage", fault.Rule{Mood: fault.Garbage}},
		{"half", "half an answer", fault.Rule{Mood: fault.Half}},
		{"huge", "10 MB answers", fault.Rule{Mood: fault.Huge}},
		{"limited", "too many (429)", fault.Rule{Mood: fault.Limited}},
		{"empty", "empty lists", fault.Rule{Mood: fault.Empty}},
	}
}

// present names the mood a server is in: one that was not set here by its own word.
func (s server) present() string {
	rule := s.fault.Rule()
	for _, m := range s.moods {
		if m.rule.Mood == rule.Mood && m.rule.Delay == rule.Delay {
			return m.ID
		}
	}
	return string(rule.Mood)
}

// panel answers the control panel beside the chat.
type panel struct {
	world   *World
	servers []server

	mu      sync.Mutex
	dropped bool // Stripe's webhooks are lost
}

func newPanel(w *World) *panel {
	all := moods()
	plain := all[:len(all)-1] // Telegram and Stripe have no lists that the shop shows
	return &panel{world: w, servers: []server{
		{"cloudesim", "CloudeSIM", w.CloudESIM.Fault, all, w.CloudESIM},
		{"mobilexy", "Mobilexy", w.Mobilexy.Fault, all, w.Mobilexy},
		{"telegram", "Telegram", w.Telegram.Fault, plain, nil},
		{"stripe", "Stripe", w.Stripe.Fault, plain, nil},
	}}
}

func (p *panel) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /panel/api/state", p.state)
	mux.HandleFunc("POST /panel/api/clock", act(p.advance))
	mux.HandleFunc("POST /panel/api/mood", act(p.mood))
	mux.HandleFunc("POST /panel/api/balance", act(p.balance))
	mux.HandleFunc("POST /panel/api/esim/install", act(p.install))
	mux.HandleFunc("POST /panel/api/esim/use", act(p.use))
	mux.HandleFunc("POST /panel/api/stripe/resend", act(p.resend))
	mux.HandleFunc("POST /panel/api/stripe/drop", act(p.drop))
	return mux
}

// act answers one of the panel's changes.
func act[T any](change func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		if !web.Read(w, r, &in) {
			return
		}
		if err := change(in); err != nil {
			web.Refuse(w, err)
			return
		}
		web.Reply(w, map[string]bool{"ok": true})
	}
}

type esimJSON struct {
	ICCID     string        `json:"iccid"`
	Plan      string        `json:"plan"`
	Status    string        `json:"status"`
	Used      int64         `json:"used"`  // bytes
	Total     int64         `json:"total"` // bytes, -1 without a fixed volume
	Installed bool          `json:"installed"`
	Live      bool          `json:"live"`
	Report    *reportedJSON `json:"report,omitempty"` // where the shop sees a report, and not the eSIM itself
}

// reportedJSON is what the shop can know of an eSIM whose carrier reports now and then.
type reportedJSON struct {
	Used int64     `json:"used"` // bytes
	At   time.Time `json:"at"`
	Next time.Time `json:"next"`
}

type serverJSON struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Mood    string     `json:"mood"`
	Moods   []mood     `json:"moods"`
	Balance string     `json:"balance,omitempty"` // USD
	ESIMs   []esimJSON `json:"esims"`             // null for a server that sells none
}

type eventJSON struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	At        time.Time `json:"at"`
	Delivered int       `json:"delivered"` // times
	Waiting   bool      `json:"waiting"`   // on its way still
	Error     string    `json:"error,omitempty"`
}

type stateJSON struct {
	Now       time.Time    `json:"now"`
	Moved     string       `json:"moved"` // how far the clock stands ahead; empty for not at all
	Providers []serverJSON `json:"providers"`
	Services  []serverJSON `json:"services"`
	Stripe    struct {
		Dropped bool        `json:"dropped"`
		Events  []eventJSON `json:"events"` // newest first
	} `json:"stripe"`
}

func (p *panel) state(w http.ResponseWriter, _ *http.Request) {
	s := stateJSON{Now: p.world.Clock.Now()}
	if moved := p.world.Clock.Offset(); moved > 0 {
		s.Moved = written(moved)
	}
	for _, one := range p.servers {
		j := serverJSON{ID: one.id, Name: one.name, Mood: one.present(), Moods: one.moods}
		if one.wholesale == nil {
			s.Services = append(s.Services, j)
			continue
		}
		j.Balance = one.wholesale.Balance().StringFixed(2)
		j.ESIMs = describe(one.wholesale)
		s.Providers = append(s.Providers, j)
	}
	p.mu.Lock()
	s.Stripe.Dropped = p.dropped
	p.mu.Unlock()
	events := p.world.Stripe.Events()
	s.Stripe.Events = []eventJSON{}
	for i := len(events) - 1; i >= 0 && len(s.Stripe.Events) < shownEvents; i-- {
		e := events[i]
		s.Stripe.Events = append(s.Stripe.Events, eventJSON{ID: e.ID, Type: e.Type, At: e.Created, Delivered: e.Delivered, Waiting: e.Waiting(), Error: e.LastError})
	}
	web.Reply(w, s)
}

// describe lists a provider's eSIMs, the newest first.
func describe(provider wholesaler) []esimJSON {
	esims, every := provider.ESIMs(), provider.ReportEvery()
	list := make([]esimJSON, 0, len(esims))
	for i := len(esims) - 1; i >= 0; i-- {
		e := esims[i]
		j := esimJSON{
			ICCID: e.ICCID, Plan: e.PlanName, Status: string(e.State), Used: e.UsedBytes, Total: e.TotalBytes,
			Installed: e.Installed(), Live: e.Live(),
		}
		if every > 0 && e.Installed() {
			j.Report = &reportedJSON{Used: e.Report.UsedBytes, At: e.Report.At, Next: e.Report.At.Add(every)}
		}
		list = append(list, j)
	}
	return list
}

// written says a duration in days and hours.
func written(d time.Duration) string {
	days, hours := int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour)
	switch {
	case days == 0:
		return fmt.Sprintf("%d h", hours)
	case hours == 0:
		return fmt.Sprintf("%d d", days)
	default:
		return fmt.Sprintf("%d d %d h", days, hours)
	}
}

func (p *panel) advance(in struct {
	Advance string `json:"advance"`
}) error {
	d, err := time.ParseDuration(in.Advance)
	if err != nil || d <= 0 || d > maxAdvance {
		return errors.New("the clock moves forward, at most a year at once")
	}
	p.world.Clock.Advance(d)
	return nil
}

func (p *panel) server(id string) (server, error) {
	for _, s := range p.servers {
		if s.id == id {
			return s, nil
		}
	}
	return server{}, errors.New("no such server")
}

func (p *panel) provider(id string) (wholesaler, error) {
	s, err := p.server(id)
	if err != nil || s.wholesale == nil {
		return nil, errors.New("no such provider")
	}
	return s.wholesale, nil
}

func (p *panel) mood(in struct {
	Server string `json:"server"`
	Mood   string `json:"mood"`
}) error {
	s, err := p.server(in.Server)
	if err != nil {
		return err
	}
	for _, m := range s.moods {
		if m.ID == in.Mood {
			return s.fault.Set(m.rule)
		}
	}
	return errors.New("no such mood")
}

func (p *panel) balance(in struct {
	Provider string `json:"provider"`
	Balance  string `json:"balance"` // USD
}) error {
	provider, err := p.provider(in.Provider)
	if err != nil {
		return err
	}
	if len(in.Balance) > 16 {
		return errors.New("the balance is an amount in dollars")
	}
	usd, err := decimal.NewFromString(in.Balance)
	if err != nil || usd.IsNegative() || usd.GreaterThan(decimal.New(maxBalanceUS, 0)) {
		return errors.New("the balance is an amount in dollars")
	}
	provider.SetBalance(usd.Round(2))
	return nil
}

// oneESIM names an eSIM in what the panel posts.
type oneESIM struct {
	Provider string `json:"provider"`
	ICCID    string `json:"iccid"`
	Used     int64  `json:"used"` // bytes
}

func (p *panel) install(in oneESIM) error {
	provider, err := p.provider(in.Provider)
	if err != nil {
		return err
	}
	return provider.Install(in.ICCID)
}

func (p *panel) use(in oneESIM) error {
	provider, err := p.provider(in.Provider)
	if err != nil {
		return err
	}
	return provider.SetUsed(in.ICCID, max(in.Used, 0))
}

func (p *panel) resend(in struct {
	Event string `json:"event"`
}) error {
	return p.world.Stripe.Resend(in.Event)
}

func (p *panel) drop(in struct {
	Drop bool `json:"drop"`
}) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped = in.Drop
	p.world.Stripe.DropWebhooks(in.Drop)
	return nil
}
