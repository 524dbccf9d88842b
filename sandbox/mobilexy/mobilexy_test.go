package mobilexy_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/clock"
	"esimbot/sandbox/mobilexy"
)

const key = "test-key"

// An answer is any of the API's answers.
type answer struct {
	status    int
	raw       string
	Remark    string
	Status    string
	Message   json.RawMessage
	Success   any // in the carrier's envelope
	ErrorCode *string
	ErrorMsg  *string
	Obj       struct{ UsageList []usage }
	Data      struct {
		Balance   json.Number
		Countries []struct {
			Name, Slug     string
			Image          *string
			ConvertedPrice string `json:"converted_price"`
		}
		Regions []struct {
			Name, Slug string
			PlanCount  int `json:"plan_count"`
		}
		Plans    []plan
		Plan     plan
		FlagCode string
		Order    struct {
			OrderNumber string `json:"order_number"`
			TotalAmount string `json:"total_amount"`
			Status      int
		}
		ESIM struct {
			SerialNumber int64 `json:"serial_number"`
			ICCID        *string
			PhoneNumber  *string `json:"phone_number"`
			QRCode       string  `json:"qr_code"`
			ExpiryDate   string  `json:"expiry_date"`
		}
		Success   any
		ErrorCode *string
		Obj       *topUp
	}
}

type plan struct {
	ID             int
	Slug, Name     string
	Period         int
	PackageType    string `json:"package_type"`
	DataVolume     int64  `json:"data_volume"`
	VoiceQuantity  string `json:"voice_quantity"`
	SMSQuantity    int    `json:"sms_quantity"`
	Policy         string `json:"fup_policy_text"`
	PhoneNumber    *int   `json:"phone_number"`
	OperatorName   string `json:"operator_name"`
	Coverage       string `json:"area_coverage"`
	ConvertedPrice string `json:"converted_price"`
	Currency       *string
	PackageCode    *string
	Countries      []struct{ Name, Slug string }
}

type topUp struct {
	TransactionID, ICCID, ExpiredTime, TopUpESIMTranNo string
	TotalVolume, OrderUsage                            int64
	TotalDuration                                      int
}

type usage struct {
	ESIMTranNo, LastUpdateTime string
	DataUsage, TotalData       int64
}

func usd(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func start(t *testing.T) (*mobilexy.Server, *clock.Clock) {
	t.Helper()
	c := &clock.Clock{}
	return mobilexy.New(mobilexy.Options{APIKey: key, Now: c.Now, Seed: 1}), c
}

func get(t *testing.T, s http.Handler, path string) answer {
	t.Helper()
	return send(t, s, httptest.NewRequest(http.MethodGet, "/api"+path, nil))
}

// post sends the key and the pairs of a form.
func post(t *testing.T, s http.Handler, path string, form url.Values) answer {
	t.Helper()
	body := url.Values{"api_key": {key}}
	for k, v := range form {
		body[k] = v
	}
	r := httptest.NewRequest(http.MethodPost, "/api"+path, strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(t, s, r)
}

func send(t *testing.T, s http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := answer{status: w.Code, raw: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Errorf("%s: %v in %.200q", r.URL.Path, err, w.Body)
	}
	return a
}

// planBySlug finds a country's plan.
func planBySlug(t *testing.T, s http.Handler, path, slug string) plan {
	t.Helper()
	for _, p := range get(t, s, path).Data.Plans {
		if p.Slug == slug {
			return p
		}
	}
	t.Fatalf("no plan %s at %s", slug, path)
	return plan{}
}

// japan buys 1 GB for Japan and returns the eSIM as the server keeps it.
func japan(t *testing.T, s *mobilexy.Server) mobilexy.ESIM {
	t.Helper()
	p := planBySlug(t, s, "/country-plans/japan", "JP_1_7")
	a := post(t, s, "/plan/purchase", url.Values{"plan_id": {decimal.NewFromInt(int64(p.ID)).String()}})
	if a.Status != "success" {
		t.Fatalf("purchase: %s", a.raw)
	}
	all := s.ESIMs()
	return all[len(all)-1]
}

// installed is japan, loaded into a phone.
func installed(t *testing.T, s *mobilexy.Server) mobilexy.ESIM {
	t.Helper()
	e := japan(t, s)
	if err := s.Install(e.ICCID); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOnlyTheKeyInTheFormOpens(t *testing.T) {
	s, _ := start(t)
	for _, path := range []string{"/balance", "/plan/purchase", "/profile/topup", "/profile/usage-check"} {
		for name, r := range map[string]*http.Request{
			"no key":     request(path, ""),
			"wrong key":  request(path, "api_key=wrong"),
			"in address": request(path+"?api_key="+key, ""),
			"as JSON":    jsonRequest(path),
		} {
			if a := send(t, s, r); a.status != http.StatusUnauthorized || a.Status != "error" || strings.Contains(a.raw, key) {
				t.Errorf("%s, %s: %d %s", path, name, a.status, a.raw)
			}
		}
	}
	if a := send(t, mobilexy.New(mobilexy.Options{}), request("/balance", "api_key=")); a.status != http.StatusUnauthorized {
		t.Error("a server without a key let somebody in")
	}
}

func request(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func jsonRequest(path string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/api"+path, strings.NewReader(`{"api_key":"`+key+`"}`))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestMultipartFormsAreReadToo(t *testing.T) {
	s, _ := start(t)
	s.SetBalance(usd("100"))
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	if err := m.WriteField("api_key", key); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/balance", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	if a := send(t, s, r); a.Data.Balance != "100.00" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	r = httptest.NewRequest(http.MethodPost, "/api/balance", strings.NewReader("nothing"))
	r.Header.Set("Content-Type", m.FormDataContentType())
	if a := send(t, s, r); a.status != http.StatusBadRequest {
		t.Errorf("a broken form: %d", a.status)
	}
	if a := send(t, s, request("/balance", "api_key="+key+"&x="+strings.Repeat("x", 70<<10))); a.status != http.StatusBadRequest {
		t.Errorf("a huge form: %d", a.status)
	}
}

func TestStartIsFast(t *testing.T) {
	begin := time.Now()
	start(t)
	if d := time.Since(begin); d > 200*time.Millisecond {
		t.Errorf("took %s", d)
	}
}

func TestDestinations(t *testing.T) {
	s, _ := start(t)
	countries := get(t, s, "/coverage/countries")
	if n := len(countries.Data.Countries); n < 195 || n > 215 || countries.Remark != "countries" || countries.Status != "success" {
		t.Errorf("%d countries", n)
	}
	slugs := map[string]string{}
	for _, c := range countries.Data.Countries {
		slugs[c.Name] = c.Slug
		places := strings.SplitN(c.ConvertedPrice, ".", 2)
		if len(places) != 2 || len(places[1]) != 8 || usd(c.ConvertedPrice).LessThan(usd("1")) {
			t.Errorf("%s from %s", c.Name, c.ConvertedPrice)
		}
	}
	for name, slug := range map[string]string{
		"Hong Kong (China)": "hong-kong-china", "Macao (China)": "macao-china", "Aland Islands": "aland-islands", "Afghanistan": "afghanistan",
	} {
		if slugs[name] != slug {
			t.Errorf("%s has the slug %q", name, slugs[name])
		}
	}
	found := false
	for _, r := range get(t, s, "/coverage/regions").Data.Regions {
		found = found || r.Name == "Asia (AS-12)" && r.Slug == "asia-as-12"
		if n := len(get(t, s, "/region-plans/"+r.Slug).Data.Plans); n != r.PlanCount || n == 0 {
			t.Errorf("%s has %d plans, says %d", r.Name, n, r.PlanCount)
		}
	}
	if !found {
		t.Error("no Asia (AS-12)")
	}
	for _, path := range []string{"/country-plans/atlantis", "/region-plans/atlantis", "/plan/1", "/nowhere", "/balance"} {
		if a := get(t, s, path); a.status != http.StatusNotFound || a.Status != "error" {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
}
