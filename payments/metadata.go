package payments

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

// Metadata of a Checkout Session and of its PaymentIntent. From it an order is rebuilt when Redis
// has forgotten it; never an activation code.
const (
	metaShop      = "shop"
	metaOrder     = "order_id"
	metaKind      = "kind"
	metaCustomer  = "customer"
	metaLanguage  = "language"
	metaProvider  = "provider"
	metaPlan      = "plan"      // esim.Plan.ID
	metaRef       = "plan_ref"  // esim.Plan.Ref
	metaRetail    = "retail"    // minor units
	metaCurrency  = "currency"  // of retail
	metaWholesale = "wholesale" // USD
	metaTerms     = "terms"     // what else there is to know of the plan: terms
	metaESIM      = "esim"      // of a top-up: the order that bought the eSIM
	metaBuy       = "buy"       // the fence
	metaGot       = "got"       // "<n>:<provider order number>", once bought
	metaDone      = "done"      // set once delivered
	metaNot       = "not"       // the number of the last attempt that surely didn't buy
	metaRefund    = "refund"    // of a refund: "<order>:<n>"; of one that is no order's "return:<intent>:<n>"
)

// Bounds of what is read back. Stripe's own are 500 characters a value.
const (
	maxValue   = 500
	maxWord    = 100 // ids, names, numbers
	maxDays    = 3660
	maxBytes   = 1 << 50
	maxNumbers = 1 << 20 // minutes, messages, kbps
	maxRefunds = 1000    // of one order
)

// terms are what must be known of a plan to buy it and to show it, without the catalogue. The
// networks it uses are left out: they only help to choose.
type terms struct {
	To        esim.DestinationKind `json:"to"`
	Code      string               `json:"code,omitempty"`
	Place     string               `json:"place,omitempty"`
	Countries string               `json:"in,omitempty"` // ISO codes, one after the other; none where To is its own country
	Kind      esim.PlanKind        `json:"kind"`
	Bytes     int64                `json:"bytes,omitempty"`
	Daily     int64                `json:"daily,omitempty"`
	Kbps      int                  `json:"kbps,omitempty"`
	FairUse   string               `json:"fair,omitempty"`
	Days      int                  `json:"days"`
	Voice     int                  `json:"voice,omitempty"`
	SMS       int                  `json:"sms,omitempty"`
	Name      string               `json:"name,omitempty"`
	Package   string               `json:"package,omitempty"`
	Source    string               `json:"source,omitempty"`
	CanTopUp  bool                 `json:"topup,omitempty"`
}

// metadata is what Stripe is told of an order. It depends on the order alone.
func (s *Stripe) metadata(o *orders.Order) map[string]string {
	m := map[string]string{
		metaShop: s.cfg.ShopID, metaOrder: string(o.ID), metaKind: string(o.Kind), metaCustomer: strconv.FormatInt(o.Customer, 10),
		metaLanguage: o.Language, metaProvider: string(o.Plan.Provider), metaPlan: o.Plan.ID, metaRef: o.Plan.Ref(),
		metaRetail: strconv.FormatInt(o.Plan.Retail.Minor, 10), metaCurrency: string(o.Plan.Retail.Currency),
		metaWholesale: o.Plan.Wholesale.String(),
	}
	if t := termsOf(o.Plan); t != "" {
		m[metaTerms] = t
	}
	if o.Kind == orders.KindTopUp {
		m[metaESIM] = string(o.ESIM)
	}
	return m
}

// termsOf writes a plan's terms; empty where they are too long for Stripe or could not be read
// back, so that the catalogue must be asked.
func termsOf(p esim.Plan) string {
	t := terms{
		To: p.Destination.Kind, Code: p.Destination.Code, Place: p.Destination.Name, Kind: p.Kind, Bytes: p.Bytes, Daily: p.DailyBytes,
		Kbps: p.ThrottleKbps, FairUse: p.FairUse, Days: p.Days, Voice: p.VoiceMinutes, SMS: p.SMS, Name: p.Name, Package: p.PackageCode,
		Source: p.Source, CanTopUp: p.CanTopUp,
	}
	if p.Destination.Kind != esim.Country {
		t.Countries = strings.Join(p.Countries, "")
	}
	b, err := json.Marshal(t)
	if err != nil || utf8.RuneCount(b) > maxValue {
		return ""
	}
	if _, ok := readTerms(string(b)); !ok {
		return ""
	}
	return string(b)
}

// draft reads back what an order was opened from; nil where the metadata makes no sense. It has
// come from outside: whoever has a key of the account could have written it.
func draft(m map[string]string) *orders.Draft {
	d := &orders.Draft{Kind: orders.Kind(m[metaKind]), Language: m[metaLanguage]}
	var ok bool
	if d.ID, ok = orderID(m[metaOrder]); !ok {
		return nil
	}
	customer, err := strconv.ParseInt(m[metaCustomer], 10, 64)
	if err != nil || customer <= 0 || (d.Language != "" && !languageTag.MatchString(d.Language)) {
		return nil
	}
	d.Customer = customer
	switch d.Kind {
	case orders.KindESIM:
	case orders.KindTopUp:
		if d.ESIM, ok = orderID(m[metaESIM]); !ok {
			return nil
		}
	default:
		return nil
	}
	if d.Plan, ok = plan(m); !ok {
		return nil
	}
	return d
}

var (
	languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,2}$`)
	price       = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)
	placeCode   = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	countryCode = regexp.MustCompile(`^[A-Z]{2}$`)
	countryList = regexp.MustCompile(`^([A-Z]{2})*$`)
)

// plan reads what is known of the plan: its names and prices, and its terms where they were told.
func plan(m map[string]string) (esim.Plan, bool) {
	t, _ := readTerms(m[metaTerms])
	p := t.plan()
	p.Provider, p.ID = esim.Provider(m[metaProvider]), m[metaPlan]
	minor, err := strconv.ParseInt(m[metaRetail], 10, 64)
	if err != nil || minor <= 0 || !word(p.ID, maxWord) || p.ID == "" || !price.MatchString(m[metaWholesale]) {
		return esim.Plan{}, false
	}
	if p.Provider != esim.CloudESIM && p.Provider != esim.Mobilexy {
		return esim.Plan{}, false
	}
	currency, err := esim.ParseCurrency(m[metaCurrency])
	if err != nil || string(currency) != m[metaCurrency] {
		return esim.Plan{}, false
	}
	p.Retail = esim.Money{Minor: minor, Currency: currency}
	p.Wholesale, err = decimal.NewFromString(m[metaWholesale])
	return p, err == nil && p.Wholesale.IsPositive() && (m[metaRef] == "" || m[metaRef] == p.Ref())
}

// readTerms reads what termsOf wrote; the zero terms where that makes no sense.
func readTerms(text string) (terms, bool) {
	var t terms
	if text == "" || utf8.RuneCountInString(text) > maxValue || json.Unmarshal([]byte(text), &t) != nil || !t.sane() {
		return terms{}, false
	}
	return t, true
}

func (t terms) sane() bool {
	switch t.To {
	case esim.Country:
		if !countryCode.MatchString(t.Code) {
			return false
		}
	case esim.Region, esim.Global:
		if !placeCode.MatchString(t.Code) {
			return false
		}
	default:
		return false
	}
	switch t.Kind {
	case esim.Fixed, esim.Daily, esim.Unlimited:
	default:
		return false
	}
	for _, w := range []string{t.Place, t.FairUse, t.Name, t.Package, t.Source} {
		if !word(w, maxValue) {
			return false
		}
	}
	return countryList.MatchString(t.Countries) && within64(t.Bytes, 0, maxBytes) && within64(t.Daily, 0, maxBytes) &&
		within64(int64(t.Days), 1, maxDays) && within64(int64(t.Kbps), 0, maxNumbers) &&
		within64(int64(t.Voice), -1, maxNumbers) && within64(int64(t.SMS), -1, maxNumbers)
}

func within64(n, least, most int64) bool { return n >= least && n <= most }

// word says whether text is short and has no control characters.
func word(text string, most int) bool {
	return len(text) <= 4*most && utf8.RuneCountInString(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func (t terms) plan() esim.Plan {
	p := esim.Plan{
		PackageCode: t.Package, Source: t.Source, Name: t.Name, Destination: esim.Destination{Kind: t.To, Code: t.Code, Name: t.Place},
		Kind: t.Kind, Bytes: t.Bytes, DailyBytes: t.Daily, ThrottleKbps: t.Kbps, FairUse: t.FairUse, Days: t.Days,
		VoiceMinutes: t.Voice, SMS: t.SMS, CanTopUp: t.CanTopUp,
	}
	if t.To == esim.Country {
		p.Countries = []string{t.Code}
	}
	for i := 0; i+2 <= len(t.Countries); i += 2 {
		p.Countries = append(p.Countries, t.Countries[i:i+2])
	}
	return p
}

// orderID reads an order's id exactly as it is stored.
func orderID(text string) (orders.ID, bool) {
	id, err := orders.ParseID(text)
	return id, err == nil && string(id) == text
}

// marks reads of a PaymentIntent's metadata who may buy, and what came of it.
func marks(m map[string]string) orders.Fence {
	f := orders.Fence{Value: m[metaBuy], Got: m[metaGot], Done: m[metaDone] != ""}
	if !word(f.Got, maxWord) {
		f.Got = ""
	}
	if n, err := strconv.Atoi(m[metaNot]); err == nil && n > 0 {
		f.Not = n
	}
	return f
}
