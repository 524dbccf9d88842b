package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"esimbot/sandbox/telegram"
)

// heartbeat is how often an idle stream sends a comment, so that a browser that went is noticed.
const heartbeat = 20 * time.Second

// person is one of the people as the page shows them.
type person struct {
	telegram.Person
	Admin       bool               `json:"admin"`
	Commands    []telegram.Command `json:"commands"`
	BotName     string             `json:"bot_name"`
	Description string             `json:"description"`
	// Members are those who may write in a group, the first of them being who the page is; nil for
	// a person.
	Members []telegram.User `json:"members,omitempty"`
}

// message is a message as the page shows it.
type message struct {
	telegram.Message
	Reaction string `json:"reaction,omitempty"` // the bot's
}

func (p *page) people() []person {
	list := []person{}
	for _, someone := range p.telegram.People() {
		name := p.telegram.About("name", someone.LanguageCode)
		if name == "" {
			name = p.telegram.Bot().FirstName
		}
		list = append(list, person{
			Person: someone, Admin: someone.ID == p.admin,
			Commands: p.telegram.Commands(someone.ID), BotName: name,
			Description: p.telegram.About("description", someone.LanguageCode),
		})
	}
	for _, g := range p.telegram.Groups() {
		staff := slices.IndexFunc(list, func(someone person) bool { return someone.Admin })
		list = slices.Insert(list, staff+1, p.group(g))
	}
	return list
}

// group lists a group among the people: a chat that several may write in, the admin first of all.
func (p *page) group(g telegram.Group) person {
	slices.SortStableFunc(g.Members, func(a, b telegram.User) int {
		return cmp.Compare(btoi(b.ID == p.admin), btoi(a.ID == p.admin))
	})
	return person{
		Person:  telegram.Person{User: telegram.User{ID: g.ID, FirstName: g.Title, LanguageCode: "en"}, Started: true},
		BotName: g.Title, Commands: []telegram.Command{}, Members: g.Members,
	}
}

func btoi(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// events streams what people see: all of it first, then each change.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "no streaming", http.StatusInternalServerError)
		return
	}
	all, changes := p.telegram.Subscribe()
	defer changes.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	write := func(name string, v any) bool {
		data, err := json.Marshal(v)
		if err != nil {
			p.log.Error("chat page event", "event", name, "error", err)
			return false
		}
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
		flusher.Flush()
		return err == nil
	}
	messages := map[string][]message{}
	for id, list := range all.Messages {
		for _, m := range list {
			messages[strconv.FormatInt(id, 10)] = append(messages[strconv.FormatInt(id, 10)], message{m, m.Reaction})
		}
	}
	if !write("snapshot", map[string]any{"bot": all.Bot, "people": p.people(), "messages": messages, "now": p.now().UnixMilli()}) {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			if _, err := io.WriteString(w, ": still here\n\n"); err != nil {
				return
			}
			flusher.Flush()
		case e, open := <-changes.C:
			if !open {
				return // too slow, or closing: the browser connects again and gets all of it
			}
			if !p.forward(write, e) {
				return
			}
		}
	}
}

func (p *page) forward(write func(string, any) bool, e telegram.Event) bool {
	if e.Kind == telegram.EventProfile {
		return write("people", p.people())
	}
	return write(string(e.Kind), e)
}

// said is what the page posts: who does what.
type said struct {
	User    int64  `json:"user"`
	Chat    int64  `json:"chat"` // the group it happens in; 0 for the person's own chat
	Text    string `json:"text"`
	ReplyTo int    `json:"reply_to"`
	Message int    `json:"message"`
	Data    string `json:"data"`
	Seconds int    `json:"seconds"`
}

// where is the chat in which it happens.
func (s said) where() int64 {
	if s.Chat != 0 {
		return s.Chat
	}
	return s.User
}

func (p *page) send(w http.ResponseWriter, r *http.Request) {
	var in said
	if !Read(w, r, &in) {
		return
	}
	var id int
	var err error
	switch {
	case in.ReplyTo != 0:
		id, err = p.telegram.Reply(in.where(), in.User, in.ReplyTo, in.Text)
	case in.Chat != 0:
		id, err = p.telegram.SendGroupText(in.Chat, in.User, in.Text)
	default:
		id, err = p.telegram.SendText(in.User, in.Text)
	}
	answer(w, map[string]int{"message": id}, err)
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		Refuse(w, err)
		return
	}
	Reply(w, v)
}

// photo takes the picture itself as the body; ?user= says who sends it, ?chat= in which group, and
// ?reply_to= as an answer to what.
func (p *page) photo(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var in said
	for name, field := range map[string]*int64{"user": &in.User, "chat": &in.Chat} {
		if n, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
			*field = n
		}
	}
	if n, err := strconv.Atoi(query.Get("reply_to")); err == nil {
		in.ReplyTo = n
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		Refuse(w, fmt.Errorf("the picture is too large"))
		return
	}
	id, err := p.telegram.SendPhotoIn(in.where(), in.User, in.ReplyTo, data, "")
	answer(w, map[string]int{"message": id}, err)
}

func (p *page) voice(w http.ResponseWriter, r *http.Request) {
	var in said
	if !Read(w, r, &in) {
		return
	}
	id, err := p.telegram.SendVoice(in.User, min(max(in.Seconds, 1), 60))
	answer(w, map[string]int{"message": id}, err)
}

func (p *page) press(w http.ResponseWriter, r *http.Request) {
	var in said
	if !Read(w, r, &in) {
		return
	}
	id, err := p.telegram.PressIn(in.where(), in.User, in.Message, in.Data)
	answer(w, map[string]string{"query": id}, err)
}

func (p *page) block(w http.ResponseWriter, r *http.Request) {
	var in said
	if !Read(w, r, &in) {
		return
	}
	p.telegram.Block(in.User)
	Reply(w, map[string]bool{"ok": true})
}
