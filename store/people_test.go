package store_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/store"
	"esimbot/store/storetest"
	"esimbot/usage"
)

func testSession(t *testing.T, s *store.Store) {
	const user = 42
	ctx := t.Context()
	l, err := s.Sessions().Load(ctx, user, 7)
	if err != nil || l.Session != (flows.Session{}) || l.Customer.ID != 0 || l.Seen {
		t.Fatalf("a stranger: %+v, %v", l, err)
	}
	first := flows.Session{Schema: flows.Schema, Version: 1, Page: "plans/c_jp"}
	person := &flows.Customer{Schema: flows.Schema, ID: user, Language: "de", FirstSeen: epoch}
	if err := s.Sessions().Save(ctx, user, first, person, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions().Save(ctx, user, first, nil, 8); !errors.Is(err, flows.ErrConflict) {
		t.Errorf("the same version again: %v", err)
	}
	second := first
	second.Version, second.Page = 2, "g"
	if err := s.Sessions().Save(ctx, user, second, nil, 9); err != nil {
		t.Fatal(err)
	}
	for update, seen := range map[int64]bool{7: true, 8: false, 9: true} {
		l, err := s.Sessions().Load(ctx, user, update)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(flows.Loaded{Session: second, Customer: *person, Seen: seen}, l); d != "" {
			t.Errorf("update %d: %s", update, d)
		}
	}
}

func TestSessionIsBounded(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	for i := range int64(250) {
		if err := s.Sessions().Save(t.Context(), 1, flows.Session{Version: i + 1}, nil, 1000+i); err != nil {
			t.Fatal(err)
		}
	}
	if n := raw.ZCard(t.Context(), "{u:1}:seen").Val(); n != 200 {
		t.Errorf("%d updates remembered", n)
	}
	if ttl := raw.TTL(t.Context(), "{u:1}:seen").Val(); ttl < 24*time.Hour || ttl > 26*time.Hour {
		t.Errorf("updates are remembered for %s", ttl)
	}
	if ttl := raw.TTL(t.Context(), "{u:1}:session").Val(); ttl < 29*24*time.Hour || ttl > 30*24*time.Hour {
		t.Errorf("session is kept for %s", ttl)
	}
	newer := strings.Replace(raw.Get(t.Context(), "{u:1}:session").Val(), `"schema":1`, `"schema":9`, 1)
	raw.Set(t.Context(), "{u:1}:session", newer, 0)
	if _, err := s.Sessions().Load(t.Context(), 1, 1); !errors.Is(err, orders.ErrNewer) {
		t.Errorf("load of a newer session: %v", err)
	}
	if err := s.Sessions().Save(t.Context(), 1, flows.Session{Version: 251}, nil, 1); !errors.Is(err, orders.ErrNewer) {
		t.Errorf("save over a newer session: %v", err)
	}
}

func TestATapCostsTwoRoundTrips(t *testing.T) {
	s := open(t, storetest.Redis(t))
	save := func(v int64) {
		t.Helper()
		if err := s.Sessions().Save(t.Context(), 1, flows.Session{Version: v}, &flows.Customer{ID: 1}, v); err != nil {
			t.Fatal(err)
		}
	}
	save(1) // the server learns the script
	count := s.CountRoundTrips()
	if _, err := s.Sessions().Load(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	save(2)
	if n := count(); n != 2 {
		t.Errorf("a tap went to Redis %d times", n)
	}
	if _, err := s.Orders().Due(t.Context(), epoch, 10); err != nil || count() != 3 {
		t.Errorf("the due sets took %d round trips, %v", count()-2, err)
	}
}

func delivered(t *testing.T, s *store.Store, customer int64, lang, country string) *orders.Order {
	t.Helper()
	o := order(t, customer)
	o.Language, o.Plan.Destination.Code = lang, country
	create(t, s, o)
	o.Payment = orders.Payment{Intent: "pi_" + string(o.ID), Received: o.Plan.Retail, PaidAt: epoch, ReceiptURL: "https://pay.example/receipt"}
	o.Bought = bought(t)
	o.Screen, o.Photo = orders.Message{Chat: customer, ID: 5}, orders.Message{Chat: customer, ID: 6, FileID: "file-1"}
	for _, to := range []orders.State{orders.Paid, orders.Purchasing, orders.Issued, orders.Delivered} {
		advance(t, s, o, to)
	}
	for range 2 {
		if err := s.Orders().Project(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if err := s.ESIMs().Put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func testESIMs(t *testing.T, s *store.Store) {
	const customer = 51
	bare := order(t, customer)
	bare.Bought = bought(t)
	bare.Bought.Profile.ICCID = ""
	if err := s.ESIMs().Put(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	bare.Bought.Profile.ICCID = "8944538523456789020"
	bare.Photo.FileID = "file-2"
	if err := s.ESIMs().Put(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	e, err := s.ESIMs().ESIM(t.Context(), string(bare.ID), customer)
	if err != nil {
		t.Fatal(err)
	}
	if e.ICCID != bare.Bought.Profile.ICCID || e.PhotoFileID != "file-2" || e.PhoneNumber != "+15550001111" || e.TotalBytes != esim.GB || e.UsedBytes != -1 || e.Version != 2 {
		t.Errorf("eSIM %+v", e)
	}
	if _, err := s.ESIMs().ESIM(t.Context(), string(bare.ID), customer+1); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("another's eSIM: %v", err)
	}
	o := delivered(t, s, customer, "en", "JP")
	list, err := s.ESIMs().ByCustomer(t.Context(), customer)
	if err != nil || len(list) != 2 {
		t.Fatalf("list %v, %v", list, err)
	}
	if !slices.ContainsFunc(list, func(e *usage.ESIM) bool { return e.ID == string(o.ID) }) {
		t.Errorf("list lacks %s", o.ID)
	}
	l, err := s.Sessions().Load(t.Context(), customer, 1)
	if err != nil || l.Customer.Bought != 2 {
		t.Errorf("bought %d, %v", l.Customer.Bought, err)
	}
}

func testErase(t *testing.T, s *store.Store) {
	const customer = 6111222333
	done := delivered(t, s, customer, "en", "JP")
	open := order(t, customer)
	create(t, s, open)
	if err := s.Orders().Project(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions().Save(t.Context(), customer, flows.Session{Version: 1}, &flows.Customer{ID: customer}, 3); err != nil {
		t.Fatal(err)
	}
	for _, chat := range []int64{-100123, customer} {
		if err := s.SaveRelay(t.Context(), chat, 45, flows.Relayed{Customer: customer, Language: "de"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Erase(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.Relay(t.Context(), -100123, 45); err != nil || r != (flows.Relayed{}) {
		t.Errorf("a message in the support chat leads to %+v, %v", r, err)
	}
	if r, err := s.Relay(t.Context(), customer, 45); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a message in their own chat leads to %+v, %v", r, err)
	}
	o, err := s.Orders().Load(t.Context(), done.ID)
	if err != nil {
		t.Fatal(err)
	}
	if o.Customer != 0 || !o.Bought.Profile.Code.IsZero() || o.Bought.Profile.ICCID != "" || o.Photo != (orders.Message{}) || o.Screen != (orders.Message{}) || o.Payment.ReceiptURL != "" {
		t.Errorf("the finished order still tells who: %+v", o)
	}
	if o.Payment.Intent == "" || o.Payment.Received != done.Payment.Received {
		t.Error("the payment record is gone")
	}
	if list, err := s.Orders().ByCustomer(t.Context(), customer, 10); err != nil || len(list) != 1 || list[0].ID != open.ID {
		t.Errorf("orders left: %v, %v", list, err)
	}
	if list, err := s.ESIMs().ByCustomer(t.Context(), customer); err != nil || len(list) != 0 {
		t.Errorf("eSIMs left: %v, %v", list, err)
	}
	if l, err := s.Sessions().Load(t.Context(), customer, 3); err != nil || l.Customer.ID != 0 || l.Session.Version != 0 || l.Seen {
		t.Errorf("left of the person: %+v, %v", l, err)
	}
}

func testPopular(t *testing.T, s *store.Store) {
	for _, sale := range []struct{ lang, country string }{{"fr", "MA"}, {"de", "TR"}, {"de", "TR"}, {"de", "TR"}, {"fr", "MA"}, {"fr", "ES"}} {
		delivered(t, s, 90, sale.lang, sale.country)
	}
	if got := s.Popular("fr"); len(got) != 0 {
		t.Errorf("before the first look: %v", got)
	}
	if err := store.RefreshPopular(s, t.Context()); err != nil {
		t.Fatal(err)
	}
	rank := func(lang string) []string {
		return slices.DeleteFunc(s.Popular(lang), func(id string) bool { return id == "c_jp" }) // other tests' sales
	}
	if d := cmp.Diff([]string{"c_ma", "c_es", "c_tr"}, rank("fr")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"c_tr", "c_ma", "c_es"}, rank("ru")); d != "" {
		t.Error(d)
	}
}

func testCatalogue(t *testing.T, s *store.Store) {
	ctx := t.Context()
	if _, _, err := s.LoadCatalogue(ctx, esim.Mobilexy); !errors.Is(err, catalog.ErrNoCatalogue) {
		t.Errorf("none kept: %v", err)
	}
	if _, err := s.CatalogueStamp(ctx, esim.Mobilexy); !errors.Is(err, catalog.ErrNoCatalogue) {
		t.Errorf("no stamp: %v", err)
	}
	if err := s.SaveCatalogue(ctx, esim.Mobilexy, epoch, []byte{0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	data, stamp, err := s.LoadCatalogue(ctx, esim.Mobilexy)
	if err != nil || !stamp.Equal(epoch) || !slices.Equal(data, []byte{0, 1, 2}) {
		t.Errorf("loaded %v of %s, %v", data, stamp, err)
	}
	if stamp, err := s.CatalogueStamp(ctx, esim.Mobilexy); err != nil || !stamp.Equal(epoch) {
		t.Errorf("stamp %s, %v", stamp, err)
	}
}

func testClaimAndSecret(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for i, want := range []bool{true, false} {
		if ok, err := s.Claim(ctx, "sweep", time.Hour); err != nil || ok != want {
			t.Errorf("claim %d: %v, %v", i, ok, err)
		}
	}
	if err := s.Release(ctx, "sweep"); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Claim(ctx, "sweep", time.Hour); err != nil || !ok {
		t.Errorf("claim after release: %v, %v", ok, err)
	}
	if _, err := s.LoadSecret(ctx, "webhook"); !errors.Is(err, store.ErrNoSecret) {
		t.Errorf("no secret: %v", err)
	}
	if err := s.SaveSecret(ctx, "webhook", "v1.x.y"); err != nil {
		t.Fatal(err)
	}
	if text, err := s.LoadSecret(ctx, "webhook"); err != nil || text != "v1.x.y" {
		t.Errorf("secret %q, %v", text, err)
	}
}

func TestSealer(t *testing.T) {
	s, err := store.NewSealer([][]byte{key('a')})
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.Seal([]byte("plain"), "order:1")
	if err != nil {
		t.Fatal(err)
	}
	if two, err := s.Seal([]byte("plain"), "order:1"); err != nil || one == two {
		t.Errorf("the same text sealed twice reads the same, %v", err)
	}
	if plain, err := s.Open(one, "order:1"); err != nil || string(plain) != "plain" {
		t.Errorf("opened %q, %v", plain, err)
	}
	flipped := []byte(one)
	flipped[len(flipped)-3] ^= 1
	for name, c := range map[string]struct{ sealed, owner string }{
		"another order": {one, "order:2"}, "changed": {string(flipped), "order:1"}, "cut": {one[:20], "order:1"}, "empty": {"", "order:1"},
		"no key": {"v1..AAAA", "order:1"}, "other version": {"v2" + one[2:], "order:1"},
	} {
		if _, err := s.Open(c.sealed, c.owner); !errors.Is(err, store.ErrSeal) && !errors.Is(err, store.ErrSealKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {key('a'), nil}} {
		if _, err := store.NewSealer(keys); err == nil {
			t.Errorf("keys %v were taken", keys)
		}
	}
}

func BenchmarkTap(b *testing.B) {
	s, err := store.Open(b.Context(), storetest.Redis(b), store.Options{Keys: [][]byte{key('a')}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	b.ReportAllocs()
	version := int64(0)
	for b.Loop() {
		version++
		if _, err := s.Sessions().Load(b.Context(), 1, version); err != nil {
			b.Fatal(err)
		}
		if err := s.Sessions().Save(b.Context(), 1, flows.Session{Version: version}, nil, version); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDueWhenIdle(b *testing.B) {
	s, err := store.Open(b.Context(), storetest.Redis(b), store.Options{Keys: [][]byte{key('a')}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Orders().Due(b.Context(), epoch, 64); err != nil {
			b.Fatal(err)
		}
	}
}
