package telegram

import (
	"fmt"
	"strings"
	"testing"
)

func TestCopies(t *testing.T) {
	st := newStage(t, Options{})
	id, err := st.SendPhoto(7, picture(t, 40, 40), "look")
	if err != nil {
		t.Fatal(err)
	}
	header := st.message(st.must("sendMessage", `{"chat_id":7,"text":"header"}`))
	st.must("copyMessage", fmt.Sprintf(
		`{"chat_id":7,"from_chat_id":7,"message_id":%d,"reply_parameters":{"message_id":%d},%s}`, id, header.ID, buttons(1, `"callback_data":"reply"`)))
	list := st.Messages(7)
	c := list[len(list)-1]
	if c.Caption != "look" || c.FileID() == "" || !c.FromBot() || c.ForwardOrigin != nil || c.ReplyTo == nil || c.ReplyTo.ID != header.ID || len(c.Buttons()) != 1 {
		t.Errorf("the copy: %+v", c)
	}
	st.must("copyMessage", fmt.Sprintf(`{"chat_id":7,"from_chat_id":7,"message_id":%d,"reply_parameters":{"message_id":999,"allow_sending_without_reply":true}}`, id))
	for body, want := range map[string]string{
		`{"chat_id":7,"from_chat_id":7,"message_id":999}`:                                                       "Bad Request: message to copy not found",
		`{"chat_id":8,"from_chat_id":7,"message_id":1}`:                                                         "Bad Request: chat not found",
		`{"chat_id":7,"from_chat_id":8,"message_id":1}`:                                                         "Bad Request: chat not found",
		fmt.Sprintf(`{"chat_id":7,"from_chat_id":7,"message_id":%d,"reply_parameters":{"message_id":999}}`, id): "Bad Request: message to be replied not found",
	} {
		if got := st.json("copyMessage", body); got.Description != want {
			t.Errorf("%s: %q, want %q", body, got.Description, want)
		}
	}
	st.Block(7)
	if got := st.json("copyMessage", `{"chat_id":7,"from_chat_id":7,"message_id":1}`); got.Description != "Forbidden: bot was blocked by the user" {
		t.Errorf("to who blocked the bot: %q", got.Description)
	}
}

func TestReactions(t *testing.T) {
	st := newStage(t, Options{})
	id, err := st.SendText(7, "hello")
	if err != nil {
		t.Fatal(err)
	}
	_, changes := st.Subscribe()
	defer changes.Close()
	react := func(message int, reaction string) string {
		return st.json("setMessageReaction", fmt.Sprintf(`{"chat_id":7,"message_id":%d,"reaction":%s}`, message, reaction)).Description
	}
	const thumb = `{"type":"emoji","emoji":"👍"}`
	if got := react(id, "["+thumb+"]"); got != "" || st.Messages(7)[0].Reaction != "👍" {
		t.Errorf("%q, %+v", got, st.Messages(7)[0])
	}
	if e := <-changes.C; e.Kind != EventReaction || e.MessageID != id || e.Reaction != "👍" {
		t.Errorf("people see %+v", e)
	}
	for _, c := range []struct {
		message        int
		reaction, want string
	}{
		{999, "[" + thumb + "]", "message to react not found"},
		{id, "[" + thumb + "," + thumb + "]", "REACTIONS_TOO_MANY"},
		{id, `[{"type":"emoji","emoji":"🧀"}]`, "REACTION_INVALID"},
		{id, `[{"type":"paid"}]`, "REACTION_INVALID"},
		{id, `{`, "can't parse"},
	} {
		if got := react(c.message, c.reaction); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.reaction, got, c.want)
		}
	}
	if got := react(id, "[]"); got != "" || st.Messages(7)[0].Reaction != "" {
		t.Errorf("taken away: %q, %+v", got, st.Messages(7)[0])
	}
}

func TestMigration(t *testing.T) {
	st := newStage(t, Options{})
	st.AddBasicGroup(-100, "Support", 7)
	if err := st.AddBot(-100, 7); err != nil {
		t.Fatal(err)
	}
	if err := st.Migrate(7, -1001); err == nil {
		t.Error("a private chat became a supergroup")
	}
	before := st.LastUpdate()
	if err := st.Migrate(-100, -1001); err != nil || st.LastUpdate() != before+2 {
		t.Fatal(err)
	}
	got := st.json("sendMessage", `{"chat_id":-100,"text":"x"}`)
	if got.Description != "Bad Request: group chat was upgraded to a supergroup chat" || got.Parameters.MovedTo != -1001 {
		t.Errorf("to the old id: %+v", got)
	}
	m := st.message(st.must("sendMessage", `{"chat_id":-1001,"text":"x"}`))
	if m.Chat.Type != "supergroup" || m.Chat.Title != "Support" {
		t.Errorf("to the new id: %+v", m.Chat)
	}
	id, err := st.ReplyAnonymously(-1001, m.ID, "as the group")
	if err != nil {
		t.Fatal(err)
	}
	list := st.Messages(-1001)
	if r := list[len(list)-1]; r.ID != id || r.SenderChat == nil || r.SenderChat.ID != -1001 || r.FromBot() || r.ReplyTo.ID != m.ID {
		t.Errorf("anonymously: %+v", r)
	}
	if _, err := st.ReplyAnonymously(7, 1, "x"); err == nil {
		t.Error("anonymously in a private chat")
	}
}

func TestPeopleSendPictures(t *testing.T) {
	st := newStage(t, Options{})
	ids, err := st.SendAlbum(7, picture(t, 10, 10), picture(t, 10, 10))
	if err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	list := st.Messages(7)
	if list[0].MediaGroupID == "" || list[0].MediaGroupID != list[1].MediaGroupID {
		t.Errorf("album: %+v", list)
	}
	if _, err := st.ReplyPhoto(7, 7, ids[0], picture(t, 10, 10), "this one"); err != nil {
		t.Fatal(err)
	}
	if m := st.Messages(7)[2]; m.ReplyTo == nil || m.ReplyTo.ID != ids[0] || m.Caption != "this one" {
		t.Errorf("reply: %+v", m)
	}
	if _, err := st.ReplyPhoto(7, 7, 999, picture(t, 10, 10), ""); err == nil {
		t.Error("a reply to nothing")
	}
	if _, err := st.SendAlbum(7, []byte("no picture")); err == nil {
		t.Error("an album of nothing")
	}
}
