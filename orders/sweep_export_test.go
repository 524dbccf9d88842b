package orders

import "context"

// Sweep makes one sweep.
func (s *Service) Sweep(ctx context.Context) error { return s.sweep(ctx, ctx) }

// SweepUntil makes one sweep that ends at the next page when stop ends.
func (s *Service) SweepUntil(stop, work context.Context) error { return s.sweep(stop, work) }

// Sweeping sweeps at the start and whenever it is time, until stop ends.
func (s *Service) Sweeping(stop context.Context) { s.sweeping(stop, stop) }
