package simulation

import (
	"fmt"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/providers"
)

// A seller is a provider's books. They forget nothing, and nobody but the shop's owner can read
// what was sold for which order: here it is in the plan's name.
type seller struct {
	w       *world
	id      esim.Provider
	letter  string // plans are named <letter>:<order>
	balance int64  // cents
	sales   []*sale
	down    time.Time // no call gets through before
}

// A sale is an eSIM sold, or a top-up of one.
type sale struct {
	order   orders.ID
	no      string
	iccid   esim.ICCID
	tran    string
	code    esim.ActivationCode
	plan    esim.Plan
	cents   int64
	at      time.Time
	ready   time.Time // when its profile is made; zero: never
	to      *sale     // of a top-up: the eSIM
	topUps  []*sale
	used    []use
	expires time.Time
	// taken is when the shop gave it back.
	taken time.Time
	// by is the process that heard the provider's yes, nil if none did; epoch the number of times that
	// Redis had forgotten something when it was sold.
	by    *process
	heard time.Time
	epoch int
}

type use struct {
	at    time.Time
	bytes int64
}

const price = 350 // cents of each plan, as it is sold at first

func newSeller(w *world, id esim.Provider, letter string) *seller {
	s := &seller{w: w, id: id, letter: letter, balance: 100000}
	if w.strikes(faultPoor) {
		s.balance = w.rng.Int64N(10 * price)
	}
	return s
}

// plan is the one that an order buys here.
func (s *seller) plan(id orders.ID, kind orders.Kind) esim.Plan {
	p := esim.Plan{
		Provider: s.id, ID: s.letter + ":" + string(id), PackageCode: s.letter + ":" + string(id),
		Destination: esim.Destination{Kind: esim.Country, Code: "JP"}, Kind: esim.Fixed, Bytes: esim.GB, Days: 7, CanTopUp: true,
		Wholesale: usd(price), Retail: esim.Money{Minor: 455, Currency: esim.USD},
	}
	if s.id == esim.Mobilexy {
		p.Wholesale = usd(price + 30)
	}
	if kind == orders.KindTopUp {
		p.Days, p.CanTopUp = 5, false
	}
	return p
}

// cents is what a plan costs now.
func (s *seller) cents(plan esim.Plan) int64 {
	b := s.w.books[s.order(plan)]
	cents := int64(price)
	if s.id == esim.Mobilexy {
		cents += 30
	}
	if b != nil && b.draft.Plan.Provider == s.id {
		cents += b.rises
	}
	return cents
}

func (s *seller) order(plan esim.Plan) orders.ID { return orders.ID(plan.ID[2:]) }

// sell sells an eSIM, or a top-up of to; nil for want of balance.
func (s *seller) sell(plan esim.Plan, to *sale) *sale {
	w := s.w
	cents := s.cents(plan)
	if s.balance < cents {
		return nil
	}
	s.balance -= cents
	n := len(s.sales) + 1
	x := &sale{order: s.order(plan), no: fmt.Sprintf("%s%04d", s.letter, n), plan: plan, cents: cents, at: w.now, ready: w.now, to: to, epoch: w.figures.rollbacks}
	s.sales = append(s.sales, x)
	if to != nil {
		to.topUps = append(to.topUps, x)
		to.expires = to.expires.AddDate(0, 0, plan.Days)
	} else {
		x.iccid = esim.ICCID(fmt.Sprintf("89%s%016d", map[string]string{"C": "10", "M": "20"}[s.letter], n))
		x.tran = "T" + x.no
		x.expires = w.now.AddDate(0, 0, 180)
		code, err := esim.ParseActivationCode(fmt.Sprintf("LPA:1$smdp.example.com$CODE-%s", x.no))
		if err != nil {
			panic(err)
		}
		x.code = code
	}
	w.note(x.order, string(s.id), "sold", x.no)
	return x
}

// find returns the eSIM that a reference names here; nil if there is none.
func (s *seller) find(ref providers.Ref) *sale {
	for _, x := range s.sales {
		byNo := s.id == esim.CloudESIM && ref.ICCID == "" && ref.OrderNo == x.no
		if x.to == nil && ((ref.ICCID != "" && ref.ICCID == x.iccid) || (ref.TranNo != "" && ref.TranNo == x.tran) || byNo) {
			return x
		}
	}
	return nil
}

// usage is what the seller tells of an eSIM: Mobilexy's numbers are up to three hours old.
func (s *seller) usage(x *sale) esim.Usage {
	w := s.w
	at := w.now
	if s.id == esim.Mobilexy {
		at = at.Truncate(3 * time.Hour)
	}
	total, used := x.plan.Bytes, int64(0)
	for _, t := range x.topUps {
		if !t.at.After(at) {
			total += t.plan.Bytes
		}
	}
	for _, u := range x.used {
		if !u.at.After(at) {
			used += u.bytes
		}
	}
	used = min(used, total)
	u := esim.Usage{ICCID: x.iccid, OrderNo: x.no, TranNo: x.tran, Status: esim.StatusReady, UsedBytes: -1, TotalBytes: -1, RemainingBytes: total - used, At: at}
	if used > 0 {
		u.Status = esim.StatusInUse
	}
	if s.id == esim.Mobilexy {
		u.UsedBytes, u.TotalBytes, u.OrderNo = used, total, ""
		return u
	}
	u.ExpiresAt = x.expires
	switch {
	case !x.taken.IsZero():
		u.Status = esim.StatusCancelled
	case x.ready.IsZero() || x.ready.After(w.now):
		u = esim.Usage{OrderNo: x.no, Status: esim.StatusPending, UsedBytes: -1, TotalBytes: -1, RemainingBytes: -1, At: at}
	default:
		p := s.profile(x)
		u.Profile = &p
	}
	return u
}

// profile is what the seller tells of an eSIM at its sale, or once it is made.
func (s *seller) profile(x *sale) esim.Profile {
	p := esim.Profile{Provider: s.id, OrderNo: x.no, Code: x.code}
	if s.id == esim.CloudESIM {
		p.ICCID, p.ExpiresAbout = x.iccid, x.expires
	}
	if x.ready.IsZero() || x.ready.After(s.w.now) {
		p.Code, p.ICCID = esim.ActivationCode{}, ""
	}
	return p
}

// take gives an eSIM back to the seller.
func (s *seller) take(x *sale) {
	x.taken = s.w.now
	s.balance += x.cents
	s.w.note(x.order, string(s.id), "taken back", x.no)
}

// is says whether a profile is of this sale: by its number, or by its code where an admin typed that. A
// top-up that was proved by the eSIM's numbers has neither.
func (x *sale) is(p esim.Profile) bool {
	return p.OrderNo == x.no || p.OrderNo == "" && (x.to != nil || p.Code == x.code)
}
