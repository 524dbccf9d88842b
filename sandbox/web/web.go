// Package web is the sandbox's chat page: a Telegram chat in the browser, for every person the
// local Telegram knows. The page is plain HTML, CSS and JavaScript, embedded; it talks JSON and
// server-sent events under /chat/api, and the control panel beside the chat under /panel/api.
package web

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"esimbot/sandbox/telegram"
)

//go:embed assets
var assets embed.FS

const maxBody = 12 << 20 // a photo of 10 MB, and something around it

// Options say what the page shows.
type Options struct {
	Telegram *telegram.Server
	AdminID  int64            // the person marked as admin
	Now      func() time.Time // time.Now when nil
	Log      *slog.Logger     // slog.Default() when nil
}

type page struct {
	telegram *telegram.Server
	admin    int64
	now      func() time.Time
	log      *slog.Logger
}

// New returns the handler of / (the page), /assets/ and /chat/api/.
func New(o Options) http.Handler {
	p := &page{telegram: o.Telegram, admin: o.AdminID, now: o.Now, log: o.Log}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", p.static())
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /chat/api/events", p.events)
	mux.HandleFunc("GET /chat/api/file/{id}", p.file)
	mux.HandleFunc("POST /chat/api/send", p.send)
	mux.HandleFunc("POST /chat/api/photo", p.photo)
	mux.HandleFunc("POST /chat/api/voice", p.voice)
	mux.HandleFunc("POST /chat/api/press", p.press)
	mux.HandleFunc("POST /chat/api/block", p.block)
	return mux
}

// Guard keeps the sandbox to its own machine's browser: it refuses requests that another site's
// page sent, and requests to a host name that is not this machine (a name made to point here).
func Guard(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "the sandbox answers on this machine only", http.StatusForbidden)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// Deliver sends the browser from /t.me/<bot>?start=… to the chat page, as t.me leads to the app.
func Deliver(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/?"+url.Values{"start": {r.URL.Query().Get("start")}}.Encode(), http.StatusFound)
}

func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
}

func (p *page) index(w http.ResponseWriter, r *http.Request) {
	secure(w)
	http.ServeFileFS(w, r, assets, "assets/index.html")
}

func (p *page) static() http.Handler {
	root, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(fmt.Sprintf("web: embedded assets: %v", err)) // the folder is named in this file
	}
	files := http.StripPrefix("/assets", http.FileServerFS(root))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w)
		files.ServeHTTP(w, r)
	})
}

// file shows an uploaded picture or document.
func (p *page) file(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	data, ok := p.telegram.File(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	secure(w)
	kind := p.telegram.FileType(id)
	if !strings.HasPrefix(kind, "image/") {
		kind = "application/octet-stream" // never a page of our own origin
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(data) //nolint:gosec // a picture or a download, by its type and nosniff; the browser may be gone
}

// Reply writes v as JSON.
func Reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // the browser may be gone: nobody is left to tell
}

// Refuse writes an error that the page shows.
func Refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // as above
}

// Read decodes a JSON body of the page into v, or answers and says false.
func Read(w http.ResponseWriter, r *http.Request, v any) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind != "application/json" {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v); err != nil {
		Refuse(w, errors.New("the request could not be read"))
		return false
	}
	return true
}
