// Package usage watches the eSIMs that were sold, so that nobody runs dry unawares.
//
// The eSIM document is what the shop knows of one. Watcher takes those that are due, asks their
// providers in batches, and saves what was learnt. What there is to decide is decided by pure
// functions: Judge says whether a provider's numbers are believed, Next when to look again, and
// Rules.Due which notice goes out.
package usage

import (
	"maps"
	"slices"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// Schema is the version of the eSIM document that this code writes.
const Schema = 1

// An ESIM is one eSIM that was sold. Its id is the id of the order that bought it. Times are UTC.
type ESIM struct {
	Schema   int    `json:"schema"`
	Version  int64  `json:"version"`
	ID       string `json:"id"`
	Customer int64  `json:"customer"`

	Plan    esim.Plan   `json:"plan"` // the plan bought
	ICCID   esim.ICCID  `json:"iccid,omitempty"`
	OrderNo string      `json:"order_no,omitempty"`
	TranNo  string      `json:"tran_no,omitempty"`
	Status  esim.Status `json:"status"`
	// PhoneNumber is set for plans with voice or SMS.
	PhoneNumber string `json:"phone_number,omitempty"`

	// TotalBytes is all data bought for it, -1 where there is no fixed volume; UsedBytes what was
	// used of it, -1 until known.
	TotalBytes int64 `json:"total_bytes"`
	UsedBytes  int64 `json:"used_bytes"`
	// MeasuredAt is when the network measured UsedBytes.
	MeasuredAt time.Time `json:"measured_at"`
	BoughtAt   time.Time `json:"bought_at"`
	// ExpiresAt is the end of validity; zero until known. About says it is an estimate.
	ExpiresAt time.Time `json:"expires_at"`
	About     bool      `json:"about,omitempty"`
	// PhotoFileID is the QR photo as Telegram keeps it.
	PhotoFileID string `json:"photo_file_id,omitempty"`

	// Name is what the customer calls it; empty for none.
	Name string `json:"name,omitempty"`
	// Muted says that the customer wants no offers for it.
	Muted bool `json:"muted,omitempty"`
	// Unreachable says that the customer blocked the bot: nothing is sent, and nobody asked, until they
	// are seen again.
	Unreachable bool `json:"unreachable,omitempty"`
	// FirstUsedAt is when data was first seen to be used; zero before.
	FirstUsedAt time.Time `json:"first_used_at"`
	// Pace is how much data goes in a day of late, in bytes; 0 until known.
	Pace int64 `json:"pace,omitempty"`
	// AskedAt is when the provider was last asked, Misses how often in a row it had nothing to tell.
	AskedAt time.Time `json:"asked_at"`
	Misses  int       `json:"misses,omitempty"`
	// NextAt is when it is looked at again; zero for never.
	NextAt time.Time `json:"next_at"`
	// Marks are the notices that went out, or are on their way, by Notice.Key.
	Marks map[string]Mark `json:"marks,omitempty"`

	// TopUp is the order that holds the one place for a top-up under way; empty when it is free.
	TopUp string `json:"top_up,omitempty"`
	// TopUps are the top-ups applied, in the order in which the shop learnt of them.
	TopUps []TopUp `json:"top_ups,omitempty"`
}

// A Mark is one notice that goes out once: begun by the replica whose lease lasts Until, or sent.
type Mark struct {
	Until  time.Time `json:"until,omitzero"`
	SentAt time.Time `json:"sent,omitzero"`
}

// A TopUp is one top-up that was applied to an eSIM.
type TopUp struct {
	Order string        `json:"order"` // the id of the order that bought it
	Plan  string        `json:"plan"`  // the Key of what it bought
	Kind  esim.PlanKind `json:"kind"`
	Bytes int64         `json:"bytes,omitempty"` // of a fixed plan
	Days  int           `json:"days"`
	At    time.Time     `json:"at"` // when it was bought
	// AskedAt is when the provider was asked for the eSIM's numbers afterwards; zero where nothing was
	// told.
	AskedAt time.Time `json:"asked_at"`
}

// RemainingBytes returns what is left, -1 where it isn't known.
func (e *ESIM) RemainingBytes() int64 {
	if e.TotalBytes < 0 || e.UsedBytes < 0 {
		return -1
	}
	return max(0, e.TotalBytes-e.UsedBytes)
}

// Past says whether the eSIM is used up, expired or taken back at now.
func (e *ESIM) Past(now time.Time) bool {
	switch e.Status {
	case esim.StatusUsedUp, esim.StatusExpired, esim.StatusCancelled:
		return true
	default:
		return !e.ExpiresAt.IsZero() && !now.Before(e.ExpiresAt)
	}
}

// Over says whether the eSIM's validity has ended at now, or its provider took it back: no top-up
// brings it to life again, and nothing more is to be learnt.
func (e *ESIM) Over(now time.Time) bool {
	switch e.Status {
	case esim.StatusExpired, esim.StatusCancelled:
		return true
	default:
		return !e.ExpiresAt.IsZero() && !now.Before(e.ExpiresAt)
	}
}

// Standing is what statistics count the eSIM as at now: ready where none of it was used yet, in use, used
// up, expired, taken back, suspended, or unknown where nobody can tell any more, or not yet.
func (e *ESIM) Standing(now time.Time) esim.Status {
	switch {
	case e.Status == esim.StatusCancelled || e.Status == esim.StatusUsedUp || e.Status == esim.StatusSuspended:
		return e.Status
	case e.Over(now):
		return esim.StatusExpired
	case !e.Linked() || e.Unreachable || e.Misses >= maxMisses:
		return esim.StatusUnknown
	case e.Status == esim.StatusInUse || e.UsedBytes > 0:
		return esim.StatusInUse
	default:
		return esim.StatusReady
	}
}

// Linked says whether enough is known of the eSIM to ask its provider for its numbers: Mobilexy tells
// neither ICCID nor transaction number when it sells.
func (e *ESIM) Linked() bool {
	return e.ICCID != "" || e.TranNo != "" || e.Plan.Provider == esim.CloudESIM && e.OrderNo != ""
}

// Ref names the eSIM at its provider.
func (e *ESIM) Ref() providers.Ref {
	return providers.Ref{ICCID: e.ICCID, OrderNo: e.OrderNo, TranNo: e.TranNo}
}

// Spent says whether a fixed volume is all used, as far as is known.
func (e *ESIM) Spent() bool {
	return e.TotalBytes >= 0 && (e.Status == esim.StatusUsedUp || e.RemainingBytes() == 0)
}

// Return notes at now that its customer was seen again after blocking the bot: it is watched anew, at once.
func (e *ESIM) Return(now time.Time) {
	if !e.Unreachable {
		return
	}
	if e.Unreachable = false; !e.Over(now) {
		e.NextAt = now
	}
}

// copied returns a copy that shares nothing that is changed here.
func (e *ESIM) copied() *ESIM {
	n := *e
	n.Marks = maps.Clone(e.Marks)
	n.TopUps = slices.Clone(e.TopUps)
	return &n
}
