package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/flows"
	"esimbot/orders"
)

const (
	// relayTTL is how long support may answer a customer's message.
	relayTTL = 60 * 24 * time.Hour
	// maxInquiries is how many messages an hour a customer may send to support.
	maxInquiries = 10
)

// SaveRelay keeps for 60 days whose words a message in a support chat carries, in one round trip.
// How many there can be is bounded by AllowInquiry, which comes before.
func (s *Store) SaveRelay(ctx context.Context, chat int64, message int, r flows.Relayed) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode relayed message: %w", err)
	}
	now := s.now()
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, relayKey(chat, message), b, relayTTL)
		theirs := relaysKey(r.Customer)
		p.ZAdd(ctx, theirs, redis.Z{Score: float64(millis(now)), Member: relayMember(chat, message)})
		p.ZRemRangeByScore(ctx, theirs, "-inf", strconv.FormatInt(millis(now.Add(-relayTTL)), 10))
		p.PExpire(ctx, theirs, relayTTL)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep relayed message: %w", err)
	}
	return nil
}

// relayMember names a message in the list of those that carry a customer's words.
func relayMember(chat int64, message int) string { return fmt.Sprintf("%d:%d", chat, message) }

// eraseRelays has no message lead to the customer any more: those in their own chat are forgotten, and
// those of support's are nobody's, so that an answer to one is known not to arrive.
func (s *Store) eraseRelays(ctx context.Context, customer int64) error {
	members, err := s.rdb.ZRange(ctx, relaysKey(customer), 0, -1).Result()
	if err != nil {
		return fmt.Errorf("list relayed messages: %w", err)
	}
	nobody, err := json.Marshal(flows.Relayed{})
	if err != nil {
		return fmt.Errorf("encode relayed message: %w", err)
	}
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, m := range members {
			var chat int64
			var message int
			if _, err := fmt.Sscanf(m, "%d:%d", &chat, &message); err != nil {
				continue // nothing that leads anywhere
			}
			if chat == customer {
				p.Del(ctx, relayKey(chat, message))
				continue
			}
			p.SetArgs(ctx, relayKey(chat, message), nobody, redis.SetArgs{Mode: "XX", KeepTTL: true})
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // one that has gone by itself
		return fmt.Errorf("erase relayed messages: %w", err)
	}
	if err := s.rdb.Del(ctx, relaysKey(customer)).Err(); err != nil {
		return fmt.Errorf("erase relayed messages: %w", err)
	}
	return nil
}

// Relay returns whose words a message in a support chat carries, in one round trip: of customer 0 where
// the customer had everything erased. orders.ErrNotFound.
func (s *Store) Relay(ctx context.Context, chat int64, message int) (flows.Relayed, error) {
	b, err := s.rdb.Get(ctx, relayKey(chat, message)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return flows.Relayed{}, orders.ErrNotFound
	case err != nil:
		return flows.Relayed{}, fmt.Errorf("read relayed message: %w", err)
	}
	var r flows.Relayed
	if err := json.Unmarshal(b, &r); err != nil {
		return flows.Relayed{}, fmt.Errorf("decode relayed message: %w", err)
	}
	return r, nil
}

// AllowInquiry counts a message to support, in one round trip; orders.ErrTooMany after 10 within an
// hour before now.
func (s *Store) AllowInquiry(ctx context.Context, customer int64, now time.Time) error {
	return s.allow(ctx, askedKey(customer), now, time.Hour, maxInquiries)
}
