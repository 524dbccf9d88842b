package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	if err := s.rdb.Set(ctx, relayKey(chat, message), b, relayTTL).Err(); err != nil {
		return fmt.Errorf("keep relayed message: %w", err)
	}
	return nil
}

// Relay returns whose words a message in a support chat carries, in one round trip;
// orders.ErrNotFound.
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
