package store

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

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
	if d := cmp.Diff(e, again, exact); d != "" {
		t.Error(d)
	}
}
