package telegram

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// methodsJSON holds the parameters of every method of Bot API 10.1.
//
//go:embed methods.json
var methodsJSON []byte

// knownMethods returns the parameters of every method of the Bot API.
func knownMethods() map[string][]string {
	known := map[string][]string{}
	if err := json.Unmarshal(methodsJSON, &known); err != nil {
		panic(fmt.Sprintf("telegram: methods.json: %v", err)) // embedded: broken only by an edit
	}
	return known
}

// A method answers one call; the server's lock is held while it runs.
type method func(params) (any, error)

// implemented returns the methods the sandbox has.
func (s *Server) implemented() map[string]method {
	return map[string]method{
		"getMe":                  s.getMe,
		"setWebhook":             s.setWebhook,
		"deleteWebhook":          s.deleteWebhook,
		"getWebhookInfo":         s.getWebhookInfo,
		"sendMessage":            s.sendMessage,
		"sendPhoto":              s.sendPhoto,
		"sendDocument":           s.sendDocument,
		"sendMediaGroup":         s.sendMediaGroup,
		"sendChatAction":         s.sendChatAction,
		"copyMessage":            s.copyMessage,
		"forwardMessage":         s.forwardMessage,
		"editMessageText":        s.editMessageText,
		"editMessageCaption":     s.editMessageCaption,
		"editMessageReplyMarkup": s.editMessageReplyMarkup,
		"editMessageMedia":       s.editMessageMedia,
		"deleteMessage":          s.deleteMessage,
		"deleteMessages":         s.deleteMessages,
		"answerCallbackQuery":    s.answerCallbackQuery,
		"setMyCommands":          s.setMyCommands,
		"getMyCommands":          s.getMyCommands,
		"deleteMyCommands":       s.deleteMyCommands,
		"setMyName":              s.setText("name", 64),
		"getMyName":              s.getText("name"),
		"setMyDescription":       s.setText("description", 512),
		"getMyDescription":       s.getText("description"),
		"setMyShortDescription":  s.setText("short_description", 120),
		"getMyShortDescription":  s.getText("short_description"),
		"setChatMenuButton":      s.setChatMenuButton,
		"getChatMenuButton":      s.getChatMenuButton,
		"getFile":                s.getFile,
		"getChat":                s.getChat,
		"getChatMember":          s.getChatMember,
		"getChatAdministrators":  s.getChatAdministrators,
		"getChatMemberCount":     s.getChatMemberCount,
		"leaveChat":              s.leaveChat,
		"setMessageReaction":     s.setMessageReaction,
	}
}

// apiError is an answer with ok false. https://core.telegram.org/bots/api#making-requests
type apiError struct {
	Code        int
	Description string
	RetryAfter  int   // seconds; 0 for none
	MovedTo     int64 // the supergroup that the group became; 0 for none
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Description) }

func badRequest(format string, args ...any) error {
	return &apiError{Code: http.StatusBadRequest, Description: "Bad Request: " + fmt.Sprintf(format, args...)}
}

func forbidden(what string) error {
	return &apiError{Code: http.StatusForbidden, Description: "Forbidden: " + what}
}

func tooMany(seconds int) *apiError {
	return &apiError{
		Code: http.StatusTooManyRequests, RetryAfter: seconds,
		Description: fmt.Sprintf("Too Many Requests: retry after %d", seconds),
	}
}

// A Call is one call the bot made.
type Call struct {
	Method  string
	Params  map[string]string // objects and lists as JSON
	Files   []string          // names of the parameters that carried a file
	Unknown []string          // parameters this method does not have; the real server ignores them
	Inline  bool              // rode in a webhook's reply
	Code    int               // the answer's status
	Error   string            // the answer's description when it was refused
	Note    string            // the answer's description when it was not: "Webhook was set"
}

// A noted result has a description beside it.
type noted struct {
	result any
	note   string
}

// tokenPath splits /bot<token>/<method>.
var tokenPath = regexp.MustCompile(`^/bot([^/]+)(?:/test)?/([^/]+)/?$`)

// tokenForm is what a token looks like.
var tokenForm = regexp.MustCompile(`^\d{1,15}:[A-Za-z0-9_-]{3,}$`)

// ServeHTTP answers the bot: /bot<token>/<method> and /file/bot<token>/<path>.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.api.ServeHTTP(&translator{ResponseWriter: w}, r)
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/file/bot"); ok {
		s.serveFile(w, r, rest)
		return
	}
	match := tokenPath.FindStringSubmatch(r.URL.Path)
	switch {
	case match == nil, !tokenForm.MatchString(match[1]):
		respond(w, nil, &apiError{Code: http.StatusNotFound, Description: "Not Found"})
	case !s.rightToken(match[1]):
		respond(w, nil, &apiError{Code: http.StatusUnauthorized, Description: "Unauthorized"})
	default:
		p, err := readParams(r)
		if err != nil {
			respond(w, nil, err)
			return
		}
		result, err := s.call(r.Context(), match[2], p, false)
		respond(w, result, err)
	}
}

func (s *Server) rightToken(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
}

// call runs a method, whose name is not case-sensitive, and records the call.
func (s *Server) call(ctx context.Context, name string, p params, inline bool) (any, error) {
	name = s.properName(name)
	if name == "getUpdates" && !inline {
		result, err := s.getUpdates(ctx, p)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.record(name, p, inline, "", err)
		return result, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var result any
	var err error
	switch run := s.methods[name]; {
	case run != nil:
		result, err = run(p)
	case s.known[name] != nil:
		err = badRequest("the sandbox has no %s", name)
	default:
		err = &apiError{Code: http.StatusNotFound, Description: "Not Found: method not found"}
	}
	n, _ := result.(noted) // what has no note has an empty one
	s.record(name, p, inline, n.note, err)
	return result, err
}

func (s *Server) properName(name string) string {
	if s.known[name] != nil {
		return name
	}
	for known := range s.known {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// record appends to the calls; the lock is held.
func (s *Server) record(name string, p params, inline bool, note string, err error) {
	c := Call{Method: name, Params: p.values, Inline: inline, Code: http.StatusOK, Note: note}
	for file := range p.files {
		c.Files = append(c.Files, file)
	}
	for parameter := range p.values {
		if parameter != "method" && !slices.Contains(s.known[name], parameter) {
			c.Unknown = append(c.Unknown, parameter)
		}
	}
	slices.Sort(c.Unknown)
	if err != nil {
		failure := asAPIError(err)
		c.Code, c.Error = failure.Code, failure.Description
	}
	if len(s.calls) == maxCalls {
		s.calls = slices.Delete(s.calls, 0, maxCalls/2)
	}
	s.calls = append(s.calls, c)
	s.notify()
}

func asAPIError(err error) *apiError {
	var failure *apiError
	if errors.As(err, &failure) {
		return failure
	}
	return &apiError{Code: http.StatusInternalServerError, Description: "Internal Server Error"}
}

// respond writes the Bot API's envelope.
func respond(w http.ResponseWriter, result any, err error) {
	envelope := map[string]any{"ok": err == nil}
	status := http.StatusOK
	if err != nil {
		failure := asAPIError(err)
		status = failure.Code
		envelope["error_code"] = failure.Code
		envelope["description"] = failure.Description
		if failure.RetryAfter > 0 {
			envelope["parameters"] = map[string]int{"retry_after": failure.RetryAfter}
			w.Header().Set("Retry-After", strconv.Itoa(failure.RetryAfter))
		}
		if failure.MovedTo != 0 {
			envelope["parameters"] = map[string]int64{"migrate_to_chat_id": failure.MovedTo}
		}
	} else if n, ok := result.(noted); ok {
		envelope["result"], envelope["description"] = n.result, n.note
	} else {
		envelope["result"] = result
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(envelope) // the bot may be gone: nobody is left to tell
}

// translator turns the plain errors of a mood into the Bot API's own.
type translator struct {
	http.ResponseWriter
	replaced bool
}

// WriteHeader sends the status, and for a mood's error the envelope in place of its body.
func (t *translator) WriteHeader(status int) {
	if status < http.StatusBadRequest || t.Header().Get("Content-Type") == "application/json" {
		t.ResponseWriter.WriteHeader(status)
		return
	}
	t.replaced = true
	failure := &apiError{Code: status, Description: http.StatusText(status)}
	if seconds, err := strconv.Atoi(t.Header().Get("Retry-After")); err == nil {
		failure = tooMany(seconds)
	}
	respond(t.ResponseWriter, nil, failure)
}

// Write drops the body that was replaced.
func (t *translator) Write(body []byte) (int, error) {
	if t.replaced {
		return len(body), nil
	}
	return t.ResponseWriter.Write(body)
}

// throttle counts a message to chat and refuses it above the limits; the lock is held.
func (s *Server) throttle(chatID int64) error {
	now := s.now()
	for _, l := range []struct {
		id    int64
		limit int
	}{{0, s.limits.Global}, {chatID, s.limits.PerChat}} {
		if l.limit <= 0 {
			continue
		}
		recent := slices.DeleteFunc(s.sent[l.id], func(t time.Time) bool { return now.Sub(t) >= time.Second })
		if s.sent[l.id] = recent; len(recent) >= l.limit {
			return tooMany(1)
		}
	}
	if s.limits != (Limits{}) {
		s.sent[0] = append(s.sent[0], now)
		s.sent[chatID] = append(s.sent[chatID], now)
	}
	return nil
}
