package esim

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/shopspring/decimal"
)

// A DestinationKind says how wide a destination is.
type DestinationKind string

// The kinds of destination.
const (
	Country DestinationKind = "country"
	Region  DestinationKind = "region"
	Global  DestinationKind = "global"
)

// A Destination is a place that plans are sold for.
type Destination struct {
	Kind DestinationKind `json:"kind"`
	// Code is the ISO 3166-1 alpha-2 code in capitals for a country ("JP"), a short stable
	// name of a-z, 0-9 and dashes for a region ("europe", "asia-12"), "global" for the world.
	Code string `json:"code"`
	// Name is the English name of a region as the provider gives it; empty for countries and the
	// world, whose names come from locales.
	Name string `json:"name,omitempty"`
}

// ID returns the name that deep links and callbacks use: "c_jp", "r_europe", "g".
func (d Destination) ID() string {
	switch d.Kind {
	case Country:
		return "c_" + strings.ToLower(d.Code)
	case Region:
		return "r_" + d.Code
	default:
		return "g"
	}
}

// Flag returns a country's flag emoji, 🌍 for a region, 🌐 for the world.
func (d Destination) Flag() string {
	switch {
	case d.Kind == Region:
		return "🌍"
	case d.Kind == Country && len(d.Code) == 2:
		return string(rune(0x1F1E6+int(d.Code[0]-'A'))) + string(rune(0x1F1E6+int(d.Code[1]-'A')))
	default:
		return "🌐"
	}
}

// A PlanKind says how a plan gives its data.
type PlanKind string

// The kinds of plan.
const (
	Fixed     PlanKind = "fixed"     // Bytes in all
	Daily     PlanKind = "daily"     // DailyBytes at full speed each day, then slow or nothing
	Unlimited PlanKind = "unlimited" // no volume is named
)

// A Plan is what a customer buys: so much data, in so many days, in one destination.
type Plan struct {
	Provider Provider `json:"provider"`
	// ID is what the provider's purchase call wants: CloudeSIM's packageCode, Mobilexy's plan id.
	ID string `json:"id"`
	// PackageCode is what Mobilexy's top-up call wants; CloudeSIM's equals ID.
	PackageCode string `json:"package_code,omitempty"`
	// Source names the provider's list that the plan stands in, where the provider needs it to find
	// the plan again: Mobilexy's "country-plans/japan". Empty for CloudeSIM.
	Source      string      `json:"source,omitempty"`
	Name        string      `json:"name"` // the provider's own, for admins
	Destination Destination `json:"destination"`
	// Countries are the ISO codes where it works, sorted; one for a country plan; may be empty
	// for a region whose countries the provider doesn't tell.
	Countries []string `json:"countries,omitempty"`

	Kind       PlanKind `json:"kind"`
	Bytes      int64    `json:"bytes,omitempty"`       // Fixed only
	DailyBytes int64    `json:"daily_bytes,omitempty"` // Daily only
	// ThrottleKbps is the speed after the day's data, 0 where it is not told.
	ThrottleKbps int    `json:"throttle_kbps,omitempty"`
	FairUse      string `json:"fair_use,omitempty"` // the provider's text, where it could not be read whole
	Days         int    `json:"days"`

	VoiceMinutes int      `json:"voice_minutes,omitempty"` // -1: unlimited
	SMS          int      `json:"sms,omitempty"`           // -1: unlimited
	Operators    []string `json:"operators,omitempty"`     // networks, where the provider tells them
	Speeds       []string `json:"speeds,omitempty"`        // "3G", "4G", "5G", where told
	CanTopUp     bool     `json:"can_top_up,omitempty"`

	Wholesale decimal.Decimal `json:"wholesale"` // USD, what the provider charges us
	Retail    Money           `json:"retail"`    // what a customer pays; set by the catalogue
}

// Key names the plan across both providers: "mobilexy:855".
func (p Plan) Key() string { return string(p.Provider) + ":" + p.ID }

// HasVoice says whether the plan comes with a phone number.
func (p Plan) HasVoice() bool { return p.VoiceMinutes != 0 || p.SMS != 0 }

// Same says whether p and q sell the same thing: same place, kind, volume, days and calls.
func (p Plan) Same(q Plan) bool {
	return p.Destination.ID() == q.Destination.ID() && p.Kind == q.Kind && p.Bytes == q.Bytes && p.DailyBytes == q.DailyBytes &&
		p.Days == q.Days && p.VoiceMinutes == q.VoiceMinutes && p.SMS == q.SMS
}

// refs writes base32 in small letters.
var refs = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

// Ref is a short name of the plan for callbacks and deep links: ten characters of a-z and 2-7, the
// same for the same provider and ID everywhere and always.
func (p Plan) Ref() string {
	sum := sha256.Sum256([]byte(p.Key()))
	var ref [16]byte // of ten bytes
	refs.Encode(ref[:], sum[:10])
	return string(ref[:10])
}
