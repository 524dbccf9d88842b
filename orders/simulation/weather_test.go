package simulation

import "time"

// A fault is one class of what can go wrong.
type fault int

const (
	faultCrash fault = iota
	faultPause
	faultStoreDown
	faultStoreLost
	faultStoreFull
	faultRollback
	faultWiped
	faultStripeDown
	faultStripeLost
	faultStripeLate
	faultStripeStored
	faultWebhookLost
	faultWebhookTwice
	faultWebhookLate
	faultMismatch
	faultSlowMethod
	faultRefundPending
	faultRefundFailed
	faultDashboard
	faultDispute
	faultProviderDown
	faultRejected
	faultUnheard
	faultUnsold
	faultLateCommit
	faultNotReady
	faultNoCode
	faultPrice
	faultGone
	faultPoor
	faultQuery
	faultCancelRefused
	faultCancelUnclear
	faultTelegram
	faultTelegramLost
	faultLimited
	faultBlocked
	faults
)

func (f fault) String() string {
	return [faults]string{"crash", "pause", "redis down", "redis answer lost", "redis full", "rollback", "redis lost whole",
		"stripe down", "stripe answer lost", "stripe late", "stripe stored error", "webhook lost", "webhook twice", "webhook late",
		"mismatch", "slow method", "refund pending", "refund failed", "dashboard refund", "dispute",
		"provider down", "rejected", "sold unheard", "unsold unheard", "late commit", "not ready", "no code", "price rose", "plan gone",
		"balance short", "query failed", "cancel refused", "cancel unclear", "telegram down", "telegram answer lost", "telegram 429", "blocked"}[f]
}

// top is how often a fault strikes at most, of the times it could.
func (f fault) top() float64 {
	switch f {
	case faultCrash:
		return 0.01
	case faultPause:
		return 0.004
	case faultStoreDown, faultStoreLost, faultStoreFull:
		return 0.01
	case faultStripeDown, faultStripeLost, faultStripeLate, faultStripeStored, faultQuery:
		return 0.08
	case faultTelegram, faultTelegramLost, faultLimited, faultProviderDown:
		return 0.15
	case faultWebhookLost, faultWebhookTwice, faultWebhookLate:
		return 0.5
	case faultRollback, faultWiped:
		return 0.6 // of worlds, more than once each
	case faultMismatch, faultDispute, faultBlocked:
		return 0.04
	case faultUnheard, faultUnsold, faultLateCommit, faultNoCode, faultRejected, faultPrice, faultGone:
		return 0.12
	case faultDashboard:
		return 0.08
	default:
		return 0.25
	}
}

// A weather is how often each fault strikes, how far clocks are off, and how long a call takes one way
// at most: where that is long, replicas come into each other's way.
type weather struct {
	rate [faults]float64
	skew time.Duration
	slow time.Duration
}

// forecast draws a weather. About half of the faults are absent, so that each is also met alone,
// and some worlds are nearly quiet.
func (w *world) forecast() (f weather) {
	share := w.rng.Float64()
	for i := range f.rate {
		if w.chance(share) {
			f.rate[i] = fault(i).top() * w.rng.Float64()
		}
	}
	switch w.rng.IntN(3) {
	case 0:
		f.skew = 10 * time.Minute
	case 1:
		f.skew = 5 * time.Second
	}
	f.slow = []time.Duration{60 * time.Millisecond, 60 * time.Millisecond, 2 * time.Second, 10 * time.Second}[w.rng.IntN(4)]
	return f
}

// strikes says whether a fault strikes now, and counts it.
func (w *world) strikes(f fault) bool {
	if w.calm || !w.chance(w.weather.rate[f]) {
		return false
	}
	w.figures.faults[f]++
	return true
}
