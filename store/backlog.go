package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/orders"
)

// A Backlog is how many orders are in each state, and how long the first of them has been there.
type Backlog struct {
	Count  map[orders.State]int
	Oldest map[orders.State]time.Duration // of states that are not finished; 0 without an order
}

// backlogScript counts a partition's orders.
//
//	KEYS  the sets of states, of one partition
//
// It returns for each how many orders it has, and since when its first is there in ms, "" without one.
const backlogScript = `
local told = {}
for i, key in ipairs(KEYS) do
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  told[2 * i - 1] = redis.call('ZCARD', key)
  told[2 * i] = first[2] or ''
end
return told
`

// Backlog reads how many orders are in each state and for how long, in one round trip of as many
// commands as there are partitions.
func (v *Orders) Backlog(ctx context.Context, now time.Time) (Backlog, error) {
	states := orders.States()
	calls := make([]scriptCall, orderPartitions)
	for n := range calls {
		for _, state := range states {
			calls[n].keys = append(calls[n].keys, orderStatePartKey(uint32(n), state))
		}
	}
	b := Backlog{Count: make(map[orders.State]int, len(states)), Oldest: make(map[orders.State]time.Duration, len(states))}
	for _, c := range v.s.runAll(ctx, v.s.scripts.backlog, calls) {
		if err := b.add(c, states, now); err != nil {
			return Backlog{}, fmt.Errorf("count orders by state: %w", err)
		}
	}
	return b, nil
}

// add adds backlogScript's answer for a partition.
func (b *Backlog) add(c *redis.Cmd, states []orders.State, now time.Time) error {
	told, err := c.Slice()
	if err != nil {
		return err
	}
	for i, state := range states {
		if len(told) != 2*len(states) {
			return fmt.Errorf("%d values of %d states", len(told), len(states))
		}
		count, _ := told[2*i].(int64)
		b.Count[state] += int(count)
		if state.Finished() {
			continue
		}
		oldest := b.Oldest[state]
		if since, _ := told[2*i+1].(string); since != "" {
			ms, err := strconv.ParseFloat(since, 64)
			if err != nil {
				return fmt.Errorf("since when %s: %w", state, err)
			}
			oldest = max(oldest, now.Sub(time.UnixMilli(int64(ms))))
		}
		b.Oldest[state] = oldest
	}
	return nil
}

// Connections is how many connections to Redis there are, how many of them are idle, and how often
// one was waited for in vain.
func (s *Store) Connections() (total, idle, timeouts uint32) {
	p := s.rdb.PoolStats()
	return p.TotalConns, p.IdleConns, p.Timeouts
}
