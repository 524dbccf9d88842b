package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
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
