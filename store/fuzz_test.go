package store

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

// What stands in Redis was written by this program, by an older one or by a newer one, or by whoever got
// hold of it. Whatever it is, reading it never panics, and what was read can be written again.

func fuzzed(f *testing.F) *Store {
	f.Helper()
	sealer, err := NewSealer([][]byte{make([]byte, 32)})
	if err != nil {
		f.Fatal(err)
	}
	return &Store{sealer: sealer}
}

func FuzzOrderDocument(f *testing.F) {
	s := fuzzed(f)
	code, err := esim.ParseActivationCode("LPA:1$smdp.example$ABC-1")
	if err != nil {
		f.Fatal(err)
	}
	whole, err := s.encodeOrder(&orders.Order{
		Schema: orders.Schema, Version: 3, ID: "7KQ2M9X4TB", State: orders.Delivered, Customer: 7, Language: "en",
		Bought: &orders.Bought{Profile: esim.Profile{Provider: esim.CloudESIM, OrderNo: "N1", Code: code, ICCID: "8944538523456789020"}, At: time.Unix(1, 0)},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), `{}`, `null`, `[]`, `{"schema":1,"bought":{}}`, `{"schema":1,"bought":null,"state":"gifted","version":-1}`, `{"schema":99}`, `{"schema":1,"bought":{"sealed":"v1.x.y"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		o, err := s.decodeOrder(document)
		if err != nil {
			return
		}
		if o == nil {
			t.Fatal("neither order nor error")
		}
		if _, err := s.encodeOrder(o); err != nil {
			t.Errorf("read and not to be written: %v", err)
		}
	})
}

func FuzzESIMDocument(f *testing.F) {
	s := fuzzed(f)
	whole, err := s.encodeESIM(&usage.ESIM{
		Version: 2, ID: "7KQ2M9X4TB", Customer: 7, ICCID: "8944538523456789020", PhoneNumber: "+15550001111", TotalBytes: 1, UsedBytes: -1, BoughtAt: time.Unix(1_800_000_000, 0),
		Marks: map[string]usage.Mark{"low:0:20": {SentAt: time.Unix(1_800_000_100, 0)}}, TopUps: []usage.TopUp{{Order: "7KQ2M9X4TC", Plan: "cloudesim:X"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), `{}`, `null`, `{"schema":1,"sealed":"v1.x.y"}`, `{"schema":2,"version":1,"m":[1,2,3,4,5,6,7],"b":-9223372036854775808}`, `{"schema":2,"version":1,"k":{"":-9223372036854775808}}`, `{"schema":3}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		e, err := s.decodeESIM(document)
		if err != nil {
			return
		}
		if e == nil {
			t.Fatal("neither eSIM nor error")
		}
		if _, err := s.encodeESIM(e); err != nil {
			t.Errorf("read and not to be written: %v", err)
		}
	})
}

func FuzzSealed(f *testing.F) {
	s := fuzzed(f)
	sealed, err := s.sealer.Seal([]byte("plain"), "order:1")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{sealed, "", "v1", "v1.", "v1..", "v1." + s.sealer.first + ".AAAA", "v2.x.y"} {
		f.Add(seed, "order:1")
	}
	f.Fuzz(func(t *testing.T, text, owner string) {
		plain, err := s.sealer.Open(text, owner)
		if err == nil && (string(plain) != "plain" || owner != "order:1") { // nobody else has the key
			t.Errorf("opened %q of %q: %q", text, owner, plain)
		}
		if err != nil && !errors.Is(err, ErrSeal) && !errors.Is(err, ErrSealKey) {
			t.Errorf("%v", err)
		}
	})
}

// FuzzKept puts anything at all where a session, a customer, an order's log, a relayed message, pauses and a
// catalogue are kept, and reads it by the ways that the shop does.
func FuzzKept(f *testing.F) {
	server, err := miniredis.Run()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(server.Close)
	s, err := Open(context.Background(), "redis://"+server.Addr(), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	for _, seed := range []string{
		`{"schema":1,"version":3,"page":"plans/c_jp","confirm":{"token":"t","deed":"refund"},"confirm_code":"v1.x.y"}`, `{"schema":1,"id":7,"language":"de"}`,
		`{"at":"2026-11-22T00:00:00Z","to":"paid"}`, `{"customer":7,"answer":true}`, `{"all":true,"providers":["x"]}`, `null`, `[]`, `{"schema":99}`, "",
	} {
		f.Add([]byte(seed))
	}
	const user, id = 7, orders.ID("7KQ2M9X4TB")
	f.Fuzz(func(t *testing.T, document []byte) {
		ctx, text := t.Context(), string(document)
		for _, key := range []string{sessionKey(user), customerKey(user), orderKey(id), esimKey(string(id)), relayKey(user, 1), pausesKey(), intentKey("pi_1"), iccidKey("8944538523456789020")} {
			if err := server.Set(key, text); err != nil {
				t.Fatal(err)
			}
		}
		server.Del(orderLogKey(id))
		if _, err := server.RPush(orderLogKey(id), text); err != nil {
			t.Fatal(err)
		}
		server.HSet(catalogueKey(esim.Mobilexy), "data", text, "stamp", text)
		if _, err := server.ZAdd(userOrdersKey(user), 1, string(id)); err != nil {
			t.Fatal(err)
		}
		if _, err := server.ZAdd(userESIMsKey(user), 1, string(id)); err != nil {
			t.Fatal(err)
		}
		l, err := s.Sessions().Load(ctx, user, 1)
		if err == nil {
			l.Session.Version++
			_ = s.Sessions().Save(ctx, user, l.Session, &l.Customer, 1) // may well be refused
		}
		_, _ = s.Orders().ByCustomer(ctx, user, 10)
		_, _ = s.ESIMs().ByCustomer(ctx, user)
		_, _ = s.Orders().Log(ctx, id)
		_, _ = s.Orders().Pauses(ctx)
		_, _ = s.Orders().ByIntent(ctx, "pi_1")
		_, _ = s.Orders().ByICCID(ctx, "8944538523456789020")
		_, _, _ = s.LoadCatalogue(ctx, esim.Mobilexy)
		if r, err := s.Relay(ctx, user, 1); err == nil {
			_ = s.SaveRelay(ctx, user, 1, flows.Relayed{Customer: r.Customer})
		}
		_ = s.Erase(ctx, user)
	})
}
