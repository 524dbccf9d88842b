package mobilexy

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"esimbot/sandbox/atlas"
	"esimbot/sandbox/wholesale"
)

// A plan is what Mobilexy tells of a plan besides its price.
type plan struct {
	id          int
	slug, name  string
	days        int
	bytes       int64 // -1: no fixed volume
	voice, sms  int   // minutes and messages
	policy      string
	packageCode string // empty: can't be bought as a top-up
	in          place
}

// code is what the plan goes by on the price list.
func (p plan) code() string { return strconv.Itoa(p.id) }

// A place is a destination with plans of its own.
type place struct {
	code, slug, title string // "AS-12", "asia-as-12", "Asia (AS-12)"
	planName          string // how its plans' names begin: "Asia (12 areas)"
	coverage          string // "local", "continental" or "global"
	speed             string
	tier              atlas.Tier
	operators         []string
	members           []atlas.Country // of a region
}

// A catalogue is every place and plan, the same in every run.
type catalogue struct {
	countries, regions []place
	global             place
	plans              map[string][]plan // by the place's slug
	all                []plan
	byID               map[string]plan
	prices             []wholesale.Plan
}

const (
	firstID = 801
	gib     = 1 << 30
)

// talking lists the countries with plans for calls and messages.
const talking = "AE AU CA CH DE ES FR GB IT JP MX TH TR US"

// A kind is a sort of plan, and its price in percent of what 1 GB for a week costs.
type kind struct {
	slug, name string // "1_7", "1GB 7Days"
	days       int
	bytes      int64
	policy     string
	voice, sms int
	topUp      bool
	percent    int64
	maxTier    atlas.Tier // dearer places don't have it
}

func kinds() []kind {
	return []kind{
		{slug: "0.5_Daily", name: "500MB/Day", days: 1, bytes: -1, topUp: true, percent: 75, maxTier: 4,
			policy: "500MB high-speed/day, 512 Kbps after limit, resets daily"},
		{slug: "1_Daily_7", name: "1GB/Day 7Days", days: 7, bytes: -1, topUp: true, percent: 330, maxTier: 2,
			policy: "1GB high-speed/day, 128 Kbps after limit, resets daily"},
		{slug: "1_7", name: "1GB 7Days", days: 7, bytes: gib, topUp: true, percent: 100, maxTier: 4},
		{slug: "3_30", name: "3GB 30Days", days: 30, bytes: 3 * gib, topUp: true, percent: 230, maxTier: 4},
		{slug: "5_30", name: "5GB 30Days", days: 30, bytes: 5 * gib, topUp: true, percent: 340, maxTier: 4},
		{slug: "10_30", name: "10GB 30Days", days: 30, bytes: 10 * gib, topUp: true, percent: 560, maxTier: 4},
		{slug: "20_30", name: "20GB 30Days", days: 30, bytes: 20 * gib, topUp: true, percent: 900, maxTier: 3},
		{slug: "Unlimited_7", name: "Unlimited 7Days", days: 7, bytes: -1, percent: 620, maxTier: 2,
			policy: "2GB high-speed/day, 1 Mbps after limit, resets daily"},
		{slug: "Unlimited_30", name: "Unlimited 30Days", days: 30, bytes: -1, percent: 1700, maxTier: 1,
			policy: "2GB high-speed/day, 1 Mbps after limit, resets daily"},
		{slug: "5_30_Voice", name: "5GB 30Days 30Min 50SMS", days: 30, bytes: 5 * gib, voice: 30, sms: 50, percent: 450, maxTier: 4},
	}
}

func newCatalogue() *catalogue {
	a := atlas.Load()
	c := &catalogue{plans: map[string][]plan{}, byID: map[string]plan{}}
	for _, r := range a.Regions {
		c.regions = append(c.regions, regionPlace(r, "continental"))
	}
	c.global = regionPlace(a.Global, "global")
	for _, x := range a.Countries {
		c.countries = append(c.countries, place{
			code: x.Code, slug: x.Slug, title: x.Name, planName: x.Name, coverage: "local",
			speed: x.Speed, tier: x.Tier, operators: x.Operators,
		})
	}
	for _, p := range c.regions {
		c.fill(p)
	}
	c.fill(c.global)
	for _, p := range c.countries {
		c.fill(p)
	}
	return c
}

func regionPlace(r atlas.Region, coverage string) place {
	return place{
		code: r.Code, slug: r.Slug, title: fmt.Sprintf("%s (%s)", r.Name, r.Code),
		planName: fmt.Sprintf("%s (%d areas)", r.Name, len(r.Members)),
		coverage: coverage, speed: "3G/4G", tier: r.Tier, operators: r.Operators(), members: r.Members,
	}
}

// fill gives a place its plans.
func (c *catalogue) fill(p place) {
	for _, k := range kinds() {
		talks := p.coverage == "local" && strings.Contains(talking, p.code)
		if p.tier > k.maxTier || k.voice > 0 && !talks {
			continue
		}
		x := plan{
			id: firstID + len(c.all), slug: p.code + "_" + k.slug, name: p.planName + " " + k.name,
			days: k.days, bytes: k.bytes, voice: k.voice, sms: k.sms, policy: k.policy, in: p,
		}
		if k.topUp {
			x.packageCode = packageCode(x.slug)
		}
		c.all = append(c.all, x)
		c.plans[p.slug] = append(c.plans[p.slug], x)
		c.byID[x.code()] = x
		c.prices = append(c.prices, wholesale.Plan{
			Code: x.code(), Name: x.name, Location: p.code, Bytes: x.bytes, Days: x.days,
			Price: atlas.Price(p.tier, k.percent, "mobilexy "+x.slug),
		})
	}
}

// packageCode scrambles a slug into nine capital letters and digits, as the carrier's codes look.
func packageCode(slug string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(slug)) // a hash never fails
	code := strings.ToUpper(strconv.FormatUint(h.Sum64(), 36))
	return "P" + code[len(code)-8:]
}
