package wholesale

import (
	"time"

	"github.com/shopspring/decimal"
)

// A State is where an eSIM stands, in CloudeSIM's words; Mobilexy has none of its own.
type State string

// The states an eSIM of the sandbox goes through.
const (
	Making        State = "GETTING_RESOURCE" // paid for, the profile isn't there yet
	Released      State = "GOT_RESOURCE"     // waits to be installed
	InUse         State = "IN_USE"
	UsedUp        State = "USED_UP"
	UnusedExpired State = "UNUSED_EXPIRED"
	UsedExpired   State = "USED_EXPIRED"
	Cancelled     State = "CANCEL"
)

// installWithin is how long an eSIM waits to be installed.
const installWithin = 180 * 24 * time.Hour

// An ESIM is one profile sold.
type ESIM struct {
	OrderNo        string
	TranNo         string // the wholesaler's name for this eSIM
	ICCID          string
	ActivationCode string // a whole LPA string
	PlanCode       string
	PlanName       string
	Location       string
	TotalBytes     int64 // with top-ups; -1: no fixed volume
	UsedBytes      int64
	Days           int // of validity from installation, with top-ups
	State          State
	CreatedAt      time.Time
	InstalledAt    time.Time       // zero: not installed
	ExpiresAt      time.Time       // until installed: the last moment to do so
	Paid           decimal.Decimal // USD, with top-ups
	Report         Report
	Issuer         Issuer // for whatever else a wholesaler gives with an eSIM

	readyAt time.Time // Making lasts until then,
	looks   int       // and until it was looked at so often
}

// A Report is what the carrier last told about an eSIM.
type Report struct {
	UsedBytes, TotalBytes int64
	At                    time.Time
}

// Installed says whether a phone has loaded the profile.
func (e *ESIM) Installed() bool { return !e.InstalledAt.IsZero() }

// Live says whether the eSIM can still be used or topped up.
func (e *ESIM) Live() bool {
	switch e.State {
	case Making, Released, InUse, UsedUp:
		return true
	default:
		return false
	}
}

// settle brings the eSIM to what it is at now: made, reported on, expired.
func (e *ESIM) settle(now time.Time, reportEvery time.Duration) {
	if e.State == Making && e.looks <= 0 && !now.Before(e.readyAt) {
		e.State = Released
	}
	if reportEvery <= 0 {
		e.Report = Report{e.UsedBytes, e.TotalBytes, now}
	} else if rounds := now.Sub(e.Report.At) / reportEvery; e.Installed() && rounds > 0 {
		e.Report = Report{e.UsedBytes, e.TotalBytes, e.Report.At.Add(rounds * reportEvery)}
	}
	if e.Live() && !now.Before(e.ExpiresAt) {
		e.State = UnusedExpired
		if e.Installed() {
			e.State = UsedExpired
		}
	}
}

// install loads the profile into a phone: the validity begins. Doing so again changes nothing.
func (e *ESIM) install(now time.Time) error {
	if !e.Live() || e.State == Making {
		return &StateError{e.State}
	}
	if !e.Installed() {
		e.InstalledAt = now
		e.ExpiresAt = now.AddDate(0, 0, e.Days)
		e.Report = Report{e.UsedBytes, e.TotalBytes, now}
		e.State = InUse
	}
	return nil
}

// use makes bytes what the customer has used, at most all of it.
func (e *ESIM) use(bytes int64, now time.Time) error {
	if err := e.install(now); err != nil {
		return err
	}
	e.UsedBytes, e.State = bytes, InUse
	if e.TotalBytes >= 0 && bytes >= e.TotalBytes {
		e.UsedBytes, e.State = e.TotalBytes, UsedUp
	}
	return nil
}

// add tops the eSIM up. A plan without a fixed volume takes the eSIM's limit away.
func (e *ESIM) add(p Plan, quantity int) {
	if e.TotalBytes >= 0 && p.Bytes >= 0 {
		e.TotalBytes += p.Bytes * int64(quantity)
	} else {
		e.TotalBytes = -1
	}
	e.Days += p.Days * quantity
	if e.Installed() {
		e.ExpiresAt = e.ExpiresAt.AddDate(0, 0, p.Days*quantity)
	}
	if e.State == UsedUp {
		e.State = InUse
	}
	e.Paid = e.Paid.Add(p.Price.Mul(decimal.NewFromInt(int64(quantity))))
}
