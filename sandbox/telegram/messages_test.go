package telegram

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEditsAndDeletions(t *testing.T) {
	st := newStage(t, Options{})
	m := st.message(st.must("sendMessage", `{"chat_id":7,"text":"one",`+buttons(1, `"callback_data":"a"`)+`}`))
	edited := st.message(st.must("editMessageText", fmt.Sprintf(`{"chat_id":7,"message_id":%d,"text":"two"}`, m.ID)))
	if edited.Text != "two" || !edited.Edited() || len(edited.Buttons()) != 0 {
		t.Errorf("edited: %+v", edited)
	}
	st.must("editMessageReplyMarkup", fmt.Sprintf(`{"chat_id":7,"message_id":%d,%s}`, m.ID, buttons(2, `"callback_data":"b"`)))
	if got := st.Messages(7)[0]; len(got.Buttons()) != 2 || got.Text != "two" {
		t.Errorf("after the keyboard's edit: %+v", got)
	}
	second := st.message(st.must("sendMessage", fmt.Sprintf(`{"chat_id":7,"text":"reply","reply_parameters":{"message_id":%d},"protect_content":true}`, m.ID)))
	if second.ReplyTo == nil || second.ReplyTo.ID != m.ID || !second.Protected {
		t.Errorf("reply: %+v", second)
	}
	if got := st.json("copyMessage", fmt.Sprintf(`{"chat_id":7,"from_chat_id":7,"message_id":%d}`, second.ID)); got.Description != "Bad Request: message can't be copied" {
		t.Errorf("copy of a protected message: %+v", got)
	}
	forwarded := st.message(st.must("forwardMessage", fmt.Sprintf(`{"chat_id":7,"from_chat_id":7,"message_id":%d}`, m.ID)))
	if forwarded.Text != "two" || forwarded.ForwardOrigin == nil {
		t.Errorf("forwarded: %+v", forwarded)
	}
	st.must("deleteMessages", fmt.Sprintf(`{"chat_id":7,"message_ids":[%d,999]}`, second.ID))
	st.advance(48*time.Hour + time.Second)
	if got := st.json("deleteMessage", fmt.Sprintf(`{"chat_id":7,"message_id":%d}`, m.ID)); got.Description != "Bad Request: message can't be deleted for everyone" {
		t.Errorf("deletion of an old message: %+v", got)
	}
}

func TestPhotos(t *testing.T) {
	st := newStage(t, Options{})
	data := picture(t, 512, 256)
	out := st.multipart("sendPhoto", map[string]string{"chat_id": "7", "caption": "a <b>b</b>", "parse_mode": "HTML", "photo": "attach://qr"}, map[string][]byte{"qr": data})
	m := st.message(out)
	if len(m.Photo) != 3 || m.Photo[2].Width != 512 || m.Photo[2].Height != 256 || m.Photo[0].Width != 90 {
		t.Fatalf("sizes %+v (%s)", m.Photo, out.Description)
	}
	if m.HTML() != "a <b>b</b>" {
		t.Errorf("caption %q", m.HTML())
	}
	again := st.message(st.must("sendPhoto", `{"chat_id":7,"photo":"`+m.FileID()+`"}`))
	if got, ok := st.File(again.FileID()); !ok || !bytes.Equal(got, data) {
		t.Error("the photo sent by its id has other bytes")
	}
	res, err := http.Get(st.http.URL + "/file/bot" + testToken + "/photos/file_1.png")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("download: %v %v", res, err)
	}
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, data) {
		t.Errorf("downloaded %d bytes (%v), want %d", len(got), err, len(data))
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":    {nil, "file must be non-empty"},
		"text":     {[]byte("not a picture"), "IMAGE_PROCESS_FAILED"},
		"cut":      {data[:len(data)/2], "IMAGE_PROCESS_FAILED"},
		"too long": {picture(t, 2100, 100), "PHOTO_INVALID_DIMENSIONS"},
	} {
		got := st.multipart("sendPhoto", map[string]string{"chat_id": "7"}, map[string][]byte{"photo": c.data})
		if got.Description != "Bad Request: "+c.want {
			t.Errorf("%s: %q, want %q", name, got.Description, c.want)
		}
	}
	long := strings.Repeat("x", 1025)
	if got := st.json("sendPhoto", `{"chat_id":7,"photo":"`+m.FileID()+`","caption":"`+long+`"}`); got.Description != "Bad Request: message caption is too long" {
		t.Errorf("caption of 1025: %q", got.Description)
	}
}

func TestMediaEditsAndAlbums(t *testing.T) {
	st := newStage(t, Options{})
	a, b := picture(t, 100, 100), picture(t, 200, 100)
	m := st.message(st.multipart("sendPhoto", map[string]string{"chat_id": "7"}, map[string][]byte{"photo": a}))
	st.multipart("editMessageMedia", map[string]string{
		"chat_id": "7", "message_id": fmt.Sprint(m.ID), "media": `{"type":"photo","media":"attach://new","caption":"other"}`,
	}, map[string][]byte{"new": b})
	if got := st.Messages(7)[0]; got.Photo[len(got.Photo)-1].Width != 200 || got.Caption != "other" {
		t.Errorf("edited media: %+v", got)
	}
	out := st.multipart("sendMediaGroup", map[string]string{
		"chat_id": "7", "media": `[{"type":"photo","media":"attach://a","caption":"c"},{"type":"photo","media":"` + m.FileID() + `"}]`,
	}, map[string][]byte{"a": a})
	if list := st.Messages(7); !out.OK || len(list) != 3 || list[1].MediaGroupID == "" || list[1].MediaGroupID != list[2].MediaGroupID {
		t.Errorf("album: %+v", out)
	}
	doc := st.message(st.multipart("sendDocument", map[string]string{"chat_id": "7"}, map[string][]byte{"document": []byte("a,b")}))
	if doc.Document == nil || doc.Document.FileName != "document.png" || doc.Document.FileSize != 3 {
		t.Errorf("document: %+v", doc.Document)
	}
}

func TestCallbacks(t *testing.T) {
	st := newStage(t, Options{})
	st.must("sendMessage", `{"chat_id":7,"text":"x",`+buttons(1, `"callback_data":"go"`)+`}`)
	id, err := st.PressButton(7, "b")
	if err != nil {
		t.Fatal(err)
	}
	answer := `{"callback_query_id":"` + id + `","text":"Done","show_alert":true}`
	if got := st.json("answerCallbackQuery", `{"callback_query_id":"`+id+`","text":"`+strings.Repeat("x", 201)+`"}`); got.Description != "Bad Request: MESSAGE_TOO_LONG" {
		t.Errorf("long toast: %q", got.Description)
	}
	st.must("answerCallbackQuery", answer)
	if a, ok := st.Answer(id); !ok || a.Text != "Done" || !a.Alert || a.UserID != 7 {
		t.Errorf("answer %+v", a)
	}
	const tooOld = "Bad Request: query is too old and response timeout expired or query ID is invalid"
	if got := st.json("answerCallbackQuery", answer); got.Description != tooOld {
		t.Errorf("second answer: %q", got.Description)
	}
	late, err := st.Press(7, 1, "forged")
	if err != nil {
		t.Fatal(err)
	}
	st.advance(151 * time.Second)
	if got := st.json("answerCallbackQuery", `{"callback_query_id":"`+late+`"}`); got.Description != tooOld {
		t.Errorf("late answer: %q", got.Description)
	}
	if _, err := st.Press(7, 99, "go"); err == nil {
		t.Error("a button of no message was pressed")
	}
}

func TestCustomerEdits(t *testing.T) {
	st := newStage(t, Options{})
	id, err := st.SendText(7, "tyop")
	if err != nil {
		t.Fatal(err)
	}
	if err := st.EditText(7, 7, id, "typo /help"); err != nil {
		t.Fatal(err)
	}
	m := st.Messages(7)[0]
	if m.Text != "typo /help" || !m.Edited() || len(m.Entities) != 1 || st.Pending() != 2 {
		t.Errorf("edited %+v, %d updates wait", m, st.Pending())
	}
	if err := st.EditText(7, 8, id, "forged"); err == nil {
		t.Error("a stranger changed the text")
	}
}

func TestCommandMenus(t *testing.T) {
	st := newStage(t, Options{})
	st.must("setMyCommands", `{"commands":[{"command":"start","description":"Start"}]}`)
	st.must("setMyCommands", `{"commands":[{"command":"start","description":"Empezar"}],"language_code":"es"}`)
	st.must("setMyCommands", `{"commands":[{"command":"balance","description":"Balance"}],"scope":{"type":"chat","chat_id":7}}`)
	if got := st.Commands(8); len(got) != 1 || got[0].Description != "Empezar" {
		t.Errorf("the stranger's menu: %+v", got)
	}
	if got := st.Commands(7); len(got) != 1 || got[0].Command != "balance" {
		t.Errorf("the admin's menu: %+v", got)
	}
	st.must("deleteMyCommands", `{"scope":{"type":"chat","chat_id":7}}`)
	if got := st.Commands(7); len(got) != 1 || got[0].Description != "Start" {
		t.Errorf("the menu after the deletion: %+v", got)
	}
	if got := string(st.must("getMyCommands", `{"language_code":"es"}`).Result); got != `[{"command":"start","description":"Empezar"}]` {
		t.Errorf("getMyCommands: %s", got)
	}
	st.must("setMyDescription", `{"description":"Data for trips"}`)
	if got := st.About("description", "fr"); got != "Data for trips" {
		t.Errorf("description %q", got)
	}
}

func TestGroups(t *testing.T) {
	st := newStage(t, Options{})
	st.AddGroup(-100, "Support", 7)
	if got := st.json("sendMessage", `{"chat_id":-100,"text":"x"}`); got.Description != "Bad Request: chat not found" {
		t.Errorf("before the bot came: %q", got.Description)
	}
	if err := st.AddBot(-100, 7); err != nil {
		t.Fatal(err)
	}
	m := st.message(st.must("sendMessage", `{"chat_id":-100,"text":"question"}`))
	before := st.LastUpdate()
	if _, err := st.SendGroupText(-100, 7, "chatter"); err != nil || st.LastUpdate() != before {
		t.Errorf("chatter in a group reached the bot (%v)", err)
	}
	if _, err := st.Reply(-100, 7, m.ID, "the answer"); err != nil || st.LastUpdate() != before+1 {
		t.Errorf("a reply did not reach the bot (%v)", err)
	}
	st.must("leaveChat", `{"chat_id":-100}`)
	if got := st.json("sendMessage", `{"chat_id":-100,"text":"x"}`); got.status != 403 {
		t.Errorf("after leaving: %+v", got)
	}
}
