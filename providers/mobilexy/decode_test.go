package mobilexy

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/providers"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plansOf decodes a list of plans as the catalogue does.
func plansOf(t testing.TB, body []byte, s shelf) []providers.Listing {
	t.Helper()
	list, err := decodePlans(body)
	if err != nil {
		t.Fatal(err)
	}
	all, skipped := s.listings(list)
	if skipped != 0 {
		t.Errorf("%d plans left out", skipped)
	}
	return all
}

func TestListsOfThePage(t *testing.T) {
	countries, err := decodeCountries(sample(t, "countries"))
	if err != nil || len(countries) != 2 {
		t.Fatalf("countries: %+v, %v", countries, err)
	}
	aland, ok := countries[1].shelf()
	want := shelf{"country-plans/aland-islands", esim.Country, providers.Place{Name: "Aland Islands", Slug: "aland-islands"}}
	if !ok || aland != want {
		t.Errorf("country: %+v", aland)
	}
	regions, err := decodeRegions(sample(t, "regions"))
	if err != nil || len(regions) != 2 {
		t.Fatalf("regions: %+v, %v", regions, err)
	}
	asia, ok := regions[1].shelf()
	want = shelf{"region-plans/asia-as-12", esim.Region, providers.Place{Code: "AS-12", Name: "Asia (AS-12)", Slug: "asia-as-12"}}
	if !ok || asia != want {
		t.Errorf("region: %+v", asia)
	}

	l := plansOf(t, sample(t, "country-plans"), aland)[0]
	plan := esim.Plan{
		Provider: esim.Mobilexy, ID: "855", PackageCode: "CKH226", Source: "country-plans/aland-islands", Name: "Afghanistan 500MB/Day",
		Kind: esim.Daily, DailyBytes: 500 * esim.MB, ThrottleKbps: 512, Days: 1, Operators: []string{"Etisalat"}, Speeds: []string{"3G"},
		CanTopUp: true, Wholesale: l.Plan.Wholesale,
	}
	if diff := cmp.Diff(plan, l.Plan); diff != "" || l.Plan.Wholesale.String() != "8.12" || l.Coverage != nil {
		t.Errorf("country plan: %s %+v", diff, l)
	}
	l = plansOf(t, sample(t, "region-plans"), asia)[0]
	if len(l.Plan.Operators) != 17 || l.Plan.ThrottleKbps != 128 || !cmp.Equal(l.Plan.Speeds, []string{"3G", "4G"}) ||
		!cmp.Equal(l.Coverage, []providers.Place{{Name: "Hong Kong (China)", Slug: "hong-kong-china"}, {Name: "Macao (China)", Slug: "macao-china"}}) {
		t.Errorf("region plan: %+v", l)
	}
	l = plansOf(t, sample(t, "global-plans"), worldShelf())[0]
	if l.Kind != esim.Global || l.Plan.Source != "global-plans" || len(l.Coverage) != 2 {
		t.Errorf("global plan: %+v", l)
	}

	details, err := decodePlan(sample(t, "plan"))
	terms, ok := details.terms()
	if err != nil || !ok || terms.ID != "811" || terms.Kind != esim.Fixed || terms.Bytes != 3*esim.GB || terms.Days != 30 {
		t.Errorf("plan: %+v, %v", terms, err)
	}
}

func TestAccountOfThePage(t *testing.T) {
	if balance, err := decodeBalance(sample(t, "balance")); err != nil || balance.String() != "100" {
		t.Errorf("balance: %s, %v", balance, err)
	}
	bought, err := decodePurchase(sample(t, "purchase"))
	if err != nil || bought.Order.OrderNumber != "GW7DUVMKGO" || bought.ESIM.SerialNumber != "2147483647" || bought.ESIM.ICCID != "" {
		t.Errorf("purchase: %+v, %v", bought, err)
	}
	if _, err := esim.ParseActivationCode(string(bought.ESIM.QRCode)); err != nil {
		t.Errorf("purchase: %v", err)
	}
	top, err := decodeTopUp(sample(t, "topup"))
	if err != nil || top.TransactionID != "MBL-RGNRTU9DAK_1771248518" || volume(top.TotalVolume) != 6*esim.GB || volume(top.OrderUsage) != 0 ||
		!providers.ParseTime(top.ExpiredTime).Equal(time.Date(2026, 3, 30, 7, 37, 12, 0, time.UTC)) {
		t.Errorf("top-up: %+v, %v", top, err)
	}
	entries, err := decodeUsage(sample(t, "usage"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("usage: %+v, %v", entries, err)
	}
	got := entries[0].usage(providers.Ref{ICCID: "8948010010002120847"})
	want := esim.Usage{
		ICCID: "8948010010002120847", TranNo: "26021607100025", Status: esim.StatusReady, UsedBytes: 0, TotalBytes: esim.GB,
		RemainingBytes: esim.GB, At: time.Date(2026, 2, 16, 7, 10, 58, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("usage: %s", diff)
	}
}

// decoders are all of the package's, with what is made of their answers.
func decoders() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"countries": func(b []byte) error {
			list, err := decodeCountries(b)
			for _, c := range list {
				if s, ok := c.shelf(); ok && !validSource(s.source) {
					return errors.New("a source that leads astray")
				}
			}
			return err
		},
		"regions": func(b []byte) error {
			list, err := decodeRegions(b)
			for _, r := range list {
				if s, ok := r.shelf(); ok && !validSource(s.source) {
					return errors.New("a source that leads astray")
				}
			}
			return err
		},
		"plans": func(b []byte) error {
			list, err := decodePlans(b)
			all, _ := worldShelf().listings(list)
			for _, l := range all {
				if wrong := check(l); wrong != nil {
					return wrong
				}
			}
			return err
		},
		"plan":     func(b []byte) error { p, err := decodePlan(b); _, _ = p.terms(); return err },
		"balance":  func(b []byte) error { _, err := decodeBalance(b); return err },
		"purchase": func(b []byte) error { _, err := decodePurchase(b); return err },
		"topup":    func(b []byte) error { t, err := decodeTopUp(b); _ = volume(t.TotalVolume); return err },
		"usage": func(b []byte) error {
			list, err := decodeUsage(b)
			for _, e := range list {
				if u := e.usage(providers.Ref{}); u.RemainingBytes < -1 || u.UsedBytes < -1 {
					return errors.New("usage without sense")
				}
			}
			return err
		},
	}
}

func check(l providers.Listing) error {
	p := l.Plan
	volume := p.Kind == esim.Fixed && providers.VolumeFits(p.Bytes) || p.Kind == esim.Daily && providers.VolumeFits(p.DailyBytes) || p.Kind == esim.Unlimited
	if p.ID == "" || !volume || p.Days < 1 || p.Days > providers.MaxDays || !p.Wholesale.IsPositive() || p.Wholesale.IntPart() >= 10_000 ||
		len([]rune(p.Name)) > 120 || len(l.Coverage) > providers.MaxPlaces || p.VoiceMinutes < -1 || p.SMS < -1 || p.ThrottleKbps < 0 {
		return errors.New("plan without sense")
	}
	return nil
}

// The page's samples with their slips as they stand there: commas missing, commas and braces too many.
func TestSlipsOfThePageAreMalformed(t *testing.T) {
	for file, name := range map[string]string{
		"country-plans": "plans", "region-plans": "plans", "global-plans": "plans", "plan": "plan", "usage": "usage",
	} {
		if err := decoders()[name](sample(t, "slips/"+file)); !errors.Is(err, providers.ErrMalformed) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestRefusalsInEitherEnvelope(t *testing.T) {
	for body, message := range map[string]string{
		`{"remark":"x","status":"error","message":{"error":["Insufficient balance"]}}`:                              "Insufficient balance",
		`{"remark":"x","status":"error","message":["a","b"],"data":[]}`:                                             "a; b",
		`{"status":"failed","message":null}`:                                                                        "",
		`{"success":false,"errorCode":"200010","errorMsg":"eSIM not found","obj":null}`:                             "eSIM not found",
		`{"success":"false","errorCode":"310243","errorMsg":null,"obj":{}}`:                                         "error code 310243",
		`{"status":"success","message":[],"data":null,"success":false,"errorMsg":"says both things"}`:               "says both things",
		`{"status":"error","message":{"error":["no"]},"success":true,"errorCode":"0","data":{"plans":[]},"obj":{}}`: "no",
	} {
		for name, decode := range decoders() {
			var no *providers.Refusal
			if err := decode([]byte(body)); !errors.As(err, &no) || no.Message != message {
				t.Errorf("%s: %s: %v", name, body, err)
			}
		}
	}
}

func TestBothEnvelopesOfATopUpMustSayYes(t *testing.T) {
	wrap := func(outer, inner string) []byte {
		return []byte(`{"remark":"r","status":"` + outer + `","message":{"success":["m"]},"data":` + inner + `}`)
	}
	yes := `{"success":"true","errorCode":"0","obj":{"transactionId":"T1"}}`
	if top, err := decodeTopUp(wrap("success", yes)); err != nil || top.TransactionID != "T1" {
		t.Errorf("both say yes: %+v, %v", top, err)
	}
	if _, err := decodeTopUp(wrap("success", `{"success":true,"errorCode":null,"obj":null}`)); err != nil {
		t.Errorf("both say yes and nothing else: %v", err)
	}
	var no *providers.Refusal
	if _, err := decodeTopUp(wrap("error", yes)); !errors.As(err, &no) {
		t.Errorf("the outer says no: %v", err)
	}
	if _, err := decodeTopUp(wrap("success", `{"success":"false","errorCode":"1","errorMsg":"profile not found"}`)); !errors.As(err, &no) {
		t.Errorf("the inner says no: %v", err)
	}
	for _, inner := range []string{`null`, `{}`, `[]`, `{"success":null}`, `{"success":true,"errorCode":"200005","obj":{}}`, `{"success":true,"obj":[]}`} {
		if _, err := decodeTopUp(wrap("success", inner)); !errors.Is(err, providers.ErrMalformed) {
			t.Errorf("%s: %v", inner, err)
		}
	}
}

func TestBadAnswers(t *testing.T) {
	for name, decode := range decoders() {
		for _, body := range []string{
			"", "null", "[]", "{}", "true", "<html>", `{"status":"success"`, `{"status":"success"}}`, `{"status":"success","data":{},}`,
			`{"status":"success","data":7}`, `{"status":"success","data":[]}`, `{"status":null,"data":{}}`, `{"status":"pending","data":{}}`, `{"status":"Success","data":{}}`, `{"success":null,"obj":{}}`,
			`{"success":true,"errorCode":"5","obj":{"usageList":[]}}`, `{"status":"success"}`,
		} {
			if err := decode([]byte(body)); !errors.Is(err, providers.ErrMalformed) {
				t.Errorf("%s: %s: %v", name, body, err)
			}
		}
	}
}

// A purchase stands though what surrounds the code is not as it should be.
func TestAPurchaseIsNotLostToOddFields(t *testing.T) {
	for _, body := range []string{
		`{"status":"success","data":{"order":{"order_number":77,"total_amount":null,"status":9},"esim":{"serial_number":99999999999999999999,"iccid":[],"phone_number":false,"qr_code":null,"expiry_date":5}}}`,
		`{"status":"success","data":{"order":null,"esim":{"qr_code":"LPA:1$a.b$C"}}}`,
	} {
		if _, err := decodePurchase([]byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := decodePurchase([]byte(`{"status":"success","data":{"order":{},"esim":{}}}`)); !errors.Is(err, providers.ErrMalformed) {
		t.Errorf("nothing bought: %v", err)
	}
}

func TestUsageListForms(t *testing.T) {
	for body, want := range map[string]int{
		`[{"esimTranNo":"1"},{"esimTranNo":"2"}]`:         2,
		`{"1":{"esimTranNo":"1"},"2":{"esimTranNo":"2"}}`: 2,
		`{"esimTranNo":"1","dataUsage":0}`:                1,
		`[]`:                                              0,
		`{}`:                                              0,
	} {
		list, err := decodeUsage([]byte(`{"success":true,"errorCode":"0","obj":{"usageList":` + body + `}}`))
		if err != nil || len(list) != want {
			t.Errorf("%s: %d, %v", body, len(list), err)
		}
	}
}

func TestFairUse(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		kind       esim.PlanKind
		daily      int64
		kbps       int
		kept       bool
	}{
		{"x", "500MB high-speed/day, 512 Kbps after limit, resets daily", esim.Daily, 500 * esim.MB, 512, false},
		{"x", "1 GB high-speed / day; 1 Mbps after the limit; resets daily.", esim.Daily, esim.GB, 1000, false},
		{"x", "1.5GB per day, 128 kbps after limit", esim.Daily, esim.GB + esim.GB/2, 128, false},
		{"Japan 500MB/Day", "", esim.Daily, 500 * esim.MB, 0, true},
		{"Japan 500MB/Day", "Slower after heavy use", esim.Daily, 500 * esim.MB, 0, true},
		{"x", "2GB high-speed/day, then stopped, hotspot excluded", esim.Daily, 2 * esim.GB, 0, true},
		{"Japan Unlimited", "Fair use applies", esim.Unlimited, 0, 0, true},
		{"Japan Unlimited", "", esim.Unlimited, 0, 0, true},
		{"x", "0MB/day", esim.Unlimited, 0, 0, true},
		{"x", "99999GB/day", esim.Daily, 99999 * esim.GB, 0, true},
	} {
		p := esim.Plan{Kind: esim.Unlimited, Name: tc.name}
		readFairUse(&p, tc.text)
		want := ""
		if tc.kept {
			want = tc.text
		}
		if p.Kind != tc.kind || p.DailyBytes != tc.daily || p.ThrottleKbps != tc.kbps || p.FairUse != want {
			t.Errorf("%q %q: %+v", tc.name, tc.text, p)
		}
	}
}

func TestOddPlansAreLeftOut(t *testing.T) {
	good := map[string]any{
		"id": 7, "name": "Japan 1GB", "period": 7, "data_volume": 1 << 30, "converted_price": "3.10000000", "currency": nil, "status": 1,
		"voice_quantity": "0.00", "sms_quantity": 0, "packageCode": "P1",
	}
	var list []json.RawMessage
	add := func(change map[string]any) {
		p := map[string]any{}
		for k, v := range good {
			p[k] = v
		}
		for k, v := range change {
			p[k] = v
		}
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, raw)
	}
	add(nil)
	add(map[string]any{"status": 0}) // not on sale: not odd either
	odd := []map[string]any{
		{"id": nil}, {"id": "x"}, {"id": -1}, {"id": 1.5}, {"period": 0}, {"period": 99999}, {"period": nil}, {"data_volume": 0},
		{"data_volume": -2}, {"data_volume": nil}, {"data_volume": "9e99"}, {"data_volume": 1}, {"converted_price": "0.00000000"},
		{"converted_price": "10000.00000000"}, {"converted_price": nil}, {"converted_price": "-3"}, {"currency": "EUR"},
	}
	for _, change := range odd {
		add(change)
	}
	for _, raw := range []string{`7`, `null`, `"x"`, `[]`} {
		list = append(list, json.RawMessage(raw))
	}
	all, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := decodePlans([]byte(`{"status":"success","data":{"plans":` + string(all) + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	found, skipped := worldShelf().listings(plans)
	if len(found) != 1 || skipped != len(odd)+4 {
		t.Errorf("%d plans, %d left out, want 1 and %d", len(found), skipped, len(odd)+4)
	}
}

func TestVoice(t *testing.T) {
	for _, tc := range []struct {
		voice, sms string
		minutes, n int
	}{{`"30.00"`, `50`, 30, 50}, {`"-1.00"`, `-1`, -1, -1}, {`null`, `"x"`, 0, 0}, {`-7`, `99999999999`, 0, 0}} {
		var p Plan
		body := `{"id":1,"period":1,"data_volume":1048576,"voice_quantity":` + tc.voice + `,"sms_quantity":` + tc.sms + `}`
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		if terms, ok := p.terms(); !ok || terms.VoiceMinutes != tc.minutes || terms.SMS != tc.n {
			t.Errorf("%s %s: %+v", tc.voice, tc.sms, terms)
		}
	}
}

func TestSources(t *testing.T) {
	for source, want := range map[string]bool{
		"country-plans/japan": true, "region-plans/asia-as-12": true, "global-plans": true, "": false, "country-plans/": false,
		"country-plans/../balance": false, "country-plans/a/b": false, "plan/7": false, "global-plans/x": false, "country-plans/a?b": false,
		"country-plans/" + strings.Repeat("a", 200): false,
	} {
		if got := validSource(source); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}
