package sandbox

import (
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

// wholesaler is what the panel does with a provider.
type wholesaler interface {
	Balance() decimal.Decimal
	SetBalance(usd decimal.Decimal)
	ESIMs() []wholesale.ESIM
	Orders() []wholesale.Order
	Plan(code string) (wholesale.Plan, bool)
	Install(iccid string) error
	SetUsed(iccid string, bytes int64) error
	ReportEvery() time.Duration
}

// The calls of a provider that cost money.
const (
	cloudesimPurchases = "/esim/order|/esim/topup"
	mobilexyPurchases  = "/plan/purchase|/profile/topup"
)

// server is one of the four with the moods it can be put in.
type server struct {
	id, name   string
	fault      *fault.Switch
	moods      []mood
	narrow     string     // paths of the calls that a mood may be for alone
	narrowName string     // how a person calls that
	wholesale  wholesaler // nil for Telegram and Stripe
}

func servers(w *World) []server {
	all := moods()
	plain := all[:len(all)-1] // Telegram and Stripe have no lists that the shop shows
	return []server{
		{"cloudesim", "CloudeSIM", w.CloudESIM.Fault, all, cloudesimPurchases, "for purchases only", w.CloudESIM},
		{"mobilexy", "Mobilexy", w.Mobilexy.Fault, all, mobilexyPurchases, "for purchases only", w.Mobilexy},
		{"telegram", "Telegram", w.Telegram.Fault, plain, "/sendPhoto", "for photos only", nil},
		{"stripe", "Stripe", w.Stripe.Fault, plain, "/v1/refunds", "for refunds only", nil},
	}
}

// mood is a way to misbehave as the panel offers it.
type mood struct {
	ID   string     `json:"id"`
	Name string     `json:"name"`
	rule fault.Rule // what it does
}

// moods lists what the panel offers. Slow comes twice, to watch the shop wait and to outlast it, and
// so does a 429: for as long as it is set, and with a wait that can be seen.
func moods() []mood {
	return []mood{
		{"ok", "works", fault.Rule{Mood: fault.OK}},
		{"slow-3s", "slow, 3 s", fault.Rule{Mood: fault.Slow, Delay: 3 * time.Second}},
		{"slow-30s", "slow, 30 s", fault.Rule{Mood: fault.Slow, Delay: 30 * time.Second}},
		{"error", "500, nothing done", fault.Rule{Mood: fault.Error}},
		{"error-after", "500 after it is done", fault.Rule{Mood: fault.ErrorAfter}},
		{"dead", "cut off, nothing done", fault.Rule{Mood: fault.Dead}},
		{"dead-after", "cut off after it is done", fault.Rule{Mood: fault.DeadAfter}},
		{"refused", "refuses connections", fault.Rule{Mood: fault.Refused}},
		{"late", "no answer, done 5 min later", fault.Rule{Mood: fault.Late, Delay: 5 * time.Minute}},
		{"garbage", "answers garbage", fault.Rule{Mood: fault.Garbage}},
		{"half", "half an answer", fault.Rule{Mood: fault.Half}},
		{"huge", "10 MB answers", fault.Rule{Mood: fault.Huge}},
		{"limited", "429, every time", fault.Rule{Mood: fault.Limited}},
		{"limited-30s", "429 for 30 s", fault.Rule{Mood: fault.Limited, Delay: 30 * time.Second}},
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

func (p *panel) server(id string) (server, error) {
	for _, s := range p.servers {
		if s.id == id {
			return s, nil
		}
	}
	return server{}, errors.New("no such server")
}

func (p *panel) mood(in struct {
	Server string `json:"server"`
	Mood   string `json:"mood"`
	Narrow bool   `json:"narrow"`
}) error {
	return p.put(in.Server, in.Mood, in.Narrow)
}

// put puts a server in a mood, for all calls or for the narrow part of them.
func (p *panel) put(id, moodID string, narrow bool) error {
	s, err := p.server(id)
	if err != nil {
		return err
	}
	for _, m := range s.moods {
		if m.ID != moodID {
			continue
		}
		rule := m.rule
		if narrow && rule.Mood != fault.OK && rule.Mood != fault.Refused {
			rule.Path = s.narrow
		}
		p.mu.Lock()
		p.narrow[id] = narrow
		p.mu.Unlock()
		return s.fault.Set(rule)
	}
	return errors.New("no such mood")
}

// orderJSON is a line of a provider's books.
type orderJSON struct {
	No     string    `json:"no"`
	TopUp  bool      `json:"top_up"`
	Plan   string    `json:"plan"`
	Amount string    `json:"amount"` // USD
	At     time.Time `json:"at"`
	State  string    `json:"state"` // of its eSIM, in the provider's word
	ICCID  string    `json:"iccid"`
	Code   string    `json:"code"` // the activation code, an LPA string
}

// books lists what a provider sold, the newest first.
func books(provider wholesaler) []orderJSON {
	sold := map[string]wholesale.ESIM{}
	for _, e := range provider.ESIMs() {
		sold[e.ICCID] = e
	}
	list := []orderJSON{}
	orders := provider.Orders()
	for i := len(orders) - 1; i >= 0 && len(list) < shownOrders; i-- {
		o := orders[i]
		line := orderJSON{No: o.No, TopUp: o.TopUp, Plan: o.Plan, Amount: o.Amount.StringFixed(2), At: o.At}
		if plan, ok := provider.Plan(o.Plan); ok {
			line.Plan = plan.Name
		}
		if len(o.ICCIDs) > 0 {
			e := sold[o.ICCIDs[0]]
			line.State, line.ICCID, line.Code = string(e.State), e.ICCID, e.ActivationCode
		}
		list = append(list, line)
	}
	return list
}
