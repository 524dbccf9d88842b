package mobilexy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"esimbot/sandbox/cloudesim"
	"esimbot/sandbox/fault"
)

func TestEveryPlanIsWhole(t *testing.T) {
	s, _ := start(t)
	paths := []string{"/global-plans"}
	for _, r := range get(t, s, "/coverage/regions").Data.Regions {
		paths = append(paths, "/region-plans/"+r.Slug)
	}
	for _, c := range get(t, s, "/coverage/countries").Data.Countries {
		paths = append(paths, "/country-plans/"+c.Slug)
	}
	ids, codes, voice := map[int]bool{}, map[string]bool{}, 0
	for _, path := range paths {
		a := get(t, s, path)
		if len(a.Data.Plans) < 4 {
			t.Errorf("%s has %d plans", path, len(a.Data.Plans))
		}
		if strings.HasPrefix(path, "/country") && len(a.Data.FlagCode) != 2 {
			t.Errorf("%s flies the flag %q", path, a.Data.FlagCode)
		}
		for _, p := range a.Data.Plans {
			price := usd(p.ConvertedPrice)
			if ids[p.ID] || price.LessThan(usd("1")) || price.GreaterThan(usd("60")) || p.OperatorName == "" || p.Period < 1 || p.Currency != nil {
				t.Errorf("%s: %+v", path, p)
			}
			ids[p.ID] = true
			if (p.DataVolume == -1) != (p.Policy != "") {
				t.Errorf("%s: %d bytes, policy %q", p.Name, p.DataVolume, p.Policy)
			}
			if p.PackageCode != nil {
				if codes[*p.PackageCode] {
					t.Errorf("%s: code %s stands twice", p.Name, *p.PackageCode)
				}
				codes[*p.PackageCode] = true
			}
			if strings.HasPrefix(path, "/country") != (p.Countries == nil) || (p.Countries == nil) != (p.PhoneNumber != nil) {
				t.Errorf("%s: %d countries, phone %v", p.Name, len(p.Countries), p.PhoneNumber)
			}
			if p.PackageType != "DATA" {
				voice++
			}
		}
	}
	if voice == 0 {
		t.Error("no plan for calls")
	}
}

func TestPlansAreThoseOfThePage(t *testing.T) {
	s, _ := start(t)
	daily := planBySlug(t, s, "/country-plans/afghanistan", "AF_0.5_Daily")
	if daily.Name != "Afghanistan 500MB/Day" || daily.Period != 1 || daily.DataVolume != -1 ||
		daily.Policy != "500MB high-speed/day, 512 Kbps after limit, resets daily" || daily.VoiceQuantity != "0.00" || daily.Coverage != "local" {
		t.Errorf("%+v", daily)
	}
	asia := planBySlug(t, s, "/region-plans/asia-as-12", "AS-12_3_30")
	if asia.Name != "Asia (12 areas) 3GB 30Days" || asia.DataVolume != 3221225472 || len(asia.Countries) != 12 || asia.Coverage != "continental" {
		t.Errorf("%+v", asia)
	}
	details := get(t, s, "/plan/"+strconv.Itoa(asia.ID))
	if details.Data.Plan.Name != asia.Name || details.Data.Plan.PackageCode == nil || *details.Data.Plan.PackageCode != *asia.PackageCode {
		t.Errorf("%+v", details.Data.Plan)
	}
	for _, absent := range []string{"price", "currency", `"status":1`, "countries"} {
		if strings.Contains(details.raw, absent) {
			t.Errorf("details tell %s: %s", absent, details.raw)
		}
	}
	talk := planBySlug(t, s, "/country-plans/japan", "JP_5_30_Voice")
	if talk.VoiceQuantity != "30.00" || talk.SMSQuantity != 50 || *talk.PhoneNumber != 1 || talk.PackageCode != nil {
		t.Errorf("%+v", talk)
	}
}

func TestPricesChangeAndPlansGo(t *testing.T) {
	s, _ := start(t)
	p := planBySlug(t, s, "/country-plans/japan", "JP_1_7")
	id := strconv.Itoa(p.ID)
	if err := s.SetPrice(id, usd("0.5")); err != nil {
		t.Fatal(err)
	}
	if got := planBySlug(t, s, "/country-plans/japan", "JP_1_7").ConvertedPrice; got != "0.50000000" {
		t.Errorf("costs %s", got)
	}
	for _, c := range get(t, s, "/coverage/countries").Data.Countries {
		if c.Slug == "japan" && c.ConvertedPrice != "0.50000000" {
			t.Errorf("Japan from %s", c.ConvertedPrice)
		}
	}
	if err := s.RemovePlan(id); err != nil {
		t.Fatal(err)
	}
	for _, p := range get(t, s, "/country-plans/japan").Data.Plans {
		if p.Slug == "JP_1_7" {
			t.Error("a removed plan is listed")
		}
	}
	if a := get(t, s, "/plan/"+id); a.status != http.StatusNotFound || string(a.Message) != `["Plan not found"]` {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

func TestSomePlansAreCloudeSIMsTooAtAnotherPrice(t *testing.T) {
	s, _ := start(t)
	other := cloudesim.New(cloudesim.Options{Token: key})
	same, cheaper, dearer := 0, 0, 0
	ours := map[string]int{}
	for i, p := range s.Plans() {
		ours[fmt.Sprint(p.Location, p.Bytes, p.Days)] = i
	}
	for _, p := range other.Plans() {
		i, ok := ours[fmt.Sprint(p.Location, p.Bytes, p.Days)]
		if !ok || p.TopUp {
			continue
		}
		same++
		switch s.Plans()[i].Price.Cmp(p.Price) {
		case -1:
			cheaper++
		case 1:
			dearer++
		}
	}
	if same < 100 || cheaper < 30 || dearer < 30 {
		t.Errorf("%d plans are the same, %d of them cheaper here and %d dearer", same, cheaper, dearer)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	s, _ := start(t)
	if err := s.Fault.Set(fault.Rule{Mood: fault.Empty}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/coverage/countries": `"countries":[]`, "/coverage/regions": `"regions":[]`, "/country-plans/japan": `"plans":[]`,
		"/region-plans/asia-as-12": `"plans":[]`, "/global-plans": `"plans":[]`,
	} {
		if a := get(t, s, path); !strings.Contains(a.raw, want) {
			t.Errorf("%s: %.200s", path, a.raw)
		}
	}
}

func TestSlipsAreThoseOfThePage(t *testing.T) {
	s, _ := start(t)
	country := "/api/country-plans/afghanistan"
	plain := serve(s, country)
	s.Slips(true)
	for path, wants := range map[string][]string{
		country: {"\"currency\": null\n                \"packageCode\"", "},\n        ]"},
		"/api/region-plans/asia-as-12": {
			"\"currency\": null,\n                \"packageCode\"", "\"\n                \"countries\"", "},\n                ]", "},\n        ]",
		},
		"/api/global-plans": {"\"\n                \"countries\"", "},\n        ]"},
		"/api/plan/801":     {"\"continental\"\n            \"packageCode\""},
	} {
		got := serve(s, path)
		if json.Valid([]byte(got)) {
			t.Errorf("%s is valid", path)
		}
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s has no %q: %.1200s", path, want, got)
			}
		}
	}
	s.Slips(false)
	if serve(s, country) != plain {
		t.Error("the slips stay")
	}
}

func serve(s http.Handler, path string) string {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}
