package mobilexy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

// An envelope wraps everything but usage. Message is a list, or an object of lists.
type envelope struct {
	Remark  string `json:"remark"`
	Status  string `json:"status"`
	Message any    `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func refuse(w http.ResponseWriter, status int, remark, msg string) {
	wholesale.Answer(w, status, envelope{Remark: remark, Status: "error", Message: map[string][]string{"error": {msg}}})
}

func succeed(w http.ResponseWriter, remark, msg string, data any) {
	wholesale.Answer(w, http.StatusOK, envelope{remark, "success", []string{msg}, data})
}

// A planJSON is a plan in a list; /plan/{id} leaves out what has omitempty and isn't set.
type planJSON struct {
	ID             int             `json:"id"`
	Slug           string          `json:"slug"`
	Name           string          `json:"name"`
	Period         int             `json:"period"` // days
	PackageType    string          `json:"package_type"`
	DataVolume     int64           `json:"data_volume"` // bytes; -1: no fixed volume
	VoiceQuantity  string          `json:"voice_quantity"`
	SMSQuantity    int             `json:"sms_quantity"`
	Policy         string          `json:"fup_policy_text"`
	PhoneNumber    *int            `json:"phone_number,omitempty"` // 1: comes with a number
	OperatorName   string          `json:"operator_name"`
	OperatorSlug   *string         `json:"operator_slug"`
	NetworkSpeed   string          `json:"network_speed"`
	AreaCoverage   string          `json:"area_coverage"`
	Status         *int            `json:"status,omitempty"`
	ConvertedPrice string          `json:"converted_price,omitempty"`
	Currency       json.RawMessage `json:"currency,omitempty"`
	PackageCode    *string         `json:"packageCode"`
	Countries      []placeJSON     `json:"countries,omitempty"`
}

type placeJSON struct {
	Name           string  `json:"name"`
	Slug           string  `json:"slug"`
	Image          *string `json:"image"`
	ConvertedPrice string  `json:"converted_price,omitempty"`
	PlanCount      *int    `json:"plan_count,omitempty"`
}

// money writes a price as Mobilexy does, with eight places.
func money(d decimal.Decimal) string { return d.StringFixed(8) }

// prices returns the price list by plan id: a plan that isn't in it is no longer sold.
func (s *Server) prices() map[string]decimal.Decimal {
	prices := map[string]decimal.Decimal{}
	for _, p := range s.Plans() {
		prices[p.Code] = p.Price
	}
	return prices
}

func (s *Server) serveCountries(w http.ResponseWriter, r *http.Request) {
	prices := s.prices()
	list := []placeJSON{}
	for _, c := range s.cat.countries {
		var from *decimal.Decimal
		for _, p := range s.cat.plans[c.slug] {
			if price, sold := prices[p.code()]; sold && (from == nil || price.LessThan(*from)) {
				from = &price
			}
		}
		if from != nil && !fault.IsEmpty(r) {
			list = append(list, placeJSON{Name: c.title, Slug: c.slug, ConvertedPrice: money(*from)})
		}
	}
	succeed(w, "countries", "Countries List", map[string]any{"countries": list})
}

func (s *Server) serveRegions(w http.ResponseWriter, r *http.Request) {
	list := []placeJSON{}
	for _, c := range s.cat.regions {
		n := len(s.plans(r, c))
		if n > 0 {
			list = append(list, placeJSON{Name: c.title, Slug: c.slug, PlanCount: &n})
		}
	}
	succeed(w, "regions", "Regions List", map[string]any{"regions": list})
}

// plans returns what is sold for a place.
func (s *Server) plans(r *http.Request, in place) []planJSON {
	list := []planJSON{}
	if fault.IsEmpty(r) {
		return list
	}
	for _, p := range s.cat.plans[in.slug] {
		onSale, sold := s.Plan(p.code())
		if !sold {
			continue
		}
		item := p.details()
		one := 1
		item.Status, item.ConvertedPrice, item.Currency = &one, money(onSale.Price), json.RawMessage("null")
		if in.members == nil {
			has := min(p.voice, 1)
			item.PhoneNumber = &has
		}
		for _, m := range in.members {
			item.Countries = append(item.Countries, placeJSON{Name: m.Name, Slug: m.Slug})
		}
		list = append(list, item)
	}
	return list
}

// details returns what both the lists and /plan/{id} tell.
func (p plan) details() planJSON {
	d := planJSON{
		ID: p.id, Slug: p.slug, Name: p.name, Period: p.days, PackageType: "DATA", DataVolume: p.bytes,
		VoiceQuantity: fmt.Sprintf("%d.00", p.voice), SMSQuantity: p.sms, Policy: p.policy,
		OperatorName: strings.Join(p.in.operators, ", "), NetworkSpeed: p.in.speed, AreaCoverage: p.in.coverage,
	}
	if p.voice > 0 {
		d.PackageType = "DATA-VOICE-SMS"
	}
	if p.packageCode != "" {
		d.PackageCode = &p.packageCode
	}
	return d
}

func (s *Server) serveCountryPlans(w http.ResponseWriter, r *http.Request) {
	for _, c := range s.cat.countries {
		if c.slug == r.PathValue("slug") {
			s.answer(w, envelope{"country_plan", "success", []string{c.title + " eSIM Plans"}, map[string]any{
				"plans": s.plans(r, c), "flag": nil, "flagCode": c.code,
			}})
			return
		}
	}
	refuse(w, http.StatusNotFound, "not_found", "Country not found")
}

func (s *Server) serveRegionPlans(w http.ResponseWriter, r *http.Request) {
	for _, c := range s.cat.regions {
		if c.slug == r.PathValue("slug") {
			s.answer(w, envelope{"region_plan", "success", []string{c.title + " eSIM Plans"}, map[string]any{
				"plans": s.plans(r, c), "flag": nil,
			}})
			return
		}
	}
	refuse(w, http.StatusNotFound, "not_found", "Region not found")
}

func (s *Server) serveGlobalPlans(w http.ResponseWriter, r *http.Request) {
	s.answer(w, envelope{"global_plan", "success", []string{"Global eSIM Plans"}, map[string]any{
		"plans": s.plans(r, s.cat.global), "flag": nil,
	}})
}

func (s *Server) servePlan(w http.ResponseWriter, r *http.Request) {
	p, known := s.cat.byID[r.PathValue("id")]
	if _, sold := s.Plan(r.PathValue("id")); !known || !sold {
		// One of the page's two ways to write a message; refuse writes the other.
		wholesale.Answer(w, http.StatusNotFound, envelope{Remark: "not_found", Status: "error", Message: []string{"Plan not found"}})
		return
	}
	s.answer(w, envelope{"plan_details", "success", []string{"Plan Details"}, map[string]any{"plan": p.details()}})
}

// answer writes v, with the slips of Mobilexy's page when they are asked for.
func (s *Server) answer(w http.ResponseWriter, v any) {
	if !s.careless() {
		wholesale.Answer(w, http.StatusOK, v)
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "    ")
	if err := enc.Encode(v); err != nil {
		http.Error(w, "server error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(slip(b.String()))) // the client may be gone: nobody is left to tell
}

// slip spoils indented JSON where the page's samples are spoilt: no comma on one side of
// packageCode, a comma after the last object of a list, and a brace too many at the end of usage.
func slip(indented string) string {
	lines := strings.Split(strings.TrimSpace(indented), "\n")
	begins := func(i int, prefix string) bool {
		return i < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[i]), prefix)
	}
	for i := range lines {
		switch {
		case begins(i, `"packageCode"`) && begins(i+1, `"countries"`),
			begins(i+1, `"packageCode"`) && !begins(i+2, `"countries"`):
			lines[i] = strings.TrimSuffix(lines[i], ",")
		case begins(i, "}") && begins(i+1, "]") && !strings.Contains(indented, `"usageList"`):
			lines[i] += ","
		}
	}
	if strings.Contains(indented, `"usageList"`) {
		lines = append(lines, "}")
	}
	return strings.Join(lines, "\n")
}
