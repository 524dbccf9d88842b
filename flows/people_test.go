package flows_test

import (
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// The orders of the fixture's two people.
const (
	delivered = orders.ID("7KQ2M9X4TB") // in use, with numbers
	untouched = orders.ID("1A2B3C4D5E") // delivered, not used yet
	unlinked  = orders.ID("2A2B3C4D5E") // its ICCID isn't known
	spent     = orders.ID("3A2B3C4D5E") // used up
	cancelled = orders.ID("4A2B3C4D5E") // taken back
	unpaid    = orders.ID("5A2B3C4D5E")
	foreign   = orders.ID("9Z2B3C4D5E") // the stranger's
)

const (
	lpa        = "LPA:1$rsp.example.com$ABCD-1234-EFGH"
	foreignLPA = "LPA:1$rsp.example.com$STRANGER-7777"
	iccid      = "8981100022152967705"
	foreignSIM = "8944500102198304826"
)

func activation(tb testing.TB, s string) esim.ActivationCode {
	tb.Helper()
	c, err := esim.ParseActivationCode(s)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// order puts an order of the plan in a state at the desk.
func (s *stage) order(id orders.ID, who int64, planID string, state orders.State) *orders.Order {
	s.tb.Helper()
	p := s.plan(planID)
	o := &orders.Order{
		ID: id, State: state, Kind: orders.KindESIM, Customer: who, Language: "en", Plan: p, CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon,
		Checkout: orders.Checkout{SessionID: "cs_1", URL: "https://checkout.example/pay/cs_1", ExpiresAt: noon.Add(30 * time.Minute)},
	}
	if state != orders.AwaitingPayment && state != orders.Expired {
		o.Payment = orders.Payment{Intent: "pi_1", Received: p.Retail, PaidAt: noon.Add(-5 * time.Second), ReceiptURL: "https://pay.example/receipts/1"}
	}
	s.desk.orders[id] = o
	return o
}

// bought puts a delivered order and its eSIM on the shelf.
func (s *stage) bought(id orders.ID, who int64, planID, code string) (*orders.Order, *usage.ESIM) {
	o := s.order(id, who, planID, orders.Delivered)
	o.DeliveredAt = noon.Add(-48 * time.Hour)
	o.Bought = &orders.Bought{Profile: esim.Profile{Provider: o.Plan.Provider, Code: activation(s.tb, code)}, Plan: o.Plan, At: o.DeliveredAt}
	o.Photo = orders.Message{Chat: who, ID: 5}
	total := int64(-1)
	if o.Plan.Kind == esim.Fixed {
		total = o.Plan.Bytes
	}
	e := &usage.ESIM{
		ID: string(id), Customer: who, Plan: o.Plan, Status: esim.StatusReady, ICCID: iccid,
		TotalBytes: total, UsedBytes: -1, BoughtAt: o.DeliveredAt,
	}
	s.esims[e.ID] = e
	return o, e
}

// regular gives the customer a past: eSIMs in every state, and the stranger one of theirs.
func (s *stage) regular() {
	s.customer.ID, s.customer.Language, s.customer.Bought = s.user, s.client, 4
	s.customer.FirstSeen, s.customer.LastSeen = noon.Add(-240*time.Hour), noon

	_, e := s.bought(delivered, customer, "JP-10-30", lpa)
	e.Status, e.UsedBytes, e.MeasuredAt = esim.StatusInUse, 4*esim.GB-100*esim.MB, noon.Add(-time.Hour)
	e.ExpiresAt, e.BoughtAt = noon.Add(12*24*time.Hour), noon.Add(-time.Hour)
	_, e = s.bought(untouched, customer, "JP-500D", lpa)
	e.BoughtAt = noon.Add(-2 * time.Hour)
	o, e := s.bought(unlinked, customer, "858", lpa)
	e.ICCID, e.PhoneNumber, e.BoughtAt = "", "+819012345678", noon.Add(-3*time.Hour)
	o.Bought.Profile.PhoneNumber = e.PhoneNumber
	_, e = s.bought(spent, customer, "TR-1-7", lpa)
	e.Status, e.UsedBytes, e.MeasuredAt = esim.StatusUsedUp, e.TotalBytes, noon.Add(-30*time.Hour)
	_, e = s.bought(cancelled, customer, "FR-1-7", lpa)
	e.Status = esim.StatusCancelled
	s.desk.orders[cancelled].State = orders.Refunded

	o, e = s.bought(foreign, stranger, "859", foreignLPA)
	e.ICCID, e.PhoneNumber = foreignSIM, "+819099999999"
	o.Bought.Profile.PhoneNumber = e.PhoneNumber
}

// secrets are what the customer must never see of the stranger's.
func secrets() []string {
	return []string{foreignLPA, "STRANGER-7777", foreignSIM, "+819099999999", string(foreign), foreign.String()}
}

func mentions(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
