package main

import (
	"context"
	"errors"
	"fmt"

	"esimbot/store"
)

// untold is the warning about a server that doesn't tell: a managed one, as a rule.
const untold = "the server doesn't tell"

// redis looks at Redis, and keeps it for the other parts.
func (d *doctor) redis(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, redisPatience)
	defer cancel()
	s, err := store.Examine(ctx, d.cfg.RedisURL, store.Options{Keys: d.cfg.DataKeys, Log: d.options.log})
	if err != nil {
		return []finding{ill("Redis answers", err, "see that the server runs and that REDIS_URL has its address and password, with rediss:// where it speaks TLS")}
	}
	d.store, d.now = s, s.Clock(ctx)
	server, err := s.CheckServer(ctx)
	found := []finding{
		toldOr("Redis answers: "+server.String(), err, "use Redis 6.2 or newer, and see that every node of a cluster runs"),
		toldOr("Redis does not evict", s.CheckEviction(ctx), "set maxmemory-policy noeviction at the server"),
		toldOr("Redis persistence", s.CheckPersistence(ctx), "set appendonly yes at the server, and see that its disk has room"),
		toldOr("Redis memory", s.CheckMemory(ctx), "give the server more memory"),
	}
	if err := s.CheckWrites(ctx); err != nil {
		return append(found, ill("Redis takes writes", err, "REDIS_URL must lead to a master with room left, whose user may run scripts"))
	}
	return append(found, well("Redis takes writes"), d.dataKey(ctx))
}

// toldOr is the finding of a check; what the server doesn't tell is a warning.
func toldOr(what string, err error, mend string) finding {
	switch {
	case errors.Is(err, store.ErrUntold):
		return well(what, untold)
	case err != nil:
		return ill(what, err, mend)
	default:
		return well(what)
	}
}

func (d *doctor) dataKey(ctx context.Context) finding {
	const what = "DATA_KEY opens what is stored"
	opened, err := d.store.CheckSeals(ctx)
	switch {
	case errors.Is(err, store.ErrSealKey):
		return ill(what, err, "put the key that sealed them behind the present one, with a comma: DATA_KEY=<new>,<old>")
	case err != nil:
		return ill(what, err, "compare the order with a backup of Redis: it was changed by hand, or moved")
	case opened == 0:
		return well(what + ": nothing is, yet")
	default:
		return well(fmt.Sprintf("%s: %d codes tried", what, opened))
	}
}
