package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var (
	// ErrEviction says that this Redis would throw data away when memory runs short.
	ErrEviction = errors.New("maxmemory-policy must be noeviction")
	// ErrUntold says that the server doesn't tell what was asked.
	ErrUntold = errors.New("the server doesn't tell")
	// ErrAddress says that the address isn't one that go-redis understands. It may hold a password, so it
	// is not quoted.
	ErrAddress = errors.New("malformed Redis address")
)

// A connection's buffers are what a small machine notices: the library gives each 64 KiB, and keeps ten
// more for pipelines with 256 KiB each, which is several times what the shop holds itself. What is read
// and written for a customer has under 2 KiB; more than a buffer goes in several pieces.
const (
	bufferSize = 8 << 10
	noPool     = -1 // pipelines use the connections that are there
)

// connect makes the client that fits: for a cluster where several addr= are given or the server
// says so, through Sentinel where master_name= is given, plain otherwise.
func connect(ctx context.Context, address string) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, ErrAddress
	}
	switch q := u.Query(); {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(address)
		if err != nil {
			return nil, ErrAddress
		}
		o.ContextTimeoutEnabled = true
		o.ReadBufferSize, o.WriteBufferSize, o.PipelinePoolSize = bufferSize, bufferSize, noPool
		return redis.NewFailoverClient(o), nil
	case q.Has("addr"):
		return cluster(address)
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, ErrAddress
	}
	o.ContextTimeoutEnabled = true
	o.ReadBufferSize, o.WriteBufferSize, o.PipelinePoolSize = bufferSize, bufferSize, noPool
	o.MaintNotificationsConfig = quiet()
	single := redis.NewClient(o)
	info, err := single.Info(ctx, "cluster").Result()
	if err == nil && infoField(info, "cluster_enabled") == "1" {
		if err := single.Close(); err != nil {
			return nil, err
		}
		return cluster(address)
	}
	return single, nil // a server that doesn't answer shows at the ping
}

func cluster(address string) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, ErrAddress
	}
	o.ContextTimeoutEnabled = true
	o.ReadBufferSize, o.WriteBufferSize, o.PipelinePoolSize = bufferSize, bufferSize, noPool
	o.MaintNotificationsConfig = quiet()
	return redis.NewClusterClient(o), nil
}

// quiet turns off a handshake that only one vendor's servers answer.
func quiet() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// unbelieved says what can be done where the server could not prove who it is.
func unbelieved(err error) error {
	var unproved *tls.CertificateVerificationError
	if !errors.As(err, &unproved) {
		return err
	}
	return fmt.Errorf("%w; the certificate must name the host that REDIS_URL has, and an authority of your own goes into the file that SSL_CERT_FILE names", err)
}

// infoField picks a field from the text of INFO; "" where it isn't told.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == name {
			return v
		}
	}
	return ""
}

// CheckEviction says whether every node keeps all that it is given: ErrEviction if one doesn't,
// ErrUntold if one doesn't tell.
func (s *Store) CheckEviction(ctx context.Context) error {
	return s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "memory").Result()
		if err != nil {
			return refusedOr(err)
		}
		switch policy := infoField(info, "maxmemory_policy"); policy {
		case "noeviction":
			return nil
		case "":
			return ErrUntold
		default:
			return fmt.Errorf("%w, it is %s", ErrEviction, policy)
		}
	})
}

// ErrLossy says that a restart of this Redis would lose orders.
var ErrLossy = errors.New("a restart of Redis loses orders")

// CheckPersistence says whether every node writes an append-only file, and can: nil, ErrUntold, or
// ErrLossy with what is off.
func (s *Store) CheckPersistence(ctx context.Context) error {
	return s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "persistence").Result()
		if err != nil {
			return refusedOr(err)
		}
		switch infoField(info, "aof_enabled") {
		case "1":
		case "":
			return ErrUntold
		default:
			return fmt.Errorf("appendonly is off: %w", ErrLossy)
		}
		if status := infoField(info, "aof_last_write_status"); status != "ok" && status != "" {
			return fmt.Errorf("the append-only file can't be written: %w", ErrLossy)
		}
		return nil
	})
}

// refusedOr tells a server that answers INFO with an error from one that doesn't answer.
func refusedOr(err error) error {
	var refused redis.Error
	if errors.As(err, &refused) {
		return ErrUntold
	}
	return fmt.Errorf("ask Redis: %w", err)
}

func (s *Store) eachNode(ctx context.Context, ask func(context.Context, *redis.Client) error) error {
	switch c := s.rdb.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, ask)
	case *redis.Client:
		return ask(ctx, c)
	default:
		return ErrUntold
	}
}

// CountRoundTrips counts from now on, for tests and metrics, how often this store went to Redis:
// a command by itself and a whole pipeline are one each. What a new connection says of itself
// isn't counted.
func (s *Store) CountRoundTrips() (count func() int64) {
	c := new(counter)
	s.rdb.AddHook(c)
	return c.n.Load
}

type counter struct{ n atomic.Int64 }

func (c *counter) count(first redis.Cmder) {
	if !introduces(first) {
		c.n.Add(1)
	}
}

// introduces says whether a command is what a new connection says of itself.
func introduces(cmd redis.Cmder) bool {
	switch cmd.Name() {
	case "hello", "client", "auth", "select":
		return true
	default:
		return false
	}
}

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(cmds[0])
		return next(ctx, cmds)
	}
}
