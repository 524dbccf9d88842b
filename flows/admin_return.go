package flows

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"esimbot/esim"
	"esimbot/locales"
	"esimbot/orders"
)

// What came in or was bought beside an order: a second payment, a payment whose order nobody knows, a
// second eSIM. Alerts tell of it, and lead here.

// Deeds beside an order, named as in its log.
const (
	deedReturn   = orders.DeedReturn
	deedGiveBack = orders.DeedGiveBack
)

// payment reads a PaymentIntent's id: it stands in buttons and links.
func payment(word string) bool {
	return regexp.MustCompile(`^pi_[A-Za-z0-9_]{1,40}$`).MatchString(word)
}

// strayPayment offers to return a payment that no order is about.
func (v *visit) strayPayment(_ context.Context, words []string) (Reply, error) {
	intent := words[0]
	if !payment(intent) {
		return Reply{}, errStale
	}
	v.session.Confirm = nil
	notice := v.notice
	return v.working("admin_looking", adminPage("orders"), func(v *visit, ctx context.Context) (Reply, error) {
		v.notice = notice
		offer, err := v.shop.cfg.Office.OfferReturn(ctx, intent)
		if err != nil {
			return v.notBeside(ctx, Confirmation{Deed: deedReturn, Detail: intent}, err)
		}
		return v.offerReturn(offer)
	}), nil
}

// paymentLine is a payment's id on a line of its own.
func (v *visit) paymentLine(intent string) locales.HTML {
	return locales.HTML(v.l.Begin(string(code(v.l, intent))))
}

func (v *visit) offerReturn(offer *orders.ReturnOffer) (Reply, error) {
	r := confirmedReturn{intent: offer.Intent, n: offer.N, amount: offer.Amount}
	c := Confirmation{Deed: deedReturn, Detail: r.detail()}
	head, key, up := "", "admin_stray_unknown", adminPage("orders")
	if o := offer.Order; o != nil {
		c.Order = o.ID
		head, key, up = lines(v.orderHead(o), locales.Escape(planName(v.l, o.Plan))), "admin_stray_second", adminPage("order", string(o.ID))
	}
	used := ""
	if offer.Used {
		used = v.l.H("admin_stray_used")
	}
	what := v.l.H(key, args{"Amount": offer.Amount, "Payment": v.paymentLine(offer.Intent)})
	return v.besideOffer("admin_stray", paragraphs(v.notice, head, what, used), v.l.T("admin_button_return_amount", args{"Amount": offer.Amount}), up, c)
}

// secondESIM offers to give back what was bought beside an order's eSIM.
func (v *visit) secondESIM(ctx context.Context, words []string) (Reply, error) {
	o, _, err := v.load(ctx, words[0])
	if err != nil {
		return Reply{}, err
	}
	if !orders.IsOrderNumber(words[2]) {
		return Reply{}, errStale
	}
	v.session.Confirm = nil
	notice, c := v.notice, Confirmation{Deed: deedGiveBack, Order: o.ID, Detail: words[1] + ":" + words[2]}
	return v.working("admin_looking", adminPage("order", words[0]), func(v *visit, ctx context.Context) (Reply, error) {
		v.notice = notice
		offer, err := v.shop.cfg.Office.OfferGiveBack(ctx, v.giveBackOf(&c))
		if err != nil {
			return v.notBeside(ctx, c, err)
		}
		provider := v.l.Isolate(offer.Provider.Name())
		installed := ""
		if offer.Installed {
			installed = v.l.H("admin_second_installed", args{"Provider": provider})
		}
		what := v.l.H("admin_second_sure", args{"Provider": provider, "Number": code(v.l, offer.OrderNo)})
		head := lines(v.orderHead(offer.Order), locales.Escape(planName(v.l, offer.Order.Plan)))
		return v.besideOffer("admin_second", paragraphs(v.notice, head, what, installed), v.l.T("admin_button_second"), adminPage("order", string(c.Order)), c)
	}), nil
}

// besideOffer asks for a yes.
func (v *visit) besideOffer(name, html, button, up string, c Confirmation) (Reply, error) {
	yes, err := v.confirmable(c)
	if err != nil {
		return Reply{}, err
	}
	until := v.l.H("admin_confirm_until", args{"Minutes": v.l.Isolate(v.l.Minutes(int(confirmTime.Minutes())))})
	return v.show(Screen{Name: name, HTML: paragraphs(html, until), Rows: [][]Button{
		{{Text: button, Data: yes, Style: Danger}}, {press(v.l.T("button_cancel"), up)},
	}}), nil
}

// beside says whether the deed is one beside an order.
func (c *Confirmation) beside() bool { return c.Deed == deedReturn || c.Deed == deedGiveBack }

// doBeside does a confirmed deed beside an order, and says what came of it.
func (v *visit) doBeside(ctx context.Context, c Confirmation) (Reply, error) {
	what := v.l.T("admin_second_done")
	var err error
	if c.Deed == deedReturn {
		what, err = v.doReturn(ctx, &c)
	} else {
		_, err = v.shop.cfg.Office.GiveBackSecond(ctx, v.giveBackOf(&c))
	}
	if err != nil {
		return v.notBeside(ctx, c, err)
	}
	rows := [][]Button{{back(v.l, adminPage("orders"))}}
	if c.Order != "" {
		rows = append([][]Button{{{Text: v.l.T("button_open"), Data: adminPage("order", string(c.Order)), Style: Primary}}}, rows...)
	}
	return v.show(Screen{Name: "admin_done", HTML: v.l.H("admin_done", args{"What": plainButton(what)}), Rows: rows}), nil
}

func (v *visit) doReturn(ctx context.Context, c *Confirmation) (string, error) {
	r, err := readReturn(c)
	if err != nil {
		return "", err
	}
	_, err = v.shop.cfg.Office.ReturnPayment(ctx, orders.ReturnRequest{Intent: r.intent, Admin: v.in.User, N: r.n, Amount: r.amount})
	return v.l.T("admin_returned", args{"Amount": r.amount}), err
}

func (v *visit) giveBackOf(c *Confirmation) orders.GiveBackRequest {
	provider, number, _ := strings.Cut(c.Detail, ":")
	return orders.GiveBackRequest{Order: c.Order, Admin: v.in.User, Provider: esim.Provider(provider), OrderNo: number}
}

// notBeside says why a deed beside an order can't be, or that it isn't known how far it went.
func (v *visit) notBeside(ctx context.Context, c Confirmation, cause error) (Reply, error) {
	var no *orders.Refusal
	switch {
	case errors.As(cause, &no):
	case errors.Is(cause, orders.ErrNotFound) && c.Deed == deedReturn:
		intent, _, _ := strings.Cut(c.Detail, ":")
		return v.show(Screen{Name: "admin_stray_foreign", HTML: v.l.H("admin_stray_foreign", args{"Payment": v.paymentLine(intent)}),
			Rows: [][]Button{{back(v.l, adminPage("orders"))}}}), nil
	default:
		return v.failed(c.offer(), fmt.Errorf("%s: %w", c.Deed, cause)), nil
	}
	if no.Order != "" {
		r, err := v.refused(ctx, no.Order, no, &c)
		if !errors.Is(err, errStale) {
			return r, err
		}
	}
	why := no.Why
	if !knownWhy(why) {
		why = orders.WhyState
	}
	html := v.l.H("admin_refused_"+string(why), args{
		"Left": no.Left, "Who": v.who(no.Actor), "Currency": v.l.Isolate(string(no.Left.Currency)), "Words": v.l.Isolate(oneLine(no.Words, 300)),
	})
	return v.show(Screen{Name: "admin_refused_" + string(why), HTML: paragraphs(v.notice, html), Rows: [][]Button{
		{{Text: v.l.T("admin_button_refresh"), Data: c.offer(), Style: Primary}}, {back(v.l, adminPage("orders"))},
	}}), nil
}

// A confirmedReturn is what a return's Confirmation says in Detail: "intent:number:minor:currency".
type confirmedReturn struct {
	intent string
	n      int
	amount esim.Money
}

func (r confirmedReturn) detail() string {
	return fmt.Sprintf("%s:%d:%d:%s", r.intent, r.n, r.amount.Minor, r.amount.Currency)
}

func readReturn(c *Confirmation) (confirmedReturn, error) {
	words := strings.Split(c.Detail, ":")
	if len(words) != 4 {
		return confirmedReturn{}, errDetail
	}
	n, err1 := strconv.Atoi(words[1])
	minor, err2 := strconv.ParseInt(words[2], 10, 64)
	if err1 != nil || err2 != nil {
		return confirmedReturn{}, errDetail
	}
	return confirmedReturn{intent: words[0], n: n, amount: esim.Money{Minor: minor, Currency: esim.Currency(words[3])}}, nil
}

// besidePage is the page that answers what an alert tells beside its order; empty for none, and where
// its route would not fit a button.
func besidePage(a orders.Alert) []string {
	var words []string
	switch {
	case payment(a.Intent):
		words = []string{"return", a.Intent}
	case a.Order != nil && a.Twice != nil && a.Twice.Back && orders.IsOrderNumber(a.Twice.OrderNo):
		words = []string{"second", string(a.Order.ID), string(a.Twice.Provider), a.Twice.OrderNo}
	}
	if len("alert/"+strings.Join(words, "/")) > maxData {
		return nil
	}
	return words
}

// besideLink names such a page in a deep link, which holds letters, digits, dashes and underscores only,
// 64 in all (core.telegram.org/bots/features#deep-linking); empty where that can't be.
func besideLink(a orders.Alert) string {
	link := strings.Join(besidePage(a), "_")
	if len("a_"+link) > 64 || strings.ContainsRune(link, '.') {
		return ""
	}
	return link
}

// besideRoute reads what besideLink wrote; empty where it is something else.
func besideRoute(name string) string {
	kind, rest, _ := strings.Cut(name, "_")
	switch words := strings.SplitN(rest, "_", 3); {
	case kind == "return":
		return adminPage("return", rest)
	case kind == "second" && len(words) == 3:
		return adminPage(append([]string{"second"}, words...)...)
	default:
		return ""
	}
}

// twice says what becomes of a second purchase.
func twice(l *locales.Localizer, t *orders.Twice) string {
	if t == nil {
		return ""
	}
	cost, err := esim.NewMoney(t.Cost.Round(esim.USD.Exponent()), esim.USD)
	if err != nil {
		cost = esim.Money{Currency: esim.USD}
	}
	key := "alert_twice_lost"
	if t.Back {
		key = "alert_twice_back"
	}
	return l.H(key, args{"Provider": l.Isolate(t.Provider.Name()), "Number": code(l, oneLine(t.OrderNo, 64)), "Cost": cost})
}
