package simulation

import (
	"fmt"
	"strings"
	"time"

	"esimbot/orders"
)

// figures are what came of some orders.
type figures struct {
	worlds, orders, paid, topUps                           int
	delivered, refunded, review, expired, lost, double     int
	approved, photos, refunds, partial, cancelled, rebuilt int
	crashes, rollbacks                                     int
	faults                                                 [faults]int
	virtual                                                time.Duration
	hash                                                   uint64
}

func (f *figures) add(g *figures) {
	for _, pair := range [][2]*int{
		{&f.worlds, &g.worlds}, {&f.orders, &g.orders}, {&f.paid, &g.paid}, {&f.topUps, &g.topUps}, {&f.delivered, &g.delivered},
		{&f.refunded, &g.refunded}, {&f.review, &g.review}, {&f.expired, &g.expired}, {&f.lost, &g.lost}, {&f.double, &g.double},
		{&f.approved, &g.approved}, {&f.photos, &g.photos}, {&f.refunds, &g.refunds}, {&f.partial, &g.partial},
		{&f.cancelled, &g.cancelled}, {&f.rebuilt, &g.rebuilt}, {&f.crashes, &g.crashes}, {&f.rollbacks, &g.rollbacks},
	} {
		*pair[0] += *pair[1]
	}
	for i := range f.faults {
		f.faults[i] += g.faults[i]
	}
	f.virtual += g.virtual
	f.hash = mixed(f.hash^g.hash, "world")
}

// count fills the figures of a world that has settled.
func (w *world) count() {
	f := &w.figures
	f.worlds, f.orders, f.hash = 1, len(w.ids), w.hash
	for _, id := range w.ids {
		c := w.affair(id)
		if c.intent != nil {
			f.paid++
		}
		if c.book.draft.Kind == orders.KindTopUp {
			f.topUps++
		}
		switch {
		case c.in(orders.Delivered):
			f.delivered++
		case c.in(orders.Refunded):
			f.refunded++
		case c.in(orders.Review):
			f.review++
		default:
			f.expired++
		}
		if c.order != nil && !c.order.RebuiltAt.IsZero() {
			f.rebuilt++
		}
		f.photos += len(c.photos)
		f.approved += c.book.approved
		f.partial += len(c.book.wished)
		if c.intent != nil {
			f.refunds += len(c.intent.refunds)
		}
		for _, x := range c.sales {
			if !x.taken.IsZero() {
				f.cancelled++
			}
		}
		if c.ended() != "" || c.known() != "" || c.kept() != "" {
			f.lost++
		}
		if c.boughtOnce() != "" || c.refundedOnce() != "" {
			f.double++
		}
	}
}

// block is the figures as they are printed.
func (f *figures) block(seed uint64, wall time.Duration) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	line("seed %d: %d orders in %d worlds, %d of them top-ups, %d paid", seed, f.orders, f.worlds, f.topUps, f.paid)
	line("delivered %d, refunded %d, review %d, expired %d, lost %d, double %d", f.delivered, f.refunded, f.review, f.expired, f.lost, f.double)
	line("%d photos and receipts, %d refunds at Stripe of %d begun, %d eSIMs given back, %d purchases approved, %d orders rebuilt",
		f.photos, f.refunds, f.partial, f.cancelled, f.approved, f.rebuilt)
	line("crashes %d, rollbacks %d", f.crashes, f.rollbacks)
	var list []string
	for i, n := range f.faults {
		list = append(list, fmt.Sprintf("%s %d", fault(i), n))
	}
	for len(list) > 0 {
		n := min(7, len(list))
		line("%s", strings.Join(list[:n], ", "))
		list = list[n:]
	}
	line("%.0f virtual days in %s, trace %016x", f.virtual.Hours()/24, wall.Round(10*time.Millisecond), f.hash)
	return b.String()
}

// A story is what befell one order, its eSIM and its top-ups.
type story struct {
	of    orders.ID
	names map[orders.ID]bool
	lines []string
}

// newStory is the story of an order, of the eSIM that it topped up, and of all top-ups of either, as w
// has seen them.
func newStory(of orders.ID, w *world) *story {
	s := &story{of: of, names: map[orders.ID]bool{of: true, "": true}}
	base := of
	if b := w.books[of]; b != nil && b.draft.ESIM != "" {
		base = b.draft.ESIM
	}
	s.names[base] = true
	for id, b := range w.books {
		if b.draft.ESIM == base {
			s.names[id] = true
		}
	}
	return s
}

func (s *story) add(at time.Time, id orders.ID, who, what, came string) {
	if !s.names[id] || id == "" && (what == "due" || strings.HasPrefix(what, "list ")) {
		return
	}
	if came != "" {
		came = " → " + came
	}
	s.lines = append(s.lines, fmt.Sprintf("%s %-10s %-9s %s%s", clock(at), string(id), who, what, came))
}

func clock(t time.Time) string {
	return fmt.Sprintf("%d+%s", int(t.Sub(dawn).Hours())/24, t.Format("15:04:05.000"))
}

// tell runs a world again and returns the story of one of its orders, with how it ended.
func tell(seed uint64, number int, id orders.ID) string {
	first := newWorld(seed, number)
	first.live()
	w := newWorld(seed, number)
	w.story = newStory(id, first)
	w.live()
	c := w.affair(id)
	lines := w.story.lines
	if o := c.order; o != nil {
		lines = append(lines, fmt.Sprintf("order: %s (%s) v%d attempt %+v refund %+v bought %v approved %d rebuilt %v due %s",
			o.State, o.Reason, o.Version, o.Attempt, o.Refund, o.Bought != nil, o.Approved, !o.RebuiltAt.IsZero(), clock(o.DueAt)))
	}
	if i := c.intent; i != nil {
		lines = append(lines, fmt.Sprintf("stripe: received %s, back %d, buy %q got %q done %q, disputed %v", i.received, i.refunded(), i.meta["buy"], i.meta["got"], i.meta["done"], i.disputed))
	}
	for _, x := range c.sales {
		lines = append(lines, fmt.Sprintf("sold: %s at %s, taken back %v", x.no, clock(x.at), !x.taken.IsZero()))
	}
	return strings.Join(lines, "\n")
}
