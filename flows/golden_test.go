package flows_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// scenes are all the screens there are, each with how to get there. A scene's last screens are
// kept, as many as it returns.
func scenes() map[string]func(s *stage) []flows.Screen {
	scenes := map[string]func(s *stage) []flows.Screen{}
	one := func(name string, get func(s *stage)) {
		scenes[name] = func(s *stage) []flows.Screen { get(s); return []flows.Screen{s.screen()} }
	}
	browsingScenes(one)
	buyingScenes(one)
	orderScenes(one)
	esimScenes(one)
	topUpScenes(one)
	linkScenes(one)
	textScenes(one)
	adminScenes(one)
	scenes["admin_reasons"] = func(s *stage) []flows.Screen {
		s.asAdmin()
		for _, reason := range reasonCodes() {
			s.desk.orders[doubtful].Reason = reason
			s.press("admin/resolve/" + string(doubtful))
		}
		return s.shown[len(s.shown)-len(reasonCodes()):]
	}
	supportScenes(one)
	scenes["delivery"] = func(s *stage) []flows.Screen {
		s.regular()
		return s.shop.Delivery(s.desk.orders[unlinked], s.client)
	}
	scenes["order_shown"] = func(s *stage) []flows.Screen {
		return []flows.Screen{s.shop.OrderScreen(s.order(delivered, customer, "JP-10-30", orders.Delivered), s.client)}
	}
	scenes["delivery_image"] = func(s *stage) []flows.Screen {
		s.regular()
		o := s.desk.orders[delivered]
		o.Bought.Profile = esim.Profile{Image: []byte("png")}
		return s.shop.Delivery(o, s.client)[:1]
	}
	scenes["order_slow"] = func(s *stage) []flows.Screen {
		s.regular()
		o := s.order("3A2B3C4D5E", customer, "JP-10-30", orders.AwaitingPayment)
		o.Checkout.Completed = true
		shown := []flows.Screen{s.shop.OrderScreen(o, s.client)}
		o.State, o.Reason = orders.Expired, orders.ReasonFailed
		return append(shown, s.shop.OrderScreen(o, s.client))
	}
	scenes["topup_done"] = func(s *stage) []flows.Screen {
		s.regular()
		o := s.desk.orders[delivered]
		o.Kind, o.ESIM = orders.KindTopUp, unlinked
		o.Attempt.Before = &orders.Numbers{RemainingBytes: 2 * esim.GB}
		after := &orders.Numbers{RemainingBytes: 12 * esim.GB, ExpiresAt: time.Date(2026, 12, 22, 14, 4, 0, 0, time.UTC)}
		var shown []flows.Screen
		for _, o.Plan.Provider = range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
			for _, o.Bought.After = range []*orders.Numbers{after, nil} { // nil: the provider told nothing
				shown = append(shown, s.shop.Delivery(o, s.client)...)
			}
		}
		return shown
	}
	scenes["notices"] = func(s *stage) []flows.Screen { s.regular(); return s.notices() }
	scenes["alerts"] = func(s *stage) []flows.Screen {
		o := s.order(delivered, customer, "JP-10-30", orders.Review)
		return []flows.Screen{
			s.shop.AlertText(orders.Alert{Key: "review:x", Kind: "review", Order: o, Detail: "purchase_in_doubt <b>"}, s.client),
			s.shop.AlertText(orders.Alert{Key: "review:y", Kind: "review", Order: s.asAdmin().desk.orders[doubtful], Detail: orders.ReasonInDoubt}, s.client),
			s.shop.AlertText(orders.Alert{Key: "balance:cloudesim", Kind: "balance_low", Detail: "CloudeSIM 3.10 USD"}, s.client),
			s.shop.AlertText(orders.Alert{Key: "fraud_warning:x", Kind: "fraud_warning", Order: s.desk.orders[delivered]}, s.client),
			s.shop.AlertText(orders.Alert{Key: "dispute:x", Kind: "dispute", Order: s.desk.orders[delivered]}, s.client),
			s.shop.AlertText(orders.Alert{Key: "stripe_webhook", Kind: "stripe_webhook"}, s.client),
			s.shop.AlertText(orders.Alert{Key: "x", Kind: "something_new", Detail: "…"}, s.client),
		}
	}
	scenes["alerts_beside"] = func(s *stage) (shown []flows.Screen) {
		for _, a := range besideAlerts(s.asAdmin().desk.orders[delivered]) {
			shown = append(shown, s.shop.AlertText(a, s.client))
		}
		o := s.desk.orders[doubtful]
		o.Reason = orders.ReasonRefundFailed
		return append(shown, s.shop.AlertText(orders.Alert{Key: "review:x", Kind: "refund_failed", Order: o, Detail: o.Reason}, s.client))
	}
	scenes["order_turns"] = orderTurns
	return scenes
}

func browsingScenes(one func(string, func(*stage))) {
	one("welcome", func(s *stage) { s.command("start", "") })
	one("welcome_back", func(s *stage) { s.regular(); s.command("start", "") })
	one("destinations", func(s *stage) { s.popular = []string{"c_kr", "r_europe", "c_zz", "c_jp"}; s.command("buy", "") })
	one("opening", func(s *stage) { s.snap = &catalog.Snapshot{}; s.command("buy", "") })
	one("regions", func(s *stage) { s.press("regions") })
	one("letters", func(s *stage) { s.press("az") })
	one("letter", func(s *stage) { s.press("az"); s.press(s.screen().Rows[0][0].Data) })
	one("plans", func(s *stage) { s.press("plans/c_jp") })
	one("plans_page_2", func(s *stage) { s.press("plans/c_jp/2") })
	one("plans_filtered", func(s *stage) { s.press("length/c_jp/week"); s.press("size/c_jp/unlimited") })
	one("plans_nothing_fits", func(s *stage) { s.press("length/c_jp/longer"); s.press("size/c_jp/small") })
	one("plans_length", func(s *stage) { s.press("length/c_jp/week"); s.press("length/c_jp") })
	one("plans_size", func(s *stage) { s.press("size/c_jp") })
	one("plans_region", func(s *stage) { s.text("France"); s.press(s.region("Europe")) })
	one("plans_region_without", func(s *stage) { s.text("Japan"); s.press(s.region("Europe")) })
	one("plans_world", func(s *stage) { s.press("plans/g") })
	one("covers", func(s *stage) { s.press("covers/g") })
	one("uncovered", func(s *stage) { s.command("start", "c_hk") })
	one("unsold", func(s *stage) { s.command("start", "c_aq") })
	one("found", func(s *stage) { s.text("korea") })
	one("found_unsold", func(s *stage) { s.text("Madagascar") })
	one("found_nothing", func(s *stage) { s.text("Atlantis <3") })
	one("plan", func(s *stage) { s.press("plan/" + s.plan("JP-10-30").Ref()) })
	one("plan_daily", func(s *stage) { s.regular(); s.press("plan/" + s.plan("JP-500D").Ref()) })
	one("plan_unlimited", func(s *stage) { s.regular(); s.press("plan/" + s.plan("857").Ref()) })
	one("plan_voice", func(s *stage) { s.regular(); s.press("plan/" + s.plan("858").Ref()) })
	one("plan_region", func(s *stage) { s.regular(); s.press("plan/" + s.plan("EU-35").Ref()) })
	one("phone", func(s *stage) { s.press("phone/c_jp") })
	one("phone_plan", func(s *stage) { s.press("phone/" + s.plan("JP-1-7").Ref()) })
}

// region finds the route to a region of the fixture by its English name.
func (s *stage) region(name string) string {
	for _, p := range s.snap.Regions() {
		if p.Destination.Name == name || strings.Contains(loadBundle(s.tb).For("en").Destination(p.Destination), name) {
			return "plans/" + p.Destination.ID()
		}
	}
	s.tb.Fatalf("no region %s", name)
	return ""
}

func buyingScenes(one func(string, func(*stage))) {
	start := func(s *stage) { s.press(buy(s.plan("JP-10-30"))) }
	one("checking", func(s *stage) {
		s.tap(flows.Event{Kind: flows.EventPress, Data: buy(s.plan("JP-10-30")), Message: 1})
	})
	priced := func(minor int64) func(*stage) {
		return func(s *stage) {
			s.quote = func(p esim.Plan) (esim.Plan, error) { p.Retail.Minor += minor; return p, nil }
			start(s)
		}
	}
	one("price_rose", priced(60))
	one("price_fell", priced(-60))
	failing := func(err error) func(*stage) {
		return func(s *stage) { s.quote = func(p esim.Plan) (esim.Plan, error) { return p, err }; start(s) }
	}
	one("refusal_gone", failing(fmt.Errorf("ask: %w", catalog.ErrGone)))
	one("refusal_unavailable", failing(fmt.Errorf("ask: %w", catalog.ErrUnavailable)))
	refused := func(err error) func(*stage) {
		return func(s *stage) {
			s.order(unpaid, customer, "JP-1-7", orders.AwaitingPayment)
			s.desk.openErr = err
			start(s)
		}
	}
	one("refusal_too_many", refused(fmt.Errorf("open: %w", orders.ErrTooMany)))
	one("refusal_paused", refused(orders.ErrPaused))
	one("refusal_blocked", refused(fmt.Errorf("open: %w", orders.ErrBlocked)))
	one("refusal_opens_soon", refused(orders.ErrTestMode))
	one("refusal_not_opened", refused(errors.New("stripe took too long")))
	one("plan_gone", func(s *stage) {
		o := s.order(unpaid, customer, "JP-1-7", orders.Expired)
		o.Plan.ID, o.Plan.Bytes = "JP-9-9", 9*esim.GB
		s.press("again/" + string(unpaid) + "/260")
	})
}

func orderScenes(one func(string, func(*stage))) {
	state := func(name string, state orders.State, change func(*orders.Order)) {
		one("order_"+name, func(s *stage) {
			o := s.order(delivered, customer, "JP-10-30", state)
			if change != nil {
				change(o)
			}
			s.press("o/" + string(delivered))
		})
	}
	state("awaiting", orders.AwaitingPayment, nil)
	state("expired", orders.Expired, nil)
	state("preparing", orders.Purchasing, nil)
	state("working", orders.Paid, func(o *orders.Order) { o.Payment.PaidAt = noon.Add(-30 * time.Second) })
	state("provisioning", orders.Provisioning, nil)
	state("issued", orders.Issued, nil)
	state("delivered", orders.Delivered, func(o *orders.Order) { o.Refund.Total = esim.Money{Minor: 200, Currency: esim.USD} })
	state("review", orders.Review, nil)
	state("refunding", orders.Refunding, func(o *orders.Order) { o.Refund.Amount = o.Plan.Retail })
	state("refunded", orders.Refunded, func(o *orders.Order) { o.Refund.Total = o.Plan.Retail; o.DeliveredAt = noon })
	one("order_left", func(s *stage) {
		s.order(unpaid, customer, "858", orders.AwaitingPayment)
		s.command("start", "x_"+string(unpaid))
	})
	one("order_looking", func(s *stage) {
		s.order(unpaid, customer, "858", orders.AwaitingPayment)
		s.tap(flows.Event{Kind: flows.EventCommand, Command: "start", Args: "o_" + string(unpaid)})
	})
	one("order_unseen", func(s *stage) {
		s.order(unpaid, customer, "858", orders.AwaitingPayment)
		s.command("start", "o_"+string(unpaid))
	})
	one("order_cancelling", func(s *stage) {
		s.order(unpaid, customer, "858", orders.AwaitingPayment)
		s.tap(flows.Event{Kind: flows.EventPress, Data: "cancel/" + string(unpaid), Message: 1})
	})
	one("order_cancel_failed", func(s *stage) {
		s.order(unpaid, customer, "858", orders.AwaitingPayment)
		s.desk.err = errors.New("stripe is away")
		s.press("cancel/" + string(unpaid))
	})
}

func esimScenes(one func(string, func(*stage))) {
	one("esims_none", func(s *stage) { s.command("esims", "") })
	one("esims", func(s *stage) {
		s.regular()
		s.order(unpaid, customer, "858", orders.AwaitingPayment)
		s.command("esims", "")
	})
	one("esim_latest", func(s *stage) {
		s.regular()
		e := s.esims[string(untouched)]
		e.ExpiresAt, e.About = noon.Add(180*24*time.Hour), true
		s.press("esim/" + string(untouched))
	})
	one("esims_past", func(s *stage) { s.regular(); s.press("past") })
	for name, id := range map[string]orders.ID{"in_use": delivered, "untouched": untouched, "unlinked": unlinked, "used_up": spent, "cancelled": cancelled} {
		one("esim_"+name, func(s *stage) { s.regular(); s.press("esim/" + string(id)) })
	}
	one("esim_qr", func(s *stage) { s.regular(); s.press("qr/" + string(delivered)) })
	one("esim_qr_missing", func(s *stage) {
		s.regular()
		s.desk.orders[delivered].Bought = nil
		s.press("qr/" + string(delivered))
	})
	one("esim_guide", func(s *stage) { s.regular(); s.press("install/" + string(delivered)) })
	one("esim_topup", func(s *stage) { s.regular(); s.press("topup/" + string(delivered)) })
	one("esim_refund", func(s *stage) { s.regular(); s.press("refund/" + string(delivered)) })
}

func textScenes(one func(string, func(*stage))) {
	for _, name := range []string{"help", "support", "paysupport", "terms", "privacy", "language", "balance"} {
		one("command_"+name, func(s *stage) { s.command(name, "") })
	}
	one("erase", func(s *stage) { s.press("erase") })
	one("erased", func(s *stage) { s.press("erase/yes") })
	one("erase_failed", func(s *stage) { s.broken = errors.New("no redis"); s.press("erase/yes") })
	one("link_gone", func(s *stage) { s.command("start", "p_abcdefghij") })
	one("only_text", func(s *stage) { s.event(flows.Event{Kind: flows.EventOther}) })
	one("eid_typed", func(s *stage) { s.text("89049032 00000000 00000000 12345678") })
	one("code_typed", func(s *stage) { s.text(lpa) })
	one("card_typed", func(s *stage) { s.text("4242 4242 4242 4242") })
	one("iccid_thanks", func(s *stage) { s.text(iccid) })
	one("iccid_typo", func(s *stage) { s.text("8981 1000 2215 2967 704") })
	one("iccid_prefix", func(s *stage) { s.text("123456789012345678") })
	one("sorry", func(s *stage) { s.shown = append(s.shown, s.shop.Sorry(s.client)) })
}

// written shows a screen as a text file: the text, then each row of buttons with what they do.
func written(screens []flows.Screen) string {
	var b strings.Builder
	for i, s := range screens {
		if i > 0 {
			b.WriteString("\n=====\n\n")
		}
		switch {
		case s.Photo != nil && s.Photo.Chart != nil:
			b.WriteString("(chart)\n")
		case s.Photo != nil:
			b.WriteString("(photo)\n")
		}
		if s.Link != "" {
			b.WriteString("(" + s.Link + ")\n")
		}
		b.WriteString(s.HTML + "\n\n")
		for _, row := range s.Rows {
			for _, button := range row {
				fmt.Fprintf(&b, "[%s]%s%s%s", button.Text, prefixed(" → ", button.Data), prefixed(" ↗ ", button.URL), prefixed(" ⧉ ", button.Copy))
				b.WriteString(prefixed(" ", string(button.Style)) + "\n")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func TestGolden(t *testing.T) {
	for _, lang := range loadBundle(t).Languages() {
		for name, scene := range scenes() {
			t.Run(lang+"/"+name, func(t *testing.T) {
				s := newStage(t)
				s.client = lang
				got := written(scene(s))
				path := filepath.Join("testdata", "golden", lang, name+".txt")
				if *update {
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatalf("%v (go test ./flows -run TestGolden -update writes it)", err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
