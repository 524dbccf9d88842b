// Command gotelegram is the shop's pages on go-telegram/bot as it comes: its own webhook handler, which
// answers 200 before the work is done and forgets what is under way when it ends, its own matching of
// buttons, and a goroutine a handler. Redis is read in one pipeline, and Telegram is reached through kept
// connections; the library has no way to answer a callback in the webhook's reply.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"github.com/redis/go-redis/v9"

	"esimbot/bench/peers/pages"
)

const sessionTTL = 30 * 24 * time.Hour

type shop struct {
	catalogue *pages.Catalogue
	rdb       *redis.Client
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
	s := &shop{catalogue: catalogue, rdb: redis.NewClient(options)}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 512, 512
	b, err := bot.New(os.Getenv("TELEGRAM_BOT_TOKEN"),
		bot.WithServerURL(os.Getenv("TELEGRAM_API_URL")),
		bot.WithWebhookSecretToken(os.Getenv("TELEGRAM_WEBHOOK_SECRET")),
		bot.WithHTTPClient(10*time.Second, &http.Client{Transport: transport, Timeout: 10 * time.Second}),
		bot.WithCallbackQueryDataHandler("", bot.MatchTypePrefix, s.tap),
	)
	if err != nil {
		return err
	}
	go b.StartWebhook(ctx)
	mux := http.NewServeMux()
	mux.Handle("POST /telegram/webhook", b.WebhookHandler())
	mux.HandleFunc("GET /metrics", pages.Memory)
	server := &http.Server{Addr: os.Getenv("LISTEN_ADDR"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // the benchmark is over
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return s.rdb.Close()
}

func (s *shop) tap(ctx context.Context, b *bot.Bot, u *models.Update) {
	if err := s.answer(ctx, b, u.CallbackQuery); err != nil {
		log.Print(err)
	}
}

func (s *shop) answer(ctx context.Context, b *bot.Bot, q *models.CallbackQuery) error {
	if q == nil || q.Message.Message == nil {
		return nil
	}
	user := strconv.FormatInt(q.From.ID, 10)
	var kept, known *redis.StringCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		kept, known = p.Get(ctx, "session:"+user), p.Get(ctx, "customer:"+user)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	var session pages.Session
	if raw, err := kept.Bytes(); err == nil {
		if err := json.Unmarshal(raw, &session); err != nil {
			return err
		}
	}
	screen, ok := s.catalogue.Open(&session, q.Data)
	if !ok {
		return nil
	}
	session.Version++
	if err := s.save(ctx, user, session, known, q.From); err != nil {
		return err
	}
	off := true
	_, err = b.EditMessageText(ctx, &bot.EditMessageTextParams{
		ChatID: q.Message.Message.Chat.ID, MessageID: q.Message.Message.ID, Text: screen.HTML, ParseMode: models.ParseModeHTML,
		LinkPreviewOptions: &models.LinkPreviewOptions{IsDisabled: &off}, ReplyMarkup: keyboard(screen.Rows),
	})
	if err != nil {
		return err
	}
	_, err = b.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: q.ID})
	return err
}

func (s *shop) save(ctx context.Context, user string, session pages.Session, known *redis.StringCmd, from models.User) error {
	raw, err := json.Marshal(session)
	if err != nil {
		return err
	}
	c := customer{ID: from.ID, Language: from.LanguageCode, FirstSeen: time.Now().UTC()}
	if old, err := known.Bytes(); err == nil {
		if err := json.Unmarshal(old, &c); err != nil {
			return err
		}
		return s.rdb.Set(ctx, "session:"+user, raw, sessionTTL).Err()
	}
	fresh, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "session:"+user, raw, sessionTTL)
		p.Set(ctx, "customer:"+user, fresh, 0)
		return nil
	})
	return err
}

func keyboard(rows [][]pages.Button) *models.InlineKeyboardMarkup {
	markup := &models.InlineKeyboardMarkup{InlineKeyboard: make([][]models.InlineKeyboardButton, len(rows))}
	for i, row := range rows {
		for _, b := range row {
			markup.InlineKeyboard[i] = append(markup.InlineKeyboard[i], models.InlineKeyboardButton{Text: b.Text, CallbackData: b.Data, Style: b.Style})
		}
	}
	return markup
}
