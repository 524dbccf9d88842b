package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// An eSIM is kept for as long as its customer is, and there are many: its document has short names
// and holds of its plan only what its screens, its watch and a top-up need. Everything else of the
// plan stands in the order that bought it.

const (
	// esimSchema is the version of the document. Version 1, a usage.ESIM as encoding/json writes it, is
	// read too.
	esimSchema = 2
	// topUpsInDetail is how many top-ups are kept with more than the id of their order, the latest.
	topUpsInDetail = 20
	// expiryMarks is how many notices of an end of validity are remembered, the latest.
	expiryMarks = 4
	// maxFairUse bounds a plan's fair use text, in runes.
	maxFairUse = 60
)

type esimDocument struct {
	Schema  int    `json:"schema"`
	Version int64  `json:"version"`
	Counted int    `json:"q"` // the code of its standing when it was written
	Write   string `json:"w"` // tells this write from every other

	ID       string       `json:"id"`
	Customer int64        `json:"c"`
	Plan     planDocument `json:"p"`
	ICCID    esim.ICCID   `json:"i,omitempty"`
	OrderNo  string       `json:"o,omitempty"`
	TranNo   string       `json:"t,omitempty"`
	Status   code         `json:"s"`
	Sealed   string       `json:"x,omitempty"` // the phone number

	Total  int64 `json:"bt,omitempty"`
	Used   int64 `json:"bu,omitempty"`
	Pace   int64 `json:"bp,omitempty"`
	Bought era   `json:"b,omitempty"`
	// Times are ExpiresAt, MeasuredAt, FirstUsedAt, AskedAt and NextAt.
	Times  []moment `json:"m,omitempty"`
	Misses int      `json:"mi,omitempty"`

	About       flag   `json:"ab,omitempty"`
	Muted       flag   `json:"mu,omitempty"`
	Unreachable flag   `json:"un,omitempty"`
	Photo       string `json:"ph,omitempty"`
	Name        string `json:"na,omitempty"`

	Marks   map[string]int64 `json:"k,omitempty"` // ms since 1970: sent then; negated: on its way until then
	TopUp   string           `json:"tu,omitempty"`
	Earlier []string         `json:"ue,omitempty"` // orders of the top-ups before those in detail
	TopUps  []topUpDocument  `json:"u,omitempty"`
}

type planDocument struct {
	Provider code   `json:"p"`
	ID       string `json:"i"`
	Source   string `json:"s,omitempty"`
	Where    code   `json:"w"`
	Code     string `json:"c,omitempty"`
	Place    string `json:"n,omitempty"`
	Kind     code   `json:"k"`
	Bytes    int64  `json:"b,omitempty"`
	Daily    int64  `json:"y,omitempty"`
	Kbps     int    `json:"t,omitempty"`
	FairUse  string `json:"f,omitempty"`
	Days     int    `json:"d"`
	Voice    int    `json:"v,omitempty"`
	SMS      int    `json:"m,omitempty"`
	CanTopUp flag   `json:"u,omitempty"`
}

type topUpDocument struct {
	Order string `json:"o"`
	Plan  string `json:"p"` // its Key, without the provider where that is the eSIM's
	Kind  code   `json:"k"`
	Bytes int64  `json:"b,omitempty"`
	Days  int    `json:"d"`
	// Times are At and AskedAt.
	Times []moment `json:"t,omitempty"`
}

// watched returns what an eSIM's document keeps of its plan.
func watched(p esim.Plan) esim.Plan {
	if r := []rune(p.FairUse); len(r) > maxFairUse {
		p.FairUse = string(r[:maxFairUse-1]) + "…"
	}
	return esim.Plan{
		Provider: p.Provider, ID: p.ID, Source: p.Source, Destination: p.Destination,
		Kind: p.Kind, Bytes: p.Bytes, DailyBytes: p.DailyBytes, ThrottleKbps: p.ThrottleKbps, FairUse: p.FairUse, Days: p.Days,
		VoiceMinutes: p.VoiceMinutes, SMS: p.SMS, CanTopUp: p.CanTopUp,
	}
}

func planOf(p esim.Plan) planDocument {
	p = watched(p)
	return planDocument{
		Provider: codeOf(p.Provider, providerWords()), ID: p.ID, Source: p.Source, Code: p.Destination.Code, Place: p.Destination.Name,
		Where: codeOf(p.Destination.Kind, placeWords()), Kind: codeOf(p.Kind, kindWords()), Bytes: p.Bytes, Daily: p.DailyBytes, Kbps: p.ThrottleKbps, FairUse: p.FairUse, Days: p.Days,
		Voice: p.VoiceMinutes, SMS: p.SMS, CanTopUp: flagOf(p.CanTopUp),
	}
}

func (d planDocument) plan() esim.Plan {
	return esim.Plan{
		Provider: wordOf(d.Provider, providerWords()), ID: d.ID, Source: d.Source,
		Destination: esim.Destination{Kind: wordOf(d.Where, placeWords()), Code: d.Code, Name: d.Place},
		Kind:        wordOf(d.Kind, kindWords()), Bytes: d.Bytes, DailyBytes: d.Daily, ThrottleKbps: d.Kbps, FairUse: d.FairUse, Days: d.Days,
		VoiceMinutes: d.Voice, SMS: d.SMS, CanTopUp: d.CanTopUp == 1,
	}
}

func esimOwner(id string) string { return "esim:" + id }

func (s *Store) encodeESIM(e *usage.ESIM) ([]byte, error) {
	write, err := token()
	if err != nil {
		return nil, err
	}
	since := eraOf(e.BoughtAt)
	d := esimDocument{
		Schema: esimSchema, Version: e.Version, Counted: standingCode(e.Standing(s.now())), Write: write[:8], // only rivals for the same version matter
		ID: e.ID, Customer: e.Customer, Plan: planOf(e.Plan), ICCID: e.ICCID, OrderNo: e.OrderNo, TranNo: e.TranNo,
		Status: codeOf(e.Status, statusWords()), Total: e.TotalBytes, Used: e.UsedBytes, Pace: e.Pace,
		Bought: since, Times: since.moments(e.ExpiresAt, e.MeasuredAt, e.FirstUsedAt, e.AskedAt, e.NextAt), Misses: e.Misses,
		About: flagOf(e.About), Muted: flagOf(e.Muted), Unreachable: flagOf(e.Unreachable), Photo: e.PhotoFileID, Name: e.Name,
		Marks: marksOf(e), TopUp: e.TopUp,
	}
	detailed := max(0, len(e.TopUps)-topUpsInDetail)
	for i, t := range e.TopUps {
		if i < detailed {
			d.Earlier = append(d.Earlier, t.Order)
			continue
		}
		d.TopUps = append(d.TopUps, topUpDocument{
			Order: t.Order, Plan: shortKey(t.Plan, e.Plan.Provider), Kind: codeOf(t.Kind, kindWords()),
			Bytes: t.Bytes, Days: t.Days, Times: since.moments(t.At, t.AskedAt),
		})
	}
	if e.PhoneNumber != "" {
		if d.Sealed, err = s.sealer.Seal([]byte(e.PhoneNumber), esimOwner(e.ID)); err != nil {
			return nil, fmt.Errorf("eSIM %s: %w", e.ID, err)
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode eSIM %s: %w", e.ID, err)
	}
	return b, nil
}

// marksOf returns the marks that may still matter: those of an earlier number of top-ups stand for
// thresholds that are armed anew, and of the ends of validity only the latest are near.
func marksOf(e *usage.ESIM) map[string]int64 {
	marks := make(map[string]int64, len(e.Marks))
	var ends []string
	for key, m := range e.Marks {
		topic, rest, _ := strings.Cut(key, ":")
		switch usage.Topic(topic) {
		case usage.TopicLow, usage.TopicUsedUp:
			arm, _, _ := strings.Cut(rest, ":")
			if n, err := strconv.Atoi(arm); err == nil && n < len(e.TopUps) {
				continue
			}
		case usage.TopicExpiry:
			ends = append(ends, key)
		default:
		}
		switch {
		case !m.SentAt.IsZero():
			marks[key] = millis(m.SentAt)
		case !m.Until.IsZero():
			marks[key] = -millis(m.Until)
		}
	}
	slices.Sort(ends) // by date
	for _, key := range ends[:max(0, len(ends)-expiryMarks)] {
		delete(marks, key)
	}
	return marks
}

func markOf(ms int64) usage.Mark {
	if ms < 0 {
		return usage.Mark{Until: time.UnixMilli(-ms).UTC()}
	}
	return usage.Mark{SentAt: time.UnixMilli(ms).UTC()}
}

// decodeESIM reads an eSIM's document; orders.ErrNewer.
func (s *Store) decodeESIM(b []byte) (*usage.ESIM, error) {
	schema, err := schemaOf(b)
	switch {
	case err != nil:
		return nil, fmt.Errorf("decode eSIM: %w", err)
	case schema > esimSchema:
		return nil, orders.ErrNewer
	case schema < esimSchema:
		return s.decodeWholeESIM(b)
	}
	var d esimDocument
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("decode eSIM: %w", err)
	}
	e := &usage.ESIM{
		Schema: usage.Schema, Version: d.Version,
		ID: d.ID, Customer: d.Customer, Plan: d.Plan.plan(), ICCID: d.ICCID, OrderNo: d.OrderNo, TranNo: d.TranNo,
		Status: wordOf(d.Status, statusWords()), TotalBytes: d.Total, UsedBytes: d.Used, Pace: d.Pace,
		BoughtAt: d.Bought.begin(), Misses: d.Misses,
		About: d.About == 1, Muted: d.Muted == 1, Unreachable: d.Unreachable == 1, PhotoFileID: d.Photo, Name: d.Name,
		TopUp: d.TopUp,
	}
	d.Bought.times(d.Times, &e.ExpiresAt, &e.MeasuredAt, &e.FirstUsedAt, &e.AskedAt, &e.NextAt)
	for key, ms := range d.Marks {
		if e.Marks == nil {
			e.Marks = make(map[string]usage.Mark, len(d.Marks))
		}
		e.Marks[key] = markOf(ms)
	}
	for _, order := range d.Earlier {
		e.TopUps = append(e.TopUps, usage.TopUp{Order: order})
	}
	for _, t := range d.TopUps {
		up := usage.TopUp{Order: t.Order, Plan: wholeKey(t.Plan, e.Plan.Provider), Kind: wordOf(t.Kind, kindWords()), Bytes: t.Bytes, Days: t.Days}
		d.Bought.times(t.Times, &up.At, &up.AskedAt)
		e.TopUps = append(e.TopUps, up)
	}
	return s.withPhone(e, d.Sealed)
}

// schemaOf reads no more of a document than its schema, which stands first: reading it as JSON would
// take as long as all the rest.
func schemaOf(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte(`{"schema":`+strconv.Itoa(esimSchema)+`,"version":`)) {
		return esimSchema, nil
	}
	var head struct {
		Schema int `json:"schema"`
	}
	err := json.Unmarshal(b, &head)
	return head.Schema, err
}

// decodeWholeESIM reads a document of version 1.
func (s *Store) decodeWholeESIM(b []byte) (*usage.ESIM, error) {
	d := struct {
		*usage.ESIM
		Sealed string `json:"sealed"`
	}{ESIM: new(usage.ESIM)}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("decode eSIM: %w", err)
	}
	return s.withPhone(d.ESIM, d.Sealed)
}

func (s *Store) withPhone(e *usage.ESIM, sealed string) (*usage.ESIM, error) {
	if sealed == "" {
		return e, nil
	}
	phone, err := s.sealer.Open(sealed, esimOwner(e.ID))
	if err != nil {
		return nil, fmt.Errorf("eSIM %s: %w", e.ID, err)
	}
	e.PhoneNumber = string(phone)
	return e, nil
}
