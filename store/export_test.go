package store

import "context"

// RefreshPopular is what Run does every ten minutes.
func RefreshPopular(s *Store, ctx context.Context) error { return s.refreshPopular(ctx) }

// ESIMKey is where an eSIM's document is.
func ESIMKey(id string) string { return esimKey(id) }
