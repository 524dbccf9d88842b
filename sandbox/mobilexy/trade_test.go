package mobilexy_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/mobilexy"
)

func TestPurchase(t *testing.T) {
	s, _ := start(t)
	data := planBySlug(t, s, "/country-plans/japan", "JP_1_7")
	talk := planBySlug(t, s, "/country-plans/japan", "JP_5_30_Voice")
	before := s.Balance()
	a := post(t, s, "/plan/purchase", url.Values{"plan_id": {strconv.Itoa(data.ID)}})
	e := a.Data.ESIM
	if a.Remark != "order_completed" || len(a.Data.Order.OrderNumber) != 10 || a.Data.Order.Status != 0 || a.Data.Order.TotalAmount != data.ConvertedPrice ||
		!s.Balance().Equal(before.Sub(usd(data.ConvertedPrice))) {
		t.Errorf("%s", a.raw)
	}
	if e.ICCID != nil || e.PhoneNumber != nil || !strings.HasPrefix(e.QRCode, "LPA:1$rsp.example$") || e.SerialNumber < 1<<32 ||
		strings.Contains(a.raw, "esimTranNo") || !strings.Contains(a.raw, `"iccid":null`) {
		t.Errorf("%s", a.raw)
	}
	if _, err := time.Parse(time.DateOnly, e.ExpiryDate); err != nil {
		t.Error(err)
	}
	a = post(t, s, "/plan/purchase", url.Values{"plan_id": {strconv.Itoa(talk.ID)}})
	if p := a.Data.ESIM.PhoneNumber; p == nil || len(*p) != 10 {
		t.Errorf("%s", a.raw)
	}
}

func TestPurchasesThatAreRefused(t *testing.T) {
	s, _ := start(t)
	p := planBySlug(t, s, "/country-plans/japan", "JP_1_7")
	s.SetBalance(usd("0.01"))
	for id, want := range map[string]int{
		"": http.StatusUnprocessableEntity, "x": http.StatusUnprocessableEntity, "1": http.StatusNotFound, strconv.Itoa(p.ID): http.StatusOK,
	} {
		a := post(t, s, "/plan/purchase", url.Values{"plan_id": {id}})
		if a.status != want || a.Status != "error" || !strings.Contains(string(a.Message), `{"error":[`) {
			t.Errorf("plan %q: %d %s", id, a.status, a.raw)
		}
		if want == http.StatusOK && !strings.Contains(a.raw, "Insufficient balance") {
			t.Errorf("%s", a.raw)
		}
	}
	if s.Purchases() != 0 || !s.Balance().Equal(usd("0.01")) {
		t.Error("something was bought")
	}
}

func TestTwoPurchasesWithBalanceForOne(t *testing.T) {
	s, _ := start(t)
	p := planBySlug(t, s, "/country-plans/japan", "JP_1_7")
	s.SetBalance(usd(p.ConvertedPrice))
	var wg sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		wg.Go(func() { answers[i] = post(t, s, "/plan/purchase", url.Values{"plan_id": {strconv.Itoa(p.ID)}}) })
	}
	wg.Wait()
	bought := 0
	for _, a := range answers {
		if a.Status == "success" {
			bought++
		}
	}
	if bought != 1 || s.Purchases() != 1 || !s.Balance().IsZero() {
		t.Errorf("%d bought, %d on the books", bought, s.Purchases())
	}
}

func TestUsageKnowsAnESIMOnceInstalled(t *testing.T) {
	s, c := start(t)
	e := japan(t, s)
	for _, form := range []url.Values{{"iccid": {e.ICCID}}, {"esimTranNo": {e.TranNo}}} {
		a := post(t, s, "/profile/usage-check", form)
		if a.Success != "false" || a.ErrorCode == nil || a.ErrorMsg == nil || a.status != http.StatusOK {
			t.Errorf("known before: %s", a.raw)
		}
	}
	if err := s.Install(e.ICCID); err != nil {
		t.Fatal(err)
	}
	check := func(used, total int64) {
		t.Helper()
		for _, form := range []url.Values{{"iccid": {e.ICCID}}, {"esimTranNo": {e.TranNo}}, {"esimTranNos[]": {e.TranNo}}} {
			a := post(t, s, "/profile/usage-check", form)
			if a.Success != true || *a.ErrorCode != "0" || len(a.Obj.UsageList) != 1 {
				t.Fatalf("%v: %s", form, a.raw)
			}
			u := a.Obj.UsageList[0]
			if _, err := time.Parse("2006-01-02T15:04:05-0700", u.LastUpdateTime); err != nil || u.ESIMTranNo != e.TranNo {
				t.Errorf("%v %+v", err, u)
			}
			if u.DataUsage != used || u.TotalData != total {
				t.Fatalf("%d of %d bytes, want %d of %d", u.DataUsage, u.TotalData, used, total)
			}
		}
	}
	check(0, 1<<30)
	if err := s.SetUsed(e.ICCID, 700<<20); err != nil {
		t.Fatal(err)
	}
	check(0, 1<<30) // the carrier has not told yet
	c.Advance(3 * time.Hour)
	check(700<<20, 1<<30)
}

func TestUsageBatches(t *testing.T) {
	s, _ := start(t)
	var nos []string
	for range 11 {
		nos = append(nos, installed(t, s).TranNo)
	}
	a := post(t, s, "/profile/usage-check", url.Values{"esimTranNos[]": nos[:10]})
	if len(a.Obj.UsageList) != 10 || a.Obj.UsageList[3].ESIMTranNo != nos[3] {
		t.Errorf("%s", a.raw)
	}
	if a := post(t, s, "/profile/usage-check", url.Values{"esimTranNos": nos[:3]}); len(a.Obj.UsageList) != 1 || a.Obj.UsageList[0].ESIMTranNo != nos[2] {
		t.Errorf("without brackets: %s", a.raw)
	}
	if a := post(t, s, "/profile/usage-check", url.Values{"esimTranNos[0]": nos[:1], "esimTranNos[1]": nos[1:2]}); len(a.Obj.UsageList) != 2 {
		t.Errorf("with numbers: %s", a.raw)
	}
	for name, form := range map[string]url.Values{
		"eleven":          {"esimTranNos[]": nos},
		"none":            {},
		"one not known":   {"esimTranNos[]": {nos[0], "99"}},
		"ICCID not known": {"iccid": {"8999"}},
	} {
		if a := post(t, s, "/profile/usage-check", form); a.Success != "false" || len(a.Obj.UsageList) != 0 {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	if err := s.Fault.Set(fault.Rule{Mood: fault.Empty}); err != nil {
		t.Fatal(err)
	}
	if a := post(t, s, "/profile/usage-check", url.Values{"esimTranNos[]": nos[:2]}); a.Success != true || !strings.Contains(a.raw, `"usageList":[]`) {
		t.Errorf("empty: %s", a.raw)
	}
}

// code returns the package code of one of Japan's plans.
func code(t *testing.T, s *mobilexy.Server, slug string) string {
	t.Helper()
	return *planBySlug(t, s, "/country-plans/japan", slug).PackageCode
}

func TestTopUp(t *testing.T) {
	s, c := start(t)
	e := installed(t, s)
	if err := s.SetUsed(e.ICCID, 1<<30); err != nil {
		t.Fatal(err)
	}
	before, plan := s.Balance(), planBySlug(t, s, "/country-plans/japan", "JP_5_30")
	a := post(t, s, "/profile/topup", url.Values{"esimTranNo": {e.TranNo}, "packageCode": {*plan.PackageCode}})
	got := a.Data.Obj
	if a.Status != "success" || a.Data.Success != true || got == nil || !strings.Contains(string(a.Message), `{"success":[`) {
		t.Fatalf("%s", a.raw)
	}
	end, err := time.Parse("2006-01-02T15:04:05-0700", got.ExpiredTime)
	if days := end.Sub(c.Now()).Round(time.Hour); err != nil || days != 37*24*time.Hour {
		t.Errorf("ends in %s: %v", days, err)
	}
	if got.ICCID != e.ICCID || got.TopUpESIMTranNo != e.TranNo || got.TotalVolume != 6<<30 || got.TotalDuration != 37 ||
		!strings.HasPrefix(got.TransactionID, "MBL-") || !s.Balance().Equal(before.Sub(usd(plan.ConvertedPrice))) || s.TopUps() != 1 {
		t.Errorf("%s", a.raw)
	}
	a = post(t, s, "/profile/topup", url.Values{"esimTranNo": {e.TranNo}, "packageCode": {code(t, s, "JP_0.5_Daily")}})
	if a.Data.Obj == nil || a.Data.Obj.TotalVolume != -1 {
		t.Errorf("with a daily plan: %s", a.raw)
	}
}

func TestTopUpsThatAreRefused(t *testing.T) {
	s, c := start(t)
	e, fresh := installed(t, s), japan(t, s)
	fits := code(t, s, "JP_1_7")
	other := *planBySlug(t, s, "/country-plans/spain", "ES_1_7").PackageCode
	before := s.Balance()
	try := func(name, no, code string, status int, carrier bool) {
		t.Helper()
		a := post(t, s, "/profile/topup", url.Values{"esimTranNo": {no}, "packageCode": {code}})
		outer := a.Status == "success"
		if a.status != status || outer != carrier || a.Data.Success == true || carrier && (a.Data.Success != "false" || a.Data.ErrorCode == nil) {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	try("no eSIM", "", fits, http.StatusUnprocessableEntity, false)
	try("no code", e.TranNo, "", http.StatusUnprocessableEntity, false)
	try("unknown eSIM", "99", fits, http.StatusOK, false)
	try("not installed", fresh.TranNo, fits, http.StatusOK, false)
	try("unknown code", e.TranNo, "NOPE", http.StatusOK, false)
	try("another country's", e.TranNo, other, http.StatusOK, true)
	s.SetBalance(usd("0"))
	try("too poor", e.TranNo, fits, http.StatusOK, false)
	s.SetBalance(before)
	c.Advance(8 * 24 * time.Hour)
	try("expired", e.TranNo, fits, http.StatusOK, true)
	if s.TopUps() != 0 || !s.Balance().Equal(before) {
		t.Error("something was bought")
	}
}
