package esim

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func TestDestination(t *testing.T) {
	for _, tc := range []struct {
		d        Destination
		id, flag string
	}{
		{Destination{Kind: Country, Code: "JP"}, "c_jp", "🇯🇵"},
		{Destination{Kind: Region, Code: "asia-12", Name: "Asia"}, "r_asia-12", "🌍"},
		{Destination{Kind: Global, Code: "global"}, "g", "🌐"},
		{Destination{}, "g", "🌐"},
		{Destination{Kind: Country, Code: "X"}, "c_x", "🌐"},
	} {
		if tc.d.ID() != tc.id || tc.d.Flag() != tc.flag {
			t.Errorf("%+v: %s %s", tc.d, tc.d.ID(), tc.d.Flag())
		}
	}
}

func plans() *rapid.Generator[Plan] {
	return rapid.Custom(func(t *rapid.T) Plan {
		return Plan{
			Provider:    rapid.SampledFrom([]Provider{CloudESIM, Mobilexy}).Draw(t, "provider"),
			ID:          rapid.StringMatching(`[A-Z0-9]{1,8}`).Draw(t, "id"),
			Destination: Destination{Kind: Country, Code: rapid.SampledFrom([]string{"JP", "FR"}).Draw(t, "country")},
			Kind:        rapid.SampledFrom([]PlanKind{Fixed, Daily, Unlimited}).Draw(t, "kind"),
			Bytes:       rapid.SampledFrom([]int64{0, GB, 3 * GB}).Draw(t, "bytes"),
			Days:        rapid.IntRange(1, 3).Draw(t, "days"),
			SMS:         rapid.IntRange(-1, 1).Draw(t, "sms"),
			Source:      rapid.SampledFrom([]string{"", "country-plans/japan"}).Draw(t, "source"),
			Wholesale:   decimal.New(rapid.Int64Range(1, 10_000).Draw(t, "price"), -2),
		}
	})
}

func TestSamePlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := plans().Draw(t, "p"), plans().Draw(t, "q")
		if !p.Same(p) || p.Same(q) != q.Same(p) {
			t.Fatalf("%+v and %+v", p, q)
		}
		other := p
		other.Provider, other.ID, other.Name, other.Wholesale, other.Source = "x", "y", "z", decimal.New(1, 0), "s"
		if !p.Same(other) {
			t.Fatal("provider, id, name, price and source are not what is sold")
		}
		other.Days++
		if p.Same(other) {
			t.Fatal("other days are another plan")
		}
		var stored Plan
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &stored); err != nil || !cmp.Equal(p, stored) {
			t.Fatalf("%v\n%s", err, cmp.Diff(p, stored))
		}
	})
}

func TestPlanWords(t *testing.T) {
	p := Plan{Provider: Mobilexy, ID: "855"}
	if p.Key() != "mobilexy:855" || p.HasVoice() {
		t.Errorf("%s, %v", p.Key(), p.HasVoice())
	}
	// Refs stand in old messages' buttons: they may never change.
	if ref := p.Ref(); ref != "c2ezozg2ip" || ref == (Plan{Provider: CloudESIM, ID: "855"}).Ref() {
		t.Errorf("%s", ref)
	}
	for _, p := range []Plan{{VoiceMinutes: 30}, {SMS: -1}} {
		if !p.HasVoice() {
			t.Errorf("%+v has no calls", p)
		}
	}
	for p, name := range map[Provider]string{CloudESIM: "CloudeSIM", Mobilexy: "Mobilexy", "x": "x"} {
		if p.Name() != name {
			t.Errorf("%s: %s", p, p.Name())
		}
	}
}

func TestProfileReady(t *testing.T) {
	code, err := ParseActivationCode("LPA:1$smdp.example$K2")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		p    Profile
		want bool
	}{{Profile{}, false}, {Profile{OrderNo: "1", ExpiresAbout: time.Unix(1, 0)}, false}, {Profile{Code: code}, true}, {Profile{Image: []byte{1}}, true}} {
		if tc.p.Ready() != tc.want {
			t.Errorf("%v", tc.p)
		}
	}
}
