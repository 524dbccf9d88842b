package cloudesim_test

import (
	"bytes"
	"encoding/json"
	"image"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/shopspring/decimal"

	_ "image/png" // the QR images are PNGs

	"esimbot/sandbox/clock"
	"esimbot/sandbox/cloudesim"
	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

const token = "test-token"

// An answer is any of the API's answers.
type answer struct {
	status   int
	Success  bool
	ErrorMsg string
	Data     struct {
		Username, Currency string
		Balance            json.Number
	}
	Obj struct {
		PackageList []pkg
		OrderNo     string
		ESIMList    []item
	}
}

type pkg struct {
	PackageCode, Name, CurrencyCode, LocationCode, Type string
	Price                                               json.Number
	Duration, Volume                                    int64
}

type item struct {
	ICCID, AC, QRCodeURL, Status, ExpireTime string
	RemainingVolume                          *int64
}

func usd(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func start(t *testing.T) (*cloudesim.Server, *clock.Clock) {
	t.Helper()
	c := &clock.Clock{}
	return cloudesim.New(cloudesim.Options{Token: token, Now: c.Now, Seed: 1, BaseURL: "http://sandbox.example/outside/cloudesim"}), c
}

// call sends a request; a body makes it a POST.
func call(t *testing.T, s http.Handler, path, body string) answer {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	return send(t, s, r)
}

func send(t *testing.T, s http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := answer{status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Errorf("%s: %v in %q", r.URL.Path, err, w.Body)
	}
	if a.Success != (a.ErrorMsg == "") {
		t.Errorf("%s: success and errorMsg contradict each other: %s", r.URL.Path, w.Body)
	}
	return a
}

// order buys one eSIM and returns the answer, which must be a success.
func order(t *testing.T, s *cloudesim.Server, code string) answer {
	t.Helper()
	a := call(t, s, "/esim/order", `{"packageCode":"`+code+`"}`)
	if !a.Success {
		t.Fatalf("order: %s", a.ErrorMsg)
	}
	return a
}

func query(t *testing.T, s *cloudesim.Server, iccid string) item {
	t.Helper()
	a := call(t, s, "/esim/query", `{"iccid":"`+iccid+`"}`)
	if len(a.Obj.ESIMList) != 1 {
		t.Fatalf("query: %+v", a)
	}
	return a.Obj.ESIMList[0]
}

func TestOnlyTheTokenOpens(t *testing.T) {
	s, _ := start(t)
	for _, header := range []string{"", "Bearer ", "Bearer wrong", token, "Basic " + token} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/account/balance", nil)
		r.Header.Set("Authorization", header)
		if a := send(t, s, r); a.status != http.StatusUnauthorized || a.Success {
			t.Errorf("Authorization %q: %d %+v", header, a.status, a)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/account/balance", nil)
	r.Header.Set("Authorization", "Bearer ")
	if a := send(t, cloudesim.New(cloudesim.Options{}), r); a.status != http.StatusUnauthorized {
		t.Error("a server without a token let somebody in")
	}
}

func TestBalance(t *testing.T) {
	s, _ := start(t)
	s.SetBalance(usd("24.5"))
	if a := call(t, s, "/account/balance", ""); a.Data.Balance != "24.50" || a.Data.Currency != "USD" || a.Data.Username == "" {
		t.Errorf("%+v", a.Data)
	}
}

func TestRequestsThatAreWrong(t *testing.T) {
	s, _ := start(t)
	iccid := order(t, s, "ESIM_1GB_7D_US").Obj.ESIMList[0].ICCID
	before := s.Balance()
	for _, tc := range []struct {
		path, body string
		status     int
	}{
		{"/nowhere", "", http.StatusNotFound},
		{"/esim/order", "", http.StatusNotFound}, // a GET
		{"/packages", `{`, http.StatusBadRequest},
		{"/packages", `{"type":"OTHER"}`, http.StatusUnprocessableEntity},
		{"/packages", `{"iccid":"8999"}`, http.StatusNotFound},
		{"/packages", `"` + strings.Repeat("x", 70<<10) + `"`, http.StatusRequestEntityTooLarge},
		{"/esim/order", `{}`, http.StatusUnprocessableEntity},
		{"/esim/order", `{"packageCode":"ESIM_1GB_7D_US","quantity":0}`, http.StatusUnprocessableEntity},
		{"/esim/order", `{"packageCode":"ESIM_1GB_7D_US","quantity":11}`, http.StatusUnprocessableEntity},
		{"/esim/order", `{"packageCode":"NOPE"}`, http.StatusNotFound},
		{"/esim/order", `{"packageCode":"TOPUP_1GB_7D_US"}`, http.StatusNotFound},
		{"/esim/order", `{"packageCode":"ESIM_1GB_7D_US","iccid":"` + iccid + `"}`, http.StatusOK},
		{"/esim/query", `{}`, http.StatusUnprocessableEntity},
		{"/esim/query", `{"iccid":"8999"}`, http.StatusNotFound},
		{"/esim/query", `{"orderNo":"ESA1"}`, http.StatusNotFound},
		{"/esim/topup", `{"packageCode":"TOPUP_1GB_7D_US"}`, http.StatusUnprocessableEntity},
		{"/esim/topup", `{"iccid":"` + iccid + `"}`, http.StatusUnprocessableEntity},
		{"/esim/topup", `{"iccid":"8999","packageCode":"TOPUP_1GB_7D_US"}`, http.StatusNotFound},
		{"/esim/topup", `{"iccid":"` + iccid + `","packageCode":"TOPUP_1GB_7D_JP"}`, http.StatusOK},
		{"/esim/topup", `{"iccid":"` + iccid + `","packageCode":"ESIM_1GB_7D_US"}`, http.StatusOK},
		{"/esim/cancel", `{}`, http.StatusUnprocessableEntity},
		{"/esim/cancel", `{"iccid":"8999"}`, http.StatusNotFound},
	} {
		if a := call(t, s, tc.path, tc.body); a.Success || a.status != tc.status {
			t.Errorf("%s %.60s: %d, success %t, want %d", tc.path, tc.body, a.status, a.Success, tc.status)
		}
	}
	if !s.Balance().Equal(before) || len(s.Orders()) != 1 {
		t.Errorf("a refused request changed something: %s, %d orders", s.Balance(), len(s.Orders()))
	}
}

func TestOrderTakesMoneyAndGivesACode(t *testing.T) {
	s, _ := start(t)
	if err := s.SetPrice("ESIM_1GB_7D_US", usd("3.50")); err != nil {
		t.Fatal(err)
	}
	s.SetBalance(usd("10"))
	a := call(t, s, "/esim/order", `{"packageCode":"ESIM_1GB_7D_US","quantity":2}`)
	if len(a.Obj.ESIMList) != 2 || a.Obj.OrderNo == "" || !s.Balance().Equal(usd("3")) {
		t.Fatalf("%+v, balance %s", a, s.Balance())
	}
	for _, e := range a.Obj.ESIMList {
		if !strings.HasPrefix(e.AC, "LPA:1$smdp.example$") || readQR(t, s, e.QRCodeURL) != e.AC || e.Status != "" || e.RemainingVolume != nil {
			t.Errorf("%+v", e)
		}
	}
	poor := call(t, s, "/esim/order", `{"packageCode":"ESIM_1GB_7D_US"}`)
	if poor.status != http.StatusOK || poor.ErrorMsg != "Insufficient balance. Required: $3.50, available: $3.00" || s.Purchases() != 1 {
		t.Errorf("%d %s", poor.status, poor.ErrorMsg)
	}
}

func readQR(t *testing.T, s http.Handler, url string) string {
	t.Helper()
	path, ok := strings.CutPrefix(url, "http://sandbox.example/outside/cloudesim")
	if !ok {
		t.Fatalf("image at %s", url)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)) // without a token, as a customer's browser
	img, _, err := image.Decode(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatalf("%s: %d %v", path, w.Code, err)
	}
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	text, err := qrcode.NewQRCodeReader().Decode(bmp, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text.GetText()
}

func TestShortCodesKeepTheLPAStringInTheImage(t *testing.T) {
	s, _ := start(t)
	s.ShortCodes(true)
	e := order(t, s, "ESIM_1GB_7D_US").Obj.ESIMList[0]
	if len(e.AC) != 8 || readQR(t, s, e.QRCodeURL) != s.ESIMs()[0].ActivationCode {
		t.Errorf("%+v", e)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/qr/other.png", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("an image of nothing: %d", w.Code)
	}
}

func TestProfilesThatAreStillBeingMade(t *testing.T) {
	s, c := start(t)
	s.ProvisionAfter(time.Minute)
	s.ProvisionAfterQueries(1)
	a := order(t, s, "ESIM_1GB_7D_US")
	if len(a.Obj.ESIMList) != 0 || a.Obj.OrderNo == "" {
		t.Fatalf("%+v", a.Obj)
	}
	ask := func() []item {
		return call(t, s, "/esim/query", `{"orderNo":"`+a.Obj.OrderNo+`"}`).Obj.ESIMList
	}
	c.Advance(2 * time.Minute)
	if got := ask(); len(got) != 0 {
		t.Fatalf("there at the first query: %+v", got)
	}
	if got := ask(); len(got) != 1 || got[0].AC == "" || got[0].QRCodeURL == "" || got[0].Status != "GOT_RESOURCE" {
		t.Fatalf("not there at the second query: %+v", got)
	}
	s.ListUnfinished(true)
	a = order(t, s, "ESIM_1GB_7D_US")
	if got := a.Obj.ESIMList; len(got) != 1 || got[0].ICCID == "" || got[0].AC != "" || got[0].QRCodeURL != "" {
		t.Errorf("%+v", got)
	}
	if got := ask(); len(got) != 1 || got[0].Status != "GETTING_RESOURCE" || got[0].AC != "" {
		t.Errorf("%+v", got)
	}
}

func TestQueryFollowsTheESIM(t *testing.T) {
	s, c := start(t)
	a := order(t, s, "ESIM_1GB_7D_US")
	iccid := a.Obj.ESIMList[0].ICCID
	check := func(status string, left int64, expires string) {
		t.Helper()
		e := query(t, s, iccid)
		if e.Status != status || *e.RemainingVolume != left || !validTime(expires, e.ExpireTime) {
			t.Fatalf("%s, %d MB, until %s; want %s, %d MB", e.Status, *e.RemainingVolume, e.ExpireTime, status, left)
		}
	}
	stamp := "2006-01-02T15:04:05-0700"
	check("GOT_RESOURCE", 1024, time.DateOnly)
	if err := s.Install(iccid); err != nil {
		t.Fatal(err)
	}
	check("IN_USE", 1024, stamp)
	if err := s.SetUsed(iccid, 512<<20); err != nil {
		t.Fatal(err)
	}
	check("IN_USE", 512, stamp)
	if err := s.SetUsed(iccid, 1<<30); err != nil {
		t.Fatal(err)
	}
	check("USED_UP", 0, stamp)
	top := call(t, s, "/esim/topup", `{"iccid":"`+iccid+`","packageCode":"TOPUP_3GB_30D_US"}`)
	if !top.Success || top.Obj.OrderNo == "" || top.Obj.OrderNo == a.Obj.OrderNo {
		t.Fatalf("%+v", top)
	}
	check("IN_USE", 3072, stamp)
	if got := call(t, s, "/esim/query", `{"orderNo":"`+top.Obj.OrderNo+`"}`).Obj.ESIMList; len(got) != 1 || got[0].ICCID != iccid {
		t.Errorf("the top-up's order number found %+v", got)
	}
	c.Advance(36 * 24 * time.Hour)
	check("IN_USE", 3072, stamp)
	c.Advance(24 * time.Hour)
	check("USED_EXPIRED", 3072, stamp)
}

func validTime(layout, s string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

func TestOrderWithICCIDTopsUp(t *testing.T) {
	s, _ := start(t)
	iccid := order(t, s, "ESIM_1GB_7D_US").Obj.ESIMList[0].ICCID
	a := call(t, s, "/esim/order", `{"packageCode":"TOPUP_1GB_7D_US","iccid":"`+iccid+`"}`)
	if !a.Success || len(a.Obj.ESIMList) != 1 || a.Obj.ESIMList[0].ICCID != iccid || s.TopUps() != 1 || len(s.ESIMs()) != 1 {
		t.Errorf("%+v", a)
	}
}

func TestCancelGivesTheMoneyBackOnce(t *testing.T) {
	s, _ := start(t)
	before := s.Balance()
	first := order(t, s, "ESIM_1GB_7D_US").Obj
	second := order(t, s, "ESIM_3GB_30D_US").Obj
	if a := call(t, s, "/esim/cancel", `{"iccid":"`+first.ESIMList[0].ICCID+`"}`); a.Obj.OrderNo != first.OrderNo {
		t.Fatalf("by ICCID: %+v", a)
	}
	if a := call(t, s, "/esim/cancel", `{"esimTranNo":"`+second.OrderNo+`"}`); a.Obj.OrderNo != second.OrderNo {
		t.Fatalf("by order number: %+v", a)
	}
	if a := call(t, s, "/esim/cancel", `{"esimTranNo":"`+second.OrderNo+`"}`); a.Success || a.status != http.StatusOK || !strings.Contains(a.ErrorMsg, "already") {
		t.Errorf("twice: %+v", a)
	}
	if !s.Balance().Equal(before) || query(t, s, first.ESIMList[0].ICCID).Status != string(wholesale.Cancelled) {
		t.Errorf("balance %s, was %s", s.Balance(), before)
	}
}

func TestAnInstalledESIMStays(t *testing.T) {
	s, _ := start(t)
	e := order(t, s, "ESIM_1GB_7D_US").Obj.ESIMList[0]
	if err := s.Install(e.ICCID); err != nil {
		t.Fatal(err)
	}
	before := s.Balance()
	if a := call(t, s, "/esim/cancel", `{"iccid":"`+e.ICCID+`"}`); a.Success || a.status != http.StatusOK || !s.Balance().Equal(before) {
		t.Errorf("%+v", a)
	}
}

func TestMoods(t *testing.T) {
	s, _ := start(t)
	set := func(m fault.Mood) {
		t.Helper()
		if err := s.Fault.Set(fault.Rule{Mood: m, Times: 1}); err != nil {
			t.Fatal(err)
		}
	}
	set(fault.Empty)
	if a := call(t, s, "/packages", `{}`); !a.Success || a.Obj.PackageList == nil || len(a.Obj.PackageList) != 0 {
		t.Errorf("empty: %+v", a)
	}
	set(fault.ErrorAfter)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/api/v1/esim/order", strings.NewReader(`{"packageCode":"ESIM_1GB_7D_US"}`))
	r.Header.Set("Authorization", "Bearer "+token)
	s.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || s.Purchases() != 1 {
		t.Errorf("error after: %d, %d bought", w.Code, s.Purchases())
	}
}

func TestTwoOrdersWithBalanceForOne(t *testing.T) {
	s, _ := start(t)
	p, _ := s.Plan("ESIM_1GB_7D_US")
	s.SetBalance(p.Price)
	var wg sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		wg.Go(func() { answers[i] = call(t, s, "/esim/order", `{"packageCode":"ESIM_1GB_7D_US"}`) })
	}
	wg.Wait()
	bought := 0
	for _, a := range answers {
		if a.Success {
			bought++
		} else if !strings.HasPrefix(a.ErrorMsg, "Insufficient balance.") {
			t.Errorf("refused with %q", a.ErrorMsg)
		}
	}
	if bought != 1 || s.Purchases() != 1 {
		t.Errorf("%d bought, %d on the books", bought, s.Purchases())
	}
}
