package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/sandbox/telegram"
	"esimbot/store/storetest"
)

// kept is every key that may name a customer who had everything deleted; docs/security.md tells why.
var kept = regexp.MustCompile(`^(\{u:\d+\}:(session|seen|opened|open|paid|asked|links)|claim:(relay|asked|album):\d+:\S+) `)

// TestDeletionLeavesNothing: after a deletion no key and no value in Redis names the customer, their eSIM,
// its code, its number or the name they gave it, but the few that are documented, and those go by
// themselves within a day; the conversation left knows no more than a message's number. Support's answer
// finds nobody. The payment is there, without a name.
func TestDeletionLeavesNothing(t *testing.T) {
	t.Parallel()
	const who, called = 987654321, "Grandmas Quilt"
	redis := storetest.Redis(t)
	s := openStage(t, redis, quick(map[string]string{"SUPPORT_CHAT_ID": strconv.Itoa(deskChat)}))
	s.world.Telegram.AddUser(telegram.User{ID: who, FirstName: "Vellumsworth", LanguageCode: "en"})
	s.world.Telegram.AddGroup(deskChat, "Support", admin)
	if err := s.world.Telegram.AddBot(deskChat, admin); err != nil {
		t.Fatal(err)
	}
	own := s.as(t, who)
	code := own.buy(s.planOf(esim.CloudESIM))
	e := s.sold(esim.CloudESIM)[0]
	o := own.becomes("delivered")
	own.say("/esims")
	own.press(s.planOf(esim.CloudESIM).Destination.Flag())
	own.press("Rename")
	own.sees("name")
	own.say(called)
	own.sees(called)
	own.say("/paysupport")
	own.press(s.planOf(esim.CloudESIM).Destination.Flag())
	own.sees("Write your message below")
	own.say("where is my phone")
	own.sees("We answer here")
	asked := s.lastAt(deskChat)
	if _, err := s.world.Telegram.Reply(deskChat, admin, asked.ID, "in your hand"); err != nil {
		t.Fatal(err)
	}
	own.sees("in your hand")
	personal := []string{strconv.Itoa(who), e.ICCID, called, "Vellumsworth", "where is my phone", o.Payment.ReceiptURL}
	before := dump(t, redis)
	for _, p := range personal[:3] {
		if !strings.Contains(before, p) {
			t.Fatalf("%q isn't kept at all: nothing would be proved", p)
		}
	}
	s.world.Clock.Advance(time.Minute)
	own.say("/privacy")
	own.press("Delete my data")
	own.press("Delete for good")
	own.sees("What was kept of you here is deleted")
	s.quiet()
	c := client(t, redis)
	for line := range strings.Lines(dump(t, redis)) {
		if key := kept.FindString(line); key != "" {
			key = strings.TrimSpace(key)
			if ttl := c.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > 25*time.Hour && !strings.HasSuffix(key, ":session") {
				t.Errorf("%s stays for %s", key, ttl)
			}
			line = strings.Replace(line, key, "", 1)
		}
		for _, p := range append(personal, matchingID(code)) {
			if p != "" && strings.Contains(line, p) {
				t.Errorf("%q is still there: %s", p, line)
			}
		}
	}
	if _, err := s.world.Telegram.Reply(deskChat, admin, asked.ID, "one more thing"); err != nil {
		t.Fatal(err)
	}
	s.until("word that nobody is there", func() bool { return strings.HasPrefix(s.lastAt(deskChat).Body(), "Not delivered") })
	left, err := s.app.store.Orders().Load(s.ctx, o.ID)
	if err != nil || left.Customer != 0 || left.Payment.Intent != o.Payment.Intent || left.Payment.Received != o.Payment.Received {
		t.Errorf("the payment's record: %v, %v", fmt.Sprint(left), err)
	}
}

// lastAt is the bot's last message in a chat.
func (s *stage) lastAt(chat int64) (last telegram.Message) {
	for _, m := range s.world.Telegram.Messages(chat) {
		if m.FromBot() {
			last = m
		}
	}
	return last
}
