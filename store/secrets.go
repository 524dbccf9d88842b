package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrNoSecret says that no secret is kept under the name.
var ErrNoSecret = errors.New("no such secret is kept")

// SaveSecret keeps a text under a name, as it is: the caller has encrypted it.
func (s *Store) SaveSecret(ctx context.Context, name, encrypted string) error {
	if err := s.rdb.Set(ctx, secretKey(name), encrypted, 0).Err(); err != nil {
		return fmt.Errorf("keep secret %s: %w", name, err)
	}
	return nil
}

// LoadSecret returns what SaveSecret kept; ErrNoSecret.
func (s *Store) LoadSecret(ctx context.Context, name string) (string, error) {
	text, err := s.rdb.Get(ctx, secretKey(name)).Result()
	if errors.Is(err, redis.Nil) {
		return "", ErrNoSecret
	}
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", name, err)
	}
	return text, nil
}
