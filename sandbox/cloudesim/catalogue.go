package cloudesim

import (
	"fmt"
	"strings"

	"esimbot/sandbox/atlas"
	"esimbot/sandbox/wholesale"
)

// A size is a volume and a validity that a place is sold in, and its price in percent of what
// 1 GB for a week costs there.
type size struct {
	gb, days int
	percent  int64
}

// sizes are Mobilexy's too, so that customers can be sold the cheaper of two equal plans.
func sizes() []size {
	return []size{{1, 7, 100}, {3, 30, 230}, {5, 30, 340}, {10, 30, 560}, {20, 30, 900}}
}

func topUpSizes() []size { return []size{{1, 7, 95}, {3, 30, 215}, {10, 30, 530}} }

// The single countries, groups of countries and regions that CloudeSIM sells.
const (
	single = "US CA MX GB FR DE ES IT PT NL CH AT GR TR HR CZ PL SE NO JP KR CN HK TW TH VN MY SG ID PH IN AE SA EG MA ZA AU NZ BR AR"
	groups = "US,CA US,CA,MX AU,NZ GB,IE SG,MY SG,MY,TH CN,HK,MO JP,KR ES,PT DE,AT,CH SE,NO,DK,FI EE,LV,LT"
	areas  = "EU-30 EU-42 BK-7 AS-12 AS-20 GCC-6 ME-12 AF-29 NA-3 SA-18 CB-25 OC-6 GL-120"
)

// A place is what a location code stands for.
type place struct {
	code, name string
	tier       atlas.Tier
}

// catalogue returns the price list, the same in every run.
func catalogue() []wholesale.Plan {
	var plans []wholesale.Plan
	for i, p := range places(atlas.Load()) {
		for _, z := range sizes() {
			// Groups and regions leave out the size that few travellers take.
			if i >= len(strings.Fields(single)) && z.gb == 20 {
				continue
			}
			plans = append(plans, p.plan(z, false))
		}
		for _, z := range topUpSizes() {
			plans = append(plans, p.plan(z, true))
		}
	}
	return plans
}

func places(a *atlas.Atlas) []place {
	var all []place
	for _, code := range strings.Fields(single) {
		if c, ok := a.Country(code); ok {
			all = append(all, place{code, shortName(c), c.Tier})
		}
	}
	for _, codes := range strings.Fields(groups) {
		p := place{code: codes}
		var names []string
		for _, code := range strings.Split(codes, ",") {
			if c, ok := a.Country(code); ok {
				names = append(names, shortName(c))
				p.tier = max(p.tier, c.Tier)
			}
		}
		p.name = strings.Join(names, " & ")
		all = append(all, p)
	}
	for _, code := range strings.Fields(areas) {
		for _, r := range append(a.Regions, a.Global) {
			if r.Code == code {
				all = append(all, place{code, fmt.Sprintf("%s (%d areas)", r.Name, len(r.Members)), r.Tier})
			}
		}
	}
	return all
}

// shortName returns CloudeSIM's name of a country where it isn't Mobilexy's.
func shortName(c atlas.Country) string {
	switch c.Code {
	case "US":
		return "USA"
	case "GB":
		return "UK"
	case "AE":
		return "UAE"
	case "HK":
		return "Hong Kong"
	case "MO":
		return "Macau"
	default:
		return c.Name
	}
}

func (p place) plan(z size, topUp bool) wholesale.Plan {
	kind, suffix := "ESIM", ""
	if topUp {
		kind, suffix = "TOPUP", " Top-up"
	}
	code := fmt.Sprintf("%s_%dGB_%dD_%s", kind, z.gb, z.days, strings.ReplaceAll(p.code, ",", "_"))
	return wholesale.Plan{
		Code:     code,
		Name:     fmt.Sprintf("%s %dGB %d Days%s", p.name, z.gb, z.days, suffix),
		Location: p.code,
		Bytes:    int64(z.gb) << 30,
		Days:     z.days,
		Price:    atlas.Price(p.tier, z.percent, "cloudesim "+code),
		TopUp:    topUp,
	}
}
