package store

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"esimbot/usage"
)

// RefreshPopular is what Run does every ten minutes.
func RefreshPopular(s *Store, ctx context.Context) error { return s.refreshPopular(ctx) }

// ESIMKey is where an eSIM's document is.
func ESIMKey(id string) string { return esimKey(id) }

// PutAll puts eSIMs there with every key that Put writes, in two round trips for all of them.
func PutAll(ctx context.Context, s *Store, list []*usage.ESIM) error {
	if err := errors.Join(s.Usage().Save(ctx, list)...); err != nil {
		return err
	}
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, e := range list {
			p.ZAdd(ctx, userESIMsKey(e.Customer), redis.Z{Score: float64(millis(e.BoughtAt)), Member: e.ID})
			p.SetNX(ctx, iccidKey(e.ICCID), e.ID, 0)
		}
		return nil
	})
	return err
}
