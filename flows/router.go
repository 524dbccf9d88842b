package flows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxData is how many bytes of data the Bot API lets a button carry.
const maxData = 64

// errStale says that a route names nothing that there is, or nothing of this customer's. Both
// read alike, so that nobody learns of another's order.
var errStale = errors.New("the route leads nowhere")

// A page opens one route's page. Its arguments have been counted, and nothing else.
type page func(v *visit, ctx context.Context, args []string) (Reply, error)

// A route says how a route's page is reached.
type route struct {
	open     page
	min, max int // how many arguments
	// apart: the button stands on a message that stays, an eSIM's photo, an offer or an answer of
	// support's: the page is a new message.
	apart bool
}

// routes is every page by the first word of its route. A word that stands on messages people keep
// (install, left, topup, tu, number, later, mute, reply, bought) is never given up or given another
// meaning.
func routes() map[string]route {
	return map[string]route{
		"start":   {open: (*visit).welcome},
		"dest":    {open: (*visit).destinations},
		"regions": {open: (*visit).regions, max: 1},
		"az":      {open: (*visit).letters, max: 2},
		"find":    {open: (*visit).find, min: 1, max: 1},
		"plans":   {open: (*visit).plans, min: 1, max: 2},
		"covers":  {open: (*visit).covers, min: 1, max: 2},
		"length":  {open: (*visit).lengths, min: 1, max: 2},
		"size":    {open: (*visit).sizes, min: 1, max: 2},
		"any":     {open: (*visit).unfiltered, min: 1, max: 1},
		"plan":    {open: (*visit).plan, min: 1, max: 1},
		"works":   {open: (*visit).works, min: 1, max: 2},
		"phone":   {open: (*visit).phone, max: 1},
		"buy":     {open: (*visit).buy, min: 2, max: 2},
		"again":   {open: (*visit).again, min: 2, max: 2},
		"o":       {open: (*visit).order, min: 1, max: 1},
		"cancel":  {open: (*visit).cancel, min: 1, max: 1},
		"esims":   {open: (*visit).esims, max: 1},
		"past":    {open: (*visit).past, max: 1},
		"esim":    {open: (*visit).esim, min: 1, max: 1},
		"qr":      {open: (*visit).qr, min: 1, max: 1},
		"guide":   {open: (*visit).guide, max: 1},
		"refresh": {open: (*visit).refresh, min: 1, max: 1},
		"more":    {open: (*visit).topUps, min: 1, max: 2},
		"pick":    {open: (*visit).pick, min: 2, max: 2},
		"add":     {open: (*visit).add, min: 3, max: 3},
		"another": {open: (*visit).another, min: 1, max: 1},
		"link":    {open: (*visit).link, min: 1, max: 1},
		"mine":    {open: (*visit).mine, min: 1, max: 1},
		"rename":  {open: (*visit).rename, min: 1, max: 1},
		"unname":  {open: (*visit).unname, min: 1, max: 1},
		"mute":    {open: (*visit).mute, min: 1, max: 1},
		"unmute":  {open: (*visit).unmute, min: 1, max: 1},
		"later":   {open: (*visit).later, min: 1, max: 1},
		"refund":  {open: (*visit).askRefund, min: 1, max: 1},
		"install": {open: (*visit).guide, min: 1, max: 1, apart: true},
		"left":    {open: (*visit).left, min: 1, max: 1, apart: true},
		"topup":   {open: (*visit).topUps, min: 1, max: 1, apart: true},
		"tu":      {open: (*visit).add, min: 3, max: 3, apart: true},
		"number":  {open: (*visit).link, min: 1, max: 1, apart: true},
		"lang":    {open: (*visit).language, max: 1},
		"help":    {open: (*visit).help},
		"support": {open: (*visit).support},
		"pay":     {open: (*visit).paySupport, max: 1},
		"ask":     {open: (*visit).contact, max: 1},
		"tell":    {open: (*visit).unfound, min: 1, max: 1},
		"reply":   {open: (*visit).contact, max: 1, apart: true},
		"bought":  {open: (*visit).order, min: 1, max: 1, apart: true},
		"terms":   {open: (*visit).terms},
		"privacy": {open: (*visit).privacy},
		"erase":   {open: (*visit).erase, max: 1},
		"admin":   {open: (*visit).office, min: 1, max: 4},
		"alert":   {open: (*visit).office, min: 1, max: 4, apart: true},
	}
}

// open draws the page that data names. The session is on that page afterwards, unless the page
// says otherwise; on errStale it is untouched.
func (v *visit) open(ctx context.Context, data string) (Reply, error) {
	if len(data) > maxData || !utf8.ValidString(data) {
		return Reply{}, errStale
	}
	words := strings.Split(data, "/")
	to, ok := v.shop.routes[words[0]]
	args := words[1:]
	if !ok || len(args) < to.min || len(args) > to.max {
		return Reply{}, errStale
	}
	for _, a := range args {
		if a == "" {
			return Reply{}, errStale
		}
	}
	before, notice := v.session, v.notice
	v.session.Page = data
	r, err := to.open(v, ctx, args)
	switch {
	case errors.Is(err, errStale):
		v.session, v.notice = before, notice
		return Reply{}, err
	case err != nil:
		return Reply{}, fmt.Errorf("open page %q: %w", words[0], err)
	}
	if to.apart {
		r.Fresh = r.Screen != nil
	}
	return r, nil
}

// press answers a button. Data that leads nowhere shows the current page, and is counted.
func (v *visit) press(ctx context.Context) (Reply, error) {
	v.session.Question = "" // a page that asks says so again
	r, err := v.open(ctx, v.in.Event.Data)
	if !errors.Is(err, errStale) {
		return r, err
	}
	if r, err = v.current(ctx); err != nil {
		return Reply{}, err
	}
	word, _, _ := strings.Cut(v.in.Event.Data, "/")
	r.Fresh = v.shop.routes[word].apart && r.Screen != nil // a photo stays as it is
	r.Stale, r.Toast = true, v.l.T("stale")
	return r, nil
}

// current draws the session's page again, or the welcome where that page is no more.
func (v *visit) current(ctx context.Context) (Reply, error) {
	if v.session.Page != "" {
		r, err := v.open(ctx, v.session.Page)
		if !errors.Is(err, errStale) {
			r.Fresh = false
			return r, err
		}
	}
	return v.open(ctx, "start")
}

// to joins a route. One that would not fit a button leads to the destinations, where its page can
// be reached by hand.
func to(words ...string) string {
	data := strings.Join(words, "/")
	if len(data) > maxData || !utf8.ValidString(data) {
		return "dest"
	}
	return data
}
