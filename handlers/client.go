package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"esimbot/orders"
)

const (
	defaultAPI = "https://api.telegram.org"
	// maxAnswer bounds what is read of an answer: a hundred updates fit many times over.
	maxAnswer = 8 << 20
	// callTime is how long one call may take; uploadTime with a photo.
	callTime   = 10 * time.Second
	uploadTime = 30 * time.Second
	// maxTries bounds how often a call is made in all, 429s included.
	maxTries = 5
	// firstPause is waited before an edit without answer is repeated, doubling each time.
	firstPause = 200 * time.Millisecond
)

// ClientConfig says how Telegram is reached.
type ClientConfig struct {
	Token      string
	APIURL     string       // https://api.telegram.org when empty
	HTTPClient *http.Client // one tuned for many calls to one host when nil
	Now        func() time.Time
	Log        *slog.Logger
	Metrics    *Metrics
	// Wait returns when the time has passed or ctx has ended, whose error it returns; real time
	// when nil.
	Wait func(ctx context.Context, d time.Duration) error
}

// A Client speaks to the Bot API for everyone in this process. It holds calls back while Telegram
// asks for patience (429), repeats what may be repeated, and reports the customer who
// can't be reached any more as orders.ErrUnreachable.
type Client struct {
	bot     *bot.Bot
	http    doer
	base    string // with the token: never in an error or a log
	now     func() time.Time
	wait    func(context.Context, time.Duration) error
	log     *slog.Logger
	metrics *Metrics

	floods floods
	moves  moves
}

// NewClient returns a Client. It makes no call.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Now == nil || cfg.Log == nil || cfg.Metrics == nil {
		return nil, errors.New("telegram client: clock, log and metrics are required")
	}
	if cfg.APIURL == "" {
		cfg.APIURL = defaultAPI
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = tunedClient()
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	api := strings.TrimRight(cfg.APIURL, "/")
	d := doer{cfg.HTTPClient}
	b, err := bot.New(cfg.Token, bot.WithSkipGetMe(), bot.WithServerURL(api), bot.WithHTTPClient(callTime, d),
		// The library reports errors of closing pipes and bodies here, which change nothing.
		bot.WithErrorsHandler(func(error) {}))
	if err != nil {
		return nil, fmt.Errorf("telegram client: %w", err)
	}
	return &Client{
		bot: b, http: d, base: api + "/bot" + cfg.Token,
		now: cfg.Now, wait: cfg.Wait, log: cfg.Log, metrics: cfg.Metrics,
	}, nil
}

// tunedClient keeps enough idle connections for every customer tapping at once; the default
// transport keeps two a host. A redirect is never followed: the token is in the address.
func tunedClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 256
	transport.MaxIdleConnsPerHost = 128
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// wait returns after d, or ctx's error when it ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// doer bounds answers, and takes 5xx for what it is: no answer of the Bot API.
type doer struct{ client *http.Client }

func (d doer) Do(r *http.Request) (*http.Response, error) {
	resp, err := d.client.Do(r) //nolint:gosec // G704: the host is configured, never a customer's
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		_ = resp.Body.Close()
		return nil, statusError(resp.StatusCode)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// BotID returns the bot's numeric id, which is the first part of its token.
func (c *Client) BotID() int64 { return c.bot.ID() }

// Me asks who the bot is and returns its username, without @.
func (c *Client) Me(ctx context.Context) (string, error) {
	var me *models.User
	err := c.do(ctx, request{method: "getMe", repeat: repeatable, limit: callTime}, func(ctx context.Context) (err error) {
		me, err = c.bot.GetMe(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	return me.Username, nil
}

// repetition says whether a call without an answer may be made again.
type repetition bool

const (
	repeatable repetition = true  // doing it twice changes nothing
	single     repetition = false // twice would show: only repeated when nothing was done
)

// A request is a call as do needs to know it.
type request struct {
	method string
	chat   int64 // whose; 0 for none
	repeat repetition
	limit  time.Duration // of one attempt
}

// do makes a call, waiting and repeating as its failures ask, within ctx.
func (c *Client) do(ctx context.Context, r request, call func(context.Context) error) error {
	pause := firstPause
	for try := 1; ; try++ {
		if err := c.patience(ctx, r); err != nil {
			return err
		}
		err := c.attempt(ctx, r.method, r.limit, call)
		var failure *callError
		if !errors.As(err, &failure) || try == maxTries || ctx.Err() != nil {
			return err
		}
		switch failure.kind {
		case failFlood:
			c.floods.hold(r.chat, c.now(), failure.retryAfter)
			continue
		case failUnsent:
		case failDoubt:
			if r.repeat == single {
				return err
			}
		default:
			return err
		}
		if c.wait(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}

// attempt makes one call and counts it.
func (c *Client) attempt(ctx context.Context, method string, limit time.Duration, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begun := time.Now()
	err := classify(method, call(limited))
	outcome := "ok"
	if failure := (*callError)(nil); errors.As(err, &failure) {
		outcome = string(failure.kind)
	}
	c.metrics.called(ctx, method, outcome, time.Since(begun))
	return err
}

// answer answers a callback query; that it was answered before, or is too old, is no error.
func (c *Client) answer(ctx context.Context, a *answer) error {
	err := c.do(ctx, request{method: "answerCallbackQuery", repeat: repeatable, limit: callTime}, func(ctx context.Context) error {
		_, err := c.bot.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{
			CallbackQueryID: a.Query, Text: a.Text, ShowAlert: a.Alert,
		})
		return err
	})
	if failedAs(err, failQuery) {
		return nil
	}
	return err
}

// action shows "typing" and the like for five seconds.
func (c *Client) action(ctx context.Context, chat int64, action models.ChatAction) error {
	return c.do(ctx, request{"sendChatAction", chat, single, callTime}, func(ctx context.Context) error {
		_, err := c.bot.SendChatAction(ctx, &bot.SendChatActionParams{ChatID: chat, Action: action})
		return err
	})
}

// leave leaves a group; one that the bot is no member of is left already.
func (c *Client) leave(ctx context.Context, chat int64) error {
	err := c.do(ctx, request{"leaveChat", chat, repeatable, callTime}, func(ctx context.Context) error {
		_, err := c.bot.LeaveChat(ctx, &bot.LeaveChatParams{ChatID: chat})
		return err
	})
	if errors.Is(err, orders.ErrUnreachable) {
		return nil
	}
	return err
}

// updates fetches what came after offset-1 and tells Telegram that everything before offset is
// done. It waits up to patience for something to come. The library has no such call of its own.
// https://core.telegram.org/bots/api#getupdates
func (c *Client) updates(ctx context.Context, offset int64, patience time.Duration, limit int) ([]json.RawMessage, error) {
	params := map[string]any{
		"offset": offset, "limit": limit, "timeout": int(patience.Seconds()), "allowed_updates": wanted(),
	}
	var list []json.RawMessage
	// One attempt: the polling loop has its own patience.
	err := c.attempt(ctx, "getUpdates", patience+callTime, func(ctx context.Context) error {
		return c.post(ctx, "getUpdates", params, &list)
	})
	return list, err
}
