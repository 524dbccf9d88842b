package cloudesim_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/cloudesim"
)

func TestCatalogue(t *testing.T) {
	s, _ := start(t)
	all := call(t, s, "/packages", `{}`).Obj.PackageList
	byCode := map[string]pkg{}
	base, regions, lists := 0, 0, 0
	for _, p := range all {
		price, err := decimal.NewFromString(p.Price.String())
		if err != nil || price.LessThan(usd("1")) || price.GreaterThan(usd("60")) || !strings.Contains(p.Price.String(), ".") {
			t.Errorf("%s: price %s", p.PackageCode, p.Price)
		}
		if _, twice := byCode[p.PackageCode]; twice || p.Name == "" || p.Duration < 1 || p.Volume < 1024 || p.CurrencyCode != "USD" {
			t.Errorf("%+v (twice: %t)", p, twice)
		}
		byCode[p.PackageCode] = p
		if p.Type == "BASE" {
			base++
		}
		if strings.Contains(p.LocationCode, "-") {
			regions++
		}
		if strings.Contains(p.LocationCode, ",") {
			lists++
		}
	}
	if base < 290 || base > 320 || regions == 0 || lists == 0 {
		t.Errorf("%d base packages (%d for regions, %d for groups), want about 300", base, regions, lists)
	}
	us := byCode["ESIM_1GB_7D_US"]
	us.Price = ""
	if want := (pkg{PackageCode: "ESIM_1GB_7D_US", Name: "USA 1GB 7 Days", CurrencyCode: "USD", LocationCode: "US", Type: "BASE", Duration: 7, Volume: 1024}); us != want {
		t.Errorf("%+v", us)
	}
	again := call(t, cloudesim.New(cloudesim.Options{Token: token}), "/packages", `{}`).Obj.PackageList
	for i, p := range again {
		if p != all[i] {
			t.Fatalf("another server sells %+v, not %+v", p, all[i])
		}
	}
}

func TestPackageFilters(t *testing.T) {
	s, _ := start(t)
	iccid := order(t, s, "ESIM_1GB_7D_US").Obj.ESIMList[0].ICCID
	for body, want := range map[string]func(pkg) bool{
		`{"type":"TOPUP"}`:                        func(p pkg) bool { return p.Type == "TOPUP" },
		`{"packageCode":"ESIM_3GB_30D_JP"}`:       func(p pkg) bool { return p.PackageCode == "ESIM_3GB_30D_JP" },
		`{"locationCode":"MX"}`:                   func(p pkg) bool { return p.LocationCode == "MX" || p.LocationCode == "US,CA,MX" },
		`{"locationCode":"EU"}`:                   func(p pkg) bool { return p.LocationCode == "EU-30" || p.LocationCode == "EU-42" },
		`{"locationCode":"EU-30","type":"BASE"}`:  func(p pkg) bool { return p.LocationCode == "EU-30" && p.Type == "BASE" },
		`{"iccid":"` + iccid + `"}`:               func(p pkg) bool { return p.LocationCode == "US" && p.Type == "TOPUP" },
		`{"iccid":"` + iccid + `","type":"BASE"}`: func(pkg) bool { return false },
		`{"locationCode":"XX"}`:                   func(pkg) bool { return false },
	} {
		got := map[string]bool{}
		for _, p := range call(t, s, "/packages", body).Obj.PackageList {
			got[p.PackageCode] = true
		}
		for _, p := range call(t, s, "/packages", `{}`).Obj.PackageList {
			if want(p) != got[p.PackageCode] {
				t.Errorf("%s: %s listed: %t", body, p.PackageCode, got[p.PackageCode])
			}
		}
	}
}
