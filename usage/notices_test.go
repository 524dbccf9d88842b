package usage_test

import (
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

func rules() usage.Rules {
	return usage.Rules{Thresholds: []int{20, 5}, ExpiryNotice: 24 * time.Hour, Night: usage.Night{From: 22, To: 8}, Zones: usage.NewZones()}
}

func TestDue(t *testing.T) {
	now := noon() // 21:00 in Japan
	sent := usage.Mark{SentAt: now.Add(-12 * time.Hour)}
	for _, tc := range []struct {
		name   string
		change func(e *usage.ESIM)
		want   string // key; empty for none
		wake   time.Duration
	}{
		{"plenty left", func(e *usage.ESIM) { e.UsedBytes = 7 * esim.GB }, "", 19 * 24 * time.Hour},
		{"at 20 %", func(e *usage.ESIM) { e.UsedBytes = 8 * esim.GB }, "low:0:20", 0},
		{"a byte over it", func(e *usage.ESIM) { e.UsedBytes = 8*esim.GB - 1 }, "", 19 * 24 * time.Hour},
		{"at 5 % at once", func(e *usage.ESIM) { e.UsedBytes = 96 * esim.GB / 10 }, "low:0:5", 0},
		{"told before", func(e *usage.ESIM) { e.UsedBytes, e.Marks = 9*esim.GB, map[string]usage.Mark{"low:0:20": sent} }, "", 19 * 24 * time.Hour},
		{"5 % was told: 20 % isn't any more", func(e *usage.ESIM) { e.UsedBytes, e.Marks = 97*esim.GB/10, map[string]usage.Mark{"low:0:5": sent} }, "", 19 * 24 * time.Hour},
		{"armed again by a top-up", func(e *usage.ESIM) {
			e.UsedBytes, e.Marks = 9*esim.GB, map[string]usage.Mark{"low:0:20": sent, "low:0:5": sent}
			e.TopUps = []usage.TopUp{{Bytes: esim.GB}}
		}, "low:1:20", 0},
		{"used up", func(e *usage.ESIM) { e.UsedBytes, e.Status = 10*esim.GB, esim.StatusUsedUp }, "used_up:0", 0},
		{"used up by its provider's word", func(e *usage.ESIM) { e.UsedBytes, e.Status = -1, esim.StatusUsedUp }, "used_up:0", 0},
		{"a top-up is on its way", func(e *usage.ESIM) { e.UsedBytes, e.TopUp = 9*esim.GB, "X" }, "", 19 * 24 * time.Hour},
		{"on its way", func(e *usage.ESIM) {
			e.UsedBytes, e.Marks = 9*esim.GB, map[string]usage.Mark{"low:0:20": {Until: now.Add(time.Minute)}}
		}, "", time.Minute},
		{"on its way for too long", func(e *usage.ESIM) { e.UsedBytes, e.Marks = 9*esim.GB, map[string]usage.Mark{"low:0:20": {Until: now}} }, "low:0:20", 0},
		{"muted", func(e *usage.ESIM) { e.UsedBytes, e.Muted = 9*esim.GB, true }, "", 0},
		{"customer gone", func(e *usage.ESIM) { e.UsedBytes, e.Unreachable = 9*esim.GB, true }, "", 0},
		{"over", func(e *usage.ESIM) { e.UsedBytes, e.ExpiresAt = 9*esim.GB, now }, "", 0},
		{"no fixed volume", func(e *usage.ESIM) { e.TotalBytes, e.UsedBytes = -1, 99*esim.GB }, "", 19 * 24 * time.Hour},
		{"ends tomorrow", func(e *usage.ESIM) { e.ExpiresAt = now.Add(23 * time.Hour) }, "expiry:2026-11-23", 0},
		{"ends tomorrow, told for a day beside", func(e *usage.ESIM) {
			e.ExpiresAt, e.Marks = now.Add(23*time.Hour), map[string]usage.Mark{"expiry:2026-11-24": sent}
		}, "", 0},
		{"ends tomorrow, without a fixed volume", func(e *usage.ESIM) { e.ExpiresAt, e.TotalBytes = now.Add(23*time.Hour), -1 }, "expiry:2026-11-23", 0},
		{"a plan of a day: half way", func(e *usage.ESIM) { e.ExpiresAt, e.Plan.Days = now.Add(13*time.Hour), 1 }, "", 11 * time.Hour}, // it would be due in the night
		{"ends by morning: before the night", func(e *usage.ESIM) { e.ExpiresAt, e.Plan.Days = now.Add(6*time.Hour), 0 }, "expiry:2026-11-22", 0},
		{"not online after a day", func(e *usage.ESIM) {
			e.UsedBytes, e.Status, e.FirstUsedAt, e.BoughtAt = 0, esim.StatusReady, time.Time{}, now.Add(-24*time.Hour)
		}, "offline", 0},
		{"not online by numbers of before", func(e *usage.ESIM) {
			e.UsedBytes, e.Status, e.FirstUsedAt, e.BoughtAt, e.AskedAt = 0, esim.StatusReady, time.Time{}, now.Add(-24*time.Hour), now.Add(-time.Hour)
		}, "", 19 * 24 * time.Hour},
		{"nobody knows whether it is online", func(e *usage.ESIM) {
			e.UsedBytes, e.Status, e.FirstUsedAt, e.BoughtAt = -1, esim.StatusReady, time.Time{}, now.Add(-30*time.Hour)
		}, "", 19 * 24 * time.Hour},
		{"no ICCID after an hour", func(e *usage.ESIM) {
			e.Plan.Provider, e.ICCID, e.UsedBytes, e.FirstUsedAt, e.BoughtAt, e.Status = esim.Mobilexy, "", -1, time.Time{}, now.Add(-time.Hour), esim.StatusReady
		}, "link", 0},
		{"no ICCID yet", func(e *usage.ESIM) {
			e.Plan.Provider, e.ICCID, e.UsedBytes, e.FirstUsedAt, e.BoughtAt, e.Status = esim.Mobilexy, "", -1, time.Time{}, now.Add(-30*time.Minute), esim.StatusReady
		}, "", 30 * time.Minute},
		{"another notice just before", func(e *usage.ESIM) {
			e.UsedBytes, e.Marks = 8*esim.GB, map[string]usage.Mark{"offline": {SentAt: now.Add(-30 * time.Minute)}}
		}, "", 30 * time.Minute},
	} {
		e := inUse(7*esim.GB, esim.GB)
		tc.change(e)
		d := rules().Due(e, now)
		got := ""
		if d.Notice != nil {
			got = d.Notice.Key
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		wake := time.Duration(0)
		if !d.Wake.IsZero() {
			wake = d.Wake.Sub(now)
		}
		if tc.want == "" && wake != tc.wake {
			t.Errorf("%s: wakes in %s, want %s", tc.name, wake, tc.wake)
		}
	}
}

func TestNoticeTellsNumbers(t *testing.T) {
	e := inUse(96*esim.GB/10, esim.GB)
	d := rules().Due(e, noon())
	n := d.Notice
	if n == nil || n.Topic != usage.TopicLow || n.Threshold != 5 || n.Left != e.RemainingBytes() || n.EmptyIn < 9*time.Hour || n.EmptyIn > 10*time.Hour {
		t.Fatalf("%+v", n)
	}
	if len(d.Covers) != 2 {
		t.Errorf("covers %v", d.Covers)
	}
}

// All but the last threshold wait for the morning at the destination.
func TestNight(t *testing.T) {
	night := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC) // midnight in Japan
	morning := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		used int64
		plan func(*esim.Plan)
		want bool
	}{
		{"20 %", 8 * esim.GB, nil, false},
		{"the last threshold", 96 * esim.GB / 10, nil, true},
		{"used up", 10 * esim.GB, nil, true},
		{"another country, by day", 8 * esim.GB, func(p *esim.Plan) { p.Destination.Code = "FR" }, true},
		{"one country of a region is awake", 8 * esim.GB, func(p *esim.Plan) {
			p.Destination, p.Countries = esim.Destination{Kind: esim.Region, Code: "asia"}, []string{"AE", "JP"}
		}, true},
		{"a region asleep", 8 * esim.GB, func(p *esim.Plan) {
			p.Destination, p.Countries = esim.Destination{Kind: esim.Region, Code: "asia"}, []string{"KR", "JP"}
		}, false},
		{"a region of unknown countries", 8 * esim.GB, func(p *esim.Plan) { p.Destination = esim.Destination{Kind: esim.Region, Code: "asia"} }, true},
	} {
		e := inUse(tc.used, esim.GB)
		if tc.plan != nil {
			tc.plan(&e.Plan)
		}
		d := rules().Due(e, night)
		if (d.Notice != nil) != tc.want {
			t.Errorf("%s: %+v", tc.name, d)
		}
		if !tc.want && !d.Wake.Equal(morning) {
			t.Errorf("%s: wakes %s", tc.name, d.Wake)
		}
		if !tc.want && rules().Due(e, morning).Notice == nil {
			t.Errorf("%s: nothing in the morning", tc.name)
		}
		off := rules()
		off.Night = usage.Night{}
		if off.Due(e, night).Notice == nil {
			t.Errorf("%s: nothing though there is no night", tc.name)
		}
	}
}

func TestUntil(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.DateTime, "2026-"+s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tc := range []struct {
		name      string
		countries []string
		night     usage.Night
		t, want   string
	}{
		{"evening", []string{"GB"}, usage.Night{From: 22, To: 8}, "11-22 22:30:00", "11-23 08:00:00"},
		{"after midnight", []string{"GB"}, usage.Night{From: 22, To: 8}, "11-22 07:59:59", "11-22 08:00:00"},
		{"morning", []string{"GB"}, usage.Night{From: 22, To: 8}, "11-22 08:00:00", "11-22 08:00:00"},
		{"within one day", []string{"GB"}, usage.Night{From: 1, To: 6}, "11-22 02:00:00", "11-22 06:00:00"},
		{"none", []string{"GB"}, usage.Night{From: 8, To: 8}, "11-22 02:00:00", "11-22 02:00:00"},
		{"the clocks go back at two", []string{"DE"}, usage.Night{From: 22, To: 8}, "10-24 21:00:00", "10-25 07:00:00"},
		{"half an hour off", []string{"IN"}, usage.Night{From: 22, To: 8}, "11-22 17:00:00", "11-23 02:30:00"},
		{"two zones: the first to wake", []string{"GB", "TR"}, usage.Night{From: 22, To: 8}, "11-22 23:00:00", "11-23 05:00:00"},
		{"coast to coast", []string{"US"}, usage.Night{From: 22, To: 8}, "11-22 09:00:00", "11-22 13:00:00"},
		{"unknown country", []string{"XX"}, usage.Night{From: 22, To: 8}, "11-22 23:00:00", "11-22 23:00:00"},
	} {
		zones := usage.NewZones().Of(esim.Plan{Destination: esim.Destination{Kind: esim.Region}, Countries: tc.countries})
		if got := tc.night.Until(at(tc.t), zones); !got.Equal(at(tc.want)) {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// Every zone of the table can be loaded.
func TestZones(t *testing.T) {
	z := usage.NewZones()
	for _, code := range []string{"JP", "US", "TR", "AQ", "XK", "GB", "HK", "MO", "TW", "PS"} {
		zones := z.Of(esim.Plan{Destination: esim.Destination{Kind: esim.Country, Code: code}})
		if len(zones) == 0 && code != "XK" { // Kosovo has no code in the tz database
			t.Errorf("%s has no zone", code)
		}
	}
	if n := len(z.Of(esim.Plan{Destination: esim.Destination{Kind: esim.Country, Code: "US"}})); n < 20 {
		t.Errorf("the United States have %d zones", n)
	}
}
