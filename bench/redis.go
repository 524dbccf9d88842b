package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A redisServer is the Redis of all bots, one after the other. It keeps nothing on disk: what is
// measured are the bots.
type redisServer struct {
	*process
	addr string
	rdb  *redis.Client
}

func startRedis(ctx context.Context) (*redisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is needed on PATH: %w", err)
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, "redis-server", nil, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning")
	if err != nil {
		return nil, err
	}
	s := &redisServer{process: p, addr: addr, rdb: redis.NewClient(&redis.Options{Addr: addr})}
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		if s.rdb.Ping(ctx).Err() == nil {
			tick.Stop()
			return s, nil
		}
		if err := s.alive(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func (s *redisServer) url() string { return "redis://" + s.addr + "/0" }

func (s *redisServer) close() {
	_ = s.rdb.Close() // it has nothing left to say
	s.stop()
}

// traffic is what Redis has seen so far.
type traffic struct {
	// reads is how often it read from a connection: a command, or a pipeline that came in one
	// packet, is one. From one customer at a time that is the round trips.
	reads, commands, bytes int64
}

func (s *redisServer) traffic(ctx context.Context) (traffic, error) {
	info, err := s.rdb.Info(ctx, "stats").Result()
	if err != nil {
		return traffic{}, err
	}
	figures := map[string]int64{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			figures[name] = n
		}
	}
	return traffic{figures["total_reads_processed"], figures["total_commands_processed"], figures["total_net_input_bytes"] + figures["total_net_output_bytes"]}, nil
}

// A shelf is what must be in Redis before a bot starts: the shop's catalogues.
type shelf map[string]string

// shelve reads the catalogues that are in Redis.
func (s *redisServer) shelve(ctx context.Context) (shelf, error) {
	kept := shelf{}
	keys := s.rdb.Scan(ctx, 0, "catalog:*", 100).Iterator()
	for keys.Next(ctx) {
		value, err := s.rdb.Get(ctx, keys.Val()).Result()
		if err != nil {
			return nil, err
		}
		kept[keys.Val()] = value
	}
	return kept, keys.Err()
}

// reset empties Redis but for the shelf.
func (s *redisServer) reset(ctx context.Context, kept shelf) error {
	if err := s.rdb.FlushAll(ctx).Err(); err != nil {
		return err
	}
	for key, value := range kept {
		if err := s.rdb.Set(ctx, key, value, 0).Err(); err != nil {
			return err
		}
	}
	return nil
}
