package cloudesim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/esim"
	"esimbot/providers"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSamplesOfThePage(t *testing.T) {
	account, err := decodeAccount(sample(t, "balance"))
	if balance, _ := account.Balance.Decimal(); err != nil || balance.String() != "24.5" || account.Username != "agadev" {
		t.Errorf("balance: %+v, %v", account, err)
	}

	list, err := decodePackages(sample(t, "packages"))
	if err != nil || len(list) != 1 {
		t.Fatalf("packages: %+v, %v", list, err)
	}
	l, ok := list[0].listing()
	if !ok || l.Plan.ID != "ESIM_1GB_7D_US" || l.Plan.Bytes != esim.GB || l.Plan.Days != 7 || l.Plan.Wholesale.String() != "3.5" ||
		l.Kind != esim.Country || l.Place.Code != "US" || l.Plan.Kind != esim.Fixed {
		t.Errorf("packages: %+v", l)
	}

	order, err := decodeOrder(sample(t, "order"))
	if err != nil || order.OrderNo != "ESA20240001" || len(order.ESIMList) != 1 {
		t.Fatalf("order: %+v, %v", order, err)
	}
	if p := order.ESIMList[0].profile(); p.Ready() || p.ICCID != "" {
		t.Errorf("order: %+v is no code and no ICCID", p)
	}

	items, err := decodeQuery(sample(t, "query"))
	if err != nil || len(items) != 1 {
		t.Fatalf("query: %+v, %v", items, err)
	}
	now := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	got := items[0].usage(providers.Ref{OrderNo: "ESA20240001"}, now)
	want := esim.Usage{
		OrderNo: "ESA20240001", Status: esim.StatusInUse, Upstream: "ACTIVE", UsedBytes: -1, TotalBytes: -1,
		RemainingBytes: 512 * esim.MB, ExpiresAt: time.Date(2024, 12, 31, 23, 59, 59, 0, time.UTC), At: now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("query: %s", diff)
	}

	for name, number := range map[string]string{"topup": "ESA20240002", "cancel": "ESA20240001"} {
		if no, err := decodeOrderNo(sample(t, name)); err != nil || no != number {
			t.Errorf("%s: %q, %v", name, no, err)
		}
	}
}

func TestTheErrorOfThePageIsARefusalEverywhere(t *testing.T) {
	for name, decode := range decoders() {
		var no *providers.Refusal
		if err := decode(sample(t, "error")); !errors.As(err, &no) || no.Message != "Insufficient balance. Required: $1.25, available: $0.00" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// decoders are all of the package's, with what is made of their answers.
func decoders() map[string]func([]byte) error {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	return map[string]func([]byte) error{
		"balance": func(b []byte) error { _, err := decodeAccount(b); return err },
		"packages": func(b []byte) error {
			list, err := decodePackages(b)
			for _, l := range append(listings(list, TypeBase).Listings, listings(list, TypeTopUp).Listings...) {
				if wrong := check(l); wrong != nil {
					return wrong
				}
			}
			return err
		},
		"order": func(b []byte) error {
			o, err := decodeOrder(b)
			for _, i := range o.ESIMList {
				_ = i.profile()
			}
			return err
		},
		"query": func(b []byte) error {
			items, err := decodeQuery(b)
			for _, i := range items {
				if u := i.usage(providers.Ref{}, now); u.RemainingBytes < -1 || u.Status == "" {
					return errors.New("usage without sense")
				}
			}
			return err
		},
		"orderNo": func(b []byte) error { _, err := decodeOrderNo(b); return err },
	}
}

func check(l providers.Listing) error {
	p := l.Plan
	if p.ID == "" || !providers.VolumeFits(p.Bytes) || p.Days < 1 || p.Days > providers.MaxDays || !p.Wholesale.IsPositive() ||
		p.Wholesale.IntPart() >= 10_000 || len([]rune(p.Name)) > 120 || len(l.Coverage) > providers.MaxPlaces {
		return errors.New("plan without sense")
	}
	if l.Kind == esim.Country && len(l.Place.Code) != 2 {
		return errors.New("country without code")
	}
	return nil
}

func TestBadAnswers(t *testing.T) {
	for name, decode := range decoders() {
		for _, body := range []string{
			"", "null", "[]", "{}", "true", `"x"`, "<html>", `{"success":true`, `{"success":true}}`, `{"success":null}`, `{"success":"perhaps"}`,
			`{"success":true,}`, `{"success":true "obj":{}}`, `{"success":true,"obj":[],"data":[]}`, `{"success":true,"obj":"x","data":7}`,
			`{"success":true}`,
		} {
			if err := decode([]byte(body)); !errors.Is(err, providers.ErrMalformed) {
				t.Errorf("%s: %s: %v", name, body, err)
			}
		}
	}
	for _, body := range []string{
		`{"success":true,"data":{"balance":null,"currency":"USD"}}`, `{"success":true,"data":{"balance":"NaN"}}`,
		`{"success":true,"data":{"balance":1e999}}`, `{"success":true,"data":{"balance":5,"currency":"EUR"}}`,
	} {
		if _, err := decodeAccount([]byte(body)); !errors.Is(err, providers.ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := decodeOrder([]byte(`{"success":true,"obj":{"orderNo":null,"esimList":[]}}`)); !errors.Is(err, providers.ErrMalformed) {
		t.Errorf("an order without anything: %v", err)
	}
}

func TestOddPackagesAreLeftOut(t *testing.T) {
	good := `{"packageCode":"A%","name":"n","price":3.5,"currencyCode":"USD","duration":7,"volume":1024,"locationCode":"US","type":"BASE"}`
	odd := []string{
		`7`, `null`, `"x"`, `[]`, `{}`,
		strings.Replace(good, "3.5", "0", 1), strings.Replace(good, "3.5", "-1", 1), strings.Replace(good, "3.5", "10000", 1),
		strings.Replace(good, "3.5", `"NaN"`, 1), strings.Replace(good, "3.5", "null", 1), strings.Replace(good, "3.5", "1e400", 1),
		strings.Replace(good, `"duration":7`, `"duration":0`, 1), strings.Replace(good, `"duration":7`, `"duration":3651`, 1),
		strings.Replace(good, `"duration":7`, `"duration":1.5`, 1), strings.Replace(good, "1024", "-1", 1), strings.Replace(good, "1024", "0", 1),
		strings.Replace(good, "1024", "99999999999999", 1), strings.Replace(good, `"USD"`, `"EUR"`, 1), strings.Replace(good, `"US"`, `""`, 1),
		strings.Replace(good, `"US"`, `"US,??"`, 1), strings.Replace(good, `"US"`, `"../x"`, 1), strings.Replace(good, `"A%"`, `""`, 1),
		strings.Replace(good, `"A%"`, `{"a":1}`, 1), strings.Replace(good, `"A%"`, `"a b"`, 1),
	}
	good = strings.Replace(good, "A%", "A1", 1)
	body := `{"success":true,"obj":{"packageList":[` + good + "," + good + "," +
		strings.Join(odd, ",") + "," + strings.Replace(good, "BASE", "TOPUP", 1) + `]}}`
	body = strings.ReplaceAll(body, "A%", "B2")
	list, err := decodePackages([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	c := listings(list, TypeBase)
	if len(c.Listings) != 1 || c.Skipped != len(odd)+1 {
		t.Errorf("%d plans, %d left out; want 1 and %d (the twin too): %+v", len(c.Listings), c.Skipped, len(odd)+1, c.Listings)
	}
}

func TestPlaces(t *testing.T) {
	for _, tc := range []struct {
		location, name string
		kind           esim.DestinationKind
		place          providers.Place
		coverage       []string
	}{
		{"US", "USA 1GB 7 Days", esim.Country, providers.Place{Code: "US"}, nil},
		{"uk", "UK 1GB", esim.Country, providers.Place{Code: "GB"}, nil},
		{"XK", "Kosovo 1GB", esim.Country, providers.Place{Code: "XK"}, nil},
		{"GL", "Greenland 1GB", esim.Country, providers.Place{Code: "GL"}, nil},
		{"GL", "Global 1GB", esim.Global, providers.Place{Code: "GL", Name: "Global"}, nil},
		{"EU", "Europe 1GB 7 Days", esim.Region, providers.Place{Code: "EU", Name: "Europe"}, nil},
		{"AS-12", "Asia (12 areas) 3GB 30 Days", esim.Region, providers.Place{Code: "AS-12", Name: "Asia"}, nil},
		{"EU-42", "Europe(40+ areas) 500MB/Day", esim.Region, providers.Place{Code: "EU-42", Name: "Europe"}, nil},
		{"GL-120", "Global (120 areas) 1GB 7 Days", esim.Global, providers.Place{Code: "GL-120", Name: "Global"}, nil},
		{"US, CA,MX", "USA & Canada & Mexico 5GB 30Days", esim.Region, providers.Place{Name: "USA & Canada & Mexico"}, []string{"US", "CA", "MX"}},
	} {
		l, ok := Package{LocationCode: providers.Text(tc.location), Name: providers.Text(tc.name), Type: TypeBase}.place()
		var coverage []string
		for _, p := range l.Coverage {
			coverage = append(coverage, p.Code)
		}
		if !ok || l.Kind != tc.kind || l.Place != tc.place || !cmp.Equal(coverage, tc.coverage) {
			t.Errorf("%s %q: %v %+v", tc.location, tc.name, ok, l)
		}
	}
}

func TestStatusWords(t *testing.T) {
	for word, want := range map[string]esim.Status{
		"CREATE": esim.StatusPending, "GETTING_RESOURCE": esim.StatusPending, "GOT_RESOURCE": esim.StatusReady, "IN_USE": esim.StatusInUse,
		"ACTIVE": esim.StatusInUse, "USED_UP": esim.StatusUsedUp, "UNUSED_EXPIRED": esim.StatusExpired, "USED_EXPIRED": esim.StatusExpired,
		"CANCEL": esim.StatusCancelled, "REVOKE": esim.StatusCancelled, "REVOKED": esim.StatusCancelled, "SUSPENDED": esim.StatusSuspended,
		"active": esim.StatusInUse, "DANCING": esim.StatusUnknown,
	} {
		u := Item{Status: providers.Text(word), ICCID: "1"}.usage(providers.Ref{}, time.Time{})
		if u.Status != want || u.Upstream != word {
			t.Errorf("%s: %s, %q", word, u.Status, u.Upstream)
		}
	}
}

func fuzz(f *testing.F, name string, samples ...string) {
	decode := decoders()[name]
	for _, s := range append(samples, "error") {
		f.Add(sample(f, s))
	}
	f.Add([]byte(`{"success":"true","obj":{"packageList":[null,{"price":"1e9"}],"esimList":[null],"orderNo":12}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := decode(b)
		var no *providers.Refusal
		if err != nil && !errors.As(err, &no) && !errors.Is(err, providers.ErrMalformed) {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

func FuzzBalance(f *testing.F)  { fuzz(f, "balance", "balance") }
func FuzzPackages(f *testing.F) { fuzz(f, "packages", "packages") }
func FuzzOrder(f *testing.F)    { fuzz(f, "order", "order") }
func FuzzQuery(f *testing.F)    { fuzz(f, "query", "query") }
func FuzzOrderNo(f *testing.F)  { fuzz(f, "orderNo", "topup", "cancel") }
