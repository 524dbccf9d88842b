package flows

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"esimbot/esim"
	"esimbot/orders"
)

const (
	// confirmTime is how long a confirm button works.
	confirmTime = 5 * time.Minute
	// tokenBytes is how much chance a confirm button carries.
	tokenBytes = 10
)

// Deeds that are no answer to an order under review.
const (
	deedRefund = "refund"
	deedAnyway = "refund_anyway"
	deedBlock  = "block"
)

// confirmable puts a deed into the session to be confirmed, and returns the route that does it.
func (v *visit) confirmable(c Confirmation) (string, error) {
	random := v.shop.cfg.Random
	if random == nil {
		random = rand.Reader
	}
	token := make([]byte, tokenBytes)
	if _, err := io.ReadFull(random, token); err != nil {
		return "", fmt.Errorf("draw confirmation: %w", err)
	}
	c.Token, c.Until = hex.EncodeToString(token), v.now.Add(confirmTime)
	v.session.Confirm = &c
	return adminPage("yes", c.Token), nil
}

// confirmed does what the session was asked to confirm. It is taken out of the session, which is
// saved before the deed is done: so it is done once. A button that is too old, used, or another
// session's shows the offer as it is now.
func (v *visit) confirmed(ctx context.Context, words []string) (Reply, error) {
	c := v.session.Confirm
	if c == nil || !c.good(words[0], v.now) {
		return v.unconfirmed(ctx, c)
	}
	v.session.Confirm = nil
	deed := *c
	v.session.Page = deed.home()
	return v.working("admin_doing", deed.home(), func(v *visit, ctx context.Context) (Reply, error) { return v.do(ctx, deed) }), nil
}

// good says whether the token is the confirmation's, its time isn't over, and it is whole.
func (c *Confirmation) good(token string, now time.Time) bool {
	whole := c.Deed != string(orders.AnswerCode) || !c.Code.IsZero()
	return whole && now.Before(c.Until) && subtle.ConstantTimeCompare([]byte(c.Token), []byte(token)) == 1
}

// unconfirmed says that a confirm button is no good any more, above the present offer. Where nothing
// waits to be confirmed, the deed may have been done by the press before: the page it led to shows it.
func (v *visit) unconfirmed(ctx context.Context, c *Confirmation) (Reply, error) {
	page, notice := adminPage("orders"), "admin_used"
	if c != nil {
		page, notice = c.offer(), "admin_unconfirmed"
	} else if before := v.in.Session.Page; strings.HasPrefix(before, "admin/") && !strings.HasPrefix(before, "admin/yes/") {
		page = before
	}
	v.session.Confirm = nil
	v.notice = v.l.H(notice)
	r, err := v.open(ctx, page)
	if errors.Is(err, errStale) {
		return v.open(ctx, adminPage("orders"))
	}
	return r, err
}

// home is the page that a deed leads to.
func (c *Confirmation) home() string {
	switch {
	case c.Deed == deedBlock:
		return adminPage("customer", c.Detail)
	case c.Order == "":
		return adminPage("orders")
	default:
		return adminPage("order", string(c.Order))
	}
}

// offer is the page that offers the deed.
func (c *Confirmation) offer() string {
	switch c.Deed {
	case deedBlock:
		return adminPage("block", c.Detail)
	case deedAnyway:
		return adminPage("anyway", string(c.Order))
	case deedReturn:
		intent, _, _ := strings.Cut(c.Detail, ":")
		return adminPage("return", intent)
	case deedGiveBack:
		return adminPage("second", string(c.Order), strings.ReplaceAll(c.Detail, ":", "/"))
	case deedRefund:
		if r, err := readRefund(c); err == nil && r.part {
			return adminPage("refund", string(c.Order), strconv.FormatInt(r.amount.Minor, 10))
		}
		return adminPage("refund", string(c.Order))
	default:
		attempt, _, _ := strings.Cut(c.Detail, ":")
		return adminPage("answer", string(c.Order), c.Deed, attempt)
	}
}

// do does a confirmed deed and says what came of it.
func (v *visit) do(ctx context.Context, c Confirmation) (Reply, error) {
	if !v.isAdmin() {
		return Reply{}, errors.New("confirmed by nobody who may")
	}
	if c.Deed == deedBlock {
		return v.setBlocked(ctx, "block", c.Detail)
	}
	if c.beside() {
		return v.doBeside(ctx, c)
	}
	var after *orders.Order
	var what string
	var err error
	switch c.Deed {
	case deedRefund, deedAnyway:
		after, what, err = v.doRefund(ctx, &c)
	default:
		after, what, err = v.doAnswer(ctx, &c)
	}
	var no *orders.Refusal
	switch {
	case errors.As(err, &no):
		return v.refused(ctx, c.Order, no, &c)
	case errors.Is(err, orders.ErrConflict):
		return v.refused(ctx, c.Order, &orders.Refusal{Why: orders.WhyChanged}, &c)
	case errors.Is(err, orders.ErrNoSuchAnswer):
		return v.refused(ctx, c.Order, &orders.Refusal{Why: orders.WhyState}, &c)
	case err != nil:
		return v.failed(c.home(), fmt.Errorf("%s: %w", c.Deed, err)), nil
	}
	html := paragraphs(
		v.l.H("admin_done", args{"What": plainButton(what)}),
		v.l.H("alert_order", args{"Order": code(v.l, after.ID.String()), "State": v.l.Isolate(string(after.State))}),
	)
	return v.show(Screen{Name: "admin_done", HTML: html, Rows: [][]Button{
		{{Text: v.l.T("button_open"), Data: adminPage("order", string(after.ID)), Style: Primary}}, {back(v.l, adminPage("orders"))},
	}}), nil
}

// A confirmedRefund is what a refund's Confirmation says in Detail: "number:minor:currency:state", and
// ":part" where the amount was asked for.
type confirmedRefund struct {
	n      int
	amount esim.Money
	state  orders.State // when it was offered
	part   bool
}

var errDetail = errors.New("the confirmation can't be read")

func (r confirmedRefund) detail() string {
	s := fmt.Sprintf("%d:%d:%s:%s", r.n, r.amount.Minor, r.amount.Currency, r.state)
	if r.part {
		s += ":part"
	}
	return s
}

func readRefund(c *Confirmation) (confirmedRefund, error) {
	words := strings.Split(c.Detail, ":")
	if len(words) < 4 {
		return confirmedRefund{}, errDetail
	}
	n, err1 := strconv.Atoi(words[0])
	minor, err2 := strconv.ParseInt(words[1], 10, 64)
	if err1 != nil || err2 != nil {
		return confirmedRefund{}, errDetail
	}
	return confirmedRefund{n: n, amount: esim.Money{Minor: minor, Currency: esim.Currency(words[2])}, state: orders.State(words[3]), part: len(words) == 5}, nil
}

// plainButton takes the emoji off the text of a button.
func plainButton(button string) string {
	if mark, words, ok := strings.Cut(button, " "); ok && !strings.ContainsFunc(mark, unicode.IsLetter) {
		return words
	}
	return button
}
