package mobilexy

import (
	"errors"
	"testing"

	"esimbot/esim"
	"esimbot/providers"
)

func fuzz(f *testing.F, name string, samples ...string) {
	decode := decoders()[name]
	for _, s := range samples {
		f.Add(sample(f, s))
	}
	f.Add([]byte(`{"status":"error","message":{"error":["x"]},"success":"false","errorCode":"1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := decode(b)
		var no *providers.Refusal
		if err != nil && !errors.As(err, &no) && !errors.Is(err, providers.ErrMalformed) {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

func FuzzCountries(f *testing.F) { fuzz(f, "countries", "countries") }
func FuzzRegions(f *testing.F)   { fuzz(f, "regions", "regions") }
func FuzzPlans(f *testing.F) {
	fuzz(f, "plans", "country-plans", "region-plans", "global-plans", "slips/region-plans")
}
func FuzzPlan(f *testing.F)     { fuzz(f, "plan", "plan", "slips/plan") }
func FuzzBalance(f *testing.F)  { fuzz(f, "balance", "balance") }
func FuzzPurchase(f *testing.F) { fuzz(f, "purchase", "purchase") }
func FuzzTopUp(f *testing.F)    { fuzz(f, "topup", "topup") }
func FuzzUsage(f *testing.F)    { fuzz(f, "usage", "usage", "slips/usage") }

func FuzzFairUse(f *testing.F) {
	f.Add("Japan 500MB/Day", "500MB high-speed/day, 512 Kbps after limit, resets daily")
	f.Fuzz(func(t *testing.T, name, text string) {
		p := esim.Plan{Kind: esim.Unlimited, Name: name}
		readFairUse(&p, text)
		if p.Kind == esim.Daily && !providers.VolumeFits(p.DailyBytes) || p.ThrottleKbps < 0 {
			t.Fatalf("%+v", p)
		}
	})
}
