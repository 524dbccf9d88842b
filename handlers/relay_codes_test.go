package handlers

import (
	"fmt"
	"strings"
	"testing"

	"esimbot/flows"
	"esimbot/sandbox/telegram"
)

// TestCodesDoNotReachSupport: an activation code is its buyer's alone, wherever in a message it stands:
// in a text, where a long text is cut, below a picture, in an install link; and on the way back.
func TestCodesDoNotReachSupport(t *testing.T) {
	const secret = "SECRET-4711"
	h := newHelpdesk(t, supportGroup, admin)
	h.write("/support")
	h.pressLast("ask")
	for _, text := range []string{
		"LPA:1$smdp.example$" + secret, "it says lpa:1$SMDP.example$" + secret + " and fails", "1$smdp.example$" + secret,
		"https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA%3A1%24smdp.example%24" + secret,
		strings.Repeat("x", headed-20) + "LPA:1$smdp.example$" + secret, // across the cut
	} {
		before := len(h.fromBot(supportGroup))
		h.write(text)
		got := h.texts(supportGroup)[before:]
		if len(got) == 0 || !strings.Contains(strings.Join(got, ""), "LPA:1$…") || strings.Contains(strings.Join(got, ""), "4711") {
			t.Errorf("%.60q reached support as %q", text, got)
		}
	}
	if _, err := h.tg.SendPhoto(customer, dot(t), "scan fails: LPA:1$smdp.example$"+secret); err != nil {
		t.Fatal(err)
	}
	h.settled()
	photo := h.last(supportGroup)
	if photo.Caption != "scan fails: LPA:1$…" || photo.FileID() == "" {
		t.Errorf("the photo came with %q", photo.Caption)
	}
	// Support's own words are passed on no otherwise.
	for _, answer := range []func() (int, error){
		func() (int, error) {
			return h.tg.ReplyPhoto(supportGroup, helper, photo.ID, dot(t), "try 1$smdp.example$"+secret)
		},
		func() (int, error) { return h.tg.Reply(supportGroup, helper, photo.ID, "try 1$smdp.example$"+secret) },
	} {
		if _, err := answer(); err != nil {
			t.Fatal(err)
		}
		h.settled()
		if got := h.last(customer).Body(); !strings.HasSuffix(got, "try LPA:1$…") {
			t.Errorf("the customer reads %q", got)
		}
	}
	if strings.Contains(h.log.String(), secret) {
		t.Error("the code stands in the log")
	}
}

// TestAnswerToWhoWasErased: support learns that an answer didn't arrive.
func TestAnswerToWhoWasErased(t *testing.T) {
	h := newHelpdesk(t, supportGroup, admin)
	h.ask("help")
	h.relays.set(func(r *relays) {
		for at := range r.kept {
			r.kept[at] = flows.Relayed{}
		}
	})
	before := len(h.fromBot(customer))
	h.reply(supportGroup, helper, "hello?")
	if got := h.last(supportGroup).Body(); !strings.HasPrefix(got, "Not delivered") || len(h.fromBot(customer)) != before {
		t.Errorf("support reads %q, the customer %q", got, h.texts(customer)[before:])
	}
}

// TestBorrowedWords: what somebody else wrote is no command, though an admin passed it on.
func TestBorrowedWords(t *testing.T) {
	st := hooked(t)
	for i, origin := range []string{
		`"forward_origin":{"type":"user","date":1,"sender_user":{"id":9,"first_name":"x"}}`,
		`"forward_origin":{"type":"hidden_user","date":1,"sender_user_name":"x"}`,
		`"via_bot":{"id":77,"is_bot":true,"username":"other_bot"}`,
	} {
		body := fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"from":{"id":%d},"chat":{"id":%d,"type":"private"},"text":"/refund 7KQ2M-9X4TB",%s}}`, 800+i, 800+i, admin, admin, origin)
		if status, _ := st.post(testSecret, body); status != 200 {
			t.Fatalf("status %d", status)
		}
		told := st.shop.told()
		if e := told[len(told)-1].Event; len(told) != i+1 || e.Kind != flows.EventText || e.Text != "/refund 7KQ2M-9X4TB" || e.Command != "" {
			t.Errorf("%s: the shop was told %+v", origin, e)
		}
	}
}

// TestOthersButtons: a button in a group, in another's chat or in a channel opens nothing, not even for an
// admin; nor does an update of a kind that nobody asked for.
func TestOthersButtons(t *testing.T) {
	const group = int64(-100800)
	st := newStage(t, func(c *Config) { c.SupportChat = group })
	st.tg.AddUser(telegram.User{ID: 9, FirstName: "Member", LanguageCode: "en"})
	press := `"callback_query":{"id":"1","from":{"id":%d},"data":"alert/order/7KQ2M9X4TB","message":{"message_id":5,"date":1,"text":"an alert","chat":{"id":%d,"type":%q}}}`
	for i, body := range []string{
		fmt.Sprintf(press, admin, group, "supergroup"), fmt.Sprintf(press, 9, group, "supergroup"), fmt.Sprintf(press, 9, admin, "private"),
		fmt.Sprintf(press, admin, -100123, "channel"),
		fmt.Sprintf(`"edited_message":{"message_id":5,"from":{"id":%[1]d},"chat":{"id":%[1]d,"type":"private"},"text":"/refund 7KQ2M9X4TB"}`, admin),
		`"channel_post":{"message_id":5,"chat":{"id":-100123,"type":"channel"},"text":"/refund 7KQ2M9X4TB"}`,
		fmt.Sprintf(`"message":{"message_id":5,"from":{"id":1087968824,"is_bot":true},"sender_chat":{"id":%[1]d,"type":"supergroup"},"chat":{"id":%[1]d,"type":"supergroup"},"text":"/refund 7KQ2M9X4TB"}`, group),
		fmt.Sprintf(`"business_message":{"message_id":5,"from":{"id":%[1]d},"chat":{"id":%[1]d,"type":"private"},"text":"/refund 7KQ2M9X4TB"}`, admin),
		fmt.Sprintf(`"inline_query":{"id":"1","from":{"id":%d},"query":"/refund 7KQ2M9X4TB","offset":""}`, admin),
	} {
		if status, _ := st.post(testSecret, fmt.Sprintf(`{"update_id":%d,%s}`, 900+i, body)); status != 200 {
			t.Errorf("%s: status %d", body, status)
		}
		if n := len(st.shop.told()); n != 0 {
			t.Fatalf("%s: the shop was told %+v", body, st.shop.told())
		}
	}
}
