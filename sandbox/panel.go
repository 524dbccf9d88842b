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
)

const (
	maxAdvance   = 366 * 24 * time.Hour // by one press
	maxBalanceUS = 1_000_000
)

// panel answers the control panel beside the chat.
type panel struct {
	world   *World
	servers []server

	mu      sync.Mutex
	narrow  map[string]bool            // servers whose mood is for some calls only
	playing string                     // the scenario that was begun last
	drained map[string]decimal.Decimal // balances before a scenario took them
}

func newPanel(w *World) *panel {
	return &panel{world: w, servers: servers(w), narrow: map[string]bool{}, drained: map[string]decimal.Decimal{}}
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
	mux.HandleFunc("POST /panel/api/stripe/settings", act(p.settings))
	mux.HandleFunc("POST /panel/api/stripe/payment", act(p.pay))
	mux.HandleFunc("POST /panel/api/scenario", act(p.scenario))
	mux.HandleFunc("POST /panel/api/calm", act(func(struct{}) error { return p.world.Calm() }))
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
	// Orders are the server's books, newest first; null as above.
	Orders []orderJSON `json:"orders"`
	// Narrow says that the mood is for some calls only; NarrowName is how a person calls that.
	Narrow     bool   `json:"narrow"`
	NarrowName string `json:"narrow_name"`
	Waiting    int    `json:"waiting"` // requests that will be done later
}

type stateJSON struct {
	Now       time.Time    `json:"now"`
	Moved     string       `json:"moved"` // how far the clock stands ahead; empty for not at all
	Scenarios []Scenario   `json:"scenarios"`
	Playing   string       `json:"playing"` // id of the scenario begun last; empty for none
	Calm      bool         `json:"calm"`    // nothing is set to go wrong
	Providers []serverJSON `json:"providers"`
	Services  []serverJSON `json:"services"`
	Stripe    stripeJSON   `json:"stripe"`
}

func (p *panel) state(w http.ResponseWriter, _ *http.Request) {
	s := stateJSON{Now: p.world.Clock.Now(), Scenarios: Scenarios(), Stripe: p.stripe()}
	if moved := p.world.Clock.Offset(); moved > 0 {
		s.Moved = written(moved)
	}
	p.mu.Lock()
	s.Playing = p.playing
	p.mu.Unlock()
	s.Calm = s.Playing == "" && s.Stripe.calm()
	for _, one := range p.servers {
		j := p.describe(one)
		s.Calm = s.Calm && j.Mood == string(fault.OK)
		if one.wholesale == nil {
			s.Services = append(s.Services, j)
		} else {
			s.Providers = append(s.Providers, j)
		}
	}
	web.Reply(w, s)
}

func (p *panel) describe(one server) serverJSON {
	p.mu.Lock()
	narrow := p.narrow[one.id]
	p.mu.Unlock()
	j := serverJSON{
		ID: one.id, Name: one.name, Mood: one.present(), Moods: one.moods,
		Narrow: narrow, NarrowName: one.narrowName, Waiting: one.fault.Waiting(),
	}
	if one.wholesale != nil {
		j.Balance = one.wholesale.Balance().StringFixed(2)
		j.ESIMs, j.Orders = esims(one.wholesale), books(one.wholesale)
	}
	return j
}

// esims lists a provider's eSIMs, the newest first.
func esims(provider wholesaler) []esimJSON {
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

func (p *panel) provider(id string) (wholesaler, error) {
	s, err := p.server(id)
	if err != nil || s.wholesale == nil {
		return nil, errors.New("no such provider")
	}
	return s.wholesale, nil
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
