// Command byhand is the limit that the benchmark holds the shop against: the work of one tap on
// net/http, go-redis and encoding/json with no bot library between. It keeps the shop's promises all
// the same: the secret is checked, sessions are saved by compare-and-set, an update that comes twice
// is known, and the 200 comes when all is done, with the callback's answer in it.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/bench/peers/pages"
)

const (
	maxUpdate = 1 << 20
	maxRaces  = 3
	// language is what a customer's client speaks when it doesn't tell.
	language = "en"
)

// save writes a session over the version it was made from, the customer where there is a new one,
// and the update as seen. KEYS session, customer, seen; ARGV version before, session, customer or "",
// update, now in ms. It returns 0 when somebody else was faster.
const save = `
local stored = redis.call('GET', KEYS[1])
local version = 0
if stored then version = cjson.decode(stored).version end
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', 2592000)
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3]) end
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -201)
redis.call('EXPIRE', KEYS[3], 90000)
return 1`

type bot struct {
	catalogue *pages.Catalogue
	rdb       *redis.Client
	save      *redis.Script
	telegram  *http.Client
	edit      string // address
	secret    [sha256.Size]byte
}

type update struct {
	ID    int64 `json:"update_id"`
	Query *struct {
		ID   string `json:"id"`
		Data string `json:"data"`
		From struct {
			ID       int64  `json:"id"`
			Language string `json:"language_code"`
		} `json:"from"`
		Message *struct {
			ID   int `json:"message_id"`
			Chat struct {
				ID int64 `json:"id"`
			} `json:"chat"`
		} `json:"message"`
	} `json:"callback_query"`
}

type customer struct {
	ID        int64     `json:"id"`
	Language  string    `json:"language"`
	FirstSeen time.Time `json:"first_seen"`
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	catalogue, err := pages.Load(os.Getenv("CATALOGUE"))
	if err != nil {
		return err
	}
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 512, 512
	b := &bot{
		catalogue: catalogue, rdb: redis.NewClient(options), save: redis.NewScript(save),
		telegram: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		edit:     os.Getenv("TELEGRAM_API_URL") + "/bot" + os.Getenv("TELEGRAM_BOT_TOKEN") + "/editMessageText",
		secret:   sha256.Sum256([]byte(os.Getenv("TELEGRAM_WEBHOOK_SECRET"))),
	}
	if err := b.rdb.Ping(ctx).Err(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /telegram/webhook", b)
	mux.HandleFunc("GET /metrics", pages.Memory)
	server := &http.Server{Addr: os.Getenv("LISTEN_ADDR"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // the benchmark is over
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return b.rdb.Close()
}

func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := sha256.Sum256([]byte(r.Header.Get("X-Telegram-Bot-Api-Secret-Token")))
	if subtle.ConstantTimeCompare(given[:], b.secret[:]) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpdate))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var u update
	if err := json.Unmarshal(body, &u); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if u.Query == nil || u.Query.Message == nil {
		return
	}
	if err := b.tap(r.Context(), &u); err != nil {
		log.Print(err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	answer, err := json.Marshal(map[string]string{"method": "answerCallbackQuery", "callback_query_id": u.Query.ID})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // Telegram comes again for what it did not get
}

// tap is one press of a button: one read, one write, one call.
func (b *bot) tap(ctx context.Context, u *update) error {
	tag := "{u:" + strconv.FormatInt(u.Query.From.ID, 10) + "}"
	keys := []string{tag + ":session", tag + ":customer", tag + ":seen"}
	number := strconv.FormatInt(u.ID, 10)
	for range maxRaces {
		s, known, seen, err := b.load(ctx, keys, number)
		if err != nil {
			return err
		}
		data := u.Query.Data
		if seen && s.Page != "" {
			data = s.Page
		}
		before := s.Version
		screen, ok := b.catalogue.Open(&s, data)
		if !ok {
			return nil
		}
		s.Version++
		session, err := json.Marshal(s)
		if err != nil {
			return err
		}
		var fresh []byte
		if !known {
			c := customer{ID: u.Query.From.ID, Language: u.Query.From.Language, FirstSeen: time.Now().UTC()}
			if c.Language == "" {
				c.Language = language
			}
			if fresh, err = json.Marshal(c); err != nil {
				return err
			}
		}
		saved, err := b.save.Run(ctx, b.rdb, keys, before, session, fresh, number, time.Now().UnixMilli()).Int()
		if err != nil {
			return err
		}
		if saved == 1 {
			return b.show(ctx, u, screen)
		}
	}
	return errors.New("lost every race")
}

// load reads session and customer, and whether the update was here before, in one round trip.
func (b *bot) load(ctx context.Context, keys []string, number string) (s pages.Session, known, seen bool, err error) {
	var session, who *redis.StringCmd
	var score *redis.FloatCmd
	_, err = b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		session, who, score = p.Get(ctx, keys[0]), p.Get(ctx, keys[1]), p.ZScore(ctx, keys[2], number)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return s, false, false, err
	}
	if raw, err := session.Bytes(); err == nil {
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, false, false, err
		}
	}
	if raw, err := who.Bytes(); err == nil {
		var c customer
		if err := json.Unmarshal(raw, &c); err != nil {
			return s, false, false, err
		}
		known = true
	}
	return s, known, score.Err() == nil, nil
}

type keyboard struct {
	Rows [][]pages.Button `json:"inline_keyboard"`
}

type edit struct {
	Chat    int64           `json:"chat_id"`
	Message int             `json:"message_id"`
	Text    string          `json:"text"`
	Mode    string          `json:"parse_mode"`
	Preview map[string]bool `json:"link_preview_options"`
	Markup  keyboard        `json:"reply_markup"`
}

// show edits the pressed message.
func (b *bot) show(ctx context.Context, u *update, s pages.Screen) error {
	body, err := json.Marshal(edit{
		Chat: u.Query.Message.Chat.ID, Message: u.Query.Message.ID, Text: s.HTML, Mode: "HTML",
		Preview: map[string]bool{"is_disabled": true}, Markup: keyboard{s.Rows},
	})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.edit, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := b.telegram.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxUpdate))
	if err != nil {
		return err
	}
	var verdict struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
	}
	if err := json.Unmarshal(answer, &verdict); err != nil {
		return err
	}
	if !verdict.OK {
		return fmt.Errorf("editMessageText: %s", verdict.Description)
	}
	return nil
}
