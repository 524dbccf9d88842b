package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// client talks to a test's Redis behind the shop's back.
func client(t testing.TB, address string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() }) // nothing waits there
	return c
}

// everything is all that Redis keeps of the shop, in one text: what replicas take turns at is left out.
func everything(t testing.TB, address string) string {
	t.Helper()
	c := client(t, address)
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	var all strings.Builder
	for _, key := range keys {
		if strings.HasPrefix(key, "claim:") || strings.HasPrefix(key, "rate:") || strings.HasPrefix(key, "catalog:") {
			continue
		}
		value, err := c.Dump(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %x\n", key, value)
	}
	return all.String()
}

// redisSwap has SET return what was there before.
func redisSwap() redis.SetArgs { return redis.SetArgs{Get: true} }
