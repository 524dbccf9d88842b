package providers_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
	"esimbot/providers/mobilexy"
	"esimbot/sandbox/fault"
	mobilexyserver "esimbot/sandbox/mobilexy"
)

func worlds(t *testing.T, check func(t *testing.T, w *world)) {
	t.Run("cloudesim", func(t *testing.T) { check(t, cloudESIMWorld(t)) })
	t.Run("mobilexy", func(t *testing.T) { check(t, mobilexyWorld(t)) })
}

func rejected(t *testing.T, err, cause error) {
	t.Helper()
	if err == nil || providers.ClassOf(err) != providers.Rejected || cause != nil && !errors.Is(err, cause) {
		t.Errorf("%v, want a rejection with %v", err, cause)
	}
}

func TestCatalogues(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		kinds := map[esim.DestinationKind]int{}
		countries := map[providers.Place]bool{}
		for _, l := range w.catalogue.Listings {
			kinds[l.Kind]++
			if l.Kind == esim.Country {
				countries[l.Place] = true
			}
			if l.Plan.Provider != w.client.ID() || l.Plan.ID == "" || l.Plan.Days < 1 || !l.Plan.Wholesale.IsPositive() || l.Place == (providers.Place{}) {
				t.Errorf("%+v", l)
			}
		}
		if w.catalogue.Skipped != 0 || kinds[esim.Country] == 0 || kinds[esim.Region] == 0 || kinds[esim.Global] == 0 {
			t.Errorf("%v, %d left out", kinds, w.catalogue.Skipped)
		}
		if w.client.ID() == esim.Mobilexy && len(countries) < 190 {
			t.Errorf("%d countries", len(countries))
		}
	})
}

func TestFreshTerms(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		price := decimal.RequireFromString("7.77")
		if err := w.house.SetPrice(w.plan.ID, price); err != nil {
			t.Fatal(err)
		}
		l, err := w.client.Fresh(t.Context(), w.plan)
		if err != nil || l.Kind != esim.Country || !l.Plan.Wholesale.Equal(price) || l.Plan.ID != w.plan.ID || l.Plan.Bytes != w.plan.Bytes {
			t.Errorf("%+v, %v", l, err)
		}
		bare := esim.Plan{Provider: w.plan.Provider, ID: w.plan.ID} // as rebuilt from Stripe
		if l, err = w.client.Fresh(t.Context(), bare); err != nil || !l.Plan.Wholesale.Equal(price) {
			t.Errorf("without its source: %+v, %v", l, err)
		}
		if err := w.house.RemovePlan(w.plan.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.client.Fresh(t.Context(), w.plan)
		rejected(t, err, providers.ErrPlanGone)
		_, err = w.client.Fresh(t.Context(), bare)
		rejected(t, err, providers.ErrPlanGone)
		_, err = w.client.Buy(t.Context(), w.plan)
		rejected(t, err, providers.ErrNotFound)
	})
}

func TestBuyingGivesAWorkingProfile(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		before, err := w.client.Balance(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p, err := w.client.Buy(t.Context(), w.plan)
		if err != nil {
			t.Fatal(err)
		}
		all := w.house.ESIMs()
		sold := all[len(all)-1]
		if !p.Ready() || p.Code.Reveal() != sold.ActivationCode || p.OrderNo != sold.OrderNo || p.PhoneNumber != "" {
			t.Errorf("%+v of %s", p, sold.OrderNo)
		}
		after, err := w.client.Balance(t.Context())
		if err != nil || !before.Sub(after).Equal(w.plan.Wholesale) {
			t.Errorf("%s, then %s, %v", before, after, err)
		}
	})
}

func TestUsageFollowsTheESIM(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		if err := w.house.SetUsed(w.ref.ICCID.Digits(), esim.GB); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(w.client.Abilities().UsageDelay)
		u, err := w.client.Query(t.Context(), providers.Ref{ICCID: w.ref.ICCID})
		if err != nil || u.Status != esim.StatusInUse || u.RemainingBytes != 2*esim.GB || u.ICCID != w.ref.ICCID || u.At.After(w.clock.Now()) {
			t.Errorf("%+v, %v", u, err)
		}
		stranger := providers.Ref{ICCID: "8944500000000000000", TranNo: "1"}
		found, err := w.client.Usage(t.Context(), []providers.Ref{w.ref, stranger})
		if err != nil || len(found) != 1 || found[0].RemainingBytes != 2*esim.GB || found[0].Profile != nil {
			t.Errorf("%+v, %v", found, err)
		}
		if found, err = w.client.Usage(t.Context(), []providers.Ref{stranger}); err != nil || len(found) != 0 {
			t.Errorf("a stranger: %+v, %v", found, err)
		}
		_, err = w.client.Query(t.Context(), providers.Ref{ICCID: stranger.ICCID})
		rejected(t, err, providers.ErrNotFound)
		if err := w.fault.Set(fault.Rule{Mood: fault.Error}); err != nil {
			t.Fatal(err)
		}
		if _, err = w.client.Usage(t.Context(), []providers.Ref{w.ref}); err == nil {
			t.Error("a failing provider tells nothing and is no error")
		}
	})
}

func TestTopUp(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		top, err := w.client.TopUp(t.Context(), w.ref, w.topUp)
		if err != nil || top.OrderNo == "" || w.house.TopUps() != 1 {
			t.Fatalf("%+v, %v, %d top-ups", top, err, w.house.TopUps())
		}
		sold := w.house.ESIMs()[0]
		if sold.TotalBytes != w.plan.Bytes+max(0, w.topUp.Bytes) && w.topUp.Kind == esim.Fixed {
			t.Errorf("%d bytes in all", sold.TotalBytes)
		}
		if w.client.ID() == esim.Mobilexy && top.TotalBytes != sold.TotalBytes {
			t.Errorf("told of %d bytes of %d", top.TotalBytes, sold.TotalBytes)
		}
		_, err = w.client.TopUp(t.Context(), providers.Ref{OrderNo: w.ref.OrderNo}, w.topUp)
		rejected(t, err, providers.ErrUnsupported)
		elsewhere := w.topUp
		for _, l := range w.catalogue.Listings {
			if l.Kind == esim.Region && l.Plan.PackageCode != "" {
				elsewhere = l.Plan
			}
		}
		_, err = w.client.TopUp(t.Context(), w.ref, elsewhere)
		rejected(t, err, nil)
	})
}

func TestCancel(t *testing.T) {
	w := cloudESIMWorld(t)
	rejected(t, w.client.Cancel(t.Context(), w.ref), nil) // in use
	if err := w.client.Cancel(t.Context(), w.unused); err != nil {
		t.Fatal(err)
	}
	u, err := w.client.Query(t.Context(), w.unused)
	if err != nil || u.Status != esim.StatusCancelled {
		t.Errorf("%+v, %v", u, err)
	}
	rejected(t, w.client.Cancel(t.Context(), providers.Ref{}), providers.ErrUnsupported)
	rejected(t, mobilexyWorld(t).client.Cancel(t.Context(), w.ref), providers.ErrUnsupported)
}

func TestCloudESIMProfileStillBeingMade(t *testing.T) {
	w := cloudESIMWorld(t)
	w.cloudESIM.ProvisionAfter(time.Minute)
	p, err := w.client.Buy(t.Context(), w.plan)
	if err != nil || p.Ready() || p.OrderNo == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	ref := providers.Ref{OrderNo: p.OrderNo}
	u, err := w.client.Query(t.Context(), ref)
	if err != nil || u.Status != esim.StatusPending || u.Profile != nil {
		t.Errorf("too early: %+v, %v", u, err)
	}
	w.clock.Advance(2 * time.Minute)
	u, err = w.client.Query(t.Context(), ref)
	if err != nil || u.Profile == nil || !u.Profile.Ready() || u.Profile.OrderNo != p.OrderNo || u.ICCID == "" || u.Status != esim.StatusReady {
		t.Errorf("made: %+v, %v", u, err)
	}
	_, err = w.client.Query(t.Context(), providers.Ref{OrderNo: "ESA0"})
	rejected(t, err, providers.ErrNotFound)
}

func TestCloudESIMCodeOnlyInThePicture(t *testing.T) {
	w := cloudESIMWorld(t)
	w.cloudESIM.ShortCodes(true)
	p, err := w.client.Buy(t.Context(), w.plan)
	if err != nil || p.Ready() {
		t.Fatalf("%+v, %v", p, err)
	}
	all := w.house.ESIMs()
	want := all[len(all)-1].ActivationCode
	w.hits.Store(0)
	u, err := w.client.Query(t.Context(), providers.Ref{OrderNo: p.OrderNo})
	if err != nil || u.Profile == nil || u.Profile.Code.Reveal() != want || w.hits.Load() != 2 {
		t.Errorf("%+v, %v, %d requests", u, err, w.hits.Load())
	}
	w.hits.Store(0)
	if _, err := w.client.Usage(t.Context(), []providers.Ref{w.ref}); err != nil || w.hits.Load() != 1 {
		t.Errorf("usage fetched the picture: %d requests, %v", w.hits.Load(), err)
	}
	if err := w.fault.Set(fault.Rule{Mood: fault.Error, Path: "/qr/"}); err != nil {
		t.Fatal(err)
	}
	u, err = w.client.Query(t.Context(), providers.Ref{OrderNo: p.OrderNo})
	if err != nil || u.Profile != nil || u.Status != esim.StatusReady {
		t.Errorf("without the picture: %+v, %v", u, err)
	}
}

func TestMobilexyLearnsTheTransactionNumber(t *testing.T) {
	w := mobilexyWorld(t)
	if w.profile.ICCID != "" || w.profile.TranNo != "" {
		t.Fatalf("%+v tells more than the page", w.profile)
	}
	u, err := w.client.Query(t.Context(), providers.Ref{ICCID: w.ref.ICCID})
	if err != nil || u.TranNo != w.ref.TranNo || u.TotalBytes != w.plan.Bytes {
		t.Errorf("%+v, %v", u, err)
	}
	_, err = w.client.Query(t.Context(), providers.Ref{OrderNo: w.ref.OrderNo})
	rejected(t, err, providers.ErrUnsupported)
	_, err = w.client.Query(t.Context(), w.unused) // not installed: not known
	rejected(t, err, providers.ErrNotFound)
}

func TestMobilexyPhoneNumber(t *testing.T) {
	w := mobilexyWorld(t)
	i := slices.IndexFunc(w.catalogue.Listings, func(l providers.Listing) bool { return l.Plan.HasVoice() })
	if i < 0 {
		t.Fatal("no plan with calls")
	}
	p, err := w.client.Buy(t.Context(), w.catalogue.Listings[i].Plan)
	if err != nil || p.PhoneNumber == "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestMobilexyBatches(t *testing.T) {
	w := mobilexyWorld(t)
	refs := []providers.Ref{w.ref}
	for range 11 {
		if _, err := w.client.Buy(t.Context(), w.plan); err != nil {
			t.Fatal(err)
		}
		all := w.house.ESIMs()
		sold := all[len(all)-1]
		if err := w.house.Install(sold.ICCID); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, providers.Ref{ICCID: esim.ICCID(sold.ICCID), TranNo: sold.TranNo})
	}
	w.hits.Store(0)
	found, err := w.client.Usage(t.Context(), refs)
	if err != nil || len(found) != 12 || w.hits.Load() != 2 {
		t.Errorf("%d of 12 in %d calls, %v", len(found), w.hits.Load(), err)
	}
	for i, u := range found {
		if u.TranNo != refs[i].TranNo || u.ICCID != refs[i].ICCID {
			t.Errorf("%d: %+v", i, u)
		}
	}
	w.hits.Store(0)
	refs[3] = w.unused // spoils its batch
	found, err = w.client.Usage(t.Context(), refs)
	if err != nil || len(found) != 11 || w.hits.Load() != 12 {
		t.Errorf("%d of 11 in %d calls, %v", len(found), w.hits.Load(), err)
	}
}

func TestMobilexyCatalogueIsFetchedPolitely(t *testing.T) {
	s := mobilexyserver.New(mobilexyserver.Options{APIKey: token})
	var now, most, all atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			continue
		}
		all.Add(1)
		s.ServeHTTP(w, r)
		now.Add(-1)
	}))
	defer server.Close()
	c, err := mobilexy.New(mobilexy.Config{APIKey: token, BaseURL: server.URL + "/api", Rate: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	catalogue, err := c.Catalogue(t.Context())
	if err != nil || len(catalogue.Listings) == 0 {
		t.Fatal(err)
	}
	if most.Load() > 4 || all.Load() < 200 {
		t.Errorf("%d at once, %d in all", most.Load(), all.Load())
	}
}

func TestMobilexyHalfACatalogueIsNone(t *testing.T) {
	w := mobilexyWorld(t)
	for _, rule := range []fault.Rule{
		{Mood: fault.Error, Path: "country-plans/japan"}, {Mood: fault.Garbage, Path: "coverage/regions"}, {Mood: fault.Half, Path: "global-plans"},
	} {
		if err := w.fault.Set(rule); err != nil {
			t.Fatal(err)
		}
		c := w.dial(t, w.url, token, 10*time.Second)
		if got, err := c.Catalogue(t.Context()); err == nil || len(got.Listings) != 0 {
			t.Errorf("%s: %d plans, %v", rule.Path, len(got.Listings), err)
		}
	}
}

func TestMobilexySlipsAreMalformed(t *testing.T) {
	s := mobilexyserver.New(mobilexyserver.Options{APIKey: token})
	s.Slips(true)
	server := httptest.NewServer(s)
	defer server.Close()
	c, err := mobilexy.New(mobilexy.Config{APIKey: token, BaseURL: server.URL + "/api", Rate: 10_000, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.CountryPlans(t.Context(), "japan"); !errors.Is(err, providers.ErrMalformed) {
		t.Errorf("%v", err)
	}
}
