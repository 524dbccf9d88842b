package flows_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/locales"
	"esimbot/orders"
	"esimbot/providers"
	"esimbot/usage"
)

const (
	customer = int64(1001)
	stranger = int64(2002)
)

// noon is the moment at which the stage stands still.
var noon = time.Date(2026, time.November, 22, 14, 5, 0, 0, time.UTC)

var bundle = sync.OnceValues(locales.Load)

func loadBundle(tb testing.TB) *locales.Bundle {
	tb.Helper()
	b, err := bundle()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// shelves is the fixture catalogue: Japan with everything a page can show, two regions, the world,
// and enough countries for letters of several pages.
var shelves = sync.OnceValues(func() (*catalog.Snapshot, error) {
	b, err := bundle()
	if err != nil {
		return nil, err
	}
	usd := decimal.RequireFromString
	rule := catalog.Pricing{Currency: esim.USD, Rate: usd("1"), MarkupPercent: usd("30"), FixedFee: usd("0"), RoundUpTo: usd("0.01")}
	return catalog.NewSnapshot(b, rule, listings()), nil
})

func listings() map[esim.Provider][]providers.Listing {
	return map[esim.Provider][]providers.Listing{esim.CloudESIM: cloudListings(), esim.Mobilexy: mobileListings()}
}

func listing(p esim.Provider, id, wholesale string, kind esim.DestinationKind, place providers.Place, plan esim.Plan) providers.Listing {
	plan.Provider, plan.ID, plan.Wholesale = p, id, decimal.RequireFromString(wholesale)
	return providers.Listing{Plan: plan, Kind: kind, Place: place}
}

func fixed(gb float64, days int) esim.Plan {
	return esim.Plan{Kind: esim.Fixed, Bytes: int64(gb * float64(esim.GB)), Days: days, CanTopUp: true, Speeds: []string{"4G", "5G"}}
}

func covered(codes string) []providers.Place {
	var places []providers.Place
	for _, c := range strings.Fields(codes) {
		places = append(places, providers.Place{Code: c})
	}
	return places
}

const (
	europe = "AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LT LU LV MT NL NO PL PT RO RS SE SI SK TR UA"
	asia   = "CN HK ID IN JP KR MO MY PH SG TH TW VN"
	others = "AD AE AF AG AI AM AO AR AS AU AW AX AZ BA BB BD BH BR CA CL CO EG MX NZ ZA MA TN SA SB SC SD SH SL SM SN SO SR SS ST SX SZ"
)

func cloudListings() []providers.Listing {
	const p = esim.CloudESIM
	japan := providers.Place{Code: "JP"}
	daily := esim.Plan{Kind: esim.Daily, DailyBytes: 500 * esim.MB, ThrottleKbps: 512, Days: 7, Speeds: []string{"4G"}}
	list := []providers.Listing{
		listing(p, "JP-1-7", "2.00", esim.Country, japan, fixed(1, 7)),
		listing(p, "JP-3-15", "4.00", esim.Country, japan, fixed(3, 15)),
		listing(p, "JP-10-30", "8.80", esim.Country, japan, fixed(10, 30)),
		listing(p, "JP-20-30", "19.00", esim.Country, japan, fixed(20, 30)),
		listing(p, "JP-500D", "9.00", esim.Country, japan, daily),
	}
	for i, c := range strings.Fields(europe + " " + asia + " " + others) {
		if c == "HK" || c == "JP" {
			continue
		}
		list = append(list, listing(p, c+"-1-7", fmt.Sprintf("%d.10", 1+i%7), esim.Country, providers.Place{Code: c}, fixed(1, 7)))
	}
	all := listing(p, "EU-35", "5.00", esim.Region, providers.Place{Code: "EU-35", Name: "Europe"}, fixed(5, 30))
	all.Coverage = covered(europe)
	world := listing(p, "GL-100", "12.00", esim.Global, providers.Place{Code: "GL", Name: "Global"}, fixed(3, 30))
	world.Coverage = covered(europe + " " + asia + " " + others)
	return append(list, all, world)
}

func mobileListings() []providers.Listing {
	const p = esim.Mobilexy
	japan := providers.Place{Code: "JP", Name: "Japan", Slug: "japan"}
	with := func(plan esim.Plan, change func(*esim.Plan)) esim.Plan {
		plan.Operators = []string{"KDDI", "SoftBank"}
		change(&plan)
		return plan
	}
	list := []providers.Listing{
		listing(p, "855", "2.10", esim.Country, japan, with(fixed(1, 7), func(*esim.Plan) {})),
		listing(p, "856", "1.20", esim.Country, japan, with(fixed(0.5, 3), func(*esim.Plan) {})),
		listing(p, "857", "14.50", esim.Country, japan, with(esim.Plan{Kind: esim.Unlimited, Days: 7}, func(q *esim.Plan) {
			q.FairUse = "2GB/Day at full speed <then> slower"
		})),
		listing(p, "858", "12.00", esim.Country, japan, with(fixed(5, 60), func(q *esim.Plan) { q.VoiceMinutes, q.SMS = 100, 50 })),
		listing(p, "859", "16.00", esim.Country, japan, with(fixed(12, 60), func(q *esim.Plan) { q.VoiceMinutes, q.CanTopUp = -1, false })),
	}
	region := listing(p, "900", "6.00", esim.Region, providers.Place{Name: "Asia", Code: "AS-13", Slug: "asia"}, with(fixed(5, 15), func(*esim.Plan) {}))
	region.Coverage = covered(asia)
	return append(list, region)
}

func loadShelves(tb testing.TB) *catalog.Snapshot {
	tb.Helper()
	s, err := shelves()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// A stage is the shop with everything around it in memory, and one customer's chat. It does with
// replies what the doors do.
type stage struct {
	tb       testing.TB
	shop     *flows.Shop
	cfg      flows.Config
	now      time.Time
	snap     *catalog.Snapshot
	quote    func(esim.Plan) (esim.Plan, error)
	desk     *desk
	office   *office
	network  *network
	esims    map[string]*usage.ESIM
	support  *support
	erased   []int64
	broken   error // of everything stored
	popular  []string
	user     int64
	admin    bool
	client   string
	sent     int // messages by the customer
	session  flows.Session
	customer flows.Customer
	acted    flows.Event // the last
	last     flows.Reply
	shown    []flows.Screen // everything shown, in order
}

func newStage(tb testing.TB, change ...func(*flows.Config)) *stage {
	tb.Helper()
	s := &stage{tb: tb, now: noon, snap: loadShelves(tb), esims: map[string]*usage.ESIM{}, user: customer, client: "en"}
	s.desk = &desk{stage: s, orders: map[orders.ID]*orders.Order{}}
	s.support = &support{answers: map[int]flows.Relayed{}}
	s.office = newOffice(s)
	s.network = &network{stage: s}
	s.quote = func(p esim.Plan) (esim.Plan, error) { return p, nil }
	s.cfg = flows.Config{
		Catalogue: catalogue{s}, Desk: s.desk, ESIMs: shelf{s}, Watch: s.network, Linker: s.network, TopUps: s.network, Office: s.office, Support: s.support, Eraser: eraser{s}, Popularity: popularity{s},
		Bundle: loadBundle(tb), BotUsername: "esim_bot", TermsURL: "https://shop.example/terms", PrivacyURL: "https://shop.example/privacy",
		Now: func() time.Time { return s.now }, Random: new(counter),
	}
	for _, c := range change {
		c(&s.cfg)
	}
	shop, err := flows.New(s.cfg)
	if err != nil {
		tb.Fatal(err)
	}
	s.shop = shop
	return s
}

// counter is a source of ids that are all different and the same in every run.
type counter struct{ n uint32 }

func (c *counter) Read(b []byte) (int, error) {
	c.n++
	clear(b)
	binary.BigEndian.PutUint32(b, c.n*0x01030507)
	return len(b), nil
}

func (s *stage) press(data string) flows.Reply {
	return s.event(flows.Event{Kind: flows.EventPress, Data: data, Message: max(s.session.Screen, 1)})
}
func (s *stage) text(t string) flows.Reply {
	return s.event(flows.Event{Kind: flows.EventText, Text: t, Sent: s.send()})
}
func (s *stage) command(name, args string) flows.Reply {
	return s.event(flows.Event{Kind: flows.EventCommand, Command: name, Args: args, Sent: s.send()})
}

// send numbers a message that the customer sends.
func (s *stage) send() int {
	s.sent++
	return 1000 + s.sent
}

// event handles one event to its end, effects included, and returns the last reply.
func (s *stage) event(e flows.Event) flows.Reply {
	s.tb.Helper()
	r := s.tap(e)
	for r.Then != nil {
		r = s.effect(r)
	}
	return r
}

func (s *stage) input(e flows.Event) flows.Input {
	e.Client = s.client
	return flows.Input{Event: e, User: s.user, Admin: s.admin, Session: s.session, Customer: s.customer, Now: s.now}
}

// tap handles an event without its effects.
func (s *stage) tap(e flows.Event) flows.Reply {
	s.tb.Helper()
	s.acted = e
	r, err := s.shop.Handle(context.Background(), s.input(e))
	if err != nil {
		s.tb.Fatalf("%+v: %v", e, err)
	}
	s.take(r)
	return r
}

func (s *stage) effect(r flows.Reply) flows.Reply {
	s.tb.Helper()
	e := s.acted
	e.Message = s.session.Screen
	next, err := r.Then(context.Background(), s.input(e))
	if err != nil {
		s.tb.Fatalf("effect: %v", err)
	}
	s.take(next)
	return next
}

func (s *stage) take(r flows.Reply) {
	r.Session.Version++
	if r.Fresh || r.Session.Screen == 0 {
		r.Session.Screen = s.session.Screen + 1
	}
	s.session = r.Session
	if r.Customer != nil {
		s.customer = *r.Customer
	}
	if r.Screen != nil {
		s.shown = append(s.shown, *r.Screen)
	}
	s.shown = append(s.shown, r.More...)
	s.last = r
}

// screen is what the chat shows now.
func (s *stage) screen() flows.Screen { return s.shown[len(s.shown)-1] }

// plan finds a plan of the fixture by its provider's id.
func (s *stage) plan(id string) esim.Plan {
	s.tb.Helper()
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		if plan, ok := s.snap.Plan(esim.Plan{Provider: p, ID: id}.Ref()); ok {
			return plan
		}
	}
	s.tb.Fatalf("no plan %s in the fixture", id)
	return esim.Plan{}
}

func buy(p esim.Plan) string { return fmt.Sprintf("buy/%s/%d", p.Ref(), p.Retail.Minor) }

type catalogue struct{ s *stage }

func (c catalogue) Snapshot() *catalog.Snapshot { return c.s.snap }
func (c catalogue) Quote(_ context.Context, p esim.Plan) (esim.Plan, error) {
	return c.s.quote(p)
}

type popularity struct{ s *stage }

func (p popularity) Popular(string) []string { return p.s.popular }

type eraser struct{ s *stage }

func (e eraser) Erase(_ context.Context, customer int64) error {
	if e.s.broken != nil {
		return e.s.broken
	}
	e.s.erased = append(e.s.erased, customer)
	e.s.session.Version = 0 // the stored session is gone
	return nil
}

type shelf struct{ s *stage }

func (h shelf) ByCustomer(_ context.Context, customer int64) ([]*usage.ESIM, error) {
	var list []*usage.ESIM
	for _, e := range h.s.esims {
		if e.Customer == customer {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *usage.ESIM) int {
		return cmp.Or(b.BoughtAt.Compare(a.BoughtAt), strings.Compare(a.ID, b.ID))
	})
	return list, h.s.broken
}

func (h shelf) ESIM(_ context.Context, id string, customer int64) (*usage.ESIM, error) {
	if h.s.broken != nil {
		return nil, h.s.broken
	}
	if e, ok := h.s.esims[id]; ok && e.Customer == customer {
		return e, nil
	}
	return nil, fmt.Errorf("look: %w", orders.ErrNotFound)
}

func (h shelf) Standings(context.Context) (map[esim.Status]int, error) {
	count := map[esim.Status]int{}
	for _, e := range h.s.esims {
		count[e.Standing(h.s.now)]++
	}
	return count, nil
}

func (h shelf) Change(ctx context.Context, id string, customer int64, edit func(*usage.ESIM) error) (*usage.ESIM, error) {
	e, err := h.ESIM(ctx, id, customer)
	if err != nil {
		return nil, err
	}
	changed := *e
	if err := edit(&changed); err != nil {
		return nil, err
	}
	changed.Version++
	h.s.esims[id] = &changed
	return &changed, nil
}

// desk keeps orders as orders.Service does, with failures on demand.
type desk struct {
	stage   *stage
	orders  map[orders.ID]*orders.Order
	opened  int // new orders made
	openErr error
	// before runs in Cancel and Check before the order is read: a payment that comes meanwhile.
	before func(*orders.Order)
	err    error // of Cancel and Check
}

func (d *desk) clone(s *stage) *desk {
	c := *d
	c.stage, c.orders = s, maps.Clone(d.orders)
	return &c
}

func (d *desk) Open(_ context.Context, draft orders.Draft) (*orders.Order, error) {
	if d.openErr != nil {
		return nil, d.openErr
	}
	o, ok := d.orders[draft.ID]
	if !ok {
		d.opened++
		o = &orders.Order{
			ID: draft.ID, State: orders.AwaitingPayment, Kind: draft.Kind, Customer: draft.Customer, Language: draft.Language,
			Plan: draft.Plan, ESIM: draft.ESIM, Screen: draft.Screen, CreatedAt: d.stage.now,
		}
		d.orders[o.ID] = o
	}
	if o.State == orders.AwaitingPayment {
		o.Checkout = orders.Checkout{SessionID: "cs_test_1", URL: "https://checkout.example/pay/cs_test_1", ExpiresAt: d.stage.now.Add(31 * time.Minute)}
	}
	return o, nil
}

func (d *desk) Get(_ context.Context, id orders.ID, customer int64) (*orders.Order, error) {
	if d.stage.broken != nil {
		return nil, d.stage.broken
	}
	if o, ok := d.orders[id]; ok && o.Customer == customer {
		return o, nil
	}
	return nil, fmt.Errorf("load order: %w", orders.ErrNotFound)
}

func (d *desk) touch(id orders.ID, customer int64) (*orders.Order, error) {
	o, err := d.Get(context.Background(), id, customer)
	if err != nil || d.err != nil {
		return nil, errors.Join(err, d.err)
	}
	if d.before != nil {
		d.before(o)
	}
	return o, nil
}

func (d *desk) Cancel(_ context.Context, id orders.ID, customer int64) (*orders.Order, error) {
	o, err := d.touch(id, customer)
	if err == nil && o.State == orders.AwaitingPayment {
		closed := *o
		closed.State = orders.Expired
		d.orders[id], o = &closed, &closed
	}
	return o, err
}

func (d *desk) Check(_ context.Context, id orders.ID, customer int64) (*orders.Order, error) {
	return d.touch(id, customer)
}

func (d *desk) List(_ context.Context, customer int64) ([]*orders.Order, error) {
	var list []*orders.Order
	for _, o := range d.orders {
		if o.Customer == customer {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *orders.Order) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(string(a.ID), string(b.ID)))
	})
	return list, d.stage.broken
}
