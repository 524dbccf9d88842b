package orders_test

import (
	"context"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

func (m *memory) Browse(context.Context, orders.State, int, int) ([]*orders.Order, int, error) {
	return nil, 0, nil
}

func (m *memory) ByICCID(context.Context, esim.ICCID) (orders.ID, error) {
	return "", orders.ErrNotFound
}

func (m *memory) Pauses(context.Context) (orders.Pauses, error)              { return orders.Pauses{}, nil }
func (m *memory) SetPauses(context.Context, orders.Pauses) error             { return nil }
func (m *memory) Block(context.Context, int64, bool) error                   { return nil }
func (m *memory) Blocked(context.Context, int64) (bool, error)               { return false, nil }
func (m *memory) Claim(context.Context, string, time.Duration) (bool, error) { return true, nil }
func (m *memory) Release(context.Context, string) error                      { return nil }

func (m *memory) Stats(context.Context, time.Time, time.Time) ([]orders.DayStats, error) {
	return nil, nil
}
