package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const testToken = "4242:sandbox-token_for-tests"

// stage is a server with a customer who has started the bot (7), one who has not (8), and a clock
// that moves only when told.
type stage struct {
	*Server
	t    *testing.T
	http *httptest.Server

	mu  sync.Mutex
	now time.Time
}

func newStage(t *testing.T, o Options) *stage {
	t.Helper()
	st := &stage{t: t, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	o.Token, o.Now = testToken, st.time
	st.Server = New(o)
	st.http = httptest.NewServer(st.Server)
	t.Cleanup(func() {
		st.Close()
		st.http.Close()
	})
	st.AddUser(User{ID: 7, FirstName: "Customer", LanguageCode: "en", Started: true})
	st.AddUser(User{ID: 8, FirstName: "Stranger", LanguageCode: "es"})
	return st
}

func (st *stage) time() time.Time {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.now
}

func (st *stage) advance(d time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.now = st.now.Add(d)
}

// reply is the Bot API's envelope.
type reply struct {
	OK          bool            `json:"ok"`
	Code        int             `json:"error_code"`
	Description string          `json:"description"`
	Result      json.RawMessage `json:"result"`
	Parameters  struct {
		RetryAfter int   `json:"retry_after"`
		MovedTo    int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
	status int
}

func (st *stage) post(path, contentType string, body io.Reader) reply {
	st.t.Helper()
	res, err := http.Post(st.http.URL+path, contentType, body)
	if err != nil {
		st.t.Fatalf("post %s: %v", path, err)
	}
	defer res.Body.Close() //nolint:errcheck // the body is read to its end
	out := reply{status: res.StatusCode}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		st.t.Fatalf("%s answered no JSON: %v", path, err)
	}
	return out
}

func (st *stage) json(name, body string) reply {
	st.t.Helper()
	return st.post("/bot"+testToken+"/"+name, "application/json", strings.NewReader(body))
}

func (st *stage) must(name, body string) reply {
	st.t.Helper()
	out := st.json(name, body)
	if !out.OK || out.status != http.StatusOK {
		st.t.Fatalf("%s %s: %d %s", name, body, out.status, out.Description)
	}
	return out
}

func (st *stage) message(out reply) Message {
	st.t.Helper()
	var m Message
	if err := json.Unmarshal(out.Result, &m); err != nil {
		st.t.Fatalf("result: %v", err)
	}
	return m
}

// multipart posts fields and files the way an upload is sent.
func (st *stage) multipart(name string, fields map[string]string, files map[string][]byte) reply {
	st.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			st.t.Fatal(err)
		}
	}
	for k, data := range files {
		part, err := w.CreateFormFile(k, k+".png")
		if err != nil {
			st.t.Fatal(err)
		}
		if _, err := part.Write(data); err != nil {
			st.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		st.t.Fatal(err)
	}
	return st.post("/bot"+testToken+"/"+name, w.FormDataContentType(), &body)
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func newReader(data []byte) io.Reader { return bytes.NewReader(data) }
