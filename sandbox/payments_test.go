package sandbox

import (
	"encoding/json"
	"net/http"
	"testing"
)

// panelOf reads the panel.
func panelOf(t *testing.T, base string) stateJSON {
	t.Helper()
	_, body := fetch(t, http.MethodGet, base+"/panel/api/state", "")
	var state stateJSON
	if err := json.Unmarshal([]byte(body), &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// TestPanelPaymentsLife walks one payment through all that people and banks do to it.
func TestPanelPaymentsLife(t *testing.T) {
	w, base := newWorld(t)
	if p := panelOf(t, base); !p.Calm || len(p.Stripe.Payments) != 0 {
		t.Errorf("at first: %+v", p.Stripe)
	}
	id := session(t, w, base)
	refund := func() string {
		if all := w.Stripe.Refunds(); len(all) > 0 {
			return all[0].ID
		}
		return ""
	}
	for i, step := range []struct {
		act, amount string
		status      int
		state, left string
	}{
		{"refund", "", 422, "open", ""},
		{"pay-slowly", "", 200, "processing", ""},
		{"pay", "", 422, "processing", ""},
		{"arrive", "", 200, "paid", "11.40"},
		{"refund", "11.41", 422, "paid", "11.40"},
		{"refund", "0.001", 422, "paid", "11.40"},
		{"refund", "-1", 422, "paid", "11.40"},
		{"refund", "4", 200, "part refunded", "7.40"},
		{"refund-fails", "", 200, "paid", "11.40"},
		{"warn", "", 200, "paid", "11.40"},
		{"refund", "", 200, "refunded", "0.00"},
		{"tamper", "", 422, "refunded", "0.00"},
		{"elope", "", 422, "refunded", "0.00"},
	} {
		body := `{"session":"` + id + `","act":"` + step.act + `","amount":"` + step.amount + `","refund":"` + refund() + `"}`
		if status, answer := fetch(t, http.MethodPost, base+"/panel/api/stripe/payment", body); status != step.status {
			t.Errorf("step %d, %s %s: %d %s, want %d", i, step.act, step.amount, status, answer, step.status)
		}
		if p := panelOf(t, base).Stripe.Payments[0]; p.State != step.state || p.Left != step.left {
			t.Errorf("step %d, %s %s: %s with %s left, want %s with %s", i, step.act, step.amount, p.State, p.Left, step.state, step.left)
		}
	}
	p := panelOf(t, base).Stripe.Payments[0]
	if !p.Warned || p.Disputed || len(p.Refunds) != 2 || p.Refunds[1].Status != "failed" || p.Order != "" || p.What != "Japan, 10 GB, 30 days" {
		t.Errorf("at last: %+v", p)
	}
}

// TestPanelPaymentsGoWrong is about pages that close, amounts that change, and disputes.
func TestPanelPaymentsGoWrong(t *testing.T) {
	w, base := newWorld(t)
	do := func(id, act string) {
		t.Helper()
		if status, answer := fetch(t, http.MethodPost, base+"/panel/api/stripe/payment", `{"session":"`+id+`","act":"`+act+`"}`); status != 200 {
			t.Errorf("%s: %d %s", act, status, answer)
		}
	}
	late := session(t, w, base)
	do(late, "close")
	do(late, "pay-late")
	other := session(t, w, base)
	do(other, "tamper")
	do(other, "pay")
	do(other, "dispute")
	all := panelOf(t, base).Stripe.Payments
	if len(all) != 2 || all[1].State != "paid" || all[1].Left != "11.40" {
		t.Errorf("paid late: %+v", all)
	}
	if all[0].State != "paid" || all[0].Left != "12.40" || !all[0].Disputed {
		t.Errorf("tampered and disputed: %+v", all[0])
	}
}

func TestPanelShowsTheBooks(t *testing.T) {
	w, base := newWorld(t)
	sold := order(t, w, base)
	books := panelOf(t, base).Providers[0].Orders
	if len(books) != 1 || books[0].No != sold.OrderNo || books[0].Plan != sold.PlanName || books[0].State != string(sold.State) || books[0].Code != sold.ActivationCode {
		t.Errorf("books %+v, want the order of %+v", books, sold)
	}
}

// TestMoodForPurchasesOnly: the catalogue goes on while nothing can be bought.
func TestMoodForPurchasesOnly(t *testing.T) {
	w, base := newWorld(t)
	put := `{"server":"cloudesim","mood":"error","narrow":true}`
	if status, answer := fetch(t, http.MethodPost, base+"/panel/api/mood", put); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	if p := panelOf(t, base); p.Calm || !p.Providers[0].Narrow || p.Providers[0].Mood != "error" {
		t.Errorf("the panel says %+v", p.Providers[0])
	}
	if status, err := buy(t, w); err != nil || status != 500 {
		t.Errorf("an order: %d %v", status, err)
	}
	if status, err := call(t, w, "/packages", `{}`); err != nil || status != 200 {
		t.Errorf("the catalogue: %d %v", status, err)
	}
	if status, answer := fetch(t, http.MethodPost, base+"/panel/api/calm", `{}`); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	if p := panelOf(t, base); !p.Calm || p.Providers[0].Narrow {
		t.Errorf("calm: %+v", p.Providers[0])
	}
}
