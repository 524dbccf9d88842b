package stripe

import (
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
)

// Limits of a Checkout Session: docs.stripe.com/api/checkout/sessions/create.
const (
	minLife    = 30 * time.Minute
	maxLife    = 24 * time.Hour
	maxAmount  = 99_999_999 // minor units
	maxLines   = 100
	maxImages  = 8
	maxTitle   = 250
	maxComment = 40_000
)

// sessionParams are the parameters known here: those of payment mode with a hosted page. A
// parameter that Stripe knows and this server doesn't is refused too, so that nothing is believed
// to work that was never tried.
func sessionParams() params {
	long := param{kind: text}
	yes := param{kind: boolean}
	card := params{"request_three_d_secure": {kind: text, enum: []string{"any", "automatic", "challenge"}}}
	product := params{
		"name": {kind: text, max: maxTitle, required: true}, "description": {kind: text, max: maxComment},
		"images": {kind: list, item: &param{kind: link, max: 2048}}, "metadata": {kind: metadata}, "tax_code": long,
	}
	price := params{
		"currency": {kind: text, required: true}, "unit_amount": {kind: integer}, "product_data": {kind: object, fields: product},
		"product": long, "tax_behavior": {kind: text, enum: []string{"exclusive", "inclusive", "unspecified"}},
	}
	line := param{kind: object, fields: params{
		"price": long, "price_data": {kind: object, fields: price}, "quantity": {kind: integer},
	}}
	return params{
		"mode":        {kind: text, enum: []string{"payment", "setup", "subscription"}, required: true},
		"line_items":  {kind: list, item: &line},
		"success_url": {kind: link, required: true}, "cancel_url": {kind: link},
		"client_reference_id": {kind: text, max: 200}, "customer_email": {kind: text, max: 800}, "currency": long,
		"expires_at": {kind: integer}, "metadata": {kind: metadata},
		"locale":        {kind: text, enum: strings.Fields(locales)},
		"automatic_tax": {kind: object, fields: params{"enabled": {kind: boolean, required: true}}},
		"payment_intent_data": {kind: object, fields: params{
			"metadata": {kind: metadata}, "description": {kind: text, max: 1000},
			"statement_descriptor": {kind: text, max: 22}, "statement_descriptor_suffix": {kind: text, max: 22}, "receipt_email": long,
		}},
		"payment_method_options":  {kind: object, fields: params{"card": {kind: object, fields: card}}},
		"payment_method_types":    {kind: list, item: &param{kind: text, enum: []string{"card"}}},
		"submit_type":             {kind: text, enum: []string{"auto", "book", "donate", "pay"}},
		"ui_mode":                 {kind: text, enum: []string{"embedded", "hosted"}},
		"customer_creation":       {kind: text, enum: []string{"always", "if_required"}},
		"allow_promotion_codes":   yes,
		"phone_number_collection": {kind: object, fields: params{"enabled": yes}},
	}
}

// locales are the languages that Stripe's Checkout speaks.
const locales = "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr " +
	"vi zh zh-HK zh-TW"

func (s *Server) createSession(c *call) (renderable, *apiError) {
	f := c.form
	if f.str("mode") != "payment" || f.str("ui_mode") == "embedded" {
		return nil, invalid("", "mode", "The sandbox sells in payment mode on a hosted page only")
	}
	expires, e := lifeOf(c)
	if e != nil {
		return nil, e
	}
	lines, currency, e := linesOf(f)
	if e != nil {
		return nil, e
	}
	total, e := totalOf(lines, currency)
	if e != nil {
		return nil, e
	}
	prefix := "cs_test_"
	if s.opt.LiveMode {
		prefix = "cs_live_"
	}
	v := &Session{
		ID: newID(prefix+"a1", 56), Status: open, PaymentStatus: unpaid, Amount: total, Currency: strings.ToLower(string(currency)), Lines: lines,
		Reference: f.str("client_reference_id"), SuccessURL: f.str("success_url"), CancelURL: f.str("cancel_url"),
		Locale: f.str("locale"), Email: f.str("customer_email"), submit: f.str("submit_type"),
		Metadata: merge(nil, f.at("metadata")), IntentData: merge(nil, f.at("payment_intent_data", "metadata")),
		Description:  f.str("payment_intent_data", "description"),
		suffix:       f.str("payment_intent_data", "statement_descriptor_suffix"),
		ThreeDSecure: f.str("payment_method_options", "card", "request_three_d_secure"),
		AutomaticTax: f.str("automatic_tax", "enabled") == "true",
		LiveMode:     s.opt.LiveMode, Created: c.now, ExpiresAt: expires,
	}
	if v.ThreeDSecure == "" {
		v.ThreeDSecure = "automatic"
	}
	v.URL = strings.TrimSuffix(s.opt.BaseURL, "/") + "/checkout/" + v.ID
	s.sessions.add(v.ID, v)
	s.sessions.trim(maxSessions)
	return v.render(), nil
}

// lifeOf returns when the new Session expires, by the server's own clock.
func lifeOf(c *call) (time.Time, *apiError) {
	if !c.form.has("expires_at") {
		return c.now.Add(maxLife), nil
	}
	at := time.Unix(c.form.num("expires_at"), 0).UTC()
	switch left := at.Sub(c.now.Truncate(time.Second)); {
	case left < minLife:
		return at, invalid("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
	case left > maxLife:
		return at, invalid("", "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
	}
	return at, nil
}

func linesOf(f *node) ([]Line, esim.Currency, *apiError) {
	items := f.items("line_items")
	if len(items) == 0 {
		return nil, "", invalid("parameter_missing", "line_items", "The `line_items` parameter is required in payment mode.")
	}
	if len(items) > maxLines {
		return nil, "", invalid("", "line_items", "A Checkout Session can have up to %d line items", maxLines)
	}
	var lines []Line
	var currency esim.Currency
	for i, item := range items {
		path := "line_items[" + strconv.Itoa(i) + "]"
		line, cur, e := lineOf(item, path)
		if e != nil {
			return nil, "", e
		}
		if currency != "" && cur != currency {
			return nil, "", invalid("", path+"[price_data][currency]", "All prices on a Checkout session must be in the same currency.")
		}
		if currency = cur; f.has("currency") && !strings.EqualFold(f.str("currency"), string(cur)) {
			return nil, "", invalid("", "currency", "The currency of the session does not match that of its prices.")
		}
		lines = append(lines, line)
	}
	return lines, currency, nil
}

func lineOf(item *node, path string) (Line, esim.Currency, *apiError) {
	none := Line{}
	data := item.at("price_data")
	switch {
	case item.has("price") && data != nil:
		return none, "", invalid("parameters_exclusive", path, "You may only specify one of these parameters: price, price_data.")
	case item.has("price"):
		return none, "", missing("price", item.str("price"), path+"[price]")
	case data == nil:
		return none, "", invalid("parameter_missing", path+"[price]", "You must specify either `price` or `price_data` for each line item.")
	case !item.has("quantity"):
		return none, "", invalid("parameter_missing", path+"[quantity]", "Quantity is required. Add `quantity` to `%s`", path)
	case item.num("quantity") < 1 || item.num("quantity") > 999_999:
		return none, "", invalid("parameter_invalid_integer", path+"[quantity]", "This value must be between 1 and 999999 (inclusive).")
	case data.has("product"):
		return none, "", missing("product", data.str("product"), path+"[price_data][product]")
	case !data.has("product_data"):
		return none, "", invalid("parameter_missing", path+"[price_data][product_data]", "You must specify either `product` or `product_data` when creating a price.")
	case !data.has("unit_amount"):
		return none, "", invalid("parameter_missing", path+"[price_data][unit_amount]", "Missing required param: %s[price_data][unit_amount].", path)
	}
	if n := len(data.items("product_data", "images")); n > maxImages {
		return none, "", invalid("", path+"[price_data][product_data][images]", "A product can have up to %d images", maxImages)
	}
	currency, err := esim.ParseCurrency(data.str("currency"))
	if err != nil {
		return none, "", invalid("", path+"[price_data][currency]", "Invalid currency: %s. Stripe currently supports these currencies: "+
			"https://stripe.com/docs/currencies", brief(data.str("currency")))
	}
	unit := data.num("unit_amount")
	at := path + "[price_data][unit_amount]"
	switch {
	case unit < 0:
		return none, "", invalid("parameter_invalid_integer", at, "This value must be greater than or equal to 0.")
	case unit > maxAmount:
		return none, "", invalid("amount_too_large", at, "Amount must be no more than %s", maxText(currency))
	case unit%currency.MinorStep() != 0:
		return none, "", invalid("", at, "Invalid amount: amounts in %s must be a multiple of %d", currency, currency.MinorStep())
	}
	return Line{Name: data.str("product_data", "name"), Description: data.str("product_data", "description"),
		UnitAmount: unit, Quantity: item.num("quantity"), TaxBehavior: data.str("tax_behavior")}, currency, nil
}

func totalOf(lines []Line, currency esim.Currency) (int64, *apiError) {
	var total int64
	for _, l := range lines { // at most 100 × 10⁸ × 10⁶: far from overflow
		total += l.UnitAmount * l.Quantity
	}
	if total > maxAmount {
		return 0, invalid("amount_too_large", "line_items", "The Checkout Session's total amount due must be no more than %s.", maxText(currency))
	}
	if least := minimum(currency); total < least {
		return 0, invalid("amount_too_small", "line_items", "The Checkout Session's total amount due must add up to at least %s.",
			esim.Money{Minor: least, Currency: currency})
	}
	return total, nil
}

func maxText(c esim.Currency) string { return esim.Money{Minor: maxAmount, Currency: c}.String() }

// minimum is the least that can be charged, in minor units: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts.
func minimum(c esim.Currency) int64 {
	switch c {
	case "GBP":
		return 30
	case "AED", "MYR", "PLN", "RON":
		return 200
	case "BGN":
		return 100
	case "DKK":
		return 250
	case "NOK", "SEK":
		return 300
	case "HKD":
		return 400
	case "MXN", "THB":
		return 1000
	case "CZK":
		return 1500
	case "HUF":
		return 17_500
	default: // half a unit of the currencies listed; the worth of half a dollar is not followed
		if c.Exponent() == 3 {
			return 500
		}
		return 50
	}
}
