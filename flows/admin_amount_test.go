package flows_test

import (
	"regexp"
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/flows"
)

// TestAmounts: what admins type for an amount, exactly read or refused with the nearest thing.
func TestAmounts(t *testing.T) {
	offered := regexp.MustCompile(`Refund (\S+)\]`)
	for _, c := range []struct{ typed, screen, offers string }{
		{"5", "admin_refund", "$5.00"}, {"5.00", "admin_refund", "$5.00"}, {"5,00", "admin_refund", "$5.00"}, {"5.5", "admin_refund", "$5.50"},
		{"$5", "admin_refund", "$5.00"}, {"5$", "admin_refund", "$5.00"}, {"5 $", "admin_refund", "$5.00"}, {"USD 5", "admin_refund", "$5.00"},
		{"5 usd", "admin_refund", "$5.00"}, {" 05.00 ", "admin_refund", "$5.00"}, {"9.44", "admin_refund", "$9.44"}, {"\u200e5", "admin_refund", "$5.00"},
		{"9.45", "admin_refused_too_much", "$9.44"}, {"999999999", "admin_refused_too_much", "$9.44"},
		{"5 EUR", "admin_amount_currency", "$5.00"}, {"€5", "admin_amount_currency", "$5.00"}, {"5 apples", "admin_amount_currency", "$5.00"},
		{"1e3", "admin_amount_unreadable", "$9.44"}, {"0x5", "admin_amount_unreadable", "$9.44"}, {"5.00.00", "admin_amount_unreadable", "$9.44"},
		{"1,000.00", "admin_amount_unreadable", "$9.44"}, {"five", "admin_amount_unreadable", "$9.44"}, {"٥", "admin_amount_unreadable", "$5.00"},
		{"½", "admin_amount_unreadable", "$9.44"}, {"9999999999999", "admin_amount_unreadable", "$9.44"}, {"NaN", "admin_amount_unreadable", "$9.44"},
		{"$5 USD", "admin_amount_unreadable", "$9.44"}, {strings.Repeat("5", 300), "admin_amount_unreadable", "$9.44"}, {"<b>5</b>", "admin_amount_unreadable", "$9.44"},
		{"-5", "admin_amount_nothing", "$5.00"}, {"−5", "admin_amount_nothing", "$5.00"}, {"$-5", "admin_amount_nothing", "$5.00"},
		{"0", "admin_amount_nothing", "$9.44"}, {"0.00", "admin_amount_nothing", "$9.44"},
		{"5.001", "admin_amount_decimals", "$5.00"}, {"0.001", "admin_amount_decimals", "$9.44"}, {"1,005", "admin_amount_decimals", "$1.00"},
		{"1,000", "admin_amount_decimals", "$1.00"}, {"5.000", "admin_amount_decimals", "$5.00"},
	} {
		for name, ask := range map[string]func(s *stage){
			"command":  func(s *stage) { s.command("refund", string(delivered)+" "+c.typed) },
			"question": func(s *stage) { s.press("admin/amount/" + string(delivered)); s.text(c.typed) },
		} {
			s := newStage(t).asAdmin()
			ask(s)
			shown := written([]flows.Screen{s.screen()})
			if got := offered.FindStringSubmatch(shown); s.screen().Name != c.screen || got == nil || got[1] != c.offers {
				t.Errorf("%s %q: %s, want %s that offers %s", name, c.typed, shown, c.screen, c.offers)
			}
			if len(s.office.deeds) > 0 {
				t.Errorf("%q: done %v", c.typed, s.office.deeds)
			}
			if name == "question" && strings.HasPrefix(c.screen, "admin_amount") {
				if s.text("3"); s.screen().Name != "admin_refund" {
					t.Errorf("%q: no second try, but %s", c.typed, s.screen().Name)
				}
			}
			check(t, c.typed, s.screen())
		}
	}
}

// TestAmountsOfCurrencies: decimals and symbols are the currency's own.
func TestAmountsOfCurrencies(t *testing.T) {
	for _, c := range []struct {
		currency esim.Currency
		typed    string
		minor    int64 // 0: refused
	}{
		{"EUR", "5 €", 500}, {"EUR", "€5,50", 550}, {"EUR", "$5", 0}, {"JPY", "500", 500}, {"JPY", "5.5", 0}, {"JPY", "5,000", 0}, {"JPY", "¥500", 500},
		{"KWD", "1.230", 1230}, {"KWD", "1.234", 0}, {"ISK", "5", 500}, {"ISK", "5.50", 0}, {"GBP", "gbp5", 500},
	} {
		s := newStage(t).asAdmin()
		s.desk.orders[untouched].Payment.Received = esim.Money{Minor: 900000, Currency: c.currency}
		s.command("refund", string(untouched)+" "+c.typed)
		got := int64(0)
		if s.screen().Name == "admin_refund" {
			s.yes()
			if len(s.office.deeds) == 1 {
				got = s.desk.orders[untouched].Refund.Amount.Minor
			}
		}
		if got != c.minor {
			t.Errorf("%s %q: %d, want %d (%s)", c.currency, c.typed, got, c.minor, s.screen().Name)
		}
	}
}
