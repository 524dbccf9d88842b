package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/orders"
)

// The oldest Redis that has every command and option in use: ZADD's LT and GT came with 6.2.
const oldestMajor, oldestMinor = 6, 2

const (
	// checkTTL is how long what a checkup writes stays, if the checkup can't take it away again.
	checkTTL = time.Minute
	// sealsLooked is how many orders a checkup reads at each end of a set, in each partition.
	sealsLooked = 8
	// developmentName is what the key of a shop without DATA_KEY is kept under.
	developmentName = "development"
	// fullPercent of its memory, and a Redis that evicts nothing will soon refuse to write.
	fullPercent = 80
)

// Errors of a checkup.
var (
	// ErrOld says that the server lacks commands that are needed.
	ErrOld = fmt.Errorf("older than Redis %d.%d", oldestMajor, oldestMinor)
	// ErrBroken says that a cluster doesn't serve all its slots.
	ErrBroken = errors.New("the cluster is not whole")
	// ErrFull says that a server is near the end of its memory.
	ErrFull = errors.New("memory is nearly used up")
)

// Examine is Open for who wants to look at a Redis: it takes one that evicts too, and writes nothing.
func Examine(ctx context.Context, address string, o Options) (*Store, error) {
	s := &Store{scripts: newScripts(), log: o.Log, clock: o.Now}
	if s.log == nil {
		s.log = slog.Default()
	}
	quietLibrary(s.log)
	s.popular.Store(&popularity{})
	var err error
	if s.rdb, err = connect(ctx, address); err != nil {
		return nil, fmt.Errorf("open Redis: %w", err)
	}
	err = s.Ping(ctx)
	if err == nil && s.clock == nil {
		err = s.syncClock(ctx)
	}
	if err == nil {
		err = s.borrowKeys(ctx, o.Keys)
	}
	if err != nil {
		return nil, errors.Join(err, s.rdb.Close())
	}
	return s, nil
}

// borrowKeys is what Open does for keys, but it draws none: there is no sealer where nobody ever
// needed one.
func (s *Store) borrowKeys(ctx context.Context, keys [][]byte) (err error) {
	if len(keys) == 0 {
		text, err := s.LoadSecret(ctx, developmentName)
		if errors.Is(err, ErrNoSecret) {
			return nil
		}
		if err != nil {
			return err
		}
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("read key: %w", err)
		}
		keys = [][]byte{key}
	}
	s.sealer, err = NewSealer(keys)
	return err
}

// A Server is what Redis says of itself.
type Server struct {
	Version string // "7.0.15"; empty where it isn't told
	Masters int    // of a cluster; 0 for a single server, which may be one that Sentinel watches
}

// String is the server in words, as "7.0.15, a cluster of 3".
func (v Server) String() string {
	words := v.Version
	if words == "" {
		words = "of a version that isn't told"
	}
	if v.Masters > 0 {
		words += ", a cluster of " + strconv.Itoa(v.Masters)
	}
	return words
}

// CheckServer asks the server who it is; ErrOld, ErrBroken, ErrUntold.
func (s *Store) CheckServer(ctx context.Context) (Server, error) {
	var found Server
	var mu sync.Mutex // nodes are asked side by side
	err := s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "server").Result()
		if err != nil {
			return refusedOr(err)
		}
		version := infoField(info, "redis_version")
		mu.Lock()
		defer mu.Unlock()
		if found.Version == "" || older(version, found.Version) {
			found.Version = version
		}
		found.Masters++
		return nil
	})
	cluster, ok := s.rdb.(*redis.ClusterClient)
	if !ok {
		found.Masters = 0
	}
	switch {
	case err != nil:
		return found, err
	case found.Version == "":
		return found, ErrUntold
	case older(found.Version, fmt.Sprintf("%d.%d", oldestMajor, oldestMinor)):
		return found, fmt.Errorf("%s is %w", found.Version, ErrOld)
	case ok:
		return found, checkCluster(ctx, cluster)
	}
	return found, nil
}

func checkCluster(ctx context.Context, c *redis.ClusterClient) error {
	info, err := c.ClusterInfo(ctx).Result()
	if err != nil {
		return refusedOr(err)
	}
	if state := infoField(info, "cluster_state"); state != "ok" {
		return fmt.Errorf("%w: its state is %q", ErrBroken, state)
	}
	return nil
}

// older compares versions by their first two numbers.
func older(a, b string) bool {
	numbers := func(v string) (n [2]int) {
		for i, part := range strings.SplitN(v, ".", 3)[:min(2, strings.Count(v, ".")+1)] {
			n[i], _ = strconv.Atoi(part) // what is no number counts as 0
		}
		return n
	}
	x, y := numbers(a), numbers(b)
	return slices.Compare(x[:], y[:]) < 0
}

// CheckMemory says whether there is room to write: ErrFull, ErrUntold.
func (s *Store) CheckMemory(ctx context.Context) error {
	return s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "memory").Result()
		if err != nil {
			return refusedOr(err)
		}
		used, err := strconv.ParseInt(infoField(info, "used_memory"), 10, 64)
		if err != nil {
			return ErrUntold
		}
		most, err := strconv.ParseInt(infoField(info, "maxmemory"), 10, 64)
		if err != nil {
			return ErrUntold
		}
		if most > 0 && used > most/100*fullPercent {
			return fmt.Errorf("%w: %d of %d MiB", ErrFull, used>>20, most>>20)
		}
		return nil
	})
}

// checkScript writes and reads what it wrote, as every change of a document does.
//
//	KEYS  1 a key of its own
//	ARGV  1 value  2 its TTL in ms
//
// It returns what it read.
const checkScript = `
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('GET', KEYS[1])
`

// CheckWrites runs a script that writes, and takes away what it wrote. A replica, a server out of
// memory or disk, and one without scripts refuse.
func (s *Store) CheckWrites(ctx context.Context) error {
	word, err := token()
	if err != nil {
		return err
	}
	key := claimKey("checkup:" + word)
	read, err := s.rdb.Eval(ctx, checkScript, []string{key}, word, checkTTL.Milliseconds()).Text()
	switch {
	case err != nil:
		return fmt.Errorf("write to Redis: %w", err)
	case read != word:
		return errors.New("write to Redis: it doesn't read what was written")
	}
	if err := s.rdb.Del(ctx, key).Err(); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}

// CheckSeals reads the oldest and the newest orders that hold an activation code, and tries to open
// them: ErrSealKey names the keys that are missing, by ids that tell nothing of them. It returns how
// many it opened. One that was forgotten since, or is a newer program's, isn't counted.
func (s *Store) CheckSeals(ctx context.Context) (opened int, err error) {
	unknown := map[string]bool{}
	for n := range uint32(orderPartitions) {
		sealed, err := s.sealedIn(ctx, n)
		if err != nil {
			return opened, err
		}
		for id, text := range sealed {
			err := ErrSealKey
			if s.sealer != nil {
				_, err = s.sealer.Open(text, orderOwner(id))
			}
			switch {
			case errors.Is(err, ErrSealKey):
				unknown[sealedWith(text)] = true
			case err != nil:
				return opened, fmt.Errorf("order %s: %w", id, err)
			default:
				opened++
			}
		}
	}
	if len(unknown) > 0 {
		return opened, fmt.Errorf("%w %s", ErrSealKey, strings.Join(slices.Sorted(maps.Keys(unknown)), ", "))
	}
	return opened, nil
}

// sealedWith is the id of the key that a text was sealed with.
func sealedWith(sealed string) string {
	_, rest, _ := strings.Cut(sealed, ".")
	id, _, _ := strings.Cut(rest, ".")
	return strings.ToValidUTF8(id[:min(len(id), 8)], "?")
}

// sealedIn returns what is sealed in orders at the ends of one partition's sets.
func (s *Store) sealedIn(ctx context.Context, n uint32) (map[orders.ID]string, error) {
	var ends []*redis.StringSliceCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, state := range []orders.State{orders.Delivered, orders.Issued, orders.Review, orders.Refunded} {
			key := orderStatePartKey(n, state)
			ends = append(ends, p.ZRange(ctx, key, 0, sealsLooked-1), p.ZRevRange(ctx, key, 0, sealsLooked-1))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	documents := map[orders.ID]*redis.StringCmd{}
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, end := range ends {
			for _, text := range end.Val() {
				if id, err := orders.ParseID(text); err == nil {
					documents[id] = p.Get(ctx, orderKey(id))
				}
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // one that was forgotten since
		return nil, fmt.Errorf("read orders: %w", err)
	}
	found := map[orders.ID]string{}
	for id, document := range documents {
		if sealed := sealOf(document.Val()); sealed != "" {
			found[id] = sealed
		}
	}
	return found, nil
}

// sealOf is what is sealed in an order's document; "" for nothing. One that can't be read is the order
// machine's to tell of.
func sealOf(document string) string {
	var d struct {
		Schema int `json:"schema"`
		Bought *struct {
			Sealed string `json:"sealed"`
		} `json:"bought"`
	}
	if json.Unmarshal([]byte(document), &d) != nil || d.Schema > orders.Schema || d.Bought == nil {
		return ""
	}
	return d.Bought.Sealed
}
