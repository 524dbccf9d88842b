package flows_test

import (
	"encoding/json"
	"testing"

	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

// FuzzSession: whatever a kept session says, the present page is drawn, and the next tap and text are
// answered, to a customer and to an admin.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		`{"schema":1,"version":3,"page":"plans/c_jp","question":"link/7KQ2M9X4TB","days":"7","volume":"x","from":"az/J"}`,
		`{"page":"admin/refund/7KQ2M9X4TB/1","confirm":{"token":"","deed":"refund","detail":"1:2:USD:paid"}}`,
		`{"page":"o/x","order":"y","order_plan":"z","agreed":-1,"unfound":{"message":1,"text":"x"},"relaying":5,"question":"support//refund"}`,
		`{"question":"admin/answer/7KQ2M9X4TB/attach_code/1","iccid":"1"}`, `{"question":"rename/x","page":"erase/yes"}`, `{"page":"////","question":"/"}`,
	} {
		f.Add(seed, "start", "Japan")
	}
	f.Fuzz(func(t *testing.T, kept, data, text string) {
		var session flows.Session
		if json.Unmarshal([]byte(kept), &session) != nil {
			return
		}
		for _, admin := range []bool{false, true} {
			s := newStage(t)
			s.regular()
			if admin {
				s = s.asAdmin()
			}
			for _, e := range []flows.Event{
				{Kind: flows.EventPress, Data: data, Message: 1}, {Kind: flows.EventText, Text: text, Sent: 2}, {Kind: flows.EventOther, Text: text, Sent: 3},
				{Kind: flows.EventCommand, Command: "start", Args: text, Sent: 4}, {Kind: flows.EventCommand, Command: "refund", Args: text, Sent: 5},
				{Kind: flows.EventCommand, Command: "order", Args: text, Sent: 6}, {Kind: flows.EventCommand, Command: "stats", Args: text, Sent: 7},
			} {
				in := s.input(e)
				in.Session = session
				if _, err := s.shop.Current(t.Context(), in); err != nil {
					t.Errorf("the present page of %s: %v", kept, err)
				}
				r, err := s.shop.Handle(t.Context(), in)
				if err != nil {
					t.Errorf("%+v on %s: %v", e, kept, err)
				}
				if r.Then != nil {
					in.Session = r.Session
					if _, err := r.Then(t.Context(), in); err != nil {
						t.Errorf("what %+v on %s entails: %v", e, kept, err)
					}
				}
			}
		}
	})
}

// FuzzDocuments: whatever an order or an eSIM says, it can be shown, told of and delivered.
func FuzzDocuments(f *testing.F) {
	for _, seed := range []string{
		`{"id":"7KQ2M9X4TB","state":"gifted","kind":"topup","plan":{"kind":"x"}}`, `{"state":"review","reason":"amount","attempt":{"n":-1}}`, `{}`,
		`{"state":"delivered","bought":{"plan":{}},"receipt":{}}`, `{"state":"refunding","refund":{"n":9,"total":{"minor":-1}}}`,
		`{"id":"x","status":"nonsense","total_bytes":-1,"used_bytes":5,"top_ups":[{}],"marks":{"low":{}}}`,
	} {
		f.Add(seed, "review", "low:0:20")
	}
	f.Fuzz(func(t *testing.T, document, kind, topic string) {
		s := newStage(t)
		var o orders.Order
		if json.Unmarshal([]byte(document), &o) == nil {
			_ = s.shop.OrderScreen(&o, "en")
			_ = s.shop.Delivery(&o, "ar")
			_ = s.shop.AlertText(orders.Alert{Key: kind, Kind: kind, Order: &o, Detail: document}, "de")
			_ = s.shop.InquiryScreen(flows.Inquiry{Order: &o, Text: document, Topic: topic}, "fr")
		}
		var e usage.ESIM
		if json.Unmarshal([]byte(document), &e) == nil {
			_ = s.shop.NoticeScreen(&e, usage.Notice{Topic: usage.Topic(topic), Key: topic}, nil, "ru")
		}
	})
}
