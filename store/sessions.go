package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
)

var _ flows.Sessions = (*Sessions)(nil)

const (
	// sessionTTL is how long a conversation is remembered after its last tap.
	sessionTTL = 30 * 24 * time.Hour
	// seenLength is how many updates of one person are remembered, and seenTTL for how long:
	// Telegram brings an unanswered update again for 24 hours.
	seenLength = 200
	seenTTL    = 25 * time.Hour
)

// Sessions keeps conversations and customers.
type Sessions struct{ s *Store }

// Sessions returns the view of the store that the conversations work with.
func (s *Store) Sessions() *Sessions { return &Sessions{s} }

type sessionDocument struct {
	*flows.Session
	Write string `json:"write"`
	// Code is the activation code of Session.Confirm, sealed.
	Code string `json:"confirm_code,omitempty"`
}

// sealCode seals the activation code that waits in a confirmation; empty for none.
func (v *Sessions) sealCode(user int64, c *flows.Confirmation) (string, error) {
	if c == nil || c.Code.IsZero() {
		return "", nil
	}
	sealed, err := v.s.sealer.Seal([]byte(c.Code.Reveal()), sessionOwner(user))
	if err != nil {
		return "", fmt.Errorf("seal activation code: %w", err)
	}
	return sealed, nil
}

// openCode gives a confirmation its activation code back. One that can't be opened any more is left
// out: the confirmation is then no good, and the code is asked for again.
func (v *Sessions) openCode(user int64, sealed string, c *flows.Confirmation) {
	if c == nil || sealed == "" {
		return
	}
	plain, err := v.s.sealer.Open(sealed, sessionOwner(user))
	if err != nil {
		return
	}
	if code, err := esim.ParseActivationCode(string(plain)); err == nil {
		c.Code = code
	}
}

// sessionOwner names whose session something is sealed for.
func sessionOwner(user int64) string { return "session:" + strconv.FormatInt(user, 10) }

// Load reads session, customer and whether the update was seen, in one round trip. Customer.Bought
// is counted from the shelf. orders.ErrNewer if a newer version wrote what is there.
func (v *Sessions) Load(ctx context.Context, user int64, update int64) (flows.Loaded, error) {
	var session, customer *redis.StringCmd
	var seen *redis.FloatCmd
	var bought *redis.IntCmd
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		session = p.Get(ctx, sessionKey(user))
		customer = p.Get(ctx, customerKey(user))
		seen = p.ZScore(ctx, seenKey(user), strconv.FormatInt(update, 10))
		bought = p.ZCard(ctx, userESIMsKey(user))
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return flows.Loaded{}, fmt.Errorf("load session: %w", err)
	}
	var l flows.Loaded
	kept := sessionDocument{Session: &l.Session}
	if err := decode(session, &kept, &l.Session.Schema); err != nil {
		return flows.Loaded{}, fmt.Errorf("load session: %w", err)
	}
	v.openCode(user, kept.Code, l.Session.Confirm)
	if err := decode(customer, &l.Customer, &l.Customer.Schema); err != nil {
		return flows.Loaded{}, fmt.Errorf("load customer: %w", err)
	}
	switch _, err := seen.Result(); {
	case err == nil:
		l.Seen = true
	case !errors.Is(err, redis.Nil):
		return flows.Loaded{}, fmt.Errorf("load updates seen: %w", err)
	}
	n, err := bought.Result()
	if err != nil {
		return flows.Loaded{}, fmt.Errorf("count eSIMs: %w", err)
	}
	l.Customer.Bought = int(n)
	return l, nil
}

// decode reads a document that may be missing; its schema is in what is read.
func decode(c *redis.StringCmd, into any, schema *int) error {
	b, err := c.Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil
	case err != nil:
		return err
	}
	unread := json.Unmarshal(b, into)
	if unread == nil && *schema <= flows.Schema {
		return nil
	}
	switch n, err := newer(b, flows.Schema); {
	case err != nil:
		return err
	case n:
		return orders.ErrNewer
	}
	return unread
}

// Save writes the session if the stored one is of version s.Version-1, the customer where not nil,
// and marks the update seen (0: none), in one round trip; flows.ErrConflict, orders.ErrNewer.
func (v *Sessions) Save(ctx context.Context, user int64, s flows.Session, c *flows.Customer, update int64) error {
	write, err := token()
	if err != nil {
		return err
	}
	s.Schema = flows.Schema
	code, err := v.sealCode(user, s.Confirm)
	if err != nil {
		return err
	}
	session, err := json.Marshal(sessionDocument{Session: &s, Write: write, Code: code})
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	customer, seen := "", ""
	if c != nil {
		kept := *c
		kept.Schema = flows.Schema
		b, err := json.Marshal(kept)
		if err != nil {
			return fmt.Errorf("encode customer: %w", err)
		}
		customer = string(b)
	}
	if update != 0 {
		seen = strconv.FormatInt(update, 10)
	}
	result, err := v.s.scripts.session.Run(ctx, v.s.rdb, []string{sessionKey(user), customerKey(user), seenKey(user)},
		s.Version-1, flows.Schema, session, sessionTTL.Milliseconds(), customer, seen, millis(v.s.now()), seenLength, seenTTL.Milliseconds()).Int()
	switch {
	case err != nil:
		return fmt.Errorf("save session: %w", err)
	case result == resultNewer:
		return fmt.Errorf("save session: %w", orders.ErrNewer)
	case result == resultConflict:
		return flows.ErrConflict
	default:
		return nil
	}
}
