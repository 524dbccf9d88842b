package stripe

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"esimbot/esim"
)

//go:embed page
var pageFiles embed.FS

// A checkoutPage shows Sessions to the people who pay.
type checkoutPage struct {
	server  *Server
	html    *template.Template
	texts   map[string]map[string]string // by language, then key
	matcher language.Matcher
	codes   []string // languages in the matcher's order
	assets  http.Handler
}

// CheckoutPage is where customers pay: GET <id>, POST <id>/pay, POST <id>/decline, GET <id>/receipt.
// Mount it at /checkout/, with or without stripping that prefix. Links to t.me lead to /t.me/ of
// the same address.
func (s *Server) CheckoutPage() http.Handler {
	p := &checkoutPage{server: s, codes: []string{"en", "es", "fr", "de", "ru", "ar"}}
	files, err := fs.Sub(pageFiles, "page")
	if err == nil {
		var raw []byte
		if raw, err = fs.ReadFile(files, "texts.json"); err == nil {
			err = json.Unmarshal(raw, &p.texts)
		}
	}
	if err != nil { // the files are part of the program
		panic(fmt.Sprintf("checkout page: %v", err))
	}
	p.html = template.Must(template.ParseFS(files, "checkout.html"))
	p.assets = http.StripPrefix("assets/", http.FileServerFS(files))
	var tags []language.Tag
	for _, c := range p.codes {
		tags = append(tags, language.Make(c))
	}
	p.matcher = language.NewMatcher(tags)
	return p
}

func (p *checkoutPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // with "no-referrer" a form would come with "Origin: null"
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'")
	path := pathOf(r)
	if path == "assets/checkout.css" || path == "assets/checkout.js" {
		u := *r.URL
		u.Path = path
		asset := r.Clone(r.Context())
		asset.URL = &u
		p.assets.ServeHTTP(w, asset)
		return
	}
	id, action, _ := strings.Cut(path, "/")
	v, ok := p.server.Session(id)
	switch {
	case !ok:
		p.note(w, r, &v, "missing", http.StatusNotFound)
	case r.Method == http.MethodPost:
		p.act(w, r, id, action)
	case action == "receipt" && v.PaymentStatus == paid:
		p.receipt(w, r, &v)
	case action != "":
		p.note(w, r, &v, "missing", http.StatusNotFound)
	case v.Status == expired:
		p.note(w, r, &v, "expired", http.StatusOK)
	case v.PaymentStatus == paid:
		p.note(w, r, &v, "paid", http.StatusOK)
	case v.Status == complete:
		p.note(w, r, &v, "slow", http.StatusOK)
	default:
		p.checkout(w, r, &v)
	}
}

// pathOf is the path below the mount.
func pathOf(r *http.Request) string {
	return strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/checkout"), "/")
}

// act presses Pay, or pays with a card that is refused, and leads on. Who comes too late sees the
// page as it is now.
func (p *checkoutPage) act(w http.ResponseWriter, r *http.Request, id, action string) {
	to := "../" + id
	switch action {
	case "pay":
		if p.server.Confirm(id) == nil {
			if v, ok := p.server.Session(id); ok && v.Status == complete {
				to = local(strings.ReplaceAll(v.SuccessURL, "{CHECKOUT_SESSION_ID}", id))
			}
		}
	case "decline":
		_ = p.server.Decline(id) // closed meanwhile: the page says so
	default:
		http.NotFound(w, r)
		return
	}
	// Not http.Redirect: it would resolve "../" against a path that the mount may have shortened.
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// A view is what the templates show.
type view struct {
	Lang, Dir, Root, Title string // Root leads to the mount
	T                      map[string]string
	ID, Business, Initial  string
	Amount, Email, Payer   string
	Leave, Back            string
	Lines                  []viewLine
	Test, Declined         bool
	State, Heading, Text   string
	Paid, Refunded         string
}

type viewLine struct {
	Name, Description, Price string
	Quantity                 int64
}

func (p *checkoutPage) view(r *http.Request, v *Session) *view {
	lang := p.language(r, v.Locale)
	out := &view{
		Lang: lang, Dir: "ltr", T: p.texts[lang], ID: v.ID, Business: p.server.opt.Business, Payer: payer, Email: v.Email,
		Initial: strings.ToUpper(string([]rune(p.server.opt.Business)[:1])), Leave: local(v.CancelURL), Test: !v.LiveMode, Declined: v.Declined != "",
	}
	if lang == "ar" {
		out.Dir = "rtl"
	}
	out.Root = strings.Repeat("../", strings.Count(pathOf(r), "/"))
	if out.Leave == "" {
		out.Leave = "/"
	}
	if out.Email == "" {
		out.Email = payerEmail
	}
	out.Title = out.Business
	if v.ID != "" {
		out.Amount = price(v.Amount, v.Currency, lang)
	}
	for _, l := range v.Lines {
		out.Lines = append(out.Lines, viewLine{l.Name, l.Description, price(l.UnitAmount*l.Quantity, v.Currency, lang), l.Quantity})
	}
	return out
}

// language is the Session's, or for "auto" the browser's, of those the page speaks.
func (p *checkoutPage) language(r *http.Request, locale string) string {
	want := locale
	if want == "" || want == "auto" {
		want = r.Header.Get("Accept-Language")
	}
	_, i := language.MatchStrings(p.matcher, want)
	return p.codes[i]
}

func (p *checkoutPage) checkout(w http.ResponseWriter, r *http.Request, v *Session) {
	p.render(w, "checkout", http.StatusOK, p.view(r, v))
}

func (p *checkoutPage) note(w http.ResponseWriter, r *http.Request, v *Session, state string, status int) {
	out := p.view(r, v)
	out.State, out.Heading, out.Text = state, out.T[state+"_title"], out.T[state+"_text"]
	switch state {
	case "paid", "slow":
		out.Back = local(strings.ReplaceAll(v.SuccessURL, "{CHECKOUT_SESSION_ID}", v.ID))
	case "expired":
		out.Back = out.Leave
	}
	p.render(w, "note", status, out)
}

func (p *checkoutPage) receipt(w http.ResponseWriter, r *http.Request, v *Session) {
	out := p.view(r, v)
	if i, ok := p.server.Intent(v.Intent); ok {
		out.Paid = i.Created.Format("2006-01-02")
		if i.Refunded > 0 {
			out.Refunded = price(i.Refunded, v.Currency, out.Lang)
		}
	}
	p.render(w, "receipt", http.StatusOK, out)
}

func (p *checkoutPage) render(w http.ResponseWriter, name string, status int, v *view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = p.html.ExecuteTemplate(w, name, v) // the client may be gone: nobody is left to tell
}

// local leads links to Telegram to the sandbox's own.
func local(link string) string {
	if rest, ok := strings.CutPrefix(link, "https://t.me/"); ok {
		return "/t.me/" + rest
	}
	return link
}

// price writes an amount as people who speak lang do, in digits 0–9.
func price(minor int64, currency, lang string) string {
	m := esim.Money{Minor: minor, Currency: currencyOf(currency)}
	number := m.Decimal().StringFixed(m.Currency.Exponent())
	symbol := string(m.Currency)
	switch m.Currency {
	case "USD":
		symbol = "$"
	case "EUR":
		symbol = "€"
	case "GBP":
		symbol = "£"
	case "JPY":
		symbol = "¥"
	case "INR":
		symbol = "₹"
	case "RUB":
		symbol = "₽"
	case "UAH":
		symbol = "₴"
	}
	switch {
	case lang == "en" && len(symbol) < 3:
		return symbol + number
	case lang == "es" || lang == "fr" || lang == "de" || lang == "ru":
		number = strings.Replace(number, ".", ",", 1)
	}
	return number + "\u00a0" + symbol
}
