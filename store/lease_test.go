package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
)

// TestLeaseOfUnevenParts: the most overdue come first also where a part of the due set holds nearly all
// of them, as none does by chance.
func TestLeaseOfUnevenParts(t *testing.T) {
	s := open(t, storetest.Redis(t))
	var one, others []*usage.ESIM
	for len(one) < 60 {
		e := &usage.ESIM{Version: 1, ID: string(order(t, 1).ID), Customer: 7, Status: esim.StatusInUse}
		if strings.HasPrefix(store.ESIMKey(e.ID), "{e:03}") {
			e.NextAt = epoch.Add(time.Duration(len(one)) * time.Second)
			one = append(one, e)
		} else if len(others) < 40 {
			e.NextAt = epoch.Add(30*time.Second + time.Duration(len(others))*time.Second + time.Millisecond)
			others = append(others, e)
		}
	}
	all := append(slices.Clone(one), others...)
	save(t, s, all...)
	slices.SortFunc(all, func(a, b *usage.ESIM) int { return a.NextAt.Compare(b.NextAt) })
	want := make([]string, len(all))
	for i, e := range all {
		want[i] = e.ID
	}
	now, until := epoch.Add(time.Hour), epoch.Add(2*time.Hour)
	if d := cmp.Diff(want[:80], lease(t, s, now, until, 80)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[80:], lease(t, s, now, until, 80)); d != "" {
		t.Error(d)
	}
}

// TestHeadOfAnyDocument: schema and version of a document are found also where they don't stand first.
func TestHeadOfAnyDocument(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	for document, want := range map[string]error{
		`{"schema":2,"version":4}`:                              nil,
		`{"schema":1,"version":4,"id":"A"}`:                     nil,
		`{"id":"A","version":4,"schema":2}`:                     nil,
		`{ "schema": 2, "version": 4 }`:                         nil,
		`{"schema":2,"version":5}`:                              usage.ErrConflict,
		`{"schema":2,"version":44}`:                             usage.ErrConflict,
		`{"schema":2,"name":"\"version\":4,","version":5}`:      usage.ErrConflict,
		`{"schema":3,"version":4}`:                              orders.ErrNewer,
		`{"version":4,"schema":3}`:                              orders.ErrNewer,
		`{"schema":3,"version":{"schema":2,"version":4},"a":1}`: orders.ErrNewer,
		`{"schema":30,"version":4,"schema_before":2}`:           orders.ErrNewer,
	} {
		e := &usage.ESIM{Version: 5, ID: "0000000001", Customer: 7, NextAt: epoch}
		if err := raw.Set(t.Context(), store.ESIMKey(e.ID), document, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Usage().Save(t.Context(), []*usage.ESIM{e})[0]; !errors.Is(err, want) {
			t.Errorf("over %s: %v, want %v", document, err, want)
		}
	}
}
