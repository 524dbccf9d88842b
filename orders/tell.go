package orders

import (
	"context"
	"errors"
	"log/slog"
)

// tell shows the customer a notice on the order's screen and notes in o, to be saved with what
// comes next, that it was shown. A failure is logged and never holds the order up: the next
// change shows the screen as it is then. It reports whether the customer sees the notice now.
func (s *Service) tell(ctx context.Context, o *Order, notice string) bool {
	if o.Told == notice {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, showTimeout)
	defer cancel()
	view := o.clone()
	view.Told = notice
	m, err := s.notifier.Show(ctx, view)
	switch {
	case errors.Is(err, ErrUnreachable):
		o.Told = notice
		return false
	case err != nil:
		s.log.WarnContext(ctx, "screen not shown", slog.String("order", string(o.ID)), slog.String("notice", notice), slog.Any("error", err))
		return false
	default:
		o.Screen, o.Told = m, notice
		return true
	}
}

// tellMeanwhile is tell for a paid order while other work goes on. The caller must call the
// returned function, which waits, before it looks at o.Screen and o.Told or saves o.
func (s *Service) tellMeanwhile(ctx context.Context, o *Order) (wait func()) {
	notice := NoticePreparing
	if s.now().Sub(o.Payment.PaidAt) >= workingAfter {
		notice = NoticeWorking
	}
	if o.Told == notice {
		return func() {}
	}
	view := o.clone()
	done := s.meanwhile(func() {
		defer s.recovered(ctx, "tell")
		if s.tell(ctx, view, notice) {
			s.notifier.Working(ctx, view)
		}
	})
	return func() {
		done()
		o.Screen, o.Told = view.Screen, view.Told
	}
}

// inBackground does something in a goroutine of its own, which the returned function waits for.
func inBackground(do func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	return func() { <-done }
}

// alert tells the admins, best effort: what must not be lost alerts from the review step.
func (s *Service) alert(ctx context.Context, a Alert) {
	ctx, cancel := context.WithTimeout(ctx, alertTimeout)
	defer cancel()
	if err := s.notifier.Alert(ctx, a); err != nil {
		s.log.ErrorContext(ctx, "alert not sent", slog.String("key", a.Key), slog.Any("error", err))
	}
}

// mark writes a note on the PaymentIntent, best effort: it speeds a rebuild from Stripe up, and
// without it the order is looked at by an admin.
func (s *Service) mark(ctx context.Context, o *Order, key, value string) {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	if err := s.payments.Mark(ctx, o.Payment.Intent, key, value); err != nil {
		s.log.WarnContext(ctx, "payment not marked", slog.String("order", string(o.ID)), slog.String("key", key), slog.Any("error", err))
	}
}
