package wholesale_test

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/clock"
	"esimbot/sandbox/wholesale"
)

const gib = 1 << 30

func usd(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// open returns a house with a base plan, one without a volume, and a top-up.
func open(t *testing.T, lag time.Duration) (*wholesale.House, *clock.Clock) {
	t.Helper()
	c := &clock.Clock{}
	h := wholesale.New(wholesale.Options{
		Now: c.Now, Seed: 7, Balance: usd("10"), SMDP: "smdp.example", ICCIDPrefix: "8985200", ICCIDDigits: 19, ReportEvery: lag,
		OrderNo: func(i wholesale.Issuer, _ time.Time) string { return fmt.Sprint("O", i.N) },
		TranNo:  func(i wholesale.Issuer, _ string, _ time.Time) string { return i.Digits("tran", 14) },
	}, []wholesale.Plan{
		{Code: "base", Name: "Japan 1GB 7Days", Location: "JP", Bytes: gib, Days: 7, Price: usd("4")},
		{Code: "daily", Name: "Japan 500MB/Day", Location: "JP", Bytes: -1, Days: 1, Price: usd("2")},
		{Code: "more", Name: "Japan +1GB", Location: "JP", Bytes: gib, Days: 7, Price: usd("3"), TopUp: true},
	})
	return h, c
}

func buy(t *testing.T, h *wholesale.House, code string) wholesale.ESIM {
	t.Helper()
	_, sold, err := h.Buy(code, 1, wholesale.MakingTime{})
	if err != nil {
		t.Fatal(err)
	}
	return sold[0]
}

func anything(wholesale.Plan, wholesale.ESIM) error { return nil }

func now(t *testing.T, h *wholesale.House, iccid string) wholesale.ESIM {
	t.Helper()
	for _, e := range h.ESIMs() {
		if e.ICCID == iccid {
			return e
		}
	}
	t.Fatalf("no eSIM %s", iccid)
	return wholesale.ESIM{}
}

func TestIssuedNumbersAreValidAndUnique(t *testing.T) {
	h, _ := open(t, 0)
	h.SetBalance(usd("100000"))
	shape := regexp.MustCompile(`^LPA:1\$smdp\.example\$[A-Z2-9]{16}$`)
	seen := map[string]bool{}
	for range 2000 {
		e := buy(t, h, "base")
		if len(e.ICCID) != 19 || e.ICCID[:2] != "89" || !luhn(e.ICCID) {
			t.Fatalf("ICCID %s", e.ICCID)
		}
		if !shape.MatchString(e.ActivationCode) {
			t.Fatalf("activation code %s", e.ActivationCode)
		}
		if seen[e.ICCID] || seen[e.ActivationCode] || seen[e.OrderNo] {
			t.Fatalf("given twice: %+v", e)
		}
		seen[e.ICCID], seen[e.ActivationCode], seen[e.OrderNo] = true, true, true
	}
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return sum%10 == 0
}

func TestSeedDecidesTheNumbers(t *testing.T) {
	one, _ := open(t, 0)
	two, _ := open(t, 0)
	if a, b := buy(t, one, "base"), buy(t, two, "base"); a.ICCID != b.ICCID || a.ActivationCode != b.ActivationCode {
		t.Errorf("the same seed gave %s and %s", a.ICCID, b.ICCID)
	}
}

func TestUsingUpAndToppingUp(t *testing.T) {
	h, c := open(t, 0)
	e := buy(t, h, "base")
	if e.State != wholesale.Released || e.Installed() || !h.Balance().Equal(usd("6")) {
		t.Fatalf("after buying: %+v, balance %s", e, h.Balance())
	}
	if err := h.SetUsed(e.ICCID, 5*gib); err != nil {
		t.Fatal(err)
	}
	e = now(t, h, e.ICCID)
	if e.State != wholesale.UsedUp || e.UsedBytes != gib || !e.Installed() {
		t.Fatalf("after using it up: %+v", e)
	}
	before := e.ExpiresAt
	if _, e, err := h.TopUp(e.ICCID, "more", 2, anything); err != nil || e.State != wholesale.InUse || e.TotalBytes != 3*gib ||
		e.Days != 21 || !e.ExpiresAt.Equal(before.AddDate(0, 0, 14)) || !h.Balance().Equal(decimal.Zero) {
		t.Fatalf("after topping up: %v %+v, balance %s", err, e, h.Balance())
	}
	c.Advance(22 * 24 * time.Hour)
	if e := now(t, h, e.ICCID); e.State != wholesale.UsedExpired {
		t.Errorf("after its end: %s", e.State)
	}
	h.SetBalance(usd("10"))
	var state *wholesale.StateError
	if _, _, err := h.TopUp(e.ICCID, "more", 1, anything); !errors.As(err, &state) {
		t.Errorf("topping up an expired eSIM: %v", err)
	}
	if err := h.SetUsed(e.ICCID, 1); !errors.As(err, &state) || !h.Balance().Equal(usd("10")) {
		t.Errorf("using an expired eSIM: %v", err)
	}
}

func TestAnESIMNeverInstalledExpires(t *testing.T) {
	h, c := open(t, 0)
	e := buy(t, h, "base")
	c.Advance(181 * 24 * time.Hour)
	if e := now(t, h, e.ICCID); e.State != wholesale.UnusedExpired {
		t.Errorf("state %s", e.State)
	}
	if err := h.Install(e.ICCID); err == nil {
		t.Error("an expired eSIM could be installed")
	}
}

func TestAPlanWithoutVolumeIsNeverUsedUp(t *testing.T) {
	h, _ := open(t, 0)
	e := buy(t, h, "daily")
	if err := h.SetUsed(e.ICCID, 900*gib); err != nil {
		t.Fatal(err)
	}
	if e := now(t, h, e.ICCID); e.State != wholesale.InUse || e.UsedBytes != 900*gib || e.TotalBytes != -1 {
		t.Errorf("%+v", e)
	}
	if err := h.SetUsed(e.ICCID, -1); err == nil {
		t.Error("negative use was taken")
	}
}

func TestReportsLagBehind(t *testing.T) {
	lag := 150 * time.Minute
	h, c := open(t, lag)
	e := buy(t, h, "base")
	if err := h.Install(e.ICCID); err != nil {
		t.Fatal(err)
	}
	use := func(bytes int64) {
		t.Helper()
		if err := h.SetUsed(e.ICCID, bytes); err != nil {
			t.Fatal(err)
		}
	}
	reported := func(want int64) {
		t.Helper()
		if r := now(t, h, e.ICCID).Report; r.UsedBytes != want {
			t.Fatalf("%d bytes reported, want %d", r.UsedBytes, want)
		}
	}
	use(100)
	reported(0)
	c.Advance(lag)
	use(200) // after the carrier's round, before anybody asked
	reported(100)
	c.Advance(lag)
	reported(200)
	installed := now(t, h, e.ICCID).InstalledAt
	if at := now(t, h, e.ICCID).Report.At; !at.Equal(installed.Add(2 * lag)) {
		t.Errorf("reported %s after installation", at.Sub(installed))
	}
	if _, _, err := h.TopUp(e.ICCID, "more", 1, anything); err != nil {
		t.Fatal(err)
	}
	if r := now(t, h, e.ICCID).Report; r.TotalBytes != gib {
		t.Errorf("a top-up was reported at once: %+v", r)
	}
	c.Advance(lag)
	if r := now(t, h, e.ICCID).Report; r.TotalBytes != 2*gib {
		t.Errorf("a top-up was not reported: %+v", r)
	}
}

func TestRefusalsChangeNothing(t *testing.T) {
	h, _ := open(t, 0)
	e := buy(t, h, "base")
	refused := errors.New("refused")
	var short *wholesale.BalanceError
	for name, got := range map[string]func() error{
		"unknown plan":         func() error { _, _, err := h.Buy("nope", 1, wholesale.MakingTime{}); return err },
		"a top-up as a base":   func() error { _, _, err := h.Buy("more", 1, wholesale.MakingTime{}); return err },
		"top up with unknown":  func() error { _, _, err := h.TopUp(e.ICCID, "nope", 1, anything); return err },
		"top up nothing":       func() error { _, _, err := h.TopUp("89", "more", 1, anything); return err },
		"top up, not allowed":  func() error { _, _, err := h.TopUp(e.ICCID, "more", 1, deny(refused)); return err },
		"cancel nothing":       func() error { return h.Cancel([]string{e.ICCID, "89"}) },
		"more than there is":   func() error { _, _, err := h.Buy("base", 2, wholesale.MakingTime{}); return err },
		"top up for too much":  func() error { _, _, err := h.TopUp(e.ICCID, "more", 3, anything); return err },
		"price of nothing":     func() error { return h.SetPrice("nope", usd("1")) },
		"removing nothing":     func() error { return h.RemovePlan("nope") },
		"installing no eSIM":   func() error { return h.Install("89") },
		"using data of no one": func() error { return h.SetUsed("89", 1) },
	} {
		err := got()
		if err == nil {
			t.Errorf("%s: taken", name)
		}
		if errors.As(err, &short) && !short.Available.Equal(usd("6")) {
			t.Errorf("%s: %v", name, short)
		}
	}
	if !h.Balance().Equal(usd("6")) || h.Purchases() != 1 || h.TopUps() != 0 || len(h.Orders()) != 1 {
		t.Errorf("something changed: %s, %d orders", h.Balance(), len(h.Orders()))
	}
}

func deny(err error) func(wholesale.Plan, wholesale.ESIM) error {
	return func(wholesale.Plan, wholesale.ESIM) error { return err }
}

func TestPricesCanChangeAndPlansGo(t *testing.T) {
	h, _ := open(t, 0)
	if err := h.SetPrice("base", usd("9.99")); err != nil {
		t.Fatal(err)
	}
	buy(t, h, "base")
	if !h.Balance().Equal(usd("0.01")) {
		t.Errorf("balance %s", h.Balance())
	}
	if err := h.RemovePlan("base"); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.Plan("base"); ok || len(h.Plans()) != 2 {
		t.Error("the plan is still there")
	}
}

func TestTwoOrdersWithBalanceForOne(t *testing.T) {
	h, _ := open(t, 0)
	h.SetBalance(usd("4"))
	var wg sync.WaitGroup
	results := make([]error, 20)
	for i := range results {
		wg.Go(func() { _, _, results[i] = h.Buy("base", 1, wholesale.MakingTime{}) })
	}
	wg.Wait()
	bought := 0
	for _, err := range results {
		var short *wholesale.BalanceError
		switch {
		case err == nil:
			bought++
		case !errors.As(err, &short):
			t.Errorf("refused with %v", err)
		}
	}
	if bought != 1 || h.Purchases() != 1 || !h.Balance().IsZero() {
		t.Errorf("%d bought, balance %s", bought, h.Balance())
	}
}

func TestMakingTakesTimeAndLooks(t *testing.T) {
	h, c := open(t, 0)
	_, sold, err := h.Buy("base", 1, wholesale.MakingTime{For: time.Minute, Looks: 2})
	if err != nil || sold[0].State != wholesale.Making {
		t.Fatalf("%v %+v", err, sold)
	}
	look := func() wholesale.State { return h.Look(func(*wholesale.ESIM) bool { return true })[0].State }
	if err := h.Install(sold[0].ICCID); err == nil {
		t.Error("installed before it was made")
	}
	for range 3 {
		if look() != wholesale.Making {
			t.Error("made before its time")
		}
	}
	c.Advance(time.Minute)
	if look() != wholesale.Released {
		t.Error("not made in time")
	}
}

func TestNumberKeepsEveryDigit(t *testing.T) {
	for in, want := range map[string]string{"3.5": "3.50", "100": "100.00", "1.25": "1.25", "0.00012345": "0.00012345", "-2": "-2.00"} {
		if got := wholesale.Number(usd(in)); got.String() != want {
			t.Errorf("Number(%s) = %s, want %s", in, got, want)
		}
	}
}
