package store_test

import (
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/store/storetest"
)

// TestConfirmationIsSealed: the activation code that an admin is to confirm comes back with the
// session, and stands nowhere in the clear.
func TestConfirmationIsSealed(t *testing.T) {
	url := storetest.Redis(t)
	s, raw := open(t, url), client(t, url)
	code, err := esim.ParseActivationCode("LPA:1$smdp.example$CONFIRM-4711")
	if err != nil {
		t.Fatal(err)
	}
	session := flows.Session{Version: 1, Page: "admin/orders", Confirm: &flows.Confirmation{Token: "t", Deed: "attach_code", Detail: "1", Until: epoch, Code: code}}
	if err := s.Sessions().Save(t.Context(), 7, session, nil, 1); err != nil {
		t.Fatal(err)
	}
	kept, err := raw.Get(t.Context(), "{u:7}:session").Result()
	if err != nil || strings.Contains(kept, "4711") || strings.Contains(kept, "smdp.example") {
		t.Errorf("kept %q, %v", kept, err)
	}
	l, err := s.Sessions().Load(t.Context(), 7, 0)
	if err != nil || l.Session.Confirm == nil || l.Session.Confirm.Code != code || l.Session.Confirm.Token != "t" || l.Session.Page != "admin/orders" {
		t.Errorf("%+v, %v", l.Session.Confirm, err)
	}
	// Another person's session can't be given it.
	if err := raw.Set(t.Context(), "{u:8}:session", kept, 0).Err(); err != nil {
		t.Fatal(err)
	}
	l, err = s.Sessions().Load(t.Context(), 8, 0)
	if err != nil || l.Session.Confirm == nil || !l.Session.Confirm.Code.IsZero() {
		t.Errorf("another's: %+v, %v", l.Session.Confirm, err)
	}
	session.Version, session.Confirm = 2, nil
	if err := s.Sessions().Save(t.Context(), 7, session, nil, 2); err != nil {
		t.Fatal(err)
	}
	if kept, err = raw.Get(t.Context(), "{u:7}:session").Result(); err != nil || strings.Contains(kept, "confirm_code") {
		t.Errorf("kept after it was used: %q, %v", kept, err)
	}
}
