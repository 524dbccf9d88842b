package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"esimbot/flows"
)

var _ flows.Popularity = (*Store)(nil)

// popularDays is over how many days sales are counted.
const popularDays = 30

const soldPrefix = "sold:"

// soldField counts a destination's sales to customers of one language: "sold:en:c_jp".
func soldField(lang, destination string) string { return soldPrefix + lang + ":" + destination }

// A popularity is what sold, by language and in all.
type popularity struct {
	byLang map[string][]string
	all    []string
}

// Popular returns ids of destinations by sales of the last 30 days, those of lang's customers
// first, as of Run's last look. It does no I/O.
func (s *Store) Popular(lang string) []string {
	p := s.popular.Load()
	if ids, ok := p.byLang[lang]; ok {
		return slices.Clone(ids)
	}
	return slices.Clone(p.all)
}

func (s *Store) refreshPopular(ctx context.Context) error {
	cmds := make([]*redis.Cmd, popularDays)
	today := s.now()
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range cmds {
			cmds[i] = p.Eval(ctx, countsScript, []string{statsKey(today.AddDate(0, 0, -i))}, soldPrefix)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read sales: %w", err)
	}
	total, byLang := map[string]int64{}, map[string]map[string]int64{}
	for _, c := range cmds {
		fields, err := c.StringSlice()
		if err != nil {
			return fmt.Errorf("read sales: %w", err)
		}
		for pair := range slices.Chunk(fields, 2) {
			lang, destination, ok := strings.Cut(strings.TrimPrefix(pair[0], soldPrefix), ":")
			n, err := strconv.ParseInt(pair[1], 10, 64)
			if !ok || err != nil {
				continue
			}
			if byLang[lang] == nil {
				byLang[lang] = map[string]int64{}
			}
			byLang[lang][destination] += n
			total[destination] += n
		}
	}
	p := &popularity{byLang: map[string][]string{}, all: ranked(total, nil)}
	for lang, sold := range byLang {
		p.byLang[lang] = ranked(total, sold)
	}
	s.popular.Store(p)
	return nil
}

// ranked sorts destinations by first, then by total, then by name.
func ranked(total, first map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(total), func(a, b string) int {
		return cmp.Or(cmp.Compare(first[b], first[a]), cmp.Compare(total[b], total[a]), cmp.Compare(a, b))
	})
}
