// Package store is all of Redis: keys, scripts, TTLs, sealing. It implements the small interfaces
// that flows, orders and catalog declare. Everything runs on one Redis, on Sentinel and on a
// cluster unchanged.
//
// Documents are JSON with a schema version and change by compare-and-set only. Nothing that
// concerns money has a TTL before it is finished.
package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// How often the background work of Run is done.
const (
	clockEvery   = time.Minute
	popularEvery = 10 * time.Minute
	runTimeout   = 10 * time.Second
)

// Options are what a Store needs beside the address.
type Options struct {
	// Keys are DATA_KEY: 32 bytes each, the first seals, all open. Without one a key is drawn once
	// and kept in the same Redis, which protects nothing there: for development only.
	Keys [][]byte
	// Now is the clock; nil: the machine's, corrected by Redis' own.
	Now func() time.Time
	Log *slog.Logger // nil: slog.Default()
	// Hooks are told of what goes to Redis, for metrics and traces.
	Hooks Hooks
}

// A Store holds the connections to Redis. It may be used by several goroutines at once. Orders,
// Sessions, ESIMs and Usage are views of it.
type Store struct {
	rdb     redis.UniversalClient
	scripts scripts
	sealer  *Sealer
	log     *slog.Logger
	hooks   Hooks
	clock   func() time.Time // nil: the corrected machine's
	offset  atomic.Int64     // of Redis' clock against the machine's, ns
	popular atomic.Pointer[popularity]
}

// Open connects to the Redis at address, as REDIS_URL has it, and checks that it
// may be trusted with money: ErrEviction otherwise. The address is in no error text.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	s := &Store{scripts: newScripts(), log: o.Log, hooks: o.Hooks, clock: o.Now}
	if s.log == nil {
		s.log = slog.Default()
	}
	quietLibrary(s.log)
	s.popular.Store(&popularity{})
	var err error
	if s.rdb, err = connect(ctx, address); err != nil {
		return nil, fmt.Errorf("open Redis: %w", err)
	}
	if o.Hooks.Called != nil {
		s.rdb.AddHook(observer{o.Hooks.Called})
	}
	if err := s.prepare(ctx, o.Keys); err != nil {
		return nil, errors.Join(fmt.Errorf("open Redis: %w", err), s.rdb.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context, keys [][]byte) error {
	if err := s.Ping(ctx); err != nil {
		return unbelieved(err)
	}
	switch err := s.CheckEviction(ctx); {
	case errors.Is(err, ErrUntold):
		s.log.WarnContext(ctx, "Redis doesn't tell its eviction policy: see that it is noeviction")
	case err != nil:
		return err
	}
	if s.clock == nil {
		if err := s.syncClock(ctx); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		key, err := s.developmentKey(ctx)
		if err != nil {
			return err
		}
		keys = [][]byte{key}
		s.log.WarnContext(ctx, "DATA_KEY is not set: activation codes are sealed with a key kept beside them")
	}
	var err error
	s.sealer, err = NewSealer(keys)
	return err
}

// developmentKey returns the key of a shop without DATA_KEY, the same for every replica.
func (s *Store) developmentKey(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("draw key: %w", err)
	}
	name := secretKey(developmentName)
	if err := s.rdb.SetNX(ctx, name, base64.StdEncoding.EncodeToString(fresh), 0).Err(); err != nil {
		return nil, fmt.Errorf("keep key: %w", err)
	}
	text, err := s.rdb.Get(ctx, name).Result()
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return base64.StdEncoding.DecodeString(text)
}

// Close lets go of Redis. Run must have ended.
func (s *Store) Close() error { return s.rdb.Close() }

// Ping says whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping Redis: %w", err)
	}
	return nil
}

// Run keeps the clock right and what sells up to date until ctx ends, and returns nil then.
func (s *Store) Run(ctx context.Context) error {
	clock, popular := time.NewTicker(clockEvery), time.NewTicker(popularEvery)
	defer clock.Stop()
	defer popular.Stop()
	s.background(ctx, "popularity", s.refreshPopular)
	for {
		select {
		case <-clock.C:
			if s.clock == nil {
				s.background(ctx, "clock", s.syncClock)
			}
		case <-popular.C:
			s.background(ctx, "popularity", s.refreshPopular)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Store) background(ctx context.Context, what string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	if err := do(ctx); err != nil && !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "background work failed", slog.String("what", what), slog.Any("error", err))
	}
}

// ServerTime returns Redis' own time, UTC.
func (s *Store) ServerTime(ctx context.Context) (time.Time, error) {
	t, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("ask Redis the time: %w", err)
	}
	return t.UTC(), nil
}

// Clock returns the clock that every replica shares: the machine's, corrected by Redis' at Open
// and each minute while Run runs; or the one given in Options.
func (s *Store) Clock(context.Context) func() time.Time { return s.now }

func (s *Store) now() time.Time {
	if s.clock != nil {
		return s.clock()
	}
	return time.Now().Add(time.Duration(s.offset.Load())).UTC()
}

func (s *Store) syncClock(ctx context.Context) error {
	asked := time.Now()
	server, err := s.ServerTime(ctx)
	if err != nil {
		return err
	}
	// The answer was true somewhere between question and answer: take the middle.
	took := time.Since(asked)
	s.offset.Store(int64(server.Sub(asked.Add(took / 2))))
	return nil
}

// Claim takes name for ttl and says whether it was free: work that one replica does for all, an
// alert that goes out once.
func (s *Store) Claim(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	ok, err := s.rdb.SetNX(ctx, claimKey(name), "1", ttl).Result()
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", name, err)
	}
	return ok, nil
}

// Held says whether name is taken.
func (s *Store) Held(ctx context.Context, name string) (bool, error) {
	n, err := s.rdb.Exists(ctx, claimKey(name)).Result()
	if err != nil {
		return false, fmt.Errorf("look at claim %s: %w", name, err)
	}
	return n == 1, nil
}

// Keep takes name for ttl from now, whoever holds it: what was claimed for a moment is done.
func (s *Store) Keep(ctx context.Context, name string, ttl time.Duration) error {
	if err := s.rdb.Set(ctx, claimKey(name), "1", ttl).Err(); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// Release gives a claim up before its time: the work or the alert did not come about.
func (s *Store) Release(ctx context.Context, name string) error {
	if err := s.rdb.Del(ctx, claimKey(name)).Err(); err != nil {
		return fmt.Errorf("release %s: %w", name, err)
	}
	return nil
}

// token tells this write from every other, so that a script whose answer got lost and is sent
// again finds its own work done, and a rival's write of the same content doesn't pass for it.
func token() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("draw token: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

func millis(t time.Time) int64 { return t.UnixMilli() }
