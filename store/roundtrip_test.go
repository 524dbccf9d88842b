package store

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/usage"
)

// filler gives every field it finds a value of its own, however deep, so that one which is left out
// of a document, or swapped with another, shows.
type filler struct {
	t *testing.T
	n int
}

func (f *filler) fill(v reflect.Value, path string) {
	f.n++
	switch v.Addr().Interface().(type) {
	case *time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 1, 0, 0, 0, f.n*1_000_000, time.UTC)))
		return
	case *decimal.Decimal:
		v.Set(reflect.ValueOf(decimal.New(int64(f.n), -7)))
		return
	case *esim.ActivationCode:
		code, err := esim.ParseActivationCode(fmt.Sprintf("LPA:1$smdp.example.com$CODE-%d", f.n))
		if err != nil {
			f.t.Fatal(err)
		}
		v.Set(reflect.ValueOf(code))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := path + "." + v.Type().Field(i).Name
			if !v.Type().Field(i).IsExported() {
				f.t.Fatalf("%s is hidden: say here how it is filled", name)
			}
			f.fill(v.Field(i), name)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, path+" key")
			f.fill(value, path+" value")
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(f.n%255 + 1))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1<<60 + int64(f.n)) // more than a float could hold
	default:
		f.t.Fatalf("%s is a %s: say here how it is filled", path, v.Kind())
	}
}

func TestDocumentsKeepEveryField(t *testing.T) {
	sealer, err := NewSealer([][]byte{bytes.Repeat([]byte("k"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{sealer: sealer}
	f := &filler{t: t}
	exact := cmp.AllowUnexported(esim.ActivationCode{})

	o := new(orders.Order)
	f.fill(reflect.ValueOf(o).Elem(), "Order")
	o.Schema = orders.Schema
	document, err := s.encodeOrder(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.decodeOrder(document)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(o, got, exact); d != "" {
		t.Error(d)
	}

	e := new(usage.ESIM)
	f.fill(reflect.ValueOf(e).Elem(), "ESIM")
	e.Schema = usage.Schema
	if document, err = s.encodeESIM(e); err != nil {
		t.Fatal(err)
	}
	again, err := s.decodeESIM(document)
	if err != nil {
		t.Fatal(err)
	}
	e.Plan = watched(e.Plan)
	for key, m := range e.Marks {
		e.Marks[key] = usage.Mark{SentAt: m.SentAt} // what was sent is on its way no more
	}
	if d := cmp.Diff(e, again, exact); d != "" {
		t.Error(d)
	}
}

// TestWatchedPlanKeeps names what is left out of a plan, so that a field is left out on purpose only.
func TestWatchedPlanKeeps(t *testing.T) {
	var p esim.Plan
	(&filler{t: t}).fill(reflect.ValueOf(&p).Elem(), "Plan")
	kept := reflect.ValueOf(watched(p))
	var left []string
	for i := range kept.NumField() {
		if kept.Field(i).IsZero() {
			left = append(left, kept.Type().Field(i).Name)
		}
	}
	if d := cmp.Diff([]string{"PackageCode", "Name", "Countries", "Operators", "Speeds", "Wholesale", "Retail"}, left); d != "" {
		t.Error(d)
	}
	p.FairUse = strings.Repeat("é", 200)
	if f := watched(p).FairUse; utf8.RuneCountInString(f) != maxFairUse || !strings.HasSuffix(f, "é…") {
		t.Errorf("fair use %q", f)
	}
}

// TestFirstFormIsRead: a document as version 1 of it was written.
func TestFirstFormIsRead(t *testing.T) {
	sealer, err := NewSealer([][]byte{bytes.Repeat([]byte("k"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{sealer: sealer}
	sealed, err := sealer.Seal([]byte("+15550001111"), esimOwner("7KQ2M9X4TB"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.decodeESIM([]byte(`{"schema":1,"version":3,"id":"7KQ2M9X4TB","customer":42,"plan":{"provider":"cloudesim","id":"JP_1_7","name":"Japan 1GB",` +
		`"destination":{"kind":"country","code":"JP"},"countries":["JP"],"kind":"fixed","bytes":1073741824,"days":7,"wholesale":"3.5","retail":{"minor":455,"currency":"USD"}},` +
		`"iccid":"8944538523456789012","order_no":"B2301","status":"in_use","total_bytes":1073741824,"used_bytes":-1,"measured_at":"0001-01-01T00:00:00Z",` +
		`"bought_at":"2026-11-20T12:00:00.123456Z","expires_at":"2026-11-27T23:59:59Z","about":true,"first_used_at":"0001-01-01T00:00:00Z","asked_at":"0001-01-01T00:00:00Z",` +
		`"next_at":"0001-01-01T00:00:00Z","top_ups":[{"order":"AAAAAAAAAA","plan":"cloudesim:UP","kind":"fixed","bytes":5,"days":7,"at":"2026-11-21T12:00:00Z",` +
		`"asked_at":"0001-01-01T00:00:00Z"}],"write":"0011223344556677","sealed":"` + sealed + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &usage.ESIM{
		Schema: usage.Schema, Version: 3, ID: "7KQ2M9X4TB", Customer: 42, ICCID: "8944538523456789012", OrderNo: "B2301", Status: esim.StatusInUse,
		PhoneNumber: "+15550001111", TotalBytes: esim.GB, UsedBytes: -1, About: true,
		BoughtAt: time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC), ExpiresAt: time.Date(2026, 11, 27, 23, 59, 59, 0, time.UTC),
		TopUps: []usage.TopUp{{Order: "AAAAAAAAAA", Plan: "cloudesim:UP", Kind: esim.Fixed, Bytes: 5, Days: 7, At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}},
		Plan:   got.Plan,
	}
	if d := cmp.Diff(want, got); d != "" || got.Plan.Key() != "cloudesim:JP_1_7" || got.Plan.Destination.Code != "JP" || got.Plan.Bytes != esim.GB {
		t.Errorf("%s %+v", d, got.Plan)
	}
}

// TestDocumentIsBounded: marks that can't matter any more and the details of old top-ups go, and how
// many top-ups there were stays known.
func TestDocumentIsBounded(t *testing.T) {
	s := &Store{}
	sent := usage.Mark{SentAt: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	e := &usage.ESIM{ID: "7KQ2M9X4TB", TotalBytes: 31 * esim.GB, Marks: map[string]usage.Mark{
		"low:29:20": sent, "low:30:20": {Until: sent.SentAt, SentAt: sent.SentAt}, "low:30:5": {Until: sent.SentAt}, "used_up:2": sent, "used_up:30": sent,
		"offline": sent, "link": sent, "something:1": sent, "low:x": sent,
	}}
	for day := range 9 {
		e.Marks[fmt.Sprintf("expiry:2026-11-0%d", day+1)] = sent
	}
	for n := range 30 {
		e.TopUps = append(e.TopUps, usage.TopUp{Order: fmt.Sprint("order", n), Plan: "cloudesim:UP", Kind: esim.Fixed, Bytes: esim.GB, Days: 7, At: sent.SentAt, AskedAt: sent.SentAt})
	}
	before := len(e.Marks)
	document, err := s.encodeESIM(e)
	if err != nil || len(e.Marks) != before {
		t.Fatalf("%d marks left of %d, %v", len(e.Marks), before, err)
	}
	got, err := s.decodeESIM(document)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]usage.Mark{
		"low:30:20": sent, "low:30:5": e.Marks["low:30:5"], "used_up:30": sent, "offline": sent, "link": sent, "something:1": sent, "low:x": sent,
		"expiry:2026-11-06": sent, "expiry:2026-11-07": sent, "expiry:2026-11-08": sent, "expiry:2026-11-09": sent,
	}
	if d := cmp.Diff(want, got.Marks); d != "" {
		t.Error(d)
	}
	if len(got.TopUps) != 30 || got.TotalBytes != e.TotalBytes {
		t.Fatalf("%d top-ups of %d bytes", len(got.TopUps), got.TotalBytes)
	}
	for n, u := range got.TopUps {
		want := e.TopUps[n]
		if n < 10 {
			want = usage.TopUp{Order: want.Order}
		}
		if u != want {
			t.Errorf("top-up %d: %+v", n, u)
		}
	}
}

// TestShortIsExact: what is written short comes back as it was, at the edges too.
func TestShortIsExact(t *testing.T) {
	bought := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	list := []time.Time{bought, {}, bought.Add(time.Millisecond), bought.Add(-time.Millisecond), bought.AddDate(20, 0, 0), {}}
	for _, begin := range []time.Time{bought, {}} {
		b := eraOf(begin)
		got := make([]time.Time, len(list)+1)
		to := make([]*time.Time, len(got))
		for i := range got {
			to[i] = &got[i]
		}
		moments := b.moments(list...)
		if b.times(moments, to...); len(moments) != 5 || !slices.Equal(got[:len(list)], list) || !b.begin().Equal(begin) {
			t.Errorf("since %s: %v of %v", begin, got, moments)
		}
	}
	for _, s := range append(statusWords(), "asleep", "") {
		if got := wordOf(codeOf(s, statusWords()), statusWords()); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for key, short := range map[string]string{"cloudesim:JP_1": ":JP_1", "mobilexy:855": "mobilexy:855", "JP_1": "JP_1"} {
		if got := shortKey(key, esim.CloudESIM); got != short || wholeKey(got, esim.CloudESIM) != key {
			t.Errorf("%q became %q", key, got)
		}
	}
}
