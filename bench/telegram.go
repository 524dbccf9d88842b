package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Telegram, as the bots see it: an API that agrees to everything after the same time, and counts; and
// the sender of updates (load.go). It knows when a tap is over on both sides: the webhook has its 200
// and the screen was edited. A bot that answers 200 before its work is done is thus not taken for a
// faster one.

const (
	botToken    = "4242424242:bench_token_that_opens_nothing"
	botSecret   = "bench-secret-of-the-webhook"
	botUsername = "bench_bot"
	// firstUser is the id of the first of people customers.
	firstUser = 1_000_000_000
	people    = 10_000
	// guests come once each, after all the others.
	guests = 512
	// screenOf is the message that shows the bot in everybody's chat.
	screenOf = 77
)

// telegram is the API server. Its counters rise for ever: who measures takes differences.
type telegram struct {
	listener net.Listener
	delay    atomic.Int64 // ns that every call takes

	edits, answers, others, bytes atomic.Int64
	// edited gets a token when the user's screen was edited.
	edited [people + guests]chan struct{}
	// seen keeps the bodies of edits while set.
	seen atomic.Pointer[func(typ string, body []byte)]

	conns   sync.WaitGroup
	mu      sync.Mutex
	open    map[net.Conn]bool // nil: closed
	replies map[string][]byte
}

// openTelegram starts the API server on a port of its own.
func openTelegram(ctx context.Context) (*telegram, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &telegram{listener: listener, open: map[net.Conn]bool{}, replies: replies()}
	for i := range t.edited {
		t.edited[i] = make(chan struct{}, 1)
	}
	t.conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			t.mu.Lock()
			if t.open == nil {
				t.mu.Unlock()
				_ = conn.Close()
				return
			}
			t.open[conn] = true
			t.mu.Unlock()
			t.conns.Go(func() { t.serve(conn) })
		}
	})
	return t, nil
}

func (t *telegram) url() string { return "http://" + t.listener.Addr().String() }

func (t *telegram) close() {
	_ = t.listener.Close()
	t.mu.Lock()
	for conn := range t.open {
		_ = conn.Close()
	}
	t.open = nil
	t.mu.Unlock()
	t.conns.Wait()
}

// replies are the answers by method. An edit is answered as Telegram does: with the whole message,
// which a library reads whether or not anybody asked.
func replies() map[string][]byte {
	answer := func(result string) []byte {
		body := `{"ok":true,"result":` + result + `}`
		return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	return map[string][]byte{
		"getMe": answer(`{"id":4242424242,"is_bot":true,"first_name":"Bench","username":"` + botUsername + `","can_join_groups":true,` +
			`"can_read_all_group_messages":false,"supports_inline_queries":false,"can_connect_to_business":false,"has_main_web_app":false}`),
		"editMessageText": answer(shownMessage(firstUser)),
		"sendMessage":     answer(shownMessage(firstUser)),
		"":                answer("true"),
	}
}

func (t *telegram) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close() // the bot hung up, or we do
		t.mu.Lock()
		delete(t.open, conn)
		t.mu.Unlock()
	}()
	r := bufio.NewReaderSize(conn, wireBuffer)
	var body []byte
	for {
		method := ""
		h, err := readHead(r, func(line []byte) error {
			method = methodIn(line)
			return nil
		})
		if err != nil {
			return
		}
		if body, err = readBody(r, h, body[:0]); err != nil {
			return
		}
		t.count(method, h, body)
		if d := time.Duration(t.delay.Load()); d > 0 {
			<-time.After(d)
		}
		reply, ok := t.replies[method]
		if !ok {
			reply = t.replies[""]
		}
		if _, err := conn.Write(reply); err != nil || h.closes {
			return
		}
	}
}

// methodIn returns the method in "POST /bot<token>/editMessageText HTTP/1.1".
func methodIn(line []byte) string {
	line = line[:max(0, bytes.LastIndexByte(line, ' '))]
	line, _, _ = bytes.Cut(line, []byte("?"))
	switch name := line[bytes.LastIndexByte(line, '/')+1:]; string(name) {
	case "editMessageText":
		return "editMessageText"
	case "answerCallbackQuery":
		return "answerCallbackQuery"
	default:
		return string(name)
	}
}

func (t *telegram) count(method string, h head, body []byte) {
	t.bytes.Add(int64(len(body)))
	switch method {
	case "answerCallbackQuery":
		t.answers.Add(1)
		return
	case "editMessageText":
		t.edits.Add(1)
	default:
		t.others.Add(1)
		return
	}
	if seen := t.seen.Load(); seen != nil {
		(*seen)(h.typ, body)
	}
	if user := chatIn(body) - firstUser; user >= 0 && user < people+guests {
		select {
		case t.edited[user] <- struct{}{}:
		default:
		}
	}
}

// chatIn finds chat_id in a body, be it JSON or a form.
func chatIn(body []byte) int64 {
	_, rest, ok := bytes.Cut(body, []byte(`chat_id"`))
	if !ok {
		return 0
	}
	from := bytes.IndexAny(rest, "0123456789")
	if from < 0 {
		return 0
	}
	rest = rest[from:]
	n := int64(0)
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// shownMessage is a screen as Telegram shows it in a callback and after an edit: some text and ten
// buttons.
func shownMessage(user int64) string {
	type button struct {
		Text string `json:"text"`
		Data string `json:"callback_data"`
	}
	var rows [][]button
	for i := range 5 {
		rows = append(rows, []button{
			{"🇹🇷 Türkiye " + strconv.Itoa(i), "plans/c_tr"}, {"🇹🇭 Thailand " + strconv.Itoa(i), "plans/c_th"},
		})
	}
	type thing map[string]any
	text := "🌍 Where are you going?\n\n" + strings.Repeat("Type a name, or choose: ", 6)
	b, err := json.Marshal(thing{
		"message_id": screenOf, "date": 1795000000, "edit_date": 1795000100, "text": text,
		"from":     thing{"id": 4242424242, "is_bot": true, "first_name": "Bench", "username": botUsername},
		"chat":     thing{"id": user, "type": "private", "first_name": "Customer"},
		"entities": []thing{{"type": "bold", "offset": 3, "length": 20}}, "reply_markup": thing{"inline_keyboard": rows},
	})
	if err != nil {
		panic(err) // texts and numbers only
	}
	return string(b)
}

// calls returns how many calls there were.
func (t *telegram) calls() int64 { return t.edits.Load() + t.answers.Load() + t.others.Load() }
