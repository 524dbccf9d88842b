package store

import "context"

// RefreshPopular is what Run does every ten minutes.
func RefreshPopular(s *Store, ctx context.Context) error { return s.refreshPopular(ctx) }
