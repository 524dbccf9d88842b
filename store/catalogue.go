package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"esimbot/catalog"
	"esimbot/esim"
)

var _ catalog.Cache = (*Store)(nil)

// stampLength is how many bytes of a kept catalogue are its stamp: ms since 1970, big-endian. One
// value holds both, so that a stamp never stands beside another's data.
const stampLength = 8

// SaveCatalogue keeps data, fetched at stamp (kept to the millisecond), as p's last good catalogue.
func (s *Store) SaveCatalogue(ctx context.Context, p esim.Provider, stamp time.Time, data []byte) error {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, stampLength+len(data)), uint64(millis(stamp)))
	if err := s.rdb.Set(ctx, catalogueKey(p), append(value, data...), 0).Err(); err != nil {
		return fmt.Errorf("keep catalogue of %s: %w", p, err)
	}
	return nil
}

// LoadCatalogue returns p's last good catalogue; catalog.ErrNoCatalogue.
func (s *Store) LoadCatalogue(ctx context.Context, p esim.Provider) ([]byte, time.Time, error) {
	value, err := s.rdb.Get(ctx, catalogueKey(p)).Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, time.Time{}, fmt.Errorf("read catalogue of %s: %w", p, err)
	}
	stamp, err := stampOf(value)
	if err != nil {
		return nil, time.Time{}, err
	}
	return value[stampLength:], stamp, nil
}

// CatalogueStamp returns when p's last good catalogue was fetched, without reading it;
// catalog.ErrNoCatalogue.
func (s *Store) CatalogueStamp(ctx context.Context, p esim.Provider) (time.Time, error) {
	head, err := s.rdb.GetRange(ctx, catalogueKey(p), 0, stampLength-1).Bytes()
	if err != nil && !errors.Is(err, redis.Nil) {
		return time.Time{}, fmt.Errorf("read stamp of %s: %w", p, err)
	}
	return stampOf(head)
}

func stampOf(value []byte) (time.Time, error) {
	if len(value) < stampLength {
		return time.Time{}, catalog.ErrNoCatalogue
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(value))).UTC(), nil
}
