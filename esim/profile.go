package esim

import "time"

// A Profile is one eSIM as its provider made it.
type Profile struct {
	Provider Provider
	// OrderNo is the provider's own number of the purchase.
	OrderNo string
	// TranNo is what Mobilexy's usage and top-up calls want; empty until it is known.
	TranNo string
	ICCID  ICCID // empty until it is known
	// Code is the activation code; zero when the provider has not made it yet or gave only an image.
	Code ActivationCode
	// Image is the provider's own QR image (PNG or JPEG) where its content is no activation code.
	Image []byte
	// PhoneNumber is set for plans with voice or SMS.
	PhoneNumber string
	// ExpiresAbout is when the provider says validity ends at the latest, UTC; zero when untold.
	ExpiresAbout time.Time
}

// Ready says whether there is something to install.
func (p Profile) Ready() bool { return !p.Code.IsZero() || len(p.Image) > 0 }

// A Status says in our words what an eSIM is doing.
type Status string

// The states of an eSIM. A provider's unknown word is StatusUnknown, with the word kept in Usage.Upstream.
const (
	StatusUnknown   Status = "unknown"
	StatusPending   Status = "pending"   // being made
	StatusReady     Status = "ready"     // made, not known to be installed
	StatusInUse     Status = "in_use"    // installed and in use
	StatusUsedUp    Status = "used_up"   // no data left
	StatusExpired   Status = "expired"   // validity over
	StatusCancelled Status = "cancelled" // taken back by the provider
	StatusSuspended Status = "suspended"
)

// Usage is what a provider last told of one eSIM.
type Usage struct {
	ICCID    ICCID
	OrderNo  string
	TranNo   string
	Status   Status
	Upstream string // the provider's own word for the status
	// UsedBytes and TotalBytes count since the beginning, top-ups included; -1 where not told.
	UsedBytes, TotalBytes int64
	// RemainingBytes is what is left; -1 where not told.
	RemainingBytes int64
	// ExpiresAt is the end of validity, UTC; zero where not told.
	ExpiresAt time.Time
	// At is when the network measured it, UTC: for Mobilexy up to three hours ago.
	At time.Time
	// Profile is set where the answer carries the profile too (CloudeSIM's query).
	Profile *Profile
}
